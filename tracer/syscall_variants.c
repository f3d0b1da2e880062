// SPDX-License-Identifier: MIT
/* Calls whose outputs depend on a command in one of their arguments. */
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/mqueue.h>
#include <linux/msg.h>
#include <linux/quota.h>
#include <linux/seccomp.h>
#include <linux/sem.h>
#include <linux/shm.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "tracer/syscall_row.h"

#define WRITES(value_, ...)                                                                        \
	{                                                                                          \
		.value = (value_), .outputs = { __VA_ARGS__ }                                      \
	}
#define UNKNOWN(value_)                                                                            \
	{                                                                                          \
		.value = (value_), .unknown = true                                                 \
	}
#define SILENT(value_)                                                                             \
	{                                                                                          \
		.value = (value_)                                                                  \
	}

#define VARIANTS(name_, rows_, selector_, ...)                                                     \
	const struct mw_syscall_variants mw_syscall_##name_ = {.items = (rows_),                   \
							       .count = mw_array_size(rows_),      \
							       .selector = (selector_),            \
							       __VA_ARGS__}

static const struct mw_syscall_variant fcntl_rows[] = {
	WRITES(F_GETLK, IN_OUT(2, sizeof(struct flock))),
	WRITES(F_OFD_GETLK, IN_OUT(2, sizeof(struct flock))),
	WRITES(F_GETOWN_EX, OUT(2, sizeof(struct f_owner_ex))),
	WRITES(17 /* F_GETOWNER_UIDS */, OUT(2, 2 * sizeof(uid_t))),
	WRITES(F_GET_RW_HINT, OUT(2, sizeof(uint64_t))),
	WRITES(F_GET_FILE_RW_HINT, OUT(2, sizeof(uint64_t))),
};
VARIANTS(fcntl, fcntl_rows, 1, .complete = true);

/* IPC_64, which the kernel ignores here. */
#define IPC_MASK 0xfffffeffu

static const struct mw_syscall_variant shmctl_rows[] = {
	WRITES(IPC_STAT, OUT(2, sizeof(struct shmid64_ds))),
	WRITES(SHM_STAT, OUT(2, sizeof(struct shmid64_ds))),
	WRITES(SHM_STAT_ANY, OUT(2, sizeof(struct shmid64_ds))),
	WRITES(IPC_INFO, OUT(2, sizeof(struct shminfo64))),
	WRITES(SHM_INFO, OUT(2, sizeof(struct shm_info))),
};
VARIANTS(shmctl, shmctl_rows, 1, .mask = IPC_MASK, .complete = true);

static const struct mw_syscall_variant semctl_rows[] = {
	WRITES(IPC_STAT, OUT(3, sizeof(struct semid64_ds))),
	WRITES(SEM_STAT, OUT(3, sizeof(struct semid64_ds))),
	WRITES(SEM_STAT_ANY, OUT(3, sizeof(struct semid64_ds))),
	WRITES(IPC_INFO, OUT(3, sizeof(struct seminfo))),
	WRITES(SEM_INFO, OUT(3, sizeof(struct seminfo))),
	/* One number for each semaphore: how many there are only the kernel knows. */
	UNKNOWN(GETALL),
};
VARIANTS(semctl, semctl_rows, 2, .mask = IPC_MASK, .complete = true);

static const struct mw_syscall_variant msgctl_rows[] = {
	WRITES(IPC_STAT, OUT(2, sizeof(struct msqid64_ds))),
	WRITES(MSG_STAT, OUT(2, sizeof(struct msqid64_ds))),
	WRITES(MSG_STAT_ANY, OUT(2, sizeof(struct msqid64_ds))),
	WRITES(IPC_INFO, OUT(2, sizeof(struct msginfo))),
	WRITES(MSG_INFO, OUT(2, sizeof(struct msginfo))),
};
VARIANTS(msgctl, msgctl_rows, 1, .mask = IPC_MASK, .complete = true);

/* Newer than the oldest headers that memwatch builds with. */
#define MW_PR_GET_SHADOW_STACK_STATUS 74
#define MW_PR_GET_AUXV 0x41555856

