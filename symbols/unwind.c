// SPDX-License-Identifier: MIT
#include <string.h>

#include "symbols/place.h"

/* libdwfl names threads by id; one unwind at a time is one thread. */
enum { THREAD_ID = 1 };

struct unwind {
	struct mw_symbols *symbols;
	struct mw_frame *frames;
	size_t count;
	size_t max;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)arg;
	if (*thread_arg)
		return 0;
	*thread_arg = arg;
	return THREAD_ID;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)tid;
	*thread_arg = arg;
	return true;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *ret, void *arg)
{
	struct mw_symbols *symbols = arg;
	uint64_t at = addr - symbols->unwind.stack.start.v;
	uint64_t size = symbols->unwind.stack.size;

	(void)dwfl;
	if (size >= sizeof(*ret) && at <= size - sizeof(*ret)) {
		memcpy(ret, symbols->unwind.stack_bytes + at, sizeof(*ret));
		return true;
	}
	return mw_symbols_try_read(symbols, mw_addr_make(addr), ret, sizeof(*ret));
}

static bool set_initial_registers(Dwfl_Thread *thread, void *arg)
{
	const struct mw_regs *regs = ((struct mw_symbols *)arg)->unwind.regs;

	if (!dwfl_thread_state_registers(thread, 0, regs->count, regs->dwarf))
		return false;
	dwfl_thread_state_register_pc(thread, regs->ip.v);
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = memory_read,
	.set_initial_registers = set_initial_registers,
};

static bool push(struct unwind *unwind, mw_addr ip, const struct mw_place *place)
{
	if (unwind->count == unwind->max)
		return false;
	unwind->frames[unwind->count].ip = ip;
	unwind->frames[unwind->count].place = *place;
	unwind->count++;
	return true;
}

/* @lookup is inside the call instruction, unlike the return address @ip. */
static bool push_with_inlined(struct unwind *unwind, mw_addr ip, mw_addr lookup)
{
	static const struct mw_place unknown;
	const struct mw_place_entry *entry = mw_place_entry_of(unwind->symbols, lookup);

	if (!push(unwind, ip, entry ? &entry->place : &unknown))
		return false;
	for (unsigned i = 0; entry && i < entry->place.inlined_count; i++) {
		if (!push(unwind, ip, &entry->callers[i]))
			return false;
	}
	return unwind->count < unwind->max;
}

static int visit_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwind *unwind = arg;
	bool is_activation;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, &is_activation) || !pc)
		return DWARF_CB_ABORT;
	return push_with_inlined(unwind, mw_addr_make(pc),
				 mw_addr_make(is_activation ? pc : pc - 1))
		       ? DWARF_CB_OK
		       : DWARF_CB_ABORT;
}

static bool attach(struct mw_symbols *symbols)
{
	if (!symbols->attached)
		symbols->attached = dwfl_attach_state(symbols->dwfl, NULL, symbols->pid,
						      &thread_callbacks, symbols);
	if (!symbols->attached)
		mw_log_debug(symbols->log, "cannot unwind: %s", dwfl_errmsg(-1));
	return symbols->attached;
}

size_t mw_symbols_unwind(struct mw_symbols *symbols, const struct mw_regs *regs,
			 mw_addr stack_start, const void *stack, size_t stack_size,
			 struct mw_frame *ret, size_t max)
{
	struct unwind unwind = {symbols, ret, 0, max};

	if (!max)
		return 0;
	symbols->unwind = (struct mw_unwind_source){regs, {stack_start, stack_size}, stack};
	if (attach(symbols))
		dwfl_getthread_frames(symbols->dwfl, THREAD_ID, visit_frame, &unwind);
	/* Without any unwind information the innermost frame is still known. */
	if (!unwind.count)
		push_with_inlined(&unwind, regs->ip, regs->ip);
	symbols->unwind = (struct mw_unwind_source){0};
	return unwind.count;
}
