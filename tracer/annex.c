// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/error.h"

struct mw_error *mw_annex_open(struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {
		0, MW_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1,
	};
	struct mw_error *err;
	int64_t result;

	if (tracer->annex.size)
		return NULL;
	err = mw_inject_call(injection, SYS_mmap, args, &result);
	if (err)
		return err;
	if (result < 0 && result > -4096)
		return mw_error_os((int)-result, "no page of memory to be had in the target");
	tracer->annex = (struct mw_range){mw_addr_make((uint64_t)result), MW_PAGE_SIZE};
	return mw_segv_learn(tracer, injection);
}

void mw_annex_unmap_copy(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {tracer->annex.start.v, tracer->annex.size};
	int64_t result;

	/* A failure means that the process is gone, and its memory with it. */
	if (tracer->annex.size)
		mw_error_destroy(mw_inject_call(injection, SYS_munmap, args, &result));
}

void mw_annex_close(struct mw_tracer *tracer, struct mw_injection *injection)
{
	mw_annex_unmap_copy(tracer, injection);
	tracer->annex = (struct mw_range){0};
}
