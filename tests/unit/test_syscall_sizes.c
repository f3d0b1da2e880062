// SPDX-License-Identifier: MIT
/* Calls that need little preparation: one row each, for the sizes in the table. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>

#include "syscall_trial.h"

/* What opens descriptor 0 of the trial. */
enum opener { OPEN_NOTHING, OPEN_FILE, OPEN_TERMINAL, OPEN_SOCKET, OPEN_TIMER };

/** One call. An argument is its value, or the size of a piece of the arena. */
struct row {
	const char *name;
	int64_t number;
	enum opener opener;
	/** Arguments; ARG_FD stands for the descriptor. */
	uint64_t args[6];
	/** Where not 0, the argument is a pointer to that many bytes. */
	size_t sizes[6];
	/** Bit n: piece n is zeros, not garbage. */
	unsigned zeros;
	unsigned flags;
	int64_t written;
};

#define ARG_FD 0xfdfdfdfdfdfdfdfd
#define TEXT(text) ((uint64_t)(uintptr_t)(text))

static int open_one(enum opener opener, int *ret_other)
{
	char name[] = "/tmp/mw-trial-XXXXXX";
	int fd = -1;

	switch (opener) {
	case OPEN_NOTHING:
		return -1;
	case OPEN_FILE:
		fd = mkstemp(name);
		unlink(name);
		return fd;
	case OPEN_TERMINAL:
		assert_int_equal(openpty(ret_other, &fd, NULL, NULL, NULL), 0);
		return fd;
	case OPEN_SOCKET:
		return socket(AF_INET, SOCK_STREAM, 0);
	case OPEN_TIMER:
		return timerfd_create(CLOCK_MONOTONIC, 0);
	}
	return -1;
}

static void prepare_row(struct trial *trial)
{
	const struct row *row = trial->one->data;

	trial->fds[0] = open_one(row->opener, &trial->fds[1]);
	trial->number = row->number;
	for (unsigned i = 0; i < 6; i++) {
		void *piece;

		trial->args[i] = row->args[i] == ARG_FD ? (uint64_t)trial->fds[0] : row->args[i];
		if (!row->sizes[i])
			continue;
		piece = trial_take(trial, row->sizes[i]);
		if (row->zeros & 1u << i)
			memset(piece, 0, row->sizes[i]);
		trial->args[i] = trial_pointer(piece);
	}
}

