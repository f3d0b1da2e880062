# SPDX-License-Identifier: MIT
# Unit tests (cmocka), the programs that the end-to-end tests watch, and the runner of both.

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MW_CFLAGS) -Itests/unit -MMD -MP -o $@ $< $(filter %.o,$^) $(LIBRARY) \
		-lcmocka $(LIBS)

# Made to fail at will: what the kernel hardly ever refuses.
FAILING := mw_sys_get_xstate mw_sys_set_xstate mw_sys_get_siginfo mw_sys_get_syscall_op \
	mw_sys_get_regs mw_inject_call mw_proc_status_read
$(BUILD)/tests/unit/test_tracer_failures: LIBS += $(FAILING:%=-Wl,--wrap=%)

# What memwatch does to a target: it may die in front of any of it.
MORTAL := mw_sys_seize mw_sys_interrupt mw_sys_resume mw_sys_detach mw_sys_set_regs \
	mw_sys_set_signal_mask mw_mem_write
$(BUILD)/tests/unit/test_tracer_death: LIBS += $(MORTAL:%=-Wl,--wrap=%)

# Tests of the layers above the session, which have no target.
FAKED_TESTS := $(wildcard tests/unit/test_repl_*.c tests/unit/test_json_*.c)
$(FAKED_TESTS:%.c=$(BUILD)/%): $(BUILD)/tests/unit/fake_session.o

$(BUILD)/tests/unit/fake_session.o: tests/unit/fake_session.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MW_CFLAGS) -Itests/unit -MMD -MP -c -o $@ $<

-include $(BUILD)/tests/unit/fake_session.d

-include $(UNIT_TESTS:=.d)

-include tests/fixtures/fixtures.mk

# Tracees are built as their users would build them: by TRACEE_CC, never with sanitizers.
TRACEE_CC ?= gcc
TRACEE_CXX ?= g++
TRACEE_CLANG := $(shell command -v clang)
TRACEE_CFLAGS := -std=gnu17 -D_GNU_SOURCE -g -Wall -Wextra -pthread
TRACEE_DIR := $(BUILD)/tests/tracees
TRACEE_NAMES := $(patsubst tests/tracees/%.c,%,$(wildcard tests/tracees/*.c))
TRACEES := $(TRACEE_NAMES:%=$(TRACEE_DIR)/%) $(TRACEE_NAMES:%=$(TRACEE_DIR)/%-O2) \
	$(TRACEE_DIR)/loop-static $(TRACEE_DIR)/shapes $(TRACEE_DIR)/shapes-O2 \
	$(if $(TRACEE_CLANG),$(TRACEE_DIR)/loop-clang $(TRACEE_DIR)/structs-clang)
TRACEE_HEADER := tests/tracees/tracee.h
# What a tracee has beside its own file.
$(TRACEE_DIR)/ambiguous $(TRACEE_DIR)/ambiguous-O2: tests/tracees/parts/ambiguous_other.c

$(TRACEE_DIR)/%: tests/tracees/%.c $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CC) $(TRACEE_CFLAGS) -O0 -o $@ $(filter %.c,$^)

$(TRACEE_DIR)/%-O2: tests/tracees/%.c $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CC) $(TRACEE_CFLAGS) -O2 -o $@ $(filter %.c,$^)

$(TRACEE_DIR)/%-clang: tests/tracees/%.c $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CLANG) $(TRACEE_CFLAGS) -O1 -o $@ $(filter %.c,$^)

$(TRACEE_DIR)/%-static: tests/tracees/%.c $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CC) $(TRACEE_CFLAGS) -O0 -static -no-pie -o $@ $(filter %.c,$^)

$(TRACEE_DIR)/%: tests/tracees/%.cc $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CXX) -D_GNU_SOURCE -g -Wall -Wextra -O0 -o $@ $<

$(TRACEE_DIR)/%-O2: tests/tracees/%.cc $(TRACEE_HEADER)
	@mkdir -p $(@D)
	$(TRACEE_CXX) -D_GNU_SOURCE -g -Wall -Wextra -O2 -o $@ $<

# Needs no 32-bit libc; where even the assembler can't, its test skips.
.PHONY: tracee-elf32
tracee-elf32: tests/tracees/parts/elf32.S
	@mkdir -p $(TRACEE_DIR)
	@$(TRACEE_CC) -m32 -nostdlib -static -o $(TRACEE_DIR)/elf32 $< 2>/dev/null || true

.PHONY: unit tracees test
unit: $(UNIT_TESTS)
	$(PYTHON) tests/run.py --build $(BUILD) unit

tracees: $(TRACEES) tracee-elf32

# Every test, without installing anything.
test: all tracees $(UNIT_TESTS) $(SYMBOLS_FIXTURES)
	$(PYTHON) tests/run.py --build $(BUILD) $(TESTS)
