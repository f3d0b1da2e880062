// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "repl/exit_code.h"
#include "repl/nearest.h"
#include "repl/subcommand.h"
#include "repl/version.h"

static const struct mw_subcommand *const subcommands[] = {
	&mw_subcommand_attach,  &mw_subcommand_launch, &mw_subcommand_run,
	&mw_subcommand_compare, &mw_subcommand_view,   &mw_subcommand_features,
	&mw_subcommand_rescue,
};

static const struct mw_subcommand *find_subcommand(const char *name)
{
	for (size_t i = 0; i < mw_array_size(subcommands); i++)
		if (strcmp(subcommands[i]->name, name) == 0)
			return subcommands[i];
	return NULL;
}

static int unknown_subcommand(const char *name)
{
	struct mw_nearest nearest = {.wanted = name};

	for (size_t i = 0; i < mw_array_size(subcommands); i++)
		mw_nearest_offer(&nearest, subcommands[i]->name);
	if (nearest.best)
		fprintf(stderr, "memwatch: unknown subcommand '%s'; did you mean '%s'?\n", name,
			nearest.best);
	else
		fprintf(stderr, "memwatch: unknown subcommand '%s' (see memwatch --help)\n", name);
	return MW_EXIT_USAGE;
}

static void print_help(FILE *out)
{
	fputs("Tells who changes the memory of a live process, and what changed.\n\nUsage:\n", out);
	for (size_t i = 0; i < mw_array_size(subcommands); i++)
		fprintf(out, "  memwatch %s %s\n      %s\n", subcommands[i]->name,
			subcommands[i]->arguments, subcommands[i]->summary);
	fputs("  memwatch help SUBCOMMAND\n  memwatch --version\n\n"
	      "Example: memwatch attach -w 'cfg.limits[3]' $(pidof server)\n",
	      out);
}

/** `memwatch help [SUBCOMMAND]`. */
static int help(const char *name)
{
	const struct mw_subcommand *subcommand;
	char option[] = "--help";

	if (!name) {
		print_help(stdout);
		return fflush(stdout) ? MW_EXIT_FAILED : MW_EXIT_OK;
	}
	subcommand = find_subcommand(name);
	if (!subcommand)
		return unknown_subcommand(name);
	return subcommand->main(2, (char *[]){(char *)subcommand->name, option, NULL});
}

/**
 * A closed standard stream would be the next file that is opened: a report could land in it.
 * Writing to what takes its place fails, as it would without.
 */
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			_exit(MW_EXIT_FAILED);
}

int main(int argc, char **argv)
{
	const struct mw_subcommand *subcommand;

	hold_standard_streams();
	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_help(stderr);
		return MW_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("memwatch " MW_VERSION);
		return MW_EXIT_OK;
	}
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(NULL);
	subcommand = find_subcommand(argv[1]);
	return subcommand ? subcommand->main(argc - 1, argv + 1) : unknown_subcommand(argv[1]);
}
