// SPDX-License-Identifier: MIT
#include "repl/run_outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"

static void temporary_name(const struct mw_run_output *output, char ret[PATH_MAX + 32])
{
	snprintf(ret, PATH_MAX + 32, "%s.memwatch-%d", output->path, getpid());
}

static struct mw_error *create_temporary(const struct mw_run_output *output, FILE **ret)
{
	char name[PATH_MAX + 32];
	int fd;

	temporary_name(output, name);
	/* One left by a process that had our pid; and never follow somebody's link. */
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return mw_error_os(errno, "cannot create %s", name);
	*ret = fdopen(fd, "w");
	if (*ret)
		return NULL;
	close(fd);
	return mw_err_nomem;
}

static struct mw_error *check_in_place(struct mw_run_output *output, const char *option)
{
	int fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	/* ENXIO: a FIFO without a reader yet. */
	if (fd < 0 && errno != ENXIO)
		return mw_error_os(errno, "--%s: cannot write %s", option, output->path);
	if (fd >= 0)
		close(fd);
	output->in_place = true;
	return NULL;
}

static struct mw_error *check_output(struct mw_run_output *output, const char *option,
				     const char *path)
{
	char name[PATH_MAX + 32];
	struct mw_error *err;
	struct stat status;
	bool exists;
	FILE *file;

	if (!path)
		return NULL;
	if (!realpath(path, output->path) && (size_t)snprintf(output->path, sizeof(output->path),
							      "%s", path) >= sizeof(output->path))
		return mw_error_create(MW_ERROR_USAGE, "--%s: the path is too long", option);
	exists = !stat(output->path, &status);
	if (exists && S_ISDIR(status.st_mode))
		return mw_error_create(MW_ERROR_USAGE, "--%s: %s is a directory", option, path);
	if (exists && !S_ISREG(status.st_mode))
		return check_in_place(output, option);
	err = create_temporary(output, &file);
	if (err && exists) {
		mw_error_destroy(err);
		return check_in_place(output, option);
	}
	if (err)
		return mw_error_prefix(err, "--%s", option);
	fclose(file);
	temporary_name(output, name);
	unlink(name);
	return NULL;
}

/** The post-run command gets a JSON file even if nobody else wants one. */
static struct mw_error *make_temporary_json(struct mw_run_outputs *outputs)
{
	const char *directory = getenv("TMPDIR");
	char *path = outputs->files[MW_RUN_JSON].path;
	int fd;

	snprintf(path, PATH_MAX, "%s/memwatch-XXXXXX", directory ? directory : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return mw_error_os(errno, "cannot create %s for --post-run-cmd", path);
	close(fd);
	outputs->json_is_temporary = true;
	return NULL;
}

struct mw_error *mw_run_outputs_init(const struct mw_run_options *options,
				     struct mw_run_outputs *ret)
{
	const struct {
		const char *option;
		const char *path;
	} wanted[MW_RUN_OUTPUTS] = {
		[MW_RUN_JSON] = {"json", options->json_path},
		[MW_RUN_CSV] = {"csv", options->csv_path},
		[MW_RUN_TIMELINE] = {"timeline", options->timeline_path},
		[MW_RUN_SERIES] = {"series", options->series_path},
	};
	struct mw_error *err;

	*ret = (struct mw_run_outputs){.options = options};
	for (int i = 0; i < MW_RUN_OUTPUTS; i++) {
		err = check_output(&ret->files[i], wanted[i].option, wanted[i].path);
		if (err)
			return err;
	}
	if (fstat(STDOUT_FILENO, &ret->stdout_before))
		memset(&ret->stdout_before, 0, sizeof(ret->stdout_before));
	if (options->post_run_command && !options->json_path)
		return make_temporary_json(ret);
	return NULL;
}

void mw_run_outputs_deinit(struct mw_run_outputs *outputs)
{
	if (outputs->json_is_temporary)
		unlink(outputs->files[MW_RUN_JSON].path);
	outputs->json_is_temporary = false;
}

static void write_kind(const struct mw_run_outputs *outputs, enum mw_run_output_kind kind,
		       struct mw_report *const *reports, size_t count, FILE *file)
{
	const struct mw_json_parts everything = {.timeline = true, .series = true};
	const struct mw_report *report = reports[mw_median_run(reports, count)];

