// SPDX-License-Identifier: MIT
#include "repl/prompt.h"

#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "repl/completion.h"
#include "repl/history.h"
#include "repl/row.h"

#define PROMPT_TEXT "(memwatch) "

struct mw_prompt {
	struct mw_front *front;
	EditLine *line;
	struct mw_history history;
	/** What stands in front of the line now. */
	const char *text;
	/** A line is on the screen. */
	bool editing;
	/** The terminal knows how to clear its lines. */
	bool smart;
};

static struct mw_prompt *prompt_of(EditLine *line)
{
	void *prompt = NULL;

	el_get(line, EL_CLIENTDATA, &prompt);
	return prompt;
}

static char *prompt_text(EditLine *line)
{
	return (char *)prompt_of(line)->text;
}

static size_t terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/** @return a copy of the line up to the cursor, NULL without memory. */
static char *text_to_cursor(EditLine *line)
{
	const LineInfo *info = el_line(line);
	char *text;

	if (asprintf(&text, "%.*s", (int)(info->cursor - info->buffer), info->buffer) < 0)
		return NULL;
	return text;
}

/** Columns of the prompt and of the line up to the cursor. */
static size_t width_to_cursor(struct mw_prompt *prompt)
{
	mw_auto_free char *typed = text_to_cursor(prompt->line);

	return mw_text_width(prompt->text) + (typed ? mw_text_width(typed) : 0);
}

/** Takes the line that is being typed off the screen, all rows of it. */
static void erase_line(struct mw_prompt *prompt)
{
	size_t rows_above = width_to_cursor(prompt) / terminal_width();

	if (!prompt->smart) {
		fputc('\n', stdout);
		return;
	}
	if (rows_above)
		printf("\033[%zuA", rows_above);
	fputs("\r\033[J", stdout);
}

static void show_text(struct mw_prompt *prompt, const char *text)
{
	if (prompt->editing)
		erase_line(prompt);
	fputs(text, stdout);
	fflush(stdout);
	if (prompt->editing)
		el_set(prompt->line, EL_REFRESH);
}

void mw_prompt_show(struct mw_prompt *prompt)
{
	mw_auto_free char *text = mw_reporter_take(&prompt->front->reporter);

	if (text)
		show_text(prompt, text);
}

/** Reads one character, which may be several bytes. @return 1, or 0 at the end of the input. */
static int read_character(wchar_t *ret)
{
	mbstate_t state = {0};

	for (;;) {
		char byte;
		ssize_t got = read(STDIN_FILENO, &byte, 1);
		size_t used;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		used = mbrtowc(ret, &byte, 1, &state);
		if (used == (size_t)-2)
			continue;
		if (used == (size_t)-1)
			*ret = L'?';
		return 1;
	}
}

/** libedit's source of keys: everything else that happens is taken care of in between. */
static int read_key(EditLine *line, wchar_t *ret)
{
	struct mw_prompt *prompt = prompt_of(line);

	for (;;) {
		unsigned wake = mw_front_wait(prompt->front, STDIN_FILENO);

		if (wake & MW_FRONT_RESIZED) {
			el_resize(line);
			show_text(prompt, "");
		}
		mw_prompt_show(prompt);
		if (mw_front_ended(prompt->front))
			return 0;
		if (wake & MW_FRONT_INPUT)
			return read_character(ret);
	}
}

static void clear_line(EditLine *line)
{
	const LineInfo *info = el_line(line);

	el_cursor(line, (int)(info->lastchar - info->cursor));
	info = el_line(line);
	el_deletestr(line, (int)(info->lastchar - info->buffer));
}

/** Ctrl-C: stops a running target and keeps the line; else clears the line. */
static unsigned char key_interrupt(EditLine *line, int key MW_UNUSED)
{
	struct mw_prompt *prompt = prompt_of(line);

	if (prompt->front->target.state != MW_TARGET_RUNNING) {
		clear_line(line);
		return CC_REFRESH;
	}
	mw_front_interrupt(prompt->front);
	return CC_NORM;
}

static void list_words(struct mw_prompt *prompt, struct mw_completion *completion)
{
	mw_auto_free char *text = NULL;
	size_t size, column = 0, widest = 0;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	mw_vec_foreach (word, &completion->words)
		widest = mw_max(widest, mw_text_width(*word) + 2);
	mw_vec_foreach (word, &completion->words) {
		if (column && column + widest > terminal_width()) {
			fputc('\n', memory);
			column = 0;
		}
		fprintf(memory, "%s%*s", *word, (int)(widest - mw_text_width(*word)), "");
		column += widest;
	}
	fputc('\n', memory);
	fclose(memory);
	show_text(prompt, text);
}

