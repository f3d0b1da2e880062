// SPDX-License-Identifier: MIT
#include "tracer/hit.h"

static const char *const cause_names[] = {
	[MW_CAUSE_STORE] = "store",       [MW_CAUSE_ATOMIC] = "atomic",
	[MW_CAUSE_STRING] = "string",     [MW_CAUSE_SYSCALL] = "syscall",
	[MW_CAUSE_EXTERNAL] = "external", [MW_CAUSE_UNMAP] = "unmap",
	[MW_CAUSE_EXEC] = "exec",         [MW_CAUSE_SCOPE] = "scope",
	[MW_CAUSE_POLL] = "poll",
};
_Static_assert(mw_array_size(cause_names) == MW_CAUSE_COUNT, "every cause has a name");

static const char *const backend_names[] = {
	[MW_BACKEND_AUTO] = "auto", [MW_BACKEND_PAGE] = "page", [MW_BACKEND_HW] = "hw",
	[MW_BACKEND_UFFD] = "uffd", [MW_BACKEND_POLL] = "poll",
};
_Static_assert(mw_array_size(backend_names) == MW_BACKEND_COUNT, "every back end has a name");

const char *mw_cause_name(enum mw_cause cause)
{
	return cause_names[cause];
}

const char *mw_backend_name(enum mw_backend backend)
{
	return backend_names[backend];
}
