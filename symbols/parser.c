// SPDX-License-Identifier: MIT
#include "symbols/parser.h"

#include <stdlib.h>
#include <string.h>

/* Deepest nesting of brackets and unary operators. */
#define MAX_DEPTH 64

static struct mw_error *parse_unary(struct mw_parser *parser, struct mw_node **ret) MW_MUST_CHECK;
static struct mw_error *parse_slice(struct mw_parser *parser, struct mw_node **ret) MW_MUST_CHECK;

void mw_node_destroy(struct mw_node *node)
{
	if (!node)
		return;
	mw_node_destroy(node->left);
	mw_node_destroy(node->right);
	free(node->text);
	free(node->file);
	free(node->type.name);
	free(node);
}

static void destroy_node_pointer(struct mw_node **node)
{
	mw_node_destroy(*node);
}

#define auto_node __attribute__((cleanup(destroy_node_pointer)))

bool mw_parser_at_word(const struct mw_parser *parser, const char *word)
{
	const struct mw_token *token = parser->token;

	return token->kind == MW_TOKEN_NAME && token->end - token->start == strlen(word) &&
	       !strncmp(parser->text + token->start, word, strlen(word));
}

struct mw_error *mw_parser_error(const struct mw_parser *parser, const char *expected)
{
	const struct mw_token *token = parser->token;

	if (token->kind == MW_TOKEN_END)
		return mw_error_create(MW_ERROR_USAGE, "%s is missing at the end of `%s`", expected,
				       parser->text);
	return mw_error_create(MW_ERROR_USAGE, "%s is expected at column %zu of `%s`, not `%.*s`",
			       expected, token->start + 1, parser->text,
			       (int)(token->end - token->start), parser->text + token->start);
}

/* Makes a node over @left (taken) up to the last token read. @return NULL: @left is freed. */
static struct mw_node *node_over(struct mw_parser *parser, enum mw_node_kind kind, size_t start,
				 struct mw_node *left)
{
	struct mw_node *node = calloc(1, sizeof(*node));

	if (!node) {
		mw_node_destroy(left);
		return NULL;
	}
	node->kind = kind;
	node->left = left;
	node->start = left ? mw_min(start, left->start) : start;
	node->end = parser->token[-1].end;
	return node;
}

static struct mw_error *expect(struct mw_parser *parser, char character, const char *what)
{
	if (!mw_parser_at(parser, character))
		return mw_parser_error(parser, what);
	parser->token++;
	return NULL;
}

char *mw_parser_path(struct mw_parser *parser)
{
	const struct mw_token *first = parser->token++;
	char *path, *out;
	size_t length;

	while (parser->token[0].kind == MW_TOKEN_SCOPE && parser->token[1].kind == MW_TOKEN_NAME)
		parser->token += 2;
	length = parser->token[-1].end - first->start;
	path = strndup(parser->text + first->start, length);
	if (!path)
		return NULL;
	/* `a :: b` is `a::b`. */
	out = path;
	for (const char *in = path; *in; in++) {
		if (!strchr(" \t\n\v\f\r", *in))
			*out++ = *in;
	}
	*out = '\0';
	return path;
}

/* 'file.c'::path, or a whole name in quotes. */
static struct mw_error *parse_quoted(struct mw_parser *parser, struct mw_node **ret)
{
	const struct mw_token *quoted = parser->token++;
	auto_node struct mw_node *node = node_over(parser, MW_NODE_NAME, quoted->start, NULL);
	char *text = strndup(parser->text + quoted->start + 1, quoted->end - quoted->start - 2);

	if (!node || !text) {
		free(text);
		return mw_err_nomem;
	}
	if (parser->token->kind != MW_TOKEN_SCOPE) {
		node->text = text;
	} else {
		node->file = text;
		parser->token++;
		if (parser->token->kind != MW_TOKEN_NAME)
			return mw_parser_error(parser, "a name");
		node->text = mw_parser_path(parser);
		node->end = parser->token[-1].end;
	}
	*ret = node;
	node = NULL;
	return (*ret)->text ? NULL : mw_err_nomem;
}

static struct mw_error *parse_name(struct mw_parser *parser, struct mw_node **ret)
{
	size_t start = parser->token->start;
	char *path = mw_parser_path(parser);
	struct mw_node *node = path ? node_over(parser, MW_NODE_NAME, start, NULL) : NULL;

	if (!node) {
		free(path);
		return mw_err_nomem;
	}
	node->text = path;
	*ret = node;
	return NULL;
}

