// SPDX-License-Identifier: MIT
/*
 * A program that notices any harm done to it: `survivor MODE`. It goes on until there is a line to
 * read, checks all that it does, and exits with 0 and `correct 1` if nothing was lost or doubled.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "tracee.h"

#define THREADS 4
#define MESSAGE_SIZE 256

PAGE_ALIGNED long counter;
/* On its page, as the linker lays them out. */
unsigned long beside[2];
/* Where calls write to: a page that holds nothing else. */
PAGE_ALIGNED char message[PAGE_SIZE];
PAGE_ALIGNED static atomic_bool stop;
static atomic_ulong errors;
/* Calls that failed with EFAULT: lost, but the program knows. */
static unsigned long refused;

static atomic_int first_wrong_line;

#define check(true_thing) check_at(true_thing, __LINE__)

static void check_at(bool true_thing, int line)
{
	if (!true_thing && !errors++)
		first_wrong_line = line;
}

/* @return whether a call was carried out, and all of it. */
static bool succeeds(ssize_t result, ssize_t wanted)
{
	bool is_refused = result < 0 && errno == EFAULT;

	refused += is_refused;
	check(result == wanted || is_refused);
	return result == wanted;
}

static bool line_waits(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&input, 1, 0) > 0;
}

/* One instruction that reads, changes and writes: doing it twice shows. */
static void add_one(void)
{
	__asm__ volatile("addq $1, %0" : "+m"(counter) : : "cc");
}

static void add_one_atomically(void)
{
	__asm__ volatile("lock addq $1, %0" : "+m"(counter) : : "cc");
}

static void increments(void)
{
	long done = 0;

	while (!line_waits())
		for (int i = 0; i < 256; i++) {
			add_one();
			done++;
			check(counter == done);
		}
	check(counter == done);
}

/*
 * Nothing but registers between the stores, of which memwatch then does several at a time: one that
 * adds, one that exchanges, one that only writes. What the exchanges return has to be the numbers
 * in a row, which the last register checks.
 */
static void loops(void)
{
	unsigned long done = 0, wrong = 0;

	while (!line_waits()) {
		unsigned long one, rounds = 256;

		__asm__ volatile("1: mov $1, %0\n\t"
				 "xadd %0, %3\n\t"
				 "sub %2, %0\n\t"
				 "or %0, %1\n\t"
				 "add $1, %2\n\t"
				 "mov %2, %4\n\t"
				 "addq $2, %5\n\t"
				 "dec %6\n\t"
				 "jnz 1b"
				 : "=&r"(one), "+r"(wrong), "+r"(done), "+m"(counter),
				   "=m"(beside[0]), "+m"(beside[1]), "+r"(rounds)
				 :
				 : "cc");
		check(!wrong);
		check(counter == (long)done && beside[0] == done && beside[1] == 2 * done);
	}
}

static void idle(void)
{
	long done = 0;

	while (!line_waits()) {
		counter = ++done;
		usleep(5000);
		check(counter == done);
	}
}

static void block_sigsegv(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Here no handler can help. */
static void blocked(void)
{
	block_sigsegv();
	increments();
}

static void blocked_idle(void)
{
	block_sigsegv();
	idle();
}

static void *add_until_stopped(void *argument)
{
	unsigned long *done = argument;

	while (!stop)
		for (int i = 0; i < 64; i++) {
			add_one_atomically();
			++*done;
		}
	return NULL;
}

static void threads(void)
{
	pthread_t ids[THREADS];
	unsigned long done[THREADS] = {0}, sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&ids[i], NULL, add_until_stopped, &done[i]);
	while (!line_waits())
		usleep(1000);
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		sum += done[i];
	}
	check((unsigned long)counter == sum);
}

static void *add_some(void *argument)
{
	(void)argument;
	for (int i = 0; i < 20; i++)
		add_one_atomically();
	return NULL;
}

static void churn(void)
{
	unsigned long sum = 0;

	while (!line_waits()) {
		pthread_t ids[THREADS];

		for (int i = 0; i < THREADS; i++)
			check(!pthread_create(&ids[i], NULL, add_some, NULL));
		for (int i = 0; i < THREADS; i++)
			pthread_join(ids[i], NULL);
		sum += 20 * THREADS;
	}
	check((unsigned long)counter == sum);
}

static void fill(char *bytes, unsigned long number)
{
	memset(bytes, (int)(number % 251), MESSAGE_SIZE);
	memcpy(bytes, &number, sizeof(number));
}

static bool holds(const char *bytes, unsigned long number)
{
	char wanted[MESSAGE_SIZE];

	fill(wanted, number);
	return !memcmp(bytes, wanted, sizeof(wanted));
}

static int ends[2];

static void *send_slowly(void *argument)
{
	(void)argument;
	for (unsigned long number = 1; !stop; number++) {
		char bytes[MESSAGE_SIZE];

		usleep((useconds_t)(number * 7919 % 9000));
		fill(bytes, number);
		check(send(ends[1], bytes, sizeof(bytes), 0) == sizeof(bytes));
	}
	shutdown(ends[1], SHUT_RDWR);
	return NULL;
}

