// SPDX-License-Identifier: MIT
/*
 * `delivered [DATAGRAMS] [CHILDREN]`: what would be lost for good if the kernel could not write it
 * (UDP and unix datagrams, eventfd counts, wait statuses) comes into watched memory, while a timer
 * interrupts the calls that wait for it. Each must be the next one; `missed` counts the others.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tracee.h"

struct inbox {
	uint64_t udp;
	uint64_t local;
	uint64_t event;
	int status;
};

struct inbox PAGE_ALIGNED inbox;
static unsigned long missed;

/** One way to be sent numbers, from 1 on. */
struct line {
	int to, from;
	/** How many may be under way: no socket's buffer overflows, and no two events add up. */
	sem_t window;
	unsigned long count;
};

static void wait_for(sem_t *window)
{
	while (sem_wait(window) && errno == EINTR)
		;
}

static void *send_all(void *arg)
{
	struct line *line = arg;

	for (uint64_t number = 1; number <= line->count; number++) {
		wait_for(&line->window);
		if (write(line->to, &number, sizeof(number)) != sizeof(number))
			abort();
	}
	return NULL;
}

static void receive_all(struct line *line, unsigned window, uint64_t *to)
{
	pthread_t sender;

	sem_init(&line->window, 0, window);
	pthread_create(&sender, NULL, send_all, line);
	for (uint64_t number = 1; number <= line->count; number++) {
		missed += read(line->from, to, sizeof(*to)) != sizeof(*to) || *to != number;
		sem_post(&line->window);
	}
	pthread_join(sender, NULL);
}

static void udp(unsigned long count)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct line line = {.from = socket(AF_INET, SOCK_DGRAM, 0), .count = count};
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	line.to = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(line.from, (struct sockaddr *)&address, size) ||
	    getsockname(line.from, (struct sockaddr *)&address, &size) ||
	    connect(line.to, (struct sockaddr *)&address, size))
		abort();
	receive_all(&line, 32, &inbox.udp);
	close(line.to);
	close(line.from);
}

static void local(unsigned long count)
{
	struct line line = {.count = count};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		abort();
	line.to = fds[0];
	line.from = fds[1];
	receive_all(&line, 8, &inbox.local);
	close(line.to);
	close(line.from);
}

static void events(unsigned long count)
{
	int fd = eventfd(0, 0);
	struct line line = {.to = fd, .from = fd, .count = count};

	receive_all(&line, 1, &inbox.event);
	close(fd);
}

static void children(unsigned long count)
{
	for (unsigned long i = 1; i <= count; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit((int)(i % 255 + 1));
		missed += wait4(pid, &inbox.status, 0, NULL) != pid ||
			  inbox.status != (int)((i % 255 + 1) << 8);
	}
}

static void on_tick(int number TRACEE_UNUSED)
{
}

static void start_ticking(void)
{
	const struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	const struct itimerval each = {{0, 1000}, {0, 1000}};

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &each, NULL))
		abort();
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long datagrams = tracee_number(&tracee, 0, 5000);
	unsigned long forks = tracee_number(&tracee, 1, 1000);

	start_ticking();
	udp(datagrams);
	local(datagrams);
	events(datagrams);
	children(forks);
	printf("missed %lu\n", missed);
	return tracee_end(&tracee);
}
