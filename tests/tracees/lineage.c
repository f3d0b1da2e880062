// SPDX-License-Identifier: MIT
/*
 * `lineage MODE [N]`: children of every kind, and new programs, of a process whose `page` is
 * watched while its threads store there. Each process checks its own copy and its own state.
 */
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracee.h"

#define THREADS 3
#define WORDS 64

/* A page of its own: what is stored here is exactly what `stores` counts. */
struct page {
	long words[WORDS];
	char input[512];
} page __attribute__((aligned(4096)));
char page_end[4096] __attribute__((aligned(4096)));

static unsigned long failures;
static _Atomic unsigned long stores;
static _Atomic int stopping;
static cpu_set_t home;
static const char *self;

static void check(int ok, int line)
{
	if (ok)
		return;
	printf("wrong line %d errno %d\n", line, errno);
	fflush(stdout);
	failures++;
}
#define CHECK(condition) check(!!(condition), __LINE__)

NOINLINE static void store(int index)
{
	page.words[index]++; /* LINE:store */
	BARRIER();
}

static void *store_all_the_time(void *arg)
{
	while (!stopping) {
		store((int)(intptr_t)arg);
		stores++;
		if (stores % 64 == 0)
			usleep(1000);
	}
	return NULL;
}

/* A thread that waits in a system call whose buffer is watched. */
static int pipe_fds[2];
static void *read_into_page(void *arg)
{
	(void)arg;
	CHECK(read(pipe_fds[0], page.input, sizeof(page.input)) == 5);
	CHECK(!memcmp(page.input, "hello", 5));
	stores++;
	return NULL;
}

static int is_traced(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	int tracer = -1;

	while (status && fgets(line, sizeof(line), status))
		sscanf(line, "TracerPid: %d", &tracer);
	if (status)
		fclose(status);
	return tracer != 0;
}

static int has_home(void)
{
	cpu_set_t now;

	return sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &home);
}

/* In a child: stores everywhere, and finds exactly that. */
static int own_copy_works(void)
{
	struct page copy;
	uint64_t hash;

	for (int i = 0; i < WORDS; i++)
		page.words[i] = i * 3;
	memset(page.input, 7, sizeof(page.input));
	hash = tracee_hash(&page, sizeof(page));
	for (int i = 0; i < WORDS; i++)
		copy.words[i] = i * 3;
	memset(copy.input, 7, sizeof(copy.input));
	return hash == tracee_hash(&copy, sizeof(copy));
}

static int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

/* Nothing that the parent's watcher has put there: its code, its handlers. */
static int is_clean(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	struct sigaction action;
	unsigned long inode;
	char line[512], perms[8], name[256];
	int clean = maps != NULL;

	while (clean && fgets(line, sizeof(line), maps)) {
		name[0] = '\0';
		if (sscanf(line, "%*s %7s %*s %*s %lu %255s", perms, &inode, name) >= 2)
			clean = inode || name[0] || perms[2] != 'x';
	}
	if (maps)
		fclose(maps);
	return clean && sigaction(SIGSEGV, NULL, &action) == 0 && action.sa_handler == SIG_DFL &&
	       sigaction(SIGTRAP, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

static int be_child(int generations)
{
	pid_t pid;

	if (!own_copy_works())
		return 1;
	if (is_traced())
		return 2;
	if (!has_home())
		return 3;
	if (!is_clean())
		return 6;
	if (!generations)
		return 0;
	pid = fork();
	if (!pid)
		_exit(be_child(generations - 1));
	return status_of(pid) ? 4 : own_copy_works() ? 0 : 5;
}

static pid_t clone3_child(uint64_t flags)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* So fast that memwatch moves the thread to its own processor for a while. */
static void store_in_a_burst(void)
{
	for (int i = 0; i < 50; i++) {
		store(10);
		stores++;
	}
}

static void do_tree(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = i % 2 ? fork() : clone3_child(0);
		int status;

		if (!pid)
			_exit(be_child(2));
		store_in_a_burst();
		status = status_of(pid);
		if (status)
			printf("child %d status %#x\n", pid, status);
		CHECK(status == 0);
		store(10);
		stores++;
	}
}

/* Until a line comes. */
static void do_forever(unsigned long n)
{
	struct pollfd line = {STDIN_FILENO, POLLIN, 0};
	unsigned long children = 0;

	(void)n;
	printf("running 1\n");
	fflush(stdout);
	while (poll(&line, 1, 0) == 0) {
		do_tree(2);
		children += 2;
	}
	printf("children %lu\n", children);
}

static void do_spawn(unsigned long n)
{
	char *const argv[] = {"sh", "-c", "x=0; while [ $x -lt 50 ]; do x=$((x+1)); done", NULL};
	char count[16];
	char *const count_argv[] = {"lineage", "count", count, NULL};
	extern char **environ;

	snprintf(count, sizeof(count), "%d", CPU_COUNT(&home));
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = -1;

		store_in_a_burst();
		CHECK(posix_spawn(&pid, self, NULL, NULL, count_argv, environ) == 0);
		CHECK(status_of(pid) == 0);
		CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
		CHECK(status_of(pid) == 0);
		CHECK(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) == ENOENT);
	}
}

