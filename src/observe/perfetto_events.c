/* SPDX-License-Identifier: MIT
 *
 * perfetto_events.c - one packet for each event. A wait is a state of its thread, as Perfetto knows them by
 * itself, and a slice on the thread's track that has the cause as annotations. What is not told by the
 * recording is an unknown state, and a slice that says so.
 */
#include "../banned.h"
#include "perfetto_fields.h"
#include "sentences.h"

void sinew__perfetto_count(
	struct sinew__perfetto *perfetto, uint64_t time, enum sinew__state state, uint64_t threads)
{
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, time);
	size_t event = sinew__proto_open(packet, PACKET_TRACK_EVENT);

	sinew__proto_number(packet, EVENT_TYPE, TYPE_COUNTER);
	sinew__proto_number(packet, EVENT_TRACK, TRACK(OF_COUNTER, state));
	sinew__proto_number(packet, EVENT_COUNTER, threads);
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

/* Stopped and traced threads are blocked, too; asleep ones were, and then ready from an unknown moment on. */
static unsigned task_state(const struct sinew__states *states, const struct sinew__span *span)
{
	const struct sinew__block_row *row = sinew__tally_block_at(&states->tally, span->cause);
	uint32_t bits = row ? row->key.state : 0;

	switch (span->state) {
	case SINEW__READY:
		return TASK_RUNNABLE;
	case SINEW__RUNNING:
		return TASK_RUNNING;
	case SINEW__BLOCKED:
	case SINEW__ASLEEP:
		return bits & 0xc ? TASK_STOPPED : bits & 2 ? TASK_DISK_SLEEP : TASK_SLEEP;
	case SINEW__TERMINATED:
		return TASK_DEAD;
	default:
		return TASK_UNKNOWN;
	}
}

/* With the CPU where it runs or ran last: there its run ends. */
static void send_task(struct sinew__perfetto *perfetto, uint64_t time, uint32_t i, unsigned state)
{
	const struct sinew__lane *lane = &perfetto->states->timeline->lanes[i];
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, time);
	char comm[4 * SINEW__COMM + 1];

	size_t task = sinew__proto_open(packet, PACKET_TASK_STATE);
	sinew__proto_number(packet, TASK_CPU, perfetto->lanes[i].cpu);
	sinew__proto_text(
		packet, TASK_COMM, sinew__plain(lane->comm, SINEW__COMM, comm, sizeof comm));
	sinew__proto_number(packet, TASK_TID, lane->tid);
	sinew__proto_number(packet, TASK_STATE, state);
	sinew__proto_close(packet, task);
	sinew__packet_send(perfetto);
	if (state != TASK_UNKNOWN)
		perfetto->lanes[i].state = (uint8_t)state;
}

/* Perfetto makes a new thread of its own accord. It takes no run for one that follows another at once, or
 * after an unknown state: then the thread was ready in between, for no time. */
static void send_state(struct sinew__perfetto *perfetto, const struct sinew__span *span)
{
	struct sinew__perfetto_lane *lane = &perfetto->lanes[span->lane];

	if (span->state == SINEW__NEW || !sinew__perfetto_is_exact(perfetto->states))
		return;
	if (span->state == SINEW__RUNNING && lane->state == TASK_RUNNING)
		send_task(perfetto, span->from, span->lane, TASK_RUNNABLE);
	if (span->state == SINEW__RUNNING)
		lane->cpu = span->cpu;
	send_task(perfetto, span->from, span->lane, task_state(perfetto->states, span));
}

/* Who was reaped as soon as it was dead has no time of being dead; its number may be used again. */
static void send_lane_end(struct sinew__perfetto *perfetto, const struct sinew__span *span)
{
	const struct sinew__states *states = perfetto->states;

	if (!sinew__perfetto_is_exact(states))
		return;
	if (!states->ended || states->timeline->cut) {
		send_task(perfetto, span->to, span->lane, TASK_UNKNOWN);
		return;
	}
	if (span->state != SINEW__TERMINATED)
		send_task(perfetto, span->to, span->lane, TASK_DEAD);
	send_task(perfetto, span->to, span->lane, TASK_DESTROYED);
}

