// SPDX-License-Identifier: MIT
#include "repl/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define DEFAULT_INTERVAL_MS 100
#define DEFAULT_GRACE_MS 5000

static struct mw_error *parse_number(const char *text, double least, double most, double *ret)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || *end || !isfinite(number) || number < least || number > most)
		return mw_error_create(MW_ERROR_USAGE, "\"%s\" is not a number from %g to %g", text,
				       least, most);
	*ret = number;
	return NULL;
}

static struct mw_error *parse_word(const char *text, const char *(*name)(int), int count, int *ret)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(text, name(i)) != 0)
			continue;
		*ret = i;
		return NULL;
	}
	return mw_error_create(MW_ERROR_USAGE, "\"%s\" is not one of the words it knows", text);
}

static const char *group_word(int value)
{
	return mw_group_by_name((enum mw_group_by)value);
}

static const char *track_word(int value)
{
	return mw_track_name((enum mw_track)value);
}

static const char *action_word(int value)
{
	return mw_limit_action_name((enum mw_limit_action)value);
}

static const char *wait_word(int value)
{
	return value ? "tree" : "root";
}

static struct mw_error *set_interval(struct mw_run_options *options, const char *text)
{
	double number = 0;
	struct mw_error *err = parse_number(text, 1, 3600000, &number);

	if (err)
		return err;
	options->job.interval_ms = (unsigned)number;
	options->job.interval_fixed = true;
	return NULL;
}

static struct mw_error *set_json(struct mw_run_options *options, const char *text)
{
	options->json = true;
	if (text && strcmp(text, "-") != 0)
		options->json_path = text;
	return NULL;
}

static struct mw_error *set_csv(struct mw_run_options *options, const char *text)
{
	options->csv_path = text;
	return NULL;
}

static struct mw_error *set_timeline(struct mw_run_options *options, const char *text)
{
	options->timeline_path = text;
	return NULL;
}

static struct mw_error *set_series(struct mw_run_options *options, const char *text)
{
	options->series_path = text;
	return NULL;
}

static struct mw_error *set_csv_comments(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->csv_comments = true;
	return NULL;
}

static struct mw_error *set_quiet(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->quiet = true;
	return NULL;
}

static struct mw_error *set_silent(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->silent = true;
	return NULL;
}

static struct mw_error *set_all(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->list_all = true;
	return NULL;
}

static struct mw_error *set_live(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->live = true;
	return NULL;
}

static struct mw_error *set_regex(regex_t *regex, const char **ret_text, const regex_t **ret,
				  const char *text)
{
	char reason[128];
	int code;

	if (*ret)
		return mw_error_create(MW_ERROR_USAGE, "given twice; join the patterns with |");
	code = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	if (code) {
		regerror(code, regex, reason, sizeof(reason));
		return mw_error_create(MW_ERROR_USAGE,
				       "\"%s\" is no extended regular expression: %s", text,
				       reason);
	}
	*ret_text = text;
	*ret = regex;
	return NULL;
}

static struct mw_error *set_include(struct mw_run_options *options, const char *text)
{
	return set_regex(&options->include, &options->job.include_text, &options->job.include,
			 text);
}

static struct mw_error *set_exclude(struct mw_run_options *options, const char *text)
{
	return set_regex(&options->exclude, &options->job.exclude_text, &options->job.exclude,
			 text);
}

static struct mw_error *set_group_by(struct mw_run_options *options, const char *text)
{
	int value = 0;
	struct mw_error *err = parse_word(text, group_word, MW_GROUP_BY_SUBTREE + 1, &value);

	if (!err)
		options->job.group_by = (enum mw_group_by)value;
	return err;
}

static struct mw_error *set_track(struct mw_run_options *options, const char *text)
{
	int value = 0;
	struct mw_error *err = parse_word(text, track_word, MW_TRACK_POLL + 1, &value);

	if (!err)
		options->supervise.track = (enum mw_track)value;
	return err;
}

static struct mw_error *set_wait(struct mw_run_options *options, const char *text)
{
	int value = 0;
	struct mw_error *err = parse_word(text, wait_word, 2, &value);

	if (!err)
		options->supervise.wait_tree = value;
	return err;
}

static struct mw_error *set_exact_intervals(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->job.exact_intervals = true;
	return NULL;
}

static struct mw_error *set_no_cgroup(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->supervise.use_cgroup = false;
	return NULL;
}

static struct mw_error *set_pid(struct mw_run_options *options, const char *text)
{
	double number = 0;
	struct mw_error *err = parse_number(text, 1, INT_MAX, &number);

	if (!err)
		options->supervise.attach_pid = (pid_t)number;
	return err;
}

static struct mw_error *set_total_rss(struct mw_run_options *options, const char *text)
{
	return mw_size_parse(text, &options->job.limits.kib[MW_LIMIT_TOTAL_RSS]);
}

