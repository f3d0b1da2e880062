// SPDX-License-Identifier: MIT
/* A large real program: CPython with Debian's separate debug file. */
#include "symbols_target.h"

#include <malloc.h>
#include <time.h>

static double milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static bool start_python(struct target *target)
{
	struct mw_object object;
	struct mw_error *err;

	if (access("/usr/bin/python3.11", X_OK))
		return false;
	target_start(target, "/usr/bin/python3.11", NULL);
	usleep(300000);
	target_open(target);
	err = mw_symbols_eval(target->symbols, "_PyRuntime.ceval", &object);
	mw_error_destroy(err);
	if (err)
		target_stop(target);
	return !err;
}

static void test_cpython_is_read_with_its_debug_package(void **state)
{
	struct target target;
	struct mw_object object;
	struct timespec start;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!start_python(&target)) {
		print_message("skipped: python3.11 or python3.11-dbg is not installed\n");
		skip();
	}
	print_message("python start, open and first name: %.0f ms (300 ms of them sleep), heap "
		      "%zu KiB\n",
		      milliseconds_since(&start), mallinfo2().uordblks / 1024);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_mw_ok(mw_symbols_eval(target.symbols, "_PyRuntime.ceval.signals_pending", &object));
	print_message("second name: %.3f ms\n", milliseconds_since(&start));
	assert_string_equal(mw_type_name(target.symbols, object.type), "_Py_atomic_int");
	assert_mw_ok(mw_symbols_eval(
		target.symbols, "_PyRuntime.interpreters.main->threads.head->interp->id", &object));
	assert_string_equal(mw_type_name(target.symbols, object.type), "int64_t");
	clock_gettime(CLOCK_MONOTONIC, &start);
	free(target_error(&target, "_PyRuntim"));
	print_message("unknown name: %.0f ms, heap %zu KiB\n", milliseconds_since(&start),
		      mallinfo2().uordblks / 1024);
	target_stop(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpython_is_read_with_its_debug_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
