/* SPDX-License-Identifier: MIT
 *
 * layout.h - what a ring looks like in shared memory. This is an ABI: sinew_ring(7) has it byte by
 * byte, the assertions below hold it.
 *
 *   header | members | lanes | words of lane 0, 1, ... | pages: data of lane 0, 1, ...
 *
 * and, where every reader gets every message (topic, latest), between lanes and words
 *
 *   histories, one of each lane | cursors: of each member a mark on each lane, where it is
 *
 * A lane carries messages from one writer. Its words say how long each message is and that it is
 * there; its data holds what does not fit beside the word. Positions run freely modulo 2^32 and only
 * their differences mean something: one of the words, counted in words, and one of the data, counted in
 * UNITs, together in 64 bits, so that both change by one store. Shared memory never holds a pointer,
 * an allocator, a lock that a death could poison, or a count of references.
 */
#ifndef SINEW_RING_LAYOUT_H
#define SINEW_RING_LAYOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SINEW__RING_VERSION = 2,
	SINEW__RING_APART = 128,  /* what different CPUs write is so far apart */
	SINEW__RING_UNIT = 64,    /* data is given out in these: a cache line */
	SINEW__RING_LINE = 8,     /* words in a line; a small message fills one */
	SINEW__RING_SMALL = 56,   /* bytes that fit beside a word */
	SINEW__RING_SLOTS = 32,   /* members of a queue; a pair has 2 */
	SINEW__RING_LANES = 64,   /* the most lanes */
	SINEW__RING_MARKS = 32,   /* of a lane's history */
	SINEW__RING_RECENT = 64,  /* newest messages whose places are known */
	SINEW__RING_HISTORY = 32, /* of these, how many a reader may ask for */
};

/* Bytes of the ring's file, far behind its end, that are locked: this and a member's slot by the member, this,
 * SLOTS and the slot by who changes the slot, of a pair SLOTS alone. See member.c. */
#define SINEW__RING_LOCKS (INT64_C(1) << 40)

#define SINEW__RING_MAGIC UINT64_C(0x676e697277656e73) /* "snewring", least byte first */

enum sinew__ring_pattern {
	SINEW__RING_PAIR,
	SINEW__RING_QUEUE,
	SINEW__RING_TOPIC,
	SINEW__RING_LATEST
};
enum sinew__ring_deaths { SINEW__RING_REDELIVER, SINEW__RING_DROP };

/* A word of a lane: bits 0-31 the message's length, 32-35 what it is, 36-63 the lap of its position,
 * counted from 1. A word of another lap is not there yet. */
enum {
	SINEW__WORD_KIND = 32,
	SINEW__WORD_LAP = 36,
	SINEW__WORD_INLINE = 1, /* the message follows in this line; else it is in the data */
	SINEW__WORD_TAG = 2,    /* the next word is its tag */
	SINEW__WORD_LOST = 4,   /* the next word but tag says how many were dropped before it */
	SINEW__WORD_SKIP = 8,   /* no message: go on in the next line */
};

/* What a member does. */
enum {
	SINEW__RING_READS = 1,
	SINEW__RING_WRITES = 2,
	SINEW__RING_OVERTAKEN = 4, /* topic: no writer waits for it */
	SINEW__RING_COMES = 8,     /* topic: it does not know yet where it begins to read */
};

#define SINEW__APART __attribute__((aligned(SINEW__RING_APART)))
#define SINEW__WIDE __attribute__((aligned(8))) /* on 32 bits, too */

typedef SINEW__WIDE _Atomic uint64_t sinew__shared64;
typedef _Atomic uint32_t sinew__shared32;

/* Who sleeps, and the word they sleep on. `asleep` changes by compare and exchange alone: bit 0
 * somebody waits for `rung` by futex(2), bit 1 somebody has armed a descriptor, the rest counts up
 * with each who comes, so that a waker never clears the mark of one that it did not see. */
struct sinew__ring_bell {
	sinew__shared32 asleep, rung;
};

enum { SINEW__BELL_FUTEX = 1, SINEW__BELL_FD = 2, SINEW__BELL_ONE = 4 };

/* An owner: bits 0-7 one of these, 8-15 the slot, 16-63 the generation of that slot. The same, shifted
 * right by 8, is the id of a peer: never 0, for generations count from 1. */
