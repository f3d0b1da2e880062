// SPDX-License-Identifier: MIT
/*
 * What is under way for a thread is noted in the annex, so that the dead-man can finish it: a
 * redirected system call, and a read-modify-write, which must not happen twice.
 */
#include "tracer/deadman.h"

#include <string.h>

#include "base/error.h"
#include "tracer/engine.h"

static mw_addr call_at(const struct mw_tracer *tracer, unsigned index)
{
	return mw_addr_add(mw_annex_at(tracer, calls), index * sizeof(struct mw_annex_call));
}

static mw_addr exit_at(const struct mw_tracer *tracer, unsigned index)
{
	return mw_addr_add(tracer->annex.start,
			   MW_ANNEX_EXITS + (uint64_t)index * MW_ANNEX_EXIT_SIZE);
}

/** A thread keeps its records. @return false when all are taken. */
static bool take_record(struct mw_tracer *tracer, struct mw_thread *thread)
{
	pid_t *owners = tracer->deadman.record_owners;

	for (unsigned i = 0; i < MW_ANNEX_CALLS && !thread->has_record; i++)
		if (!owners[i]) {
			owners[i] = thread->tid;
			thread->record = i;
			thread->has_record = true;
		}
	return thread->has_record;
}

static void fill_call(const struct mw_thread *thread, struct mw_annex_call *ret)
{
	const struct mw_redirect *redirect = &thread->redirect;

	ret->tid = thread->tid;
	ret->ip = mw_arch_ip(&thread->regs).v;
	ret->skipped = -1;
	ret->count = redirect->buffers.count;
	memcpy(ret->args, redirect->args, sizeof(ret->args));
	for (unsigned i = 0; i < redirect->buffers.count; i++) {
		const struct mw_syscall_buffer *buffer = &redirect->buffers.items[i];
		bool moved = redirect->moved[i].v != buffer->range.start.v;

		ret->buffers[i] = (struct mw_annex_buffer){
			.original = buffer->range.start.v,
			.moved = redirect->moved[i].v,
			.size = moved ? buffer->range.size : 0,
			.fill = buffer->fill,
		};
		if (moved && buffer->pointer == MW_POINTER_MEMORY)
			ret->buffers[i].slot = mw_gate_slot(redirect, buffer->slot).v;
	}
}

static bool can_divert(struct mw_tracer *tracer, struct mw_thread *thread)
{
	return tracer->deadman.armed[MW_DEADMAN_TRAP] && take_record(tracer, thread);
}

/* The call is to return into the annex, where the record says what is to be done. */
static struct mw_error *divert(struct mw_tracer *tracer, struct mw_thread *thread,
			       const struct mw_annex_call *call)
{
	struct mw_redirect *redirect = &thread->redirect;
	struct mw_error *err = mw_mem_write(&tracer->mem, call_at(tracer, thread->record), call,
					    offsetof(struct mw_annex_call, buffers) +
						    call->count * sizeof(call->buffers[0]));
	struct mw_arch_deadman code;

	if (err)
		return err;
	mw_arch_deadman(&code);
	redirect->diverted = true;
	redirect->return_ip = mw_arch_ip(&thread->regs);
	mw_arch_set_ip(&thread->regs, mw_addr_add(tracer->annex.start, code.behind_call));
	mw_thread_regs_changed(thread);
	return NULL;
}

struct mw_error *mw_deadman_begin_call(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_annex_call call;

	thread->redirect.diverted = false;
	if (thread->redirect.buffers.count > MW_ANNEX_BUFFERS || !can_divert(tracer, thread))
		return NULL;
	fill_call(thread, &call);
	return divert(tracer, thread, &call);
}

struct mw_error *mw_deadman_begin_skip(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_redirect *redirect = &thread->redirect;
	struct mw_annex_call call = {
		.tid = thread->tid,
		.ip = mw_arch_ip(&thread->regs).v,
		.skipped = redirect->number,
	};

	thread->redirect.diverted = false;
	if (!can_divert(tracer, thread))
		return NULL;
	memcpy(call.args, redirect->args, sizeof(call.args));
	return divert(tracer, thread, &call);
}

void mw_deadman_end_call(struct mw_thread *thread)
{
	if (thread->redirect.diverted)
		mw_arch_set_ip(&thread->regs, thread->redirect.return_ip);
	thread->redirect.diverted = false;
	mw_thread_regs_changed(thread);
}

void mw_deadman_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	if (!thread->has_record)
		return;
	tracer->deadman.record_owners[thread->record] = 0;
	if (thread->at_exit)
		mw_annex_free_store(tracer, thread->record);
}

