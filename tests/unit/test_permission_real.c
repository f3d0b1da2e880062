// SPDX-License-Identifier: MIT
/* Real processes and the real /proc: what the kernel refuses is explained as what it is. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/procfs.h"
#include "tracer/permission.h"

#define NOBODY 65534

/** What children tell this process. */
struct report {
	volatile pid_t pid;
	volatile bool ready;
	enum mw_error_code code;
	char message[300];
};

static int report_setup(void **state)
{
	*state = mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return *state == MAP_FAILED ? -1 : 0;
}

static int report_teardown(void **state)
{
	return munmap(*state, sizeof(struct report));
}

static void put_error(struct report *report, struct mw_error *err)
{
	snprintf(report->message, sizeof(report->message), "%s", err ? err->message : "");
	report->code = err ? err->code : MW_ERROR_OTHER;
	mw_error_destroy(err);
}

static void expect(const struct report *report, enum mw_error_code code, const char *part)
{
	if (!strstr(report->message, part))
		fail_msg("\"%s\" is not in \"%s\"", part, report->message);
	assert_int_equal(report->code, code);
}

static void check(struct report *report, pid_t pid)
{
	put_error(report, mw_permission_check(pid, NULL));
}

/** Starts a child that runs @body, then waits to be killed. */
static pid_t start(void (*body)(struct report *report), struct report *report)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (body)
		body(report);
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void wait_ready(struct report *report)
{
	while (!report->ready)
		usleep(1000);
}

static void test_a_child_passes(void **state)
{
	struct report *report = *state;
	pid_t child = start(NULL, NULL);

	check(report, child);
	end(child);
	assert_string_equal(report->message, "");
}

static void leave(struct report *report)
{
	(void)report;
	_exit(0);
}

static void test_a_zombie_is_refused_until_it_is_reaped(void **state)
{
	struct report *report = *state;
	pid_t child = start(leave, NULL);
	siginfo_t info;

	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	check(report, child);
	expect(report, MW_ERROR_OTHER, "it has ended, and waits for its parent test_permission");
	waitpid(child, NULL, 0);
	check(report, child);
	expect(report, MW_ERROR_NOT_FOUND, "there is no process");
}

static void *tell_thread(void *arg)
{
	struct report *report = arg;

	report->pid = (pid_t)syscall(SYS_gettid);
	report->ready = true;
	for (;;)
		pause();
	return NULL;
}

static void start_thread(struct report *report)
{
	pthread_t thread;

	pthread_create(&thread, NULL, tell_thread, report);
}

static void test_a_thread_names_its_process(void **state)
{
	struct report *report = *state;
	pid_t child = start(start_thread, report);
	char message[100];

	wait_ready(report);
	check(report, report->pid);
	end(child);
	snprintf(message, sizeof(message),
		 "%d is a thread of process %d (test_permission): attach to %d", report->pid, child,
		 child);
	assert_string_equal(report->message, message);
}

static void test_this_process_and_its_threads_are_refused(void **state)
{
	struct report *report = *state;
	pthread_t thread;

	check(report, getpid());
	expect(report, MW_ERROR_USAGE, "memwatch itself");
	pthread_create(&thread, NULL, tell_thread, report);
	wait_ready(report);
	check(report, report->pid);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	expect(report, MW_ERROR_USAGE, "memwatch itself");
}

static void trace_it(struct report *report)
{
	prctl(PR_SET_NAME, "other-tracer");
	ptrace(PTRACE_SEIZE, report->pid, NULL, NULL);
	report->ready = true;
}

static void test_another_tracer_is_named(void **state)
{
	struct report *report = *state;
	pid_t child = start(NULL, NULL), tracer;
	char message[100];

	report->pid = child;
	tracer = start(trace_it, report);
	wait_ready(report);
	assert_int_equal(ptrace(PTRACE_SEIZE, child, NULL, NULL), -1);
	put_error(report, mw_permission_explain(child, errno, NULL));
	end(tracer);
	end(child);
	snprintf(message, sizeof(message),
		 "cannot attach to %d (test_permission): it is already traced by other-tracer "
		 "(pid %d)",
		 child, tracer);
	assert_string_equal(report->message, message);
	assert_int_equal(report->code, MW_ERROR_PERMISSION);
}

static void test_a_kernel_thread_is_refused(void **state)
{
	struct report *report = *state;
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(2, &status);

	if (err || !status.no_memory) {
		mw_error_destroy(err);
		skip();
	}
	check(report, 2);
	expect(report, MW_ERROR_OTHER, "it is a kernel thread");
}

