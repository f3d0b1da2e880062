// SPDX-License-Identifier: MIT
#include "tracer/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/procfs.h"
#include "tracer/rescue.h"
#include "tracer/tracer.h"

/* As long as the target is still let go, it can't be seized: that is tried again. */
#define PATIENCE_NS UINT64_C(3000000000)
#define RETRY_NS 200000
/* The guardian writes no records. */
#define RING_ENTRIES 256
#define PRIORITY (-20)

struct mw_guardian_page {
	_Atomic pid_t pid;
	/** A pid can be used again by another process. */
	_Atomic uint64_t started;
	/** The guardian waits. */
	_Atomic bool ready;
};

/** Its own ends. */
struct watch {
	struct mw_guardian_page *page;
	int life;
	int memwatch;
};

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void close_range_of(unsigned first, unsigned last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
		for (unsigned fd = first; fd <= last && fd < 1024; fd++)
			close((int)fd);
}

/* Nothing of memwatch's stays open: a perf event would go on, a pipe would not end. */
static void close_all_but(int first, int second)
{
	unsigned low = (unsigned)(first < second ? first : second);
	unsigned high = (unsigned)(first < second ? second : first);
	int null = open("/dev/null", O_RDWR);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
		dup2(null, fd);
	close_range_of(STDERR_FILENO + 1, low - 1);
	close_range_of(low + 1, high - 1);
	close_range_of(high + 1, ~0u);
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

static void restore(struct mw_tracer *tracer, const struct mw_guardian_page *page)
{
	uint64_t deadline = mw_clock_now_ns() + PATIENCE_NS;
	struct timespec pause = {0, RETRY_NS};
	pid_t pid = page->pid;
	struct mw_rescue rescue = {0};
	struct mw_error *err;

	do {
		if (!pid || !is_same_process(page, pid))
			return;
		err = mw_rescue(tracer, pid, &rescue);
		if (!err)
			return;
		mw_error_destroy(err);
		nanosleep(&pause, NULL);
	} while (mw_clock_now_ns() < deadline);
}

static void await(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	int result;

	do
		result = poll(&end, 1, -1);
	while (result < 0 && errno == EINTR);
}

/*
 * A dying memwatch closes its files one by one, and the pipe may come before perf's events: only
 * when all of it is gone, no more of their signals come. An orderly end closes the pipe.
 */
static void await_death(const struct watch *watch)
{
	await(watch->life);
	if (watch->page->pid)
		await(watch->memwatch);
}

/* The tracer is made beforehand: later there is no time to lose. */
MW_NORETURN static void guard(const struct watch *watch)
{
	const struct mw_tracer_options options = {.ring_entries = RING_ENTRIES,
						  .drop_when_full = true};
	struct mw_tracer *tracer;
	struct mw_error *err;

	setsid();
	if (chdir("/") < 0)
		_exit(1);
	settle_signals();
	close_all_but(watch->life, watch->memwatch);
	prctl(PR_SET_NAME, "memwatch-guard");
	setpriority(PRIO_PROCESS, 0, PRIORITY);
	err = mw_tracer_create(&options, &tracer);
	if (err)
		_exit(1);
	watch->page->ready = true;
	await_death(watch);
	restore(tracer, watch->page);
	_exit(0);
}

/* Twice, so that it is nobody's child here. */
static struct mw_error *fork_twice(const struct watch *watch, int own_end)
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
	watch.memwatch = open_pidfd(getpid());
	err = watch.memwatch < 0 ? mw_error_os(errno, "cannot make a pidfd")
				 : fork_twice(&watch, pipe_ends[1]);
	if (watch.memwatch >= 0)
		close(watch.memwatch);
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
	if (pid)
		mw_error_destroy(mw_proc_start_time(pid, &started));
	guardian->page->started = started;
	guardian->page->pid = pid;
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
