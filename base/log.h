// SPDX-License-Identifier: MIT
#ifndef MW_BASE_LOG_H
#define MW_BASE_LOG_H

#include "base/compiler.h"

enum mw_log_level {
	MW_LOG_DEBUG,
	MW_LOG_INFO,
	MW_LOG_WARNING,
	MW_LOG_ERROR,
};

/** Where messages go. The library never prints by itself; `write` may be called by any thread. */
struct mw_log {
	enum mw_log_level level;
	void (*write)(void *arg, enum mw_log_level level, const char *message);
	void *arg;
};

/** Formats and writes one line (no newline in it) if @level is enabled. @log may be NULL. */
void mw_log_write(const struct mw_log *log, enum mw_log_level level, const char *format, ...)
	MW_PRINTF(3, 4);

#define mw_log_debug(log, ...) mw_log_write(log, MW_LOG_DEBUG, __VA_ARGS__)
#define mw_log_info(log, ...) mw_log_write(log, MW_LOG_INFO, __VA_ARGS__)
#define mw_log_warning(log, ...) mw_log_write(log, MW_LOG_WARNING, __VA_ARGS__)
#define mw_log_error(log, ...) mw_log_write(log, MW_LOG_ERROR, __VA_ARGS__)

#endif
