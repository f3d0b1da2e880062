// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "base/procmaps.h"
#include "tracer/seccomp.h"

/** Everything an arming needs at hand. */
struct arming {
	struct mw_tracer *tracer;
	const struct mw_procmaps *maps;
	struct mw_injection *injection;
	/** Listed, and yet to be write-protected. */
	MW_VEC(struct mw_span) open;
};

static struct mw_error *inject_mprotect(struct mw_injection *injection, struct mw_range pages,
					int prot)
{
	const uint64_t args[6] = {pages.start.v, pages.size, (uint64_t)prot};
	int64_t result;
	struct mw_error *err = mw_inject_call(injection, SYS_mprotect, args, &result);

	if (!err && result)
		err = mw_error_os((int)-result,
				  "the target can't change the protection of 0x%" PRIx64, args[0]);
	return err;
}

struct mw_error *mw_page_protect(struct mw_injection *injection, const struct mw_span *span,
				 struct mw_range pages, bool guarded)
{
	/* A write-only mapping is readable on this hardware: it has to stay so. */
	int prot = guarded ? (span->prot & ~PROT_WRITE) | PROT_READ : span->prot;

	return inject_mprotect(injection, pages, prot);
}

/* mremap() of size 0 makes a second mapping of the same shared pages (mremap(2)). */
static struct mw_error *make_alias(struct mw_injection *injection, struct mw_range pages,
				   mw_addr *ret)
{
	const uint64_t args[6] = {pages.start.v, 0, pages.size, MREMAP_MAYMOVE};
	int64_t result;
	struct mw_error *err = mw_inject_call(injection, SYS_mremap, args, &result);

	if (err)
		return err;
	if (result < 0 && result > -4096)
		return mw_error_os((int)-result,
				   "shared memory at 0x%" PRIx64 " can't be mapped a second time",
				   args[0]);
	*ret = mw_addr_make((uint64_t)result);
	return NULL;
}

static struct mw_error *drop_alias(struct mw_injection *injection, const struct mw_span *span)
{
	const uint64_t args[6] = {span->alias.v, span->range.size};
	int64_t result;

	if (!span->alias.v)
		return NULL;
	return mw_inject_call(injection, SYS_munmap, args, &result);
}

/* Its stores go to the page itself, while nobody else runs: no alias is needed. */
static struct mw_error *guard_by_uffd(struct arming *arming, const struct mw_span *span)
{
	struct mw_uffd *uffd = &arming->tracer->wp.uffd;
	struct mw_error *err = mw_uffd_register(uffd, arming->maps, span->range);

	if (!err)
		err = mw_spans_add(&arming->tracer->pages, span);
	if (!err)
		err = mw_uffd_protect(uffd, span->range, true);
	return err;
}

static struct mw_error *guard_piece(struct arming *arming, struct mw_range pages,
				    const struct mw_mapping *mapping)
{
	struct mw_span span = {.range = pages, .prot = mapping->prot};
	struct mw_error *err = NULL;

	if (mw_wp_is_on(&arming->tracer->wp))
		return guard_by_uffd(arming, &span);
	if (mapping->shared)
		err = make_alias(arming->injection, pages, &span.alias);
	if (!err)
		err = mw_spans_add(&arming->tracer->pages, &span);
	if (!err && !mw_vec_push(&arming->open, span))
		err = mw_err_nomem;
	return err;
}

/*
 * A gap may reach over several mappings, each with a protection of its own. What isn't mapped or
 * writable is passed over: an arming has refused it before, and the program may have made it so
 * since.
 */
static struct mw_error *guard_gap(void *arg, struct mw_range gap)
{
	struct arming *arming = arg;
	struct mw_error *err = NULL;

	for (size_t i = 0; i < arming->maps->count && !err; i++) {
		const struct mw_mapping *mapping = &arming->maps->items[i];
		struct mw_range piece = mw_range_common(mapping->range, gap);

		if (piece.size && (mapping->prot & PROT_WRITE))
			err = guard_piece(arming, piece, mapping);
	}
	return err;
}

static struct mw_error *close_pages(const struct arming *arming)
{
	struct mw_error *err = NULL;

	if (!arming->open.count)
		return NULL;
	/* Noted first, so that at no moment a page is closed that nobody else would open. */
	err = mw_annex_note_spans(arming->tracer);
	mw_vec_foreach (span, &arming->open)
		if (!err)
			err = mw_page_protect(arming->injection, span, span->range, true);
	return err;
}

struct mw_error *mw_page_guard_gaps(struct mw_tracer *tracer, struct mw_injection *injection,
				    const struct mw_procmaps *maps, const struct mw_range pages[],
				    size_t count)
{
	struct arming arming = {.tracer = tracer, .maps = maps, .injection = injection};
	struct mw_error *err = NULL;

	for (size_t i = 0; i < count && !err; i++)
		err = mw_spans_gaps(&tracer->pages, pages[i], guard_gap, &arming);
	if (!err)
		err = close_pages(&arming);
	mw_vec_deinit(&arming.open);
	return err;
}

