// SPDX-License-Identifier: MIT
/** Task events of perf: fork, exec and exit with their times, no memory. Unprivileged up to
 * perf_event_paranoid 2; a dummy software event that every child inherits, one for each CPU. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/procfs.h"
#include "base/vec.h"
#include "profiler/tracker.h"

/** Pages of a ring, a power of two: 64 fit into the default perf_event_mlock_kb of one CPU. */
#define RING_PAGES 64
#define RECORD_SIZE 256
/**
 * The rings are read one after the other, so a record may be read before an older one of another
 * CPU. It is kept this long for what it depends on.
 */
#define EARLY_NS UINT64_C(1000000000)

struct ring {
	int fd;
	int cpu;
	struct perf_event_mmap_page *page;
};

/** One record, with what the sorting needs. */
struct record {
	uint64_t ns;
	uint32_t order;
	uint32_t type;
	bool exec;
	uint32_t pid;
	uint32_t ppid;
	uint32_t tid;
	char name[16];
};

struct perf_tracker {
	struct mw_tracker base;
	size_t page_size;
	/** One for each CPU: every other event writes into it. */
	MW_VEC(struct ring) rings;
	/** Events of processes followed later on. */
	MW_VEC(int) more_fds;
	/** What was read; between two drains, what came before the fork it depends on. */
	MW_VEC(struct record) records;
	/** Start of the last drain: what was older was read by it. */
	uint64_t drained_ns;
};

static struct perf_tracker *perf_tracker(struct mw_tracker *tracker)
{
	return (struct perf_tracker *)tracker;
}

static int open_event(pid_t tid, int cpu, bool follow)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.disabled = !follow,
		.inherit = follow,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.task = 1,
		.comm = 1,
		.comm_exec = 1,
		.sample_id_all = 1,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 2048,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};

	return (int)syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/** What still waits for the fork it depends on, but for what happened during the last drain. */
static uint64_t count_waiting(const struct perf_tracker *perf)
{
	uint64_t count = 0;

	mw_vec_foreach (record, &perf->records)
		count += record->ns < perf->drained_ns;
	return count;
}

static void perf_destroy(struct mw_tracker *tracker)
{
	struct perf_tracker *perf = perf_tracker(tracker);

	tracker->job->events_lost += count_waiting(perf);
	mw_vec_foreach (ring, &perf->rings) {
		if (ring->page)
			munmap(ring->page, (RING_PAGES + 1) * perf->page_size);
		close(ring->fd);
	}
	mw_vec_foreach (fd, &perf->more_fds)
		close(*fd);
	mw_vec_deinit(&perf->rings);
	mw_vec_deinit(&perf->more_fds);
	mw_vec_deinit(&perf->records);
	free(perf);
}

/** A disabled event on ourselves, whose ring takes the records of everybody else. */
static struct mw_error *open_ring(struct perf_tracker *perf, int cpu)
{
	struct ring ring = {.fd = open_event(0, cpu, false), .cpu = cpu};
	void *page;

	if (ring.fd < 0)
		return errno == ENODEV ? NULL : mw_error_os(errno, "perf_event_open");
	page = mmap(NULL, (RING_PAGES + 1) * perf->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring.fd, 0);
	if (page == MAP_FAILED) {
		struct mw_error *err = mw_error_os(errno, "cannot map a perf ring");

		close(ring.fd);
		return err;
	}
	ring.page = page;
	if (mw_vec_push(&perf->rings, ring))
		return NULL;
	munmap(page, (RING_PAGES + 1) * perf->page_size);
	close(ring.fd);
	return mw_err_nomem;
}

static struct mw_error *perf_create(struct mw_job *job, struct mw_tracker **ret)
{
	struct perf_tracker *perf = calloc(1, sizeof(*perf));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct mw_error *err = NULL;

	if (!perf)
		return mw_err_nomem;
	perf->base = (struct mw_tracker){&mw_tracker_perf, job};
	perf->page_size = (size_t)sysconf(_SC_PAGESIZE);
	for (int cpu = 0; cpu < cpus && !err; cpu++)
		err = open_ring(perf, cpu);
	if (err) {
		perf_destroy(&perf->base);
		return err;
	}
	*ret = &perf->base;
	return NULL;
}

static struct mw_error *follow_task(struct perf_tracker *perf, pid_t tid)
{
	mw_vec_foreach (ring, &perf->rings) {
		int fd = open_event(tid, ring->cpu, true);

		if (fd < 0)
			return mw_error_os(errno, "perf_event_open for pid %d", tid);
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd)) {
			struct mw_error *err = mw_error_os(errno, "cannot share a perf ring");

			close(fd);
			return err;
		}
		if (!mw_vec_push(&perf->more_fds, fd)) {
			close(fd);
			return mw_err_nomem;
		}
	}
	return NULL;
}

static struct mw_error *perf_follow(struct mw_tracker *tracker, struct mw_process *process)
{
	struct mw_error *err;
	pid_t *tids;
	size_t count;