enum sinew__ring_state { SINEW__OWNER_FREE, SINEW__OWNER_LIVE, SINEW__OWNER_LEFT };

/* A slot for a process. While it lives it holds the lock of one byte of the file, whoever cleans up
 * behind it that of another (member.c). */
struct sinew__ring_member {
	SINEW__APART sinew__shared64 owner;
	sinew__shared32 pid; /* as the member saw itself; for people */
	sinew__shared32 uid;
	sinew__shared32 does;     /* SINEW__RING_READS, ... */
	sinew__shared32 cpu;      /* where it waited last, counted from 1; 0: never */
	sinew__shared32 armed[2]; /* ring its descriptor: for messages, for room */
	sinew__shared32 sleeps[2],
		slept[2]; /* whether it does now, how often it did: the same two */
	SINEW__APART sinew__shared64
		hold;             /* the lane it holds messages of, counted from 1; 0: none */
	sinew__shared64 from, to; /* positions of these messages */
	sinew__shared64 counted;  /* what the lane's `forgotten` will be when these are dropped */
	sinew__shared64 missed;   /* topic, latest: messages that went by unread, as it was told */
};

/* What is written with each message stands apart from what the other side looks at. */
struct sinew__ring_lane {
	SINEW__APART sinew__shared64 owner; /* the writer; written by it or its successor */
	sinew__shared32 eager;              /* the writer does not fence: wake with membarrier(2) */
	sinew__shared32 reader_eager; /* the same of the reader, towards a writer that waits */
	sinew__shared32 finished;     /* the writer will write no more */
	SINEW__APART sinew__shared64 sent;
	sinew__shared64 sent_bytes, dropped;
	SINEW__APART sinew__shared64 taken; /* the writer may overwrite what is before it */
	sinew__shared64 next;               /* queue: the first message that no reader has */
	sinew__shared64 claim;              /* queue: the reader (owner) that changes these two */
	sinew__shared64 forgotten;          /* queue: messages that died with their readers */
	sinew__shared64 told;               /* queue: of these, told to a reader */
	sinew__shared64 received;
	SINEW__APART struct sinew__ring_bell work; /* pair: its reader waits for messages */
	SINEW__APART struct sinew__ring_bell room; /* its writer waits for room */
};

/* A place in a lane, counted since it was made, so that none ever comes again; its low halves are the
 * positions that words and data are found by. */
struct sinew__ring_place {
	sinew__shared64 words, units;
};

/* The place where a message begins, and how many were sent, or dropped, on its lane before it. */
struct sinew__ring_mark {
	struct sinew__ring_place at;
	sinew__shared64 number;
};

/* Topic, latest: what a lane keeps of what was sent (history.h). */
struct sinew__ring_history {
	SINEW__APART struct sinew__ring_place edge; /* it may be writing anywhere before */
	struct sinew__ring_place wish;              /* where the writer wants to have that next */
	sinew__shared64 first,
		last;          /* marks first, ... last-1 stand, each in its place modulo 32 */
	sinew__shared32 waits; /* the writer waits for readers */
	SINEW__APART struct sinew__ring_mark marks[SINEW__RING_MARKS];
	SINEW__APART sinew__shared64 head;                   /* latest: messages sent */
	struct sinew__ring_place recent[SINEW__RING_RECENT]; /* the newest, modulo 64 */
};

/* Fixed when it is published, but for the bell. */
struct sinew__ring_header {
	uint64_t magic SINEW__WIDE;
	uint32_t version;
	uint32_t incompatible,
		compatible; /* features: unknown bits of the first refuse the attach */
	uint32_t pattern, deaths;
	uint32_t slots, lanes;
	uint64_t lane_size SINEW__WIDE;            /* bytes of data of a lane, a power of 2 */
	uint64_t total SINEW__WIDE;                /* bytes of the ring */
	SINEW__APART struct sinew__ring_bell work; /* queue: its readers wait for messages */
};

