// SPDX-License-Identifier: MIT
/* Sockets, vectors and queues: buffers whose length the kernel tells beside the result. */
#include <arpa/inet.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/sockios.h>
#include <net/if.h>

#include "syscall_trial.h"

static const char text[] = "who changed this memory?";

static void make_pipe(struct trial *trial)
{
	assert_int_equal(pipe(trial->fds), 0);
	assert_int_equal(write(trial->fds[1], text, sizeof(text)), sizeof(text));
}

static void make_pair(struct trial *trial, int type)
{
	assert_int_equal(socketpair(AF_UNIX, type, 0, trial->fds), 0);
	assert_int_equal(write(trial->fds[1], text, sizeof(text)), sizeof(text));
}

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* Two UDP sockets; the sender has a fixed port so that its address is the same in both runs. */
static void make_datagrams(struct trial *trial, unsigned count)
{
	struct sockaddr_in sender = loopback(), receiver = loopback();
	socklen_t size = sizeof(receiver);
	const int on = 1;

	sender.sin_port = htons(47113);
	trial->fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	trial->fds[1] = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(trial->fds[1], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(trial->fds[0], IPPROTO_IP, IP_TTL, &on, sizeof(on));
	setsockopt(trial->fds[0], IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	assert_int_equal(bind(trial->fds[0], (struct sockaddr *)&receiver, size), 0);
	assert_int_equal(bind(trial->fds[1], (struct sockaddr *)&sender, size), 0);
	getsockname(trial->fds[0], (struct sockaddr *)&receiver, &size);
	assert_int_equal(connect(trial->fds[1], (struct sockaddr *)&receiver, size), 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(send(trial->fds[1], text, sizeof(text) - i, 0), sizeof(text) - i);
}

static void read_short(struct trial *trial)
{
	make_pipe(trial);
	trial_call(trial, SYS_read, (uint64_t)trial->fds[0], trial_pointer(trial_take(trial, 100)),
		   100);
}

static void read_failing(struct trial *trial)
{
	trial_call(trial, SYS_read, (uint64_t)-1, trial_pointer(trial_take(trial, 100)), 100);
}

static struct iovec *take_vector(struct trial *trial, size_t count, size_t each)
{
	struct iovec *vector = trial_take(trial, count * sizeof(*vector));

	for (size_t i = 0; i < count; i++)
		vector[i] = (struct iovec){trial_take(trial, each), each};
	return vector;
}

static void readv_short(struct trial *trial)
{
	make_pipe(trial);
	trial_call(trial, SYS_readv, (uint64_t)trial->fds[0],
		   trial_pointer(take_vector(trial, 4, 10)), 4);
}

static void process_vm_readv_self(struct trial *trial)
{
	struct iovec *remote =
		trial_put(trial, (struct iovec){(void *)(uintptr_t)text, sizeof(text)});

	trial_call(trial, SYS_process_vm_readv, (uint64_t)getpid(),
		   trial_pointer(take_vector(trial, 3, 10)), 3, trial_pointer(remote), 1, 0);
}

static void recvfrom_udp(struct trial *trial)
{
	make_datagrams(trial, 1);
	trial_call(trial, SYS_recvfrom, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 100)), 100, 0,
		   trial_pointer(trial_take(trial, 64)), trial_pointer(trial_put(trial, (int)64)));
}

/* The kernel cuts the address but tells its whole length; likewise for the data. */
static void recvfrom_truncated(struct trial *trial)
{
	make_datagrams(trial, 1);
	trial_call(trial, SYS_recvfrom, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 100)), 5, MSG_TRUNC,
		   trial_pointer(trial_take(trial, 64)), trial_pointer(trial_put(trial, (int)6)));
}

static void recvfrom_without_address(struct trial *trial)
{
	make_pair(trial, SOCK_STREAM);
	trial_call(trial, SYS_recvfrom, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 100)), 100);
}

