// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/procmaps.h"

static const char sample[] =
	"55d0c0a00000-55d0c0a02000 r--p 00000000 fe:00 1234                       /usr/bin/x\n"
	"55d0c0a02000-55d0c0a05000 r-xp 00002000 fe:00 1234                       /usr/bin/x\n"
	"55d0c2000000-55d0c2021000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000001000 rw-s 00000010 00:1a 99         /memfd:a b (deleted)\n"
	"7f0000002000-7f0000003000 ---p 00000000 00:00 0 \n"
	"7f0000004000-7f0000005000 r--p 00000000 08:11 7          /tmp/new\\012line\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n";

static struct mw_procmaps parse(const char *text)
{
	struct mw_procmaps maps;

	assert_ok(mw_procmaps_parse(strdup(text), &maps));
	return maps;
}

static void each_field_of_a_line_is_read(void **state)
{
	struct mw_procmaps maps = parse(sample);
	const struct mw_mapping *code = &maps.items[1], *shared = &maps.items[3];

	(void)state;
	assert_int_equal(maps.count, 7);
	assert_int_equal(code->range.start.v, 0x55d0c0a02000);
	assert_int_equal(code->range.size, 0x3000);
	assert_int_equal(code->prot, PROT_READ | PROT_EXEC);
	assert_false(code->shared);
	assert_int_equal(code->offset, 0x2000);
	assert_int_equal(code->dev_major, 0xfe);
	assert_int_equal(code->inode, 1234);
	assert_string_equal(code->path, "/usr/bin/x");
	assert_true(shared->shared);
	assert_int_equal(shared->dev_minor, 0x1a);
	assert_int_equal(maps.items[4].prot, PROT_NONE);
	mw_procmaps_deinit(&maps);
}

static void paths_with_blanks_newlines_or_nothing_are_kept(void **state)
{
	struct mw_procmaps maps = parse(sample);

	(void)state;
	assert_string_equal(maps.items[3].path, "/memfd:a b (deleted)");
	assert_string_equal(maps.items[4].path, "");
	assert_string_equal(maps.items[5].path, "/tmp/new\nline");
	assert_string_equal(maps.items[6].path, "[vsyscall]");
	mw_procmaps_deinit(&maps);
}

static void find_knows_edges_and_holes(void **state)
{
	struct mw_procmaps maps = parse(sample);

	(void)state;
	assert_ptr_equal(mw_procmaps_find(&maps, mw_addr_make(0x55d0c0a00000)), &maps.items[0]);
	assert_ptr_equal(mw_procmaps_find(&maps, mw_addr_make(0x55d0c0a01fff)), &maps.items[0]);
	assert_ptr_equal(mw_procmaps_find(&maps, mw_addr_make(0x55d0c0a02000)), &maps.items[1]);
	assert_null(mw_procmaps_find(&maps, mw_addr_make(0x55d0c0a05000)));
	assert_null(mw_procmaps_find(&maps, mw_addr_make(0)));
	assert_null(mw_procmaps_find(&maps, mw_addr_make(UINT64_MAX)));
	assert_ptr_equal(mw_procmaps_find(&maps, mw_addr_make(0xffffffffff600fff)), &maps.items[6]);
	mw_procmaps_deinit(&maps);
}

static void an_empty_text_has_no_mappings(void **state)
{
	struct mw_procmaps maps = parse("");

	(void)state;
	assert_int_equal(maps.count, 0);
	assert_null(mw_procmaps_find(&maps, mw_addr_make(4096)));
	mw_procmaps_deinit(&maps);
}

static void malformed_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"x",
		"1000-2000",
		"1000-2000 rw-p",
		"2000-1000 rw-p 0 0:0 0 \n",
		"1000-1000 rw-p 0 0:0 0 \n",
		"1000-2000 rw 0 0:0 0 \n",
		"1000-2000 rw-p zz 0:0 0 \n",
		"1000 2000 rw-p 0 0:0 0 \n",
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(bad); i++) {
		struct mw_procmaps maps;
		char *text = strdup(bad[i]);

		assert_error(mw_procmaps_parse(text, &maps), MW_ERROR_OTHER);
		free(text);
	}
}

