// SPDX-License-Identifier: MIT
/**
 * A session without a target: does what the test's script says. Linked to the tests listed in
 * tests.mk, it takes the place of watch/session.c.
 */
#ifndef MW_TESTS_FAKE_SESSION_H
#define MW_TESTS_FAKE_SESSION_H

#include <stdbool.h>

#include "base/error.h"
#include "watch/session.h"

/** Set before the session is created. */
struct fake_script {
	/** What attach and launch fail with; NULL for success. */
	const char *start_error;
	enum mw_error_code start_code;
	/** An expression that can't be watched. */
	const char *bad_expression;
	/** Changes that the target makes once it runs and is watched, and the time between them. */
	unsigned events;
	unsigned interval_us;
	/** The target ends after the last change. */
	bool ends;
	int wait_status;
	/** Processes that are followed and alive. */
	size_t followed;
	/** A notice in front of the first change. */
	const char *notice;
};

/** What the test asserts on afterwards. */
struct fake_record {
	bool launched;
	bool detached;
	bool killed;
	bool destroyed;
	unsigned watches;
	unsigned continues;
	unsigned interrupts;
};

struct fake {
	struct fake_script script;
	struct fake_record record;
};
extern struct fake fake;

/** A change to play with: `cfg.limits[3].soft: 10 → 20` by reload_limits(). */
struct fake_change {
	struct mw_hit hit;
	uint32_t old_bytes;
	uint32_t new_bytes;
	struct mw_frame stack[2];
	struct mw_change change;
};
void fake_change_init(struct fake_change *change, uint64_t seq);

/** Pretends that so many changes have been made. */
void fake_session_set_changes(struct mw_session *session, unsigned changes);

#endif
