// SPDX-License-Identifier: MIT
#include "symbols/candidates.h"

#include <string.h>

#include "base/cleanup.h"
#include "symbols/die.h"
#include "symbols/lookup.h"

void mw_candidates_deinit(struct mw_candidates *candidates)
{
	mw_vec_deinit(&candidates->list);
}

/* 'conn.c' is any file of that name, 'net/conn.c' only one in a net/. */
static bool is_tail_of_path(const char *path, const char *tail)
{
	size_t path_length = strlen(path), tail_length = strlen(tail);

	if (tail_length > path_length || strcmp(path + path_length - tail_length, tail))
		return false;
	return tail_length == path_length || path[path_length - tail_length - 1] == '/';
}

/* The unit a DIE was written in; with link-time optimisation not the one it was placed in. */
static bool source_unit(Dwarf_Die *die, uint64_t *ret_file, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word index;

	if (!dwarf_attr_integrate(die, DW_AT_decl_file, &attribute) ||
	    dwarf_formudata(&attribute, &index))
		return false;
	*ret_file = index;
	return dwarf_cu_die(attribute.cu, ret, NULL, NULL, NULL, NULL, NULL, NULL) != NULL;
}

static const char *unit_file(const struct mw_candidates *candidates, const struct mw_name *name)
{
	Dwarf_Die unit = candidates->module->units.list.items[name->unit].die;
	Dwarf_Die die = name->die;
	const char *file;
	uint64_t index;

	source_unit(&die, &index, &unit);
	file = mw_die_name(&unit);
	return file ? file : "?";
}

