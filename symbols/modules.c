// SPDX-License-Identifier: MIT
#include "symbols/modules.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/procfs.h"
#include "base/procmaps.h"
#include "symbols/module.h"
#include "symbols/place.h"

#define DELETED_SUFFIX " (deleted)"
#define VDSO_PATH "[vdso]"

/* Consecutive mappings of one file, from its first page on. */
struct group {
	const struct mw_mapping *first;
	const struct mw_mapping *last;
	bool executable;
};

static bool is_file(const struct mw_mapping *mapping)
{
	return mapping->path[0] == '/' || !strcmp(mapping->path, VDSO_PATH);
}

static bool is_same_file(const struct mw_mapping *a, const struct mw_mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && !strcmp(a->path, b->path);
}

/* Holes and anonymous mappings (.bss, relro splits) may lie between the parts of one file. */
static const struct mw_mapping *next_of_group(const struct group *group,
					      const struct mw_mapping *mapping,
					      const struct mw_mapping *end)
{
	for (; mapping < end; mapping++) {
		if (is_file(mapping) && !is_same_file(group->first, mapping))
			return NULL;
		if (is_file(mapping))
			return mapping->offset > group->first->offset ? mapping : NULL;
	}
	return NULL;
}

static struct group group_at(const struct mw_mapping *mapping, const struct mw_mapping *end)
{
	struct group group = {mapping, mapping, false};

	for (; mapping; mapping = next_of_group(&group, mapping + 1, end)) {
		group.last = mapping;
		group.executable |= (mapping->prot & PROT_EXEC) != 0;
	}
	return group;
}

