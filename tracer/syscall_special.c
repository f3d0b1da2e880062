// SPDX-License-Identifier: MIT
/* Calls whose outputs have a shape of their own. */
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "tracer/syscall_row.h"

/* Bits of the largest descriptor table (default of fs.nr_open); the kernel cuts nfds to its own. */
#define NFDS_MAX (1u << 20)
#define BITS_PER_WORD 64
#define PAGE_BYTES 4096

/** Bytes of a bit set of @bits, which the kernel handles in whole words. */
static uint64_t bitset_bytes(uint64_t bits)
{
	return (bits + BITS_PER_WORD - 1) / BITS_PER_WORD * sizeof(uint64_t);
}

void mw_syscall_list_select(struct mw_syscall_lister *lister)
{
	int32_t count = (int32_t)lister->args[0];

	if (count <= 0)
		return;
	for (unsigned arg = 1; arg <= 3; arg++) {
		struct mw_syscall_buffer *set = mw_syscall_push_arg(
			lister, arg, bitset_bytes(mw_min((uint32_t)count, NFDS_MAX)));

		if (set)
			set->reads = true;
	}
}

void mw_syscall_list_mincore(struct mw_syscall_lister *lister)
{
	mw_syscall_push_arg(lister, 2,
			    lister->args[1] / PAGE_BYTES + !!(lister->args[1] % PAGE_BYTES));
}

/* The text comes behind an 8-byte type that the result doesn't count. */
void mw_syscall_list_msgrcv(struct mw_syscall_lister *lister)
{
	const int64_t type_bytes = sizeof(int64_t);
	struct mw_syscall_buffer *message =
		mw_syscall_push_arg(lister, 1, lister->args[2] + (uint64_t)type_bytes);

	if (!message)
		return;
	message->fill.amount = MW_AMOUNT_RESULT;
	message->fill.unit = 1;
	message->fill.before = -type_bytes;
}

void mw_syscall_list_capget(struct mw_syscall_lister *lister)
{
	struct __user_cap_header_struct header;
	unsigned words = _LINUX_CAPABILITY_U32S_3;

	if (!mw_syscall_read(lister, mw_addr_make(lister->args[0]), &header, sizeof(header)))
		return;
	if (header.version == _LINUX_CAPABILITY_VERSION_1)
		words = _LINUX_CAPABILITY_U32S_1;
	mw_syscall_push_arg(lister, 1, words * sizeof(struct __user_cap_data_struct));
}

void mw_syscall_list_get_mempolicy(struct mw_syscall_lister *lister)
{
	uint64_t bits = lister->args[2];

	/* The kernel takes one bit less than it is told (copy_nodes_to_user). */
	if (bits)
		mw_syscall_push_arg(lister, 1, bitset_bytes(bits - 1));
}

void mw_syscall_list_name_to_handle_at(struct mw_syscall_lister *lister)
{
	const uint32_t unique_mount_id = 0x001; /* AT_HANDLE_MNT_ID_UNIQUE */
	bool wide = lister->args[4] & unique_mount_id;
	uint32_t handle_bytes;
	struct mw_syscall_buffer *handle, *mount_id;

	if (!mw_syscall_read(lister, mw_addr_make(lister->args[2]), &handle_bytes,
			     sizeof(handle_bytes)))
		return;
	handle = mw_syscall_push_arg(lister, 2, sizeof(uint64_t) + handle_bytes);
	if (handle) {
		handle->reads = true;
		handle->fill.when = MW_WHEN_ALWAYS;
	}
	mount_id = mw_syscall_push_arg(lister, 3, wide ? sizeof(uint64_t) : sizeof(uint32_t));
	if (mount_id) {
		mount_id->reads = true;
		mount_id->fill.when = MW_WHEN_ALWAYS;
	}
}

/* Its fourth argument is {u64 value; u32 size; u32 flags}. */
void mw_syscall_list_getxattrat(struct mw_syscall_lister *lister)
{
	mw_addr slot = mw_addr_make(lister->args[4]);
	struct {
		uint64_t value;
		uint32_t size;
	} request;
	struct mw_syscall_buffer *value;

	if (!mw_syscall_read(lister, slot, &request, sizeof(request)))
		return;
	value = mw_syscall_push_slot(lister, slot, request.value, request.size);
	if (value) {
		value->fill.amount = MW_AMOUNT_RESULT;
		value->fill.unit = 1;
	}
}

/* Its output begins with its own length, strings included. */
void mw_syscall_list_statmount(struct mw_syscall_lister *lister)
{
	unsigned index = lister->ret->count;
	struct mw_syscall_buffer *mount = mw_syscall_push_arg(lister, 1, lister->args[2]);

	if (!mount)
		return;
	mount->fill.amount = MW_AMOUNT_TOLD;
	mount->fill.told_width = sizeof(uint32_t);
	mount->fill.told_index = (uint8_t)index;
}

