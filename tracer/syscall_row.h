// SPDX-License-Identifier: MIT
/** The language in which the table of system calls is written; for syscall_*.c only. */
#ifndef MW_TRACER_SYSCALL_ROW_H
#define MW_TRACER_SYSCALL_ROW_H

#include <stddef.h>

#include "tracer/syscall_buffers.h"

/** What gives the capacity of an output. */
enum mw_syscall_size {
	/** `unit` bytes. */
	MW_SIZE_FIXED,
	/** `unit` times argument `length_arg`. */
	MW_SIZE_ARGUMENT,
	/** The low half of argument `length_arg`, negative being none, times `unit`. */
	MW_SIZE_ARGUMENT32,
	/** The int behind argument `length_arg`, itself an output; at most `unit` bytes. */
	MW_SIZE_POINTED,
};

/** One output of a call, behind argument `arg`; all zeros ends an array of them. */
struct mw_syscall_output {
	uint32_t unit;
	uint8_t arg;
	uint8_t size;
	uint8_t length_arg;
	uint8_t when;
	uint8_t amount;
	uint8_t least;
	bool reads;
	bool keeps;
};

/** Outputs that hold for one value of a call's selecting argument (an fcntl command …). */
struct mw_syscall_variant {
	uint32_t value;
	struct mw_syscall_output outputs[3];
	bool unknown;
};

struct mw_syscall_variants {
	const struct mw_syscall_variant *items;
	uint16_t count;
	/** Which argument selects; its bits from `shift` on, those of `mask` if that isn't 0. */
	uint8_t selector;
	uint8_t shift;
	uint32_t mask;
	/** Values that aren't listed write nothing, instead of nobody knows what. */
	bool complete;
};

/** What a lister by hand works with. */
struct mw_syscall_lister {
	const uint64_t *args;
	const struct mw_mem_reader *memory;
	struct mw_syscall_buffers *ret;
};

/** One system call. A row with a name only writes nothing. */
struct mw_syscall_row {
	const char *name;
	struct mw_syscall_output outputs[3];
	const struct mw_syscall_variants *variants;
	/** For what the outputs can't say; runs after them. */
	void (*list)(struct mw_syscall_lister *lister);
	/** Writes through pointers that aren't listed. */
	bool unknown;
};

/** The table of this architecture, indexed by system call number. */
extern const struct mw_syscall_row mw_syscall_rows[];
extern const size_t mw_syscall_row_count;

/* Whole when the call succeeds. */
#define OUT(arg_, size_)                                                                           \
	{                                                                                          \
		.arg = (arg_), .unit = (size_)                                                     \
	}
/* Whole when the result is more than 0. */
#define OUT_IF_ANY(arg_, size_)                                                                    \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .least = 1                                         \
	}
/* Whole, also on failure. */
#define OUT_ALWAYS(arg_, size_)                                                                    \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .when = MW_WHEN_ALWAYS                             \
	}
#define IN_OUT(arg_, size_)                                                                        \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .reads = true                                      \
	}
#define IN_OUT_IF_ANY(arg_, size_)                                                                 \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .least = 1, .reads = true                          \
	}
#define IN_OUT_ALWAYS(arg_, size_)                                                                 \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .when = MW_WHEN_ALWAYS, .reads = true              \
	}
#define OUT_TIME_LEFT(arg_, size_)                                                                 \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .when = MW_WHEN_INTERRUPTED                        \
	}
/* Room for a number of items given by an argument; the result is the number written. */
#define OUT_RESULT(arg_, length_, unit_)                                                           \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT, .length_arg = (length_), \
		.amount = MW_AMOUNT_RESULT                                                         \
	}
#define OUT_RESULT32(arg_, length_, unit_)                                                         \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT32,                        \
		.length_arg = (length_), .amount = MW_AMOUNT_RESULT                                \
	}
#define IN_OUT_RESULT32(arg_, length_, unit_)                                                      \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT32,                        \
		.length_arg = (length_), .amount = MW_AMOUNT_RESULT, .reads = true                 \
	}
/* As many items as an argument says, all written when the call succeeds. */
#define OUT_ARRAY(arg_, length_, unit_)                                                            \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT, .length_arg = (length_)  \
	}
#define OUT_ARRAY32(arg_, length_, unit_)                                                          \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT32,                        \
		.length_arg = (length_)                                                            \
	}
#define OUT_ALWAYS_ARRAY(arg_, length_, unit_)                                                     \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT, .length_arg = (length_), \
		.when = MW_WHEN_ALWAYS                                                             \
	}
