// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/procmaps.h"
#include "tracer/sys.h"

/* Pieces of one string instruction carried out before other threads get their turn. */
#define PIECES_IN_A_ROW 16

/* An attempt to execute a guarded page that wasn't executable is the program's own fault. */
bool mw_engine_fault_is_ours(const struct mw_tracer *tracer, const siginfo_t *info, mw_addr ip)
{
	mw_addr fault = mw_addr_make((uint64_t)(uintptr_t)info->si_addr);
	const struct mw_span *span;

	if (info->si_signo != SIGSEGV || info->si_code != SEGV_ACCERR || mw_wp_is_on(&tracer->wp))
		return false;
	span = mw_spans_find(&tracer->pages, fault);
	if (!span)
		return false;
	return (span->prot & PROT_EXEC) || mw_page_floor(fault.v) != mw_page_floor(ip.v);
}

static size_t read_code(const struct mw_tracer *tracer, mw_addr ip, uint8_t code[MW_INSN_MAX])
{
	size_t got = mw_mem_read_some(&tracer->mem, ip, code, MW_INSN_MAX);
	uint64_t to_page_end = MW_PAGE_SIZE - (ip.v & (MW_PAGE_SIZE - 1));

	/* The instruction may end at the last mapped byte. */
	if (!got && to_page_end < MW_INSN_MAX)
		got = mw_mem_read_some(&tracer->mem, ip, code, to_page_end);
	return got;
}

/* Text of a file that nobody may write stays as it is until something else is mapped there. */
static bool is_fixed_text(const struct mw_tracer *tracer, mw_addr ip)
{
	const struct mw_mapping *mapping;
	struct mw_procmaps maps;
	bool fixed;

	/* Without system call stops a new mapping would go unnoticed. */
	if (!tracer->trace_syscalls)
		return false;
	if (mw_error_catch_any(mw_procmaps_read(tracer->pid, &maps)))
		return false;
	mapping = mw_procmaps_find(&maps, ip);
	fixed = mapping && mapping->inode && !(mapping->prot & PROT_WRITE) &&
		mw_range_contains(mapping->range, mw_addr_add(ip, MW_INSN_MAX));
	mw_procmaps_deinit(&maps);
	return fixed;
}

static bool has_same_bytes(const struct mw_store *store, const uint8_t *code, size_t size)
{
	return store->length && store->length <= size && !memcmp(store->bytes, code, store->length);
}

static struct mw_store_cache_slot *slot_of(const struct mw_tracer *tracer, mw_addr ip)
{
	return &tracer->cache[ip.v % MW_STORE_CACHE_SLOTS];
}

const struct mw_store *mw_engine_decode_bytes(struct mw_tracer *tracer, mw_addr ip,
					      const uint8_t *code, size_t size)
{
	struct mw_store_cache_slot *slot = slot_of(tracer, ip);

	if (slot->ip.v == ip.v && has_same_bytes(&slot->store, code, size))
		return &slot->store;
	slot->ip = ip;
	slot->generation = 0;
	slot->store.length = 0;
	if (!mw_store_decode(tracer->replayer, code, size, &slot->store))
		return NULL;
	if (is_fixed_text(tracer, ip))
		slot->generation = tracer->text_generation;
	return &slot->store;
}

const struct mw_store *mw_engine_decode(struct mw_tracer *tracer, mw_addr ip)
{
	const struct mw_store_cache_slot *slot = slot_of(tracer, ip);
	uint8_t code[MW_INSN_MAX];

	if (slot->ip.v == ip.v && slot->generation == tracer->text_generation)
		return &slot->store;
	return mw_engine_decode_bytes(tracer, ip, code, read_code(tracer, ip, code));
}

/* A store may reach from a guarded page onto another one: all of it must be guarded as well. */
static bool stays_on_guarded_pages(const struct mw_tracer *tracer,
				   const struct mw_store_target *target)
{
	return mw_spans_cover(&tracer->pages,
			      mw_range_pages((struct mw_range){target->addr, target->size}));
}

