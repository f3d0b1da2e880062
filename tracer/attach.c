// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tracer/permission.h"
#include "tracer/sys.h"

struct mw_error *mw_engine_open_image(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_mem_init(&tracer->mem, tracer->pid);

	tracer->syscall_ip = (struct mw_inject_site){0};
	return err ? err : mw_inject_find_syscall(&tracer->mem, &tracer->syscall_ip.ip);
}

/*
 * A thread that a seized one has made meanwhile comes with it, and reports by itself. One that has
 * just ended can't be seized either.
 */
static bool needs_no_seizing(const struct mw_tracer *tracer, pid_t tid)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(tid, &status);

	if (err) {
		mw_error_destroy(err);
		return tid != tracer->pid;
	}
	/* The tracer is a thread, and that is what TracerPid names. */
	return status.tracer_pid == gettid() ||
	       (tid != tracer->pid && (status.state == 'Z' || status.state == 'X'));
}

static struct mw_error *seize_thread(struct mw_tracer *tracer, pid_t tid, bool *ret_new)
{
	struct mw_thread *thread;
	int result;

	if (mw_engine_thread(tracer, tid))
		return NULL;
	result = mw_sys_seize(tid, MW_TRACE_OPTIONS);
	/* It ended between the listing and now; the listing is repeated until nothing is new. */
	if (result == -ESRCH || (result == -EPERM && needs_no_seizing(tracer, tid)))
		return NULL;
	if (result < 0)
		return mw_permission_explain(tracer->pid, -result, NULL);
	*ret_new = true;
	return mw_engine_add_thread(tracer, tid, tracer->pid, &thread);
}

/* A thread made by one that isn't seized yet escapes: list and seize until there is no new one. */
static struct mw_error *seize_all(struct mw_tracer *tracer)
{
	struct mw_error *err = NULL;
	bool found_new = true;

	while (found_new && !err) {
		mw_auto_free pid_t *tids = NULL;
		size_t count;

		found_new = false;
		err = mw_proc_threads(tracer->pid, &tids, &count);
		for (size_t i = 0; i < count && !err; i++)
			err = seize_thread(tracer, tids[i], &found_new);
	}
	return err;
}

/* Each thread stops once, so that its stack and control block are known. */
static struct mw_error *look_at_threads(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_engine_stop_all(tracer, NULL);
	struct mw_thread *thread;
	size_t cursor = 0;

	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct user_regs_struct *regs;

		if (thread->state == MW_THREAD_STOPPED)
			err = mw_thread_regs(thread, &regs);
		mw_error_catch(&err, MW_ERROR_GONE);
	}
	return err;
}

static void let_go(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_engine_detach(tracer);

	mw_error_destroy(err);
}

struct mw_error *mw_engine_attach(struct mw_tracer *tracer, pid_t pid)
{
	struct mw_error *err = mw_permission_check(pid, NULL);
	struct mw_error *resume_err;

	if (err)
		return err;
	tracer->pid = pid;
	err = seize_all(tracer);
	if (!err)
		err = mw_engine_open_image(tracer);
	if (!err)
		err = look_at_threads(tracer);
	if (err) {
		let_go(tracer);
		return err;
	}
	resume_err = mw_engine_resume_all(tracer, NULL);
	mw_engine_emit_state(tracer, MW_TRACEE_RUNNING, 0);
	return resume_err;
}
