// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/vec.h"
#include "profiler/procinfo.h"
#include "profiler/report.h"
#include "repl/run_live.h"
#include "repl/run_options.h"
#include "repl/run_outputs.h"
#include "repl/subcommand.h"
#include "repl/version.h"

#define EXIT_OWN_FAILURE 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define EXIT_LIMIT_TOTAL 10
#define EXIT_LIMIT_PROCESS 11
#define EXIT_LEAK 13

#define TICK_MS 200
#define CHECKPOINT_NS UINT64_C(3000000000)
/** A checkpoint may take this part of the time. */
#define CHECKPOINT_SHARE 100
#define TEXT_LIMIT 30

/** Everything one `memwatch run` works with. */
struct run {
	struct mw_run_options options;
	struct mw_run_outputs outputs;
	struct mw_run_live live;
	struct mw_log log;
	uint64_t next_checkpoint_ns;
	/** argv of the process attached to, or the command. */
	char **argv;
	MW_VEC(struct mw_job *) jobs;
	MW_VEC(struct mw_report *) reports;
};

static void write_message(void *arg, enum mw_log_level level, const char *message)
{
	struct run *run = arg;

	(void)level;
	mw_run_live_clear(&run->live);
	fprintf(stderr, "memwatch: %s\n", message);
}

static void report_error(struct run *run, struct mw_error *err)
{
	if (err)
		mw_log_error(&run->log, "%s", err->message);
	mw_error_destroy(err);
}

static void checkpoint(struct run *run, struct mw_job *job)
{
	uint64_t begin_ns = mw_clock_now_ns();
	struct mw_report *report;
	struct mw_error *err;

	if (begin_ns < run->next_checkpoint_ns)
		return;
	job->end_ns = begin_ns;
	err = mw_report_create(job, run->argv, false, &report);
	if (!err) {
		err = mw_run_outputs_write(&run->outputs, &report, 1, false);
		mw_report_destroy(report);
	}
	report_error(run, err);
	run->next_checkpoint_ns =
		mw_clock_now_ns() +
		mw_max(CHECKPOINT_NS, (mw_clock_now_ns() - begin_ns) * CHECKPOINT_SHARE);
}

static void tick(void *arg, struct mw_job *job)
{
	struct run *run = arg;

	mw_run_live_show(&run->live, job);
	checkpoint(run, job);
}

static struct mw_error *run_once(struct run *run)
{
	struct mw_supervise_settings *settings = &run->options.supervise;
	struct mw_report *report;
	struct mw_error *err;
	struct mw_job *job;

	settings->tick = tick;
	settings->tick_ms = TICK_MS;
	settings->arg = run;
	run->next_checkpoint_ns = mw_clock_now_ns() + CHECKPOINT_NS / 2;
	err = mw_supervise(settings, &job);
	mw_run_live_clear(&run->live);
	if (err)
		return err;
	if (!mw_vec_push(&run->jobs, job)) {
		mw_job_destroy(job);
		return mw_err_nomem;
	}
	err = mw_report_create(job, run->argv, run->options.fail_on_leak, &report);
	if (err)
		return err;
	if (!mw_vec_push(&run->reports, report)) {
		mw_report_destroy(report);
		return mw_err_nomem;
	}
	return NULL;
}

static struct mw_error *run_all(struct run *run)
{
	for (unsigned i = 0; i < run->options.runs; i++) {
		struct mw_error *err = run_once(run);

		if (err)
			return err;
		if (run->jobs.items[i]->not_started || run->jobs.items[i]->interrupted)
			break;
	}
	return NULL;
}

