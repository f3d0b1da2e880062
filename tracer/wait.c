// SPDX-License-Identifier: MIT
#include "tracer/wait.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/thread.h"

static pid_t wait_any(int options, struct mw_stop *ret)
{
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | options);

	if (tid > 0)
		*ret = mw_stop_classify(status);
	else if (tid < 0)
		return errno == EINTR ? 0 : -1;
	return tid;
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

struct mw_error *mw_wait_thread(struct mw_thread *thread)
{
	bool stopped;

	return wait_one(thread, 0, &stopped);
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
		nanosleep(&pause, NULL);
	}
}
