// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbols/eval.h"
#include "symbols/module.h"

/* Most words offered for one prefix. */
#define MAX_WORDS 500

/* A word being completed. */
struct completion {
	struct mw_symbols *symbols;
	const char *prefix;
	void (*visit)(void *arg, const char *word);
	void *arg;
	size_t count;
	const char *last;
};

static bool is_word_part(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void offer(struct completion *completion, const char *word)
{
	if (strncmp(word, completion->prefix, strlen(completion->prefix)) ||
	    completion->count >= MAX_WORDS || (completion->last && !strcmp(completion->last, word)))
		return;
	completion->count++;
	completion->last = word;
	completion->visit(completion->arg, word);
}

static void offer_members(struct completion *completion, const struct mw_type *type)
{
	mw_vec_foreach (member, &type->members) {
		if (member->name && !member->is_base)
			offer(completion, member->name);
		else if (mw_type_is_structure(member->type))
			offer_members(completion, mw_type_strip(member->type));
	}
}

/* @base is what stands before the "." or "->". */
static void complete_member(struct completion *completion, const char *base, bool is_arrow)
{
	struct mw_symbols *symbols = completion->symbols;
	const struct mw_type *type;
	struct mw_value value;
	struct mw_error *err;

	err = mw_eval_text(symbols, base, &value);
	if (err) {
		mw_error_destroy(err);
		return;
	}
	type = mw_value_type(&value);
	if (is_arrow && type && type->kind == MW_TYPE_POINTER) {
		type = mw_type_target(symbols, type);
		type = mw_type_strip(mw_type_complete(symbols, type));
	}
	if (type && mw_type_is_structure(type))
		offer_members(completion, type);
}

static void offer_names(struct completion *completion, struct mw_module *module)
{
	struct mw_error *err = mw_name_index_load(module);

	mw_error_destroy(err);
	mw_vec_foreach (name, &module->names.names) {
		if (name->kind == MW_NAME_VARIABLE)
			offer(completion, name->name);
	}
}

static void offer_objects(struct completion *completion, struct mw_module *module)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);

	mw_vec_foreach (index, &symbols->by_name) {
		const struct mw_elf_symbol *symbol = &symbols->by_addr.items[*index];

		if (symbol->type == STT_OBJECT && symbol->size)
			offer(completion, symbol->name);
	}
}

/* The program's own names; those of libraries are too many to help. */
static void complete_name(struct completion *completion)
{
	struct mw_module *module;

	if (!completion->symbols->modules.count)
		return;
	module = completion->symbols->modules.items[0];
	if (mw_module_dwarf(module))
		offer_names(completion, module);
	else
		offer_objects(completion, module);
}

/* @return where the bracket that closes at @end opens; @end when it doesn't. */
static size_t opening_bracket(const char *text, size_t end)
{
	int nesting = 0;

	for (size_t at = end + 1; at-- > 0;) {
		nesting +=
			(text[at] == ')' || text[at] == ']') - (text[at] == '(' || text[at] == '[');
		if (!nesting)
			return at;
	}
	return end;
}

/* Where the operand that ends before @end starts: "x" of "a[x", "a[x]" of "*a[x]". */
static size_t operand_start(const char *text, size_t end)
{
	size_t at = end;

	while (at > 0) {
		char c = text[at - 1];

		if (c == ']' || c == ')')
			at = opening_bracket(text, at - 1);
		else if (is_word_part(c) || strchr(".:\'", c))
			at--;
		else if (at > 1 && c == '>' && text[at - 2] == '-')
			at -= 2;
		else
			break;
		if (text[at] == ']' || text[at] == ')')
			break;
	}
	return at;
}

void mw_symbols_complete(struct mw_symbols *symbols, const char *expression,
			 void (*visit)(void *arg, const char *word), void *arg)
{
	struct completion completion = {symbols, NULL, visit, arg, 0, NULL};
	size_t at = strlen(expression);
	mw_auto_free char *base = NULL;
	size_t operator_length = 0, start;

	while (at > 0 && is_word_part(expression[at - 1]))
		at--;
	completion.prefix = expression + at;
	if (at > 1 && !strncmp(expression + at - 2, "->", 2))
		operator_length = 2;
	else if (at > 0 && expression[at - 1] == '.')
		operator_length = 1;
	if (!operator_length) {
		complete_name(&completion);
		return;
	}
	at -= operator_length;
	start = operand_start(expression, at);
	base = strndup(expression + start, at - start);
	if (base)
		complete_member(&completion, base, operator_length == 2);
}
