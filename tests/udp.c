/* SPDX-License-Identifier: MIT
 *
 * udp.c - what a network does to datagrams, done to them on purpose: bare sockets send what was
 * overtaken, doubled, forged or is missing; a reader that stops loses for real; senders are many, and
 * start anew. What is said of it must be exact.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datagrams.h"

enum { HEADER = SINEW__SEQUENCE_HEADER, WINDOW = SINEW__SEQUENCE_WINDOW };

/* ---- numbers ---- */

TEST(gaps_are_told_with_the_message_behind_them)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int fd = bare(in);

	craft(fd, 7, 0);
	craft(fd, 7, 1);
	craft(fd, 7, 5);
	craft(fd, 7, 6);
	craft(fd, 7, 5000);
	expect_plain(in, 0, 0);
	expect_plain(in, 1, 0);
	expect_plain(in, 5, 3);
	expect_plain(in, 6, 0);
	expect_plain(in, 5000, 4993);
	CHECK_EQ(stats_of(in).lost, 4996);
	close(fd);
	sinew_close(in);
}

TEST(what_was_overtaken_comes_late)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int fd = bare(in);

	craft(fd, 7, 2);
	craft(fd, 7, 0);
	craft(fd, 7, 1);
	craft(fd, 7, 3);
	expect_plain(in, 2, 2);
	expect_late(in, 0);
	expect_late(in, 1);
	expect_plain(in, 3, 0);
	CHECK_EQ(stats_of(in).lost, 2);
	CHECK_EQ(stats_of(in).late, 2);
	CHECK_EQ(stats_of(in).received, 4);
	close(fd);
	sinew_close(in);
}

TEST(copies_are_dropped_and_counted)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int fd = bare(in);

	craft(fd, 7, 0);
	craft(fd, 7, 0);
	craft(fd, 7, 0);
	craft(fd, 7, 2);
	craft(fd, 7, 1);
	craft(fd, 7, 1);
	expect_plain(in, 0, 0);
	CHECK_EQ(expect(in, 2, 1).copies, 2);
	expect_late(in, 1);
	expect_nothing(in);
	craft(fd, 7, 3);
	CHECK_EQ(expect(in, 3, 0).copies, 1);
	craft(fd, 7, 4);
	expect_plain(in, 4, 0);
	CHECK_EQ(stats_of(in).copies, 3);
	close(fd);
	sinew_close(in);
}

/* The same, borrowed many at a time. */
TEST(groups_carry_the_same_news)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	static const uint64_t sent[] = {1, 1, 0, 3, 3, 4};
	struct sinew_msg msgs[8];
	int fd = bare(in);

	for (unsigned i = 0; i < sizeof sent / sizeof *sent; i++)
		craft(fd, 7, sent[i]);
	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 8, soon())), 4);
	CHECK_MEM(msgs[0].data, msgs[0].size, "1", 1);
	CHECK_EQ(msgs[0].lost, 1);
	CHECK_MEM(msgs[1].data, msgs[1].size, "0", 1);
	CHECK_EQ(msgs[1].flags, SINEW_MSG_LATE);
	CHECK_EQ(msgs[1].copies, 1);
	CHECK_MEM(msgs[2].data, msgs[2].size, "3", 1);
	CHECK_EQ(msgs[2].lost, 1);
	CHECK_MEM(msgs[3].data, msgs[3].size, "4", 1);
	CHECK_EQ(msgs[3].copies, 1);
	close(fd);
	sinew_close(in);
}

TEST(beyond_the_window_nothing_can_be_told)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int fd = bare(in);

	craft(fd, 7, 3 * WINDOW);
	craft(fd, 7, 2 * WINDOW);     /* too old */
	craft(fd, 7, 2 * WINDOW + 1); /* the oldest that is not */
	craft(fd, 7, 4 * WINDOW + 2); /* the window wraps */
	craft(fd, 7, 3 * WINDOW + 3);
	craft(fd, 7, 3 * WINDOW);
	expect_plain(in, 3 * WINDOW, 3 * WINDOW);
	expect_late(in, 2 * WINDOW + 1);
	expect_plain(in, 4 * WINDOW + 2, WINDOW + 1);
	expect_late(in, 3 * WINDOW + 3);
	expect_nothing(in);
	CHECK_EQ(stats_of(in).refused, 2);
	CHECK_EQ(stats_of(in).lost, 4 * WINDOW + 1);
	CHECK_EQ(stats_of(in).late, 2);
	CHECK_EQ(stats_of(in).copies, 0);
	close(fd);
	sinew_close(in);
}

