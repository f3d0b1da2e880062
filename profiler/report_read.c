// SPDX-License-Identifier: MIT
#include "profiler/report_read.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "profiler/report_read_format.h"

const struct mw_metric_info mw_metrics[MW_METRIC_COUNT] = {
	[MW_METRIC_RSS] = {"total_rss", "peak total RSS", MW_UNIT_KIB, false},
	// Measured now and then, so the largest of the measurements depends on luck.
	[MW_METRIC_PSS] = {"total_pss", "peak total PSS", MW_UNIT_KIB, true},
	[MW_METRIC_CGROUP] = {"cgroup", "cgroup peak", MW_UNIT_KIB, false},
	[MW_METRIC_SWAP] = {"swap", "peak swap", MW_UNIT_KIB, false},
	[MW_METRIC_PROCESS] = {"max_process", "largest process", MW_UNIT_KIB, false},
	[MW_METRIC_DURATION] = {"duration", "duration", MW_UNIT_SECONDS, true},
	[MW_METRIC_PROCESSES] = {"processes", "processes", MW_UNIT_COUNT, false},
};

enum mw_metric mw_metric_find(const char *name)
{
	enum mw_metric metric;

	for (metric = 0; metric < MW_METRIC_COUNT; metric++) {
		if (!strcmp(mw_metrics[metric].name, name))
			break;
	}
	return metric;
}

struct mw_error *mw_saved_create(const char *path, const char *format, struct mw_saved_report **ret)
{
	struct mw_saved_report *report = calloc(1, sizeof(*report));

	if (!report)
		return mw_err_nomem;
	report->path = strdup(path);
	if (!report->path) {
		free(report);
		return mw_err_nomem;
	}
	report->format = format;
	report->command = "";
	for (size_t i = 0; i < MW_METRIC_COUNT; i++)
		report->metrics[i] = NAN;
	*ret = report;
	return NULL;
}

void mw_saved_destroy(struct mw_saved_report *report)
{
	if (!report)
		return;
	mw_vec_foreach (name, &report->names)
		free(*name);
	mw_vec_deinit(&report->names);
	mw_vec_deinit(&report->processes);
	mw_vec_deinit(&report->groups);
	json_decref(report->json);
	free(report->path);
	free(report);
}

struct mw_error *mw_saved_list_add(struct mw_saved_list *list, struct mw_saved_report *report)
{
	if (mw_vec_push(&list->reports, report))
		return NULL;
	mw_saved_destroy(report);
	return mw_err_nomem;
}

static void list_truncate(struct mw_saved_list *list, size_t count)
{
	while (list->reports.count > count)
		mw_saved_destroy(list->reports.items[--list->reports.count]);
}

void mw_saved_list_deinit(struct mw_saved_list *list)
{
	list_truncate(list, 0);
	mw_vec_deinit(&list->reports);
}

const char *mw_saved_keep(struct mw_saved_report *report, const char *text, size_t size)
{
	if (!mw_vec_push(&report->names, NULL))
		return NULL;
	return report->names.items[report->names.count - 1] = strndup(text, size);
}

const char *mw_saved_program(const char *command, size_t *ret_size)
{
	size_t size = strcspn(command, " ");
	const char *slash = memrchr(command, '/', size);
	const char *program = slash ? slash + 1 : command;

	*ret_size = size - (size_t)(program - command);
	return program;
}

static struct mw_error *read_json(const char *path, json_t *root, struct mw_saved_list *list)
{
	if (json_is_array(json_object_get(root, "results")))
		return mw_saved_read_hyperfine(path, root, list);
	if (json_is_array(json_object_get(root, "processes")))
		return mw_saved_read_job(path, root, list);
	return mw_error_create(MW_ERROR_OTHER,
			       "%s is JSON, but neither a report of memwatch run nor of hyperfine",
			       path);
}

static struct mw_error *parse_json(const char *path, const char *text, size_t size,
				   struct mw_saved_list *list)
{
	struct mw_error *err;
	json_error_t cause;
	// Command lines can hold \u0000; in the C strings made of them they end there.
	json_t *root = json_loadb(text, size, JSON_ALLOW_NUL, &cause);

	if (!root && size == 0)
		return mw_error_create(MW_ERROR_OTHER, "%s is empty", path);
	if (!root)
		return mw_error_create(MW_ERROR_OTHER, "%s is not a report: line %d: %s", path,
				       cause.line, cause.text);
	err = read_json(path, root, list);
	json_decref(root);
	return err;
}

struct mw_error *mw_saved_parse(const char *path, const char *text, size_t size,
				struct mw_saved_list *list)
{
	size_t before = list->reports.count;
	struct mw_error *err;

	if (text[strspn(text, " \t\r\n")] != '{' && strstr(text, "Maximum resident set size"))
		err = mw_saved_read_time(path, text, list);
	else
		err = parse_json(path, text, size, list);
	if (err)
		list_truncate(list, before);
	return err;
}

struct mw_error *mw_saved_read(const char *path, struct mw_saved_list *list)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	size_t size;

	err = mw_file_read(path, &text, &size);
	if (err)
		return err;
	return mw_saved_parse(path, text, size, list);
}
