// SPDX-License-Identifier: MIT
/* Buffers behind iovecs and msghdrs. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tracer/syscall_row.h"

void mw_syscall_list_vector(struct mw_syscall_lister *lister, mw_addr vector, uint64_t count,
			    struct mw_syscall_fill fill)
{
	struct iovec items[MW_SYSCALL_BUFFERS_MAX];
	uint64_t readable = mw_min(count, (uint64_t)mw_array_size(items));

	if (!readable || !mw_syscall_read(lister, vector, items, readable * sizeof(items[0])))
		return;
	if (count > readable)
		lister->ret->cut = true;
	for (uint64_t i = 0; i < readable; i++) {
		mw_addr slot = mw_addr_add(vector, i * sizeof(items[0]));
		struct mw_syscall_buffer *buffer = mw_syscall_push_slot(
			lister, slot, (uint64_t)(uintptr_t)items[i].iov_base, items[i].iov_len);

		if (buffer)
			buffer->fill = fill;
		fill.before += (int64_t)items[i].iov_len;
	}
}

static const struct mw_syscall_fill filled_by_result = {.amount = MW_AMOUNT_RESULT, .unit = 1};

void mw_syscall_list_readv(struct mw_syscall_lister *lister)
{
	mw_syscall_list_vector(lister, mw_addr_make(lister->args[1]), lister->args[2],
			       filled_by_result);
}

/* From a pipe it reads into the vector; into one, the pipe goes on referring to the pages. */
void mw_syscall_list_vmsplice(struct mw_syscall_lister *lister)
{
	unsigned first = lister->ret->count;

	mw_syscall_list_readv(lister);
	for (unsigned i = first; i < lister->ret->count; i++)
		lister->ret->items[i].keeps = true;
}

/** A message header: where it stands, and where in buffer `index` of the list. */
struct header {
	mw_addr addr;
	struct msghdr body;
	unsigned index;
	uint32_t offset;
	/** The message counts when the result is at least this. */
	uint32_t least;
};

/** How much of a field's buffer is filled stands in the header, at @member. */
static struct mw_syscall_fill told_by(const struct header *header, size_t member, uint8_t width)
{
	return (struct mw_syscall_fill){
		.amount = MW_AMOUNT_TOLD,
		.told_width = width,
		.told_index = (uint8_t)header->index,
		.told_offset = header->offset + (uint32_t)member,
		.least = header->least,
	};
}

static void push_name(struct mw_syscall_lister *lister, const struct header *header)
{
	int32_t size = (int32_t)header->body.msg_namelen;
	struct mw_syscall_buffer *buffer;

	if (size <= 0)
		return;
	buffer = mw_syscall_push_slot(lister,
				      mw_addr_add(header->addr, offsetof(struct msghdr, msg_name)),
				      (uint64_t)(uintptr_t)header->body.msg_name,
				      (uint64_t)mw_min(size, MW_SYSCALL_SOCKADDR_MAX));
	if (buffer)
		buffer->fill = told_by(header, offsetof(struct msghdr, msg_namelen),
				       sizeof(header->body.msg_namelen));
}

static void push_control(struct mw_syscall_lister *lister, const struct header *header)
{
	struct mw_syscall_buffer *buffer = mw_syscall_push_slot(
		lister, mw_addr_add(header->addr, offsetof(struct msghdr, msg_control)),
		(uint64_t)(uintptr_t)header->body.msg_control, header->body.msg_controllen);

	if (buffer)
		buffer->fill = told_by(header, offsetof(struct msghdr, msg_controllen),
				       sizeof(header->body.msg_controllen));
}

static void push_message(struct mw_syscall_lister *lister, const struct header *header,
			 struct mw_syscall_fill data_fill)
{
	push_name(lister, header);
	push_control(lister, header);
	mw_syscall_list_vector(lister, mw_addr_make((uint64_t)(uintptr_t)header->body.msg_iov),
			       header->body.msg_iovlen, data_fill);
}

void mw_syscall_list_recvmsg(struct mw_syscall_lister *lister)
{
	struct header header = {.addr = mw_addr_make(lister->args[1])};
	struct mw_syscall_buffer *container;

	if (!mw_syscall_read(lister, header.addr, &header.body, sizeof(header.body)))
		return;
	container = mw_syscall_push_arg(lister, 1, sizeof(header.body));
	if (!container)
		return;
	container->reads = true;
	header.index = (unsigned)(container - lister->ret->items);
	push_message(lister, &header, filled_by_result);
}

void mw_syscall_list_recvmmsg(struct mw_syscall_lister *lister)
{
	uint32_t count = (uint32_t)lister->args[2];
	struct mw_syscall_buffer *container =
		mw_syscall_push_arg(lister, 1, count * sizeof(struct mmsghdr));

	if (!container)
		return;
	container->reads = true;
	container->fill.amount = MW_AMOUNT_RESULT;
	container->fill.unit = sizeof(struct mmsghdr);
	for (uint32_t i = 0; i < count && !lister->ret->cut; i++) {
		struct header header = {.offset = i * (uint32_t)sizeof(struct mmsghdr)};

		header.addr = mw_addr_add(container->range.start, header.offset);
		header.index = (unsigned)(container - lister->ret->items);
		header.least = i + 1;
		if (!mw_syscall_read(lister, header.addr, &header.body, sizeof(header.body)))
			return;
		push_message(lister, &header,
			     told_by(&header, offsetof(struct mmsghdr, msg_len), sizeof(unsigned)));
	}
}
