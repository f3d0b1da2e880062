// SPDX-License-Identifier: MIT
/*
 * `jobs crowd [THREADS STORES]`: many threads that store to one page. `jobs debugger [N]`: traces a
 * child of its own while it is watched. `jobs quit [THREADS]`: threads come and go at a high rate
 * until one of them ends the process. `jobs stops [N]`: stops itself again and again.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tracee.h"

#define MOST_THREADS 256

struct page {
	_Atomic long shared;
	long own[MOST_THREADS];
} page __attribute__((aligned(4096)));
char page_end[4096] __attribute__((aligned(4096)));

static unsigned long failures;
static unsigned long per_thread;

static void check(int ok, int line)
{
	if (ok)
		return;
	printf("wrong line %d errno %d\n", line, errno);
	failures++;
}
#define CHECK(condition) check(!!(condition), __LINE__)

static void *store_some(void *arg)
{
	long *own = &page.own[(intptr_t)arg];

	for (unsigned long i = 0; i < per_thread; i++) {
		if (i % 2)
			page.shared++;
		else
			++*own;
		BARRIER();
	}
	return NULL;
}

static void do_crowd(unsigned long threads, unsigned long stores)
{
	pthread_t ids[MOST_THREADS];
	pthread_attr_t attributes;

	per_thread = stores;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	for (intptr_t i = 0; i < (intptr_t)threads; i++)
		CHECK(pthread_create(&ids[i], &attributes, store_some, (void *)i) == 0);
	for (unsigned long i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	for (unsigned long i = 0; i < threads; i++)
		CHECK(page.own[i] == (long)((stores + 1) / 2));
	CHECK(page.shared == (long)(threads * (stores / 2)));
	printf("stores %lu\n", threads * stores);
}

/* The child stops with its copy in a known state; it is read, changed and let go. */
static void debug_child(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		page.own[1] = 11;
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(page.own[1] == 22 ? 0 : 2);
	}
	page.own[0]++;
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, &page.own[1], NULL) == 11);
	CHECK(ptrace(PTRACE_POKEDATA, pid, &page.own[1], 22) == 0);
	CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void do_debugger(unsigned long n, unsigned long unused)
{
	(void)unused;
	for (unsigned long i = 0; i < n; i++)
		debug_child();
	CHECK(page.own[0] == (long)n);
}

static void *store_once(void *arg)
{
	(void)arg;
	page.shared++;
	return NULL;
}

static void *make_threads(void *arg)
{
	for (;;) {
		pthread_t thread;

		if (!pthread_create(&thread, NULL, store_once, NULL))
			pthread_join(thread, NULL);
	}
	return arg;
}

/* A line ends the process in the middle of it all. */
static void do_quit(unsigned long threads, unsigned long status)
{
	pthread_t thread;

	for (unsigned long i = 0; i < threads; i++)
		pthread_create(&thread, NULL, make_threads, NULL);
	printf("running 1\n");
	fflush(stdout);
	tracee_read_line();
	_exit((int)status);
}

/* Whoever waits for it sees each stop, and lets it go on. */
static void do_stops(unsigned long n, unsigned long unused)
{
	(void)unused;
	for (unsigned long i = 0; i < n; i++) {
		page.own[0]++;
		raise(SIGSTOP);
		page.own[1]++;
	}
	CHECK(page.own[0] == (long)n && page.own[1] == (long)n);
}

static const struct {
	const char *name;
	void (*run)(unsigned long first, unsigned long second);
	unsigned long first, second;
} modes[] = {
	{"crowd", do_crowd, 200, 50},
	{"debugger", do_debugger, 10, 0},
	{"quit", do_quit, 4, 7},
	{"stops", do_stops, 5, 0},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++) {
		if (strcmp(modes[mode].name, tracee.mode))
			continue;
		fflush(stdout);
		modes[mode].run(tracee_number(&tracee, 0, modes[mode].first),
				tracee_number(&tracee, 1, modes[mode].second));
	}
	printf("failures %lu\n", failures);
	return tracee_end(&tracee);
}