/* Copies the sample and breaks some of its bytes. */
static char *broken_sample(unsigned *random)
{
	char *text = strdup(sample);
	size_t length = sizeof(sample) - 1;

	for (int breaks = (int)(rand_r(random) % 6u); breaks >= 0; breaks--)
		text[(unsigned)rand_r(random) % length] = (char)(rand_r(random) % 255 + 1);
	if (rand_r(random) % 4 == 0)
		text[(unsigned)rand_r(random) % length] = '\0';
	return text;
}

static void garbage_is_parsed_or_refused_and_nothing_else(void **state)
{
	unsigned random = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char *text = broken_sample(&random);
		struct mw_procmaps maps;
		struct mw_error *err = mw_procmaps_parse(text, &maps);

		if (err) {
			mw_error_destroy(err);
			free(text);
			continue;
		}
		for (size_t i = 0; i < maps.count; i++) {
			assert_true(maps.items[i].range.size > 0);
			assert_non_null(maps.items[i].path);
		}
		mw_procmaps_find(&maps, mw_addr_make((uint64_t)random << 20));
		mw_procmaps_deinit(&maps);
	}
}

static void our_own_maps_hold_our_own_memory(void **state)
{
	struct mw_procmaps maps;
	const struct mw_mapping *code, *stack;

	assert_ok(mw_procmaps_read(getpid(), &maps));
	code = mw_procmaps_find(&maps, mw_addr_make((uintptr_t)our_own_maps_hold_our_own_memory));
	stack = mw_procmaps_find(&maps, mw_addr_make((uintptr_t)&state));
	assert_non_null(code);
	assert_int_equal(code->prot, PROT_READ | PROT_EXEC);
	assert_non_null(strstr(code->path, "test_base_procmaps"));
	assert_non_null(stack);
	assert_int_equal(stack->prot, PROT_READ | PROT_WRITE);
	mw_procmaps_deinit(&maps);
}

static void a_process_without_memory_is_gone(void **state)
{
	struct mw_procmaps maps;
	pid_t zombie = fork();

	(void)state;
	if (!zombie)
		_exit(0);
	/* Waits for its end, but leaves the zombie. */
	assert_int_equal(waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_error(mw_procmaps_read(zombie, &maps), MW_ERROR_GONE);
	assert_int_equal(waitpid(zombie, NULL, 0), zombie);
}

static pid_t start_resting_child(void)
{
	pid_t child = fork();

	while (child == 0)
		pause();
	return child;
}

static void assert_same_mapping(const struct mw_mapping *found, const struct mw_mapping *expected)
{
	assert_non_null(found);
	assert_int_equal(found->prot, expected->prot);
	assert_int_equal(found->shared, expected->shared);
	assert_int_equal(found->inode, expected->inode);
	assert_string_equal(found->path, expected->path);
}

/* Whether the kernel can be asked for single mappings or not, the answer is that of the file. */
static void test_a_part_of_the_maps_is_what_the_whole_says(void **state MW_UNUSED)
{
	/* Our own maps change as the test allocates; those of a child at rest don't. */
	pid_t child = start_resting_child();
	struct mw_procmaps whole, part;

	assert_true(child > 0);
	assert_null(mw_procmaps_read(child, &whole));
	for (size_t i = 0; i + 2 < whole.count; i++) {
		/* Backwards, twice, and one byte of the next. */
		const struct mw_range ranges[] = {
			{whole.items[i + 1].range.start, 1},
			whole.items[i].range,
			whole.items[i].range,
		};

		assert_null(mw_procmaps_read_part(child, ranges, mw_array_size(ranges), &part));
		for (size_t j = i; j < i + 2; j++)
			assert_same_mapping(mw_procmaps_find(&part, whole.items[j].range.start),
					    &whole.items[j]);
		mw_procmaps_deinit(&part);
	}
	mw_procmaps_deinit(&whole);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_of_a_line_is_read),
		cmocka_unit_test(paths_with_blanks_newlines_or_nothing_are_kept),
		cmocka_unit_test(find_knows_edges_and_holes),
		cmocka_unit_test(an_empty_text_has_no_mappings),
		cmocka_unit_test(malformed_lines_are_refused),
		cmocka_unit_test(garbage_is_parsed_or_refused_and_nothing_else),
		cmocka_unit_test(our_own_maps_hold_our_own_memory),
		cmocka_unit_test(a_process_without_memory_is_gone),
		cmocka_unit_test(test_a_part_of_the_maps_is_what_the_whole_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
