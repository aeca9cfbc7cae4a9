/* SPDX-License-Identifier: MIT
 *
 * topic_steps.c - members of a ring that every reader reads, in the middle of what others do: at a store to
 * shared memory, or between two looks at it. What must not be read, lost, or forgotten then; and what a writer
 * finds that comes after a dead one.
 */
#include <errno.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>

#include "ring/ring.h"
#include "runner.h"

enum { MOST = 2048, LATER = 5 };

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

/* What happens at a store, or when that was looked at; not while it happens. */
static void (*at_step)(void);
static void (*at_look)(const void *);

void sinew__ring_step(void)
{
	void (*const act)(void) = at_step;

	at_step = NULL;
	if (act)
		act();
	if (!at_step)
		at_step = act;
}

void sinew__ring_saw(const void *at)
{
	void (*const act)(const void *) = at_look;

	at_look = NULL;
	if (act)
		act(at);
	if (!at_look)
		at_look = act;
}

static void at_rest(void)
{
	at_step = NULL;
	at_look = NULL;
}

static const char *uri(const char *options)
{
	static char text[300];

	snprintf(text, sizeof text, "ring:file:%s?%s", test_path("ring"), options);
	return text;
}

static sinew_channel *open_end(const char *options, unsigned flags)
{
	sinew_channel *channel;

	CHECK_OK(sinew_open(&channel, uri(options), flags, test_limit(10000)));
	return channel;
}

static sinew_channel *out, *in;
static uint32_t sent; /* each message has the number of those before */

static int send_one(size_t size)
{
	static uint32_t words[MOST / 4];

	for (size_t i = 0; i < size / 4; i++)
		words[i] = sent;
	int r = sinew_send(out, &(struct sinew_msg){.data = words, .size = size}, 1, SINEW_NOW);
	sent += r == 1;
	return r;
}

static void send_many(unsigned count, size_t size)
{
	while (count--)
		CHECK_EQ(CHECK_OK(send_one(size)), 1);
}

static uint32_t number_of(const struct sinew_msg *msg)
{
	const uint32_t *words = msg->data;

	CHECK(msg->size >= 4);
	for (size_t i = 1; i < msg->size / 4; i++)
		if (words[i] != words[0])
			FAIL("torn: %u and %u", words[0], words[i]);
	return words[0];
}

static uint32_t receive(struct sinew_msg *msg)
{
	static uint32_t buf[MOST / 4];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, msg, SINEW_NOW)), 1);
	return number_of(msg);
}

static void close_both(void)
{
	at_rest();
	CHECK_EQ(sinew_close(in), 0);
	CHECK_EQ(sinew_close(out), 0);
}

static void close_all(void)
{
	close_both();
	CHECK_OK(sinew_remove(uri("")));
}

/* ---- who comes after a writer ---- */

static void renew_writer(const char *options)
{
	CHECK_EQ(sinew_close(out), 0);
	out = open_end(options, SINEW_OUT);
}

static uint64_t highest_head;

static void watch_head(void)
{
	const uint64_t head = sinew__ring_of(in)->histories[0].head;

	CHECK(head >= highest_head);
	highest_head = head;
}

/* A reader has had the newest; one that is said to be older breaks the rules. */
TEST(the_newest_is_never_said_to_be_older)
{
	out = open_end("pattern=latest&size=64K", SINEW_OUT);
	in = open_end("", SINEW_IN);
	send_many(40, 40);
	at_step = watch_head;
	renew_writer("");
	CHECK_EQ(highest_head, 40);
	close_all();
}

TEST(a_successor_overwrites_as_any_writer)
{
	struct sinew_msg msg;

	out = open_end("pattern=latest&size=4K", SINEW_OUT);
	in = open_end("", SINEW_IN);
	send_many(10, 40);
	sinew__ring_of(out)->histories[0].head = 9; /* it died before it told of the last */
	renew_writer("");
	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(number_of(&msg), 9);
	send_many(1, 40);
	sinew_release(in, &msg, 1);
	CHECK(!(msg.flags & SINEW_MSG_OVERWRITTEN));
	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), 1);
	send_many(20, 40);
	sinew_release(in, &msg, 1);
	CHECK(msg.flags & SINEW_MSG_OVERWRITTEN);
	/* The same of one that only the successor told of. */
	sinew__ring_of(out)->histories[0].head = sent - 1;
	renew_writer("");
	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(number_of(&msg), sent - 1);
	send_many(20, 40);
	sinew_release(in, &msg, 1);
	CHECK(msg.flags & SINEW_MSG_OVERWRITTEN);
	close_all();
}

