/* SPDX-License-Identifier: MIT
 *
 * tcp.c - TCP over loopback, TCP_NODELAY on both sides, a port that the kernel chose.
 */
#include "raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int tcp_socket(struct link *link)
{
	int fd = raw_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	raw_buffers(link, fd);
	return fd;
}

static void no_delay(int fd)
{
	raw_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), "TCP_NODELAY");
}

static void prepare(struct link *link)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);

	link->fds[0] = tcp_socket(link);
	raw_check(bind(link->fds[0], (struct sockaddr *)&address, size), "bind");
	raw_check(listen(link->fds[0], 16), "listen");
	raw_check(getsockname(link->fds[0], (struct sockaddr *)&address, &size), "getsockname");
	link->port = ntohs(address.sin_port);
}

static void join(struct link *link, enum role role)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((in_port_t)link->port),
	};
	int fd;

	if (role == SERVER) {
		fd = raw_check(accept4(link->fds[0], NULL, NULL, SOCK_CLOEXEC), "accept4");
	} else {
		fd = tcp_socket(link);
		raw_check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
		close(link->fds[0]);
	}
	no_delay(fd);
	link->in = link->out = fd;
}

static void join_many(struct link *link, enum role role)
{
	join(link, role);
	if (role == SERVER)
		raw_watch(link, link->fds[0]);
}

/* Its readers connect to a writer of many. */
static void join_each(struct link *link, enum role role)
{
	if (role == SERVER)
		join(link, CLIENT);
	else
		raw_accept_each(link, link->fds[0]);
}

const struct contender bare_tcp = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = raw_send,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_tcp_many = {
	.name = "bare epoll",
	.prepare = prepare,
	.join = join_many,
	.send = raw_send,
	.recv = raw_recv_watched,
	.put = raw_put,
	.get = raw_get,
};

const struct contender bare_tcp_each = {
	.name = "bare",
	.prepare = prepare,
	.join = join_each,
	.send = raw_send_each,
	.recv = raw_recv,
	.put = raw_put,
	.get = raw_get,
};