/* ---- slices ---- */

static void put_number(struct sinew__proto *packet, unsigned name, uint64_t value)
{
	size_t annotation = sinew__proto_open(packet, EVENT_ANNOTATION);

	sinew__proto_number(packet, ANNOTATION_NAME_ID, name);
	sinew__proto_number(packet, ANNOTATION_NUMBER, value);
	sinew__proto_close(packet, annotation);
}

static void put_text(struct sinew__proto *packet, unsigned name, uint64_t text)
{
	size_t annotation = sinew__proto_open(packet, EVENT_ANNOTATION);

	sinew__proto_number(packet, ANNOTATION_NAME_ID, name);
	sinew__proto_number(packet, ANNOTATION_TEXT_ID, text);
	sinew__proto_close(packet, annotation);
}

static size_t open_event(
	struct sinew__proto *packet, unsigned type, uint32_t lane, unsigned category, uint64_t name)
{
	size_t event = sinew__proto_open(packet, PACKET_TRACK_EVENT);

	sinew__proto_number(packet, EVENT_TYPE, type);
	sinew__proto_number(packet, EVENT_TRACK, TRACK(OF_THREAD, lane));
	sinew__proto_number(packet, EVENT_CATEGORY, category);
	sinew__proto_number(packet, EVENT_NAME_ID, name);
	return event;
}

/* The texts of a cause, with the first packet that needs them. */
static void put_cause(struct sinew__perfetto *perfetto, uint32_t cause,
	const struct sinew__block_key *key, const char *object)
{
	const struct sinew__states *states = perfetto->states;
	struct sinew__proto *packet = &perfetto->packet;
	sinew__long text;

	if (!sinew__text_is_new(perfetto, sinew__text_of_cause(cause, OF_CAUSE_WAIT)))
		return;
	size_t interned = sinew__proto_open(packet, PACKET_INTERNED);
	sinew__packet_entry(packet, INTERNED_EVENT, sinew__text_of_cause(cause, OF_CAUSE_WAIT),
		sinew__wait_text(states, key, text));
	sinew__packet_entry(packet, INTERNED_TEXT, sinew__text_of_cause(cause, OF_CAUSE_CALL),
		sinew__call_text(states, key, text));
	sinew__packet_entry(packet, INTERNED_TEXT, sinew__text_of_cause(cause, OF_CAUSE_ENDED),
		sinew__ender_text(states, key, text));
	if (object)
		sinew__packet_entry(packet, INTERNED_TEXT,
			sinew__text_of_cause(cause, OF_CAUSE_OBJECT), object);
	sinew__proto_close(packet, interned);
}

static void send_wait(struct sinew__perfetto *perfetto, const struct sinew__span *span,
	const struct sinew__block_key *key)
{
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, span->from);
	sinew__long text;
	const char *object = sinew__object_text(perfetto->states, key, text);

	put_cause(perfetto, span->cause, key, object);
	size_t event = open_event(packet, TYPE_BEGIN, span->lane, WAIT,
		sinew__text_of_cause(span->cause, OF_CAUSE_WAIT));
	put_text(packet, CALL, sinew__text_of_cause(span->cause, OF_CAUSE_CALL));
	if (object)
		put_text(packet, OBJECT, sinew__text_of_cause(span->cause, OF_CAUSE_OBJECT));
	put_text(packet, ENDED, sinew__text_of_cause(span->cause, OF_CAUSE_ENDED));
	put_text(packet, CONTEXT, WORDS + WHYS + (key->context < CONTEXTS ? key->context : 0));
	if (span->other)
		put_number(packet, WAKER_TID, span->other);
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

static void put_reasons(struct sinew__proto *packet, const struct sinew__span *span)
{
	if (span->state == SINEW__READY)
		put_text(packet, WHY, WORDS + span->why % WHYS);
	if (span->other)
		put_number(packet, span->state == SINEW__NEW ? MAKER_TID : NEXT_TID, span->other);
}

