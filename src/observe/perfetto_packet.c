/* SPDX-License-Identifier: MIT
 *
 * perfetto_packet.c - packets, and the texts that they share by numbers. Texts are bounded, so that packets are:
 * the largest has four of sinew__long.
 */
#include "perfetto_fields.h"

#include "../banned.h"

/* ---- texts with numbers ---- */

uint64_t sinew__text_of_cause(uint32_t cause, unsigned which)
{
	return FIXED + (uint64_t)cause * CAUSE_TEXTS + which;
}

uint64_t sinew__text_of_wake(const struct sinew__states *states, uint32_t lane)
{
	return sinew__text_of_cause(states->tally.blocks.count, 0) + lane;
}

size_t sinew__perfetto_texts(const struct sinew__states *states)
{
	return sinew__text_of_wake(states, states->timeline->lane_count);
}

bool sinew__text_is_new(struct sinew__perfetto *perfetto, uint64_t id)
{
	uint8_t *byte = &perfetto->sent[id / 8], bit = (uint8_t)(1u << id % 8);
	bool new = !(*byte & bit);

	*byte |= bit;
	return new;
}

void sinew__packet_entry(struct sinew__proto *packet, unsigned field, uint64_t id, const char *text)
{
	size_t entry = sinew__proto_open(packet, field);

	sinew__proto_number(packet, ENTRY_ID, id);
	sinew__proto_text(packet, ENTRY_TEXT, text);
	sinew__proto_close(packet, entry);
}

/* ---- packets ---- */

/* As a field of Trace, which is nothing but packets. */
struct sinew__proto *sinew__packet_open(struct sinew__perfetto *perfetto, unsigned flags)
{
	struct sinew__proto *packet = &perfetto->packet;

	packet->size = 0;
	packet->full = false;
	perfetto->start = sinew__proto_open(packet, TRACE_PACKET);
	sinew__proto_number(packet, PACKET_SEQUENCE_ID, SEQUENCE);
	sinew__proto_number(packet, PACKET_SEQUENCE_FLAGS, flags);
	return packet;
}

struct sinew__proto *sinew__packet_open_at(struct sinew__perfetto *perfetto, uint64_t time)
{
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_NEEDS_STATE);

	sinew__proto_number(packet, PACKET_TIMESTAMP, time);
	return packet;
}

void sinew__packet_send(struct sinew__perfetto *perfetto)
{
	sinew__proto_close(&perfetto->packet, perfetto->start);
	if (!perfetto->packet.full)
		fwrite(perfetto->packet.bytes, 1, perfetto->packet.size, perfetto->stream);
}
