/* SPDX-License-Identifier: MIT
 *
 * spaces.h - how the list of the sockets of one network namespace is made.
 */
#ifndef SINEW_LOOK_SPACES_H
#define SINEW_LOOK_SPACES_H

#include "sockets.h"

struct sinew__socket_list {
	struct sinew__socket *rows;
	size_t count, room;
	uint32_t evidence;
};

/* A new row, all zero; NULL without memory. Invalid after the next one. */
struct sinew__socket *sinew__socket_add(struct sinew__socket_list *list);

/* All Unix sockets of our own network namespace, with their other ends: 0 or -errno. */
int sinew__unix_ask(struct sinew__socket_list *list);
/* Those of the namespace of `pid`, without. */
void sinew__unix_read(struct sinew__socket_list *list, const char *pid);
/* TCP and UDP over IPv4 and IPv6. */
void sinew__inet_read(struct sinew__socket_list *list, const char *pid);

#endif