/* A message that waits for a larger buffer keeps what is known of it. */
TEST(a_kept_message_keeps_its_news)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	struct sinew_msg msg;
	int fd = bare(in);
	char buf[1];

	craft(fd, 7, 1000);
	craft(fd, 7, 999);
	CHECK_ERR(sinew_recv(in, buf, 1, &msg, soon()), -EMSGSIZE);
	CHECK_EQ(msg.size, 4);
	expect_plain(in, 1000, 1000);
	CHECK_ERR(sinew_recv(in, buf, 1, &msg, soon()), -EMSGSIZE);
	expect_late(in, 999);
	close(fd);
	sinew_close(in);
}

/* ---- loss for real ---- */

static void check_overflow(const char *options, size_t size)
{
	char uri[64];
	uint64_t came = 0, lost = 0, sent;

	snprintf(uri, sizeof uri, "udp:127.0.0.1:0%s", options);
	sinew_channel *in = listen_on(uri), *out = connect_to(port_of(in), options);
	char *data = calloc(1, 65536);
	struct sinew_msg msg = {.data = data, .size = size}, got;
	for (sent = 0; sent < 3000; sent++)
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_FOREVER)), 1);
	for (bool last = false; !last;) {
		int r = sinew_recv(in, data, 65536, &got, SINEW_NOW);
		if (r == -EAGAIN) {
			CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
			sent++;
			last = true;
			CHECK_EQ(CHECK_OK(sinew_recv(in, data, 65536, &got, soon())), 1);
		}
		came++;
		lost += got.lost;
		CHECK_EQ(got.flags, 0);
	}
	CHECK(lost > 0);
	CHECK_EQ(came + lost, sent);
	CHECK_EQ(stats_of(in).lost, lost);
	CHECK_EQ(stats_of(in).received, came);
	free(data);
	sinew_close(out);
	sinew_close(in);
}

TEST(a_stopped_reader_is_told_what_it_missed)
{
	check_overflow("?buffer=64K", 100);
	check_overflow("?buffer=4K&frame=length", 1000);
	check_overflow("?buffer=1M", 20000);
}

/* ---- what is no message ---- */

TEST(bad_datagrams_are_refused)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	uint8_t forged[HEADER + 4] = {0};
	int fd = bare(in);

	craft(fd, 7, 0);
	for (size_t size = 0; size < HEADER; size++)
		CHECK_EQ(CHECK_SYS(send(fd, forged, size, 0)), size);
	sinew__sequence_write(forged, 7, 1);
	CHECK_EQ(CHECK_SYS(send(fd, forged, HEADER - 1, 0)), HEADER - 1);
	forged[3]++;
	CHECK_EQ(CHECK_SYS(send(fd, forged, sizeof forged, 0)), sizeof forged);
	craft(fd, 7, UINT64_MAX);
	craft(fd, 7, UINT64_C(1) << 63);
	craft(fd, 7, (UINT64_C(1) << 62));
	craft(fd, 7, SINEW__SEQUENCE_JUMP + 2);
	craft(fd, 7, 1);
	expect_plain(in, 0, 0);
	expect_plain(in, 1, 0);
	CHECK_EQ(stats_of(in).refused, HEADER + 6);
	CHECK_EQ(stats_of(in).lost, 0);
	close(fd);
	sinew_close(in);
}

/* Whoever forges what it likes from another address is another peer. */
TEST(a_forger_changes_no_count_of_others)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int honest = bare(in), forger = bare(in);
	uint64_t peer;

	craft(honest, 7, 0);
	peer = expect(in, 0, 0).peer;
	craft(forger, 7, 100);
	CHECK(expect(in, 100, 99).peer != peer);
	craft(forger, 8, 50);
	expect(in, 50, 50);
	craft(honest, 7, 1);
	CHECK_EQ(expect(in, 1, 0).peer, peer);
	craft(honest, 7, 3);
	expect_plain(in, 3, 1);
	close(forger);
	close(honest);
	sinew_close(in);
}

TEST(a_stranger_does_not_reach_a_connected_channel)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct sockaddr_in at = loopback(INADDR_LOOPBACK, 0);
	socklen_t size = sizeof at;

	CHECK_SYS(bind(fd, (struct sockaddr *)&at, sizeof at));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&at, &size));
	sinew_channel *out = connect_to(ntohs(at.sin_port), "?frame=raw");
	send_filled(out, 10, 1);
	char buf[64];
	struct sockaddr_in from;
	size = sizeof from;
	CHECK_EQ(CHECK_SYS(recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &size)), 10);
	int stranger = bare_at(INADDR_LOOPBACK, ntohs(from.sin_port));
	CHECK(send(stranger, "forged", 6, 0) == 6);
	fill(buf, 20, 2);
	CHECK_EQ(CHECK_SYS(sendto(fd, buf, 20, 0, (struct sockaddr *)&from, size)), 20);
	expect_filled(out, 20, 2);
	expect_nothing(out);
	close(stranger);
	close(fd);
	sinew_close(out);
}

