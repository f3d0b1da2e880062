// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <cpuid.h>
#include <string.h>

#include "tracer/arch/x86_64/store_thunk.h"

/* CPU features that the instruction sets of what may be run here need. */
enum feature {
	CX16,
	MOVBE,
	MOVDIRI,
	SSE3,
	SSE41,
	SSE4A,
	F16C,
	AVX,
	AVX2,
	AVX512F,
	AVX512VL,
	AVX512BW,
	AVX512DQ,
	AVX512VBMI2,
	CMOV,
	LAHF,
	POPCNT,
	LZCNT,
	SSE42,
	BMI1,
	BMI2,
	ADX,
	FEATURE_COUNT,
};

enum cpuid_register { EAX, EBX, ECX, EDX };

static const struct {
	uint32_t leaf;
	uint8_t reg;
	uint8_t bit;
	/** Components of the extended state that the system must have enabled. */
	uint8_t xstate;
} features[] = {
	[CX16] = {1, ECX, 13, 0},
	[MOVBE] = {1, ECX, 22, 0},
	[MOVDIRI] = {7, ECX, 27, 0},
	[SSE3] = {1, ECX, 0, 0},
	[SSE41] = {1, ECX, 19, 0},
	[SSE4A] = {0x80000001, ECX, 6, 0},
	[F16C] = {1, ECX, 29, X86_XSTATE_AVX},
	[AVX] = {1, ECX, 28, X86_XSTATE_AVX},
	[AVX2] = {7, EBX, 5, X86_XSTATE_AVX},
	[AVX512F] = {7, EBX, 16, X86_XSTATE_VECTOR},
	[AVX512VL] = {7, EBX, 31, X86_XSTATE_VECTOR},
	[AVX512BW] = {7, EBX, 30, X86_XSTATE_VECTOR},
	[AVX512DQ] = {7, EBX, 17, X86_XSTATE_VECTOR},
	[AVX512VBMI2] = {7, ECX, 6, X86_XSTATE_VECTOR},
	[CMOV] = {1, EDX, 15, 0},
	[LAHF] = {0x80000001, ECX, 0, 0},
	[POPCNT] = {1, ECX, 23, 0},
	[LZCNT] = {0x80000001, ECX, 5, 0},
	[SSE42] = {1, ECX, 20, 0},
	[BMI1] = {7, EBX, 3, 0},
	[BMI2] = {7, EBX, 8, 0},
	[ADX] = {7, EBX, 19, 0},
};
_Static_assert(mw_array_size(features) == FEATURE_COUNT, "every feature has a CPUID bit");

#define NEEDS(feature) (1u << (feature))

