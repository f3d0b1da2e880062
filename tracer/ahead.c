// SPDX-License-Identifier: MIT
/*
 * A loop that stores into guarded pages stops at each store, and the stop is most of what a hit
 * costs. So once a store has been carried out, the instructions behind it are looked at: if there
 * are only plain ones up to the next store into guarded pages, they run here and that store is
 * carried out as well, with the thread's registers as if it had stopped there. If not, nothing
 * has happened, and the thread runs on from where it was.
 */
#include "tracer/ahead.h"

#include <linux/rseq.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/plain.h"
#include "tracer/sys.h"

/** Most stores carried out ahead before other threads get their turn. */
#define STORES 16
/** Most plain instructions between two stores. */
#define PLAIN 48
/** Code on both sides of the store is read at once, as it stands now. */
#define BEFORE 192
#define BEHIND 320
/** Decoded instructions by address; direct-mapped. */
#define SLOTS 512
/** A store that nothing was found behind so often in a row is left out 1 << so many times. */
#define MOST_FAILURES 8

enum ahead_kind {
	/** What is neither: a load, a call, a system call. Nothing is found behind it. */
	AHEAD_END,
	AHEAD_PLAIN,
	AHEAD_STORE,
};

struct ahead_slot {
	mw_addr ip;
	/** An ahead_kind, of these bytes. */
	uint8_t kind;
	uint8_t length;
	uint8_t bytes[MW_INSN_MAX];
	/** Of a store: how often nothing was found behind it, and how often that isn't tried. */
	uint8_t failures;
	uint8_t rest;
	struct mw_plain plain;
};

struct mw_ahead {
	/** The code that @size bytes from @start on hold. */
	mw_addr start;
	size_t size;
	uint8_t code[BEFORE + BEHIND];
	struct ahead_slot slots[SLOTS];
};

struct mw_error *mw_ahead_create(struct mw_ahead **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL : mw_err_nomem;
}

void mw_ahead_destroy(struct mw_ahead *ahead)
{
	free(ahead);
}

/* The thread stands on this page, so that all of it may be executed. */
static void read_code(struct mw_ahead *ahead, const struct mw_mem *mem, mw_addr ip)
{
	uint64_t page = mw_page_floor(ip.v);
	uint64_t start = ip.v - page < BEFORE ? page : ip.v - BEFORE;
	uint64_t end = mw_min(ip.v + BEHIND, page + MW_PAGE_SIZE);

	ahead->start = mw_addr_make(start);
	ahead->size = mw_mem_read_some(mem, ahead->start, ahead->code, end - start);
}

static bool has_code(const struct mw_ahead *ahead, mw_addr ip)
{
	return ip.v - ahead->start.v < ahead->size;
}

static struct ahead_slot *slot_of(struct mw_ahead *ahead, mw_addr ip)
{
	return &ahead->slots[ip.v % SLOTS];
}

static void decode(struct mw_tracer *tracer, mw_addr ip, const uint8_t *code, size_t size,
		   struct ahead_slot *ret)
{
	const struct mw_store *store = NULL;

	*ret = (struct ahead_slot){.ip = ip};
	if (mw_plain_decode(tracer->replayer, code, size, &ret->plain)) {
		ret->kind = AHEAD_PLAIN;
		ret->length = ret->plain.length;
	} else {
		store = mw_engine_decode_bytes(tracer, ip, code, size);
	}
	if (store && store->method == MW_STORE_REPLAY) {
		ret->kind = AHEAD_STORE;
		ret->length = store->length;
	}
	/* Anything else has these bytes, unless a part of it is missing. */
	if (!ret->length && size >= MW_INSN_MAX)
		ret->length = MW_INSN_MAX;
	memcpy(ret->bytes, code, mw_min(size, (size_t)ret->length));
}

/** @return what stands at @ip, or NULL when its code isn't known. */
static struct ahead_slot *look_up(struct mw_tracer *tracer, mw_addr ip)
{
	struct mw_ahead *ahead = tracer->ahead;
	struct ahead_slot *slot = slot_of(ahead, ip);
	const uint8_t *code;
	size_t size;

	if (!has_code(ahead, ip))
		return NULL;
	code = ahead->code + (ip.v - ahead->start.v);
	size = ahead->start.v + ahead->size - ip.v;
	if (slot->ip.v != ip.v || !slot->length || slot->length > size ||
	    memcmp(slot->bytes, code, slot->length))
		decode(tracer, ip, code, size, slot);
	return slot->length <= size ? slot : NULL;
}

