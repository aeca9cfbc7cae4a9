/* SPDX-License-Identifier: MIT
 *
 * bench_goals.h - what sinew means to cost beside the bare system calls, and whether it does in this run.
 */
#ifndef CLI_BENCH_GOALS_H
#define CLI_BENCH_GOALS_H

#include "bench_verdicts.h"

enum { MOST_GOALS = 8, MOST_AIMED = 64, GOAL_TEXT = 1400 };

enum reached {
	MET,
	MISSED,
	UNSURE, /* the repeats reach from one side of the goal to the other, or there was only one */
	REACHED,
};

/* A row of the run that is held against a goal. */
struct aimed {
	const struct record *record;
	struct figure ratio; /* of costs, to the twin's */
	enum reached reached;
	const char *cause; /* why it is missed, as far as that is known and holds in this run; "" */
};

struct goal {
	const char *about, *wanted;
	double most; /* ratio; 1 / `most` times the speed where `times` */
	bool times;
	unsigned count, reached[REACHED];
	struct aimed of[MOST_AIMED];
};

/* How many there are; those of which no row was measured are left out. */
unsigned bench_goals(const struct bench_run *run, struct goal goals[MOST_GOALS]);

/* ---- bench_goals_words.c ---- */

extern const char *const goal_results[REACHED]; /* "met", "missed", "cannot be told" */
/* Of all its rows: missed if one is. */
enum reached goal_result(const struct goal *goal);
/* "met by all 12", "missed by 2 of 12, 3 cannot be told". */
char *goal_verdict(const struct goal *goal, char *text, size_t size);
/* Its rows that came to this, each by how much, and how far the repeats reach unless in short:
 * "pipe +2.1 % (+1.3 to +4.0)". "" if there are none. */
char *goal_rows(
	const struct goal *goal, enum reached reached, bool in_short, char *text, size_t size);
/* Why some are missed; "" if none is. */
char *goal_causes(const struct goal *goal, char *text, size_t size);

#endif
