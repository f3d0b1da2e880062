// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "repl/duration.h"
#include "repl/options.h"

#define SHORTEST_WINDOW_NS UINT64_C(1000000)

static struct mw_error *parse_count(const char *what, const char *value, uint64_t largest,
				    uint64_t *ret)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end)
		return mw_error_create(MW_ERROR_USAGE, "--%s: '%s' is no number", what, value);
	if (errno || number > largest)
		return mw_error_create(MW_ERROR_USAGE,
				       "--%s: %s is too large (at most %" PRIu64 ")", what, value,
				       largest);
	*ret = number;
	return NULL;
}

/** Finds @value among @words (ended by NULL). */
static struct mw_error *parse_word(const char *what, const char *value, const char *const *words,
				   unsigned *ret)
{
	char known[128] = "";

	for (unsigned i = 0; words[i]; i++) {
		if (strcmp(words[i], value) == 0) {
			*ret = i;
			return NULL;
		}
		strncat(known, i ? ", " : "", sizeof(known) - strlen(known) - 1);
		strncat(known, words[i], sizeof(known) - strlen(known) - 1);
	}
	return mw_error_create(MW_ERROR_USAGE, "--%s takes one of %s, not '%s'", what, known,
			       value);
}

static struct mw_error *parse_watch(struct mw_options *options, const char *value)
{
	struct mw_watch_request request = {.expression = value, .name = options->pending_name};

	options->pending_name = NULL;
	return mw_vec_push(&options->watches, request) ? NULL : mw_err_nomem;
}

static struct mw_error *parse_name(struct mw_options *options, const char *value)
{
	if (!value[0])
		return mw_error_create(MW_ERROR_USAGE, "--name: the name is empty");
	if (options->pending_name)
		return mw_error_create(MW_ERROR_USAGE,
				       "-n %s: no -w follows before the next -n (a name stands "
				       "before its -w)",
				       options->pending_name);
	options->pending_name = value;
	return NULL;
}

static struct mw_error *add_script(struct mw_options *options, const char *text, bool is_file)
{
	struct mw_script_request request = {.text = text, .is_file = is_file};

	return mw_vec_push(&options->scripts, request) ? NULL : mw_err_nomem;
}

static struct mw_error *parse_script(struct mw_options *options, const char *value)
{
	return add_script(options, value, true);
}

static struct mw_error *parse_command(struct mw_options *options, const char *value)
{
	return add_script(options, value, false);
}

static struct mw_error *parse_batch(struct mw_options *options, const char *value MW_UNUSED)
{
	options->batch = true;
	return NULL;
}

static struct mw_error *parse_json(struct mw_options *options, const char *value)
{
	if (value && !value[0])
		return mw_error_create(MW_ERROR_USAGE,
				       "--json=: the file name is empty (--json alone writes to "
				       "standard output)");
	options->json = true;
	options->json_path = value && strcmp(value, "-") != 0 ? value : NULL;
	return NULL;
}

static struct mw_error *parse_backend(struct mw_options *options, const char *value)
{
	const char *words[MW_BACKEND_COUNT + 1] = {0};
	unsigned word = 0;
	struct mw_error *err;

	for (unsigned i = 0; i < MW_BACKEND_COUNT; i++)
		words[i] = mw_backend_name(i);
	err = parse_word("backend", value, words, &word);
	options->backend = word;
	return err;
}

static struct mw_error *parse_stack(struct mw_options *options, const char *value)
{
	uint64_t depth = MW_STACK_DEFAULT;
	struct mw_error *err = value ? parse_count("stack", value, MW_STACK_MAX, &depth) : NULL;

	options->stack_depth = (unsigned)depth;
	return err;
}

static struct mw_error *parse_duration(struct mw_options *options, const char *value)
{
	struct mw_error *err = mw_duration_parse(value, &options->duration_ns);

	return err ? mw_error_prefix(err, "--duration") : NULL;
}

static struct mw_error *parse_max_events(struct mw_options *options, const char *value)
{
	struct mw_error *err = parse_count("max-events", value, INT64_MAX, &options->max_events);

	if (!err && options->max_events == 0)
		return mw_error_create(MW_ERROR_USAGE, "--max-events: at least 1");
	return err;
}

static struct mw_error *parse_on(struct mw_options *options, const char *value)
{
	static const char *const words[] = {"change", "write", NULL};
	unsigned word = 0;
	struct mw_error *err = parse_word("on", value, words, &word);

	options->report_silent = word == 1;
	return err;
}

static struct mw_error *parse_overflow(struct mw_options *options, const char *value)
{
	static const char *const words[] = {
		[MW_OVERFLOW_BLOCK] = "block", [MW_OVERFLOW_DROP] = "drop", NULL};
	unsigned word = 0;
	struct mw_error *err = parse_word("overflow", value, words, &word);

	options->overflow = word;
	return err;
}

static struct mw_error *parse_ring(struct mw_options *options, const char *value)
{
	uint64_t entries = 0;
	struct mw_error *err = parse_count("ring", value, 1u << 24, &entries);

	if (!err && entries == 0)
		return mw_error_create(MW_ERROR_USAGE, "--ring: at least 1");
	options->ring_entries = (uint32_t)entries;
	return err;
}

static struct mw_error *parse_syscalls(struct mw_options *options, const char *value)
{
	static const char *const words[] = {"on", "off", NULL};
	unsigned word = 0;
	struct mw_error *err = parse_word("syscalls", value, words, &word);

