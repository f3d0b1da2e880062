// SPDX-License-Identifier: MIT
#include "tracer/seccomp_filter.h"

#include <stdint.h>
#include <string.h>

/** The machine that a filter runs on (bpf_check_classic() and seccomp_check_filter()). */
struct machine {
	uint32_t a, x;
	uint32_t memory[BPF_MEMWORDS];
	const struct seccomp_data *data;
};

static bool load(struct machine *machine, const struct sock_filter *step)
{
	uint32_t *to = BPF_CLASS(step->code) == BPF_LD ? &machine->a : &machine->x;

	switch (BPF_MODE(step->code)) {
	case BPF_IMM:
		*to = step->k;
		return true;
	case BPF_LEN:
		*to = sizeof(*machine->data);
		return true;
	case BPF_MEM:
		*to = machine->memory[step->k % BPF_MEMWORDS];
		return true;
	case BPF_ABS:
		if (step->k > sizeof(*machine->data) - sizeof(*to))
			return false;
		memcpy(to, (const char *)machine->data + step->k, sizeof(*to));
		return true;
	default:
		return false;
	}
}

static uint32_t operand(const struct machine *machine, const struct sock_filter *step)
{
	return BPF_SRC(step->code) == BPF_X ? machine->x : step->k;
}

static bool compute(struct machine *machine, const struct sock_filter *step)
{
	uint32_t b = operand(machine, step), *a = &machine->a;

	switch (BPF_OP(step->code)) {
	case BPF_ADD:
		*a += b;
		return true;
	case BPF_SUB:
		*a -= b;
		return true;
	case BPF_MUL:
		*a *= b;
		return true;
	case BPF_DIV:
		*a = b ? *a / b : 0;
		return b;
	case BPF_AND:
		*a &= b;
		return true;
	case BPF_OR:
		*a |= b;
		return true;
	case BPF_XOR:
		*a ^= b;
		return true;
	case BPF_LSH:
		*a <<= b & 31;
		return true;
	case BPF_RSH:
		*a >>= b & 31;
		return true;
	case BPF_NEG:
		*a = -*a;
		return true;
	default:
		return false;
	}
}

/* How many steps to pass over. */
static uint32_t jump(const struct machine *machine, const struct sock_filter *step)
{
	uint32_t b = operand(machine, step);
	bool is_true = false;

	switch (BPF_OP(step->code)) {
	case BPF_JA:
		return step->k;
	case BPF_JEQ:
		is_true = machine->a == b;
		break;
	case BPF_JGT:
		is_true = machine->a > b;
		break;
	case BPF_JGE:
		is_true = machine->a >= b;
		break;
	case BPF_JSET:
		is_true = machine->a & b;
		break;
	default:
		break;
	}
	return is_true ? step->jt : step->jf;
}

static void move(struct machine *machine, const struct sock_filter *step)
{
	if (BPF_MISCOP(step->code) == BPF_TAX)
		machine->x = machine->a;
	else
		machine->a = machine->x;
}

static bool is_allowed(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

bool mw_seccomp_filter_allows(const struct sock_filter *filter, size_t count,
			      const struct seccomp_data *data)
{
	struct machine machine = {.data = data};
	bool valid = true;

	/* Jumps only lead on, and by 32 bits at most: this ends. */
	for (size_t i = 0; i < count && valid; i++) {
		const struct sock_filter *step = &filter[i];

		switch (BPF_CLASS(step->code)) {
		case BPF_LD:
		case BPF_LDX:
			valid = load(&machine, step);
			break;
		case BPF_ST:
			machine.memory[step->k % BPF_MEMWORDS] = machine.a;
			break;
		case BPF_STX:
			machine.memory[step->k % BPF_MEMWORDS] = machine.x;
			break;
		case BPF_ALU:
			valid = compute(&machine, step);
			break;
		case BPF_JMP:
			i += jump(&machine, step);
			break;
		case BPF_MISC:
			move(&machine, step);
			break;
		default:
			return is_allowed(BPF_RVAL(step->code) == BPF_A ? machine.a : step->k);
		}
	}
	return false;
}
