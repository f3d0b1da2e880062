// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/parser.h"

/* Words that base types are made of, in the order they are written out. */
static const char *const base_words[] = {
	"unsigned", "signed", "short", "long", "char", "int",
	"float",    "double", "_Bool", "bool", "void", "__int128",
};

static const char *const tag_words[] = {"struct", "union", "enum", "class"};
static const char *const qualifier_words[] = {"const", "volatile", "_Atomic", "restrict"};

static const char *word_among(const struct mw_parser *parser, const char *const *words,
			      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (mw_parser_at_word(parser, words[i]))
			return words[i];
	}
	return NULL;
}

#define accept_word(parser, words)                                                                 \
	({                                                                                         \
		const char *word_ = word_among((parser), (words), mw_array_size(words));           \
		if (word_)                                                                         \
			(parser)->token++;                                                         \
		word_;                                                                             \
	})

static void skip_qualifiers(struct mw_parser *parser)
{
	while (accept_word(parser, qualifier_words))
		;
}

static size_t count_words(const char *const *words, size_t count, const char *word)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += !strcmp(words[i], word);
	return found;
}

/* `int` says nothing beside another word: "long int" is "long", "unsigned" is "unsigned int". */
static void write_base_name(const char *const *words, size_t count, char *out, size_t size)
{
	bool sized = count_words(words, count, "short") || count_words(words, count, "long");
	const char *separator = "";
	size_t used = 0;

	for (size_t i = 0; i < mw_array_size(base_words); i++) {
		const char *word = base_words[i];
		size_t times = count_words(words, count, word);

		if ((sized && !strcmp(word, "int")) || !strcmp(word, "signed"))
			times = 0;
		for (; times && used < size; times--, separator = " ")
			used += (size_t)snprintf(out + used, size - used, "%s%s", separator, word);
	}
}

static char *normalise(const char *const *words, size_t count)
{
	char name[64] = "";

	if (count_words(words, count, "signed") && count_words(words, count, "char"))
		return strdup("signed char");
	write_base_name(words, count, name, sizeof(name));
	if (!strcmp(name, ""))
		return strdup("int");
	return strdup(strcmp(name, "unsigned") ? name : "unsigned int");
}

static char *read_base(struct mw_parser *parser)
{
	enum { MAX_WORDS = 6 };
	const char *words[MAX_WORDS];
	size_t count = 0;

	while (count < MAX_WORDS) {
		const char *word = accept_word(parser, base_words);

		if (!word)
			break;
		words[count++] = word;
		skip_qualifiers(parser);
	}
	return count ? normalise(words, count) : NULL;
}

static void read_declarator(struct mw_parser *parser, struct mw_type_spec *spec)
{
	skip_qualifiers(parser);
	for (; mw_parser_at(parser, '*'); skip_qualifiers(parser)) {
		spec->pointers++;
		parser->token++;
	}
	if (mw_parser_at(parser, '[') && parser->token[1].kind == MW_TOKEN_NUMBER) {
		spec->count = parser->token[1].number;
		parser->token += 2;
		if (mw_parser_at(parser, ']'))
			parser->token++;
	}
}

/* `(name) x` is a cast, `(name)`, `(name)[1]`, `(name) - 1` are not. */
static bool starts_operand(const struct mw_token *token)
{
	switch (token->kind) {
	case MW_TOKEN_NAME:
	case MW_TOKEN_NUMBER:
	case MW_TOKEN_QUOTED:
	case MW_TOKEN_REGISTER:
		return true;
	case MW_TOKEN_PUNCTUATION:
		return strchr("(*&", token->character) != NULL;
	default:
		return false;
	}
}

static bool is_cast(const struct mw_parser *parser, const struct mw_type_spec *spec)
{
	if (!spec->name || !mw_parser_at(parser, ')'))
		return false;
	return spec->keyword || spec->is_base || spec->pointers || spec->count ||
	       starts_operand(parser->token + 1);
}

bool mw_parser_cast(struct mw_parser *parser, struct mw_type_spec *ret)
{
	const struct mw_token *start = parser->token;
	struct mw_type_spec spec = {0};

	skip_qualifiers(parser);
	spec.keyword = accept_word(parser, tag_words);
	if (!spec.keyword) {
		spec.name = read_base(parser);
		spec.is_base = spec.name != NULL;
	}
	if (!spec.name && parser->token->kind == MW_TOKEN_NAME)
		spec.name = mw_parser_path(parser);
	read_declarator(parser, &spec);
	if (!is_cast(parser, &spec)) {
		free(spec.name);
		parser->token = start;
		return false;
	}
	parser->token++;
	*ret = spec;
	return true;
}
