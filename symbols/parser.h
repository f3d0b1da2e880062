// SPDX-License-Identifier: MIT
/** What the files of the parser share. */
#ifndef MW_SYMBOLS_PARSER_H
#define MW_SYMBOLS_PARSER_H

#include "symbols/ast.h"
#include "symbols/lexer.h"

struct mw_parser {
	const char *text;
	const struct mw_token *token;
	int depth;
};

static inline bool mw_parser_at(const struct mw_parser *parser, char character)
{
	return parser->token->kind == MW_TOKEN_PUNCTUATION && parser->token->character == character;
}

/** True when the token is the name @word. */
bool mw_parser_at_word(const struct mw_parser *parser, const char *word);

/** "expected WHAT at column N, not `x`". */
struct mw_error *mw_parser_error(const struct mw_parser *parser,
				 const char *expected) MW_MUST_CHECK;

/** Reads NAME (:: NAME)* as one string. @return heap string, NULL when memory is short. */
char *mw_parser_path(struct mw_parser *parser);

/**
 * Reads the type of a cast when the parser stands behind a bracket that opens one.
 *
 * @return false, with the parser where it was, when the bracket only groups.
 */
bool mw_parser_cast(struct mw_parser *parser, struct mw_type_spec *ret);

#endif
