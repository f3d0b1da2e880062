// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <errno.h>

static void an_error_carries_its_code_and_message(void **state)
{
	struct mw_error *err = mw_error_create(MW_ERROR_USAGE, "bad %s: %d", "number", 7);

	(void)state;
	assert_int_equal(err->code, MW_ERROR_USAGE);
	assert_int_equal(err->errnum, 0);
	assert_string_equal(err->message, "bad number: 7");
	mw_error_destroy(err);
}

static void an_os_error_ends_in_the_text_of_errno(void **state)
{
	struct mw_error *err = mw_error_os(EACCES, "cannot open %s", "/x");

	(void)state;
	assert_int_equal(err->code, MW_ERROR_OS);
	assert_int_equal(err->errnum, EACCES);
	assert_string_equal(err->message, "cannot open /x: Permission denied");
	mw_error_destroy(err);
}

static void esrch_and_enomem_become_the_preallocated_errors(void **state)
{
	(void)state;
	assert_ptr_equal(mw_error_os(ESRCH, "x"), mw_err_gone);
	assert_ptr_equal(mw_error_os(ENOMEM, "x"), mw_err_nomem);
}

static void a_fault_carries_the_address(void **state)
{
	struct mw_error *err = mw_error_fault(mw_addr_make(0xdead), "cannot read");

	(void)state;
	assert_int_equal(err->code, MW_ERROR_FAULT);
	assert_int_equal(err->fault.v, 0xdead);
	mw_error_destroy(err);
}

static void a_prefix_keeps_code_errno_and_fault(void **state)
{
	struct mw_error *err = mw_error_fault(mw_addr_make(0x10), "cannot read");

	(void)state;
	err = mw_error_prefix(err, "watch %d", 3);
	assert_string_equal(err->message, "watch 3: cannot read");
	assert_int_equal(err->code, MW_ERROR_FAULT);
	assert_int_equal(err->errnum, EFAULT);
	assert_int_equal(err->fault.v, 0x10);
	mw_error_destroy(err);
}

static void a_prefix_of_a_preallocated_error_leaves_it_as_it_was(void **state)
{
	struct mw_error *err = mw_error_prefix(mw_err_gone, "thread 5");

	(void)state;
	assert_int_equal(err->code, MW_ERROR_GONE);
	assert_string_equal(err->message, "thread 5: the process or thread no longer exists");
	assert_string_equal(mw_err_gone->message, "the process or thread no longer exists");
	mw_error_destroy(err);
}

static void destroying_nothing_or_a_preallocated_error_is_fine(void **state)
{
	(void)state;
	mw_error_destroy(NULL);
	mw_error_destroy(mw_err_gone);
	mw_error_destroy(mw_err_gone);
	assert_int_equal(mw_err_gone->code, MW_ERROR_GONE);
}

static void catch_takes_only_the_code_it_is_asked_for(void **state)
{
	struct mw_error *err = mw_error_create(MW_ERROR_FAULT, "x"), *none = NULL;

	(void)state;
	assert_false(mw_error_catch(&err, MW_ERROR_GONE));
	assert_non_null(err);
	assert_true(mw_error_catch(&err, MW_ERROR_FAULT));
	assert_null(err);
	assert_false(mw_error_catch(&none, MW_ERROR_OTHER));
}

static void of_two_errors_the_first_is_kept(void **state)
{
	struct mw_error *one = mw_error_create(MW_ERROR_FAULT, "one");
	struct mw_error *err = mw_error_first(NULL, one);

	(void)state;
	assert_ptr_equal(err, one);
	err = mw_error_first(err, mw_error_create(MW_ERROR_OTHER, "two"));
	assert_ptr_equal(err, one);
	assert_ptr_equal(mw_error_first(err, NULL), one);
	assert_null(mw_error_first(NULL, NULL));
	mw_error_destroy(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_carries_its_code_and_message),
		cmocka_unit_test(an_os_error_ends_in_the_text_of_errno),
		cmocka_unit_test(esrch_and_enomem_become_the_preallocated_errors),
		cmocka_unit_test(a_fault_carries_the_address),
		cmocka_unit_test(a_prefix_keeps_code_errno_and_fault),
		cmocka_unit_test(a_prefix_of_a_preallocated_error_leaves_it_as_it_was),
		cmocka_unit_test(destroying_nothing_or_a_preallocated_error_is_fine),
		cmocka_unit_test(of_two_errors_the_first_is_kept),
		cmocka_unit_test(catch_takes_only_the_code_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