static struct msghdr make_header(struct trial *trial)
{
	return (struct msghdr){.msg_name = trial_take(trial, 64),
			       .msg_namelen = 64,
			       .msg_iov = take_vector(trial, 3, 10),
			       .msg_iovlen = 3,
			       .msg_control = trial_take(trial, 128),
			       .msg_controllen = 128};
}

static void recvmsg_udp(struct trial *trial)
{
	make_datagrams(trial, 1);
	trial_call(trial, SYS_recvmsg, (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, make_header(trial))), 0);
}

static void recvmsg_empty(struct trial *trial)
{
	make_datagrams(trial, 0);
	trial_call(trial, SYS_recvmsg, (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, make_header(trial))), MSG_DONTWAIT);
}

static void recvmsg_with_fd(struct trial *trial)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec data = {(void *)(uintptr_t)text, sizeof(text)};
	struct msghdr out = {.msg_iov = &data,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&out);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, trial->fds), 0);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &trial->fds[0], sizeof(int));
	assert_int_equal(sendmsg(trial->fds[1], &out, 0), sizeof(text));
	trial_call(trial, SYS_recvmsg, (uint64_t)trial->fds[0],
		   trial_pointer(trial_put(trial, make_header(trial))), 0);
}

static void close_received_fd(struct trial *trial)
{
	struct msghdr *header = (struct msghdr *)(uintptr_t)trial->args[1];

	close(*(const int *)CMSG_DATA(CMSG_FIRSTHDR(header)));
}

static struct mmsghdr *take_headers(struct trial *trial, unsigned count)
{
	struct mmsghdr *headers = trial_take(trial, count * sizeof(*headers));

	for (unsigned i = 0; i < count; i++)
		headers[i] = (struct mmsghdr){.msg_hdr = make_header(trial), .msg_len = 7777};
	return headers;
}

static void recvmmsg_three_of_four(struct trial *trial)
{
	make_datagrams(trial, 3);
	trial_call(trial, SYS_recvmmsg, (uint64_t)trial->fds[0],
		   trial_pointer(take_headers(trial, 4)), 4, MSG_DONTWAIT, 0);
}

static void recvmmsg_with_timeout(struct trial *trial)
{
	make_datagrams(trial, 2);
	trial_call(trial, SYS_recvmmsg, (uint64_t)trial->fds[0],
		   trial_pointer(take_headers(trial, 2)), 2, 0,
		   trial_pointer(trial_put(trial, (struct timespec){5, 0})));
}

static void sendmmsg_two(struct trial *trial)
{
	struct mmsghdr *headers = trial_take(trial, 2 * sizeof(*headers));

	make_datagrams(trial, 0);
	for (unsigned i = 0; i < 2; i++)
		headers[i] = (struct mmsghdr){
			.msg_hdr = {.msg_iov = take_vector(trial, 1, 10), .msg_iovlen = 1}};
	trial_call(trial, SYS_sendmmsg, (uint64_t)trial->fds[1], trial_pointer(headers), 2, 0);
}

static void getsockopt_int(struct trial *trial)
{
	make_datagrams(trial, 0);
	trial_call(trial, SYS_getsockopt, (uint64_t)trial->fds[0], SOL_SOCKET, SO_TYPE,
		   trial_pointer(trial_take(trial, 32)), trial_pointer(trial_put(trial, (int)32)));
}

static void getsockname_cut(struct trial *trial)
{
	make_datagrams(trial, 0);
	trial_call(trial, SYS_getsockname, (uint64_t)trial->fds[1],
		   trial_pointer(trial_take(trial, 64)), trial_pointer(trial_put(trial, (int)3)));
}

static void getpeername_unconnected(struct trial *trial)
{
	make_datagrams(trial, 0);
	trial_call(trial, SYS_getpeername, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 64)), trial_pointer(trial_put(trial, (int)64)));
}

