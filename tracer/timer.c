// SPDX-License-Identifier: MIT
#include "tracer/timer.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"

struct mw_error *mw_timer_create(timer_t *ret)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		/* As the mailbox's signal does. */
		.sigev_signo = SIGRTMIN + 1,
	};

	event._sigev_un._tid = gettid();
	return timer_create(CLOCK_MONOTONIC, &event, ret) < 0
		       ? mw_error_os(errno, "cannot create a timer")
		       : NULL;
}

void mw_timer_set(timer_t timer, uint64_t period_ns)
{
	const struct timespec time = {
		(time_t)(period_ns / 1000000000u),
		(long)(period_ns % 1000000000u),
	};
	const struct itimerspec period = {time, time};

	timer_settime(timer, 0, &period, NULL);
}
