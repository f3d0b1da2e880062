// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbols/eval.h"
#include "symbols/type_members.h"

static struct mw_error *untyped(const struct mw_evaluation *evaluation, const struct mw_node *node)
{
	return mw_error_create(MW_ERROR_USAGE,
			       "`%.*s` has no type: without debug information only its address and "
			       "size are known; build with -g, or watch bytes of it, as "
			       "ADDRESS:LENGTH",
			       mw_eval_quote(evaluation, node));
}

/* The members of a type as "`a`, `b`", those of anonymous parts among them. */
static void print_members(const struct mw_type *type, FILE *out, size_t *shown)
{
	enum { MAX_SHOWN = 20 };

	mw_vec_foreach (member, &type->members) {
		if (!member->name || member->is_base) {
			print_members(mw_type_strip(member->type), out, shown);
			continue;
		}
		if (*shown < MAX_SHOWN)
			fprintf(out, "%s%s", *shown ? ", " : "", member->name);
		else if (*shown == MAX_SHOWN)
			fputs(", …", out);
		++*shown;
	}
}

static struct mw_error *missing_member(struct mw_evaluation *evaluation, const struct mw_node *node,
				       const struct mw_type *type)
{
	const char *type_name = mw_type_name(evaluation->symbols, type);
	mw_auto_free char *text = NULL;
	size_t size, shown = 0;
	FILE *out;

	if (type->is_incomplete)
		return mw_error_create(MW_ERROR_NOT_FOUND,
				       "`%.*s` is a %s, which is declared but defined in no debug "
				       "information",
				       mw_eval_quote(evaluation, node->left), type_name);
	out = open_memstream(&text, &size);
	if (!out)
		return mw_err_nomem;
	print_members(type, out, &shown);
	fclose(out);
	return mw_error_create(MW_ERROR_NOT_FOUND, "%s has no member `%s`: it has %s", type_name,
			       node->text, shown ? text : "none");
}

static struct mw_error *select_member(struct mw_evaluation *evaluation, const struct mw_node *node,
				      const struct mw_value *structure, struct mw_value *ret)
{
	const struct mw_type *type = mw_type_strip(structure->object.type);
	struct mw_member member;

	if (!mw_type_find_member(type, node->text, &member))
		return missing_member(evaluation, node, type);
	*ret = (struct mw_value){
		.is_memory = true,
		.object = {mw_addr_add(structure->object.addr, member.offset),
			   mw_member_size(&member), member.type, member.bit_offset,
			   member.bit_size},
	};
	return NULL;
}

static struct mw_error *not_a_structure(struct mw_evaluation *evaluation,
					const struct mw_node *node, const struct mw_value *value)
{
	const struct mw_type *type = mw_value_type(value);
	bool is_pointer = type && type->kind == MW_TYPE_POINTER;

	if (!type && value->is_memory)
		return untyped(evaluation, node->left);
	return mw_error_create(MW_ERROR_USAGE, "`%.*s` is %s (%s)%s",
			       mw_eval_quote(evaluation, node->left),
			       is_pointer ? "a pointer" : "not a struct or union",
			       mw_type_name(evaluation->symbols,
					    value->is_memory ? value->object.type : value->type),
			       is_pointer ? ": write -> for ." : "");
}

struct mw_error *mw_eval_member(struct mw_evaluation *evaluation, const struct mw_node *node,
				struct mw_value *ret)
{
	struct mw_value structure;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node->left, &structure);
	if (err)
		return err;
	if (!structure.is_memory || !mw_type_is_structure(structure.object.type))
		return not_a_structure(evaluation, node, &structure);
	return select_member(evaluation, node, &structure, ret);
}

