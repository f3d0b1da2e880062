// SPDX-License-Identifier: MIT
#ifndef MW_REPL_SUBCOMMAND_H
#define MW_REPL_SUBCOMMAND_H

/** One word behind `memwatch`. The table in main.c is what dispatch and help read. */
struct mw_subcommand {
	const char *name;
	/** "[options] PID", for the usage line. */
	const char *arguments;
	/** What it does, one line without a full stop. */
	const char *summary;
	/** @param argv argv[0] is the subcommand's name. @return the exit code. */
	int (*main)(int argc, char **argv);
};

extern const struct mw_subcommand mw_subcommand_attach;
extern const struct mw_subcommand mw_subcommand_launch;
extern const struct mw_subcommand mw_subcommand_features;
extern const struct mw_subcommand mw_subcommand_rescue;
extern const struct mw_subcommand mw_subcommand_run;
extern const struct mw_subcommand mw_subcommand_compare;
extern const struct mw_subcommand mw_subcommand_view;

#endif
