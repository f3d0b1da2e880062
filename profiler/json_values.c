// SPDX-License-Identifier: MIT
#include "profiler/json_values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/procinfo.h"
#include "profiler/report_time.h"

/** Characters allowed in JSON as they are, whatever bytes a command line holds. */
json_t *mw_json_text(const char *bytes)
{
	json_t *string = json_string(bytes);
	size_t length = strlen(bytes);
	char *latin;
	size_t out = 0;

	if (string)
		return string;
	/* Not UTF-8: each foreign byte becomes U+FFFD. */
	latin = malloc(length * 3 + 1);
	if (!latin)
		return json_null();
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)bytes[i] < 0x80)
			latin[out++] = bytes[i];
		else
			out += (size_t)sprintf(latin + out, "\xef\xbf\xbd");
	}
	latin[out] = '\0';
	string = json_string(latin);
	free(latin);
	return string;
}

json_t *mw_json_optional_text(const char *bytes)
{
	return bytes ? mw_json_text(bytes) : json_null();
}

json_t *mw_json_size(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/** null when negative: not known. */
json_t *mw_json_optional_size(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

/** Seconds with what the clock can tell and people can read. */
json_t *mw_json_seconds(double value)
{
	return json_real(round(value * 1e6) / 1e6);
}

json_t *mw_json_optional_seconds(bool known, double value)
{
	return known ? mw_json_seconds(value) : json_null();
}

json_t *mw_json_time(const struct mw_job *job, uint64_t ns)
{
	char buffer[MW_TIME_SIZE];

	mw_time_format(mw_job_wall_time(job, ns), "Z", buffer);
	return json_string(buffer);
}

json_t *mw_json_key(const struct mw_process *process)
{
	return process ? json_sprintf("%d:%" PRIu64, process->pid, process->start_ticks)
		       : json_null();
}

json_t *mw_json_command(const struct mw_process *process)
{
	char command[MW_ARGV_SIZE];

	mw_process_command(process, command, sizeof(command));
	return mw_json_text(command);
}
