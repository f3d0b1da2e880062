// SPDX-License-Identifier: MIT
#include "symbols/eval.h"

#include <string.h>

#include "symbols/lookup.h"

/* References are read through at once, as C++ does. */
static struct mw_error *see_through(struct mw_evaluation *evaluation, const struct mw_node *node,
				    struct mw_value *value)
{
	const struct mw_type *type = mw_value_type(value);
	struct mw_value pointer = {0};
	struct mw_error *err;

	if (!value->is_memory || !type || type->kind != MW_TYPE_REFERENCE)
		return NULL;
	err = mw_symbols_read(evaluation->symbols, value->object.addr, &pointer.number,
			      sizeof(pointer.number));
	if (err)
		return err;
	pointer.type = type;
	return mw_eval_follow(evaluation, node, &pointer, 0, value);
}

static struct mw_error *eval_name(struct mw_evaluation *evaluation, const struct mw_node *node,
				  struct mw_value *ret)
{
	struct mw_value value = {.is_memory = true};
	struct mw_error *err;

	err = mw_lookup_variable(evaluation->symbols, node->file, node->text, &value.object);
	if (!err)
		*ret = value;
	return err;
}

static struct mw_error *eval_number(struct mw_evaluation *evaluation, const struct mw_node *node,
				    struct mw_value *ret)
{
	(void)evaluation;
	*ret = (struct mw_value){.number = node->number};
	return NULL;
}

static struct mw_error *eval_register(struct mw_evaluation *evaluation, const struct mw_node *node,
				      struct mw_value *ret)
{
	(void)evaluation;
	(void)ret;
	return mw_error_create(MW_ERROR_USAGE,
			       "%s: a register belongs to a stopped thread's frame, and none is "
			       "chosen here; a register also has no address to watch",
			       node->text);
}

static struct mw_error *eval_address(struct mw_evaluation *evaluation, const struct mw_node *node,
				     struct mw_value *ret)
{
	struct mw_value operand;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node->left, &operand);
	if (err)
		return err;
	if (!operand.is_memory)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` is a value: it has no address",
				       mw_eval_quote(evaluation, node->left));
	if (operand.object.bit_size)
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s` is a bit-field: it has no address of its own",
				       mw_eval_quote(evaluation, node->left));
	*ret = (struct mw_value){
		.type = mw_type_make_pointer(evaluation->symbols, operand.object.type),
		.number = operand.object.addr.v,
	};
	return ret->type ? NULL : mw_err_nomem;
}

static struct mw_error *eval_negate(struct mw_evaluation *evaluation, const struct mw_node *node,
				    struct mw_value *ret)
{
	struct mw_value operand;
	struct mw_error *err;
	uint64_t number;

