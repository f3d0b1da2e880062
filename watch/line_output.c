// SPDX-License-Identifier: MIT
#include "watch/line_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

struct mw_error *mw_line_output_open(const char *path, struct mw_line_output *ret)
{
	FILE *file = path ? fopen(path, "we") : stdout;

	if (!file)
		return mw_error_os(errno, "cannot write %s", path);
	*ret = (struct mw_line_output){
		.file = file,
		.name = path ? path : "standard output",
		.owned = path,
		.eager = isatty(fileno(file)),
	};
	setvbuf(file, NULL, _IOFBF, PIPE_BUF);
	atomic_store(&ret->flushed_ns, mw_clock_now_ns());
	return NULL;
}

void mw_line_output_fail(struct mw_line_output *output, int errnum)
{
	int none = 0;

	atomic_compare_exchange_strong(&output->errnum, &none, errnum ? errnum : EIO);
}

static bool fail(struct mw_line_output *output)
{
	mw_line_output_fail(output, errno);
	return false;
}

static bool flush_now(struct mw_line_output *output)
{
	atomic_store(&output->dirty, false);
	atomic_store(&output->flushed_ns, mw_clock_now_ns());
	return fflush(output->file) == 0 || fail(output);
}

/** A pipe that says so takes PIPE_BUF bytes, and the buffer is no larger. */
static bool takes_more(const struct mw_line_output *output)
{
	struct pollfd fd = {.fd = fileno(output->file), .events = POLLOUT};

	return poll(&fd, 1, 0) > 0;
}

bool mw_line_output_flush(struct mw_line_output *output)
{
	bool flushed = true;

	if (atomic_load(&output->errnum))
		return false;
	if (!atomic_load(&output->dirty) || ftrylockfile(output->file))
		return true;
	if (takes_more(output))
		flushed = flush_now(output);
	funlockfile(output->file);
	return flushed;
}

bool mw_line_output_write(struct mw_line_output *output, const void *text, size_t size)
{
	if (atomic_load(&output->errnum))
		return false;
	if (fwrite(text, 1, size, output->file) != size)
		return fail(output);
	atomic_store(&output->dirty, true);
	if (output->eager ||
	    mw_clock_now_ns() - atomic_load(&output->flushed_ns) > MW_LINE_OUTPUT_DELAY_NS)
		return flush_now(output);
	return true;
}

struct mw_error *mw_line_output_error(const struct mw_line_output *output)
{
	int errnum = atomic_load(&output->errnum);

	/* Only an analyst that has to leave is interrupted. */
	if (errnum == EINTR)
		return mw_error_create(MW_ERROR_OTHER,
				       "nobody reads %s: what waited to be written is lost",
				       output->name);
	return errnum ? mw_error_os(errnum, "cannot write %s", output->name) : NULL;
}

struct mw_error *mw_line_output_close(struct mw_line_output *output)
{
	struct mw_error *err;

	if (!output->file)
		return NULL;
	/* Standard output may hold what others wrote. */
	if (!atomic_load(&output->errnum))
		flush_now(output);
	if (output->owned && fclose(output->file) != 0)
		fail(output);
	err = mw_line_output_error(output);
	output->file = NULL;
	return err;
}