static struct mw_error *load_state(struct mw_tracer *tracer, struct mw_thread *thread,
				   const struct mw_store *store, struct mw_store_state *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	int size;

	if (err)
		return err;
	ret->regs = *regs;
	ret->xstate = tracer->xstate;
	ret->xstate_size = 0;
	if (!store->needs_xstate)
		return NULL;
	size = mw_sys_get_xstate(thread->tid, tracer->xstate, MW_XSTATE_MAX);
	if (size < 0)
		return mw_error_os(-size, "cannot read the vector registers of thread %d",
				   thread->tid);
	ret->xstate_size = (size_t)size;
	return NULL;
}

static struct mw_error *save_state(struct mw_thread *thread, const struct mw_store *store,
				   const struct mw_store_state *state)
{
	mw_addr ip = mw_arch_ip(&state->regs);
	int result = 0;

	/* A plain store moves nothing but the ip, which is cheaper to write by itself. */
	mw_arch_set_ip(&thread->regs, ip);
	if (memcmp(&thread->regs, &state->regs, sizeof(thread->regs))) {
		thread->regs = state->regs;
		mw_thread_regs_changed(thread);
	} else {
		mw_thread_ip_changed(thread);
	}
	if (store->changes_xstate)
		result = mw_sys_set_xstate(thread->tid, state->xstate, state->xstate_size);
	return result < 0 ? mw_error_os(-result, "cannot write the vector registers of thread %d",
					thread->tid)
			  : NULL;
}

static void report(struct mw_tracer *tracer, struct mw_thread *thread, const struct mw_store *store,
		   const struct mw_store_target *target, mw_addr ip)
{
	struct mw_hit hit = {
		.cause = store->cause,
		.backend = mw_wp_is_on(&tracer->wp) ? MW_BACKEND_UFFD : MW_BACKEND_PAGE,
		.ip = ip,
		.addr = target->addr,
		.size = target->size,
	};

	if (store->method == MW_STORE_REPLAY)
		tracer->stats.replayed++;
	else
		tracer->stats.emulated++;
	mw_engine_report_store(tracer, thread, &hit, tracer->old_bytes, tracer->new_bytes);
}

/** What to do next with the thread whose store was tried. */
enum outcome {
	OUTCOME_DONE,
	/** A string instruction has more to write. */
	OUTCOME_MORE,
	OUTCOME_STEP,
};

static struct mw_error *write_and_report(struct mw_tracer *tracer, struct mw_thread *thread,
					 const struct mw_store *store,
					 const struct mw_store_target *target)
{
	mw_addr ip = mw_arch_ip(&thread->regs);
	struct mw_error *err = mw_page_write(tracer, target->addr, tracer->new_bytes, target->size);

	/* The stack is copied with the registers of the store, not with those behind it. */
	if (!err)
		report(tracer, thread, store, target, ip);
	return err;
}

static struct mw_error *write_back(struct mw_tracer *tracer, struct mw_thread *thread,
				   const struct mw_store *store,
				   const struct mw_store_target *target,
				   const struct mw_store_state *state)
{
	struct mw_error *err = NULL;
	bool noted = store->reads_target && target->size &&
		     mw_deadman_begin_store(tracer, thread, target, state);

	if (target->size && !noted)
		mw_deadman_note_storer(tracer, thread);
	if (target->size)
		err = write_and_report(tracer, thread, store, target);
	if (!err)
		err = save_state(thread, store, state);
	if (noted)
		mw_deadman_end_store(tracer, thread, !err);
	return err;
}

/*
 * Where a page opens by itself when memwatch dies, nothing would keep a read-modify-write that is
 * written, but whose thread hasn't got its registers yet, from happening twice.
 */
static bool must_be_its_own(const struct mw_tracer *tracer, const struct mw_store *store)
{
	return store->reads_target && mw_wp_is_on(&tracer->wp);
}

