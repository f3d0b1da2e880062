// SPDX-License-Identifier: MIT
#include "symbols/near.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "symbols/lookup.h"
#include "symbols/module.h"

/* The best few of the names offered. */
struct near {
	const char *wanted;
	struct {
		const char *name;
		unsigned distance;
	} best[5];
	size_t count;
};

/* Longer names are compared by their first bytes. */
#define MAX_LENGTH 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned smaller = mw_min(a, b);

	return mw_min(smaller, c);
}

/* Edits (insert, delete, replace, swap) between two names, @limit at most; three rows. */
static unsigned distance_between(const char *a, const char *b, unsigned limit)
{
	size_t rows = strnlen(a, MAX_LENGTH), columns = strnlen(b, MAX_LENGTH);
	unsigned table[3][MAX_LENGTH + 1];

	if ((rows > columns ? rows - columns : columns - rows) >= limit)
		return limit;
	for (unsigned j = 0; j <= columns; j++)
		table[0][j] = j;
	for (unsigned i = 1; i <= rows; i++) {
		unsigned *row = table[i % 3], *above = table[(i - 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= columns; j++) {
			row[j] = min3(row[j - 1] + 1, above[j] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = mw_min(row[j], table[(i - 2) % 3][j - 2] + 1);
		}
	}
	return mw_min(table[rows % 3][columns], limit);
}

static unsigned rate(const char *wanted, const char *name)
{
	size_t length = strlen(wanted);
	unsigned limit = (unsigned)mw_min(length / 3 + 1, (size_t)6);
	unsigned distance;

	if (!strcasecmp(wanted, name))
		return 0;
	distance = distance_between(wanted, name, limit);
	/* A name that goes on where the user stopped. */
	if (distance == limit && length >= 3 && !strncmp(wanted, name, length))
		return limit - 1;
	return distance < limit ? distance : UINT32_MAX;
}

static bool is_offered(const struct near *near, const char *name)
{
	for (size_t i = 0; i < near->count; i++) {
		if (!strcmp(near->best[i].name, name))
			return true;
	}
	return false;
}

static void offer(struct near *near, const char *name)
{
	unsigned distance = rate(near->wanted, name);
	size_t at = near->count;

	if (distance == UINT32_MAX || is_offered(near, name))
		return;
	while (at > 0 && near->best[at - 1].distance > distance)
		at--;
	if (at == mw_array_size(near->best))
		return;
	if (near->count < mw_array_size(near->best))
		near->count++;
	memmove(&near->best[at + 1], &near->best[at],
		(near->count - at - 1) * sizeof(near->best[0]));
	near->best[at].name = name;
	near->best[at].distance = distance;
}

static char *compose_hint(const struct near *near)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!near->count)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fputs("did you mean ", out);
	for (size_t i = 0; i < near->count; i++)
		fprintf(out, "%s`%s`", i ? ", " : "", near->best[i].name);
	fputc('?', out);
	fclose(out);
	return text;
}

static void offer_names(struct near *near, struct mw_module *module, bool types)
{
	mw_vec_foreach (name, &module->names.names) {
		bool is_type = name->kind == MW_NAME_TYPE;

		if (is_type == types && name->kind != MW_NAME_FUNCTION)
			offer(near, name->name);
	}
}

static void offer_objects(struct near *near, struct mw_module *module)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);

	mw_vec_foreach (symbol, &symbols->by_addr) {
		if (symbol->type == STT_OBJECT && symbol->size)
			offer(near, symbol->name);
	}
}

char *mw_near_variables(struct mw_symbols *symbols, const char *path)
{
	struct near near = {.wanted = mw_path_base(path)};

	mw_vec_foreach (module, &symbols->modules) {
		offer_names(&near, *module, false);
		if ((*module)->is_main && !(*module)->dwarf)
			offer_objects(&near, *module);
	}
	return compose_hint(&near);
}

char *mw_near_types(struct mw_symbols *symbols, const char *path)
{
	struct near near = {.wanted = mw_path_base(path)};

	mw_vec_foreach (module, &symbols->modules) {
		offer_names(&near, *module, true);
	}
	return compose_hint(&near);
}