bool mw_deadman_begin_store(struct mw_tracer *tracer, struct mw_thread *thread,
			    const struct mw_store_target *target,
			    const struct mw_store_state *after)
{
	struct mw_annex_store store = {
		.tid = thread->tid,
		.addr = target->addr.v,
		.size = target->size,
		.ip = mw_arch_ip(&thread->regs).v,
	};

	if (!tracer->deadman.armed[MW_DEADMAN_SEGV] || target->size > MW_ANNEX_STORE_MAX ||
	    !take_record(tracer, thread))
		return false;
	memcpy(store.old_bytes, tracer->old_bytes, target->size);
	mw_arch_frame_registers(&after->regs, store.regs);
	mw_annex_note_store(tracer, thread->record, &store);
	return true;
}

void mw_deadman_note_storer(struct mw_tracer *tracer, const struct mw_thread *thread)
{
	if (!tracer->deadman.armed[MW_DEADMAN_SEGV] || tracer->deadman.storer == thread->tid)
		return;
	tracer->deadman.storer = thread->tid;
	mw_annex_note_storer(tracer, thread->tid);
}

void mw_deadman_end_store(struct mw_tracer *tracer, struct mw_thread *thread, bool done)
{
	if (!done) {
		mw_annex_free_store(tracer, thread->record);
		return;
	}
	thread->at_exit = true;
	thread->behind_exit = mw_arch_ip(&thread->regs);
	mw_arch_set_ip(&thread->regs, exit_at(tracer, thread->record));
	mw_thread_regs_changed(thread);
}

void mw_deadman_skip_exit(struct mw_tracer *tracer, struct mw_thread *thread)
{
	if (thread->at_exit)
		mw_annex_free_store(tracer, thread->record);
	thread->at_exit = false;
}

struct mw_error *mw_deadman_leave_exit(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	mw_addr exit = exit_at(tracer, thread->record);
	struct mw_error *err;
	uint64_t done;

	thread->at_exit = false;
	err = mw_thread_regs(thread, &regs);
	if (err)
		return err;
	done = mw_arch_ip(regs).v - exit.v;
	if (!tracer->annex.size || done >= MW_ANNEX_EXIT_SIZE)
		return NULL;
	mw_annex_free_store(tracer, thread->record);
	mw_arch_set_ip(regs, thread->behind_exit);
	mw_thread_regs_changed(thread);
	return NULL;
}

struct mw_error *mw_deadman_write_exits(struct mw_tracer *tracer)
{
	uint8_t code[MW_ANNEX_STORES][MW_ANNEX_EXIT_SIZE];

	for (unsigned i = 0; i < MW_ANNEX_STORES; i++) {
		mw_addr store = mw_addr_add(mw_annex_at(tracer, progress.stores),
					    i * sizeof(struct mw_annex_store));

		mw_arch_store_exit(code[i], exit_at(tracer, i), store,
				   mw_addr_add(store, offsetof(struct mw_annex_store, regs) +
							      MW_ANNEX_IP * sizeof(uint64_t)));
	}
	return mw_mem_write(&tracer->mem, exit_at(tracer, 0), code, sizeof(code));
}

void mw_deadman_note_scratch(struct mw_tracer *tracer)
{
	struct mw_range ranges[MW_ANNEX_SCRATCHES];
	const struct mw_thread *thread;
	uint64_t count = 0;
	size_t cursor = 0;

	if (!tracer->annex.size)
		return;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->same_memory && thread->scratch.size && count < MW_ANNEX_SCRATCHES)
			ranges[count++] = thread->scratch;
	mw_vec_foreach (spare, &tracer->spare_scratch)
		if (count < MW_ANNEX_SCRATCHES)
			ranges[count++] = *spare;
	mw_error_destroy(mw_mem_write(&tracer->mem, mw_annex_at(tracer, scratches), ranges,
				      count * sizeof(*ranges)));
	mw_error_destroy(mw_mem_write(&tracer->mem, mw_annex_at(tracer, scratch_count), &count,
				      sizeof(count)));
}

void mw_deadman_note_pins(struct mw_tracer *tracer)
{
	struct mw_annex_pin pins[MW_ANNEX_PINS] = {{0}};
	const struct mw_thread *thread;
	size_t cursor = 0, count = 0;

	if (!tracer->annex.size)
		return;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->burst.pinned && count < MW_ANNEX_PINS) {
			pins[count].tid = thread->tid;
			memcpy(pins[count++].home, &thread->burst.home, MW_ANNEX_CPU_BYTES);
		}
	mw_error_destroy(mw_mem_write(&tracer->mem, mw_annex_at(tracer, pins), pins, sizeof(pins)));
}
