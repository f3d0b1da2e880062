// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/seccomp.h"
#include "tracer/sys.h"

/*
 * The kernel's own store into a write-protected page fails with EFAULT, and a datagram, a wait
 * status or a timer tick is lost for good. So a buffer on such a page is moved to scratch memory
 * for the time of the call, and copied back, with a hit, when the call returns.
 */

/* Kernel-internal results of an interrupted call (linux/errno.h). */
#define RESTARTSYS 512
#define RESTART_RESTARTBLOCK 516

#define SCRATCH_SIZE (UINT64_C(64) << 10)
#define BUFFER_ALIGNMENT UINT64_C(64)
/* As much scratch as a call wants that can't be redirected. */
#define IMPOSSIBLE UINT64_MAX

static bool is_guarded(const struct mw_tracer *tracer, struct mw_range range)
{
	size_t index = mw_spans_lower(&tracer->pages, range.start.v);

	return range.size && index < tracer->pages.list.count &&
	       mw_range_overlaps(tracer->pages.list.items[index].range, range);
}

/** Places the guarded buffers in scratch memory from @base on. @return bytes needed. */
static uint64_t place_buffers(const struct mw_tracer *tracer, struct mw_redirect *redirect,
			      mw_addr base)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < redirect->buffers.count; i++) {
		const struct mw_syscall_buffer *buffer = &redirect->buffers.items[i];

		redirect->moved[i] = buffer->range.start;
		if (buffer->keeps || !is_guarded(tracer, buffer->range))
			continue;
		redirect->moved[i] = mw_addr_add(base, used);
		used += (buffer->range.size + BUFFER_ALIGNMENT - 1) & ~(BUFFER_ALIGNMENT - 1);
	}
	return used;
}

static bool is_moved(const struct mw_redirect *redirect, unsigned index)
{
	return redirect->moved[index].v != redirect->buffers.items[index].range.start.v;
}

mw_addr mw_gate_slot(const struct mw_redirect *redirect, mw_addr slot)
{
	for (unsigned i = 0; i < redirect->buffers.count; i++) {
		struct mw_range range = redirect->buffers.items[i].range;

		if (is_moved(redirect, i) && mw_range_contains(range, slot))
			return mw_addr_add(redirect->moved[i], slot.v - range.start.v);
	}
	return slot;
}

/* A buffer may be said to reach beyond what is mapped: as much as there is, is copied. */
static struct mw_error *copy_in(const struct mw_tracer *tracer, mw_addr from, mw_addr to,
				uint64_t size)
{
	uint8_t bytes[MW_PAGE_SIZE];
	struct mw_error *err = NULL;
	size_t got = sizeof(bytes);

	for (uint64_t done = 0; done < size && got == sizeof(bytes) && !err; done += got) {
		got = mw_mem_read_some(&tracer->mem, mw_addr_add(from, done), bytes,
				       mw_min(sizeof(bytes), size - done));
		err = mw_mem_write(&tracer->mem, mw_addr_add(to, done), bytes, got);
	}
	return err;
}

/* What the kernel only writes need not be copied, unless it may leave gaps in a structure. */
static bool needs_copy_in(const struct mw_syscall_buffer *buffer)
{
	return buffer->reads || buffer->range.size <= MW_PAGE_SIZE;
}

/** Points the call's arguments to the scratch copies, or back to where its buffers really are. */
static void set_arguments(struct mw_thread *thread, bool moved)
{
	const struct mw_redirect *redirect = &thread->redirect;

	for (unsigned i = 0; i < redirect->buffers.count; i++) {
		const struct mw_syscall_buffer *buffer = &redirect->buffers.items[i];
		mw_addr value = moved ? redirect->moved[i] : buffer->range.start;

		if (is_moved(redirect, i) && buffer->pointer == MW_POINTER_ARGUMENT)
			mw_arch_set_syscall_arg(&thread->regs, buffer->index, value.v);
	}
	mw_thread_regs_changed(thread);
}

/** The same for pointers in memory: those of an iovec, say. */
static struct mw_error *set_slots(struct mw_tracer *tracer, struct mw_thread *thread, bool moved)
{
	const struct mw_redirect *redirect = &thread->redirect;
	struct mw_error *err = NULL;

	for (unsigned i = 0; i < redirect->buffers.count && !err; i++) {
		const struct mw_syscall_buffer *buffer = &redirect->buffers.items[i];
		mw_addr value = moved ? redirect->moved[i] : buffer->range.start;

		if (!is_moved(redirect, i) || buffer->pointer != MW_POINTER_MEMORY)
			continue;
		/* Once memory differs, the dead-man has to come by, whatever happens to us. */
		mw_thread_flush_regs(thread);
		err = mw_page_write(tracer, mw_gate_slot(redirect, buffer->slot), &value.v,
				    sizeof(value.v));
	}
	return err;
}

