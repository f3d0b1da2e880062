// SPDX-License-Identifier: MIT
#include "symbols/eval.h"
#include "symbols/lookup.h"

struct operands {
	struct mw_value left;
	struct mw_value right;
	uint64_t left_number;
	uint64_t right_number;
	/** What the left one points to, when it is a pointer or array. */
	const struct mw_type *target;
};

static struct mw_error *load_operands(struct mw_evaluation *evaluation, const struct mw_node *node,
				      struct operands *ret)
{
	const struct mw_type *type;
	struct mw_error *err;

	err = mw_eval_node(evaluation, node->left, &ret->left);
	if (!err)
		err = mw_eval_node(evaluation, node->right, &ret->right);
	if (!err)
		err = mw_value_load_address(evaluation, &ret->left, &ret->left_number);
	if (!err)
		err = mw_value_load_integer(evaluation, &ret->right, &ret->right_number);
	if (err == mw_err_not_found)
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s`: only a pointer or integer and an integer can be "
				       "added or subtracted",
				       mw_eval_quote(evaluation, node));
	type = mw_value_type(&ret->left);
	ret->target = NULL;
	if (!err && type && (type->kind == MW_TYPE_POINTER || type->kind == MW_TYPE_ARRAY))
		ret->target = mw_type_complete(evaluation->symbols,
					       mw_type_target(evaluation->symbols, type));
	return err;
}

static struct mw_error *step(struct mw_evaluation *evaluation, const struct mw_node *node,
			     bool backwards, struct mw_value *ret)
{
	struct operands operands;
	struct mw_error *err = load_operands(evaluation, node, &operands);
	uint64_t unit, distance;

	if (err)
		return err;
	unit = operands.target && operands.target->size ? operands.target->size : 1;
	distance = operands.right_number * unit;
	*ret = (struct mw_value){
		.number = operands.left_number + (backwards ? -distance : distance),
	};
	if (operands.target) {
		ret->type = mw_type_make_pointer(evaluation->symbols, operands.target);
		if (!ret->type)
			return mw_err_nomem;
	}
	return NULL;
}

struct mw_error *mw_eval_add(struct mw_evaluation *evaluation, const struct mw_node *node,
			     struct mw_value *ret)
{
	return step(evaluation, node, false, ret);
}

struct mw_error *mw_eval_subtract(struct mw_evaluation *evaluation, const struct mw_node *node,
				  struct mw_value *ret)
{
	return step(evaluation, node, true, ret);
}

/* A number cut to the width of @type. */
static uint64_t convert(uint64_t number, const struct mw_type *type)
{
	struct mw_object object = {.size = type->size, .type = type};

	return mw_bits_load(&object, &number);
}

struct mw_error *mw_eval_cast(struct mw_evaluation *evaluation, const struct mw_node *node,
			      struct mw_value *ret)
{
	const struct mw_type *type = NULL, *plain;
	struct mw_value operand;
	struct mw_error *err;
	uint64_t number = 0;

	err = mw_lookup_type(evaluation->symbols, &node->type, &type);
	if (!err)
		err = mw_eval_node(evaluation, node->left, &operand);
	if (!err)
		err = mw_value_load_address(evaluation, &operand, &number);
	if (err == mw_err_not_found)
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s` can't be cast: it is neither a pointer nor an "
				       "integer",
				       mw_eval_quote(evaluation, node->left));
	if (err)
		return err;
	plain = mw_type_strip(type);
	if (plain->kind != MW_TYPE_POINTER && !mw_type_is_integer(plain))
		return mw_error_create(MW_ERROR_USAGE,
				       "`%.*s`: cast to a pointer and follow it, as *(%s *)ADDRESS",
				       mw_eval_quote(evaluation, node),
				       mw_type_name(evaluation->symbols, type));
	*ret = (struct mw_value){.type = type, .number = convert(number, plain)};
	return NULL;
}
