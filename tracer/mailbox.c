// SPDX-License-Identifier: MIT
#include "tracer/mailbox.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* A signal that arrives just before waitpid() is lost to it: it is sent again this often. */
#define RETRY_NS 1000000

static void wake_by_interrupting(MW_UNUSED int signal)
{
}

static int wake_signal(void)
{
	return SIGRTMIN + 1;
}

void mw_mailbox_wake(const struct mw_mailbox *mailbox)
{
	pthread_kill(mailbox->server, wake_signal());
}

void mw_mailbox_init(struct mw_mailbox *mailbox)
{
	pthread_condattr_t attributes;

	*mailbox = (struct mw_mailbox){.state = MW_MAILBOX_EMPTY};
	pthread_mutex_init(&mailbox->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&mailbox->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

void mw_mailbox_deinit(struct mw_mailbox *mailbox)
{
	pthread_cond_destroy(&mailbox->changed);
	pthread_mutex_destroy(&mailbox->lock);
}

void mw_mailbox_serve_here(struct mw_mailbox *mailbox)
{
	struct sigaction action = {.sa_handler = wake_by_interrupting, .sa_flags = SA_ONSTACK};
	struct sigaction no_stops = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	sigset_t wake;

	sigaction(wake_signal(), &action, NULL);
	/* Else each stop of a tracee sends a SIGCHLD that wakes the front on another CPU. */
	sigaction(SIGCHLD, &no_stops, NULL);
	sigemptyset(&wake);
	sigaddset(&wake, wake_signal());
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	mailbox->server = pthread_self();
}

static void wait_until_taken(struct mw_mailbox *mailbox)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	while (mailbox->state == MW_MAILBOX_POSTED) {
		mw_mailbox_wake(mailbox);
		deadline.tv_nsec += RETRY_NS;
		if (deadline.tv_nsec >= 1000000000) {
			deadline.tv_nsec -= 1000000000;
			deadline.tv_sec++;
		}
		pthread_cond_timedwait(&mailbox->changed, &mailbox->lock, &deadline);
	}
}

struct mw_error *mw_mailbox_call(struct mw_mailbox *mailbox, struct mw_error *(*run)(void *arg),
				 void *arg)
{
	struct mw_error *result;

	if (pthread_equal(pthread_self(), mailbox->server))
		return run(arg);
	pthread_mutex_lock(&mailbox->lock);
	while (mailbox->state != MW_MAILBOX_EMPTY)
		pthread_cond_wait(&mailbox->changed, &mailbox->lock);
	mailbox->run = run;
	mailbox->arg = arg;
	mailbox->state = MW_MAILBOX_POSTED;
	pthread_cond_broadcast(&mailbox->changed);
	wait_until_taken(mailbox);
	while (mailbox->state != MW_MAILBOX_DONE)
		pthread_cond_wait(&mailbox->changed, &mailbox->lock);
	result = mailbox->result;
	mailbox->state = MW_MAILBOX_EMPTY;
	pthread_cond_broadcast(&mailbox->changed);
	pthread_mutex_unlock(&mailbox->lock);
	return result;
}

bool mw_mailbox_serve(struct mw_mailbox *mailbox)
{
	struct mw_error *result;
	bool posted;

	pthread_mutex_lock(&mailbox->lock);
	posted = mailbox->state == MW_MAILBOX_POSTED;
	if (posted) {
		mailbox->state = MW_MAILBOX_TAKEN;
		pthread_cond_broadcast(&mailbox->changed);
		pthread_mutex_unlock(&mailbox->lock);
		result = mailbox->run(mailbox->arg);
		pthread_mutex_lock(&mailbox->lock);
		mailbox->result = result;
		mailbox->state = MW_MAILBOX_DONE;
		pthread_cond_broadcast(&mailbox->changed);
	}
	pthread_mutex_unlock(&mailbox->lock);
	return posted;
}

void mw_mailbox_wait(struct mw_mailbox *mailbox)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec++;
	pthread_mutex_lock(&mailbox->lock);
	while (mailbox->state != MW_MAILBOX_POSTED)
		if (pthread_cond_timedwait(&mailbox->changed, &mailbox->lock, &deadline))
			break;
	pthread_mutex_unlock(&mailbox->lock);
}
