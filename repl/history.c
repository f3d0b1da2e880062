// SPDX-License-Identifier: MIT
#include "repl/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/** The folder for state that outlives a program, as the XDG base directory specification has it. */
static char *state_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *folder;
	int length;

	if (state && state[0] == '/')
		length = asprintf(&folder, "%s/memwatch", state);
	else if (home && home[0] == '/')
		length = asprintf(&folder, "%s/.local/state/memwatch", home);
	else
		return NULL;
	return length < 0 ? NULL : folder;
}

/** mkdir -p, private. What fails shows when the file is opened. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

static char *history_path(void)
{
	mw_auto_free char *folder = state_folder();
	char *path;

	if (!folder || asprintf(&path, "%s/history", folder) < 0)
		return NULL;
	return path;
}

void mw_history_init(struct mw_history *kept)
{
	HistEvent event;

	*kept = (struct mw_history){.lines = history_init(), .path = history_path()};
	if (!kept->lines)
		return;
	history(kept->lines, &event, H_SETSIZE, MW_HISTORY_LINES);
	history(kept->lines, &event, H_SETUNIQUE, 1);
	if (kept->path)
		history(kept->lines, &event, H_LOAD, kept->path);
}

static void save(struct mw_history *kept)
{
	mw_auto_close int fd = -1;
	HistEvent event;

	make_folders(kept->path);
	/* Private from the start, and no link to elsewhere: H_SAVE sees to neither. */
	fd = open(kept->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		history(kept->lines, &event, H_SAVE, kept->path);
}

void mw_history_deinit(struct mw_history *kept)
{
	if (kept->lines && kept->path)
		save(kept);
	if (kept->lines)
		history_end(kept->lines);
	free(kept->path);
}

void mw_history_add(struct mw_history *kept, const char *line)
{
	HistEvent event;

	if (kept->lines && line[strspn(line, " \t\r\n")])
		history(kept->lines, &event, H_ENTER, line);
}