static struct mw_error *parse_literal(struct mw_parser *parser, struct mw_node **ret)
{
	const struct mw_token *token = parser->token++;
	bool is_number = token->kind == MW_TOKEN_NUMBER;
	struct mw_node *node = node_over(parser, is_number ? MW_NODE_NUMBER : MW_NODE_REGISTER,
					 token->start, NULL);

	if (!node)
		return mw_err_nomem;
	node->number = token->number;
	node->text = strndup(parser->text + token->start, token->end - token->start);
	*ret = node;
	return NULL;
}

static struct mw_error *parse_group(struct mw_parser *parser, struct mw_node **ret)
{
	size_t start = parser->token++->start;
	auto_node struct mw_node *inside = NULL;
	struct mw_error *err;

	err = parse_slice(parser, &inside);
	if (!err)
		err = expect(parser, ')', "`)`");
	if (err)
		return err;
	inside->start = start;
	inside->end = parser->token[-1].end;
	*ret = inside;
	inside = NULL;
	return NULL;
}

static struct mw_error *parse_primary(struct mw_parser *parser, struct mw_node **ret)
{
	switch (parser->token->kind) {
	case MW_TOKEN_NAME:
		return parse_name(parser, ret);
	case MW_TOKEN_QUOTED:
		return parse_quoted(parser, ret);
	case MW_TOKEN_NUMBER:
	case MW_TOKEN_REGISTER:
		return parse_literal(parser, ret);
	default:
		if (mw_parser_at(parser, '('))
			return parse_group(parser, ret);
		return mw_parser_error(parser, "a name or a number");
	}
}

static struct mw_error *parse_member(struct mw_parser *parser, struct mw_node **node)
{
	bool is_arrow = parser->token->kind == MW_TOKEN_ARROW;
	const struct mw_token *name = ++parser->token;

	if (name->kind != MW_TOKEN_NAME)
		return mw_parser_error(parser, "the name of a member");
	parser->token++;
	*node = node_over(parser, is_arrow ? MW_NODE_ARROW : MW_NODE_MEMBER, (*node)->start, *node);
	if (!*node)
		return mw_err_nomem;
	(*node)->text = strndup(parser->text + name->start, name->end - name->start);
	return (*node)->text ? NULL : mw_err_nomem;
}

static struct mw_error *parse_additive(struct mw_parser *parser, struct mw_node **ret);

static struct mw_error *parse_index(struct mw_parser *parser, struct mw_node **node)
{
	auto_node struct mw_node *index = NULL;
	struct mw_error *err;

	parser->token++;
	err = parse_additive(parser, &index);
	if (!err)
		err = expect(parser, ']', "`]`");
	if (err)
		return err;
	*node = node_over(parser, MW_NODE_INDEX, (*node)->start, *node);
	if (!*node)
		return mw_err_nomem;
	(*node)->right = index;
	index = NULL;
	return NULL;
}

static struct mw_error *parse_postfix(struct mw_parser *parser, struct mw_node **ret)
{
	auto_node struct mw_node *node = NULL;
	struct mw_error *err = parse_primary(parser, &node);
	int links = 0;

	while (!err) {
		if (mw_parser_at(parser, '['))
			err = parse_index(parser, &node);
		else if (mw_parser_at(parser, '.') || parser->token->kind == MW_TOKEN_ARROW)
			err = parse_member(parser, &node);
		else
			break;
		if (!err && ++links > MAX_DEPTH)
			err = mw_error_create(MW_ERROR_USAGE,
					      "more than %d members and indexes in one expression",
					      MAX_DEPTH);
	}
	if (err)
		return err;
	*ret = node;
	node = NULL;
	return NULL;
}

static struct mw_error *parse_operand(struct mw_parser *parser, enum mw_node_kind kind,
				      size_t start, struct mw_node **ret)
{
	struct mw_node *operand = NULL;
	struct mw_error *err = parse_unary(parser, &operand);

	if (err)
		return err;
	*ret = node_over(parser, kind, start, operand);
	return *ret ? NULL : mw_err_nomem;
}

static struct mw_error *parse_cast(struct mw_parser *parser, struct mw_type_spec *spec,
				   size_t start, struct mw_node **ret)
{
	struct mw_error *err = parse_operand(parser, MW_NODE_CAST, start, ret);

	if (err)
		free(spec->name);
	else
		(*ret)->type = *spec;
	return err;
}

static struct mw_error *parse_prefix(struct mw_parser *parser, struct mw_node **ret)
{
	static const struct {
		char character;
		enum mw_node_kind kind;
	} operators[] = {
		{'*', MW_NODE_DEREFERENCE},
		{'&', MW_NODE_ADDRESS},
		{'-', MW_NODE_NEGATE},
	};
	size_t start = parser->token->start;
	struct mw_type_spec spec;

