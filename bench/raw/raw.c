/* SPDX-License-Identifier: MIT
 *
 * raw.c - the loops that bare contenders share.
 */
#include "raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../crew.h"

enum { ABOUT_A_PACKET = 4096 }; /* what the kernel adds to its bytes is less */

int raw_check(int result, const char *what)
{
	if (result < 0)
		crew_fail("bare %s: %s", what, strerror(errno));
	return result;
}

static size_t piece(size_t left, size_t most)
{
	return most && left > most ? most : left;
}

void raw_write(struct link *link, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(link->out, at, piece(size, link->tuning.write_size));

		link->calls++;
		if (n <= 0)
			crew_fail("bare write: %s", strerror(errno));
		at += n;
		size -= (size_t)n;
	}
}

void raw_read(struct link *link, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = read(link->in, at, piece(size, link->tuning.read_size));

		link->calls++;
		if (n <= 0)
			crew_fail("bare read: %s", n ? strerror(errno) : "the peer has left");
		at += n;
		size -= (size_t)n;
	}
}

void raw_send(struct link *link, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		size_t most = piece(size, link->tuning.write_size);
		ssize_t n = send(link->out, at, most, MSG_NOSIGNAL);

		link->calls++;
		if (n <= 0)
			crew_fail("bare send: %s", strerror(errno));
		at += n;
		size -= (size_t)n;
	}
}

void raw_recv(struct link *link, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = recv(link->in, at, piece(size, link->tuning.read_size), 0);

		link->calls++;
		if (n <= 0)
			crew_fail("bare recv: %s", n ? strerror(errno) : "the peer has left");
		at += n;
		size -= (size_t)n;
	}
}

static void watch(struct link *link, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	raw_check(epoll_ctl(link->epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* Of many clients: those that are known to have something. */
struct ready {
	struct epoll_event events[16];
	int count, next;
};

void raw_watch(struct link *link, int listener)
{
	link->epoll = raw_check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	watch(link, listener);
	watch(link, link->in);
	if (link->clients <= 1)
		return;
	for (unsigned i = 1; i < link->clients; i++)
		watch(link, raw_check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4"));
	link->state = calloc(1, sizeof(struct ready));
	if (!link->state)
		crew_fail("no memory");
}

static int next_of_many(struct link *link)
{
	struct ready *ready = link->state;

	while (ready->next == ready->count) {
		ready->next = 0;
		ready->count =
			raw_check(epoll_wait(link->epoll, ready->events, 16, -1), "epoll_wait");
		link->calls++;
	}
	return ready->events[ready->next++].data.fd;
}

void raw_recv_watched(struct link *link, void *data, size_t size)
{
	struct epoll_event events[16];
	int n = link->state != NULL;

	if (link->state)
		link->in = next_of_many(link);
	while (link->epoll >= 0 && n == 0) {
		n = raw_check(epoll_wait(link->epoll, events, 16, -1), "epoll_wait");
		link->calls++;
	}
	raw_recv(link, data, size);
}

void raw_put(struct link *link, const unsigned char *first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		link->kind->send(link, first + i * link->size, link->size);
}

unsigned raw_get(struct link *link, const unsigned char **data, unsigned count)
{
	(void)count;
	link->kind->recv(link, link->buffer, link->size);
	data[0] = link->buffer;
	return 1;
}

uint64_t raw_calls(struct link *link)
{
	return link->calls;
}

/* Past the system's limit where we may, as the library does it. */
static void set_buffer(int fd, int forced, int plain, int size)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)))
		raw_check(setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size)), "setsockopt");
}

static bool is_of_packets(int fd)
{
	int type = SOCK_STREAM;

	raw_check(
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}), "SO_TYPE");
	return type != SOCK_STREAM;
}

void raw_buffers(struct link *link, int fd)
{
	int size = link->tuning.buffer, least = (int)link->size + ABOUT_A_PACKET;

	if (size == 0)
		return;
	if (size < least && is_of_packets(fd))
		size = least;
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, size);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, size);
}
