// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <elf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/procfs.h"

/* Above every pid_max. */
#define NO_SUCH_PID 4194305

static const char sample[] = "Name:\tweird name (x)\nUmask:\t0022\nState:\tS (sleeping)\n"
			     "Tgid:\t100\nNgid:\t0\nPid:\t101\nPPid:\t1\nTracerPid:\t55\n"
			     "Uid:\t1000\t1001\t1002\t1003\nGid:\t10\t11\t12\t13\n"
			     "VmSize:\t  1234 kB\nThreads:\t9\nSigPnd:\t0000000000000000\n"
			     "SigBlk:\t0000000000000400\nSigIgn:\t8000000000001000\n"
			     "SigCgt:\tffffffffffffffff\nCapEff:\t000001ffffffffff\n"
			     "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n";

static void each_line_of_a_status_is_read(void **state)
{
	struct mw_proc_status status;

	(void)state;
	assert_ok(mw_proc_status_parse(sample, &status));
	assert_string_equal(status.name, "weird name (x)");
	assert_int_equal(status.state, 'S');
	assert_int_equal(status.tgid, 100);
	assert_int_equal(status.pid, 101);
	assert_int_equal(status.ppid, 1);
	assert_int_equal(status.tracer_pid, 55);
	assert_int_equal(status.uid[0], 1000);
	assert_int_equal(status.uid[3], 1003);
	assert_int_equal(status.gid[2], 12);
	assert_int_equal(status.threads, 9);
	assert_int_equal(status.seccomp, 2);
	assert_false(status.no_memory);
}

static void signal_and_capability_masks_are_read_as_hex(void **state)
{
	struct mw_proc_status status;

	(void)state;
	assert_ok(mw_proc_status_parse(sample, &status));
	assert_int_equal(status.sig_blocked, 0x400);
	assert_true(status.sig_ignored == UINT64_C(0x8000000000001000));
	assert_true(status.sig_caught == UINT64_MAX);
	assert_int_equal(status.cap_effective, 0x1ffffffffff);
}

static void a_shadow_stack_is_one_of_the_features_of_a_thread(void **state)
{
	static const char *const with = "Name:\tx\nState:\tR\nx86_Thread_features:\tshstk wrss \n"
					"x86_Thread_features_locked:\t\n";
	static const char *const without = "Name:\tx\nState:\tR\nx86_Thread_features:\t\n"
					   "x86_Thread_features_locked:\tshstk wrss \n";
	struct mw_proc_status status;

	(void)state;
	assert_ok(mw_proc_status_parse(with, &status));
	assert_true(status.shadow_stack);
	assert_ok(mw_proc_status_parse(without, &status));
	assert_false(status.shadow_stack);
	assert_ok(mw_proc_status_parse(sample, &status));
	assert_false(status.shadow_stack);
}

static void a_status_without_vmsize_has_no_memory(void **state)
{
	struct mw_proc_status status;

	(void)state;
	assert_ok(mw_proc_status_parse("Name:\tkthreadd\nState:\tS (sleeping)\n", &status));
	assert_true(status.no_memory);
}

static void a_text_that_is_no_status_is_refused(void **state)
{
	struct mw_proc_status status;

	(void)state;
	assert_error(mw_proc_status_parse("", &status), MW_ERROR_OTHER);
	assert_error(mw_proc_status_parse("Name:\tx\n", &status), MW_ERROR_OTHER);
	assert_error(mw_proc_status_parse("State:\tx\n", &status), MW_ERROR_OTHER);
	assert_error(mw_proc_status_parse("\n\n:::\nName", &status), MW_ERROR_OTHER);
}

static void cut_and_broken_statuses_are_parsed_or_refused(void **state)
{
	unsigned random = 11;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct mw_proc_status status;
		char *text = strdup(sample);

		for (int i = 0; i < 4; i++)
			text[(unsigned)rand_r(&random) % (sizeof(sample) - 1)] =
				(char)(rand_r(&random) % 256);
		mw_error_destroy(mw_proc_status_parse(text, &status));
		free(text);
	}
}