	err = mw_proc_threads(process->pid, &tids, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++)
		err = follow_task(perf_tracker(tracker), tids[i]);
	process->tasks = (int)count;
	free(tids);
	return err;
}

/* Body of PERF_RECORD_FORK and PERF_RECORD_EXIT. */
struct task_record {
	struct perf_event_header header;
	uint32_t pid, ppid;
	uint32_t tid, ptid;
	uint64_t time;
};

static void keep_record(struct perf_tracker *perf, const void *bytes)
{
	const struct perf_event_header *header = bytes;
	const struct task_record *task = bytes;
	struct record record = {
		.type = header->type,
		.order = (uint32_t)perf->records.count,
		.pid = task->pid,
	};

	switch (header->type) {
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		record.ppid = task->ppid;
		record.tid = task->tid;
		record.ns = task->time;
		break;
	case PERF_RECORD_COMM:
		/* pid, tid, the name, then at the end the sample id: pid, tid, time. */
		if (!(header->misc & PERF_RECORD_MISC_COMM_EXEC))
			return;
		record.exec = true;
		snprintf(record.name, sizeof(record.name), "%.15s", (const char *)bytes + 16);
		memcpy(&record.ns, (const char *)bytes + header->size - 8, 8);
		break;
	case PERF_RECORD_LOST:
		perf->base.job->events_lost += *(const uint64_t *)((const char *)bytes + 16);
		return;
	default:
		return;
	}
	if (!mw_vec_push(&perf->records, record))
		perf->base.job->events_lost++;
}

static void drain_ring(struct perf_tracker *perf, struct ring *ring)
{
	size_t size = RING_PAGES * perf->page_size;
	const char *data = (const char *)ring->page + perf->page_size;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	_Alignas(8) char bytes[RECORD_SIZE];

	while (tail < head) {
		struct perf_event_header header;
		size_t length;

		/* Records are multiples of 8 bytes, so a header never wraps. */
		memcpy(&header, data + tail % size, sizeof(header));
		length = mw_min((size_t)header.size, sizeof(bytes));
		for (size_t i = 0; i < length; i += 8)
			memcpy(bytes + i, data + (tail + i) % size, 8);
		if (length == header.size)
			keep_record(perf, bytes);
		tail += header.size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

/** @return the process that had @pid at the time of the record; NULL: its fork wasn't read yet. */
static struct mw_process *find_process(struct mw_job *job, uint32_t pid,
				       const struct record *record)
{
	struct mw_process *process = mw_job_find(job, (pid_t)pid);

	return process && process->ended && record->ns > process->last_seen_ns ? NULL : process;
}

static bool apply_fork(struct mw_job *job, const struct record *record)
{
	struct mw_process *parent = find_process(job, record->ppid, record);

	if (!parent)
		return false;
	if (record->pid == record->ppid)
		parent->tasks++;
	else
		mw_job_process_begin(job, (pid_t)record->pid, parent, record->ns);
	return true;
}

static void apply_exit(struct mw_job *job, struct mw_process *process, const struct record *record)
{
	process->tasks--;
	if (process->tasks <= 0)
		mw_job_process_end(job, process, record->ns);
}

/** @return whether the record found its process. */
static bool apply(struct mw_job *job, const struct record *record)
{
	struct mw_process *process;

	if (record->type == PERF_RECORD_FORK)
		return apply_fork(job, record);
	process = find_process(job, record->pid, record);
	if (!process)
		return false;
	/* About an earlier process with this pid, or one that was reaped meanwhile. */
	if (process->ended || record->ns < process->start_ns)
		return true;
	if (record->type == PERF_RECORD_EXIT)
		apply_exit(job, process, record);
	else
		mw_job_process_exec(job, process, record->name, record->ns);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct record *left = a;
	const struct record *right = b;

	if (left->ns != right->ns)
		return left->ns < right->ns ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

static void perf_drain(struct mw_tracker *tracker)
{
	struct perf_tracker *perf = perf_tracker(tracker);
	uint64_t now_ns = mw_clock_now_ns();
	size_t kept = 0;

	perf->drained_ns = now_ns;
	mw_vec_foreach (ring, &perf->rings)
		drain_ring(perf, ring);
	if (!perf->records.count)
		return;
	qsort(perf->records.items, perf->records.count, sizeof(*perf->records.items), by_time);
	mw_vec_foreach (record, &perf->records) {
		if (apply(tracker->job, record))
			continue;
		if (record->ns + EARLY_NS > now_ns)
			perf->records.items[kept++] = *record;
		else
			tracker->job->events_lost++;
	}
	perf->records.count = kept;
}

const struct mw_tracker_ops mw_tracker_perf = {
	.name = "perf",
	.complete = true,
	.create = perf_create,
	.follow = perf_follow,
	.drain = perf_drain,
	.destroy = perf_destroy,
};
