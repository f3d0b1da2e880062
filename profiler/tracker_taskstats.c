// SPDX-License-Identifier: MIT
/** The kernel's exit records (taskstats over generic netlink): the exact high-water mark, times and
 * I/O of every task of the machine as it ends. Needs CAP_NET_ADMIN in the first user namespace. */
#include <errno.h>
#include <linux/acct.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "profiler/tracker.h"

/** Room for the records of tens of thousands of exits between two drains. */
#define RECEIVE_BUFFER (16 << 20)
#define MESSAGE_SIZE 16384
/** Records of strangers kept for a while: their parent may turn out to be one of ours. */
#define STRANGER_LIMIT 4096
/** First version of struct taskstats that tells the process of a task. */
#define VERSION_WITH_TGID 12

struct taskstats_tracker {
	struct mw_tracker base;
	int fd;
	int family;
	bool registered;
	char cpus[256];
	/** Sees the forks and execs; NULL where perf is not to be had. */
	struct mw_tracker *perf;
	MW_VEC(struct taskstats) records;
	MW_VEC(struct taskstats) strangers;
};

static struct taskstats_tracker *taskstats_tracker(struct mw_tracker *tracker)
{
	return (struct taskstats_tracker *)tracker;
}

static int send_command(int fd, int family, int command, int attribute, const char *text)
{
	struct {
		struct nlmsghdr header;
		struct genlmsghdr generic;
		struct nlattr attribute;
		char text[256];
	} message = {
		.header = {.nlmsg_type = (uint16_t)family,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.generic = {.cmd = (uint8_t)command, .version = 1},
		.attribute = {.nla_type = (uint16_t)attribute},
	};
	size_t size = strlen(text) + 1;

	if (size > sizeof(message.text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(message.text, text, size);
	message.attribute.nla_len = (uint16_t)(NLA_HDRLEN + size);
	message.header.nlmsg_len =
		(uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLMSG_ALIGN(NLA_HDRLEN + size));
	return send(fd, &message, message.header.nlmsg_len, 0) < 0 ? -1 : 0;
}

/** Finds an attribute among @size bytes of them. */
static const struct nlattr *find_attribute(const char *bytes, size_t size, int type)
{
	while (size >= NLA_HDRLEN) {
		const struct nlattr *attribute = (const struct nlattr *)bytes;
		size_t step = NLA_ALIGN(attribute->nla_len);

		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > size)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		if (step >= size)
			return NULL;
		bytes += step;
		size -= step;
	}
	return NULL;
}

static const char *attributes_of(const struct nlmsghdr *header, size_t *ret_size)
{
	*ret_size = header->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	return (const char *)NLMSG_DATA(header) + GENL_HDRLEN;
}

/** Receives the answer to a command. @return 0, or -1 with errno. */
static int receive_answer(int fd, char *buffer, size_t size)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	ssize_t got = recv(fd, buffer, size, 0);

	if (got < (ssize_t)NLMSG_LENGTH(GENL_HDRLEN)) {
		errno = got < 0 ? errno : EPROTO;
		return -1;
	}
	if (header->nlmsg_type != NLMSG_ERROR)
		return 0;
	errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	return errno ? -1 : 0;
}

static struct mw_error *find_family(struct taskstats_tracker *taskstats)
{
	_Alignas(8) char buffer[4096];
	const struct nlattr *attribute;
	const char *attributes;
	size_t size;

	if (send_command(taskstats->fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
			 TASKSTATS_GENL_NAME) ||
	    receive_answer(taskstats->fd, buffer, sizeof(buffer)))
		return mw_error_os(errno, "the kernel has no taskstats");
	attributes = attributes_of((struct nlmsghdr *)buffer, &size);
	attribute = find_attribute(attributes, size, CTRL_ATTR_FAMILY_ID);
	if (!attribute)
		return mw_error_create(MW_ERROR_OTHER, "the kernel has no taskstats");
	taskstats->family = *(const uint16_t *)((const char *)attribute + NLA_HDRLEN);
	/* The acknowledgement. */
	if (receive_answer(taskstats->fd, buffer, sizeof(buffer)))
		return mw_error_os(errno, "the kernel has no taskstats");
	return NULL;
}

static struct mw_error *register_cpus(struct taskstats_tracker *taskstats)
{
	mw_auto_free char *possible = NULL;
	_Alignas(8) char buffer[4096];
	struct mw_error *err = mw_file_read("/sys/devices/system/cpu/possible", &possible, NULL);

	if (err)
		return err;
	snprintf(taskstats->cpus, sizeof(taskstats->cpus), "%.*s", (int)strcspn(possible, "\n"),
		 possible);
	if (send_command(taskstats->fd, taskstats->family, TASKSTATS_CMD_GET,
			 TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, taskstats->cpus) ||
	    receive_answer(taskstats->fd, buffer, sizeof(buffer)))
		return mw_error_os(errno, "taskstats needs CAP_NET_ADMIN outside of containers");
	taskstats->registered = true;
	return NULL;
}

static struct mw_error *open_socket(struct taskstats_tracker *taskstats)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	struct timeval timeout = {.tv_sec = 1};
	int size = RECEIVE_BUFFER;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	taskstats->fd = fd;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return mw_error_os(errno, "no generic netlink");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return NULL;
}

