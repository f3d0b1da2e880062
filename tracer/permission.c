// SPDX-License-Identifier: MIT
#include "tracer/permission.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/procfs.h"

/* memwatch's own ELF header, mapped by the linker's doing: which machine it is built for. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/** A process that somebody wants to attach to. */
struct subject {
	pid_t pid;
	const struct mw_permission_host *host;
	struct mw_proc_status status;
	uint64_t cap_permitted;
};

/** Gives an error if it is the cause. */
typedef struct mw_error *cause_fn(const struct subject *subject);

static bool kernel_knows(pid_t pid)
{
	return !kill(pid, 0) || errno == EPERM;
}

static void path_in(const struct mw_permission_host *host, pid_t pid, const char *name,
		    char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/%d/%s", host->proc, pid, name);
}

static uint64_t parse_permitted(const char *status_text)
{
	static const char key[] = "\nCapPrm:";
	const char *line = strstr(status_text, key);

	return line ? strtoull(line + strlen(key), NULL, 16) : 0;
}

static struct mw_error *read_status(const struct mw_permission_host *host, pid_t pid,
				    struct mw_proc_status *ret, uint64_t *ret_permitted)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	char path[PATH_MAX];

	path_in(host, pid, "status", path);
	err = mw_file_read(path, &text, NULL);
	if (err)
		return err;
	*ret_permitted = parse_permitted(text);
	return mw_proc_status_parse(text, ret);
}

struct mw_error *mw_permission_host_init(struct mw_permission_host *ret)
{
	struct mw_permission_host host = {
		.proc = "/proc",
		.yama = "/proc/sys/kernel/yama/ptrace_scope",
		.pid = getpid(),
		.uid = getuid(),
		.gid = getgid(),
		.exists = kernel_knows,
	};
	struct mw_proc_status status;
	struct mw_error *err = read_status(&host, host.pid, &status, &host.cap_permitted);

	if (err)
		return err;
	host.cap_effective = status.cap_effective;
	host.seccomp = status.seccomp;
	*ret = host;
	return NULL;
}

static MW_PRINTF(3, 4) struct mw_error *refuse(const struct subject *subject,
					       enum mw_error_code code, const char *format, ...)
{
	mw_auto_free char *why = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&why, format, args);
	va_end(args);
	if (length < 0) {
		why = NULL;
		return mw_err_nomem;
	}
	return mw_error_create(code, "cannot attach to %d (%s): %s", subject->pid,
			       subject->status.name, why);
}

/** Name of process @pid, or "?". */
static void name_of(const struct mw_permission_host *host, pid_t pid, char *ret, size_t size)
{
	struct mw_proc_status status;
	uint64_t permitted;
	struct mw_error *err = read_status(host, pid, &status, &permitted);

	snprintf(ret, size, "%s", err ? "?" : status.name);
	mw_error_destroy(err);
}

static bool may_trace_any(const struct subject *subject)
{
	return subject->host->cap_effective >> CAP_SYS_PTRACE & 1;
}

/** How to get CAP_SYS_PTRACE from here. */
static const char *get_rights(const struct subject *subject)
{
	return subject->host->uid ? "run memwatch with sudo"
				  : "give memwatch CAP_SYS_PTRACE (containers: "
				    "--cap-add=SYS_PTRACE)";
}

static struct mw_error *find_self(const struct subject *subject)
{
	if (subject->status.tgid != subject->host->pid)
		return NULL;
	return refuse(subject, MW_ERROR_USAGE, "that is memwatch itself");
}

static struct mw_error *find_thread(const struct subject *subject)
{
	pid_t process = subject->status.tgid;
	char name[64];

	if (!process || process == subject->pid)
		return NULL;
	name_of(subject->host, process, name, sizeof(name));
	return mw_error_create(MW_ERROR_USAGE, "%d is a thread of process %d (%s): attach to %d",
			       subject->pid, process, name, process);
}

static struct mw_error *find_zombie(const struct subject *subject)
{
	char name[64];

	/* With threads left, only the first one has ended. */
	if (!strchr("ZX", subject->status.state) || subject->status.threads > 1)
		return NULL;
	name_of(subject->host, subject->status.ppid, name, sizeof(name));
	return refuse(subject, MW_ERROR_OTHER,
		      "it has ended, and waits for its parent %s (pid %d) to notice", name,
		      subject->status.ppid);
}

static struct mw_error *find_kernel_thread(const struct subject *subject)
{
	if (!subject->status.no_memory || strchr("ZX", subject->status.state))
		return NULL;
	return refuse(subject, MW_ERROR_OTHER,
		      "it is a kernel thread, which has no memory of its own");
}

/** The process of thread @tid; @tid itself when /proc doesn't show it. */
static pid_t process_of(const struct mw_permission_host *host, pid_t tid)
{
	struct mw_proc_status status = {0};
	uint64_t permitted;

	mw_error_destroy(read_status(host, tid, &status, &permitted));
	return status.tgid ? status.tgid : tid;
}

