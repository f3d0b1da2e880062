# SPDX-License-Identifier: MIT
# make          build memwatch
# make demo     install what is missing, build, run the main job on a program with a bug
# make check    install what is missing, build, run every test
# make lint     format, layers, sizes, licences, static analysis, spelling, scripts
# make bench    measure memwatch beside gdb, perf and others; make bench-deps installs those
# make deps     install missing Debian packages; GROUPS=build (check, lint) for fewer
# make install  into $(DESTDIR)$(PREFIX)
# SAN=address,undefined builds with sanitizers into a folder of its own; WERROR=1 makes warnings
# errors; TESTS="test_page unit" chooses tests.

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
SAN ?=
BUILD ?= build$(if $(SAN),-san)
ARCH := $(shell uname -m)

PACKAGES := gcc make pkg-config libdw-dev libelf-dev libzydis-dev libedit-dev libjansson-dev \
	libsqlite3-dev libxxhash-dev libzstd-dev libiberty-dev libcmocka-dev \
	$(if $(shell command -v npm),,npm)
PACKAGES_CHECK := g++ python3 python3-jsonschema gdb redis-server redis-tools sqlite3 \
	libsqlite3-0 python3.11 python3.11-dbg libc6-dbg binutils strace libcap2-bin time \
	hyperfine chromium
PACKAGES_LINT := clang clang-format clang-tidy codespell shellcheck universal-ctags
GROUPS := build check lint
PACKAGES_IN_GROUPS := $(if $(filter build,$(GROUPS)),$(PACKAGES)) \
	$(if $(filter check,$(GROUPS)),$(PACKAGES_CHECK)) \
	$(if $(filter lint,$(GROUPS)),$(PACKAGES_LINT))

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wpointer-arith -Wimplicit-fallthrough -Wformat-security -Wformat=2 -Wundef
CFLAGS ?= -O2 -g
MW_CFLAGS := -std=gnu17 -D_GNU_SOURCE -fno-strict-aliasing -fvisibility=hidden $(WARNINGS) \
	$(if $(WERROR),-Werror) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) -I. -I$(BUILD)
LIBS := -ldw -lelf -lZydis -ledit -ljansson -lsqlite3 -lxxhash -lzstd -liberty -pthread -lm

SOURCES := $(wildcard base/*.c tracer/*.c tracer/arch/$(ARCH)/*.c symbols/*.c profiler/*.c \
	watch/*.c repl/*.c)
ASSEMBLY := $(wildcard tracer/arch/$(ARCH)/*.S)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(ASSEMBLY:%.S=$(BUILD)/%.o)
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

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MW_CFLAGS) -MMD -MP -c -o $@ $<

# Its code is copied into other processes: nothing in it may need anything outside of it.
DEADMAN := $(BUILD)/tracer/arch/$(ARCH)/deadman.o
$(DEADMAN): MW_CFLAGS := $(filter-out -fsanitize=%,$(MW_CFLAGS)) -O2 -fPIC -mgeneral-regs-only \
	-fno-stack-protector -fno-jump-tables -fno-builtin -fcf-protection=none

-include $(OBJECTS:.o=.d)

-include profiler/view.mk

include tests/tests.mk
include examples/examples.mk
include bench/bench.mk

.PHONY: deps
deps:
	@tools/install-deps $(PACKAGES_IN_GROUPS)

# Sub-makes, so that nothing is built before its dependencies are there.
.PHONY: check
check:
	@$(MAKE) --no-print-directory deps GROUPS="build check"
	@$(MAKE) --no-print-directory test

FORMAT_SOURCES := $(SOURCES) $(wildcard tests/unit/*.c */*.h tracer/arch/*/*.h tests/*/*.h examples/*.c \
	bench/*.c tests/tracees/*.c tests/tracees/*.cc tests/tracees/parts/*.c)
SCRIPTS := .ci/run examples/demo examples/ci/*.sh profiler/html/fetch_uplot.sh \
	profiler/html/assemble.sh tools/install-deps tools/run-clang-tidy tests/programs/debian-suite
SPELLED := $(wildcard *.md NEWS) base tracer symbols profiler watch repl tests bench docs examples \
	tools .ci

# Wrong on purpose (what users mistype), or right: mdoc's Nd, statics.
MISSPELLED := countr,atach,fo,nd,statics,fro

.PHONY: lint
lint:
	clang-format --dry-run -Werror $(sort $(FORMAT_SOURCES))
	tools/check-layers
	tools/check-sizes
	tools/check-spdx
	@printf '%s\n' $(SOURCES) | xargs -P 2 -n 8 tools/run-clang-tidy
	codespell -L $(MISSPELLED) $(wildcard $(SPELLED))
	shellcheck $(SCRIPTS)

.PHONY: install
install: all
	install -D -m 755 $(BUILD)/memwatch $(DESTDIR)$(PREFIX)/bin/memwatch
	$(foreach page,$(wildcard docs/man/*.1),install -D -m 644 $(page) \
		$(DESTDIR)$(PREFIX)/share/man/man1/$(notdir $(page)) &&) true
	install -d $(DESTDIR)$(PREFIX)/share/doc/memwatch
	install -m 644 README.md NEWS LICENSE $(wildcard docs/*.md docs/*.json) \
		$(DESTDIR)$(PREFIX)/share/doc/memwatch

.PHONY: clean
clean:
	rm -rf build build-san build-clang
