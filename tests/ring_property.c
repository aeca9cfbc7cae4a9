/* SPDX-License-Identifier: MIT
 *
 * ring_property.c - random operations on a ring, beside a model of it (ring_model.h).
 *
 * A seed gives epochs on one ring, of three kinds. Alone: up to four members of this process come, send by
 * one or by several, of any size, lend and commit, receive, borrow, leave, and die without a word to
 * anybody; each answer must be the model's, and so must what sinew_ring_look() counts. Between: the same
 * process has members act in the middle of what others do, at any store to shared memory. Beside: a second
 * process works at the same time and is killed at a random moment. What was accepted must arrive, once, in
 * order, or again with its mark, or be counted.
 *
 * RING_SEED is the first seed, RING_SEEDS how many; a failure prints its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_model.h"
#include "runner.h"

enum { SEED = 1, SEEDS = 3, EPOCHS = 12, ACTS = 400, BATCH = 3 };

static const struct kind kinds[] = {
	{"pair", "shm", "pattern=pair&keep-open=yes", 4096, false, false, false},
	{"pair-ends", "file", "pattern=pair&full=fail", 8192, false, false, false},
	{"pair-drop-new", "shm", "pattern=pair&keep-open=yes&full=drop-new", 4096, false, true,
		false},
	{"queue", "shm", "pattern=queue&lanes=2", 4096, true, false, false},
	{"queue-file", "file", "pattern=queue&lanes=2&full=fail", 8192, true, false, false},
	{"queue-drop-new", "shm", "pattern=queue&lanes=2&full=drop-new", 4096, true, true, false},
	{"queue-deaths", "shm", "pattern=queue&lanes=2&deaths=drop", 4096, true, false, true},
	{"queue-drops", "file", "pattern=queue&lanes=2&deaths=drop&full=drop-new", 8192, true, true,
		true},
};

TEST_SUITE(property, kinds);

static unsigned first_seed = SEED, seeds = SEEDS;

__attribute__((constructor)) static void prepare(void)
{
	const char *first = getenv("RING_SEED"), *count = getenv("RING_SEEDS");

	test_error_text = sinew_error_text;
	if (first)
		first_seed = (unsigned)strtoul(first, NULL, 10);
	if (count && atoi(count) > 0)
		seeds = (unsigned)atoi(count);
}

struct world {
	char uri[300];
	struct kind kind;
	struct member members[MEMBERS];
	uint64_t random;
	uint32_t most;
	unsigned mood;
	bool acts[MEMBERS]; /* is in the middle of an operation */
	unsigned depth;     /* so many are */
};

static unsigned draw(struct world *w, unsigned below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random >> 11) % below;
}

static struct sinew__ring *ring_of(const struct member *m)
{
	return sinew__ring_of(m->channel);
}

/* ---- who is there ---- */

static unsigned count_members(const struct world *w, bool writers)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MEMBERS; i++)
		n += w->members[i].channel && (!writers || w->members[i].writes);
	return n;
}

static bool other_is_there(const struct world *w, const struct member *m)
{
	return w->members[1 - m->end].channel;
}

/* Lanes that cannot be had: of those who live, and of those who left what is not read yet. */
static unsigned lanes_in_use(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < book->line_count; i++) {
		const struct line *line = &book->lines[i];
		bool in_use = line->is_open;
		for (unsigned k = 0; k < line->accepted && !in_use; k++)
			in_use = line->texts[k].fate != DONE;
		n += in_use;
	}
	return n;
}

static bool join(struct world *w, unsigned i, bool reads, bool writes)
{
	struct member *m = &w->members[i];
	unsigned flags = (reads ? SINEW_IN : 0) | (writes ? SINEW_OUT : 0);

	*m = (struct member){.reads = reads, .writes = writes, .end = i};
	flags |= i == 0 ? SINEW_LISTEN : 0;
	int r = sinew_open(&m->channel, w->uri, flags, test_limit(5000));
	if (r == -EBUSY && w->kind.queue && writes) {
		m->channel = NULL;
		CHECK(!book->exact || lanes_in_use() >= 2);
		return false;
	}
	CHECK_OK(r);
	if (book->exact)
		book_cleaned();
	if (writes)
		m->line = book_line(i);
	return true;
}

