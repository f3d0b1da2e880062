// SPDX-License-Identifier: MIT
#include "repl/render.h"

#include <string.h>

#include "repl/place.h"
#include "repl/row.h"

/** Columns where the parts of a report start, if what stands before leaves room. */
#define COLUMN_WHAT 6
#define COLUMN_WHERE 36
#define COLUMN_THREAD 62
#define COLUMN_TIME 88
/** Raw bytes shown of a value that has no text. */
#define BYTES_SHOWN 16
/** A system call's first argument is printed when it is a descriptor. */
static const char *const descriptor_calls[] = {
	"read",     "readv",      "pread64",     "preadv",       "preadv2",
	"recvfrom", "recvmsg",    "recvmmsg",    "getdents64",   "fstat",
	"ioctl",    "getsockopt", "getsockname", "getpeername",  "accept",
	"accept4",  "epoll_wait", "epoll_pwait", "epoll_pwait2", "timerfd_gettime",
};

static bool takes_descriptor(const char *syscall_name)
{
	for (size_t i = 0; i < mw_array_size(descriptor_calls); i++)
		if (strcmp(descriptor_calls[i], syscall_name) == 0)
			return true;
	return false;
}

static void put_bytes(struct mw_row *row, enum mw_hue hue, const uint8_t *bytes, uint64_t size)
{
	char text[3 * BYTES_SHOWN + 1] = "";
	size_t shown = mw_min(size, (uint64_t)BYTES_SHOWN);

	for (size_t i = 0; i < shown; i++)
		sprintf(text + 3 * i, "%02x ", bytes[i]);
	if (shown)
		text[3 * shown - 1] = '\0';
	mw_row_put(row, hue, "%s%s", text, size > shown ? " …" : "");
}

static void put_values(struct mw_row *row, const struct mw_member_change *member)
{
	mw_row_put(row, MW_HUE_OLD, "%s", member->old_text);
	mw_row_put(row, MW_HUE_DIM, " → ");
	mw_row_put(row, MW_HUE_NEW, "%s", member->new_text);
}

/** The bytes of a store whose members aren't known: a raw range, or nothing that differs. */
static void put_raw(struct mw_row *row, const struct mw_change *change)
{
	uint64_t offset = change->addr.v - change->object.addr.v;

	mw_row_put(row, MW_HUE_NAME, "%s", change->watch_name);
	if (change->size != change->object.size)
		mw_row_put(row, MW_HUE_DIM, "+%" PRIu64, offset);
	mw_row_put(row, MW_HUE_PLAIN, ": ");
	if (!change->size || !change->old_part || !change->new_part)
		return;
	put_bytes(row, MW_HUE_OLD, change->old_part, change->size);
	if (change->silent)
		return;
	mw_row_put(row, MW_HUE_DIM, " → ");
	put_bytes(row, MW_HUE_NEW, change->new_part, change->size);
}

static void put_what(struct mw_row *row, const struct mw_change *change)
{
	size_t changed = change->member_count + change->members_omitted;

	if (change->member_count == 0) {
		put_raw(row, change);
	} else if (changed > 1) {
		mw_row_put(row, MW_HUE_NAME, "%s", change->watch_name);
		mw_row_put(row, MW_HUE_PLAIN, ": %zu members", changed);
	} else {
		mw_row_put(row, MW_HUE_NAME, "%s", change->members[0].path);
		mw_row_put(row, MW_HUE_PLAIN, ": ");
		if (change->silent)
			mw_row_put(row, MW_HUE_PLAIN, "%s", change->members[0].new_text);
		else
			put_values(row, &change->members[0]);
	}
	if (change->silent)
		mw_row_put(row, MW_HUE_DIM, " (silent)");
}

