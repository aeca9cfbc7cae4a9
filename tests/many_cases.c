/* SPDX-License-Identifier: MIT
 *
 * many_cases.c - a crowd from other processes on one listener: everybody is heard, in order, and
 * answered; nobody waits long for a peer that floods; who is silent costs neither time nor memory.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "counting.h"
#include "many.h"

enum {
	LOADS = 4,     /* processes the clients live in */
	MESSAGES = 10, /* of each */
	SPARE = 100,   /* descriptors that are no connections */
	BULK = 64 * 1024,
};

#ifndef __has_feature
#define __has_feature(x) 0
#endif

bool memory_is_ours(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return false;
#else
	return true;
#endif
}

size_t resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	CHECK(file && fscanf(file, "%*u %lu", &pages) == 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void read_bare(int fd, void *data, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = read(fd, (char *)data + got, size - got);
		CHECK(n > 0);
		got += (size_t)n;
	}
}

/* What a client says, and is answered with its number raised by one. */
struct word {
	uint32_t client, number;
};

struct frame {
	uint32_t length;
	struct word word;
};

/* The clients and the two points at which they wait for the case. */
struct crowd_case {
	const struct crowd_row *row;
	struct place place;
	struct gate met, over;
	unsigned first, count; /* of one load */
	bool flood;            /* one more client, which floods */
	pid_t pids[LOADS + 1];
	sinew_channel *listener;
	uint64_t *peers;  /* ids by client, 0: not heard yet */
	uint32_t *heard;  /* messages by client */
	uint64_t flooded; /* bytes of the flood */
};

static void say(int fd, uint32_t client, uint32_t number)
{
	const struct frame frame = {__builtin_bswap32(sizeof frame.word), {client, number}};

	write_bare(fd, &frame, sizeof frame);
}

static void expect_answer(int fd, uint32_t client, uint32_t number)
{
	struct frame frame;

	read_bare(fd, &frame, sizeof frame);
	CHECK_EQ(__builtin_bswap32(frame.length), sizeof frame.word);
	CHECK_EQ(frame.word.client, client);
	CHECK_EQ(frame.word.number, number + 1);
}

static int *connect_all(struct crowd_case *c)
{
	int *fds = calloc(c->count, sizeof *fds);

	CHECK(fds);
	for (unsigned i = 0; i < c->count; i++)
		fds[i] = open_bare(&c->place);
	return fds;
}

/* All at once, so that messages of everybody wait while one is heard. */
static void converse(struct crowd_case *c)
{
	int *fds = connect_all(c);

	for (uint32_t number = 0; number < MESSAGES; number++)
		for (unsigned i = 0; i < c->count; i++)
			say(fds[i], c->first + i, number);
	for (unsigned i = 0; i < c->count; i++)
		for (uint32_t number = 0; number < MESSAGES; number++)
			expect_answer(fds[i], c->first + i, number);
	gate_reach(&c->met);
	gate_await(&c->over);
	free(fds);
}

/* A first message to be known, a second when all are. */
static void say_twice(struct crowd_case *c)
{
	int *fds = connect_all(c);

	for (unsigned i = 0; i < c->count; i++)
		say(fds[i], c->first + i, 0);
	gate_await(&c->over);
	for (unsigned i = 0; i < c->count; i++)
		say(fds[i], c->first + i, 1);
	gate_reach(&c->met);
	for (unsigned i = 0; i < c->count; i++)
		expect_answer(fds[i], c->first + i, 1);
	free(fds);
}

/* One after the other: comes, is answered, goes. */
static void come_and_go(struct crowd_case *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		int fd = open_bare(&c->place);
		say(fd, c->first + i, 0);
		expect_answer(fd, c->first + i, 0);
		close(fd);
	}
}

/* After one message, as fast as it can, until the listener is gone. */
static void flood(struct crowd_case *c)
{
	static struct frame frames[1000];
	int fd = open_bare(&c->place);

	for (unsigned i = 0; i < 1000; i++)
		frames[i] = (struct frame){
			__builtin_bswap32(sizeof(struct word)), {c->row->clients, 0}};
	write_bare(fd, frames, sizeof *frames);
	gate_await(&c->over);
	while (send(fd, frames, sizeof frames, MSG_NOSIGNAL) > 0)
		;
}

