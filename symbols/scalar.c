// SPDX-License-Identifier: MIT
#include "symbols/scalar.h"

#include <math.h>
#include <string.h>

#include "symbols/demangle.h"
#include "symbols/module.h"
#include "symbols/text.h"
#include "symbols/value.h"

/* With the fewest digits that read back as the same value. */
static void print_double(double value, FILE *out)
{
	char text[64];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (isnan(value) || strtod(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

static void print_float(float value, FILE *out)
{
	char text[64];

	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (isnan(value) || strtof(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

static void print_long_double(const void *bytes, FILE *out)
{
	long double value = 0;
	char text[64];

	memcpy(&value, bytes, 10);
	for (int digits = 6; digits <= 21; digits++) {
		snprintf(text, sizeof(text), "%.*Lg", digits, value);
		if (isnan(value) || strtold(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

static void print_floating(const struct mw_object *object, const void *bytes, FILE *out)
{
	float single;
	double twice;

	switch (object->size) {
	case sizeof(single):
		memcpy(&single, bytes, sizeof(single));
		print_float(single, out);
		break;
	case sizeof(twice):
		memcpy(&twice, bytes, sizeof(twice));
		print_double(twice, out);
		break;
	case sizeof(long double):
		print_long_double(bytes, out);
		break;
	default:
		fprintf(out, "0x%" PRIx64, mw_bits_load(object, bytes));
	}
}

static void print_wide(const void *bytes, FILE *out)
{
	uint64_t words[2];

	memcpy(words, bytes, sizeof(words));
	if (words[1])
		fprintf(out, "0x%" PRIx64 "%016" PRIx64, words[1], words[0]);
	else
		fprintf(out, "0x%" PRIx64, words[0]);
}

static const char *enumerator_name(const struct mw_type *type, uint64_t value)
{
	mw_vec_foreach (enumerator, &type->enumerators) {
		if ((uint64_t)enumerator->value == value)
			return enumerator->name;
	}
	return NULL;
}

static bool is_single_bit(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* Flags: every bit of the value has an enumerator of its own. */
static bool print_flags(const struct mw_type *type, uint64_t value, FILE *out)
{
	uint64_t named = 0;
	const char *separator = "";

	mw_vec_foreach (enumerator, &type->enumerators) {
		if (is_single_bit((uint64_t)enumerator->value))
			named |= (uint64_t)enumerator->value;
	}
	if (!value || value & ~named)
		return false;
	for (uint64_t rest = value; rest; rest &= rest - 1, separator = "|")
		fprintf(out, "%s%s", separator, enumerator_name(type, rest & -rest));
	return true;
}

static void print_enum(const struct mw_type *type, uint64_t value, FILE *out)
{
	const char *name = enumerator_name(type, value);

	if (name)
		fputs(name, out);
	else if (!print_flags(type, value, out))
		fprintf(out, "%" PRId64, (int64_t)value);
}

/* Prints "symbol+offset". @return false when nothing covers the address. */
static bool print_symbol(struct mw_symbols *symbols, mw_addr addr, FILE *out)
{
	struct mw_module *module = addr.v ? mw_module_find(symbols, addr) : NULL;
	const struct mw_elf_symbol *symbol = module ? mw_elf_symbols_at(module, addr) : NULL;

	if (!symbol)
		return false;
	fputs(mw_demangle(&symbols->strings, symbol->name), out);
	if (addr.v != symbol->addr.v)
		fprintf(out, "+%" PRIu64, addr.v - symbol->addr.v);
	return true;
}

/* Reads up to the NUL, in pieces that don't cross a page. */
static size_t read_string(struct mw_symbols *symbols, uint64_t addr, unsigned char *ret,
			  size_t size)
{
	enum { PIECE = 64 };
	size_t got = 0;

	while (got < size) {
		size_t piece = mw_min(size - got, PIECE - (size_t)((addr + got) % PIECE));

		if (!mw_symbols_try_read(symbols, mw_addr_make(addr + got), ret + got, piece))
			break;
		got += piece;
		if (memchr(ret + got - piece, '\0', piece))
			break;
	}
	return got;
}

static void print_pointed_string(struct mw_symbols *symbols, uint64_t addr, FILE *out)
{
	unsigned char bytes[MW_TEXT_MAX + 1];
	size_t size = addr ? read_string(symbols, addr, bytes, sizeof(bytes)) : 0;

	if (!size)
		return;
	fputc(' ', out);
	/* What stands behind the NUL belongs to something else. */
	mw_text_print(bytes, strnlen((char *)bytes, size), out);
}

static void print_pointer(struct mw_symbols *symbols, const struct mw_object *object,
			  const void *bytes, FILE *out)
{
	const struct mw_type *type = mw_type_strip(object->type);
	const struct mw_type *target = mw_type_strip(mw_type_target(symbols, type));
	uint64_t addr = mw_bits_load(object, bytes);
	char *name = NULL;
	size_t size;
	FILE *memory = open_memstream(&name, &size);
	bool found = memory && print_symbol(symbols, mw_addr_make(addr), memory);

	if (memory)
		fclose(memory);
	fprintf(out, "%s0x%" PRIx64, type->kind == MW_TYPE_REFERENCE ? "@" : "", addr);
	if (found)
		fprintf(out, " <%s>", name);
	free(name);
	if (target && target->is_text)
		print_pointed_string(symbols, addr, out);
}

static void print_char(const struct mw_object *object, uint64_t value, FILE *out)
{
	fprintf(out, "%" PRId64, (int64_t)value);
	if (object->size != 1 || object->bit_size)
		return;
	fputc(' ', out);
	mw_text_print_char((unsigned char)value, out);
}

static void print_bool(uint64_t value, FILE *out)
{
	if (value > 1)
		fprintf(out, "%" PRIu64, value);
	else
		fputs(value ? "true" : "false", out);
}

void mw_scalar_print(struct mw_symbols *symbols, const struct mw_object *object, const void *bytes,
		     FILE *out)
{
	const struct mw_type *type = mw_type_strip(object->type);
	uint64_t value = mw_bits_load(object, bytes);

	switch (type->kind) {
	case MW_TYPE_FLOAT:
		print_floating(object, bytes, out);
		break;
	case MW_TYPE_ENUM:
		print_enum(type, value, out);
		break;
	case MW_TYPE_POINTER:
	case MW_TYPE_REFERENCE:
		print_pointer(symbols, object, bytes, out);
		break;
	case MW_TYPE_CHAR:
		print_char(object, value, out);
		break;
	case MW_TYPE_BOOL:
		print_bool(value, out);
		break;
	default:
		if (object->size == 16)
			print_wide(bytes, out);
		else if (type->kind == MW_TYPE_SIGNED)
			fprintf(out, "%" PRId64, (int64_t)value);
		else
			fprintf(out, "%" PRIu64, value);
	}
}
