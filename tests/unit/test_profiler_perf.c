// SPDX-License-Identifier: MIT
/* Real task events of a process that the job doesn't know: as if its fork had been missed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "profiler/job.h"
#include "profiler/process.h"
#include "profiler/tracker.h"

static const struct mw_job_settings settings;

struct scene {
	struct mw_job *job;
	struct mw_tracker *tracker;
	struct mw_process *process;
	int go;
};

/** A child that forks once and ends, when the other end of its pipe is closed. */
static pid_t start_child(int *ret_go)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid) {
		close(ends[0]);
		*ret_go = ends[1];
		return pid;
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 0 && fork())
		wait(NULL);
	_exit(0);
}

static int scene_setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct mw_error *err;

	assert_non_null(scene);
	*state = scene;
	assert_null(mw_job_create(&settings, &scene->job));
	scene->process = mw_process_create(start_child(&scene->go), 0);
	assert_non_null(scene->process);
	err = mw_tracker_perf.create(scene->job, &scene->tracker);
	if (!err)
		err = mw_tracker_perf.follow(scene->tracker, scene->process);
	if (err)
		print_message("perf may not be used: %s\n", err->message);
	mw_error_destroy(err);
	return 0;
}

static void end_tracker(struct scene *scene)
{
	if (scene->tracker)
		mw_tracker_perf.destroy(scene->tracker);
	scene->tracker = NULL;
}

static int scene_teardown(void **state)
{
	struct scene *scene = *state;

	end_tracker(scene);
	mw_process_destroy(scene->process);
	mw_job_destroy(scene->job);
	free(scene);
	return 0;
}

static void let_it_run(struct scene *scene)
{
	close(scene->go);
	waitpid(scene->process->pid, NULL, 0);
	if (!scene->process->tasks)
		skip();
}

static void test_records_that_find_no_process_in_time_are_counted_as_lost(void **state)
{
	struct scene *scene = *state;

	let_it_run(scene);
	mw_tracker_perf.drain(scene->tracker);
	assert_int_equal(scene->job->events_lost, 0);
	alarm(60);
	while (scene->job->events_lost < 3) {
		usleep(10000);
		mw_tracker_perf.drain(scene->tracker);
	}
	alarm(0);
	end_tracker(scene);
	assert_int_equal(scene->job->events_lost, 3);
}

static void test_records_that_wait_for_their_process_at_the_end_are_counted_as_lost(void **state)
{
	struct scene *scene = *state;

	let_it_run(scene);
	mw_tracker_perf.drain(scene->tracker);
	end_tracker(scene);
	assert_int_equal(scene->job->events_lost, 3);
}

static void test_records_of_known_processes_are_not_lost(void **state)
{
	struct scene *scene = *state;
	struct mw_process *known =
		mw_job_process_begin(scene->job, scene->process->pid, NULL, scene->job->start_ns);

	assert_non_null(known);
	known->tasks = 1;
	let_it_run(scene);
	mw_tracker_perf.drain(scene->tracker);
	end_tracker(scene);
	assert_int_equal(scene->job->processes.count, 2);
	assert_int_equal(scene->job->events_lost, 0);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(test_records_that_find_no_process_in_time_are_counted_as_lost),
		in_scene(test_records_that_wait_for_their_process_at_the_end_are_counted_as_lost),
		in_scene(test_records_of_known_processes_are_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
