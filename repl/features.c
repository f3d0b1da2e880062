// SPDX-License-Identifier: MIT
#include "repl/features.h"

#include <string.h>

#include <unistd.h>

#include "base/error.h"
#include "repl/exit_code.h"
#include "repl/nearest.h"
#include "repl/subcommand.h"
#include "repl/table.h"
#include "tracer/feature.h"

static const struct mw_column columns[] = {
	{"feature", false},
	{"here", false},
	{"used for", false},
	{"detail", false},
};

static const struct {
	const char *name;
	enum mw_hue hue;
} states[] = {
	[MW_FEATURE_NO] = {"no", MW_HUE_BAD},
	[MW_FEATURE_YES] = {"yes", MW_HUE_GOOD},
	[MW_FEATURE_LIMITED] = {"limited", MW_HUE_LIMITED},
};

/** Probes one feature and adds its row. @return whether it is there at all. */
static bool add_feature(struct mw_table *table, const struct mw_feature *feature)
{
	struct mw_feature_result result = {.state = MW_FEATURE_NO};

	feature->probe(&result);
	mw_table_cell(table, MW_HUE_NAME, "%s", feature->name);
	mw_table_cell(table, states[result.state].hue, "%s", states[result.state].name);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", feature->use);
	mw_table_cell(table, MW_HUE_DIM, "%s", result.detail);
	return result.state != MW_FEATURE_NO;
}

void mw_features_print(const struct mw_style *style, FILE *out)
{
	struct mw_table table;
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	mw_table_init(&table, columns, mw_array_size(columns));
	for (size_t i = 0; i < count; i++)
		add_feature(&table, &features[i]);
	mw_table_print(&table, style, 0, out);
	mw_table_deinit(&table);
}

static const struct mw_feature *find_feature(const char *name)
{
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(features[i].name, name) == 0)
			return &features[i];
	return NULL;
}

static struct mw_error *unknown_feature(const char *name)
{
	struct mw_nearest nearest = {.wanted = name};
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	for (size_t i = 0; i < count; i++)
		mw_nearest_offer(&nearest, features[i].name);
	if (nearest.best)
		return mw_error_create(MW_ERROR_USAGE, "unknown feature '%s'; did you mean '%s'?",
				       name, nearest.best);
	return mw_error_create(MW_ERROR_USAGE,
			       "unknown feature '%s' (memwatch features lists them)", name);
}

/** Prints the features named in @names (ended by NULL). @param ret whether all are there. */
static struct mw_error *print_named(char **names, const struct mw_style *style, bool *ret)
{
	struct mw_table table;
	bool all = true;

	for (char **name = names; *name; name++)
		if (!find_feature(*name))
			return unknown_feature(*name);
	mw_table_init(&table, columns, mw_array_size(columns));
	for (; *names; names++)
		all &= add_feature(&table, find_feature(*names));
	mw_table_print(&table, style, 0, stdout);
	mw_table_deinit(&table);
	*ret = all;
	return NULL;
}

static int features_main(int argc, char **argv)
{
	struct mw_style style = mw_style_choose(MW_COLOR_AUTO, STDOUT_FILENO);
	struct mw_error *err;
	bool all = true;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: memwatch features [NAME…]\n"
		     "Tries what this kernel and these permissions allow. With names, only those;\n"
		     "exit status 1 when one of them is missing.");
		return MW_EXIT_OK;
	}
	if (argc == 1) {
		mw_features_print(&style, stdout);
		return fflush(stdout) ? MW_EXIT_FAILED : MW_EXIT_OK;
	}
	err = print_named(argv + 1, &style, &all);
	if (err)
		return mw_exit_report(err, MW_EXIT_USAGE);
	return fflush(stdout) || !all ? MW_EXIT_FAILED : MW_EXIT_OK;
}

const struct mw_subcommand mw_subcommand_features = {
	.name = "features",
	.arguments = "[NAME…]",
	.summary = "list what this kernel and these permissions allow",
	.main = features_main,
};