	options->ignore_syscalls = word == 1;
	return err;
}

static struct mw_error *parse_follow_fork(struct mw_options *options, const char *value MW_UNUSED)
{
	options->follow_forks = true;
	return NULL;
}

static struct mw_error *parse_window(struct mw_options *options, const char *value)
{
	struct mw_error *err = mw_duration_parse(value, &options->poll_window_ns);

	if (!err && options->poll_window_ns < SHORTEST_WINDOW_NS)
		return mw_error_create(MW_ERROR_USAGE, "--window: %s is too short (at least 1ms)",
				       value);
	return err ? mw_error_prefix(err, "--window") : NULL;
}

static struct mw_error *parse_hot_rate(struct mw_options *options, const char *value)
{
	struct mw_error *err = parse_count("hot-rate", value, INT64_MAX, &options->hot_rate);

	if (!err && options->hot_rate == 0)
		return mw_error_create(MW_ERROR_USAGE, "--hot-rate: at least 1");
	return err;
}

static struct mw_error *parse_cool_down(struct mw_options *options, const char *value)
{
	struct mw_error *err = mw_duration_parse(value, &options->cool_down_ns);

	return err ? mw_error_prefix(err, "--cool-down") : NULL;
}

static struct mw_error *parse_color(struct mw_options *options, const char *value)
{
	static const char *const words[] = {[MW_COLOR_AUTO] = "auto",
					    [MW_COLOR_ALWAYS] = "always",
					    [MW_COLOR_NEVER] = "never",
					    NULL};
	unsigned word = 0;
	struct mw_error *err = parse_word("color", value, words, &word);

	options->color = word;
	return err;
}

static struct mw_error *parse_quiet(struct mw_options *options, const char *value MW_UNUSED)
{
	options->quiet = true;
	return NULL;
}

static struct mw_error *parse_exit_code(struct mw_options *options, const char *value MW_UNUSED)
{
	options->exit_code = true;
	return NULL;
}

static struct mw_error *parse_help(struct mw_options *options, const char *value MW_UNUSED)
{
	options->help = true;
	return NULL;
}

/* name, letter, argument, optional, verbs, summary, parse */
static const struct mw_option option_table[] = {
	{"watch", 'w', "EXPR", false, MW_VERB_BOTH, "watch EXPR from the start; repeatable",
	 parse_watch},
	{"name", 'n', "NAME", false, MW_VERB_BOTH, "call the watch of the next -w NAME",
	 parse_name},
	{"script", 'x', "FILE", false, MW_VERB_BOTH, "run the commands in FILE; repeatable",
	 parse_script},
	{"command", 'e', "COMMAND", false, MW_VERB_BOTH,
	 "run one command; repeatable, order with -x kept", parse_command},
	{"batch", 'b', NULL, false, MW_VERB_BOTH, "no prompt: watch until the end, then sum up",
	 parse_batch},
	{"json", 'j', "FILE", true, MW_VERB_BOTH,
	 "one JSON object a line for each change, to FILE or standard output", parse_json},
	{"backend", 0, "KIND", false, MW_VERB_BOTH, "auto (default), page, hw, uffd or poll",
	 parse_backend},
	{"window", 0, "TIME", false, MW_VERB_BOTH,
	 "back end poll: look every TIME (10ms); what changes in between is one change",
	 parse_window},
	{"hot-rate", 0, "N", false, MW_VERB_BOTH,
	 "back end auto: guard no page with N stores a second beside its watches (5000)",
	 parse_hot_rate},
	{"cool-down", 0, "TIME", false, MW_VERB_BOTH, "guard such a page again after TIME (10s)",
	 parse_cool_down},
	{"stack", 0, "N", true, MW_VERB_BOTH, "call stack of N frames (16) with each change",
	 parse_stack},
	{"duration", 0, "TIME", false, MW_VERB_BOTH, "end after TIME: 5, 1.5s, 200ms, 2m",
	 parse_duration},
	{"max-events", 0, "N", false, MW_VERB_BOTH, "end after N changes", parse_max_events},
	{"on", 0, "WHEN", false, MW_VERB_BOTH,
	 "report each change (default), or each write: same value too", parse_on},
	{"overflow", 0, "WHAT", false, MW_VERB_BOTH,
	 "when changes come too fast: block the target (default) or drop", parse_overflow},
	{"ring", 0, "N", false, MW_VERB_BOTH, "stores that may wait to be looked at (65536)",
	 parse_ring},
	{"follow-fork", 0, NULL, false, MW_VERB_BOTH,
	 "watch the processes that the target makes as well", parse_follow_fork},
	{"syscalls", 0, "on|off", false, MW_VERB_BOTH,
	 "off: let system calls into watched pages fail", parse_syscalls},
	{"color", 0, "WHEN", false, MW_VERB_BOTH, "auto (default), always or never", parse_color},
	{"quiet", 'q', NULL, false, MW_VERB_BOTH, "no notices, no summary", parse_quiet},
	{"exit-code", 0, NULL, false, MW_VERB_LAUNCH, "exit with the command's own code",
	 parse_exit_code},
	{"help", 'h', NULL, false, MW_VERB_BOTH, "show this help", parse_help},
};

const struct mw_option *mw_option_table(size_t *ret_count)
{
	*ret_count = mw_array_size(option_table);
	return option_table;
}
