// SPDX-License-Identifier: MIT
/*
 * memwatch is killed in front of each thing that it does to a target, one after the other, from the
 * attach to the detach: the target goes on with its own registers, signal mask and alternate stack.
 * The calls that count are wrapped: see MORTAL in tests.mk.
 */
#include "cmocka_wrap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/procfs.h"
#include "base/procmaps.h"
#include "tracer/mem.h"
#include "tracer/sys.h"
#include "tracer/tracer.h"

#define PAGE 4096
#define PATIENCE 4000
#define PAUSE_NS 1000000
/* More than memwatch does to a target. */
#define MOST_ACTS 1000
#define REGISTERS 16
#define REGISTER_BYTES 32

/* The target has it at the same address. */
static union {
	volatile uint64_t word;
	uint8_t bytes[PAGE];
} __attribute__((aligned(PAGE))) page;

/** Seen by the target and the test. */
struct shared {
	volatile int running;
	volatile int stop;
};

/** Who dies in front of which act: its guardian doesn't. */
static pid_t mortal;
static unsigned acts_left;

static void act(void)
{
	if (mortal == getpid() && !--acts_left)
		kill(mortal, SIGKILL);
}

/* The linker puts __wrap_ in the place of the function, which __real_ then is. */
#define MORTAL(type, name, params, args)                                                           \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		act();                                                                             \
		return __real_##name args;                                                         \
	}

MORTAL(int, mw_sys_seize, (pid_t tid, uint64_t options), (tid, options))
MORTAL(int, mw_sys_interrupt, (pid_t tid), (tid))
MORTAL(int, mw_sys_resume, (int request, pid_t tid, int signal), (request, tid, signal))
MORTAL(int, mw_sys_detach, (pid_t tid, int signal), (tid, signal))
MORTAL(int, mw_sys_set_regs, (pid_t tid, const struct user_regs_struct *regs), (tid, regs))
MORTAL(int, mw_sys_set_signal_mask, (pid_t tid, uint64_t mask), (tid, mask))
MORTAL(struct mw_error *, mw_mem_write,
       (const struct mw_mem *mem, mw_addr addr, const void *bytes, size_t size),
       (mem, addr, bytes, size))

struct adder {
	struct shared *shared;
	uint64_t done;
};

static void *add(void *argument)
{
	struct adder *adder = argument;

	while (!adder->shared->stop) {
		__asm__ volatile("lock addq $1, %0" : "+m"(page.word) : : "cc");
		adder->done++;
	}
	return NULL;
}

/* Whatever is stored twice, or not at all, shows. */
static bool adds(struct shared *shared)
{
	struct adder adders[] = {{.shared = shared}, {.shared = shared}};
	pthread_t other;

	if (pthread_create(&other, NULL, add, &adders[1]))
		return false;
	shared->running = 1;
	add(&adders[0]);
	pthread_join(other, NULL);
	return page.word == adders[0].done + adders[1].done;
}

static bool sleeps(struct shared *shared)
{
	const struct timespec pause = {0, 2 * PAUSE_NS};

	shared->running = 1;
	while (!shared->stop)
		if (nanosleep(&pause, NULL))
			return false;
	return true;
}

/* Blocked in a call that nothing but the end of the test completes. */
static bool reads(struct shared *shared, int input)
{
	char byte;

	shared->running = 1;
	return read(input, &byte, 1) == 1;
}

#define ALL_VECTORS(what)                                                                          \
	what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7) what(8) what(9) what(10)   \
		what(11) what(12) what(13) what(14) what(15)
#define LOAD_WIDE(n) "vmovdqu " #n "*32(%[in]), %%ymm" #n "\n\t"
#define SAVE_WIDE(n) "vmovdqu %%ymm" #n ", " #n "*32(%[out])\n\t"
#define LOAD_PLAIN(n) "movdqu " #n "*32(%[in]), %%xmm" #n "\n\t"
#define SAVE_PLAIN(n) "movdqu %%xmm" #n ", " #n "*32(%[out])\n\t"

/* Spins with values in all registers, and then puts them where they can be compared. */
#define HOLD(load, save)                                                                           \
	__asm__ volatile(                                                                          \
		ALL_VECTORS(load) "fldpi\n\t"                                                      \
				  "ldmxcsr %[mxcsr]\n\t"                                           \
				  "mov $8, %%r8\n\tmov $9, %%r9\n\tmov $10, %%r10\n\t"             \
				  "mov $12, %%r12\n\tstd\n"                                        \
				  "1:\tcmpl $0, (%[stop])\n\t"                                     \
				  "je 1b\n\t"                                                      \
				  "pushfq\n\tpop %%r13\n\tcld\n\t"                                 \
				  "stmxcsr %[mxcsr_after]\n\t"                                     \
				  "fstpt %[pi]\n\t" ALL_VECTORS(                                   \
					  save) "add %%r9, %%r8\n\tadd %%r10, %%r8\n\tadd %%r12, " \
						"%%r8\n\t"                                         \
						"mov %%r8, %[sum]\n\tmov %%r13, %[flags]\n\t"      \
		: [mxcsr_after] "=m"(mxcsr_after), [pi] "=m"(pi), [sum] "=m"(sum),                 \
		  [flags] "=m"(flags)                                                              \
		: [in] "r"(in), [out] "r"(out), [stop] "r"(&shared->stop), [mxcsr] "m"(mxcsr)      \
		: "memory", "cc", "r8", "r9", "r10", "r12", "r13", "xmm0", "xmm1", "xmm2", "xmm3", \
		  "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",       \
		  "xmm13", "xmm14", "xmm15")

