// SPDX-License-Identifier: MIT
/** Ways in which the kernel stores into a process's memory past its page protections. */
#ifndef MW_TRACER_BYPASS_H
#define MW_TRACER_BYPASS_H

#include <sys/types.h>

/** @return what process @pid has open for that, as "io_uring"; NULL for nothing. */
const char *mw_bypass_find(pid_t pid);

#endif
