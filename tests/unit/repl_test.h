// SPDX-License-Identifier: MIT
/** What the tests of repl/ share: cmocka, and a way to run memwatch's own code in a child. */
#ifndef MW_TESTS_REPL_TEST_H
#define MW_TESTS_REPL_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/** Fails with the error's message unless @expression succeeds. */
#define assert_success(expression)                                                                 \
	do {                                                                                       \
		struct mw_error *err_ = (expression);                                              \
                                                                                                   \
		if (err_)                                                                          \
			fail_msg("%s", err_->message);                                             \
	} while (0)

/** Fails unless @expression fails with exactly this message; releases the error. */
#define assert_message(expression, text)                                                           \
	do {                                                                                       \
		struct mw_error *err_ = (expression);                                              \
                                                                                                   \
		assert_non_null(err_);                                                             \
		assert_string_equal(err_->message, text);                                          \
		mw_error_destroy(err_);                                                            \
	} while (0)

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

/** How a child ended and what it wrote. */
struct finished {
	/** Exit code, or -signal. */
	int code;
	char out[65536];
	char err[65536];
};

static inline void read_back(FILE *file, char *ret, size_t size)
{
	size_t got;

	rewind(file);
	got = fread(ret, 1, size - 1, file);
	ret[got] = '\0';
}

static inline int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/** Runs @body(@arg) in a child without a terminal; @out_path replaces its standard output. */
static inline void run_child(int (*body)(void *arg), void *arg, const char *out_path,
			     struct finished *ret)
{
	FILE *out = tmpfile(), *err = tmpfile();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(out_path ? open(out_path, O_WRONLY) : fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		exit(body(arg));
	}
	ret->code = wait_for(pid);
	read_back(out, ret->out, sizeof(ret->out));
	read_back(err, ret->err, sizeof(ret->err));
	fclose(out);
	fclose(err);
}

/** Makes a file with @text in it. @param ret its name. */
static inline void make_file(const char *text, char ret[32])
{
	int fd;

	strcpy(ret, "/tmp/memwatch-test-XXXXXX");
	fd = mkstemp(ret);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

#endif
