// SPDX-License-Identifier: MIT
/** A timer that merely interrupts the wait of the thread that made it. */
#ifndef MW_TRACER_TIMER_H
#define MW_TRACER_TIMER_H

#include <stdint.h>
#include <time.h>

#include "base/compiler.h"

struct mw_error *mw_timer_create(timer_t *ret) MW_MUST_CHECK;
/** Lets it go off every @period_ns; 0: never. */
void mw_timer_set(timer_t timer, uint64_t period_ns);

#endif
