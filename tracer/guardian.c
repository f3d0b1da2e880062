// SPDX-License-Identifier: MIT
#include "tracer/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/procfs.h"
#include "tracer/engine.h"
#include "tracer/rescue.h"

/* As long as the target is still let go, it can't be seized: that is tried again. */
#define PATIENCE_NS UINT64_C(3000000000)
#define RETRY_NS 200000
/* The guardian writes no records. */
#define RING_ENTRIES 256
#define PRIORITY (-20)
/* How long the target is held until all of a dying memwatch is gone. */
#define DEATH_MS 1000
/* Newer than Debian 12's headers: of a thread, since 6.9. */
#define PIDFD_THREAD_FLAG O_EXCL

struct mw_guardian_page {
	_Atomic pid_t pid;
	/** A pid can be used again by another process. */
	_Atomic uint64_t started;
	/** Calls of the target fail until its pages are open. */
	_Atomic bool urgent;
	/** The guardian waits. */
	_Atomic bool ready;
};

/** Its own ends. */
struct watch {
	struct mw_guardian_page *page;
	int life;
	int memwatch;
	/** The thread that traces, with whose end the target runs on; -1 before 6.9. */
	int tracer;
};

static int open_pidfd(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static void close_range_of(unsigned first, unsigned last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
		for (unsigned fd = first; fd <= last && fd < 1024; fd++)
			close((int)fd);
}

/** @return the lowest descriptor of the watch's own from @low on; ~0u: none. */
static unsigned next_own(const struct watch *watch, unsigned low)
{
	const int own[] = {watch->life, watch->memwatch, watch->tracer};
	unsigned next = ~0u;

	for (size_t i = 0; i < mw_array_size(own); i++)
		if (own[i] >= 0 && (unsigned)own[i] >= low)
			next = mw_min(next, (unsigned)own[i]);
	return next;
}

/* Nothing of memwatch's stays open: a perf event would go on, a pipe would not end. */
static void close_all_others(const struct watch *watch)
{
	int null = open("/dev/null", O_RDWR);
	unsigned low = STDERR_FILENO + 1, own;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
	for (; (own = next_own(watch, low)) != ~0u; low = own + 1)
		close_range_of(low, own - 1);
	close_range_of(low, ~0u);
}

/*
 * On a busy machine it would wait for its turn longer than it takes to do all. Not before it is
 * ready: a sanitizer's locks, which a fork doesn't free, would be spun for, and nobody else run.
 */
static void come_first(const struct mw_tracer *tracer)
{
	const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};

	pthread_setschedparam(pthread_self(), SCHED_RR, &lowest);
	pthread_setschedparam(tracer->crew->thread, SCHED_RR, &lowest);
}

