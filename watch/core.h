// SPDX-License-Identifier: MIT
/** The inside of a session, shared by the files of this folder. */
#ifndef MW_WATCH_CORE_H
#define MW_WATCH_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory_text.h"
#include "tracer/tracer.h"
#include "watch/family.h"
#include "watch/ledger.h"
#include "watch/region_index.h"
#include "watch/session.h"

/* There may be a hundred thousand. */
struct mw_watch {
	unsigned id;
	/** An enum mw_backend: as asked for; `guard` has what was chosen. */
	uint8_t wanted;
	/** Named by a symbol, which a new program may have as well. */
	bool symbolic;
	bool enabled;
	/** Of a small region: `before` has been filled since it was armed. */
	bool has_before;
	char *expression;
	/** The expression itself unless it was given a name of its own. */
	char *name;
	struct mw_object object;
	/** Why it ended; NULL while it lives. */
	char *ended;
	struct mw_guard_handle guard;
	/** The region as it is after the last hit handled, and as it was before that one. */
	uint8_t *value;
	/** Valid where the present change is shown; of a large region only there. See snapshot.c.
	 */
	uint8_t *before;
	uint64_t snapshot_size;
	/** Of a large one: bytes of `before` in use. */
	uint64_t before_used;
	/** The present change, as offsets. */
	struct mw_range change;
	uint64_t changes;
	uint64_t silent;
	/** What its guard had counted when it ended. */
	uint64_t foreign;
	size_t pages;
	/** NULL before the first store. */
	struct mw_ledger *ledger;
};
_Static_assert(sizeof(struct mw_watch) <= 168, "a watch is small");

struct mw_session {
	struct mw_session_options options;
	struct mw_tracer *tracer;
	/**
	 * Held from the moment that watches are listed until they are armed, or gone, and while
	 * an exec has all watches armed again. Taken before any other lock.
	 */
	pthread_mutex_t arming_lock;
	/** Its lock guards everything below. */
	struct mw_family *family;
	/** A followed child: the process that made it; 0 for the target itself. */
	pid_t parent;
	/** Of `image`, or NULL. */
	struct mw_symbols *symbols;
	struct mw_image *image;
	MW_VEC(struct mw_watch *) watches;
	/** Where the watches are, unless `regions_stale`; and those that the present hit touches.
	 */
	struct mw_region_index regions;
	bool regions_stale;
	MW_VEC(struct mw_watch *) touched;
	/** What the target has open that stores past page guards, and when that was looked for. */
	const char *bypass;
	uint64_t bypass_checked_ns;
	/** The watch whose guard ended last: they mostly end in their order. */
	size_t last_ended;
	unsigned last_watch_id;
	/** Number of the last hit handled; a gap means that a full ring has lost some. */
	uint64_t last_hit;
	bool hits_lost;
	/** Of the value that is formatted just now. */
	struct mw_memory_text value_text;
	uint64_t changes;
	uint64_t silent;
	uint64_t last_arm_ns;
	enum mw_target_state state;
	pid_t pid;
	char name[64];
	bool launched;
	int wait_status;

	pthread_t analyst;
	bool analyst_runs;
	_Atomic bool quit;
	/** A followed child: the analyst has let it go; its tracer is going (see `list_lock`). */
	bool let_go;
	bool buried;
	/** Of the target's own session; a child's is -1. */
	int event_fd;
	/** Records whose reports have left the sinks, as far as these let them go. */
	_Atomic uint64_t settled;
	/** Told when the analyst has handled records. */
	pthread_cond_t handled;
};

/* watches.c */

struct mw_error *mw_watch_create(struct mw_session *session, const char *expression,
				 const char *name, enum mw_backend backend,
				 struct mw_watch **ret) MW_MUST_CHECK;
