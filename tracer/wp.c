// SPDX-License-Identifier: MIT
#include "tracer/wp.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdio.h"
#include "tracer/differences.h"
#include "tracer/emergency.h"
#include "tracer/engine.h"
#include "tracer/pagemap.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/* After this long without a message the tracer sleeps again. */
#define HOT_NS UINT64_C(100000)
/* The bell rings again when nobody has come for the message. */
#define RING_PAUSE_NS 100000
/* A thread faults in the kernel although it isn't in a call (rseq, a signal frame). */
#define KERNEL_PATIENCE_NS UINT64_C(2000000)
#define STOP_TIMEOUT_NS UINT64_C(2000000000)
/* What others store for the target, as io_uring's workers do, is given this long. */
#define STRANGER_NS 200000

static bool same_pid_namespace(pid_t pid)
{
	char path[64], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return readlink(path, theirs, sizeof(theirs) - 1) > 0 &&
	       readlink("/proc/self/ns/pid", ours, sizeof(ours) - 1) > 0 && !strcmp(theirs, ours);
}

static void *ring(void *arg)
{
	const struct mw_tracer *tracer = arg;
	struct pollfd fds[] = {
		{.fd = tracer->wp.uffd.fd, .events = POLLIN},
		{.fd = tracer->wp.quit, .events = POLLIN},
	};
	const struct timespec pause = {0, RING_PAUSE_NS};

	for (;;) {
		if (poll(fds, mw_array_size(fds), -1) < 0)
			continue;
		if (fds[1].revents || !(fds[0].revents & POLLIN))
			return NULL;
		mw_mailbox_wake(&tracer->mailbox);
		nanosleep(&pause, NULL);
	}
}

static struct mw_error *start_bell(struct mw_tracer *tracer)
{
	sigset_t all, before;
	int result;

	tracer->wp.quit = eventfd(0, EFD_CLOEXEC);
	if (tracer->wp.quit < 0)
		return mw_error_os(errno, "cannot make an event descriptor");
	sigfillset(&all);
	mw_emergency_keep_open(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&tracer->wp.bell, NULL, ring, tracer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!result)
		return NULL;
	close(tracer->wp.quit);
	return mw_error_os(result, "cannot start a thread");
}

struct mw_error *mw_wp_open(struct mw_tracer *tracer)
{
	struct mw_error *err;

	if (mw_wp_is_on(&tracer->wp))
		return NULL;
	if (!same_pid_namespace(tracer->pid))
		return mw_error_create(MW_ERROR_OTHER,
				       "process %d is in another pid namespace, where userfaultfd "
				       "doesn't tell threads apart: use --backend=page",
				       tracer->pid);
	err = mw_uffd_open(tracer,
			   UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID |
				   MW_UFFD_WP_UNPOPULATED | MW_UFFD_WP_HUGETLBFS_SHMEM,
			   &tracer->wp.uffd);
	if (!err && tracer->wp.uffd.user_only)
		err = mw_error_create(MW_ERROR_PERMISSION,
				      "userfaultfd would make system calls into watched memory "
				      "fail: run memwatch and its target as root, or set "
				      "vm.unprivileged_userfaultfd=1");
	if (!err)
		err = start_bell(tracer);
	if (err)
		mw_uffd_close(&tracer->wp.uffd);
	return err;
}

void mw_wp_close(struct mw_tracer *tracer)
{
	const uint64_t one = 1;

	if (!mw_wp_is_on(&tracer->wp))
		return;
	if (mw_write_full(tracer->wp.quit, &one, sizeof(one)) == 0)
		pthread_join(tracer->wp.bell, NULL);
	close(tracer->wp.quit);
	mw_uffd_close(&tracer->wp.uffd);
}

/* "running" or "-1 …" outside of a call (proc_pid_syscall(5)). */
static bool is_in_call(const struct mw_thread *thread)
{
	mw_auto_free char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", thread->tgid, thread->tid);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	return text && text[0] >= '0' && text[0] <= '9';
}

