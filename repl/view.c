// SPDX-License-Identifier: MIT
#include "profiler/view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "profiler/compare.h"
#include "repl/flags.h"
#include "repl/output_file.h"
#include "repl/subcommand.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 48
#define COLUMNS_MAX 400

enum form {
	FORM_PAGE,
	FORM_SVG,
	FORM_TEXT,
};

struct settings {
	enum form form;
	const char *output;
	size_t columns;
	bool help;
};

/** One file that was read, and what is drawn of it. */
struct shown {
	struct mw_saved_list list;
	const struct mw_saved_report *report;
	struct mw_view_series series;
};

static struct mw_error *set_output(void *settings, const char *value)
{
	((struct settings *)settings)->output = value;
	return NULL;
}

static struct mw_error *set_svg(void *settings, const char *value MW_UNUSED)
{
	((struct settings *)settings)->form = FORM_SVG;
	return NULL;
}

static struct mw_error *set_text(void *settings, const char *value MW_UNUSED)
{
	((struct settings *)settings)->form = FORM_TEXT;
	return NULL;
}

static struct mw_error *set_width(void *settings, const char *value)
{
	struct mw_error *err;
	double columns;

	err = mw_amount_parse_count(value, &columns);
	if (err)
		return err;
	if (columns < COLUMNS_MIN || columns > COLUMNS_MAX)
		return mw_error_create(MW_ERROR_USAGE, "a width is from %d to %d columns",
				       COLUMNS_MIN, COLUMNS_MAX);
	((struct settings *)settings)->columns = (size_t)columns;
	return NULL;
}

static struct mw_error *set_help(void *settings, const char *value MW_UNUSED)
{
	((struct settings *)settings)->help = true;
	return NULL;
}

static const struct mw_flag options[] = {
	{"output", 'o', MW_FLAG_REQUIRED, "FILE",
	 "where to write; - is standard output (FILE's name with .html or .svg)", set_output},
	{"svg", 0, MW_FLAG_ALONE, NULL, "write a picture instead of a page", set_svg},
	{"text", 0, MW_FLAG_ALONE, NULL, "write text for a terminal instead of a page", set_text},
	{"width", 0, MW_FLAG_REQUIRED, "N", "columns of --text (those of the terminal)", set_width},
	{"help", 'h', MW_FLAG_ALONE, NULL, "this text", set_help},
	{0},
};

static void print_help(FILE *out)
{
	fprintf(out,
		"usage: memwatch view %s\n\n"
		"Writes one HTML file that shows the memory of a job and needs nothing else. Two\n"
		"files, base and candidate, are laid over each other.\n\n",
		mw_subcommand_view.arguments);
	mw_flags_print(options, out);
	fputs("\nexit code: 0 written, 1 unreadable input or unwritable output, 2 usage\n", out);
}

static struct mw_error *shown_init(struct shown *shown, const char *path)
{
	struct mw_error *err;

	*shown = (struct shown){0};
	err = mw_saved_read(path, &shown->list);
	if (err)
		return err;
	shown->report = mw_view_choose(&shown->list);
	err = mw_view_series_create(shown->report, &shown->series);
	if (err)
		mw_saved_list_deinit(&shown->list);
	return err;
}

static void shown_deinit(struct shown *shown)
{
	mw_view_series_deinit(&shown->series);
	mw_saved_list_deinit(&shown->list);
}

static size_t terminal_columns(void)
{
	const char *variable = getenv("COLUMNS");
	struct winsize size;
	long columns = 0;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		columns = size.ws_col;
	if (!columns && variable)
		columns = strtol(variable, NULL, 10);
	if (columns <= 0)
		return COLUMNS_DEFAULT;
	columns = mw_max(columns, (long)COLUMNS_MIN);
	return (size_t)mw_min(columns, (long)COLUMNS_MAX);
}

static struct mw_error *output_files(const struct mw_operands *operands, json_t **ret)
{
	struct mw_saved_list base = {0}, candidate = {0};
	struct mw_comparison comparison;
	struct mw_error *err;

	err = mw_saved_read(operands->names.items[0], &base);
	if (!err)
		err = mw_saved_read(operands->names.items[1], &candidate);
	if (err) {
		mw_saved_list_deinit(&base);
		return err;
	}
	err = mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults);
	if (err)
		return err;
	*ret = mw_comparison_to_json(&comparison);
	mw_comparison_deinit(&comparison);
	return *ret ? NULL : mw_err_nomem;
}