static struct mw_error *set_total_pss(struct mw_run_options *options, const char *text)
{
	return mw_size_parse(text, &options->job.limits.kib[MW_LIMIT_TOTAL_PSS]);
}

static struct mw_error *set_process_rss(struct mw_run_options *options, const char *text)
{
	return mw_size_parse(text, &options->job.limits.kib[MW_LIMIT_PROCESS_RSS]);
}

static struct mw_error *set_limit_action(struct mw_run_options *options, const char *text)
{
	int value = 0;
	struct mw_error *err = parse_word(text, action_word, MW_LIMIT_KILL + 1, &value);

	if (!err)
		options->job.limits.action = (enum mw_limit_action)value;
	return err;
}

static struct mw_error *set_limit_grace(struct mw_run_options *options, const char *text)
{
	double number = 0;
	struct mw_error *err = parse_number(text, 0, 86400, &number);

	if (!err)
		options->job.limits.grace_ms = (unsigned)(number * 1000);
	return err;
}

static struct mw_error *set_limit_exit(struct mw_run_options *options, const char *text)
{
	double number = 0;
	struct mw_error *err = parse_number(text, 0, 255, &number);

	if (!err)
		options->limit_exit = (int)number;
	return err;
}

static struct mw_error *set_leak_growth(struct mw_run_options *options, const char *text)
{
	return parse_number(text, 0, 1e9, &options->job.leak_min_growth_percent);
}

static struct mw_error *set_leak_duration(struct mw_run_options *options, const char *text)
{
	return parse_number(text, 0, 1e9, &options->job.leak_min_duration_seconds);
}

static struct mw_error *set_fail_on_leak(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->fail_on_leak = true;
	return NULL;
}

static struct mw_error *set_runs(struct mw_run_options *options, const char *text)
{
	double number = 0;
	struct mw_error *err = parse_number(text, 1, 1000, &number);

	if (!err)
		options->runs = (unsigned)number;
	return err;
}

static struct mw_error *set_post_run(struct mw_run_options *options, const char *text)
{
	options->post_run_command = text;
	return NULL;
}

static struct mw_error *set_help(struct mw_run_options *options, const char *text)
{
	(void)text;
	options->help = true;
	return NULL;
}

struct run_option {
	/** One letter, or 0. */
	char letter;
	const char *name;
	/** What follows it: NULL nothing, "[=X]" maybe something. */
	const char *argument;
	struct mw_error *(*set)(struct mw_run_options *options, const char *text);
	const char *help;
};

static const struct run_option table[] = {
	{'i', "interval", "MS", set_interval,
	 "time between two samples; default 100, denser in the first 2 s, and never more than "
	 "1 % of a CPU"},
	{0, "json", "[=FILE]", set_json,
	 "JSON report to FILE; without one to stdout, after the command"},
	{0, "csv", "FILE", set_csv, "peak of each process as CSV"},
	{0, "timeline", "FILE", set_timeline, "total over time as CSV"},
	{0, "series", "FILE", set_series, "memory of each process over time as CSV"},
	{0, "csv-comments", NULL, set_csv_comments,
	 "a line about the filter before the CSV header"},
	{0, "quiet", NULL, set_quiet, "no summary"},
	{0, "silent", NULL, set_silent, "drop what the command prints"},
	{0, "all", NULL, set_all, "list every process in the summary, not only the 30 largest"},
	{0, "live", NULL, set_live, "show progress"},
	{0, "include", "REGEX", set_include, "list only processes whose command matches"},
	{0, "exclude", "REGEX", set_exclude, "leave out those whose command matches"},
	{0, "group-by", "WHAT", set_group_by, "command (default), exe, ppid or subtree"},
	{0, "track", "HOW", set_track, "auto (default), taskstats, ptrace, perf or poll"},
	{0, "exact-intervals", NULL, set_exact_intervals,
	 "reset the kernel's marks after each sample: no peak in between is missed, but the "
	 "job's own ru_maxrss is"},
	{0, "no-cgroup", NULL, set_no_cgroup, "don't put the job into a control group of its own"},
	{0, "pid", "PID", set_pid, "follow a running process and its children instead"},
	{0, "wait", "WHOM", set_wait,
	 "tree (default): until the last process ends; root: until the command does"},
	{0, "max-total-rss", "SIZE", set_total_rss, "limit of the sum: 512M, 8G, 75%"},
	{0, "max-total-pss", "SIZE", set_total_pss, "the same with shared pages counted once"},
	{0, "max-per-proc-rss", "SIZE", set_process_rss, "limit of each process"},
	{0, "limit-action", "WHAT", set_limit_action,
	 "warn (default), term or kill; the exit code is 10 or 11 with each"},
	{0, "limit-grace", "SECONDS", set_limit_grace, "from SIGTERM to SIGKILL; default 5"},
	{0, "limit-exit", "CODE", set_limit_exit, "exit code instead of 10 and 11"},
	{0, "leak-min-growth", "PERCENT", set_leak_growth, "least steady growth; default 50"},
	{0, "leak-min-duration", "SECONDS", set_leak_duration, "over at least; default 60"},
	{0, "fail-on-leak", NULL, set_fail_on_leak, "exit code 13 when something grew steadily"},
	{0, "runs", "N", set_runs, "run the command N times; median and spread"},
	{0, "post-run-cmd", "CMD", set_post_run,
	 "shell command run at the end; the JSON report is $1 and $MEMWATCH_JSON"},
	{'h', "help", NULL, set_help, "this text"},
};

