// SPDX-License-Identifier: MIT
#include "repl/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "profiler/view_escape.h"

static bool is_special_file(const char *path)
{
	struct stat status;

	return !stat(path, &status) && !S_ISREG(status.st_mode);
}

static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static struct mw_error *open_temporary(const char *path, struct mw_output *output)
{
	int fd;

	if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
		output->temporary = NULL;
		return mw_err_nomem;
	}
	fd = mkostemp(output->temporary, O_CLOEXEC);
	if (fd < 0) {
		int errnum = errno;

		free(output->temporary);
		output->temporary = NULL;
		return mw_error_os(errnum, "cannot write %s", path);
	}
	// mkstemp() keeps others out; a report is a file like any other.
	if (fchmod(fd, usual_mode()))
		errno = 0;
	output->stream = fdopen(fd, "w");
	return output->stream ? NULL : mw_err_nomem;
}

struct mw_error *mw_output_open(const char *path, enum mw_output_mode mode, struct mw_output *ret)
{
	struct mw_output output = {.path = path};
	struct mw_error *err = NULL;

	if (!path || !strcmp(path, "-")) {
		output.path = "standard output";
		output.stream = stdout;
	} else if (mode == MW_OUTPUT_APPEND || is_special_file(path)) {
		output.stream = fopen(path, mode == MW_OUTPUT_APPEND ? "ae" : "we");
		if (!output.stream)
			err = mw_error_os(errno, "cannot write %s", path);
	} else {
		err = open_temporary(path, &output);
	}
	if (err)
		mw_output_abandon(&output);
	else
		*ret = output;
	return err;
}

static int close_stream(struct mw_output *output)
{
	FILE *stream = output->stream;
	int failed = ferror(stream);

	output->stream = NULL;
	errno = failed ? EIO : 0;
	if (stream == stdout)
		return fflush(stream) || failed ? -1 : 0;
	return fclose(stream) || failed ? -1 : 0;
}

struct mw_error *mw_output_commit(struct mw_output *output)
{
	int errnum = 0;

	if (close_stream(output) || (output->temporary && rename(output->temporary, output->path)))
		errnum = errno;
	if (!errnum) {
		free(output->temporary);
		output->temporary = NULL;
	}
	mw_output_abandon(output);
	return errnum ? mw_error_os(errnum, "cannot write %s", output->path) : NULL;
}

void mw_output_abandon(struct mw_output *output)
{
	if (output->stream && output->stream != stdout)
		fclose(output->stream);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	output->temporary = NULL;
	output->stream = NULL;
}

void mw_output_complain(const char *subcommand, const struct mw_error *err)
{
	fprintf(stderr, "memwatch %s: ", subcommand);
	mw_escape_write(stderr, MW_ESCAPE_TERMINAL, err->message, SIZE_MAX);
	fputc('\n', stderr);
}
