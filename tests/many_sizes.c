/* SPDX-License-Identifier: MIT
 *
 * many_sizes.c - a few peers whose messages of all sizes come in pieces of all sizes, mixed: each
 * arrives whole and in order, wherever its bytes were kept meanwhile.
 */
#include <poll.h>

#include "many.h"

enum { PEERS = 5, MESSAGES = 120, MAX = 300000, HEAD = 16 };

struct sizes_row {
	const char *name, *options;
	unsigned flags;
	bool tcp, lines, polled;
};

static const struct sizes_row rows[] = {
	{"unix", "", 0, false, false, false},
	{"unix,least", "pool=0&", 0, false, false, false},
	{"unix,exact", "pool=0&", SINEW_EXACT, false, false, false},
	{"unix,cancellable", "pool=0&", SINEW_CANCELLABLE, false, false, false},
	{"unix,lines", "frame=line&", 0, false, true, false},
	{"unix,lines,least", "frame=line&pool=0&", 0, false, true, false},
	{"unix,polled", "pool=0&", 0, false, false, true},
	{"tcp", "", 0, true, false, false},
	{"tcp,least", "pool=0&", 0, true, false, false},
	{"tcp,lines,least", "frame=line&pool=0&", 0, true, true, false},
};
TEST_SUITE(sizes, rows);

static const struct crowd_row mechanisms[] = CROWD_ROWS(0);
TEST_SUITE(crowds, mechanisms);

/* Numbers that depend on each other and on nothing else. */
static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Mostly small; some as long as a read, as a buffer, as can be. */
static size_t size_of(uint32_t peer, uint32_t number)
{
	uint32_t state = peer * 7919 + number;
	static const uint32_t most[] = {100, 100, 100, 5000, 20000, 70000, 140000, MAX - HEAD};

	next(&state);
	return HEAD + next(&state) % most[next(&state) % 8];
}

static void make(char *data, size_t size, uint32_t peer, uint32_t number)
{
	char head[HEAD + 1];

	fill_message(data, size, peer * 1000 + number);
	snprintf(head, sizeof head, "%08x%08x", peer, number);
	memcpy(data, head, HEAD);
	for (size_t i = 0; i < size; i++)
		data[i] = data[i] == '\n' ? '_' : data[i];
}

struct stage {
	const struct sizes_row *row;
	struct place place;
	uint32_t peer;
};

static size_t append(const struct stage *stage, char *to, uint32_t number)
{
	size_t size = size_of(stage->peer, number);
	const uint32_t length = __builtin_bswap32((uint32_t)size);

	if (stage->row->lines) {
		make(to, size, stage->peer, number);
		to[size] = '\n';
		return size + 1;
	}
	memcpy(to, &length, sizeof length);
	make(to + sizeof length, size, stage->peer, number);
	return size + sizeof length;
}

static void be_a_peer(struct stage *stage)
{
	char *stream = malloc((size_t)MESSAGES * (MAX + 8));
	uint32_t state = stage->peer;
	size_t size = 0;

	CHECK(stream);
	for (uint32_t i = 0; i < MESSAGES; i++)
		size += append(stage, stream + size, i);
	int fd = open_bare(&stage->place);
	for (size_t at = 0; at < size;) {
		size_t piece = 1 + next(&state) % (next(&state) % 4 ? 3000 : 150000);
		piece = piece < size - at ? piece : size - at;
		write_bare(fd, stream + at, piece);
		at += piece;
	}
	close(fd);
	free(stream);
}

static void check_message(const struct sinew_msg *msg, uint32_t seen[PEERS])
{
	static char want[MAX];
	char head[HEAD + 1] = "";

	CHECK(msg->size >= HEAD);
	CHECK_EQ(msg->lost, 0);
	CHECK_EQ(msg->flags, 0);
	memcpy(head, msg->data, HEAD);
	uint32_t number = (uint32_t)strtoul(head + 8, NULL, 16);
	head[8] = '\0';
	uint32_t peer = (uint32_t)strtoul(head, NULL, 16);
	CHECK(peer < PEERS);
	CHECK_EQ(number, seen[peer]++);
	CHECK_EQ(msg->size, size_of(peer, number));
	make(want, msg->size, peer, number);
	CHECK(memcmp(msg->data, want, msg->size) == 0);
}

