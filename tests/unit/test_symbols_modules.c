// SPDX-License-Identifier: MIT
/* Which files of a process are looked into, and what stays when they come and go. */
#include "symbols_target.h"

#include <sys/stat.h>
#include <time.h>

static void read_fact(struct target *target, char *line, size_t size)
{
	assert_non_null(fgets(line, (int)size, target->facts));
}

static void note_module(void *arg, const struct mw_module_info *module)
{
	char *text = arg;

	snprintf(text + strlen(text), 4096 - strlen(text), "%s dwarf=%d symtab=%d debug=%s\n",
		 module->path, module->has_dwarf, module->has_symtab,
		 module->debug_file ? module->debug_file : "-");
}

static void test_modules_tell_what_is_known_of_them(void **state)
{
	struct target target;
	char text[4096] = "";

	(void)state;
	target_open_fixture(&target, "plain-debuglink");
	mw_symbols_modules(target.symbols, note_module, text);
	assert_non_null(strstr(text, "plain-debuglink dwarf=1 symtab=1 debug=/"));
	assert_non_null(strstr(text, "[vdso] dwarf=0"));
	assert_non_null(strstr(text, "libc.so.6"));
	target_stop(&target);
}

static void test_refresh_finds_loaded_libraries_and_keeps_types(void **state)
{
	struct target target;
	struct mw_object object;
	char path[PATH_MAX], line[256];
	struct mw_place place;
	const struct mw_type *type;

	(void)state;
	fixture_directory(path, sizeof(path));
	strcat(path, "/plugin.so");
	target_start_fixture(&target, "loader", path);
	target_skip_facts(&target);
	target_open(&target);
	free(target_error(&target, "plugin_state"));
	kill(target.pid, SIGUSR1);
	read_fact(&target, line, sizeof(line));
	assert_mw_ok(mw_symbols_refresh(target.symbols));
	assert_mw_ok(mw_symbols_eval(target.symbols, "plugin_state", &object));
	assert_int_equal(object.addr.v, strtoull(strchr(line, '\t'), NULL, 0));
	type = object.type;
	assert_mw_ok(mw_symbols_refresh(target.symbols));
	assert_mw_ok(mw_symbols_eval(target.symbols, "plugin_state", &object));
	assert_ptr_equal(object.type, type);
	kill(target.pid, SIGUSR1);
	target_skip_facts(&target);
	assert_mw_ok(mw_symbols_refresh(target.symbols));
	mw_symbols_place(target.symbols, object.addr, &place);
	assert_null(place.module);
	assert_string_equal(mw_type_name(target.symbols, type), "struct plugin_state");
	target_stop(&target);
}