static void leave(struct world *w, unsigned i)
{
	struct member *m = &w->members[i];

	if (w->kind.queue) /* a pair's next reader has it */
		book_released(m);
	CHECK_EQ(sinew_close(m->channel), 0);
	if (book->exact)
		book_left(m);
	*m = (struct member){0};
}

/* As SIGKILL does it between two operations: the lock goes, and nothing else is done. */
static void die(struct world *w, unsigned i)
{
	struct member *m = &w->members[i];
	struct sinew__ring *ring = ring_of(m);
	struct flock lock = {
		.l_type = F_UNLCK, .l_start = SINEW__RING_LOCKS + ring->slot, .l_len = 1};

	CHECK_SYS(fcntl(ring->fd, F_OFD_SETLK, &lock));
	ring->owner = 0;
	CHECK_EQ(sinew_close(m->channel), 0);
	book_left(m);
	*m = (struct member){0};
}

/* ---- sending ---- */

static uint32_t draw_size(struct world *w)
{
	static const uint32_t sizes[] = {0, 1, 3, 4, 8, 39, 40, 41, 47, 48, 49, 55, 56, 57, 63, 64,
		65, 127, 128, 129, 500, 1000};
	const unsigned which = draw(w, 32);

	if (which < sizeof sizes / sizeof *sizes)
		return sizes[which];
	return which < 28 ? draw(w, 300) : which < 30 ? w->most - draw(w, 3) : draw(w, w->most + 1);
}

static void must_be_full(const struct world *w, const struct member *m, int r, uint32_t size)
{
	CHECK(r == -EAGAIN || (r == -EPIPE && !w->kind.queue));
	if (!book->exact)
		return;
	if (r == -EAGAIN)
		CHECK(!book_has_room(&book->lines[m->line], size));
	else
		CHECK(!other_is_there(w, m));
}

static void accepted(struct world *w, struct member *m, unsigned count, uint64_t bytes,
	uint64_t dropped, uint32_t size)
{
	struct line *line = &book->lines[m->line];

	if (book->exact) {
		/* What one of several found no room for is not known. */
		CHECK(dropped == 0 ||
			(w->kind.drop_new && (count > 1 || !book_has_room(line, size))));
		book->sum.dropped += dropped;
		book->sum.sent += count - dropped;
		book->sum.sent_bytes += bytes;
		book->waiting[w->kind.queue ? 0 : line->end] += count - (unsigned)dropped;
	}
	line->accepted += count;
}

static struct sinew__ring_lane *lane_of(const struct member *m)
{
	return ring_of(m)->w.out.lane.shared;
}

static void act_send(struct world *w, struct member *m)
{
	uint8_t data[BATCH][LARGEST];
	struct line *line = &book->lines[m->line];
	struct sinew_msg msgs[BATCH];
	const unsigned count = draw(w, 4) ? 1 : BATCH;
	const uint64_t dropped = lane_of(m)->dropped, bytes = lane_of(m)->sent_bytes;

	if (line->accepted + count > EACH)
		return;
	for (unsigned i = 0; i < count; i++) {
		const uint32_t size = draw_size(w);
		const bool says = book->exact && m->line == 0 && !w->kind.drop_new;
		book_compose(
			line, i, size, draw(w, 3) == 0 || (size < 4 && !says), &msgs[i], data[i]);
	}
	line->begun = line->accepted + count;
	int r = sinew_send(m->channel, msgs, count, SINEW_NOW);
	if (r < 0)
		must_be_full(w, m, r, (uint32_t)msgs->size);
	else
		CHECK(r >= 1 && r <= (int)count);
	if (r > 0)
		accepted(w, m, (unsigned)r, lane_of(m)->sent_bytes - bytes,
			lane_of(m)->dropped - dropped, (uint32_t)msgs->size);
	line->begun = line->accepted;
}