static void push_kept_arg(struct mw_syscall_lister *lister, unsigned arg)
{
	struct mw_syscall_buffer *id = mw_syscall_push_arg(lister, arg, sizeof(pid_t));

	if (id)
		id->keeps = true;
}

void mw_syscall_list_clone(struct mw_syscall_lister *lister)
{
	uint64_t flags = lister->args[0];

	if (flags & (CLONE_PARENT_SETTID | CLONE_PIDFD))
		push_kept_arg(lister, 2);
	if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		push_kept_arg(lister, 3);
}

/** A field of clone_args that points to an id, and the flags that make the kernel write it. */
static const struct {
	uint64_t flags;
	size_t offset;
} clone_ids[] = {
	{CLONE_PIDFD, offsetof(struct clone_args, pidfd)},
	{CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, offsetof(struct clone_args, child_tid)},
	{CLONE_PARENT_SETTID, offsetof(struct clone_args, parent_tid)},
};

void mw_syscall_list_clone3(struct mw_syscall_lister *lister)
{
	mw_addr request = mw_addr_make(lister->args[0]);
	uint64_t flags, pointer;

	if (!mw_syscall_read(lister, request, &flags, sizeof(flags)))
		return;
	for (size_t i = 0; i < mw_array_size(clone_ids); i++) {
		mw_addr slot = mw_addr_add(request, clone_ids[i].offset);
		struct mw_syscall_buffer *id;

		if (!(flags & clone_ids[i].flags) ||
		    !mw_syscall_read(lister, slot, &pointer, sizeof(pointer)))
			continue;
		id = mw_syscall_push_slot(lister, slot, pointer, sizeof(pid_t));
		if (id)
			id->keeps = true;
	}
}

static void push_control_block(struct mw_syscall_lister *lister, mw_addr slot, uint64_t pointer)
{
	const struct mw_syscall_fill later = {.when = MW_WHEN_ALWAYS};
	unsigned first = lister->ret->count;
	struct mw_syscall_buffer *block;
	struct iocb request;

	if (!mw_syscall_read(lister, mw_addr_make(pointer), &request, sizeof(request)))
		return;
	block = mw_syscall_push_slot(lister, slot, pointer, sizeof(request));
	if (block)
		block->reads = true;
	slot = mw_addr_make(pointer + offsetof(struct iocb, aio_buf));
	if (request.aio_lio_opcode == IOCB_CMD_PREAD) {
		struct mw_syscall_buffer *data =
			mw_syscall_push_slot(lister, slot, request.aio_buf, request.aio_nbytes);

		if (data)
			data->fill = later;
	} else if (request.aio_lio_opcode == IOCB_CMD_PREADV) {
		mw_syscall_list_vector(lister, mw_addr_make(request.aio_buf), request.aio_nbytes,
				       later);
	}
	for (unsigned i = first; i < lister->ret->count; i++)
		lister->ret->items[i].keeps = true;
}

/* The data arrives when the call is over, and a block's address is what io_getevents hands out. */
void mw_syscall_list_io_submit(struct mw_syscall_lister *lister)
{
	int64_t count = (int64_t)lister->args[1];
	uint64_t pointer;

	for (int64_t i = 0; i < count && !lister->ret->cut; i++) {
		mw_addr slot = mw_addr_make(lister->args[2] + (uint64_t)i * sizeof(pointer));

		if (!mw_syscall_read(lister, slot, &pointer, sizeof(pointer)))
			return;
		push_control_block(lister, slot, pointer);
	}
}

/* PTRACE_GETREGSET: an iovec, written back, and what it refers to. */
void mw_syscall_list_ptrace(struct mw_syscall_lister *lister)
{
	mw_addr slot = mw_addr_make(lister->args[3]);
	struct mw_syscall_buffer *container, *set;
	struct iovec vector;

	if ((uint32_t)lister->args[0] != PTRACE_GETREGSET ||
	    !mw_syscall_read(lister, slot, &vector, sizeof(vector)))
		return;
	container = mw_syscall_push_arg(lister, 3, sizeof(vector));
	if (!container)
		return;
	container->reads = true;
	set = mw_syscall_push_slot(lister, slot, (uint64_t)(uintptr_t)vector.iov_base,
				   vector.iov_len);
	if (set)
		set->fill = (struct mw_syscall_fill){
			.amount = MW_AMOUNT_TOLD,
			.told_width = sizeof(vector.iov_len),
			.told_index = (uint8_t)(container - lister->ret->items),
			.told_offset = offsetof(struct iovec, iov_len),
		};
}