/* So many bad ones that one call does not pass them all: it keeps to its deadline, and says that there
 * is more. */
TEST(a_flood_of_bad_datagrams_holds_no_call)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	int fd = bare(in), refused = 0, ready = sinew_fd(in, SINEW_IN);

	for (unsigned i = 0; i < 150; i++)
		CHECK_SYS(send(fd, "bad", 3, 0));
	craft(fd, 7, 0);
	struct sinew_msg msg;
	char buf[8];
	while (sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW) == -EAGAIN) {
		struct pollfd poll_fd = {.fd = ready, .events = POLLIN};
		CHECK_EQ(poll(&poll_fd, 1, 0), 1);
		refused++;
	}
	CHECK_EQ(refused, 2);
	CHECK_EQ(msg.size, 1);
	for (unsigned i = 0; i < 150; i++)
		CHECK_SYS(send(fd, "bad", 3, 0));
	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, 1), -ETIMEDOUT);
	CHECK(stats_of(in).refused < 300);
	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, after_ms(30)), -ETIMEDOUT);
	CHECK_EQ(stats_of(in).refused, 300);
	close(fd);
	sinew_close(in);
}

/* ---- many senders ---- */

TEST(more_senders_than_are_remembered)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0?peers=4");
	struct sinew_msg answer = {.data = "x", .size = 1};
	uint64_t peers[10];
	int fds[10];

	for (unsigned i = 0; i < 10; i++) {
		fds[i] = bare(in);
		craft(fds[i], 100 + i, 0);
		peers[i] = expect(in, 0, 0).peer;
		craft(fds[i], 100 + i, 1);
		CHECK_EQ(expect(in, 1, 0).peer, peers[i]);
	}
	answer.peer = peers[9];
	CHECK_EQ(CHECK_OK(sinew_send(in, &answer, 1, soon())), 1);
	answer.peer = peers[0];
	CHECK_ERR(sinew_send(in, &answer, 1, soon()), -ESTALE);
	/* Who was forgotten is a new peer; what it sent before counts as missed. */
	craft(fds[0], 100, 2);
	CHECK(expect(in, 2, 2).peer != peers[0]);
	for (unsigned i = 0; i < 10; i++)
		close(fds[i]);
	sinew_close(in);
}

/* Each peer that is answered sees numbers of its own. */
TEST(answers_are_numbered_for_each_peer)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0?peers=2"), *out[3];
	uint64_t peers[3];
	char text[16];

	for (unsigned turn = 0; turn < 4; turn++)
		for (unsigned i = 0; i < 3; i++) {
			if (turn == 0)
				out[i] = connect_to(port_of(in), "");
			CHECK_EQ(CHECK_OK(try_send(out[i], turn)), 1);
			struct sinew_msg msg;
			CHECK_EQ(CHECK_OK(sinew_recv(in, text, sizeof text, &msg, soon())), 1);
			peers[i] = msg.peer;
			for (unsigned n = 0; n < 3; n++) {
				struct sinew_msg answer = {
					.data = text, .size = 1, .peer = peers[i]};
				text[0] = (char)('0' + n);
				CHECK_EQ(CHECK_OK(sinew_send(in, &answer, 1, soon())), 1);
				expect_plain(out[i], n, 0);
			}
		}
	for (unsigned i = 0; i < 3; i++)
		sinew_close(out[i]);
	sinew_close(in);
}

/* ---- restarts ---- */

TEST(a_restarted_sender_starts_anew)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");

	for (unsigned life = 0; life < 3; life++) {
		sinew_channel *out = connect_to(port_of(in), "");
		for (uint64_t n = 0; n < 5; n++) {
			CHECK_EQ(CHECK_OK(try_send(out, n)), 1);
			expect_plain(in, n, 0);
		}
		sinew_close(out);
	}
	/* Even at the same address. */
	int fd = bare(in);
	craft(fd, 1, 9);
	craft(fd, 2, 0);
	expect_plain(in, 9, 9);
	expect_plain(in, 0, 0);
	close(fd);
	CHECK_EQ(stats_of(in).copies, 0);
	sinew_close(in);
}

TEST(a_restarted_reader_missed_what_went_before)
{
	sinew_channel *in = listen_on("udp:127.0.0.1:0");
	sinew_channel *out = connect_to(port_of(in), "");
	char uri[64];

	CHECK_OK(sinew_name(in, uri, sizeof uri));
	for (uint64_t n = 0; n < 3; n++)
		CHECK_EQ(CHECK_OK(try_send(out, n)), 1);
	expect_plain(in, 0, 0);
	sinew_close(in);
	in = listen_on(uri);
	CHECK_EQ(CHECK_OK(try_send(out, 3)), 1);
	expect_plain(in, 3, 3);
	sinew_close(in);
	sinew_close(out);
}