/** An abstract name of this process alone. */
static struct sockaddr_un local_address(const char *name, socklen_t *ret_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int length = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "mw-%s-%08d", name,
			      getpid());

	*ret_size = (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)length);
	return addr;
}

static void accept_unix(struct trial *trial)
{
	socklen_t size, peer_size;
	struct sockaddr_un addr = local_address("trial", &size);
	struct sockaddr_un peer = local_address("peer", &peer_size);

	trial->fds[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	trial->fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(trial->fds[0], (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(trial->fds[0], 1), 0);
	assert_int_equal(bind(trial->fds[1], (struct sockaddr *)&peer, peer_size), 0);
	assert_int_equal(connect(trial->fds[1], (struct sockaddr *)&addr, size), 0);
	trial_call(trial, SYS_accept, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 110)),
		   trial_pointer(trial_put(trial, (int)110)));
}

static void close_accepted(struct trial *trial)
{
	close((int)trial->result);
}

static void make_socketpair(struct trial *trial)
{
	trial_call(trial, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
		   trial_pointer(trial_take(trial, 8)));
}

static void make_pipe2(struct trial *trial)
{
	trial_call(trial, SYS_pipe2, trial_pointer(trial_take(trial, 8)), O_CLOEXEC);
}

static void close_first_pair(struct trial *trial)
{
	const int *pair = (const int *)trial->arena;

	close(pair[0]);
	close(pair[1]);
}

static void poll_two(struct trial *trial)
{
	struct pollfd *fds = trial_take(trial, 2 * sizeof(*fds));

	make_pipe(trial);
	fds[0] = (struct pollfd){trial->fds[0], POLLIN, 99};
	fds[1] = (struct pollfd){trial->fds[1], POLLOUT, 99};
	trial_call(trial, SYS_poll, trial_pointer(fds), 2, 0);
}

static void ppoll_with_timeout(struct trial *trial)
{
	struct pollfd *fds = trial_take(trial, sizeof(*fds));

	make_pipe(trial);
	*fds = (struct pollfd){trial->fds[0], POLLIN, 99};
	trial_call(trial, SYS_ppoll, trial_pointer(fds), 1,
		   trial_pointer(trial_put(trial, (struct timespec){50, 0})), 0, 8);
}

static void select_sets(struct trial *trial, int64_t number, const void *timeout)
{
	fd_set *sets = trial_take(trial, 3 * sizeof(*sets));

	make_pipe(trial);
	memset(sets, 0, 3 * sizeof(*sets));
	FD_SET(trial->fds[0], &sets[0]);
	FD_SET(trial->fds[1], &sets[1]);
	FD_SET(trial->fds[0], &sets[2]);
	trial_call(trial, number, (uint64_t)trial->fds[1] + 1, trial_pointer(&sets[0]),
		   trial_pointer(&sets[1]), trial_pointer(&sets[2]), trial_pointer(timeout));
}

static void select_three_sets(struct trial *trial)
{
	select_sets(trial, SYS_select, NULL);
}

static void select_with_timeout(struct trial *trial)
{
	select_sets(trial, SYS_select, trial_put(trial, (struct timeval){50, 0}));
}

static void pselect6_with_timeout(struct trial *trial)
{
	select_sets(trial, SYS_pselect6, trial_put(trial, (struct timespec){50, 0}));
}

static void epoll_wait_one_of_ten(struct trial *trial)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0x1122334455667788}};

	make_pipe(trial);
	trial->fds[2] = epoll_create1(0);
	assert_int_equal(epoll_ctl(trial->fds[2], EPOLL_CTL_ADD, trial->fds[0], &event), 0);
	trial_call(trial, SYS_epoll_wait, (uint64_t)trial->fds[2],
		   trial_pointer(trial_take(trial, 10 * sizeof(event))), 10, 0);
}

