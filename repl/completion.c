// SPDX-License-Identifier: MIT
#include "repl/completion.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "repl/command.h"
#include "watch/session.h"

/** Words being collected that begin with what stands before the cursor. */
struct collector {
	struct mw_completion *completion;
	const char *prefix;
};

/** Takes ownership of @word. */
static void keep(struct mw_completion *completion, char *word)
{
	if (word && !mw_vec_push(&completion->words, word))
		free(word);
}

static void offer(struct collector *collector, const char *word)
{
	if (strncmp(word, collector->prefix, strlen(collector->prefix)) == 0)
		keep(collector->completion, strdup(word));
}

static void offer_commands(struct collector *collector)
{
	size_t count;
	const struct mw_command *table = mw_command_table(&count);

	for (size_t i = 0; i < count; i++)
		offer(collector, table[i].name);
}

static void offer_topics(struct collector *collector)
{
	size_t count;
	const struct mw_topic *table = mw_topic_table(&count);

	for (size_t i = 0; i < count; i++)
		offer(collector, table[i].name);
}

static void offer_settings(struct collector *collector)
{
	size_t count;
	const struct mw_setting *table = mw_setting_table(&count);

	for (size_t i = 0; i < count; i++)
		offer(collector, table[i].name);
}

static void offer_watch(void *arg, const struct mw_watch_info *watch)
{
	offer(arg, watch->name);
}

/** A name in the folder @folder; folders end with a slash, so that Tab goes on inside. */
static void offer_entry(struct collector *collector, const char *folder, const char *name)
{
	mw_auto_free char *path = NULL;
	struct stat status;

	if (asprintf(&path, "%s%s", folder, name) < 0) {
		path = NULL;
		return;
	}
	if (strncmp(path, collector->prefix, strlen(collector->prefix)) != 0)
		return;
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
		char *with_slash;

		if (asprintf(&with_slash, "%s/", path) >= 0)
			keep(collector->completion, with_slash);
		return;
	}
	keep(collector->completion, mw_take_pointer(path));
}

static void offer_files(struct collector *collector)
{
	const char *slash = strrchr(collector->prefix, '/');
	size_t length = slash ? (size_t)(slash - collector->prefix) + 1 : 0;
	char folder[PATH_MAX];
	mw_auto_closedir DIR *entries = NULL;
	bool hidden = collector->prefix[length] == '.';
	const struct dirent *entry;

	snprintf(folder, sizeof(folder), "%.*s", (int)length, collector->prefix);
	entries = opendir(length ? folder : ".");
	while (entries && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    (hidden || entry->d_name[0] != '.'))
			offer_entry(collector, folder, entry->d_name);
}

/** Characters at the end of @text that @word begins with. */
static size_t overlap(const char *text, const char *word)
{
	size_t length = strlen(text);
	size_t longest = mw_min(length, strlen(word));

	for (size_t size = longest; size > 0; size--)
		if (strncmp(text + length - size, word, size) == 0)
			return size;
	return 0;
}

/** A word from the symbols; how much of it is typed already shows from the first one. */
static void offer_symbol(void *arg, const char *word)
{
	struct collector *collector = arg;
	size_t typed = overlap(collector->prefix, word);

	if (collector->completion->words.count == 0)
		collector->completion->typed = typed;
	if (typed == collector->completion->typed)
		keep(collector->completion, strdup(word));
}

/** Where the operand of @line starts, behind the command and its options. */
static const char *operand_start(const char *line, const struct mw_command *command)
{
	const char *text = line + strcspn(line, " \t");

	for (;;) {
		text += strspn(text, " \t");
		if (!(command->options && text[0] == '-' && strchr(text, ' ')))
			return text;
		/* The option, then its value. */
		text += strcspn(text, " \t");
		text += strspn(text, " \t");
		text += strcspn(text, " \t");
	}
}

static const char *last_word(const char *text)
{
	const char *blank = strrchr(text, ' ');

	return blank ? blank + 1 : text;
}

static void offer_operands(struct mw_session *session, const char *line,
			   struct mw_completion *completion)
{
	char verb[32] = "";
	size_t length = mw_min(strcspn(line, " \t/"), sizeof(verb) - 1);
	struct collector collector = {.completion = completion};
	const struct mw_command *command;
	struct mw_error *err;

	memcpy(verb, line, length);
	err = mw_command_find(verb, &command);
	if (err) {
		mw_error_destroy(err);
		return;
	}
	collector.prefix = operand_start(line, command);
	if (command->operand != MW_OPERAND_EXPRESSION && command->operand != MW_OPERAND_FILE)
		collector.prefix = last_word(collector.prefix);
	completion->typed = strlen(collector.prefix);
	switch (command->operand) {
	case MW_OPERAND_EXPRESSION:
		mw_session_complete(session, collector.prefix, offer_symbol, &collector);
		break;
	case MW_OPERAND_WATCHES:
		mw_session_watches(session, offer_watch, &collector);
		break;
	case MW_OPERAND_TOPIC:
		offer_topics(&collector);
		break;
	case MW_OPERAND_SETTING:
		offer_settings(&collector);
		break;
	case MW_OPERAND_FILE:
		offer_files(&collector);
		break;
	case MW_OPERAND_COMMAND:
		offer_commands(&collector);
		break;
	case MW_OPERAND_NONE:
	case MW_OPERAND_THREAD:
		break;
	}
}

static int compare_words(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort_words(struct mw_completion *completion)
{
	char **words = completion->words.items;
	size_t kept = 0;

	if (completion->words.count < 2)
		return;
	qsort(words, completion->words.count, sizeof(*words), compare_words);
	for (size_t i = 0; i < completion->words.count; i++) {
		if (kept && strcmp(words[kept - 1], words[i]) == 0)
			free(words[i]);
		else
			words[kept++] = words[i];
	}
	completion->words.count = kept;
}

void mw_completion_list(struct mw_session *session, const char *line, struct mw_completion *ret)
{
	struct collector collector = {.completion = ret};

	*ret = (struct mw_completion){0};
	line += strspn(line, " \t");
	if (strpbrk(line, " \t")) {
		offer_operands(session, line, ret);
	} else {
		collector.prefix = line;
		ret->typed = strlen(line);
		offer_commands(&collector);
	}
	sort_words(ret);
}

void mw_completion_deinit(struct mw_completion *completion)
{
	mw_vec_foreach (word, &completion->words)
		free(*word);
	mw_vec_deinit(&completion->words);
}

size_t mw_completion_common(const struct mw_completion *completion)
{
	char *const *words = completion->words.items;
	size_t common;

	if (!completion->words.count)
		return 0;
	common = strlen(words[0]);
	for (size_t i = 1; i < completion->words.count; i++)
		while (strncmp(words[0], words[i], common) != 0)
			common--;
	return common;
}
