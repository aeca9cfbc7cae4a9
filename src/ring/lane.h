/* SPDX-License-Identifier: MIT
 *
 * lane.h - one lane: messages from one writer to one reader at a time. Algorithm only: no system
 * call, no waiting, nothing believed twice.
 *
 * Invariant: a word of the present lap is published by one release store, after its message and after
 * the word that the reader looks at next was made not to be of that lap. So a reader that sees a word
 * (acquire) sees its message, and whatever it finds at the next position is either a published word
 * or none: words at the start of a line never hold anything else, those behind are cleared before
 * the reader can come to them. Of several in one line the first is published last (hold, show): what then
 * stands behind it is the same if it never is, and cleared by who comes after.
 * The writer overwrites nothing from `taken` on; the reader's release store of `taken` comes after its
 * last read of what lies before. Both ends rebuild their position from `taken` and the words, so
 * nothing is lost with a process but a message that was not published.
 *
 * A peer that lies moves only itself: each length is read once and checked against what one message
 * may have, data is addressed modulo the size of the lane, whose pages stand twice in a row, and
 * `taken` is believed only if it lies within the lane.
 */
#ifndef SINEW_RING_LANE_H
#define SINEW_RING_LANE_H

#include "shared.h"

/* A lane as this process sees it; fixed when it is mapped. */
struct sinew__lane {
	struct sinew__ring_lane *shared;
	sinew__shared64 *words;
	uint8_t *data;       /* twice in a row */
	uint32_t size;       /* bytes of data */
	uint32_t word_count; /* the same as units */
	unsigned lap_shift;  /* log2 of it */
	uint32_t most;       /* bytes of one message */
};

struct sinew__lane_out {
	struct sinew__lane lane;
	struct sinew__ring_at at;    /* where the next message goes */
	struct sinew__ring_at taken; /* what we know of the reader's */
	uint64_t lost;               /* dropped since the last message */
	struct sinew__lane_held {    /* the first word of a batch, if there is one */
		uint32_t word;
		uint64_t value; /* never 0 */
	} held;
	uint64_t number; /* messages that this lane has had, as far as who keeps count cares */
	struct sinew__history_out *history; /* NULL: the reader's `taken` is what makes room */
};

struct sinew__lane_in {
	struct sinew__lane lane;
	struct sinew__ring_at at; /* the next word to look at */
};

/* A message as a reader finds it: data in place. */
struct sinew__lane_message {
	const uint8_t *data;
	uint32_t size;
	bool tagged;
	bool again; /* it was in the hands of a reader that died */
	uint64_t tag, lost;
	struct sinew__ring_at after;
};

/* What reading and reserving answer beside 1. */
enum sinew__lane_answer {
	SINEW__LANE_NONE = 0,     /* no message; no room */
	SINEW__LANE_CORRUPT = -1, /* the other side does not keep the rules */
};

/* The bytes of a message of `size` in units of data. */
static inline uint32_t sinew__lane_units(uint32_t size)
{
	return size / SINEW__RING_UNIT + (size % SINEW__RING_UNIT != 0);
}

static inline uint32_t sinew__lane_lap(const struct sinew__lane *lane, uint32_t word)
{
	return (word >> lane->lap_shift) + 1;
}

static inline sinew__shared64 *sinew__lane_word(const struct sinew__lane *lane, uint32_t word)
{
	return &lane->words[word & (lane->word_count - 1)];
}

static inline uint8_t *sinew__lane_data(const struct sinew__lane *lane, uint32_t unit)
{
	return lane->data + (size_t)(unit & (lane->word_count - 1)) * SINEW__RING_UNIT;
}

static inline bool sinew__lane_is_there(
	const struct sinew__lane *lane, uint32_t position, uint64_t word)
{
	return word >> SINEW__WORD_LAP == sinew__lane_lap(lane, position);
}

/* ---- reading ---- */

/* lane.c: the rarer shapes of a message. */
int sinew__lane_read_slowly(const struct sinew__lane *, struct sinew__ring_at, uint64_t word,
	struct sinew__lane_message *);