static bool keeps_registers(struct shared *shared)
{
	uint8_t in[REGISTERS * REGISTER_BYTES], out[sizeof(in)] = {0};
	/* All exceptions masked, rounding towards zero. */
	const uint32_t mxcsr = 0x7f80, normal = 0x1f80, direction = 1 << 10;
	uint32_t mxcsr_after;
	uint64_t sum, flags;
	long double pi;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + 1);
	shared->running = 1;
	if (__builtin_cpu_supports("avx")) {
		HOLD(LOAD_WIDE, SAVE_WIDE);
	} else {
		HOLD(LOAD_PLAIN, SAVE_PLAIN);
		for (size_t i = 0; i < REGISTERS; i++)
			memcpy(out + i * REGISTER_BYTES + 16, in + i * REGISTER_BYTES + 16, 16);
	}
	__asm__ volatile("ldmxcsr %0" : : "m"(normal));
	return !memcmp(in, out, sizeof(in)) && mxcsr_after == mxcsr && sum == 8 + 9 + 10 + 12 &&
	       flags & direction && pi > 3.14159L && pi < 3.1416L;
}

enum kind { REGISTERS_KIND, SLEEP_KIND, READ_KIND, ADD_KIND };

/* The target: what became of it says its exit status. */
MW_NORETURN static void run_target(enum kind kind, struct shared *shared, int input)
{
	static uint8_t memory[65536];
	const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
	stack_t stack_after;
	sigset_t mask, mask_after;
	bool right = true;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The test's own handlers come with the fork. */
	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaltstack(&stack, NULL);
	if (kind == REGISTERS_KIND)
		right = keeps_registers(shared);
	else if (kind == SLEEP_KIND)
		right = sleeps(shared);
	else if (kind == READ_KIND)
		right = reads(shared, input);
	else
		right = adds(shared);
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	sigaltstack(NULL, &stack_after);
	right &= sigismember(&mask_after, SIGUSR1) && !sigismember(&mask_after, SIGUSR2) &&
		 stack_after.ss_sp == memory && stack_after.ss_size == sizeof(memory);
	_exit(right ? 0 : 1);
}

/* memwatch. */
MW_NORETURN static void watch(pid_t pid, enum mw_backend backend, unsigned death)
{
	const struct mw_tracer_options options = {.ring_entries = 4096, .drop_when_full = true};
	struct mw_guard_handle handle = {0};
	uint8_t snapshot[sizeof(page.word)];
	struct mw_guard_request request = {
		.range = {mw_addr_make((uintptr_t)&page), sizeof(page.word)},
		.backends = {backend},
		.backend_count = 1,
		.snapshot = snapshot,
		.handle = &handle,
	};
	struct mw_tracer *tracer;
	struct mw_error *err;
	size_t guarded;

	mortal = getpid();
	acts_left = death;
	err = mw_tracer_create(&options, &tracer);
	if (!err)
		err = mw_tracer_attach(tracer, pid);
	if (!err)
		err = mw_tracer_guard(tracer, &request, 1, &guarded);
	if (!err)
		err = mw_tracer_unguard(tracer, handle.id);
	if (err)
		_exit(2);
	mw_tracer_destroy(tracer);
	_exit(0);
}

static bool has_code_of_ours(pid_t pid)
{
	struct mw_procmaps maps;
	bool found = false;

	if (mw_error_catch_any(mw_procmaps_read(pid, &maps)))
		return false;
	for (size_t i = 0; i < maps.count; i++)
		found |= maps.items[i].prot & PROT_EXEC && !*maps.items[i].path;
	mw_procmaps_deinit(&maps);
	return found;
}

static bool is_as_before(pid_t pid)
{
	const uint64_t mask = UINT64_C(1) << (SIGUSR1 - 1);
	const uint64_t handlers = UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGTRAP - 1);
	struct mw_proc_status status;

	return !mw_error_catch_any(mw_proc_status_read(pid, &status)) &&
	       (status.state == 'Z' || (!status.tracer_pid && status.sig_blocked == mask &&
					!(status.sig_caught & handlers) && !has_code_of_ours(pid)));
}

