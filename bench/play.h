/* SPDX-License-Identifier: MIT
 *
 * play.h - one repeat of a step: two fresh processes, in which every contender has its link, take turns.
 */
#ifndef BENCH_PLAY_H
#define BENCH_PLAY_H

#include <stdatomic.h>
#include <sys/types.h>

#include "bench.h"
#include "histogram.h"

/* What one contender did in one repeat; in memory that both processes share, each writes its own words. */
struct tally {
	struct histogram times;
	pid_t pids[2][FAN_MOST]; /* by role */
	uint64_t messages, elapsed, lost;
	uint64_t all;            /* messages, with those of the warm-up */
	struct spent spent[2];   /* by role */
	uint64_t from[2], to[2]; /* clocks of a block, by role */
	uint64_t both;           /* ns in which either was in one */
	_Atomic unsigned spans;  /* how often one has told his */
	_Atomic uint64_t count;  /* of messages in this block, set by the client before the first */
	_Atomic uint64_t ended;  /* the reader's clock when it had the last one; 0: not yet */
	/* fan: */
	struct spent many[FAN_MOST];   /* by those of the many but the first */
	_Atomic uint64_t begun, done;  /* blocks that the first of the writers began, that ended */
	_Atomic uint64_t got, readers; /* messages that readers had; readers that are through */
	_Atomic uint64_t missed;       /* by those who should have every message */
	/* contended: what both count up */
	uint64_t counted __attribute__((aligned(64)));
};

struct duel {
	enum mode mode;
	unsigned count;   /* contenders */
	unsigned blocks;  /* turns of each that count */
	int64_t block_ns; /* how long one should take */
	double rate;      /* PACED: messages a second */
	bool wake;        /* there are no bytes to check */
	unsigned fan;     /* how many write, or read; 1 in the other modes */
	bool each;        /* FAN_OUT: every reader gets every message */
	int cpu[2];       /* by role */
	struct link links[CONTENDERS];
	struct tally *tallies;
};

/* Runs it in processes of their own. 0, or -1 and the reason is in crew_error(). */
int play(struct duel *duel, unsigned seconds);

/* The loops of each mode (turn.c), for one block. */
struct turn {
	struct duel *duel;
	struct link *link;
	struct tally *tally;
	bool counts;           /* not a warm-up */
	uint64_t *next;        /* number of the next message, kept by each process for itself */
	uint64_t *nexts;       /* FAN_IN, the reader: of each writer */
	unsigned index, block; /* which of the many we are; of all blocks of this link */
	uint64_t count;        /* of the client */
	uint64_t began;
};
struct turns {
	void (*client)(struct turn *turn);
	void (*server)(struct turn *turn);
};
extern const struct turns *const turn_modes[MODES];
extern const struct turns fan_in_turns, fan_out_turns; /* fan.c */
extern const struct turns contend_turns;               /* contend.c */

uint64_t turn_clock(void); /* ns, CLOCK_MONOTONIC */

/* A message carries its number at both ends, at the second with a mark if it is the last of its block. */
#define TURN_LAST (UINT64_C(1) << 63)
void turn_number(unsigned char *message, size_t size, uint64_t value, uint64_t mark);
/* Its number; fails if the message was changed. */
uint64_t turn_read(const struct turn *turn, const unsigned char *message, bool *last);
/* Fails if it is not the next one, nor, with gaps, a later one. */
void turn_expect(const struct turn *turn, uint64_t number, uint64_t expected, bool gaps);

/* What was used between two moments, its times no more than the whole. (play.c) */
void spent_add(struct spent *sum, const struct spent *from, const struct spent *to);
unsigned turn_batch(enum mode mode);

#endif
