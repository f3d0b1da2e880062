// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbols/die.h"
#include "symbols/type.h"

/* Declarators nest inside out, so a name is built around `inner`, what was composed so far. */
static char *compose(struct mw_symbols *symbols, const struct mw_type *type, char *inner,
		     int depth);

/* Formats a new `inner` and frees the old one. */
#define wrap(inner, ...)                                                                           \
	({                                                                                         \
		char *wrapped_;                                                                    \
		if (asprintf(&wrapped_, __VA_ARGS__) < 0)                                          \
			wrapped_ = NULL;                                                           \
		free(inner);                                                                       \
		wrapped_;                                                                          \
	})

static const char *keyword(const struct mw_type *type)
{
	switch (type->kind) {
	case MW_TYPE_STRUCT:
		return type->is_class ? "class " : "struct ";
	case MW_TYPE_UNION:
		return "union ";
	case MW_TYPE_ENUM:
		return "enum ";
	default:
		return "";
	}
}

static char *own_name(const struct mw_type *type)
{
	struct mw_type *writable = (struct mw_type *)type;
	bool scoped = type->module && mw_die_has_scopes(&writable->die);
	mw_auto_free char *qualified = NULL;
	const char *name = type->name;
	char *full;

	if (scoped && name)
		qualified = mw_die_qualified_name(&writable->die);
	if (qualified)
		name = qualified;
	if (!name)
		name = type->kind == MW_TYPE_VOID ? "void" : "{…}";
	return asprintf(&full, "%s%s", scoped && type->name ? "" : keyword(type), name) < 0 ? NULL
											    : full;
}

static char *compose_named(const struct mw_type *type, char *inner)
{
	mw_auto_free char *name = own_name(type);

	return wrap(inner, "%s%s%s", name ? name : "?", *inner && *inner != '[' ? " " : "", inner);
}

static char *compose_pointer(struct mw_symbols *symbols, const struct mw_type *type, char *inner,
			     int depth)
{
	const struct mw_type *target = mw_type_target(symbols, type);
	const char *sign = type->kind == MW_TYPE_REFERENCE ? "&" : "*";

	if (target && (target->kind == MW_TYPE_ARRAY || target->kind == MW_TYPE_FUNCTION))
		inner = wrap(inner, "(%s%s)", sign, inner);
	else
		inner = wrap(inner, "%s%s", sign, inner);
	if (!inner || target)
		return compose(symbols, target, inner, depth + 1);
	return wrap(inner, "void %s", inner);
}

static char *compose_function(struct mw_symbols *symbols, const struct mw_type *type, char *inner,
			      int depth)
{
	mw_auto_free char *list = strdup("");

	for (size_t i = 0; list && i < type->parameters.count; i++) {
		mw_auto_free char *parameter =
			compose(symbols, type->parameters.items[i], strdup(""), depth + 1);

		list = wrap(list, "%s%s%s", list, i ? ", " : "", parameter ? parameter : "?");
	}
	inner = wrap(inner, "%s(%s)", inner, list && *list ? list : "void");
	if (!inner || type->target)
		return compose(symbols, type->target, inner, depth + 1);
	return wrap(inner, "void %s", inner);
}

static char *compose_qualified(struct mw_symbols *symbols, const struct mw_type *type, char *inner,
			       int depth)
{
	const struct mw_type *target = type->target;

	if (target->kind == MW_TYPE_POINTER || target->kind == MW_TYPE_REFERENCE) {
		inner = wrap(inner, "%s%s%s", type->name, *inner ? " " : "", inner);
		return compose(symbols, target, inner, depth + 1);
	}
	inner = compose(symbols, target, inner, depth + 1);
	return inner ? wrap(inner, "%s %s", type->name, inner) : NULL;
}

static char *compose_array(struct mw_symbols *symbols, const struct mw_type *type, char *inner,
			   int depth)
{
	if (type->is_bounded)
		inner = wrap(inner, "%s[%" PRIu64 "]", inner, type->count);
	else
		inner = wrap(inner, "%s[]", inner);
	return compose(symbols, type->target, inner, depth + 1);
}

static char *compose(struct mw_symbols *symbols, const struct mw_type *type, char *inner, int depth)
{
	if (!inner)
		return NULL;
	if (!type || depth > 32)
		return wrap(inner, "…%s", inner);
	switch (type->kind) {
	case MW_TYPE_POINTER:
	case MW_TYPE_REFERENCE:
		return compose_pointer(symbols, type, inner, depth);
	case MW_TYPE_FUNCTION:
		return compose_function(symbols, type, inner, depth);
	case MW_TYPE_ARRAY:
		return compose_array(symbols, type, inner, depth);
	case MW_TYPE_QUALIFIED:
		return compose_qualified(symbols, type, inner, depth);
	default:
		return compose_named(type, inner);
	}
}

const char *mw_type_name(struct mw_symbols *symbols, const struct mw_type *type)
{
	struct mw_type *writable = (struct mw_type *)type;

	if (!type)
		return "bytes";
	if (!type->full_name)
		writable->full_name =
			mw_strings_take(&symbols->strings, compose(symbols, type, strdup(""), 0));
	return type->full_name ? type->full_name : "?";
}