static void send_other(
	struct sinew__perfetto *perfetto, const struct sinew__span *span, uint32_t arrow)
{
	static const struct {
		unsigned category, name;
	} kinds[SINEW__STATES] = {
		[SINEW__NEW] = {LIFE, WORD_NEW},
		[SINEW__READY] = {READY, WORD_READY},
		[SINEW__RUNNING] = {RUN, WORD_RUNNING},
		[SINEW__BLOCKED] = {WAIT, WORD_BLOCKED},
		[SINEW__ASLEEP] = {WAIT, WORD_BLOCKED},
		[SINEW__TERMINATED] = {LIFE, WORD_TERMINATED},
		[SINEW__UNSEEN] = {UNSEEN, WORD_UNSEEN},
	};
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, span->from);

	size_t event = open_event(packet, TYPE_BEGIN, span->lane, kinds[span->state].category,
		kinds[span->state].name);
	put_reasons(packet, span);
	if (arrow)
		sinew__proto_fixed(packet, EVENT_FLOW_END, arrow);
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

static void send_begin(
	struct sinew__perfetto *perfetto, const struct sinew__span *span, uint32_t arrow)
{
	const struct sinew__block_row *row =
		sinew__tally_block_at(&perfetto->states->tally, span->cause);

	if (row)
		send_wait(perfetto, span, &row->key);
	else
		send_other(perfetto, span, arrow);
}

static void send_end(struct sinew__perfetto *perfetto, const struct sinew__span *span)
{
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, span->to);
	size_t event = sinew__proto_open(packet, PACKET_TRACK_EVENT);

	sinew__proto_number(packet, EVENT_TYPE, TYPE_END);
	sinew__proto_number(packet, EVENT_TRACK, TRACK(OF_THREAD, span->lane));
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

uint32_t sinew__perfetto_source(const struct sinew__states *states, const struct sinew__span *span)
{
	return sinew__timeline_find(
		states->timeline, span->other, span->state == SINEW__NEW ? span->from : span->to);
}

/* On the track of who woke or made the thread of this span. */
static void send_wake(
	struct sinew__perfetto *perfetto, const struct sinew__span *span, uint32_t arrow)
{
	const struct sinew__states *states = perfetto->states;
	const struct sinew__span *cause = &states->timeline->spans[arrow - 1];
	struct sinew__proto *packet = sinew__packet_open_at(perfetto, span->from);
	uint64_t name = sinew__text_of_wake(states, span->lane);
	sinew__long text, who;

	if (sinew__text_is_new(perfetto, name)) {
		size_t interned = sinew__proto_open(packet, PACKET_INTERNED);
		snprintf(text, sizeof text, "to %.400s", sinew__lane_text(states, span->lane, who));
		sinew__packet_entry(packet, INTERNED_EVENT, name, text);
		sinew__proto_close(packet, interned);
	}
	size_t event =
		open_event(packet, TYPE_INSTANT, sinew__perfetto_source(states, cause), WAKE, name);
	sinew__proto_fixed(packet, EVENT_FLOW, arrow);
	sinew__proto_close(packet, event);
	sinew__packet_send(perfetto);
}

void sinew__perfetto_event(
	struct sinew__perfetto *perfetto, enum sinew__perfetto_kind kind, uint32_t i)
{
	const struct sinew__span *span = &perfetto->states->timeline->spans[i];

	switch (kind) {
	case SINEW__SLICE_ENDS:
		send_end(perfetto, span);
		break;
	case SINEW__LANE_ENDS:
		send_lane_end(perfetto, span);
		break;
	case SINEW__THREAD_WAKES:
		send_wake(perfetto, span, perfetto->arrows[i]);
		break;
	case SINEW__STATE_CHANGES:
		send_state(perfetto, span);
		break;
	case SINEW__SLICE_BEGINS:
		send_begin(perfetto, span, perfetto->arrows[i]);
		break;
	}
}