/* Not dwarf_decl_file(): it aborts on split units, whose file table is in the skeleton. */
static const char *declaring_file(const struct mw_candidates *candidates,
				  const struct mw_name *name)
{
	Dwarf_Die skeleton = candidates->module->units.list.items[name->unit].skeleton;
	Dwarf_Die die = name->die, unit;
	Dwarf_Files *files;
	uint64_t index;
	size_t count;

	if (!source_unit(&die, &index, &unit) ||
	    (dwarf_getsrcfiles(&unit, &files, &count) &&
	     dwarf_getsrcfiles(&skeleton, &files, &count)) ||
	    index >= count)
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

static bool is_in_file(const struct mw_candidates *candidates, const struct mw_name *name)
{
	const char *declared;

	if (!candidates->file || is_tail_of_path(unit_file(candidates, name), candidates->file))
		return true;
	declared = declaring_file(candidates, name);
	return declared && is_tail_of_path(declared, candidates->file);
}

static bool has_address(const struct mw_candidates *candidates, mw_addr addr)
{
	mw_vec_foreach (candidate, &candidates->list) {
		if (candidate->location.kind == MW_LOCATION_ADDRESS &&
		    candidate->location.addr.v == addr.v)
			return true;
	}
	return false;
}

static struct mw_error *add(struct mw_candidates *candidates, Dwarf_Die *die, const char *file,
			    bool is_exact)
{
	struct mw_candidate candidate = {
		.die = *die,
		.location = mw_location_of(candidates->module, die),
		.file = file,
		.is_external = mw_die_is_external(die),
		.is_exact = is_exact,
	};

	if (candidate.location.kind == MW_LOCATION_ADDRESS &&
	    has_address(candidates, candidate.location.addr))
		return NULL;
	return mw_vec_push(&candidates->list, candidate) ? NULL : mw_err_nomem;
}

static struct mw_error *add_if_named(struct mw_candidates *candidates, const struct mw_name *name)
{
	Dwarf_Die die = name->die;
	mw_auto_free char *qualified = mw_die_qualified_name(&die);

	if (!qualified || !mw_path_matches(qualified, candidates->path))
		return NULL;
	return add(candidates, &die, unit_file(candidates, name),
		   !strcmp(qualified, candidates->path));
}

static bool is_variable(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_variable || dwarf_tag(die) == DW_TAG_formal_parameter;
}

static struct mw_error *add_statics(struct mw_candidates *candidates, Dwarf_Die *scope,
				    const char *file, int depth)
{
	const char *wanted = mw_path_base(candidates->path);
	struct mw_error *err = NULL;
	Dwarf_Die die;

	mw_die_foreach_child(&die, scope)
	{
		const char *name = mw_die_name(&die);

		if (is_variable(&die) && name && !strcmp(name, wanted))
			err = add(candidates, &die, file, true);
		else if (dwarf_tag(&die) == DW_TAG_lexical_block && depth < MW_DIE_MAX_DEPTH)
			err = add_statics(candidates, &die, file, depth + 1);
		if (err)
			break;
	}
	return err;
}

/* function::static_var */
static struct mw_error *add_function_statics(struct mw_candidates *candidates)
{
	const char *base = mw_path_base(candidates->path);
	struct mw_error *err = NULL;
	const struct mw_name *names;
	mw_auto_free char *scope = NULL;
	size_t count;

	if (base == candidates->path)
		return NULL;
	scope = strndup(candidates->path, (size_t)(base - candidates->path) - 2);
	if (!scope)
		return mw_err_nomem;
	count = mw_name_index_find(candidates->module, mw_path_base(scope), &names);
	for (size_t i = 0; !err && i < count; i++) {
		Dwarf_Die function = names[i].die;

		if (names[i].kind == MW_NAME_FUNCTION && is_in_file(candidates, &names[i]))
			err = add_statics(candidates, &function, unit_file(candidates, &names[i]),
					  0);
	}
	return err;
}

struct mw_error *mw_candidates_collect(struct mw_candidates *candidates)
{
	struct mw_error *err = NULL;
	const struct mw_name *names;
	size_t count;

	count = mw_name_index_find(candidates->module, mw_path_base(candidates->path), &names);
	for (size_t i = 0; !err && i < count; i++) {
		if (names[i].kind == MW_NAME_VARIABLE && is_in_file(candidates, &names[i]))
			err = add_if_named(candidates, &names[i]);
	}
	return err ? err : add_function_statics(candidates);
}

static bool always(const struct mw_candidate *candidate)
{
	(void)candidate;
	return true;
}

static bool is_exact(const struct mw_candidate *candidate)
{
	return candidate->is_exact;
}

static bool is_external(const struct mw_candidate *candidate)
{
	return candidate->is_external;
}

static size_t count_those(const struct mw_candidates *candidates,
			  bool (*is_wanted)(const struct mw_candidate *),
			  const struct mw_candidate **ret_first)
{
	size_t count = 0;

	mw_vec_foreach (candidate, &candidates->list) {
		if (candidate->location.kind != MW_LOCATION_ADDRESS || !is_wanted(candidate))
			continue;
		if (!count++)
			*ret_first = candidate;
	}
	return count;
}

static const char *file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool base_is_unique(const struct mw_candidates *candidates, const char *file)
{
	size_t same = 0;

	mw_vec_foreach (candidate, &candidates->list) {
		same += !strcmp(file_base(candidate->file), file_base(file));
	}
	return same == 1;
}

static void print_choices(const struct mw_candidates *candidates, FILE *out)
{
	enum { MAX_SHOWN = 8 };
	size_t shown = 0;

	mw_vec_foreach (candidate, &candidates->list) {
		const char *file = candidate->file;

		if (candidate->location.kind != MW_LOCATION_ADDRESS)
			continue;
		if (base_is_unique(candidates, file))
			file = file_base(file);
		if (++shown <= MAX_SHOWN)
			fprintf(out, "%s'%s'::%s", shown > 1 ? ", " : "", file, candidates->path);
	}
	if (shown > MAX_SHOWN)
		fprintf(out, " and %zu more", shown - MAX_SHOWN);
}

static struct mw_error *ambiguous(const struct mw_candidates *candidates, size_t count)
{
	mw_auto_free char *text = NULL;
	FILE *out;
	size_t size;

	out = open_memstream(&text, &size);
	if (!out)
		return mw_err_nomem;
	print_choices(candidates, out);
	fclose(out);
	return mw_error_create(MW_ERROR_USAGE, "`%s` stands in %zu places: say which: %s",
			       candidates->path, count, text ? text : "");
}

struct mw_error *mw_candidates_choose(struct mw_candidates *candidates,
				      const struct mw_candidate **ret)
{
	static bool (*const preferences[])(const struct mw_candidate *) = {always, is_exact,
									   is_external};
	const struct mw_candidate *first = NULL;
	size_t count = count_those(candidates, always, &first);

	if (!count) {
		*ret = NULL;
		return NULL;
	}
	for (size_t i = 0; i < mw_array_size(preferences); i++) {
		if (count_those(candidates, preferences[i], &first) == 1) {
			*ret = first;
			return NULL;
		}
	}
	return ambiguous(candidates, count);
}

static const char *const explanations[] = {
	[MW_LOCATION_THREAD_LOCAL] =
		"is thread-local: every thread has its own; watch the address of one, as "
		"ADDRESS:LENGTH",
	[MW_LOCATION_LOCAL] = "is a local variable: it has no fixed address, and no stack frame "
			      "is chosen here",
	[MW_LOCATION_CONSTANT] = "is optimized out: the compiler kept its constant value, it has "
				 "no memory",
	[MW_LOCATION_NONE] = "is optimized out: the compiler or linker removed it, it has no "
			     "memory",
};

struct mw_error *mw_candidates_explain(const struct mw_candidates *candidates)
{
	enum mw_location_kind kind = MW_LOCATION_NONE;

	/* A declaration says nothing; the copy of the function that was kept may say more. */
	mw_vec_foreach (candidate, &candidates->list) {
		if (kind == MW_LOCATION_NONE)
			kind = candidate->location.kind;
	}
	return mw_error_create(MW_ERROR_NOT_FOUND, "`%s` %s", candidates->path, explanations[kind]);
}
