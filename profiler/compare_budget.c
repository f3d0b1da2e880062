// SPDX-License-Identifier: MIT
#include "profiler/compare_budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "profiler/compare_amount.h"

#define BLANKS " \t\r"

const char *const mw_budget_state_names[MW_BUDGET_STATE_COUNT] = {
	[MW_BUDGET_KEPT] = "kept",
	[MW_BUDGET_BROKEN] = "broken",
	[MW_BUDGET_UNKNOWN] = "unknown",
};

static struct mw_error *parse_limit(enum mw_metric_unit unit, const char *text, double *ret)
{
	switch (unit) {
	case MW_UNIT_SECONDS:
		return mw_amount_parse_duration(text, ret);
	case MW_UNIT_COUNT:
		return mw_amount_parse_count(text, ret);
	case MW_UNIT_KIB:
		break;
	}
	return mw_amount_parse_size(text, ret);
}

static struct mw_error *classify(struct mw_budget_line *line)
{
	static const struct {
		const char *prefix;
		enum mw_budget_kind kind;
	} subjects[] = {{"group:", MW_BUDGET_GROUP}, {"process:", MW_BUDGET_PROCESS}};

	for (size_t i = 0; i < mw_array_size(subjects); i++) {
		size_t length = strlen(subjects[i].prefix);

		if (!strncmp(line->name, subjects[i].prefix, length) && line->name[length]) {
			line->kind = subjects[i].kind;
			line->subject = line->name + length;
			return NULL;
		}
	}
	line->metric = mw_metric_find(line->name);
	if (line->metric == MW_METRIC_COUNT)
		return mw_error_create(MW_ERROR_OTHER,
				       "'%s' is not a metric, group:NAME or process:NAME",
				       line->name);
	line->unit = mw_metrics[line->metric].unit;
	return NULL;
}

/** Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length && strchr(BLANKS, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

// The limit is the last word: names may have blanks in them.
static char *split_limit(char *text)
{
	char *word = text + strlen(text);

	while (word > text && !strchr(BLANKS, word[-1]))
		word--;
	if (word == text)
		return NULL;
	word[-1] = '\0';
	return word;
}

static struct mw_error *parse_line(char *text, struct mw_budget *budget)
{
	struct mw_budget_line line = {0};
	const char *limit = split_limit(text);
	struct mw_error *err;

	if (!limit)
		return mw_error_create(MW_ERROR_OTHER, "'%s' has no limit: write NAME LIMIT", text);
	line.name = strdup(trim(text));
	if (!line.name)
		return mw_err_nomem;
	err = classify(&line);
	if (!err)
		err = parse_limit(line.unit, limit, &line.limit);
	if (!err && !mw_vec_push(&budget->lines, line))
		err = mw_err_nomem;
	if (err)
		free(line.name);
	return err;
}

// A # inside a word is part of the name.
static void cut_comment(char *line)
{
	for (char *at = line; (at = strchr(at, '#')); at++) {
		if (at == line || strchr(BLANKS, at[-1])) {
			*at = '\0';
			return;
		}
	}
}

static struct mw_error *parse_lines(const char *path, char *text, struct mw_budget *budget)
{
	struct mw_error *err;
	size_t number = 0;

	for (char *next; text; text = next) {
		char *line = text;

		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		number++;
		cut_comment(line);
		line = trim(line);
		err = *line ? parse_line(line, budget) : NULL;
		if (err)
			return mw_error_prefix(err, "%s:%zu", path, number);
	}
	return NULL;
}

struct mw_error *mw_budget_parse(const char *path, const char *text, struct mw_budget *ret)
{
	struct mw_budget budget = {0};
	char *copy = strdup(text);
	struct mw_error *err;

	err = copy ? parse_lines(path, copy, &budget) : mw_err_nomem;
	free(copy);
	if (err)
		mw_budget_deinit(&budget);
	else
		*ret = budget;
	return err;
}

struct mw_error *mw_budget_read(const char *path, struct mw_budget *ret)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;

	err = mw_file_read(path, &text, NULL);
	return err ? err : mw_budget_parse(path, text, ret);
}

void mw_budget_deinit(struct mw_budget *budget)
{
	mw_vec_foreach (line, &budget->lines)
		free(line->name);
	mw_vec_deinit(&budget->lines);
}
