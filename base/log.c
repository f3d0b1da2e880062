// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void mw_log_write(const struct mw_log *log, enum mw_log_level level, const char *format, ...)
{
	char message[1024];
	va_list args;

	if (!log || level < log->level)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log->write(log->arg, level, message);
}
