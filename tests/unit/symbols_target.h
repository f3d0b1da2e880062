// SPDX-License-Identifier: MIT
/** A live child process to look into, and the facts it prints about itself. */
#ifndef MW_TESTS_SYMBOLS_TARGET_H
#define MW_TESTS_SYMBOLS_TARGET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "symbols/symbols.h"

struct target {
	pid_t pid;
	FILE *facts;
	struct mw_symbols *symbols;
};

/* Directory of the fixtures: beside the test programs. */
static inline void fixture_directory(char *ret, size_t size)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(length > 0);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	assert_true((size_t)snprintf(ret, size, "%s/../fixtures/symbols", self) < size);
}

static inline struct mw_error *target_read(void *arg, mw_addr addr, void *ret, size_t size)
{
	const struct target *target = arg;
	struct iovec local = {ret, size}, remote = {(void *)(uintptr_t)addr.v, size};
	ssize_t got = process_vm_readv(target->pid, &local, 1, &remote, 1, 0);

	if (got == (ssize_t)size)
		return NULL;
	if (got < 0 && errno == ESRCH)
		return mw_err_gone;
	return mw_error_fault(mw_addr_add(addr, got > 0 ? (uint64_t)got : 0), "cannot read");
}

static inline void target_start(struct target *target, const char *path, const char *argument)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	target->pid = fork();
	assert_true(target->pid >= 0);
	if (!target->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Its own pipe as input: a read waits for ever. */
		dup2(ends[0], STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execlp(path, path, argument, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	target->facts = fdopen(ends[0], "r");
	target->symbols = NULL;
}

static inline void target_start_fixture(struct target *target, const char *name,
					const char *argument)
{
	char path[PATH_MAX];

	fixture_directory(path, sizeof(path));
	strcat(path, "/");
	strncat(path, name, sizeof(path) - strlen(path) - 1);
	target_start(target, path, argument);
}

static inline void assert_mw_ok(struct mw_error *err)
{
	if (err)
		fail_msg("unexpected error: %s", err->message);
}

static inline void target_open(struct target *target)
{
	struct mw_mem_reader reader = {target_read, target};

	assert_mw_ok(mw_symbols_create(target->pid, &reader, NULL, &target->symbols));
}

static inline void target_stop(struct target *target)
{
	mw_symbols_destroy(target->symbols);
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
	fclose(target->facts);
}

/* Reads the next fact into @line without its newline. @return false at "ready" or the end. */
static inline bool target_fact(struct target *target, char *line, size_t size)
{
	if (!fgets(line, (int)size, target->facts))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, "ready") != 0;
}

static inline void target_skip_facts(struct target *target)
{
	char line[4096];

	while (target_fact(target, line, sizeof(line)))
		;
}

static inline void target_open_fixture(struct target *target, const char *name)
{
	target_start_fixture(target, name, NULL);
	target_skip_facts(target);
	target_open(target);
}

/* The text of the error that evaluating @expression gives; the caller frees it. */
static inline char *target_error(struct target *target, const char *expression)
{
	struct mw_object object;
	struct mw_error *err = mw_symbols_eval(target->symbols, expression, &object);
	char *message;

	if (!err)
		fail_msg("`%s` should be refused", expression);
	message = strdup(err->message);
	mw_error_destroy(err);
	return message;
}

/* What printing @expression gives; the caller frees it. */
static inline char *target_print(struct target *target, const char *expression)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct mw_error *err = mw_symbols_print(target->symbols, expression, out);

	if (err)
		fail_msg("`%s`: %s", expression, err->message);
	fclose(out);
	return text;
}

#endif
