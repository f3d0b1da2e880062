// SPDX-License-Identifier: MIT
#include "repl/stats.h"

#include "repl/row.h"
#include "watch/session.h"

static void put_count(FILE *out, const char *before, uint64_t value, const char *what)
{
	char count[MW_COUNT_SIZE];

	fprintf(out, "%s%s %s", before, mw_count_text(value, count), what);
}

void mw_stats_print(struct mw_session *session, FILE *out)
{
	struct mw_stats stats;

	mw_session_stats(session, &stats);
	put_count(out, "stores: ", stats.hits_seen, "seen");
	put_count(out, ", ", stats.hits_dropped, "dropped");
	put_count(out, "; ", stats.changes, "changes");
	put_count(out, ", ", stats.silent, "silent");
	put_count(out, ", ", stats.foreign, "beside watches\n");
	put_count(out, "carried out: ", stats.replayed, "replayed");
	put_count(out, ", ", stats.emulated, "emulated");
	put_count(out, ", ", stats.stepped, "stepped");
	put_count(out, ", ", stats.hardware, "by hardware");
	put_count(out, ", ", stats.syscalls_redirected, "system calls redirected\n");
	if (stats.polled)
		put_count(out, "seen by looking: ", stats.polled,
			  "differences, each of which may stand for several stores\n");
	put_count(out, "faults: ", stats.faults, "on guarded pages");
	put_count(out, "; ", stats.ahead, "stores carried out ahead of theirs");
	put_count(out, "; ", stats.ring_waits, "waits for room in the ring");
	fprintf(out, "; last watch armed in %.3f ms\n", (double)stats.last_arm_ns / 1e6);
	if (!stats.guards)
		return;
	put_count(out, "guarded: ", stats.guards, stats.guards == 1 ? "region" : "regions");
	put_count(out, ", with ", stats.guard_bytes, "bytes beside their snapshots\n");
}
