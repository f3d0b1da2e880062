// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "cmocka_wrap.h"
#include "tracer/remap_call.h"

#define PAGE UINT64_C(4096)
#define START UINT64_C(0x200000000000)

/** The range that a call affects, if it is one; size 0 when it affects none. */
static struct mw_range affected_by(struct mw_remap_call *call)
{
	struct mw_range range = {0};

	assert_true(call->affected.list.count <= 1);
	if (call->affected.list.count)
		range = call->affected.list.items[0].range;
	mw_remap_call_deinit(call);
	return range;
}

static struct mw_range affected(int64_t number, uint64_t first, uint64_t second, uint64_t third,
				uint64_t fourth)
{
	const uint64_t args[6] = {first, second, third, fourth};
	struct mw_remap_call call;

	assert_null(mw_remap_call_init(getpid(), number, args, &call));
	return affected_by(&call);
}

static void assert_range(struct mw_range range, uint64_t start, uint64_t size)
{
	assert_int_equal(range.size, size);
	if (size)
		assert_int_equal(range.start.v, start);
}

static void test_lengths_count_in_whole_pages(void **state MW_UNUSED)
{
	assert_range(affected(SYS_munmap, START, 1, 0, 0), START, PAGE);
	assert_range(affected(SYS_mprotect, START, PAGE + 1, 0, 0), START, 2 * PAGE);
	assert_range(affected(SYS_munmap, START, 0, 0, 0), 0, 0);
}

static void test_lengths_beyond_the_address_space_end_with_it(void **state MW_UNUSED)
{
	struct mw_range range = affected(SYS_munmap, START, UINT64_MAX - 5, 0, 0);

	assert_int_equal(range.start.v, START);
	assert_true(mw_range_end(range) > START && mw_range_end(range) < UINT64_C(1) << 63);
	assert_range(affected(SYS_munmap, UINT64_MAX - 4095, PAGE, 0, 0), 0, 0);
}

static void test_mappings_that_replace_nothing_affect_nothing(void **state MW_UNUSED)
{
	const uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS;

	assert_range(affected(SYS_mmap, START, PAGE, PROT_READ, flags), 0, 0);
	assert_range(affected(SYS_mmap, START, PAGE, PROT_READ, flags | MAP_FIXED), START, PAGE);
	assert_range(affected(SYS_mmap, START, PAGE, PROT_READ, flags | MAP_FIXED_NOREPLACE), 0, 0);
}

static void test_only_advice_that_empties_affects_anything(void **state MW_UNUSED)
{
	assert_range(affected(SYS_madvise, START, PAGE, MADV_DONTNEED, 0), START, PAGE);
	assert_range(affected(SYS_madvise, START, PAGE, MADV_REMOVE, 0), START, PAGE);
	assert_range(affected(SYS_madvise, START, PAGE, MADV_FREE, 0), START, PAGE);
	assert_range(affected(SYS_madvise, START, PAGE, MADV_WILLNEED, 0), 0, 0);
	assert_range(affected(SYS_madvise, START, PAGE, MADV_DONTFORK, 0), 0, 0);
}

static void test_advice_by_pidfd_affects_what_its_vector_lists(void **state MW_UNUSED)
{
	const struct iovec parts[] = {{(void *)START, PAGE}, {(void *)(START + 4 * PAGE), 1}};
	const uint64_t args[6] = {0, (uintptr_t)parts, 2, MADV_DONTNEED};
	struct mw_remap_call call;

	assert_null(mw_remap_call_init(getpid(), SYS_process_madvise, args, &call));
	assert_int_equal(call.affected.list.count, 2);
	assert_range(call.affected.list.items[0].range, START, PAGE);
	assert_range(call.affected.list.items[1].range, START + 4 * PAGE, PAGE);
	mw_remap_call_deinit(&call);
	assert_range(affected(SYS_process_madvise, 0, (uintptr_t)parts, 2, MADV_COLD), 0, 0);
	assert_range(affected(SYS_process_madvise, 0, 8, 2, MADV_FREE), 0, 0);
}

