/* SPDX-License-Identifier: MIT
 *
 * conformance_caps.c - every capability bit: set, it is demonstrated; clear, what it stands for is
 * refused. Bits that other files of the suite show: boundaries and empty (move), pollable (ready),
 * end (end), answers (peers).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "mechanisms.h"

TEST(every_scheme_has_a_row)
{
	const struct sinew_scheme *scheme;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		bool found = strcmp(sinew_scheme_kind(scheme->name), "channel") != 0;
		for (size_t row = 0; row < mechanism_count && !found; row++)
			found = strcmp(mechanism_rows[row].scheme, scheme->name) == 0;
		if (!found)
			FAIL("%s: has no row in the conformance table", scheme->name);
		test_checked();
	}
}

/* The slices that the suites are must be what they say. */
TEST_EACH(every_channel, the_row_stands_in_its_slice, struct mechanism, m)
{
	bool raw = m < (const struct mechanism *)framed_channel.rows;
	struct ends e;

	CHECK_EQ(raw, !(mechanism_bits(m) & SINEW_CAP_BOUNDARIES));
	ends_open(m, &e, 0, "");
	CHECK_EQ(e.in->table != NULL, mechanism_is_server(m) || (raw && !m->single));
	ends_close(&e);
}

TEST_EACH(every_channel, caps_are_those_of_the_open_channel, struct mechanism, m)
{
	struct sinew_caps caps;
	struct ends e;
	char uri[256];

	ends_open(m, &e, 0, "");
	mechanism_uri(m, "", uri, sizeof uri);
	CHECK_OK(sinew_caps(uri, &caps));
	CHECK_EQ(caps.bits, e.in->caps.bits & ~SINEW__CAP_PACKETS);
	CHECK_EQ(caps.bits, e.out->caps.bits & ~SINEW__CAP_PACKETS);
	CHECK_EQ(caps.max_message, e.in->caps.max_message);
	CHECK_EQ(caps.max_message, e.out->caps.max_message);
	CHECK_OK(sinew_channel_caps(e.out, &caps));
	CHECK_EQ(caps.bits, e.out->caps.bits & ~SINEW__CAP_PACKETS);
	CHECK_EQ(caps.max_message, e.out->caps.max_message);
	ends_close(&e);
	mechanism_uri(m, "max=16", uri, sizeof uri);
	CHECK_OK(sinew_caps(uri, &caps));
	CHECK_EQ(caps.max_message, 16);
}

TEST(every_bit_has_a_name)
{
	uint64_t known = 0;

	for (unsigned bit = 0; sinew_cap_name(bit); bit++) {
		CHECK(sinew_cap_text(bit) && *sinew_cap_text(bit) && *sinew_cap_name(bit));
		known |= UINT64_C(1) << bit;
	}
	CHECK_EQ(known, 2 * SINEW_CAP_EVERY_READER - 1);
	CHECK(sinew_cap_name(64) == NULL && sinew_cap_text(20) == NULL);
	for (size_t row = 0; row < mechanism_count; row++)
		CHECK_EQ(mechanism_bits(&mechanism_rows[row]) & ~known, 0);
}

/* ---- tags, priorities ---- */

static void check_tag(struct ends *e, size_t size, uint64_t tag)
{
	char *data = malloc(size + 1), *got = malloc(size + 1);
	struct sinew_msg msg = {.data = data, .size = size, .tag = tag, .flags = SINEW_MSG_TAGGED};

	fill(data, size, 1);
	CHECK_EQ(CHECK_OK(sinew_send(e->out, &msg, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e->in, got, size + 1, &msg, soon())), 1);
	CHECK_EQ(msg.flags, SINEW_MSG_TAGGED);
	CHECK_EQ(msg.tag, tag);
	CHECK_MEM(got, msg.size, data, size);
	free(got);
	free(data);
}

TEST_EACH(framed_channel, tags_travel, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "x", .size = 1, .tag = 7, .flags = SINEW_MSG_TAGGED};
	struct ends e;

	ends_open(m, &e, 0, "");
	if (!(mechanism_bits(m) & SINEW_CAP_TAGS)) {
		CHECK_ERR(sinew_send(e.out, &msg, 1, SINEW_NOW), -EOPNOTSUPP);
	} else {
		check_tag(&e, 10, 0);
		check_tag(&e, 0, UINT64_MAX);
		send_filled(e.out, 20, 2);
		expect_filled(e.in, 20, 2);
		check_tag(&e, 4000, UINT64_C(0x0123456789abcdef));
	}
	ends_close(&e);
}

