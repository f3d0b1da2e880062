// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_replayer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "tracer/arch.h"

#define SLOTS_SIZE (X86_SLOT_COUNT * sizeof(struct x86_slot))

struct mw_error *mw_replayer_create(struct mw_replayer **ret)
{
	struct mw_replayer *replayer = aligned_alloc(64, (sizeof(*replayer) + 63) / 64 * 64);

	if (!replayer)
		return mw_err_nomem;
	memset(replayer, 0, sizeof(*replayer));
	mw_x86_cpu_init(&replayer->cpu);
	ZydisDecoderInit(&replayer->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	replayer->slots = mmap(NULL, SLOTS_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (replayer->slots == MAP_FAILED) {
		free(replayer);
		return mw_error_os(errno, "cannot get writable and executable memory to replay "
					  "stores in; a security policy may forbid it");
	}
	*ret = replayer;
	return NULL;
}

void mw_replayer_destroy(struct mw_replayer *replayer)
{
	if (!replayer)
		return;
	munmap(replayer->slots, SLOTS_SIZE);
	free(replayer);
}

/* Finds the way to carry a store out; true when it is one of the two that need no step. */
static bool decode_method(const struct x86_decoding *decoding, struct mw_store *ret)
{
	struct x86_store *store = (struct x86_store *)ret->arch;

	if (!mw_x86_address_decode(decoding, decoding->target, &store->address))
		return false;
	store->width = (uint8_t)mw_min(decoding->target->size / 8, 255);
	ret->method = MW_STORE_REPLAY;
	if (mw_x86_replay_decode(decoding, store))
		return true;
	ret->method = MW_STORE_EMULATE;
	return mw_x86_emulate_decode(decoding, store);
}

/* A step needs no more than the address, which may stand for a part of what is written. */
static void decode_step(const struct x86_decoding *decoding, struct mw_store *ret)
{
	struct x86_store *store = (struct x86_store *)ret->arch;

	memset(store, 0, sizeof(*store));
	ret->method = MW_STORE_STEP;
	store->address.base = X86_NO_REG;
	store->address.index = X86_NO_REG;
	store->kind = X86_STORE_STEP;
	if (decoding->target && mw_x86_address_decode(decoding, decoding->target, &store->address))
		store->width = (uint8_t)mw_min(decoding->target->size / 8, 255);
}

static enum mw_cause decode_cause(const ZydisDecodedInstruction *insn)
{
	if (insn->attributes & ZYDIS_ATTRIB_HAS_LOCK || insn->mnemonic == ZYDIS_MNEMONIC_XCHG)
		return MW_CAUSE_ATOMIC;
	if (insn->meta.category == ZYDIS_CATEGORY_STRINGOP ||
	    insn->meta.category == ZYDIS_CATEGORY_IOSTRINGOP)
		return MW_CAUSE_STRING;
	return MW_CAUSE_STORE;
}

static const ZydisDecodedOperand *find_target(const struct x86_decoding *decoding)
{
	for (int i = 0; i < decoding->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoding->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    operand->mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return operand;
	}
	return NULL;
}

/* Instructions that write where a register points, which Zydis doesn't call an operand. */
static bool writes_implicitly(ZydisMnemonic mnemonic)
{
	return mnemonic == ZYDIS_MNEMONIC_CLZERO || mnemonic == ZYDIS_MNEMONIC_ENQCMD ||
	       mnemonic == ZYDIS_MNEMONIC_ENQCMDS;
}

bool mw_store_decode(struct mw_replayer *replayer, const uint8_t *code, size_t size,
		     struct mw_store *ret)
{
	struct x86_decoding decoding = {.cpu = &replayer->cpu, .bytes = code};
	const struct x86_store *store = (const struct x86_store *)ret->arch;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&replayer->decoder, code,
						 mw_min(size, (size_t)MW_INSN_MAX), &decoding.insn,
						 decoding.operands)))
		return false;
	decoding.target = find_target(&decoding);
	if (!decoding.target && !writes_implicitly(decoding.insn.mnemonic))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->length = decoding.insn.length;
	memcpy(ret->bytes, code, ret->length);
	ret->cause = (uint8_t)decode_cause(&decoding.insn);
	ret->reads_target =
		decoding.target && decoding.target->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
	if (!decoding.target || !decode_method(&decoding, ret))
		decode_step(&decoding, ret);
	ret->masked = store->kind == X86_STORE_REPLAY_OPMASK ||
		      store->kind == X86_STORE_REPLAY_COMPRESS ||
		      store->kind == X86_STORE_REPLAY_SIGN_MASK;
	ret->calls = store->kind == X86_STORE_CALL;
	ret->needs_xstate = store->xstate;
	ret->changes_xstate = store->xstate & X86_XSTATE_X87 || store->raises_simd;
	return true;
}

static void locate_pop(const struct mw_store *store, const struct mw_store_state *state,
		       struct mw_store_target *ret)
{
	const struct x86_store *x86 = x86_store_of(store);
	struct user_regs_struct regs = state->regs;

	// An address that counts from rsp uses the value behind the pop.
	regs.rsp += x86->width;
	ret->addr = mw_addr_make(mw_x86_address_resolve(&x86->address, store->length, &regs));
}

void mw_store_locate(const struct mw_store *store, const struct mw_store_state *state,
		     struct mw_store_target *ret)
{
	const struct x86_store *x86 = x86_store_of(store);

	ret->size = x86->width;
	ret->addr =
		mw_addr_make(mw_x86_address_resolve(&x86->address, store->length, &state->regs));
	switch (x86->kind) {
	case X86_STORE_REPLAY_OPMASK:
	case X86_STORE_REPLAY_COMPRESS:
	case X86_STORE_REPLAY_SIGN_MASK:
		mw_x86_mask_locate(x86, state, ret);
		break;
	case X86_STORE_REPLAY_BIT:
		ret->addr.v += (uint64_t)mw_x86_bit_distance(x86, &state->regs);
		break;
	case X86_STORE_PUSH:
	case X86_STORE_CALL:
		ret->addr = mw_addr_make(state->regs.rsp - x86->width);
		break;
	case X86_STORE_POP:
		locate_pop(store, state, ret);
		break;
	case X86_STORE_STRING:
		mw_x86_string_locate(x86, &state->regs, ret);
		break;
	default:
		break;
	}
}

enum mw_store_result mw_store_execute(struct mw_replayer *replayer, const struct mw_store *store,
				      const struct mw_mem_reader *memory,
				      const struct mw_store_target *target, uint8_t *operand,
				      struct mw_store_state *state)
{
	const struct x86_execution execution = {
		.replayer = replayer,
		.store = store,
		.memory = memory,
		.target = target,
		.operand = operand,
		.state = state,
	};

	// Single-stepping itself or checking alignment, the tracee is owed an exception.
	if (mw_arch_traces_itself(&state->regs))
		return MW_STORE_MUST_STEP;
	if (store->method == MW_STORE_REPLAY)
		return mw_x86_replay(&execution);
	if (x86_store_of(store)->kind == X86_STORE_STRING)
		return mw_x86_string_execute(&execution, replayer->source);
	return mw_x86_emulate(&execution);
}
