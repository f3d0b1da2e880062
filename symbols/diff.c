// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "symbols/type.h"
#include "symbols/type_members.h"
#include "symbols/value.h"

/* Equal bytes between two changed runs of raw bytes that still join them. */
#define MAX_RAW_GAP 8
/* Longest path of a leaf; what is deeper is cut. */
#define MAX_PATH 512
#define MAX_DEPTH 64

/* One comparison of two copies of an object. Offsets are from the start of the object. */
struct comparison {
	const struct mw_object *object;
	const unsigned char *old_bytes;
	const unsigned char *new_bytes;
	/** Only what lies in [start, end) is compared. */
	uint64_t start;
	uint64_t end;
	size_t max;
	void (*visit)(void *arg, const struct mw_leaf *leaf);
	void *arg;
	size_t count;
	int depth;
	char path[MAX_PATH];
	size_t path_length;
};

static void compare(struct comparison *c, const struct mw_object *part, uint64_t offset);

/* @return the first differing offset in [from, to), or @to. */
static uint64_t find_difference(const struct comparison *c, uint64_t from, uint64_t to)
{
	enum { BLOCK = 4096 };

	from = mw_max(from, c->start);
	to = mw_min(to, c->end);
	while (from < to) {
		uint64_t size = mw_min(to - from, (uint64_t)BLOCK);

		if (memcmp(c->old_bytes + from, c->new_bytes + from, size))
			break;
		from += size;
	}
	while (from < to && c->old_bytes[from] == c->new_bytes[from])
		from++;
	return from;
}

static bool differs(const struct comparison *c, uint64_t offset, uint64_t size)
{
	return find_difference(c, offset, offset + size) < mw_min(offset + size, c->end);
}

static void append_path(struct comparison *c, const char *format, const char *name, uint64_t index)
{
	size_t space = sizeof(c->path) - c->path_length;
	int length = name ? snprintf(c->path + c->path_length, space, "%s%s", format, name)
			  : snprintf(c->path + c->path_length, space, "[%" PRIu64 "]", index);

	c->path_length += mw_min((size_t)length, space - 1);
}

static void cut_path(struct comparison *c, size_t length)
{
	c->path_length = length;
	c->path[length] = '\0';
}

static void report(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	struct mw_leaf leaf = {c->path, *part};

	leaf.object.addr = mw_addr_add(c->object->addr, offset);
	if (c->count++ < c->max)
		c->visit(c->arg, &leaf);
}

/* @return the end of the run of changed bytes that starts at @from. */
static uint64_t end_of_run(const struct comparison *c, uint64_t from, uint64_t to, uint64_t gap)
{
	uint64_t end = from + 1;

	for (;;) {
		uint64_t reach = mw_min(end + gap + 1, to);
		uint64_t next = find_difference(c, end, reach);

		if (next >= mw_min(reach, c->end))
			return end;
		end = next + 1;
	}
}

/* Bytes without a type: each run of changes is a leaf, named by @name or by its offsets. */
static void compare_raw(struct comparison *c, uint64_t from, uint64_t to, const char *name)
{
	uint64_t end = mw_min(to, c->end);
	size_t length = c->path_length;

	for (uint64_t at = find_difference(c, from, to); at < end;
	     at = find_difference(c, at, to)) {
		struct mw_object run = {.size = end_of_run(c, at, to, MAX_RAW_GAP) - at};
		char range[64];

		snprintf(range, sizeof(range), "[+%" PRIu64 "..+%" PRIu64 "]", at - from,
			 at - from + run.size - 1);
		append_path(c, "", name ? name : range, 0);
		report(c, &run, at);
		cut_path(c, length);
		at += run.size;
	}
}

static void compare_padding(struct comparison *c, uint64_t from, uint64_t to)
{
	if (from < to)
		compare_raw(c, from, to, "<padding>");
}

static void compare_member(struct comparison *c, const struct mw_member *member, uint64_t offset)
{
	struct mw_object part = {
		.size = mw_member_size(member),
		.type = member->type,
		.bit_offset = member->bit_offset,
		.bit_size = member->bit_size,
	};
	size_t length = c->path_length;

	/* Members of anonymous parts and of base classes are named as if they were here. */
	if (member->name && !member->is_base)
		append_path(c, ".", member->name, 0);
	compare(c, &part, offset + member->offset);
	cut_path(c, length);
}