static struct mw_error *find_tracer(const struct subject *subject)
{
	/* The kernel names the thread that traces. */
	pid_t thread = subject->status.tracer_pid, tracer;
	char name[64];

	if (!thread)
		return NULL;
	tracer = process_of(subject->host, thread);
	if (tracer == subject->host->pid)
		return refuse(subject, MW_ERROR_OTHER, "this memwatch is attached to it already");
	name_of(subject->host, tracer, name, sizeof(name));
	return refuse(subject, MW_ERROR_PERMISSION, "it is already traced by %s (pid %d)", name,
		      tracer);
}

/** Reads the start of the program; false when there is none, or it may not be looked at. */
static bool read_elf_header(const struct subject *subject, Elf32_Ehdr *ret)
{
	mw_auto_close int fd = -1;
	char path[PATH_MAX];

	path_in(subject->host, subject->pid, "exe", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && mw_pread_full(fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret) &&
	       !memcmp(ret->e_ident, ELFMAG, SELFMAG);
}

/* Class and machine stand at the same place in both kinds of header. */
static struct mw_error *find_other_machine(const struct subject *subject)
{
	Elf32_Ehdr header;

	if (!read_elf_header(subject, &header))
		return NULL;
	if (header.e_ident[EI_CLASS] == ELFCLASS32)
		return refuse(subject, MW_ERROR_OTHER,
			      "it is a 32-bit program; memwatch watches 64-bit processes only");
	if (header.e_machine != __ehdr_start.e_machine)
		return refuse(subject, MW_ERROR_OTHER,
			      "it is a program for another processor (ELF machine %d, here %d)",
			      header.e_machine, __ehdr_start.e_machine);
	return NULL;
}

static void describe_user(uid_t uid, char *ret, size_t size)
{
	char names[1024];
	struct passwd entry, *found = NULL;

	if (!getpwuid_r(uid, &entry, names, sizeof(names), &found) && found)
		snprintf(ret, size, "%s (uid %u)", found->pw_name, uid);
	else
		snprintf(ret, size, "uid %u", uid);
}

static bool all_are(const uint32_t *ids, uint32_t id)
{
	/* Real, effective and saved; the kernel leaves the fourth, of the file system, alone. */
	return ids[0] == id && ids[1] == id && ids[2] == id;
}

static struct mw_error *find_other_user(const struct subject *subject)
{
	const struct mw_proc_status *status = &subject->status;
	char theirs[96], ours[96];

	if (may_trace_any(subject) || all_are(status->uid, subject->host->uid))
		return NULL;
	describe_user(subject->host->uid, ours, sizeof(ours));
	if (!all_are(status->uid, status->uid[0]))
		return refuse(subject, MW_ERROR_PERMISSION,
			      "it has changed its user ids, and memwatch runs as %s: %s", ours,
			      get_rights(subject));
	describe_user(status->uid[0], theirs, sizeof(theirs));
	return refuse(subject, MW_ERROR_PERMISSION, "it belongs to %s, and memwatch runs as %s: %s",
		      theirs, ours, get_rights(subject));
}

static struct mw_error *find_other_group(const struct subject *subject)
{
	if (may_trace_any(subject) || all_are(subject->status.gid, subject->host->gid))
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "its group (gid %u) isn't the one that memwatch runs with (gid %u): %s",
		      subject->status.gid[0], subject->host->gid, get_rights(subject));
}

/* The private files of an undumpable process belong to root; its directory doesn't. */
static struct mw_error *find_undumpable(const struct subject *subject)
{
	struct stat file;
	char path[PATH_MAX];

	path_in(subject->host, subject->pid, "mem", path);
	if (may_trace_any(subject) || !subject->status.uid[1] || stat(path, &file) || file.st_uid)
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "it is not dumpable (a set-user-id or capable program, or "
		      "prctl(PR_SET_DUMPABLE, 0)): %s",
		      get_rights(subject));
}

static int yama_scope(const struct mw_permission_host *host)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err = mw_file_read(host->yama, &text, NULL);

	if (!err)
		return atoi(text);
	mw_error_destroy(err);
	return 0;
}

static struct mw_error *find_yama(const struct subject *subject)
{
	int scope = yama_scope(subject->host);

	if (scope == 3)
		return refuse(subject, MW_ERROR_PERMISSION,
			      "kernel.yama.ptrace_scope is 3, which forbids all tracing until the "
			      "next boot: set it lower in /etc/sysctl.d and reboot");
	if (!scope || may_trace_any(subject))
		return NULL;
	if (scope == 1)
		return refuse(subject, MW_ERROR_PERMISSION,
			      "kernel.yama.ptrace_scope is 1, which allows tracing descendants "
			      "only: %s, start the program with `memwatch launch`, or `sudo sysctl "
			      "kernel.yama.ptrace_scope=0`",
			      get_rights(subject));
	return refuse(subject, MW_ERROR_PERMISSION,
		      "kernel.yama.ptrace_scope is %d, which allows tracing with CAP_SYS_PTRACE "
		      "only: %s",
		      scope, get_rights(subject));
}

