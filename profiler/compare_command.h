// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_COMPARE_COMMAND_H
#define MW_PROFILER_COMPARE_COMMAND_H

/**
 * What is left of a command line when all is taken out that differs from run to run: numbers and
 * the names of temporary files. Two processes with the same pattern do the same work.
 *
 * @return heap string owned by the caller, or NULL when memory is short.
 */
char *mw_command_pattern(const char *command);

#endif
