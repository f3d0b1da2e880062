// SPDX-License-Identifier: MIT
#include <math.h>

#include "base/error.h"
#include "profiler/report_read_format.h"

static double element_or_nan(const json_t *array, size_t index, double factor)
{
	const json_t *value = json_array_get(array, index);

	return json_is_number(value) ? json_number_value(value) * factor : NAN;
}

static struct mw_error *read_run(const char *path, const json_t *result, size_t run,
				 struct mw_saved_list *list)
{
	const char *command = json_string_value(json_object_get(result, "command"));
	struct mw_saved_report *report;
	struct mw_error *err;

	err = mw_saved_create(path, "hyperfine", &report);
	if (err)
		return err;
	report->metrics[MW_METRIC_DURATION] =
		element_or_nan(json_object_get(result, "times"), run, 1);
	report->metrics[MW_METRIC_PROCESS] =
		element_or_nan(json_object_get(result, "memory_usage_byte"), run, 1.0 / 1024);
	report->json = json_incref((json_t *)result);
	report->command = command ? command : "";
	return mw_saved_list_add(list, report);
}

struct mw_error *mw_saved_read_hyperfine(const char *path, json_t *root, struct mw_saved_list *list)
{
	const json_t *results = json_object_get(root, "results");
	const json_t *result = json_array_get(results, 0);
	size_t runs = json_array_size(json_object_get(result, "times"));
	struct mw_error *err = NULL;

	if (json_array_size(results) != 1)
		return mw_error_create(MW_ERROR_OTHER,
				       "%s holds %zu commands: export one command a file", path,
				       json_array_size(results));
	if (!runs)
		return mw_error_create(MW_ERROR_OTHER, "%s is a hyperfine export without times",
				       path);
	for (size_t run = 0; run < runs && !err; run++)
		err = read_run(path, result, run, list);
	return err;
}
