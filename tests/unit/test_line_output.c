// SPDX-License-Identifier: MIT
#include "watch/line_output.h"

#include <limits.h>
#include <unistd.h>

#include "repl_test.h"

#define LINE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"
#define LINE_SIZE (sizeof(LINE) - 1)
#define LINES 2000

/** An output whose reader reads only when the test does. */
struct pipe_output {
	struct mw_line_output output;
	FILE *file;
	int reader;
};

static void pipe_output_init(struct pipe_output *ret)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	ret->reader = ends[0];
	ret->file = fdopen(ends[1], "w");
	assert_non_null(ret->file);
	mw_line_output_use(ret->file, "the pipe", &ret->output);
}

static void put_lines(struct mw_line_output *output)
{
	for (int i = 0; i < LINES; i++)
		assert_true(mw_line_output_put(output, LINE, LINE_SIZE));
}

static size_t read_lines(int reader)
{
	char line[LINE_SIZE];
	size_t lines = 0;

	fcntl(reader, F_SETFL, O_NONBLOCK);
	for (; read(reader, line, LINE_SIZE) == (ssize_t)LINE_SIZE; lines++)
		assert_memory_equal(line, LINE, LINE_SIZE);
	return lines;
}

static void a_reader_that_does_not_read_holds_up_neither_put_nor_flush(void **state)
{
	struct pipe_output pipe;
	size_t lines = 0, more;

	(void)state;
	pipe_output_init(&pipe);
	put_lines(&pipe.output);
	do {
		assert_true(mw_line_output_flush(&pipe.output));
		more = read_lines(pipe.reader);
		lines += more;
	} while (more);
	assert_int_equal(lines, LINES);
	assert_success(mw_line_output_close(&pipe.output));
	fclose(pipe.file);
	close(pipe.reader);
}

static void few_lines_wait_for_company(void **state)
{
	struct pipe_output pipe;

	(void)state;
	pipe_output_init(&pipe);
	assert_true(mw_line_output_put(&pipe.output, LINE, LINE_SIZE));
	assert_true(mw_line_output_settle(&pipe.output));
	for (size_t size = 0; size < PIPE_BUF; size += LINE_SIZE)
		assert_true(mw_line_output_put(&pipe.output, LINE, LINE_SIZE));
	assert_true(mw_line_output_settle(&pipe.output));
	assert_int_equal(read_lines(pipe.reader), 1 + PIPE_BUF / LINE_SIZE);
	assert_success(mw_line_output_close(&pipe.output));
	fclose(pipe.file);
	close(pipe.reader);
}

static void a_reader_that_is_gone_is_an_error(void **state)
{
	struct pipe_output pipe;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	pipe_output_init(&pipe);
	close(pipe.reader);
	put_lines(&pipe.output);
	assert_false(mw_line_output_settle(&pipe.output));
	assert_false(mw_line_output_put(&pipe.output, LINE, LINE_SIZE));
	assert_message(mw_line_output_close(&pipe.output), "cannot write the pipe: Broken pipe");
	fclose(pipe.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_that_does_not_read_holds_up_neither_put_nor_flush),
		cmocka_unit_test(few_lines_wait_for_company),
		cmocka_unit_test(a_reader_that_is_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
