// SPDX-License-Identifier: MIT
/*
 * System calls that write into `area`: each is checked, and prints `call NAME RESULT` and, when
 * the watched bytes changed, `changed NAME`. A guard that makes one fail shows as `failed`.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "tracee.h"

unsigned char PAGE_ALIGNED area[2 * PAGE_SIZE];
static unsigned char before[sizeof(area)];
static unsigned failures, changes;

/* The buffer, in the middle of the first page and across the edge of the two. */
#define MIDDLE (area + 512)
#define EDGE (area + PAGE_SIZE - 6)

static void prepare(void)
{
	memset(area, 0xa5, sizeof(area));
	memcpy(before, area, sizeof(area));
	BARRIER();
}

static void check(const char *name, long result, long expected)
{
	bool changed = memcmp(before, area, sizeof(area));

	BARRIER();
	printf("call %s %ld\n", name, result);
	if (changed)
		printf("changed %s\n", name);
	changes += changed;
	if (result != expected || !changed) {
		printf("failed %s %ld instead of %ld: %s\n", name, result, expected,
		       strerror(errno));
		failures++;
	}
}

/* Runs a call and checks its result; the bytes must have changed, too. */
#define CALL(name, expected, call)                                                                 \
	do {                                                                                       \
		long result_;                                                                      \
                                                                                                   \
		prepare();                                                                         \
		result_ = (long)(call);                                                            \
		BARRIER();                                                                         \
		check(name, result_, expected);                                                    \
	} while (0)

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	printf("failed %s\n", what);
	failures++;
}

static void pipes_and_files(void)
{
	struct iovec parts[2] = {{MIDDLE, 3}, {EDGE, 9}};
	int fds[2], file = open("/proc/self/exe", O_RDONLY);

	require(!pipe(fds), "pipe");
	require(write(fds[1], "hello, world", 12) == 12, "write");
	CALL("read", 12, syscall(SYS_read, fds[0], EDGE, 12));
	require(!memcmp(EDGE, "hello, world", 12), "read across the pages");
	require(write(fds[1], "hello, world", 12) == 12, "write");
	CALL("readv", 12, syscall(SYS_readv, fds[0], parts, 2));
	require(!memcmp(EDGE, "lo, world", 9), "readv across the pages");
	CALL("pread64", 16, syscall(SYS_pread64, file, MIDDLE, 16, 0));
	require(!memcmp(MIDDLE, "\177ELF", 4), "pread64");
	/* Shorter than the buffer: the rest must stay. */
	require(write(fds[1], "hey", 3) == 3, "write");
	CALL("read", 3, syscall(SYS_read, fds[0], MIDDLE, 1000));
	require(!memcmp(MIDDLE, "hey\xa5", 4), "a short read leaves the rest");
	CALL("fstat", 0, syscall(SYS_fstat, file, MIDDLE));
	require(S_ISREG(((struct stat *)MIDDLE)->st_mode), "fstat");
	CALL("newfstatat", 0, syscall(SYS_newfstatat, AT_FDCWD, "/", EDGE, 0));
	CALL("pipe2", 0, syscall(SYS_pipe2, MIDDLE, O_CLOEXEC));
	close(((int *)MIDDLE)[0]);
	close(((int *)MIDDLE)[1]);
	CALL("readlink", 1, syscall(SYS_readlink, "/proc/self/exe", MIDDLE, 64) > 0);
	close(file);
	close(fds[0]);
	close(fds[1]);
}

static void datagrams(void)
{
	struct iovec part = {EDGE, 32};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct mmsghdr messages[2] = {{.msg_hdr = message}};
	int fds[2];

	require(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), "socketpair");
	require(send(fds[1], "datagram", 8, 0) == 8, "send");
	CALL("recvfrom", 8, syscall(SYS_recvfrom, fds[0], MIDDLE, 64, 0, NULL, NULL));
	require(!memcmp(MIDDLE, "datagram\xa5", 9), "recvfrom");
	require(send(fds[1], "datagram", 8, 0) == 8, "send");
	CALL("recvmsg", 8, syscall(SYS_recvmsg, fds[0], &message, 0));
	require(!memcmp(EDGE, "datagram\xa5", 9), "recvmsg across the pages");
	require(send(fds[1], "datagram", 8, 0) == 8, "send");
	CALL("recvmmsg", 1, syscall(SYS_recvmmsg, fds[0], messages, 1, 0, NULL));
	for (int i = 0; i < 200; i++) {
		require(send(fds[1], &i, sizeof(i), 0) == sizeof(i), "send");
		memset(MIDDLE, 0xff, sizeof(i));
		require(recv(fds[0], MIDDLE, sizeof(i), 0) == sizeof(i), "recv");
		require(!memcmp(MIDDLE, &i, sizeof(i)), "no datagram is lost");
	}
	close(fds[0]);
	close(fds[1]);
}

static void sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t *length = (socklen_t *)(area + 64), size = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	require(!bind(server, (struct sockaddr *)&address, size) && !listen(server, 1), "listen");
	CALL("getsockname", 0, (*length = size, syscall(SYS_getsockname, server, MIDDLE, length)));
	require(!connect(client, (struct sockaddr *)MIDDLE, size), "connect");
	CALL("accept4", 1, (*length = size, syscall(SYS_accept4, server, MIDDLE, length, 0) > 0));
	require(((struct sockaddr_in *)MIDDLE)->sin_family == AF_INET && *length == size,
		"accept4");
	CALL("getsockopt", 0,
	     (*length = 4, syscall(SYS_getsockopt, server, SOL_SOCKET, SO_TYPE, MIDDLE, length)));
	require(*(int *)MIDDLE == SOCK_STREAM, "getsockopt");
	close(server);
	close(client);
}