static void a_long_name_is_cut(void **state)
{
	struct mw_proc_status status;
	char text[400] = "Name:\t";

	(void)state;
	memset(text + 6, 'n', 300);
	strcpy(text + 306, "\nState:\tR\n");
	assert_ok(mw_proc_status_parse(text, &status));
	assert_int_equal(strlen(status.name), sizeof(status.name) - 1);
}

static void our_own_status_is_true(void **state)
{
	struct mw_proc_status status;

	(void)state;
	assert_ok(mw_proc_status_read(getpid(), &status));
	assert_int_equal(status.pid, getpid());
	assert_int_equal(status.ppid, getppid());
	assert_int_equal(status.uid[0], getuid());
	assert_int_equal(status.state, 'R');
	assert_false(status.no_memory);
}

static void a_zombie_is_seen_as_one(void **state)
{
	struct mw_proc_status status;
	pid_t zombie = fork();

	(void)state;
	if (!zombie)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_ok(mw_proc_status_read(zombie, &status));
	assert_int_equal(status.state, 'Z');
	assert_true(status.no_memory);
	assert_int_equal(waitpid(zombie, NULL, 0), zombie);
}

static void an_unused_pid_is_gone(void **state)
{
	struct mw_proc_status status;
	char name[MW_COMM_SIZE];
	size_t count;
	pid_t *tids;

	(void)state;
	assert_error(mw_proc_status_read(NO_SUCH_PID, &status), MW_ERROR_GONE);
	assert_error(mw_proc_threads(NO_SUCH_PID, &tids, &count), MW_ERROR_GONE);
	mw_proc_thread_name(NO_SUCH_PID, NO_SUCH_PID, name);
	assert_string_equal(name, "");
}

struct waiter {
	pthread_barrier_t named;
	pthread_barrier_t end;
	pid_t tid;
};

static void *wait_with_a_name(void *arg)
{
	struct waiter *waiter = arg;

	pthread_setname_np(pthread_self(), "a waiter");
	waiter->tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&waiter->named);
	pthread_barrier_wait(&waiter->end);
	return NULL;
}

static void threads_are_listed_and_named(void **state)
{
	struct waiter waiter;
	char name[MW_COMM_SIZE];
	pthread_t thread;
	size_t count;
	pid_t *tids;

	(void)state;
	pthread_barrier_init(&waiter.named, NULL, 2);
	pthread_barrier_init(&waiter.end, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, wait_with_a_name, &waiter), 0);
	pthread_barrier_wait(&waiter.named);
	assert_ok(mw_proc_threads(getpid(), &tids, &count));
	assert_true(count >= 2);
	assert_int_equal(tids[0], getpid());
	mw_proc_thread_name(getpid(), waiter.tid, name);
	assert_string_equal(name, "a waiter");
	pthread_barrier_wait(&waiter.end);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&waiter.named);
	pthread_barrier_destroy(&waiter.end);
	free(tids);
}

static void the_auxiliary_vector_agrees_with_getauxval(void **state)
{
	uint64_t value;

	(void)state;
	assert_ok(mw_proc_auxv(getpid(), AT_ENTRY, &value));
	assert_int_equal(value, getauxval(AT_ENTRY));
	assert_error(mw_proc_auxv(getpid(), 0x7fffffff, &value), MW_ERROR_NOT_FOUND);
	assert_error(mw_proc_auxv(NO_SUCH_PID, AT_ENTRY, &value), MW_ERROR_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_of_a_status_is_read),
		cmocka_unit_test(signal_and_capability_masks_are_read_as_hex),
		cmocka_unit_test(a_shadow_stack_is_one_of_the_features_of_a_thread),
		cmocka_unit_test(a_status_without_vmsize_has_no_memory),
		cmocka_unit_test(a_text_that_is_no_status_is_refused),
		cmocka_unit_test(cut_and_broken_statuses_are_parsed_or_refused),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(our_own_status_is_true),
		cmocka_unit_test(a_zombie_is_seen_as_one),
		cmocka_unit_test(an_unused_pid_is_gone),
		cmocka_unit_test(threads_are_listed_and_named),
		cmocka_unit_test(the_auxiliary_vector_agrees_with_getauxval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