static const struct row rows[] = {
	{"lstat", SYS_lstat, 0, {TEXT("/")}, {0, 144}, 0, 0, 144},
	{"fstat", SYS_fstat, OPEN_TERMINAL, {ARG_FD}, {0, 144}, 0, TRIAL_VOLATILE, 144},
	{"fstatfs", SYS_fstatfs, OPEN_FILE, {ARG_FD}, {0, 120}, 0, TRIAL_VOLATILE, 120},
	{"getrlimit", SYS_getrlimit, 0, {RLIMIT_NOFILE}, {0, 16}, 0, 0, 16},
	{"setitimer", SYS_setitimer, 0, {ITIMER_VIRTUAL}, {0, 32, 32}, 2, 0, 32},
	{"getresgid", SYS_getresgid, 0, {0}, {4, 4, 4}, 0, 0, 12},
	{"getgroups", SYS_getgroups, 0, {64}, {0, 256}, 0, 0, -1},
	{"sched_getparam", SYS_sched_getparam, 0, {0}, {0, 4}, 0, 0, 4},
	{"sched_rr_get_interval", SYS_sched_rr_get_interval, 0, {0}, {0, 16}, 0, 0, 16},
	{"clock_getres", SYS_clock_getres, 0, {CLOCK_MONOTONIC}, {0, 16}, 0, 0, 16},
	{"time", SYS_time, 0, {0}, {8}, 0, TRIAL_VOLATILE, 8},
	{"getcpu", SYS_getcpu, 0, {0}, {4, 4}, 0, TRIAL_VOLATILE, 8},
	{"get_mempolicy", SYS_get_mempolicy, 0, {0, 0, 1025}, {4, 128}, 0, 0, -1},
	{"modify_ldt", SYS_modify_ldt, 0, {0, 0, 64}, {0, 64}, 0, 0, 0},
	{"adjtimex", SYS_adjtimex, 0, {0}, {sizeof(struct timex)}, 1, TRIAL_VOLATILE, 208},
	{"clock_adjtime", SYS_clock_adjtime, 0, {0}, {0, 208}, 2, TRIAL_VOLATILE, 208},
	{"seccomp", SYS_seccomp, 0, {3}, {0, 0, 6}, 0, 0, 6},
	{"syslog", SYS_syslog, 0, {3, 0, 100}, {0, 100}, 0, TRIAL_VOLATILE, -1},
	{"listxattr", SYS_listxattr, 0, {TEXT("/"), 0, 100}, {0, 100}, 0, 0, -1},
	{"getxattr", SYS_getxattr, 0, {TEXT("/"), TEXT("user.x"), 0, 99}, {0, 0, 99}, 0, 0, 0},
	{"getcwd_too_short", SYS_getcwd, 0, {0, 1}, {1}, 0, 0, 0},
	{"keyctl", SYS_keyctl, 0, {KEYCTL_CAPABILITIES, 0, 64}, {0, 64}, 0, 0, -1},
	{"cachestat", 451, OPEN_FILE, {ARG_FD}, {0, 16, 40}, 2, 0, -1},
	{"file_getattr", 468, 0, {-100, TEXT("/"), 0, 24}, {0, 0, 24}, 0, 0, -1},
	{"shmctl_SHM_INFO", SYS_shmctl, 0, {0, SHM_INFO}, {0, 0, 48}, 0, TRIAL_VOLATILE, 48},
	{"semctl_SEM_INFO", SYS_semctl, 0, {0, 0, SEM_INFO}, {0, 0, 0, 40}, 0, TRIAL_VOLATILE, 40},
	{"msgctl_MSG_INFO", SYS_msgctl, 0, {0, MSG_INFO}, {0, 0, 32}, 0, TRIAL_VOLATILE, 32},
	{"fcntl_F_GETOWN_EX", SYS_fcntl, OPEN_FILE, {ARG_FD, F_GETOWN_EX}, {0, 0, 8}, 0, 0, 8},
	{"fcntl_F_GETOWNER_UIDS", SYS_fcntl, OPEN_FILE, {ARG_FD, 17}, {0, 0, 8}, 0, 0, -1},
	{"fcntl_F_GET_RW_HINT", SYS_fcntl, OPEN_FILE, {ARG_FD, F_GET_RW_HINT}, {0, 0, 8}, 0, 0, -1},
	{"prctl_PR_GET_PDEATHSIG", SYS_prctl, 0, {PR_GET_PDEATHSIG}, {0, 4}, 0, 0, 4},
	{"prctl_PR_GET_TSC", SYS_prctl, 0, {PR_GET_TSC}, {0, 4}, 0, 0, 4},
	{"prctl_PR_GET_CHILD_SUBREAPER", SYS_prctl, 0, {37}, {0, 4}, 0, 0, 4},
	{"prctl_PR_GET_AUXV", SYS_prctl, 0, {0x41555856, 0, 600}, {0, 600}, 0, 0, -1},
	{"arch_prctl_ARCH_GET_GS", SYS_arch_prctl, 0, {0x1004}, {0, 8}, 0, 0, 8},
	{"arch_prctl_ARCH_GET_XCOMP_PERM", SYS_arch_prctl, 0, {0x1022}, {0, 8}, 0, 0, 8},
	{"arch_prctl_ARCH_GET_MAX_TAG_BITS", SYS_arch_prctl, 0, {0x4003}, {0, 8}, 0, 0, -1},
	{"timerfd_settime", SYS_timerfd_settime, OPEN_TIMER, {ARG_FD}, {0, 0, 32, 32}, 4, 0, 32},
	{"ioctl_TIOCOUTQ", SYS_ioctl, OPEN_TERMINAL, {ARG_FD, TIOCOUTQ}, {0, 0, 4}, 0, 0, 4},
	{"ioctl_TIOCGETD", SYS_ioctl, OPEN_TERMINAL, {ARG_FD, TIOCGETD}, {0, 0, 4}, 0, 0, 4},
	{"ioctl_TIOCGSID",
	 SYS_ioctl,
	 OPEN_TERMINAL,
	 {ARG_FD, TIOCGSID},
	 {0, 0, 4},
	 0,
	 TRIAL_GAPS,
	 4},
	{"ioctl_TCGETA", SYS_ioctl, OPEN_TERMINAL, {ARG_FD, TCGETA}, {0, 0, 18}, 0, TRIAL_GAPS, 18},
	{"ioctl_TIOCGLCKTRMIOS", SYS_ioctl, OPEN_TERMINAL, {ARG_FD, 0x5456}, {0, 0, 36}, 0, 0, 36},
	{"ioctl_TIOCGEXCL", SYS_ioctl, OPEN_TERMINAL, {ARG_FD, TIOCGEXCL}, {0, 0, 4}, 0, 0, 4},
	{"ioctl_FS_IOC_GETFLAGS",
	 SYS_ioctl,
	 OPEN_FILE,
	 {ARG_FD, FS_IOC_GETFLAGS},
	 {0, 0, 8},
	 0,
	 0,
	 4},
	{"ioctl_SIOCATMARK", SYS_ioctl, OPEN_SOCKET, {ARG_FD, SIOCATMARK}, {0, 0, 4}, 0, 0, 4},
	{"ioctl_SIOCGPGRP", SYS_ioctl, OPEN_SOCKET, {ARG_FD, SIOCGPGRP}, {0, 0, 4}, 0, 0, 4},
	{"ioctl_FIOGETOWN", SYS_ioctl, OPEN_SOCKET, {ARG_FD, FIOGETOWN}, {0, 0, 4}, 0, 0, 4},
};

int main(void)
{
	static struct trial_case cases[mw_array_size(rows)];

	for (size_t i = 0; i < mw_array_size(rows); i++)
		cases[i] = (struct trial_case){.name = rows[i].name,
					       .prepare = prepare_row,
					       .flags = rows[i].flags,
					       .written = rows[i].written,
					       .data = &rows[i]};
	return trial_run_all("sizes", cases, mw_array_size(cases));
}
