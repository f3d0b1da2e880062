// SPDX-License-Identifier: MIT
#include "watch/change_json.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "watch/base64.h"
#include "watch/utf8.h"

/** One JSON object being filled; any failure on the way spoils the whole. */
struct filler {
	json_t *object;
	bool failed;
};

static struct filler filler_start(void)
{
	json_t *object = json_object();

	return (struct filler){.object = object, .failed = !object};
}

/** Takes ownership of @value. */
static void set(struct filler *filler, const char *key, json_t *value)
{
	if (!value || json_object_set_new_nocheck(filler->object, key, value))
		filler->failed = true;
}

/** @return the finished object, or NULL when something failed. */
static json_t *filler_finish(struct filler *filler)
{
	if (!filler->failed)
		return filler->object;
	json_decref(filler->object);
	return NULL;
}

/** A string of the target: any bytes, or NULL. */
static json_t *text_json(const char *text)
{
	mw_auto_free char *repaired = NULL;
	json_t *json;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	repaired = mw_utf8_repair(text);
	return repaired ? json_string_nocheck(repaired) : NULL;
}

static json_t *hex_json(uint64_t value)
{
	char text[2 + 16 + 1];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string_nocheck(text);
}

static json_t *bytes_json(const uint8_t *bytes, size_t size)
{
	char text[(MW_VALUE_SIZE + 2) / 3 * 4];

	if (!bytes || size > MW_VALUE_SIZE)
		return json_null();
	mw_base64_encode(bytes, size, text);
	return json_stringn_nocheck(text, mw_base64_length(size));
}

/** Appends @value to @array, whose failure is the filler's. Takes ownership. */
static void append(struct filler *filler, json_t *array, json_t *value)
{
	if (!value || json_array_append_new(array, value))
		filler->failed = true;
}

static json_t *syscall_json(const struct mw_change *change)
{
	const struct mw_hit_syscall *call = &change->hit->syscall;
	struct filler filler = filler_start();
	json_t *args = json_array();

	set(&filler, "name", text_json(change->syscall_name));
	set(&filler, "nr", json_integer(call->number));
	for (size_t i = 0; i < mw_array_size(call->args); i++)
		append(&filler, args, hex_json(call->args[i]));
	set(&filler, "args", args);
	set(&filler, "result", json_integer(call->result));
	return filler_finish(&filler);
}

static json_t *cause_json(const struct mw_change *change)
{
	struct filler filler = filler_start();

	set(&filler, "kind", json_string_nocheck(mw_cause_name(change->hit->cause)));
	if (change->hit->cause == MW_CAUSE_SYSCALL || change->hit->cause == MW_CAUSE_UNMAP)
		set(&filler, "syscall", syscall_json(change));
	return filler_finish(&filler);
}

static json_t *line_json(int line)
{
	return line > 0 ? json_integer(line) : json_null();
}

static json_t *frame_json(const struct mw_frame *frame)
{
	struct filler filler = filler_start();

	set(&filler, "function", text_json(frame->place.function));
	set(&filler, "file", text_json(frame->place.file));
	set(&filler, "line", line_json(frame->place.line));
	set(&filler, "ip", hex_json(frame->ip.v));
	set(&filler, "module", text_json(frame->place.module));
	return filler_finish(&filler);
}

static json_t *stack_json(const struct mw_change *change)
{
	struct filler filler = {.object = json_array()};

	for (size_t i = 0; i < change->stack_count; i++)
		append(&filler, filler.object, frame_json(&change->stack[i]));
	return filler_finish(&filler);
}

static json_t *inlined_json(const struct mw_place *place)
{
	struct filler filler = {.object = json_array()};

	for (unsigned i = 0; i < place->inlined_count; i++)
		append(&filler, filler.object, text_json(place->inlined_into[i]));
	return filler_finish(&filler);
}

static json_t *where_json(const struct mw_change *change)
{
	const struct mw_place *place = &change->place;
	struct filler filler;

	if (!mw_change_has_place(change))
		return json_null();
	filler = filler_start();
	set(&filler, "file", text_json(place->file));
	set(&filler, "function", text_json(place->function));
	set(&filler, "line", line_json(place->line));
	if (place->column > 0)
		set(&filler, "column", json_integer(place->column));
	set(&filler, "fault_ip", hex_json(change->hit->ip.v));
	set(&filler, "module", text_json(place->module));
	set(&filler, "offset", place->module ? hex_json(place->module_offset) : json_null());
	set(&filler, "inlined", inlined_json(place));
	set(&filler, "stack", stack_json(change));
	set(&filler, "language", json_string_nocheck("native"));
	set(&filler, "attribution", json_string_nocheck("exact"));
	return filler_finish(&filler);
}

/** `.hp` reads `hp` in the event, `[3].hp` stays. */
static const char *field_name(const char *field)
{
	return field[0] == '.' ? field + 1 : field;
}

