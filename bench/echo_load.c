/* SPDX-License-Identifier: MIT
 *
 * echo_load.c - the clients of the many-peer benchmark: bare sockets, the same for both servers.
 *
 * A closed loop over all connections: each has one request under way, and sends the next as soon as
 * the answer is there. After the window every answer is waited for, so that the servers rest while
 * it is the other's turn. Every answer is compared with its request.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "echo.h"
#include "raw/raw.h"

enum {
	EVENTS = 128,
	HEADER = 4, /* of sinew's frame */
	FRAME = HEADER + ECHO_SIZE,
};

struct connection {
	int fd;
	uint32_t number, sent;
	size_t got;
	unsigned char answer[FRAME];
};

/* The connections to one server. */
struct side {
	unsigned server;
	int epoll;
	size_t header; /* bytes before a message */
	struct connection *connections;
	unsigned count;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void echo_address(const struct echo_load *load, unsigned server, char *text, size_t size)
{
	if (strcmp(load->mechanism, "tcp") == 0)
		snprintf(text, size, "127.0.0.1:%u", load->ports[server]);
	else
		snprintf(text, size, "%s/echo-%u", load->directory, server);
}

static socklen_t resolve(
	const struct echo_load *load, unsigned server, struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_un *un = (struct sockaddr_un *)address;

	memset(address, 0, sizeof(*address));
	if (strcmp(load->mechanism, "tcp") == 0) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)load->ports[server]);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	un->sun_family = AF_UNIX;
	echo_address(load, server, un->sun_path, sizeof(un->sun_path));
	return sizeof(*un);
}

int echo_listen(const struct echo_load *load, unsigned server)
{
	struct sockaddr_storage address;
	socklen_t size = resolve(load, server, &address);
	int one = 1;
	int fd = raw_check(
		socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");

	raw_check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "setsockopt");
	raw_check(bind(fd, (struct sockaddr *)&address, size), "bind");
	raw_check(listen(fd, SOMAXCONN), "listen");
	return fd;
}

static int join(const struct echo_load *load, unsigned server)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct sockaddr_storage address;
	socklen_t size = resolve(load, server, &address);
	int one = 1;

	for (;;) {
		int fd = raw_check(
			socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

		if (connect(fd, (struct sockaddr *)&address, size) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			return fd;
		}
		if (errno != ENOENT && errno != ECONNREFUSED)
			crew_fail("connect: %s", strerror(errno));
		close(fd);
		nanosleep(&pause, NULL);
	}
}

/* The request that is under way: whose it is and which fills all of it. */
static size_t make_request(
	const struct side *side, const struct connection *connection, unsigned char frame[FRAME])
{
	const uint32_t length = htonl(ECHO_SIZE);

	memcpy(frame, &length, side->header);
	for (size_t at = 0; at < ECHO_SIZE; at += 8) {
		memcpy(frame + side->header + at, &connection->number, 4);
		memcpy(frame + side->header + at + 4, &connection->sent, 4);
	}
	return side->header + ECHO_SIZE;
}

static void ask(const struct side *side, struct connection *connection)
{
	unsigned char frame[FRAME];

	connection->sent++;
	size_t size = make_request(side, connection, frame);
	if (send(connection->fd, frame, size, MSG_NOSIGNAL) != (ssize_t)size)
		crew_fail("a client cannot send: %s", strerror(errno));
}

/* Whether the whole answer is there. */
static bool hear(const struct side *side, struct connection *connection)
{
	unsigned char frame[FRAME];
	size_t size = make_request(side, connection, frame);
	ssize_t n = recv(connection->fd, connection->answer + connection->got,
		size - connection->got, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		crew_fail("a client gets no answer: %s", n ? strerror(errno) : "cut off");
	connection->got += n > 0 ? (size_t)n : 0;
	if (connection->got < size)
		return false;
	if (memcmp(connection->answer, frame, size) != 0)
		crew_fail("an answer differs from its request");
	connection->got = 0;
	return true;
}

static void open_side(struct side *side, const struct echo_load *load, unsigned server)
{
	*side = (struct side){
		.server = server, .count = load->count, .header = server ? HEADER : 0};
	side->connections = calloc(load->count, sizeof(*side->connections));
	side->epoll = raw_check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	if (!side->connections)
		crew_fail("no memory");
	for (unsigned i = 0; i < load->count; i++) {
		struct connection *connection = &side->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

		connection->fd = join(load, server);
		connection->number = i;
		raw_check(
			epoll_ctl(side->epoll, EPOLL_CTL_ADD, connection->fd, &event), "epoll_ctl");
	}
}

/* Asks on every connection, then on each that is answered, until the window ends; however busy the machine is,
 * not before there are as many answers as connections. */
static void run_window(const struct side *side, const struct echo_load *load)
{
	struct epoll_event events[EVENTS];
	unsigned under_way = side->count;
	uint64_t answers[2] = {0};
	int64_t ended = 0;

	for (unsigned i = 0; i < side->count; i++)
		ask(side, &side->connections[i]);
	const int64_t begun = now();
	while (under_way > 0) {
		int n = raw_check(epoll_wait(side->epoll, events, EVENTS, -1), "epoll_wait");
		const int64_t time = now();
		const bool open =
			!ended && (time - begun < load->window || answers[0] < side->count);
		if (!open && !ended)
			ended = time;

		for (int i = 0; i < n; i++) {
			struct connection *connection = events[i].data.ptr;

			if (!hear(side, connection))
				continue;
			answers[0] += open;
			answers[1]++;
			if (open)
				ask(side, connection);
			else
				under_way--;
		}
	}
	atomic_fetch_add(load->answers[0], answers[0] * 1000000000 / (uint64_t)(ended - begun));
	atomic_fetch_add(load->answers[1], answers[1]);
}

void echo_load(void *arg)
{
	const struct echo_load *load = arg;
	struct side sides[2];
	unsigned char order = 0;

	for (unsigned server = load->first; server < 2; server++)
		open_side(&sides[server], load, server);
	while (write(load->reports, &order, 1) == 1 && read(load->orders, &order, 1) == 1)
		run_window(&sides[order], load);
}
