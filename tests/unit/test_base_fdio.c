// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdio.h"

static void a_file_is_read_whole_with_a_nul_behind_it(void **state)
{
	char path[] = "/tmp/memwatch-fdio-XXXXXX", *text;
	int fd = mkstemp(path);
	size_t size;

	(void)state;
	assert_int_equal(write(fd, "ab\0cd", 5), 5);
	assert_ok(mw_file_read(path, &text, &size));
	assert_int_equal(size, 5);
	assert_memory_equal(text, "ab\0cd\0", 6);
	free(text);
	close(fd);
	unlink(path);
}

static void sizes_around_the_growth_of_the_buffer_are_right(void **state)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 100000};

	(void)state;
	for (size_t i = 0; i < mw_array_size(sizes); i++) {
		int fd = memfd_create("fdio", 0);
		char path[64], *text, *bytes = malloc(sizes[i] + 1);
		size_t size;

		memset(bytes, 'x', sizes[i]);
		assert_int_equal(mw_write_full(fd, bytes, sizes[i]), 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		assert_ok(mw_file_read(path, &text, &size));
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(text, bytes, size);
		assert_int_equal(text[size], '\0');
		free(text);
		free(bytes);
		close(fd);
	}
}

static void a_proc_file_is_read_although_its_size_is_zero(void **state)
{
	char *text;

	(void)state;
	assert_ok(mw_file_read("/proc/self/maps", &text, NULL));
	assert_non_null(strstr(text, "[stack]"));
	free(text);
}

static void a_missing_file_is_named_in_the_error(void **state)
{
	struct mw_error *err;
	size_t size = 77;
	char *text = NULL;

	(void)state;
	err = mw_file_read("/nonexistent/file", &text, &size);
	assert_int_equal(err->errnum, ENOENT);
	assert_non_null(strstr(err->message, "/nonexistent/file"));
	assert_int_equal(size, 77);
	assert_null(text);
	mw_error_destroy(err);
}

static void a_folder_can_be_opened_but_not_read(void **state)
{
	struct mw_error *err;
	char *text;

	(void)state;
	err = mw_file_read("/tmp", &text, NULL);
	assert_int_equal(err->errnum, EISDIR);
	mw_error_destroy(err);
}

static void pread_stops_at_the_end_of_the_file(void **state)
{
	int fd = memfd_create("fdio", 0);
	char buffer[16];

	(void)state;
	assert_int_equal(mw_write_full(fd, "0123456789", 10), 0);
	assert_int_equal(mw_pread_full(fd, buffer, 4, 3), 4);
	assert_memory_equal(buffer, "3456", 4);
	assert_int_equal(mw_pread_full(fd, buffer, sizeof(buffer), 6), 4);
	assert_int_equal(mw_pread_full(fd, buffer, sizeof(buffer), 100), 0);
	close(fd);
	assert_int_equal(mw_pread_full(fd, buffer, 1, 0), -1);
	assert_int_equal(errno, EBADF);
}

static void pread_gives_what_lies_before_unmapped_memory(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/mem", O_RDONLY);
	char buffer[64];

	(void)state;
	munmap(memory + page, page);
	assert_int_equal(mw_pread_full(fd, buffer, 64, (off_t)(uintptr_t)(memory + page - 10)), 10);
	munmap(memory, page);
	close(fd);
}

static void *read_slowly(void *arg)
{
	int fd = *(int *)arg;
	char buffer[1000];
	size_t total = 0;
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		total += (size_t)got;
	return (void *)total;
}

static void a_write_larger_than_a_pipe_goes_on_until_done(void **state)
{
	size_t size = 1 << 20;
	char *bytes = calloc(1, size);
	void *total = NULL;
	pthread_t reader;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pthread_create(&reader, NULL, read_slowly, &fds[0]);
	assert_int_equal(mw_write_full(fds[1], bytes, size), 0);
	close(fds[1]);
	pthread_join(reader, &total);
	assert_int_equal((size_t)total, size);
	close(fds[0]);
	free(bytes);
}

static void a_full_disk_is_an_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(mw_write_full(fd, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole_with_a_nul_behind_it),
		cmocka_unit_test(sizes_around_the_growth_of_the_buffer_are_right),
		cmocka_unit_test(a_proc_file_is_read_although_its_size_is_zero),
		cmocka_unit_test(a_missing_file_is_named_in_the_error),
		cmocka_unit_test(a_folder_can_be_opened_but_not_read),
		cmocka_unit_test(pread_stops_at_the_end_of_the_file),
		cmocka_unit_test(pread_gives_what_lies_before_unmapped_memory),
		cmocka_unit_test(a_write_larger_than_a_pipe_goes_on_until_done),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
