/* SPDX-License-Identifier: MIT
 *
 * topic_property.c - random operations on a ring that every reader reads, beside a model of it.
 *
 * A seed gives one ring, and members of this process that come, send by one or by several, of any size, lend and
 * commit or give up, receive, borrow, leave, and die without a word to anybody. Alone, each answer must be the
 * model's; between, members act in the middle of what others do, at any store to shared memory. The model keeps,
 * for each lane, what was sent; for each reader, where it began and how far it is: what comes next is as many
 * messages further as it was told are lost, none for one that all writers wait for; and all of it is whole.
 *
 * TOPIC_SEED is the first seed, TOPIC_SEEDS how many; a failure prints its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/ring.h"
#include "runner.h"

enum {
	SEED = 1,
	SEEDS = 3,
	ACTS = 3000,
	MEMBERS = 5,
	LANES = 3,
	BATCH = 5,
	HELD = 8,
	MANY = 40000
};

struct kind {
	const char *name, *options;
	uint32_t lane_size;
	unsigned lanes;
};

static const struct kind kinds[] = {
	{"topic", "pattern=topic", 4096, 1},
	{"topic-lanes", "pattern=topic&lanes=3", 8192, 3},
	{"latest", "pattern=latest", 4096, 1},
	{"latest-large", "pattern=latest", 65536, 1},
};

TEST_SUITE(topic_property, kinds);

static unsigned first_seed = SEED, seeds = SEEDS;

__attribute__((constructor)) static void prepare(void)
{
	const char *first = getenv("TOPIC_SEED"), *count = getenv("TOPIC_SEEDS");

	test_error_text = sinew_error_text;
	if (first)
		first_seed = (unsigned)strtoul(first, NULL, 10);
	if (count && atoi(count) > 0)
		seeds = (unsigned)atoi(count);
}

/* What a lane has had, since the ring was made. */
struct line {
	unsigned sent;
	uint32_t sizes[MANY];
	bool tagged[MANY], dropped[MANY];
};

enum full { DROP_OLD, BLOCK, FAIL, DROP_NEW };

struct member {
	sinew_channel *channel;
	bool reads, overtaken, from_oldest, acts;
	enum full full;
	unsigned history;      /* latest */
	unsigned lane;         /* a writer's */
	unsigned next[LANES];  /* a reader's */
	uint64_t missed, told; /* messages that did not come; that it heard of */
	struct sinew_msg held[HELD];
	unsigned held_count;
};

static struct world {
	char uri[300];
	struct kind kind;
	struct member members[MEMBERS];
	struct line lines[LANES];
	uint64_t random;
	bool between;
	bool waits; /* all writers do */
	bool drops; /* or drop new messages, which count as lost */
	unsigned depth;
} w;

static unsigned draw(unsigned below)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (unsigned)(w.random >> 11) % below;
}

static bool is_latest(void)
{
	return w.kind.options[8] == 'l';
}

/* ---- messages ---- */

static uint8_t filling(unsigned lane, unsigned number, size_t i)
{
	return (uint8_t)(lane * 57 + number * 11 + i * 3);
}

/* The number and the lane are in the first bytes, or, where there is no room, in the tag. */
static void compose(uint8_t *data, uint32_t size, unsigned lane, unsigned number)
{
	for (size_t i = 0; i < size; i++)
		data[i] = filling(lane, number, i);
	if (size >= 8) {
		memcpy(data, &number, 4);
		memcpy(data + 4, &lane, 4);
	}
}

static uint64_t tag_of(unsigned lane, unsigned number)
{
	return (uint64_t)lane << 32 | number;
}

static void read_head(const struct sinew_msg *msg, unsigned *lane, unsigned *number)
{
	if (msg->flags & SINEW_MSG_TAGGED) {
		*lane = (unsigned)(msg->tag >> 32);
		*number = (unsigned)msg->tag;
		return;
	}
	CHECK(msg->size >= 8);
	memcpy(number, msg->data, 4);
	memcpy(lane, (const uint8_t *)msg->data + 4, 4);
}

static void check_whole(const struct sinew_msg *msg, unsigned *lane, unsigned *number)
{
	static uint8_t wanted[65536];

	read_head(msg, lane, number);
	CHECK(*lane < w.kind.lanes && *number < MANY);
	const struct line *line = &w.lines[*lane];
	CHECK_EQ(msg->size, line->sizes[*number]);
	CHECK_EQ((msg->flags & SINEW_MSG_TAGGED) != 0, line->tagged[*number]);
	compose(wanted, (uint32_t)msg->size, *lane, *number);
	CHECK_MEM(msg->data, msg->size, wanted, msg->size);
}

