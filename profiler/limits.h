// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_LIMITS_H
#define MW_PROFILER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mw_job;
struct mw_process;

enum mw_limit_kind {
	MW_LIMIT_TOTAL_RSS,
	MW_LIMIT_TOTAL_PSS,
	MW_LIMIT_PROCESS_RSS,
	MW_LIMIT_KINDS,
};

enum mw_limit_action {
	MW_LIMIT_WARN,
	/** SIGTERM to every process of the job, SIGKILL after the grace. */
	MW_LIMIT_TERM,
	MW_LIMIT_KILL,
};

const char *mw_limit_kind_name(enum mw_limit_kind kind);
const char *mw_limit_action_name(enum mw_limit_action action);

struct mw_limit_settings {
	/** KiB by kind; 0 is no limit. */
	uint64_t kib[MW_LIMIT_KINDS];
	enum mw_limit_action action;
	unsigned grace_ms;
};

struct mw_limit_state {
	bool exceeded;
	uint64_t value_kib;
	uint64_t ns;
	/** The process over the limit, or the largest one then; may be NULL. */
	const struct mw_process *culprit;
};

struct mw_limits {
	struct mw_limit_state states[MW_LIMIT_KINDS];
	/** When SIGKILL follows; 0 when nothing is to follow. */
	uint64_t kill_ns;
};

/**
 * Compares a value with its limit; the first time over it, says so and acts.
 *
 * @param culprit NULL for the largest process alive.
 */
void mw_limits_check(struct mw_job *job, enum mw_limit_kind kind, uint64_t value_kib,
		     const struct mw_process *culprit, uint64_t now_ns);

/** Carries out a SIGKILL whose grace is over. */
void mw_limits_enforce(struct mw_job *job, uint64_t now_ns);

/** True when one of the limits was exceeded; @ret (may be NULL) is the first in order. */
bool mw_limits_exceeded(const struct mw_limits *limits, enum mw_limit_kind *ret);

/**
 * Parses "512M", "8G", "1.5GiB", "4096K", "75%" (of the machine's memory); a bare number is bytes.
 */
struct mw_error *mw_size_parse(const char *text, uint64_t *ret_kib) MW_MUST_CHECK;

/** @return the machine's memory, or that of the control group when less, KiB. */
uint64_t mw_machine_memory_kib(void);

#endif
