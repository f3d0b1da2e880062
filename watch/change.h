// SPDX-License-Identifier: MIT
/** The change event: one contract for every sink (text, JSON lines, recording, socket). */
#ifndef MW_WATCH_CHANGE_H
#define MW_WATCH_CHANGE_H

#include <stdint.h>

#include "symbols/symbols.h"
#include "tracer/hit.h"

/** Version of the event contract, `v` in JSON. */
#define MW_CHANGE_VERSION 1
/** Bytes of the old and new previews. */
#define MW_PREVIEW_SIZE 256
/** A region's whole value travels with each event up to this size. */
#define MW_VALUE_SIZE 4096
/** Most members listed in one event; more are counted. */
#define MW_MEMBERS_MAX 16

/** One member that an event changed. */
struct mw_member_change {
	/** Path with the watch's name, as `cfg.limits[3].soft`. */
	const char *path;
	/** Path without it, as `.limits[3].soft`; "" for a scalar watch. */
	const char *field;
	const char *old_text;
	const char *new_text;
};

/**
 * One store into one region. Everything in it belongs to the session and is valid only during the
 * call of the sink.
 */
struct mw_change {
	const struct mw_hit *hit;
	/** Sequence number of events (not of hits), from 1, without gaps. */
	uint64_t seq;
	/** Number of the watch, and how many events it has had with this one. */
	unsigned watch_id;
	uint64_t hits;
	const char *watch_name;
	/** Type of the watched object, as C writes it. */
	const char *type_name;
	struct mw_object object;

	/** The part of the store that lies in the region. */
	mw_addr addr;
	uint64_t size;
	const uint8_t *old_part;
	/** NULL for MW_CAUSE_UNMAP. */
	const uint8_t *new_part;
	/**
	 * The whole region before and after, object.size bytes; NULL above MW_VALUE_SIZE, the new
	 * one also for MW_CAUSE_UNMAP.
	 */
	const uint8_t *old_value;
	const uint8_t *new_value;
	/** The store wrote what already stood there. */
	bool silent;
	/** It happened in a child of the target. */
	bool followed;

	struct mw_member_change members[MW_MEMBERS_MAX];
	size_t member_count;
	/** Members that changed beyond MW_MEMBERS_MAX. */
	size_t members_omitted;

	struct mw_place place;
	/** The store is an allocator's: the watched block may have been freed. */
	bool in_allocator;
	const struct mw_frame *stack;
	size_t stack_count;
	/** Name of the system call, for MW_CAUSE_SYSCALL and MW_CAUSE_UNMAP. */
	const char *syscall_name;
};

/** True when an instruction of the target did it, so that a place means something. */
static inline bool mw_change_has_place(const struct mw_change *change)
{
	switch ((enum mw_cause)change->hit->cause) {
	case MW_CAUSE_STORE:
	case MW_CAUSE_ATOMIC:
	case MW_CAUSE_STRING:
	case MW_CAUSE_SYSCALL:
	case MW_CAUSE_UNMAP:
		return true;
	default:
		return false;
	}
}

#endif
