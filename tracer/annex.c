// SPDX-License-Identifier: MIT
#include "tracer/annex.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/engine.h"

#define ANNEX_SIZE                                                                                 \
	(MW_ANNEX_CODE_SIZE + ((sizeof(struct mw_annex) + MW_PAGE_SIZE - 1) & ~(MW_PAGE_SIZE - 1)))

static struct mw_error *map(struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {
		0,
		ANNEX_SIZE,
		PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		(uint64_t)-1,
	};
	int64_t result;
	struct mw_error *err = mw_inject_call(injection, SYS_mmap, args, &result);

	if (err)
		return err;
	if (result < 0 && result > -4096)
		return mw_error_create(MW_ERROR_OTHER,
				       "the target can't map memory for memwatch (%s): use "
				       "--backend=hw or poll",
				       strerror((int)-result));
	tracer->annex = (struct mw_range){mw_addr_make((uint64_t)result), ANNEX_SIZE};
	return NULL;
}

static struct mw_error *write_header(struct mw_tracer *tracer)
{
	const uint64_t header[] = {MW_ANNEX_MAGIC, ANNEX_SIZE};

	return mw_mem_write(&tracer->mem, mw_annex_at(tracer, magic), header, sizeof(header));
}

/* From here on injected calls run in the annex, where a dying memwatch leaves none of them. */
static struct mw_error *use_code(struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {tracer->annex.start.v, MW_ANNEX_CODE_SIZE, PROT_READ | PROT_EXEC};
	struct mw_arch_deadman deadman;
	struct mw_error *err;
	int64_t result;

	mw_arch_deadman(&deadman);
	err = mw_mem_write(&tracer->mem, tracer->annex.start, deadman.code, deadman.size);
	if (!err)
		err = mw_deadman_write_exits(tracer);
	if (!err)
		err = mw_inject_call(injection, SYS_mprotect, args, &result);
	if (err)
		return err;
	tracer->deadman.refused = result < 0;
	if (result < 0)
		return NULL;
	tracer->syscall_ip = (struct mw_inject_site){
		.ip = mw_addr_add(tracer->annex.start, deadman.call),
		.mem = &tracer->mem,
		.session = mw_annex_at(tracer, session),
		.cover = mw_annex_at(tracer, cover),
		.siginfo = mw_annex_at(tracer, siginfo),
	};
	mw_inject_move(injection, tracer->syscall_ip);
	return NULL;
}

/* Without it the dead-man is there, still. */
void mw_annex_call_guardian(struct mw_tracer *tracer)
{
	struct mw_error *err;

	mw_crew_lend_guardian(tracer->crew, &tracer->guardian);
	err = mw_guardian_start(&tracer->guardian);
	if (err)
		mw_engine_emit_notice(tracer, "%s: don't kill -9 memwatch", err->message);
	mw_error_destroy(err);
}

struct mw_error *mw_annex_open(struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_error *err;

	if (tracer->annex.size)
		return NULL;
	tracer->plain_syscall_ip = tracer->syscall_ip;
	err = map(tracer, injection);
	if (!err)
		err = write_header(tracer);
	/* It finds the annex by that. */
	if (!err)
		mw_guardian_set_target(&tracer->guardian, tracer->pid);
	if (!err)
		err = use_code(tracer, injection);
	/* As soon as can be: from here on no injected call is left half done. */
	if (!err)
		err = mw_deadman_arm(tracer, injection, MW_DEADMAN_TRAP);
	if (!err)
		err = mw_annex_share(tracer, injection);
	if (err)
		return err;
	mw_segv_learn_masks(tracer, injection);
	return mw_deadman_learn(tracer, injection);
}

struct mw_error *mw_annex_note_spans(struct mw_tracer *tracer)
{
	struct mw_annex_span spans[64];
	uint64_t table = !tracer->annex_table;
	size_t count = mw_min(tracer->pages.list.count, (size_t)MW_ANNEX_SPANS);
	uint64_t valid = (uint64_t)count | table << 32;
	mw_addr at = mw_addr_add(mw_annex_at(tracer, spans),
				 table * MW_ANNEX_SPANS * sizeof(struct mw_annex_span));
	struct mw_error *err = NULL;

	/* Pages guarded by userfaultfd have their protection. */
	if (!tracer->annex.size || mw_wp_is_on(&tracer->wp))
		return NULL;
	for (size_t i = 0; i < count && !err; i += mw_array_size(spans)) {
		size_t some = mw_min(count - i, mw_array_size(spans));

		for (size_t j = 0; j < some; j++) {
			const struct mw_span *span = &tracer->pages.list.items[i + j];

			spans[j] = (struct mw_annex_span){span->range.start.v, span->range.size,
							  span->prot, span->alias.v};
		}
		err = mw_mem_write(&tracer->mem, mw_addr_add(at, i * sizeof(*spans)), spans,
				   some * sizeof(*spans));
	}
	if (!err)
		err = mw_mem_write(&tracer->mem, mw_annex_at(tracer, span_count), &valid,
				   sizeof(valid));
	if (!err)
		tracer->annex_table = table;
	mw_guardian_set_urgent(&tracer->guardian, count);
	return err;
}

static void unmap(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	const uint64_t args[6] = {tracer->annex.start.v, tracer->annex.size};
	int64_t result;

	/* The calls of this session can't stand on memory that they unmap. */
	injection->site.ip = tracer->plain_syscall_ip.ip;
	/* A failure means that the process is gone, and its memory with it. */
	mw_error_destroy(mw_inject_call(injection, SYS_munmap, args, &result));
}

void mw_annex_unmap_copy(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	if (!tracer->annex.size)
		return;
	mw_deadman_disarm_copy(tracer, injection);
	unmap(tracer, injection);
}

static void cover(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_signal_frame_site site;

	if (mw_inject_is_covered(injection) || !mw_signal_frame_site_init(&site, &tracer->mem))
		return;
	mw_inject_cover(injection, &site);
	mw_signal_frame_site_deinit(&site);
}

void mw_annex_close(struct mw_tracer *tracer, struct mw_injection *injection)
{
	if (!tracer->annex.size)
		return;
	/* With the handlers goes what would end a call that is half done. */
	cover(tracer, injection);
	mw_deadman_disarm(tracer, injection);
	if (!tracer->deadman.escaped)
		unmap(tracer, injection);
	mw_annex_forget(tracer);
}

void mw_annex_forget(struct mw_tracer *tracer)
{
	if (tracer->annex.size)
		tracer->syscall_ip = tracer->plain_syscall_ip;
	tracer->annex = (struct mw_range){0};
	mw_annex_unshare(tracer);
	mw_guardian_set_target(&tracer->guardian, 0);
	mw_deadman_forget(tracer);
}
