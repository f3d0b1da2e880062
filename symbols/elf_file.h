// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_ELF_FILE_H
#define MW_SYMBOLS_ELF_FILE_H

#include <elfutils/libdwfl.h>

/**
 * The find_elf callback of libdwfl: opens the file a module was mapped from, also when it was
 * deleted or belongs to another mount namespace; the vDSO is copied from the target.
 */
int mw_elf_file_find(Dwfl_Module *dwfl_module, void **userdata, const char *name, Dwarf_Addr base,
		     char **ret_path, Elf **ret_elf);

#endif
