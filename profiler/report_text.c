// SPDX-License-Identifier: MIT
/** The report for people: what version 0.1 printed, aligned, and what it could not know. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/report.h"

#define COMMAND_WIDTH 100

static const char *colour(const struct mw_text_style *style, const char *code)
{
	return style->colour ? code : "";
}

#define BOLD "\033[1m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

static double mib(uint64_t kib)
{
	return (double)kib / 1024;
}

/** Writes text without bytes that would drive a terminal. */
static void write_safe(const char *text, FILE *file)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, file);
}

static void write_heading(const struct mw_text_style *style, const char *text, FILE *file)
{
	fprintf(file, "\n%s%s%s\n", colour(style, BOLD), text, colour(style, PLAIN));
}

static void write_label(const char *label, FILE *file)
{
	fprintf(file, "  %-20s ", label);
}

static void write_job(const struct mw_report *report, FILE *file)
{
	write_label("Job:", file);
	for (char *const *word = report->argv; *word; word++) {
		write_safe(*word, file);
		fputc(word[1] ? ' ' : '\n', file);
	}
}

static void write_exit(const struct mw_report *report, FILE *file)
{
	int code;
	int signal;

	if (!mw_report_exit(report, &code, &signal))
		return;
	write_label("Exit:", file);
	if (signal)
		fprintf(file, "killed by signal %d (%s)\n", signal, strsignal(signal));
	else
		fprintf(file, "code %d\n", code);
}

static void write_totals(const struct mw_report *report, FILE *file)
{
	const struct mw_job *job = report->job;

	write_label("Max total RSS:", file);
	fprintf(file, "%.1f MiB (%" PRIu64 " KiB) at %.3f s\n", mib(report->max_total_rss_kib),
		report->max_total_rss_kib,
		job->totals.max_rss_ns ? mw_job_seconds(job, job->totals.max_rss_ns) : 0);
	if (report->bound_high_kib >= 0) {
		write_label("  true peak:", file);
		fprintf(file, "between %.1f and %.1f MiB\n", mib(report->bound_low_kib),
			mib((uint64_t)report->bound_high_kib));
	}
	if (job->totals.max_pss_kib >= 0) {
		write_label("Max total PSS:", file);
		fprintf(file, "%.1f MiB, shared pages counted once\n",
			mib((uint64_t)job->totals.max_pss_kib));
	}
	if (job->cgroup_peak_kib >= 0) {
		write_label("Control group peak:", file);
		fprintf(file, "%.1f MiB, with page cache and kernel memory\n",
			mib((uint64_t)job->cgroup_peak_kib));
	}
	if (job->totals.max_swap_kib) {
		write_label("Max swap:", file);
		fprintf(file, "%.1f MiB\n", mib(job->totals.max_swap_kib));
	}
}

static void write_largest(const struct mw_report *report, FILE *file)
{
	const struct mw_process *largest;

	if (!report->processes.count)
		return;
	largest = report->processes.items[0];
	write_label("Max per process:", file);
	fprintf(file, "%.1f MiB, pid %d (", mib(largest->max_rss_kib), largest->pid);
	write_safe(largest->name, file);
	fputs(")\n", file);
}

static void write_process_line(const struct mw_process *process, uint64_t kib, FILE *file)
{
	char command[COMMAND_WIDTH];

	mw_process_command(process, command, sizeof(command));
	fprintf(file, "  %9.1f MiB%c %8d %8d  ", mib(kib),
		process->source == MW_HWM_NONE || mw_process_is_exact(process) ? ' ' : '+',
		process->pid, process->ppid);
	write_safe(command, file);
	fputc('\n', file);
}

static void write_processes(const struct mw_report *report, const struct mw_text_style *style,
			    FILE *file)
{
	size_t count = report->processes.count;
	size_t shown = style->limit ? mw_min(count, style->limit) : count;

	write_heading(style, "Peak of each process ('+': at least, sampled)", file);
	fprintf(file, "  %13s  %8s %8s  %s\n", "max RSS", "pid", "ppid", "command");
	for (size_t i = 0; i < shown; i++)
		write_process_line(report->processes.items[i],
				   report->processes.items[i]->max_rss_kib, file);
	if (shown < count)
		fprintf(file, "  and %zu smaller ones (--all lists them)\n", count - shown);
	if (report->filtered_count)
		fprintf(file, "  %zu processes filtered out, together %.1f MiB\n",
			report->filtered_count, mib(report->filtered_kib));
}

static void write_groups(const struct mw_report *report, const struct mw_text_style *style,
			 FILE *file)
{
	const struct mw_job *job = report->job;
	char heading[64];

	snprintf(heading, sizeof(heading), "Groups by %s",
		 mw_group_by_name(job->settings->group_by));
	write_heading(style, heading, file);
	fprintf(file, "  %13s %13s %9s  %s\n", "peak total", "max of one", "processes", "group");
	mw_vec_foreach (item, &job->groups.items) {
		const struct mw_group *group = *item;

		if (!group->processes)
			continue;
		fprintf(file, "  %9.1f MiB %9.1f MiB %9zu  ", mib(group->peak_rss_kib),
			mib(group->max_process_kib), group->processes);
		write_safe(group->name, file);
		fputc('\n', file);
	}
}

