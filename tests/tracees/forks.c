// SPDX-License-Identifier: MIT
/*
 * `forks fork|vfork|spawn|exec|clonevm [N]`: N children, each of which writes the variable in its
 * own copy (or, where it shares memory, in ours) and checks what it wrote.
 */
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tracee.h"

long counter;
static unsigned long failures;
static unsigned long shared_stores;
extern char **environ;

NOINLINE static void store(long value)
{
	counter = value; /* LINE:store */
	BARRIER();
}

static void wait_for(pid_t pid)
{
	int status = -1;

	if (pid <= 0 || waitpid(pid, &status, __WALL) != pid || status) {
		printf("child %d status %#x\n", pid, status);
		failures++;
	}
}

static void do_fork(void)
{
	long before = counter;
	pid_t pid = fork();

	if (!pid) {
		for (long i = 0; i < 100; i++)
			store(-i);
		_exit(counter == -99 ? 0 : 1);
	}
	store(before + 1);
	wait_for(pid);
	failures += counter != before + 1;
}

static void do_vfork(void)
{
	long next = counter + 1;
	pid_t pid = vfork();

	if (!pid) {
		store(next);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	wait_for(pid);
	shared_stores++;
	failures += counter != next;
	store(next + 1);
}

static void do_spawn(void)
{
	char *argv[] = {"true", NULL};
	pid_t pid = -1;

	store(counter + 1);
	failures += !!posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);
	store(counter + 1);
	wait_for(pid);
}

static int store_in_clone(void *arg)
{
	store((long)(intptr_t)arg);
	return 0;
}

static void do_clone_vm(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	long next = counter + 1;

	wait_for(clone(store_in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		       (void *)(intptr_t)next));
	shared_stores++;
	failures += counter != next;
	store(next + 1);
}

static void do_exec(void)
{
	store(counter + 1);
	execl("/proc/self/exe", "forks", "fork", "2", NULL);
	failures++;
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"fork", do_fork}, {"vfork", do_vfork},      {"spawn", do_spawn},
	{"exec", do_exec}, {"clonevm", do_clone_vm},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 5);

	for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++) {
		if (strcmp(modes[mode].name, tracee.mode))
			continue;
		fflush(stdout);
		for (unsigned long i = 0; i < n; i++)
			modes[mode].run();
	}
	printf("failures %lu\nshared %lu\nvalue %ld\n", failures, shared_stores, counter);
	return tracee_end(&tracee);
}