static uint32_t draw_size(void)
{
	static const uint32_t sizes[] = {
		0, 1, 7, 8, 40, 41, 47, 48, 49, 55, 56, 57, 63, 64, 65, 127, 128, 129, 500, 1000};
	const unsigned which = draw(32);
	const uint32_t most = w.kind.lane_size / 2;

	if (which < sizeof sizes / sizeof *sizes)
		return sizes[which];
	return which < 28 ? draw(300) : which < 30 ? most - draw(3) : draw(most + 1);
}

/* ---- who is there ---- */

static bool are_dropped(unsigned lane, unsigned from, unsigned to)
{
	while (from < to && w.lines[lane].dropped[from])
		from++;
	return from == to;
}

static struct sinew__ring *ring_of(const struct member *m)
{
	return sinew__ring_of(m->channel);
}

static bool is_waited_for(const struct member *m)
{
	return m->channel && m->reads && !m->overtaken;
}

static bool loses_nothing(const struct member *reader)
{
	return is_waited_for(reader) && (w.waits || w.drops);
}

static const char *const fulls[] = {"drop-old", "block", "fail", "drop-new"};

static enum full draw_full(void)
{
	if (w.drops)
		return DROP_NEW;
	return w.waits ? (enum full)(BLOCK + draw(2)) : DROP_OLD;
}

static void open_reader(struct member *m)
{
	char options[400];

	*m = (struct member){.reads = true, .history = 1 + draw(5) * draw(8)};
	m->history = m->history > SINEW__RING_HISTORY ? SINEW__RING_HISTORY : m->history;
	m->overtaken = !is_latest() && draw(3) == 0;
	m->from_oldest = !is_latest() && draw(2);
	if (is_latest())
		snprintf(options, sizeof options, "%s&history=%u", w.uri, m->history);
	else
		snprintf(options, sizeof options, "%s&from=%s%s", w.uri,
			m->from_oldest ? "oldest" : "now", m->overtaken ? "&full=drop-old" : "");
	sinew_channel *channel;
	CHECK_OK(sinew_open(&channel, options, SINEW_IN, test_limit(10000)));
	m->channel = channel;
	for (unsigned i = 0; i < w.kind.lanes; i++) {
		m->next[i] = (unsigned)ring_of(m)->topic.next[i].number;
		CHECK(m->next[i] <= w.lines[i].sent);
		CHECK(w.between || m->from_oldest || is_latest() ||
			are_dropped(i, m->next[i], w.lines[i].sent));
	}
}

static void open_writer(struct member *m)
{
	char options[400];
	sinew_channel *channel;

	*m = (struct member){.full = draw_full()};
	snprintf(options, sizeof options, "%s&full=%s", w.uri, fulls[m->full]);
	int r = sinew_open(&channel, options, SINEW_OUT, test_limit(10000));
	if (r == -EBUSY)
		return;
	CHECK_OK(r);
	m->lane = (unsigned)(((struct sinew__ring *)sinew__ring_of(channel))->w.out.lane.shared -
			     sinew__ring_of(channel)->shared);
	m->channel = channel;
}

static void leave(struct member *m)
{
	CHECK_EQ(sinew_close(m->channel), 0);
	*m = (struct member){0};
}

/* As SIGKILL does it between two operations. */
static void die(struct member *m)
{
	struct sinew__ring *ring = ring_of(m);
	struct flock lock = {
		.l_type = F_UNLCK, .l_start = SINEW__RING_LOCKS + ring->slot, .l_len = 1};

	CHECK_SYS(fcntl(ring->fd, F_OFD_SETLK, &lock));
	ring->owner = 0;
	leave(m);
	for (unsigned i = 0; i < MEMBERS; i++) /* as if the time had come to look for the dead */
		if (w.members[i].channel)
			sinew__ring_look_after(ring_of(&w.members[i]),
				w.members[i].reads ? SINEW_IN : SINEW_OUT, 0);
}

/* ---- writing ---- */

static void note_sent(struct line *line, uint32_t size, bool tagged)
{
	CHECK(line->sent < MANY);
	line->sizes[line->sent] = size;
	line->dropped[line->sent] = false;
	line->tagged[line->sent++] = tagged;
}

