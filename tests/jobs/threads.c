// SPDX-License-Identifier: MIT
/**
 * What threads can do to whoever counts processes:
 *   threads many N        creates and joins N threads
 *   threads leader MIB    the leader ends, another thread takes the memory afterwards
 *   threads exit MIB      a thread ends the process with code 7
 *   threads fork MIB      a thread forks a child that takes the memory
 *   threads exec          a thread becomes /bin/true
 *   threads signals N     N signals to itself
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t mib;

static void fill(void)
{
	char *memory = malloc(mib << 20);

	if (!memory)
		exit(1);
	memset(memory, 1, mib << 20);
	__asm__ volatile("" : : "r"(memory) : "memory");
	usleep(30000);
}

static void *nothing(void *arg)
{
	return arg;
}

static void *fill_late(void *arg)
{
	usleep(50000);
	fill();
	_exit(0);
	return arg;
}

static void *fill_and_exit_group(void *arg)
{
	fill();
	syscall(SYS_exit_group, 7);
	return arg;
}

static void *fork_child(void *arg)
{
	pid_t pid = fork();

	if (!pid) {
		fill();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return arg;
}

static void *exec_true(void *arg)
{
	execl("/bin/true", "true", (char *)NULL);
	return arg;
}

static void count_signal(int signal)
{
	(void)signal;
}

static int many(long count)
{
	pthread_t thread;

	for (long i = 0; i < count; i++)
		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			return 1;
	return 0;
}

static int signals(long count)
{
	signal(SIGUSR1, count_signal);
	for (long i = 0; i < count; i++)
		raise(SIGUSR1);
	return 0;
}

static int one(void *(*body)(void *), int leader_ends)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		return 1;
	if (leader_ends)
		pthread_exit(NULL);
	pthread_join(thread, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	long number = argc > 2 ? atol(argv[2]) : 0;

	if (argc < 2)
		return 1;
	mib = (size_t)number;
	if (!strcmp(argv[1], "many"))
		return many(number);
	if (!strcmp(argv[1], "signals"))
		return signals(number);
	if (!strcmp(argv[1], "leader"))
		return one(fill_late, 1);
	if (!strcmp(argv[1], "exit"))
		return one(fill_and_exit_group, 0);
	if (!strcmp(argv[1], "fork"))
		return one(fork_child, 0);
	if (!strcmp(argv[1], "exec"))
		return one(exec_true, 0);
	return 1;
}
