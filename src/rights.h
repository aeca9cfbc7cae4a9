/* SPDX-License-Identifier: MIT
 *
 * rights.h - who may use a name that we make: mode=, owner=, group=. Where one of them is said the
 * object gets exactly what is said; what is not said stays as the kernel gives it.
 */
#ifndef SINEW_RIGHTS_H
#define SINEW_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "channel.h"

/* Whether the URI says anything about rights. */
bool sinew__rights_given(const struct sinew__common *);

/* mode=, or 0666 less the umask. */
mode_t sinew__rights_mode(const struct sinew__common *);

/* What an object may have while it waits for its owner: no right of his, and none of his group's. */
mode_t sinew__rights_first(const struct sinew__common *);

/* Gives an object its owner, then its mode. 0 or -errno. */
int sinew__rights_fd(const struct sinew__common *, int fd);
int sinew__rights_path(const struct sinew__common *, const char *path);

/* owner= and group= where nothing is made that could have them: -EINVAL with words. */
int sinew__rights_check(const struct sinew__spec *, const struct sinew_caps *);

#endif
