/* SPDX-License-Identifier: MIT
 *
 * conformance_end.c - how a conversation ends: with its last peer, after all it said, also when it
 * was killed; and how a sender learns that nobody listens.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mechanisms.h"

static bool has_end(const struct mechanism *m)
{
	return mechanism_bits(m) & SINEW_CAP_END;
}

/* END, and END again; or nothing at all where the mechanism has no end. */
static void check_ended(const struct mechanism *m, sinew_channel *in, uint64_t lost)
{
	struct sinew_msg msg;
	char buf[64];

	if (has_end(m)) {
		expect_end(in, &msg);
		CHECK_EQ(msg.lost, lost);
		CHECK_EQ(msg.size, 0);
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW)), SINEW_END);
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, SINEW_FOREVER)), SINEW_END);
		CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), SINEW_END);
		CHECK_EQ(msg.lost, 0);
	} else {
		CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
		CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, after_ms(20)), -ETIMEDOUT);
	}
}

TEST_EACH(framed_channel, the_end_comes_after_the_messages, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < 4; i++)
		send_filled(e.out, 500, i);
	CHECK_EQ(CHECK_OK(sinew_close(e.out)), 0);
	e.out = NULL;
	for (unsigned i = 0; i < 4; i++)
		expect_filled(e.in, 500, i);
	check_ended(m, e.in, 0);
	ends_close(&e);
}

static void send_three(sinew_channel *out, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 3; i++)
		send_filled(out, 2000, i);
}

TEST_EACH(framed_channel, the_end_comes_from_another_process, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_three, NULL);
	CHECK_EQ(test_wait(child), 0);
	for (unsigned i = 0; i < 3; i++)
		expect_filled(e.in, 2000, i);
	check_ended(m, e.in, 0);
	ends_close(&e);
}

/* Who leaves without having read what it was sent resets a socket; what it said arrives all the
 * same. The end may be preceded by -ECONNRESET where there is only one peer. */
TEST_EACH(framed_channel, the_end_of_who_did_not_read_comes_after_its_messages, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[64];

	ends_open(m, &e, 0, "");
	if (!(mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)) {
		CHECK(m->single);
		ends_close(&e);
		return;
	}
	send_filled(e.out, 40, 9);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	struct sinew_msg answer = {.data = "unread", .size = 6, .peer = msg.peer};
	CHECK_EQ(CHECK_OK(sinew_send(e.in, &answer, 1, soon())), 1);
	for (unsigned i = 0; i < 3; i++)
		send_filled(e.out, 500, i);
	CHECK_EQ(CHECK_OK(sinew_close(e.out)), 0);
	e.out = NULL;
	for (unsigned i = 0; i < 3; i++)
		expect_filled(e.in, 500, i);
	int r = sinew_recv(e.in, buf, sizeof buf, &msg, after_ms(20));
	if (r != -ECONNRESET || mechanism_is_server(m))
		CHECK_EQ(r, has_end(m) ? SINEW_END : -ETIMEDOUT);
	check_ended(m, e.in, 0);
	ends_close(&e);
}

TEST_EACH(framed_channel, the_connecting_end_sees_the_end_too, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[64];

	ends_open(m, &e, 0, "");
	send_filled(e.out, 10, 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	sinew_close(e.in);
	e.in = NULL;
	if (strstr(m->options, "reconnect"))
		CHECK_ERR(sinew_recv(e.out, buf, sizeof buf, &msg, after_ms(50)), -ETIMEDOUT);
	else if (mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)
		check_ended(m, e.out, 0);
	else
		CHECK_ERR(sinew_recv(e.out, buf, sizeof buf, &msg, SINEW_NOW), -EBADF);
	ends_close(&e);
}

TEST_EACH(raw_channel, the_end_comes_after_the_bytes, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[64];

	ends_open(m, &e, 0, "");
	send_filled(e.out, 50, 1);
	sinew_close(e.out);
	e.out = NULL;
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, 20, &msg, soon())), 1);
	CHECK_EQ(msg.size, 20);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_EQ(msg.size, 30);
	check_ended(m, e.in, 0);
	ends_close(&e);
}

/* ---- going on ---- */

/* Nobody can come after the peer of a pair: to refuse keep-open= is right, to ignore it is not. */
static void check_pair_kept_open(const struct mechanism *m)
{
	sinew_channel *pair[2];
	struct sinew_msg msg;
	char uri[256];

	mechanism_uri(m, "keep-open=yes", uri, sizeof uri);
	int r = sinew_pair(pair, uri, 0);
	if (r < 0) {
		CHECK_ERR(r, -EINVAL);
		return;
	}
	sinew_close(pair[1]);
	CHECK_ERR(sinew_recv(pair[0], NULL, 0, &msg, after_ms(10)), -ETIMEDOUT);
	sinew_close(pair[0]);
}

