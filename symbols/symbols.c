// SPDX-License-Identifier: MIT
#include "symbols/symbols.h"

#include <stdio.h>

#include "symbols/elf_file.h"
#include "symbols/module.h"
#include "symbols/modules.h"
#include "symbols/place.h"
#include "symbols/type.h"

/* "+" asks libdwfl to verify checksums; the second tree is that of the target's container. */
static struct mw_error *start_dwfl(struct mw_symbols *symbols)
{
	if (asprintf(&symbols->debug_path, "+:.debug:/usr/lib/debug:/proc/%d/root/usr/lib/debug",
		     symbols->pid) < 0) {
		symbols->debug_path = NULL;
		return mw_err_nomem;
	}
	symbols->callbacks = (Dwfl_Callbacks){
		.find_elf = mw_elf_file_find,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &symbols->debug_path,
	};
	symbols->dwfl = dwfl_begin(&symbols->callbacks);
	if (!symbols->dwfl)
		return mw_error_create(MW_ERROR_OTHER, "cannot start libdwfl: %s", dwfl_errmsg(-1));
	return NULL;
}

struct mw_error *mw_symbols_create(pid_t pid, const struct mw_mem_reader *reader,
				   const struct mw_log *log, struct mw_symbols **ret)
{
	struct mw_symbols *symbols = calloc(1, sizeof(*symbols));
	struct mw_error *err;

	if (!symbols)
		return mw_err_nomem;
	symbols->pid = pid;
	symbols->reader = *reader;
	symbols->log = log;
	err = start_dwfl(symbols);
	if (!err)
		err = mw_modules_report(symbols);
	if (!err && !symbols->modules.count)
		err = mw_error_create(MW_ERROR_NOT_FOUND, "process %d has no program mapped", pid);
	if (err) {
		mw_symbols_destroy(symbols);
		return err;
	}
	*ret = symbols;
	return NULL;
}

/* libdwfl may read the images of the modules until it ends. */
void mw_symbols_destroy(struct mw_symbols *symbols)
{
	if (!symbols)
		return;
	mw_places_forget(symbols);
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	mw_vec_foreach (module, &symbols->modules) {
		mw_module_destroy(*module);
	}
	mw_vec_deinit(&symbols->modules);
	mw_types_destroy(symbols);
	mw_strings_deinit(&symbols->strings);
	free(symbols->debug_path);
	free(symbols);
}

void mw_symbols_set_process(struct mw_symbols *symbols, pid_t pid,
			    const struct mw_mem_reader *reader)
{
	symbols->pid = pid;
	symbols->reader = *reader;
}

struct mw_error *mw_symbols_refresh(struct mw_symbols *symbols)
{
	return mw_modules_report(symbols);
}

void mw_symbols_modules(struct mw_symbols *symbols,
			void (*visit)(void *arg, const struct mw_module_info *module), void *arg)
{
	mw_vec_foreach (module, &symbols->modules) {
		const char *debug_file = NULL;
		struct mw_module_info info = {
			.path = (*module)->path,
			.range = (*module)->range,
			.has_dwarf = mw_module_dwarf(*module) != NULL,
			.has_symtab = mw_elf_symbols_are_complete(*module),
		};

		dwfl_module_info((*module)->dwfl_module, NULL, NULL, NULL, NULL, NULL, NULL,
				 &debug_file);
		info.debug_file = debug_file;
		visit(arg, &info);
	}
}