static struct mw_error *carry_out(struct mw_tracer *tracer, struct mw_thread *thread,
				  enum outcome *ret)
{
	struct mw_mem_reader memory = mw_mem_as_reader(&tracer->mem);
	const struct mw_store *store = mw_engine_decode(tracer, mw_arch_ip(&thread->regs));
	struct mw_store_target target;
	struct mw_store_state state;
	enum mw_store_result result;
	struct mw_error *err;

	*ret = OUTCOME_STEP;
	if (!store || store->method == MW_STORE_STEP || must_be_its_own(tracer, store))
		return NULL;
	/* Only the thread's own call can write there. */
	if (store->calls && mw_thread_has_shadow_stack(thread))
		return NULL;
	err = load_state(tracer, thread, store, &state);
	if (err)
		return err;
	mw_store_locate(store, &state, &target);
	if (target.size > MW_STORE_MAX || (target.size && !stays_on_guarded_pages(tracer, &target)))
		return NULL;
	if (target.size)
		err = mw_mem_read(&tracer->mem, target.addr, tracer->old_bytes, target.size);
	if (err)
		return err;
	memcpy(tracer->new_bytes, tracer->old_bytes, target.size);
	result = mw_store_execute(tracer->replayer, store, &memory, &target, tracer->new_bytes,
				  &state);
	if (result == MW_STORE_MUST_STEP || result == MW_STORE_FAULT)
		return NULL;
	*ret = result == MW_STORE_PARTIAL ? OUTCOME_MORE : OUTCOME_DONE;
	return write_back(tracer, thread, store, &target, &state);
}

bool mw_engine_is_guarded(const struct mw_tracer *tracer, const struct mw_store *store,
			  const struct user_regs_struct *regs, struct mw_store_target *ret)
{
	struct mw_store_state state = {.regs = *regs};

	if (store->masked)
		return false;
	mw_store_locate(store, &state, ret);
	return ret->size && stays_on_guarded_pages(tracer, ret);
}

/* Goes on with a string instruction while its next piece would fault on a guarded page again. */
static bool goes_on(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_store *store = mw_engine_decode(tracer, mw_arch_ip(&thread->regs));
	struct mw_store_target target;

	return store && store->method == MW_STORE_EMULATE && !store->needs_xstate &&
	       mw_engine_is_guarded(tracer, store, &thread->regs, &target);
}

struct mw_error *mw_engine_carry_out(struct mw_tracer *tracer, struct mw_thread *thread,
				     bool *ret_must_step)
{
	enum outcome outcome = OUTCOME_MORE;
	struct mw_error *err = NULL;

	for (unsigned piece = 0; piece < PIECES_IN_A_ROW && outcome == OUTCOME_MORE && !err;
	     piece++) {
		if (piece && !goes_on(tracer, thread))
			break;
		err = carry_out(tracer, thread, &outcome);
	}
	*ret_must_step = outcome == OUTCOME_STEP;
	return err;
}

struct mw_error *mw_engine_handle_fault(struct mw_tracer *tracer, struct mw_thread *thread,
					const siginfo_t *info, bool *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	bool must_step = false;
	mw_addr ip;

	if (err)
		return err;
	ip = mw_arch_ip(regs);
	*ret = mw_engine_fault_is_ours(tracer, info, ip);
	if (!*ret)
		return NULL;
	tracer->stats.faults++;
	err = mw_engine_carry_out(tracer, thread, &must_step);
	if (!err && must_step)
		err = mw_engine_step_store(tracer, thread,
					   mw_addr_make((uint64_t)(uintptr_t)info->si_addr), ret);
	else if (!err)
		err = mw_ahead_carry_out(tracer, thread, ip);
	mw_burst_note(tracer, thread, mw_clock_now_ns());
	/* The store is made again, and ends in what the program brought upon itself. */
	if (mw_error_catch(&err, MW_ERROR_FAULT))
		err = mw_remap_lose_page(tracer, thread,
					 mw_addr_make((uint64_t)(uintptr_t)info->si_addr),
					 "its memory is gone, or not what it was");
	return err;
}
