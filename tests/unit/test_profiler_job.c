// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "profiler/job.h"
#include "profiler/oom.h"
#include "profiler/report.h"

/** Pids nobody has, so that /proc knows nothing of them. */
#define FIRST_PID 1000000000
#define MS UINT64_C(1000000)

static const struct mw_job_settings settings;

static struct mw_job *new_job(void)
{
	struct mw_job *job;

	assert_null(mw_job_create(&settings, &job));
	job->sees_everybody = true;
	return job;
}

static struct mw_process *begin(struct mw_job *job, int index, struct mw_process *parent, int ms)
{
	struct mw_process *process = mw_job_process_begin(job, FIRST_PID + index, parent,
							  job->start_ns + (uint64_t)ms * MS);

	assert_non_null(process);
	if (!parent)
		job->root = process;
	return process;
}

static void end(struct mw_job *job, struct mw_process *process, uint64_t kib, int ms)
{
	uint64_t ns = job->start_ns + (uint64_t)ms * MS;

	mw_process_note_peak(process, kib, MW_HWM_EXIT, ns);
	mw_job_process_end(job, process, ns);
}

static void test_a_pid_that_comes_round_is_another_process(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *first = begin(job, 1, NULL, 0);
	struct mw_process *second;

	(void)state;
	end(job, first, 100, 10);
	second = begin(job, 1, NULL, 500);
	assert_ptr_not_equal(first, second);
	assert_int_equal(job->processes.count, 2);
	assert_int_equal(job->live.count, 1);
	assert_ptr_equal(mw_job_find(job, FIRST_PID + 1), second);
	mw_job_destroy(job);
}

static void test_a_forked_copy_of_a_large_parent_is_not_its_programs_peak(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *parent = begin(job, 1, NULL, 0);
	struct mw_process *child = begin(job, 2, parent, 5);

	(void)state;
	mw_process_note_peak(child, 400000, MW_HWM_SAMPLED, job->start_ns + 6 * MS);
	mw_job_process_exec(job, child, "true", job->start_ns + 7 * MS);
	end(job, child, 1200, 8);
	assert_int_equal(child->max_rss_kib, 1200);
	assert_int_equal(child->copy_peak_kib, 400000);
	assert_true(mw_process_is_exact(child));
	mw_job_destroy(job);
}

static void test_an_earlier_program_of_the_same_process_counts(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *process = begin(job, 1, NULL, 0);

	(void)state;
	mw_job_process_exec(job, process, "large", job->start_ns + 1 * MS);
	mw_process_note_peak(process, 90000, MW_HWM_SAMPLED, job->start_ns + 2 * MS);
	mw_job_process_exec(job, process, "small", job->start_ns + 3 * MS);
	end(job, process, 1200, 8);
	assert_int_equal(process->max_rss_kib, 90000);
	assert_int_equal(process->exec_chain.count, 2);
	mw_job_destroy(job);
}

static void test_rusage_of_a_child_or_a_spawner_is_not_taken_for_ones_own(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *parent = begin(job, 1, NULL, 0);
	struct mw_process *child = begin(job, 2, parent, 1);
	struct rusage usage = {.ru_maxrss = 50000};

	(void)state;
	mw_job_process_exec(job, child, "hog", job->start_ns + 2 * MS);
	end(job, child, 50000, 5);
	mw_process_note_peak(parent, 1000, MW_HWM_STATUS, job->start_ns);
	mw_job_process_reaped(job, parent, 0, &usage, job->start_ns + 6 * MS);
	assert_int_equal(parent->max_rss_kib, 1000);
	mw_job_destroy(job);
}

static void test_the_bound_sums_what_lived_together(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *root = begin(job, 1, NULL, 0);
	struct mw_process *first = begin(job, 2, root, 10);
	struct mw_process *second;

	(void)state;
	first->borrowed_first = true;
	mw_job_process_exec(job, first, "a", job->start_ns + 10 * MS);
	end(job, first, 500, 20);
	second = begin(job, 3, root, 30);
	second->borrowed_first = true;
	mw_job_process_exec(job, second, "b", job->start_ns + 30 * MS);
	end(job, second, 700, 40);
	end(job, root, 100, 50);
	assert_int_equal(mw_overlap_bound_kib(job), 800);
	mw_job_destroy(job);
}