static void msgrcv_text(struct trial *trial)
{
	struct {
		long type;
		char text[sizeof(text)];
	} message = {7, {0}};

	memcpy(message.text, text, sizeof(text));
	trial->child = msgget(IPC_PRIVATE, 0600);
	assert_int_equal(msgsnd(trial->child, &message, sizeof(text), 0), 0);
	trial_call(trial, SYS_msgrcv, (uint64_t)trial->child,
		   trial_pointer(trial_take(trial, 8 + 100)), 100, 0, 0);
}

static void remove_queue(struct trial *trial)
{
	msgctl(trial->child, IPC_RMID, NULL);
}

static void msgctl_info(struct trial *trial)
{
	trial_call(trial, SYS_msgctl, 0, IPC_INFO, trial_pointer(trial_take(trial, 200)));
}

static void semctl_info(struct trial *trial)
{
	trial_call(trial, SYS_semctl, 0, 0, IPC_INFO, trial_pointer(trial_take(trial, 200)));
}

static void semctl_stat(struct trial *trial)
{
	trial->child = semget(IPC_PRIVATE, 3, 0600);
	assert_true(trial->child >= 0);
	trial_call(trial, SYS_semctl, (uint64_t)trial->child, 0, IPC_STAT,
		   trial_pointer(trial_take(trial, 200)));
}

static void remove_semaphores(struct trial *trial)
{
	semctl(trial->child, 0, IPC_RMID);
}

static void shmctl_info(struct trial *trial)
{
	trial_call(trial, SYS_shmctl, 0, IPC_INFO, trial_pointer(trial_take(trial, 200)));
}

static void shmctl_stat(struct trial *trial)
{
	trial->child = shmget(IPC_PRIVATE, 4096, 0600);
	assert_true(trial->child >= 0);
	trial_call(trial, SYS_shmctl, (uint64_t)trial->child, IPC_STAT,
		   trial_pointer(trial_take(trial, 200)));
}

static void remove_shared_memory(struct trial *trial)
{
	shmctl(trial->child, IPC_RMID, NULL);
}

static void make_mq(struct trial *trial)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 100};
	char name[32];

	snprintf(name, sizeof(name), "/mw-trial-%d", getpid());
	trial->fds[0] = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
	mq_unlink(name);
	assert_true(trial->fds[0] >= 0);
	assert_int_equal(mq_send(trial->fds[0], text, sizeof(text), 3), 0);
}

static void mq_receive_one(struct trial *trial)
{
	make_mq(trial);
	trial_call(trial, SYS_mq_timedreceive, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 100)), 100, trial_pointer(trial_take(trial, 4)),
		   0);
}

static void mq_get_attributes(struct trial *trial)
{
	make_mq(trial);
	trial_call(trial, SYS_mq_getsetattr, (uint64_t)trial->fds[0], 0,
		   trial_pointer(trial_take(trial, 64)));
}

static void ioctl_fionread(struct trial *trial)
{
	make_pipe(trial);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[0], FIONREAD,
		   trial_pointer(trial_take(trial, 4)));
}

static void ioctl_interfaces(struct trial *trial)
{
	struct ifconf request = {.ifc_len = 4 * sizeof(struct ifreq),
				 .ifc_buf = trial_take(trial, 4 * sizeof(struct ifreq))};

	trial->fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[0], SIOCGIFCONF,
		   trial_pointer(trial_put(trial, request)));
}

static void ioctl_interface_index(struct trial *trial)
{
	struct ifreq request = {.ifr_name = "lo"};

	trial->fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	trial_call(trial, SYS_ioctl, (uint64_t)trial->fds[0], SIOCGIFINDEX,
		   trial_pointer(trial_put(trial, request)));
}