static void test_a_move_keeps_what_fits_and_replaces_where_it_goes(void **state MW_UNUSED)
{
	const uint64_t args[6] = {START, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				  START + 16 * PAGE};
	struct mw_remap_call call;

	assert_null(mw_remap_call_init(getpid(), SYS_mremap, args, &call));
	assert_range(call.kept, START, 2 * PAGE);
	assert_int_equal(call.affected.list.count, 2);
	assert_range(call.affected.list.items[0].range, START, 4 * PAGE);
	assert_range(call.affected.list.items[1].range, START + 16 * PAGE, 2 * PAGE);
	mw_remap_call_deinit(&call);
}

static void test_a_break_affects_the_heap_above_it(void **state MW_UNUSED)
{
	uint64_t end;

	/* Sanitizers have an allocator that leaves the break alone. */
	assert_ptr_not_equal(sbrk(2 * PAGE), (void *)-1);
	end = (uint64_t)(uintptr_t)sbrk(0);
	assert_range(affected(SYS_brk, 0, 0, 0, 0), 0, 0);
	assert_range(affected(SYS_brk, end + PAGE, 0, 0, 0), 0, 0);
	assert_range(affected(SYS_brk, mw_page_ceil(end) - PAGE, 0, 0, 0), mw_page_ceil(end) - PAGE,
		     PAGE);
}

static void test_a_file_affects_where_it_is_mapped(void **state MW_UNUSED)
{
	int fd = memfd_create("remap", 0);
	char *memory;

	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	memory = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_range(affected(SYS_ftruncate, (uint64_t)fd, PAGE, 0, 0), (uintptr_t)memory,
		     2 * PAGE);
	assert_range(affected(SYS_ftruncate, (uint64_t)-1, PAGE, 0, 0), 0, 0);
	munmap(memory, 2 * PAGE);
	close(fd);
}

static void test_a_path_affects_where_its_file_is_mapped(void **state MW_UNUSED)
{
	const struct open_how cut = {.flags = O_RDWR | O_TRUNC}, keep = {.flags = O_RDWR};
	const uint64_t here = (uint64_t)AT_FDCWD;
	char name[] = "/tmp/mw-remap-XXXXXX", other[] = "/tmp/mw-remap-XXXXXX";
	int fd = mkstemp(name), other_fd = mkstemp(other);
	const uint64_t path = (uintptr_t)name, elsewhere = (uintptr_t)other;
	uint64_t memory;

	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	memory = (uintptr_t)mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	assert_range(affected(SYS_truncate, path, 0, 0, 0), memory, 2 * PAGE);
	assert_range(affected(SYS_creat, path, 0600, 0, 0), memory, 2 * PAGE);
	assert_range(affected(SYS_open, path, O_RDWR | O_TRUNC, 0, 0), memory, 2 * PAGE);
	assert_range(affected(SYS_openat, here, path, O_WRONLY | O_TRUNC, 0), memory, 2 * PAGE);
	assert_range(affected(SYS_openat2, here, path, (uintptr_t)&cut, sizeof(cut)), memory,
		     2 * PAGE);
	assert_range(affected(SYS_truncate, elsewhere, 0, 0, 0), 0, 0);
	assert_range(affected(SYS_truncate, 8, 0, 0, 0), 0, 0);
	assert_range(affected(SYS_open, path, O_RDWR, 0, 0), 0, 0);
	assert_range(affected(SYS_open, path, O_PATH | O_TRUNC, 0, 0), 0, 0);
	assert_range(affected(SYS_openat, here, path, O_RDWR | O_CREAT, 0), 0, 0);
	assert_range(affected(SYS_openat2, here, path, (uintptr_t)&keep, sizeof(keep)), 0, 0);
	assert_range(affected(SYS_openat2, here, path, 8, sizeof(cut)), 0, 0);
	munmap((void *)memory, 2 * PAGE);
	unlink(name);
	unlink(other);
	close(fd);
	close(other_fd);
}

/* What has to be fetched could take as long as a file server wants, with every thread waiting. */
static void test_a_path_that_is_not_at_hand_affects_nothing(void **state MW_UNUSED)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/map_files/../exe", getpid());
	assert_range(affected(SYS_truncate, (uintptr_t)path, 0, 0, 0), 0, 0);
}

