// SPDX-License-Identifier: MIT
/** Checks every fact a fixture prints about itself. */
#ifndef MW_TESTS_SYMBOLS_FACTS_H
#define MW_TESTS_SYMBOLS_FACTS_H

#include "symbols_target.h"

struct facts {
	struct target target;
	const char *fixture;
	char lines[128][1024];
	size_t count;
};

static inline char *fact_field(char **rest)
{
	char *field = strsep(rest, "\t");

	if (!field)
		fail_msg("a field is missing in a fact");
	return field;
}

static inline void check_object_fact(struct facts *facts, char *fields)
{
	const char *expression = fact_field(&fields);
	uint64_t addr = strtoull(fact_field(&fields), NULL, 0);
	uint64_t size = strtoull(fact_field(&fields), NULL, 0);
	struct mw_object object;
	struct mw_error *err = mw_symbols_eval(facts->target.symbols, expression, &object);

	if (err)
		fail_msg("%s: `%s`: %s", facts->fixture, expression, err->message);
	if (object.addr.v != addr || object.size != size)
		fail_msg("%s: `%s` is 0x%" PRIx64 ":%" PRIu64 ", should be 0x%" PRIx64 ":%" PRIu64,
			 facts->fixture, expression, object.addr.v, object.size, addr, size);
}

static inline void check_value_fact(struct facts *facts, char *fields)
{
	const char *expression = fact_field(&fields);
	const char *expected = fact_field(&fields);
	char *text = target_print(&facts->target, expression);

	if (strcmp(text, expected))
		fail_msg("%s: `%s` is printed as\n%s\nshould be\n%s", facts->fixture, expression,
			 text, expected);
	free(text);
}

/* Functions are listed as inner<middle<outer. */
static inline void check_place_fact(struct facts *facts, char *fields)
{
	const char *label = fact_field(&fields);
	uint64_t addr = strtoull(fact_field(&fields), NULL, 0);
	const char *expected = fact_field(&fields);
	int line = atoi(fact_field(&fields));
	struct mw_place place;
	char functions[512];

	mw_symbols_place(facts->target.symbols, mw_addr_make(addr), &place);
	snprintf(functions, sizeof(functions), "%s", place.function ? place.function : "?");
	for (unsigned i = 0; i < place.inlined_count; i++) {
		strcat(functions, "<");
		strcat(functions, place.inlined_into[i]);
	}
	if (strcmp(functions, expected) || place.line != line || !place.file ||
	    place.file[0] != '/' || access(place.file, R_OK))
		fail_msg("%s: %s is in %s at %s:%d, should be %s:%d", facts->fixture, label,
			 functions, place.file ? place.file : "?", place.line, expected, line);
}

static inline void check_function_fact(struct facts *facts, char *fields)
{
	const char *name = fact_field(&fields);
	uint64_t addr = strtoull(fact_field(&fields), NULL, 0);
	uint64_t offset = strtoull(fact_field(&fields), NULL, 0);
	struct mw_place place;

	mw_symbols_place(facts->target.symbols, mw_addr_make(addr), &place);
	if (strcmp(place.function ? place.function : "-", name) || place.function_offset != offset)
		fail_msg("%s: 0x%" PRIx64 " is in %s+%" PRIu64 ", should be %s+%" PRIu64,
			 facts->fixture, addr, place.function ? place.function : "-",
			 place.function_offset, name, offset);
	if (!strncmp(facts->fixture, "shapes", 6) && !place.line)
		fail_msg("%s: %s has no line", facts->fixture, name);
}

static inline void check_fact(struct facts *facts, char *line)
{
	static const struct {
		const char *kind;
		void (*check)(struct facts *facts, char *fields);
	} checks[] = {
		{"object", check_object_fact},
		{"value", check_value_fact},
		{"place", check_place_fact},
		{"function", check_function_fact},
	};
	const char *kind = fact_field(&line);

	for (size_t i = 0; i < mw_array_size(checks); i++) {
		if (!strcmp(kind, checks[i].kind))
			checks[i].check(facts, line);
	}
}

/* Runs the fixture and checks what it says. @return the number of facts. */
static inline size_t check_facts(const char *fixture)
{
	static struct facts facts;
	size_t count;

	facts.fixture = fixture;
	facts.count = 0;
	target_start_fixture(&facts.target, fixture, NULL);
	while (target_fact(&facts.target, facts.lines[facts.count], sizeof(facts.lines[0])))
		assert_true(++facts.count < mw_array_size(facts.lines));
	target_open(&facts.target);
	for (size_t i = 0; i < facts.count; i++)
		check_fact(&facts, facts.lines[i]);
	count = facts.count;
	target_stop(&facts.target);
	return count;
}

/* Checks every fixture whose name starts with @prefix. @return how many there were. */
static inline size_t check_fixtures(const char *prefix)
{
	char path[PATH_MAX];
	struct dirent *entry;
	size_t fixtures = 0;
	DIR *directory;

	fixture_directory(path, sizeof(path));
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) || strchr(entry->d_name, '.'))
			continue;
		assert_true(check_facts(entry->d_name) > 0);
		fixtures++;
	}
	closedir(directory);
	return fixtures;
}

#endif
