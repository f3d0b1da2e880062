// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mw_error mw_err_gone[1] = {{
	.code = MW_ERROR_GONE,
	.errnum = ESRCH,
	.message = "the process or thread no longer exists",
}};
struct mw_error mw_err_nomem[1] = {{
	.code = MW_ERROR_NO_MEMORY,
	.errnum = ENOMEM,
	.message = "memwatch is out of memory",
}};
struct mw_error mw_err_not_found[1] = {{
	.code = MW_ERROR_NOT_FOUND,
	.message = "not found",
}};

static struct mw_error *error_with_message(enum mw_error_code code, int errnum, char *message)
{
	struct mw_error *err;

	if (!message)
		return mw_err_nomem;
	err = calloc(1, sizeof(*err));
	if (!err) {
		free(message);
		return mw_err_nomem;
	}
	err->code = code;
	err->errnum = errnum;
	err->message = message;
	err->owned_message = message;
	return err;
}

MW_PRINTF(1, 0)
static char *format_message(const char *format, va_list args)
{
	char *message;

	return vasprintf(&message, format, args) < 0 ? NULL : message;
}

static char *join(const char *left, const char *right)
{
	char *message;

	return asprintf(&message, "%s: %s", left, right) < 0 ? NULL : message;
}

struct mw_error *mw_error_create(enum mw_error_code code, const char *format, ...)
{
	va_list args;
	char *message;

	va_start(args, format);
	message = format_message(format, args);
	va_end(args);
	return error_with_message(code, 0, message);
}

struct mw_error *mw_error_os(int errnum, const char *format, ...)
{
	va_list args;
	char *prefix, *message;

	if (errnum == ESRCH)
		return mw_err_gone;
	if (errnum == ENOMEM)
		return mw_err_nomem;
	va_start(args, format);
	prefix = format_message(format, args);
	va_end(args);
	message = prefix ? join(prefix, strerror(errnum)) : NULL;
	free(prefix);
	return error_with_message(MW_ERROR_OS, errnum, message);
}

struct mw_error *mw_error_fault(mw_addr fault, const char *format, ...)
{
	struct mw_error *err;
	va_list args;
	char *message;

	va_start(args, format);
	message = format_message(format, args);
	va_end(args);
	err = error_with_message(MW_ERROR_FAULT, EFAULT, message);
	if (err != mw_err_nomem)
		err->fault = fault;
	return err;
}

struct mw_error *mw_error_prefix(struct mw_error *err, const char *format, ...)
{
	struct mw_error *wrapped;
	va_list args;
	char *prefix, *message;

	va_start(args, format);
	prefix = format_message(format, args);
	va_end(args);
	message = prefix ? join(prefix, err->message) : NULL;
	free(prefix);
	wrapped = error_with_message(err->code, err->errnum, message);
	if (wrapped != mw_err_nomem)
		wrapped->fault = err->fault;
	mw_error_destroy(err);
	return wrapped;
}

void mw_error_destroy(struct mw_error *err)
{
	if (!err || !err->owned_message)
		return;
	free(err->owned_message);
	free(err);
}

struct mw_error *mw_error_first(struct mw_error *first, struct mw_error *second)
{
	if (!first)
		return second;
	mw_error_destroy(second);
	return first;
}

bool mw_error_catch_any(struct mw_error *err)
{
	bool failed = err;

	mw_error_destroy(err);
	return failed;
}

bool mw_error_catch(struct mw_error **err, enum mw_error_code code)
{
	if (!*err || (*err)->code != code)
		return false;
	mw_error_destroy(*err);
	*err = NULL;
	return true;
}
