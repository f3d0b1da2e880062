// SPDX-License-Identifier: MIT
/* What the table says without running a call. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sem.h>

#include "syscall_trial.h"

#define HEADER "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"

static struct mw_syscall_buffers buffers;

static void list(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const uint64_t args[6] = {a, b, c, d, e, 0};

	mw_syscall_buffers_list(number, args, &trial_memory, &buffers);
}

static uint64_t written(int64_t number, int64_t result, unsigned index)
{
	static const uint64_t args[6];
	mw_addr redirected[MW_SYSCALL_BUFFERS_MAX];

	for (unsigned i = 0; i < buffers.count; i++)
		redirected[i] = buffers.items[i].range.start;
	return mw_syscall_buffers_written(number, args, result, &buffers, index, redirected,
					  &trial_memory);
}

static void test_every_call_of_the_header_has_a_row_of_its_name(void **state)
{
	FILE *header = fopen(HEADER, "re");
	char line[200], name[100];
	int number, checked = 0;

	(void)state;
	if (!header)
		skip();
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define __NR_%99s %d", name, &number) != 2)
			continue;
		assert_non_null(mw_syscall_name(number));
		assert_string_equal(mw_syscall_name(number), name);
		checked++;
	}
	fclose(header);
	assert_true(checked > 350);
}

static void test_a_number_without_a_row_is_unknown(void **state)
{
	static const int64_t numbers[] = {-1, 337, 423, 100000, INT64_MIN, INT64_MAX, 0x40000000};

	(void)state;
	for (size_t i = 0; i < mw_array_size(numbers); i++) {
		assert_null(mw_syscall_name(numbers[i]));
		list(numbers[i], 1, 2, 3, 4, 5);
		assert_true(buffers.unknown);
		assert_int_equal(buffers.count, 0);
	}
}

static void test_a_call_that_writes_nothing_is_known_and_has_no_buffer(void **state)
{
	(void)state;
	list(SYS_write, 1, 0x1000, 100, 0, 0);
	assert_false(buffers.unknown);
	assert_int_equal(buffers.count, 0);
}

static void test_a_null_or_empty_buffer_is_not_listed(void **state)
{
	(void)state;
	list(SYS_wait4, 1, 0, 0, 0, 0);
	assert_int_equal(buffers.count, 0);
	list(SYS_read, 0, 0x1000, 0, 0, 0);
	assert_int_equal(buffers.count, 0);
	list(SYS_getgroups, 0, 0x1000, 0, 0, 0);
	assert_int_equal(buffers.count, 0);
}

static void test_an_int_length_ignores_the_upper_half_and_negatives(void **state)
{
	(void)state;
	list(SYS_epoll_wait, 3, 0x1000, 0xdead000000000002, 0, 0);
	assert_int_equal(buffers.items[0].range.size, 24);
	list(SYS_epoll_wait, 3, 0x1000, (uint32_t)-1, 0, 0);
	assert_int_equal(buffers.count, 0);
}

static void test_a_huge_length_is_cut_as_the_kernel_cuts_it(void **state)
{
	(void)state;
	list(SYS_recvfrom, 3, 0x1000, UINT64_MAX, 0, 0);
	assert_int_equal(buffers.items[0].range.size, 0x7ffff000);
	list(SYS_io_getevents, 3, 0, UINT64_MAX / 2, 0x1000, 0);
	assert_int_equal(buffers.items[0].range.size, 0x7ffff000);
	list(SYS_read, 3, UINT64_MAX - 10, 100, 0, 0);
	assert_int_equal(buffers.count, 0);
}

static void test_an_unreadable_description_gives_no_buffer(void **state)
{
	(void)state;
	list(SYS_recvmsg, 3, 0x10, 0, 0, 0);
	assert_int_equal(buffers.count, 0);
	list(SYS_readv, 3, 0x10, 5, 0, 0);
	assert_int_equal(buffers.count, 0);
	list(SYS_getsockname, 3, 0x1000, 0x10, 0, 0);
	assert_int_equal(buffers.count, 0);
	list(SYS_clone3, 0x10, 88, 0, 0, 0);
	assert_int_equal(buffers.count, 0);
}

static void test_more_iovecs_than_fit_are_reported_as_cut(void **state)
{
	static struct iovec vector[MW_SYSCALL_BUFFERS_MAX + 1];
	static char byte;

	(void)state;
	for (size_t i = 0; i < mw_array_size(vector); i++)
		vector[i] = (struct iovec){&byte, 1};
	list(SYS_readv, 3, trial_pointer(vector), MW_SYSCALL_BUFFERS_MAX, 0, 0);
	assert_int_equal(buffers.count, MW_SYSCALL_BUFFERS_MAX);
	assert_false(buffers.cut);
	list(SYS_readv, 3, trial_pointer(vector), MW_SYSCALL_BUFFERS_MAX + 1, 0, 0);
	assert_int_equal(buffers.count, MW_SYSCALL_BUFFERS_MAX);
	assert_true(buffers.cut);
}

static void test_a_short_readv_fills_the_iovecs_in_order(void **state)
{
	struct iovec vector[3] = {{(void *)0x1000, 10}, {NULL, 0}, {(void *)0x2000, 10}};

	(void)state;
	list(SYS_readv, 3, trial_pointer(vector), 3, 0, 0);
	assert_int_equal(buffers.count, 2);
	assert_int_equal(buffers.items[1].slot.v, trial_pointer(&vector[2]));
	assert_int_equal(written(SYS_readv, 13, 0), 10);
	assert_int_equal(written(SYS_readv, 13, 1), 3);
	assert_int_equal(written(SYS_readv, 7, 0), 7);
	assert_int_equal(written(SYS_readv, 7, 1), 0);
	assert_int_equal(written(SYS_readv, -EINTR, 0), 0);
}

static void test_futex_words_that_the_kernel_writes_are_kept(void **state)
{
	static const struct {
		int operation;
		unsigned count;
	} rows[] = {{FUTEX_WAIT, 0},    {FUTEX_WAKE, 0},       {FUTEX_WAKE_OP, 1},
		    {FUTEX_LOCK_PI, 1}, {FUTEX_UNLOCK_PI, 1},  {FUTEX_CMP_REQUEUE_PI, 1},
		    {FUTEX_REQUEUE, 0}, {FUTEX_WAIT_BITSET, 0}};

	(void)state;
	for (size_t i = 0; i < mw_array_size(rows); i++) {
		list(SYS_futex, 0x1000, (uint64_t)rows[i].operation | FUTEX_PRIVATE_FLAG, 1, 0,
		     0x2000);
		assert_int_equal(buffers.count, rows[i].count);
		assert_false(buffers.unknown);
		if (rows[i].count)
			assert_true(buffers.items[0].keeps);
	}
}

static void test_addresses_that_outlive_the_call_are_kept(void **state)
{
	(void)state;
	list(SYS_set_tid_address, 0x1000, 0, 0, 0, 0);
	assert_true(buffers.count == 1 && buffers.items[0].keeps);
	list(SYS_set_robust_list, 0x1000, 24, 0, 0, 0);
	assert_true(buffers.count == 1 && buffers.items[0].keeps);
	list(334 /* rseq */, 0x1000, 32, 0, 0, 0);
	assert_true(buffers.count == 1 && buffers.items[0].keeps);
	list(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, 0, 0x1000, 0x2000, 0);
	assert_true(buffers.count == 2 && buffers.items[0].keeps && buffers.items[1].keeps);
	list(SYS_clone, CLONE_VM, 0, 0x1000, 0x2000, 0);
	assert_int_equal(buffers.count, 0);
}