static const struct mw_syscall_variant prctl_rows[] = {
	WRITES(PR_GET_PDEATHSIG, OUT(1, sizeof(int))),
	WRITES(PR_GET_UNALIGN, OUT(1, sizeof(int))),
	WRITES(PR_GET_FPEMU, OUT(1, sizeof(int))),
	WRITES(PR_GET_FPEXC, OUT(1, sizeof(int))),
	WRITES(PR_GET_ENDIAN, OUT(1, sizeof(int))),
	WRITES(PR_GET_TSC, OUT(1, sizeof(int))),
	WRITES(PR_GET_CHILD_SUBREAPER, OUT(1, sizeof(int))),
	WRITES(PR_GET_NAME, OUT(1, 16)),
	WRITES(PR_GET_TID_ADDRESS, OUT(1, sizeof(uint64_t))),
	WRITES(MW_PR_GET_SHADOW_STACK_STATUS, OUT(1, sizeof(uint64_t))),
	WRITES(MW_PR_GET_AUXV, OUT_RESULT(1, 2, 1)),
	WRITES(PR_SCHED_CORE, OUT(4, sizeof(uint64_t))),
	/* Of its sub-commands one writes: PR_SET_MM_MAP_SIZE, an int in argument 2. */
	UNKNOWN(PR_SET_MM),
	SILENT(PR_SET_NAME),
	SILENT(PR_SET_PDEATHSIG),
	SILENT(PR_SET_DUMPABLE),
	SILENT(PR_GET_DUMPABLE),
	SILENT(PR_SET_NO_NEW_PRIVS),
	SILENT(PR_SET_SECCOMP),
	SILENT(PR_SET_VMA),
	SILENT(PR_SET_PTRACER),
	SILENT(PR_SET_CHILD_SUBREAPER),
	SILENT(PR_SET_TIMERSLACK),
	SILENT(PR_GET_TIMERSLACK),
	SILENT(PR_CAPBSET_READ),
	SILENT(PR_CAPBSET_DROP),
	SILENT(PR_CAP_AMBIENT),
};
VARIANTS(prctl, prctl_rows, 0);

static const struct mw_syscall_variant arch_prctl_rows[] = {
	SILENT(ARCH_SET_FS),
	SILENT(ARCH_SET_GS),
	WRITES(ARCH_GET_FS, OUT(1, sizeof(uint64_t))),
	WRITES(ARCH_GET_GS, OUT(1, sizeof(uint64_t))),
	SILENT(ARCH_GET_CPUID),
	SILENT(ARCH_SET_CPUID),
	WRITES(0x1021 /* ARCH_GET_XCOMP_SUPP */, OUT(1, sizeof(uint64_t))),
	WRITES(0x1022 /* ARCH_GET_XCOMP_PERM */, OUT(1, sizeof(uint64_t))),
	SILENT(0x1023 /* ARCH_REQ_XCOMP_PERM */),
	WRITES(0x1024 /* ARCH_GET_XCOMP_GUEST_PERM */, OUT(1, sizeof(uint64_t))),
	WRITES(0x4001 /* ARCH_GET_UNTAG_MASK */, OUT(1, sizeof(uint64_t))),
	WRITES(0x4003 /* ARCH_GET_MAX_TAG_BITS */, OUT(1, sizeof(uint64_t))),
	WRITES(0x5005 /* ARCH_SHSTK_STATUS */, OUT(1, sizeof(uint64_t))),
};
VARIANTS(arch_prctl, arch_prctl_rows, 0);

/* SYSLOG_ACTION_READ, _READ_ALL and _READ_CLEAR. */
static const struct mw_syscall_variant syslog_rows[] = {
	WRITES(2, OUT_RESULT32(1, 2, 1)),
	WRITES(3, OUT_RESULT32(1, 2, 1)),
	WRITES(4, OUT_RESULT32(1, 2, 1)),
};
VARIANTS(syslog, syslog_rows, 0, .complete = true);

/* Read the table, read the default table. */
static const struct mw_syscall_variant modify_ldt_rows[] = {
	WRITES(0, OUT_RESULT(1, 2, 1)),
	WRITES(2, OUT_RESULT(1, 2, 1)),
};
VARIANTS(modify_ldt, modify_ldt_rows, 0, .complete = true);

static const struct mw_syscall_variant keyctl_rows[] = {
	WRITES(KEYCTL_DESCRIBE, OUT_RESULT(2, 3, 1)),
	WRITES(KEYCTL_READ, OUT_RESULT(2, 3, 1)),
	WRITES(KEYCTL_GET_SECURITY, OUT_RESULT(2, 3, 1)),
	WRITES(KEYCTL_DH_COMPUTE, OUT_RESULT(2, 3, 1)),
	WRITES(KEYCTL_PKEY_QUERY, OUT(4, sizeof(struct keyctl_pkey_query))),
	/* Sized by a field of the structure in argument 1. */
	UNKNOWN(KEYCTL_PKEY_ENCRYPT),
	UNKNOWN(KEYCTL_PKEY_DECRYPT),
	UNKNOWN(KEYCTL_PKEY_SIGN),
	/* Clears what it has no bits for. */
	WRITES(KEYCTL_CAPABILITIES, OUT_ARRAY(1, 2, 1)),
};
VARIANTS(keyctl, keyctl_rows, 0, .complete = true);

