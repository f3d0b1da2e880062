# SPDX-License-Identifier: MIT
# make bench            measure, print, and write $(BUILD)/bench.json
# make bench-page       make docs/performance.md of the last measurement
# make bench-deps       install the tools that memwatch is measured beside
# BENCH="--quick --parts hits,unhit,regions,run page gdb" measures less; see bench/bench.py --help.
PACKAGES_BENCH := gdb lldb valgrind linux-perf bpftrace libc6-dbg
BENCH ?=

$(BUILD)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(TRACEE_CC) -std=gnu17 -D_GNU_SOURCE -g -O2 -Wall -Wextra -pthread -o $@ $<

.PHONY: bench bench-page bench-deps
bench: all $(BUILD)/bench/target $(BUILD)/bench/many
	$(PYTHON) bench/bench.py --build $(BUILD) --output $(BUILD)/bench.json $(BENCH)

bench-page:
	$(PYTHON) bench/render.py $(BUILD)/bench.json docs/performance.md

bench-deps:
	@tools/install-deps $(PACKAGES_BENCH)