/* A tagged message of any size that is not refused arrives with its tag. */
TEST_EACH(framed_channel, tags_travel_with_large_messages, struct mechanism, m)
{
	size_t size = mechanism_most(m) < 30000 ? mechanism_most(m) : 30000;
	char *data = calloc(1, size);
	struct sinew_msg msg = {.data = data, .size = size, .tag = 7, .flags = SINEW_MSG_TAGGED};
	struct ends e;

	ends_open(m, &e, 0, "");
	fill(data, size, 1);
	int r = sinew_send(e.out, &msg, 1, soon());
	if (r == 1)
		r = sinew_recv(e.in, data, size, &msg, soon());
	if (r == 1) {
		CHECK_EQ(msg.flags, SINEW_MSG_TAGGED);
		CHECK_EQ(msg.tag, 7);
	} else if (mechanism_bits(m) & SINEW_CAP_TAGS) {
		/* the longer header leaves less room; pieces have none for it */
		CHECK(r == -EMSGSIZE || r == -EOPNOTSUPP);
	} else {
		CHECK_ERR(r, -EOPNOTSUPP);
	}
	free(data);
	ends_close(&e);
}

static void expect_priority(sinew_channel *in, uint32_t priority, char data)
{
	struct sinew_msg msg;
	char byte;

	CHECK_EQ(CHECK_OK(sinew_recv(in, &byte, 1, &msg, soon())), 1);
	CHECK_EQ(msg.size, 1);
	CHECK_EQ(byte, data);
	CHECK_EQ(msg.priority, priority);
}

TEST_EACH(every_channel, priorities_are_obeyed_or_refused, struct mechanism, m)
{
	struct sinew_msg msgs[4] = {{.data = "a", .size = 1, .priority = 1},
		{.data = "b", .size = 1, .priority = 7}, {.data = "c", .size = 1},
		{.data = "d", .size = 1, .priority = 7}};
	struct ends e;

	ends_open(m, &e, 0, "");
	if (!(mechanism_bits(m) & SINEW_CAP_PRIORITIES)) {
		CHECK_ERR(sinew_send(e.out, msgs, 1, SINEW_NOW), -EOPNOTSUPP);
	} else {
		CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, 4, soon())), 4);
		expect_priority(e.in, 7, 'b');
		expect_priority(e.in, 7, 'd');
		expect_priority(e.in, 1, 'a');
		expect_priority(e.in, 0, 'c');
	}
	ends_close(&e);
}

/* ---- descriptors ---- */

/* What is written at one end of a pipe whose other end arrived. */
static void check_descriptor(struct ends *e, int *fd, int near)
{
	struct sinew_msg msg = {.data = "x", .size = 1, .fds = fd, .fd_count = 1};
	char byte;

	CHECK_EQ(CHECK_OK(sinew_send(e->out, &msg, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e->in, &byte, 1, &msg, soon())), 1);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(msg.fd_count, 1);
	CHECK_EQ(CHECK_SYS(write(msg.fds[0], "y", 1)), 1);
	CHECK_EQ(CHECK_SYS(read(near, &byte, 1)), 1);
	CHECK_EQ(byte, 'y');
	sinew_release(e->in, &msg, 1);
	CHECK_EQ(CHECK_SYS(read(near, &byte, 1)), 0); /* nobody has it any more */
}

TEST_EACH(every_channel, descriptors_travel_or_are_refused, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "x", .size = 1, .fd_count = 1};
	struct ends e;
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	msg.fds = &fds[1];
	ends_open(m, &e, 0, "");
	if (mechanism_bits(m) & SINEW_CAP_FDS) {
		check_descriptor(&e, &fds[1], fds[0]);
	} else {
		CHECK_ERR(sinew_send(e.out, &msg, 1, SINEW_NOW), -EOPNOTSUPP);
		CHECK_SYS(close(fds[1])); /* it is still ours */
	}
	CHECK_SYS(close(fds[0]));
	ends_close(&e);
}

/* ---- how it can be opened ---- */

TEST_EACH(every_channel, pairs_are_made_or_refused, struct mechanism, m)
{
	sinew_channel *ends[2] = {NULL, NULL};
	char uri[256];

	mechanism_uri(m, "", uri, sizeof uri);
	if (!(mechanism_bits(m) & SINEW_CAP_PAIR)) {
		CHECK_ERR(sinew_pair(ends, uri, 0), -EOPNOTSUPP);
		CHECK(ends[0] == NULL && ends[1] == NULL);
		return;
	}
	CHECK_OK(sinew_pair(ends, uri, 0));
	send_filled(ends[1], 10, 1);
	if (mechanism_bits(m) & SINEW_CAP_BOUNDARIES)
		expect_filled(ends[0], 10, 1);
	sinew_close(ends[0]);
	sinew_close(ends[1]);
}