/* The message at a position: 1, NONE, CORRUPT. */
static inline int sinew__lane_read(const struct sinew__lane *lane, struct sinew__ring_at at,
	struct sinew__lane_message *message)
{
	const uint64_t word = sinew__see(sinew__lane_word(lane, at.words));
	const uint32_t size = (uint32_t)word;
	const uint8_t *data = sinew__lane_data(lane, at.units);

	__builtin_prefetch(data);
	if (!sinew__lane_is_there(lane, at.words, word))
		return SINEW__LANE_NONE;
	if (word >> SINEW__WORD_KIND & 0xf || size > lane->most)
		return sinew__lane_read_slowly(lane, at, word, message);
	*message = (struct sinew__lane_message){.data = data,
		.size = size,
		.after = {at.words + 1, at.units + sinew__lane_units(size)}};
	return 1;
}

/* The same of most messages, in a few instructions: false if there is none, or more to do. */
static inline bool sinew__lane_read_plain(const struct sinew__lane *lane, struct sinew__ring_at at,
	struct sinew__lane_message *message)
{
	const sinew__shared64 *place = sinew__lane_word(lane, at.words);
	const uint64_t word = sinew__see(place);
	const uint32_t size = (uint32_t)word;
	const unsigned kind = word >> SINEW__WORD_KIND & 0xf;

	*message = (struct sinew__lane_message){.data = sinew__lane_data(lane, at.units),
		.size = size,
		.after = {at.words + 1, at.units + sinew__lane_units(size)}};
	__builtin_prefetch(message->data);
	if (!sinew__lane_is_there(lane, at.words, word))
		return false;
	if (kind == 0)
		return size <= lane->most;
	message->data = (const uint8_t *)(place + 1);
	message->after = (struct sinew__ring_at){at.words + SINEW__RING_LINE, at.units};
	return kind == SINEW__WORD_INLINE && !(at.words & (SINEW__RING_LINE - 1)) &&
	       size <= SINEW__RING_SMALL;
}

/* Everything before `at` may be overwritten. */
static inline void sinew__lane_give_back(const struct sinew__lane *lane, struct sinew__ring_at at)
{
	sinew__publish(&lane->shared->taken, sinew__ring_pack(at));
}

/* ---- writing ---- */

/* A message on its way: reserved, not yet published. */
struct sinew__lane_slot {
	void *data;
	uint32_t word;  /* where its word goes */
	uint64_t value; /* that word */
	struct sinew__ring_at after;
};

/* lane.c: room for a message; with its tag, and with the news of what was dropped. `inside`: it must
 * not stand beside its word. 1, NONE, CORRUPT. */
int sinew__lane_reserve(struct sinew__lane_out *, uint32_t size, const uint64_t *tag, bool inside,
	struct sinew__lane_slot *);

static inline uint64_t sinew__lane_make_word(
	const struct sinew__lane *lane, uint32_t word, unsigned kind, uint32_t size)
{
	return (uint64_t)sinew__lane_lap(lane, word) << SINEW__WORD_LAP |
	       (uint64_t)kind << SINEW__WORD_KIND | size;
}

/* Whether there is room up to `end`, of whose line nothing may be in use, as far as we know. */
static inline bool sinew__lane_has_room(
	const struct sinew__lane_out *out, struct sinew__ring_at end)
{
	const uint32_t count = out->lane.word_count;
	const uint32_t line_end = ((end.words - 1) | (SINEW__RING_LINE - 1)) + 1;

	return line_end - out->taken.words <= count && end.units - out->taken.units <= count;
}

/* The same for most messages, in a few instructions: false if there is more to do. */
static inline bool sinew__lane_reserve_plain(
	struct sinew__lane_out *out, uint32_t size, struct sinew__lane_slot *slot)
{
	const struct sinew__lane *lane = &out->lane;
	const struct sinew__ring_at at = out->at;

