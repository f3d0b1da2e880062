// SPDX-License-Identifier: MIT
#include <string.h>

#include "symbols/scalar.h"
#include "symbols/text.h"
#include "symbols/type_members.h"

/* Most values and raw bytes on one line. */
#define MAX_VALUES 200
/* Equal elements in a row that are worth counting instead of showing. */
#define MIN_REPEATS 10
#define MAX_DEPTH 32

struct printer {
	struct mw_symbols *symbols;
	FILE *out;
	/** Values that may still be printed. */
	unsigned left;
	int depth;
};

static void print_value(struct printer *printer, const struct mw_object *object,
			const unsigned char *bytes);

static void print_raw(struct printer *printer, const unsigned char *bytes, uint64_t size)
{
	const char *separator = "";

	for (uint64_t i = 0; i < size; i++, separator = " ") {
		if (!printer->left) {
			fprintf(printer->out, "%s…", separator);
			return;
		}
		printer->left--;
		fprintf(printer->out, "%s%02x", separator, bytes[i]);
	}
}

static uint64_t count_repeats(const unsigned char *bytes, uint64_t size, uint64_t left)
{
	uint64_t count = 1;

	while (count < left && !memcmp(bytes, bytes + count * size, size))
		count++;
	return count;
}

static void print_elements(struct printer *printer, const struct mw_type *array, uint64_t count,
			   const unsigned char *bytes)
{
	struct mw_object element = {.type = array->target, .size = array->target->size};
	uint64_t repeats;

	for (uint64_t i = 0; i < count; i += repeats) {
		const unsigned char *at = bytes + i * element.size;

		fputs(i ? ", " : "", printer->out);
		if (!printer->left) {
			fputs("…", printer->out);
			return;
		}
		repeats = count_repeats(at, element.size, count - i);
		print_value(printer, &element, at);
		if (repeats >= MIN_REPEATS)
			fprintf(printer->out, " <repeats %" PRIu64 " times>", repeats);
		else
			repeats = 1;
	}
}

static void print_array(struct printer *printer, const struct mw_object *object,
			const unsigned char *bytes)
{
	const struct mw_type *array = mw_type_strip(object->type);

	if (mw_type_is_text_array(array)) {
		mw_text_print(bytes, object->size, printer->out);
		return;
	}
	fputc('{', printer->out);
	if (array->target->size)
		print_elements(printer, array, object->size / array->target->size, bytes);
	fputc('}', printer->out);
}

static void print_member(struct printer *printer, const struct mw_member *member,
			 const unsigned char *bytes)
{
	struct mw_object object = {
		.size = mw_member_size(member),
		.type = member->type,
		.bit_offset = member->bit_offset,
		.bit_size = member->bit_size,
	};

	if (member->is_base)
		fprintf(printer->out, "<%s> = ", mw_type_name(printer->symbols, member->type));
	else if (member->name)
		fprintf(printer->out, "%s = ", member->name);
	print_value(printer, &object, bytes + member->offset);
}

static void print_structure(struct printer *printer, const struct mw_type *type,
			    const unsigned char *bytes)
{
	const char *separator = "";

	fputc('{', printer->out);
	mw_vec_foreach (member, &type->members) {
		fputs(separator, printer->out);
		separator = ", ";
		if (!printer->left) {
			fputs("…", printer->out);
			break;
		}
		print_member(printer, member, bytes);
	}
	fputc('}', printer->out);
}

static void print_value(struct printer *printer, const struct mw_object *object,
			const unsigned char *bytes)
{
	const struct mw_type *type = object->type ? mw_type_strip(object->type) : NULL;

	if (++printer->depth > MAX_DEPTH) {
		fputs("…", printer->out);
	} else if (mw_type_is_opaque(type)) {
		print_raw(printer, bytes, object->size);
	} else if (type->kind == MW_TYPE_ARRAY) {
		print_array(printer, object, bytes);
	} else if (mw_type_is_structure(type)) {
		print_structure(printer, type, bytes);
	} else {
		mw_scalar_print(printer->symbols, object, bytes, printer->out);
		printer->left -= printer->left > 0;
	}
	printer->depth--;
}

void mw_symbols_format(struct mw_symbols *symbols, const struct mw_object *object,
		       const void *bytes, FILE *out)
{
	struct printer printer = {symbols, out, MAX_VALUES, 0};

	print_value(&printer, object, bytes);
}