TEST_EACH(every_channel, both_ways_or_one, struct mechanism, m)
{
	bool both = mechanism_bits(m) & SINEW_CAP_BOTH_WAYS;
	sinew_channel *c = NULL;
	char uri[256];

	mechanism_uri(m, "", uri, sizeof uri);
	unsigned flags = SINEW_IN | SINEW_OUT | SINEW_LISTEN;
	if (!(mechanism_bits(m) & SINEW_CAP_NAMED) || !both) {
		CHECK_ERR(sinew_open(&c, uri, flags, SINEW_NOW), -EINVAL);
		CHECK(c == NULL);
		return;
	}
	if (!m->place && strcmp(m->scheme, "ring") == 0)
		snprintf(uri, sizeof uri, "ring:file:%s", test_path("p"));
	else if (!m->place) /* the same mechanism has a row with a name */
		snprintf(uri, sizeof uri, "%s:%s?%s", m->scheme, test_path("p"), m->options);
	CHECK_OK(sinew_open(&c, uri, flags, SINEW_NOW));
	sinew_close(c);
	if (mechanism_bits(m) & SINEW_CAP_SURVIVES)
		CHECK_OK(sinew_remove(uri));
}

TEST_EACH(framed_channel, a_direction_that_is_not_open_is_refused, struct mechanism, m)
{
	struct sinew_msg msg = {.data = "x", .size = 1};
	struct ends e;
	char byte;

	ends_listen(m, &e, 0, m->place ? "dir=in" : "");
	if (m->place) {
		e.out = NULL;
		e.uri[strlen(e.uri) - 2] = '\0';
		snprintf(e.uri + strlen(e.uri), 8, "out");
		CHECK_OK(sinew_open(&e.out, e.uri, 0, soon()));
	}
	if (m->place || !(mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)) {
		CHECK_ERR(sinew_send(e.in, &msg, 1, SINEW_NOW), -EBADF);
		CHECK_ERR(sinew_recv(e.out, &byte, 1, &msg, SINEW_NOW), -EBADF);
		CHECK_ERR(sinew_take(e.out, &msg, 1, SINEW_NOW), -EBADF);
		CHECK_ERR(sinew_flush(e.in, SINEW_NOW), -EBADF);
	}
	send_filled(e.out, 10, 1);
	expect_filled(e.in, 10, 1);
	ends_close(&e);
}

TEST_EACH(every_channel, listening_and_connecting_exclude_each_other, struct mechanism, m)
{
	sinew_channel *c = NULL;
	char uri[256];

	mechanism_uri(m, "", uri, sizeof uri);
	CHECK_ERR(sinew_open(&c, uri, SINEW_LISTEN | SINEW_CONNECT, SINEW_NOW), -EINVAL);
	CHECK(c == NULL);
}

/* ---- the peer ---- */

static void send_one(sinew_channel *out, void *arg)
{
	send_filled(out, 10, *(unsigned *)arg);
}

TEST_EACH(framed_channel, the_peer_is_known_or_not, struct mechanism, m)
{
	bool knows = mechanism_bits(m) & SINEW_CAP_KNOWS_PEER;
	struct sinew_peer peer;
	struct sinew_msg msg;
	struct ends e;
	unsigned seed = 1;
	char buf[16];

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_one, &seed);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_OK(sinew_peer(e.in, msg.peer, &peer));
	CHECK_EQ(peer.known != 0, knows);
	if (knows) {
		CHECK_EQ(peer.uid, getuid());
		CHECK_EQ(peer.gid, getgid());
		/* A connected pair was made by this process, and that is all the kernel knows. */
		CHECK(peer.pid == child || (!m->place && peer.pid == getpid()));
	}
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

static void send_as_nobody(void *arg)
{
	struct ends *e = arg;
	sinew_channel *out = ends_join(e, 0);

	send_filled(out, 10, 1);
	sinew_close(out);
	sinew_close(e->in);
}