/* The guardian may have still to come. */
static void await(bool (*condition)(pid_t pid), pid_t pid, unsigned death)
{
	const struct timespec pause = {0, PAUSE_NS};

	for (unsigned i = 0; i < PATIENCE; i++) {
		if (condition(pid))
			return;
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	fail_msg("killed in front of act %u, memwatch leaves the target changed", death);
}

static struct shared *shared_of_test;

static bool is_running(pid_t pid MW_UNUSED)
{
	return shared_of_test->running;
}

struct target {
	pid_t pid;
	struct shared *shared;
	int input[2];
};

static struct target start(enum kind kind)
{
	struct target target;

	target.shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(target.shared, MAP_FAILED);
	assert_int_equal(pipe(target.input), 0);
	shared_of_test = target.shared;
	target.pid = fork();
	if (!target.pid)
		run_target(kind, target.shared, target.input[0]);
	await(is_running, target.pid, 0);
	return target;
}

static void end(const struct target *target, unsigned death)
{
	int status;

	target->shared->stop = 1;
	assert_int_equal(write(target->input[1], "", 1), 1);
	assert_int_equal(waitpid(target->pid, &status, 0), target->pid);
	if (status)
		fail_msg("killed in front of act %u, memwatch made the target end with status %#x",
			 death, (unsigned)status);
	munmap(target->shared, PAGE);
	close(target->input[0]);
	close(target->input[1]);
}

/* @return whether memwatch came to its end before that. */
static bool watch_until(const struct target *target, enum mw_backend backend, unsigned death)
{
	pid_t memwatch = fork();
	int status;

	if (!memwatch)
		watch(target->pid, backend, death);
	assert_int_equal(waitpid(memwatch, &status, 0), memwatch);
	await(is_as_before, target->pid, death);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFEXITED(status);
}

static bool survives(enum kind kind, enum mw_backend backend, unsigned death)
{
	struct target target = start(kind);
	bool ended = watch_until(&target, backend, death);

	end(&target, death);
	return ended;
}

static void die_everywhere(enum kind kind, enum mw_backend backend)
{
	unsigned death = 1;

#ifdef __SANITIZE_ADDRESS__
	/* Its guardian, a fork of a program with threads, may hang in the sanitizer's allocator. */
	skip();
#endif
	while (!survives(kind, backend, death) && death < MOST_ACTS)
		death++;
	/* The annex alone takes more. */
	assert_in_range(death, backend == MW_BACKEND_POLL ? 20 : 50, MOST_ACTS - 1);
}

static void test_registers_survive_each_death_of_page_guards(void **state MW_UNUSED)
{
	die_everywhere(REGISTERS_KIND, MW_BACKEND_PAGE);
}

static void test_registers_survive_each_death_of_polling(void **state MW_UNUSED)
{
	die_everywhere(REGISTERS_KIND, MW_BACKEND_POLL);
}

static void test_a_sleep_goes_on_after_each_death(void **state MW_UNUSED)
{
	die_everywhere(SLEEP_KIND, MW_BACKEND_PAGE);
}

static void test_a_blocked_read_goes_on_after_each_death(void **state MW_UNUSED)
{
	die_everywhere(READ_KIND, MW_BACKEND_PAGE);
}

static void test_each_store_is_done_once_after_each_death(void **state MW_UNUSED)
{
	die_everywhere(ADD_KIND, MW_BACKEND_PAGE);
}

/* @param ret heap array. */
static size_t read_stack(pid_t pid, uint8_t **ret)
{
	struct mw_procmaps maps;
	struct mw_mem mem;
	size_t size = 0;

	assert_ok(mw_procmaps_read(pid, &maps));
	assert_ok(mw_mem_init(&mem, pid));
	for (size_t i = 0; i < maps.count; i++)
		if (!strcmp(maps.items[i].path, "[stack]")) {
			size = maps.items[i].range.size;
			*ret = malloc(size);
			assert_ok(mw_mem_read(&mem, maps.items[i].range.start, *ret, size));
		}
	mw_mem_deinit(&mem);
	mw_procmaps_deinit(&maps);
	assert_int_not_equal(size, 0);
	return size;
}

/* The target spins: its stack doesn't change by itself. */
static void test_the_stack_is_as_it_was_after_a_detach(void **state MW_UNUSED)
{
	struct target target = start(REGISTERS_KIND);
	uint8_t *before, *after;
	size_t size = read_stack(target.pid, &before);

	assert_true(watch_until(&target, MW_BACKEND_PAGE, MOST_ACTS));
	assert_int_equal(read_stack(target.pid, &after), size);
	assert_memory_equal(before, after, size);
	end(&target, MOST_ACTS);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_survive_each_death_of_page_guards),
		cmocka_unit_test(test_registers_survive_each_death_of_polling),
		cmocka_unit_test(test_a_sleep_goes_on_after_each_death),
		cmocka_unit_test(test_a_blocked_read_goes_on_after_each_death),
		cmocka_unit_test(test_each_store_is_done_once_after_each_death),
		cmocka_unit_test(test_the_stack_is_as_it_was_after_a_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