static void note_message(struct mw_tracer *tracer, const struct uffd_msg *message)
{
	pid_t tid = (pid_t)message->arg.pagefault.feat.ptid;
	struct mw_thread *thread = mw_engine_thread(tracer, tid);
	uint64_t page = mw_page_floor(message->arg.pagefault.address);

	tracer->stats.faults++;
	if (!thread) {
		tracer->wp_stranger = mw_addr_make(page);
		return;
	}
	if (!thread->interrupt_sent)
		thread->wp_in_call = is_in_call(thread);
	thread->wp_fault = mw_addr_make(page);
}

/* Someone whose message is taken waits until its page is open, or until it is interrupted. */
static void take_messages(struct mw_tracer *tracer)
{
	struct uffd_msg messages[16];
	ssize_t size;

	do {
		size = read(tracer->wp.uffd.fd, messages, sizeof(messages));
		for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(*messages); i++)
			if (messages[i].event == UFFD_EVENT_PAGEFAULT)
				note_message(tracer, &messages[i]);
	} while (size == sizeof(messages));
}

/** Waits until a thread has stopped, or stands at a guarded page. */
static struct mw_error *await_stop_or_fault(struct mw_tracer *tracer, struct mw_thread *thread,
					    uint64_t timeout_ns, uint64_t patience_ns,
					    bool *ret_stopped)
{
	uint64_t start_ns = mw_clock_now_ns(), waited_ns;

	do {
		struct mw_error *err = mw_wait_thread_until(thread, 0, ret_stopped);

		if (err || *ret_stopped)
			return err;
		take_messages(tracer);
		waited_ns = mw_clock_now_ns() - start_ns;
		if (thread->wp_fault.v && (thread->wp_in_call || waited_ns >= patience_ns))
			return NULL;
		/* It may share the CPU with the tracer. */
		sched_yield();
	} while (waited_ns < timeout_ns);
	return NULL;
}

struct mw_error *mw_wp_await_stop(struct mw_tracer *tracer, struct mw_thread *thread,
				  uint64_t timeout_ns, bool *ret)
{
	struct mw_error *err =
		await_stop_or_fault(tracer, thread, timeout_ns, KERNEL_PATIENCE_NS, ret);

	thread->wp_in_kernel = !err && !*ret && thread->wp_fault.v;
	return err;
}

/** The pages that are open for one thread. */
struct opened {
	struct mw_range pages[MW_STEP_PAGES];
	size_t count;
};

static uint8_t *saved_page(struct mw_tracer *tracer, size_t index)
{
	return tracer->step_bytes + index * MW_PAGE_SIZE;
}

static bool is_open(const struct opened *opened, mw_addr addr)
{
	for (size_t i = 0; i < opened->count; i++)
		if (mw_range_contains(opened->pages[i], addr))
			return true;
	return false;
}

static struct mw_error *open_page(struct mw_tracer *tracer, struct opened *opened, mw_addr addr)
{
	struct mw_range page = {addr, MW_PAGE_SIZE};
	struct mw_error *err = NULL;

	if (!is_open(opened, addr)) {
		err = mw_mem_read(&tracer->mem, addr, saved_page(tracer, opened->count),
				  MW_PAGE_SIZE);
		if (!err)
			opened->pages[opened->count++] = page;
	}
	return err ? err : mw_uffd_protect(&tracer->wp.uffd, page, false);
}

/** What the stores into open pages are reported as. */
struct origin {
	struct mw_thread *thread;
	struct mw_hit hit;
};

static void report_page(struct mw_tracer *tracer, const struct origin *origin, struct mw_range page,
			const uint8_t *old_page)
{
	uint8_t new_page[MW_PAGE_SIZE];
	struct mw_run run = {0};

	if (mw_mem_read_some(&tracer->mem, page.start, new_page, sizeof(new_page)) !=
	    sizeof(new_page))
		return;
	while (mw_run_next(old_page, new_page, sizeof(new_page), page.start.v, &run)) {
		struct mw_hit hit = origin->hit;

		hit.backend = MW_BACKEND_UFFD;
		hit.addr = mw_addr_add(page.start, run.start);
		hit.size = (uint32_t)(run.end - run.start);
		mw_engine_report_store(tracer, origin->thread, &hit, old_page + run.start,
				       new_page + run.start);
	}
}