static void test_a_segment_affects_what_it_is_attached_over(void **state MW_UNUSED)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);

	assert_range(affected(SYS_shmat, (uint64_t)id, START + 5, SHM_REMAP | SHM_RND, 0), START,
		     2 * PAGE);
	assert_range(affected(SYS_shmat, (uint64_t)id, START, SHM_REMAP, 0), START, 2 * PAGE);
	assert_range(affected(SYS_shmat, (uint64_t)id, START, 0, 0), 0, 0);
	shmctl(id, IPC_RMID, NULL);
	assert_true(affected(SYS_shmat, (uint64_t)id, START, SHM_REMAP, 0).size > 2 * PAGE);
}

static long call_with_dud(long number, const long args[5])
{
	struct mw_remap_dud dud = mw_remap_call_dud(number);
	long all[6];

	/* The others, with the dud in its place. */
	for (unsigned i = 0; i < mw_array_size(all); i++)
		all[i] = i == dud.index ? (long)dud.value : args[i - (i > dud.index)];
	return syscall(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

/* Else a call that was to be postponed would do something at its entry already. */
static void test_duds_do_nothing_but_fail(void **state MW_UNUSED)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct iovec part = {page, PAGE};
	const struct open_how how = {.flags = O_RDWR | O_CREAT | O_TRUNC};
	const struct {
		long number;
		long errnum;
		long args[5];
	} calls[] = {
		{SYS_munmap, EINVAL, {PAGE}},
		{SYS_mprotect, EINVAL, {PAGE, PROT_READ}},
		{SYS_madvise, EINVAL, {PAGE, MADV_DONTNEED}},
		{SYS_mremap, EINVAL, {PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (long)page}},
		{SYS_mmap,
		 EINVAL,
		 {PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0}},
		{SYS_remap_file_pages, EINVAL, {PAGE, 0, 1, 0}},
		{SYS_process_madvise, EBADF, {(long)&part, 1, MADV_DONTNEED}},
		{SYS_shmdt, EINVAL, {0}},
		{SYS_ftruncate, EBADF, {0}},
		{SYS_fallocate, EBADF, {0, 0, PAGE}},
		{SYS_truncate, EFAULT, {0}},
		{SYS_creat, EFAULT, {0600}},
		{SYS_open, EFAULT, {O_RDWR | O_CREAT | O_TRUNC, 0600}},
		{SYS_openat, EFAULT, {AT_FDCWD, O_RDWR | O_CREAT | O_TRUNC, 0600}},
		{SYS_openat2, EFAULT, {AT_FDCWD, (long)&how, sizeof(how)}},
		{SYS_shmat, EINVAL, {(long)page, SHM_REMAP}},
	};

	for (size_t i = 0; i < mw_array_size(calls); i++) {
		errno = 0;
		assert_int_equal(call_with_dud(calls[i].number, calls[i].args), -1);
		assert_int_equal(errno, calls[i].errnum);
	}
	assert_int_equal(*(volatile char *)page, 0);
	munmap(page, PAGE);
}

static void test_other_calls_are_not_looked_at(void **state MW_UNUSED)
{
	assert_true(mw_remap_call_is_known(SYS_munmap));
	assert_true(mw_remap_call_is_known(SYS_pkey_mprotect));
	assert_false(mw_remap_call_is_known(SYS_read));
	assert_false(mw_remap_call_is_known(-1));
	assert_true(mw_remap_call_changes_mappings(SYS_shmat));
	assert_false(mw_remap_call_changes_mappings(SYS_openat));
	assert_false(mw_remap_call_changes_mappings(SYS_read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_count_in_whole_pages),
		cmocka_unit_test(test_lengths_beyond_the_address_space_end_with_it),
		cmocka_unit_test(test_mappings_that_replace_nothing_affect_nothing),
		cmocka_unit_test(test_only_advice_that_empties_affects_anything),
		cmocka_unit_test(test_advice_by_pidfd_affects_what_its_vector_lists),
		cmocka_unit_test(test_a_move_keeps_what_fits_and_replaces_where_it_goes),
		cmocka_unit_test(test_a_break_affects_the_heap_above_it),
		cmocka_unit_test(test_a_file_affects_where_it_is_mapped),
		cmocka_unit_test(test_a_path_affects_where_its_file_is_mapped),
		cmocka_unit_test(test_a_path_that_is_not_at_hand_affects_nothing),
		cmocka_unit_test(test_a_segment_affects_what_it_is_attached_over),
		cmocka_unit_test(test_duds_do_nothing_but_fail),
		cmocka_unit_test(test_other_calls_are_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
