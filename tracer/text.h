// SPDX-License-Identifier: MIT
/** Instructions that a process already has: nothing is written into its text. */
#ifndef MW_TRACER_TEXT_H
#define MW_TRACER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/procmaps.h"
#include "base/target.h"

struct mw_mem;

/**
 * Finds instructions that the process may execute: in the vDSO, else in any mapped file.
 *
 * @param find says where in a piece of code they are, or -1: mw_arch_find_syscall() and others.
 */
bool mw_text_find(const struct mw_mem *mem, const struct mw_procmaps *maps,
		  int64_t (*find)(const uint8_t *code, size_t size), mw_addr *ret);

#endif