/** A 32-bit program that does nothing but pause(). */
static const struct {
	Elf32_Ehdr header;
	Elf32_Phdr segment;
	unsigned char code[9];
} tiny_program = {
	.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		   .e_type = ET_EXEC,
		   .e_machine = EM_386,
		   .e_version = EV_CURRENT,
		   .e_entry = 0x8048000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
		   .e_phoff = sizeof(Elf32_Ehdr),
		   .e_ehsize = sizeof(Elf32_Ehdr),
		   .e_phentsize = sizeof(Elf32_Phdr),
		   .e_phnum = 1},
	.segment = {.p_type = PT_LOAD,
		    .p_vaddr = 0x8048000,
		    .p_filesz = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) + 9,
		    .p_memsz = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) + 9,
		    .p_flags = PF_R | PF_X,
		    .p_align = 4096},
	/* mov $29, %eax; int $0x80; jmp to the start */
	.code = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7},
};

static void run_tiny_program(struct report *report)
{
	int fd = memfd_create("tiny", MFD_CLOEXEC);
	char *const none[] = {NULL};

	if (write(fd, &tiny_program, sizeof(tiny_program)) != (ssize_t)sizeof(tiny_program))
		_exit(1);
	fexecve(fd, none, none);
	/* This kernel doesn't run 32-bit programs. */
	report->ready = true;
}

static bool runs_tiny_program(pid_t pid)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(pid, &status);

	mw_error_destroy(err);
	return !err && strcmp(status.name, "test_permission");
}

static void test_a_32_bit_process_is_refused(void **state)
{
	struct report *report = *state;
	pid_t child = start(run_tiny_program, report);

	while (!report->ready && !runs_tiny_program(child))
		usleep(1000);
	check(report, child);
	end(child);
	if (report->ready)
		skip();
	expect(report, MW_ERROR_OTHER, "it is a 32-bit program");
}

static void become_nobody(struct report *report)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	report->ready = true;
}

static void become_undumpable_nobody(struct report *report)
{
	become_nobody(report);
	prctl(PR_SET_DUMPABLE, 0);
}

/** As user nobody, tries to seize report->pid, and reports the explanation of the failure. */
static void seize_as_nobody(struct report *report)
{
	become_nobody(report);
	if (ptrace(PTRACE_SEIZE, report->pid, NULL, NULL))
		put_error(report, mw_permission_explain(report->pid, errno, NULL));
	_exit(0);
}

static void seize_target_as_nobody(struct report *report, void (*target)(struct report *report))
{
	pid_t child;

	if (geteuid())
		skip();
	child = start(target, report);
	if (target)
		wait_ready(report);
	report->pid = child;
	waitpid(start(seize_as_nobody, report), NULL, 0);
	end(child);
}

static void test_a_process_of_root_is_beyond_nobody(void **state)
{
	struct report *report = *state;

	seize_target_as_nobody(report, NULL);
	expect(report, MW_ERROR_PERMISSION,
	       "it belongs to root (uid 0), and memwatch runs as nobody (uid 65534): run memwatch "
	       "with sudo");
}

static void test_an_undumpable_process_of_the_same_user_is_explained(void **state)
{
	struct report *report = *state;

	seize_target_as_nobody(report, become_undumpable_nobody);
	expect(report, MW_ERROR_PERMISSION, "it is not dumpable");
}

static void test_a_plain_process_of_the_same_user_is_seized(void **state)
{
	struct report *report = *state;

	if (!access("/proc/sys/kernel/yama/ptrace_scope", F_OK))
		skip();
	seize_target_as_nobody(report, become_nobody);
	assert_string_equal(report->message, "");
}

static void *trace_in_thread(void *arg)
{
	struct report *report = arg;

	ptrace(PTRACE_SEIZE, report->pid, NULL, NULL);
	check(report, report->pid);
	report->ready = true;
	for (;;)
		pause();
	return NULL;
}

static void test_what_a_thread_of_this_process_traces_is_told_as_attached(void **state)
{
	struct report *report = *state;
	pthread_t thread;

	report->pid = start(NULL, NULL);
	pthread_create(&thread, NULL, trace_in_thread, report);
	wait_ready(report);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	end(report->pid);
	expect(report, MW_ERROR_OTHER, "this memwatch is attached to it already");
}

#define reporting(test) cmocka_unit_test_setup_teardown(test, report_setup, report_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		reporting(test_a_child_passes),
		reporting(test_a_zombie_is_refused_until_it_is_reaped),
		reporting(test_a_thread_names_its_process),
		reporting(test_this_process_and_its_threads_are_refused),
		reporting(test_another_tracer_is_named),
		reporting(test_what_a_thread_of_this_process_traces_is_told_as_attached),
		reporting(test_a_kernel_thread_is_refused),
		reporting(test_a_32_bit_process_is_refused),
		reporting(test_a_process_of_root_is_beyond_nobody),
		reporting(test_an_undumpable_process_of_the_same_user_is_explained),
		reporting(test_a_plain_process_of_the_same_user_is_seized),
	};

	prctl(PR_SET_NAME, "test_permission");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
