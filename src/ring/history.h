/* SPDX-License-Identifier: MIT
 *
 * history.h - a lane that every reader reads for itself, and that keeps what was sent until its writer
 * needs the room. Algorithm only, as lane.h is, whose words and data these are.
 *
 * Invariant: the writer stores nothing to words or data that lie before `edge` less a lane's length or from
 * `edge` on; it moves the edge first, an eighth of the lane at once, and fences. A reader reads, fences, and
 * looks at the edge: what it read was whole if its place is not a lane's length or more behind (keeps). If
 * one byte of it had been overwritten, that store comes after the fence that came after the edge; so who
 * saw the byte sees the edge.
 * Whenever the edge moves, a mark says where the next message begins, and how many were sent, or dropped, before. Marks
 * that the edge leaves behind are given up before it moves, and their cells are used again only after that.
 * So a reader that was overtaken goes on at a mark, and the difference of the numbers is what it lost, exactly.
 *
 * A writer that waits for readers says how far it wants to go (`wish`), fences, and looks at their
 * cursors. A reader that comes says so (SINEW__RING_COMES), fences, and looks at the wish and at the end of the
 * words. In any order of the two fences either the writer sees that somebody comes, and waits, or the reader
 * begins where the writer will not go without looking again.
 *
 * The writer believes nothing but the cursors of readers that it waits for, and these can only make it
 * wait. A reader believes a mark only if the edge agrees; a writer that lies makes it lose messages, or
 * get wrong ones, no more.
 */
#ifndef SINEW_RING_HISTORY_H
#define SINEW_RING_HISTORY_H

#include "lane.h"

struct sinew__history_at {
	uint64_t words, units;
};

/* A message, by its place and by how many came before it. */
struct sinew__history_mark {
	struct sinew__history_at at;
	uint64_t number;
};

/* The writer's side. */
struct sinew__history_out {
	struct sinew__ring_history *shared;
	struct sinew__history_at at; /* of lane_out, when the edge moved last */
	struct sinew__history_at edge;
	struct sinew__history_mark marks[SINEW__RING_MARKS];
	uint64_t first, last;
	bool latest; /* the newest are found by their number */
	/* for whom we wait, if we do */
	bool waits;
	const struct sinew__ring_member *members;
	const struct sinew__ring_mark *cursors; /* of the first member on this lane */
	unsigned slots, cursors_each;
};

static inline struct sinew__ring_at sinew__history_low(struct sinew__history_at at)
{
	return (struct sinew__ring_at){(uint32_t)at.words, (uint32_t)at.units};
}

/* The place of a position that is not far from another's. */
static inline struct sinew__history_at sinew__history_place(
	struct sinew__history_at near, struct sinew__ring_at at)
{
	return (struct sinew__history_at){near.words + (at.words - (uint32_t)near.words),
		near.units + (at.units - (uint32_t)near.units)};
}

static inline struct sinew__history_at sinew__history_look(const struct sinew__ring_place *place)
{
	return (struct sinew__history_at){sinew__look(&place->words), sinew__look(&place->units)};
}

/* Whether a lane's length before `edge` is not yet past a place. */
static inline bool sinew__history_is_within(
	const struct sinew__lane *lane, struct sinew__history_at at, struct sinew__history_at edge)
{
	return (int64_t)(at.words + lane->word_count - edge.words) >= 0 &&
	       (int64_t)(at.units + lane->word_count - edge.units) >= 0;
}

/* Whether what we have read at a place, or found not to be there, was what the writer put there. */
static inline bool sinew__history_keeps(const struct sinew__lane *lane,
	const struct sinew__ring_history *shared, struct sinew__history_at at)
{
	sinew__fence_after_reading();
	return sinew__history_is_within(lane, at, sinew__history_look(&shared->edge));
}

/* ---- history.c ---- */

/* Moves the edge so that there is room up to `end`: 1, or NONE: a reader that we wait for is not done with
 * what lies there. */
int sinew__history_advance(struct sinew__lane_out *, struct sinew__ring_at end);

/* After a message was committed, on a lane whose newest are found by number. */
void sinew__history_tell(struct sinew__lane_out *, struct sinew__ring_at at);

/* Goes on where the last writer of the lane ended, wherever it died. */
void sinew__history_take_over(struct sinew__lane_out *);

/* The next message after all that are there; false: the writer is too fast just now, and *mark is one that was
 * true. */
bool sinew__history_end(const struct sinew__lane *, const struct sinew__ring_history *,
	struct sinew__history_mark *);

/* The oldest message that is kept, also when the writer has what it wishes; `later` ones before it are left
 * out if there are more, for who would not have it for long. False: there is none, or the writer is too
 * fast just now, and *mark is one that was true. */
bool sinew__history_oldest(const struct sinew__lane *, const struct sinew__ring_history *,
	unsigned later, struct sinew__history_mark *);

#endif
