/* SPDX-License-Identifier: MIT
 *
 * conformance_ready.c - the descriptors of sinew_fd(): level-triggered for who polls them, whatever
 * lies in private buffers, and quiet while there is nothing to do.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mechanisms.h"

/* Whether poll() says ready within so many ms. */
static bool ready(sinew_channel *c, unsigned direction, int ms)
{
	struct pollfd poll_fd = {.fd = CHECK_OK(sinew_fd(c, direction)), .events = POLLIN};
	int r = CHECK_SYS(poll(&poll_fd, 1, ms));

	CHECK(r == 0 || poll_fd.revents == POLLIN);
	return r == 1;
}

/* What cannot be polled says so; then there is nothing else to see here. */
static bool refuses(const struct mechanism *m)
{
	struct ends e;

	if (mechanism_bits(m) & SINEW_CAP_POLLABLE)
		return false;
	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_fd(e.in, SINEW_IN), -EOPNOTSUPP);
	CHECK_ERR(sinew_fd(e.out, SINEW_OUT), -EOPNOTSUPP);
	ends_close(&e);
	return true;
}

/* Readiness may be spurious, but not for ever: a receive that finds nothing takes it back. A ring's
 * descriptor calls its owner ten times a second to see who died. */
static void check_quiet(sinew_channel *in)
{
	struct sinew_msg msg;
	unsigned tries = 0;

	do {
		CHECK(tries++ < 20);
		CHECK_ERR(sinew_recv(in, NULL, 0, &msg, SINEW_NOW), -EAGAIN);
	} while (ready(in, SINEW_IN, 20));
}

static void send_group(sinew_channel *out, unsigned count)
{
	struct sinew_msg msgs[8];
	char data[8][40];

	for (unsigned i = 0; i < count; i++) {
		fill(data[i], 40, i);
		msgs[i] = (struct sinew_msg){.data = data[i], .size = 40};
	}
	CHECK_EQ(CHECK_OK(sinew_send(out, msgs, count, soon())), count);
}

TEST_EACH(framed_channel, readable_while_messages_wait, struct mechanism, m)
{
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	CHECK(!ready(e.in, SINEW_IN, 0));
	for (unsigned turn = 0; turn < 3; turn++) {
		send_group(e.out, 4);
		for (unsigned i = 0; i < 4; i++) {
			CHECK(ready(e.in, SINEW_IN, 10000));
			CHECK(ready(e.in, SINEW_IN, 10000));
			expect_filled(e.in, 40, i);
		}
		check_quiet(e.in);
	}
	ends_close(&e);
}

/* Asked for only when messages are in the private buffer already. */
TEST_EACH(framed_channel, a_late_descriptor_knows_what_waits, struct mechanism, m)
{
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	send_group(e.out, 3);
	expect_filled(e.in, 40, 0);
	CHECK(ready(e.in, SINEW_IN, 10000));
	expect_filled(e.in, 40, 1);
	expect_filled(e.in, 40, 2);
	check_quiet(e.in);
	ends_close(&e);
}

/* Connections in sets of epoll of this process. */
static unsigned watched_peers(void)
{
	struct sockaddr_storage peer;
	char name[64], line[128];
	unsigned count = 0;
	int fd;

	for (int set = 0; set < 64; set++) {
		snprintf(name, sizeof name, "/proc/self/fdinfo/%d", set);
		FILE *info = fopen(name, "r");
		while (info && fgets(line, sizeof line, info))
			count += sscanf(line, "tfd: %d", &fd) == 1 &&
				 getpeername(fd, (struct sockaddr *)&peer,
					 &(socklen_t){sizeof peer}) == 0;
		if (info)
			fclose(info);
	}
	return count;
}

/* In a set each message of the only peer, who is read without asking it, costs more. */
TEST_EACH(server_channel, only_who_polls_has_the_only_peer_watched, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	send_group(e.out, 2);
	expect_filled(e.in, 40, 0);
	CHECK_EQ(watched_peers(), m->single ? 0 : 1);
	expect_filled(e.in, 40, 1);
	CHECK(!test_within(ready(e.in, SINEW_IN, 0), 20));
	CHECK_EQ(watched_peers(), 1);
	send_filled(e.out, 40, 2);
	CHECK(ready(e.in, SINEW_IN, 10000));
	expect_filled(e.in, 40, 2);
	sinew_channel *next = ends_join(&e, 0);
	send_filled(next, 40, 3);
	sinew_close(e.out);
	e.out = next;
	expect_filled(e.in, 40, 3);
	send_filled(e.out, 40, 4);
	CHECK(ready(e.in, SINEW_IN, 10000));
	CHECK_EQ(watched_peers(), 1);
	expect_filled(e.in, 40, 4);
	check_quiet(e.in);
	ends_close(&e);
}

