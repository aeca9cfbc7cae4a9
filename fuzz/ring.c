/* SPDX-License-Identifier: MIT
 *
 * ring.c - fuzz target: members of a ring that keep the rules, and one that writes into it what it likes.
 *
 * An input says what ring (two bytes, see read_plan()), then acts: a byte, the kind in its low four
 * bits, the member in the next two, p in the rest; and, big-endian:
 *   0 send     size(2); p & 1: with a tag; p & 2: three at once     8 close
 *   1 receive  cap(2)                                              9 open  p: 1 reads, 2 writes
 *   2 take     1, 2, 8 or 64 of them                              10 die   without a word to anybody
 *   3 release                                                     11 look  for the dead, at once
 *   4 lend     size(2)                                            12 show  p: look, fd, peer, finish
 *   5 commit   size(1), in 255ths of what was lent                13 wait  the next act may, a ms
 *   6 abandon                                                     14, 15 scribble, see scribble.h
 *
 * Until the first scribble each message must be one that was sent, in order of its writer, and no answer
 * may say that the ring is corrupt; afterwards each call must come back in time with an answer that it
 * may give, each message lie inside the ring, and nothing be left behind or touched beside it.
 */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "scribble.h"

enum {
	MEMBERS = 4,
	ACTS = 300,
	LIVES = ACTS + 4,
	WAITS = 6, /* of an input */
	LENT = 64,
	PAGE = 4096,
	ROOM = 4 * PAGE, /* more than the largest message */
	IN_TIME = 5,     /* seconds; many fuzzers may share a CPU */
};

enum backing { TWO_ENDS, NAMED_PAIR, NAMED_QUEUE, SERVED_QUEUE };

struct member {
	sinew_channel *channel;
	struct sinew__ring *ring;
	unsigned does;
	struct sinew_msg lent[LENT], loan;
	unsigned lent_count;
	bool has_loan;
	uint32_t life;        /* which of all that there were */
	uint32_t last[LIVES]; /* of each of these, what we had from it */
};

struct run {
	char uri[300];
	enum backing backing;
	unsigned flags; /* of sinew_open() */
	struct member members[MEMBERS];
	struct scribbler scribbler;
	uint8_t *buffer, *data; /* ROOM bytes each, between pages that cannot be touched */
	uint32_t number;        /* of the message sent last */
	uint32_t most;          /* bytes of a message */
	uint32_t lives;
	unsigned waits;
	bool lied, waits_now;
};

/* ---- answers ---- */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int answer(const struct run *run, int64_t begun, const char *call, int r)
{
	static const int allowed[] = {EAGAIN, ETIMEDOUT, EPIPE, EMSGSIZE, EBUSY, EINVAL, EBADF,
		ESTALE, EOPNOTSUPP, EBADMSG, EIO, EEXIST, ENOENT, ECONNREFUSED, ENOSPC};
	bool good = r >= 0;

	REQUIRE(now() - begun <= IN_TIME, "%s took %lld s", call, (long long)(now() - begun));
	for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++)
		good = good || r == -allowed[i];
	REQUIRE(good, "%s: %d, %s", call, r, sinew_error_text());
	REQUIRE(r != -EBADMSG || run->lied, "%s: corrupt for no reason: %s", call,
		sinew_error_text());
	REQUIRE(r != -EIO || run->scribbler.cut, "%s: %s", call, sinew_error_text());
	return r;
}

