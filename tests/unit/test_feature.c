// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "tracer/feature.h"

static struct mw_feature_result probe(const char *name)
{
	struct mw_feature_result result;
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(features[i].name, name))
			continue;
		memset(&result, 0x55, sizeof(result));
		features[i].probe(&result);
		return result;
	}
	fail_msg("no feature called %s", name);
	abort();
}

static unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static unsigned count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned count = 0;
	int c;

	while ((c = fgetc(file)) != EOF)
		count += c == '\n';
	fclose(file);
	return count;
}

static void test_each_probe_answers_with_one_short_line(void **state)
{
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	(void)state;
	assert_true(count > 20);
	for (size_t i = 0; i < count; i++) {
		struct mw_feature_result result = probe(features[i].name);

		print_message("%-22s %d %s\n", features[i].name, result.state, result.detail);
		assert_in_range(result.state, MW_FEATURE_NO, MW_FEATURE_LIMITED);
		assert_non_null(memchr(result.detail, '\0', sizeof(result.detail)));
		assert_null(strchr(result.detail, '\n'));
		if (result.state != MW_FEATURE_YES)
			assert_true(*result.detail);
	}
}

static void test_names_are_unique_and_typable(void **state)
{
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strspn(features[i].name, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(features[i].name));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(features[i].name, features[j].name);
	}
}

/* As a subreaper, so that an orphan of a probe would become a child here. */
static void test_probes_leave_no_child_no_signal_no_file_and_no_memory(void **state)
{
	unsigned descriptors, mappings;
	sigset_t pending, child_signal;
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	(void)state;
	sigemptyset(&child_signal);
	sigaddset(&child_signal, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_signal, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	probe("ptrace-seize");
	descriptors = count_descriptors();
	mappings = count_mappings();
	for (size_t i = 0; i < count; i++) {
		probe(features[i].name);
		errno = 0;
		assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
		assert_int_equal(errno, ECHILD);
		assert_int_equal(count_descriptors(), descriptors);
		assert_int_equal(count_mappings(), mappings);
	}
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGCHLD));
	sigprocmask(SIG_UNBLOCK, &child_signal, NULL);
}

/* Under another thread's eyes a probe must not touch this process. */
static void test_probes_leave_the_process_as_it_was(void **state)
{
	char before[16], after[16];
	size_t count;
	const struct mw_feature *features = mw_features(&count);

	(void)state;
	prctl(PR_GET_NAME, before);
	for (size_t i = 0; i < count; i++) {
		struct sigaction action;

		probe(features[i].name);
		sigaction(SIGTRAP, NULL, &action);
		assert_ptr_equal(action.sa_handler, SIG_DFL);
	}
	prctl(PR_GET_NAME, after);
	assert_string_equal(before, after);
}

static void test_seize_agrees_with_seizing_a_child(void **state)
{
	pid_t child = fork();
	bool seized;

	(void)state;
	if (!child)
		for (;;)
			pause();
	seized = !ptrace(PTRACE_SEIZE, child, NULL, NULL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(probe("ptrace-seize").state == MW_FEATURE_YES, seized);
}

static void test_userfaultfd_agrees_with_opening_one(void **state)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	(void)state;
	if (fd >= 0)
		assert_int_equal(probe("userfaultfd").state, MW_FEATURE_YES);
	close(fd);
	if (probe("userfaultfd").state == MW_FEATURE_NO)
		assert_int_equal(probe("userfaultfd-wp").state, MW_FEATURE_NO);
}

static void test_yama_agrees_with_its_file(void **state)
{
	struct mw_feature_result result = probe("yama");
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = file ? fgetc(file) : 0;

	(void)state;
	if (!file) {
		assert_int_equal(result.state, MW_FEATURE_YES);
		assert_string_equal(result.detail, "no Yama here: no limit");
		return;
	}
	fclose(file);
	assert_int_equal(result.detail[strlen("ptrace_scope ")], scope);
	assert_int_equal(result.state == MW_FEATURE_NO, scope == '3');
}

static void test_debuginfod_follows_the_environment(void **state)
{
	(void)state;
	setenv("DEBUGINFOD_URLS", "https://debuginfod.example", 1);
	assert_int_equal(probe("debuginfod").state, MW_FEATURE_YES);
	assert_string_equal(probe("debuginfod").detail, "https://debuginfod.example");
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(probe("debuginfod").state, MW_FEATURE_NO);
}

/** Runs @check in a child that is user nobody, without capabilities. */
static void as_nobody(int (*check)(void))
{
	pid_t child;
	int status;

	if (geteuid())
		skip();
	child = fork();
	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(100);
		prctl(PR_SET_DUMPABLE, 1);
		_exit(check());
	}
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int unprivileged_probes(void)
{
	if (probe("cap-sys-ptrace").state != MW_FEATURE_NO)
		return 1;
	if (probe("ptrace-seize").state != MW_FEATURE_YES)
		return 2;
	if (probe("taskstats").state != MW_FEATURE_NO)
		return 3;
	if (probe("map-files").state != MW_FEATURE_NO)
		return 4;
	return 0;
}

static void test_an_ordinary_user_has_what_needs_no_capability_only(void **state)
{
	(void)state;
	as_nobody(unprivileged_probes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_probe_answers_with_one_short_line),
		cmocka_unit_test(test_names_are_unique_and_typable),
		cmocka_unit_test(test_probes_leave_no_child_no_signal_no_file_and_no_memory),
		cmocka_unit_test(test_probes_leave_the_process_as_it_was),
		cmocka_unit_test(test_seize_agrees_with_seizing_a_child),
		cmocka_unit_test(test_userfaultfd_agrees_with_opening_one),
		cmocka_unit_test(test_yama_agrees_with_its_file),
		cmocka_unit_test(test_debuginfod_follows_the_environment),
		cmocka_unit_test(test_an_ordinary_user_has_what_needs_no_capability_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
