// SPDX-License-Identifier: MIT
/* Expressions against the trees they must become, and the errors of malformed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/ast.h"

static void print_node(const struct mw_node *node, FILE *out)
{
	switch (node->kind) {
	case MW_NODE_NAME:
		fprintf(out, "%s%s%s", node->file ? node->file : "", node->file ? "|" : "",
			node->text);
		return;
	case MW_NODE_NUMBER:
		fprintf(out, "%llu", (unsigned long long)node->number);
		return;
	case MW_NODE_REGISTER:
		fputs(node->text, out);
		return;
	case MW_NODE_RANGE:
		fprintf(out, "range(%llu %llu)", (unsigned long long)node->number,
			(unsigned long long)node->length);
		return;
	case MW_NODE_CAST:
		fprintf(out, "cast(%s%s%s %u %llu ", node->type.keyword ? node->type.keyword : "",
			node->type.keyword ? " " : "", node->type.name, node->type.pointers,
			(unsigned long long)node->type.count);
		print_node(node->left, out);
		fputc(')', out);
		return;
	default:
		break;
	}
	static const char *const names[] = {
		[MW_NODE_MEMBER] = ".",     [MW_NODE_ARROW] = "->",
		[MW_NODE_INDEX] = "index",  [MW_NODE_DEREFERENCE] = "deref",
		[MW_NODE_ADDRESS] = "addr", [MW_NODE_NEGATE] = "neg",
		[MW_NODE_ADD] = "add",      [MW_NODE_SUBTRACT] = "sub",
		[MW_NODE_SLICE] = "slice",
	};

	fprintf(out, "%s(", names[node->kind]);
	print_node(node->left, out);
	if (node->right) {
		fputc(' ', out);
		print_node(node->right, out);
	}
	fprintf(out, "%s%s)", node->text ? " " : "", node->text ? node->text : "");
}

static char *parse_and_print(const char *text)
{
	struct mw_node *node = NULL;
	struct mw_error *err = mw_node_parse(text, &node);
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	assert_non_null(out);
	if (err)
		fprintf(out, "error: %s", err->message);
	else
		print_node(node, out);
	fclose(out);
	mw_error_destroy(err);
	mw_node_destroy(node);
	return result;
}

static const struct {
	const char *text;
	const char *expected;
} cases[] = {
	{"counter", "counter"},
	{" counter ", "counter"},
	{"'file.c'::state", "file.c|state"},
	{"'src/file.c'::f::x", "src/file.c|f::x"},
	{"'ns::box<int>::count'", "ns::box<int>::count"},
	{"function::variable", "function::variable"},
	{"a :: b", "a::b"},
	{"größe", "größe"},
	{"cfg.limits[3].soft", ".(index(.(cfg limits) 3) soft)"},
	{"p->next->v", "->(->(p next) v)"},
	{"*p->x", "deref(->(p x))"},
	{"**p", "deref(deref(p))"},
	{"(*p).x", ".(deref(p) x)"},
	{"&x", "addr(x)"},
	{"&a[1].b", "addr(.(index(a 1) b))"},
	{"a[-1]", "index(a neg(1))"},
	{"a[i + 1]", "index(a add(i 1))"},
	{"a[b[c]]", "index(a index(b c))"},
	{"a[2]@5", "slice(index(a 2) 5)"},
	{"*p@n", "slice(deref(p) n)"},
	{"p + 1", "add(p 1)"},
	{"a - b - c", "sub(sub(a b) c)"},
	{"*(int *)0x1f", "deref(cast(int 1 0 31))"},
	{"(struct conn *)0x55", "cast(struct conn 1 0 85)"},
	{"((struct conn *)0x55)->fd", "->(cast(struct conn 1 0 85) fd)"},
	{"(const struct a::b **)p", "cast(struct a::b 2 0 p)"},
	{"(unsigned long)p", "cast(unsigned long 0 0 p)"},
	{"(long unsigned int *)p", "cast(unsigned long 1 0 p)"},
	{"(unsigned)p", "cast(unsigned int 0 0 p)"},
	{"(long long)p", "cast(long long 0 0 p)"},
	{"(signed char *)p", "cast(signed char 1 0 p)"},
	{"(signed)p", "cast(int 0 0 p)"},
	{"(char const *)p", "cast(char 1 0 p)"},
	{"(size_t)p", "cast(size_t 0 0 p)"},
	{"(size_t *)p", "cast(size_t 1 0 p)"},
	{"(enum color)1", "cast(enum color 0 0 1)"},
	{"(p)", "p"},
	{"(p)[1]", "index(p 1)"},
	{"(p) - 1", "sub(p 1)"},
	{"(p)->x", "->(p x)"},
	{"(x)(y)", "cast(x 0 0 y)"},
	{"0x7f00:4096", "range(32512 4096)"},
	{"100:0x10", "range(100 16)"},
	{"0x10 : 8", "range(16 8)"},
	{"$rax", "$rax"},
	{"", "error: the expression is empty: name a variable, as `counter`, or ADDRESS:LENGTH"},
	{"a.", "error: the name of a member is missing at the end of `a.`"},
	{"a.1", "error: the name of a member is expected at column 3 of `a.1`, not `1`"},
	{"a[", "error: a name or a number is missing at the end of `a[`"},
	{"a[1", "error: `]` is missing at the end of `a[1`"},
	{"(a", "error: `)` is missing at the end of `(a`"},
	{"a b", "error: the end of the expression is expected at column 3 of `a b`, not `b`"},
	{"a = 1", "error: unexpected `=` at column 3"},
	{"a::", "error: the end of the expression is expected at column 2 of `a::`, not `::`"},
	{"'a.c", "error: the quote at column 1 is not closed: write 'file.c'::name"},
	{"'a.c'::", "error: a name is missing at the end of `'a.c'::`"},
	{"0x", "error: `0x` is not a number: write 42 or 0x2a"},
	{"12ab", "error: `12ab` is not a number: write 42 or 0x2a"},
	{"0x10000000000000000", "error: `0x10000000000000000` does not fit in 64 bits"},
	{"0x10:", "error: a length in bytes is missing at the end of `0x10:`"},
	{"0x10:-1", "error: a length in bytes is expected at column 6 of `0x10:-1`, not `-`"},
	{"$", "error: a register name is missing after `$`"},
	{"a@", "error: a name or a number is missing at the end of `a@`"},
	{"\x01", "error: unexpected `?` at column 1"},
};

static void test_expressions_become_the_trees_c_gives_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++) {
		char *result = parse_and_print(cases[i].text);

		if (strcmp(result, cases[i].expected))
			fail_msg("`%s` became\n%s\nshould be\n%s", cases[i].text, result,
				 cases[i].expected);
		free(result);
	}
}

static void test_deep_nesting_is_refused(void **state)
{
	static const char openers[] = "(*&-[";
	char text[4001];

	(void)state;
	for (size_t i = 0; i < strlen(openers); i++) {
		char *result;

		memset(text, openers[i], sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		if (openers[i] == '[')
			text[0] = 'a';
		result = parse_and_print(text);
		assert_int_equal(strncmp(result, "error: ", 7), 0);
		free(result);
	}
}

static void test_long_chains_and_texts_are_refused(void **state)
{
	char text[6000] = "a";
	char *result;

	(void)state;
	for (size_t i = 1; i + 2 < 4000; i += 2)
		strcpy(text + i, ".b");
	result = parse_and_print(text);
	assert_non_null(strstr(result, "more than"));
	free(result);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	result = parse_and_print(text);
	assert_non_null(strstr(result, "longer than"));
	free(result);
}

/* Pieces that make random text look like expressions. */
static const char *const pieces[] = {
	"a", "b",     "'f.c'", "::", ".",    "->", "[",    "]",        "(",    ")",      "*",
	"&", "-",     "+",     "@",  ":",    "1",  "0xff", "$r",       "int",  "struct", " ",
	"'", "const", "::",    "99", "long", "\t", "\xc3", "unsigned", "\x7f", "0x",     "enum",
};

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16 & 0x7fff;
}

static void test_random_text_is_parsed_or_refused(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		unsigned count = next_random(&seed) % 12;
		char text[256] = "";

		for (unsigned i = 0; i < count; i++)
			strcat(text, pieces[next_random(&seed) % mw_array_size(pieces)]);
		if (*text && round % 3 == 0)
			text[next_random(&seed) % strlen(text)] = (char)next_random(&seed);
		free(parse_and_print(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions_become_the_trees_c_gives_them),
		cmocka_unit_test(test_deep_nesting_is_refused),
		cmocka_unit_test(test_long_chains_and_texts_are_refused),
		cmocka_unit_test(test_random_text_is_parsed_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
