// SPDX-License-Identifier: MIT
#include "repl/run_live.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define TERMINAL_PERIOD_NS UINT64_C(200000000)
#define FILE_PERIOD_NS UINT64_C(10000000000)
#define LINE_SIZE 256

void mw_run_live_init(struct mw_run_live *live, bool enabled)
{
	*live = (struct mw_run_live){
		.enabled = enabled,
		.terminal = isatty(STDERR_FILENO),
	};
	live->next_ns = mw_clock_now_ns() + (live->terminal ? TERMINAL_PERIOD_NS : FILE_PERIOD_NS);
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
		return 80;
	return mw_min((int)size.ws_col, LINE_SIZE - 1);
}

static void format_line(const struct mw_job *job, char ret[LINE_SIZE])
{
	const struct mw_process *top = NULL;
	char command[64] = "";

	mw_vec_foreach (process, &job->live)
		if (!top || (*process)->rss_kib > top->rss_kib)
			top = *process;
	if (top)
		mw_process_command(top, command, sizeof(command));
	for (char *byte = command; *byte; byte++)
		if ((unsigned char)*byte < 0x20)
			*byte = '?';
	snprintf(ret, LINE_SIZE, "memwatch: %.0f s, RSS %.1f MiB, peak %.1f MiB, %zu processes%s%s",
		 mw_job_seconds(job, mw_clock_now_ns()), (double)job->totals.rss_kib / 1024,
		 (double)job->totals.max_rss_kib / 1024, job->live.count, top ? ", top: " : "",
		 command);
}

void mw_run_live_show(struct mw_run_live *live, const struct mw_job *job)
{
	uint64_t now_ns = mw_clock_now_ns();
	char line[LINE_SIZE];

	if (!live->enabled || now_ns < live->next_ns)
		return;
	live->next_ns = now_ns + (live->terminal ? TERMINAL_PERIOD_NS : FILE_PERIOD_NS);
	format_line(job, line);
	if (live->terminal)
		fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	live->shown = live->terminal;
}

void mw_run_live_clear(struct mw_run_live *live)
{
	if (live->shown)
		fputs("\r\033[K", stderr);
	live->shown = false;
}
