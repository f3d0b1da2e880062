// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <string.h>

enum { PAGE_BYTES = MW_STORE_MAX };

/* The registers of a string instruction: 32 bits wide with the address-size prefix. */
static uint64_t read_register(const struct x86_store *store, const struct user_regs_struct *regs,
			      uint8_t gpr)
{
	uint64_t value = mw_x86_gpr_read(regs, gpr);

	return store->address.narrow ? (uint32_t)value : value;
}

static void advance_register(const struct x86_store *store, struct user_regs_struct *regs,
			     uint8_t gpr, uint64_t bytes)
{
	uint64_t value = read_register(store, regs, gpr) + bytes;

	mw_x86_gpr_write(regs, gpr, store->address.narrow ? (uint32_t)value : value);
}

static bool goes_down(const struct user_regs_struct *regs)
{
	return regs->eflags & X86_EFLAGS_DF;
}

/* Elements from @addr on that lie on its page; an element across its end counts as one. */
static uint64_t elements_on_page(uint64_t addr, uint8_t width, bool down)
{
	uint64_t offset = addr % PAGE_BYTES;

	if (offset + width > PAGE_BYTES)
		return 1;
	return down ? offset / width + 1 : (PAGE_BYTES - offset) / width;
}

void mw_x86_string_locate(const struct x86_store *store, const struct user_regs_struct *regs,
			  struct mw_store_target *ret)
{
	uint64_t first = read_register(store, regs, X86_RDI);
	uint64_t count = 1;

	if (store->repeats)
		count = mw_min(elements_on_page(first, store->width, goes_down(regs)),
			       read_register(store, regs, X86_RCX));
	ret->size = (uint32_t)(count * store->width);
	ret->addr = mw_addr_make(first);
	if (goes_down(regs) && count)
		ret->addr.v -= (count - 1) * store->width;
}

static void fill(const struct x86_execution *execution)
{
	uint8_t width = x86_store_of(execution->store)->width;

	for (uint32_t i = 0; i < execution->target->size; i += width)
		memcpy(execution->operand + i, &execution->state->regs.rax, width);
}

/* Where the bytes to copy stand: those of element 0, 1 … in the direction of the copy. */
struct string_source {
	/** Lowest address and size of all. */
	uint64_t start;
	uint32_t size;
	uint8_t *bytes;
};

static uint8_t read_byte(const struct x86_execution *execution, const struct string_source *source,
			 uint64_t addr)
{
	uint64_t in_target = addr - execution->target->addr.v;

	if (in_target < execution->target->size)
		return execution->operand[in_target];
	return source->bytes[addr - source->start];
}

/* Element by element as the CPU does, so that a copy onto itself sees what it has just written. */
static void copy_elements(const struct x86_execution *execution, const struct string_source *source)
{
	uint8_t width = x86_store_of(execution->store)->width;
	bool down = goes_down(&execution->state->regs);
	uint8_t element[8];

	for (uint32_t done = 0; done < source->size; done += width) {
		uint32_t offset = down ? source->size - width - done : done;
		uint32_t to = down ? execution->target->size - width - done : done;

		for (uint8_t i = 0; i < width; i++)
			element[i] = read_byte(execution, source, source->start + offset + i);
		memcpy(execution->operand + to, element, width);
	}
}

static bool overlaps(const struct x86_execution *execution, const struct string_source *source)
{
	return source->start - execution->target->addr.v < execution->target->size ||
	       execution->target->addr.v - source->start < source->size;
}

/* How many bytes of @size can be read before the copy reaches another page. */
static uint32_t size_on_first_page(uint64_t first, uint32_t size, uint8_t width, bool down)
{
	uint64_t here = elements_on_page(first, width, down) * width;

	return (uint32_t)mw_min(here, (uint64_t)size);
}

static bool read_span(const struct x86_execution *execution, uint64_t first, uint32_t size,
		      struct string_source *ret)
{
	uint8_t width = x86_store_of(execution->store)->width;

	ret->size = size;
	ret->start = first;
	if (goes_down(&execution->state->regs))
		ret->start -= size - width;
	return mw_x86_memory_read(execution->memory, ret->start, ret->bytes, ret->size);
}

/* Reads what is to be copied, or as much as lies in front of an unreadable page. */
static bool read_string(const struct x86_execution *execution, struct string_source *ret)
{
	const struct x86_store *store = x86_store_of(execution->store);
	const struct user_regs_struct *regs = &execution->state->regs;
	struct x86_address address = store->address;
	uint64_t first = mw_x86_address_resolve(&address, execution->store->length, regs);
	uint32_t size = execution->target->size;

	return read_span(execution, first, size, ret) ||
	       read_span(execution, first,
			 size_on_first_page(first, size, store->width, goes_down(regs)), ret);
}

static bool copy(const struct x86_execution *execution, uint8_t *buffer, uint32_t *ret_size)
{
	struct string_source source = {.bytes = buffer};

	if (!read_string(execution, &source))
		return false;
	if (source.size == execution->target->size && !overlaps(execution, &source))
		memcpy(execution->operand, source.bytes, source.size);
	else
		copy_elements(execution, &source);
	*ret_size = source.size;
	return true;
}

/* Moves the registers on by @size bytes. */
static enum mw_store_result advance(const struct x86_execution *execution, uint32_t size)
{
	const struct x86_store *store = x86_store_of(execution->store);
	struct user_regs_struct *regs = &execution->state->regs;
	uint64_t distance = goes_down(regs) ? -(uint64_t)size : size;

	advance_register(store, regs, X86_RDI, distance);
	if (store->copies)
		advance_register(store, regs, X86_RSI, distance);
	if (store->repeats) {
		advance_register(store, regs, X86_RCX, -(uint64_t)(size / store->width));
		if (read_register(store, regs, X86_RCX))
			return MW_STORE_PARTIAL;
	}
	regs->rip += execution->store->length;
	return MW_STORE_DONE;
}

enum mw_store_result mw_x86_string_execute(const struct x86_execution *execution, uint8_t *source)
{
	uint32_t size = execution->target->size;

	if (!size) {
		execution->state->regs.rip += execution->store->length;
		return MW_STORE_DONE;
	}
	if (!x86_store_of(execution->store)->copies)
		fill(execution);
	else if (!copy(execution, source, &size))
		return MW_STORE_FAULT;
	return advance(execution, size);
}
