// SPDX-License-Identifier: MIT
#include "symbols/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longest expression: keeps the parser's recursion and the messages small. */
#define MAX_LENGTH 4096

/* Bytes of UTF-8 are letters of identifiers, as compilers accept them. */
static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_part(char c)
{
	return is_name_start(c) || isdigit((unsigned char)c);
}

static size_t skip_name(const char *text, size_t at)
{
	while (is_name_part(text[at]))
		at++;
	return at;
}

static struct mw_error *read_number(const char *text, struct mw_token *token)
{
	const char *start = text + token->start;
	int base = start[0] == '0' && (start[1] == 'x' || start[1] == 'X') ? 16 : 10;
	char *end;

	errno = 0;
	token->number = strtoull(start, &end, base);
	token->end = skip_name(text, (size_t)(end - text));
	if (token->end != (size_t)(end - text))
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` is not a number: write 42 or 0x2a",
				       (int)(token->end - token->start), start);
	if (errno == ERANGE)
		return mw_error_create(MW_ERROR_USAGE, "`%.*s` does not fit in 64 bits",
				       (int)(token->end - token->start), start);
	token->kind = MW_TOKEN_NUMBER;
	return NULL;
}

static struct mw_error *read_quoted(const char *text, struct mw_token *token)
{
	const char *close = strchr(text + token->start + 1, '\'');

	if (!close)
		return mw_error_create(MW_ERROR_USAGE,
				       "the quote at column %zu is not closed: write "
				       "'file.c'::name",
				       token->start + 1);
	token->kind = MW_TOKEN_QUOTED;
	token->end = (size_t)(close - text) + 1;
	return NULL;
}

static struct mw_error *read_register(const char *text, struct mw_token *token)
{
	token->end = skip_name(text, token->start + 1);
	if (token->end == token->start + 1)
		return mw_error_create(MW_ERROR_USAGE, "a register name is missing after `$`");
	token->kind = MW_TOKEN_REGISTER;
	return NULL;
}

static struct mw_error *read_punctuation(const char *text, struct mw_token *token)
{
	const char *at = text + token->start;

	if (!strncmp(at, "->", 2) || !strncmp(at, "::", 2)) {
		token->kind = *at == '-' ? MW_TOKEN_ARROW : MW_TOKEN_SCOPE;
		token->end = token->start + 2;
		return NULL;
	}
	if (!strchr("()[].*&@:+-", *at))
		return mw_error_create(MW_ERROR_USAGE, "unexpected `%c` at column %zu",
				       isprint((unsigned char)*at) ? *at : '?', token->start + 1);
	token->kind = MW_TOKEN_PUNCTUATION;
	token->character = *at;
	token->end = token->start + 1;
	return NULL;
}

static struct mw_error *read_token(const char *text, struct mw_token *token)
{
	char first = text[token->start];

	if (!first)
		return NULL;
	if (is_name_start(first)) {
		token->kind = MW_TOKEN_NAME;
		token->end = skip_name(text, token->start);
		return NULL;
	}
	if (isdigit((unsigned char)first))
		return read_number(text, token);
	if (first == '\'')
		return read_quoted(text, token);
	return first == '$' ? read_register(text, token) : read_punctuation(text, token);
}

static struct mw_error *append_tokens(const char *text, struct mw_tokens *tokens)
{
	struct mw_token token;
	size_t at = 0;

	do {
		struct mw_error *err;

		while (isspace((unsigned char)text[at]))
			at++;
		token = (struct mw_token){.kind = MW_TOKEN_END, .start = at, .end = at};
		err = read_token(text, &token);
		if (err)
			return err;
		if (!mw_vec_push(&tokens->list, token))
			return mw_err_nomem;
		at = token.end;
	} while (token.kind != MW_TOKEN_END);
	return NULL;
}

struct mw_error *mw_tokens_init(const char *text, struct mw_tokens *ret)
{
	struct mw_tokens tokens = {.text = text};
	struct mw_error *err;

	if (strnlen(text, MAX_LENGTH + 1) > MAX_LENGTH)
		return mw_error_create(MW_ERROR_USAGE,
				       "the expression is longer than %d characters", MAX_LENGTH);
	err = append_tokens(text, &tokens);
	if (err) {
		mw_tokens_deinit(&tokens);
		return err;
	}
	*ret = tokens;
	return NULL;
}

void mw_tokens_deinit(struct mw_tokens *tokens)
{
	mw_vec_deinit(&tokens->list);
}