TEST_EACH(framed_channel, another_user_is_known, struct mechanism, m)
{
	struct sinew_peer peer = {.uid = 1};
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	if (!m->place || !(mechanism_bits(m) & SINEW_CAP_KNOWS_PEER)) {
		CHECK(!m->place || strcmp(m->scheme, "unix") != 0);
		return;
	}
	ends_listen(m, &e, SINEW_EVENTS, *m->place == '@' ? "" : "mode=0777");
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	pid_t child = test_fork_as(65534, send_as_nobody, &e);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_OK(sinew_peer(e.in, msg.peer, &peer));
	CHECK_EQ(peer.known, 1);
	CHECK_EQ(peer.uid, 65534);
	CHECK_EQ(peer.gid, 65534);
	CHECK_EQ(peer.pid, child);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* ---- many writers ---- */

enum { WRITERS = 4, EACH = 3000 };

static void write_many(sinew_channel *out, void *arg)
{
	unsigned writer = *(unsigned *)arg;
	char data[1500];

	for (unsigned i = 0; i < EACH; i++) {
		size_t size = 16 + (i * 37 + writer * 101) % 1400;
		struct sinew_msg msg = {.data = data, .size = size};
		snprintf(data, 9, "%01u%07u", writer, i);
		fill(data + 8, size - 8, writer + i);
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
		pace_sent(0, 1);
	}
	CHECK_OK(sinew_flush(out, soon()));
}

static void expect_writers(sinew_channel *in)
{
	static char got[2000], want[2000];
	unsigned next[WRITERS] = {0}, writer, number;
	struct sinew_msg msg;

	for (unsigned i = 0; i < WRITERS * EACH; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, got, sizeof got, &msg, soon())), 1);
		CHECK(msg.size >= 16);
		CHECK_EQ(msg.lost, 0);
		got[msg.size] = '\0';
		CHECK_EQ(sscanf(got, "%1u%7u", &writer, &number), 2);
		CHECK(writer < WRITERS);
		CHECK_EQ(number, next[writer]);
		CHECK_EQ(msg.size, 16 + (number * 37 + writer * 101) % 1400);
		fill(want, msg.size - 8, writer + number);
		CHECK_MEM(got + 8, msg.size - 8, want, msg.size - 8);
		next[writer]++;
		pace_received(0, 1);
	}
}

static void check_many_writers(const struct mechanism *m, const char *options)
{
	pid_t children[WRITERS];
	struct ends e;

	ends_listen(m, &e, 0, options);
	pace_open(m);
	for (unsigned i = 0; i < WRITERS; i++)
		children[i] = ends_fork(&e, write_many, &i);
	expect_writers(e.in);
	for (unsigned i = 0; i < WRITERS; i++)
		CHECK_EQ(test_wait(children[i]), 0);
	ends_close(&e);
}

/* Where only one may write, the second is turned away: its bytes would tear the first one's. */
static void check_one_writer(const struct mechanism *m)
{
	sinew_channel *second = NULL;
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_open(&second, e.uri, SINEW_OUT, soon()), -EBUSY);
	sinew_close(e.out);
	e.out = ends_join(&e, 0);
	send_filled(e.out, 10, 1);
	expect_filled(e.in, 10, 1);
	ends_close(&e);
}

TEST_EACH(framed_channel, many_writers_or_one, struct mechanism, m)
{
	if (!m->place)
		CHECK(true); /* relatives: there is no name to come by */
	else if (mechanism_bits(m) & SINEW_CAP_MANY_WRITERS)
		check_many_writers(m, "keep-open=yes");
	else
		check_one_writer(m);
}

TEST_EACH(framed_channel, many_writers_may_gather, struct mechanism, m)
{
	if (m->place && mechanism_bits(m) & SINEW_CAP_MANY_WRITERS)
		check_many_writers(m, "keep-open=yes&coalesce=3000");
	else
		CHECK(m->single);
}

/* A pipe with room for one write alone: what the first writer could not send at once must not be
 * the middle of a message, or what the second sends meanwhile lands there. */
TEST_EACH(framed_channel, gathering_never_tears_among_writers, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[4096];
	int r;

	if (strcmp(m->scheme, "fifo") != 0 || !(mechanism_bits(m) & SINEW_CAP_MANY_WRITERS)) {
		CHECK(strcmp(m->name, "fifo") != 0);
		return;
	}
	ends_open(m, &e, 0, "coalesce=4000&capacity=4096");
	sinew_channel *second = ends_join(&e, 0);
	send_filled(e.out, 1500, 1);
	msg = (struct sinew_msg){.data = buf, .size = 4000};
	fill(buf, 4000, 2);
	bool accepted = sinew_send(e.out, &msg, 1, SINEW_NOW) == 1;
	bool first = sinew_recv(e.in, buf, sizeof buf, &msg, after_ms(20)) == 1;
	send_filled(second, 100, 3);
	CHECK_OK(sinew_flush(second, soon()));
	if (!first)
		expect_filled(e.in, 1500, 1);
	expect_filled(e.in, 100, 3);
	while ((r = sinew_flush(e.out, after_ms(5))) == -ETIMEDOUT)
		;
	CHECK_OK(r);
	if (accepted)
		expect_filled(e.in, 4000, 2);
	sinew_close(second);
	ends_close(&e);
}

/* ---- the network ---- */

TEST_EACH(server_channel, the_network_is_reached_or_not, struct mechanism, m)
{
	struct sinew_peer peer;
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_OK(sinew_peer(e.out, SINEW_ANY_PEER, &peer));
	bool address = strncmp(peer.address, "127.0.0.1:", 10) == 0 ||
		       strncmp(peer.address, "[::1]:", 6) == 0;
	CHECK_EQ(address, (mechanism_bits(m) & SINEW_CAP_NETWORK) != 0);
	CHECK(*peer.address);
	ends_close(&e);
}
