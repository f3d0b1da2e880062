// SPDX-License-Identifier: MIT
#include "profiler/limits.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sysinfo.h>

#include "base/error.h"
#include "base/log.h"
#include "profiler/deliver.h"
#include "profiler/job.h"

const char *mw_limit_kind_name(enum mw_limit_kind kind)
{
	static const char *const names[] = {
		[MW_LIMIT_TOTAL_RSS] = "max-total-rss",
		[MW_LIMIT_TOTAL_PSS] = "max-total-pss",
		[MW_LIMIT_PROCESS_RSS] = "max-per-proc-rss",
	};

	return names[kind];
}

const char *mw_limit_action_name(enum mw_limit_action action)
{
	static const char *const names[] = {
		[MW_LIMIT_WARN] = "warn",
		[MW_LIMIT_TERM] = "term",
		[MW_LIMIT_KILL] = "kill",
	};

	return names[action];
}

static const struct mw_process *largest_live(const struct mw_job *job)
{
	const struct mw_process *largest = NULL;

	for (size_t i = 0; i < job->live.count; i++)
		if (!largest || job->live.items[i]->rss_kib > largest->rss_kib)
			largest = job->live.items[i];
	return largest;
}

static void announce(const struct mw_job *job, enum mw_limit_kind kind,
		     const struct mw_limit_state *state)
{
	char command[120] = "?";
	double limit_mib = (double)job->settings->limits.kib[kind] / 1024;

	if (state->culprit)
		mw_process_command(state->culprit, command, sizeof(command));
	mw_log_warning(job->settings->log,
		       "--%s: %.1f MiB is over the limit of %.1f MiB after %.3f s; %s pid %d (%s), "
		       "%.1f MiB",
		       mw_limit_kind_name(kind), (double)state->value_kib / 1024, limit_mib,
		       mw_job_seconds(job, state->ns),
		       kind == MW_LIMIT_PROCESS_RSS ? "it was" : "the largest is",
		       state->culprit ? state->culprit->pid : 0, command,
		       state->culprit
			       ? (double)(kind == MW_LIMIT_PROCESS_RSS ? state->value_kib
								       : state->culprit->rss_kib) /
					 1024
			       : 0.0);
}

static void act(struct mw_job *job, uint64_t now_ns)
{
	const struct mw_limit_settings *settings = &job->settings->limits;

	if (settings->action == MW_LIMIT_WARN || job->limits.kill_ns)
		return;
	mw_job_deliver(job, settings->action == MW_LIMIT_KILL ? SIGKILL : SIGTERM,
		       MW_DELIVER_EVERYBODY);
	/* Again later for whom a fork hid from the first round. */
	job->limits.kill_ns = now_ns + (settings->action == MW_LIMIT_KILL
						? 20000000u
						: (uint64_t)settings->grace_ms * 1000000u);
}

void mw_limits_check(struct mw_job *job, enum mw_limit_kind kind, uint64_t value_kib,
		     const struct mw_process *culprit, uint64_t now_ns)
{
	uint64_t limit_kib = job->settings->limits.kib[kind];
	struct mw_limit_state *state = &job->limits.states[kind];

	if (!limit_kib || value_kib <= limit_kib)
		return;
	if (value_kib > state->value_kib) {
		state->value_kib = value_kib;
		state->culprit = culprit ? culprit : largest_live(job);
	}
	if (state->exceeded)
		return;
	state->exceeded = true;
	state->ns = now_ns;
	announce(job, kind, state);
	act(job, now_ns);
}

void mw_limits_enforce(struct mw_job *job, uint64_t now_ns)
{
	if (!job->limits.kill_ns || now_ns < job->limits.kill_ns)
		return;
	mw_job_deliver(job, SIGKILL, MW_DELIVER_EVERYBODY);
	job->limits.kill_ns = now_ns + 100000000u;
}

bool mw_limits_exceeded(const struct mw_limits *limits, enum mw_limit_kind *ret)
{
	for (int kind = 0; kind < MW_LIMIT_KINDS; kind++) {
		if (!limits->states[kind].exceeded)
			continue;
		if (ret)
			*ret = (enum mw_limit_kind)kind;
		return true;
	}
	return false;
}

uint64_t mw_machine_memory_kib(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return 0;
	return (uint64_t)info.totalram * info.mem_unit / 1024;
}

static bool unit_bytes(const char *unit, double *ret)
{
	static const struct {
		const char *letter;
		double bytes;
	} units[] = {
		{"", 1},
		{"k", 1024.0},
		{"m", 1024.0 * 1024},
		{"g", 1024.0 * 1024 * 1024},
		{"t", 1024.0 * 1024 * 1024 * 1024},
	};
	char letter[2] = {unit[0], '\0'};
	bool bytes_only = !strcasecmp(unit, "b");
	const char *rest = unit + (unit[0] != '\0');

	if (!bytes_only && *rest && strcasecmp(rest, "b") && strcasecmp(rest, "ib"))
		return false;
	for (size_t i = 0; i < mw_array_size(units); i++) {
		if (strcasecmp(units[i].letter, bytes_only ? "" : letter))
			continue;
		*ret = units[i].bytes;
		return true;
	}
	return false;
}

struct mw_error *mw_size_parse(const char *text, uint64_t *ret_kib)
{
	char *end;
	double number = strtod(text, &end);
	double bytes = 0;

	if (end == text || !isfinite(number) || number <= 0)
		return mw_error_create(MW_ERROR_USAGE,
				       "bad size \"%s\": write 512M, 8G, 4096K or 75%%", text);
	if (!strcmp(end, "%"))
		bytes = (double)mw_machine_memory_kib() * 1024 / 100;
	else if (!unit_bytes(end, &bytes))
		return mw_error_create(MW_ERROR_USAGE,
				       "bad unit \"%s\" in the size \"%s\": write K, M, G, T or %%",
				       end, text);
	number = number * bytes / 1024;
	if (number < 1 || number > 1e15)
		return mw_error_create(MW_ERROR_USAGE,
				       "the size \"%s\" is out of range: a bare number is bytes",
				       text);
	*ret_kib = (uint64_t)number;
	return NULL;
}
