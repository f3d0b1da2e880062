// SPDX-License-Identifier: MIT
#include "repl/limiter.h"

#include "base/compiler.h"

#define SECOND_NS 1000000000u

bool mw_limiter_take(struct mw_limiter *limiter, uint64_t now_ns)
{
	uint64_t cost, oldest;

	if (!limiter->rate)
		return true;
	cost = SECOND_NS / limiter->rate;
	oldest = now_ns > SECOND_NS ? now_ns - SECOND_NS : 0;
	limiter->paid_ns = mw_max(limiter->paid_ns, oldest);
	if (limiter->paid_ns + cost > now_ns) {
		limiter->held++;
		return false;
	}
	limiter->paid_ns += cost;
	return true;
}

uint64_t mw_limiter_collect(struct mw_limiter *limiter, uint64_t now_ns)
{
	uint64_t held = limiter->held;

	if (!held || now_ns - limiter->collected_ns < MW_LIMITER_PERIOD_NS)
		return 0;
	limiter->held = 0;
	limiter->collected_ns = now_ns;
	return held;
}
