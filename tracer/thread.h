// SPDX-License-Identifier: MIT
#ifndef MW_TRACER_THREAD_H
#define MW_TRACER_THREAD_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/compiler.h"
#include "base/procfs.h"
#include "base/target.h"
#include "tracer/annex.h"
#include "tracer/stop.h"
#include "tracer/syscall_buffers.h"

enum mw_thread_state {
	MW_THREAD_RUNNING,
	/** In a ptrace-stop; `stop` says which. Registers can be read. */
	MW_THREAD_STOPPED,
	/** In a group-stop that PTRACE_LISTEN keeps; registers can't be read. */
	MW_THREAD_LISTENING,
	MW_THREAD_GONE,
};

/** How a stopped thread goes on. */
enum mw_resume {
	MW_RESUME_RUN,
	/** Up to the next entry to, or exit from, a system call. */
	MW_RESUME_SYSCALL,
	/** One instruction. */
	MW_RESUME_STEP,
	/** Stays in its group-stop. */
	MW_RESUME_LISTEN,
};

/** Whether a thread blocks SIGSEGV, as far as it is known: see segv.c. */
enum mw_segv_mask {
	MW_SEGV_UNKNOWN,
	MW_SEGV_OPEN,
	MW_SEGV_BLOCKED,
};

/** A system call in flight whose output buffers stand in scratch memory. */
struct mw_redirect {
	bool active;
	/** The call waits for restart_syscall, which uses the buffers it was first given. */
	bool awaits_restart;
	int64_t number;
	uint64_t args[6];
	struct mw_syscall_buffers buffers;
	/** Where each buffer stands now. */
	mw_addr moved[MW_SYSCALL_BUFFERS_MAX];
	/** It returns into the annex instead of to `return_ip`. */
	bool diverted;
	mw_addr return_ip;
};

/** A hot thread runs on the tracer's CPU while its stores trap: see burst.h. */
struct mw_burst {
	bool pinned;
	cpu_set_t home;
	cpu_set_t pinned_to;
	/** Start of the counting period, and traps in it. */
	uint64_t since_ns;
	unsigned traps;
};

struct mw_thread {
	pid_t tid;
	pid_t tgid;
	enum mw_thread_state state;
	struct mw_stop stop;
	/** A stop taken out of turn (all-stop, or before the parent's event) and not yet handled.
	 */
	bool stashed;
	/** The stop has been handled; the thread only stands there because the target is held. */
	bool handled;
	/** PTRACE_INTERRUPT was sent since it last stopped. */
	bool interrupt_sent;
	/** The present stop took an interruption with it: a call may have ended because of that. */
	bool interrupted;
	/** The present stop ended a step: whoever lets it go without being its tracer, lets it make
	 * another one. */
	bool stepped;
	/** Waits for its vfork child: doesn't run, and can't be stopped. */
	bool vfork_parent;
	/** Shares the watched address space. A plain fork child doesn't. */
	bool same_memory;
	/** The interrupted call was rewound; undone if a signal handler is to run after all. */
	bool rewound;
	struct user_regs_struct before_rewind;
	/** A signal taken before an injection, to be delivered with its own siginfo. */
	bool has_saved_siginfo;
	siginfo_t saved_siginfo;

	bool regs_valid;
	bool regs_dirty;
	/** Of the registers only the ip has changed. */
	bool ip_dirty;
	struct user_regs_struct regs;
	/** In an interrupted call that goes by another number from there on (restart_syscall(2)).
	 */
	struct user_regs_struct first_interrupted;
	/** As last seen in a stop: where its stack and its control block are. */
	mw_addr last_sp;
	mw_addr last_tcb;

	/** The page that it waits for, guarded by userfaultfd; NULL: none. See wp.h. */
	mw_addr wp_fault;
	/** It stored from inside the kernel: for a call, as /proc said before it was interrupted.
	 */
	bool wp_in_call;
	bool wp_in_kernel;

	enum mw_segv_mask segv_mask;
	/** What the rt_sigaction() in flight replaces, as the program knows it. */
	struct mw_sigaction replaced_action;
	/** Which of the annex's records of calls and stores is this thread's. */
	bool has_record;
	unsigned record;
	/** It was sent to the exit of its store, to go on at `behind_exit`. */
	bool at_exit;
	mw_addr behind_exit;
	char name[MW_COMM_SIZE];
	uint64_t name_read_ns;

	struct mw_redirect redirect;
	/** The call in flight was made to fail, and is carried out at its exit: see remap.c. */
	bool remaps;
	/** It sets a seccomp filter: passed over once, so that we are gone before, see seccomp.c.
	 */
	bool sets_filter;
	/** Scratch memory in the tracee for this thread's redirected buffers. */
	struct mw_range scratch;
	/** Bytes of scratch that the skipped call needs; 0 when none was skipped. */
	uint64_t scratch_wanted;
	struct mw_burst burst;
};

struct mw_error *mw_thread_create(pid_t tid, pid_t tgid, struct mw_thread **ret) MW_MUST_CHECK;
void mw_thread_destroy(struct mw_thread *thread);

/** The registers of a stopped thread, read once a stop. @return mw_err_gone if it died. */
struct mw_error *mw_thread_regs(struct mw_thread *thread,
				struct user_regs_struct **ret) MW_MUST_CHECK;
/** Says that the caller changed the registers; they are written when the thread resumes. */
void mw_thread_regs_changed(struct mw_thread *thread);
/** Says that the caller changed the ip and nothing else. */
void mw_thread_ip_changed(struct mw_thread *thread);

/** Writes changed registers now; resuming does it by itself. @return 0 or -errno. */
int mw_thread_flush_regs(struct mw_thread *thread);

/** Takes note of a wait status: the thread is stopped (or gone). */
void mw_thread_stopped(struct mw_thread *thread, struct mw_stop stop);

/** Asks a thread to stop before its next instruction in user mode, unless that is under way. */
void mw_thread_interrupt(struct mw_thread *thread);

/**
 * The only way in which a tracee runs on.
 *
 * @param signal delivered first; 0 for none.
 * @return NULL, also when the thread has died meanwhile: wait() reports that.
 */
struct mw_error *mw_thread_resume(struct mw_thread *thread, enum mw_resume how,
				  int signal) MW_MUST_CHECK;

/** Its name, at most 100 ms old; kept when the thread is gone. */
const char *mw_thread_name(struct mw_thread *thread, uint64_t now_ns);

/** Whether only its own calls and returns work. Never remembered: it may turn that on any time. */
bool mw_thread_has_shadow_stack(const struct mw_thread *thread);

#endif
