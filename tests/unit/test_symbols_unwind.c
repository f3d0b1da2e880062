// SPDX-License-Identifier: MIT
/* Call stacks of a stopped child, from a copy of its registers and stack. */
#include "symbols_target.h"

#include <sys/ptrace.h>
#include <sys/user.h>

#define MAX_FRAMES 64

static void start_traced(struct target *target)
{
	char path[PATH_MAX];

	fixture_directory(path, sizeof(path));
	strcat(path, "/stack");
	target->facts = fopen("/dev/null", "r");
	target->pid = fork();
	if (!target->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(target->pid, NULL, 0), target->pid);
}

/* Lets the child run to its next stop by SIGTRAP; other signals are delivered. */
static void run_to_trap(struct target *target)
{
	int deliver = 0, status;

	for (;;) {
		ptrace(PTRACE_CONT, target->pid, NULL, deliver);
		assert_int_equal(waitpid(target->pid, &status, 0), target->pid);
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGTRAP)
			return;
		deliver = WSTOPSIG(status);
	}
}

static struct mw_regs read_registers(struct target *target)
{
	struct user_regs_struct regs;

	assert_int_equal(ptrace(PTRACE_GETREGS, target->pid, NULL, &regs), 0);
	return (struct mw_regs){
		.ip = mw_addr_make(regs.rip),
		.sp = mw_addr_make(regs.rsp),
		.dwarf = {regs.rax, regs.rdx, regs.rcx, regs.rbx, regs.rsi, regs.rdi, regs.rbp,
			  regs.rsp, regs.r8, regs.r9, regs.r10, regs.r11, regs.r12, regs.r13,
			  regs.r14, regs.r15, regs.rip},
		.count = 17,
	};
}

/* Unwinds with a copy of @copy_size bytes of stack into @text: "inner<caller<…". */
static size_t unwind(struct target *target, size_t copy_size, size_t max, char *text)
{
	struct mw_regs regs = read_registers(target);
	struct mw_frame frames[MAX_FRAMES];
	char *copy = malloc(copy_size + 1);
	size_t count;

	if (copy_size)
		assert_mw_ok(target_read(target, regs.sp, copy, copy_size));
	count = mw_symbols_unwind(target->symbols, &regs, regs.sp, copy, copy_size, frames, max);
	*text = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(text, i ? "<" : "");
		strcat(text, frames[i].place.function ? frames[i].place.function : "?");
	}
	free(copy);
	return count;
}

static void test_a_stack_through_libc_is_unwound_with_inlined_calls(void **state)
{
	struct target target;
	char copied[4096], live[4096];

	(void)state;
	start_traced(&target);
	run_to_trap(&target);
	target_open(&target);
	unwind(&target, 2048, MAX_FRAMES, copied);
	assert_non_null(strstr(copied, "stop_inlined<compare_numbers<"));
	assert_non_null(strstr(copied, "<sort_numbers<main<"));
	assert_non_null(strstr(copied, "<_start"));
	unwind(&target, 0, MAX_FRAMES, live);
	assert_string_equal(copied, live);
	target_stop(&target);
}

static void test_the_copy_of_the_stack_is_used_not_the_stack(void **state)
{
	struct target target;
	char before[4096], after[4096];
	struct mw_regs regs;
	struct mw_frame frames[MAX_FRAMES];
	char copy[2048];
	size_t count;

	(void)state;
	start_traced(&target);
	run_to_trap(&target);
	target_open(&target);
	unwind(&target, sizeof(copy), MAX_FRAMES, before);
	regs = read_registers(&target);
	assert_mw_ok(target_read(&target, regs.sp, copy, sizeof(copy)));
	for (size_t i = 0; i < 256; i += 8)
		assert_int_equal(ptrace(PTRACE_POKEDATA, target.pid, regs.sp.v + i, 0L), 0);
	count = mw_symbols_unwind(target.symbols, &regs, regs.sp, copy, sizeof(copy), frames,
				  MAX_FRAMES);
	*after = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(after, i ? "<" : "");
		strcat(after, frames[i].place.function ? frames[i].place.function : "?");
	}
	assert_string_equal(before, after);
	target_stop(&target);
}

static void test_a_stack_goes_on_below_a_signal_handler(void **state)
{
	struct target target;
	char text[4096];

	(void)state;
	start_traced(&target);
	run_to_trap(&target);
	run_to_trap(&target);
	target_open(&target);
	unwind(&target, 2048, MAX_FRAMES, text);
	assert_non_null(strstr(text, "<on_signal<"));
	assert_non_null(strstr(text, "<signalled<main<"));
	target_stop(&target);
}

static void test_a_call_at_the_end_of_a_function_belongs_to_that_function(void **state)
{
	struct target target;
	char text[4096];

	(void)state;
	start_traced(&target);
	for (int i = 0; i < 3; i++)
		run_to_trap(&target);
	target_open(&target);
	unwind(&target, 2048, MAX_FRAMES, text);
	assert_non_null(strstr(text, "<never_return<last_call<main<"));
	target_stop(&target);
}

static void test_no_more_frames_than_asked_for_are_written(void **state)
{
	struct target target;
	char text[4096];

	(void)state;
	start_traced(&target);
	run_to_trap(&target);
	target_open(&target);
	assert_int_equal(unwind(&target, 2048, 3, text), 3);
	assert_int_equal(unwind(&target, 2048, 1, text), 1);
	assert_int_equal(unwind(&target, 2048, 0, text), 0);
	target_stop(&target);
}

static void test_wild_registers_give_the_one_frame_there_is(void **state)
{
	static const uint64_t ips[] = {0, 1, 0x7fffffffffff, UINT64_MAX};
	struct target target;
	struct mw_frame frames[MAX_FRAMES];

	(void)state;
	start_traced(&target);
	run_to_trap(&target);
	target_open(&target);
	for (size_t i = 0; i < mw_array_size(ips); i++) {
		struct mw_regs regs = {.ip = mw_addr_make(ips[i]), .count = 17};

		memset(regs.dwarf, 0xff, sizeof(regs.dwarf));
		assert_true(mw_symbols_unwind(target.symbols, &regs, MW_ADDR_NULL, NULL, 0, frames,
					      MAX_FRAMES) >= 1);
		assert_int_equal(frames[0].ip.v, ips[i]);
		assert_null(frames[0].place.function);
	}
	target_stop(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stack_through_libc_is_unwound_with_inlined_calls),
		cmocka_unit_test(test_the_copy_of_the_stack_is_used_not_the_stack),
		cmocka_unit_test(test_a_stack_goes_on_below_a_signal_handler),
		cmocka_unit_test(test_a_call_at_the_end_of_a_function_belongs_to_that_function),
		cmocka_unit_test(test_no_more_frames_than_asked_for_are_written),
		cmocka_unit_test(test_wild_registers_give_the_one_frame_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
