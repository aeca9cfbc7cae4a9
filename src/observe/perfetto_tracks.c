/* SPDX-License-Identifier: MIT
 *
 * perfetto_tracks.c - the first packets: the clock, words that are always the same, tracks, and what is to be
 * said of the recording as a whole.
 */
#include "../banned.h"
#include "perfetto_fields.h"
#include "sentences.h"

static const char *const categories[] = {
	NULL, "wait", "ready", "life", "wake", "unseen", "about", "run"};
static const char *const annotations[] = {
	NULL, "call", "object", "ended", "context", "waker_tid", "why", "next_tid", "maker_tid"};

/* Fields of the kind int32 are sent as 64 bits, too. */
static uint64_t signed_number(uint32_t number)
{
	return (uint64_t)(int64_t)(int32_t)number;
}

static void put_clock(struct sinew__proto *packet, unsigned id, uint64_t time)
{
	size_t clock = sinew__proto_open(packet, SNAPSHOT_CLOCK);

	sinew__proto_number(packet, CLOCK_ID, id);
	sinew__proto_number(packet, CLOCK_TIME, time);
	sinew__proto_close(packet, clock);
}

static void send_clocks(struct sinew__perfetto *perfetto)
{
	const struct sinew__record_header *header = &perfetto->states->header;
	struct sinew__proto *packet = sinew__packet_open(perfetto, 0);
	size_t snapshot = sinew__proto_open(packet, PACKET_CLOCK_SNAPSHOT);

	put_clock(packet, MONOTONIC, header->started);
	put_clock(packet, BOOTTIME, header->started + header->asleep);
	if (header->day)
		put_clock(packet, REALTIME, header->day);
	sinew__proto_number(packet, SNAPSHOT_PRIMARY, MONOTONIC);
	sinew__proto_close(packet, snapshot);
	sinew__packet_send(perfetto);
}

/* What later packets build on: their clock, and words that are always the same. */
static void send_ground(struct sinew__perfetto *perfetto)
{
	static const char *const words[WORDS] = {NULL, "ready", "new", "terminated",
		"not told by the recording", "blocked", "running"};
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_CLEARED | FLAG_NEEDS_STATE);

	sinew__proto_number(packet, PACKET_FIRST, 1);
	size_t defaults = sinew__proto_open(packet, PACKET_DEFAULTS);
	sinew__proto_number(packet, DEFAULTS_CLOCK, MONOTONIC);
	sinew__proto_close(packet, defaults);
	size_t interned = sinew__proto_open(packet, PACKET_INTERNED);
	for (unsigned i = 1; i < sizeof categories / sizeof *categories; i++)
		sinew__packet_entry(packet, INTERNED_CATEGORY, i, categories[i]);
	for (unsigned i = 1; i < WORDS; i++)
		sinew__packet_entry(packet, INTERNED_EVENT, i, words[i]);
	for (unsigned i = 1; i < sizeof annotations / sizeof *annotations; i++)
		sinew__packet_entry(packet, INTERNED_ANNOTATION, i, annotations[i]);
	for (unsigned i = 0; i < WHYS; i++)
		sinew__packet_entry(packet, INTERNED_TEXT, WORDS + i, sinew__ready_text(i));
	for (unsigned i = 0; i < CONTEXTS; i++)
		sinew__packet_entry(
			packet, INTERNED_TEXT, WORDS + WHYS + i, sinew__context_name(i));
	sinew__proto_close(packet, interned);
	sinew__packet_send(perfetto);
}

static size_t open_track(struct sinew__proto *packet, uint64_t uuid, uint64_t parent)
{
	size_t track = sinew__proto_open(packet, PACKET_TRACK_DESCRIPTOR);

	sinew__proto_number(packet, TRACK_UUID, uuid);
	if (parent)
		sinew__proto_number(packet, TRACK_PARENT, parent);
	return track;
}

