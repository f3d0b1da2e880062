// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/timer.h"

/*
 * A stop costs 4 µs when tracer and tracee share a CPU and 40 to 95 µs when they don't: the wake-up
 * of the other CPU is nearly all of it. So while a thread traps often, both stand on one CPU.
 */

/** Traps within PERIOD that make a burst. */
#define BURST_TRAPS 16
#define PERIOD_NS UINT64_C(20000000)
/** A pinned thread with fewer traps than this in COOL_NS is let go. */
#define COOL_TRAPS 4
#define COOL_NS UINT64_C(50000000)

struct mw_error *mw_burst_init(struct mw_crew *crew)
{
	struct mw_error *err = mw_timer_create(&crew->burst_timer);

	if (err)
		return err;
	sched_getaffinity(0, sizeof(crew->own_home), &crew->own_home);
	return NULL;
}

void mw_burst_deinit(struct mw_crew *crew)
{
	timer_delete(crew->burst_timer);
}

static void pin(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_burst *burst = &thread->burst;
	int cpu = sched_getcpu();

	if (cpu < 0 || sched_getaffinity(thread->tid, sizeof(burst->home), &burst->home) < 0 ||
	    !CPU_ISSET((unsigned)cpu, &burst->home))
		return;
	CPU_ZERO(&burst->pinned_to);
	CPU_SET((unsigned)cpu, &burst->pinned_to);
	/* Noted first: should memwatch be killed behind it, somebody has to know. */
	burst->pinned = true;
	mw_deadman_note_pins(tracer);
	if (sched_setaffinity(thread->tid, sizeof(burst->pinned_to), &burst->pinned_to) < 0) {
		burst->pinned = false;
		mw_deadman_note_pins(tracer);
		return;
	}
	tracer->stats.bursts++;
	if (!tracer->crew->pinned++) {
		sched_setaffinity(0, sizeof(burst->pinned_to), &burst->pinned_to);
		mw_timer_set(tracer->crew->burst_timer, COOL_NS);
	}
}

static void unpin(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_burst *burst = &thread->burst;
	cpu_set_t now;

	/* A mask that isn't ours any more was set by the program itself: it stays. */
	if (sched_getaffinity(thread->tid, sizeof(now), &now) == 0 &&
	    CPU_EQUAL(&now, &burst->pinned_to))
		sched_setaffinity(thread->tid, sizeof(burst->home), &burst->home);
	burst->pinned = false;
	mw_deadman_note_pins(tracer);
	tracer->crew->pinned--;
}

void mw_burst_note(struct mw_tracer *tracer, struct mw_thread *thread, uint64_t now_ns)
{
	struct mw_burst *burst = &thread->burst;

	burst->traps++;
	if (burst->pinned)
		return;
	if (now_ns - burst->since_ns > PERIOD_NS) {
		burst->since_ns = now_ns;
		burst->traps = 1;
	} else if (burst->traps >= BURST_TRAPS) {
		pin(tracer, thread);
		burst->since_ns = now_ns;
		burst->traps = 0;
	}
}

static bool has_cooled(struct mw_burst *burst, uint64_t now_ns)
{
	bool cooled;

	if (now_ns - burst->since_ns < COOL_NS)
		return false;
	cooled = burst->traps < COOL_TRAPS;
	burst->since_ns = now_ns;
	burst->traps = 0;
	return cooled;
}

void mw_burst_release(struct mw_tracer *tracer, bool all)
{
	struct mw_thread *thread;
	uint64_t now_ns;
	size_t cursor = 0;

	if (!tracer->crew->pinned)
		return;
	now_ns = mw_clock_now_ns();
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->burst.pinned && (all || has_cooled(&thread->burst, now_ns)))
			unpin(tracer, thread);
	mw_burst_settle(tracer->crew);
}

void mw_burst_settle(struct mw_crew *crew)
{
	if (crew->pinned)
		return;
	mw_timer_set(crew->burst_timer, 0);
	sched_setaffinity(0, sizeof(crew->own_home), &crew->own_home);
}

void mw_burst_adopt(const struct mw_thread *parent, pid_t child)
{
	if (parent->burst.pinned)
		sched_setaffinity(child, sizeof(parent->burst.home), &parent->burst.home);
}

struct mw_error *mw_burst_hide(struct mw_tracer *tracer, const struct mw_thread *thread,
			       const struct user_regs_struct *regs)
{
	uint64_t args[6];
	int64_t filled = mw_arch_syscall_result(regs);

	if (!thread->burst.pinned || mw_arch_syscall_number(regs) != SYS_sched_getaffinity ||
	    filled <= 0)
		return NULL;
	mw_arch_syscall_args(regs, args);
	if (args[0] && (pid_t)args[0] != thread->tid)
		return NULL;
	return mw_page_write(tracer, mw_addr_make(args[2]), &thread->burst.home,
			     mw_min((size_t)filled, sizeof(thread->burst.home)));
}