/* A terminal's signals, and those that end a session, are not meant for it. */
static void settle_signals(void)
{
	static const int unheard[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	for (size_t i = 0; i < mw_array_size(unheard); i++)
		signal(unheard[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool is_same_process(const struct mw_guardian_page *page, pid_t pid)
{
	uint64_t started;
	struct mw_error *err = mw_proc_start_time(pid, &started);

	if (err) {
		mw_error_destroy(err);
		return false;
	}
	return started == page->started;
}

/* What its parent hasn't waited for yet. Others may live on behind a leader that has ended. */
static bool is_zombie(pid_t pid)
{
	mw_auto_free pid_t *tids = NULL;
	struct mw_proc_status status;
	size_t count = 0;
	struct mw_error *err = mw_proc_status_read(pid, &status);

	if (!err && status.state == 'Z')
		err = mw_proc_threads(pid, &tids, &count);
	mw_error_destroy(err);
	return count == 1;
}

/** Waits until one of them has ended; -1: there is none. */
static void await_end(int first, int second, int timeout_ms)
{
	struct pollfd ends[] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
	int result;

	do
		result = poll(ends, mw_array_size(ends), timeout_ms);
	while (result < 0 && errno == EINTR);
}

/*
 * A dying memwatch closes its files one by one, perf's events among them: only when all of it is
 * gone, no more of their signals come. Until then the threads stand.
 */
static void await_all_of_memwatch(void *arg)
{
	const struct watch *watch = arg;

	await_end(watch->memwatch, -1, DEATH_MS);
}

static void restore(struct mw_tracer *tracer, struct watch *watch)
{
	const struct mw_guardian_page *page = watch->page;
	uint64_t deadline = mw_clock_now_ns() + PATIENCE_NS;
	struct timespec pause = {0, RETRY_NS};
	pid_t pid = page->pid;
	struct mw_rescue rescue = {.opened = await_all_of_memwatch, .arg = watch};
	struct mw_error *err;

	do {
		if (!pid || !is_same_process(page, pid) || is_zombie(pid))
			return;
		err = mw_rescue(tracer, pid, &rescue);
		if (!err)
			return;
		mw_error_destroy(err);
		nanosleep(&pause, NULL);
	} while (mw_clock_now_ns() < deadline);
}

/*
 * An orderly end closes the pipe. At any other the thread that traces goes long before the memory
 * and the files of memwatch do; but what is watched by perf alone can wait for those.
 */
static void await_death(const struct watch *watch)
{
	await_end(watch->life, watch->tracer, -1);
	if (!watch->page->pid)
		return;
	if (watch->page->urgent && watch->tracer >= 0)
		await_end(watch->tracer, -1, -1);
	else
		await_end(watch->memwatch, -1, -1);
}

/* The tracer is made beforehand: later there is no time to lose. */
MW_NORETURN static void guard(struct watch *watch)
{
	const struct mw_tracer_options options = {.ring_entries = RING_ENTRIES,
						  .drop_when_full = true};
	struct mw_tracer *tracer;
	struct mw_error *err;

	setsid();
	if (chdir("/") < 0)
		_exit(1);
	settle_signals();
	close_all_others(watch);
	prctl(PR_SET_NAME, "memwatch-guard");
	setpriority(PRIO_PROCESS, 0, PRIORITY);
	err = mw_tracer_create(&options, &tracer);
	if (err)
		_exit(1);
	come_first(tracer);
	watch->page->ready = true;
	await_death(watch);
	restore(tracer, watch);
	_exit(0);
}

/* Twice, so that it is nobody's child here. */
static struct mw_error *fork_twice(struct watch *watch, int own_end)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return mw_error_os(errno, "cannot start the guardian");
	if (child == 0) {
		close(own_end);
		child = fork();
		if (child == 0)
			guard(watch);
		_exit(child < 0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status ? mw_error_create(MW_ERROR_OTHER, "cannot start the guardian") : NULL;
}

static struct mw_error *start(struct mw_guardian *guardian, struct mw_guardian_page *page)
{
	struct watch watch = {.page = page};
	struct mw_error *err;
	int pipe_ends[2];

	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return mw_error_os(errno, "cannot make a pipe");
	watch.life = pipe_ends[0];
	watch.memwatch = open_pidfd(getpid(), 0);
	watch.tracer = open_pidfd(gettid(), PIDFD_THREAD_FLAG);
	err = watch.memwatch < 0 ? mw_error_os(errno, "cannot make a pidfd")
				 : fork_twice(&watch, pipe_ends[1]);
	if (watch.memwatch >= 0)
		close(watch.memwatch);
	if (watch.tracer >= 0)
		close(watch.tracer);
	close(pipe_ends[0]);
	if (err) {
		close(pipe_ends[1]);
		return err;
	}
	guardian->page = page;
	guardian->life = pipe_ends[1];
	return NULL;
}

struct mw_error *mw_guardian_start(struct mw_guardian *guardian)
{
	struct mw_guardian_page *page;
	struct mw_error *err;

	if (guardian->page)
		return NULL;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return mw_error_os(errno, "cannot start the guardian");
	err = start(guardian, page);
	if (err)
		munmap(page, sizeof(*page));
	return err;
}

void mw_guardian_set_target(struct mw_guardian *guardian, pid_t pid)
{
	uint64_t started = 0;

	if (!guardian->page)
		return;
	guardian->page->pid = 0;
	guardian->page->urgent = false;
	if (pid)
		mw_error_destroy(mw_proc_start_time(pid, &started));
	guardian->page->started = started;
	guardian->page->pid = pid;
}

void mw_guardian_set_urgent(struct mw_guardian *guardian, bool urgent)
{
	if (guardian->page)
		guardian->page->urgent = urgent;
}

void mw_guardian_deinit(struct mw_guardian *guardian)
{
	if (!guardian->page)
		return;
	guardian->page->pid = 0;
	close(guardian->life);
	munmap(guardian->page, sizeof(*guardian->page));
	guardian->page = NULL;
}