static void send_process(struct sinew__perfetto *perfetto, const struct sinew__process *process)
{
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_NEEDS_STATE);
	char comm[4 * SINEW__COMM + 1];

	size_t track = open_track(packet, TRACK(OF_PROCESS, process->id), 0);
	size_t inside = sinew__proto_open(packet, TRACK_PROCESS);
	sinew__proto_number(packet, PROCESS_PID, signed_number(process->tgid));
	sinew__proto_text(
		packet, PROCESS_NAME, sinew__plain(process->comm, SINEW__COMM, comm, sizeof comm));
	sinew__proto_close(packet, inside);
	sinew__proto_close(packet, track);
	sinew__packet_send(perfetto);
}

static void send_thread(struct sinew__perfetto *perfetto, uint32_t i)
{
	const struct sinew__lane *lane = &perfetto->states->timeline->lanes[i];
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_NEEDS_STATE);
	char comm[4 * SINEW__COMM + 1];

	size_t track = open_track(packet, TRACK(OF_THREAD, i), TRACK(OF_PROCESS, lane->process));
	size_t inside = sinew__proto_open(packet, TRACK_THREAD);
	sinew__proto_number(packet, THREAD_PID, signed_number(lane->tgid));
	sinew__proto_number(packet, THREAD_TID, signed_number(lane->tid));
	sinew__proto_text(
		packet, THREAD_NAME, sinew__plain(lane->comm, SINEW__COMM, comm, sizeof comm));
	sinew__proto_close(packet, inside);
	sinew__proto_close(packet, track);
	sinew__packet_send(perfetto);
}

static void send_counter(
	struct sinew__perfetto *perfetto, enum sinew__state state, const char *name)
{
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_NEEDS_STATE);

	size_t track = open_track(packet, TRACK(OF_COUNTER, state), 0);
	sinew__proto_text(packet, TRACK_NAME, name);
	size_t inside = sinew__proto_open(packet, TRACK_COUNTER);
	sinew__proto_number(packet, COUNTER_UNIT, UNIT_COUNT);
	sinew__proto_close(packet, inside);
	sinew__proto_close(packet, track);
	sinew__packet_send(perfetto);
}

/* A sentence at the beginning. */
static void send_sentence(struct sinew__perfetto *perfetto, const char *text)
{
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, perfetto->states->begin);
	size_t event = sinew__proto_open(packet, PACKET_TRACK_EVENT);

	sinew__proto_number(packet, EVENT_TYPE, TYPE_INSTANT);
	sinew__proto_number(packet, EVENT_TRACK, TRACK(OF_ALL, 0));
	sinew__proto_number(packet, EVENT_CATEGORY, ABOUT);
	sinew__proto_text(packet, EVENT_NAME, text);
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

/* What was recorded, and what the recording does not tell. */
static void send_about(struct sinew__perfetto *perfetto)
{
	const struct sinew__states *states = perfetto->states;
	struct sinew__proto *packet = sinew__packet_open(perfetto, FLAG_NEEDS_STATE);
	sinew__long text, traced;

	size_t track = open_track(packet, TRACK(OF_ALL, 0), 0);
	sinew__proto_text(packet, TRACK_NAME, "recording");
	sinew__proto_close(packet, track);
	sinew__packet_send(perfetto);
	snprintf(text, sizeof text, "Trace of %.400s", sinew__traced_text(states, traced));
	send_sentence(perfetto, text);
	for (unsigned i = 0; sinew__note_text_at(states, i, text); i++)
		send_sentence(perfetto, text);
	for (unsigned i = 0; sinew__doubt(states, i, text); i++)
		send_sentence(perfetto, text);
}

void sinew__perfetto_begin(struct sinew__perfetto *perfetto)
{
	const struct sinew__states *states = perfetto->states;

	send_ground(perfetto);
	send_clocks(perfetto);
	send_counter(perfetto, SINEW__RUNNING, "threads running");
	send_counter(perfetto, SINEW__READY, "threads ready");
	for (uint32_t i = 0; i < states->process_count; i++)
		if (states->processes[i]->tasks)
			send_process(perfetto, states->processes[i]);
	for (uint32_t i = 0; i < states->timeline->lane_count; i++)
		send_thread(perfetto, i);
	send_about(perfetto);
}
