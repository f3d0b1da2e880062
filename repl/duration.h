// SPDX-License-Identifier: MIT
#ifndef MW_REPL_DURATION_H
#define MW_REPL_DURATION_H

#include <stdint.h>

#include "base/compiler.h"

/**
 * Reads a length of time: "5", "1.5s", "200ms", "2m", "1h"; seconds without a unit.
 *
 * @param ret nanoseconds, > 0.
 */
struct mw_error *mw_duration_parse(const char *text, uint64_t *ret) MW_MUST_CHECK;

#endif
