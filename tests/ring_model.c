/* SPDX-License-Identifier: MIT
 *
 * ring_model.c - the reference of tests/ring_property.c.
 */
#include "ring_model.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runner.h"

enum { UNIT = 64, WORDS = 8 /* that a message takes at most, with what is skipped before it */ };

struct book *book;

/* ---- texts ---- */

static uint8_t filling(uint32_t id, size_t i)
{
	return (uint8_t)(id * 2654435761u >> 24) ^ (uint8_t)(i * 7 + (i >> 8));
}

static void fill(uint8_t *data, size_t size, uint32_t id)
{
	for (size_t i = 0; i < size; i++)
		data[i] = filling(id, i);
	if (size >= sizeof id)
		memcpy(data, &id, sizeof id);
}

static uint32_t id_of(const struct line *line, unsigned n)
{
	return (uint32_t)(line - book->lines) << 16 | n;
}

static struct text *text_of(uint32_t id)
{
	CHECK(id >> 16 < book->line_count && (id & 0xffff) < book->lines[id >> 16].begun);
	return &book->lines[id >> 16].texts[id & 0xffff];
}

static bool is_whole(const struct sinew_msg *msg, uint32_t id)
{
	uint8_t wanted[LARGEST];

	fill(wanted, msg->size, id);
	return msg->size == 0 || memcmp(msg->data, wanted, msg->size) == 0;
}

/* Those too small to say which they are say it by their tag; without one they are of the first line. */
static uint32_t identify(const struct sinew_msg *msg)
{
	const struct line *line = &book->lines[0];
	uint32_t id;

	CHECK(msg->size <= LARGEST);
	if (msg->size >= sizeof id) {
		memcpy(&id, msg->data, sizeof id);
		return id;
	}
	if (msg->flags & SINEW_MSG_TAGGED)
		return (uint32_t)msg->tag;
	CHECK(book->exact);
	for (unsigned n = 0; n < line->accepted; n++)
		if (line->texts[n].fate ==
				(msg->flags & SINEW_MSG_REDELIVERED ? IN_DEAD_HANDS : WAITS) &&
			line->texts[n].size == msg->size && !line->texts[n].tagged &&
			is_whole(msg, id_of(line, n)))
			return id_of(line, n);
	FAIL("nobody sent these %zu bytes", msg->size);
}

void book_compose(struct line *line, unsigned ahead, uint32_t size, bool tagged,
	struct sinew_msg *msg, uint8_t *data)
{
	const unsigned n = line->accepted + ahead;
	const uint32_t id = id_of(line, n);

	line->texts[n] = (struct text){.size = size, .tagged = tagged};
	fill(data, size, id);
	*msg = (struct sinew_msg){.data = data,
		.size = size,
		.tag = tagged ? id : 0,
		.flags = tagged ? SINEW_MSG_TAGGED : 0};
}

/* ---- the book ---- */

struct sinew_ring_lane book_sum(const char *uri, struct sinew_ring_look *look)
{
	struct sinew_ring_lane sum = {0};

	CHECK_OK(sinew_ring_look(uri, look, SINEW_NOW));
	for (unsigned i = 0; i < look->lanes; i++) {
		const struct sinew_ring_lane *lane = &look->lane[i];
		sum.depth += lane->depth;
		sum.depth_bytes += lane->depth_bytes;
		sum.sent += lane->sent;
		sum.sent_bytes += lane->sent_bytes;
		sum.received += lane->received;
		sum.dropped += lane->dropped;
		sum.forgotten += lane->forgotten;
	}
	return sum;
}

void book_open(const struct kind *kind, const char *uri, bool exact)
{
	static struct sinew_ring_look look;

	if (!book)
		book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	memset(book, 0, sizeof *book);
	book->kind = *kind;
	book->exact = exact;
	book->before = book->sum = book_sum(uri, &look);
	CHECK_EQ(book->sum.depth, 0);
}

unsigned book_line(unsigned end)
{
	const unsigned line = book->line_count++;

	CHECK(line < LINES);
	book->lines[line].end = end;
	book->lines[line].is_open = true;
	return line;
}

static unsigned direction_of(const struct line *line)
{
	return book->kind.queue ? 0 : line->end;
}

unsigned book_waiting(const struct member *m)
{
	return book->waiting[book->kind.queue ? 0 : 1 - m->end];
}

/* ---- one comes ---- */

/* Of a pair: whoever wrote at this end before has been read to the end. */
static void check_earlier(const struct line *line)
{
	for (struct line *l = book->lines; l < line && !book->kind.queue; l++) {
		if (l->end != line->end)
			continue;
		CHECK(l->front == l->accepted || (book->kind.drop_new && !l->is_open));
		l->front = l->accepted;
	}
}

static void received_new(struct line *line, unsigned n, const struct sinew_msg *msg)
{
	const unsigned skipped = n - line->front;

	CHECK(n >= line->front && n < line->accepted);
	CHECK(skipped == 0 || book->kind.drop_new || line->texts[n].lost == skipped);
	check_earlier(line);
	CHECK(msg->lost >= skipped);
	book->told += msg->lost - skipped;
	CHECK(book->told <= book->owed);
	for (unsigned i = line->front; i < n; i++)
		line->texts[i].fate = DONE;
	line->texts[n].lost = skipped;
	line->front = n + 1;
	book->waiting[direction_of(line)]--;
	book->sum.received++;
}

