// SPDX-License-Identifier: MIT
/*
 * Debug files with flipped bits: every question is answered or refused, in finite time. The
 * program itself runs unharmed; only its separate debug file is damaged.
 */
#include "symbols_target.h"

#include <sys/stat.h>
#include <sys/time.h>

/* Seconds after which a question counts as hanging. */
#define PATIENCE 20

static const char *const questions[] = {
	"pair",
	"pair.right",
	"number",
	"buffer[3]@4",
	"'plain.c'::number",
	"add::value",
	"*(struct pair *)&pair",
	"zzz_nothing",
	"(struct pair *)0",
	"optarg",
};

/* @return whether the type of `pair` was understood. */
static bool ask_everything(struct target *target)
{
	struct mw_object typed;
	struct mw_error *typed_err = mw_symbols_eval(target->symbols, "pair.right", &typed);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct mw_object object = {0};
	struct mw_place place;

	for (size_t i = 0; i < mw_array_size(questions); i++) {
		struct mw_error *err = mw_symbols_print(target->symbols, questions[i], out);

		mw_error_destroy(err);
		err = mw_symbols_eval(target->symbols, questions[i], &object);
		if (!err)
			mw_type_name(target->symbols, object.type);
		mw_error_destroy(err);
	}
	mw_symbols_describe_data(target->symbols, object.addr, out);
	for (uint64_t i = 0; i < 64; i++)
		mw_symbols_place(target->symbols, mw_addr_make(object.addr.v - 0x3000 + i * 16),
				 &place);
	fclose(out);
	free(text);
	mw_error_destroy(typed_err);
	return !typed_err;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 8;
}

struct file_copy {
	unsigned char *bytes;
	size_t size;
};

static struct file_copy read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct file_copy copy = {0};
	struct stat status;

	assert_non_null(file);
	fstat(fileno(file), &status);
	copy.size = (size_t)status.st_size;
	copy.bytes = malloc(copy.size);
	assert_int_equal(fread(copy.bytes, 1, copy.size, file), copy.size);
	fclose(file);
	return copy;
}

static void write_file(const char *path, const struct file_copy *copy)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(copy->bytes, 1, copy->size, file), copy->size);
	fclose(file);
	chmod(path, 0700);
}

/* Damages some bytes at or behind @from, asks, and repairs. @return rounds that found `pair`. */
static int ask_about_damaged(const char *program, const char *victim, size_t from, int rounds)
{
	struct file_copy whole = read_file(victim);
	unsigned seed = 7;
	int understood = 0;

	for (int round = 0; round < rounds; round++) {
		struct file_copy damaged = {malloc(whole.size), whole.size};
		unsigned flips = 1 + next_random(&seed) % 20;
		struct target target;

		memcpy(damaged.bytes, whole.bytes, whole.size);
		for (unsigned i = 0; i < flips; i++)
			damaged.bytes[from + next_random(&seed) % (whole.size - from)] ^=
				(unsigned char)(1U << next_random(&seed) % 8);
		target_start(&target, program, NULL);
		target_skip_facts(&target);
		unlink(victim);
		write_file(victim, &damaged);
		alarm(PATIENCE);
		target_open(&target);
		understood += ask_everything(&target);
		target_stop(&target);
		alarm(0);
		unlink(victim);
		write_file(victim, &whole);
		free(damaged.bytes);
	}
	free(whole.bytes);
	return understood;
}

/* A program with its debug file beside it, both of this test alone. */
struct pair_of_files {
	char directory[64];
	char program[128];
	char debug[160];
};

static struct pair_of_files make_files(void)
{
	struct pair_of_files files = {.directory = "/tmp/memwatch-test-XXXXXX"};
	char fixtures[PATH_MAX], command[3 * PATH_MAX];

	assert_non_null(mkdtemp(files.directory));
	fixture_directory(fixtures, sizeof(fixtures));
	snprintf(files.program, sizeof(files.program), "%s/plain-corrupt", files.directory);
	snprintf(files.debug, sizeof(files.debug), "%s/plain-corrupt.debug", files.directory);
	snprintf(command, sizeof(command), "cp '%s/plain-corrupt' '%s/plain-corrupt.debug' '%s'",
		 fixtures, fixtures, files.directory);
	assert_int_equal(system(command), 0);
	return files;
}

static void remove_files(struct pair_of_files *files)
{
	unlink(files->program);
	unlink(files->debug);
	rmdir(files->directory);
}

static void test_damaged_debug_files_are_survived(void **state)
{
	enum { ROUNDS = 100 };
	struct pair_of_files files = make_files();
	int understood;

	(void)state;
	/* Behind the ELF header, whose damage would only make the file unreadable. */
	understood = ask_about_damaged(files.program, files.debug, 64, ROUNDS);
	/* Neither of no effect nor of no hope, or the damage was not what was asked about. */
	assert_in_range(understood, 1, ROUNDS - 1);
	remove_files(&files);
}

static void test_truncated_debug_files_are_survived(void **state)
{
	struct pair_of_files files = make_files();
	struct file_copy whole = read_file(files.debug);

	(void)state;
	for (size_t part = 0; part < 20; part++) {
		struct target target;

		target_start(&target, files.program, NULL);
		target_skip_facts(&target);
		assert_int_equal(truncate(files.debug, (off_t)(whole.size * part / 20)), 0);
		alarm(PATIENCE);
		target_open(&target);
		ask_everything(&target);
		target_stop(&target);
		alarm(0);
		write_file(files.debug, &whole);
	}
	free(whole.bytes);
	remove_files(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_debug_files_are_survived),
		cmocka_unit_test(test_truncated_debug_files_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
