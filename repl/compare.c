// SPDX-License-Identifier: MIT
#include "profiler/compare.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "repl/compare_output.h"
#include "repl/flags.h"
#include "repl/output_file.h"
#include "repl/subcommand.h"

enum compare_exit {
	EXIT_NO_REGRESSION = 0,
	EXIT_UNREADABLE = 1,
	EXIT_USAGE = 2,
	EXIT_REGRESSION = 12,
};

/** Where one kind of output goes. */
struct destination {
	bool wanted;
	/** NULL for standard output. */
	const char *path;
};

struct settings {
	struct mw_compare_settings compare;
	struct destination json, markdown;
	const char *budget;
	bool quiet, help;
};

static struct mw_error *set_threshold(void *settings, const char *value)
{
	return mw_threshold_parse(value, &((struct settings *)settings)->compare.threshold);
}

static struct mw_error *set_floor(void *settings, const char *value)
{
	return mw_amount_parse_size(value, &((struct settings *)settings)->compare.floor_kib);
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && !strncmp(text, word, length);
}

static struct mw_error *judge_one(struct mw_compare_settings *compare, const char *name,
				  size_t length)
{
	if (is_word(name, length, "groups")) {
		compare->judge_groups = true;
		return NULL;
	}
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		if (is_word(name, length, mw_metrics[i].name)) {
			compare->judged[i] = true;
			return NULL;
		}
	}
	return mw_error_create(MW_ERROR_USAGE, "there is no metric '%.*s', see --help", (int)length,
			       name);
}

static struct mw_error *set_metrics(void *settings, const char *value)
{
	struct mw_compare_settings *compare = &((struct settings *)settings)->compare;
	struct mw_error *err;
	size_t length;

	memset(compare->judged, 0, sizeof(compare->judged));
	compare->judge_groups = false;
	for (;; value += length + 1) {
		length = strcspn(value, ",");
		err = judge_one(compare, value, length);
		if (err || !value[length])
			return err;
	}
}

static struct mw_error *set_group_by(void *settings, const char *value)
{
	static const char *const ways[] = {"command", "exe"};

	for (size_t i = 0; i < mw_array_size(ways); i++) {
		if (!strcmp(value, ways[i])) {
			((struct settings *)settings)->compare.group_by = ways[i];
			return NULL;
		}
	}
	return mw_error_create(MW_ERROR_USAGE, "'%s' is neither command nor exe", value);
}

static struct mw_error *set_json(void *settings, const char *value)
{
	((struct settings *)settings)->json = (struct destination){true, value};
	return NULL;
}

static struct mw_error *set_markdown(void *settings, const char *value)
{
	((struct settings *)settings)->markdown = (struct destination){true, value};
	return NULL;
}

static struct mw_error *set_budget(void *settings, const char *value)
{
	((struct settings *)settings)->budget = value;
	return NULL;
}

static struct mw_error *set_quiet(void *settings, const char *value MW_UNUSED)
{
	((struct settings *)settings)->quiet = true;
	return NULL;
}

static struct mw_error *set_help(void *settings, const char *value MW_UNUSED)
{
	((struct settings *)settings)->help = true;
	return NULL;
}

static const struct mw_flag options[] = {
	{"threshold", 't', MW_FLAG_REQUIRED, "5%|20M", "what is too much more (5%)", set_threshold},
	{"floor", 0, MW_FLAG_REQUIRED, "SIZE", "sizes that differ by less are the same (1M)",
	 set_floor},
	{"metrics", 'm', MW_FLAG_REQUIRED, "LIST", "judge only these (all but processes)",
	 set_metrics},
	{"group-by", 'g', MW_FLAG_REQUIRED, "command|exe", "what makes a group (command)",
	 set_group_by},
	{"budget", 'b', MW_FLAG_REQUIRED, "FILE", "limits that every candidate run has to keep",
	 set_budget},
	{"json", 'j', MW_FLAG_OPTIONAL, "FILE", "write JSON to FILE or standard output", set_json},
	{"markdown", 0, MW_FLAG_OPTIONAL, "FILE",
	 "append Markdown to FILE, or write it to standard output", set_markdown},
	{"quiet", 'q', MW_FLAG_ALONE, NULL, "write no table", set_quiet},
	{"help", 'h', MW_FLAG_ALONE, NULL, "this text", set_help},
	{0},
};

static void print_help(FILE *out)
{
	fprintf(out,
		"usage: memwatch compare %s\n\n"
		"Compares two sides of runs of a job. Files are reports of memwatch run, of\n"
		"memwatch 0.1, of hyperfine (JSON) or of time -v (text). Without --, the first of\n"
		"two files is the base and the second the candidate.\n\n",
		mw_subcommand_compare.arguments);
	mw_flags_print(options, out);
	fputs("\nmetrics:", out);
	for (size_t i = 0; i < MW_METRIC_COUNT; i++)
		fprintf(out, " %s,", mw_metrics[i].name);
	fputs(" groups\nexit code: 0 no regression, 1 unreadable input, 2 usage, 12 regression or "
	      "over budget\n",
	      out);
}

/** Decides which files are which: "--" divides them, two files divide themselves. */
static struct mw_error *divide(struct mw_operands *operands, bool budget)
{
	size_t count = operands->names.count;

	if (!operands->dashes && count == 2)
		operands->before_dashes = 1;
	else if (!operands->dashes && count == 1 && budget)
		operands->before_dashes = 0;
	else if (!operands->dashes)
		return mw_error_create(MW_ERROR_USAGE,
				       "%zu files without --: write BASE… -- CANDIDATE…", count);
	if (operands->dashes && (!operands->before_dashes || operands->before_dashes == count))
		return mw_error_create(MW_ERROR_USAGE, "there is no file %s --",
				       operands->before_dashes ? "behind" : "before");
	return NULL;
}