#define SINEW__OFFSET(type, member, offset)                                                        \
	_Static_assert(offsetof(struct sinew__ring_##type, member) == (offset), #type "." #member)

SINEW__OFFSET(header, pattern, 20);
SINEW__OFFSET(header, slots, 28);
SINEW__OFFSET(header, lane_size, 40);
SINEW__OFFSET(header, total, 48);
SINEW__OFFSET(header, work, 128);
_Static_assert(sizeof(struct sinew__ring_header) == 256, "header");
SINEW__OFFSET(member, pid, 8);
SINEW__OFFSET(member, armed, 24);
SINEW__OFFSET(member, sleeps, 32);
SINEW__OFFSET(member, slept, 40);
SINEW__OFFSET(member, hold, 128);
SINEW__OFFSET(member, counted, 152);
SINEW__OFFSET(member, missed, 160);
_Static_assert(sizeof(struct sinew__ring_member) == 256, "member");
SINEW__OFFSET(lane, eager, 8);
SINEW__OFFSET(lane, finished, 16);
SINEW__OFFSET(lane, sent, 128);
SINEW__OFFSET(lane, taken, 256);
SINEW__OFFSET(lane, forgotten, 280);
SINEW__OFFSET(lane, received, 296);
SINEW__OFFSET(lane, work, 384);
SINEW__OFFSET(lane, room, 512);
_Static_assert(sizeof(struct sinew__ring_lane) == 640, "lane");
SINEW__OFFSET(history, wish, 16);
SINEW__OFFSET(history, first, 32);
SINEW__OFFSET(history, waits, 48);
SINEW__OFFSET(history, marks, 128);
SINEW__OFFSET(history, head, 896);
SINEW__OFFSET(history, recent, 904);
_Static_assert(sizeof(struct sinew__ring_mark) == 24, "mark");
_Static_assert(sizeof(struct sinew__ring_history) == 2048, "history");

/* ---- positions ---- */

struct sinew__ring_at {
	uint32_t words, units;
};

static inline uint64_t sinew__ring_pack(struct sinew__ring_at at)
{
	return (uint64_t)at.units << 32 | at.words;
}

static inline struct sinew__ring_at sinew__ring_unpack(uint64_t packed)
{
	return (struct sinew__ring_at){(uint32_t)packed, (uint32_t)(packed >> 32)};
}

/* ---- owners ---- */

static inline uint64_t sinew__owner(uint64_t id, enum sinew__ring_state state)
{
	return id << 8 | state;
}

static inline uint64_t sinew__owner_id(uint64_t owner)
{
	return owner >> 8;
}

static inline unsigned sinew__owner_slot(uint64_t owner)
{
	return owner >> 8 & 0xff;
}

static inline enum sinew__ring_state sinew__owner_state(uint64_t owner)
{
	return (enum sinew__ring_state)(owner & 0xff);
}

/* ---- sizes ---- */

/* Where each part of a ring begins. */
struct sinew__ring_shape {
	uint64_t members, lanes, histories, cursors, words, data, total;
	uint64_t cursors_size; /* bytes of one member's cursors */
	uint64_t words_size;   /* bytes of one lane's words */
};

static inline bool sinew__ring_keeps_history(unsigned pattern)
{
	return pattern >= SINEW__RING_TOPIC;
}

/* The words take an eighth of the data: as many words as units. */
static inline struct sinew__ring_shape sinew__ring_shape(
	unsigned pattern, uint32_t slots, uint32_t lanes, uint64_t lane_size, uint64_t page)
{
	const bool keeps = sinew__ring_keeps_history(pattern);
	struct sinew__ring_shape shape = {.members = sizeof(struct sinew__ring_header),
		.words_size = lane_size / SINEW__RING_UNIT * sizeof(uint64_t)};

	if (keeps)
		shape.cursors_size =
			(lanes * sizeof(struct sinew__ring_mark) + SINEW__RING_APART - 1) /
			SINEW__RING_APART * SINEW__RING_APART;
	shape.lanes = shape.members + slots * sizeof(struct sinew__ring_member);
	shape.histories = shape.lanes + lanes * sizeof(struct sinew__ring_lane);
	shape.cursors = shape.histories + (keeps ? lanes * sizeof(struct sinew__ring_history) : 0);
	shape.words = shape.cursors + slots * shape.cursors_size;
	shape.data = (shape.words + lanes * shape.words_size + page - 1) / page * page;
	shape.total = shape.data + lanes * lane_size;
	return shape;
}

#endif
