// SPDX-License-Identifier: MIT
/** The one place where memwatch waits for tracees. */
#ifndef MW_TRACER_WAIT_H
#define MW_TRACER_WAIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "tracer/stop.h"

struct mw_thread;

/**
 * Waits for any tracee or child of this thread. A signal or system call is reported until the
 * thread goes on, or mw_wait_take() takes it.
 *
 * @return its id; 0 when a signal came first; -1 when there is nobody to wait for.
 */
pid_t mw_wait_any(struct mw_stop *ret);

/** As mw_wait_any(), but returns 0 at once when nobody has stopped. */
pid_t mw_wait_poll(struct mw_stop *ret);

/** Takes the stop of a thread that stays in it. */
void mw_wait_take(pid_t tid);

/**
 * Waits until this very thread stops or dies, and notes it in @thread.
 *
 * @return NULL, or mw_err_gone when there is no such thread to wait for; or when it is a leader
 * that has died before others of its process, in which case mw_wait_any() tells its death later.
 */
struct mw_error *mw_wait_thread(struct mw_thread *thread) MW_MUST_CHECK;

/** As mw_wait_thread(), for at most @timeout_ns. @param ret whether it stopped. */
struct mw_error *mw_wait_thread_until(struct mw_thread *thread, uint64_t timeout_ns,
				      bool *ret) MW_MUST_CHECK;

#endif
