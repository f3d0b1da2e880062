// SPDX-License-Identifier: MIT
/** CSV as RFC 4180 has it, with the headers and the quoting of version 0.1. */
#include <inttypes.h>
#include <string.h>

#include "profiler/procinfo.h"
#include "profiler/report.h"
#include "profiler/report_time.h"

static void write_quoted(const char *text, FILE *file)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static void write_time(const struct mw_job *job, uint64_t ns, FILE *file)
{
	char text[MW_TIME_SIZE];

	mw_time_format(mw_job_wall_time(job, ns), "+00:00", text);
	fputs(text, file);
}

static void write_filter_comment(const struct mw_report *report, FILE *file)
{
	const struct mw_job_settings *settings = report->job->settings;

	if (!settings->include && !settings->exclude)
		return;
	fputs("# Filter:", file);
	if (settings->include)
		fprintf(file, " include='%s'", settings->include_text);
	if (settings->exclude)
		fprintf(file, " exclude='%s'", settings->exclude_text);
	fprintf(file, " (%zu processes filtered out, totaling %" PRIu64 " KiB)\n",
		report->filtered_count, report->filtered_kib);
}

void mw_report_write_csv(const struct mw_report *report, bool comments, FILE *file)
{
	const struct mw_job *job = report->job;
	char command[MW_ARGV_SIZE];

	if (comments)
		write_filter_comment(report, file);
	fputs("pid,ppid,command,max_rss_kib,max_rss_mib,first_seen,last_seen\n", file);
	mw_vec_foreach (item, &report->processes) {
		const struct mw_process *process = *item;

		if (!process->max_rss_kib)
			continue;
		mw_process_command(process, command, sizeof(command));
		fprintf(file, "%d,%d,", process->pid, process->ppid);
		write_quoted(command, file);
		fprintf(file, ",%" PRIu64 ",%.2f,", process->max_rss_kib,
			(double)process->max_rss_kib / 1024);
		write_time(job, process->first_seen_ns, file);
		fputc(',', file);
		write_time(job, process->last_seen_ns, file);
		fputc('\n', file);
	}
}

void mw_report_write_timeline_csv(const struct mw_report *report, bool comments, FILE *file)
{
	const struct mw_job *job = report->job;

	if (comments)
		write_filter_comment(report, file);
	fputs("timestamp,elapsed_seconds,total_rss_kib,total_rss_mib,process_count\n", file);
	mw_vec_foreach (point, &job->totals.timeline.points) {
		write_time(job, point->ns, file);
		fprintf(file, ",%.3f,%" PRIu64 ",%.2f,%" PRIu64 "\n",
			mw_job_seconds(job, point->ns), point->max, (double)point->max / 1024,
			point->extra);
	}
}

void mw_report_write_series_csv(const struct mw_report *report, FILE *file)
{
	fputs("pid,start_ticks,elapsed_seconds,rss_kib\n", file);
	mw_vec_foreach (item, &report->processes) {
		const struct mw_process *process = *item;

		for (size_t i = 0; i < process->series.points.count; i++)
			fprintf(file, "%d,%" PRIu64 ",%.6f,%" PRIu64 "\n", process->pid,
				process->start_ticks,
				mw_job_seconds(report->job, process->series.points.items[i].ns),
				process->series.points.items[i].max);
	}
}