/* Where each message began, by its number; of messages that each have two units. */
static void each_mark_is_true(void)
{
	const struct sinew__ring_history *history = &sinew__ring_of(in)->histories[0];

	for (uint64_t i = history->first; i < history->last; i++) {
		const struct sinew__ring_mark *mark = &history->marks[i % SINEW__RING_MARKS];
		if (mark->at.units != 2 * mark->number)
			FAIL("mark %llu of %llu..%llu: message %llu at %llu", (unsigned long long)i,
				(unsigned long long)history->first,
				(unsigned long long)history->last, (unsigned long long)mark->number,
				(unsigned long long)mark->at.units);
	}
	test_checked();
}

/* The writer dies when it has left a mark and not given up the one that stands in the place of the next. */
TEST(marks_that_stand_are_true_whoever_writes)
{
	struct sinew_msg msg;

	out = open_end("pattern=topic&size=16K&full=fail", SINEW_OUT);
	in = open_end("", SINEW_IN);
	at_step = each_mark_is_true;
	while (send_one(100) == 1)
		;
	for (unsigned i = 0; i < 100; i++) { /* the edge moves as far as it must, for each */
		receive(&msg);
		send_one(100);
	}
	struct sinew__ring_history *history = &sinew__ring_of(in)->histories[0];
	CHECK_EQ(history->last - history->first, SINEW__RING_MARKS - 1);
	history->first--;
	renew_writer("full=fail");
	for (unsigned i = 0; i < 100; i++) {
		receive(&msg);
		send_one(100);
	}
	close_all();
}

/* A reader may have followed a word that says to go on in the next line. */
TEST(a_word_that_leads_on_stays)
{
	static const uint8_t data[MOST];
	const struct sinew_msg tagged = {.data = data, .size = 1024, .flags = SINEW_MSG_TAGGED};

	out = open_end("pattern=topic&size=4K&full=fail", SINEW_OUT);
	in = open_end("", SINEW_IN);
	send_many(7, 512);
	CHECK_ERR(sinew_send(out, &tagged, 1, SINEW_NOW), -EAGAIN);
	struct sinew__ring *ring = sinew__ring_of(in);
	const uint64_t word = ring->lanes[0].words[7];
	CHECK_EQ(word >> SINEW__WORD_KIND & 15, SINEW__WORD_SKIP);
	renew_writer("full=fail");
	send_one(100);
	send_one(4);
	CHECK_EQ(ring->lanes[0].words[7], word);
	struct sinew_msg msg;
	for (uint32_t i = 0; i < sent; i++)
		CHECK_EQ(receive(&msg), i);
	close_all();
}

TEST(a_lane_at_the_end_of_all_numbers_is_written_to)
{
	out = open_end("pattern=topic&size=4K", SINEW_OUT);
	in = open_end("", SINEW_IN);
	struct sinew__ring_history *history = &sinew__ring_of(in)->histories[0];
	history->edge.words = history->edge.units = UINT64_MAX;
	history->last = history->first = UINT64_MAX;
	renew_writer("");
	send_many(500, 100);
	close_all();
}

/* ---- who comes while others write ---- */

static const void *awaited;

/* Each member has its own mapping. */
static bool is_awaited(const void *at)
{
	return (((uintptr_t)at ^ (uintptr_t)awaited) & 4095) == 0;
}

static unsigned at_once;

/* A writer that overtakes all marks, or all values whose places are known, between any two looks. */
static void write_much(const void *at)
{
	if (is_awaited(at))
		send_many(at_once, 40);
}

static void begin_among_many(const char *options, const char *reads)
{
	struct sinew_msg msg;
	uint32_t next = 0;

	out = open_end(options, SINEW_OUT);
	in = open_end("", SINEW_IN);
	send_many(3000, 40);
	const struct sinew__ring_history *history = &sinew__ring_of(out)->histories[0];
	awaited = strstr(options, "latest") ? (const void *)&history->head : &history->last;
	at_once = strstr(options, "latest") ? SINEW__RING_RECENT + 6 : 300;
	at_look = write_much;
	sinew_channel *other = in;
	in = open_end(reads, SINEW_IN);
	const uint32_t here = sent;
	static uint32_t buf[MOST / 4];
	int r = sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW);
	CHECK(r == 1 || r == -EAGAIN);
	if (r == 1)
		next = number_of(&msg) + 1;
	at_rest();
	send_many(1, 40);
	while (next < sent) {
		const uint32_t number = receive(&msg);
		CHECK(number >= next);
		if (next)
			CHECK(number == next + msg.lost || strstr(options, "latest"));
		else
			CHECK(msg.lost <= sent - 1 || here == 0);
		next = number + 1;
	}
	CHECK_EQ(sinew_close(other), 0);
	close_all();
}

