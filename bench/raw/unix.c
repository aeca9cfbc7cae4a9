/* SPDX-License-Identifier: MIT
 *
 * unix.c - Unix sockets: stream, seqpacket and datagram, met by a path.
 *
 * A stream or seqpacket server that serves one peer blocks in recv(); one that also watches its
 * listener waits in epoll. A datagram server answers whoever wrote, as datagram servers do:
 * recvfrom() and sendto(); its client is connected.
 */
#include "raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../crew.h"

static struct sockaddr_un name(const struct link *link, const char *who)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bare-%s", link->directory, who);
	return address;
}

static int bound(struct link *link, int type, const char *who)
{
	struct sockaddr_un address = name(link, who);
	int fd = raw_check(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");

	raw_buffers(link, fd);
	raw_check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	return fd;
}

static void join_to(struct link *link, int fd, const char *who)
{
	struct sockaddr_un address = name(link, who);

	raw_check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	link->in = link->out = fd;
}

static void prepare_stream(struct link *link)
{
	link->fds[0] = bound(link, SOCK_STREAM, "server");
	raw_check(listen(link->fds[0], 16), "listen");
}

static void prepare_seqpacket(struct link *link)
{
	link->fds[0] = bound(link, SOCK_SEQPACKET, "server");
	raw_check(listen(link->fds[0], 16), "listen");
}

static void join_connected(struct link *link, enum role role, int type)
{
	int fd;

	if (role == SERVER) {
		fd = raw_check(accept4(link->fds[0], NULL, NULL, SOCK_CLOEXEC), "accept4");
		raw_buffers(link, fd);
		link->in = link->out = fd;
		return;
	}
	fd = raw_check(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
	raw_buffers(link, fd);
	join_to(link, fd, "server");
	close(link->fds[0]);
}

static void join_stream(struct link *link, enum role role)
{
	join_connected(link, role, SOCK_STREAM);
}

static void join_stream_many(struct link *link, enum role role)
{
	join_connected(link, role, SOCK_STREAM);
	if (role == SERVER)
		raw_watch(link, link->fds[0]);
}

static void join_seqpacket(struct link *link, enum role role)
{
	join_connected(link, role, SOCK_SEQPACKET);
}

static void join_seqpacket_many(struct link *link, enum role role)
{
	join_connected(link, role, SOCK_SEQPACKET);
	if (role == SERVER)
		raw_watch(link, link->fds[0]);
}

/* Its readers connect to a writer of many. */
static void join_stream_each(struct link *link, enum role role)
{
	if (role == SERVER)
		join_connected(link, CLIENT, SOCK_STREAM);
	else
		raw_accept_each(link, link->fds[0]);
}

static void join_seqpacket_each(struct link *link, enum role role)
{
	if (role == SERVER)
		join_connected(link, CLIENT, SOCK_SEQPACKET);
	else
		raw_accept_each(link, link->fds[0]);
}

static void prepare_dgram(struct link *link)
{
	link->fds[0] = bound(link, SOCK_DGRAM, "server");
	link->fds[1] = bound(link, SOCK_DGRAM, "client");
}

static void join_dgram(struct link *link, enum role role)
{
	link->in = link->out = link->fds[role];
	close(link->fds[!role]);
	if (role == CLIENT)
		join_to(link, link->fds[CLIENT], "server");
	else if (!(link->state = calloc(1, sizeof(struct sockaddr_un))))
		crew_fail("no memory");
}

/* link->state, the server's: who wrote last. */
static void send_dgram(struct link *link, const void *data, size_t size)
{
	const struct sockaddr *to = link->state;
	ssize_t n = sendto(
		link->out, data, size, MSG_NOSIGNAL, to, to ? sizeof(struct sockaddr_un) : 0);

	link->calls++;
	if (n != (ssize_t)size)
		crew_fail("bare sendto: %s", strerror(errno));
}

static void recv_dgram(struct link *link, void *data, size_t size)
{
	socklen_t length = sizeof(struct sockaddr_un);
	struct sockaddr *from = link->state;
	ssize_t n = recvfrom(link->in, data, size, 0, from, from ? &length : NULL);

	link->calls++;
	if (n != (ssize_t)size)
		crew_fail(
			"bare recvfrom: %s", n < 0 ? strerror(errno) : "a message of another size");
}

static void prepare_dgram_each(struct link *link)
{
	link->fds[0] = bound(link, SOCK_DGRAM, "server");
}

static void join_dgram_each(struct link *link, enum role role)
{
	char who[32];

	link->in = link->out = link->fds[0];
	if (role == CLIENT) {
		raw_hear_each(link);
		return;
	}
	close(link->fds[0]);
	snprintf(who, sizeof(who), "reader-%d", (int)getpid());
	join_to(link, bound(link, SOCK_DGRAM, who), "server");
	raw_send(link, link->buffer, link->size);
}

const struct contender bare_unix_stream = {
	.name = "bare",
	.prepare = prepare_stream,
	.join = join_stream,
	.send = raw_send,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_stream_many = {
	.name = "bare epoll",
	.prepare = prepare_stream,
	.join = join_stream_many,
	.send = raw_send,
	.recv = raw_recv_watched,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_seqpacket = {
	.name = "bare",
	.prepare = prepare_seqpacket,
	.join = join_seqpacket,
	.send = raw_send,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_seqpacket_many = {
	.name = "bare epoll",
	.prepare = prepare_seqpacket,
	.join = join_seqpacket_many,
	.send = raw_send,
	.recv = raw_recv_watched,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_dgram = {
	.name = "bare",
	.prepare = prepare_dgram,
	.join = join_dgram,
	.send = send_dgram,
	.recv = recv_dgram,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_stream_each = {
	.name = "bare",
	.prepare = prepare_stream,
	.join = join_stream_each,
	.send = raw_send_each,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_seqpacket_each = {
	.name = "bare",
	.prepare = prepare_seqpacket,
	.join = join_seqpacket_each,
	.send = raw_send_each,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_unix_dgram_each = {
	.name = "bare",
	.prepare = prepare_dgram_each,
	.join = join_dgram_each,
	.send = raw_sendto_each,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};
