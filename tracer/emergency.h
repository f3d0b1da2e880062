// SPDX-License-Identifier: MIT
/** The target is given back also when memwatch itself crashes. */
#ifndef MW_TRACER_EMERGENCY_H
#define MW_TRACER_EMERGENCY_H

#include <signal.h>

struct mw_crew;

/**
 * From now on a fatal signal of memwatch (an assertion, a bad access, Ctrl-\) first detaches from
 * the targets of @crew, and then ends memwatch as it would have. One crew a process.
 */
void mw_emergency_install(struct mw_crew *crew);
void mw_emergency_remove(void);

/** Takes the fatal signals out of a set that a thread is going to block. */
void mw_emergency_keep_open(sigset_t *set);

/** Tracer thread: detaches if a crash of another thread asks for it; doesn't return then. */
void mw_emergency_serve(struct mw_crew *crew);

#endif
