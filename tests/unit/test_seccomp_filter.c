// SPDX-License-Identifier: MIT
#include "tracer/seccomp_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cmocka_wrap.h"

#define FIELD(name) (uint32_t) offsetof(struct seccomp_data, name)
#define LOAD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(name))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define SKIP_UNLESS(op, value, steps) BPF_JUMP(BPF_JMP | (op) | BPF_K, value, 0, steps)

/* A call that no kernel has, whose result is then the filter's alone. */
#define NUMBER 4095

static const struct sock_filter by_number[] = {
	LOAD(nr),
	SKIP_UNLESS(BPF_JEQ, NUMBER, 1),
	ANSWER(SECCOMP_RET_ERRNO | E2BIG),
	ANSWER(SECCOMP_RET_ALLOW),
};

static const struct sock_filter by_argument[] = {
	LOAD(args[1]),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
	BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	BPF_STMT(BPF_STX, 3),
	BPF_STMT(BPF_LD | BPF_MEM, 3),
	BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
	BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
	BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 6),
	SKIP_UNLESS(BPF_JGT, 11, 1),
	BPF_STMT(BPF_JMP | BPF_JA, 1),
	ANSWER(SECCOMP_RET_ALLOW),
	LOAD(nr),
	SKIP_UNLESS(BPF_JEQ, NUMBER, 1),
	ANSWER(SECCOMP_RET_ERRNO | E2BIG),
	ANSWER(SECCOMP_RET_ALLOW),
};

/* What the kernel makes of it. @return whether it let the call through, to its ENOSYS. */
static bool kernel_allows(const struct sock_filter *filter, size_t count, uint64_t argument)
{
	struct sock_fprog program = {(unsigned short)count,
				     (struct sock_filter *)(uintptr_t)filter};
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(2);
		syscall(NUMBER, 0, argument);
		_exit(errno == ENOSYS);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
	return WEXITSTATUS(status);
}

static void compare(const struct sock_filter *filter, size_t count)
{
	unsigned allowed = 0;

	for (uint64_t argument = 0; argument < 256; argument += 8) {
		struct seccomp_data data = {
			.nr = NUMBER,
			.arch = AUDIT_ARCH_X86_64,
			.args[1] = argument,
		};
		bool allows = mw_seccomp_filter_allows(filter, count, &data);

		assert_int_equal(allows, kernel_allows(filter, count, argument));
		allowed += allows;
	}
	/* Both answers were among them, or the filter asks for the number alone. */
	assert_true(filter == by_number ? !allowed : allowed && allowed < 32);
}

static void test_filters_answer_as_in_the_kernel(MW_UNUSED void **state)
{
	compare(by_number, mw_array_size(by_number));
	compare(by_argument, mw_array_size(by_argument));
}

static void test_only_allow_and_log_let_a_call_through(MW_UNUSED void **state)
{
	static const struct {
		uint32_t answer;
		bool allows;
	} answers[] = {
		{SECCOMP_RET_ALLOW, true},
		{SECCOMP_RET_LOG, true},
		{SECCOMP_RET_TRACE, false},
		{SECCOMP_RET_ERRNO | EPERM, false},
		{SECCOMP_RET_USER_NOTIF, false},
		{SECCOMP_RET_TRAP, false},
		{SECCOMP_RET_KILL_THREAD, false},
		{SECCOMP_RET_KILL_PROCESS, false},
		{SECCOMP_RET_KILL_PROCESS | 7, false},
	};
	const struct seccomp_data data = {.nr = SYS_mprotect};

	for (size_t i = 0; i < mw_array_size(answers); i++) {
		const struct sock_filter filter[] = {ANSWER(answers[i].answer)};

		assert_int_equal(mw_seccomp_filter_allows(filter, 1, &data), answers[i].allows);
	}
}

static void test_a_filter_that_is_not_valid_allows_nothing(MW_UNUSED void **state)
{
	const struct seccomp_data data = {.nr = SYS_mprotect};
	const struct sock_filter endless[] = {BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX)};
	const struct sock_filter outside[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(data) - 3),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	const struct sock_filter by_zero[] = {
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		ANSWER(SECCOMP_RET_ALLOW),
	};

	assert_false(mw_seccomp_filter_allows(endless, 1, &data));
	assert_false(mw_seccomp_filter_allows(outside, 2, &data));
	assert_false(mw_seccomp_filter_allows(by_zero, 2, &data));
	assert_false(mw_seccomp_filter_allows(NULL, 0, &data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_answer_as_in_the_kernel),
		cmocka_unit_test(test_only_allow_and_log_let_a_call_through),
		cmocka_unit_test(test_a_filter_that_is_not_valid_allows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