static void taskstats_destroy(struct mw_tracker *tracker)
{
	struct taskstats_tracker *taskstats = taskstats_tracker(tracker);

	if (taskstats->perf)
		taskstats->perf->ops->destroy(taskstats->perf);
	if (taskstats->registered)
		send_command(taskstats->fd, taskstats->family, TASKSTATS_CMD_GET,
			     TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, taskstats->cpus);
	if (taskstats->fd >= 0)
		close(taskstats->fd);
	mw_vec_deinit(&taskstats->records);
	mw_vec_deinit(&taskstats->strangers);
	free(taskstats);
}

static struct mw_error *taskstats_create(struct mw_job *job, struct mw_tracker **ret)
{
	struct taskstats_tracker *taskstats = calloc(1, sizeof(*taskstats));
	struct mw_error *err;

	if (!taskstats)
		return mw_err_nomem;
	taskstats->base = (struct mw_tracker){&mw_tracker_taskstats, job};
	err = open_socket(taskstats);
	if (!err)
		err = find_family(taskstats);
	if (!err)
		err = register_cpus(taskstats);
	if (err) {
		taskstats_destroy(&taskstats->base);
		return err;
	}
	err = mw_tracker_perf.create(job, &taskstats->perf);
	if (err)
		mw_job_note(job, "without perf, forks and execs are looked for: %s", err->message);
	mw_error_destroy(err);
	*ret = &taskstats->base;
	return NULL;
}

static struct mw_error *taskstats_follow(struct mw_tracker *tracker, struct mw_process *process)
{
	struct taskstats_tracker *taskstats = taskstats_tracker(tracker);
	struct mw_error *err;

	if (taskstats->perf) {
		err = taskstats->perf->ops->follow(taskstats->perf, process);
		if (!err)
			return NULL;
		mw_job_note(tracker->job, "without perf, forks and execs are looked for: %s",
			    err->message);
		mw_error_destroy(err);
		taskstats->perf->ops->destroy(taskstats->perf);
		taskstats->perf = NULL;
	}
	mw_job_process_untrack(tracker->job, process);
	return NULL;
}

static void keep_stats(struct taskstats_tracker *taskstats, const struct nlattr *group)
{
	const struct nlattr *attribute =
		find_attribute((const char *)group + NLA_HDRLEN,
			       (size_t)group->nla_len - NLA_HDRLEN, TASKSTATS_TYPE_STATS);
	struct taskstats stats = {0};

	if (!attribute)
		return;
	memcpy(&stats, (const char *)attribute + NLA_HDRLEN,
	       mw_min(sizeof(stats), (size_t)attribute->nla_len - NLA_HDRLEN));
	if (stats.version < VERSION_WITH_TGID)
		stats.ac_tgid = stats.ac_pid;
	if (!mw_vec_push(&taskstats->records, stats))
		taskstats->base.job->events_lost++;
}

static void receive_records(struct taskstats_tracker *taskstats)
{
	_Alignas(8) char buffer[MESSAGE_SIZE];

	for (;;) {
		ssize_t got = recv(taskstats->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;

		if (got < 0 && errno == ENOBUFS) {
			taskstats->base.job->events_lost++;
			continue;
		}
		if (got <= 0)
			return;
		for (; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got)) {
			size_t size;
			const char *attributes = attributes_of(header, &size);
			const struct nlattr *group;

			if (header->nlmsg_type != taskstats->family)
				continue;
			group = find_attribute(attributes, size, TASKSTATS_TYPE_AGGR_PID);
			if (group)
				keep_stats(taskstats, group);
		}
	}
}