static struct mw_error *read_files(const char *const *paths, size_t count,
				   struct mw_saved_list *ret)
{
	struct mw_error *err = NULL;

	for (size_t i = 0; i < count && !err; i++)
		err = mw_saved_read(paths[i], ret);
	return err;
}

static struct mw_error *check_common(const struct mw_comparison *comparison)
{
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		if (comparison->metrics[i].verdict != MW_VERDICT_UNKNOWN)
			return NULL;
	}
	if (!comparison->base.reports.count)
		return NULL;
	return mw_error_create(MW_ERROR_OTHER, "%s and %s have no quantity in common",
			       comparison->base.reports.items[0]->path,
			       comparison->candidate.reports.items[0]->path);
}

static struct mw_error *compare(const struct mw_operands *operands, const struct settings *settings,
				struct mw_comparison *ret)
{
	const char *const *names = operands->names.items;
	size_t base_count = operands->before_dashes;
	struct mw_saved_list base = {0}, candidate = {0};
	struct mw_error *err;

	err = read_files(names, base_count, &base);
	if (!err)
		err = read_files(names + base_count, operands->names.count - base_count,
				 &candidate);
	if (err) {
		mw_saved_list_deinit(&base);
		mw_saved_list_deinit(&candidate);
		return err;
	}
	err = mw_comparison_init(ret, &base, &candidate, &settings->compare);
	if (err)
		return err;
	err = check_common(ret);
	if (err)
		mw_comparison_deinit(ret);
	return err;
}

static struct mw_error *write_json(const struct mw_comparison *comparison, const char *path)
{
	json_t *json = mw_comparison_to_json(comparison);
	struct mw_output output;
	struct mw_error *err;

	if (!json)
		return mw_err_nomem;
	err = mw_output_open(path, MW_OUTPUT_REPLACE, &output);
	if (!err) {
		json_dumpf(json, output.stream, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
		fputc('\n', output.stream);
		err = mw_output_commit(&output);
	}
	json_decref(json);
	return err;
}

static struct mw_error *write_markdown(const struct mw_comparison *comparison, const char *path)
{
	struct mw_output output;
	struct mw_error *err;

	err = mw_output_open(path, MW_OUTPUT_APPEND, &output);
	if (err)
		return err;
	mw_compare_write_markdown(comparison, output.stream);
	return mw_output_commit(&output);
}

static struct mw_error *write_text(const struct mw_comparison *comparison)
{
	struct mw_output output;
	struct mw_error *err;

	err = mw_output_open(NULL, MW_OUTPUT_REPLACE, &output);
	if (err)
		return err;
	mw_compare_write_text(comparison, output.stream);
	return mw_output_commit(&output);
}

static struct mw_error *write_results(const struct mw_comparison *comparison,
				      const struct settings *settings)
{
	bool stdout_taken = (settings->json.wanted && !settings->json.path) ||
			    (settings->markdown.wanted && !settings->markdown.path);
	struct mw_error *err = NULL;

	if (!stdout_taken && !settings->quiet)
		err = write_text(comparison);
	if (!err && settings->json.wanted)
		err = write_json(comparison, settings->json.path);
	if (!err && settings->markdown.wanted)
		err = write_markdown(comparison, settings->markdown.path);
	return err;
}

static struct mw_error *compare_and_write(const struct mw_operands *operands,
					  const struct settings *settings, bool *ret_bad)
{
	struct mw_budget budget = {0};
	struct mw_comparison comparison;
	struct mw_error *err;

	// First what can be wrong about our own input, before reading what may be large.
	err = settings->budget ? mw_budget_read(settings->budget, &budget) : NULL;
	if (err)
		return err;
	err = compare(operands, settings, &comparison);
	if (!err) {
		err = mw_comparison_check_budget(&comparison, &budget);
		if (!err)
			err = write_results(&comparison, settings);
		*ret_bad = mw_comparison_has_regression(&comparison) ||
			   mw_comparison_breaks_budget(&comparison);
		mw_comparison_deinit(&comparison);
	}
	mw_budget_deinit(&budget);
	return err;
}

static struct mw_error *check_settings(const struct settings *settings)
{
	if (settings->json.wanted && !settings->json.path && settings->markdown.wanted &&
	    !settings->markdown.path)
		return mw_error_create(MW_ERROR_USAGE, "--json and --markdown can't both go to "
						       "standard output: give one a FILE");
	return NULL;
}

static int fail(struct mw_error *err)
{
	int code = err->code == MW_ERROR_USAGE ? EXIT_USAGE : EXIT_UNREADABLE;

	mw_output_complain("compare", err);
	mw_error_destroy(err);
	return code;
}

static int compare_main(int argc, char **argv)
{
	struct settings settings = {.compare = mw_compare_defaults};
	struct mw_operands operands = {0};
	struct mw_error *err;
	bool bad = false;

	err = mw_flags_parse(options, argc, argv, &settings, &operands);
	if (!err && settings.help) {
		print_help(stdout);
		mw_vec_deinit(&operands.names);
		return EXIT_NO_REGRESSION;
	}
	if (!err)
		err = check_settings(&settings);
	if (!err)
		err = divide(&operands, settings.budget);
	if (!err)
		err = compare_and_write(&operands, &settings, &bad);
	mw_vec_deinit(&operands.names);
	if (err)
		return fail(err);
	return bad ? EXIT_REGRESSION : EXIT_NO_REGRESSION;
}

const struct mw_subcommand mw_subcommand_compare = {
	.name = "compare",
	.arguments = "[options] BASE… -- CANDIDATE…",
	.summary = "compare the memory of two sides of runs of a job",
	.main = compare_main,
};