struct mw_error *mw_eval_arrow(struct mw_evaluation *evaluation, const struct mw_node *node,
			       struct mw_value *ret)
{
	struct mw_value pointer, structure;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node->left, &pointer);
	if (err)
		return err;
	if (pointer.is_memory && mw_type_is_structure(pointer.object.type))
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s` is a %s, not a pointer: write . for ->",
				       mw_eval_quote(evaluation, node->left),
				       mw_type_name(evaluation->symbols, pointer.object.type));
	err = mw_eval_follow(evaluation, node->left, &pointer, 0, &structure);
	if (err)
		return err;
	if (!mw_type_is_structure(structure.object.type))
		return not_a_structure(evaluation, node, &pointer);
	return select_member(evaluation, node, &structure, ret);
}

static struct mw_error *check_mapped(struct mw_evaluation *evaluation, const struct mw_node *node,
				     uint64_t pointer, const struct mw_object *object)
{
	struct mw_error *err;
	char byte;

	if (!pointer)
		return mw_error_fault(MW_ADDR_NULL, "`%.*s` is NULL",
				      mw_eval_quote(evaluation, node));
	err = mw_symbols_read(evaluation->symbols, object->addr, &byte, 1);
	if (!err && object->size > 1)
		err = mw_symbols_read(evaluation->symbols,
				      mw_addr_add(object->addr, object->size - 1), &byte, 1);
	if (!mw_error_catch(&err, MW_ERROR_FAULT))
		return err;
	return mw_error_fault(object->addr,
			      "`%.*s` is 0x%" PRIx64 ", and process %d has no memory mapped at "
			      "0x%" PRIx64,
			      mw_eval_quote(evaluation, node), pointer, evaluation->symbols->pid,
			      object->addr.v);
}

static struct mw_error *refuse_target(struct mw_evaluation *evaluation, const struct mw_node *node,
				      const struct mw_type *target)
{
	if (target && mw_type_strip(target)->kind == MW_TYPE_FUNCTION)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` points to code, not to data",
				       mw_eval_quote(evaluation, node));
	if (target && mw_type_strip(target)->is_incomplete)
		return mw_error_create(MW_ERROR_NOT_FOUND,
				       "`%.*s` points to a %s, which is declared but defined in no "
				       "debug information: use ADDRESS:LENGTH",
				       mw_eval_quote(evaluation, node),
				       mw_type_name(evaluation->symbols, target));
	return mw_error_create(MW_ERROR_USAGE,
			       "`%.*s` does not say what it points to: cast it, as "
			       "*(int *)%.*s",
			       mw_eval_quote(evaluation, node), mw_eval_quote(evaluation, node));
}

/* Type of what a pointer, reference or array leads to, completed; NULL when it has no size. */
static const struct mw_type *target_type(struct mw_evaluation *evaluation,
					 const struct mw_type *type)
{
	const struct mw_type *target = NULL;

	if (type->kind == MW_TYPE_ARRAY)
		target = type->target;
	else if (type->kind == MW_TYPE_POINTER || type->kind == MW_TYPE_REFERENCE)
		target = mw_type_target(evaluation->symbols, type);
	return target ? mw_type_complete(evaluation->symbols, target) : NULL;
}

