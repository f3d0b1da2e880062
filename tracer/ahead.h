// SPDX-License-Identifier: MIT
/** Carries out the next stores of a loop together with one that it has stopped at. */
#ifndef MW_TRACER_AHEAD_H
#define MW_TRACER_AHEAD_H

#include "base/compiler.h"
#include "base/target.h"

struct mw_thread;
struct mw_tracer;
/** Decoded code, by address. */
struct mw_ahead;

struct mw_error *mw_ahead_create(struct mw_ahead **ret) MW_MUST_CHECK;
void mw_ahead_destroy(struct mw_ahead *ahead);

/**
 * Goes on with @thread, whose store at @store_ip has just been carried out: up to a few more stores
 * into guarded pages, as far as only plain instructions stand between them.
 */
struct mw_error *mw_ahead_carry_out(struct mw_tracer *tracer, struct mw_thread *thread,
				    mw_addr store_ip) MW_MUST_CHECK;

#endif