static const struct trial_case cases[] = {
	TRIAL_CASE("read", read_short, NULL, 0, sizeof(text)),
	TRIAL_CASE("failing_read", read_failing, NULL, 0, 0),
	TRIAL_CASE("readv", readv_short, NULL, 0, sizeof(text)),
	TRIAL_CASE("process_vm_readv", process_vm_readv_self, NULL, 0, sizeof(text)),
	TRIAL_CASE("recvfrom", recvfrom_udp, NULL, 0, sizeof(text) + 16 + 4),
	TRIAL_CASE("truncating_recvfrom", recvfrom_truncated, NULL, 0, 5 + 6 + 4),
	TRIAL_CASE("recvfrom_without_address", recvfrom_without_address, NULL, 0, sizeof(text)),
	TRIAL_CASE("recvmsg", recvmsg_udp, NULL, TRIAL_GAPS, 56 + 16 + 24 + sizeof(text)),
	TRIAL_CASE("recvmsg_of_nothing", recvmsg_empty, NULL, 0, 0),
	TRIAL_CASE("recvmsg_of_a_descriptor", recvmsg_with_fd, close_received_fd, TRIAL_GAPS, -1),
	TRIAL_CASE("recvmmsg", recvmmsg_three_of_four, NULL, TRIAL_GAPS,
		   3 * (64 + 16 + 24 + sizeof(text)) - 3),
	TRIAL_CASE("recvmmsg_with_timeout", recvmmsg_with_timeout, NULL, TRIAL_VOLATILE, -1),
	TRIAL_CASE("sendmmsg", sendmmsg_two, NULL, 0, 128),
	TRIAL_CASE("getsockopt", getsockopt_int, NULL, 0, 8),
	TRIAL_CASE("truncating_getsockname", getsockname_cut, NULL, 0, 3 + 4),
	TRIAL_CASE("failing_getpeername", getpeername_unconnected, NULL, 0, 4),
	TRIAL_CASE("accept", accept_unix, close_accepted, 0, 2 + 1 + 16 + 4),
	TRIAL_CASE("socketpair", make_socketpair, close_first_pair, 0, 8),
	TRIAL_CASE("pipe2", make_pipe2, close_first_pair, 0, 8),
	TRIAL_CASE("poll", poll_two, NULL, 0, 16),
	TRIAL_CASE("ppoll", ppoll_with_timeout, NULL, TRIAL_VOLATILE, 8 + 16),
	TRIAL_CASE("select", select_three_sets, NULL, 0, 24),
	TRIAL_CASE("select_with_timeout", select_with_timeout, NULL, TRIAL_VOLATILE, 24 + 16),
	TRIAL_CASE("pselect6", pselect6_with_timeout, NULL, TRIAL_VOLATILE, 24 + 16),
	TRIAL_CASE("epoll_wait", epoll_wait_one_of_ten, NULL, 0, 12),
	TRIAL_CASE("msgrcv", msgrcv_text, remove_queue, 0, 8 + sizeof(text)),
	TRIAL_CASE("msgctl_IPC_INFO", msgctl_info, NULL, 0, 32),
	TRIAL_CASE("semctl_IPC_INFO", semctl_info, NULL, 0, 40),
	TRIAL_CASE("semctl_IPC_STAT", semctl_stat, remove_semaphores, TRIAL_VOLATILE, 104),
	TRIAL_CASE("shmctl_IPC_INFO", shmctl_info, NULL, 0, 72),
	TRIAL_CASE("shmctl_IPC_STAT", shmctl_stat, remove_shared_memory, TRIAL_VOLATILE, 112),
	TRIAL_CASE("mq_timedreceive", mq_receive_one, NULL, 0, sizeof(text) + 4),
	TRIAL_CASE("mq_getsetattr", mq_get_attributes, NULL, 0, 64),
	TRIAL_CASE("ioctl_FIONREAD", ioctl_fionread, NULL, 0, 4),
	TRIAL_CASE("ioctl_SIOCGIFCONF", ioctl_interfaces, NULL, TRIAL_GAPS, -1),
	TRIAL_CASE("ioctl_SIOCGIFINDEX", ioctl_interface_index, NULL, 0, 40),
};

int main(void)
{
	return trial_run_all("messages", cases, mw_array_size(cases));
}