	for (size_t i = 0; i < mw_array_size(operators); i++) {
		if (!mw_parser_at(parser, operators[i].character))
			continue;
		parser->token++;
		return parse_operand(parser, operators[i].kind, start, ret);
	}
	if (mw_parser_at(parser, '(')) {
		parser->token++;
		if (mw_parser_cast(parser, &spec))
			return parse_cast(parser, &spec, start, ret);
		parser->token--;
	}
	return parse_postfix(parser, ret);
}

static struct mw_error *parse_unary(struct mw_parser *parser, struct mw_node **ret)
{
	struct mw_error *err;

	if (parser->depth >= MAX_DEPTH)
		return mw_error_create(MW_ERROR_USAGE, "the expression is nested too deeply");
	parser->depth++;
	err = parse_prefix(parser, ret);
	parser->depth--;
	return err;
}

/* Reads the right side of a binary operator and puts a node over both; @node is taken. */
static struct mw_error *parse_right(struct mw_parser *parser, enum mw_node_kind kind,
				    struct mw_node **node)
{
	auto_node struct mw_node *right = NULL;
	struct mw_error *err;

	parser->token++;
	err = parse_unary(parser, &right);
	if (err)
		return err;
	*node = node_over(parser, kind, (*node)->start, *node);
	if (!*node)
		return mw_err_nomem;
	(*node)->right = right;
	right = NULL;
	return NULL;
}

static struct mw_error *parse_additive(struct mw_parser *parser, struct mw_node **ret)
{
	auto_node struct mw_node *node = NULL;
	struct mw_error *err = parse_unary(parser, &node);
	int terms = 0;

	while (!err && (mw_parser_at(parser, '+') || mw_parser_at(parser, '-'))) {
		if (++terms > MAX_DEPTH)
			return mw_error_create(MW_ERROR_USAGE, "more than %d terms", MAX_DEPTH);
		err = parse_right(
			parser, mw_parser_at(parser, '+') ? MW_NODE_ADD : MW_NODE_SUBTRACT, &node);
	}
	if (err)
		return err;
	*ret = node;
	node = NULL;
	return NULL;
}

static struct mw_error *parse_slice(struct mw_parser *parser, struct mw_node **ret)
{
	auto_node struct mw_node *node = NULL;
	struct mw_error *err = parse_additive(parser, &node);

	if (!err && mw_parser_at(parser, '@'))
		err = parse_right(parser, MW_NODE_SLICE, &node);
	if (err)
		return err;
	*ret = node;
	node = NULL;
	return NULL;
}

static struct mw_error *parse_range(struct mw_parser *parser, struct mw_node **ret)
{
	const struct mw_token *addr = parser->token, *length = addr + 2;
	struct mw_node *node;

	parser->token += 2;
	if (length->kind != MW_TOKEN_NUMBER)
		return mw_parser_error(parser, "a length in bytes");
	parser->token++;
	node = node_over(parser, MW_NODE_RANGE, addr->start, NULL);
	if (!node)
		return mw_err_nomem;
	node->number = addr->number;
	node->length = length->number;
	*ret = node;
	return NULL;
}

static bool at_range(const struct mw_parser *parser)
{
	return parser->token[0].kind == MW_TOKEN_NUMBER &&
	       parser->token[1].kind == MW_TOKEN_PUNCTUATION && parser->token[1].character == ':';
}

static struct mw_error *parse_all(struct mw_parser *parser, struct mw_node **ret)
{
	auto_node struct mw_node *node = NULL;
	struct mw_error *err;

	if (parser->token->kind == MW_TOKEN_END)
		return mw_error_create(MW_ERROR_USAGE,
				       "the expression is empty: name a variable, as `counter`, or "
				       "ADDRESS:LENGTH");
	err = at_range(parser) ? parse_range(parser, &node) : parse_slice(parser, &node);
	if (!err && parser->token->kind != MW_TOKEN_END)
		err = mw_parser_error(parser, "the end of the expression");
	if (err)
		return err;
	*ret = node;
	node = NULL;
	return NULL;
}

struct mw_error *mw_node_parse(const char *text, struct mw_node **ret)
{
	struct mw_parser parser = {.text = text};
	struct mw_tokens tokens;
	struct mw_error *err;

	err = mw_tokens_init(text, &tokens);
	if (err)
		return err;
	parser.token = tokens.list.items;
	err = parse_all(&parser, ret);
	mw_tokens_deinit(&tokens);
	return err;
}
