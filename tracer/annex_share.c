// SPDX-License-Identifier: MIT
/*
 * What the annex notes of each store is memory that memwatch has mapped, too: writing it through
 * /proc/PID/mem would cost a tenth of a hit. Where the kernel doesn't allow that, it does.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tracer/engine.h"

#define SHARED_SIZE sizeof(((struct mw_annex *)NULL)->shared)
_Static_assert(offsetof(struct mw_annex, shared) % MW_PAGE_SIZE == 0 &&
		       SHARED_SIZE % MW_PAGE_SIZE == 0,
	       "what is shared are pages");

static struct mw_annex_progress *map_here(const struct mw_tracer *tracer)
{
	mw_addr start = mw_annex_at(tracer, shared);
	void *memory;
	char path[64];
	mw_auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tracer->pid,
		 start.v, start.v + SHARED_SIZE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	memory = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

struct mw_error *mw_annex_share(struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {
		mw_annex_at(tracer, shared).v,          SHARED_SIZE,  PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1,
	};
	struct mw_error *err;
	int64_t result;

	/* Only root may open what others have mapped. */
	if (geteuid())
		return NULL;
	err = mw_inject_call(injection, SYS_mmap, args, &result);
	if (err)
		return err;
	if (result < 0 && result > -4096)
		return mw_error_os((int)-result, "no shared memory to be had in the target");
	tracer->progress = map_here(tracer);
	return NULL;
}

void mw_annex_unshare(struct mw_tracer *tracer)
{
	if (tracer->progress)
		munmap(tracer->progress, SHARED_SIZE);
	tracer->progress = NULL;
}

void mw_annex_note_storer(struct mw_tracer *tracer, int64_t tid)
{
	if (tracer->progress)
		__atomic_store_n(&tracer->progress->storer, tid, __ATOMIC_RELEASE);
	else
		mw_error_destroy(mw_mem_write(&tracer->mem, mw_annex_at(tracer, progress.storer),
					      &tid, sizeof(tid)));
}

/* As far as a kill lets it come, it is the old record, none, or the new one. */
static void fill(struct mw_annex_store *ret, const struct mw_annex_store *store)
{
	__atomic_store_n(&ret->tid, 0, __ATOMIC_RELEASE);
	atomic_thread_fence(memory_order_seq_cst);
	memcpy((char *)ret + sizeof(ret->tid), (const char *)store + sizeof(store->tid),
	       sizeof(*store) - sizeof(store->tid));
	__atomic_store_n(&ret->tid, store->tid, __ATOMIC_RELEASE);
}

void mw_annex_note_store(struct mw_tracer *tracer, unsigned index,
			 const struct mw_annex_store *store)
{
	mw_addr at = mw_addr_add(mw_annex_at(tracer, progress.stores), index * sizeof(*store));

	if (tracer->progress)
		fill(&tracer->progress->stores[index], store);
	else /* A failure means that the process is gone. */
		mw_error_destroy(mw_mem_write(&tracer->mem, at, store, sizeof(*store)));
}

void mw_annex_free_store(struct mw_tracer *tracer, unsigned index)
{
	mw_addr at = mw_addr_add(mw_annex_at(tracer, progress.stores),
				 index * sizeof(struct mw_annex_store));
	const int64_t none = 0;

	if (tracer->progress)
		__atomic_store_n(&tracer->progress->stores[index].tid, none, __ATOMIC_RELEASE);
	else
		mw_error_destroy(mw_mem_write(&tracer->mem, at, &none, sizeof(none)));
}
