// SPDX-License-Identifier: MIT
#include "tracer/wait.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/procfs.h"
#include "tracer/thread.h"

/* As waitpid() would say it. */
static int status_of(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return W_EXITCODE(info->si_status, 0);
	case CLD_KILLED:
		return info->si_status;
	case CLD_DUMPED:
		return info->si_status | WCOREFLAG;
	default:
		return W_STOPCODE(info->si_status);
	}
}

/*
 * The kernel drops a signal whose stop was taken, should memwatch be killed before it passes it on.
 * One that was only looked at, the thread gets then.
 */
static pid_t wait_any(int options, struct mw_stop *ret)
{
	siginfo_t info = {0};
	int status;

	if (waitid(P_ALL, 0, &info, __WALL | WEXITED | WSTOPPED | WNOWAIT | options) < 0)
		return errno == EINTR ? 0 : -1;
	if (!info.si_pid)
		return 0;
	*ret = mw_stop_classify(status_of(&info));
	if (ret->kind == MW_STOP_SIGNAL || ret->kind == MW_STOP_SYSCALL)
		return info.si_pid;
	/* An exec, for one, has to be taken before the thread can be resumed. */
	if (waitpid(info.si_pid, &status, __WALL | WNOHANG) <= 0)
		return 0;
	*ret = mw_stop_classify(status);
	return info.si_pid;
}

void mw_wait_take(pid_t tid)
{
	siginfo_t info;

	/* Its death, should it have come meanwhile, is another matter. */
	waitid(P_PID, (id_t)tid, &info, __WALL | WSTOPPED | WNOHANG);
}

pid_t mw_wait_any(struct mw_stop *ret)
{
	return wait_any(0, ret);
}

pid_t mw_wait_poll(struct mw_stop *ret)
{
	return wait_any(WNOHANG, ret);
}

static struct mw_error *wait_one(struct mw_thread *thread, int options, bool *ret)
{
	int status;
	pid_t tid;

	do
		tid = waitpid(thread->tid, &status, __WALL | options);
	while (tid < 0 && errno == EINTR);
	if (tid < 0)
		return mw_err_gone;
	if (tid > 0)
		mw_thread_stopped(thread, mw_stop_classify(status));
	*ret = tid > 0;
	return NULL;
}

/* The death of a leader is told when all others of its process have been waited for. */
static bool is_dead_leader(struct mw_thread *thread)
{
	struct mw_proc_status status;
	struct mw_error *err;

	if (thread->tid != thread->tgid)
		return false;
	err = mw_proc_status_read(thread->tid, &status);
	if (!err && status.state != 'Z')
		return false;
	mw_error_destroy(err);
	thread->state = MW_THREAD_GONE;
	return true;
}

struct mw_error *mw_wait_thread(struct mw_thread *thread)
{
	int options = thread->tid == thread->tgid ? WNOHANG : 0;
	struct timespec pause = {0, 50000};
	struct mw_error *err = NULL;
	bool stopped = false;
	siginfo_t info;

	while (!err && !stopped) {
		/* Others of a leader's may die instead. Whoever it is stays to be waited for. */
		if (options)
			waitid(P_ALL, 0, &info, __WALL | WEXITED | WSTOPPED | WNOWAIT);
		err = wait_one(thread, options, &stopped);
		if (!err && !stopped && is_dead_leader(thread))
			err = mw_err_gone;
		/* Somebody else's stop is there to be seen all the time. */
		if (!err && !stopped)
			nanosleep(&pause, NULL);
	}
	return err;
}

struct mw_error *mw_wait_thread_until(struct mw_thread *thread, uint64_t timeout_ns, bool *ret)
{
	uint64_t deadline = mw_clock_now_ns() + timeout_ns;
	struct timespec pause = {0, 50000};
	struct mw_error *err;

	for (;;) {
		err = wait_one(thread, WNOHANG, ret);
		if (err || *ret || mw_clock_now_ns() > deadline)
			return err;
		if (is_dead_leader(thread))
			return mw_err_gone;
		nanosleep(&pause, NULL);
	}
}
