// SPDX-License-Identifier: MIT
/** cmocka with what it needs included before it, and checks for the project's errors. */
#ifndef TESTS_UNIT_CMOCKA_WRAP_H
#define TESTS_UNIT_CMOCKA_WRAP_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/error.h"

/** Fails with the error's message unless @expression succeeds. */
#define assert_ok(expression)                                                                      \
	do {                                                                                       \
		struct mw_error *err_ = (expression);                                              \
                                                                                                   \
		if (err_)                                                                          \
			fail_msg("%s", err_->message);                                             \
	} while (0)

/** Fails unless @expression fails with the code; releases the error. */
#define assert_error(expression, expected_code)                                                    \
	do {                                                                                       \
		struct mw_error *err_ = (expression);                                              \
                                                                                                   \
		assert_non_null(err_);                                                             \
		assert_int_equal(err_->code, expected_code);                                       \
		mw_error_destroy(err_);                                                            \
	} while (0)

#endif