static void act_lend(struct world *w, struct member *m)
{
	struct line *line = &book->lines[m->line];
	const uint32_t size = draw_size(w), used = draw(w, 2) ? size : draw(w, size + 1);
	uint8_t spare[LARGEST];
	struct sinew_msg loan, msg;

	if (line->accepted == EACH)
		return;
	const uint64_t dropped = lane_of(m)->dropped;
	int r = sinew_loan(m->channel, size, &loan, SINEW_NOW);
	book->sum.dropped += lane_of(m)->dropped - dropped;
	if (r < 0) { /* what found no room was dropped, and is one more that was lost */
		must_be_full(w, m, r, size);
		if (w->kind.drop_new && lane_of(m)->dropped != dropped) {
			book_compose(line, 0, size, true, &msg, spare);
			line->begun = ++line->accepted;
		}
		return;
	}
	CHECK_EQ(loan.size, size);
	if (used < 4 || draw(w, 4) == 0) { /* too small to say which it is, for a loan has no tag */
		memset((uint8_t *)(uintptr_t)loan.data, 0xee, size);
		sinew_abandon(m->channel, &loan);
		return;
	}
	book_compose(line, 0, used, false, &msg, (uint8_t *)(uintptr_t)loan.data);
	line->begun = line->accepted + 1;
	loan.size = used;
	CHECK_OK(sinew_commit(m->channel, &loan));
	accepted(w, m, 1, used, 0, used);
}

static void act_send_too_much(struct world *w, struct member *m)
{
	static const uint8_t data[2 * LARGEST];
	struct sinew_msg loan, msg = {.data = data, .size = w->most + 1 + draw(w, 100)};

	int r = sinew_send(m->channel, &msg, 1, SINEW_NOW);
	if (r != -EPIPE)
		CHECK_ERR(r, -EMSGSIZE);
	r = sinew_loan(m->channel, msg.size, &loan, SINEW_NOW);
	if (r != -EPIPE)
		CHECK_ERR(r, -EMSGSIZE);
}

/* ---- receiving ---- */

static void no_message(const struct world *w, const struct member *m, int r)
{
	CHECK(r == -EAGAIN || (r == SINEW_END && !w->kind.queue));
	if (!book->exact)
		return;
	CHECK_EQ(book_waiting(m), 0);
	CHECK(r == -EAGAIN || !other_is_there(w, m));
}

static int receive(struct world *w, struct member *m, size_t cap)
{
	uint8_t buf[LARGEST];
	struct sinew_msg msg = {0};

	book_released(m);
	int r = sinew_recv(m->channel, buf, cap, &msg, SINEW_NOW);
	if (r == 1) {
		CHECK(msg.size <= cap);
		book_received(m, &msg, false);
	} else if (r == -EMSGSIZE) {
		CHECK(msg.size > cap && msg.size <= w->most);
	} else {
		no_message(w, m, r);
	}
	return r;
}

static void act_receive(struct world *w, struct member *m)
{
	receive(w, m, draw(w, 8) ? LARGEST : draw(w, 300));
}

static void act_take(struct world *w, struct member *m)
{
	static const unsigned counts[] = {1, 2, 3, HELD};
	struct sinew_msg msgs[HELD];
	const unsigned count = counts[draw(w, 4)];

	book_released(m);
	int r = sinew_take(m->channel, msgs, count, SINEW_NOW);
	if (r <= 0) {
		no_message(w, m, r);
		return;
	}
	CHECK(r <= (int)count);
	for (int i = 0; i < r; i++)
		book_received(m, &msgs[i], true);
}

static void act_release(struct member *m)
{
	book_released(m);
	sinew_release(m->channel, NULL, 0);
}

/* As if the time had come to look for the dead. */
static void let_time_pass(struct member *m)
{
	ring_of(m)->checked = 0;
}

/* ---- looking ---- */

static void look(const struct world *w)
{
	static struct sinew_ring_look look;
	const struct sinew_ring_lane now = book_sum(w->uri, &look);
	unsigned live = 0, hold = 0, held = 0;

	for (unsigned i = 0; i < look.members; i++) {
		live += (look.member[i].flags & SINEW_RING_LIVES) != 0;
		hold += (look.member[i].flags & SINEW_RING_HOLDS) != 0;
	}
	for (unsigned i = 0; i < MEMBERS; i++)
		held += w->members[i].held_count;
	CHECK_EQ(live, count_members(w, false));
	CHECK(!w->kind.queue || held == 0 || hold > 0);
	CHECK_EQ(now.sent, book->sum.sent);
	CHECK_EQ(now.sent_bytes, book->sum.sent_bytes);
	CHECK_EQ(now.received, book->sum.received);
	CHECK_EQ(now.dropped, book->sum.dropped);
	CHECK(now.forgotten - book->before.forgotten <= book->owed);
	/* Of a pair what is borrowed counts as waiting. */
	CHECK_EQ(now.depth, book->waiting[0] + book->waiting[1] + (w->kind.queue ? 0 : held));
}