TEST(who_comes_among_many_messages_begins_with_one)
{
	begin_among_many("pattern=topic&size=4K", "");
}

TEST(who_comes_among_many_begins_with_one_that_is_kept)
{
	begin_among_many("pattern=topic&size=4K", "from=oldest");
}

TEST(who_comes_among_many_values_has_one)
{
	begin_among_many("pattern=latest&size=1M", "");
}

/* One that has just come is told of what it lost since, and of nothing before. */
static void write_while_it_comes(const void *at)
{
	static unsigned times;

	if (is_awaited(at) && times++ < LATER)
		send_many(1000, 40);
}

TEST(what_was_there_before_is_no_loss)
{
	struct sinew_msg msg;
	uint64_t lost;

	out = open_end("pattern=topic&size=4K", SINEW_OUT);
	in = open_end("", SINEW_IN);
	send_many(1000, 40);
	awaited = &sinew__ring_of(out)->histories[0].last;
	at_look = write_while_it_comes;
	sinew_channel *other = in;
	in = open_end("", SINEW_IN);
	at_rest();
	const uint32_t here = sent;
	send_many(1000, 40);
	const uint32_t first = receive(&msg);
	lost = msg.lost;
	CHECK(first >= here);
	CHECK_EQ(lost, first - here);
	CHECK_EQ(sinew_close(other), 0);
	close_all();
}

/* ---- who is waited for ---- */

static sinew_channel *late;
static unsigned steps_left;

static void come_at_last(void)
{
	if (steps_left == 0 || --steps_left)
		return;
	late = open_end("", SINEW_IN);
}

/* How many of a batch find room, while somebody comes at that store. */
static unsigned send_batch(unsigned step, size_t size)
{
	enum { BATCH = 64 };
	static uint32_t data[BATCH][MOST / 4];
	struct sinew_msg msgs[BATCH];

	for (unsigned i = 0; i < BATCH; i++) {
		data[i][0] = i;
		msgs[i] = (struct sinew_msg){.data = data[i], .size = size};
	}
	steps_left = step;
	at_step = come_at_last;
	const int n = CHECK_OK(sinew_send(out, msgs, BATCH, SINEW_NOW));
	at_rest();
	return (unsigned)n;
}

/* Whether somebody came; it has all that it did not see when it came. */
static bool is_waited_for(unsigned step, size_t size)
{
	static uint32_t buf[MOST / 4];
	struct sinew_msg msg;
	uint32_t next = 0;
	int r;

	late = NULL;
	out = open_end("pattern=topic&size=4K&full=fail", SINEW_OUT);
	in = open_end("full=drop-old", SINEW_IN);
	const unsigned n = send_batch(step, size);
	const bool came = late;
	while (came && (r = sinew_recv(late, buf, sizeof buf, &msg, SINEW_NOW)) == 1) {
		CHECK_EQ(msg.lost, 0);
		CHECK(next == 0 || buf[0] == next);
		next = buf[0] + 1;
	}
	CHECK(!came || (r == -EAGAIN && (next == 0 || next == n)));
	if (came)
		CHECK_EQ(sinew_close(late), 0);
	close_both();
	return came;
}

TEST(who_comes_in_a_batch_is_waited_for)
{
	static const size_t sizes[] = {40, 500, 1000};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned step = 1; is_waited_for(step, sizes[i]); step++)
			;
	CHECK_OK(sinew_remove(uri("")));
}

TEST(who_leaves_with_messages_in_hand_is_not_waited_for)
{
	struct sinew_msg msg;

	out = open_end("pattern=topic&size=4K&full=fail", SINEW_OUT);
	in = open_end("", SINEW_IN);
	while (send_one(100) == 1)
		;
	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, SINEW_NOW)), 1);
	CHECK_EQ(sinew_close(in), 0);
	CHECK_EQ(CHECK_OK(send_one(100)), 1);
	in = open_end("", SINEW_IN);
	close_all();
}