/* Protects what is open again, and reports what was stored there meanwhile. */
static struct mw_error *close_pages(struct mw_tracer *tracer, struct opened *opened,
				    const struct origin *origin)
{
	struct mw_error *first = NULL;

	for (size_t i = 0; i < opened->count; i++) {
		struct mw_error *err = mw_uffd_protect(&tracer->wp.uffd, opened->pages[i], true);

		if (first)
			mw_error_destroy(err);
		else
			first = err;
	}
	for (size_t i = 0; i < opened->count && origin; i++)
		report_page(tracer, origin, opened->pages[i], saved_page(tracer, i));
	opened->count = 0;
	return first;
}

static struct mw_error *doesnt_stop(const struct mw_thread *thread)
{
	return mw_error_create(MW_ERROR_OTHER, "thread %d doesn't stop behind a store",
			       thread->tid);
}

/** Lets one thread run until it stops, opening each page that it stands at. */
static struct mw_error *run_until_stop(struct mw_tracer *tracer, struct mw_thread *thread,
				       struct opened *opened, const struct origin *origin)
{
	struct mw_error *err = NULL;
	bool stopped = false;

	while (!err && !stopped) {
		if (thread->wp_fault.v) {
			if (opened->count == MW_STEP_PAGES)
				err = close_pages(tracer, opened, origin);
			if (!err)
				err = open_page(tracer, opened, thread->wp_fault);
			thread->wp_fault = MW_ADDR_NULL;
		}
		if (!err)
			err = await_stop_or_fault(tracer, thread, STOP_TIMEOUT_NS, 0, &stopped);
		if (!err && !stopped && !thread->wp_fault.v)
			err = doesnt_stop(thread);
	}
	return err;
}

static void fill_call(struct mw_thread *thread, struct mw_hit *hit)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);

	if (err) {
		mw_error_destroy(err);
		return;
	}
	hit->ip = mw_arch_ip(regs);
	hit->syscall.number = mw_arch_syscall_number(regs);
	/* A signal frame or rseq: nobody's call, and nobody's instruction either. */
	if (hit->syscall.number < 0) {
		hit->cause = MW_CAUSE_EXTERNAL;
		return;
	}
	mw_arch_syscall_args(regs, hit->syscall.args);
	hit->syscall.result = mw_arch_syscall_result(regs);
}

/* The call returns to an interruption, which shows its result. */
static struct mw_error *finish_call(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct origin origin = {thread, {.cause = MW_CAUSE_SYSCALL, .ip_is_after = true}};
	struct opened opened = {.count = 0};
	struct mw_error *err, *close_err;

	err = run_until_stop(tracer, thread, &opened, NULL);
	thread->wp_in_kernel = false;
	if (thread->state == MW_THREAD_STOPPED)
		fill_call(thread, &origin.hit);
	close_err = close_pages(tracer, &opened, &origin);
	if (!err)
		return close_err;
	mw_error_destroy(close_err);
	return err;
}

/* Somebody who isn't traced stores into the target's memory: he is given the time for that. */
static struct mw_error *let_stranger_store(struct mw_tracer *tracer)
{
	const struct origin origin = {NULL, {.cause = MW_CAUSE_EXTERNAL}};
	const struct timespec pause = {0, STRANGER_NS};
	struct opened opened = {.count = 0};
	struct mw_error *err = NULL, *close_err;

	while (!err && tracer->wp_stranger.v && opened.count < MW_STEP_PAGES) {
		err = open_page(tracer, &opened, tracer->wp_stranger);
		tracer->wp_stranger = MW_ADDR_NULL;
		nanosleep(&pause, NULL);
		take_messages(tracer);
	}
	close_err = close_pages(tracer, &opened, &origin);
	if (!err)
		return close_err;
	mw_error_destroy(close_err);
	return err;
}

