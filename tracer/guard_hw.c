// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/sys.h"

/* siginfo's si_code for a perf event's SIGTRAP (since 5.13); newer than Debian 12's headers. */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

/* The widest aligned power of two at @start that fits @size. */
static uint64_t piece_size(uint64_t start, uint64_t size)
{
	uint64_t piece = 8;

	while (piece > size || start % piece)
		piece /= 2;
	return piece;
}

static unsigned pieces_of(struct mw_range range, struct mw_range *ret, unsigned max)
{
	uint64_t at = range.start.v, end = mw_range_end(range);
	unsigned count = 0;

	while (at < end) {
		uint64_t size = piece_size(at, end - at);

		if (count < max)
			ret[count] = (struct mw_range){mw_addr_make(at), size};
		count++;
		at += size;
	}
	return count;
}

static void fill_attributes(struct perf_event_attr *attr, struct mw_range range, unsigned slot,
			    bool see_kernel)
{
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(*attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = range.start.v,
		.bp_len = range.size,
		.sample_period = 1,
		.exclude_kernel = !see_kernel,
		.exclude_hv = 1,
		/* New threads are watched from their first instruction (since 5.13). */
		.inherit = 1,
		.inherit_thread = 1,
		.remove_on_exec = 1,
		.sigtrap = 1,
		.sig_data = slot,
	};
}

static int open_event(const struct mw_tracer *tracer, pid_t tid, unsigned slot, bool see_kernel)
{
	struct perf_event_attr attr;

	fill_attributes(&attr, tracer->hw.slots[slot].range, slot, see_kernel);
	return mw_sys_perf_event_open(&attr, tid);
}

static struct mw_hw_events *events_of(struct mw_tracer *tracer, pid_t tid)
{
	mw_vec_foreach (events, &tracer->hw.events)
		if (events->tid == tid)
			return events;
	return NULL;
}

static struct mw_error *make_events(struct mw_tracer *tracer, pid_t tid, struct mw_hw_events **ret)
{
	struct mw_hw_events fresh = {.tid = tid, .fds = {-1, -1, -1, -1}};

	*ret = events_of(tracer, tid);
	if (*ret)
		return NULL;
	if (!mw_vec_push(&tracer->hw.events, fresh))
		return mw_err_nomem;
	*ret = events_of(tracer, tid);
	return NULL;
}

static void close_event(struct mw_hw_events *events, unsigned slot)
{
	if (events->fds[slot] >= 0)
		close(events->fds[slot]);
	events->fds[slot] = -1;
}

static struct mw_error *open_for_thread(struct mw_tracer *tracer, const struct mw_thread *thread,
					unsigned slot)
{
	struct mw_hw_events *events;
	struct mw_error *err = make_events(tracer, thread->tid, &events);

	if (err)
		return err;
	events->fds[slot] = open_event(tracer, thread->tid, slot, tracer->hw.sees_kernel);
	if (events->fds[slot] >= 0)
		return NULL;
	return mw_error_os(-events->fds[slot], "cannot set a hardware watchpoint in thread %d",
			   thread->tid);
}

/* Whether perf may be used at all, and for the kernel's stores too, is tried once a guard. */
static void probe(struct mw_tracer *tracer, const struct mw_thread *thread, unsigned slot)
{
	int fd = open_event(tracer, thread->tid, slot, true);

	tracer->hw.sees_kernel = fd >= 0;
	if (fd < 0)
		fd = open_event(tracer, thread->tid, slot, false);
	tracer->hw.by_ptrace = fd < 0 && fd != -ENOSPC;
	if (fd >= 0)
		close(fd);
}

/* The kernel takes perf's events with memwatch. These it leaves: the dead-man has to know. */
static struct mw_error *note_debug_registers(struct mw_tracer *tracer)
{
	const uint64_t used = tracer->hw.by_ptrace;

	if (!tracer->annex.size)
		return NULL;
	return mw_mem_write(&tracer->mem, mw_annex_at(tracer, debug_registers), &used,
			    sizeof(used));
}

static struct mw_error *program_by_ptrace(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	struct mw_range ranges[MW_ARCH_DEBUG_SLOTS];
	int result;

	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		ranges[slot] = tracer->hw.slots[slot].range;
	result = mw_arch_set_debug_registers(thread->tid, ranges);
	return result < 0 ? mw_error_os(-result, "cannot set the debug registers of thread %d",
					thread->tid)
			  : NULL;
}

static struct mw_error *arm_slot_in_thread(struct mw_tracer *tracer, struct mw_thread *thread,
					   unsigned slot)
{
	struct mw_error *err;

	if (!thread->same_memory || thread->state == MW_THREAD_GONE)
		return NULL;
	if (tracer->hw.by_ptrace)
		err = thread->state == MW_THREAD_STOPPED ? program_by_ptrace(tracer, thread) : NULL;
	else
		err = open_for_thread(tracer, thread, slot);
	return err == mw_err_gone ? NULL : err;
}

