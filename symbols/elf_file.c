// SPDX-License-Identifier: MIT
#include "symbols/elf_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "symbols/module.h"

/* A way to the file; the %s is the path as mapped. */
struct candidate {
	const char *description;
	int (*format)(const struct mw_module *module, char **ret);
	/** The kernel itself leads to the file; otherwise device and inode must agree. */
	bool trusted;
	bool when_deleted;
};

static int format_path(const struct mw_module *module, char **ret)
{
	return asprintf(ret, "%s", module->path);
}

static int format_map_files(const struct mw_module *module, char **ret)
{
	/* The name must be that of one mapping; the first one starts where the module does. */
	return asprintf(ret, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, module->symbols->pid,
			module->range.start.v, module->first_mapping_end);
}

static int format_exe(const struct mw_module *module, char **ret)
{
	return asprintf(ret, "/proc/%d/exe", module->symbols->pid);
}

static int format_root(const struct mw_module *module, char **ret)
{
	return asprintf(ret, "/proc/%d/root%s", module->symbols->pid, module->path);
}

/* Trusted root paths are last: overlayfs shows other inodes in maps than stat() does. */
static const struct candidate candidates[] = {
	{"path", format_path, false, false},
	{"map_files", format_map_files, true, true},
	{"exe", format_exe, false, true},
	{"root", format_root, false, true},
	{"root of another file system", format_root, true, false},
};

static bool is_mapped_file(const struct mw_module *module, int fd)
{
	struct stat status;

	return !fstat(fd, &status) && status.st_ino == module->inode &&
	       major(status.st_dev) == module->dev_major &&
	       minor(status.st_dev) == module->dev_minor;
}

static int open_candidate(const struct candidate *candidate, const struct mw_module *module,
			  char **ret_path)
{
	char *path;
	int fd;

	if ((module->deleted && !candidate->when_deleted) || candidate->format(module, &path) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (candidate->trusted || is_mapped_file(module, fd))) {
		mw_log_debug(module->symbols->log, "%s: opened by %s", module->path,
			     candidate->description);
		*ret_path = path;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

static Elf *copy_from_memory(struct mw_module *module)
{
	if (!module->image)
		module->image = malloc(module->range.size);
	if (!module->image || !mw_symbols_try_read(module->symbols, module->range.start,
						   module->image, module->range.size))
		return NULL;
	return elf_memory(module->image, module->range.size);
}

int mw_elf_file_find(Dwfl_Module *dwfl_module, void **userdata, const char *name, Dwarf_Addr base,
		     char **ret_path, Elf **ret_elf)
{
	struct mw_module *module = *userdata;

	(void)dwfl_module;
	(void)name;
	(void)base;
	if (module->path[0] != '/') {
		*ret_elf = copy_from_memory(module);
		return -1;
	}
	for (size_t i = 0; i < mw_array_size(candidates); i++) {
		int fd = open_candidate(&candidates[i], module, ret_path);

		if (fd >= 0)
			return fd;
	}
	mw_log_warning(module->symbols->log,
		       "cannot open %s as process %d sees it: no symbols of it", module->path,
		       module->symbols->pid);
	return -1;
}
