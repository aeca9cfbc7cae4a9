/* SPDX-License-Identifier: MIT
 *
 * conformance_peers.c - one listener and its peers: who came and who left, whom a message is from,
 * and answers that reach exactly the peer they were meant for, or are refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "mechanisms.h"

enum { PEERS = 3 };

/* Where peers are served one at a time. */
static bool one_at_a_time(const struct mechanism *m)
{
	return (mechanism_is_server(m) && m->single) || strstr(m->options, "pattern=pair");
}

static uint64_t expect_event(sinew_channel *in, unsigned flags)
{
	struct sinew_msg msg;
	char byte;

	CHECK_EQ(CHECK_OK(sinew_recv(in, &byte, 1, &msg, soon())), 1);
	CHECK_EQ(msg.flags, flags);
	CHECK_EQ(msg.size, 0);
	CHECK(msg.peer != SINEW_ANY_PEER);
	return msg.peer;
}

static uint64_t expect_from(sinew_channel *in, const char *text)
{
	struct sinew_msg msg;
	char buf[64];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_EQ(msg.flags, 0);
	CHECK_MEM(buf, msg.size, text, strlen(text));
	return msg.peer;
}

static int say(sinew_channel *c, const char *text, uint64_t peer)
{
	struct sinew_msg msg = {.data = text, .size = strlen(text), .peer = peer};

	return sinew_send(c, &msg, 1, after_ms(2000));
}

TEST_EACH(server_channel, events_tell_who_comes_and_goes, struct mechanism, m)
{
	uint64_t ids[6];
	struct ends e;

	ends_listen(m, &e, SINEW_EVENTS, "");
	for (unsigned i = 0; i < 6; i++) {
		sinew_channel *out = ends_join(&e, 0);
		ids[i] = expect_event(e.in, SINEW_MSG_JOINED);
		for (unsigned k = 0; k < i; k++)
			CHECK(ids[k] != ids[i]);
		CHECK_EQ(say(out, "hello", 0), 1);
		sinew_close(out);
		CHECK_EQ(expect_from(e.in, "hello"), ids[i]);
		CHECK_EQ(expect_event(e.in, SINEW_MSG_LEFT), ids[i]);
		CHECK_ERR(say(e.in, "gone", ids[i]), -ESTALE);
	}
	struct sinew_msg msg;
	expect_end(e.in, &msg);
	ends_close(&e);
}

TEST_EACH(server_channel, events_can_be_taken_and_polled, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, SINEW_EVENTS, "");
	CHECK_OK(sinew_fd(e.in, SINEW_IN));
	sinew_channel *out = ends_join(&e, 0);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
	CHECK_EQ(msg.flags, SINEW_MSG_JOINED);
	CHECK_EQ(say(out, "one", 0), 1);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
	CHECK_MEM(msg.data, msg.size, "one", 3);
	sinew_close(out);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
	CHECK_EQ(msg.flags, SINEW_MSG_LEFT);
	ends_close(&e);
}

TEST_EACH(server_channel, without_events_only_messages_come, struct mechanism, m)
{
	struct sinew_stats stats;
	struct ends e;

	ends_listen(m, &e, 0, "keep-open=yes");
	for (unsigned i = 0; i < 3; i++) {
		sinew_channel *out = ends_join(&e, 0);
		CHECK_EQ(say(out, "hello", 0), 1);
		expect_from(e.in, "hello");
		CHECK_OK(sinew_stats(e.in, &stats));
		CHECK_EQ(stats.peers, 1);
		CHECK_EQ(stats.joined, i + 1);
		sinew_close(out);
		CHECK_ERR(
			sinew_recv(e.in, NULL, 0, &(struct sinew_msg){0}, after_ms(5)), -ETIMEDOUT);
		CHECK_OK(sinew_stats(e.in, &stats));
		CHECK_EQ(stats.peers, 0);
	}
	ends_close(&e);
}

/* ---- answers ---- */

