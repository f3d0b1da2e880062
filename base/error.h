// SPDX-License-Identifier: MIT
#ifndef MW_BASE_ERROR_H
#define MW_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/target.h"

/** What kind of failure an error is; decides the exit code, never the text. */
enum mw_error_code {
	MW_ERROR_OTHER,
	MW_ERROR_NO_MEMORY,
	/** The thread or address space no longer exists. */
	MW_ERROR_GONE,
	MW_ERROR_NOT_FOUND,
	/** Target memory that can't be read or written; `fault` is the first bad address. */
	MW_ERROR_FAULT,
	/** The kernel or a policy forbids it; the message says which. */
	MW_ERROR_PERMISSION,
	/** The person asked for something malformed. */
	MW_ERROR_USAGE,
	/** A system call failed; `errnum` says why. */
	MW_ERROR_OS,
};

/** One failure. NULL is success everywhere. */
struct mw_error {
	enum mw_error_code code;
	/** errno value, or 0. */
	int errnum;
	/** First address that faulted, for MW_ERROR_FAULT. */
	mw_addr fault;
	/** One line: the thing, the cause and the way out. No trailing newline. */
	const char *message;
	/** The message, when this error owns it; NULL for the preallocated ones. */
	char *owned_message;
};

/* Expected outcomes, preallocated so that the wait loop never allocates. */
extern struct mw_error mw_err_gone[1];
extern struct mw_error mw_err_nomem[1];
extern struct mw_error mw_err_not_found[1];

/**
 * Creates an error with a printf-style message.
 *
 * @return a new error owned by the caller, or mw_err_nomem.
 */
struct mw_error *mw_error_create(enum mw_error_code code, const char *format, ...) MW_MUST_CHECK
	MW_PRINTF(2, 3);

/**
 * Creates an MW_ERROR_OS error: the message, then ": " and the text of @errnum.
 * ESRCH becomes mw_err_gone and ENOMEM mw_err_nomem.
 */
struct mw_error *mw_error_os(int errnum, const char *format, ...) MW_MUST_CHECK MW_PRINTF(2, 3);

/** Creates an MW_ERROR_FAULT error for the target address @fault. */
struct mw_error *mw_error_fault(mw_addr fault, const char *format, ...) MW_MUST_CHECK
	MW_PRINTF(2, 3);

/**
 * Puts "PREFIX: " in front of the message, keeping code and errno. Takes ownership of @err.
 */
struct mw_error *mw_error_prefix(struct mw_error *err, const char *format, ...) MW_MUST_CHECK
	MW_PRINTF(2, 3);

/** Releases an error; NULL and the preallocated ones are fine. */
void mw_error_destroy(struct mw_error *err);

/** Of what went wrong one after the other, the first counts: releases @second if there is @first.
 */
struct mw_error *mw_error_first(struct mw_error *first, struct mw_error *second) MW_MUST_CHECK;

/** True, and the error released, when there is one: for a caller that has another way then. */
bool mw_error_catch_any(struct mw_error *err);

/** True, and the error released, when @err is not NULL and has @code. */
bool mw_error_catch(struct mw_error **err, enum mw_error_code code);

#endif