/* ---- one after another ---- */

static void act_alone(struct world *w, unsigned i)
{
	struct member *m = &w->members[i];
	const bool reads = draw(w, 2);

	switch (draw(w, 40)) {
	case 0:
		leave(w, i);
		break;
	case 1:
		die(w, i);
		break;
	case 2:
		look(w);
		break;
	case 3:
		if (m->writes)
			act_send_too_much(w, m);
		break;
	case 4:
		let_time_pass(m);
		break;
	case 5:
	case 6:
	case 7:
		if (m->writes)
			act_lend(w, m);
		break;
	case 8:
	case 9:
		if (m->reads)
			act_release(m);
		break;
	default:
		if (m->writes && (!m->reads || reads))
			act_send(w, m);
		else if (draw(w, 3))
			act_receive(w, m);
		else
			act_take(w, m);
	}
}

static void join_somehow(struct world *w, unsigned i)
{
	const bool reads = w->kind.queue ? draw(w, 2) : true;

	if ((!w->kind.queue && i > 1) || book->line_count == LINES - 4)
		return;
	join(w, i, reads, !w->kind.queue || !reads);
}

/* Reads all there is; those that several of the dead had in hand come one after another. */
static void drain(struct world *w, struct member *m)
{
	for (unsigned none = 0; none < 3;) {
		let_time_pass(m);
		none = receive(w, m, LARGEST) == 1 ? 0 : none + 1;
	}
}

static void end_of_epoch(struct world *w)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (w->members[i].channel)
			leave(w, i);
	join(w, 0, true, !w->kind.queue);
	if (!w->kind.queue)
		join(w, 1, true, true);
	for (unsigned i = 0; i < MEMBERS; i++)
		if (w->members[i].reads)
			drain(w, &w->members[i]);
}

/* What died with readers of a lane is told by whoever reads it next. */
static void hear_the_rest(struct world *w)
{
	static const uint8_t data[8];
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	uint8_t buf[8];

	for (unsigned i = 1; i <= 2; i++) {
		CHECK(join(w, i, false, true));
		CHECK_EQ(CHECK_OK(sinew_send(w->members[i].channel, &msg, 1, SINEW_NOW)), 1);
	}
	for (unsigned i = 1; i <= 2; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(
				 w->members[0].channel, buf, sizeof buf, &msg, SINEW_NOW)),
			1);
		book->told += msg.lost;
	}
}

static void close_epoch(struct world *w, bool died)
{
	static struct sinew_ring_look look;

	for (unsigned i = 0; i < MEMBERS; i++)
		if (w->members[i].channel)
			leave(w, i);
	const struct sinew_ring_lane now = book_sum(w->uri, &look);
	book_close(died, &now);
}

static void alone(struct world *w)
{
	book_open(&w->kind, w->uri, true);
	for (unsigned n = 0; n < ACTS; n++) {
		const unsigned i = draw(w, MEMBERS);
		if (w->members[i].channel)
			act_alone(w, i);
		else if (draw(w, 2))
			join_somehow(w, i);
	}
	end_of_epoch(w);
	CHECK_EQ(book->waiting[0] + book->waiting[1] + book->dead_hands, 0);
	look(w);
	if (w->kind.queue)
		hear_the_rest(w);
	CHECK_EQ(book->told, book->owed);
	close_epoch(w, false);
}

/* ---- one in the middle of another ---- */

/* For a while mostly writes, or mostly reads: so that the ring is full at times. */
static void act_beside(struct world *w, struct member *m)
{
	static const unsigned moods[] = {2, 4, 6};
	const unsigned what = draw(w, 12);

	if (draw(w, 30) == 0)
		w->mood = draw(w, 3);
	if (draw(w, 8) < moods[w->mood]) {
		if (m->writes)
			what < 2 ? act_lend(w, m) : act_send(w, m);
	} else if (m->reads && what < 2) {
		act_release(m);
	} else if (m->reads) {
		what < 7 ? act_take(w, m) : act_receive(w, m);
	}
}

static void act_of(struct world *w, unsigned i)
{
	w->acts[i] = true;
	w->depth++;
	act_beside(w, &w->members[i]);
	w->depth--;
	w->acts[i] = false;
}

static struct world *between; /* NULL: nothing happens at a store */