#define TABLE_SIZE mw_array_size(table)
/** getopt's value of the first long option; above every letter. */
#define LONG_BASE 256

void mw_run_options_help(FILE *file)
{
	fputs("Usage: memwatch run [options] -- COMMAND [ARG...]\n"
	      "       memwatch run [options] --pid PID\n\n"
	      "Run a command and report the memory of every process of the job.\n\n",
	      file);
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		const char *argument = table[i].argument ? table[i].argument : "";
		char letter[8] = "    ";
		char left[40];

		if (table[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", table[i].letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, table[i].name,
			 table[i].argument && *argument != '[' ? " " : "", argument);
		fprintf(file, "  %-30s %s\n", left, table[i].help);
	}
	fputs("\nExit code: the command's; its signal is raised again. 125 memwatch failed, "
	      "126 the command\ncan't be executed, 127 it wasn't found, 10 a limit of the sum was "
	      "exceeded, 11 that of a\nprocess, 13 a leak with --fail-on-leak.\n",
	      file);
}

static void set_defaults(struct mw_run_options *options)
{
	*options = (struct mw_run_options){
		.job = {.interval_ms = DEFAULT_INTERVAL_MS,
			.limits.grace_ms = DEFAULT_GRACE_MS,
			.leak_min_growth_percent = 50,
			.leak_min_duration_seconds = 60},
		.supervise = {.wait_tree = true, .use_cgroup = true},
		.limit_exit = -1,
		.runs = 1,
	};
}

static void fill_getopt_tables(char *letters, struct option *longs)
{
	*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		int has = table[i].argument ? *table[i].argument == '[' ? optional_argument
									: required_argument
					    : no_argument;

		longs[i] = (struct option){table[i].name, has, NULL, LONG_BASE + (int)i};
		if (!table[i].letter)
			continue;
		*letters++ = table[i].letter;
		if (table[i].argument)
			*letters++ = ':';
	}
	*letters = '\0';
	longs[TABLE_SIZE] = (struct option){0};
}

static const struct run_option *find_option(int value)
{
	if (value >= LONG_BASE)
		return &table[value - LONG_BASE];
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (table[i].letter == value)
			return &table[i];
	return NULL;
}

static struct mw_error *check_together(const struct mw_run_options *options)
{
	if (options->help)
		return NULL;
	if (!options->argv[0] && !options->supervise.attach_pid)
		return mw_error_create(MW_ERROR_USAGE,
				       "no command: write memwatch run [options] -- COMMAND");
	if (options->argv[0] && options->supervise.attach_pid)
		return mw_error_create(MW_ERROR_USAGE, "either a command or --pid, not both");
	if (options->runs > 1 && options->supervise.attach_pid)
		return mw_error_create(MW_ERROR_USAGE, "--runs needs a command to run again");
	return NULL;
}

static struct mw_error *parse_words(int argc, char **argv, struct mw_run_options *options)
{
	struct option longs[TABLE_SIZE + 1];
	char letters[2 * TABLE_SIZE + 3];
	int value = 0;

	fill_getopt_tables(letters, longs);
	optind = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct run_option *option = find_option(value);
		struct mw_error *err;

		if (value == ':')
			return mw_error_create(MW_ERROR_USAGE, "%s needs a value",
					       argv[optind - 1]);
		if (!option)
			return mw_error_create(MW_ERROR_USAGE,
					       "unknown option %s: see memwatch run --help",
					       argv[optind - 1]);
		err = option->set(options, optarg);
		if (err)
			return mw_error_prefix(err, "--%s", option->name);
	}
	options->argv = argv + optind;
	return check_together(options);
}

struct mw_error *mw_run_options_parse(int argc, char **argv, struct mw_run_options *ret)
{
	struct mw_error *err;

	set_defaults(ret);
	err = parse_words(argc, argv, ret);
	if (err) {
		mw_run_options_deinit(ret);
		return err;
	}
	ret->supervise.argv = ret->argv;
	ret->supervise.silent = ret->silent;
	ret->supervise.job = &ret->job;
	ret->job.keep_series = ret->json || ret->series_path;
	return NULL;
}

void mw_run_options_deinit(struct mw_run_options *options)
{
	if (options->job.include)
		regfree(&options->include);
	if (options->job.exclude)
		regfree(&options->exclude);
	options->job.include = options->job.exclude = NULL;
}
