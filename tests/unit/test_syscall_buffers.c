// SPDX-License-Identifier: MIT
/* Files, terminals and what a process asks about itself: of fixed size or as the result says. */
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <pty.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "syscall_trial.h"

/** A call whose only outputs are @size bytes behind argument @arg. */
static void fixed(struct trial *trial, int64_t number, unsigned arg, size_t size)
{
	trial->number = number;
	trial->args[arg] = trial_pointer(trial_take(trial, size));
}

static void stat_root(struct trial *trial)
{
	trial_call(trial, SYS_stat, trial_pointer("/"), trial_pointer(trial_take(trial, 144)));
}

static void newfstatat_root(struct trial *trial)
{
	trial_call(trial, SYS_newfstatat, (uint64_t)AT_FDCWD, trial_pointer("/"),
		   trial_pointer(trial_take(trial, 144)), 0);
}

static void statx_root(struct trial *trial)
{
	trial_call(trial, SYS_statx, (uint64_t)AT_FDCWD, trial_pointer("/"), 0, STATX_BASIC_STATS,
		   trial_pointer(trial_take(trial, 256)));
}

static void statfs_proc(struct trial *trial)
{
	trial_call(trial, SYS_statfs, trial_pointer("/proc"),
		   trial_pointer(trial_take(trial, 120)));
}

static void getdents_self(struct trial *trial)
{
	trial->fds[0] = open("/proc/self", O_RDONLY | O_DIRECTORY);
	trial_call(trial, SYS_getdents64, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 1000)), 1000);
}

static void readlink_self(struct trial *trial)
{
	trial_call(trial, SYS_readlink, trial_pointer("/proc/self"),
		   trial_pointer(trial_take(trial, 100)), 100);
}

static void getcwd_here(struct trial *trial)
{
	trial_call(trial, SYS_getcwd, trial_pointer(trial_take(trial, 4096)), 4096);
}

static void pread_self(struct trial *trial)
{
	trial->fds[0] = open("/proc/self/exe", O_RDONLY);
	trial_call(trial, SYS_pread64, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 100)), 64, 8);
}

static void sendfile_some(struct trial *trial)
{
	trial->fds[0] = open("/proc/self/exe", O_RDONLY);
	trial->fds[1] = open("/dev/null", O_WRONLY);
	trial_call(trial, SYS_sendfile, (uint64_t)trial->fds[1], (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, (int64_t)16)), 32);
}

static void splice_some(struct trial *trial)
{
	trial->fds[0] = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(pipe(trial->fds + 1), 0);
	trial_call(trial, SYS_splice, (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, (int64_t)16)), (uint64_t)trial->fds[2], 0, 32, 0);
}

static int make_file(struct trial *trial)
{
	char name[] = "/tmp/mw-trial-XXXXXX";

	trial->fds[0] = mkstemp(name);
	assert_true(trial->fds[0] >= 0);
	unlink(name);
	assert_int_equal(ftruncate(trial->fds[0], 8192), 0);
	return trial->fds[0];
}

static void copy_file_range_some(struct trial *trial)
{
	make_file(trial);
	trial_call(trial, SYS_copy_file_range, (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, (int64_t)16)), (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, (int64_t)4096)), 32, 0);
}

static void fgetxattr_user(struct trial *trial)
{
	int fd = make_file(trial);

	/* Not every file system has user attributes: then both runs fail alike. */
	(void)!fsetxattr(fd, "user.mw", "value", 5, 0);
	trial_call(trial, SYS_fgetxattr, (uint64_t)fd, trial_pointer("user.mw"),
		   trial_pointer(trial_take(trial, 100)), 100);
}

static void fcntl_getlk(struct trial *trial)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = 3};

	make_file(trial);
	trial_call(trial, SYS_fcntl, (uint64_t)trial->fds[0], F_GETLK,
		   trial_pointer(trial_put(trial, lock)));
}

static void mincore_pages(struct trial *trial)
{
	trial_call(trial, SYS_mincore, trial_pointer(trial->arena), 12288,
		   trial_pointer(trial_take(trial, 3)));
}

static void name_to_handle(struct trial *trial)
{
	uint64_t *handle = trial_take(trial, 8 + 128);

	*handle = 128;
	trial_call(trial, SYS_name_to_handle_at, (uint64_t)AT_FDCWD, trial_pointer("/tmp"),
		   trial_pointer(handle), trial_pointer(trial_take(trial, 4)), 0);
}