static json_t *member_json(const struct mw_member_change *member)
{
	struct filler filler = filler_start();

	set(&filler, "path", text_json(member->path));
	set(&filler, "field", text_json(field_name(member->field)));
	set(&filler, "old", text_json(member->old_text));
	set(&filler, "new", text_json(member->new_text));
	return filler_finish(&filler);
}

static json_t *members_json(const struct mw_change *change)
{
	struct filler filler = {.object = json_array()};

	for (size_t i = 0; i < change->member_count; i++)
		append(&filler, filler.object, member_json(&change->members[i]));
	return filler_finish(&filler);
}

static void fill_number(struct filler *filler, const struct mw_change *change)
{
	set(filler, "v", json_integer(MW_CHANGE_VERSION));
	set(filler, "seq", json_integer((json_int_t)change->seq));
	set(filler, "timestamp_ns", json_integer((json_int_t)change->hit->time_ns));
}

static void fill_origin(struct filler *filler, const struct mw_change *change)
{
	const struct mw_hit *hit = change->hit;
	char region[48];

	set(filler, "pid", json_integer(hit->pid));
	set(filler, "tid", json_integer(hit->tid));
	set(filler, "thread_name", text_json(hit->thread_name));
	set(filler, "adapter_id", json_string_nocheck("ptrace"));
	snprintf(region, sizeof(region), "0x%" PRIx64 ":%" PRIu64, change->object.addr.v,
		 change->object.size);
	set(filler, "region_id", json_string_nocheck(region));
	set(filler, "variable_id", json_integer(change->watch_id));
	set(filler, "variable_name", text_json(change->watch_name));
	set(filler, "type", text_json(change->type_name));
	set(filler, "cause", cause_json(change));
}

static void fill_extent(struct filler *filler, const struct mw_change *change)
{
	const char *field = change->member_count ? change->members->field : "";

	set(filler, "addr", hex_json(change->addr.v));
	set(filler, "how_big", json_integer((json_int_t)change->size));
	set(filler, "field", text_json(field_name(field)));
}

static void fill_bytes(struct filler *filler, const struct mw_change *change)
{
	size_t preview = mw_min(change->size, (uint64_t)MW_PREVIEW_SIZE);

	set(filler, "old_preview", bytes_json(change->old_part, preview));
	set(filler, "new_preview", bytes_json(change->new_part, preview));
	set(filler, "old_value", bytes_json(change->old_value, change->object.size));
	set(filler, "new_value", bytes_json(change->new_value, change->object.size));
	if (change->object.size > MW_VALUE_SIZE) {
		set(filler, "storage_key_old", json_null());
		set(filler, "storage_key_new", json_null());
	}
}

static void fill_values(struct filler *filler, const struct mw_change *change)
{
	const struct mw_member_change *first = change->member_count ? change->members : NULL;

	fill_bytes(filler, change);
	set(filler, "old_text", text_json(first ? first->old_text : NULL));
	set(filler, "new_text", text_json(first ? first->new_text : NULL));
	if (change->member_count > 1)
		set(filler, "members", members_json(change));
	if (change->members_omitted)
		set(filler, "members_omitted", json_integer((json_int_t)change->members_omitted));
}

static void fill_where(struct filler *filler, const struct mw_change *change)
{
	set(filler, "where", where_json(change));
}

static void fill_hits(struct filler *filler, const struct mw_change *change)
{
	set(filler, "hits", json_integer((json_int_t)change->hits));
}

static json_t *metadata_json(const struct mw_change *change)
{
	struct filler filler = filler_start();

	if (change->in_allocator)
		set(&filler, "allocator", json_true());
	return filler_finish(&filler);
}

static void fill_means(struct filler *filler, const struct mw_change *change)
{
	set(filler, "coalesced", json_integer(0));
	set(filler, "backend", json_string_nocheck(mw_backend_name(change->hit->backend)));
	set(filler, "metadata", metadata_json(change));
}

static void (*const fill_part[MW_CHANGE_PARTS])(struct filler *filler,
						const struct mw_change *change) = {
	[MW_CHANGE_NUMBER] = fill_number, [MW_CHANGE_ORIGIN] = fill_origin,
	[MW_CHANGE_EXTENT] = fill_extent, [MW_CHANGE_VALUES] = fill_values,
	[MW_CHANGE_WHERE] = fill_where,   [MW_CHANGE_HITS] = fill_hits,
	[MW_CHANGE_MEANS] = fill_means,
};

json_t *mw_change_part_to_json(enum mw_change_part part, const struct mw_change *change)
{
	struct filler filler = filler_start();

	fill_part[part](&filler, change);
	return filler_finish(&filler);
}

json_t *mw_change_to_json(const struct mw_change *change)
{
	struct filler filler = filler_start();

	for (size_t part = 0; part < MW_CHANGE_PARTS; part++)
		fill_part[part](&filler, change);
	return filler_finish(&filler);
}
