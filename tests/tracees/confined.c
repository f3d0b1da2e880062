// SPDX-License-Identifier: MIT
/*
 * `confined HOW`: a program that may do next to nothing. It counts in `counter` and reads into
 * `message` until there is a line to read (`late`: confines itself at the first one), and checks
 * both. Once confined it makes no call but read(), write() and exit(), and returns from signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracee.h"

PAGE_ALIGNED long counter;
PAGE_ALIGNED char message[PAGE_SIZE];
PAGE_ALIGNED static int own_pipe[2];

#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number)                                                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void set_filter(struct sock_filter *steps, size_t count)
{
	struct sock_fprog program = {(unsigned short)count, steps};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(3);
}

static void allow_little(void)
{
	struct sock_filter steps[] = {
		LOAD_NUMBER,
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit),
		ALLOW(SYS_rt_sigreturn),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	set_filter(steps, sizeof(steps) / sizeof(steps[0]));
}

/* As containers do. */
static void allow_most(void)
{
	struct sock_filter steps[] = {
		LOAD_NUMBER,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 460, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	set_filter(steps, sizeof(steps) / sizeof(steps[0]));
}

static void be_strict(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		_exit(3);
}

static void limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit both = {value, value};

	setrlimit(resource, &both);
}

/* As much address space as there is, and a megabyte. */
static void take_memory(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld", &pages) != 1)
		_exit(3);
	fclose(file);
	limit(RLIMIT_AS, (rlim_t)pages * PAGE_SIZE + (1 << 20));
}

static void take_files(void)
{
	limit(RLIMIT_NOFILE, 32);
	while (dup(STDOUT_FILENO) >= 0)
		;
}

static void take_locks(void)
{
	limit(RLIMIT_MEMLOCK, 0);
}

static void do_nothing(void)
{
}

static bool line_waits(void)
{
	char byte;

	return read(STDIN_FILENO, &byte, 1) == 1 && byte == '\n';
}

/* @return how much has gone wrong. */
static long work(void)
{
	static long done;
	long wrong = 0;

	while (!line_waits()) {
		for (int i = 0; i < 100; i++)
			__asm__ volatile("addq $1, %0" : "+m"(counter) : : "cc");
		done += 100;
		wrong += counter != done;
		wrong += write(own_pipe[1], &done, sizeof(done)) != sizeof(done);
		wrong += read(own_pipe[0], message, sizeof(done)) != sizeof(done);
		wrong += memcmp(message, &done, sizeof(done)) != 0;
	}
	return wrong;
}

static const struct {
	const char *name;
	void (*confine)(void);
	void (*later)(void);
} ways[] = {
	{"filter", allow_little, NULL},
	{"container", allow_most, NULL},
	{"strict", be_strict, NULL},
	{"late", do_nothing, allow_little},
	{"late-strict", do_nothing, be_strict},
	{"late-container", do_nothing, allow_most},
	{"memory", take_memory, NULL},
	{"files", take_files, NULL},
	{"locks", take_locks, NULL},
};

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		syscall(SYS_exit, 3);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	size_t way = 0;
	long wrong;

	while (way < sizeof(ways) / sizeof(ways[0]) && strcmp(how, ways[way].name))
		way++;
	if (way == sizeof(ways) / sizeof(ways[0]) || pipe(own_pipe) ||
	    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK))
		return 2;
	ways[way].confine();
	say("running 1\n");
	wrong = work();
	if (ways[way].later) {
		ways[way].later();
		say("confined 1\n");
		wrong += work();
	}
	say(wrong ? "correct 0\n" : "correct 1\n");
	syscall(SYS_exit, wrong != 0);
}
