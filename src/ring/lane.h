/* SPDX-License-Identifier: MIT
 *
 * lane.h - one lane: messages from one writer to one reader at a time. Algorithm only: no system
 * call, no waiting, nothing believed twice.
 *
 * Invariant: a word of the present lap is published by one release store, after its message and after
 * the word that the reader looks at next was made not to be of that lap. So a reader that sees a word
 * (acquire) sees its message, and whatever it finds at the next position is either a published word
 * or none: words at the start of a line never hold anything else, those behind are cleared before
 * the reader can come to them.
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

#include "../copy.h"
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
}

/* ---- who comes after another ---- */

/* Where the words end, seen from `from`. */
struct sinew__ring_at sinew__lane_end(const struct sinew__lane *, struct sinew__ring_at from);

#endif
