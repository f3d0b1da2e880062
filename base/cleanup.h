// SPDX-License-Identifier: MIT
/** Scope guards for what is local to memwatch: heap, files, descriptors. */
#ifndef MW_BASE_CLEANUP_H
#define MW_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void mw_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void mw_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void mw_cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void mw_cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/** Frees a heap pointer at the end of the scope. */
#define mw_auto_free __attribute__((cleanup(mw_cleanup_free)))
/** Closes a descriptor at the end of the scope; -1 means none. */
#define mw_auto_close __attribute__((cleanup(mw_cleanup_close)))
#define mw_auto_fclose __attribute__((cleanup(mw_cleanup_fclose)))
#define mw_auto_closedir __attribute__((cleanup(mw_cleanup_closedir)))

/** Takes a guarded pointer out of its scope guard, to return it. */
#define mw_take_pointer(pointer)                                                                   \
	({                                                                                         \
		__auto_type mw_taken_ = (pointer);                                                 \
		(pointer) = NULL;                                                                  \
		mw_taken_;                                                                         \
	})

/** Takes a guarded descriptor out of its scope guard. */
#define mw_take_fd(fd)                                                                             \
	({                                                                                         \
		int mw_taken_ = (fd);                                                              \
		(fd) = -1;                                                                         \
		mw_taken_;                                                                         \
	})

#endif
