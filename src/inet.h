/* SPDX-License-Identifier: MIT
 *
 * inet.h - addresses of the internet protocols, as a URI writes them: "host:port", "[v6]:port",
 * ":port" and "localhost:port" for this machine's loopback, "*:port" for any address of ours.
 */
#ifndef SINEW_INET_H
#define SINEW_INET_H

#include <netinet/in.h>

#include "channel.h"

/* Where a URI points: what bind and connect take. */
struct sinew__place {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t size;
};

/* The place that the channel's URI names, for a socket of this type. A host name is looked up only
 * with `resolve`, which may take longer than any deadline. -EINVAL, -EHOSTUNREACH with words. */
int sinew__inet_locate(struct sinew_channel *, int type, bool resolve, struct sinew__place *);

/* "127.0.0.1:4711", "[::1]:4711". */
void sinew__inet_show(const struct sinew__place *, char *text, size_t size);

/* The URI of the address that fd is bound to: with port 0 the kernel chose one. */
int sinew__inet_name(struct sinew_channel *, int fd, char *uri, size_t size);

#endif