/* The address a pointer or array stands for. */
static struct mw_error *load_start(struct mw_evaluation *evaluation, const struct mw_node *node,
				   const struct mw_value *pointer, uint64_t *ret)
{
	const struct mw_type *type = mw_value_type(pointer);
	struct mw_error *err = mw_err_not_found;

	if (type && type->kind == MW_TYPE_REFERENCE) {
		*ret = pointer->number;
		return NULL;
	}
	if (!type && pointer->is_memory)
		return untyped(evaluation, node);
	if (!type || !mw_type_is_integer(type) || !pointer->is_memory)
		err = mw_value_load_address(evaluation, pointer, ret);
	if (err == mw_err_not_found)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` is not a pointer (%s)",
				       mw_eval_quote(evaluation, node),
				       mw_type_name(evaluation->symbols, type));
	return err;
}

struct mw_error *mw_eval_follow(struct mw_evaluation *evaluation, const struct mw_node *node,
				const struct mw_value *pointer, int64_t index, struct mw_value *ret)
{
	const struct mw_type *type = mw_value_type(pointer);
	const struct mw_type *target = type ? target_type(evaluation, type) : NULL;
	struct mw_value value = {.is_memory = true};
	struct mw_error *err;
	int64_t distance;
	uint64_t start;

	err = load_start(evaluation, node, pointer, &start);
	if (err)
		return err;
	if (!target || !target->size || mw_type_strip(target)->kind == MW_TYPE_FUNCTION)
		return refuse_target(evaluation, node, target);
	if (__builtin_mul_overflow(index, (int64_t)target->size, &distance))
		return mw_error_create(MW_ERROR_USAGE, "the index %" PRId64 " is too large", index);
	value.object = (struct mw_object){mw_addr_make(start + (uint64_t)distance), target->size,
					  target, 0, 0};
	err = check_mapped(evaluation, node, start, &value.object);
	if (!err)
		*ret = value;
	return err;
}

struct mw_error *mw_eval_dereference(struct mw_evaluation *evaluation, const struct mw_node *node,
				     struct mw_value *ret)
{
	struct mw_value pointer;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node->left, &pointer);
	return err ? err : mw_eval_follow(evaluation, node->left, &pointer, 0, ret);
}

static struct mw_error *eval_integer(struct mw_evaluation *evaluation, const struct mw_node *node,
				     const char *what, uint64_t *ret)
{
	struct mw_value value;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node, &value);
	if (!err)
		err = mw_value_load_integer(evaluation, &value, ret);
	if (err == mw_err_not_found)
		return mw_error_create(MW_ERROR_USAGE, "%s `%.*s` is not an integer", what,
				       mw_eval_quote(evaluation, node));
	return err;
}

static struct mw_error *index_array(struct mw_evaluation *evaluation, const struct mw_node *node,
				    const struct mw_value *array, uint64_t index,
				    struct mw_value *ret)
{
	const struct mw_type *type = mw_value_type(array);
	struct mw_error *err;

	if (index >= type->count)
		return mw_error_create(
			MW_ERROR_USAGE,
			"index %" PRId64 " is outside `%.*s`, which has %" PRIu64 " elements",
			(int64_t)index, mw_eval_quote(evaluation, node->left), type->count);
	err = mw_eval_follow(evaluation, node->left, array, (int64_t)index, ret);
	if (!err)
		ret->elements_left = type->count - index;
	return err;
}

struct mw_error *mw_eval_index(struct mw_evaluation *evaluation, const struct mw_node *node,
			       struct mw_value *ret)
{
	const struct mw_type *type;
	struct mw_value base;
	struct mw_error *err;
	uint64_t index;

	err = mw_eval_node(evaluation, node->left, &base);
	if (!err)
		err = eval_integer(evaluation, node->right, "the index", &index);
	if (err)
		return err;
	type = mw_value_type(&base);
	if (type && type->kind == MW_TYPE_ARRAY && type->is_bounded && type->count)
		return index_array(evaluation, node, &base, index, ret);
	if (type && (type->kind == MW_TYPE_ARRAY || type->kind == MW_TYPE_POINTER))
		return mw_eval_follow(evaluation, node->left, &base, (int64_t)index, ret);
	if (!type && base.is_memory)
		return untyped(evaluation, node->left);
	return mw_error_create(MW_ERROR_USAGE, "`%.*s` is neither an array nor a pointer",
			       mw_eval_quote(evaluation, node->left));
}

static struct mw_error *check_slice(struct mw_evaluation *evaluation, const struct mw_node *node,
				    const struct mw_value *first, uint64_t count)
{
	uint64_t bytes, end;

	if (!first->is_memory || first->object.bit_size)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` is not an object in memory",
				       mw_eval_quote(evaluation, node->left));
	if ((int64_t)count <= 0)
		return mw_error_create(MW_ERROR_USAGE,
				       "a slice of %" PRId64 " elements: @ takes a number above 0",
				       (int64_t)count);
	if (__builtin_mul_overflow(first->object.size, count, &bytes) ||
	    __builtin_add_overflow(first->object.addr.v, bytes, &end))
		return mw_error_create(MW_ERROR_USAGE,
				       "%" PRIu64 " elements of %" PRIu64
				       " bytes go past the end of the address space",
				       count, first->object.size);
	if (first->elements_left && count > first->elements_left)
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s` goes past the end of its array, which has %" PRIu64
				       " elements from there on",
				       mw_eval_quote(evaluation, node), first->elements_left);
	return NULL;
}

struct mw_error *mw_eval_slice(struct mw_evaluation *evaluation, const struct mw_node *node,
			       struct mw_value *ret)
{
	struct mw_value first, slice;
	struct mw_error *err;
	uint64_t count;

	err = mw_eval_node(evaluation, node->left, &first);
	if (!err)
		err = eval_integer(evaluation, node->right, "the length", &count);
	if (!err)
		err = check_slice(evaluation, node, &first, count);
	if (err)
		return err;
	slice = (struct mw_value){.is_memory = true, .object = first.object};
	slice.object.size *= count;
	if (first.object.type) {
		slice.object.type =
			mw_type_make_array(evaluation->symbols, first.object.type, count);
		if (!slice.object.type)
			return mw_err_nomem;
	}
	err = check_mapped(evaluation, node->left, slice.object.addr.v, &slice.object);
	if (!err)
		*ret = slice;
	return err;
}