static struct mw_error *make_data(const struct mw_operands *operands, const struct shown *shown,
				  json_t **ret)
{
	json_t *data = json_pack("{s:[], s:n}", "reports", "comparison");
	struct mw_error *err = data ? NULL : mw_err_nomem;
	json_t *part;

	for (size_t i = 0; i < operands->names.count && !err; i++) {
		err = mw_view_report_to_json(&shown[i].list, shown[i].report, &shown[i].series,
					     &part);
		if (!err && json_array_append_new(json_object_get(data, "reports"), part))
			err = mw_err_nomem;
	}
	if (!err && operands->names.count == 2) {
		err = output_files(operands, &part);
		if (!err && json_object_set_new(data, "comparison", part))
			err = mw_err_nomem;
	}
	if (err)
		json_decref(data);
	else
		*ret = data;
	return err;
}

/** @param shown one for each operand; the last is the one that a picture or text is of. */
static struct mw_error *write_form(FILE *out, const struct settings *settings,
				   const struct mw_operands *operands, const struct shown *shown)
{
	const struct shown *last = &shown[operands->names.count - 1];
	struct mw_error *err;
	json_t *data = NULL;

	switch (settings->form) {
	case FORM_SVG:
		mw_view_write_svg(out, last->report, &last->series);
		return NULL;
	case FORM_TEXT:
		mw_view_write_text(out, last->report, &last->series,
				   settings->columns ? settings->columns : terminal_columns());
		return NULL;
	case FORM_PAGE:
		break;
	}
	err = make_data(operands, shown, &data);
	if (err)
		return err;
	err = mw_view_write_page(out, last->report, &last->series, data);
	json_decref(data);
	return err;
}

/** The report's name with another ending, in the current folder. */
static char *default_output(const char *path, enum form form)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
	char *output;

	if (asprintf(&output, "%.*s.%s", length, name, form == FORM_SVG ? "svg" : "html") < 0)
		return NULL;
	return output;
}

static void report_written(const char *path)
{
	struct stat status;

	if (!stat(path, &status) && S_ISREG(status.st_mode))
		fprintf(stderr, "memwatch view: wrote %s (%s)\n", path,
			mw_amount_format(MW_UNIT_KIB, (double)status.st_size / 1024).text);
}

static struct mw_error *write_view(const struct settings *settings,
				   const struct mw_operands *operands, const struct shown *shown)
{
	const char *last = operands->names.items[operands->names.count - 1];
	mw_auto_free char *made_up = default_output(last, settings->form);
	const char *path = settings->output;
	struct mw_output output;
	struct mw_error *err;

	if (!made_up)
		return mw_err_nomem;
	if (!path && settings->form != FORM_TEXT)
		path = made_up;
	err = mw_output_open(path, MW_OUTPUT_REPLACE, &output);
	if (err)
		return err;
	err = write_form(output.stream, settings, operands, shown);
	if (!err)
		err = mw_output_commit(&output);
	else
		mw_output_abandon(&output);
	if (!err && path && strcmp(path, "-"))
		report_written(path);
	return err;
}

static struct mw_error *check_operands(const struct settings *settings,
				       const struct mw_operands *operands)
{
	size_t most = settings->form == FORM_PAGE ? 2 : 1;

	if (!operands->names.count)
		return mw_error_create(MW_ERROR_USAGE, "which report? see --help");
	if (operands->names.count > most)
		return mw_error_create(MW_ERROR_USAGE, "%zu files, but it shows at most %zu",
				       operands->names.count, most);
	return NULL;
}

static struct mw_error *view(const struct settings *settings, const struct mw_operands *operands)
{
	struct shown shown[2] = {0};
	struct mw_error *err = NULL;
	size_t read = 0;

	while (!err && read < operands->names.count) {
		err = shown_init(&shown[read], operands->names.items[read]);
		read += !err;
	}
	if (!err)
		err = write_view(settings, operands, shown);
	while (read)
		shown_deinit(&shown[--read]);
	return err;
}

static int view_main(int argc, char **argv)
{
	struct settings settings = {0};
	struct mw_operands operands = {0};
	struct mw_error *err;
	int code;

	err = mw_flags_parse(options, argc, argv, &settings, &operands);
	if (!err && settings.help)
		print_help(stdout);
	else if (!err)
		err = check_operands(&settings, &operands);
	if (!err && !settings.help)
		err = view(&settings, &operands);
	mw_vec_deinit(&operands.names);
	if (!err)
		return 0;
	code = err->code == MW_ERROR_USAGE ? 2 : 1;
	mw_output_complain("view", err);
	mw_error_destroy(err);
	return code;
}

const struct mw_subcommand mw_subcommand_view = {
	.name = "view",
	.arguments = "[options] FILE [FILE]",
	.summary = "show a job's memory as one HTML file, a picture or text",
	.main = view_main,
};
