// SPDX-License-Identifier: MIT
/*
 * A program with signals of its own: `signals handler|blocked|ignored [N]`. It makes N stores while
 * a timer of 1 kHz interrupts it (the handler stores, too), and, with `handler`, provokes real
 * faults that its own handler mends. It says in the end whether its handlers still stand.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "tracee.h"

long counter;
long ticks;
static volatile sig_atomic_t faults, wrong_faults;
static unsigned char *trap_page;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_addr != trap_page || info->si_code != SEGV_ACCERR) {
		wrong_faults++;
		_exit(99);
	}
	faults++;
	mprotect(trap_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static void on_tick(int signal)
{
	(void)signal;
	ticks++; /* LINE:tick */
}

static void provoke_fault(unsigned char value)
{
	mprotect(trap_page, PAGE_SIZE, PROT_READ);
	*(volatile unsigned char *)trap_page = value;
}

static void set_up(const char *mode)
{
	struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	struct itimerval rate = {{0, 1000}, {0, 1000}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	if (!strcmp(mode, "ignored"))
		signal(SIGSEGV, SIG_IGN);
	else
		sigaction(SIGSEGV, &fault, NULL);
	if (!strcmp(mode, "blocked"))
		sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGALRM, &tick, NULL);
	setitimer(ITIMER_REAL, &rate, NULL);
}

static void stop_timer(void)
{
	struct itimerval never = {0};

	setitimer(ITIMER_REAL, &never, NULL);
}

static bool still_as_set_up(const char *mode)
{
	struct sigaction now;
	sigset_t set;

	sigaction(SIGSEGV, NULL, &now);
	sigprocmask(SIG_BLOCK, NULL, &set);
	if (sigismember(&set, SIGSEGV) != !strcmp(mode, "blocked"))
		return false;
	if (!strcmp(mode, "ignored"))
		return now.sa_handler == SIG_IGN;
	return now.sa_sigaction == on_fault && now.sa_flags & SA_SIGINFO;
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 2000);
	const char *mode = *tracee.mode ? tracee.mode : "handler";

	trap_page =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set_up(mode);
	for (unsigned long i = 1; i <= n; i++) {
		counter = (long)i; /* LINE:store */
		BARRIER();
		if (i % 100 == 0 && !strcmp(mode, "handler"))
			provoke_fault((unsigned char)i);
		if (i % 10 == 0)
			usleep(100);
	}
	stop_timer();
	printf("stores %lu\nticks %ld\nfaults %d\nintact %d\n", n, ticks, (int)faults,
	       still_as_set_up(mode));
	return tracee_end(&tracee);
}