/* A page that is open for one call is open for the others that stand at it, too. */
struct mw_error *mw_wp_finish_calls(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct mw_error *err = NULL;

		if (thread->wp_in_kernel && thread->state == MW_THREAD_RUNNING)
			err = finish_call(tracer, thread);
		if (first || err == mw_err_gone)
			mw_error_destroy(err);
		else
			first = err;
	}
	return first;
}

/* The instruction can't be carried out from outside: it runs alone, with its pages open. */
static struct mw_error *step(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct origin origin = {thread, {.cause = MW_CAUSE_STORE, .ip = mw_arch_ip(&thread->regs)}};
	struct opened opened = {.count = 0};
	struct mw_injection injection;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	struct mw_error *close_err;
	struct mw_stop own_stop;

	if (err)
		return err;
	err = mw_thread_resume(thread, MW_RESUME_STEP, 0);
	if (!err)
		err = run_until_stop(tracer, thread, &opened, &origin);
	own_stop = thread->stop;
	close_err = close_pages(tracer, &opened, &origin);
	if (!err)
		err = mw_inject_adopt_regs(&injection);
	mw_inject_end(&injection);
	tracer->stats.stepped++;
	/* A signal of its own is the program's: it is handled as such. */
	if (!err && own_stop.kind == MW_STOP_SIGNAL && own_stop.code != SIGTRAP) {
		thread->has_saved_siginfo =
			!mw_sys_get_siginfo(thread->tid, &thread->saved_siginfo);
		thread->stop = own_stop;
	}
	if (!err)
		return close_err;
	mw_error_destroy(close_err);
	return err;
}

static struct mw_error *carry_out(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	bool must_step = false;

	thread->wp_fault = MW_ADDR_NULL;
	if (!err)
		err = mw_engine_carry_out(tracer, thread, &must_step);
	if (!err && must_step)
		err = step(tracer, thread);
	mw_burst_note(tracer, thread, mw_clock_now_ns());
	return err == mw_err_gone ? NULL : err;
}

/* Only one that was interrupted stands before its store; others have something else to do first. */
static bool stands_at_store(const struct mw_thread *thread)
{
	return thread->wp_fault.v && thread->state == MW_THREAD_STOPPED && !thread->stashed &&
	       thread->stop.kind == MW_STOP_INTERRUPT;
}

static struct mw_error *carry_out_all(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct mw_error *err = NULL;

		if (stands_at_store(thread))
			err = carry_out(tracer, thread);
		if (first)
			mw_error_destroy(err);
		else
			first = err;
	}
	return first;
}

static bool somebody_waits(const struct mw_tracer *tracer)
{
	const struct mw_thread *thread;
	size_t cursor = 0;

	if (tracer->wp_stranger.v)
		return true;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->wp_fault.v)
			return true;
	return false;
}

/* A page is writable while its store is carried out: nobody else may run then. */
static struct mw_error *serve(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_engine_stop_all(tracer, NULL);
	struct mw_error *resume_err;

	if (!err && tracer->wp_stranger.v)
		err = let_stranger_store(tracer);
	if (!err)
		err = carry_out_all(tracer);
	resume_err = mw_engine_resume_all(tracer, NULL);
	if (!err)
		return resume_err;
	mw_error_destroy(resume_err);
	return err;
}

bool mw_wp_serve(struct mw_tracer *tracer)
{
	struct mw_error *err;

	if (!mw_wp_is_on(&tracer->wp))
		return false;
	take_messages(tracer);
	if (!somebody_waits(tracer))
		return false;
	err = serve(tracer);
	if (err)
		mw_engine_emit_notice(tracer, "%s", err->message);
	mw_error_destroy(err);
	tracer->wp.hot_until_ns = mw_clock_now_ns() + HOT_NS;
	return true;
}

bool mw_wp_is_hot(const struct mw_tracer *tracer)
{
	return mw_wp_is_on(&tracer->wp) && mw_clock_now_ns() < tracer->wp.hot_until_ns;
}
