// SPDX-License-Identifier: MIT
#include "tracer/syscall_buffers.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "tracer/syscall_row.h"

/* The most that one read or write transfers (MAX_RW_COUNT); the kernel cuts larger lengths. */
#define LENGTH_MAX 0x7ffff000u

/* Results that only a tracer sees (include/linux/errno.h of the kernel). */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

static const struct mw_syscall_row *row_find(int64_t number)
{
	if (number < 0 || (uint64_t)number >= mw_syscall_row_count || !mw_syscall_rows[number].name)
		return NULL;
	return &mw_syscall_rows[number];
}

const char *mw_syscall_name(int64_t number)
{
	const struct mw_syscall_row *row = row_find(number);

	return row ? row->name : NULL;
}

bool mw_syscall_read(const struct mw_syscall_lister *lister, mw_addr addr, void *ret, size_t size)
{
	struct mw_error *err = mw_mem_reader_read(lister->memory, addr, ret, size);

	mw_error_destroy(err);
	return !err;
}

static struct mw_syscall_buffer *push(struct mw_syscall_buffers *list, uint64_t start,
				      uint64_t size)
{
	struct mw_syscall_buffer *buffer;

	size = mw_min(size, (uint64_t)LENGTH_MAX);
	if (!start || !size || start + size < start)
		return NULL;
	if (list->count == MW_SYSCALL_BUFFERS_MAX) {
		list->cut = true;
		return NULL;
	}
	buffer = &list->items[list->count++];
	*buffer = (struct mw_syscall_buffer){.range = {{start}, size}};
	return buffer;
}

struct mw_syscall_buffer *mw_syscall_push_arg(struct mw_syscall_lister *lister, unsigned index,
					      uint64_t size)
{
	struct mw_syscall_buffer *buffer = push(lister->ret, lister->args[index], size);

	if (buffer) {
		buffer->pointer = MW_POINTER_ARGUMENT;
		buffer->index = index;
	}
	return buffer;
}

struct mw_syscall_buffer *mw_syscall_push_slot(struct mw_syscall_lister *lister, mw_addr slot,
					       uint64_t start, uint64_t size)
{
	struct mw_syscall_buffer *buffer = push(lister->ret, start, size);

	if (buffer) {
		buffer->pointer = MW_POINTER_MEMORY;
		buffer->slot = slot;
	}
	return buffer;
}

static uint64_t length_in(uint64_t argument, unsigned unit)
{
	uint64_t bytes;

	return __builtin_mul_overflow(argument, unit, &bytes) ? LENGTH_MAX : bytes;
}

static uint64_t length32_in(uint64_t argument, unsigned unit)
{
	return (int32_t)argument < 0 ? 0 : length_in((uint32_t)argument, unit);
}

/** Lists the length behind a pointer, which the kernel reads and writes; returns its value. */
static uint64_t push_length(struct mw_syscall_lister *lister, unsigned arg)
{
	struct mw_syscall_buffer *length;
	int32_t value;

	if (!lister->args[arg] ||
	    !mw_syscall_read(lister, mw_addr_make(lister->args[arg]), &value, sizeof(value)))
		return 0;
	length = mw_syscall_push_arg(lister, arg, sizeof(value));
	if (length) {
		length->reads = true;
		length->fill.when = MW_WHEN_ALWAYS;
	}
	return value < 0 ? 0 : (uint64_t)value;
}

static uint64_t output_size(struct mw_syscall_lister *lister,
			    const struct mw_syscall_output *output)
{
	switch ((enum mw_syscall_size)output->size) {
	case MW_SIZE_FIXED:
		return output->unit;
	case MW_SIZE_ARGUMENT:
		return length_in(lister->args[output->length_arg], output->unit);
	case MW_SIZE_ARGUMENT32:
		return length32_in(lister->args[output->length_arg], output->unit);
	case MW_SIZE_POINTED:
		/* A call that isn't asked for the buffer doesn't touch the length either. */
		if (!lister->args[output->arg])
			return 0;
		return mw_min(push_length(lister, output->length_arg), (uint64_t)output->unit);
	}
	return 0;
}

