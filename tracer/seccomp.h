// SPDX-License-Identifier: MIT
/**
 * Processes that filter their system calls: those that memwatch makes in their place meet the
 * filter, too, and might end them.
 */
#ifndef MW_TRACER_SECCOMP_H
#define MW_TRACER_SECCOMP_H

#include <stdbool.h>

#include "base/compiler.h"

struct mw_thread;
struct mw_tracer;

/** What calls are to be made for. */
enum mw_seccomp_need {
	/** Guarded pages, and the annex. */
	MW_SECCOMP_PAGES = 1,
	MW_SECCOMP_UFFD = 2,
};

/** Every thread is stopped: fails, with the reason, unless all calls may be made that it takes. */
struct mw_error *mw_seccomp_check(const struct mw_tracer *tracer,
				  enum mw_seccomp_need need) MW_MUST_CHECK;
/** At the entry of a system call: whether it sets a filter that would forbid ours. */
bool mw_seccomp_sets_filter(const struct mw_tracer *tracer, const struct mw_thread *thread);
/**
 * Such a call was passed over, and the thread stands before it again: takes back all that would
 * need a call later.
 */
struct mw_error *mw_seccomp_give_up(struct mw_tracer *tracer,
				    struct mw_thread *thread) MW_MUST_CHECK;

#endif
