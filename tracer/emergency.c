// SPDX-License-Identifier: MIT
#include "tracer/emergency.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/* Another thread's crash gives the tracer this long; then memwatch ends all the same. */
#define PATIENCE_MS 3000
/* The crash may have happened inside malloc: then the detach hangs, and the alarm ends it. */
#define ALARM_SECONDS 5

static const int fatal_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGQUIT};

/* A signal handler gets no argument: this is how it finds the tracers. */
static _Atomic(struct mw_crew *) guarded_crew;

/*
 * The crash may have come between a ptrace call and the note of it: what the kernel says counts.
 * A thread whose stop was already taken from wait() is in "t" and has none left.
 */
static void resync_thread(struct mw_thread *thread)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(thread->tid, &status);
	siginfo_t info;
	bool stopped;

	thread->regs_valid = false;
	thread->interrupt_sent = false;
	if (err) {
		mw_error_destroy(err);
		return;
	}
	if (status.state != 't') {
		thread->state = MW_THREAD_RUNNING;
		return;
	}
	mw_error_destroy(mw_wait_thread_until(thread, 0, &stopped));
	if (thread->state == MW_THREAD_STOPPED)
		return;
	thread->state = MW_THREAD_STOPPED;
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	if (mw_sys_get_siginfo(thread->tid, &info) == 0 && info.si_signo == SIGSEGV)
		thread->stop = (struct mw_stop){MW_STOP_SIGNAL, SIGSEGV};
}

static void resync_threads(struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state != MW_THREAD_GONE)
			resync_thread(thread);
}

static void detach_here(struct mw_crew *crew)
{
	/* From now on a full ring holds nobody. */
	atomic_store(&crew->emergency, MW_EMERGENCY_ASKED);
	alarm(ALARM_SECONDS);
	mw_vec_foreach (member, &crew->members) {
		resync_threads(*member);
		mw_error_destroy(mw_engine_detach(*member));
	}
	atomic_store(&crew->emergency, MW_EMERGENCY_DONE);
}

static void ask_crew(struct mw_crew *crew)
{
	const struct timespec pause = {0, 1000000};

	atomic_store(&crew->emergency, MW_EMERGENCY_ASKED);
	for (int waited = 0; waited < PATIENCE_MS; waited++) {
		if (atomic_load(&crew->emergency) == MW_EMERGENCY_DONE)
			return;
		mw_mailbox_wake(&crew->mailbox);
		nanosleep(&pause, NULL);
	}
}

static void on_fatal(int signal)
{
	/* Only the first crash is served; one in the middle of that ends memwatch at once. */
	struct mw_crew *crew = atomic_exchange(&guarded_crew, NULL);

	if (crew && pthread_equal(pthread_self(), crew->thread))
		detach_here(crew);
	else if (crew)
		ask_crew(crew);
	/* SA_RESETHAND has restored the default action. */
	raise(signal);
}

void mw_emergency_install(struct mw_crew *crew)
{
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};

	atomic_store(&guarded_crew, crew);
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, NULL);
}

void mw_emergency_remove(void)
{
	if (!atomic_exchange(&guarded_crew, NULL))
		return;
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		signal(fatal_signals[i], SIG_DFL);
}

void mw_emergency_keep_open(sigset_t *set)
{
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		sigdelset(set, fatal_signals[i]);
}

void mw_emergency_serve(struct mw_crew *crew)
{
	if (atomic_load(&crew->emergency) != MW_EMERGENCY_ASKED)
		return;
	detach_here(crew);
	/* The crashing thread ends the process. */
	for (;;)
		pause();
}
