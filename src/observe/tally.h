/* SPDX-License-Identifier: MIT
 *
 * tally.h - the tables of a summary: what was waited for and who ended it, who displaced whom, and what
 * objects are called. Bounded: when a table is full, what would be a new row is added to its last one,
 * which is called by no name.
 */
#ifndef SINEW_OBSERVE_TALLY_H
#define SINEW_OBSERVE_TALLY_H

#include "replay.h"

enum { SINEW__ROWS_MOST = 65536, SINEW__OBJECTS_MOST = 65536 };

/* A process is named by its id; nobody is: */
#define SINEW__NOBODY UINT32_MAX

/* Which object; all zeros: none, or not known. */
/* What of a wait's `detail` tells one object from another, or what it is when nobody knows its name. */
static inline uint32_t sinew__object_detail(uint32_t magic, uint32_t detail)
{
	enum { ANONYMOUS = 0x09041934, PIPE = 0x50495045, SOCKET = 0x534f434b };
	enum { TYPE = 0170000, FIFO = 0010000 };

	if (magic == ANONYMOUS)
		return detail;
	return magic != PIPE && magic != SOCKET && (detail & TYPE) == FIFO ? FIFO : 0;
}

struct sinew__object {
	uint32_t magic, dev;
	uint64_t ino;
	uint32_t detail, reserved;
};

/* What is equal is one row. */
struct sinew__block_key {
	struct sinew__object object;
	uint64_t address; /* of a futex, in the memory of the process; id of a System V object */
	uint32_t process; /* who waited */
	uint32_t waker;   /* process, or nobody */
	uint32_t waker_call;
	int32_t call;
	uint32_t state; /* of TASK_* what makes a difference to people: 2, 4, 8, 0x400 */
	uint8_t context, fault, kernel, compat;
	uint8_t open;   /* not over when the recording ended */
	uint8_t asleep; /* when it was woken is not known: the time is that until it ran again */
	uint8_t reserved[6];
};

struct sinew__block_row {
	struct sinew__block_key key;
	uint64_t count, time, longest;
	uint64_t early;  /* of them woken before they had left their CPU */
	uint64_t seeded; /* of them already blocked when the recording began: longer than told */
};

struct sinew__push_key {
	uint32_t victim, next; /* processes */
	uint32_t why;          /* enum sinew__why */
	uint32_t reserved;
};

struct sinew__push_row {
	struct sinew__push_key key;
	uint64_t count, time, longest; /* ready because of it */
};

/* Open addressing; rows stay where they are made, in the order in which they were. */
struct sinew__table {
	void *rows;
	uint32_t *index; /* row + 1; 0: free */
	uint32_t count, room, buckets;
	uint64_t spilled; /* additions to the last row for want of room */
};

struct sinew__tally {
	struct sinew__table blocks, pushes, names;
};

/* The row of this key, made if it is new. NULL without memory. Good until the next call. */
struct sinew__block_row *sinew__tally_block(
	struct sinew__tally *tally, const struct sinew__block_key *key);
/* Which of them it is, counted from 0; stays. */
uint32_t sinew__tally_block_id(
	const struct sinew__tally *tally, const struct sinew__block_row *row);
const struct sinew__block_row *sinew__tally_block_at(const struct sinew__tally *tally, uint32_t id);
struct sinew__push_row *sinew__tally_push(
	struct sinew__tally *tally, const struct sinew__push_key *key);

/* 0 or -ENOMEM. What finds no room has no name. */
int sinew__tally_name(struct sinew__tally *tally, const struct sinew__object_name *name);
/* Plain text, or NULL. */
const char *sinew__tally_name_of(
	const struct sinew__tally *tally, const struct sinew__object *object);

void sinew__tally_fini(struct sinew__tally *tally);

#endif