static const struct mw_syscall_variant quota_rows[] = {
	WRITES(Q_GETFMT, OUT(3, sizeof(uint32_t))),
	WRITES(Q_GETINFO, OUT(3, sizeof(struct if_dqinfo))),
	WRITES(Q_GETQUOTA, OUT(3, sizeof(struct if_dqblk))),
	WRITES(Q_GETNEXTQUOTA, OUT(3, sizeof(struct if_nextdqblk))),
	WRITES(Q_XGETQUOTA, OUT(3, sizeof(struct fs_disk_quota))),
	WRITES(Q_XGETNEXTQUOTA, OUT(3, sizeof(struct fs_disk_quota))),
	WRITES(Q_XGETQSTAT, OUT(3, sizeof(struct fs_quota_stat))),
	WRITES(Q_XGETQSTATV, IN_OUT(3, sizeof(struct fs_quota_statv))),
};
/* The command stands above 8 bits of quota type. */
VARIANTS(quotactl, quota_rows, 0, .shift = SUBCMDSHIFT, .complete = true);
VARIANTS(quotactl_fd, quota_rows, 1, .shift = SUBCMDSHIFT, .complete = true);

static const struct mw_syscall_variant futex_rows[] = {
	WRITES(FUTEX_WAKE_OP, KEPT(4, sizeof(uint32_t))),
	WRITES(FUTEX_LOCK_PI, KEPT(0, sizeof(uint32_t))),
	WRITES(FUTEX_LOCK_PI2, KEPT(0, sizeof(uint32_t))),
	WRITES(FUTEX_TRYLOCK_PI, KEPT(0, sizeof(uint32_t))),
	WRITES(FUTEX_UNLOCK_PI, KEPT(0, sizeof(uint32_t))),
	WRITES(FUTEX_WAIT_REQUEUE_PI, KEPT(4, sizeof(uint32_t))),
	WRITES(FUTEX_CMP_REQUEUE_PI, KEPT(4, sizeof(uint32_t))),
};
VARIANTS(futex, futex_rows, 1, .mask = (uint32_t)FUTEX_CMD_MASK, .complete = true);

static const struct mw_syscall_variant seccomp_rows[] = {
	WRITES(SECCOMP_GET_NOTIF_SIZES, OUT(2, sizeof(struct seccomp_notif_sizes))),
};
VARIANTS(seccomp, seccomp_rows, 0, .complete = true);

/* 2 asks for the name of a file system, of any length. */
static const struct mw_syscall_variant sysfs_rows[] = {UNKNOWN(2)};
VARIANTS(sysfs, sysfs_rows, 0, .complete = true);

/* BPF_PROG_LOAD and BPF_MAP_CREATE, the usual ones, write into nothing but their attributes. */
static const struct mw_syscall_variant bpf_rows[] = {
	SILENT(0 /* BPF_MAP_CREATE */),
	SILENT(5 /* BPF_PROG_LOAD */),
};
VARIANTS(bpf, bpf_rows, 0);

/* PTRACE_GETREGSET is listed by hand. */
static const struct mw_syscall_variant ptrace_rows[] = {
	WRITES(PTRACE_PEEKTEXT, OUT(3, sizeof(uint64_t))),
	WRITES(PTRACE_PEEKDATA, OUT(3, sizeof(uint64_t))),
	WRITES(PTRACE_PEEKUSER, OUT(3, sizeof(uint64_t))),
	WRITES(PTRACE_GETREGS, OUT(3, sizeof(struct user_regs_struct))),
	WRITES(PTRACE_GETFPREGS, OUT(3, sizeof(struct user_fpregs_struct))),
	WRITES(PTRACE_GETSIGINFO, OUT(3, sizeof(siginfo_t))),
	WRITES(PTRACE_GETEVENTMSG, OUT(3, sizeof(uint64_t))),
	WRITES(PTRACE_GETSIGMASK, OUT(3, sizeof(uint64_t))),
	WRITES(PTRACE_GET_THREAD_AREA, OUT(3, 16)),
	WRITES(PTRACE_GET_SYSCALL_INFO, OUT_RESULT(3, 2, 1)),
	WRITES(PTRACE_SECCOMP_GET_METADATA, IN_OUT(3, 16)),
	WRITES(PTRACE_GET_RSEQ_CONFIGURATION, OUT_RESULT(3, 2, 1)),
	/* Arrays whose length stands in memory, or nowhere. */
	UNKNOWN(PTRACE_PEEKSIGINFO),
	UNKNOWN(PTRACE_SECCOMP_GET_FILTER),
};
VARIANTS(ptrace, ptrace_rows, 0, .complete = true);