static void received_again(struct text *text, const struct sinew_msg *msg)
{
	CHECK(book->kind.queue && !book->kind.drops_with_the_dead);
	CHECK_EQ(text->fate, IN_DEAD_HANDS);
	CHECK_EQ(msg->lost, text->lost);
	book->dead_hands--;
}

void book_received(struct member *m, const struct sinew_msg *msg, bool borrowed)
{
	const uint32_t id = identify(msg);
	struct text *text = text_of(id);
	struct line *line = &book->lines[id >> 16];
	const unsigned n = id & 0xffff;
	const bool again = msg->flags & SINEW_MSG_REDELIVERED;

	CHECK_EQ(msg->size, text->size);
	CHECK(is_whole(msg, id));
	CHECK_EQ((msg->flags & SINEW_MSG_TAGGED) != 0, text->tagged);
	CHECK(!text->tagged || msg->tag == id);
	CHECK(book->kind.queue || line->end != m->end);
	(again ? &text->again : &text->first)[0]++;
	if (!again) {
		CHECK(n >= m->next[line - book->lines]);
		m->next[line - book->lines] = n + 1;
	}
	if (book->exact && again)
		received_again(text, msg);
	else if (book->exact)
		received_new(line, n, msg);
	text->fate = borrowed ? IN_HAND : DONE;
	if (borrowed) {
		m->held[m->held_count] = *msg;
		m->held_ids[m->held_count++] = id;
	}
}

/* ---- hands ---- */

void book_released(struct member *m)
{
	for (unsigned i = 0; i < m->held_count; i++) {
		CHECK(is_whole(&m->held[i], m->held_ids[i]));
		text_of(m->held_ids[i])->fate = DONE;
	}
	m->held_count = 0;
}

/* A pair's next reader finds them again, a queue's next ones those that died. */
static void give_up(uint32_t id)
{
	struct line *line = &book->lines[id >> 16];
	struct text *text = text_of(id);

	if (book->kind.queue) {
		text->fate = IN_DEAD_HANDS;
		if (book->kind.drops_with_the_dead)
			book->owed++;
		else
			book->dead_hands++;
		return;
	}
	text->fate = WAITS;
	book->waiting[line->end]++;
	if ((id & 0xffff) - text->lost < line->front)
		line->front = (id & 0xffff) - text->lost;
}

void book_left(struct member *m)
{
	if (m->writes)
		book->lines[m->line].is_open = false;
	/* The last first: where reading goes on is the first. */
	for (unsigned i = m->held_count; i-- > 0;)
		give_up(m->held_ids[i]);
}

void book_cleaned(void)
{
	if (!book->kind.drops_with_the_dead)
		return;
	for (unsigned l = 0; l < book->line_count; l++)
		for (unsigned n = 0; n < book->lines[l].accepted; n++)
			if (book->lines[l].texts[n].fate == IN_DEAD_HANDS)
				book->lines[l].texts[n].fate = DONE;
}

/* ---- room ---- */

static uint32_t units_of(uint32_t size)
{
	return (size + UNIT - 1) / UNIT;
}

bool book_has_room(const struct line *line, uint32_t size)
{
	const uint32_t all = book->kind.lane_size / UNIT;
	uint32_t units = units_of(size), words = 2 * WORDS;
	bool in_use = false;

	for (const struct line *l = book->lines; l <= line; l++)
		for (unsigned n = 0; n < l->accepted; n++) {
			if (l != line && (book->kind.queue || l->end != line->end))
				break;
			in_use = in_use || l->texts[n].fate != DONE;
			units += in_use ? units_of(l->texts[n].size) : 0;
			words += in_use ? WORDS : 0;
		}
	return units <= all && words <= all;
}

/* ---- the end ---- */

void book_close(bool died, const struct sinew_ring_lane *now)
{
	const uint64_t dropped = now->dropped - book->before.dropped;
	const uint64_t forgotten = now->forgotten - book->before.forgotten;
	uint64_t missing = 0, twice = 0, again = 0;

	for (unsigned l = 0; l < book->line_count; l++)
		for (unsigned n = 0; n < book->lines[l].accepted; n++) {
			const struct text *text = &book->lines[l].texts[n];
			missing += text->first + text->again == 0;
			twice += text->first > 1;
			again += text->again;
		}
	CHECK_EQ(now->depth, 0);
	CHECK(book->kind.drop_new || dropped == 0);
	CHECK(book->kind.drops_with_the_dead || forgotten == 0);
	CHECK(again == 0 || (book->kind.queue && !book->kind.drops_with_the_dead));
	/* A pair's reader finds again what the one before it had in hand; the model has seen to that. */
	CHECK(twice == 0 || (!book->kind.queue && (book->exact || twice <= 2 * HELD)));
	/* One may have been copied by a reader that died before it could say so. */
	CHECK(missing <= dropped + forgotten + died);
	if (!died)
		CHECK(missing >= dropped);
}