/* Whoever refuses has a reader that it waits for, or one that died in whose stead nobody was looked for. */
static void check_refusal(const struct member *m, int r)
{
	CHECK_ERR(r, -EAGAIN);
	CHECK(m->full == BLOCK || m->full == FAIL || m->full == DROP_NEW);
	unsigned readers = 0;
	for (unsigned i = 0; i < MEMBERS; i++)
		readers += is_waited_for(&w.members[i]);
	CHECK(readers > 0 || w.between);
}

static uint64_t dropped_by(const struct member *m)
{
	return ring_of(m)->w.out.lane.shared->dropped;
}

static void act_send(struct member *m)
{
	static uint8_t data[4][BATCH][65536];
	struct sinew_msg msgs[BATCH];
	struct line *line = &w.lines[m->lane];
	const unsigned count = draw(3) || m->full == DROP_NEW ? 1 : BATCH, begun = line->sent;
	const uint64_t dropped = dropped_by(m);

	for (unsigned i = 0; i < count; i++) {
		const uint32_t size = count == 1 ? draw_size() : draw(90);
		const bool tagged = size < 8 || draw(4) == 0;
		compose(data[w.depth][i], size, m->lane, begun + i);
		msgs[i] = (struct sinew_msg){.data = data[w.depth][i],
			.size = size,
			.tag = tagged ? tag_of(m->lane, begun + i) : 0,
			.flags = tagged ? SINEW_MSG_TAGGED : 0};
		note_sent(line, size, tagged); /* who acts meanwhile may see it */
	}
	int r = sinew_send(m->channel, msgs, count, SINEW_NOW);
	if (r < 0)
		check_refusal(m, r);
	CHECK(r <= (int)count);
	CHECK(m->full != DROP_OLD || r == (int)count);
	line->sent = begun + (r > 0 ? (unsigned)r : 0);
	if (dropped_by(m) != dropped)
		line->dropped[begun] = true;
}

static void act_lend(struct member *m)
{
	struct line *line = &w.lines[m->lane];
	const uint32_t size = draw_size(), used = draw(2) ? size : draw(size + 1);
	struct sinew_msg loan;

	if (m->full == DROP_NEW)
		return;
	int r = sinew_loan(m->channel, size, &loan, SINEW_NOW);
	if (r < 0) {
		check_refusal(m, r);
		return;
	}
	memset((void *)(uintptr_t)loan.data, 0xee, size);
	if (used < 8 || draw(4) == 0) {
		sinew_abandon(m->channel, &loan);
		return;
	}
	compose((void *)(uintptr_t)loan.data, used, m->lane, line->sent);
	note_sent(line, used, false);
	loan.size = used;
	CHECK_OK(sinew_commit(m->channel, &loan));
}

/* ---- reading ---- */

/* Nothing: only if nothing is there that it may have. */
static void no_message(const struct member *m, int r)
{
	CHECK_ERR(r, -EAGAIN);
	for (unsigned i = 0; i < w.kind.lanes && !w.between; i++)
		CHECK(are_dropped(i, m->next[i], w.lines[i].sent));
}

static void note_received(struct member *m, const struct sinew_msg *msg)
{
	unsigned lane, number;

	check_whole(msg, &lane, &number);
	const unsigned next = m->next[lane], sent = w.lines[lane].sent;
	CHECK(number >= next && number < sent);
	CHECK(!loses_nothing(m) || are_dropped(lane, next, number));
	CHECK(!is_latest() || w.between || sent - number <= m->history);
	m->next[lane] = number + 1;
	m->missed += number - next;
	m->told += msg->lost;
	CHECK(!is_latest() || msg->lost == 0);
	/* What was lost on one lane may be told with what comes on another. */
	if (!is_latest() && w.kind.lanes == 1)
		CHECK_EQ(m->told, m->missed);
}

/* What is in hand is as it was, or marked. */
static void release(struct member *m)
{
	const unsigned count = m->held_count;

	m->held_count = 0;
	if (count == 0)
		return;
	for (unsigned i = 0; loses_nothing(m) && i < count; i++) {
		unsigned lane, number;
		check_whole(&m->held[i], &lane, &number);
	}
	sinew_release(m->channel, m->held, count);
	for (unsigned i = 0; i < count; i++) {
		const bool gone = m->held[i].flags & SINEW_MSG_OVERWRITTEN;
		CHECK(!gone || !loses_nothing(m));
		m->missed += gone && !is_latest();
	}
}