	err = mw_eval_node(evaluation, node->left, &operand);
	if (!err)
		err = mw_value_load_integer(evaluation, &operand, &number);
	if (err == mw_err_not_found)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` is not an integer",
				       mw_eval_quote(evaluation, node->left));
	if (!err)
		*ret = (struct mw_value){.number = -number};
	return err;
}

/* The first and the last byte: what lies between may be gigabytes. */
static struct mw_error *check_ends(struct mw_evaluation *evaluation, uint64_t start, uint64_t last)
{
	struct mw_symbols *symbols = evaluation->symbols;
	struct mw_error *err;
	char byte;

	err = mw_symbols_read(symbols, mw_addr_make(start), &byte, 1);
	if (!err)
		err = mw_symbols_read(symbols, mw_addr_make(last), &byte, 1);
	if (!mw_error_catch(&err, MW_ERROR_FAULT))
		return err;
	return mw_error_fault(mw_addr_make(start),
			      "`%s` is not mapped in process %d: its /proc/%d/maps lists what is",
			      evaluation->text, symbols->pid, symbols->pid);
}

static struct mw_error *eval_range(struct mw_evaluation *evaluation, const struct mw_node *node,
				   struct mw_value *ret)
{
	uint64_t start = node->number, length = node->length, last;
	struct mw_error *err;

	if (!length)
		return mw_error_create(MW_ERROR_USAGE, "`%s` is 0 bytes long", evaluation->text);
	if (__builtin_add_overflow(start, length - 1, &last))
		return mw_error_create(MW_ERROR_USAGE,
				       "`%s` goes past the end of the address space",
				       evaluation->text);
	err = check_ends(evaluation, start, last);
	if (err)
		return err;
	*ret = (struct mw_value){
		.is_memory = true,
		.object = {mw_addr_make(start), length, NULL, 0, 0},
	};
	return NULL;
}

static mw_eval_function *const functions[] = {
	[MW_NODE_NAME] = eval_name,
	[MW_NODE_NUMBER] = eval_number,
	[MW_NODE_REGISTER] = eval_register,
	[MW_NODE_MEMBER] = mw_eval_member,
	[MW_NODE_ARROW] = mw_eval_arrow,
	[MW_NODE_INDEX] = mw_eval_index,
	[MW_NODE_DEREFERENCE] = mw_eval_dereference,
	[MW_NODE_ADDRESS] = eval_address,
	[MW_NODE_NEGATE] = eval_negate,
	[MW_NODE_ADD] = mw_eval_add,
	[MW_NODE_SUBTRACT] = mw_eval_subtract,
	[MW_NODE_CAST] = mw_eval_cast,
	[MW_NODE_SLICE] = mw_eval_slice,
	[MW_NODE_RANGE] = eval_range,
};

struct mw_error *mw_eval_node(struct mw_evaluation *evaluation, const struct mw_node *node,
			      struct mw_value *ret)
{
	struct mw_value value;
	struct mw_error *err;

	err = functions[node->kind](evaluation, node, &value);
	if (!err)
		err = see_through(evaluation, node, &value);
	if (!err)
		*ret = value;
	return err;
}

struct mw_error *mw_eval_text(struct mw_symbols *symbols, const char *text, struct mw_value *ret)
{
	struct mw_evaluation evaluation = {.symbols = symbols, .text = text};
	struct mw_node *node = NULL;
	struct mw_error *err;

	err = mw_node_parse(text, &node);
	if (!err)
		err = mw_eval_node(&evaluation, node, ret);
	mw_node_destroy(node);
	return err;
}

static struct mw_error *refuse_value(const char *expression, const struct mw_value *value)
{
	const struct mw_type *type = value->type ? mw_type_strip(value->type) : NULL;

	if (type && type->kind == MW_TYPE_POINTER)
		return mw_error_create(MW_ERROR_USAGE,
				       "`%s` is an address (0x%" PRIx64 "), not memory: "
				       "write *(%s) for what is there, or ADDRESS:LENGTH",
				       expression, value->number, expression);
	return mw_error_create(MW_ERROR_USAGE,
			       "`%s` is a number, not memory: write ADDRESS:LENGTH or "
			       "*(TYPE *)ADDRESS",
			       expression);
}

struct mw_error *mw_symbols_eval(struct mw_symbols *symbols, const char *expression,
				 struct mw_object *ret)
{
	struct mw_value value;
	struct mw_error *err;

	err = mw_eval_text(symbols, expression, &value);
	if (err)
		return err;
	if (!value.is_memory)
		return refuse_value(expression, &value);
	if (!value.object.size)
		return mw_error_create(
			MW_ERROR_USAGE, "`%s` has no size (%s): choose a part of it, as `%s[0]@4`",
			expression, mw_type_name(symbols, value.object.type), expression);
	*ret = value.object;
	return NULL;
}

struct mw_error *mw_symbols_print(struct mw_symbols *symbols, const char *expression, FILE *out)
{
	struct mw_value value;
	struct mw_error *err;
	char *bytes;

	err = mw_eval_text(symbols, expression, &value);
	if (err)
		return err;
	if (!value.is_memory) {
		struct mw_object object = {.size = sizeof(value.number), .type = value.type};

		if (value.type)
			mw_symbols_format(symbols, &object, &value.number, out);
		else
			fprintf(out, "%" PRId64, (int64_t)value.number);
		return NULL;
	}
	bytes = malloc(value.object.size);
	if (!bytes)
		return mw_err_nomem;
	err = mw_symbols_read(symbols, value.object.addr, bytes, value.object.size);
	if (!err)
		mw_symbols_format(symbols, &value.object, bytes, out);
	free(bytes);
	return err;
}