TEST_EACH(every_channel, keep_open_goes_on, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	if (!m->place) {
		check_pair_kept_open(m);
		return;
	}
	ends_listen(m, &e, 0, "keep-open=yes");
	for (unsigned i = 0; i < 3; i++) {
		sinew_channel *out = ends_join(&e, 0);
		send_filled(out, 30, i);
		CHECK_EQ(CHECK_OK(sinew_close(out)), 0);
		expect_filled(e.in, 30, i);
		CHECK_ERR(sinew_recv(e.in, NULL, 0, &msg, SINEW_NOW), -EAGAIN);
		CHECK_ERR(sinew_recv(e.in, NULL, 0, &msg, after_ms(10)), -ETIMEDOUT);
	}
	ends_close(&e);
}

TEST_EACH(server_channel, a_new_peer_can_come_after_the_end, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, 0, "");
	for (unsigned i = 0; i < 3; i++) {
		sinew_channel *out = ends_join(&e, 0);
		send_filled(out, 30, i);
		CHECK_EQ(CHECK_OK(sinew_close(out)), 0);
		expect_filled(e.in, 30, i);
		check_ended(m, e.in, 0);
	}
	ends_close(&e);
}

/* END means the last of them. */
TEST_EACH(server_channel, one_of_several_leaving_is_not_the_end, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, "");
	sinew_channel *first = ends_join(&e, 0), *second = ends_join(&e, 0);
	send_filled(first, 30, 1);
	expect_filled(e.in, 30, 1);
	CHECK_EQ(CHECK_OK(sinew_close(first)), 0);
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &msg, after_ms(20)), -ETIMEDOUT);
	send_filled(second, 30, 2);
	expect_filled(e.in, 30, 2);
	CHECK_EQ(CHECK_OK(sinew_close(second)), 0);
	check_ended(m, e.in, 0);
	ends_close(&e);
}

/* ---- killed ---- */

/* The first bytes of a message of 100, as this row's framing puts them on the stream. */
static void write_half(const struct mechanism *m, sinew_channel *out)
{
	static const char length[] = "\0\0\0\144half of it";
	bool line = strstr(m->options, "line");

	size_t size = line ? 10 : sizeof length - 1;
	CHECK_EQ(CHECK_SYS(write(raw_fd(out), line ? "half of it" : length, size)), size);
}

struct death {
	const struct mechanism *m;
	unsigned messages;
	bool half;
};

static void die(sinew_channel *out, void *arg)
{
	const struct death *d = arg;

	for (unsigned i = 0; i < d->messages; i++)
		send_filled(out, 1000, i);
	if (d->half)
		write_half(d->m, out);
	raise(SIGKILL);
}

static void check_death(const struct mechanism *m, unsigned messages, bool half)
{
	struct death d = {m, messages, half};
	bool line = strstr(m->options, "line");
	struct sinew_stats stats;
	struct sinew_msg msg;
	struct ends e;
	char buf[64];

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, die, &d);
	CHECK_EQ(test_wait(child), -SIGKILL);
	for (unsigned i = 0; i < messages; i++)
		expect_filled(e.in, 1000, i);
	if (half && line) { /* all that can be known is that no newline came */
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
		CHECK_EQ(msg.flags, SINEW_MSG_UNFINISHED);
		CHECK_MEM(buf, msg.size, "half of it", 10);
	}
	check_ended(m, e.in, half && !line);
	CHECK_OK(sinew_stats(e.in, &stats));
	CHECK_EQ(stats.received, messages + (half && line));
	CHECK_EQ(stats.lost, half && !line);
	ends_close(&e);
}

TEST_EACH(framed_channel, killed_before_a_message, struct mechanism, m)
{
	check_death(m, 0, false);
}

TEST_EACH(framed_channel, killed_after_a_message, struct mechanism, m)
{
	check_death(m, 3, false);
}

TEST_EACH(framed_channel, killed_inside_a_message, struct mechanism, m)
{
	check_death(m, 0, mechanism_is_stream(m));
	check_death(m, 2, mechanism_is_stream(m));
}

/* ---- finishing ---- */

static void check_finished(struct ends *e)
{
	struct sinew_msg msg = {.data = "x", .size = 1};

	CHECK_ERR(sinew_send(e->out, &msg, 1, SINEW_NOW), -EPIPE);
	expect_filled(e->in, 100, 1);
	check_ended(e->m, e->in, 0);
}

static void check_answer_after_end(struct ends *e)
{
	send_filled(e->in, 300, 3);
	CHECK_EQ(CHECK_OK(sinew_flush(e->in, soon())), 0);
	expect_filled(e->out, 300, 3);
}

/* A request that ends with its sender's finish can be answered: the one peer there can be stays. */
TEST_EACH(server_channel, who_finished_can_be_answered, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "");
	send_filled(e.out, 100, 1);
	CHECK_OK(sinew_finish(e.out, soon()));
	expect_filled(e.in, 100, 1);
	if (m->single)
		expect_end(e.in, &msg);
	check_answer_after_end(&e);
	ends_close(&e);
}