/* In turns: borrowed, copied, refused for want of room and copied then. How many. */
static int hear(sinew_channel *listener, unsigned turn, uint32_t seen[PEERS], int64_t until)
{
	static char data[MAX];
	struct sinew_msg msgs[8];
	int n = turn % 3 == 0 ? sinew_take(listener, msgs, 8, until)
			      : sinew_recv(listener, data, turn % 3 == 1 ? MAX : HEAD, msgs, until);

	if (n == -EMSGSIZE)
		n = sinew_recv(listener, data, MAX, msgs, SINEW_NOW);
	if (n == -EAGAIN && until == SINEW_NOW)
		return 0;
	for (int i = 0; i < CHECK_OK(n); i++)
		check_message(&msgs[i], seen);
	return n;
}

/* As a host that polls: only when it is told to, and hardly ever for nothing. */
static int hear_polled(sinew_channel *listener, unsigned turn, uint32_t seen[PEERS])
{
	static unsigned nothing;
	struct pollfd ready = {.fd = CHECK_OK(sinew_fd(listener, SINEW_IN)), .events = POLLIN};

	CHECK_EQ(poll(&ready, 1, 20000), 1);
	int n = hear(listener, turn, seen, SINEW_NOW);
	nothing += n == 0;
	CHECK(nothing < 20 * PEERS * MESSAGES);
	return n;
}

TEST_EACH(sizes, all_of_them_arrive_whole, struct sizes_row, row, .timeout = 90)
{
	struct stage stage = {.row = row};
	uint32_t seen[PEERS] = {0};
	struct sinew_stats stats;
	pid_t pids[PEERS];
	char options[64];

	place_init(&stage.place, &mechanisms[row->tcp].mechanism);
	snprintf(options, sizeof options, "%skeep-open=yes&max=%d", row->options, MAX);
	sinew_channel *listener = open_reader(&stage.place, options, row->flags);
	for (stage.peer = 0; stage.peer < PEERS; stage.peer++) {
		pids[stage.peer] = CHECK_SYS(fork());
		if (pids[stage.peer] == 0) {
			be_a_peer(&stage);
			exit(0);
		}
	}
	for (unsigned turn = 0, total = 0; total < PEERS * MESSAGES; turn++)
		total += (unsigned)(row->polled ? hear_polled(listener, turn, seen)
						: hear(listener, turn, seen, soon(20000)));
	for (unsigned i = 0; i < PEERS; i++) {
		CHECK_EQ(seen[i], MESSAGES);
		CHECK_EQ(test_wait(pids[i]), 0);
	}
	CHECK_OK(sinew_stats(listener, &stats));
	CHECK_EQ(stats.lost, 0);
	CHECK_EQ(sinew_close(listener), 0);
}

/* ---- long ones, and then longer ones ---- */

enum { CROWD = 10, LONG = 100000, LONGEST = 1000000 };

static void put_long(uint8_t *frame, uint32_t size)
{
	const uint32_t length = __builtin_bswap32(size);

	memcpy(frame, &length, sizeof length);
	fill_message(frame + sizeof length, size, size);
}

static void expect_long(sinew_channel *listener, uint32_t size)
{
	static uint8_t got[LONGEST], want[LONGEST + 4];
	struct sinew_msg msg;

	put_long(want, size);
	CHECK_EQ(CHECK_OK(sinew_recv(listener, got, sizeof got, &msg, soon(20000))), 1);
	CHECK_EQ(msg.size, size);
	CHECK_EQ(msg.lost, 0);
	CHECK(memcmp(got, want + 4, size) == 0);
}

/* There is memory for what each sent first, and for one of those that follow: it goes from one to the
 * next, and none has a part of its own while it waits. */
TEST_EACH(
	crowds, longer_ones_wait_for_each_other_with_nothing, struct crowd_row, row, .timeout = 60)
{
	static uint8_t frame[LONGEST + 4];
	struct place place;
	pid_t pids[CROWD];
	int fds[CROWD];

	place_init(&place, &row->mechanism);
	sinew_channel *listener = open_reader(&place, "pool=0&keep-open=yes", 0);
	put_long(frame, LONG);
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = open_bare(&place);
		write_bare(fds[i], frame, LONG + 4);
		expect_long(listener, LONG);
	}
	put_long(frame, LONGEST);
	for (unsigned i = 0; i < CROWD; i++) {
		write_bare(fds[i], frame, LONG);
		pids[i] = CHECK_SYS(fork());
		if (pids[i] == 0) {
			write_bare(fds[i], frame + LONG, sizeof frame - LONG);
			exit(0);
		}
	}
	for (unsigned i = 0; i < CROWD; i++)
		expect_long(listener, LONGEST);
	for (unsigned i = 0; i < CROWD; i++) {
		CHECK_EQ(test_wait(pids[i]), 0);
		close(fds[i]);
	}
	CHECK_EQ(sinew_close(listener), 0);
}
