// SPDX-License-Identifier: MIT
/** What this kernel and these permissions allow: probed by trying, never guessed from a version. */
#ifndef MW_TRACER_FEATURE_H
#define MW_TRACER_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

enum mw_feature_state {
	MW_FEATURE_NO,
	MW_FEATURE_YES,
	/** Works, with the limit that `detail` names. */
	MW_FEATURE_LIMITED,
};

struct mw_feature_result {
	enum mw_feature_state state;
	/** Why not, or the limit: one short clause; "" if there is nothing to say. */
	char detail[120];
};

/** One row of the table. */
struct mw_feature {
	/** As printed and as `features NAME` takes it: "ptrace-seize". */
	const char *name;
	/** What memwatch uses it for. */
	const char *use;
	void (*probe)(struct mw_feature_result *ret);
};

/** The table; @ret_count rows. */
const struct mw_feature *mw_features(size_t *ret_count);

#endif
