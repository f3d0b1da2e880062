// SPDX-License-Identifier: MIT
/**
 * Memory of ours in the tracee: pages of code and, right behind it, struct mw_annex. It holds all
 * that it takes to put the tracee right when memwatch is killed, so that the code in it (the
 * dead-man, arch/ARCH/deadman.c), the guardian and `memwatch rescue` need nothing else.
 */
#ifndef MW_TRACER_ANNEX_H
#define MW_TRACER_ANNEX_H

#include <stddef.h>
#include <stdint.h>

#include "tracer/syscall_buffers.h"

/** "mwannex1", as it stands in memory. */
#define MW_ANNEX_MAGIC UINT64_C(0x3178656e6e61776d)
#define MW_ANNEX_CODE_SIZE UINT64_C(8192)
/** Where the exits of stores begin in the code: see struct mw_annex_store. */
#define MW_ANNEX_EXITS UINT64_C(4096)
#define MW_ANNEX_EXIT_SIZE 32

#define MW_ANNEX_SPANS 16384
#define MW_ANNEX_CALLS 128
/** At most as many as there are exits in a page. */
#define MW_ANNEX_STORES 128
#define MW_ANNEX_BUFFERS 16
#define MW_ANNEX_SCRATCHES 256
#define MW_ANNEX_PINS 64
#define MW_ANNEX_RETRIES 64
#define MW_ANNEX_CPU_BYTES 128
/** Longest read-modify-write operand. */
#define MW_ANNEX_STORE_MAX 16
#define MW_ANNEX_REGISTERS 18
/** Which of them is the ip. */
#define MW_ANNEX_IP 16

/** sigaction as the kernel has it, which isn't glibc's. */
struct mw_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/** The signals that memwatch handles in the target's place. */
enum mw_deadman_signal {
	MW_DEADMAN_SEGV,
	MW_DEADMAN_TRAP,
	MW_DEADMAN_SIGNALS,
};

/** Guarded pages, and what they were before. */
struct mw_annex_span {
	uint64_t start;
	uint64_t size;
	uint64_t prot;
	uint64_t alias;
};

/** An injected call or step in progress: the thread's registers aren't its own. */
struct mw_annex_session {
	/** 0: none. */
	int64_t tid;
	uint64_t mask;
	/** As a signal frame has them; an interrupted system call is made again. */
	uint64_t regs[MW_ANNEX_REGISTERS];
};

/**
 * A thread that makes injected calls from a signal frame (signal_frame.h): while its stack pointer
 * stands there, a call of ours may still be before it, and is not to come after the repair.
 */
struct mw_annex_cover {
	/** 0: none. */
	int64_t tid;
	uint64_t frame;
};

/**
 * A read-modify-write that is being carried out for a thread: it must not happen twice. The thread
 * goes on at the exit of the same index, which frees the record and jumps behind the instruction:
 * so the record is valid until, and only until, the thread has its new registers.
 */
struct mw_annex_store {
	/** 0: none. */
	int64_t tid;
	uint64_t addr;
	uint64_t size;
	uint8_t old_bytes[MW_ANNEX_STORE_MAX];
	uint64_t ip;
	/** Behind the instruction. */
	uint64_t regs[MW_ANNEX_REGISTERS];
};

struct mw_annex_buffer {
	uint64_t original;
	uint64_t moved;
	uint64_t size;
	/** Where the pointer stands in memory; 0 when it is an argument. */
	uint64_t slot;
	struct mw_syscall_fill fill;
};

/** A system call whose buffers stand in scratch memory. It returns into the annex. */
struct mw_annex_call {
	/** 0: free. */
	int64_t tid;
	uint64_t ip;
	/** Its number, if it was passed over and is still to be made; -1: it was made. */
	int64_t skipped;
	uint64_t args[6];
	uint64_t count;
	struct mw_annex_buffer buffers[MW_ANNEX_BUFFERS];
};

/** The affinity mask of a thread that a burst has pinned. */
struct mw_annex_pin {
	int64_t tid;
	uint8_t home[MW_ANNEX_CPU_BYTES];
};

struct mw_annex_retry {
	uint64_t ip;
	uint64_t addr;
};

/** What changes with each store. */
struct mw_annex_progress {
	/** Who did the last store that may happen twice; 0: he has come by since. */
	int64_t storer;
	struct mw_annex_store stores[MW_ANNEX_STORES];
};

#define MW_ANNEX_HEADER_SIZE 4096
#define MW_ANNEX_SHARED_SIZE 28672

struct mw_annex {
	union {
		struct {
			uint64_t magic;
			/** Code page included. */
			uint64_t size;
			/** What the program has set. */
			struct mw_sigaction own[MW_DEADMAN_SIGNALS];
			/** What the kernel has: ours. */
			struct mw_sigaction ours[MW_DEADMAN_SIGNALS];
			/** Argument of injected calls. */
			struct mw_sigaction io;
			/** Of a signal that is sent again: a siginfo_t. */
			uint8_t siginfo[128];
			/** Stays zero: the default action. */
			struct mw_sigaction fallback;
			/** ptrace's debug registers are in use: nobody else turns them off. */
			uint64_t debug_registers;
			/** The thread whose next SIGSEGV is the program's own, whatever it looks
			 * like; 0: none. */
			int64_t passing;
			/** The dead-man has opened the pages. */
			uint64_t healed;
			/** Faults that came after that are tried once more: they may have been on
			 * their way. */
			struct mw_annex_retry retries[MW_ANNEX_RETRIES];
			struct mw_annex_session session;
			struct mw_annex_cover cover;
		};
		uint8_t header[MW_ANNEX_HEADER_SIZE];
	};
	/** Pages of their own, which memwatch may have mapped, too: see annex_share.c. */
	union {
		struct mw_annex_progress progress;
		uint8_t shared[MW_ANNEX_SHARED_SIZE];
	};
	/** Which of the two tables is valid, and how long it is: changed by one aligned write. */
	uint32_t span_count;
	uint32_t span_table;
	struct mw_annex_span spans[2][MW_ANNEX_SPANS];
	struct mw_annex_call calls[MW_ANNEX_CALLS];
	uint64_t scratch_count;
	struct mw_range scratches[MW_ANNEX_SCRATCHES];
	struct mw_annex_pin pins[MW_ANNEX_PINS];
};
_Static_assert(offsetof(struct mw_annex, shared) == MW_ANNEX_HEADER_SIZE &&
		       sizeof(struct mw_annex_progress) <= MW_ANNEX_SHARED_SIZE,
	       "the parts fit their pages");

#endif
