// SPDX-License-Identifier: MIT
/** Splits an expression into tokens. Pure. */
#ifndef MW_SYMBOLS_LEXER_H
#define MW_SYMBOLS_LEXER_H

#include "base/error.h"
#include "base/vec.h"

enum mw_token_kind {
	MW_TOKEN_END,
	MW_TOKEN_NAME,
	MW_TOKEN_NUMBER,
	/** 'file.c' or 'any::name<int>', with the quotes. */
	MW_TOKEN_QUOTED,
	/** $name, with the dollar. */
	MW_TOKEN_REGISTER,
	MW_TOKEN_ARROW,
	MW_TOKEN_SCOPE,
	/** One character: `character` of the token. */
	MW_TOKEN_PUNCTUATION,
};

struct mw_token {
	enum mw_token_kind kind;
	char character;
	/** Where it stands in the expression, bytes. */
	size_t start;
	size_t end;
	uint64_t number;
};

struct mw_tokens {
	/** The last one is MW_TOKEN_END. */
	MW_VEC(struct mw_token) list;
	/** The expression; tokens refer to it. */
	const char *text;
};

/** @param text must outlive @ret. */
struct mw_error *mw_tokens_init(const char *text, struct mw_tokens *ret) MW_MUST_CHECK;
void mw_tokens_deinit(struct mw_tokens *tokens);

#endif
