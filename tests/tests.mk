# SPDX-License-Identifier: MIT
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(MW_CFLAGS) -Itests/unit -MMD -MP -o $@ $< $(LIBRARY) -lcmocka $(LIBS)

-include $(UNIT_TESTS:=.d)

-include tests/fixtures/fixtures.mk

.PHONY: unit
unit: $(UNIT_TESTS)
	@for test in $(UNIT_TESTS); do $$test || exit 1; done