static bool starts_with_elf_magic(struct mw_symbols *symbols, const struct mw_mapping *mapping)
{
	char magic[SELFMAG];

	return mw_symbols_try_read(symbols, mapping->range.start, magic, sizeof(magic)) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

static const char *path_without_suffix(struct mw_symbols *symbols, const char *path, bool *deleted)
{
	size_t length = strlen(path), suffix = strlen(DELETED_SUFFIX);

	*deleted = length > suffix && !strcmp(path + length - suffix, DELETED_SUFFIX);
	if (!*deleted)
		return mw_strings_add(&symbols->strings, path);
	return mw_strings_take(&symbols->strings, strndup(path, length - suffix));
}

static struct mw_module *find_known(struct mw_symbols *symbols, const struct mw_mapping *first,
				    const char *path)
{
	mw_vec_foreach (module, &symbols->modules) {
		if ((*module)->range.start.v == first->range.start.v &&
		    (*module)->inode == first->inode && (*module)->dev_major == first->dev_major &&
		    (*module)->dev_minor == first->dev_minor && (*module)->path == path)
			return *module;
	}
	return NULL;
}

static struct mw_error *add_module(struct mw_symbols *symbols, const struct group *group,
				   const char *path, bool deleted)
{
	const struct mw_mapping *first = group->first;
	struct mw_module *module = mw_module_create(symbols);

	if (!module || !path || !mw_vec_push(&symbols->modules, module)) {
		mw_module_destroy(module);
		return mw_err_nomem;
	}
	module->path = path;
	module->deleted = deleted;
	module->inode = first->inode;
	module->dev_major = first->dev_major;
	module->dev_minor = first->dev_minor;
	module->range = (struct mw_range){first->range.start,
					  mw_range_end(group->last->range) - first->range.start.v};
	module->first_mapping_end = mw_range_end(first->range);
	module->seen = true;
	return NULL;
}

static struct mw_error *note_group(struct mw_symbols *symbols, const struct group *group)
{
	struct mw_module *known;
	const char *path;
	bool deleted;

	if (!group->executable || !starts_with_elf_magic(symbols, group->first))
		return NULL;
	path = path_without_suffix(symbols, group->first->path, &deleted);
	known = find_known(symbols, group->first, path);
	if (!known)
		return add_module(symbols, group, path, deleted);
	known->seen = true;
	known->deleted = deleted;
	return NULL;
}

static struct mw_error *note_mappings(struct mw_symbols *symbols, const struct mw_procmaps *maps)
{
	const struct mw_mapping *end = maps->items + maps->count;

	for (const struct mw_mapping *mapping = maps->items; mapping < end; mapping++) {
		struct mw_error *err;
		struct group group;

		if (!is_file(mapping))
			continue;
		group = group_at(mapping, end);
		err = note_group(symbols, &group);
		if (err)
			return err;
		mapping = group.last;
	}
	return NULL;
}

/* libdwfl keeps a module that is reported again under the same name and addresses. */
static struct mw_error *report_module(struct mw_symbols *symbols, struct mw_module *module)
{
	void **userdata;

	module->dwfl_module = dwfl_report_module(symbols->dwfl, module->path, module->range.start.v,
						 mw_range_end(module->range));
	if (!module->dwfl_module)
		return mw_error_create(MW_ERROR_OTHER, "cannot add %s: %s", module->path,
				       dwfl_errmsg(-1));
	dwfl_module_info(module->dwfl_module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = module;
	return NULL;
}

static struct mw_error *report_all(struct mw_symbols *symbols)
{
	dwfl_report_begin(symbols->dwfl);
	mw_vec_foreach (module, &symbols->modules) {
		struct mw_error *err = report_module(symbols, *module);

		if (err)
			return err;
	}
	if (dwfl_report_end(symbols->dwfl, NULL, NULL))
		return mw_error_create(MW_ERROR_OTHER, "cannot list the modules: %s",
				       dwfl_errmsg(-1));
	return NULL;
}

/* The images of vDSOs must outlive libdwfl's use of them, so the unseen go after the report. */
static struct mw_error *drop_unseen(struct mw_symbols *symbols)
{
	MW_VEC(struct mw_module *) unseen = {0};
	struct mw_error *err;

	for (size_t i = symbols->modules.count; i-- > 0;) {
		if (symbols->modules.items[i]->seen)
			continue;
		if (!mw_vec_push(&unseen, symbols->modules.items[i]))
			return mw_err_nomem;
		mw_vec_remove(&symbols->modules, i);
	}
	err = report_all(symbols);
	mw_vec_foreach (module, &unseen) {
		mw_module_destroy(*module);
	}
	mw_vec_deinit(&unseen);
	return err;
}

static void put_main_first(struct mw_symbols *symbols)
{
	struct mw_error *err;
	uint64_t entry;

	err = mw_proc_auxv(symbols->pid, AT_PHDR, &entry);
	if (err) {
		mw_error_destroy(err);
		return;
	}
	mw_vec_foreach (module, &symbols->modules) {
		struct mw_module *main_module = *module;

		if (!mw_range_contains(main_module->range, mw_addr_make(entry)))
			continue;
		memmove(symbols->modules.items + 1, symbols->modules.items,
			(size_t)(module - symbols->modules.items) * sizeof(*module));
		symbols->modules.items[0] = main_module;
		main_module->is_main = true;
		return;
	}
}

static bool has_changed(const struct mw_symbols *symbols)
{
	mw_vec_foreach (module, &symbols->modules) {
		if (!(*module)->seen || !(*module)->dwfl_module)
			return true;
	}
	return false;
}

struct mw_error *mw_modules_report(struct mw_symbols *symbols)
{
	struct mw_procmaps maps = {0};
	struct mw_error *err;

	err = mw_procmaps_read(symbols->pid, &maps);
	if (err)
		return err;
	mw_vec_foreach (module, &symbols->modules) {
		(*module)->seen = false;
	}
	err = note_mappings(symbols, &maps);
	mw_procmaps_deinit(&maps);
	if (err)
		return err;
	if (!has_changed(symbols))
		return NULL;
	mw_places_forget(symbols);
	err = drop_unseen(symbols);
	if (!err)
		put_main_first(symbols);
	return err;
}