void mw_syscall_push_output(struct mw_syscall_lister *lister,
			    const struct mw_syscall_output *output)
{
	uint64_t size = output_size(lister, output);
	unsigned length_index = lister->ret->count - 1;
	struct mw_syscall_buffer *buffer = mw_syscall_push_arg(lister, output->arg, size);

	if (!buffer)
		return;
	buffer->reads = output->reads;
	buffer->keeps = output->keeps;
	buffer->fill = (struct mw_syscall_fill){
		.when = output->when,
		.amount = output->amount,
		.least = output->least,
		.unit = output->unit,
		.told_width = sizeof(int32_t),
		.told_index = (uint8_t)length_index,
	};
}

static void push_outputs(struct mw_syscall_lister *lister, const struct mw_syscall_output *outputs,
			 size_t count)
{
	for (size_t i = 0; i < count && outputs[i].unit; i++)
		mw_syscall_push_output(lister, &outputs[i]);
}

static void push_variant(struct mw_syscall_lister *lister,
			 const struct mw_syscall_variants *variants)
{
	uint32_t value = (uint32_t)lister->args[variants->selector] >> variants->shift;

	if (variants->mask)
		value &= variants->mask;
	for (size_t i = 0; i < variants->count; i++) {
		const struct mw_syscall_variant *variant = &variants->items[i];

		if (variant->value != value)
			continue;
		lister->ret->unknown = variant->unknown;
		push_outputs(lister, variant->outputs, mw_array_size(variant->outputs));
		return;
	}
	lister->ret->unknown = !variants->complete;
}

void mw_syscall_buffers_list(int64_t number, const uint64_t args[6],
			     const struct mw_mem_reader *memory, struct mw_syscall_buffers *ret)
{
	struct mw_syscall_lister lister = {.args = args, .memory = memory, .ret = ret};
	const struct mw_syscall_row *row = row_find(number);

	ret->count = 0;
	ret->cut = false;
	ret->unknown = !row || row->unknown;
	if (!row)
		return;
	push_outputs(&lister, row->outputs, mw_array_size(row->outputs));
	if (row->variants)
		push_variant(&lister, row->variants);
	if (row->list)
		row->list(&lister);
}

static bool was_interrupted(int64_t result)
{
	return result == -EINTR || (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK);
}

bool mw_syscall_continues(int64_t result)
{
	return result == -ERESTART_RESTARTBLOCK;
}

static bool was_written(const struct mw_syscall_fill *fill, int64_t result)
{
	switch ((enum mw_syscall_when)fill->when) {
	case MW_WHEN_RESULT:
		return result >= (int64_t)fill->least;
	case MW_WHEN_INTERRUPTED:
		return was_interrupted(result);
	case MW_WHEN_ALWAYS:
		return true;
	}
	return true;
}

/** The length that the kernel has told; false when it can't be read. */
static bool told_length(const struct mw_syscall_fill *fill, const mw_addr *redirected,
			const struct mw_mem_reader *memory, int64_t *ret)
{
	mw_addr at = mw_addr_add(redirected[fill->told_index], fill->told_offset);
	uint64_t length = 0;
	struct mw_error *err = mw_mem_reader_read(memory, at, &length, fill->told_width);

	mw_error_destroy(err);
	*ret = (int64_t)length;
	return !err;
}

uint64_t mw_syscall_buffers_written(int64_t number MW_UNUSED, const uint64_t args[6] MW_UNUSED,
				    int64_t result, const struct mw_syscall_buffers *buffers,
				    unsigned index, const mw_addr *redirected,
				    const struct mw_mem_reader *memory)
{
	const struct mw_syscall_fill *fill = &buffers->items[index].fill;
	uint64_t size = buffers->items[index].range.size;
	int64_t amount = 0;

	if (!was_written(fill, result))
		return 0;
	if (fill->amount == MW_AMOUNT_WHOLE)
		return size;
	if (fill->amount == MW_AMOUNT_RESULT)
		amount = result * fill->unit;
	else if (!told_length(fill, redirected, memory, &amount))
		return size;
	amount -= fill->before;
	return amount <= 0 ? 0 : mw_min((uint64_t)amount, size);
}
