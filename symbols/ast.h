// SPDX-License-Identifier: MIT
/** The tree of a parsed expression. Pure: names are not looked up. */
#ifndef MW_SYMBOLS_AST_H
#define MW_SYMBOLS_AST_H

#include "base/error.h"

enum mw_node_kind {
	/** `text` is a::b::c, `file` the file before it or NULL. */
	MW_NODE_NAME,
	MW_NODE_NUMBER,
	/** `text` is the register. */
	MW_NODE_REGISTER,
	/** left . text */
	MW_NODE_MEMBER,
	/** left -> text */
	MW_NODE_ARROW,
	/** left [ right ] */
	MW_NODE_INDEX,
	MW_NODE_DEREFERENCE,
	MW_NODE_ADDRESS,
	MW_NODE_NEGATE,
	MW_NODE_ADD,
	MW_NODE_SUBTRACT,
	/** ( type ) left */
	MW_NODE_CAST,
	/** left @ right */
	MW_NODE_SLICE,
	/** `number` : `length` */
	MW_NODE_RANGE,
};

/** A type as a cast names it. */
struct mw_type_spec {
	/** "struct", "union", "enum", "class", or NULL. */
	const char *keyword;
	/** Tag or typedef, with its scopes; or the words of a base type, as "unsigned long". */
	char *name;
	bool is_base;
	unsigned pointers;
	/** Elements of an array type, 0 for none. */
	uint64_t count;
};

struct mw_node {
	enum mw_node_kind kind;
	struct mw_node *left;
	struct mw_node *right;
	char *text;
	char *file;
	uint64_t number;
	uint64_t length;
	struct mw_type_spec type;
	/** The part of the expression it was read from, bytes. */
	size_t start;
	size_t end;
};

/** Parses an expression. @param ret owned by the caller. */
struct mw_error *mw_node_parse(const char *text, struct mw_node **ret) MW_MUST_CHECK;
void mw_node_destroy(struct mw_node *node);

#endif