/* Sits in read() nearly all of the time. */
static void reader(void)
{
	unsigned long number = 0;
	pthread_t sender;

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
	pthread_create(&sender, NULL, send_slowly, NULL);
	for (;;) {
		ssize_t got = read(ends[0], message, sizeof(message));

		if (got == 0)
			break;
		number++;
		if (succeeds(got, MESSAGE_SIZE))
			check(holds(message, number));
		stop = stop || line_waits();
	}
	pthread_join(sender, NULL);
}

/* Datagrams only: nothing but a call ever stores there, so no fault of its own opens the page. */
static void receiver(void)
{
	char bytes[MESSAGE_SIZE];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
	for (unsigned long number = 1; number % 64 || !line_waits(); number++) {
		fill(bytes, number);
		check(send(ends[1], bytes, sizeof(bytes), 0) == sizeof(bytes));
		if (succeeds(recv(ends[0], message, MESSAGE_SIZE, 0), MESSAGE_SIZE))
			check(holds(message, number));
	}
}

/* Calls of every kind of buffer, as fast as it can. */
static void storm(void)
{
	socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
	for (unsigned long number = 1; !line_waits(); number++) {
		struct iovec parts[2] = {{message + 512, 100}, {message + 1024, 200}};
		struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
		struct timespec *now = (struct timespec *)(message + 2048);
		char bytes[MESSAGE_SIZE], joined[MESSAGE_SIZE];

		fill(bytes, number);
		check(send(ends[1], bytes, sizeof(bytes), 0) == sizeof(bytes));
		if (succeeds(recv(ends[0], message, MESSAGE_SIZE, 0), MESSAGE_SIZE))
			check(holds(message, number));
		check(send(ends[1], bytes, sizeof(bytes), 0) == sizeof(bytes));
		if (succeeds(recvmsg(ends[0], &header, 0), MESSAGE_SIZE)) {
			memcpy(joined, message + 512, 100);
			memcpy(joined + 100, message + 1024, sizeof(joined) - 100);
			check(holds(joined, number));
		}
		check(parts[0].iov_base == message + 512);
		if (succeeds(syscall(SYS_clock_getres, CLOCK_MONOTONIC, now), 0))
			check(now->tv_nsec == 1);
		now->tv_nsec = -1;
	}
}

static sigjmp_buf landing;
static volatile sig_atomic_t segv_seen, trap_seen, ticks;
static char *own_stack;
static volatile char *trap_page;

static void on_segv(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	check(signal == SIGSEGV && info->si_addr == (void *)trap_page);
	check(&here - own_stack >= 0 && &here - own_stack < SIGSTKSZ * 8);
	segv_seen++;
	siglongjmp(landing, 1);
}

static void on_trap(int signal)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	check(signal == SIGTRAP && sigismember(&blocked, SIGTRAP) &&
	      sigismember(&blocked, SIGUSR1));
	trap_seen++;
}

static void on_tick(int signal)
{
	(void)signal;
	ticks++;
}

static void set_handlers(void)
{
	struct sigaction segv = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sigaction trap = {.sa_handler = on_trap};
	struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	struct itimerval rate = {{0, 1000}, {0, 1000}};

	sigaddset(&trap.sa_mask, SIGUSR1);
	check(!sigaction(SIGSEGV, &segv, NULL) && !sigaction(SIGTRAP, &trap, NULL));
	sigaction(SIGALRM, &tick, NULL);
	setitimer(ITIMER_REAL, &rate, NULL);
}

/* Faults of its own, handled on a stack of its own and left by a jump; and traps of its own. */
static void signals(void)
{
	stack_t stack = {.ss_size = SIGSTKSZ * 8};
	/* Static, because siglongjmp() may lose what is in registers. */
	static int faults, traps;
	static long done;

	own_stack = stack.ss_sp = malloc(stack.ss_size);
	sigaltstack(&stack, NULL);
	trap_page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set_handlers();
	while (!line_waits()) {
		for (int i = 0; i < 50; i++)
			counter = ++done;
		faults++;
		if (!sigsetjmp(landing, 1))
			*trap_page = 1;
		traps += 2;
		raise(SIGTRAP);
		__asm__ volatile("int3");
		check(segv_seen == faults && trap_seen == traps && counter == done);
	}
	printf("faults %d of %d\ntraps %d of %d\n", (int)segv_seen, faults, (int)trap_seen, traps);
}

/* A handler for one shot, and the default behind it. */
static void one_shot(void)
{
	while (!line_waits()) {
		struct sigaction trap = {.sa_handler = on_tick, .sa_flags = (int)SA_RESETHAND};
		int before = ticks;

		check(!sigaction(SIGTRAP, &trap, NULL));
		add_one();
		raise(SIGTRAP);
		check(ticks == before + 1);
	}
}

/* What the last handler saw. */
static struct {
	int count;
	int code;
	void *addr;
	bool on_own_stack;
	bool self_blocked;
	bool other_blocked;
} seen;