static void test_the_bound_counts_a_fork_as_a_copy_until_its_exec(void **state)
{
	struct mw_job *job = new_job();
	struct mw_process *root = begin(job, 1, NULL, 0);
	struct mw_process *child = begin(job, 2, root, 10);

	(void)state;
	mw_job_process_exec(job, child, "true", job->start_ns + 15 * MS);
	end(job, child, 50, 20);
	end(job, root, 1000, 50);
	assert_int_equal(mw_overlap_bound_kib(job), 2000);
	mw_job_destroy(job);
}

static void test_completeness_is_a_sentence(void **state)
{
	static char *argv[] = {(char *)"x", NULL};
	struct mw_job *job = new_job();
	struct mw_process *root = begin(job, 1, NULL, 0);
	struct mw_report *report;

	(void)state;
	end(job, begin(job, 2, root, 1), 10, 2);
	end(job, root, 10, 5);
	assert_null(mw_report_create(job, argv, false, &report));
	assert_string_equal(report->completeness.line, "2 processes, all measured exactly");
	mw_report_destroy(report);
	begin(job, 3, root, 3);
	mw_process_note_peak(begin(job, 4, root, 3), 5, MW_HWM_SAMPLED, job->start_ns);
	assert_null(mw_report_create(job, argv, false, &report));
	assert_string_equal(report->completeness.line,
			    "4 processes: 2 measured exactly, 1 sampled, 1 only counted");
	assert_int_equal(report->bound_high_kib, -1);
	mw_report_destroy(report);
	mw_job_destroy(job);
}

static void test_sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t kib;
	} good[] = {{"1024", 1},         {"4096K", 4096}, {"512M", 524288}, {"8G", 8388608},
		    {"1.5GiB", 1572864}, {"64mb", 65536}, {"2048b", 2},     {"1T", 1073741824}};
	static const char *const bad[] = {"",    "M",   "-5M", "5X", "5MM", "1e99G",
					  "nan", "inf", "0",   "10", "5 M", "%"};
	uint64_t kib = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_null(mw_size_parse(good[i].text, &kib));
		assert_int_equal(kib, good[i].kib);
	}
	assert_null(mw_size_parse("50%", &kib));
	assert_in_range(kib, mw_machine_memory_kib() / 2 - 1, mw_machine_memory_kib() / 2 + 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mw_error *err = mw_size_parse(bad[i], &kib);

		assert_non_null(err);
		mw_error_destroy(err);
	}
}

static void test_the_kernels_oom_message_is_understood(void **state)
{
	struct mw_oom_kill kill;

	(void)state;
	assert_true(mw_oom_message_parse(
		"3,1234,5678,-;Memory cgroup out of memory: Killed process 4711 (a (b)) "
		"total-vm:211932kB, anon-rss:60000kB, file-rss:1200kB, shmem-rss:4kB, UID:0 "
		"pgtables:164kB oom_score_adj:0\n",
		&kill));
	assert_int_equal(kill.pid, 4711);
	assert_string_equal(kill.name, "a (b)");
	assert_int_equal(kill.rss_kib, 61204);
	assert_false(mw_oom_message_parse("6,1,2,-;usb 1-1: new device\n", &kill));
	assert_false(mw_oom_message_parse("Killed process x (y) total-vm:1kB", &kill));
	assert_false(mw_oom_message_parse("Killed process 5", &kill));
}

static void test_the_spread_of_runs_is_robust(void **state)
{
	double odd[] = {30, 10, 20, 1000, 25};
	double even[] = {4, 1, 3, 2};
	struct mw_spread spread = mw_spread_of(odd, 5);

	(void)state;
	assert_true(spread.median == 25 && spread.min == 10 && spread.max == 1000);
	assert_true(spread.mad == 5);
	assert_true(mw_spread_of(even, 4).median == 2.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pid_that_comes_round_is_another_process),
		cmocka_unit_test(test_a_forked_copy_of_a_large_parent_is_not_its_programs_peak),
		cmocka_unit_test(test_an_earlier_program_of_the_same_process_counts),
		cmocka_unit_test(test_rusage_of_a_child_or_a_spawner_is_not_taken_for_ones_own),
		cmocka_unit_test(test_the_bound_sums_what_lived_together),
		cmocka_unit_test(test_the_bound_counts_a_fork_as_a_copy_until_its_exec),
		cmocka_unit_test(test_completeness_is_a_sentence),
		cmocka_unit_test(test_sizes_have_units),
		cmocka_unit_test(test_the_kernels_oom_message_is_understood),
		cmocka_unit_test(test_the_spread_of_runs_is_robust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
