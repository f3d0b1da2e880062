// SPDX-License-Identifier: MIT
/** Random bytes in the shape of instructions, right and wrong ones. */
#ifndef MW_TESTS_UNIT_STORE_GENERATE_H
#define MW_TESTS_UNIT_STORE_GENERATE_H

#include "store_random.h"

#define GENERATED_SIZE 32

struct generated {
	uint8_t bytes[GENERATED_SIZE];
	size_t size;
};

static inline void generate_byte(struct generated *generated, uint64_t byte)
{
	generated->bytes[generated->size++] = (uint8_t)byte;
}

static inline void generate_prefixes(uint64_t *random, struct generated *ret)
{
	static const uint8_t prefixes[] = {0x66, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36,
					   0x3e, 0x26, 0x64, 0x65, 0x40, 0x48, 0x4f, 0x44};
	uint64_t noise = random_next(random);

	for (uint64_t count = noise % 8 < 4 ? 0 : noise % 4; count; count--)
		generate_byte(ret, prefixes[random_next(random) % mw_array_size(prefixes)]);
}

/* Addressing forms with and without base, index and displacement; a register form now and then. */
static inline void generate_operand(uint64_t *random, struct generated *ret)
{
	uint64_t noise = random_next(random);

	generate_byte(ret, noise & 7 ? noise >> 8 & 0xbf : noise >> 8);
	for (int i = 0; i < 10; i++)
		generate_byte(ret, random_next(random));
}

static inline void generate_legacy(uint64_t *random, struct generated *ret)
{
	uint64_t noise = random_next(random);

	generate_prefixes(random, ret);
	if (noise & 1)
		generate_byte(ret, 0x40 | (noise >> 8 & 0xf));
	if (noise & 6)
		generate_byte(ret, 0x0f);
	if ((noise & 0x18) == 0x18)
		generate_byte(ret, noise & 0x40 ? 0x38 : 0x3a);
	generate_byte(ret, noise >> 16);
}

static inline void generate_vex(uint64_t *random, struct generated *ret)
{
	uint64_t noise = random_next(random);
	uint8_t unused_register = noise & 0x700 ? 0x78 : 0;

	if (noise & 1) {
		generate_byte(ret, 0xc5);
		generate_byte(ret, (noise >> 16 & 0xff) | unused_register);
	} else {
		generate_byte(ret, 0xc4);
		generate_byte(ret, (noise >> 24 & 0xe0) | (1 + (noise >> 32) % 3));
		generate_byte(ret, (noise >> 16 & 0xff) | unused_register);
	}
	generate_byte(ret, noise >> 40);
}

static inline void generate_evex(uint64_t *random, struct generated *ret)
{
	uint64_t noise = random_next(random);

	generate_byte(ret, 0x62);
	generate_byte(ret, (noise >> 8 & 0xf0) | (1 + (noise >> 16) % 3));
	generate_byte(ret, (noise >> 24 & 0xff) | 0x04 | (noise & 0x700 ? 0x78 : 0));
	generate_byte(ret, (noise >> 32 & 0x6f) | (noise & 0x7000 ? 0x08 : 0x90));
	generate_byte(ret, noise >> 40);
}

/** Makes the start of an instruction of any encoding, with random bytes behind it. */
static inline void generate(uint64_t *random, struct generated *ret)
{
	ret->size = 0;
	switch (random_next(random) & 3) {
	case 0:
		generate_prefixes(random, ret);
		generate_vex(random, ret);
		break;
	case 1:
		generate_evex(random, ret);
		break;
	default:
		generate_legacy(random, ret);
		break;
	}
	generate_operand(random, ret);
}

#endif