static void test_clone3_lists_the_ids_that_its_flags_ask_for(void **state)
{
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_CHILD_CLEARTID,
				  .pidfd = 0x1000,
				  .child_tid = 0x2000,
				  .parent_tid = 0x3000};

	(void)state;
	list(SYS_clone3, trial_pointer(&args), sizeof(args), 0, 0, 0);
	assert_int_equal(buffers.count, 2);
	assert_int_equal(buffers.items[0].slot.v, trial_pointer(&args.pidfd));
	assert_int_equal(buffers.items[1].slot.v, trial_pointer(&args.child_tid));
	assert_int_equal(buffers.items[1].range.start.v, 0x2000);
	assert_true(buffers.items[0].keeps && buffers.items[1].keeps);
}

static void test_what_asynchronous_reads_write_is_kept(void **state)
{
	struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_buf = 0x1000, .aio_nbytes = 10};
	struct iocb write = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = 0x1000};
	struct iocb *blocks[] = {&read, &write};

	(void)state;
	list(SYS_io_submit, 1, 2, trial_pointer(blocks), 0, 0);
	assert_int_equal(buffers.count, 3);
	assert_int_equal(buffers.items[1].range.size, 10);
	for (unsigned i = 0; i < buffers.count; i++)
		assert_true(buffers.items[i].keeps);
	list(425 + 1 /* io_uring_enter */, 3, 1, 1, 0, 0);
	assert_true(buffers.unknown);
}