static struct mw_error *arm_slot(struct mw_tracer *tracer, unsigned slot)
{
	struct mw_error *err = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	if (mw_mem_read_some(&tracer->mem, tracer->hw.slots[slot].range.start,
			     tracer->hw.slots[slot].shadow, tracer->hw.slots[slot].range.size) !=
	    tracer->hw.slots[slot].range.size)
		return mw_error_fault(tracer->hw.slots[slot].range.start,
				      "0x%" PRIx64 " is not mapped in the target",
				      tracer->hw.slots[slot].range.start.v);
	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		err = arm_slot_in_thread(tracer, thread, slot);
	return err;
}

static unsigned free_slots(const struct mw_tracer *tracer)
{
	unsigned count = 0;

	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		count += !tracer->hw.slots[slot].range.size;
	return count;
}

static unsigned take_slot(struct mw_tracer *tracer, struct mw_range piece, uint32_t guard_id)
{
	unsigned slot = 0;

	while (tracer->hw.slots[slot].range.size)
		slot++;
	tracer->hw.slots[slot] = (struct mw_hw_slot){.range = piece, .guard_id = guard_id};
	return slot;
}

static struct mw_error *check_writable(const struct mw_tracer *tracer, struct mw_range range)
{
	struct mw_range pages = mw_range_pages(range);
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read_part(tracer->pid, &pages, 1, &maps);

	if (err)
		return err;
	err = mw_page_check_writable(tracer, &maps, pages);
	mw_procmaps_deinit(&maps);
	return err;
}

static struct mw_error *disarm_slot(struct mw_tracer *tracer, unsigned slot)
{
	struct mw_error *err = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	tracer->hw.slots[slot] = (struct mw_hw_slot){0};
	mw_vec_foreach (events, &tracer->hw.events)
		close_event(events, slot);
	while (tracer->hw.by_ptrace && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED && thread->same_memory && !err)
			err = program_by_ptrace(tracer, thread);
	return err == mw_err_gone ? NULL : err;
}

static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_error *first = NULL;

	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++) {
		struct mw_error *err = NULL;

		if (tracer->hw.slots[slot].range.size &&
		    tracer->hw.slots[slot].guard_id == guard->id)
			err = disarm_slot(tracer, slot);
		first = mw_error_first(first, err);
	}
	return first;
}

static struct mw_error *arm(struct mw_tracer *tracer, const struct mw_guard *guard,
			    size_t count MW_UNUSED)
{
	struct mw_range pieces[MW_ARCH_DEBUG_SLOTS];
	unsigned needed = pieces_of(guard->range, pieces, MW_ARCH_DEBUG_SLOTS);
	struct mw_thread *thread;
	struct mw_error *err;

	if (needed > free_slots(tracer))
		return mw_error_create(MW_ERROR_OTHER,
				       "%" PRIu64 " bytes at 0x%" PRIx64 " need %u hardware "
				       "watchpoints and %u of %d are free: use --backend=page",
				       guard->range.size, guard->range.start.v, needed,
				       free_slots(tracer), MW_ARCH_DEBUG_SLOTS);
	err = check_writable(tracer, guard->range);
	if (!err)
		err = mw_engine_borrow(tracer, &thread);
	if (!err)
		mw_deadman_cover(tracer);
	for (unsigned i = 0; i < needed && !err; i++) {
		unsigned slot = take_slot(tracer, pieces[i], guard->id);

		probe(tracer, thread, slot);
		err = note_debug_registers(tracer);
		if (!err)
			err = arm_slot(tracer, slot);
	}
	if (err) {
		struct mw_error *undo = disarm(tracer, guard);

		mw_error_destroy(undo);
	}
	return err;
}

struct mw_error *mw_hw_arm_thread(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;

	/* perf's inheritance has covered the threads of the same process already. */
	if (!tracer->hw.by_ptrace &&
	    (thread->tgid == tracer->pid || events_of(tracer, thread->tid)))
		return NULL;
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS && !err; slot++)
		if (tracer->hw.slots[slot].range.size)
			err = arm_slot_in_thread(tracer, thread, slot);
	return err;
}

void mw_hw_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	struct mw_hw_events *events = events_of(tracer, thread->tid);

	if (!events)
		return;
	/*
	 * Threads that inherited its events keep them only while the originals are open. A vfork
	 * child has no heirs.
	 */
	if (thread->tgid == tracer->pid) {
		events->tid = 0;
		return;
	}
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		close_event(events, slot);
	mw_vec_remove(&tracer->hw.events, (size_t)(events - tracer->hw.events.items));
}

