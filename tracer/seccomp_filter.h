// SPDX-License-Identifier: MIT
/** What a seccomp filter says of a system call: classic BPF, carried out without the kernel. */
#ifndef MW_TRACER_SECCOMP_FILTER_H
#define MW_TRACER_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

/** @return whether the call is made; false also for a filter that isn't valid. */
bool mw_seccomp_filter_allows(const struct sock_filter *filter, size_t count,
			      const struct seccomp_data *data);

#endif
