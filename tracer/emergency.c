// SPDX-License-Identifier: MIT
#include "tracer/emergency.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "tracer/engine.h"

/* Another thread's crash gives the tracer this long; then memwatch ends all the same. */
#define PATIENCE_MS 3000
/* The crash may have happened inside malloc: then the detach hangs, and the alarm ends it. */
#define ALARM_SECONDS 5

static const int fatal_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGQUIT};

/* A signal handler gets no argument: this is how it finds the tracer. */
static _Atomic(struct mw_tracer *) guarded_tracer;

static void detach_here(struct mw_tracer *tracer)
{
	atomic_store(&tracer->leaving, true);
	alarm(ALARM_SECONDS);
	mw_error_destroy(mw_engine_detach(tracer));
	atomic_store(&tracer->emergency, MW_EMERGENCY_DONE);
}

static void ask_tracer(struct mw_tracer *tracer)
{
	const struct timespec pause = {0, 1000000};

	atomic_store(&tracer->leaving, true);
	atomic_store(&tracer->emergency, MW_EMERGENCY_ASKED);
	for (int waited = 0; waited < PATIENCE_MS; waited++) {
		if (atomic_load(&tracer->emergency) == MW_EMERGENCY_DONE)
			return;
		mw_mailbox_wake(&tracer->mailbox);
		nanosleep(&pause, NULL);
	}
}

static void on_fatal(int signal)
{
	/* Only the first crash is served; one in the middle of that ends memwatch at once. */
	struct mw_tracer *tracer = atomic_exchange(&guarded_tracer, NULL);

	if (tracer && pthread_equal(pthread_self(), tracer->thread))
		detach_here(tracer);
	else if (tracer)
		ask_tracer(tracer);
	/* SA_RESETHAND has restored the default action. */
	raise(signal);
}

void mw_emergency_install(struct mw_tracer *tracer)
{
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};

	atomic_store(&guarded_tracer, tracer);
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, NULL);
}

void mw_emergency_remove(void)
{
	if (!atomic_exchange(&guarded_tracer, NULL))
		return;
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		signal(fatal_signals[i], SIG_DFL);
}

void mw_emergency_keep_open(sigset_t *set)
{
	for (size_t i = 0; i < mw_array_size(fatal_signals); i++)
		sigdelset(set, fatal_signals[i]);
}

void mw_emergency_serve(struct mw_tracer *tracer)
{
	if (atomic_load(&tracer->emergency) != MW_EMERGENCY_ASKED)
		return;
	detach_here(tracer);
	/* The crashing thread ends the process. */
	for (;;)
		pause();
}