#define IN_OUT_ARRAY32(arg_, length_, unit_)                                                       \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT32,                        \
		.length_arg = (length_), .when = MW_WHEN_ALWAYS, .reads = true                     \
	}
#define KEPT_ARRAY32(arg_, length_, unit_)                                                         \
	{                                                                                          \
		.arg = (arg_), .unit = (unit_), .size = MW_SIZE_ARGUMENT32,                        \
		.length_arg = (length_), .when = MW_WHEN_ALWAYS, .reads = true, .keeps = true      \
	}
/* A buffer and the value-result length behind another argument. */
#define OUT_TOLD(arg_, length_, most_)                                                             \
	{                                                                                          \
		.arg = (arg_), .unit = (most_), .size = MW_SIZE_POINTED, .length_arg = (length_),  \
		.amount = MW_AMOUNT_TOLD                                                           \
	}
#define IN_OUT_TOLD(arg_, length_, most_)                                                          \
	{                                                                                          \
		.arg = (arg_), .unit = (most_), .size = MW_SIZE_POINTED, .length_arg = (length_),  \
		.amount = MW_AMOUNT_TOLD, .reads = true                                            \
	}
/* Written, at once or later, and not to be redirected. */
#define KEPT(arg_, size_)                                                                          \
	{                                                                                          \
		.arg = (arg_), .unit = (size_), .when = MW_WHEN_ALWAYS, .reads = true,             \
		.keeps = true                                                                      \
	}

/** Largest socket address that the kernel hands out (sizeof struct sockaddr_storage). */
#define MW_SYSCALL_SOCKADDR_MAX 128

/** Reads target memory; false when it can't be read. */
bool mw_syscall_read(const struct mw_syscall_lister *lister, mw_addr addr, void *ret, size_t size);

/** Appends a buffer. @return NULL when it is empty, its pointer is NULL, or the list is full. */
struct mw_syscall_buffer *mw_syscall_push_arg(struct mw_syscall_lister *lister, unsigned index,
					      uint64_t size);
struct mw_syscall_buffer *mw_syscall_push_slot(struct mw_syscall_lister *lister, mw_addr slot,
					       uint64_t start, uint64_t size);
void mw_syscall_push_output(struct mw_syscall_lister *lister,
			    const struct mw_syscall_output *output);

/* Listers by hand. */
void mw_syscall_list_select(struct mw_syscall_lister *lister);
void mw_syscall_list_mincore(struct mw_syscall_lister *lister);
void mw_syscall_list_msgrcv(struct mw_syscall_lister *lister);
void mw_syscall_list_capget(struct mw_syscall_lister *lister);
void mw_syscall_list_get_mempolicy(struct mw_syscall_lister *lister);
void mw_syscall_list_name_to_handle_at(struct mw_syscall_lister *lister);
void mw_syscall_list_getxattrat(struct mw_syscall_lister *lister);
void mw_syscall_list_statmount(struct mw_syscall_lister *lister);
void mw_syscall_list_clone(struct mw_syscall_lister *lister);
void mw_syscall_list_clone3(struct mw_syscall_lister *lister);
void mw_syscall_list_io_submit(struct mw_syscall_lister *lister);
void mw_syscall_list_ptrace(struct mw_syscall_lister *lister);

void mw_syscall_list_readv(struct mw_syscall_lister *lister);
void mw_syscall_list_vmsplice(struct mw_syscall_lister *lister);
void mw_syscall_list_recvmsg(struct mw_syscall_lister *lister);
void mw_syscall_list_recvmmsg(struct mw_syscall_lister *lister);
/** The iovecs of array @vector, filled as @fill says; `before` is counted up here. */
void mw_syscall_list_vector(struct mw_syscall_lister *lister, mw_addr vector, uint64_t count,
			    struct mw_syscall_fill fill);

void mw_syscall_list_ioctl(struct mw_syscall_lister *lister);

/* Calls whose outputs depend on a command. */
extern const struct mw_syscall_variants mw_syscall_fcntl, mw_syscall_shmctl, mw_syscall_semctl,
	mw_syscall_msgctl, mw_syscall_prctl, mw_syscall_arch_prctl, mw_syscall_syslog,
	mw_syscall_modify_ldt, mw_syscall_keyctl, mw_syscall_quotactl, mw_syscall_quotactl_fd,
	mw_syscall_futex, mw_syscall_seccomp, mw_syscall_sysfs, mw_syscall_bpf, mw_syscall_ptrace;

#endif
