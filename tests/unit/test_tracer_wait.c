// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/error.h"
#include "base/procfs.h"
#include "tracer/thread.h"
#include "tracer/wait.h"

#define THREADS 4
/* After that long it is a hang. */
#define PATIENCE_SECONDS 60

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static pid_t start_threads(void)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		pthread_t thread;

		for (int i = 1; i < THREADS; i++)
			pthread_create(&thread, NULL, sleep_on, NULL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		sleep_on(NULL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void seize_all(pid_t pid)
{
	pid_t *tids;
	size_t count;

	assert_null(mw_proc_threads(pid, &tids, &count));
	assert_int_equal(count, THREADS);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ptrace(PTRACE_SEIZE, tids[i], 0, 0), 0);
	free(tids);
}

/* All are dead once this is told of the last of them: the leader's death is not told before. */
static void reap_all(pid_t leader)
{
	struct mw_stop stop;

	for (int i = 0; i < THREADS; i++) {
		pid_t tid = mw_wait_any(&stop);

		assert_true(tid > 0);
		assert_int_equal(stop.kind, MW_STOP_KILLED);
		assert_int_equal(tid == leader, i == THREADS - 1);
	}
}

static void test_the_wait_for_a_killed_leader_ends_before_its_threads_are_waited_for(void **state)
{
	pid_t pid = start_threads();
	struct mw_thread leader = {.tid = pid, .tgid = pid, .state = MW_THREAD_RUNNING};

	(void)state;
	alarm(PATIENCE_SECONDS);
	seize_all(pid);
	kill(pid, SIGKILL);
	assert_ptr_equal(mw_wait_thread(&leader), mw_err_gone);
	assert_int_equal(leader.state, MW_THREAD_GONE);
	reap_all(pid);
	alarm(0);
}

static void test_a_limited_wait_for_a_killed_leader_ends_ahead_of_its_time(void **state)
{
	pid_t pid = start_threads();
	struct mw_thread leader = {.tid = pid, .tgid = pid, .state = MW_THREAD_RUNNING};
	bool stopped = true;

	(void)state;
	alarm(PATIENCE_SECONDS);
	seize_all(pid);
	kill(pid, SIGKILL);
	assert_ptr_equal(mw_wait_thread_until(&leader, UINT64_C(3600000000000), &stopped),
			 mw_err_gone);
	assert_false(stopped);
	reap_all(pid);
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_wait_for_a_killed_leader_ends_before_its_threads_are_waited_for),
		cmocka_unit_test(test_a_limited_wait_for_a_killed_leader_ends_ahead_of_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