static pid_t fork_load(struct crowd_case *c, void (*fn)(struct crowd_case *))
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		fn(c);
		exit(0);
	}
	return pid;
}

static void raise_limit(unsigned needed)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < needed)
		SKIP("this needs %u descriptors, the limit (ulimit -Hn) is %lu", needed,
			(unsigned long)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

static void crowd_open(struct crowd_case *c, const struct crowd_row *row, const char *options,
	unsigned flags, void (*fn)(struct crowd_case *))
{
	*c = (struct crowd_case){.row = row, .flood = fn == say_twice};
	raise_limit(row->clients + SPARE);
	place_init(&c->place, &row->mechanism);
	gate_open(&c->met);
	gate_open(&c->over);
	c->listener = open_reader(&c->place, options, flags | SINEW_OUT);
	c->peers = calloc(row->clients + 1, sizeof *c->peers);
	c->heard = calloc(row->clients + 1, sizeof *c->heard);
	CHECK(c->peers && c->heard);
	c->count = row->clients / LOADS;
	for (unsigned i = 0; i < LOADS; i++) {
		c->first = i * c->count;
		c->pids[i] = fork_load(c, fn);
	}
	if (c->flood)
		c->pids[LOADS] = fork_load(c, flood);
}

static void crowd_close(struct crowd_case *c)
{
	CHECK_OK(sinew_close(c->listener));
	for (unsigned i = 0; i < LOADS + (unsigned)c->flood; i++)
		CHECK_EQ(test_wait(c->pids[i]), 0);
	gate_close(&c->met);
	gate_close(&c->over);
	free(c->peers);
	free(c->heard);
}

/* One message, checked: from the same peer as ever, in order. Who sent it. */
static uint32_t hear(struct crowd_case *c, int64_t until)
{
	struct word word;
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_recv(c->listener, &word, sizeof word, &msg, until)), 1);
	CHECK_EQ(msg.size, sizeof word);
	CHECK_EQ(msg.lost, 0);
	CHECK(word.client <= c->row->clients);
	if (word.client == c->row->clients) {
		c->flooded += sizeof(struct frame);
		return word.client;
	}
	if (!c->peers[word.client])
		c->peers[word.client] = msg.peer;
	CHECK_EQ(msg.peer, c->peers[word.client]);
	CHECK_EQ(word.number, c->heard[word.client]);
	c->heard[word.client]++;
	return word.client;
}

static void answer(struct crowd_case *c, uint32_t client)
{
	const struct word word = {client, c->heard[client]};
	const struct sinew_msg msg = {.data = &word, .size = sizeof word, .peer = c->peers[client]};

	CHECK_EQ(CHECK_OK(sinew_send(c->listener, &msg, 1, SINEW_NOW)), 1);
}

static bool all_heard(const struct crowd_case *c, uint32_t messages)
{
	for (unsigned i = 0; i < c->row->clients; i++)
		if (c->heard[i] < messages)
			return false;
	return true;
}

TEST_EACH(crowd, everybody_is_heard_and_answered, struct crowd_row, row, .timeout = 120)
{
	struct sinew_stats stats;
	struct crowd_case c;

	unsigned descriptors = count_descriptors();
	size_t memory = resident_bytes();
	crowd_open(&c, row, "", 0, converse);
	for (unsigned i = 0; i < row->clients * MESSAGES; i++)
		answer(&c, hear(&c, soon(60000)));
	CHECK(all_heard(&c, MESSAGES));
	gate_wait(&c.met, LOADS);
	CHECK_OK(sinew_stats(c.listener, &stats));
	CHECK_EQ(stats.peers, row->clients);
	/* Not a page for each of them. */
	if (memory_is_ours())
		CHECK(resident_bytes() - memory < row->clients * 2048 + 4 * 1024 * 1024);
	gate_pass(&c.over);
	expect_end(c.listener, 0);
	crowd_close(&c);
	CHECK_EQ(count_descriptors(), descriptors);
}