/** Runs the command the person wants to see the report; whatever it does changes nothing. */
static void run_post_command(struct run *run)
{
	const char *path = run->outputs.files[MW_RUN_JSON].path;
	const char *command = run->options.post_run_command;
	int status = 0;
	pid_t pid;

	if (!command)
		return;
	pid = fork();
	if (!pid) {
		setenv("MEMWATCH_JSON", path, 1);
		execl("/bin/sh", "sh", "-c", command, "memwatch", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status)
		mw_log_warning(&run->log, "--post-run-cmd failed (%s %d)",
			       WIFSIGNALED(status) ? "signal" : "exit code",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void write_summary(struct run *run)
{
	const struct mw_run_options *options = &run->options;
	struct mw_report *const *reports = run->reports.items;
	size_t count = run->reports.count;
	struct mw_text_style style = {
		.colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR"),
		.limit = options->list_all ? 0 : TEXT_LIMIT,
	};

	if (options->quiet || (options->json && !options->json_path))
		return;
	mw_report_write_text(reports[mw_median_run(reports, count)], &style, stderr);
	if (count > 1)
		mw_runs_write_text(reports, count, &style, stderr);
}

/** @return false when a report could not be written. */
static bool write_reports(struct run *run)
{
	const struct mw_run_options *options = &run->options;
	struct mw_error *err;

	write_summary(run);
	err = mw_run_outputs_write(&run->outputs, run->reports.items, run->reports.count, true);
	if (options->json && !options->json_path &&
	    mw_run_outputs_stdout(&run->outputs, run->reports.items, run->reports.count))
		mw_log_warning(&run->log,
			       "the command wrote to stdout too, so the JSON there is not alone: "
			       "--json=FILE or --silent keeps them apart");
	if (!err)
		return true;
	report_error(run, err);
	return false;
}

static MW_NORETURN void raise_again(int signal)
{
	sigset_t set;

	/* The job may have dumped core; our own would only overwrite it. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	fflush(NULL);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + signal);
}

static int not_started_code(struct run *run, const struct mw_job *job)
{
	mw_log_error(&run->log, "cannot start %s: %s", run->argv[0], strerror(job->start_errnum));
	return job->start_errnum == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/** The exit code of one run. @param ret_signal the signal to end by instead, or 0. */
static int run_code(struct run *run, const struct mw_report *report, int *ret_signal)
{
	const struct mw_job *job = report->job;
	enum mw_limit_kind kind;
	int code;

	*ret_signal = 0;
	if (job->not_started)
		return not_started_code(run, job);
	if (mw_limits_exceeded(&job->limits, &kind)) {
		if (run->options.limit_exit >= 0)
			return run->options.limit_exit;
		return kind == MW_LIMIT_PROCESS_RSS ? EXIT_LIMIT_PROCESS : EXIT_LIMIT_TOTAL;
	}
	if (run->options.supervise.attach_pid)
		code = 0;
	else if (!mw_report_exit(report, &code, ret_signal))
		*ret_signal = job->interrupted;
	if (!code && !*ret_signal && report->fail_on_leak && report->leaks.count)
		return EXIT_LEAK;
	return code;
}

/** The first run that failed decides. */
static int final_code(struct run *run, int *ret_signal)
{
	for (size_t i = 0; i < run->reports.count; i++) {
		int code = run_code(run, run->reports.items[i], ret_signal);

		if (code || *ret_signal)
			return code;
	}
	return 0;
}

/** The command line to report: ours to start, or that of the process attached to. */
static struct mw_error *find_argv(struct run *run)
{
	pid_t pid = run->options.supervise.attach_pid;
	size_t count = 0;
	size_t size = 0;
	char *text;

	if (!pid) {
		run->argv = run->options.argv;
		return NULL;
	}
	text = mw_task_argv_read(pid, &size);
	run->argv = calloc(size + 2, sizeof(*run->argv));
	if (!run->argv) {
		free(text);
		return mw_err_nomem;
	}
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		run->argv[count++] = text + at;
	return NULL;
}

static void run_deinit(struct run *run)
{
	mw_vec_foreach (report, &run->reports)
		mw_report_destroy(*report);
	mw_vec_foreach (job, &run->jobs)
		mw_job_destroy(*job);
	mw_vec_deinit(&run->reports);
	mw_vec_deinit(&run->jobs);
	mw_run_outputs_deinit(&run->outputs);
	if (run->options.supervise.attach_pid && run->argv) {
		free(run->argv[0]);
		free(run->argv);
	}
	mw_run_options_deinit(&run->options);
}

static int run_to_the_end(struct run *run, int *ret_signal)
{
	struct mw_error *err = mw_run_outputs_init(&run->options, &run->outputs);
	int code;

	if (!err)
		err = find_argv(run);
	if (!err)
		err = run_all(run);
	if (err) {
		report_error(run, err);
		return EXIT_OWN_FAILURE;
	}
	/* A pipe that nobody reads any more must not cost the exit code. */
	signal(SIGPIPE, SIG_IGN);
	code = write_reports(run) ? 0 : EXIT_OWN_FAILURE;
	run_post_command(run);
	if (!code)
		code = final_code(run, ret_signal);
	return code;
}

static int run_main(int argc, char **argv)
{
	struct run run = {.log = {.level = MW_LOG_INFO, .write = write_message}};
	struct mw_error *err;
	int signal = 0;
	int code;

	run.log.arg = &run;
	err = mw_run_options_parse(argc, argv, &run.options);
	if (err) {
		report_error(&run, err);
		return EXIT_OWN_FAILURE;
	}
	if (run.options.help) {
		mw_run_options_help(stdout);
		return 0;
	}
	run.options.job.log = &run.log;
	run.options.job.version = MW_VERSION;
	mw_run_live_init(&run.live, run.options.live);
	code = run_to_the_end(&run, &signal);
	run_deinit(&run);
	if (signal)
		raise_again(signal);
	return code;
}

const struct mw_subcommand mw_subcommand_run = {
	.name = "run",
	.arguments = "[options] -- COMMAND [ARGUMENT…]",
	.summary = "run a command and report the memory of every process of the job",
	.main = run_main,
};