static struct mw_error *find_capable(const struct subject *subject)
{
	if (may_trace_any(subject) || !(subject->cap_permitted & ~subject->host->cap_permitted))
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "it has capabilities that memwatch doesn't have: %s", get_rights(subject));
}

static bool read_user_namespace(const struct mw_permission_host *host, pid_t pid, char *ret,
				size_t size)
{
	char path[PATH_MAX];
	ssize_t length;

	path_in(host, pid, "ns/user", path);
	length = readlink(path, ret, size - 1);
	if (length < 0)
		return false;
	ret[length] = '\0';
	return true;
}

static struct mw_error *find_other_namespace(const struct subject *subject)
{
	char theirs[64], ours[64];

	if (!read_user_namespace(subject->host, subject->pid, theirs, sizeof(theirs)) ||
	    !read_user_namespace(subject->host, subject->host->pid, ours, sizeof(ours)) ||
	    !strcmp(theirs, ours))
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "it runs in another user namespace, where memwatch has no rights: run "
		      "memwatch inside that container, or as root of the host");
}

static struct mw_error *find_ended_leader(const struct subject *subject)
{
	if (subject->status.state != 'Z')
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "its first thread has ended, and the kernel lets nobody trace that");
}

static struct mw_error *find_seccomp(const struct subject *subject)
{
	if (!subject->host->seccomp)
		return NULL;
	return refuse(subject, MW_ERROR_PERMISSION,
		      "memwatch runs under a seccomp filter that may forbid ptrace: run it outside "
		      "the sandbox (containers: --cap-add=SYS_PTRACE)");
}

static struct mw_error *guess_security_module(const struct subject *subject)
{
	return refuse(subject, MW_ERROR_PERMISSION,
		      "the kernel forbids it without saying why; a security module (SELinux, "
		      "AppArmor) may, its log is in `dmesg`");
}

/* In the order of what explains most: the first that is found is told. */
static cause_fn *const certain_causes[] = {
	find_self, find_thread, find_zombie, find_kernel_thread, find_tracer, find_other_machine,
};

/* In the order in which the kernel checks them (__ptrace_may_access). */
static cause_fn *const likely_causes[] = {
	find_ended_leader, find_other_user,      find_other_group, find_undumpable,       find_yama,
	find_capable,      find_other_namespace, find_seccomp,     guess_security_module,
};

static struct mw_error *first_of(cause_fn *const *causes, size_t count,
				 const struct subject *subject)
{
	struct mw_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++)
		err = causes[i](subject);
	return err;
}

static struct mw_error *missing(pid_t pid, const struct mw_permission_host *host)
{
	if (host->exists && host->exists(pid))
		return mw_error_create(
			MW_ERROR_PERMISSION,
			"cannot attach to %d: /proc hides it (mounted with hidepid): "
			"run memwatch with sudo",
			pid);
	return mw_error_create(MW_ERROR_NOT_FOUND, "there is no process %d", pid);
}

static struct mw_error *subject_init(pid_t pid, const struct mw_permission_host *host,
				     struct subject *ret)
{
	struct subject subject = {.pid = pid, .host = host};
	struct mw_error *err;

	if (pid <= 0)
		return mw_error_create(MW_ERROR_USAGE, "%d is not a process id", pid);
	err = read_status(host, pid, &subject.status, &subject.cap_permitted);
	if (err && (err->errnum == ENOENT || err->errnum == ESRCH)) {
		mw_error_destroy(err);
		return missing(pid, host);
	}
	if (!err)
		*ret = subject;
	return err;
}

struct mw_error *mw_permission_check(pid_t pid, const struct mw_permission_host *host)
{
	struct mw_permission_host real;
	struct subject subject;
	struct mw_error *err = host ? NULL : mw_permission_host_init(&real);

	if (!err)
		err = subject_init(pid, host ? host : &real, &subject);
	if (!err)
		err = first_of(certain_causes, mw_array_size(certain_causes), &subject);
	return err;
}

static struct mw_error *explain(const struct subject *subject, int errnum)
{
	struct mw_error *err = first_of(certain_causes, mw_array_size(certain_causes), subject);

	if (err)
		return err;
	if (errnum == ESRCH)
		return refuse(subject, MW_ERROR_NOT_FOUND, "it is just ending");
	if (errnum != EPERM && errnum != EACCES)
		return mw_error_os(errnum, "cannot attach to %d (%s)", subject->pid,
				   subject->status.name);
	return first_of(likely_causes, mw_array_size(likely_causes), subject);
}

struct mw_error *mw_permission_explain(pid_t pid, int errnum, const struct mw_permission_host *host)
{
	struct mw_permission_host real;
	struct subject subject;
	struct mw_error *err = host ? NULL : mw_permission_host_init(&real);

	if (!err)
		err = subject_init(pid, host ? host : &real, &subject);
	return err ? err : explain(&subject, errnum);
}
