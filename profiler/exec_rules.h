// SPDX-License-Identifier: MIT
/** Programs that must not be traced when they begin, so that they work as without us. */
#ifndef MW_PROFILER_EXEC_RULES_H
#define MW_PROFILER_EXEC_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/intmap.h"

enum mw_exec_rule {
	MW_EXEC_TRACE,
	/** Traces itself at its end (LeakSanitizer). */
	MW_EXEC_SANITIZER,
	/** Traces others: strace, gdb, memwatch. */
	MW_EXEC_TRACER,
	/** Has set-id bits or file capabilities, which the kernel withholds from a traced process.
	 */
	MW_EXEC_PRIVILEGED,
	/** May be executed but not read, so nobody can say, nor make it run again. */
	MW_EXEC_UNREADABLE,
};

/** What is known about executables seen before; a zeroed one is empty. */
struct mw_exec_rules {
	/** Device, inode and time of an executable → its rule, plus one. */
	struct mw_intmap known;
};

void mw_exec_rules_deinit(struct mw_exec_rules *rules);

/** Which rule fits the program @pid has just begun. */
enum mw_exec_rule mw_exec_rules_find(struct mw_exec_rules *rules, pid_t pid);

/** A sentence for the report's notes about a rule that was applied. */
const char *mw_exec_rule_note(enum mw_exec_rule rule);

/**
 * Lets a process in its exec stop run the same exec again: set up so that, once detached, the
 * first thing it does is to begin its program anew, with the privileges the tracing took away.
 */
struct mw_error *mw_exec_again(pid_t pid) MW_MUST_CHECK;

#endif
