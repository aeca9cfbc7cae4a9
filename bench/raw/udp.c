/* SPDX-License-Identifier: MIT
 *
 * udp.c - UDP over loopback: the client's socket is connected, the server answers whoever wrote last.
 */
#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../crew.h"

static void prepare(struct link *link)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);

	for (unsigned i = 0; i < 2; i++) {
		link->fds[i] = raw_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
		raw_buffers(link, link->fds[i]);
	}
	raw_check(bind(link->fds[SERVER], (struct sockaddr *)&address, size), "bind");
	raw_check(
		getsockname(link->fds[SERVER], (struct sockaddr *)&address, &size), "getsockname");
	raw_check(connect(link->fds[CLIENT], (struct sockaddr *)&address, size), "connect");
}

static void join(struct link *link, enum role role)
{
	link->in = link->out = link->fds[role];
	close(link->fds[!role]);
	if (role == SERVER && !(link->state = calloc(1, sizeof(struct sockaddr_in))))
		crew_fail("no memory");
}

/* link->state, the server's: who wrote last. */
static void send_udp(struct link *link, const void *data, size_t size)
{
	const struct sockaddr *to = link->state;
	ssize_t n = sendto(
		link->out, data, size, MSG_NOSIGNAL, to, to ? sizeof(struct sockaddr_in) : 0);

	link->calls++;
	if (n != (ssize_t)size)
		crew_fail("bare sendto: %s", strerror(errno));
}

static void recv_udp(struct link *link, void *data, size_t size)
{
	socklen_t length = sizeof(struct sockaddr_in);
	struct sockaddr *from = link->state;
	ssize_t n = recvfrom(link->in, data, size, 0, from, from ? &length : NULL);

	link->calls++;
	if (n != (ssize_t)size)
		crew_fail(
			"bare recvfrom: %s", n < 0 ? strerror(errno) : "a message of another size");
}

const struct contender bare_udp = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = send_udp,
	.recv = recv_udp,
	.put = raw_put,
	.get = raw_get,
};
