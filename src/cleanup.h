/* SPDX-License-Identifier: MIT
 *
 * cleanup.h - resources that release themselves at the end of a scope, and the steal that hands
 * them over on success.
 */
#ifndef SINEW_CLEANUP_H
#define SINEW_CLEANUP_H

#include <stdlib.h>

#include "sys.h"

static inline void sinew__close_fd(int *fd)
{
	if (*fd >= 0)
		sinew__sys.close(*fd);
}

static inline void sinew__free(void *pointer)
{
	free(*(void **)pointer);
}

#define CLEANUP_FD __attribute__((cleanup(sinew__close_fd)))
#define CLEANUP_FREE __attribute__((cleanup(sinew__free)))

static inline int sinew__steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