/* Before and after each store to a ring's memory. */
void sinew__ring_saw(const void *at)
{
	(void)at;
}

void sinew__ring_step(void)
{
	struct world *w = between;

	if (!w || w->depth == 0 || w->depth > 2 || draw(w, 4))
		return;
	for (unsigned n = draw(w, 4); n > 0; n--) {
		const unsigned i = draw(w, MEMBERS);
		if (w->members[i].channel && !w->acts[i])
			act_of(w, i);
	}
}

static void in_between(struct world *w)
{
	book_open(&w->kind, w->uri, false);
	for (unsigned i = 0; i < (w->kind.queue ? MEMBERS : 2u); i++)
		CHECK(join(w, i, !w->kind.queue || i % 2 == 0, !w->kind.queue || i % 2));
	between = w;
	for (unsigned n = 0; n < ACTS; n++) {
		const unsigned i = draw(w, MEMBERS);
		if (w->members[i].channel)
			act_of(w, i);
	}
	between = NULL;
	end_of_epoch(w);
	close_epoch(w, false);
}

/* ---- one who is killed ---- */

static void be_killed(void *arg)
{
	struct world *w = arg;
	const bool reads = !w->kind.queue || draw(w, 2);

	/* Not the parent's: they are its own. */
	memset(w->members, 0, sizeof w->members);
	if (!join(w, 1, reads, !w->kind.queue || !reads))
		return;
	for (;;) {
		act_beside(w, &w->members[1]);
		book->steps++;
	}
}

/* Works on until the other has done so many steps, and for a while more. */
static void work_beside(struct world *w, unsigned steps)
{
	const int64_t limit = test_limit(10000);
	unsigned more = draw(w, 30);

	while (book->steps < steps || more-- > 0) {
		for (unsigned i = 0; i < MEMBERS; i++)
			if (w->members[i].channel)
				act_beside(w, &w->members[i]);
		if (book->steps == 0)
			sched_yield();
		CHECK(test_now() < limit);
	}
	for (unsigned n = draw(w, 3000); n > 0; n--) /* nor always behind one of ours */
		atomic_thread_fence(memory_order_seq_cst);
}

static void beside(struct world *w)
{
	struct world other = *w;

	book_open(&w->kind, w->uri, false);
	join(w, 0, true, !w->kind.queue);
	for (unsigned i = 2; w->kind.queue && i < MEMBERS; i++)
		if (i == 2 || draw(w, 2))
			join(w, i, i == 3, i == 2);
	other.random = w->random * 5 | 1;
	draw(w, 2);
	pid_t pid = test_fork(be_killed, &other);
	work_beside(w, 1 + draw(w, 60));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(test_wait(pid), -SIGKILL);
	end_of_epoch(w);
	if (w->kind.queue)
		hear_the_rest(w);
	close_epoch(w, true);
}

static void run_seed(const struct kind *kind, unsigned seed)
{
	static void (*const epochs[])(struct world *) = {alone, in_between, beside};
	struct world w = {.kind = *kind};
	size_t used;

	printf("RING_SEED=%u\n", seed);
	if (strcmp(kind->backing, "shm") == 0)
		used = (size_t)snprintf(
			w.uri, sizeof w.uri, "ring:shm:/sinew-property-%d-%u", (int)getpid(), seed);
	else
		used = (size_t)snprintf(w.uri, sizeof w.uri, "ring:file:%s", test_path("ring"));
	snprintf(w.uri + used, sizeof w.uri - used, "?size=%u&%s", kind->lane_size, kind->options);
	w.most = kind->lane_size / 2;
	book = NULL;
	sinew_channel *maker;
	CHECK_OK(sinew_open(&maker, w.uri, kind->queue ? SINEW_IN : 0, SINEW_NOW));
	CHECK_EQ(sinew_close(maker), 0);
	for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
		/* Whenever somebody was killed in one, the next does the same. */
		w.random = ((uint64_t)seed << 8 | (epoch + 1)) * UINT64_C(0x9e3779b97f4a7c15);
		epochs[epoch % 3](&w);
	}
	CHECK_OK(sinew_remove(w.uri));
}

TEST_EACH(property, behaves_as_its_model, struct kind, k, .timeout = 600)
{
	for (unsigned n = 0; n < seeds; n++)
		run_seed(k, first_seed + n);
}