static void copy_file(const char *from, const char *to)
{
	char command[5 * PATH_MAX];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void test_a_deleted_program_is_still_read(void **state)
{
	char path[PATH_MAX], copy[] = "/tmp/memwatch-test-XXXXXX";
	struct target target;
	struct mw_object object;

	(void)state;
	close(mkstemp(copy));
	fixture_directory(path, sizeof(path));
	strcat(path, "/shapes-gcc-O0-dwarf5");
	copy_file(path, copy);
	chmod(copy, 0700);
	target_start(&target, copy, NULL);
	target_skip_facts(&target);
	unlink(copy);
	target_open(&target);
	assert_mw_ok(mw_symbols_eval(target.symbols, "config.limits[1].hard", &object));
	target_stop(&target);
}

static void test_a_replaced_program_is_not_taken_for_the_running_one(void **state)
{
	char directory[PATH_MAX], path[2 * PATH_MAX], copy[] = "/tmp/memwatch-test-XXXXXX";
	struct target target;
	struct mw_object object;

	(void)state;
	close(mkstemp(copy));
	unlink(copy);
	fixture_directory(directory, sizeof(directory));
	snprintf(path, sizeof(path), "%s/shapes-gcc-O0-dwarf5", directory);
	copy_file(path, copy);
	target_start(&target, copy, NULL);
	target_skip_facts(&target);
	unlink(copy);
	snprintf(path, sizeof(path), "%s/plain-nodebug", directory);
	copy_file(path, copy);
	target_open(&target);
	assert_mw_ok(mw_symbols_eval(target.symbols, "config.limits[1].hard", &object));
	unlink(copy);
	target_stop(&target);
}

/* A program that only exists in a mount namespace of its own; here its path is another file. */
static bool start_in_container(struct target *target, const char *directory)
{
	char script[4 * PATH_MAX], fixtures[PATH_MAX], decoy[2 * PATH_MAX];
	int ends[2];

	fixture_directory(fixtures, sizeof(fixtures));
	snprintf(script, sizeof(script),
		 "mount -t tmpfs none '%s' && cp '%s/shapes-nopie' '%s/program' && exec "
		 "'%s/program'",
		 directory, fixtures, directory, directory);
	snprintf(decoy, sizeof(decoy), "%s/plain-nodebug", fixtures);
	snprintf(fixtures, sizeof(fixtures), "%s/program", directory);
	copy_file(decoy, fixtures);
	assert_int_equal(pipe(ends), 0);
	target->pid = fork();
	if (!target->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		execlp("unshare", "unshare", "-m", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	target->facts = fdopen(ends[0], "r");
	target->symbols = NULL;
	return fgetc(target->facts) != EOF;
}

static void test_a_program_of_a_container_is_read(void **state)
{
	char directory[] = "/tmp/memwatch-test-XXXXXX", decoy[64];
	struct target target;
	struct mw_object object;
	bool started;

	(void)state;
	assert_non_null(mkdtemp(directory));
	started = start_in_container(&target, directory);
	if (started) {
		target_skip_facts(&target);
		target_open(&target);
		assert_mw_ok(mw_symbols_eval(target.symbols, "config.limits[1].hard", &object));
	}
	target_stop(&target);
	strcpy(decoy, directory);
	strcat(decoy, "/program");
	unlink(decoy);
	rmdir(directory);
	if (!started) {
		print_message("skipped: mount namespaces are not permitted here\n");
		skip();
	}
}

static void test_places_are_cached(void **state)
{
	struct target target;
	struct mw_object object;
	struct mw_place place;
	struct timespec start, end;

	(void)state;
	target_open_fixture(&target, "shapes-gcc-O2-dwarf5");
	assert_mw_ok(mw_symbols_eval(target.symbols, "operation", &object));
	assert_mw_ok(target_read(&target, object.addr, &object.addr, sizeof(object.addr)));
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 1000000; i++)
		mw_symbols_place(target.symbols, object.addr, &place);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_string_equal(place.function, "plain");
	assert_int_equal(place.function_offset, 0);
	print_message("a million lookups of one place took %.0f ms\n",
		      (double)(end.tv_sec - start.tv_sec) * 1e3 +
			      (double)(end.tv_nsec - start.tv_nsec) / 1e6);
	target_stop(&target);
}

static void test_addresses_outside_every_module_have_no_place(void **state)
{
	static const uint64_t addrs[] = {0, 1, 4096, 0x7fffffffffff, UINT64_MAX};
	struct target target;
	struct mw_place place;

	(void)state;
	target_open_fixture(&target, "plain-nodebug");
	for (size_t i = 0; i < mw_array_size(addrs); i++) {
		mw_symbols_place(target.symbols, mw_addr_make(addrs[i]), &place);
		assert_null(place.module);
		assert_null(place.function);
		assert_null(place.file);
	}
	target_stop(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules_tell_what_is_known_of_them),
		cmocka_unit_test(test_refresh_finds_loaded_libraries_and_keeps_types),
		cmocka_unit_test(test_a_deleted_program_is_still_read),
		cmocka_unit_test(test_a_replaced_program_is_not_taken_for_the_running_one),
		cmocka_unit_test(test_a_program_of_a_container_is_read),
		cmocka_unit_test(test_places_are_cached),
		cmocka_unit_test(test_addresses_outside_every_module_have_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