#define ANSWER(run, call)                                                                          \
	({                                                                                         \
		int64_t begun_ = now();                                                            \
		answer((run), begun_, #call, (call));                                              \
	})

static int64_t until(struct run *run)
{
	if (!run->waits_now || run->waits == 0)
		return SINEW_NOW;
	run->waits--;
	return sinew_after(1000000);
}

/* ---- messages ---- */

static uint8_t filling(unsigned writer, uint32_t number, size_t i)
{
	return (uint8_t)(writer * 31 + number * 7 + i);
}

static void compose(uint8_t *data, size_t size, uint32_t writer, uint32_t number)
{
	for (size_t i = 0; i < size; i++)
		data[i] = filling(writer, number, i);
	if (size >= 8) {
		memcpy(data, &writer, 4);
		memcpy(data + 4, &number, 4);
	}
}

static bool is_inside(const struct member *m, const void *at, size_t size)
{
	const struct sinew__ring *ring = m->ring;
	const uint8_t *begin = at, *data = ring->data, *words = (void *)ring->lanes[0].words;
	const size_t words_size = ring->lane_count * ring->lanes[0].word_count * sizeof(uint64_t);

	return (begin >= data && begin + size <= data + ring->data_size) ||
	       (begin >= words && begin + size <= words + words_size);
}

/* Touches all of it; without lies it is one that was sent. */
static void check(const struct run *run, struct member *m, const struct sinew_msg *msg, bool is_new)
{
	const volatile uint8_t *bytes = msg->data;
	uint32_t head[2];

	REQUIRE(msg->size <= m->ring->lanes[0].most, "%zu bytes", msg->size);
	for (size_t i = 0; i < msg->size; i++)
		(void)bytes[i];
	if (run->lied || msg->size < sizeof head)
		return;
	memcpy(head, msg->data, sizeof head);
	REQUIRE(head[0] < run->lives && head[1] <= run->number, "nobody sent it");
	for (size_t i = sizeof head; i < msg->size; i++)
		REQUIRE(bytes[i] == filling(head[0], head[1], i), "byte %zu of %zu", i, msg->size);
	REQUIRE(((msg->flags & SINEW_MSG_TAGGED) != 0) == (head[1] % 2) &&
			(!(msg->flags & SINEW_MSG_TAGGED) || msg->tag == head[1]),
		"the tag is %llu", (unsigned long long)msg->tag);
	if (msg->flags & SINEW_MSG_REDELIVERED || !is_new)
		return;
	REQUIRE(head[1] > m->last[head[0]], "%u after %u", head[1], m->last[head[0]]);
	m->last[head[0]] = head[1];
}

static bool is_news(const struct sinew_msg *msg)
{
	return msg->flags & (SINEW_MSG_JOINED | SINEW_MSG_LEFT);
}

/* ---- coming and going ---- */

/* What of a mapping a ring never uses cannot be touched: of the file the data, which is mapped again;
 * of each lane's second mapping what no message reaches. */
static void close_rest(struct run *run, struct sinew__ring *ring)
{
	uint8_t *base = ring->base, *data = ring->data;
	const size_t size = ring->region ? ring->region->size : ring->base_size;
	const size_t lane = ring->lanes[0].size, all = lane * ring->lane_count;

	REQUIRE(mprotect(base + size - all, all, PROT_NONE) == 0, "%m");
	for (unsigned i = 0; i < ring->lane_count && !run->scribbler.cut; i++)
		REQUIRE(mprotect(data + (2 * i + 1) * lane + lane / 2, lane / 2, PROT_NONE) == 0,
			"%m");
}

static void adopt(struct run *run, unsigned i, sinew_channel *channel, unsigned does)
{
	struct member *m = &run->members[i];

	*m = (struct member){.channel = channel, .does = does, .life = run->lives++};
	m->ring = sinew__ring_of(channel);
	close_rest(run, m->ring);
}

static void open_member(struct run *run, unsigned i, unsigned does)
{
	unsigned flags = run->flags | (i == 0 ? SINEW_LISTEN : 0);
	sinew_channel *channel;

	if (run->members[i].channel || run->backing == TWO_ENDS ||
		(run->backing == NAMED_PAIR && i > 2))
		return;
	flags |= (does & 1 ? SINEW_IN : 0) | (does & 2 ? SINEW_OUT : 0);
	if (run->backing == SERVED_QUEUE) { /* whoever serves it stays */
		if (ANSWER(run, sinew_open(&channel, run->uri, flags, sinew_after(1000000000))) ==
			0)
			adopt(run, i, channel, does);
	} else if (ANSWER(run, sinew_open(&channel, run->uri, flags, SINEW_NOW)) == 0) {
		adopt(run, i, channel, does);
	}
}

static void close_member(struct run *run, unsigned i)
{
	struct member *m = &run->members[i];

	ANSWER(run, sinew_close(m->channel));
	*m = (struct member){0};
}

/* Its lock is given up, and nothing else of it is. */
static void die(struct run *run, unsigned i)
{
	struct sinew__ring *ring = run->members[i].ring;
	struct flock lock = {
		.l_type = F_UNLCK, .l_start = SINEW__RING_LOCKS + ring->slot, .l_len = 1};

	REQUIRE(fcntl(ring->fd, F_OFD_SETLK, &lock) == 0, "%m");
	ring->owner = 0;
	close_member(run, i);
}

/* ---- the acts of a member ---- */

static size_t take_size(const struct run *run, struct input *in)
{
	return take_number(in, 2) % (run->most + 9u);
}

static uint32_t next_number(struct run *run, bool tagged)
{
	return run->number += 1 + ((run->number + 1) % 2 != tagged);
}

static void act_send(struct run *run, struct input *in, unsigned i, unsigned p)
{
	const size_t size = take_size(run, in);
	const bool tagged = p & 1;
	struct sinew_msg msgs[3];
	const unsigned count = p & 2 ? 3 : 1;
	uint8_t *at = run->data + ROOM;

	for (unsigned n = 0; n < count; n++) {
		const uint32_t number = next_number(run, tagged);
		msgs[n] = (struct sinew_msg){.size = n ? size % 300 : size,
			.tag = number,
			.flags = tagged ? SINEW_MSG_TAGGED : 0};
		if (!tagged)
			msgs[n].tag = 0;
		at -= msgs[n].size;
		msgs[n].data = at;
		compose(at, msgs[n].size, run->members[i].life, number);
	}
	int r = ANSWER(run, sinew_send(run->members[i].channel, msgs, count, until(run)));
	REQUIRE(r <= (int)count, "%d of %u sent", r, count);
}

static void act_receive(struct run *run, struct input *in, unsigned i)
{
	struct member *m = &run->members[i];
	const size_t cap = take_size(run, in);
	struct sinew_msg msg = {0};

	int r = ANSWER(
		run, sinew_recv(m->channel, run->buffer + ROOM - cap, cap, &msg, until(run)));
	if (r >= 0 || m->does & 1)
		m->lent_count = 0;
	if (r != 1 || is_news(&msg))
		return;
	REQUIRE(msg.size <= cap, "%zu bytes into %zu", msg.size, cap);
	check(run, m, &msg, true);
}

static void act_take(struct run *run, unsigned i, unsigned p)
{
	static const unsigned counts[] = {1, 2, 8, LENT};
	struct member *m = &run->members[i];

	m->lent_count = 0;
	int r = ANSWER(run, sinew_take(m->channel, m->lent, counts[p], until(run)));
	REQUIRE(r <= (int)counts[p], "%d of %u", r, counts[p]);
	if (r <= 0 || is_news(&m->lent[0]))
		return;
	m->lent_count = (unsigned)r;
	for (int n = 0; n < r; n++) {
		REQUIRE(is_inside(m, m->lent[n].data, m->lent[n].size), "message %d is outside", n);
		check(run, m, &m->lent[n], true);
	}
}

/* What was lent is there until then. */
static void act_release(struct run *run, unsigned i)
{
	struct member *m = &run->members[i];

	/* Where every reader reads all, a writer may have needed the room. */
	for (unsigned n = 0; n < m->lent_count && !m->ring->histories; n++)
		check(run, m, &m->lent[n], false);
	sinew_release(m->channel, m->lent, m->lent_count);
	m->lent_count = 0;
}

static void act_lend(struct run *run, struct input *in, unsigned i)
{
	struct member *m = &run->members[i];
	const size_t size = take_size(run, in);
	struct sinew_msg loan;

	if (ANSWER(run, sinew_loan(m->channel, size, &loan, until(run))) < 0)
		return;
	REQUIRE(loan.size == size && is_inside(m, loan.data, size), "lent outside");
	m->loan = loan;
	m->has_loan = true;
}

static void act_commit(struct run *run, struct input *in, unsigned i)
{
	struct member *m = &run->members[i];
	const size_t size = m->loan.size * take_byte(in) / 255;

	if (!m->has_loan)
		return;
	compose((uint8_t *)(uintptr_t)m->loan.data, size, m->life, next_number(run, false));
	m->loan.size = size;
	m->has_loan = false;
	ANSWER(run, sinew_commit(m->channel, &m->loan));
}

static void act_abandon(struct run *run, unsigned i)
{
	struct member *m = &run->members[i];

	if (m->has_loan)
		sinew_abandon(m->channel, &m->loan);
	m->has_loan = false;
}

static void act_show(struct run *run, unsigned i, unsigned p)
{
	struct member *m = &run->members[i];
	static struct sinew_ring_look look;
	struct sinew_peer peer;
	struct pollfd fd = {.events = POLLIN};

	if (p == 0 && run->backing != TWO_ENDS && run->backing != SERVED_QUEUE)
		ANSWER(run, sinew_ring_look(run->uri, &look, SINEW_NOW));
	if (p == 2)
		ANSWER(run, sinew_peer(m->channel, SINEW_ANY_PEER, &peer));
	if (p == 3 && m->does & 2)
		ANSWER(run, sinew_finish(m->channel, SINEW_NOW));
	if (p != 1)
		return;
	for (unsigned direction = SINEW_IN; direction <= SINEW_OUT; direction++) {
		fd.fd = ANSWER(run, sinew_fd(m->channel, direction));
		if (fd.fd >= 0)
			poll(&fd, 1, 0);
	}
}

static void act_look(struct run *run, unsigned i)
{
	struct member *m = &run->members[i];

	sinew__ring_look_after(m->ring, m->does & 1 && !m->lent_count ? SINEW_IN : 0, 0);
}

/* Of one that is there. */
static void act(struct run *run, struct input *in, unsigned byte)
{
	const unsigned i = byte >> 4 & 3, p = byte >> 6;

	switch (byte & 15) {
	case 0:
		act_send(run, in, i, p);
		break;
	case 1:
		act_receive(run, in, i);
		break;
	case 2:
		act_take(run, i, p);
		break;
	case 3:
		act_release(run, i);
		break;
	case 4:
		act_lend(run, in, i);
		break;
	case 5:
		act_commit(run, in, i);
		break;
	case 6:
		act_abandon(run, i);
		break;
	case 8:
	case 10:
		if (i == 0 && run->backing == SERVED_QUEUE)
			break;
		(byte & 15) == 8 ? close_member(run, i) : die(run, i);
		break;
	case 11:
		act_look(run, i);
		break;
	case 12:
		act_show(run, i, p);
		break;
	default:
		break;
	}
}

/* ---- the ring ---- */

static unsigned default_of(const struct run *run, unsigned i)
{
	if (run->backing == TWO_ENDS || run->backing == NAMED_PAIR)
		return i < 2 ? 3 : 0;
	return i % 2 ? 2 : 1;
}

static size_t name_ring(struct run *run)
{
	static const char *const formats[] = {"", "shm:", "shm:", "memfd:"};
	const char *tmp = getenv("TMPDIR");
	const char *directory = run->backing == SERVED_QUEUE ? (tmp ? tmp : "/tmp") : "";

	if (run->backing == TWO_ENDS)
		return (size_t)snprintf(run->uri, sizeof run->uri, "ring:");
	return (size_t)snprintf(run->uri, sizeof run->uri, "ring:%s%s/sinew-fuzz-%d",
		formats[run->backing], directory, (int)getpid());
}

/* A ring with many readers, of which one gets each message, or all do, or each the newest. */
static void choose_pattern(struct run *run, size_t used, unsigned first, unsigned second)
{
	char *at = run->uri + used;
	const size_t left = sizeof run->uri - used;
	static const char *const full[] = {"block", "fail", "drop-new", "drop-old"};
	const unsigned lanes = 1 + (first >> 3 & 3) % 3;

	switch (second >> 5 & 3) {
	case 1:
		snprintf(at, left, "&pattern=topic&lanes=%u&from=%s&full=%s", lanes,
			first & 32 ? "oldest" : "now", full[first >> 6]);
		break;
	case 2:
		snprintf(at, left, "&pattern=latest&history=%u", lanes);
		break;
	default:
		snprintf(at, left, "&pattern=queue&lanes=%u&deaths=%s&full=%s", lanes,
			first & 32 ? "drop" : "redeliver",
			first >> 6 < 3 ? full[first >> 6] : "block");
	}
}

static void read_plan(struct run *run, struct input *in)
{
	static const char *const full[] = {"block", "fail", "drop-new", "block"};
	static const char *const wait[] = {"power", "power", "balanced", "latency"};
	const unsigned first = take_byte(in), second = take_byte(in);

	run->backing = first & 3;
	run->flags = second & 8 ? SINEW_EVENTS : 0;
	size_t used = name_ring(run);
	used += (size_t)snprintf(run->uri + used, sizeof run->uri - used,
		"?size=%s&wait=%s&keep-open=%s", first & 4 ? "16K" : "8K", wait[second & 3],
		second & 4 && run->backing != TWO_ENDS ? "yes" : "no");
	if (run->backing == NAMED_QUEUE || run->backing == SERVED_QUEUE)
		choose_pattern(run, used, first, second);
	else
		snprintf(run->uri + used, sizeof run->uri - used, "&full=%s", full[first >> 6]);
	used += strlen(run->uri + used);
	if (run->backing == SERVED_QUEUE)
		snprintf(run->uri + used, sizeof run->uri - used, "&serve=thread");
	run->scribbler.may_cut =
		second & 16 && run->backing != TWO_ENDS && run->backing != SERVED_QUEUE;
	if (run->scribbler.may_cut)
		snprintf(run->uri + used, sizeof run->uri - used, "&guard=yes");
}

static void begin(struct run *run)
{
	const bool may_cut = run->scribbler.may_cut;
	sinew_channel *ends[2];

	if (run->backing == TWO_ENDS) {
		REQUIRE(sinew_pair(ends, run->uri, run->flags) == 0, "%s: %s", run->uri,
			sinew_error_text());
		for (unsigned i = 0; i < 2; i++)
			adopt(run, i, ends[i], 3);
	} else {
		for (unsigned i = 0; i < 2; i++)
			open_member(run, i, default_of(run, i));
	}
	REQUIRE(run->members[0].channel && run->members[1].channel, "%s: %s", run->uri,
		sinew_error_text());
	scribble_begin(&run->scribbler, run->members[0].ring);
	run->scribbler.may_cut = may_cut;
	run->most = run->members[0].ring->lanes[0].most;
	run->waits = WAITS;
}

static void end(struct run *run)
{
	for (unsigned i = MEMBERS; i-- > 0;)
		if (run->members[i].channel)
			close_member(run, i);
	scribble_end(&run->scribbler);
	if (run->backing == TWO_ENDS || run->backing == SERVED_QUEUE)
		return;
	if (ANSWER(run, sinew_remove(run->uri)) < 0) { /* what is corrupt may have to be unlinked */
		char name[64];
		REQUIRE(run->lied, "%s", sinew_error_text());
		snprintf(name, sizeof name, "/sinew-fuzz-%d", (int)getpid());
		REQUIRE(shm_unlink(name) == 0, "%m");
	}
}

static void interpret(struct run *run, struct input *in)
{
	for (unsigned n = 0; in->left && n < ACTS; n++) {
		const unsigned byte = take_byte(in), i = byte >> 4 & 3;
		struct member *m = &run->members[i];
		if ((byte & 15) >= 14) {
			const struct member *any = m->channel ? m : NULL;
			for (unsigned k = 0; k < MEMBERS && !any; k++)
				any = run->members[k].channel ? &run->members[k] : NULL;
			if (!any)
				continue;
			run->lied = true;
			scribble(&run->scribbler, in, any->ring);
		} else if ((byte & 15) == 9) {
			open_member(run, i, byte >> 6 ? byte >> 6 : default_of(run, i));
		} else if (m->channel) {
			act(run, in, byte);
		}
		run->waits_now = (byte & 15) == 13;
	}
}

/* The library keeps some memory that it needs but once. */
static void warm_up(struct run *run)
{
	static bool warm;
	sinew_channel *ends[2];

	run->buffer = run->data = NULL;
	if (!warm) {
		guard_buffers();
		REQUIRE(sinew_pair(ends, "ring:?size=8K", 0) == 0, "%s", sinew_error_text());
		sinew_close(ends[0]);
		sinew_close(ends[1]);
	}
	warm = true;
}

static uint8_t *guarded_room(void)
{
	return sinew__sys.mmap(
		NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	struct input in = {data, size};

	run = (struct run){0};
	warm_up(&run);
	const int fd = lowest_fd();
	const unsigned mapped = mapped_buffers();
	run.buffer = guarded_room();
	run.data = guarded_room();
	read_plan(&run, &in);
	begin(&run);
	interpret(&run, &in);
	end(&run);
	sinew__sys.munmap(run.buffer, ROOM);
	sinew__sys.munmap(run.data, ROOM);
	REQUIRE(lowest_fd() == fd, "a descriptor leaked");
	REQUIRE(mapped_buffers() == mapped, "%u mappings are left", mapped_buffers() - mapped);
	return 0;
}