static int store_once(void *arg)
{
	(void)arg;
	store(11);
	stores++;
	return 0;
}

static void do_share(unsigned long n)
{
	static char stack[65536] __attribute__((aligned(16)));

	for (volatile unsigned long i = 0; i < n; i++) {
		pid_t pid = clone(store_once, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

		CHECK(status_of(pid) == 0);
		pid = vfork();
		if (!pid) {
			store(12);
			stores++;
			_exit(0);
		}
		CHECK(status_of(pid) == 0);
	}
	CHECK(page.words[11] == (long)n && page.words[12] == (long)n);
}

static void run_self(const char *mode)
{
	execl(self, "lineage", mode, NULL);
	CHECK(!"exec");
}

static void *exec_in_thread(void *arg)
{
	run_self(arg);
	return NULL;
}

static void do_exec(unsigned long n)
{
	(void)n;
	CHECK(execl("/nonexistent", "x", NULL) < 0 && errno == ENOENT);
	CHECK(execl("/etc/passwd", "x", NULL) < 0 && errno == EACCES);
	store(10);
	printf("before %lu\n", (unsigned long)stores + 1);
	fflush(stdout);
	run_self("after");
}

static void do_thread_exec(unsigned long n)
{
	pthread_t thread;

	(void)n;
	store(10);
	fflush(stdout);
	pthread_create(&thread, NULL, exec_in_thread, "after");
	pthread_join(thread, NULL);
}

/* What a set-user-ID program makes of it, in the ways to start one. */
static void do_setuid(unsigned long n)
{
	char *const argv[] = {"id", NULL};
	extern char **environ;
	pid_t pid = -1;

	(void)n;
	store(10);
	CHECK(posix_spawn(&pid, getenv("OTHER"), NULL, NULL, argv, environ) == 0);
	printf("spawned %d\n", WEXITSTATUS(status_of(pid)));
	pid = fork();
	if (!pid) {
		execv(getenv("OTHER"), argv);
		_exit(99);
	}
	printf("forked %d\n", WEXITSTATUS(status_of(pid)));
	store(10);
}

/* Becomes what the environment says: a program that has no `page`, or a script. */
static void do_other(unsigned long n)
{
	(void)n;
	store(10);
	fflush(stdout);
	execl(getenv("OTHER"), "other", "5", NULL);
	CHECK(!"exec");
}

/* Ends well on so many processors only. */
static void do_count(unsigned long n)
{
	if (CPU_COUNT(&home) != (int)n)
		_exit(1);
}

static void do_after(unsigned long n)
{
	(void)n;
	for (int i = 0; i < 10; i++)
		store(20);
	printf("after %ld\nhome %d\n", page.words[20], has_home());
}

static const struct {
	const char *name;
	void (*run)(unsigned long n);
	int threads;
} modes[] = {
	{"tree", do_tree, THREADS},
	{"forever", do_forever, THREADS},
	{"spawn", do_spawn, THREADS},
	{"share", do_share, 0},
	{"exec", do_exec, 0},
	{"busyexec", do_exec, THREADS},
	{"threadexec", do_thread_exec, THREADS},
	{"other", do_other, 0},
	{"after", do_after, 0},
	{"count", do_count, 0},
	{"setuid", do_setuid, 0},
};

static void run_with_threads(void (*run)(unsigned long n), unsigned long n, int count)
{
	pthread_t threads[THREADS], reader;

	CHECK(pipe(pipe_fds) == 0);
	pthread_create(&reader, NULL, read_into_page, NULL);
	for (intptr_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, store_all_the_time, (void *)i);
	while (!page.words[0])
		usleep(1000);
	run(n);
	stopping = 1;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	CHECK(write(pipe_fds[1], "hello", 5) == 5);
	pthread_join(reader, NULL);
}

int main(int argc, char **argv)
{
	struct tracee tracee;
	unsigned long n;

	/* Set-user-ID: says by its status whom it runs as. */
	if (!strcmp(argv[0], "id"))
		_exit(geteuid() == 0 ? 42 : 43);
	tracee = tracee_begin(argc, argv);
	n = tracee_number(&tracee, 0, 10);
	/* A script is named by its path. */
	if (strrchr(tracee.mode, '/'))
		tracee.mode = strrchr(tracee.mode, '/') + 1;
	self = "/proc/self/exe";
	sched_getaffinity(0, sizeof(home), &home);
	for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++) {
		if (strcmp(modes[mode].name, tracee.mode))
			continue;
		if (modes[mode].threads)
			run_with_threads(modes[mode].run, n, modes[mode].threads);
		else
			modes[mode].run(n);
	}
	printf("stores %lu\nfailures %lu\n", (unsigned long)stores, failures);
	return tracee_end(&tracee);
}
