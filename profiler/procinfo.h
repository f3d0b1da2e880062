// SPDX-License-Identifier: MIT
/** What /proc tells about the memory, times and name of one process. Nothing here allocates but the
 * two readers of text, and "no" always means that the process is gone or out of reach. */
#ifndef MW_PROFILER_PROCINFO_H
#define MW_PROFILER_PROCINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The fields of /proc/PID/stat the profiler uses. */
struct mw_task_stat {
	/** The kernel's name, at most 63 bytes for kernel threads. */
	char name[64];
	char state;
	pid_t ppid;
	pid_t pgrp;
	uint32_t flags;
	/** Clock ticks (sysconf(_SC_CLK_TCK) each second). */
	uint64_t utime_ticks;
	uint64_t stime_ticks;
	/** Start in clock ticks since boot: with the pid, the identity of a process. */
	uint64_t start_ticks;
};

/** The memory lines of /proc/PID/status, KiB. */
struct mw_task_memory {
	uint64_t rss_kib;
	/** High-water mark of rss_kib over the life of the address space. */
	uint64_t hwm_kib;
	uint64_t anon_kib;
	uint64_t file_kib;
	uint64_t shmem_kib;
	uint64_t swap_kib;
	int threads;
};

/** Storage traffic and so on of a process's whole life, from /proc/PID/io. */
struct mw_task_io {
	uint64_t read_bytes;
	uint64_t write_bytes;
};

/** Parses the text of a stat file; the name may hold blanks and parentheses. Pure. */
bool mw_task_stat_parse(const char *text, struct mw_task_stat *ret);
bool mw_task_stat_read(pid_t pid, struct mw_task_stat *ret);

/** Parses the text of a status file. @return false when it has no memory lines (zombie). Pure. */
bool mw_task_memory_parse(const char *text, struct mw_task_memory *ret);
/** Reads through thread @tid of @pid, for a process whose leader is gone; else @tid is @pid. */
bool mw_task_memory_read(pid_t pid, pid_t tid, struct mw_task_memory *ret);

bool mw_task_io_read(pid_t pid, struct mw_task_io *ret);

/** Reads the proportional set size: about 5 ms per GiB, under the mmap lock of the process. */
bool mw_task_pss_read(pid_t pid, uint64_t *ret_kib);

/** Opens /proc/@pid/task/@tid/statm. @return a descriptor or -1. */
int mw_task_statm_open(pid_t pid, pid_t tid);
/** Reads the resident pages of an open statm; false when there is no address space any more. */
bool mw_task_statm_read(int fd, uint64_t *ret_pages);

/** Longest argv kept, bytes with its NULs: a linker's can be megabytes, and jobs have thousands. */
#define MW_ARGV_SIZE 8192

/** @return argv, each string with its NUL, cut at MW_ARGV_SIZE; heap; NULL when there is none. */
char *mw_task_argv_read(pid_t pid, size_t *ret_size);
/** @return the path of the executable; heap; NULL when it can't be read. */
char *mw_task_exe_read(pid_t pid);

/** Calls @visit for each child of each thread of @pid. */
void mw_task_children_visit(pid_t pid, void (*visit)(void *arg, pid_t child), void *arg);

enum mw_same_memory {
	MW_SAME_MEMORY_NO,
	MW_SAME_MEMORY_YES,
	MW_SAME_MEMORY_UNKNOWN,
};

/** Whether two processes share one address space (vfork, CLONE_VM). */
enum mw_same_memory mw_task_same_memory(pid_t a, pid_t b);

#endif
