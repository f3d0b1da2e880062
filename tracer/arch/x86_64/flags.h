// SPDX-License-Identifier: MIT
/** Bits of rflags. */
#ifndef MW_TRACER_ARCH_X86_64_FLAGS_H
#define MW_TRACER_ARCH_X86_64_FLAGS_H

enum {
	X86_EFLAGS_CF = 1u << 0,
	X86_EFLAGS_PF = 1u << 2,
	X86_EFLAGS_AF = 1u << 4,
	X86_EFLAGS_ZF = 1u << 6,
	X86_EFLAGS_SF = 1u << 7,
	X86_EFLAGS_TF = 1u << 8,
	X86_EFLAGS_IF = 1u << 9,
	X86_EFLAGS_DF = 1u << 10,
	X86_EFLAGS_OF = 1u << 11,
	X86_EFLAGS_RF = 1u << 16,
	X86_EFLAGS_VM = 1u << 17,
	X86_EFLAGS_AC = 1u << 18,
	/** What a replayed instruction reads and writes. DF only matters to string instructions. */
	X86_EFLAGS_ARITHMETIC = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |
				X86_EFLAGS_SF | X86_EFLAGS_OF,
};

#endif