TEST_EACH(framed_channel, taken_messages_are_no_longer_waiting, struct mechanism, m)
{
	struct sinew_msg msgs[8];
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	CHECK(!ready(e.in, SINEW_IN, 0));
	send_group(e.out, 5);
	for (int got = 0; got < 5;) {
		CHECK(ready(e.in, SINEW_IN, 10000));
		int r = CHECK_OK(sinew_take(e.in, msgs, 2, SINEW_NOW));
		CHECK(r >= 1 && r <= 2);
		got += r;
	}
	check_quiet(e.in);
	ends_close(&e);
}

TEST_EACH(framed_channel, readable_while_a_message_is_kept, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[40];

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	CHECK(!ready(e.in, SINEW_IN, 0));
	send_group(e.out, 1);
	CHECK_ERR(sinew_recv(e.in, buf, 10, &msg, soon()), -EMSGSIZE);
	CHECK(ready(e.in, SINEW_IN, 10000));
	expect_filled(e.in, 40, 0);
	check_quiet(e.in);
	ends_close(&e);
}

/* Half a message in the private buffer is nothing to receive. */
TEST_EACH(framed_channel, not_readable_for_part_of_a_message, struct mechanism, m)
{
	bool line = strstr(m->options, "line");
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	if (mechanism_is_stream(m)) {
		CHECK_EQ(write(raw_fd(e.out), line ? "whole" : "\0\0\0\11whole", line ? 5 : 9),
			line ? 5 : 9);
		WAIT_UNTIL(ready(e.in, SINEW_IN, 0), 10000);
		check_quiet(e.in);
		CHECK_EQ(write(raw_fd(e.out), "half\n", line ? 5 : 4), line ? 5 : 4);
	} else {
		msg = (struct sinew_msg){.data = "wholehalf", .size = 9};
		CHECK_EQ(CHECK_OK(sinew_send(e.out, &msg, 1, soon())), 1);
	}
	CHECK(ready(e.in, SINEW_IN, 10000));
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW)), 1);
	CHECK_MEM(buf, msg.size, "wholehalf", 9);
	check_quiet(e.in);
	ends_close(&e);
}

/* Behind a message that is skipped as too large another may wait in the same buffer. */
TEST_EACH(framed_channel, readable_behind_a_skipped_message, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[40];

	if (refuses(m))
		return;
	if (!mechanism_is_stream(m) || strstr(m->options, "line")) {
		ends_open(m, &e, 0, "");
		check_quiet(e.in);
		ends_close(&e);
		return;
	}
	ends_open(m, &e, 0, "max=100");
	CHECK(!ready(e.in, SINEW_IN, 0));
	char stream[4 + 200 + 4 + 2] = "\0\0\0\310";
	memcpy(stream + 204, "\0\0\0\2ok", 6);
	CHECK_EQ(CHECK_SYS(write(raw_fd(e.out), stream, sizeof stream)), sizeof stream);
	CHECK(ready(e.in, SINEW_IN, 10000));
	int r = sinew_recv(e.in, buf, sizeof buf, &msg, soon());
	if (r == -EMSGSIZE) {
		CHECK_EQ(msg.size, 200);
		CHECK(ready(e.in, SINEW_IN, 1000));
		r = sinew_recv(e.in, buf, sizeof buf, &msg, soon());
	}
	CHECK_EQ(CHECK_OK(r), 1);
	CHECK_MEM(buf, msg.size, "ok", 2);
	CHECK_EQ(msg.lost, 1);
	ends_close(&e);
}

TEST_EACH(every_channel, readable_at_the_end, struct mechanism, m)
{
	bool end = mechanism_bits(m) & SINEW_CAP_END;
	struct sinew_msg msg;
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	CHECK(!ready(e.in, SINEW_IN, 0));
	sinew_close(e.out);
	e.out = NULL;
	if (!end) {
		check_quiet(e.in);
	} else {
		CHECK(ready(e.in, SINEW_IN, 10000));
		expect_end(e.in, &msg);
		CHECK(ready(e.in, SINEW_IN, 10000));
	}
	ends_close(&e);
}

/* ---- no busy loop ---- */

enum { ROUNDS = 300 };

static void send_slowly(sinew_channel *out, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		send_filled(out, 40, i);
		if (i % 10 == 0)
			test_pause();
	}
}