/** Types what all words have in common; behind a single whole word goes a blank. */
static bool insert_common(EditLine *line, const struct mw_completion *completion)
{
	size_t common = mw_completion_common(completion);
	const char *word = completion->words.items[0];
	bool whole = completion->words.count == 1 && word[0] && word[strlen(word) - 1] != '/';
	mw_auto_free char *text = NULL;

	if (common <= completion->typed && !whole)
		return false;
	if (asprintf(&text, "%.*s%s", (int)(common - completion->typed), word + completion->typed,
		     whole ? " " : "") < 0)
		text = NULL;
	return text && el_insertstr(line, text) == 0;
}

static unsigned char key_complete(EditLine *line, int key MW_UNUSED)
{
	struct mw_prompt *prompt = prompt_of(line);
	mw_auto_free char *typed = text_to_cursor(line);
	struct mw_completion completion;
	unsigned char result = CC_REFRESH;

	if (!typed)
		return CC_ERROR;
	mw_completion_list(prompt->front->session, typed, &completion);
	if (completion.words.count == 0)
		result = CC_ERROR;
	else if (!insert_common(line, &completion))
		list_words(prompt, &completion);
	mw_completion_deinit(&completion);
	return result;
}

static void set_up_editor(struct mw_prompt *prompt)
{
	EditLine *line = prompt->line;

	el_set(line, EL_CLIENTDATA, prompt);
	el_set(line, EL_EDITOR, "emacs");
	el_set(line, EL_SIGNAL, 0);
	el_set(line, EL_PROMPT, prompt_text);
	el_set(line, EL_GETCFN, read_key);
	if (prompt->history.lines)
		el_set(line, EL_HIST, history, prompt->history.lines);
	el_set(line, EL_ADDFN, "mw-complete", "Complete the word", key_complete);
	el_set(line, EL_ADDFN, "mw-interrupt", "Interrupt the target", key_interrupt);
	el_source(line, NULL);
	/*
	 * Keys, not signals: a launched target of the same terminal would get the signal as well,
	 * and a memwatch stopped by Ctrl-Z would hold the target at its next store.
	 */
	el_set(line, EL_SETTY, "-d", "-isig", NULL);
	el_set(line, EL_BIND, "^I", "mw-complete", NULL);
	el_set(line, EL_BIND, "^C", "mw-interrupt", NULL);
	el_set(line, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

struct mw_error *mw_prompt_create(struct mw_front *front, struct mw_prompt **ret)
{
	struct mw_prompt *prompt = calloc(1, sizeof(*prompt));
	const char *term = getenv("TERM");

	if (!prompt)
		return mw_err_nomem;
	prompt->front = front;
	prompt->text = PROMPT_TEXT;
	prompt->smart = term && term[0] && strcmp(term, "dumb") != 0;
	prompt->line = el_init("memwatch", stdin, stdout, stderr);
	if (!prompt->line) {
		free(prompt);
		return mw_error_create(MW_ERROR_OTHER,
				       "cannot edit lines on this terminal (TERM=%s); use --batch",
				       term ? term : "");
	}
	mw_history_init(&prompt->history);
	set_up_editor(prompt);
	*ret = prompt;
	return NULL;
}

void mw_prompt_destroy(struct mw_prompt *prompt)
{
	if (!prompt)
		return;
	el_end(prompt->line);
	mw_history_deinit(&prompt->history);
	free(prompt);
}

/** @return the line as typed, with its newline; NULL at the end. */
static const char *edit_line(struct mw_prompt *prompt, const char *text)
{
	const char *line;
	int length;

	prompt->text = text;
	prompt->editing = true;
	/* Before the prompt shows: el_gets() would leave keys to the terminal until it reads. */
	el_set(prompt->line, EL_PREP_TERM, 1);
	line = el_gets(prompt->line, &length);
	prompt->editing = false;
	return length > 0 ? line : NULL;
}

const char *mw_prompt_read(struct mw_prompt *prompt)
{
	const char *line;

	mw_prompt_show(prompt);
	line = edit_line(prompt, PROMPT_TEXT);
	if (line)
		mw_history_add(&prompt->history, line);
	else
		fputc('\n', stdout);
	return line;
}

bool mw_prompt_ask(void *arg, const char *question)
{
	struct mw_prompt *prompt = arg;
	mw_auto_free char *text = NULL;
	const char *line;

	mw_prompt_show(prompt);
	if (asprintf(&text, "%s (y or n) ", question) < 0) {
		text = NULL;
		return false;
	}
	line = edit_line(prompt, text);
	return line && (line[0] == 'y' || line[0] == 'Y');
}