	if (size <= SINEW__RING_SMALL && !(at.words & (SINEW__RING_LINE - 1)))
		*slot = (struct sinew__lane_slot){
			.data = (void *)(sinew__lane_word(lane, at.words) + 1),
			.value = sinew__lane_make_word(lane, at.words, SINEW__WORD_INLINE, size),
			.after = {at.words + SINEW__RING_LINE, at.units}};
	else
		*slot = (struct sinew__lane_slot){.data = sinew__lane_data(lane, at.units),
			.value = sinew__lane_make_word(lane, at.words, 0, size),
			.after = {at.words + 1, at.units + sinew__lane_units(size)}};
	slot->word = at.words;
	return !out->lost && sinew__lane_has_room(out, slot->after);
}

/* For a batch: lines a little ahead, where the reader is done with them. It has them, and each would be waited
 * for; one message alone is only held up by it. */
static inline void sinew__lane_fetch_ahead(const struct sinew__lane_out *out)
{
	const struct sinew__lane *lane = &out->lane;
	const struct sinew__ring_at at = out->at;
	const struct sinew__ring_at ahead = {
		at.words + SINEW__RING_LINE, at.units + SINEW__RING_LINE};

	if (!sinew__lane_has_room(out, (struct sinew__ring_at){ahead.words + 1, ahead.units + 1}))
		return;
	sinew__prefetch_to_write(sinew__lane_data(lane, ahead.units));
	if (!(at.words & (SINEW__RING_LINE - 1)))
		sinew__prefetch_to_write((const void *)sinew__lane_word(lane, ahead.words));
}

/* For a message that is written in place: the lines of both its ends and of its word come at the same time, not one
 * after the other as they are written. */
static inline void sinew__lane_fetch(
	const struct sinew__lane *lane, const struct sinew__lane_slot *slot, uint32_t size)
{
	const uint8_t *data = slot->data;

	sinew__prefetch_to_write(data);
	if (size > SINEW__RING_UNIT)
		sinew__prefetch_to_write(data + size - 1);
	sinew__prefetch_to_write((const void *)sinew__lane_word(lane, slot->word));
}

/* Publishes what was reserved, when its bytes are there. */
static inline void sinew__lane_commit(
	struct sinew__lane_out *out, const struct sinew__lane_slot *slot)
{
	const struct sinew__lane *lane = &out->lane;

	if (slot->after.words & (SINEW__RING_LINE - 1))
		sinew__put(sinew__lane_word(lane, slot->after.words), 0);
	sinew__publish(sinew__lane_word(lane, slot->word), slot->value);
	out->at = slot->after;
	out->lost = 0;
	out->number++;
}

/* Publishes the batch. */
static inline void sinew__lane_show(struct sinew__lane_out *out)
{
	if (out->held.value)
		sinew__publish(sinew__lane_word(&out->lane, out->held.word), out->held.value);
	out->held.value = 0;
}

/* As commit, of a batch: the words of a line become visible with the first of them, which is stored last,
 * so that a reader close behind gets the line once. Before anything waits, show. */
static inline void sinew__lane_hold(
	struct sinew__lane_out *out, const struct sinew__lane_slot *slot)
{
	const struct sinew__lane *lane = &out->lane;

	if ((slot->word ^ out->held.word) / SINEW__RING_LINE)
		sinew__lane_show(out);
	if (slot->after.words & (SINEW__RING_LINE - 1))
		sinew__put(sinew__lane_word(lane, slot->after.words), 0);
	if (out->held.value)
		sinew__put(sinew__lane_word(lane, slot->word), slot->value);
	else
		out->held = (struct sinew__lane_held){slot->word, slot->value};
	out->at = slot->after;
	out->lost = 0;
	out->number++;
}

/* ---- who comes after another ---- */

/* A place where nothing is but a word that says to go on in the next line: that line's, for a reader may look
 * there already. Else the place itself. */
struct sinew__ring_at sinew__lane_led_on(const struct sinew__lane *, struct sinew__ring_at);
/* Where the words end, seen from `from`. */
struct sinew__ring_at sinew__lane_end(const struct sinew__lane *, struct sinew__ring_at from);

#endif