static void test_an_ioctl_is_known_by_its_encoding_or_by_the_table(void **state)
{
	static const struct {
		uint64_t command;
		unsigned count;
		uint64_t size;
		bool unknown;
	} rows[] = {
		{_IOR('x', 1, char[100]), 1, 100, false},
		{_IOWR('x', 1, char[100]), 1, 100, false},
		{_IOW('x', 1, char[100]), 0, 0, false},
		{_IO('x', 1), 0, 0, true},
		{TIOCGWINSZ, 1, 8, false},
		{TIOCSWINSZ, 0, 0, false},
		{FS_IOC_GETFLAGS, 1, 4, false},
		{FIONBIO, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(rows); i++) {
		list(SYS_ioctl, 3, rows[i].command, 0x1000, 0, 0);
		assert_int_equal(buffers.count, rows[i].count);
		assert_int_equal(buffers.unknown, rows[i].unknown);
		if (rows[i].count)
			assert_int_equal(buffers.items[0].range.size, rows[i].size);
	}
}

static void test_an_ioctl_with_an_array_behind_its_request_covers_the_array(void **state)
{
	struct fiemap request = {.fm_extent_count = 3};

	(void)state;
	list(SYS_ioctl, 3, FS_IOC_FIEMAP, trial_pointer(&request), 0, 0);
	assert_int_equal(buffers.items[0].range.size, 32 + 3 * 56);
}

static void test_a_command_that_selects_nothing_written_is_known(void **state)
{
	(void)state;
	list(SYS_fcntl, 3, F_SETLK, 0x1000, 0, 0);
	assert_true(!buffers.count && !buffers.unknown);
	list(SYS_semctl, 3, 0, GETALL, 0x1000, 0);
	assert_true(!buffers.count && buffers.unknown);
	list(SYS_semctl, 3, 0, 2 | 0x100 /* IPC_STAT | IPC_64 */, 0x1000, 0);
	assert_int_equal(buffers.items[0].range.size, 104);
}

static void test_only_a_restarting_call_continues(void **state)
{
	(void)state;
	assert_true(mw_syscall_continues(-516));
	assert_false(mw_syscall_continues(-512));
	assert_false(mw_syscall_continues(-EINTR));
	assert_false(mw_syscall_continues(1));
	list(SYS_nanosleep, 0x1000, 0x2000, 0, 0, 0);
	assert_int_equal(written(SYS_nanosleep, -516, 0), 16);
	assert_int_equal(written(SYS_nanosleep, -EINTR, 0), 16);
	assert_int_equal(written(SYS_nanosleep, -EFAULT, 0), 0);
	assert_int_equal(written(SYS_nanosleep, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call_of_the_header_has_a_row_of_its_name),
		cmocka_unit_test(test_a_number_without_a_row_is_unknown),
		cmocka_unit_test(test_a_call_that_writes_nothing_is_known_and_has_no_buffer),
		cmocka_unit_test(test_a_null_or_empty_buffer_is_not_listed),
		cmocka_unit_test(test_an_int_length_ignores_the_upper_half_and_negatives),
		cmocka_unit_test(test_a_huge_length_is_cut_as_the_kernel_cuts_it),
		cmocka_unit_test(test_an_unreadable_description_gives_no_buffer),
		cmocka_unit_test(test_more_iovecs_than_fit_are_reported_as_cut),
		cmocka_unit_test(test_a_short_readv_fills_the_iovecs_in_order),
		cmocka_unit_test(test_futex_words_that_the_kernel_writes_are_kept),
		cmocka_unit_test(test_addresses_that_outlive_the_call_are_kept),
		cmocka_unit_test(test_clone3_lists_the_ids_that_its_flags_ask_for),
		cmocka_unit_test(test_what_asynchronous_reads_write_is_kept),
		cmocka_unit_test(test_an_ioctl_is_known_by_its_encoding_or_by_the_table),
		cmocka_unit_test(test_an_ioctl_with_an_array_behind_its_request_covers_the_array),
		cmocka_unit_test(test_a_command_that_selects_nothing_written_is_known),
		cmocka_unit_test(test_only_a_restarting_call_continues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
