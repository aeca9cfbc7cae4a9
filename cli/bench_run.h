/* SPDX-License-Identifier: MIT
 *
 * bench_run.h - one run of sinew bench: its steps and their records, and what is made of them.
 */
#ifndef CLI_BENCH_RUN_H
#define CLI_BENCH_RUN_H

#include <bench.h>
#include <judge.h>

#include "out.h"
#include "settings.h"

/* The machine in the words of the report. */
struct machine {
	char system[256], cpu[128], date[32];
	int cpus;                                        /* that we may use: 1, or 2 and more */
	long pipe_max, mq_depth, mq_size, socket_buffer; /* limits; -1: not known */
};
struct machine machine_look(void);

/* Why a process was blocked, of one step. */
enum { WAIT_WORD = 24, MOST_WAITS = 16, MOST_WORDS = 400 };
struct wait {
	unsigned side;                           /* enum role, who waited */
	const char *who;                         /* the same in words: "the client", "a writer" */
	char call[WAIT_WORD], object[WAIT_WORD]; /* "read", "pipe"; "": none that is known */
	char waker[WAIT_WORD], waker_call[WAIT_WORD]; /* as `who`, "a timer"; "write"; "" */
	bool probable;                                /* that it was this waker */
	uint64_t count;
	double times; /* a message */
};
struct waits {
	bool seen;
	unsigned count; /* of each side what is most often first */
	struct wait of[MOST_WAITS];
};

struct bench_run {
	const struct settings *settings;
	struct machine machine;
	struct plan plan;
	int cpu[2]; /* of the client, of the server, where there are two; -1: none or not pinned */
	struct record *records;
	char **options; /* of a URI that was given, by record; or NULL */
	unsigned count;
	struct baseline *baseline; /* what was measured before, or NULL */
	struct evidence evidence;
	struct waits *waits;        /* by record, or NULL: nobody looked */
	char unwatched[MOST_WORDS]; /* why nobody could look; "" */
	int interrupted;            /* the signal, or 0 */
};

/* bench_steps.c: what is to be measured. EXIT_DONE, or says why not. */
int bench_choose(struct bench_run *run);
/* Seconds that a repeat of a step takes, about. */
double bench_seconds(const struct bench_run *run, const struct record *record);
void bench_forget(struct bench_run *run);

/* bench_passes.c: measures all there is to measure, until an interrupt. */
void bench_measure_all(struct bench_run *run);

/* bench_watch.c: what the processes of each step blocked on. Fills in waits, or unwatched. */
void bench_watch(struct bench_run *run);

/* "pipe, fan-in 8, 64 bytes, CPUs 0,1". */
const char *bench_step(const struct record *record, char *text, size_t size);

/* "0,1", "0,0" or "none". */
const char *bench_cpus(const struct record *record, char *text, size_t size);

void bench_print(const struct bench_run *run, struct out *out);      /* bench_table.c */
void bench_write_json(const struct bench_run *run, struct out *out); /* bench_json.c */

/* bench_missing.c; the reason of what nothing but the time kept from being measured. */
extern const char bench_late[];
void bench_print_missing(const struct bench_run *run, struct out *out);

void bench_print_words(const struct bench_run *run, struct out *out); /* bench_words.c */

void bench_write_html(const struct bench_run *run, struct out *out); /* bench_html.c */

/* bench_baseline.c: what was measured before, read from a file. EXIT_DONE, or says why not. */
struct baseline;
int baseline_read(const char *file, struct baseline **baseline);
/* Whether a record seems to cost more than before, beyond the noise. */
bool baseline_doubts(const struct bench_run *run, unsigned i);
/* Prints what does; how many. */
unsigned baseline_compare(const struct bench_run *run, struct out *out);
void baseline_close(struct baseline *baseline);

#endif
