/* SPDX-License-Identifier: MIT
 *
 * ring_model.h - a ring as it should be: lines of messages, each what one writer sent in one life of it, and
 * what has become of each. It lies in memory that processes share, so that what one was told survives it.
 *
 * While `exact`, all members are in one process, and each answer is known beforehand: which message comes,
 * how many were lost before it, whether there is none, whether there must have been room. Else others work
 * at the same time, or have been killed, and what was told is only noted, to be judged in the end.
 */
#ifndef TESTS_RING_MODEL_H
#define TESTS_RING_MODEL_H

#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LINES = 64, EACH = 400, MEMBERS = 4, HELD = 64, LARGEST = 4096 };

/* WAITS: or was dropped, with full=drop-new, which who reads on is told. */
enum fate { WAITS, IN_HAND, IN_DEAD_HANDS, DONE };

struct text {
	uint32_t size, lost; /* lost: what its reader was told with it */
	bool tagged;
	enum fate fate;
	_Atomic uint8_t first, again; /* how often it was delivered */
};

struct line {
	unsigned end; /* of a pair: which one wrote it */
	bool is_open; /* its writer is there */
	_Atomic unsigned begun, accepted;
	unsigned front; /* the first that nobody has read */
	struct text texts[EACH];
};

struct kind {
	const char *name, *backing, *options;
	uint32_t lane_size;
	bool queue, drop_new, drops_with_the_dead;
};

struct member {
	sinew_channel *channel;
	bool reads, writes;
	unsigned end, line;
	unsigned next[LINES]; /* what may come next of each line, but for what comes again */
	struct sinew_msg held[HELD];
	uint32_t held_ids[HELD];
	unsigned held_count;
};

extern struct book {
	struct kind kind;
	bool exact;
	_Atomic unsigned line_count;
	_Atomic unsigned steps;             /* of the process that is to be killed */
	unsigned waiting[2];                /* of a pair: that this end wrote; of a queue [0] */
	unsigned dead_hands;                /* messages there */
	uint64_t owed;                      /* that died with readers, deaths=drop */
	uint64_t told;                      /* of these */
	struct sinew_ring_lane sum, before; /* all lanes together, and when the book was opened */
	struct line lines[LINES];
} * book;

void book_open(const struct kind *kind, const char *uri, bool exact);
struct sinew_ring_lane book_sum(const char *uri, struct sinew_ring_look *look);

/* A line for a new writer. */
unsigned book_line(unsigned end);
/* The next text of a line, `ahead` of what is accepted: composed into data, which has room. */
void book_compose(struct line *line, unsigned ahead, uint32_t size, bool tagged,
	struct sinew_msg *msg, uint8_t *data);
/* One came: it is whole, and the one that had to come. */
void book_received(struct member *m, const struct sinew_msg *msg, bool borrowed);
/* What is in hand is as it was; then it is done with; or was not, for its reader has left or died. */
void book_released(struct member *m);
void book_left(struct member *m);
/* Whoever came cleaned up behind the dead. */
void book_cleaned(void);
/* Whether a message of this size fits wherever the words stand. */
bool book_has_room(const struct line *line, uint32_t size);
/* Whether there must be a message for this member. */
unsigned book_waiting(const struct member *m);
/* After it all, with nobody in the ring and nothing in it: nothing is missing but what may; died: one was
 * killed that may have read. */
void book_close(bool died, const struct sinew_ring_lane *now);

#endif
