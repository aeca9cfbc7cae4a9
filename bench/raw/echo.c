/* SPDX-License-Identifier: MIT
 *
 * echo.c - the bare twin of a listener with many peers: an epoll loop that sends back what it reads.
 *
 * One thread, one buffer on the stack, level-triggered, a batch of events a wait; one recv() and one
 * send() a request. It keeps no boundaries: what one read brings goes back in one write.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../crew.h"
#include "raw.h"

enum {
	EVENTS = 128,
	BUFFER = 64 * 1024,
};

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	raw_check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* Everybody who waits. How many came. */
static unsigned welcome(int epoll, int listener)
{
	unsigned came = 0;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* if it is TCP */
		watch(epoll, fd);
		came++;
	}
	if (errno != EAGAIN)
		crew_fail("bare accept4: %s", strerror(errno));
	return came;
}

/* Whether the peer is still there. */
static bool echo(int fd)
{
	char buffer[BUFFER];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0) {
		close(fd);
		return false;
	}
	if (send(fd, buffer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		crew_fail("bare echo: a peer does not read");
	return true;
}

void raw_echo(int listener)
{
	int epoll = raw_check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct epoll_event events[EVENTS];
	unsigned came = 0, gone = 0;

	watch(epoll, listener);
	while (came == 0 || gone < came) {
		int n = raw_check(epoll_wait(epoll, events, EVENTS, -1), "epoll_wait");

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				came += welcome(epoll, listener);
			else
				gone += !echo(events[i].data.fd);
	}
}
