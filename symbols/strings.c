// SPDX-License-Identifier: MIT
#include "symbols/strings.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static char **find_slot(const struct mw_strings *strings, const char *text)
{
	size_t mask = strings->capacity - 1;
	size_t at = hash_text(text) & mask;

	while (strings->slots[at] && strcmp(strings->slots[at], text))
		at = (at + 1) & mask;
	return &strings->slots[at];
}

static int grow(struct mw_strings *strings)
{
	size_t capacity = strings->capacity ? strings->capacity * 2 : 256;
	struct mw_strings grown = {calloc(capacity, sizeof(char *)), capacity, strings->count};

	if (!grown.slots)
		return -1;
	for (size_t i = 0; i < strings->capacity; i++) {
		if (strings->slots[i])
			*find_slot(&grown, strings->slots[i]) = strings->slots[i];
	}
	free(strings->slots);
	*strings = grown;
	return 0;
}

const char *mw_strings_add(struct mw_strings *strings, const char *text)
{
	char **slot;

	if (!text)
		return NULL;
	if (strings->count * 2 >= strings->capacity && grow(strings))
		return NULL;
	slot = find_slot(strings, text);
	if (!*slot) {
		*slot = strdup(text);
		if (*slot)
			strings->count++;
	}
	return *slot;
}

const char *mw_strings_take(struct mw_strings *strings, char *text)
{
	const char *kept = mw_strings_add(strings, text);

	free(text);
	return kept;
}

void mw_strings_deinit(struct mw_strings *strings)
{
	for (size_t i = 0; i < strings->capacity; i++)
		free(strings->slots[i]);
	free(strings->slots);
	*strings = (struct mw_strings){0};
}
