/* SPDX-License-Identifier: MIT
 *
 * states_world.h - a small scheduler that runs threads on CPUs, makes the records of it, and keeps the truth.
 */
#ifndef SINEW_TESTS_STATES_WORLD_H
#define SINEW_TESTS_STATES_WORLD_H

#include "states.h"

enum {
	STATES_THREADS = 12,
	STATES_CPUS = 3,
	STATES_STEPS = 3000,
	STATES_MOST = 3 * STATES_STEPS,
	STATES_ROUNDS = 40,
};

static const uint64_t states_base = 1000000000; /* ns: when it begins */

struct thread {
	struct sinew__who who;
	enum sinew__state state;
	uint64_t since, made, admitted; /* since: in this state */
	uint64_t ran_since, left, woken;
	unsigned number, left_cpu, cpu, why;
	uint64_t time[SINEW__STATES];
	uint64_t moves[SINEW__MOVES];
};

struct world {
	uint64_t now;
	struct thread threads[STATES_THREADS];
	struct thread *on[STATES_CPUS];
	union sinew__any records[STATES_MOST];
	unsigned count;
};

/* Random numbers, the same ones each time. */
extern uint64_t states_dice;
uint64_t states_roll(uint64_t sides);

struct sinew__record_header states_header(void);

/* The records of one run, to be freed; states_truth is what they tell. */
struct world *states_simulate(uint64_t seed);
extern struct sinew__account states_truth; /* of all threads that ever were */

void states_start(struct sinew__states *states);
void states_feed(struct sinew__states *states, const struct world *world);

/* The law: whatever came, each life is the sum of its times, and all is the sum of the lives. */
void states_check_law(const struct sinew__states *states);
/* Nothing is missing, and all is as it was. */
void states_check_truth(const struct sinew__states *states);

#endif
