// SPDX-License-Identifier: MIT
#include "tracer/rescue.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/orphan.h"
#include "tracer/seccomp.h"
#include "tracer/sys.h"

struct repair {
	struct mw_tracer *tracer;
	struct mw_rescue *rescue;
	pid_t pid;
	struct mw_annex *annex;
	mw_addr code;
	struct mw_injection injection;
};

MW_PRINTF(2, 3) static void say(struct repair *repair, const char *format, ...)
{
	char line[256];
	va_list args;

	repair->rescue->done++;
	if (!repair->rescue->say)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	repair->rescue->say(repair->rescue->arg, line);
}

/* Runs a call in the process, unless it is a dry run. @return its result, or -1. */
static int64_t call(struct repair *repair, int64_t number, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d)
{
	const uint64_t args[6] = {a, b, c, d};
	int64_t result = -1;

	if (repair->rescue->dry_run)
		return 0;
	/* A failure means that the process is gone. */
	mw_error_destroy(mw_inject_call(&repair->injection, number, args, &result));
	return result;
}

static const struct mw_annex_call *call_of(const struct repair *repair, pid_t tid)
{
	for (size_t i = 0; i < MW_ANNEX_CALLS; i++)
		if (repair->annex->calls[i].tid == tid)
			return &repair->annex->calls[i];
	return NULL;
}

static void restore_slots(struct repair *repair, const struct mw_annex_call *record)
{
	for (uint64_t i = record->count; i-- > 0;)
		if (record->buffers[i].slot)
			mw_error_destroy(mw_mem_write(
				&repair->tracer->mem, mw_addr_make(record->buffers[i].slot),
				&record->buffers[i].original, sizeof(uint64_t)));
}

/* A redirected call that was interrupted before it did anything is made again as it was meant. */
static bool rewind_call(void *arg, struct mw_thread *thread, struct user_regs_struct *regs)
{
	struct repair *repair = arg;
	const struct mw_annex_call *record = call_of(repair, thread->tid);
	int64_t number = mw_arch_syscall_number(regs);
	int64_t result = mw_arch_syscall_result(regs);

	if (!record || number < 0 || result > -512 || result < -516)
		return false;
	restore_slots(repair, record);
	for (unsigned i = 0; i < 6; i++)
		mw_arch_set_syscall_arg(regs, i, record->args[i]);
	mw_arch_set_ip(regs, mw_addr_make(record->ip));
	mw_arch_syscall_rewind(regs, number);
	mw_thread_regs_changed(thread);
	return true;
}

/* Only what still has the protection that memwatch gave it. */
static void open_span(struct repair *repair, const struct mw_procmaps *maps,
		      const struct mw_annex_span *span)
{
	int guarded = ((int)span->prot & ~PROT_WRITE) | PROT_READ;

	for (size_t i = 0; i < maps->count; i++) {
		const struct mw_mapping *mapping = &maps->items[i];
		uint64_t start = mw_max(mapping->range.start.v, span->start);
		uint64_t end = mw_min(mw_range_end(mapping->range), span->start + span->size);

		if (start >= end || mapping->prot != guarded)
			continue;
		if (!call(repair, SYS_mprotect, start, end - start, span->prot, 0))
			say(repair, "0x%" PRIx64 ", %" PRIu64 " bytes: writable again", start,
			    end - start);
	}
	if (span->alias && !call(repair, SYS_munmap, span->alias, span->size, 0, 0))
		say(repair, "0x%" PRIx64 ": second mapping of shared memory removed", span->alias);
}

static struct mw_error *open_spans(struct repair *repair)
{
	const struct mw_annex *annex = repair->annex;
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(repair->pid, &maps);

	if (err)
		return err;
	for (uint32_t i = 0; i < annex->span_count && i < MW_ANNEX_SPANS; i++)
		open_span(repair, &maps, &annex->spans[annex->span_table & 1][i]);
	mw_procmaps_deinit(&maps);
	return NULL;
}

static bool is_in_code(const struct repair *repair, const struct mw_sigaction *action)
{
	return action->handler - repair->code.v < MW_ANNEX_CODE_SIZE;
}

/* @return false when the program has replaced ours, and may have kept its address. */
static bool restore_action(struct repair *repair, enum mw_deadman_signal signal, int number)
{
	uint64_t own = mw_addr_add(repair->code, MW_ANNEX_CODE_SIZE).v +
		       offsetof(struct mw_annex, own) + signal * sizeof(struct mw_sigaction);
	uint64_t io =
		mw_addr_add(repair->code, MW_ANNEX_CODE_SIZE).v + offsetof(struct mw_annex, io);
	struct mw_sigaction now;

	if (call(repair, SYS_rt_sigaction, (uint64_t)number, 0, io, sizeof(uint64_t)) ||
	    mw_mem_read_some(&repair->tracer->mem, mw_addr_make(io), &now, sizeof(now)) !=
		    sizeof(now))
		return true;
	if (!repair->rescue->dry_run && !is_in_code(repair, &now))
		return !is_in_code(repair, &repair->annex->ours[signal]);
	if (!call(repair, SYS_rt_sigaction, (uint64_t)number, own, 0, sizeof(uint64_t)))
		say(repair, "handler of SIG%s restored", sigabbrev_np(number));
	return true;
}

