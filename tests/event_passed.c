/* SPDX-License-Identifier: MIT
 *
 * event_passed.c - an eventfd goes over a Unix socket to a process that inherited nothing of it: it
 * adopts it, polls it, and both wake each other.
 */
#include <poll.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <unistd.h>

#include "runner.h"

enum { WAKES = 1000 };

static const char *place(void)
{
	static char uri[256];

	snprintf(uri, sizeof uri, "unix:%s?fds=2", test_path("meet"));
	return uri;
}

static int64_t soon(void)
{
	return test_limit(20000);
}

static sinew_event *adopt(int *fd)
{
	sinew_event *event;
	char uri[40];

	snprintf(uri, sizeof uri, "eventfd:fd=%d", *fd);
	*fd = -1; /* taken out of the message */
	CHECK_OK(sinew_event_open(&event, uri, 0, SINEW_NOW));
	return event;
}

/* The stranger: gets two events, and answers each wake of the one with a wake of the other. */
static void answer(void *context)
{
	sinew_channel *channel;
	struct sinew_msg msg;
	struct sinew_notice notice;
	char byte;

	(void)context;
	CHECK_OK(sinew_open(&channel, place(), SINEW_IN, soon()));
	CHECK_EQ(CHECK_OK(sinew_recv(channel, &byte, 1, &msg, soon())), 1);
	CHECK_EQ(msg.fd_count, 2);
	sinew_event *mine = adopt(&msg.fds[0]), *others = adopt(&msg.fds[1]);
	CHECK_OK(sinew_close(channel));
	struct pollfd ready = {.fd = CHECK_OK(sinew_event_fd(mine)), .events = POLLIN};
	for (unsigned i = 0; i < WAKES; i++) {
		CHECK_EQ(poll(&ready, 1, 20000), 1);
		CHECK_OK(sinew_event_wait(mine, &notice, SINEW_NOW));
		CHECK_EQ(notice.value, i + 1);
		CHECK_EQ(poll(&ready, 1, 0), 0);
		CHECK_OK(sinew_event_post(others, 1, soon()));
	}
	CHECK_OK(sinew_event_close(mine));
	CHECK_OK(sinew_event_close(others));
}

TEST(a_stranger_gets_an_eventfd_over_a_unix_socket)
{
	sinew_channel *listener;
	sinew_event *events[2];
	struct sinew_notice notice;
	struct sinew_msg msg = {.data = "x", .size = 1};

	pid_t child = test_fork(answer, NULL); /* before there is anything to inherit */
	for (unsigned i = 0; i < 2; i++)
		CHECK_OK(sinew_event_open(&events[i], "eventfd:", 0, SINEW_NOW));
	CHECK_OK(sinew_open(&listener, place(), SINEW_LISTEN, soon()));
	int fds[2] = {CHECK_SYS(dup(CHECK_OK(sinew_event_fd(events[0])))),
		CHECK_SYS(dup(CHECK_OK(sinew_event_fd(events[1]))))};
	msg.fds = fds;
	msg.fd_count = 2;
	CHECK_EQ(CHECK_OK(sinew_send(listener, &msg, 1, soon())), 1);
	for (unsigned i = 0; i < WAKES; i++) {
		CHECK_OK(sinew_event_post(events[0], i + 1, soon()));
		CHECK_OK(sinew_event_wait(events[1], &notice, soon()));
		CHECK_EQ(notice.value, 1);
	}
	CHECK_EQ(test_wait(child), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_OK(sinew_event_close(events[i]));
	CHECK_OK(sinew_close(listener));
}