/*
 * Pages that the program has unmapped unseen (--syscalls=off) make the kernel stop at the first
 * of them: those behind it are opened one by one.
 */
static struct mw_error *open_span(struct mw_injection *injection, const struct mw_span *span,
				  struct mw_range pages)
{
	struct mw_error *err = mw_page_protect(injection, span, pages, false);

	if (err != mw_err_nomem)
		return err;
	err = NULL;
	for (uint64_t at = pages.start.v; at < mw_range_end(pages) && !err; at += MW_PAGE_SIZE) {
		err = mw_page_protect(injection, span,
				      (struct mw_range){mw_addr_make(at), MW_PAGE_SIZE}, false);
		mw_error_catch(&err, MW_ERROR_NO_MEMORY);
	}
	return err;
}

struct mw_error *mw_page_open(struct mw_tracer *tracer, struct mw_injection *injection,
			      struct mw_range pages)
{
	size_t index = mw_spans_lower(&tracer->pages, pages.start.v);
	struct mw_error *err = NULL;

	for (; !err && index < tracer->pages.list.count; index++) {
		const struct mw_span *span = &tracer->pages.list.items[index];
		struct mw_range part = mw_range_common(span->range, pages);

		if (!part.size)
			break;
		if (mw_wp_is_on(&tracer->wp))
			err = mw_uffd_protect(&tracer->wp.uffd, part, false);
		else
			err = open_span(injection, span, part);
		if (!err && span->alias.v) {
			struct mw_span aliased = *span;

			aliased.alias =
				mw_addr_add(span->alias, part.start.v - span->range.start.v);
			aliased.range = part;
			err = drop_alias(injection, &aliased);
		}
	}
	return err ? err : mw_spans_cut(&tracer->pages, pages);
}

/** Opens what is guarded in @pages, but for the pages that a guard in the list still needs. */
static struct mw_error *open_unneeded(struct mw_tracer *tracer, struct mw_injection *injection,
				      struct mw_range pages)
{
	struct mw_spans needed = {0};
	struct mw_error *err = NULL;
	uint64_t at = pages.start.v;

	mw_vec_foreach (guard, &tracer->guards) {
		struct mw_span span = {.range = mw_range_pages(guard->range)};

		if ((guard->backend != MW_BACKEND_PAGE && guard->backend != MW_BACKEND_UFFD) || err)
			continue;
		err = mw_spans_cut(&needed, span.range);
		if (!err)
			err = mw_spans_add(&needed, &span);
	}
	while (!err && at < mw_range_end(pages)) {
		size_t index = mw_spans_lower(&needed, at);
		struct mw_range keep = {mw_addr_make(mw_range_end(pages)), 0};

		if (index < needed.list.count)
			keep = needed.list.items[index].range;
		if (keep.start.v > at)
			err = mw_page_open(
				tracer, injection,
				(struct mw_range){mw_addr_make(at),
						  mw_min(keep.start.v, mw_range_end(pages)) - at});
		at = mw_max(at, mw_range_end(keep));
	}
	mw_spans_deinit(&needed);
	return err;
}

/*
 * What userfaultfd guards is open again by itself when memwatch dies, but a thread may be in the
 * middle of a step then.
 */
static struct mw_error *prepare(struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_error *err = mw_annex_open(tracer, injection);

	if (!err && !mw_wp_is_on(&tracer->wp))
		err = mw_deadman_arm(tracer, injection, MW_DEADMAN_SEGV);
	if (!err)
		err = mw_deadman_arm(tracer, injection, MW_DEADMAN_TRAP);
	return err;
}

static struct mw_error *guard_pages(struct mw_tracer *tracer, const struct mw_procmaps *maps,
				    const struct mw_range pages[], size_t count)
{
	struct mw_injection injection;
	struct mw_error *err = mw_engine_inject(tracer, &injection);

	if (err)
		return err;
	err = prepare(tracer, &injection);
	if (!err)
		err = mw_page_guard_gaps(tracer, &injection, maps, pages, count);
	/* All or nothing: what was guarded before the failure is opened again. */
	for (size_t i = 0; i < count && err; i++) {
		struct mw_error *undo = open_unneeded(tracer, &injection, pages[i]);

		mw_error_destroy(undo);
	}
	mw_inject_end(&injection);
	return err;
}

struct mw_error *mw_page_arm(struct mw_tracer *tracer, const struct mw_guard *guards, size_t count)
{
	struct mw_range pages[MW_GUARDS_TOGETHER] = {0};
	struct mw_procmaps maps;
	struct mw_error *err;