TEST_EACH(framed_channel, polling_wakes_for_messages_only, struct mechanism, m)
{
	unsigned wakes = 0, got = 0;
	struct sinew_msg msg;
	struct ends e;
	char buf[40];

	if (refuses(m))
		return;
	ends_listen(m, &e, 0, "");
	CHECK(!ready(e.in, SINEW_IN, 0));
	pid_t child = ends_fork(&e, send_slowly, NULL);
	while (got < ROUNDS) {
		CHECK(ready(e.in, SINEW_IN, 10000));
		wakes++;
		int r;
		while ((r = sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW)) == 1)
			got++;
		CHECK(r == -EAGAIN || r == SINEW_END);
		if (r == SINEW_END)
			break;
	}
	CHECK_EQ(got, ROUNDS);
	CHECK(wakes <= 2 * ROUNDS + 5);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* An edge-triggered watch on the descriptor works as well, for who drains until -EAGAIN. */
TEST_EACH(framed_channel, an_epoll_set_can_watch_it, struct mechanism, m)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	unsigned got = 0;
	struct sinew_msg msg;
	struct ends e;
	char buf[40];

	if (refuses(m))
		return;
	ends_listen(m, &e, 0, "");
	int set = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	CHECK_SYS(epoll_ctl(set, EPOLL_CTL_ADD, CHECK_OK(sinew_fd(e.in, SINEW_IN)), &event));
	pid_t child = ends_fork(&e, send_slowly, NULL);
	while (got < ROUNDS) {
		CHECK_EQ(CHECK_SYS(epoll_wait(set, &event, 1, 10000)), 1);
		while (sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW) == 1)
			got++;
	}
	CHECK_EQ(got, ROUNDS);
	close(set);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* ---- room to send ---- */

static unsigned fill_up(sinew_channel *out, uint64_t peer)
{
	char data[2000];
	struct sinew_msg msg = {.data = data, .size = sizeof data, .peer = peer};
	unsigned sent = 0;
	int r;

	memset(data, 'x', sizeof data);
	while ((r = sinew_send(out, &msg, 1, SINEW_NOW)) == 1)
		sent++;
	CHECK_ERR(r, -EAGAIN);
	return sent;
}

static void drain(sinew_channel *in, sinew_channel *out, unsigned count)
{
	struct sinew_msg msg;
	char buf[2000];

	for (unsigned i = 0; i < count; i++) {
		sinew_flush(out, SINEW_NOW);
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
		CHECK_EQ(msg.size, sizeof buf);
	}
}

TEST_EACH(framed_channel, writable_while_there_is_room, struct mechanism, m)
{
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	CHECK(ready(e.out, SINEW_OUT, 10000));
	for (unsigned turn = 0; turn < 2 && mechanism_is_reliable(m); turn++) {
		unsigned sent = 0, more = 0;
		do /* TCP finds room for some more by itself; and a look may be for nothing. */
			sent += fill_up(e.out, SINEW_ANY_PEER);
		while (ready(e.out, SINEW_OUT, 20) && ++more < 100);
		CHECK(more < 100);
		drain(e.in, e.out, sent);
		CHECK(ready(e.out, SINEW_OUT, 10000));
		send_filled(e.out, 10, 1);
		expect_filled(e.in, 10, 1);
	}
	ends_close(&e);
}

/* The answering side: it is the one peer that is full which matters. */
TEST_EACH(server_channel, writable_while_a_peer_has_room, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	ends_open(m, &e, 0, "");
	CHECK(ready(e.in, SINEW_OUT, 10000));
	send_filled(e.out, 10, 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	unsigned sent = fill_up(e.in, msg.peer);
	while (test_within(ready(e.in, SINEW_OUT, 0), 50))
		sent += fill_up(e.in, msg.peer);
	CHECK(!ready(e.in, SINEW_OUT, 20));
	drain(e.out, e.in, sent);
	CHECK(ready(e.in, SINEW_OUT, 10000));
	ends_close(&e);
}

TEST_EACH(every_channel, one_way_ends_have_one_descriptor, struct mechanism, m)
{
	bool both = mechanism_bits(m) & SINEW_CAP_BOTH_WAYS;
	struct ends e;

	if (refuses(m))
		return;
	ends_open(m, &e, 0, "");
	int in = CHECK_OK(sinew_fd(e.in, SINEW_IN));
	CHECK_EQ(sinew_fd(e.in, SINEW_IN), in);
	if (both) {
		CHECK(CHECK_OK(sinew_fd(e.in, SINEW_OUT)) != in);
		CHECK_OK(sinew_fd(e.out, SINEW_IN));
	} else {
		CHECK_ERR(sinew_fd(e.in, SINEW_OUT), -EINVAL);
		CHECK_ERR(sinew_fd(e.out, SINEW_IN), -EINVAL);
	}
	CHECK_ERR(sinew_fd(e.in, 0), -EINVAL);
	CHECK_ERR(sinew_fd(e.in, SINEW_IN | SINEW_OUT), -EINVAL);
	ends_close(&e);
}
