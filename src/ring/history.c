/* SPDX-License-Identifier: MIT
 *
 * history.c - where the writer of a kept lane may write next, the marks it leaves, and how others find
 * them.
 */
#include "history.h"

#include "../banned.h"

enum { LINE_MASK = SINEW__RING_LINE - 1, STEPS = 8, TRIES = 16 };

static uint64_t line_end(uint64_t words)
{
	return (words + LINE_MASK) & ~(uint64_t)LINE_MASK;
}

/* By the difference: what a lane that nobody should trust says may lie close before 0. */
static bool is_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static struct sinew__history_at later(struct sinew__history_at a, struct sinew__history_at b)
{
	return (struct sinew__history_at){is_after(a.words, b.words) ? a.words : b.words,
		is_after(a.units, b.units) ? a.units : b.units};
}

static struct sinew__history_at ahead(struct sinew__history_at at, uint64_t step)
{
	return (struct sinew__history_at){line_end(at.words + step), at.units + step};
}

/* ---- readers that are waited for ---- */

/* Whether a member's place on our lane does not forbid that edge. */
static bool lets_pass(
	const struct sinew__lane_out *out, unsigned slot, struct sinew__history_at edge)
{
	const struct sinew__history_out *history = out->history;
	const struct sinew__ring_member *member = &history->members[slot];
	const struct sinew__ring_mark *cursor = &history->cursors[slot * history->cursors_each];

	if (sinew__owner_state(sinew__see(&member->owner)) != SINEW__OWNER_LIVE)
		return true;
	const uint32_t does = sinew__see(&member->does);
	if (!(does & SINEW__RING_READS) || does & SINEW__RING_OVERTAKEN)
		return true;
	const struct sinew__history_at at = {
		sinew__see(&cursor->at.words), sinew__see(&cursor->at.units)};
	return !(does & SINEW__RING_COMES) && sinew__history_is_within(&out->lane, at, edge);
}

static void put_place(struct sinew__ring_place *place, struct sinew__history_at at)
{
	sinew__publish(&place->words, at.words);
	sinew__publish(&place->units, at.units);
}

static bool all_let_pass(const struct sinew__lane_out *out, struct sinew__history_at edge)
{
	const struct sinew__history_out *history = out->history;

	if (!history->waits)
		return true;
	put_place(&history->shared->wish, edge);
	sinew__fence();
	for (unsigned slot = 0; slot < history->slots; slot++)
		if (!lets_pass(out, slot, edge))
			return false;
	return true;
}

/* ---- the edge ---- */

static void leave_mark(struct sinew__history_out *history, uint64_t number)
{
	const struct sinew__history_mark *newest =
		&history->marks[(history->last - 1) % SINEW__RING_MARKS];
	const struct sinew__history_mark mark = {history->at, number};
	struct sinew__ring_mark *cell = &history->shared->marks[history->last % SINEW__RING_MARKS];

	if (history->last != history->first && newest->at.words == mark.at.words)
		return;
	sinew__put(&cell->at.words, mark.at.words);
	sinew__put(&cell->at.units, mark.at.units);
	sinew__put(&cell->number, mark.number);
	history->marks[history->last++ % SINEW__RING_MARKS] = mark;
	sinew__publish(&history->shared->last, history->last);
}

/* Those that the edge will leave behind; and one more if none would be free for the next. */
static void give_up_marks(const struct sinew__lane *lane, struct sinew__history_out *history)
{
	const uint64_t before = history->first;

	while (history->last - history->first == SINEW__RING_MARKS ||
		!sinew__history_is_within(
			lane, history->marks[history->first % SINEW__RING_MARKS].at, history->edge))
		history->first++;
	if (history->first != before)
		sinew__publish(&history->shared->first, history->first);
}

/* As far as the edge: as if a reader had taken all that lies a lane's length before it. */
static void have_room(struct sinew__lane_out *out)
{
	const struct sinew__history_at edge = out->history->edge;

	out->taken = (struct sinew__ring_at){(uint32_t)edge.words - out->lane.word_count,
		(uint32_t)edge.units - out->lane.word_count};
}

int sinew__history_advance(struct sinew__lane_out *out, struct sinew__ring_at end)
{
	struct sinew__history_out *history = out->history;
	const struct sinew__history_at at = sinew__history_place(history->at, out->at);
	struct sinew__history_at need = sinew__history_place(at, end);
	need.words = line_end(need.words);
	need = later(need, history->edge);
	struct sinew__history_at edge = later(need, ahead(at, out->lane.word_count / STEPS));

	/* Before we look at the readers: one that comes begins after what it sees. */
	sinew__lane_show(out);
	if (!all_let_pass(out, edge)) {
		edge = need;
		if (!all_let_pass(out, edge))
			return SINEW__LANE_NONE;
	}
	history->at = at;
	history->edge = edge;
	leave_mark(history, out->number - out->lost); /* these it tells itself */
	give_up_marks(&out->lane, history);
	put_place(&history->shared->edge, edge);
	sinew__fence_before_writing();
	have_room(out);
	return 1;
}

static void tell(struct sinew__ring_history *shared, struct sinew__history_mark newest)
{
	struct sinew__ring_place *cell = &shared->recent[newest.number % SINEW__RING_RECENT];

	/* As with the edge: who sees the new cell sees that it is that of a later one. */
	sinew__fence_before_writing();
	sinew__put(&cell->words, newest.at.words);
	sinew__put(&cell->units, newest.at.units);
	sinew__publish(&shared->head, newest.number + 1);
}