TEST_EACH(framed_channel, finish_ends_one_direction, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "coalesce=1K");
	send_filled(e.out, 100, 1);
	if (!has_end(m)) {
		CHECK_ERR(sinew_finish(e.out, soon()), -EOPNOTSUPP);
		send_filled(e.out, 100, 2);
		expect_filled(e.in, 100, 1);
		ends_close(&e);
		return;
	}
	CHECK_EQ(CHECK_OK(sinew_finish(e.out, soon())), 0);
	check_finished(&e);
	if (!m->place && mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)
		check_answer_after_end(&e);
	ends_close(&e);
}

TEST_EACH(server_channel, finish_needs_a_single_peer, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_finish(e.in, soon()), -EOPNOTSUPP);
	ends_close(&e);
}

/* ---- nobody listens ---- */

/* SIGPIPE has its default disposition here: raised, it would end the case. */
TEST_EACH(every_channel, sending_to_nobody_says_so, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "x", .size = 1};
	int64_t limit = soon();
	struct ends e;
	int r;

	ends_open(m, &e, 0, "");
	sinew_close(e.in);
	e.in = NULL;
	const uint64_t kept = SINEW_CAP_SURVIVES | SINEW_CAP_END;
	const uint64_t for_who_comes = SINEW_CAP_SURVIVES | SINEW_CAP_EVERY_READER;
	unsigned enough = (mechanism_bits(m) & for_who_comes) == for_who_comes ? 10000 : UINT_MAX;
	do
		r = sinew_send(e.out, &msg, 1, after_ms(300));
	while (r == 1 && test_now() < limit && --enough);
	if (!enough)
		CHECK_EQ(r, 1);
	else if (strstr(m->options, "reconnect") ||
		 (mechanism_bits(m) & kept) == SINEW_CAP_SURVIVES)
		CHECK_ERR(r, -ETIMEDOUT);
	else {
		CHECK_ERR(r, -EPIPE);
		/* Where nobody is connected each message is tried anew. */
		bool anew = !mechanism_is_reliable(m);
		CHECK(test_within(sinew_send(e.out, &msg, 1, SINEW_NOW) == -EPIPE, anew * 5000));
		CHECK(test_within(
			sinew_send(e.out, &msg, 1, SINEW_FOREVER) == -EPIPE, anew * 5000));
	}
	ends_close(&e);
}

TEST_EACH(server_channel, answering_when_all_have_left_says_so, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "x", .size = 1};
	struct ends e;

	ends_open(m, &e, 0, "");
	send_filled(e.out, 10, 1);
	expect_filled(e.in, 10, 1);
	sinew_close(e.out);
	e.out = NULL;
	check_ended(m, e.in, 0);
	CHECK_ERR(sinew_send(e.in, &msg, 1, SINEW_NOW), -EPIPE);
	CHECK_ERR(sinew_send(e.in, &msg, 1, SINEW_FOREVER), -EPIPE);
	ends_close(&e);
}

/* ---- closing ---- */

TEST_EACH(every_channel, closing_says_what_was_not_delivered, struct mechanism, m)
{
	struct sinew_msg msgs[3] = {
		{.data = "a", .size = 1}, {.data = "b", .size = 1}, {.data = "c", .size = 1}};
	bool raw = !(mechanism_bits(m) & SINEW_CAP_BOUNDARIES);
	struct ends e;
	char buf[8];

	ends_open(m, &e, 0, "");
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, 3, soon())), 3);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, 1, msgs, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_close(e.in)), mechanism_is_stream(m) && !raw ? 2 : 0);
	e.in = NULL;
	ends_close(&e);
	CHECK_EQ(CHECK_OK(sinew_close(NULL)), 0);
}

/* The rest of a begun message has nowhere to go. */
TEST_EACH(framed_channel, closing_says_what_could_not_be_sent, struct mechanism, m)
{
	size_t size = mechanism_most(m) < 300000 ? mechanism_most(m) : 300000;
	char *data = calloc(1, size);
	struct sinew_msg msg = {.data = data, .size = size};
	struct ends e;
	int r;

	ends_open(m, &e, 0, "");
	memset(data, 'x', size);
	if (!mechanism_is_reliable(m)) { /* nothing is ever kept back */
		CHECK_EQ(CHECK_OK(sinew_send(e.out, &msg, 1, SINEW_NOW)), 1);
		CHECK_EQ(sinew_close(e.out), 0);
		e.out = NULL;
		free(data);
		ends_close(&e);
		return;
	}
	do
		r = sinew_send(e.out, &msg, 1, SINEW_NOW);
	while (r == 1);
	CHECK_ERR(r, -EAGAIN);
	int stuck = sinew_flush(e.out, SINEW_NOW);
	r = sinew_close(e.out);
	CHECK(stuck == 0 || stuck == -EAGAIN);
	CHECK_EQ(r, stuck);
	if (mechanism_is_stream(m) && size > 100000 && m->single && m->place == NULL)
		CHECK_ERR(stuck, -EAGAIN);
	e.out = NULL;
	free(data);
	ends_close(&e);
}