static struct mw_error *redirect(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_redirect *redirect = &thread->redirect;
	struct mw_error *err = NULL;

	for (unsigned i = 0; i < redirect->buffers.count && !err; i++)
		if (is_moved(redirect, i) && needs_copy_in(&redirect->buffers.items[i]))
			err = copy_in(tracer, redirect->buffers.items[i].range.start,
				      redirect->moved[i], redirect->buffers.items[i].range.size);
	if (err)
		return err;
	set_arguments(thread, true);
	err = mw_deadman_begin_call(tracer, thread);
	if (!err)
		err = set_slots(tracer, thread, true);
	redirect->active = !err;
	tracer->stats.syscalls_redirected += redirect->active;
	return err;
}

/* The call is made to do nothing. At its exit it is made again, and be it by the dead-man. */
static void pass_over(struct mw_tracer *tracer, struct mw_thread *thread)
{
	mw_arch_syscall_skip(&thread->regs);
	mw_thread_regs_changed(thread);
	/* A failure means that the process is gone. */
	mw_error_destroy(mw_deadman_begin_skip(tracer, thread));
}

/* Once nothing of ours is left that the filter would harm. */
static bool gives_way_to_filter(struct mw_tracer *tracer, struct mw_thread *thread)
{
	thread->sets_filter = !thread->sets_filter && mw_seccomp_sets_filter(tracer, thread);
	if (thread->sets_filter)
		pass_over(tracer, thread);
	return thread->sets_filter;
}

/* Once there is memory for its buffers. */
static void postpone(struct mw_tracer *tracer, struct mw_thread *thread, uint64_t needed)
{
	thread->scratch_wanted = needed;
	pass_over(tracer, thread);
}

static void take_redirection_back(struct mw_tracer *tracer, struct mw_thread *thread)
{
	mw_error_destroy(set_slots(tracer, thread, false));
	set_arguments(thread, false);
	mw_deadman_end_call(thread);
	postpone(tracer, thread, IMPOSSIBLE);
}

static struct mw_error *on_entry(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_mem_reader memory = mw_mem_as_reader(&tracer->mem);
	struct mw_redirect *call = &thread->redirect;
	struct mw_error *err = NULL;
	uint64_t needed;

	call->number = mw_arch_syscall_number(&thread->regs);
	/* The restarted call goes on with the pointers that it was given first. */
	if (call->number == SYS_restart_syscall && call->awaits_restart) {
		call->awaits_restart = false;
		call->active = true;
		return mw_deadman_begin_call(tracer, thread);
	}
	call->awaits_restart = false;
	mw_arch_syscall_args(&thread->regs, call->args);
	call->buffers.count = 0;
	if (gives_way_to_filter(tracer, thread))
		return NULL;
	err = mw_remap_check(tracer, thread);
	if (!err && call->number == SYS_rt_sigaction)
		err = mw_deadman_on_sigaction(tracer, thread);
	if (err || thread->remaps)
		return err;
	mw_syscall_buffers_list(call->number, call->args, &memory, &call->buffers);
	needed = place_buffers(tracer, call, thread->scratch.start);
	if (!needed)
		return NULL;
	if (needed > thread->scratch.size) {
		postpone(tracer, thread, needed);
		return NULL;
	}
	err = redirect(tracer, thread);
	if (err)
		take_redirection_back(tracer, thread);
	return err;
}

/** Takes scratch memory that an ended thread has left. */
static bool take_spare(struct mw_tracer *tracer, struct mw_thread *thread)
{
	mw_vec_foreach (spare, &tracer->spare_scratch) {
		if (spare->size < thread->scratch_wanted)
			continue;
		thread->scratch = *spare;
		mw_vec_remove(&tracer->spare_scratch,
			      (size_t)(spare - tracer->spare_scratch.items));
		return true;
	}
	return false;
}

static struct mw_error *map_scratch(struct mw_tracer *tracer, struct mw_thread *thread)
{
	uint64_t size = mw_max(SCRATCH_SIZE, mw_page_ceil(thread->scratch_wanted));
	const uint64_t unmap[6] = {thread->scratch.start.v, thread->scratch.size};
	const uint64_t map[6] = {
		0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0,
	};
	struct mw_injection injection;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	int64_t result = 0;