static void counters(void)
{
	struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
	int event = eventfd(5, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);

	CALL("read", 8, syscall(SYS_read, event, MIDDLE, 8));
	require(*(uint64_t *)MIDDLE == 5, "eventfd");
	require(!timerfd_settime(timer, 0, &soon, NULL), "timerfd_settime");
	CALL("read", 8, syscall(SYS_read, timer, EDGE, 8));
	CALL("timerfd_gettime", 0, syscall(SYS_timerfd_gettime, timer, MIDDLE));
	close(event);
	close(timer);
}

static pid_t child_with_code(int code)
{
	pid_t pid = fork();

	if (!pid)
		_exit(code);
	return pid;
}

static void children(void)
{
	pid_t pid = child_with_code(42);

	CALL("wait4", pid, syscall(SYS_wait4, pid, MIDDLE, 0, area + 1024));
	require(WEXITSTATUS(*(int *)MIDDLE) == 42, "wait4");
	pid = child_with_code(43);
	CALL("waitid", 0, syscall(SYS_waitid, P_PID, pid, MIDDLE, WEXITED, NULL));
	require(((siginfo_t *)MIDDLE)->si_status == 43, "waitid");
}

static void watch_both(const int fds[2])
{
	FD_ZERO((fd_set *)MIDDLE);
	FD_SET(fds[0], (fd_set *)MIDDLE);
	FD_SET(fds[1], (fd_set *)MIDDLE);
}

static void polling(void)
{
	struct pollfd *polled = (struct pollfd *)MIDDLE;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
	int fds[2], epoll = epoll_create1(0);

	require(!pipe(fds) && write(fds[1], "x", 1) == 1, "pipe");
	CALL("poll", 1,
	     (*polled = (struct pollfd){fds[0], POLLIN, 0}, syscall(SYS_poll, polled, 1, -1)));
	require(polled->revents == POLLIN && polled->fd == fds[0], "poll");
	/* The write end is never readable: its bit is cleared. */
	CALL("select", 1,
	     (watch_both(fds), syscall(SYS_select, fds[1] + 1, MIDDLE, NULL, NULL, NULL)));
	require(FD_ISSET(fds[0], (fd_set *)MIDDLE) && !FD_ISSET(fds[1], (fd_set *)MIDDLE),
		"select");
	require(!epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event), "epoll_ctl");
	CALL("epoll_wait", 1, syscall(SYS_epoll_wait, epoll, EDGE, 4, -1));
	CALL("ioctl", 0, syscall(SYS_ioctl, fds[0], FIONREAD, MIDDLE));
	require(*(int *)MIDDLE == 1, "FIONREAD");
	close(fds[0]);
	close(fds[1]);
	close(epoll);
}

static void about_the_process(void)
{
	int directory = open("/proc/self", O_RDONLY | O_DIRECTORY);

	CALL("getrandom", 32, syscall(SYS_getrandom, EDGE, 32, 0));
	CALL("clock_gettime", 0, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, EDGE));
	CALL("gettimeofday", 0, syscall(SYS_gettimeofday, MIDDLE, NULL));
	CALL("uname", 0, syscall(SYS_uname, EDGE));
	require(!strcmp(((struct utsname *)EDGE)->sysname, "Linux"), "uname");
	CALL("getcwd", 1, syscall(SYS_getcwd, MIDDLE, 1024) > 0);
	CALL("getdents64", 1, syscall(SYS_getdents64, directory, MIDDLE, 1024) > 0);
	CALL("prlimit64", 0, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, EDGE));
	CALL("getrusage", 0, syscall(SYS_getrusage, RUSAGE_SELF, MIDDLE));
	CALL("sysinfo", 0, syscall(SYS_sysinfo, MIDDLE));
	CALL("rt_sigprocmask", 0, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, MIDDLE, 8));
	CALL("rt_sigaction", 0, syscall(SYS_rt_sigaction, SIGUSR1, NULL, MIDDLE, 8));
	CALL("sched_getaffinity", 1, syscall(SYS_sched_getaffinity, 0, 128, MIDDLE) > 0);
	CALL("getresuid", 0, syscall(SYS_getresuid, MIDDLE, MIDDLE + 4, MIDDLE + 8));
	CALL("times", 1, syscall(SYS_times, MIDDLE) != -1);
	close(directory);
}

/* A call that fails for a reason of its own must fail in the same way. */
static void failing_calls(void)
{
	prepare();
	require(syscall(SYS_read, -1, MIDDLE, 8) == -1 && errno == EBADF, "EBADF");
	require(syscall(SYS_read, 0, (void *)8, 0) == 0 || errno != EFAULT, "empty read");
	require(syscall(SYS_uname, (void *)8) == -1 && errno == EFAULT, "an EFAULT of its own");
	require(!memcmp(before, area, sizeof(area)), "failing calls write nothing");
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	pipes_and_files();
	datagrams();
	sockets();
	counters();
	children();
	polling();
	about_the_process();
	failing_calls();
	printf("failures %u\nchanges %u\n", failures, changes);
	return tracee_end(&tracee);
}
