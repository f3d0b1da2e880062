// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "profiler/procinfo.h"

static void test_a_name_with_blanks_and_parentheses_keeps_the_fields_in_place(void **state)
{
	struct mw_task_stat stat;

	(void)state;
	assert_true(mw_task_stat_parse("42 (a) b (c)) S 7 9 9 0 -1 64 1 2 3 4 11 12 0 0 20 0 1 0 "
				       "98765 1000 10\n",
				       &stat));
	assert_string_equal(stat.name, "a) b (c)");
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.ppid, 7);
	assert_int_equal(stat.pgrp, 9);
	assert_int_equal(stat.flags, 64);
	assert_int_equal(stat.utime_ticks, 11);
	assert_int_equal(stat.stime_ticks, 12);
	assert_int_equal(stat.start_ticks, 98765);
}

static void test_a_cut_stat_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const texts[] = {
		"",      "42",           "42 (x",
		"42 x)", "42 (x) S 7 9", "42 (x) S 7 9 9 0 -1 64 1 2 3 4 11 12 0 0 20 0 1 0"};
	struct mw_task_stat stat = {.ppid = 5};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(mw_task_stat_parse(texts[i], &stat));
	assert_int_equal(stat.ppid, 5);
}

static void test_memory_lines_are_read_by_name(void **state)
{
	struct mw_task_memory memory;

	(void)state;
	assert_true(mw_task_memory_parse("Name:\tVmRSS: 1\nVmPeak:\t  900 kB\nVmHWM:\t     200 kB\n"
					 "VmRSS:\t     150 kB\nRssAnon:\t      60 kB\n"
					 "RssFile:\t      80 kB\nRssShmem:\t      10 kB\n"
					 "VmSwap:\t       7 kB\nThreads:\t3\n",
					 &memory));
	assert_int_equal(memory.hwm_kib, 200);
	assert_int_equal(memory.rss_kib, 150);
	assert_int_equal(memory.anon_kib, 60);
	assert_int_equal(memory.file_kib, 80);
	assert_int_equal(memory.shmem_kib, 10);
	assert_int_equal(memory.swap_kib, 7);
	assert_int_equal(memory.threads, 3);
}

static void test_a_zombie_has_no_memory(void **state)
{
	struct mw_task_memory memory;

	(void)state;
	assert_false(mw_task_memory_parse("Name:\tx\nState:\tZ (zombie)\nThreads:\t1\n", &memory));
}

static void test_our_own_files_can_be_read(void **state)
{
	struct mw_task_memory memory;
	struct mw_task_stat stat;
	uint64_t pages = 0;
	uint64_t pss_kib = 0;
	size_t size;
	char *argv = mw_task_argv_read(getpid(), &size);
	int fd = mw_task_statm_open(getpid(), getpid());

	(void)state;
	assert_true(mw_task_stat_read(getpid(), &stat));
	assert_int_equal(stat.ppid, getppid());
	assert_true(mw_task_memory_read(getpid(), getpid(), &memory));
	assert_true(memory.hwm_kib >= memory.rss_kib);
	assert_true(mw_task_statm_read(fd, &pages));
	assert_true(mw_task_pss_read(getpid(), &pss_kib));
	assert_true(pss_kib > 0 && pss_kib <= memory.hwm_kib * 2);
	assert_non_null(argv);
	assert_int_equal(argv[size - 1], 0);
	assert_int_equal(mw_task_same_memory(getpid(), getpid()), MW_SAME_MEMORY_YES);
	close(fd);
	free(argv);
}

static void test_nobody_has_pid_one_billion(void **state)
{
	struct mw_task_stat stat;
	size_t size;

	(void)state;
	assert_false(mw_task_stat_read(1000000000, &stat));
	assert_null(mw_task_argv_read(1000000000, &size));
	assert_null(mw_task_exe_read(1000000000));
	assert_int_equal(mw_task_statm_open(1000000000, 1000000000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_with_blanks_and_parentheses_keeps_the_fields_in_place),
		cmocka_unit_test(test_a_cut_stat_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(test_memory_lines_are_read_by_name),
		cmocka_unit_test(test_a_zombie_has_no_memory),
		cmocka_unit_test(test_our_own_files_can_be_read),
		cmocka_unit_test(test_nobody_has_pid_one_billion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