void mw_watch_destroy(struct mw_watch *watch);
/** The same watch for a child, not armed. The session is locked. */
struct mw_error *mw_watch_copy(const struct mw_watch *watch, struct mw_watch **ret) MW_MUST_CHECK;
/** @return NULL when there is none. */
struct mw_watch *mw_watch_find(struct mw_session *session, unsigned id);
/** The session is locked. */
void mw_watch_describe(struct mw_session *session, const struct mw_watch *watch,
		       struct mw_watch_info *ret);
void mw_watch_unlist(struct mw_session *session, struct mw_watch *watch);
/** The analyst's thread. */
bool mw_watch_any_is_armed(const struct mw_session *session);
/** Resolves and arms again what an exec has ended. The session is not locked. */
void mw_watch_resolve_again(struct mw_session *session);

/* arming.c */

/** Arms with the planned back end. The session is not locked. */
struct mw_error *mw_watch_arm(struct mw_session *session, struct mw_watch *watch) MW_MUST_CHECK;

/* snapshot.c */

/** Makes room for the value of the watch's object, in place of what was there. */
struct mw_error *mw_snapshot_create(struct mw_watch *watch) MW_MUST_CHECK;
void mw_snapshot_destroy(struct mw_watch *watch);
/** Puts new bytes into `value`; what stood there is in `before` until the change settles. */
void mw_snapshot_change(struct mw_watch *watch, uint64_t offset, const uint8_t *bytes,
			uint64_t size);
/** Makes `before` valid around the change as well, as much as a text shows of a member. */
void mw_snapshot_bring_up(struct mw_watch *watch, uint64_t offset, uint64_t size);
void mw_snapshot_settle(struct mw_watch *watch);

/* plan.c */

/**
 * The back ends to try for a watch, best first.
 *
 * @param ret_why why page guards aren't among them; NULL when they are, or when another back end
 *        was asked for.
 * @return how many.
 */
size_t mw_plan_backends(struct mw_session *session, const struct mw_watch *watch,
			enum mw_backend ret[MW_BACKEND_COUNT], const char **ret_why);

/* analyst.c */

/** Starts a thread that mw_analyst_poke() may interrupt. @return 0 or an errno. */
int mw_analyst_create_thread(void *(*run)(void *arg), void *arg, pthread_t *ret);
/** Handles what the tracer records, up to the end; a thread of its own. */
void mw_analyst_serve(struct mw_session *session);
struct mw_error *mw_analyst_start(struct mw_session *session) MW_MUST_CHECK;
/** Interrupts it if it is stuck in a sink. */
void mw_analyst_poke(struct mw_session *session);
void mw_analyst_stop(struct mw_session *session);
/** Waits until every record written before the call has been handled, though maybe not read. */
void mw_analyst_catch_up(struct mw_session *session);

/* changes.c */

/** Turns one hit into the changes of the watches it touches. The session is locked. */
void mw_session_handle_hit(struct mw_session *session, const struct mw_hit *hit);
/** The watch's memory is at another address now. The session is locked. */
void mw_session_handle_move(struct mw_session *session, uint32_t guard_id, uint64_t moved_by);
void mw_session_notice(struct mw_session *session, const char *format, ...) MW_PRINTF(2, 3);

/* session.c */

/** A session of the family, with that tracer, or without one yet. */
struct mw_error *mw_session_allocate(const struct mw_session_options *options,
				     struct mw_session **ret) MW_MUST_CHECK;
/** Its analyst has ended, and its tracer is gone. */
void mw_session_free(struct mw_session *session);
/** Its event descriptor becomes readable. */
void mw_session_wake(struct mw_session *session);
/** Adds what the session's own tracer has counted. The session is locked. */
void mw_session_add_stats(const struct mw_session *session, struct mw_stats *total);
/** Opens the symbols of the present image, in place of those that were there. */
struct mw_error *mw_session_load_symbols(struct mw_session *session) MW_MUST_CHECK;
void mw_session_set_state(struct mw_session *session, enum mw_target_state state);

#endif
