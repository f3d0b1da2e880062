// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <time.h>

#include "base/error.h"

/** How often threads are given the time to leave the annex, and how long each time. */
#define ROUNDS 200
#define PAUSE_NS 200000

struct evacuation {
	struct mw_tracer *tracer;
	mw_addr code;
	/** Who makes calls from a signal frame. */
	struct mw_annex_cover cover;
	bool (*rescue)(void *arg, struct mw_thread *thread, struct user_regs_struct *regs);
	void *arg;
};

static bool is_inside(const struct evacuation *evacuation, const struct mw_thread *thread,
		      const struct user_regs_struct *regs)
{
	return mw_arch_ip(regs).v - evacuation->code.v < MW_ANNEX_CODE_SIZE ||
	       (thread->tid == evacuation->cover.tid &&
		mw_arch_sp(regs).v - evacuation->cover.frame <= sizeof(uint64_t));
}

static struct mw_error *push_out(const struct evacuation *evacuation, struct mw_thread *thread,
				 unsigned *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);

	if (err || !is_inside(evacuation, thread, regs))
		return err;
	if (evacuation->rescue && evacuation->rescue(evacuation->arg, thread, regs))
		return NULL;
	++*ret;
	return mw_engine_resume(evacuation->tracer, thread, 0);
}

/** @param ret how many threads were in the annex. */
static struct mw_error *push_out_all(const struct evacuation *evacuation, unsigned *ret)
{
	struct mw_error *err = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	*ret = 0;
	while (!err && (thread = mw_intmap_next(&evacuation->tracer->threads, &cursor))) {
		if (thread->state == MW_THREAD_STOPPED && thread->same_memory)
			err = push_out(evacuation, thread, ret);
		mw_error_catch(&err, MW_ERROR_GONE);
	}
	return err;
}

struct mw_error *mw_annex_evacuate(struct mw_tracer *tracer, mw_addr code,
				   bool (*rescue)(void *arg, struct mw_thread *thread,
						  struct user_regs_struct *regs),
				   void *arg)
{
	struct evacuation evacuation = {
		.tracer = tracer,
		.code = code,
		.rescue = rescue,
		.arg = arg,
	};
	mw_addr cover = mw_addr_add(code, MW_ANNEX_CODE_SIZE + offsetof(struct mw_annex, cover));
	struct timespec pause = {0, PAUSE_NS};
	struct mw_error *err = NULL;
	unsigned left;

	err = mw_mem_read(&tracer->mem, cover, &evacuation.cover, sizeof(evacuation.cover));
	for (unsigned i = 0; i < ROUNDS && !err; i++) {
		err = push_out_all(&evacuation, &left);
		if (err || !left)
			return err;
		nanosleep(&pause, NULL);
		err = mw_engine_quiesce(tracer);
	}
	return err ? err
		   : mw_error_create(MW_ERROR_OTHER,
				     "a thread of process %d doesn't leave memwatch's code",
				     tracer->pid);
}
