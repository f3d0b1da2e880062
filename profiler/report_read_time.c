// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "profiler/report_read_format.h"

#define COMMAND_LABEL "Command being timed:"
#define ELAPSED_LABEL "Elapsed (wall clock) time (h:mm:ss or m:ss):"
#define SIZE_LABEL "Maximum resident set size (kbytes):"

/** @return what follows @label between @text and @end, or NULL. */
static const char *find_value(const char *text, const char *end, const char *label)
{
	const char *found = memmem(text, (size_t)(end - text), label, strlen(label));

	if (!found)
		return NULL;
	found += strlen(label);
	return found + strspn(found, " \t");
}

/** "1:02:03" or "0:04.05" as seconds. */
static double parse_elapsed(const char *text)
{
	double seconds = 0;
	char *end;

	if (!text)
		return NAN;
	for (;;) {
		seconds = seconds * 60 + strtod(text, &end);
		if (end == text)
			return NAN;
		if (*end != ':')
			return seconds;
		text = end + 1;
	}
}

static struct mw_error *keep_command(struct mw_saved_report *report, const char *value)
{
	size_t size = value ? strcspn(value, "\n") : 0;

	// time(1) puts the command in quotes, without escaping those inside.
	if (size >= 2 && value[0] == '"' && value[size - 1] == '"') {
		value++;
		size -= 2;
	}
	report->command = mw_saved_keep(report, value ? value : "", size);
	return report->command ? NULL : mw_err_nomem;
}

static struct mw_error *read_record(const char *path, const char *text, const char *end,
				    struct mw_saved_list *list)
{
	const char *size = find_value(text, end, SIZE_LABEL);
	struct mw_saved_report *report;
	struct mw_error *err;

	if (!size)
		return mw_error_create(MW_ERROR_OTHER, "%s: a record of time -v is cut off", path);
	err = mw_saved_create(path, "GNU time", &report);
	if (err)
		return err;
	report->metrics[MW_METRIC_PROCESS] = strtod(size, NULL);
	report->metrics[MW_METRIC_DURATION] = parse_elapsed(find_value(text, end, ELAPSED_LABEL));
	err = keep_command(report, find_value(text, end, COMMAND_LABEL));
	if (err) {
		mw_saved_destroy(report);
		return err;
	}
	return mw_saved_list_add(list, report);
}

// `time -a` appends: a file may hold several records, each begins with the command.
struct mw_error *mw_saved_read_time(const char *path, const char *text, struct mw_saved_list *list)
{
	const char *record = strstr(text, COMMAND_LABEL), *next;
	struct mw_error *err = NULL;

	if (!record)
		record = text;
	for (; record && !err; record = next) {
		next = strstr(record + 1, COMMAND_LABEL);
		err = read_record(path, record, next ? next : record + strlen(record), list);
	}
	return err;
}