TEST_EACH(framed_channel, answers_reach_who_asked, struct mechanism, m)
{
	unsigned peers = m->place && !one_at_a_time(m) ? PEERS : 1;
	sinew_channel *outs[PEERS];
	uint64_t ids[PEERS];
	struct ends e;
	char text[32];

	ends_listen(m, &e, 0, "");
	if (!(mechanism_bits(m) & SINEW_CAP_ANSWERS)) {
		e.out = ends_join(&e, 0);
		CHECK_ERR(say(e.in, "x", 0), -EBADF);
		ends_close(&e);
		return;
	}
	for (unsigned i = 0; i < peers; i++) {
		outs[i] = ends_join(&e, 0);
		snprintf(text, sizeof text, "I am %u", i);
		CHECK_EQ(say(outs[i], text, 0), 1);
		ids[i] = expect_from(e.in, text);
	}
	for (unsigned i = peers; i-- > 0;) {
		snprintf(text, sizeof text, "you are %u", i);
		CHECK_EQ(say(e.in, text, ids[i]), 1);
	}
	for (unsigned i = 0; i < peers; i++) {
		snprintf(text, sizeof text, "you are %u", i);
		expect_from(outs[i], text);
		CHECK_ERR(sinew_recv(outs[i], NULL, 0, &(struct sinew_msg){0}, SINEW_NOW), -EAGAIN);
		sinew_close(outs[i]);
	}
	ends_close(&e);
}

TEST_EACH(server_channel, an_answer_to_nobody_in_particular, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, 0, "");
	CHECK_ERR(sinew_send(e.in, &(struct sinew_msg){.data = "x", .size = 1}, 1, SINEW_NOW),
		-EAGAIN);
	CHECK_ERR(sinew_send(e.in, &(struct sinew_msg){.data = "x", .size = 1}, 1, after_ms(10)),
		-ETIMEDOUT);
	sinew_channel *first = ends_join(&e, 0);
	CHECK_EQ(say(e.in, "welcome", 0), 1);
	expect_from(first, "welcome");
	if (!one_at_a_time(m)) {
		sinew_channel *second = ends_join(&e, 0);
		CHECK_EQ(say(second, "me too", 0), 1);
		expect_from(e.in, "me too");
		CHECK_ERR(say(e.in, "whom?", 0), -EDESTADDRREQ);
		sinew_close(second);
	}
	sinew_close(first);
	ends_close(&e);
}

/* One array with messages to several peers. */
TEST_EACH(server_channel, one_call_answers_several, struct mechanism, m)
{
	struct sinew_msg msgs[4] = {{.data = "a", .size = 1}, {.data = "b", .size = 1},
		{.data = "c", .size = 1}, {.data = "d", .size = 1}};
	sinew_channel *outs[2];
	struct ends e;

	ends_listen(m, &e, 0, "");
	if (one_at_a_time(m)) {
		CHECK_ERR(say(e.in, "x", 77), -ESTALE);
		ends_close(&e);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		outs[i] = ends_join(&e, 0);
		CHECK_EQ(say(outs[i], "hi", 0), 1);
		msgs[i].peer = msgs[3 - i].peer = expect_from(e.in, "hi");
	}
	CHECK_EQ(CHECK_OK(sinew_send(e.in, msgs, 4, soon())), 4);
	expect_from(outs[0], "a");
	expect_from(outs[1], "b");
	expect_from(outs[1], "c");
	expect_from(outs[0], "d");
	sinew_close(outs[0]);
	sinew_close(outs[1]);
	ends_close(&e);
}

TEST_EACH(server_channel, a_slow_peer_does_not_stall_the_others, struct mechanism, m)
{
	char data[4000] = "";
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	struct ends e;
	int r;

	ends_listen(m, &e, 0, "");
	if (one_at_a_time(m)) {
		CHECK(m->single);
		ends_close(&e);
		return;
	}
	sinew_channel *slow = ends_join(&e, 0), *quick = ends_join(&e, 0);
	CHECK_EQ(say(slow, "slow", 0), 1);
	msg.peer = expect_from(e.in, "slow");
	memset(data, 'x', sizeof data);
	while ((r = sinew_send(e.in, &msg, 1, SINEW_NOW)) == 1)
		;
	CHECK_ERR(r, -EAGAIN);
	CHECK_EQ(say(quick, "quick", 0), 1);
	uint64_t id = expect_from(e.in, "quick");
	CHECK_EQ(say(e.in, "at once", id), 1);
	expect_from(quick, "at once");
	sinew_close(slow);
	sinew_close(quick);
	ends_close(&e);
}