	if (err)
		return err;
	if (thread->scratch.size)
		err = mw_inject_call(&injection, SYS_munmap, unmap, &result);
	thread->scratch = (struct mw_range){0};
	if (!err)
		err = mw_inject_call(&injection, SYS_mmap, map, &result);
	mw_inject_end(&injection);
	if (err)
		return err;
	if (result < 0 && result > -4096)
		return mw_error_create(
			MW_ERROR_OTHER, "there is no memory in the target to redirect %s: %s",
			mw_syscall_name(thread->redirect.number), strerror((int)-result));
	thread->scratch = (struct mw_range){mw_addr_make((uint64_t)result), size};
	mw_deadman_note_scratch(tracer);
	return NULL;
}

/* Without memory to move them to, the buffers are where the kernel can write them. */
static struct mw_error *open_buffers(struct mw_tracer *tracer, struct mw_thread *thread,
				     const char *why)
{
	const struct mw_redirect *redirect = &thread->redirect;
	struct mw_error *err = NULL;

	/* From here on the thread can be borrowed as one that was interrupted. */
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	for (unsigned i = 0; i < redirect->buffers.count; i++) {
		struct mw_range pages = mw_range_pages(redirect->buffers.items[i].range);

		for (uint64_t at = pages.start.v; at < mw_range_end(pages) && !err;
		     at += MW_PAGE_SIZE)
			if (mw_spans_find(&tracer->pages, mw_addr_make(at)))
				err = mw_remap_lose_page(tracer, thread, mw_addr_make(at), why);
	}
	return err;
}

/* The thread is about to make its call again, now with enough scratch memory. */
static struct mw_error *repeat_with_scratch(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;

	if (thread->scratch_wanted == IMPOSSIBLE)
		err = mw_error_create(MW_ERROR_OTHER, "system call %s can't be redirected",
				      mw_syscall_name(thread->redirect.number));
	else if (thread->scratch.size || !take_spare(tracer, thread))
		err = map_scratch(tracer, thread);
	thread->scratch_wanted = 0;
	if (err && err != mw_err_gone) {
		struct mw_error *open_err = open_buffers(tracer, thread, err->message);

		mw_error_destroy(err);
		err = open_err;
	}
	return err;
}

static struct mw_error *write_piece(struct mw_tracer *tracer, struct mw_thread *thread,
				    const struct mw_redirect *redirect, mw_addr from, mw_addr to,
				    size_t size)
{
	struct mw_hit hit = {
		.cause = MW_CAUSE_SYSCALL,
		.backend = MW_BACKEND_PAGE,
		.ip = mw_arch_ip(&thread->regs),
		.ip_is_after = true,
		.addr = to,
		.size = (uint32_t)size,
		.syscall = {.number = redirect->number,
			    .result = mw_arch_syscall_result(&thread->regs)},
	};
	struct mw_error *err = mw_mem_read(&tracer->mem, from, tracer->new_bytes, size);

	if (!err)
		err = mw_mem_read(&tracer->mem, to, tracer->old_bytes, size);
	if (!err)
		err = mw_page_write(tracer, to, tracer->new_bytes, size);
	if (err)
		return err;
	memcpy(hit.syscall.args, redirect->args, sizeof(hit.syscall.args));
	mw_engine_report_store(tracer, thread, &hit, tracer->old_bytes, tracer->new_bytes);
	return NULL;
}

static struct mw_error *copy_back(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_mem_reader memory = mw_mem_as_reader(&tracer->mem);
	struct mw_redirect *redirect = &thread->redirect;
	int64_t result = mw_arch_syscall_result(&thread->regs);
	struct mw_error *err = NULL;

	for (unsigned i = 0; i < redirect->buffers.count && !err; i++) {
		uint64_t size;

		if (!is_moved(redirect, i))
			continue;
		size = mw_syscall_buffers_written(redirect->number, redirect->args, result,
						  &redirect->buffers, i, redirect->moved, &memory);
		for (uint64_t done = 0; done < size && !err; done += MW_STORE_MAX)
			err = write_piece(tracer, thread, redirect,
					  mw_addr_add(redirect->moved[i], done),
					  mw_addr_add(redirect->buffers.items[i].range.start, done),
					  mw_min((uint64_t)MW_STORE_MAX, size - done));
	}
	return err;
}

static struct mw_error *finish_redirected(struct mw_tracer *tracer, struct mw_thread *thread)
{
	int64_t result = mw_arch_syscall_result(&thread->regs);
	struct mw_error *err = set_slots(tracer, thread, false);