static void report_slot(struct mw_tracer *tracer, struct mw_thread *thread, unsigned slot)
{
	struct mw_hw_slot *watched = &tracer->hw.slots[slot];
	struct mw_hit hit = {
		.cause = MW_CAUSE_STORE,
		.backend = MW_BACKEND_HW,
		.ip_is_after = true,
		.ip = mw_arch_ip(&thread->regs),
		.addr = watched->range.start,
		.size = (uint32_t)watched->range.size,
	};
	uint8_t now[8] = {0};
	int64_t number = mw_arch_syscall_number(&thread->regs);

	if (mw_mem_read_some(&tracer->mem, hit.addr, now, hit.size) != hit.size)
		return;
	/* The kernel stored on the thread's behalf: it stands at the exit of that call. */
	if (number >= 0) {
		hit.cause = MW_CAUSE_SYSCALL;
		hit.syscall.number = number;
		mw_arch_syscall_args(&thread->regs, hit.syscall.args);
		hit.syscall.result = mw_arch_syscall_result(&thread->regs);
	}
	tracer->stats.hardware++;
	mw_engine_emit(tracer, thread, &hit, watched->shadow, now);
	memcpy(watched->shadow, now, sizeof(now));
	watched->differs = false;
}

bool mw_hw_trap_is_ours(const struct mw_tracer *tracer, const siginfo_t *info)
{
	return info->si_signo == SIGTRAP &&
	       (info->si_code == TRAP_PERF ||
		(info->si_code == TRAP_HWBKPT && tracer->hw.by_ptrace));
}

/** Which slots trapped, as a bit mask. */
static struct mw_error *trapped_slots(const struct mw_thread *thread, const siginfo_t *info,
				      unsigned *ret)
{
	unsigned long slot;
	int result;

	if (info->si_code == TRAP_PERF) {
		/* si_perf_data, our sig_data, stands behind si_addr. */
		memcpy(&slot, (const char *)&info->si_addr + sizeof(info->si_addr), sizeof(slot));
		*ret = slot < MW_ARCH_DEBUG_SLOTS ? 1u << slot : 0;
		return NULL;
	}
	result = mw_arch_take_debug_hits(thread->tid);
	if (result < 0)
		return mw_error_os(-result, "cannot read the debug registers of thread %d",
				   thread->tid);
	*ret = (unsigned)result;
	return NULL;
}

/* A trap that was on its way when its slot was freed is ours as well, and to be swallowed. */
struct mw_error *mw_hw_handle_trap(struct mw_tracer *tracer, struct mw_thread *thread,
				   const siginfo_t *info, bool *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err;
	unsigned slots = 0;

	if (!mw_hw_trap_is_ours(tracer, info))
		return NULL;
	err = mw_thread_regs(thread, &regs);
	if (!err)
		err = trapped_slots(thread, info, &slots);
	if (err)
		return err;
	*ret = true;
	mw_burst_note(tracer, thread, mw_clock_now_ns());
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		if ((slots & 1u << slot) && tracer->hw.slots[slot].range.size)
			report_slot(tracer, thread, slot);
	return NULL;
}

void mw_hw_deinit(struct mw_tracer *tracer)
{
	mw_vec_foreach (events, &tracer->hw.events)
		for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
			close_event(events, slot);
	mw_vec_deinit(&tracer->hw.events);
	mw_hw_stop_looking(&tracer->hw);
	memset(tracer->hw.slots, 0, sizeof(tracer->hw.slots));
}

static struct mw_error *follow(struct mw_tracer *tracer, const struct mw_guard *guard,
			       MW_UNUSED struct mw_range before, MW_UNUSED bool moved)
{
	struct mw_error *err = disarm(tracer, guard);

	return err || !guard->range.size ? err : arm(tracer, guard, 1);
}

static void describe(const struct mw_tracer *tracer, MW_UNUSED const struct mw_guard *guard,
		     struct mw_guard_info *ret)
{
	snprintf(ret->note, sizeof(ret->note), "%s",
		 tracer->hw.by_ptrace     ? "by ptrace; the kernel's stores are not seen"
		 : tracer->hw.sees_kernel ? "the kernel's stores are seen too"
					  : "the kernel's stores are not seen");
}

static struct mw_error *release(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;

	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++) {
		struct mw_error *err = NULL;

		if (tracer->hw.slots[slot].range.size)
			err = disarm_slot(tracer, slot);
		first = mw_error_first(first, err);
	}
	return first;
}

const struct mw_guard_ops mw_guard_hw = {
	.arm = arm,
	.disarm = disarm,
	.follow = follow,
	.describe = describe,
	.release = release,
	.forget = mw_hw_deinit,
	.together = 1,
};