TEST_EACH(framed_channel, who_a_peer_is, struct mechanism, m)
{
	struct sinew_peer peer;
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_EQ(say(e.out, "hello", 0), 1);
	uint64_t id = expect_from(e.in, "hello");
	CHECK(id != SINEW_ANY_PEER);
	CHECK_OK(sinew_peer(e.in, id, &peer));
	CHECK(strlen(peer.address) < sizeof peer.address);
	CHECK_ERR(sinew_peer(e.in, id + 1, &peer), -ESTALE);
	CHECK_OK(sinew_peer(e.out, SINEW_ANY_PEER, &peer));
	if (mechanism_is_server(m)) {
		CHECK(strstr(e.uri, peer.address) != NULL && *peer.address);
		CHECK_OK(sinew_peer(e.in, SINEW_ANY_PEER, &peer));
		sinew_close(e.out);
		e.out = NULL;
		struct sinew_msg msg;
		expect_end(e.in, &msg);
		expect_end(e.in, &msg); /* one that only finished might still be answered */
		CHECK_ERR(sinew_peer(e.in, id, &peer), -ESTALE);
	}
	ends_close(&e);
}

/* ---- who may come ---- */

static void try_to_talk(void *arg)
{
	struct ends *e = arg;
	sinew_channel *out = NULL;
	struct sinew_msg msg;
	char byte;

	if (sinew_open(&out, e->uri, 0, after_ms(200)) == 0) {
		if (say(out, "let me in", 0) == 1 && mechanism_is_server(e->m)) {
			int r = sinew_recv(out, &byte, 1, &msg, soon());
			CHECK(r == SINEW_END || r == -ECONNRESET);
		}
		sinew_close(out);
	}
	sinew_close(e->in);
}

TEST_EACH(framed_channel, strangers_are_turned_away, struct mechanism, m)
{
	struct sinew_stats stats;
	struct ends e;

	if (strcmp(m->scheme, "unix") != 0 || !m->place) {
		CHECK(strcmp(m->scheme, "unix") != 0 || !m->place);
		return;
	}
	ends_listen(m, &e, 0, "allow=0,4711");
	if (*m->place != '@') {
		CHECK_SYS(chmod(test_tmpdir(), 0755));
		CHECK_SYS(chmod(test_path(m->place), 0777));
	}
	pid_t child = test_fork_as(65534, try_to_talk, &e);
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &(struct sinew_msg){0}, after_ms(300)), -ETIMEDOUT);
	CHECK_EQ(test_wait(child), 0);
	CHECK_OK(sinew_stats(e.in, &stats));
	CHECK_EQ(stats.refused, 1);
	e.out = ends_join(&e, 0);
	CHECK_EQ(say(e.out, "I may", 0), 1);
	expect_from(e.in, "I may");
	ends_close(&e);
}

TEST_EACH(server_channel, the_next_peer_waits_its_turn, struct mechanism, m)
{
	sinew_channel *outs[3];
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, one_at_a_time(m) ? "" : "peers=2");
	unsigned most = one_at_a_time(m) ? 1 : 2;
	for (unsigned i = 0; i <= most; i++) {
		outs[i] = ends_join(&e, 0);
		CHECK_EQ(say(outs[i], "hello", 0), 1);
	}
	for (unsigned i = 0; i < most; i++)
		expect_from(e.in, "hello");
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &msg, after_ms(10)), -ETIMEDOUT);
	for (unsigned i = 0; i < most; i++)
		sinew_close(outs[i]);
	expect_from(e.in, "hello"); /* no END while somebody waits to come in */
	sinew_close(outs[most]);
	expect_end(e.in, &msg);
	ends_close(&e);
}
