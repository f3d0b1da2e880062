// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_EVAL_H
#define MW_SYMBOLS_EVAL_H

#include "symbols/ast.h"
#include "symbols/value.h"

/** Evaluates a tree; the parts are found in evaluation->text. */
struct mw_error *mw_eval_node(struct mw_evaluation *evaluation, const struct mw_node *node,
			      struct mw_value *ret) MW_MUST_CHECK;

/** Parses and evaluates, also what is no object in memory. */
struct mw_error *mw_eval_text(struct mw_symbols *symbols, const char *text,
			      struct mw_value *ret) MW_MUST_CHECK;

/** One operator or operand: what mw_eval_node() dispatches to. */
typedef struct mw_error *mw_eval_function(struct mw_evaluation *evaluation,
					  const struct mw_node *node, struct mw_value *ret);

mw_eval_function mw_eval_member;
mw_eval_function mw_eval_arrow;
mw_eval_function mw_eval_index;
mw_eval_function mw_eval_dereference;
mw_eval_function mw_eval_slice;
mw_eval_function mw_eval_add;
mw_eval_function mw_eval_subtract;
mw_eval_function mw_eval_cast;

/**
 * Follows the pointer @pointer, which @node evaluated to.
 *
 * @param index elements to step before the access.
 */
struct mw_error *mw_eval_follow(struct mw_evaluation *evaluation, const struct mw_node *node,
				const struct mw_value *pointer, int64_t index,
				struct mw_value *ret) MW_MUST_CHECK;

/** Arguments of "%.*s" that quote the source of @node. */
#define mw_eval_quote(evaluation, node)                                                            \
	(int)((node)->end - (node)->start), (evaluation)->text + (node)->start

#endif
