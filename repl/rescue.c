// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "repl/exit_code.h"
#include "repl/subcommand.h"
#include "tracer/rescue.h"
#include "tracer/tracer.h"

/* It writes no records. */
#define RING_ENTRIES 256

static void print_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

static int usage(FILE *out, int code)
{
	fputs("Usage: memwatch rescue [--dry-run] PID\n\n"
	      "Puts a process right that a memwatch has left guarded when it was killed: write-\n"
	      "protected pages, signal handlers, memory of its own. What memwatch left in the "
	      "process\n"
	      "says what that is; without it, the process's files say which pages should be "
	      "writable.\n\n"
	      "  --dry-run  only say what would be done\n",
	      out);
	return code;
}

static struct mw_error *repair(pid_t pid, struct mw_rescue *rescue)
{
	const struct mw_tracer_options options = {.ring_entries = RING_ENTRIES,
						  .drop_when_full = true};
	struct mw_tracer *tracer;
	struct mw_error *err = mw_tracer_create(&options, &tracer);

	if (err)
		return err;
	err = mw_rescue(tracer, pid, rescue);
	mw_tracer_destroy(tracer);
	if (!err && !rescue->done)
		err = mw_error_create(MW_ERROR_NOT_FOUND,
				      "process %d shows nothing that a memwatch has left: there is "
				      "nothing to do",
				      pid);
	return err;
}

static bool parse_pid(const char *word, pid_t *ret)
{
	char *end;
	long pid = strtol(word, &end, 10);

	*ret = (pid_t)pid;
	return *word && !*end && pid > 0 && *ret == pid;
}

static int rescue_main(int argc, char **argv)
{
	struct mw_rescue rescue = {.say = print_line, .arg = stdout};
	struct mw_error *err;
	int next = 1;
	pid_t pid;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout, MW_EXIT_OK);
	if (argc > 1 && !strcmp(argv[1], "--dry-run")) {
		rescue.dry_run = true;
		next++;
	}
	if (argc != next + 1)
		return usage(stderr, MW_EXIT_USAGE);
	if (!parse_pid(argv[next], &pid)) {
		fprintf(stderr, "memwatch: rescue: '%s' is not a process id\n", argv[next]);
		return MW_EXIT_USAGE;
	}
	err = repair(pid, &rescue);
	if (err)
		return mw_exit_report(err, mw_exit_of_error(err));
	printf("%zu thing%s %s\n", rescue.done, rescue.done == 1 ? "" : "s",
	       rescue.dry_run ? "to put right" : "put right");
	return fflush(stdout) ? MW_EXIT_FAILED : MW_EXIT_OK;
}

const struct mw_subcommand mw_subcommand_rescue = {
	.name = "rescue",
	.arguments = "[--dry-run] PID",
	.summary = "put a process right that a killed memwatch has left guarded",
	.main = rescue_main,
};