/** Adds what one task of the process did. */
static void apply_stats(struct mw_job *job, struct mw_process *process,
			const struct taskstats *stats, uint64_t now_ns)
{
	if (process->owner == MW_MEMORY_BORROWED)
		mw_process_note_peak(process, 0, MW_HWM_SHARED, now_ns);
	else if (stats->hiwater_rss)
		mw_process_note_peak(process, stats->hiwater_rss, MW_HWM_TASKSTATS,
				     process->ended ? process->last_seen_ns : now_ns);
	process->has_times = true;
	process->utime_ns += stats->ac_utime * 1000;
	process->stime_ns += stats->ac_stime * 1000;
	process->has_io = true;
	process->io_read_bytes += stats->read_bytes;
	process->io_write_bytes += stats->write_bytes;
	if (stats->ac_pid == stats->ac_tgid && !process->has_wait_status) {
		process->has_wait_status = true;
		process->wait_status = (int)stats->ac_exitcode;
	}
	mw_process_tell_parent(process);
	mw_limits_check(job, MW_LIMIT_PROCESS_RSS, process->max_rss_kib, process, now_ns);
}

/** Takes in a process nobody saw begin: its parent is one of ours. */
static struct mw_process *adopt(struct taskstats_tracker *taskstats, const struct taskstats *stats,
				uint64_t now_ns)
{
	struct mw_job *job = taskstats->base.job;
	struct mw_process *parent = mw_job_find(job, (pid_t)stats->ac_ppid);
	struct mw_process *process;

	if (!parent && (taskstats->perf || (pid_t)stats->ac_ppid != getpid()))
		return NULL;
	process = mw_job_process_begin(job, (pid_t)stats->ac_tgid, parent,
				       now_ns - stats->ac_etime * 1000);
	if (process && !(stats->ac_flag & AFORK) && !process->execed)
		mw_job_process_exec(job, process, stats->ac_comm, now_ns);
	if (process)
		mw_job_process_end(job, process, now_ns);
	return process;
}

static bool apply_record(struct taskstats_tracker *taskstats, const struct taskstats *stats,
			 uint64_t now_ns)
{
	struct mw_process *process = mw_job_find(taskstats->base.job, (pid_t)stats->ac_tgid);

	if (!process)
		process = adopt(taskstats, stats, now_ns);
	if (!process)
		return false;
	apply_stats(taskstats->base.job, process, stats, now_ns);
	return true;
}

/** Tries the strangers again, as long as each round finds a relative. */
static void retry_strangers(struct taskstats_tracker *taskstats, uint64_t now_ns)
{
	size_t before;

	do {
		size_t kept = 0;

		before = taskstats->strangers.count;
		mw_vec_foreach (stats, &taskstats->strangers)
			if (!apply_record(taskstats, stats, now_ns))
				taskstats->strangers.items[kept++] = *stats;
		taskstats->strangers.count = kept;
	} while (taskstats->strangers.count < before);
	if (taskstats->strangers.count > STRANGER_LIMIT)
		taskstats->strangers.count = 0;
}

static void taskstats_drain(struct mw_tracker *tracker)
{
	struct taskstats_tracker *taskstats = taskstats_tracker(tracker);
	uint64_t now_ns;

	/* Exit records first: every fork they need is then in the perf rings. */
	taskstats->records.count = 0;
	receive_records(taskstats);
	if (taskstats->perf)
		taskstats->perf->ops->drain(taskstats->perf);
	now_ns = mw_clock_now_ns();
	mw_vec_foreach (stats, &taskstats->records) {
		if (apply_record(taskstats, stats, now_ns) || taskstats->perf)
			continue;
		if (!mw_vec_push(&taskstats->strangers, *stats))
			tracker->job->events_lost++;
	}
	retry_strangers(taskstats, now_ns);
}

const struct mw_tracker_ops mw_tracker_taskstats = {
	.name = "taskstats",
	.complete = true,
	.exact = true,
	.create = taskstats_create,
	.follow = taskstats_follow,
	.drain = taskstats_drain,
	.destroy = taskstats_destroy,
};
