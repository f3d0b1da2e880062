// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_SANITIZER_H
#define MW_PROFILER_SANITIZER_H

#include <stdbool.h>

/**
 * Whether a program carries LeakSanitizer (alone or in AddressSanitizer), which traces its own
 * process at the end and fails when somebody else already does.
 */
bool mw_program_has_leak_sanitizer(const char *path);

#endif
