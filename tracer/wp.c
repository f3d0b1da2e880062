// SPDX-License-Identifier: MIT
#include "tracer/wp.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdio.h"
#include "tracer/emergency.h"
#include "tracer/engine.h"
#include "tracer/pagemap.h"
#include "tracer/remap_call.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/* The bell rings again when nobody has come for the message. */
#define RING_PAUSE_NS 100000
/* A thread faults in the kernel although it isn't in a call (rseq, a signal frame). */
#define KERNEL_PATIENCE_NS UINT64_C(2000000)

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
		mw_mailbox_wake(&tracer->crew->mailbox);
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
				   UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP |
				   UFFD_FEATURE_EVENT_REMOVE | MW_UFFD_WP_UNPOPULATED |
				   MW_UFFD_WP_HUGETLBFS_SHMEM,
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
	mw_vec_deinit(&tracer->wp.events);
}

/* "running", or "-1 …" outside of a call (proc_pid_syscall(5)). @return the call, or -1. */
static int64_t present_call(const struct mw_thread *thread)
{
	mw_auto_free char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", thread->tgid, thread->tid);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	return text && text[0] >= '0' && text[0] <= '9' ? strtoll(text, NULL, 10) : -1;
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
	thread->wp_fault = mw_addr_make(page);
}

static bool has_message(const struct mw_tracer *tracer)
{
	struct pollfd fd = {.fd = tracer->wp.uffd.fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN);
}

/* Notes who is in a call. @return whether one of them is changing mappings. */
static bool note_calls(struct mw_tracer *tracer)
{
	bool remaps = false;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		int64_t call;

		if (thread->state != MW_THREAD_RUNNING || thread->interrupt_sent)
			continue;
		call = present_call(thread);
		thread->wp_in_call = call >= 0;
		remaps |= call >= 0 && mw_remap_call_changes_mappings(call);
	}
	return remaps;
}

static void interrupt_all(struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_RUNNING && !thread->vfork_parent)
			mw_thread_interrupt(thread);
}

void mw_wp_take_messages(struct mw_tracer *tracer)
{
	struct uffd_msg messages[16];
	ssize_t size;

	do {
		size = read(tracer->wp.uffd.fd, messages, sizeof(messages));
		for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(*messages); i++)
			if (messages[i].event == UFFD_EVENT_PAGEFAULT)
				note_message(tracer, &messages[i]);
			else
				mw_wp_note_event(tracer, &messages[i]);
	} while (size == sizeof(messages));
}

bool mw_wp_receive(struct mw_tracer *tracer)
{
	if (!has_message(tracer) && !tracer->wp.events.count)
		return false;
	/* Who unmaps something goes on when its message is read: it is to stop behind its call. */
	if (note_calls(tracer))
		interrupt_all(tracer);
	mw_wp_take_messages(tracer);
	return true;
}

struct mw_error *mw_wp_await_stop_or_fault(struct mw_tracer *tracer, struct mw_thread *thread,
					   uint64_t timeout_ns, uint64_t patience_ns,
					   bool *ret_stopped)
{
	uint64_t start_ns = mw_clock_now_ns(), waited_ns;

	do {
		struct mw_error *err = mw_wait_thread_until(thread, 0, ret_stopped);

		if (err || *ret_stopped)
			return err;
		mw_wp_take_messages(tracer);
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
		mw_wp_await_stop_or_fault(tracer, thread, timeout_ns, KERNEL_PATIENCE_NS, ret);

	thread->wp_in_kernel = !err && !*ret && thread->wp_fault.v;
	return err;
}