	for (size_t i = 0; i < count; i++)
		pages[i] = mw_range_pages(guards[i].range);
	err = mw_page_read_maps(tracer, pages, count, &maps);
	if (err)
		return err;
	err = mw_page_check(tracer, &maps, pages, count);
	/* What the program sets up later is seen at its system call. */
	if (!err && !tracer->annex.size)
		err = mw_seccomp_check(tracer, MW_SECCOMP_PAGES);
	mw_annex_call_guardian(tracer);
	if (!err)
		err = guard_pages(tracer, &maps, pages, count);
	mw_procmaps_deinit(&maps);
	return err;
}

static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_injection injection;
	struct mw_error *err = mw_engine_inject(tracer, &injection);

	if (err)
		return err;
	err = open_unneeded(tracer, &injection, mw_range_pages(guard->range));
	if (!err)
		err = mw_annex_note_spans(tracer);
	mw_inject_end(&injection);
	if (!tracer->pages.list.count)
		mw_wp_close(tracer);
	return err;
}

struct mw_error *mw_page_open_all(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_error *first = NULL;

	/* A copy of the memory isn't guarded by userfaultfd, nor what it guarded once it is closed.
	 */
	if (mw_wp_is_on(&tracer->wp))
		return NULL;
	mw_vec_foreach (span, &tracer->pages.list) {
		struct mw_error *err = mw_page_protect(injection, span, span->range, false);

		if (!err)
			err = drop_alias(injection, span);
		first = mw_error_first(first, err);
	}
	return first;
}

/* Not even a debugger may write where userfaultfd guards: the pages open while all threads stand.
 */
static struct mw_error *write_part(struct mw_tracer *tracer, const struct mw_span *span,
				   mw_addr addr, const void *bytes, size_t size)
{
	struct mw_range pages = mw_range_pages((struct mw_range){addr, size});
	struct mw_error *err;

	if (!span || !mw_wp_is_on(&tracer->wp))
		return mw_mem_write(&tracer->mem, addr, bytes, size);
	err = mw_uffd_protect(&tracer->wp.uffd, pages, false);
	if (err)
		return err;
	err = mw_mem_write(&tracer->mem, addr, bytes, size);
	return mw_error_first(err, mw_uffd_protect(&tracer->wp.uffd, pages, true));
}

struct mw_error *mw_page_write(struct mw_tracer *tracer, mw_addr addr, const void *bytes,
			       size_t size)
{
	const uint8_t *from = bytes;
	struct mw_error *err = NULL;

	while (size && !err) {
		const struct mw_span *span = mw_spans_find(&tracer->pages, addr);
		size_t part = size;
		mw_addr target = addr;

		if (span) {
			part = mw_min((uint64_t)size, mw_range_end(span->range) - addr.v);
			if (span->alias.v)
				target = mw_addr_add(span->alias, addr.v - span->range.start.v);
		}
		err = write_part(tracer, span, target, from, part);
		addr = mw_addr_add(addr, part);
		from += part;
		size -= part;
	}
	return err;
}

static uint64_t foreign_on(const struct mw_tracer *tracer, struct mw_range pages)
{
	size_t index = mw_spans_lower(&tracer->pages, pages.start.v);
	uint64_t foreign = 0;

	for (; index < tracer->pages.list.count; index++) {
		if (!mw_range_overlaps(tracer->pages.list.items[index].range, pages))
			break;
		foreign += tracer->pages.list.items[index].foreign;
	}
	return foreign;
}

static void describe(const struct mw_tracer *tracer, const struct mw_guard *guard,
		     struct mw_guard_info *ret)
{
	struct mw_range pages = mw_range_pages(guard->range);

	ret->pages = pages.size / MW_PAGE_SIZE;
	ret->foreign = foreign_on(tracer, pages);
	if (!mw_spans_cover(&tracer->pages, pages))
		snprintf(ret->note, sizeof(ret->note),
			 "suspended where the program itself has write-protected it");
	else if (tracer->options.ignore_syscalls)
		snprintf(ret->note, sizeof(ret->note),
			 "system calls into its pages fail (--syscalls=off)");
}

static struct mw_error *release(struct mw_tracer *tracer)
{
	struct mw_injection injection;
	struct mw_error *err;

	if (!tracer->pages.list.count)
		return NULL;
	err = mw_engine_inject(tracer, &injection);
	if (!err) {
		err = mw_page_open_all(tracer, &injection);
		mw_inject_end(&injection);
	}
	mw_spans_deinit(&tracer->pages);
	return err;
}

static void forget(struct mw_tracer *tracer)
{
	mw_spans_deinit(&tracer->pages);
}

const struct mw_guard_ops mw_guard_page = {
	.arm = mw_page_arm,
	.disarm = disarm,
	.describe = describe,
	.release = release,
	.forget = forget,
	.together = MW_GUARDS_TOGETHER,
};
