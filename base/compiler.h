// SPDX-License-Identifier: MIT
#ifndef MW_BASE_COMPILER_H
#define MW_BASE_COMPILER_H

#include <stddef.h>

#define MW_MUST_CHECK __attribute__((warn_unused_result))
#define MW_PRINTF(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))
#define MW_NORETURN __attribute__((noreturn))
#define MW_UNUSED __attribute__((unused))

#define mw_array_size(array) (sizeof(array) / sizeof((array)[0]))

#define mw_min(a, b)                                                                               \
	({                                                                                         \
		__auto_type mw_a_ = (a);                                                           \
		__auto_type mw_b_ = (b);                                                           \
		mw_a_ < mw_b_ ? mw_a_ : mw_b_;                                                     \
	})
#define mw_max(a, b)                                                                               \
	({                                                                                         \
		__auto_type mw_a_ = (a);                                                           \
		__auto_type mw_b_ = (b);                                                           \
		mw_a_ > mw_b_ ? mw_a_ : mw_b_;                                                     \
	})

#endif