/* Code that the thread itself writes, it executes: what has been read of it is no good then. */
static bool writes_code(const struct mw_ahead *ahead, const struct mw_store_target *target)
{
	const struct mw_range code = {ahead->start, ahead->size};

	return mw_range_overlaps(code, (struct mw_range){target->addr, target->size});
}

static bool stores_into_guarded(struct mw_tracer *tracer, const struct ahead_slot *slot,
				const struct user_regs_struct *regs)
{
	const struct mw_store *store =
		mw_engine_decode_bytes(tracer, slot->ip, slot->bytes, slot->length);
	struct mw_store_target target;

	return store && mw_engine_is_guarded(tracer, store, regs, &target) &&
	       !writes_code(tracer->ahead, &target);
}

/** Runs @regs up to a store into guarded pages. @return false when there is none to be found. */
static bool run_to_store(struct mw_tracer *tracer, struct user_regs_struct *regs)
{
	for (unsigned i = 0; i < PLAIN; i++) {
		const struct ahead_slot *slot = look_up(tracer, mw_arch_ip(regs));

		if (!slot || slot->kind == AHEAD_END)
			return false;
		if (slot->kind == AHEAD_STORE)
			return stores_into_guarded(tracer, slot, regs);
		mw_plain_execute(tracer->replayer, &slot->plain, regs);
	}
	return false;
}

/* From here on a memwatch that dies leaves the thread in front of the store that comes next. */
static struct mw_error *move_to(struct mw_tracer *tracer, struct mw_thread *thread,
				const struct user_regs_struct *regs)
{
	int result;

	thread->regs = *regs;
	mw_thread_regs_changed(thread);
	result = mw_thread_flush_regs(thread);
	if (result < 0)
		return mw_error_os(-result, "cannot set the registers of thread %d", thread->tid);
	mw_deadman_skip_exit(tracer, thread);
	return NULL;
}

/*
 * The kernel sends a thread that is stopped within a restartable sequence to that one's abort
 * handler (rseq(2)): nothing that comes later in it may be done any more.
 */
static bool may_be_aborted(const struct mw_tracer *tracer, pid_t tid)
{
	uint64_t area, sequence;

	if (mw_sys_get_rseq(tid, &area) < 0)
		return true;
	if (!area)
		return false;
	return mw_error_catch_any(mw_mem_read(&tracer->mem,
					      mw_addr_make(area + offsetof(struct rseq, rseq_cs)),
					      &sequence, sizeof(sequence))) ||
	       sequence;
}

/* Where nothing was found lately, looking would only cost. */
static bool is_worth_it(struct mw_tracer *tracer, mw_addr store_ip)
{
	struct ahead_slot *slot = slot_of(tracer->ahead, store_ip);

	if (slot->ip.v != store_ip.v || !slot->rest)
		return true;
	slot->rest--;
	return false;
}

static void note_outcome(struct mw_tracer *tracer, mw_addr store_ip, bool found)
{
	struct ahead_slot *slot = look_up(tracer, store_ip);

	if (!slot)
		return;
	slot->failures = found ? 0 : mw_min(slot->failures + 1, MOST_FAILURES);
	slot->rest = found ? 0 : (uint8_t)((1u << slot->failures) - 1);
}

static struct mw_error *carry_out_next(struct mw_tracer *tracer, struct mw_thread *thread,
				       bool *ret)
{
	struct user_regs_struct regs = thread->regs;
	bool must_step = false;
	struct mw_error *err;

	*ret = false;
	if (thread->at_exit)
		mw_arch_set_ip(&regs, thread->behind_exit);
	if (!run_to_store(tracer, &regs))
		return NULL;
	err = move_to(tracer, thread, &regs);
	if (!err)
		err = mw_engine_carry_out(tracer, thread, &must_step);
	/* Otherwise it stops there after all. */
	*ret = !err && !must_step;
	tracer->stats.ahead += *ret;
	if (mw_error_catch(&err, MW_ERROR_FAULT))
		return NULL;
	return err;
}

struct mw_error *mw_ahead_carry_out(struct mw_tracer *tracer, struct mw_thread *thread,
				    mw_addr store_ip)
{
	struct mw_error *err = NULL;
	bool found = true, any = false;

	if (mw_arch_traces_itself(&thread->regs) || !is_worth_it(tracer, store_ip) ||
	    may_be_aborted(tracer, thread->tid))
		return NULL;
	read_code(tracer->ahead, &tracer->mem, store_ip);
	for (unsigned i = 0; i < STORES && found && !err; i++) {
		err = carry_out_next(tracer, thread, &found);
		if (found)
			mw_burst_note(tracer, thread, mw_clock_now_ns());
		any |= found;
	}
	note_outcome(tracer, store_ip, any);
	return err;
}