/* Everybody has been heard once, and has said something again; the flood stands as high as it can. */
static void begin_flood(struct crowd_case *c)
{
	unsigned known = 0;

	while (known < c->row->clients + 1) {
		uint32_t client = hear(c, soon(60000));
		known++;
		CHECK(client == c->row->clients || c->heard[client] == 1);
	}
	gate_pass(&c->over);
	gate_wait(&c->met, LOADS);
	test_blocked(c->pids[LOADS], -1);
	c->flooded = 0;
}

/* While each of the others is heard once, the flood is read a few times. */
static void check_fairness(const struct crowd_row *row, unsigned flags, int64_t ms)
{
	struct crowd_case c;

	crowd_open(&c, row, "", flags, say_twice);
	begin_flood(&c);
	for (unsigned others = 0; others < row->clients;) {
		uint32_t client = hear(&c, ms ? soon(ms) : SINEW_FOREVER);
		CHECK(c.flooded <= 4 * BULK);
		if (client == row->clients)
			continue;
		answer(&c, client);
		others++;
	}
	CHECK(all_heard(&c, 2));
	crowd_close(&c);
}

TEST_EACH(crowd, a_flood_holds_nobody_up, struct crowd_row, row, .timeout = 120)
{
	check_fairness(row, 0, 0);
}

TEST_EACH(crowd, a_flood_holds_nobody_up_by_a_deadline, struct crowd_row, row, .timeout = 120)
{
	check_fairness(row, 0, 60000);
}

TEST_EACH(crowd, a_flood_holds_nobody_up_if_cancellable, struct crowd_row, row, .timeout = 120)
{
	check_fairness(row, SINEW_CANCELLABLE, 0);
}

TEST_EACH(crowd, silence_costs_nothing, struct crowd_row, row, .timeout = 120)
{
	struct crowd_case c;
	struct sinew_msg msg;
	char byte;

	crowd_open(&c, row, "", 0, converse);
	for (unsigned i = 0; i < row->clients * MESSAGES; i++)
		answer(&c, hear(&c, soon(60000)));
	gate_wait(&c.met, LOADS);
	int64_t cpu = cpu_ms();
	counting_calls_begin();
	CHECK_ERR(sinew_recv(c.listener, &byte, 1, &msg, soon(300)), -ETIMEDOUT);
	CHECK(counting_calls_end() < 10);
	CHECK(cpu_ms() - cpu < 100);
	gate_pass(&c.over);
	crowd_close(&c);
}

/* A crowd in the backlog and one that has come already: each gets its turn. */
TEST_EACH(crowd, who_comes_and_who_is_here_take_turns, struct crowd_row, row, .timeout = 120)
{
	struct sinew_stats stats;
	struct crowd_case c;

	crowd_open(&c, row, "", 0, say_twice);
	/* The flood is here and flows; the others come. */
	gate_pass(&c.over);
	do {
		uint32_t client = hear(&c, soon(60000));
		if (client < row->clients && c.heard[client] == 2)
			answer(&c, client);
		CHECK_OK(sinew_stats(c.listener, &stats));
	} while (stats.joined < row->clients + 1 || !all_heard(&c, 2));
	crowd_close(&c);
}

TEST_EACH(crowd, no_more_than_peers_at_once, struct crowd_row, row, .timeout = 120)
{
	struct sinew_stats stats;
	struct crowd_case c;

	unsigned descriptors = count_descriptors();
	crowd_open(&c, row, "peers=2&keep-open=yes", 0, come_and_go);
	for (unsigned i = 0; i < row->clients; i++) {
		answer(&c, hear(&c, soon(60000)));
		CHECK_OK(sinew_stats(c.listener, &stats));
		CHECK(stats.peers <= 2);
	}
	CHECK(all_heard(&c, 1));
	crowd_close(&c);
	CHECK_EQ(count_descriptors(), descriptors);
}