static void note(int signal, siginfo_t *info)
{
	sigset_t blocked;
	char here;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	seen.count++;
	seen.on_own_stack = &here - own_stack >= 0 && &here - own_stack < SIGSTKSZ * 8;
	seen.self_blocked = sigismember(&blocked, signal);
	seen.other_blocked = sigismember(&blocked, SIGUSR2);
	seen.code = info ? info->si_code : 0;
	seen.addr = info ? info->si_addr : NULL;
	if (signal == SIGSEGV)
		mprotect((void *)(uintptr_t)trap_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static void note_with_info(int signal, siginfo_t *info, void *context)
{
	(void)context;
	note(signal, info);
}

static void note_plainly(int signal)
{
	note(signal, NULL);
}

static void raise_fault(void)
{
	mprotect((void *)(uintptr_t)trap_page, PAGE_SIZE, PROT_READ);
	*trap_page = 1;
}

static void raise_trap(void)
{
	__asm__ volatile("int3");
}

static bool is_default(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_DFL;
}

/* Sets an action, asks for it, makes it happen, and compares with what the manual says. */
static void try_action(int signal, void (*provoke)(void), int flags)
{
	struct sigaction action = {.sa_flags = flags}, now;
	int before = seen.count;

	if (flags & SA_SIGINFO)
		action.sa_sigaction = note_with_info;
	else
		action.sa_handler = note_plainly;
	sigaddset(&action.sa_mask, SIGUSR2);
	check(!sigaction(signal, &action, NULL) && !sigaction(signal, NULL, &now));
	check(now.sa_handler == action.sa_handler && (now.sa_flags & flags) == flags);
	check(sigismember(&now.sa_mask, SIGUSR2) && !sigismember(&now.sa_mask, SIGUSR1));
	provoke();
	check(seen.count == before + 1 && seen.other_blocked);
	check(seen.on_own_stack == !!(flags & SA_ONSTACK));
	check(seen.self_blocked == !(flags & SA_NODEFER));
	check(!(flags & SA_SIGINFO) || signal != SIGSEGV ||
	      (seen.code == SEGV_ACCERR && seen.addr == (void *)trap_page));
	check(is_default(signal) == !!((unsigned)flags & SA_RESETHAND));
	check(!sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, &now));
	check(is_default(signal));
}

static void try_sent_signal(void)
{
	struct sigaction action = {.sa_sigaction = note_with_info, .sa_flags = SA_SIGINFO};
	int before = seen.count;

	sigaction(SIGSEGV, &action, NULL);
	kill(getpid(), SIGSEGV);
	check(seen.count == before + 1 && seen.code == SI_USER);
	signal(SIGSEGV, SIG_IGN);
	kill(getpid(), SIGSEGV);
	check(seen.count == before + 1);
	check(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

/* A child has handlers of its own: what was set before, and then what it sets. */
static void try_child(void)
{
	struct sigaction action = {.sa_handler = note_plainly}, now;
	int status = 0;
	pid_t child;

	sigaction(SIGSEGV, &action, NULL);
	child = fork();
	if (child == 0) {
		sigaction(SIGSEGV, NULL, &now);
		if (now.sa_handler != note_plainly)
			_exit(1);
		signal(SIGSEGV, SIG_DFL);
		raise_fault();
		_exit(2);
	}
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	sigaction(SIGSEGV, NULL, &now);
	check(now.sa_handler == note_plainly);
	signal(SIGSEGV, SIG_DFL);
}

static void actions(void)
{
	static const int flags[] = {0,
				    SA_SIGINFO,
				    SA_ONSTACK,
				    SA_NODEFER,
				    (int)SA_RESETHAND,
				    (int)SA_RESETHAND | SA_ONSTACK | SA_SIGINFO | SA_NODEFER};
	stack_t stack = {.ss_size = SIGSTKSZ * 8};

	own_stack = stack.ss_sp = malloc(stack.ss_size);
	sigaltstack(&stack, NULL);
	trap_page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (!line_waits()) {
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
			try_action(SIGSEGV, raise_fault, flags[i]);
			try_action(SIGTRAP, raise_trap, flags[i]);
			add_one();
		}
		try_sent_signal();
		try_child();
	}
}

/* Left by a memwatch that has been killed, as it were. */
static void orphan(void)
{
	mprotect(&counter, PAGE_SIZE, PROT_READ);
	while (!line_waits())
		usleep(1000);
	add_one();
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"increments", increments}, {"idle", idle},         {"loops", loops},
	{"threads", threads},       {"churn", churn},       {"reader", reader},
	{"storm", storm},           {"receiver", receiver}, {"signals", signals},
	{"one-shot", one_shot},     {"blocked", blocked},   {"blocked-idle", blocked_idle},
	{"actions", actions},       {"orphan", orphan},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	printf("running 1\n");
	fflush(stdout);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(tracee.mode, modes[i].name))
			modes[i].run();
	printf("first_wrong_line %d\n", first_wrong_line);
	printf("counter %ld\nrefused %lu\nerrors %lu\ncorrect %d\n", counter, refused, errors,
	       !errors);
	tracee_end(&tracee);
	return errors != 0;
}
