// SPDX-License-Identifier: MIT
#include "symbols/value.h"

#include <string.h>

const struct mw_type *mw_value_type(const struct mw_value *value)
{
	return mw_type_strip(value->is_memory ? value->object.type : value->type);
}

static bool is_signed(const struct mw_type *type)
{
	const struct mw_type *plain = type ? mw_type_strip(type) : NULL;

	if (!plain)
		return false;
	if (plain->kind == MW_TYPE_ENUM)
		return plain->target && is_signed(plain->target);
	return plain->kind == MW_TYPE_SIGNED ||
	       (plain->kind == MW_TYPE_CHAR && !plain->is_unsigned_char);
}

uint64_t mw_bits_load(const struct mw_object *object, const void *bytes)
{
	uint32_t width = object->bit_size;
	unsigned __int128 raw = 0;

	memcpy(&raw, bytes, mw_min(object->size, sizeof(raw)));
	raw >>= object->bit_offset;
	if (!width)
		width = (uint32_t)mw_min(object->size * 8, (uint64_t)64);
	if (!width || width >= 64)
		return (uint64_t)raw;
	raw &= ((unsigned __int128)1 << width) - 1;
	if (is_signed(object->type) && raw >> (width - 1))
		return (uint64_t)raw | ~0ULL << width;
	return (uint64_t)raw;
}

static struct mw_error *load(const struct mw_evaluation *evaluation, const struct mw_value *value,
			     uint64_t *ret)
{
	struct mw_error *err;
	char bytes[16];

	if (!value->is_memory) {
		*ret = value->number;
		return NULL;
	}
	if (value->object.size > sizeof(bytes))
		return mw_err_not_found;
	err = mw_symbols_read(evaluation->symbols, value->object.addr, bytes, value->object.size);
	if (!err)
		*ret = mw_bits_load(&value->object, bytes);
	return err;
}

struct mw_error *mw_value_load_integer(const struct mw_evaluation *evaluation,
				       const struct mw_value *value, uint64_t *ret)
{
	const struct mw_type *type = mw_value_type(value);

	if (type ? !mw_type_is_integer(type) : value->is_memory)
		return mw_err_not_found;
	return load(evaluation, value, ret);
}

struct mw_error *mw_value_load_address(const struct mw_evaluation *evaluation,
				       const struct mw_value *value, uint64_t *ret)
{
	const struct mw_type *type = mw_value_type(value);

	if (type && type->kind == MW_TYPE_ARRAY && value->is_memory) {
		*ret = value->object.addr.v;
		return NULL;
	}
	if (type ? type->kind != MW_TYPE_POINTER && !mw_type_is_integer(type) : value->is_memory)
		return mw_err_not_found;
	return load(evaluation, value, ret);
}
