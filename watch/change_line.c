// SPDX-License-Identifier: MIT
#include "watch/change_line.h"

static bool append(struct mw_change_text *text, const void *bytes, size_t size)
{
	return mw_vec_append(&text->bytes, (const char *)bytes, size);
}

#define append_value(text, value) append((text), &(value), sizeof(value))

/* With its end, and unlike any text when there is none. */
static bool append_string(struct mw_change_text *text, const char *string)
{
	bool none = !string;

	return append_value(text, none) && (none || append(text, string, strlen(string) + 1));
}

static bool note_cause(struct mw_change_text *input, const struct mw_change *change)
{
	const struct mw_hit_syscall *call = &change->hit->syscall;

	return append_value(input, change->hit->cause) && append_value(input, call->number) &&
	       append_value(input, call->args) && append_value(input, call->result) &&
	       append_string(input, change->syscall_name);
}

static bool note_origin(struct mw_change_text *input, const struct mw_change *change)
{
	return append_value(input, change->hit->pid) && append_value(input, change->hit->tid) &&
	       append_string(input, change->hit->thread_name) &&
	       append_value(input, change->object.addr) &&
	       append_value(input, change->object.size) && append_value(input, change->watch_id) &&
	       append_string(input, change->watch_name) &&
	       append_string(input, change->type_name) && note_cause(input, change);
}

static bool note_extent(struct mw_change_text *input, const struct mw_change *change)
{
	return append_value(input, change->addr) && append_value(input, change->size) &&
	       append_string(input, change->member_count ? change->members->field : "");
}

static bool note_place(struct mw_change_text *input, const struct mw_place *place)
{
	bool noted = append_string(input, place->function) && append_string(input, place->file) &&
		     append_value(input, place->line) && append_value(input, place->column) &&
		     append_string(input, place->module) &&
		     append_value(input, place->module_offset) &&
		     append_value(input, place->inlined_count);

	for (unsigned i = 0; i < place->inlined_count && noted; i++)
		noted = append_string(input, place->inlined_into[i]);
	return noted;
}

static bool note_where(struct mw_change_text *input, const struct mw_change *change)
{
	bool has_place = mw_change_has_place(change);
	bool noted = append_value(input, has_place) && append_value(input, change->hit->ip) &&
		     note_place(input, &change->place) && append_value(input, change->stack_count);

	for (size_t i = 0; i < change->stack_count && noted; i++)
		noted = append_value(input, change->stack[i].ip) &&
			note_place(input, &change->stack[i].place);
	return noted;
}

static bool note_means(struct mw_change_text *input, const struct mw_change *change)
{
	return append_value(input, change->hit->backend) &&
	       append_value(input, change->in_allocator);
}

/** All that the part's text depends on; NULL for what is another one in each event. */
static bool (*const note_input[MW_CHANGE_PARTS])(struct mw_change_text *input,
						 const struct mw_change *change) = {
	[MW_CHANGE_ORIGIN] = note_origin,
	[MW_CHANGE_EXTENT] = note_extent,
	[MW_CHANGE_WHERE] = note_where,
	[MW_CHANGE_MEANS] = note_means,
};

static int append_piece(const char *piece, size_t size, void *arg)
{
	return append(arg, piece, size) ? 0 : -1;
}

static bool make_text(struct mw_change_text *text, enum mw_change_part part,
		      const struct mw_change *change)
{
	json_t *members = mw_change_part_to_json(part, change);
	bool made = members &&
		    json_dump_callback(members, append_piece, text, JSON_COMPACT | JSON_EMBED) == 0;

	json_decref(members);
	return made;
}

static bool is_same(const struct mw_change_text *left, const struct mw_change_text *right)
{
	return left->bytes.count == right->bytes.count &&
	       !memcmp(left->bytes.items, right->bytes.items, left->bytes.count);
}

static bool append_kept(struct mw_change_line *line, enum mw_change_part part,
			const struct mw_change *change)
{
	struct mw_change_text *made_from = &line->kept[part].made_from;
	struct mw_change_text *text = &line->kept[part].text;

	line->input.bytes.count = 0;
	if (!note_input[part](&line->input, change))
		return false;
	if (!is_same(&line->input, made_from)) {
		made_from->bytes.count = 0;
		text->bytes.count = 0;
		if (!make_text(text, part, change) ||
		    !append(made_from, line->input.bytes.items, line->input.bytes.count))
			return false;
	}
	return append(&line->text, text->bytes.items, text->bytes.count);
}

bool mw_change_line_make(struct mw_change_line *line, const struct mw_change *change)
{
	bool made = true;

	line->text.bytes.count = 0;
	for (size_t part = 0; part < MW_CHANGE_PARTS && made; part++) {
		made = append(&line->text, part ? "," : "{", 1) &&
		       (note_input[part] ? append_kept(line, part, change)
					 : make_text(&line->text, part, change));
	}
	return made && append(&line->text, "}\n", 2);
}

void mw_change_line_deinit(struct mw_change_line *line)
{
	for (size_t part = 0; part < MW_CHANGE_PARTS; part++) {
		mw_vec_deinit(&line->kept[part].made_from.bytes);
		mw_vec_deinit(&line->kept[part].text.bytes);
	}
	mw_vec_deinit(&line->input.bytes);
	mw_vec_deinit(&line->text.bytes);
}