	switch (kind) {
	case MW_RUN_JSON:
		mw_report_write_json(reports, count, &everything, file);
		break;
	case MW_RUN_CSV:
		mw_report_write_csv(report, outputs->options->csv_comments, file);
		break;
	case MW_RUN_TIMELINE:
		mw_report_write_timeline_csv(report, outputs->options->csv_comments, file);
		break;
	case MW_RUN_SERIES:
		mw_report_write_series_csv(report, file);
		break;
	case MW_RUN_OUTPUTS:
		break;
	}
}

/** @return 0, or the errno of the first write that failed. */
static int close_file(FILE *file)
{
	bool failed = ferror(file);

	if (fclose(file))
		return errno;
	return failed ? EIO : 0;
}

static struct mw_error *write_in_place(const struct mw_run_outputs *outputs,
				       enum mw_run_output_kind kind,
				       struct mw_report *const *reports, size_t count)
{
	const char *path = outputs->files[kind].path;
	FILE *file = fopen(path, "we");
	int errnum;

	if (!file)
		return mw_error_os(errno, "cannot write %s", path);
	write_kind(outputs, kind, reports, count, file);
	errnum = close_file(file);
	return errnum ? mw_error_os(errnum, "cannot write %s", path) : NULL;
}

static struct mw_error *replace_file(const struct mw_run_outputs *outputs,
				     enum mw_run_output_kind kind, struct mw_report *const *reports,
				     size_t count)
{
	const struct mw_run_output *output = &outputs->files[kind];
	char name[PATH_MAX + 32];
	struct mw_error *err;
	int errnum;
	FILE *file;

	err = create_temporary(output, &file);
	if (err)
		return err;
	write_kind(outputs, kind, reports, count, file);
	errnum = close_file(file);
	temporary_name(output, name);
	if (!errnum && rename(name, output->path))
		errnum = errno;
	if (!errnum)
		return NULL;
	unlink(name);
	return mw_error_os(errnum, "cannot write %s", output->path);
}

struct mw_error *mw_run_outputs_write(const struct mw_run_outputs *outputs,
				      struct mw_report *const *reports, size_t count, bool final)
{
	struct mw_error *first = NULL;

	for (int kind = 0; kind < MW_RUN_OUTPUTS; kind++) {
		const struct mw_run_output *output = &outputs->files[kind];
		struct mw_error *err = NULL;

		if (!output->path[0] || (output->in_place && !final))
			continue;
		if (output->in_place)
			err = write_in_place(outputs, (enum mw_run_output_kind)kind, reports,
					     count);
		else
			err = replace_file(outputs, (enum mw_run_output_kind)kind, reports, count);
		if (first)
			mw_error_destroy(err);
		else
			first = err;
	}
	return first;
}

static bool has_changed(const struct stat *before, const struct stat *after)
{
	int unread = 0;

	/* Of a pipe only what nobody has read yet can be seen. */
	if (S_ISFIFO(after->st_mode))
		return !ioctl(STDOUT_FILENO, FIONREAD, &unread) && unread > 0;
	if (!S_ISREG(after->st_mode))
		return false;
	return before->st_size != after->st_size ||
	       before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
	       before->st_mtim.tv_nsec != after->st_mtim.tv_nsec;
}

bool mw_run_outputs_stdout(const struct mw_run_outputs *outputs, struct mw_report *const *reports,
			   size_t count)
{
	const struct mw_json_parts parts = {
		.timeline = outputs->options->timeline_path != NULL,
		.series = outputs->options->series_path != NULL,
	};
	struct stat now;
	bool mixed = !isatty(STDOUT_FILENO) && !fstat(STDOUT_FILENO, &now) &&
		     has_changed(&outputs->stdout_before, &now);

	mw_report_write_json(reports, count, &parts, stdout);
	fflush(stdout);
	return mixed;
}