/* An instruction set that isn't listed is never run in memwatch. */
static const struct {
	uint16_t isa_set;
	uint32_t needs;
} isa_sets[] = {
	{ZYDIS_ISA_SET_I86, 0},
	{ZYDIS_ISA_SET_I186, 0},
	{ZYDIS_ISA_SET_I386, 0},
	{ZYDIS_ISA_SET_I486, 0},
	{ZYDIS_ISA_SET_I486REAL, 0},
	{ZYDIS_ISA_SET_PENTIUMREAL, 0},
	{ZYDIS_ISA_SET_PENTIUMMMX, 0},
	{ZYDIS_ISA_SET_PPRO, 0},
	{ZYDIS_ISA_SET_LONGMODE, 0},
	{ZYDIS_ISA_SET_FAT_NOP, 0},
	/* Where there is none, these do nothing as well. */
	{ZYDIS_ISA_SET_CET, 0},
	{ZYDIS_ISA_SET_CMOV, NEEDS(CMOV)},
	{ZYDIS_ISA_SET_LAHF, NEEDS(LAHF)},
	{ZYDIS_ISA_SET_POPCNT, NEEDS(POPCNT)},
	{ZYDIS_ISA_SET_LZCNT, NEEDS(LZCNT)},
	{ZYDIS_ISA_SET_SSE42, NEEDS(SSE42)},
	{ZYDIS_ISA_SET_BMI1, NEEDS(BMI1)},
	{ZYDIS_ISA_SET_BMI2, NEEDS(BMI2)},
	{ZYDIS_ISA_SET_ADOX_ADCX, NEEDS(ADX)},
	{ZYDIS_ISA_SET_X87, 0},
	{ZYDIS_ISA_SET_SSE, 0},
	{ZYDIS_ISA_SET_SSEMXCSR, 0},
	{ZYDIS_ISA_SET_SSE2, 0},
	{ZYDIS_ISA_SET_SSE2MMX, 0},
	{ZYDIS_ISA_SET_SSE3, NEEDS(SSE3)},
	{ZYDIS_ISA_SET_SSE3X87, NEEDS(SSE3)},
	{ZYDIS_ISA_SET_SSE4, NEEDS(SSE41)},
	{ZYDIS_ISA_SET_SSE4A, NEEDS(SSE4A)},
	{ZYDIS_ISA_SET_CMPXCHG16B, NEEDS(CX16)},
	{ZYDIS_ISA_SET_MOVBE, NEEDS(MOVBE)},
	{ZYDIS_ISA_SET_MOVDIR, NEEDS(MOVDIRI)},
	{ZYDIS_ISA_SET_F16C, NEEDS(F16C)},
	{ZYDIS_ISA_SET_AVX, NEEDS(AVX)},
	{ZYDIS_ISA_SET_AVX2, NEEDS(AVX2)},
	{ZYDIS_ISA_SET_AVX512F_SCALAR, NEEDS(AVX512F)},
	{ZYDIS_ISA_SET_AVX512F_KOP, NEEDS(AVX512F)},
	{ZYDIS_ISA_SET_AVX512F_512, NEEDS(AVX512F)},
	{ZYDIS_ISA_SET_AVX512F_128N, NEEDS(AVX512F)},
	{ZYDIS_ISA_SET_AVX512F_128, NEEDS(AVX512F) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512F_256, NEEDS(AVX512F) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512BW_KOP, NEEDS(AVX512BW)},
	{ZYDIS_ISA_SET_AVX512BW_512, NEEDS(AVX512BW)},
	{ZYDIS_ISA_SET_AVX512BW_128N, NEEDS(AVX512BW)},
	{ZYDIS_ISA_SET_AVX512BW_128, NEEDS(AVX512BW) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512BW_256, NEEDS(AVX512BW) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512DQ_KOP, NEEDS(AVX512DQ)},
	{ZYDIS_ISA_SET_AVX512DQ_512, NEEDS(AVX512DQ)},
	{ZYDIS_ISA_SET_AVX512DQ_128N, NEEDS(AVX512DQ)},
	{ZYDIS_ISA_SET_AVX512DQ_128, NEEDS(AVX512DQ) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512DQ_256, NEEDS(AVX512DQ) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512_VBMI2_512, NEEDS(AVX512VBMI2)},
	{ZYDIS_ISA_SET_AVX512_VBMI2_128, NEEDS(AVX512VBMI2) | NEEDS(AVX512VL)},
	{ZYDIS_ISA_SET_AVX512_VBMI2_256, NEEDS(AVX512VBMI2) | NEEDS(AVX512VL)},
};

static bool cpuid_bit(uint32_t leaf, uint8_t reg, uint8_t bit)
{
	uint32_t values[4];

	return __get_cpuid_count(leaf, 0, &values[EAX], &values[EBX], &values[ECX], &values[EDX]) &&
	       values[reg] >> bit & 1;
}

/* XCR0, or 0 when the system doesn't use XSAVE. */
static uint32_t enabled_xstate(void)
{
	uint32_t low, high;

	if (!cpuid_bit(1, ECX, 27))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static void find_layout(struct x86_xstate_layout *ret)
{
	uint32_t size, offset, unused;

	ret->components = enabled_xstate() & (X86_XSTATE_X87 | X86_XSTATE_VECTOR);
	for (uint32_t i = 2; i < mw_array_size(ret->component); i++) {
		if (!(ret->components >> i & 1))
			continue;
		__cpuid_count(0xd, i, size, offset, unused, unused);
		if (offset + size > X86_IMAGE_SIZE) {
			ret->components &= ~(1u << i);
			continue;
		}
		ret->component[i].size = size;
		ret->component[i].offset = offset;
	}
}

static uint32_t find_features(const struct x86_xstate_layout *layout)
{
	uint32_t found = 0;

	for (size_t i = 0; i < mw_array_size(features); i++)
		if (cpuid_bit(features[i].leaf, features[i].reg, features[i].bit) &&
		    !(features[i].xstate & ~layout->components))
			found |= 1u << i;
	return found;
}

void mw_x86_cpu_init(struct x86_cpu *ret)
{
	uint32_t found;

	memset(ret, 0, sizeof(*ret));
	find_layout(&ret->xstate);
	found = find_features(&ret->xstate);
	for (size_t i = 0; i < mw_array_size(isa_sets); i++)
		ret->has_isa_set[isa_sets[i].isa_set] = !(isa_sets[i].needs & ~found);
}