static void write_warning(const struct mw_text_style *style, FILE *file)
{
	fprintf(file, "  %s", colour(style, RED));
}

static void write_limits(const struct mw_report *report, const struct mw_text_style *style,
			 FILE *file)
{
	const struct mw_job *job = report->job;
	char command[COMMAND_WIDTH] = "?";

	for (int kind = 0; kind < MW_LIMIT_KINDS; kind++) {
		const struct mw_limit_state *state = &job->limits.states[kind];

		if (!state->exceeded)
			continue;
		if (state->culprit)
			mw_process_command(state->culprit, command, sizeof(command));
		write_warning(style, file);
		fprintf(file, "--%s exceeded:%s %.1f MiB, limit %.1f MiB; pid %d ",
			mw_limit_kind_name(kind), colour(style, PLAIN), mib(state->value_kib),
			mib(job->settings->limits.kib[kind]),
			state->culprit ? state->culprit->pid : 0);
		write_safe(command, file);
		fputc('\n', file);
	}
}

static void write_oom(const struct mw_report *report, const struct mw_text_style *style, FILE *file)
{
	const struct mw_oom_kill *oom = &report->job->oom;

	if (!report->job->has_oom)
		return;
	write_warning(style, file);
	fprintf(file, "out of memory:%s the kernel killed pid %d (%s) at %.1f MiB\n",
		colour(style, PLAIN), oom->pid, oom->name, mib(oom->rss_kib));
}

static void write_leaks(const struct mw_report *report, const struct mw_text_style *style,
			FILE *file)
{
	char command[COMMAND_WIDTH];

	mw_vec_foreach (leak, &report->leaks) {
		mw_process_command(leak->process, command, sizeof(command));
		write_warning(style, file);
		fprintf(file,
			"steady growth:%s pid %d grew by %.1f MiB (%.0f %%) in %.0f s, "
			"%.1f MiB/h",
			colour(style, PLAIN), leak->process->pid, mib(leak->growth_kib),
			leak->growth_percent, leak->duration_seconds,
			leak->slope_kib_per_second * 3600 / 1024);
		if (leak->seconds_to_limit >= 0)
			fprintf(file, ", at the limit in %.1f h", leak->seconds_to_limit / 3600);
		fputs(": ", file);
		write_safe(command, file);
		fputc('\n', file);
	}
}

void mw_report_write_text(const struct mw_report *report, const struct mw_text_style *style,
			  FILE *file)
{
	const struct mw_job *job = report->job;

	write_heading(style, "memwatch run", file);
	write_job(report, file);
	write_label("Duration:", file);
	fprintf(file, "%.3f s\n", mw_job_seconds(job, job->end_ns));
	write_exit(report, file);
	write_label("Samples:", file);
	fprintf(file, "%lu\n", job->totals.samples);
	write_label("Tracked by:", file);
	fprintf(file, "%s; %s\n", job->tracker_name, report->completeness.line);
	write_totals(report, file);
	write_largest(report, file);
	write_limits(report, style, file);
	write_oom(report, style, file);
	write_leaks(report, style, file);
	mw_vec_foreach (note, &job->notes) {
		write_label("Note:", file);
		fprintf(file, "%s\n", *note);
	}
	write_processes(report, style, file);
	write_groups(report, style, file);
}

static double duration_of(const struct mw_report *report)
{
	return mw_job_seconds(report->job, report->job->end_ns);
}

static double total_mib_of(const struct mw_report *report)
{
	return mib(report->max_total_rss_kib);
}

static double largest_mib_of(const struct mw_report *report)
{
	return report->processes.count ? mib(report->processes.items[0]->max_rss_kib) : 0;
}

void mw_runs_write_text(struct mw_report *const *reports, size_t count,
			const struct mw_text_style *style, FILE *file)
{
	static const struct {
		const char *label;
		double (*value)(const struct mw_report *report);
	} rows[] = {
		{"duration, s", duration_of},
		{"max total RSS, MiB", total_mib_of},
		{"largest process, MiB", largest_mib_of},
	};
	double *values = calloc(count, sizeof(*values));
	char heading[64];

	if (!values)
		return;
	snprintf(heading, sizeof(heading), "%zu runs", count);
	write_heading(style, heading, file);
	fprintf(file, "  %-22s %12s %12s %12s %12s\n", "", "median", "least", "most", "deviation");
	for (size_t i = 0; i < mw_array_size(rows); i++) {
		struct mw_spread spread;

		for (size_t run = 0; run < count; run++)
			values[run] = rows[i].value(reports[run]);
		spread = mw_spread_of(values, count);
		fprintf(file, "  %-22s %12.3f %12.3f %12.3f %12.3f\n", rows[i].label, spread.median,
			spread.min, spread.max, spread.mad);
	}
	free(values);
}
