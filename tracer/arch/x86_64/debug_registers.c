// SPDX-License-Identifier: MIT
#include "tracer/arch.h"

#include <errno.h>
#include <stddef.h>

#include "tracer/sys.h"

/* Intel SDM vol. 3, 17.2: DR6 reports, DR7 controls. */
#define DR_STATUS 6
#define DR_CONTROL 7
#define SLOT_MASK 0xfu

static size_t debug_register_offset(unsigned number)
{
	return offsetof(struct user, u_debugreg) + number * sizeof(uint64_t);
}

/* LEN: 1 → 0, 2 → 1, 4 → 3, 8 → 2. */
static uint64_t length_bits(uint64_t size)
{
	return size == 8 ? 2 : size - 1;
}

static uint64_t control_bits(unsigned slot, uint64_t size)
{
	uint64_t write_only = 1;

	return UINT64_C(1) << (slot * 2) | (length_bits(size) << 2 | write_only) << (16 + slot * 4);
}

int mw_arch_set_debug_registers(pid_t tid, const struct mw_range ranges[MW_ARCH_DEBUG_SLOTS])
{
	uint64_t control = 0;
	int result;

	/* Off first: the kernel checks each address against the control register it finds. */
	result = mw_sys_poke_user(tid, debug_register_offset(DR_CONTROL), 0);
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS && !result; slot++) {
		if (!ranges[slot].size)
			continue;
		result = mw_sys_poke_user(tid, debug_register_offset(slot), ranges[slot].start.v);
		control |= control_bits(slot, ranges[slot].size);
	}
	if (!result && control)
		result = mw_sys_poke_user(tid, debug_register_offset(DR_CONTROL), control);
	return result;
}

int mw_arch_take_debug_hits(pid_t tid)
{
	uint64_t status;
	int result = mw_sys_peek_user(tid, debug_register_offset(DR_STATUS), &status);

	if (result < 0)
		return result;
	result = mw_sys_poke_user(tid, debug_register_offset(DR_STATUS), status & ~SLOT_MASK);
	return result < 0 ? result : (int)(status & SLOT_MASK);
}
