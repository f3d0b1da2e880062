// SPDX-License-Identifier: MIT
/*
 * Loops with nothing but registers between their stores: `tight MODE`. Built with -O2 they are what
 * is carried out several stores at a time; built without, they aren't, and do the same.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/time.h>

#include "tracee.h"

/* Three pages, with nothing else on them. */
#define ENTRIES (3 * PAGE_SIZE / sizeof(unsigned))
#define THREADS 4
#define ADDITIONS 4000ul
#define ROUNDS 500
#define READONLY_FROM (2 * PAGE_SIZE / sizeof(unsigned))

PAGE_ALIGNED unsigned table[ENTRIES];
PAGE_ALIGNED struct {
	unsigned long odd;
	unsigned long even;
	unsigned long total;
	unsigned long ticks;
	unsigned char small;
} sums;
static unsigned long elsewhere;
/** What the program writes and runs. */
unsigned *code_value;
unsigned data_value;

NOINLINE static void fill(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		table[i] = (i * 2654435761u) >> 7;
		BARRIER();
	}
}

static void do_fill(void)
{
	fill(0, ENTRIES);
	BARRIER();
}

/* Branches, shifts and multiplications; and now and then a store that nobody watches. */
NOINLINE static void sort_out(unsigned long rounds)
{
	unsigned long x = 88172645463325252ul;

	for (unsigned long i = 0; i < rounds; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (x & 1)
			sums.odd += x >> 60;
		else
			sums.even -= x & 7;
		BARRIER();
		if (x % 16 == 3)
			elsewhere = x;
		sums.small = (unsigned char)x;
		BARRIER();
	}
}

static void do_sort(void)
{
	sort_out(1000);
	printf("odd %lu\neven %lu\nsmall %u\nelsewhere %lu\n", sums.odd, sums.even, sums.small,
	       elsewhere);
}

static void *add_often(void *arg)
{
	unsigned long sum = 0;

	for (unsigned long i = 0; i < ADDITIONS; i++)
		sum += __atomic_fetch_add(&sums.total, 1, __ATOMIC_SEQ_CST);
	*(unsigned long *)arg = sum;
	return NULL;
}

/* Each value is returned once, or their sum is wrong. */
static void do_threads(void)
{
	unsigned long returned[THREADS * 64] = {0}, sum = 0, all = THREADS * ADDITIONS;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, add_often, &returned[i * 64]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += returned[i * 64];
	}
	printf("stores %lu\nexact %d\n", sums.total,
	       sums.total == all && sum == all * (all - 1) / 2);
}

static sigjmp_buf past_fault;
static void *fault_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(past_fault, 1);
}

/* From watched pages onto one that isn't watched, and onto one that can't be written. */
static void do_edge(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	mprotect(&table[READONLY_FROM], PAGE_SIZE, PROT_READ);
	if (!sigsetjmp(past_fault, 1))
		fill(0, ENTRIES);
	printf("stores %zu\nright %d\n", READONLY_FROM, fault_address == &table[READONLY_FROM]);
}

/* Its first instruction stores a number, its second one changes that number in the first one. */
static const unsigned char code[] = {
	0xc7, 0x07, 0,    0,    0,    0,       /* movl $0,(%rdi) */
	0x83, 0x05, 0xf5, 0xff, 0xff, 0xff, 1, /* addl $1,-11(%rip) */
	0xff, 0xce,                            /* dec %esi */
	0x75, 0xef,                            /* jnz */
	0xc3,
};

static void do_code(void)
{
	unsigned char *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, code, sizeof(code));
	code_value = (unsigned *)(page + 2);
	printf("mapped 1\n");
	fflush(stdout);
	tracee_read_line();
	((void (*)(unsigned *, unsigned))page)(&data_value, ROUNDS);
	printf("rounds %d\ndata %u\ncode %u\n", ROUNDS, data_value, *code_value);
}

static void on_tick(int number)
{
	(void)number;
	sums.ticks++;
}

static void do_signals(void)
{
	struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
	struct itimerval never = {0};

	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned long i = 0; i < 5 * ADDITIONS; i++) {
		sums.total++;
		BARRIER();
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("stores %lu\nticks %lu\nexact %d\n", sums.total, sums.ticks,
	       sums.total == 5 * ADDITIONS);
}

static unsigned long aborts;

/*
 * Two stores of a restartable sequence. Whoever stops it at the first one has it aborted, and the
 * second one must not happen.
 */
static void do_restart(void)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	__asm__ volatile(".pushsection .data.rel, \"aw\"\n\t"
			 ".balign 32\n"
			 "9:	.long 0, 0\n\t"
			 ".quad 1f, 2f - 1f, 4f\n\t"
			 ".popsection\n\t"
			 "lea 9b(%%rip), %%rax\n\t"
			 "mov %%rax, %[sequence]\n"
			 "1:	movq $1, %[first]\n\t"
			 "mov $5, %%eax\n\t"
			 "mov %%rax, %[second]\n"
			 "2:	jmp 5f\n\t"
			 ".long %c[signature]\n"
			 "4:	incq %[aborts]\n"
			 "5:"
			 : [sequence] "=m"(area->rseq_cs), [first] "=m"(sums.odd),
			   [second] "=m"(sums.even), [aborts] "+m"(aborts)
			 : [signature] "i"(RSEQ_SIG)
			 : "rax", "cc", "memory");
	area->rseq_cs = 0;
	printf("aborts %lu\nfirst %lu\nsecond %lu\n", aborts, sums.odd, sums.even);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"fill", do_fill}, {"sort", do_sort},       {"threads", do_threads}, {"edge", do_edge},
	{"code", do_code}, {"signals", do_signals}, {"restart", do_restart},
};

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(tracee.mode, modes[i].name))
			modes[i].run();
	tracee_end(&tracee);
	return 0;
}