void sinew__history_tell(struct sinew__lane_out *out, struct sinew__ring_at at)
{
	const struct sinew__history_out *history = out->history;

	tell(history->shared, (struct sinew__history_mark){
				      sinew__history_place(history->at, at), out->number - 1});
}

/* ---- marks ---- */

/* A mark, if it has not been given up. */
static bool read_mark(
	const struct sinew__ring_history *shared, uint64_t index, struct sinew__history_mark *mark)
{
	const struct sinew__ring_mark *cell = &shared->marks[index % SINEW__RING_MARKS];

	mark->at = sinew__history_look(&cell->at);
	mark->number = sinew__look(&cell->number);
	sinew__fence_after_reading();
	return sinew__look(&shared->first) <= index;
}

static bool is_kept(const struct sinew__lane *lane, const struct sinew__ring_history *shared,
	struct sinew__history_at at)
{
	return sinew__history_keeps(lane, shared, at) &&
	       sinew__history_is_within(lane, at, sinew__history_look(&shared->wish));
}

/* From a mark to the end of the words. It was so only if the mark is kept thereafter, too: behind it
 * anything may stand by now. */
static void walk(const struct sinew__lane *lane, struct sinew__history_mark *mark)
{
	struct sinew__lane_message message;

	for (uint32_t n = 0; n < lane->word_count; n++) {
		if (sinew__lane_read(lane, sinew__history_low(mark->at), &message) != 1)
			return;
		mark->at = sinew__history_place(mark->at, message.after);
		mark->number += 1 + message.lost;
	}
}

bool sinew__history_end(const struct sinew__lane *lane, const struct sinew__ring_history *shared,
	struct sinew__history_mark *end)
{
	*end = (struct sinew__history_mark){0};
	for (unsigned i = 0; i < TRIES; i++) {
		const uint64_t last = sinew__see(&shared->last);
		struct sinew__history_mark mark = {0};
		if (last && !read_mark(shared, last - 1, &mark))
			continue;
		*end = mark;
		walk(lane, end);
		if (sinew__history_keeps(lane, shared, mark.at))
			return true;
		*end = mark;
	}
	return false;
}

bool sinew__history_oldest(const struct sinew__lane *lane, const struct sinew__ring_history *shared,
	unsigned later, struct sinew__history_mark *oldest)
{
	struct sinew__history_mark mark;

	*oldest = (struct sinew__history_mark){0};
	for (unsigned i = 0; i < TRIES; i++) {
		const uint64_t last = sinew__see(&shared->last), first = sinew__see(&shared->first);
		uint64_t index = last - first > later + 1 ? first + later : first;
		if (last == 0)
			return true;
		for (; index < last && i < TRIES; index++, i++) {
			if (!read_mark(shared, index, &mark))
				continue;
			*oldest = mark;
			if (is_kept(lane, shared, mark.at))
				return true;
		}
	}
	return false;
}

/* ---- who comes after another ---- */

/* Those marks of the last writer that can be true; it may have been stopped anywhere. */
static void read_marks(const struct sinew__lane *lane, struct sinew__history_out *history)
{
	const struct sinew__ring_history *shared = history->shared;
	const uint64_t last = sinew__see(&shared->last), first = sinew__see(&shared->first);

	history->first = history->last = last;
	for (uint64_t i = last; i != first && last - i < SINEW__RING_MARKS - 1; i--) {
		struct sinew__history_mark mark;
		if (!read_mark(shared, i - 1, &mark) ||
			!sinew__history_is_within(lane, mark.at, history->edge) ||
			is_after(mark.at.words, history->edge.words) ||
			is_after(mark.at.units, history->edge.units))
			return;
		history->marks[(i - 1) % SINEW__RING_MARKS] = mark;
		history->first = i - 1;
	}
}

/* Tells of the newest, which nobody may have been told of; and of no older one again. */
static void tell_newest(struct sinew__lane_out *out, struct sinew__history_mark mark)
{
	struct sinew__ring_history *shared = out->history->shared;
	const uint64_t head = sinew__see(&shared->head);
	struct sinew__lane_message message;

	for (; mark.number < out->number; mark.number++) {
		if (sinew__lane_read(&out->lane, sinew__history_low(mark.at), &message) != 1)
			return;
		if (!is_after(head, mark.number))
			tell(shared, mark);
		mark.at = sinew__history_place(mark.at, message.after);
	}
}

void sinew__history_take_over(struct sinew__lane_out *out)
{
	struct sinew__history_out *history = out->history;
	struct sinew__ring_history *shared = history->shared;

	history->edge = sinew__history_look(&shared->edge);
	history->edge.words = line_end(history->edge.words);
	read_marks(&out->lane, history);
	/* Before we leave one in its place. */
	sinew__publish(&shared->first, history->first);
	sinew__fence_before_writing();
	struct sinew__history_mark end = {history->edge, sinew__look(&out->lane.shared->sent)};
	const bool known = history->first != history->last;
	if (known)
		end = history->marks[(history->last - 1) % SINEW__RING_MARKS];
	const struct sinew__history_mark newest = end;
	if (known)
		walk(&out->lane, &end);
	history->at = end.at;
	out->at = sinew__lane_led_on(&out->lane, sinew__history_low(end.at));
	out->number = end.number;
	have_room(out);
	put_place(&shared->wish, history->edge);
	if (history->latest)
		tell_newest(out, newest);
}
