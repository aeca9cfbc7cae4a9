/* SPDX-License-Identifier: MIT
 *
 * perfetto_fields.h - what the files that write packets share: numbers of fields and values, by message, and
 * our numbers of tracks, categories, annotations and texts.
 */
#ifndef SINEW_OBSERVE_PERFETTO_FIELDS_H
#define SINEW_OBSERVE_PERFETTO_FIELDS_H

#include "perfetto.h"

enum { SEQUENCE = 1, MONOTONIC = 3, REALTIME = 1, BOOTTIME = 6 };

enum { TRACE_PACKET = 1 };
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK_DESCRIPTOR = 60,
	PACKET_FIRST = 87,
	PACKET_TASK_STATE = 117,
};
enum { FLAG_CLEARED = 1, FLAG_NEEDS_STATE = 2 };
enum { DEFAULTS_CLOCK = 58 };
enum { SNAPSHOT_CLOCK = 1, SNAPSHOT_PRIMARY = 2, CLOCK_ID = 1, CLOCK_TIME = 2 };
enum {
	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_THREAD = 4,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
};
enum { PROCESS_PID = 1, PROCESS_NAME = 6 };
enum { THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5 };
enum { COUNTER_UNIT = 3, UNIT_COUNT = 2 };
enum {
	EVENT_CATEGORY = 3,
	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_ID = 10,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_COUNTER = 30,
	EVENT_FLOW = 47,
	EVENT_FLOW_END = 48,
};
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { ANNOTATION_NAME_ID = 1, ANNOTATION_NUMBER = 3, ANNOTATION_TEXT_ID = 17 };
enum { INTERNED_CATEGORY = 1, INTERNED_EVENT = 2, INTERNED_ANNOTATION = 3, INTERNED_TEXT = 29 };
enum { ENTRY_ID = 1, ENTRY_TEXT = 2 };
enum { TASK_CPU = 1, TASK_COMM = 2, TASK_TID = 3, TASK_STATE = 4 };
enum {
	TASK_UNKNOWN = 0,
	TASK_RUNNABLE = 2,
	TASK_RUNNING = 3,
	TASK_SLEEP = 4,
	TASK_DISK_SLEEP = 5,
	TASK_STOPPED = 6,
	TASK_DEAD = 7,
	TASK_DESTROYED = 8,
};

/* Tracks: a kind, and which of it. */
#define TRACK(kind, i) ((uint64_t)(kind) << 32 | (uint32_t)(i))
enum { OF_PROCESS = 1, OF_THREAD, OF_COUNTER, OF_ALL };

/* Categories and annotations, by their numbers. */
enum { WAIT = 1, READY, LIFE, WAKE, UNSEEN, ABOUT, RUN };
enum { CALL = 1, OBJECT, ENDED, CONTEXT, WAKER_TID, WHY, NEXT_TID, MAKER_TID };

/* What can be said of the n-th cause; of the n-th lane; and words that are always the same. */
enum { OF_CAUSE_WAIT, OF_CAUSE_CALL, OF_CAUSE_OBJECT, OF_CAUSE_ENDED, CAUSE_TEXTS };
enum { WORD_READY = 1, WORD_NEW, WORD_TERMINATED, WORD_UNSEEN, WORD_BLOCKED, WORD_RUNNING, WORDS };
enum { WHYS = 16, CONTEXTS = 8, FIXED = WORDS + WHYS + CONTEXTS };

uint64_t sinew__text_of_cause(uint32_t cause, unsigned which);
uint64_t sinew__text_of_wake(const struct sinew__states *states, uint32_t lane);
/* True if it has to be sent now. */
bool sinew__text_is_new(struct sinew__perfetto *perfetto, uint64_t id);

struct sinew__proto *sinew__packet_open(struct sinew__perfetto *perfetto, unsigned flags);
struct sinew__proto *sinew__packet_open_at(struct sinew__perfetto *perfetto, uint64_t time);
/* A text and its number, inside of interned data. */
void sinew__packet_entry(
	struct sinew__proto *packet, unsigned field, uint64_t id, const char *text);
void sinew__packet_send(struct sinew__perfetto *perfetto);

#endif
