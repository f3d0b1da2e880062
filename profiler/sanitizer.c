// SPDX-License-Identifier: MIT
#include "profiler/sanitizer.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/compiler.h"

/* Dynamic and static runtimes: libraries they need, functions they export. */
static const char *const marks[] = {
	"libasan.so",  "liblsan.so",  "libclang_rt.asan",
	"__lsan_init", "__asan_init", "__hwasan_init",
};

static bool holds_mark(const Elf_Data *data)
{
	for (size_t i = 0; data && data->d_buf && i < mw_array_size(marks); i++)
		if (memmem(data->d_buf, data->d_size, marks[i], strlen(marks[i])))
			return true;
	return false;
}

/** Looks through the string tables of the symbols the dynamic linker sees. */
static bool dynamic_strings_hold_mark(Elf *elf)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Scn *strings;
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_DYNAMIC))
			continue;
		strings = elf_getscn(elf, header.sh_link);
		if (strings && holds_mark(elf_getdata(strings, NULL)))
			return true;
	}
	return false;
}

bool mw_program_has_leak_sanitizer(const char *path)
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found;
	Elf *elf;

	if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		return false;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return false;
	found = elf_kind(elf) == ELF_K_ELF && dynamic_strings_hold_mark(elf);
	elf_end(elf);
	return found;
}
