// SPDX-License-Identifier: MIT
/**
 * Runs functions on the tracer thread, the only one that may call ptrace, on behalf of others, who
 * wait for the result. The tracer thread mostly blocks in waitpid(): a signal wakes it.
 */
#ifndef MW_TRACER_MAILBOX_H
#define MW_TRACER_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/compiler.h"

struct mw_mailbox {
	pthread_mutex_t lock;
	/** Told when a command comes, is taken, or is done. */
	pthread_cond_t changed;
	/** The thread that serves; set by mw_mailbox_serve_here(). */
	pthread_t server;
	struct mw_error *(*run)(void *arg);
	void *arg;
	struct mw_error *result;
	enum {
		MW_MAILBOX_EMPTY,
		MW_MAILBOX_POSTED,
		MW_MAILBOX_TAKEN,
		MW_MAILBOX_DONE,
	} state;
};

void mw_mailbox_init(struct mw_mailbox *mailbox);
void mw_mailbox_deinit(struct mw_mailbox *mailbox);

/** Says that the calling thread serves; blocks nothing and installs the waking signal. */
void mw_mailbox_serve_here(struct mw_mailbox *mailbox);

/** Runs @run(@arg) on the serving thread and waits for it. @return what it returned. */
struct mw_error *mw_mailbox_call(struct mw_mailbox *mailbox, struct mw_error *(*run)(void *arg),
				 void *arg) MW_MUST_CHECK;

/** Any thread, also in a signal handler: ends the serving thread's present wait. */
void mw_mailbox_wake(const struct mw_mailbox *mailbox);

/** Serving thread: runs a posted command, if there is one. @return whether there was. */
bool mw_mailbox_serve(struct mw_mailbox *mailbox);

/**
 * Serving thread: sleeps until a command is posted or a second has passed, when there is nobody to
 * wait() for.
 */
void mw_mailbox_wait(struct mw_mailbox *mailbox);

#endif
