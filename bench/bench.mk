# SPDX-License-Identifier: MIT
$(BUILD)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(TRACEE_CC) -std=gnu17 -D_GNU_SOURCE -g -O2 -Wall -Wextra -o $@ $<

# Prints ratios; no figure makes it fail. ROUNDS=1 is quick.
ROUNDS ?= 5
.PHONY: bench
bench: all $(BUILD)/bench/target
	$(PYTHON) bench/bench.py --build $(BUILD) --output $(BUILD)/bench.json --rounds $(ROUNDS)
	$(PYTHON) bench/run_overhead.py --memwatch $(BUILD)/memwatch --rounds $(ROUNDS) \
		--json $(BUILD)/bench-run.json

# Many regions, and a large one; COUNTS="1000 100000" chooses how many.
COUNTS ?= 1000 8000 10000
.PHONY: bench-regions
bench-regions: all $(BUILD)/bench/many
	$(PYTHON) bench/regions.py --build $(BUILD) --output $(BUILD)/regions.json $(COUNTS)
