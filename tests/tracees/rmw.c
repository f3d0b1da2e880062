// SPDX-License-Identifier: MIT
/* Instructions that read, change and write memory, and the rarer ways to write it. */
#include "tracee.h"

uint64_t PAGE_ALIGNED word = 0x0123456789abcdef;
/* Two words in one, for the 16-byte instructions and for a stack of our own. */
struct pair {
	uint64_t low;
	uint64_t high;
};
struct pair PAGE_ALIGNED pair = {3, 4};
/* How many stores leave the value as it was. */
static unsigned silent;

#define INSN(text, ...) __asm__ volatile(text : "+m"(word) : __VA_ARGS__ : "cc", "memory")

NOINLINE static void arithmetic(void)
{
	EXPECT(word, INSN("addq $5, %0", "i"(0)));
	EXPECT(word, INSN("subl %1, %0", "r"(0x1234)));
	EXPECT(word, INSN("stc; adcq $1, %0", "i"(0)));
	EXPECT(word, INSN("stc; sbbb $1, %0", "i"(0)));
	EXPECT(word, INSN("incq %0", "i"(0)));
	EXPECT(word, INSN("decw %0", "i"(0)));
	EXPECT(word, INSN("negq %0", "i"(0)));
	EXPECT(word, INSN("notl %0", "i"(0)));
	EXPECT(word, INSN("andq $-16, %0", "i"(0)));
	EXPECT(word, INSN("orb $15, %0", "i"(0)));
	EXPECT(word, INSN("xorq %1, %0", "r"(0x5555555555555555)));
	EXPECT(word, INSN("shlq $3, %0", "i"(0)));
	EXPECT(word, INSN("sarl %%cl, %0", "c"(5)));
	EXPECT(word, INSN("rolw $4, %0", "i"(0)));
	EXPECT(word, INSN("shldq $7, %1, %0", "r"(0x1111111111111111)));
}

/* Instructions that also change a register: text, and the register's value before. */
#define INSN_REG(text, type, value)                                                                \
	do {                                                                                       \
		type reg_ = (type)(value);                                                         \
                                                                                                   \
		__asm__ volatile(text : "+m"(word), "+r"(reg_) : : "cc", "memory");                \
	} while (0)

static void compare_exchange(uint64_t expected, uint64_t wanted)
{
	__asm__ volatile("lock cmpxchgq %2, %0"
			 : "+m"(word), "+a"(expected)
			 : "r"(wanted)
			 : "cc", "memory");
}

static void compare_exchange_pair(uint64_t low, uint64_t high)
{
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(pair), "+a"(low), "+d"(high)
			 : "b"(30ul), "c"(40ul)
			 : "cc", "memory");
}

NOINLINE static void exchanges(void)
{
	EXPECT(word, INSN_REG("xchgq %1, %0", uint64_t, 0x77));
	EXPECT(word, INSN_REG("xaddq %1, %0", uint64_t, 9));
	EXPECT(word, INSN_REG("lock xaddl %1, %0", uint32_t, 3));
	EXPECT(word, INSN("lock incq %0", "i"(0)));
	EXPECT(word, INSN("lock orq $0x100, %0", "i"(0)));
	EXPECT_INLINE(word, compare_exchange(word, 0x4242));
	/* Fails, and writes back what stands there: a silent store. */
	compare_exchange(0, 0x4343);
	silent++;
	EXPECT_INLINE(pair, compare_exchange_pair(3, 4));
}

static void set_bit_of_pair(uint64_t bit)
{
	__asm__ volatile("btsq %1, %0" : "+m"(pair.low) : "r"(bit) : "cc", "memory");
}

NOINLINE static void bits_and_bytes(void)
{
	EXPECT(word, INSN("btsq $40, %0", "i"(0)));
	EXPECT(word, INSN("btrq %1, %0", "r"(40ul)));
	EXPECT(word, INSN("lock btcl $3, %0", "i"(0)));
	/* The bit lies in the next word: the operand's address is not where it stores. */
	EXPECT_INLINE(pair, set_bit_of_pair(64 + 10));
	EXPECT(word, INSN("stc; setcb %0", "i"(0)));
	EXPECT(word, INSN("movb $0x7e, %0", "i"(0)));
	EXPECT(word, INSN("movw %w1, %0", "r"(0xbeef)));
	EXPECT(word, INSN("movq $-2, %0", "i"(0)));
	EXPECT(word, INSN("movntiq %1, %0", "r"(0x1020304050607080)));
	/* bt only reads: no event. */
	INSN("btq $1, %0", "i"(0));
}

static void store_string_byte(unsigned char value)
{
	void *to = &word;

	__asm__ volatile("stosb" : "+D"(to) : "a"(value) : "memory");
}

static void move_string_word(const void *from)
{
	void *to = &word;

	__asm__ volatile("movsq" : "+D"(to), "+S"(from) : : "memory");
}

NOINLINE static void odd_writers(void)
{
	double real = 1.5;

	EXPECT(word, INSN("fldl %1; fstpl %0", "m"(real)));
	EXPECT(word, INSN("fldl %1; fistpll %0", "m"(real)));
	EXPECT(word, INSN("stmxcsr %0", "i"(0)));
	EXPECT(word, INSN("fnstcw %0", "i"(0)));
	EXPECT(word, INSN("sub $128, %%rsp; pushq $77; popq (%1); add $128, %%rsp", "r"(&word)));
	EXPECT_INLINE(word, store_string_byte(0x99));
	EXPECT_INLINE(word, move_string_word(&real));
}

/* Runs one instruction with the stack pointer at @top, as a stack of the program's own. */
#define ON_STACK(top, text)                                                                        \
	__asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; " text "; mov %%rbx, %%rsp"             \
			 :                                                                         \
			 : "r"(top)                                                                \
			 : "rbx", "cc", "memory")

NOINLINE static void stack_writers(void)
{
	EXPECT(pair, ON_STACK(&pair.high, "pushq $1234"));
	EXPECT(pair, ON_STACK(&pair + 1, "pushfq"));
	EXPECT(pair, ON_STACK(&pair + 1, "call 1f; 1:"));
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	arithmetic();
	exchanges();
	bits_and_bytes();
	odd_writers();
	stack_writers();
	printf("silent %u\nword %016" PRIx64 "\npair %016" PRIx64 " %016" PRIx64 "\n", silent, word,
	       pair.low, pair.high);
	return tracee_end(&tracee);
}
