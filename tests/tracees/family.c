// SPDX-License-Identifier: MIT
/*
 * `family MODE [N]`: processes that make processes, each of which stores to its copy of `words` and
 * prints how often it did: `count PID STORES`. What is wrong is printed as well.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tracee.h"

#define CHECK(condition) check(!!(condition), __LINE__)
#define STORES 20

/* A page of its own: what is stored here is exactly what is counted. */
volatile long words[80] PAGE_ALIGNED;
char words_end[PAGE_SIZE] PAGE_ALIGNED;

static _Atomic unsigned long stores;
static _Atomic int stopping;
static volatile sig_atomic_t signals;
static char self[PATH_MAX];
extern char **environ;

/* One write: processes share the output. */
static void say(const char *what, long left, long right)
{
	char line[128];
	int size = snprintf(line, sizeof(line), "%s %ld %ld\n", what, left, right);

	if (write(STDOUT_FILENO, line, (size_t)size) != size)
		abort();
}

static void check(int ok, int line)
{
	if (!ok)
		say("wrong", line, errno);
}

/* A read-modify-write: what memwatch notes of such a store is each process's own, too. */
NOINLINE static void store(int index)
{
	__atomic_fetch_add(&words[index], 1, __ATOMIC_RELAXED); /* LINE:store */
	stores++;
}

static void store_often(int index)
{
	long before = words[index];

	for (int i = 0; i < STORES; i++)
		store(index);
	CHECK(words[index] == before + STORES);
}

static void end(void)
{
	say("count", getpid(), (long)stores);
	_exit(0);
}

/* Stores before it does anything else. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	if (pid) {
		CHECK(pid > 0);
		return pid;
	}
	words[1]++;
	stores = 1;
	store_often(1);
	return 0;
}

static void wait_for(pid_t pid)
{
	int status = -1;

	/* Stops would be reported, too: there are none. */
	while (waitpid(pid, &status, WUNTRACED | WCONTINUED) < 0 && errno == EINTR)
		;
	if (status)
		say("status", pid, status);
}

static void be_generation(unsigned long n)
{
	pid_t pid;

	if (!n)
		return;
	pid = fork_child();
	if (!pid) {
		be_generation(n - 1);
		end();
	}
	store_often(2);
	wait_for(pid);
	store_often(2);
}

static void do_deep(unsigned long n)
{
	store(0);
	be_generation(n);
}

static void do_short(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork_child();

		if (!pid)
			end();
		store(0);
		wait_for(pid);
	}
}

/* All of them at once. */
static void do_many(unsigned long n)
{
	pid_t *pids = calloc(n, sizeof(*pids));
	int gate[2];
	char byte;

	CHECK(pids && pipe(gate) == 0);
	for (unsigned long i = 0; i < n; i++) {
		pids[i] = fork_child();
		if (!pids[i]) {
			close(gate[1]);
			CHECK(read(gate[0], &byte, 1) == 0);
			store_often(3);
			end();
		}
		store(0);
	}
	close(gate[1]);
	for (unsigned long i = 0; i < n; i++)
		wait_for(pids[i]);
	free(pids);
}

static void *store_all_the_time(void *arg)
{
	while (!stopping)
		store((int)(intptr_t)arg);
	return NULL;
}

static void *store_for_a_while(void *arg)
{
	store_often((int)(intptr_t)arg);
	return NULL;
}

/* A threaded process forks while its threads store, and the child has threads as well. */
static void do_threads(unsigned long n)
{
	pthread_t busy[2], thread;

	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&busy[i], NULL, store_all_the_time, (void *)(8 + i));
	while (!words[8] || !words[9])
		sched_yield();
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork_child();

		if (!pid) {
			CHECK(pthread_create(&thread, NULL, store_for_a_while, (void *)10) == 0);
			store_often(11);
			pthread_join(thread, NULL);
			end();
		}
		store(0);
		wait_for(pid);
	}
	stopping = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(busy[i], NULL);
}

/* A read() into the watched page, in each process. */
static void do_reads(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		char text[8] = "1234567";
		int ends[2];
		pid_t pid;

		CHECK(pipe(ends) == 0);
		pid = fork_child();
		if (!pid) {
			CHECK(read(ends[0], (void *)&words[64], 8) == 8);
			CHECK(!memcmp((void *)&words[64], text, 8));
			stores++;
			end();
		}
		CHECK(write(ends[1], text, 8) == 8);
		wait_for(pid);
		close(ends[0]);
		close(ends[1]);
	}
}