static int receive(struct member *m, size_t cap)
{
	static uint8_t buf[4][65536];
	struct sinew_msg msg;

	release(m);
	int r = sinew_recv(m->channel, buf[w.depth], cap, &msg, SINEW_NOW);
	if (r == 1)
		note_received(m, &msg);
	else if (r == -EMSGSIZE)
		CHECK(msg.size > cap && msg.size <= w.kind.lane_size / 2);
	else
		no_message(m, r);
	return r;
}

/* Between two looks at what is lent somebody may overwrite it: only the mark at its release tells. */
static void act_take(struct member *m)
{
	release(m);
	if (w.between && !loses_nothing(m))
		return;
	int r = sinew_take(m->channel, m->held, HELD, SINEW_NOW);
	if (r <= 0) {
		no_message(m, r);
		return;
	}
	m->held_count = (unsigned)r;
	for (int i = 0; i < r; i++)
		note_received(m, &m->held[i]);
}

/* ---- at random ---- */

static void act_of(struct member *m)
{
	const unsigned what = draw(40);

	m->acts = true;
	w.depth++;
	if (what == 0 && w.depth == 1)
		draw(2) ? leave(m) : die(m);
	else if (!m->reads)
		what < 8 ? act_lend(m) : act_send(m);
	else if (what < 12)
		act_take(m);
	else if (what < 14)
		release(m);
	else
		receive(m, what < 18 ? draw(300) : 65536);
	w.depth--;
	m->acts = false;
}

static void act(struct member *m)
{
	if (m->channel)
		act_of(m);
	else if (m == w.members || draw(3) == 0) /* one always writes, if it may */
		open_writer(m);
	else
		open_reader(m);
}

static bool steps;

void sinew__ring_saw(const void *at)
{
	(void)at;
}

/* Before and after each store to a ring's memory. */
void sinew__ring_step(void)
{
	if (!steps || w.depth == 0 || w.depth > 2 || draw(6))
		return;
	struct member *m = &w.members[draw(MEMBERS)];
	if (m->channel && !m->acts)
		act_of(m);
}

/* Positions begin shortly before they come round: as if so much had been sent and nothing of it were kept. */
static void begin_late(void)
{
	sinew_channel *out;

	CHECK_OK(sinew_open(&out, w.uri, SINEW_OUT, SINEW_NOW));
	struct sinew__ring *ring = sinew__ring_of(out);
	for (unsigned i = 0; i < w.kind.lanes; i++) {
		struct sinew__ring_history *history = &ring->histories[i];
		history->edge.words = history->wish.words = (UINT64_C(3) << 32) - 512;
		history->edge.units = history->wish.units = (UINT64_C(5) << 32) - 256;
		history->marks[0] =
			(struct sinew__ring_mark){{history->edge.words, history->edge.units}, 0};
		history->last = 1;
	}
	CHECK_EQ(sinew_close(out), 0);
}

static void drain(void)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct member *m = &w.members[i];
		if (!m->channel || !m->reads)
			continue;
		while (receive(m, 65536) == 1)
			;
		if (!is_latest())
			CHECK_EQ(m->told, m->missed);
	}
}

static void run_seed(const struct kind *kind, unsigned seed)
{
	memset(&w, 0, sizeof w);
	w.kind = *kind;
	w.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	printf("TOPIC_SEED=%u\n", seed);
	snprintf(w.uri, sizeof w.uri, "ring:shm:/sinew-topics-%d-%u?size=%u&%s", (int)getpid(),
		seed, kind->lane_size, kind->options);
	draw(2);
	w.waits = !is_latest() && seed % 3 == 1;
	w.drops = !is_latest() && seed % 3 == 2;
	begin_late();
	for (unsigned n = 0; n < 2 * ACTS; n++) {
		/* In the middle of others for the second half. */
		w.between = steps = n >= ACTS;
		act(&w.members[draw(MEMBERS)]);
		steps = false;
	}
	w.between = false;
	drain();
	for (unsigned i = 0; i < MEMBERS; i++)
		if (w.members[i].channel)
			leave(&w.members[i]);
	CHECK_OK(sinew_remove(w.uri));
}

TEST_EACH(topic_property, behaves_as_its_model, struct kind, k, .timeout = 200)
{
	for (unsigned n = 0; n < seeds; n++)
		run_seed(k, first_seed + n);
}
