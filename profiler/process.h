// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_PROCESS_H
#define MW_PROFILER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/vec.h"
#include "profiler/series.h"

struct mw_group;

/** How max_rss_kib came to be known; a later one is worth more. */
enum mw_hwm_source {
	MW_HWM_NONE,
	/** Largest sample: a lower bound. */
	MW_HWM_SAMPLED,
	/** The kernel's high-water mark when it was last looked at: a lower bound. */
	MW_HWM_STATUS,
	/** ru_maxrss at the reaping: may hold a spawner's or a child's peak. */
	MW_HWM_RUSAGE,
	/** Only ever ran in its parent's memory: 0 of its own. */
	MW_HWM_SHARED,
	/** The kernel's exit record. */
	MW_HWM_TASKSTATS,
	/** The kernel's high-water mark at its exit, or at the end of the report. */
	MW_HWM_EXIT,
};

const char *mw_hwm_source_name(enum mw_hwm_source source);
static inline bool mw_hwm_source_is_exact(enum mw_hwm_source source)
{
	return source >= MW_HWM_SHARED;
}

/** Whose address space a process runs in before its first exec. */
enum mw_memory_owner {
	MW_MEMORY_UNKNOWN,
	MW_MEMORY_OWN,
	/** vfork or CLONE_VM: counted with the process it was borrowed from. */
	MW_MEMORY_BORROWED,
};

/** One process of the job, from its start to past its end. */
struct mw_process {
	pid_t pid;
	pid_t ppid;
	uint64_t start_ticks;
	struct mw_process *parent;

	/* Times are nanoseconds of CLOCK_MONOTONIC. */
	uint64_t start_ns;
	uint64_t first_seen_ns;
	uint64_t last_seen_ns;
	uint64_t peak_ns;
	/** When its last program began; 0 before its first exec. */
	uint64_t exec_ns;
	bool ended;

	/* Who it is: read again after each exec. */
	char name[16];
	char *argv;
	size_t argv_size;
	char *exe;
	MW_VEC(char *) exec_chain;
	/** argv and exe are those of an earlier program. */
	bool identity_stale;
	/** Was there before us: its first program counts like any other. */
	bool attached;
	bool execed;
	/** The command filter leaves it out of lists and groups. */
	bool filtered;
	struct mw_group *group;

	/* Memory, KiB. */
	enum mw_memory_owner owner;
	/** Ran in its parent's memory until its exec. */
	bool borrowed_first;
	uint64_t rss_kib;
	uint64_t max_rss_kib;
	enum mw_hwm_source source;
	/** Peak of the copy of its parent it was before its first exec: part of the bounds only. */
	uint64_t copy_peak_kib;
	/** Largest high-water mark of the interval, with --exact-intervals. */
	uint64_t interval_hwm_kib;
	uint64_t detailed_rss_kib;
	uint64_t anon_kib;
	uint64_t file_kib;
	uint64_t shmem_kib;
	uint64_t swap_kib;
	uint64_t max_swap_kib;
	bool has_detail;
	/** -1 before the first PSS pass. */
	int64_t pss_kib;
	int64_t max_pss_kib;

	/* Sampling. */
	int statm_fd;
	/** Thread to read memory through: another one than the leader when that is gone. */
	pid_t memory_tid;
	unsigned long samples;
	struct mw_series series;
	struct mw_series anon_series;

	/* The end. */
	bool has_wait_status;
	int wait_status;
	bool has_times;
	uint64_t utime_ns;
	uint64_t stime_ns;
	bool has_io;
	uint64_t io_read_bytes;
	uint64_t io_write_bytes;
	/** ru_maxrss from its reaping, 0 when somebody else reaped it. */
	uint64_t rusage_kib;
	bool has_children;
	/** One of its children ended without an exact peak. */
	bool has_vague_child;
	/** Largest peak or ru_maxrss among the children that ended. */
	uint64_t children_kib;

	/** Tasks alive, kept by trackers that see threads end one by one. */
	int tasks;
	/** No tracker sees its children: look for them. */
	bool untracked;
	/** Position in the list of live processes. */
	size_t live_index;
};

/** @return a new process with no memory known, or NULL when memory is short. */
struct mw_process *mw_process_create(pid_t pid, uint64_t start_ticks);
void mw_process_destroy(struct mw_process *process);

/** Takes in a value for the peak. Keeps the larger one; the more reliable source on a tie. */
void mw_process_note_peak(struct mw_process *process, uint64_t rss_kib, enum mw_hwm_source source,
			  uint64_t now_ns);

/** Lets the parent know what its ru_maxrss may hold of this child. */
void mw_process_tell_parent(const struct mw_process *process);

/** Reads name, argv and exe again. False when the process is gone; the old ones stay then. */
bool mw_process_identify(struct mw_process *process);

/** Forgets what belonged to the program before an exec. @param name its kernel name, or NULL. */
bool mw_process_exec(struct mw_process *process, const char *name, uint64_t now_ns);

/** Writes the command line, cut to @size with its NUL; the kernel's name when argv isn't known. */
void mw_process_command(const struct mw_process *process, char *ret, size_t size);

/** @return whether max_rss_kib is exact, for its last program at least. */
bool mw_process_is_exact(const struct mw_process *process);

#endif