static void uname_all(struct trial *trial)
{
	fixed(trial, SYS_uname, 0, 390);
}

static void sysinfo_all(struct trial *trial)
{
	fixed(trial, SYS_sysinfo, 0, 112);
}

static void times_all(struct trial *trial)
{
	fixed(trial, SYS_times, 0, 32);
}

static void getrusage_self(struct trial *trial)
{
	trial_call(trial, SYS_getrusage, RUSAGE_SELF, trial_pointer(trial_take(trial, 144)));
}

static void prlimit_files(struct trial *trial)
{
	trial_call(trial, SYS_prlimit64, 0, RLIMIT_NOFILE, 0, trial_pointer(trial_take(trial, 16)));
}

static void getresuid_all(struct trial *trial)
{
	trial_call(trial, SYS_getresuid, trial_pointer(trial_take(trial, 4)),
		   trial_pointer(trial_take(trial, 4)), trial_pointer(trial_take(trial, 4)));
}

static void sched_getaffinity_self(struct trial *trial)
{
	trial_call(trial, SYS_sched_getaffinity, 0, 128, trial_pointer(trial_take(trial, 128)));
}

static void sched_getattr_self(struct trial *trial)
{
	trial_call(trial, SYS_sched_getattr, 0, trial_pointer(trial_take(trial, 56)), 56, 0);
}

static void capget_self(struct trial *trial)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	trial_call(trial, SYS_capget, trial_pointer(trial_put(trial, header)),
		   trial_pointer(trial_take(trial, 24)));
}

/* Answers by writing the version that the kernel likes best. */
static void capget_of_no_version(struct trial *trial)
{
	struct __user_cap_header_struct header = {1, 0};

	trial_call(trial, SYS_capget, trial_pointer(trial_put(trial, header)), 0);
}

static void prctl_name(struct trial *trial)
{
	trial_call(trial, SYS_prctl, PR_GET_NAME, trial_pointer(trial_take(trial, 16)));
}

static void arch_prctl_fs(struct trial *trial)
{
	trial_call(trial, SYS_arch_prctl, ARCH_GET_FS, trial_pointer(trial_take(trial, 8)));
}

static void getrandom_some(struct trial *trial)
{
	trial_call(trial, SYS_getrandom, trial_pointer(trial_take(trial, 100)), 100, 0);
}

static void get_robust_list_self(struct trial *trial)
{
	trial_call(trial, SYS_get_robust_list, 0, trial_pointer(trial_take(trial, 8)),
		   trial_pointer(trial_take(trial, 8)));
}

static void make_terminal(struct trial *trial)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};

	assert_int_equal(openpty(&trial->fds[0], &trial->fds[1], NULL, NULL, &size), 0);
}

static void ioctl_winsize(struct trial *trial)
{
	make_terminal(trial);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[1], TIOCGWINSZ,
		   trial_pointer(trial_take(trial, 8)));
}

static void ioctl_termios(struct trial *trial)
{
	make_terminal(trial);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[1], TCGETS,
		   trial_pointer(trial_take(trial, 64)));
}

static void ioctl_termios2(struct trial *trial)
{
	make_terminal(trial);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[1], 0x802c542a /* TCGETS2 */,
		   trial_pointer(trial_take(trial, 64)));
}

static void ioctl_block_size(struct trial *trial)
{
	make_file(trial);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[0], FIGETBSZ,
		   trial_pointer(trial_take(trial, 4)));
}

static void io_setup_context(struct trial *trial)
{
	trial_call(trial, SYS_io_setup, 4, trial_pointer(trial_put(trial, (uint64_t)0)));
}

static void io_destroy_context(struct trial *trial)
{
	syscall(SYS_io_destroy, *(const uint64_t *)trial->arena);
}

static void io_uring_parameters(struct trial *trial)
{
	struct io_uring_params params = {0};

	trial_call(trial, SYS_io_uring_setup, 4, trial_pointer(trial_put(trial, params)));
}

static void close_result(struct trial *trial)
{
	close((int)trial->result);
}

/** struct mnt_id_req, which not all headers have. */
struct mount_request {
	uint32_t size;
	uint32_t spare;
	uint64_t mount;
	uint64_t param;
};

