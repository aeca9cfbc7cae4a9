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

static int udp_socket(struct link *link)
{
	int fd = raw_check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	raw_buffers(link, fd);
	return fd;
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* Sets link->port. */
static int bound(struct link *link)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = udp_socket(link);

	raw_check(bind(fd, (struct sockaddr *)&address, size), "bind");
	raw_check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	link->port = ntohs(address.sin_port);
	return fd;
}

static int connected(struct link *link)
{
	struct sockaddr_in address = loopback(link->port);
	int fd = udp_socket(link);

	raw_check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	return fd;
}

static void prepare(struct link *link)
{
	link->fds[SERVER] = bound(link);
	link->fds[CLIENT] = connected(link);
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

static void prepare_each(struct link *link)
{
	link->fds[0] = bound(link);
}

static void join_each(struct link *link, enum role role)
{
	link->in = link->out = link->fds[0];
	if (role == CLIENT) {
		raw_hear_each(link);
		return;
	}
	close(link->fds[0]);
	link->in = link->out = connected(link);
	raw_send(link, link->buffer, link->size);
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

const struct contender bare_udp_each = {
	.name = "bare",
	.prepare = prepare_each,
	.join = join_each,
	.send = raw_sendto_each,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};
