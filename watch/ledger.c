// SPDX-License-Identifier: MIT
#include "watch/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void row_destroy(struct mw_ledger_row *row)
{
	if (!row)
		return;
	free(row->function);
	free(row->file);
	free(row->module);
	free(row->syscall_name);
	free(row->last_path);
	free(row->last_old);
	free(row->last_new);
	mw_vec_deinit(&row->tids);
	free(row);
}

void mw_ledger_destroy(struct mw_ledger *ledger)
{
	if (!ledger)
		return;
	mw_vec_foreach (row, &ledger->rows)
		row_destroy(*row);
	mw_vec_deinit(&ledger->rows);
	mw_intmap_deinit(&ledger->by_ip);
	free(ledger);
}

static bool same_text(const char *left, const char *right)
{
	return left == right || (left && right && !strcmp(left, right));
}

/* Without a line, different instructions of a function are different places. */
static bool is_place_of(const struct mw_ledger_row *row, const struct mw_change *change)
{
	const struct mw_place *place = &change->place;

	if (!same_text(row->function, place->function) || !same_text(row->file, place->file) ||
	    !same_text(row->syscall_name, change->syscall_name) || row->line != place->line)
		return false;
	return place->line || row->ip.v == change->hit->ip.v;
}

static char *copy_text(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;

	*ok &= !text || copy;
	return copy;
}

static struct mw_ledger_row *row_create(const struct mw_change *change)
{
	struct mw_ledger_row *row = calloc(1, sizeof(*row));
	bool ok = true;

	if (!row)
		return NULL;
	row->ip = change->hit->ip;
	row->function = copy_text(change->place.function, &ok);
	row->file = copy_text(change->place.file, &ok);
	row->line = change->place.line;
	row->module = copy_text(change->place.module, &ok);
	row->module_offset = change->place.module_offset;
	row->syscall_name = copy_text(change->syscall_name, &ok);
	row->first_ns = change->hit->time_ns;
	if (ok)
		return row;
	row_destroy(row);
	return NULL;
}

/* System calls return to few addresses: the same one may stand for different calls. */
static uint64_t key_of(const struct mw_change *change)
{
	uint64_t number = change->syscall_name ? (uint64_t)change->hit->syscall.number + 1 : 0;

	return change->hit->ip.v ^ (number << 48) ?: 1;
}

static struct mw_error *find_row(struct mw_ledger *ledger, const struct mw_change *change,
				 struct mw_ledger_row **ret)
{
	struct mw_ledger_row *found = mw_intmap_get(&ledger->by_ip, key_of(change));

	if (!found)
		mw_vec_foreach (row, &ledger->rows)
			if (is_place_of(*row, change))
				found = *row;
	if (!found) {
		found = row_create(change);
		if (!found || !mw_vec_push(&ledger->rows, found)) {
			row_destroy(found);
			return mw_err_nomem;
		}
	}
	*ret = found;
	return mw_intmap_set(&ledger->by_ip, key_of(change), found);
}

static struct mw_error *count_thread(struct mw_ledger_row *row, pid_t tid)
{
	mw_vec_foreach (known, &row->tids)
		if (*known == tid)
			return NULL;
	return mw_vec_push(&row->tids, tid) ? NULL : mw_err_nomem;
}

static struct mw_error *replace_text(char **text, const char *with)
{
	char *copy;

	if (same_text(*text, with))
		return NULL;
	copy = strdup(with);
	if (!copy)
		return mw_err_nomem;
	free(*text);
	*text = copy;
	return NULL;
}

static struct mw_error *note_last(struct mw_ledger_row *row, const struct mw_change *change)
{
	const struct mw_member_change *member = &change->members[0];
	struct mw_error *err;

	if (!change->member_count)
		return NULL;
	err = replace_text(&row->last_path, member->path);
	if (!err)
		err = replace_text(&row->last_old, member->old_text);
	if (!err)
		err = replace_text(&row->last_new, member->new_text);
	return err;
}

struct mw_error *mw_ledger_count(struct mw_ledger **ledger, const struct mw_change *change)
{
	struct mw_ledger_row *row;
	struct mw_error *err;

	if (!*ledger)
		*ledger = calloc(1, sizeof(**ledger));
	if (!*ledger)
		return mw_err_nomem;
	err = find_row(*ledger, change, &row);
	if (err)
		return err;
	row->last_ns = change->hit->time_ns;
	if (change->silent)
		row->silent++;
	else
		row->changes++;
	if (change->hit->tid)
		err = count_thread(row, change->hit->tid);
	return err ? err : note_last(row, change);
}

static int by_changes(const void *left, const void *right)
{
	const struct mw_ledger_row *a = *(struct mw_ledger_row *const *)left;
	const struct mw_ledger_row *b = *(struct mw_ledger_row *const *)right;

	if (a->changes != b->changes)
		return a->changes < b->changes ? 1 : -1;
	if (a->silent != b->silent)
		return a->silent < b->silent ? 1 : -1;
	return a->first_ns < b->first_ns ? -1 : 1;
}

void mw_ledger_sort(struct mw_ledger *ledger)
{
	if (ledger->rows.count)
		qsort(ledger->rows.items, ledger->rows.count, sizeof(*ledger->rows.items),
		      by_changes);
}