static void compare_struct(struct comparison *c, const struct mw_type *type, uint64_t offset)
{
	uint64_t covered = 0;

	mw_vec_foreach (member, &type->members) {
		compare_padding(c, offset + covered, offset + member->offset);
		compare_member(c, member, offset);
		covered = mw_max(covered, member->offset + mw_member_size(member));
	}
	compare_padding(c, offset + covered, offset + type->size);
}

/* The first member that covers the change speaks for all of them. */
static void compare_union(struct comparison *c, const struct mw_type *type, uint64_t offset)
{
	const struct mw_member *widest = NULL;

	mw_vec_foreach (member, &type->members) {
		uint64_t end = member->offset + mw_member_size(member);

		if (!differs(c, offset + end, type->size - end)) {
			compare_member(c, member, offset);
			return;
		}
		if (!widest || mw_member_size(widest) < mw_member_size(member))
			widest = member;
	}
	if (widest)
		compare_member(c, widest, offset);
	compare_padding(c, offset + (widest ? mw_member_size(widest) : 0), offset + type->size);
}

static void compare_elements(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	const struct mw_type *array = mw_type_strip(part->type);
	struct mw_object element = {.size = array->target->size, .type = array->target};
	uint64_t end = offset + part->size;
	size_t length = c->path_length;
	uint64_t at = offset;

	while ((at = find_difference(c, at, end)) < mw_min(end, c->end)) {
		uint64_t index = (at - offset) / element.size;

		append_path(c, NULL, NULL, index);
		compare(c, &element, offset + index * element.size);
		cut_path(c, length);
		at = offset + (index + 1) * element.size;
	}
}

static void compare_bits(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	if (mw_bits_load(part, c->old_bytes + offset) != mw_bits_load(part, c->new_bytes + offset))
		report(c, part, offset);
}

/* Bits between bit-fields that nobody named, or a member that could not be read. */
static void compare_structure(struct comparison *c, const struct mw_type *type, uint64_t offset)
{
	size_t before = c->count;

	if (type->kind == MW_TYPE_UNION)
		compare_union(c, type, offset);
	else
		compare_struct(c, type, offset);
	if (c->count == before)
		compare_padding(c, offset, offset + type->size);
}

/* The long double of x86 is 10 bytes of value and 6 of padding. */
static void compare_float(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	enum { EXTENDED = 10 };

	if (part->size == sizeof(long double) && !differs(c, offset, EXTENDED))
		compare_padding(c, offset + EXTENDED, offset + part->size);
	else
		report(c, part, offset);
}

static void compare_by_kind(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	const struct mw_type *type = part->type ? mw_type_strip(part->type) : NULL;

	if (mw_type_is_opaque(type))
		compare_raw(c, offset, offset + part->size, NULL);
	else if (part->bit_size)
		compare_bits(c, part, offset);
	else if (mw_type_is_structure(type))
		compare_structure(c, type, offset);
	else if (type->kind == MW_TYPE_FLOAT)
		compare_float(c, part, offset);
	else if (type->kind == MW_TYPE_ARRAY && !mw_type_is_text_array(type) && type->target->size)
		compare_elements(c, part, offset);
	else
		report(c, part, offset);
}

static void compare(struct comparison *c, const struct mw_object *part, uint64_t offset)
{
	if (c->depth >= MAX_DEPTH || !differs(c, offset, part->size))
		return;
	c->depth++;
	compare_by_kind(c, part, offset);
	c->depth--;
}

size_t mw_symbols_diff(struct mw_symbols *symbols, const struct mw_object *object,
		       const void *old_bytes, const void *new_bytes, uint64_t offset, uint64_t size,
		       size_t max, void (*visit)(void *arg, const struct mw_leaf *leaf), void *arg)
{
	struct comparison c = {
		.object = object,
		.old_bytes = old_bytes,
		.new_bytes = new_bytes,
		.start = mw_min(offset, object->size),
		.max = max,
		.visit = visit,
		.arg = arg,
	};

	(void)symbols;
	c.end = c.start + mw_min(size, object->size - c.start);
	compare(&c, object, 0);
	return c.count;
}
