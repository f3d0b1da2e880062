// SPDX-License-Identifier: MIT
#include "profiler/compare_command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

static const char *const temporary_folders[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};

/** @return the length of the folder that @text begins with, or 0. */
static size_t temporary_folder(const char *text)
{
	for (size_t i = 0; i < mw_array_size(temporary_folders); i++) {
		size_t length = strlen(temporary_folders[i]);

		if (!strncmp(text, temporary_folders[i], length))
			return length;
	}
	return 0;
}

char *mw_command_pattern(const char *command)
{
	char *pattern = malloc(2 * strlen(command) + 1), *out = pattern;

	while (pattern && *command) {
		size_t folder = temporary_folder(command);

		if (folder) {
			out = mempcpy(out, command, folder);
			command += folder + strcspn(command + folder, " \t'\":;,");
			*out++ = '*';
		} else if (isdigit((unsigned char)*command)) {
			command += strspn(command, "0123456789");
			*out++ = '#';
		} else {
			*out++ = *command++;
		}
	}
	if (pattern)
		*out = '\0';
	return pattern;
}
