# SPDX-License-Identifier: MIT
# make demo    install what is missing, build, run the main job
# make check   install what is missing, build, run every test
# SAN=address,undefined builds with sanitizers into a folder of its own.

CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
SAN ?=
BUILD ?= build$(if $(SAN),-san)
ARCH := $(shell uname -m)

PACKAGES := gcc make pkg-config libdw-dev libelf-dev libzydis-dev libedit-dev libjansson-dev \
	libsqlite3-dev libxxhash-dev libzstd-dev libiberty-dev libcmocka-dev
PACKAGES_CHECK := python3 python3-jsonschema gdb redis-server redis-tools sqlite3 python3.11 \
	python3.11-dbg libc6-dbg
PACKAGES_LINT := clang-format clang-tidy cppcheck codespell shellcheck universal-ctags

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wimplicit-fallthrough -Wformat-security -Wformat=2 -Wundef
CFLAGS ?= -O2 -g
MW_CFLAGS := -std=gnu17 -D_GNU_SOURCE -fno-strict-aliasing -fvisibility=hidden $(WARNINGS) \
	$(if $(WERROR),-Werror) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) -I. -I$(BUILD)
LIBS := -ldw -lelf -lZydis -ledit -ljansson -lsqlite3 -lxxhash -lzstd -liberty -pthread -lm

SOURCES := $(wildcard base/*.c tracer/*.c tracer/arch/$(ARCH)/*.c symbols/*.c profiler/*.c \
	watch/*.c repl/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libmw.a

.PHONY: all
all: $(BUILD)/memwatch

$(BUILD)/memwatch: $(BUILD)/repl/main.o $(LIBRARY)
	$(CC) $(CFLAGS) $(MW_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Everything but main, so that tests link the same objects.
$(LIBRARY): $(filter-out $(BUILD)/repl/main.o,$(OBJECTS))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MW_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

-include profiler/view.mk

include tests/tests.mk

.PHONY: clean
clean:
	rm -rf build build-san
