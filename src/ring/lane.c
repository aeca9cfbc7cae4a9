/* SPDX-License-Identifier: MIT
 *
 * lane.c - the rarer ways of a lane: messages beside their word, tags, news of drops, the end of a
 * line; room; and finding the place again after a death.
 */
#include "lane.h"

#include "history.h"

#include "../banned.h"

enum { LINE_MASK = SINEW__RING_LINE - 1 };

static unsigned extras(unsigned kind)
{
	return ((kind & SINEW__WORD_TAG) != 0) + ((kind & SINEW__WORD_LOST) != 0);
}

/* Whether the words of a message of this kind and size fit at this place in a line. */
static bool fits(uint32_t word, unsigned kind, uint32_t size)
{
	const unsigned place = word & LINE_MASK, more = extras(kind);

	if (kind & SINEW__WORD_INLINE)
		return place == 0 && size + 8 * more <= SINEW__RING_SMALL;
	return place + more <= LINE_MASK;
}

int sinew__lane_read_slowly(const struct sinew__lane *lane, struct sinew__ring_at at, uint64_t word,
	struct sinew__lane_message *message)
{
	const unsigned kind = word >> SINEW__WORD_KIND & 0xf;
	const uint32_t size = (uint32_t)word;
	struct sinew__lane_message found = {.size = size, .after = at};

	if (kind == SINEW__WORD_SKIP) {
		if ((at.words & LINE_MASK) == 0)
			return SINEW__LANE_CORRUPT; /* so a lie does not lead us on for ever */
		at.words = (at.words | LINE_MASK) + 1;
		return sinew__lane_read(lane, at, message);
	}
	if (kind & SINEW__WORD_SKIP || size > lane->most || !fits(at.words, kind, size))
		return SINEW__LANE_CORRUPT;
	if (kind & SINEW__WORD_TAG) {
		found.tagged = true;
		found.tag = sinew__look(sinew__lane_word(lane, at.words + 1));
	}
	if (kind & SINEW__WORD_LOST)
		found.lost = sinew__look(sinew__lane_word(lane, at.words + extras(kind)));
	if (kind & SINEW__WORD_INLINE) {
		found.data = (const uint8_t *)sinew__lane_word(lane, at.words + 1 + extras(kind));
		found.after.words += SINEW__RING_LINE;
	} else {
		found.data = sinew__lane_data(lane, at.units);
		found.after.words += 1 + extras(kind);
		found.after.units += sinew__lane_units(size);
	}
	*message = found;
	return 1;
}

/* Looks how far the reader is. */
static int look(struct sinew__lane_out *out)
{
	const struct sinew__ring_at taken =
		sinew__ring_unpack(sinew__see(&out->lane.shared->taken));
	const uint32_t count = out->lane.word_count;

	if (out->at.words - taken.words > count || out->at.units - taken.units > count)
		return SINEW__LANE_CORRUPT;
	out->taken = taken;
	return 1;
}

/* Room up to `end`: 1, NONE, CORRUPT. */
static int ensure(struct sinew__lane_out *out, struct sinew__ring_at end)
{
	if (sinew__lane_has_room(out, end))
		return 1;
	int r = out->history ? sinew__history_advance(out, end) : look(out);
	return r == 1 ? sinew__lane_has_room(out, end) : r;
}

/* A message whose words do not fit into this line begins in the next one. */
static int skip(struct sinew__lane_out *out)
{
	const struct sinew__lane *lane = &out->lane;
	const struct sinew__ring_at next = {(out->at.words | LINE_MASK) + 1, out->at.units};

	int r = ensure(out, (struct sinew__ring_at){next.words, out->at.units});
	if (r != 1)
		return r;
	sinew__publish(sinew__lane_word(lane, out->at.words),
		sinew__lane_make_word(lane, out->at.words, SINEW__WORD_SKIP, 0));
	out->at = next;
	return 1;
}

static void note(const struct sinew__lane *lane, uint32_t word, uint64_t value)
{
	sinew__put(sinew__lane_word(lane, word), value);
}

int sinew__lane_reserve(struct sinew__lane_out *out, uint32_t size, const uint64_t *tag,
	bool inside, struct sinew__lane_slot *slot)
{
	const struct sinew__lane *lane = &out->lane;
	unsigned kind = (tag ? SINEW__WORD_TAG : 0) | (out->lost ? SINEW__WORD_LOST : 0);
	struct sinew__ring_at at = out->at;

	if (!inside && fits(at.words, kind | SINEW__WORD_INLINE, size)) {
		kind |= SINEW__WORD_INLINE;
	} else if (!fits(at.words, kind, size)) {
		int r = skip(out);
		return r == 1 ? sinew__lane_reserve(out, size, tag, inside, slot) : r;
	}
	struct sinew__ring_at after = at;
	if (kind & SINEW__WORD_INLINE) {
		after.words += SINEW__RING_LINE;
	} else {
		after.words += 1 + extras(kind);
		after.units += sinew__lane_units(size);
	}
	int r = ensure(out, after);
	if (r != 1)
		return r;
	if (kind & SINEW__WORD_TAG)
		note(lane, at.words + 1, *tag);
	if (kind & SINEW__WORD_LOST)
		note(lane, at.words + extras(kind), out->lost);
	slot->word = at.words;
	slot->value = sinew__lane_make_word(lane, at.words, kind, size);
	slot->after = after;
	slot->data = kind & SINEW__WORD_INLINE
			     ? (void *)sinew__lane_word(lane, at.words + 1 + extras(kind))
			     : (void *)sinew__lane_data(lane, at.units);
	return 1;
}

struct sinew__ring_at sinew__lane_led_on(const struct sinew__lane *lane, struct sinew__ring_at at)
{
	const uint64_t word = sinew__see(sinew__lane_word(lane, at.words));

	if (at.words & LINE_MASK && sinew__lane_is_there(lane, at.words, word) &&
		(word >> SINEW__WORD_KIND & 0xf) == SINEW__WORD_SKIP)
		at.words = (at.words | LINE_MASK) + 1;
	return at;
}

struct sinew__ring_at sinew__lane_end(const struct sinew__lane *lane, struct sinew__ring_at at)
{
	struct sinew__lane_message message;

	for (uint32_t n = 0; n < lane->word_count; n++) {
		if (sinew__lane_read(lane, at, &message) != 1)
			break;
		at = message.after;
	}
	return sinew__lane_led_on(lane, at);
}