static void restore_affinity(struct repair *repair)
{
	for (size_t i = 0; i < MW_ANNEX_PINS; i++) {
		const struct mw_annex_pin *pin = &repair->annex->pins[i];
		cpu_set_t now, home;

		if (!pin->tid || sched_getaffinity((pid_t)pin->tid, sizeof(now), &now) < 0 ||
		    CPU_COUNT(&now) != 1)
			continue;
		memcpy(&home, pin->home, sizeof(home));
		if (repair->rescue->dry_run ||
		    !sched_setaffinity((pid_t)pin->tid, sizeof(home), &home))
			say(repair, "thread %d may run on all its CPUs again", (int)pin->tid);
	}
}

static void clear_debug_registers(struct repair *repair)
{
	const struct mw_range none[MW_ARCH_DEBUG_SLOTS] = {{{0}, 0}};
	struct mw_thread *thread;
	size_t cursor = 0;

	if (!repair->annex->debug_registers || repair->rescue->dry_run)
		return;
	while ((thread = mw_intmap_next(&repair->tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED)
			mw_arch_set_debug_registers(thread->tid, none);
	say(repair, "debug registers cleared");
}

/* An injected call blocks signals; one that was just about to begin has left it so. */
static void restore_mask(struct repair *repair)
{
	const struct mw_annex_session *session = &repair->annex->session;
	struct mw_thread *thread = mw_engine_thread(repair->tracer, (pid_t)session->tid);

	if (!session->tid || !thread || repair->rescue->dry_run)
		return;
	if (thread == repair->injection.thread)
		repair->injection.saved_mask = session->mask;
	else if (thread->state == MW_THREAD_STOPPED)
		mw_sys_set_signal_mask(thread->tid, session->mask);
	say(repair, "signal mask of thread %d restored", (int)session->tid);
}

static void unmap_ours(struct repair *repair, bool keep_code)
{
	const struct mw_annex *annex = repair->annex;
	const uint64_t nobody = 0;

	for (uint64_t i = 0; i < annex->scratch_count && i < MW_ANNEX_SCRATCHES; i++)
		if (!call(repair, SYS_munmap, annex->scratches[i].start.v, annex->scratches[i].size,
			  0, 0))
			say(repair, "0x%" PRIx64 ": scratch memory removed",
			    annex->scratches[i].start.v);
	/* Code without a table is nobody's any more. */
	if (keep_code)
		mw_error_destroy(mw_mem_write(&repair->tracer->mem,
					      mw_addr_add(repair->code, MW_ANNEX_CODE_SIZE),
					      &nobody, sizeof(nobody)));
	else if (!call(repair, SYS_munmap, repair->code.v, annex->size, 0, 0))
		say(repair, "0x%" PRIx64 ": memwatch's memory removed", repair->code.v);
}

static mw_addr store_at(const struct repair *repair, size_t index)
{
	return mw_addr_add(repair->code, MW_ANNEX_CODE_SIZE +
						 offsetof(struct mw_annex, progress.stores) +
						 index * sizeof(struct mw_annex_store));
}

/* As finish_store() in the dead-man: before the pages open, and the thread does it again. */
static void finish_store(struct repair *repair, size_t index)
{
	const struct mw_annex_store *store = &repair->annex->progress.stores[index];
	struct mw_thread *thread = mw_engine_thread(repair->tracer, (pid_t)store->tid);
	uint8_t now[MW_ANNEX_STORE_MAX];
	struct user_regs_struct *regs;
	const int64_t nobody = 0;
	struct mw_error *err;

	if (!store->tid || !thread || thread->state != MW_THREAD_STOPPED ||
	    repair->rescue->dry_run || store->size > sizeof(now))
		return;
	err = mw_thread_regs(thread, &regs);
	if (err || mw_arch_ip(regs).v != store->ip) {
		mw_error_destroy(err);
		return;
	}
	if (mw_mem_read_some(&repair->tracer->mem, mw_addr_make(store->addr), now, store->size) ==
		    store->size &&
	    memcmp(now, store->old_bytes, store->size)) {
		mw_arch_set_frame_registers(regs, store->regs);
		mw_thread_regs_changed(thread);
		say(repair, "the store of thread %d was finished", thread->tid);
	}
	/* Others may wait for that before they leave the dead-man. */
	mw_error_destroy(mw_mem_write(&repair->tracer->mem, store_at(repair, index), &nobody,
				      sizeof(nobody)));
}

static struct mw_error *finish_stores(struct repair *repair)
{
	struct mw_error *err;

	/* The dead-man may have finished some since. */
	err = mw_mem_read(&repair->tracer->mem, store_at(repair, 0), repair->annex->progress.stores,
			  sizeof(repair->annex->progress.stores));
	for (size_t i = 0; i < MW_ANNEX_STORES && !err; i++)
		finish_store(repair, i);
	return err;
}

static struct mw_error *repair_by_annex(struct repair *repair)
{
	struct mw_error *err = open_spans(repair);
	bool all_ours;

	if (err)
		return err;
	if (repair->rescue->opened)
		repair->rescue->opened(repair->rescue->arg);
	all_ours = restore_action(repair, MW_DEADMAN_SEGV, SIGSEGV);
	all_ours &= restore_action(repair, MW_DEADMAN_TRAP, SIGTRAP);
	restore_affinity(repair);
	restore_mask(repair);
	unmap_ours(repair, !all_ours);
	return NULL;
}

static struct mw_error *repair_by_maps(struct repair *repair)
{
	mw_auto_free struct mw_orphan_span *spans = NULL;
	size_t count = 0;
	struct mw_error *err = mw_orphan_guess(repair->pid, &spans, &count);

	for (size_t i = 0; i < count && !err; i++)
		if (!call(repair, SYS_mprotect, spans[i].range.start.v, spans[i].range.size,
			  (uint64_t)spans[i].prot, 0))
			say(repair, "0x%" PRIx64 ", %" PRIu64 " bytes: writable again, as %s says",
			    spans[i].range.start.v, spans[i].range.size, spans[i].why);
	return err;
}

/* A filter may kill the process for a call of ours: what is left, its handler lives with. */
static void repair_from_outside(struct repair *repair)
{
	if (!repair->annex)
		return;
	restore_affinity(repair);
	restore_mask(repair);
	say(repair, "it filters its system calls (seccomp): memwatch's memory stays there");
}

static struct mw_error *repair_stopped(struct repair *repair)
{
	struct mw_error *err = NULL;

	/* A thread that runs into them all the time is in the dead-man all the time. */
	if (repair->annex)
		clear_debug_registers(repair);
	if (repair->annex && !repair->rescue->dry_run)
		err = finish_stores(repair);
	if (!err && mw_error_catch_any(mw_seccomp_check(repair->tracer, MW_SECCOMP_PAGES))) {
		repair_from_outside(repair);
		return NULL;
	}
	if (repair->annex && !repair->rescue->dry_run && !err)
		err = mw_annex_evacuate(repair->tracer, repair->code, rewind_call, repair);
	if (!err)
		err = mw_engine_inject(repair->tracer, &repair->injection);
	if (err)
		return err;
	err = repair->annex ? repair_by_annex(repair) : repair_by_maps(repair);
	mw_inject_end(&repair->injection);
	return err;
}

/** Reads a part of the annex to where it belongs. */
static struct mw_error *read_part(struct repair *repair, size_t offset, size_t size)
{
	return mw_mem_read(&repair->tracer->mem,
			   mw_addr_add(repair->code, MW_ANNEX_CODE_SIZE + offset),
			   (uint8_t *)repair->annex + offset, size);
}

/* Without the tables of spans but for what is in them: they are most of it, and hardly used. */
static struct mw_error *read_parts(struct repair *repair)
{
	const struct mw_annex *annex = repair->annex;
	size_t calls = offsetof(struct mw_annex, calls);
	struct mw_error *err = read_part(repair, 0, offsetof(struct mw_annex, spans));
	size_t table;

	if (err)
		return err;
	table = offsetof(struct mw_annex, spans) +
		(annex->span_table & 1) * sizeof(annex->spans[0]);
	err = read_part(repair, table,
			mw_min(annex->span_count, (uint32_t)MW_ANNEX_SPANS) *
				sizeof(annex->spans[0][0]));
	return err ? err : read_part(repair, calls, sizeof(*annex) - calls);
}

static struct mw_error *read_annex(struct repair *repair)
{
	struct mw_error *err = mw_orphan_find_annex(&repair->tracer->mem, &repair->code);

	if (err)
		return err;
	repair->annex = malloc(sizeof(*repair->annex));
	return repair->annex ? read_parts(repair) : mw_err_nomem;
}

static struct mw_error *run(void *arg)
{
	struct repair *repair = arg;
	struct mw_error *err = mw_engine_attach(repair->tracer, repair->pid);

	if (err)
		return err;
	err = mw_engine_quiesce(repair->tracer);
	if (!err)
		err = read_annex(repair);
	mw_error_catch(&err, MW_ERROR_NOT_FOUND);
	if (!err)
		err = repair_stopped(repair);
	if (!err)
		return mw_engine_detach(repair->tracer);
	mw_error_destroy(mw_engine_detach(repair->tracer));
	return err;
}

struct mw_error *mw_rescue(struct mw_tracer *tracer, pid_t pid, struct mw_rescue *rescue)
{
	struct repair repair = {.tracer = tracer, .rescue = rescue, .pid = pid};
	struct mw_error *err = mw_mailbox_call(&tracer->crew->mailbox, run, &repair);

	free(repair.annex);
	return err;
}
