// SPDX-License-Identifier: MIT
#include "tracer/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/seccomp_filter.h"
#include "tracer/sys.h"

/* The longest filter that the kernel takes (BPF_MAXINSNS). */
#define LONGEST 4096
#define MOST_FILTERS 64

/* What is injected, and what the dead-man does. Filters may look at the arguments as well. */
static const struct {
	enum mw_seccomp_need need;
	int number;
	uint64_t args[6];
} needed[] = {
	{MW_SECCOMP_PAGES,
	 SYS_mmap,
	 {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX}},
	{MW_SECCOMP_PAGES,
	 SYS_mmap,
	 {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	  UINT64_MAX}},
	{MW_SECCOMP_PAGES,
	 SYS_mmap,
	 {0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX}},
	{MW_SECCOMP_PAGES, SYS_mprotect, {0, 4096, PROT_READ}},
	{MW_SECCOMP_PAGES, SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE}},
	{MW_SECCOMP_PAGES, SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
	{MW_SECCOMP_PAGES, SYS_mremap, {0, 0, 4096, MREMAP_MAYMOVE}},
	{MW_SECCOMP_PAGES, SYS_munmap, {0, 4096}},
	{MW_SECCOMP_PAGES, SYS_rt_sigaction, {SIGSEGV}},
	{MW_SECCOMP_PAGES, SYS_rt_sigaction, {SIGTRAP}},
	{MW_SECCOMP_PAGES, SYS_rt_sigreturn, {0}},
	{MW_SECCOMP_PAGES, SYS_getpid, {0}},
	{MW_SECCOMP_PAGES, SYS_gettid, {0}},
	{MW_SECCOMP_PAGES, SYS_tgkill, {0}},
	{MW_SECCOMP_PAGES, SYS_rt_tgsigqueueinfo, {0}},
	{MW_SECCOMP_PAGES, SYS_clock_gettime, {CLOCK_MONOTONIC}},
	{MW_SECCOMP_PAGES, SYS_nanosleep, {0}},
	{MW_SECCOMP_UFFD, SYS_userfaultfd, {O_CLOEXEC | O_NONBLOCK}},
	{MW_SECCOMP_UFFD, SYS_close, {0}},
};

static bool allows_all(const struct sock_filter *filter, size_t count, unsigned needs)
{
	for (size_t i = 0; i < mw_array_size(needed); i++) {
		struct seccomp_data data = {.nr = needed[i].number, .arch = AUDIT_ARCH_X86_64};

		for (unsigned arg = 0; arg < mw_array_size(needed[i].args); arg++)
			data.args[arg] = needed[i].args[arg];
		if (needed[i].need & needs && !mw_seccomp_filter_allows(filter, count, &data))
			return false;
	}
	return true;
}

/* Only root may read them. */
static bool thread_allows_all(pid_t tid, enum mw_seccomp_need need)
{
	struct sock_filter filter[LONGEST];

	for (unsigned i = 0; i < MOST_FILTERS; i++) {
		int count = mw_sys_get_seccomp_filter(tid, i, filter);

		if (count == -ENOENT)
			return true;
		if (count <= 0 || !allows_all(filter, (size_t)count, need))
			return false;
	}
	return false;
}

static struct mw_error *check_thread(const struct mw_thread *thread, enum mw_seccomp_need need)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(thread->tid, &status);

	if (err) {
		/* It has ended, and makes no call any more. */
		mw_error_destroy(err);
		return NULL;
	}
	if (!status.seccomp ||
	    (status.seccomp == SECCOMP_MODE_FILTER && thread->state == MW_THREAD_STOPPED &&
	     thread_allows_all(thread->tid, need)))
		return NULL;
	return mw_error_create(MW_ERROR_PERMISSION,
			       "process %d filters its system calls (seccomp), and might be killed "
			       "for one that memwatch makes in its place: use --backend=hw or poll",
			       thread->tgid);
}

struct mw_error *mw_seccomp_check(const struct mw_tracer *tracer, enum mw_seccomp_need need)
{
	const struct mw_thread *thread;
	struct mw_error *err = NULL;
	size_t cursor = 0;

	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->same_memory && thread->state != MW_THREAD_GONE)
			err = check_thread(thread, need);
	return err;
}

/* @param at a struct sock_fprog in the tracee; the kernel says itself what is wrong with it. */
static bool forbids(const struct mw_tracer *tracer, mw_addr at)
{
	struct sock_filter filter[LONGEST];
	struct sock_fprog program;
	size_t size;

	if (mw_mem_read_some(&tracer->mem, at, &program, sizeof(program)) != sizeof(program) ||
	    program.len > LONGEST)
		return false;
	size = program.len * sizeof(*filter);
	return mw_mem_read_some(&tracer->mem, mw_addr_make((uint64_t)(uintptr_t)program.filter),
				filter, size) == size &&
	       !allows_all(filter, program.len, MW_SECCOMP_PAGES);
}

bool mw_seccomp_sets_filter(const struct mw_tracer *tracer, const struct mw_thread *thread)
{
	const struct mw_redirect *call = &thread->redirect;
	bool by_prctl = call->number == SYS_prctl && call->args[0] == PR_SET_SECCOMP;
	uint64_t mode = call->args[by_prctl ? 1 : 0];

	if (!by_prctl && call->number != SYS_seccomp)
		return false;
	if (mode == (by_prctl ? SECCOMP_MODE_STRICT : SECCOMP_SET_MODE_STRICT))
		return true;
	return mode == (by_prctl ? SECCOMP_MODE_FILTER : SECCOMP_SET_MODE_FILTER) &&
	       forbids(tracer, mw_addr_make(call->args[2]));
}

/* The list gets shorter under the search. */
static struct mw_error *lose_page_guards(struct mw_tracer *tracer)
{
	struct mw_error *err = NULL;

	for (size_t i = tracer->guards.count; i-- > 0 && !err;)
		if (tracer->guards.items[i].backend == MW_BACKEND_PAGE)
			err = mw_guard_lose(tracer, tracer->guards.items[i].id,
					    "the program filters its system calls from here on "
					    "(seccomp): watch it with --backend=hw or poll");
	return err;
}

static struct mw_error *give_up(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_injection injection;
	struct mw_error *err = lose_page_guards(tracer);

	if (!err)
		err = mw_annex_evacuate(tracer, tracer->annex.start, NULL, NULL);
	if (!err)
		err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	if (err)
		return err;
	mw_gate_release(tracer, &injection);
	mw_annex_close(tracer, &injection);
	mw_inject_end(&injection);
	return mw_guard_refresh(tracer);
}

struct mw_error *mw_seccomp_give_up(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = mw_engine_stop_all(tracer, thread);

	/* From here on the thread can be borrowed as one that was interrupted. */
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	if (!err && tracer->annex.size)
		err = give_up(tracer, thread);
	return mw_error_first(err, mw_engine_resume_all(tracer, thread));
}
