// SPDX-License-Identifier: MIT
/* A child that gets an address space of its own gets a tracer of its own: see crew.h. */
#include "tracer/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Where nothing is watched, there is nothing to inherit. */
static bool is_wanted(const struct mw_tracer *tracer)
{
	return tracer->options.take_child && tracer->guards.count &&
	       !atomic_load(&tracer->leaving) && !atomic_load(&tracer->crew->emergency);
}

static void discard(struct mw_tracer *tracer)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tracer->pid);

	if (tracer->entry.set)
		mw_error_destroy(mw_mem_write(&tracer->mem, tracer->entry.addr, tracer->entry.saved,
					      mw_arch_breakpoint_size));
	/* The parent's tracer still has it. */
	if (thread)
		mw_engine_remove_thread(tracer, thread);
	mw_guardian_set_target(&tracer->guardian, 0);
	mw_mem_deinit(&tracer->mem);
	mw_engine_discard(tracer);
}

/* The same thread in the same stop. */
static struct mw_error *take_over(struct mw_tracer *tracer, struct mw_thread *before)
{
	struct mw_thread *thread;
	struct mw_error *err;

	tracer->pid = before->tgid;
	err = mw_engine_open_image(tracer);
	if (!err)
		err = mw_engine_add_thread(tracer, before->tid, before->tgid, &thread);
	if (err)
		return err;
	mw_thread_flush_regs(before);
	mw_thread_stopped(thread, before->stop);
	thread->interrupt_sent = before->interrupt_sent;
	return NULL;
}

/*
 * The copy of the annex is kept: should memwatch be killed now, it puts the child right as well as
 * it would its parent, which opening another one would not.
 */
static void inherit_annex(struct mw_tracer *tracer, const struct mw_tracer *parent)
{
	if (!parent->annex.size)
		return;
	tracer->annex = parent->annex;
	tracer->annex_table = parent->annex_table;
	tracer->plain_syscall_ip = parent->plain_syscall_ip;
	tracer->syscall_ip = parent->syscall_ip;
	if (tracer->syscall_ip.mem)
		tracer->syscall_ip.mem = &tracer->mem;
	tracer->deadman = parent->deadman;
	memset(tracer->deadman.record_owners, 0, sizeof(tracer->deadman.record_owners));
	tracer->deadman.storer = 0;
	mw_annex_call_guardian(tracer);
	mw_guardian_set_target(&tracer->guardian, tracer->pid);
	mw_deadman_note_pins(tracer);
}

/* What the parent has guarded is guarded in the copy; its own guards come later. */
static struct mw_error *open_copy(struct mw_tracer *tracer, struct mw_tracer *parent)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tracer->pid);
	struct mw_injection injection;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);

	if (err)
		return err;
	if (tracer->annex.size)
		err = mw_annex_share(tracer, &injection);
	if (!err)
		err = mw_page_open_all(parent, &injection);
	mw_gate_unmap_copies(parent, &injection);
	mw_segv_learn_masks(tracer, &injection);
	mw_inject_end(&injection);
	mw_deadman_note_scratch(tracer);
	return err ? err : mw_annex_note_spans(tracer);
}

/* A copy of the program is held until it is guarded, a new program runs up to its entry. */
static struct mw_error *prepare(struct mw_tracer *tracer, struct mw_tracer *parent,
				bool is_new_program)
{
	if (is_new_program)
		return mw_entry_set(tracer);
	inherit_annex(tracer, parent);
	mw_engine_thread(tracer, tracer->pid)->handled = true;
	tracer->hold = true;
	return open_copy(tracer, parent);
}

/* What it is to be watched for, whatever becomes of its parent meanwhile. */
static struct mw_error *hand_over(struct mw_tracer *tracer, const struct mw_tracer *parent,
				  bool is_new_program)
{
	size_t count = is_new_program ? 0 : parent->guards.count;
	mw_auto_free struct mw_inherited_guard *guards = calloc(count + 1, sizeof(*guards));
	const struct mw_child child = {
		.tracer = tracer,
		.pid = tracer->pid,
		.parent = parent->pid,
		.is_new_program = is_new_program,
		.guards = guards,
		.guard_count = count,
	};

	if (!guards)
		return mw_err_nomem;
	for (size_t i = 0; i < count; i++)
		guards[i] = (struct mw_inherited_guard){parent->guards.items[i].id,
							parent->guards.items[i].range};
	if (parent->options.take_child(parent->options.take_child_arg, &child))
		return NULL;
	return mw_error_create(MW_ERROR_OTHER, "there is no room for one more process");
}

static struct mw_error *create(struct mw_tracer *parent, struct mw_thread *thread,
			       bool is_new_program, struct mw_tracer **ret)
{
	struct mw_tracer *tracer;
	struct mw_error *err = mw_engine_create_beside(parent, &tracer);

	if (err)
		return err;
	err = take_over(tracer, thread);
	if (!err)
		err = prepare(tracer, parent, is_new_program);
	if (!err)
		err = hand_over(tracer, parent, is_new_program);
	if (err) {
		discard(tracer);
		return err;
	}
	*ret = tracer;
	return NULL;
}

bool mw_engine_follow(struct mw_tracer *parent, struct mw_thread *thread, bool is_new_program)
{
	struct mw_tracer *tracer;
	struct mw_error *err;
	pid_t pid = thread->tgid;

	if (!is_wanted(parent))
		return false;
	err = create(parent, thread, is_new_program, &tracer);
	if (err) {
		mw_engine_emit_notice(parent, "process %d is not followed: %s", pid, err->message);
		mw_error_destroy(err);
		return false;
	}
	mw_engine_remove_thread(parent, thread);
	tracer->state = is_new_program ? MW_TRACEE_RUNNING : MW_TRACEE_STOPPED;
	if (is_new_program)
		mw_engine_tell(tracer, mw_engine_resume(tracer, mw_engine_thread(tracer, pid), 0));
	return true;
}