static void put_syscall(struct mw_row *row, const struct mw_change *change)
{
	const struct mw_hit_syscall *call = &change->hit->syscall;
	const char *name = change->syscall_name ? change->syscall_name : "syscall";

	mw_row_put(row, MW_HUE_PLAIN, " by %s(", name);
	if (!change->syscall_name)
		mw_row_put(row, MW_HUE_PLAIN, "nr=%" PRId64, call->number);
	else if (takes_descriptor(name))
		mw_row_put(row, MW_HUE_PLAIN, "fd=%d", (int)call->args[0]);
	mw_row_put(row, MW_HUE_PLAIN, ") = %" PRId64, call->result);
}

static void put_where(struct mw_row *row, const struct mw_change *change)
{
	enum mw_cause cause = change->hit->cause;

	if (mw_change_has_place(change))
		mw_place_put(row, &change->place, change->hit->ip);
	else
		mw_row_put(row, MW_HUE_PLACE, "by %s", mw_cause_name(cause));
	if (cause == MW_CAUSE_SYSCALL || cause == MW_CAUSE_UNMAP)
		put_syscall(row, change);
}

static void put_allocator(struct mw_row *row, const struct mw_change *change)
{
	if (change->in_allocator)
		mw_row_put(row, MW_HUE_DIM, " (inside %s: the block may have been freed)",
			   change->place.function ? change->place.function : "the allocator");
}

/** Of a followed child, which process it is as well. */
static void put_thread(struct mw_row *row, const struct mw_change *change)
{
	const struct mw_hit *hit = change->hit;

	if (hit->tid <= 0 && !change->followed)
		return;
	mw_row_pad(row, COLUMN_THREAD);
	if (change->followed)
		mw_row_put(row, MW_HUE_PLAIN, "process %d", (int)hit->pid);
	if (hit->tid <= 0)
		return;
	if (!change->followed)
		mw_row_put(row, MW_HUE_PLAIN, "thread %d", (int)hit->tid);
	else if (hit->tid != hit->pid)
		mw_row_put(row, MW_HUE_PLAIN, ", thread %d", (int)hit->tid);
	if (hit->thread_name[0])
		mw_row_put(row, MW_HUE_PLAIN, " (%.*s)", MW_COMM_SIZE, hit->thread_name);
}

static void put_time(struct mw_row *row, uint64_t time_ns, uint64_t start_ns)
{
	uint64_t us = time_ns > start_ns ? (time_ns - start_ns) / 1000 : 0;

	mw_row_pad(row, COLUMN_TIME);
	mw_row_put(row, MW_HUE_DIM, "%" PRIu64 ".%06" PRIu64 " s", us / 1000000, us % 1000000);
}

static void put_members(struct mw_row *row, const struct mw_change *change)
{
	for (size_t i = 0; i < change->member_count; i++) {
		mw_row_put(row, MW_HUE_PLAIN, "%*s", COLUMN_WHAT + 2, "");
		mw_row_put(row, MW_HUE_NAME, "%s", change->members[i].path);
		mw_row_put(row, MW_HUE_PLAIN, ": ");
		put_values(row, &change->members[i]);
		mw_row_end(row);
	}
	if (!change->members_omitted)
		return;
	mw_row_put(row, MW_HUE_DIM, "%*s… %zu more", COLUMN_WHAT + 2, "", change->members_omitted);
	mw_row_end(row);
}

void mw_render_change(const struct mw_change *change, uint64_t start_ns,
		      const struct mw_style *style, FILE *out)
{
	struct mw_row row = {.out = out, .style = style};

	mw_row_put(&row, MW_HUE_DIM, "#%" PRIu64, change->seq);
	mw_row_pad(&row, COLUMN_WHAT);
	put_what(&row, change);
	mw_row_pad(&row, COLUMN_WHERE);
	put_where(&row, change);
	put_allocator(&row, change);
	put_thread(&row, change);
	put_time(&row, change->hit->time_ns, start_ns);
	mw_row_end(&row);
	if (change->member_count > 1)
		put_members(&row, change);
	mw_stack_print(change->stack, change->stack_count, COLUMN_WHAT + 2, style, out);
}
