/* SPDX-License-Identifier: MIT
 *
 * bench_verdicts.h - what a run means, in sentences: why something costs what it costs, what is said of the
 * mechanisms and whether it is so here, and what to choose for which work.
 */
#ifndef CLI_BENCH_VERDICTS_H
#define CLI_BENCH_VERDICTS_H

#include "bench_run.h"

enum { MOST_VERDICTS = 16 };

struct verdict {
	const char *about;   /* a claim, or a kind of work */
	const char *verdict; /* "true", "not here", ..., or the mechanism */
	char text[1200];     /* the figures */
	char caution[160];   /* when the repeats of what they rest on disagree, or are one; "" */
};

/* bench_claims.c, bench_advice.c: how many there are; what was not measured is left out. */
unsigned bench_claims(const struct bench_run *run, struct verdict verdicts[MOST_VERDICTS]);
unsigned bench_advice(const struct bench_run *run, struct verdict verdicts[MOST_VERDICTS]);

/* Puts more behind its text. */
void verdict_add(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* bench_claims_states.c. False: it was not measured. */
bool claim_one_runs(const struct bench_run *run, struct verdict *verdict);
bool claim_seldom_blocked(const struct bench_run *run, struct verdict *verdict);

/* Tells in the verdict if the repeats of this record, on which it rests, are far apart, or there is one; of sinew,
 * of the bare twin. NULL is no record. */
void bench_caution(struct verdict *verdict, const struct record *record);
void bench_caution_bare(struct verdict *verdict, const struct record *record);

/* bench_why.c: what a message or round trip of a row is made of, and what its processes wait for. "" if
 * it has no figures. */
extern const char bench_unwatched[]; /* stands before run->unwatched */
enum { WHY = 2048 };
char *bench_why(const struct bench_run *run, const struct record *record, char *text, size_t size);

/* ---- bench_find.c: looking up figures ---- */

/* The record of a mechanism, of any name in `run` that has figures; two: on two CPUs. NULL: none. */
const struct record *find_record(
	const struct bench_run *run, const char *name, enum mode mode, size_t size, bool two);
/* The figure of a row that stands wherever one figure is told: of times the median of all of them, of
 * streams the time of a message in the median repeat; ns. */
double bench_typical(const struct record *record, unsigned contender);
/* How far the repeats are apart, over their median. */
double bench_spread(const struct record *record);
/* Messages a second through sinew, in the median repeat. */
double find_rate(const struct record *record);
/* Of sinew, of the bare twin. NAN without a record. */
double find_cost(const struct record *record);
double find_bare(const struct record *record);
/* The one that costs least, of those that accepts() takes; NULL: none. */
const struct record *find_least(const struct bench_run *run, enum mode mode, size_t size, bool two,
	bool (*accepts)(const struct record *record, const void *arg), const void *arg);

/* The most writers or readers of one row of this mode; 0: there is none. */
unsigned find_most(const struct bench_run *run, enum mode mode, bool two);

/* The share of the time in which a side could run and had no CPU, where each had one for itself: that is what
 * others took. */
double bench_busy(const struct bench_run *run);

/* Whether it has figures, of this size or of no bytes at all. */
bool is_step(const struct record *record, enum mode mode, size_t size, bool two);

/* Or wherever the kernel puts them. */
bool is_on_two(const struct record *record);
bool is_in_group(const struct record *record, const char *group);
/* Whether its channel can do all this (SINEW_CAP_). */
bool has_caps(const struct record *record, uint64_t caps);

/* "15.4 us", "1.20 GB/s", "8.1 M", "201,944"; of bytes "64", "64K", "1M". Return `text`. */
enum { FIGURE = 32 };
char *say_ns(double ns, char text[FIGURE]);
char *say_bytes(const struct record *record, char text[FIGURE]);
char *say_count(double count, char text[FIGURE]);
char *say_whole(uint64_t count, char text[FIGURE]);
char *say_size(double size, char text[FIGURE]);

#endif