static void on_signal(int number)
{
	(void)number;
	signals++;
}

/* A signal that comes as early as it can is delivered once, and nobody sees a stop. */
static void do_signals(unsigned long n)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec moment = {0, 1000000};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGCHLD, &action, NULL);
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork_child();

		if (!pid) {
			while (!signals)
				nanosleep(&moment, NULL);
			CHECK(signals == 1);
			end();
		}
		CHECK(kill(pid, SIGUSR1) == 0);
		wait_for(pid);
		/* One for its end. */
		CHECK(signals == 1);
		signals = 0;
		store(0);
	}
}

/* Stopped by job control, and continued. */
static void do_stops(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork_child();
		int status;

		if (!pid) {
			store_often(4);
			end();
		}
		CHECK(kill(pid, SIGSTOP) == 0);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid);
		/* It may have been faster. */
		if (WIFEXITED(status))
			continue;
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		CHECK(kill(pid, SIGCONT) == 0);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

static void do_killed(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			for (;;)
				pause();
		CHECK(kill(pid, SIGKILL) == 0);
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		      WTERMSIG(status) == SIGKILL);
		store(0);
	}
}

/* Its child goes on alone. */
static void do_orphan(unsigned long n)
{
	int ends[2];
	pid_t pid;
	char byte;

	CHECK(pipe(ends) == 0);
	pid = fork_child();
	if (!pid) {
		close(ends[1]);
		CHECK(read(ends[0], &byte, 1) == 0);
		for (unsigned long i = 0; i < n; i++)
			store_often(5);
		end();
	}
	store_often(0);
}

static void spawn(const char *path, const char *mode)
{
	char *const argv[] = {(char *)path, (char *)mode, NULL};
	pid_t pid = -1;

	CHECK(posix_spawn(&pid, path, NULL, NULL, argv, environ) == 0);
	wait_for(pid);
}

static void do_spawn(unsigned long n)
{
	for (volatile unsigned long i = 0; i < n; i++) {
		pid_t pid;

		store(0);
		spawn(self, "leaf");
		spawn("/bin/true", NULL);
		pid = vfork();
		if (!pid) {
			execl(self, "family", "leaf", NULL);
			_exit(1);
		}
		wait_for(pid);
		pid = fork_child();
		if (!pid) {
			say("count", getpid(), (long)stores);
			execl(self, "family", "leaf", NULL);
			_exit(1);
		}
		wait_for(pid);
	}
}

static void do_leaf(unsigned long n)
{
	(void)n;
	store_often(6);
	end();
}

/* Each child checks itself, until a line comes. */
static void do_forever(unsigned long n)
{
	struct pollfd line = {STDIN_FILENO, POLLIN, 0};
	unsigned long children = 0;

	(void)n;
	say("running", 1, 0);
	while (poll(&line, 1, 0) == 0) {
		pid_t pids[3];

		for (int i = 0; i < 3; i++) {
			pids[i] = fork_child();
			if (pids[i])
				continue;
			for (int j = 0; j < 10; j++)
				store_often(7);
			_exit(0);
		}
		store_often(0);
		for (int i = 0; i < 3; i++)
			wait_for(pids[i]);
		children += 3;
	}
	say("children", (long)children, 0);
}

static const struct {
	const char *name;
	void (*run)(unsigned long n);
} modes[] = {
	{"deep", do_deep},       {"short", do_short},   {"many", do_many},
	{"threads", do_threads}, {"reads", do_reads},   {"signals", do_signals},
	{"stops", do_stops},     {"killed", do_killed}, {"orphan", do_orphan},
	{"spawn", do_spawn},     {"leaf", do_leaf},     {"forever", do_forever},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	fflush(stdout);
	CHECK(realpath("/proc/self/exe", self));
	for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++)
		if (!strcmp(modes[mode].name, tracee.mode))
			modes[mode].run(tracee_number(&tracee, 0, 5));
	say("count", getpid(), (long)stores);
	return tracee_end(&tracee);
}
