/* SPDX-License-Identifier: MIT
 *
 * unix_name.h - the names of Unix sockets: paths, and abstract ones that begin with @.
 */
#ifndef SINEW_UNIX_NAME_H
#define SINEW_UNIX_NAME_H

#include <sys/un.h>

#include "channel.h"

/* The address of a name. A path that is too long, or no name at all, is an error before anything is
 * made: -EINVAL, -ENAMETOOLONG with words. */
int sinew__unix_address(
	struct sinew_channel *, const char *name, struct sockaddr_un *, socklen_t *size);

/* Puts a failure into words: "listen on unix:/run/x: somebody listens there already". Returns it. */
int sinew__unix_failed(struct sinew_channel *, const char *what, int error);

/* Gives the socket the channel's name, listening unless it is a dgram socket; a path appears when the
 * socket is ready. 0 or -errno with words. */
int sinew__unix_bind(struct sinew_channel *, int fd, bool dgram);

#endif
