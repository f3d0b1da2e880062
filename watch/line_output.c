// SPDX-License-Identifier: MIT
#include "watch/line_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

void mw_line_output_use(FILE *file, const char *name, struct mw_line_output *ret)
{
	*ret = (struct mw_line_output){
		.file = file,
		.name = name,
		.eager = isatty(fileno(file)),
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.writing = PTHREAD_MUTEX_INITIALIZER,
	};
	atomic_store(&ret->flushed_ns, mw_clock_now_ns());
}

struct mw_error *mw_line_output_open(const char *path, struct mw_line_output *ret)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return mw_error_os(errno, "cannot write %s", path);
	mw_line_output_use(file, path, ret);
	ret->owned = true;
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

bool mw_line_output_put(struct mw_line_output *output, const void *text, size_t size)
{
	bool fits;

	if (atomic_load(&output->errnum))
		return false;
	pthread_mutex_lock(&output->lock);
	fits = mw_vec_append(&output->lines.text, text, size);
	if (fits)
		atomic_fetch_add(&output->waiting, size);
	pthread_mutex_unlock(&output->lock);
	if (!fits)
		mw_line_output_fail(output, ENOMEM);
	return fits;
}

/** Makes the lines those that are written; the buffers change places. @return whether any wait. */
static bool take_lines(struct mw_line_output *output)
{
	struct mw_lines written = output->taken;

	if (output->written < written.text.count)
		return true;
	written.text.count = 0;
	output->written = 0;
	pthread_mutex_lock(&output->lock);
	output->taken = output->lines;
	output->lines = written;
	pthread_mutex_unlock(&output->lock);
	return output->taken.text.count > 0;
}

/** A pipe that says so takes PIPE_BUF bytes; what is written at once is no more. */
static bool takes_more(const struct mw_line_output *output)
{
	struct pollfd fd = {.fd = fileno(output->file), .events = POLLOUT};

	return poll(&fd, 1, 0) > 0;
}

static bool write_piece(struct mw_line_output *output)
{
	size_t size = mw_min(output->taken.text.count - output->written, (size_t)PIPE_BUF);

	if (fwrite(output->taken.text.items + output->written, 1, size, output->file) != size ||
	    fflush(output->file) != 0)
		return fail(output);
	output->written += size;
	atomic_fetch_sub(&output->waiting, size);
	return true;
}

/** `writing` is held. */
static bool write_out(struct mw_line_output *output, bool may_wait)
{
	bool fine = !atomic_load(&output->errnum);

	while (fine && take_lines(output) && (may_wait || takes_more(output)))
		fine = write_piece(output);
	atomic_store(&output->flushed_ns, mw_clock_now_ns());
	return fine;
}

bool mw_line_output_settle(struct mw_line_output *output)
{
	uint64_t waited_ns = mw_clock_now_ns() - atomic_load(&output->flushed_ns);
	size_t waiting = atomic_load(&output->waiting);
	bool fine;

	if (!waiting ||
	    (!output->eager && waiting < PIPE_BUF && waited_ns < MW_LINE_OUTPUT_DELAY_NS))
		return !atomic_load(&output->errnum);
	pthread_mutex_lock(&output->writing);
	fine = write_out(output, true);
	pthread_mutex_unlock(&output->writing);
	return fine;
}

bool mw_line_output_flush(struct mw_line_output *output)
{
	bool fine;

	/* Whoever writes now writes everything. */
	if (!atomic_load(&output->waiting) || pthread_mutex_trylock(&output->writing))
		return !atomic_load(&output->errnum);
	fine = write_out(output, false);
	pthread_mutex_unlock(&output->writing);
	return fine;
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
	pthread_mutex_lock(&output->writing);
	write_out(output, true);
	pthread_mutex_unlock(&output->writing);
	/* A stream that others use as well may have failed them. */
	if (!atomic_load(&output->errnum) && fflush(output->file) != 0)
		fail(output);
	if (output->owned && fclose(output->file) != 0)
		fail(output);
	err = mw_line_output_error(output);
	output->file = NULL;
	mw_vec_deinit(&output->lines.text);
	mw_vec_deinit(&output->taken.text);
	return err;
}
