/* SPDX-License-Identifier: MIT
 *
 * each.c - what the bare writers share that send to each of their readers by itself: over connections, or as
 * datagrams from one socket, to whoever has said that he is there.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../crew.h"
#include "raw.h"

void raw_accept_each(struct link *link, int listener)
{
	for (unsigned i = 0; i < link->readers; i++) {
		int fd = raw_check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");

		raw_buffers(link, fd);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* if it is TCP */
		link->peers[i] = (uint64_t)fd;
	}
}

void raw_send_each(struct link *link, const void *data, size_t size)
{
	for (unsigned i = 0; i < link->readers; i++) {
		link->out = (int)link->peers[i];
		raw_send(link, data, size);
	}
}

struct address {
	struct sockaddr_storage name;
	socklen_t size;
};

void raw_hear_each(struct link *link)
{
	struct address *addresses = calloc(link->readers, sizeof(*addresses));

	if (!addresses)
		crew_fail("no memory");
	link->state = addresses;
	for (struct address *a = addresses; a < addresses + link->readers; a++) {
		a->size = sizeof(a->name);
		raw_check((int)recvfrom(link->in, link->buffer, link->size, 0,
				  (struct sockaddr *)&a->name, &a->size),
			"recvfrom");
	}
}

void raw_sendto_each(struct link *link, const void *data, size_t size)
{
	const struct address *addresses = link->state;

	for (const struct address *a = addresses; a < addresses + link->readers; a++) {
		ssize_t n = sendto(link->out, data, size, MSG_NOSIGNAL,
			(const struct sockaddr *)&a->name, a->size);

		link->calls++;
		if (n != (ssize_t)size)
			crew_fail("bare sendto: %s", strerror(errno));
	}
}
