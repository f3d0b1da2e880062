# SPDX-License-Identifier: MIT
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))

$(BUILD)/examples/%: examples/%.c
	@mkdir -p $(@D)
	$(TRACEE_CC) -std=gnu17 -D_GNU_SOURCE -g -O1 -Wall -Wextra -pthread -o $@ $<

.PHONY: examples
examples: $(EXAMPLES)

.PHONY: demo
demo:
	@$(MAKE) --no-print-directory deps GROUPS=build
	@$(MAKE) --no-print-directory all examples
	@examples/demo $(BUILD)