	set_arguments(thread, false);
	mw_deadman_end_call(thread);
	thread->redirect.active = false;
	thread->redirect.awaits_restart = result == -RESTART_RESTARTBLOCK;
	if (!err && !(result <= -RESTARTSYS && result >= -RESTART_RESTARTBLOCK))
		err = copy_back(tracer, thread);
	return err;
}

/* An EFAULT where a buffer could not be moved, or wasn't known, may be our doing: say so. */
static void tell_of_fault(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	const struct mw_redirect *redirect = &thread->redirect;
	const char *name = mw_syscall_name(redirect->number);
	bool suspect = redirect->buffers.unknown || redirect->buffers.cut;

	for (unsigned i = 0; i < redirect->buffers.count; i++)
		suspect |= redirect->buffers.items[i].keeps &&
			   is_guarded(tracer, redirect->buffers.items[i].range);
	if (suspect)
		mw_engine_emit_notice(tracer,
				      "system call %s (%" PRId64 ") of thread %d failed with "
				      "EFAULT, maybe because memwatch guards its memory: watch it "
				      "with --backend=hw",
				      name ? name : "unknown", redirect->number, thread->tid);
}

/* Calls after which other instructions may stand where known ones stood. */
static void note_new_text(struct mw_tracer *tracer, int64_t number)
{
	if (number == SYS_mmap || number == SYS_munmap || number == SYS_mremap ||
	    number == SYS_mprotect || number == SYS_pkey_mprotect || number == SYS_shmat)
		tracer->text_generation++;
}

/* Stands a thread before the call that was passed over, whatever comes now. */
static void make_again(struct mw_thread *thread)
{
	mw_deadman_end_call(thread);
	mw_arch_syscall_rewind(&thread->regs, thread->redirect.number);
	mw_thread_regs_changed(thread);
}

static struct mw_error *on_return(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;

	note_new_text(tracer, thread->redirect.number);
	if (thread->remaps)
		return mw_remap_carry_out(tracer, thread);
	if (thread->sets_filter || thread->scratch_wanted)
		make_again(thread);
	if (thread->sets_filter)
		return mw_seccomp_give_up(tracer, thread);
	if (thread->scratch_wanted)
		return repeat_with_scratch(tracer, thread);
	mw_segv_on_syscall_exit(thread);
	if (thread->redirect.number == SYS_rt_sigaction)
		err = mw_deadman_after_sigaction(tracer, thread);
	if (err)
		return err;
	if (thread->redirect.active)
		return finish_redirected(tracer, thread);
	if (mw_arch_syscall_result(&thread->regs) == -EFAULT)
		tell_of_fault(tracer, thread);
	return mw_burst_hide(tracer, thread, &thread->regs);
}

static bool is_in_flight(const struct mw_thread *thread)
{
	return thread->remaps || thread->sets_filter || thread->scratch_wanted ||
	       thread->redirect.active;
}

struct mw_error *mw_gate_syscall(struct mw_tracer *tracer, struct mw_thread *thread)
{
	int op = mw_sys_get_syscall_op(thread->tid);
	struct user_regs_struct *regs;
	struct mw_error *err;

	if (op < 0)
		return mw_error_os(-op, "cannot tell the system call stop of thread %d",
				   thread->tid);
	err = mw_thread_regs(thread, &regs);
	if (err)
		return err;
	/* What began while nothing was guarded, or ends when nothing is any more, isn't ours. */
	if (op == PTRACE_SYSCALL_INFO_ENTRY)
		return tracer->trace_syscalls ? on_entry(tracer, thread) : NULL;
	return tracer->trace_syscalls || is_in_flight(thread) ? on_return(tracer, thread) : NULL;
}

void mw_gate_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	mw_deadman_forget_thread(tracer, thread);
	/* Without memory for the list the mapping stays in the target until it ends. */
	if (thread->scratch.size)
		(void)mw_vec_push(&tracer->spare_scratch, thread->scratch);
}

static void unmap(struct mw_injection *injection, struct mw_range scratch)
{
	const uint64_t args[6] = {scratch.start.v, scratch.size};
	int64_t result;

	/* A failure means that the process is gone, and its memory with it. */
	if (scratch.size)
		mw_error_destroy(mw_inject_call(injection, SYS_munmap, args, &result));
}

void mw_gate_unmap_copies(struct mw_tracer *tracer, struct mw_injection *injection)
{
	const struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		unmap(injection, thread->scratch);
	mw_vec_foreach (spare, &tracer->spare_scratch)
		unmap(injection, *spare);
}

void mw_gate_release(struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	mw_gate_unmap_copies(tracer, injection);
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		thread->scratch = (struct mw_range){0};
	tracer->spare_scratch.count = 0;
}