static void listmount_root(struct trial *trial)
{
	struct mount_request request = {.size = 24, .mount = UINT64_MAX /* LSMT_ROOT */};

	trial_call(trial, 458, trial_pointer(trial_put(trial, request)),
		   trial_pointer(trial_take(trial, 8000)), 1000);
}

static void statmount_first(struct trial *trial)
{
	struct mount_request request = {.size = 24, .mount = UINT64_MAX};
	uint64_t first = 0;

	/* Without the call both runs fail alike. */
	(void)!syscall(458, &request, &first, 1, 0);
	request.mount = first;
	request.param = 0x3f; /* All that Linux 6.8 has, strings too. */
	trial_call(trial, 457, trial_pointer(trial_put(trial, request)),
		   trial_pointer(trial_take(trial, 2000)), 2000);
}

static const struct trial_case cases[] = {
	TRIAL_CASE("stat", stat_root, NULL, 0, 144),
	TRIAL_CASE("newfstatat", newfstatat_root, NULL, 0, 144),
	TRIAL_CASE("statx", statx_root, NULL, 0, 256),
	TRIAL_CASE("statfs", statfs_proc, NULL, 0, 120),
	TRIAL_CASE("getdents64", getdents_self, NULL, TRIAL_GAPS, -1),
	TRIAL_CASE("readlink", readlink_self, NULL, 0, -1),
	TRIAL_CASE("getcwd", getcwd_here, NULL, 0, -1),
	TRIAL_CASE("pread64", pread_self, NULL, 0, 64),
	TRIAL_CASE("sendfile", sendfile_some, NULL, 0, 8),
	TRIAL_CASE("splice", splice_some, NULL, 0, 8),
	TRIAL_CASE("copy_file_range", copy_file_range_some, NULL, 0, 16),
	TRIAL_CASE("fgetxattr", fgetxattr_user, NULL, 0, -1),
	TRIAL_CASE("fcntl_F_GETLK", fcntl_getlk, NULL, 0, 32),
	TRIAL_CASE("mincore", mincore_pages, NULL, 0, 3),
	TRIAL_CASE("name_to_handle_at", name_to_handle, NULL, TRIAL_GAPS, -1),
	TRIAL_CASE("uname", uname_all, NULL, 0, 390),
	TRIAL_CASE("sysinfo", sysinfo_all, NULL, TRIAL_VOLATILE, 112),
	TRIAL_CASE("times", times_all, NULL, TRIAL_VOLATILE, 32),
	TRIAL_CASE("getrusage", getrusage_self, NULL, TRIAL_VOLATILE, 144),
	TRIAL_CASE("prlimit64", prlimit_files, NULL, 0, 16),
	TRIAL_CASE("getresuid", getresuid_all, NULL, 0, 12),
	TRIAL_CASE("sched_getaffinity", sched_getaffinity_self, NULL, 0, -1),
	TRIAL_CASE("sched_getattr", sched_getattr_self, NULL, 0, 56),
	TRIAL_CASE("capget", capget_self, NULL, 0, 8 + 24),
	TRIAL_CASE("capget_of_no_version", capget_of_no_version, NULL, 0, 8),
	TRIAL_CASE("prctl_PR_GET_NAME", prctl_name, NULL, 0, 16),
	TRIAL_CASE("arch_prctl_ARCH_GET_FS", arch_prctl_fs, NULL, 0, 8),
	TRIAL_CASE("getrandom", getrandom_some, NULL, TRIAL_VOLATILE, 100),
	TRIAL_CASE("get_robust_list", get_robust_list_self, NULL, 0, 16),
	TRIAL_CASE("ioctl_TIOCGWINSZ", ioctl_winsize, NULL, 0, 8),
	TRIAL_CASE("ioctl_TCGETS", ioctl_termios, NULL, 0, 36),
	TRIAL_CASE("ioctl_TCGETS2", ioctl_termios2, NULL, 0, 44),
	TRIAL_CASE("ioctl_FIGETBSZ", ioctl_block_size, NULL, 0, 4),
	TRIAL_CASE("io_uring_setup", io_uring_parameters, close_result, 0, -1),
	TRIAL_CASE("listmount", listmount_root, NULL, 0, -1),
	TRIAL_CASE("statmount", statmount_first, NULL, TRIAL_GAPS, -1),
	TRIAL_CASE("io_setup", io_setup_context, io_destroy_context, TRIAL_VOLATILE, 8),
};

int main(void)
{
	return trial_run_all("buffers", cases, mw_array_size(cases));
}
