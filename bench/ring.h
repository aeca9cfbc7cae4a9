/* SPDX-License-Identifier: MIT
 *
 * ring.h - the works of sinew-bench-ring: what one process does while it holds the clock, and what the
 * others do, whom it starts. ring.c has the rows that compare two works.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "raw/ring.h"

enum {
	RING_MIB = 1 << 20,
	RING_BATCH = 64,
	RING_WARM = 100, /* round trips before the clock starts */
	RING_WRITERS = 8,
};

/* What one turn came to. */
struct outcome {
	double ns;     /* of one message or round trip; the median where each is timed alone */
	double p99;    /* ns, where each is timed alone */
	double cpu_ns; /* of both sides, of one message */
};

/* In memory that all processes of a work share. */
struct ring_common {
	struct raw_lines lines;
	struct raw_slots slots;
	struct raw_frames frames;
	_Atomic uint64_t go, come, at, last;
	struct outcome outcome;
};

struct job {
	const char *uri, *path, *directory; /* directory: for names of this turn */
	size_t size;
	unsigned count, batch, writers, stopped; /* of a topic, readers; stopped: by SIGSTOP */
	int cpu[2];                              /* of who holds the clock, of the others */
	int event;
	struct ring_common *common;
};

/* Runs in a leader (crew.h), on cpu[0], and fills in job->common->outcome. */
typedef void ring_work(struct job *job);

ring_work ring_lines, ring_trips, ring_lent_trips, ring_ck_trips;
ring_work ring_slots, ring_stream, ring_raw_frames, ring_memcpy;
ring_work ring_paced, ring_event_paced;
ring_work ring_queue;
ring_work ring_topic, ring_everybody, ring_frames, ring_latest, ring_copies;
ring_work ring_zmq_topic, ring_dbus_topic;
ring_work ring_death_spinning, ring_death_parked, ring_death_arriving, ring_death_lock;
ring_work ring_attach;

/* ring_work.c: what they share. */
double ring_now(void);                                          /* ns */
sinew_channel *ring_end(const struct job *job, unsigned flags); /* or ends the crew */
pid_t ring_start(struct job *job, void (*side)(void *));
void ring_expect(const void *data, uint64_t number);
_Noreturn void ring_fail(const char *what);
/* Many readers: started, and waited for until each has called _come(). */
enum { RING_READERS = 2 * RING_WRITERS };
void ring_readers(struct job *job, void (*read)(void *), pid_t *pids, unsigned count);
void ring_come(struct job *job);
/* A reader has all that was sent; the outcome is the time since `begun` until the last one had it. */
void ring_has_all(struct job *job);
void ring_until_last(struct job *job, double begun, const pid_t *pids);

double ring_cpu(void); /* ns that this process and its ended children took */

/* The outcome of times taken one by one; sorts them. */
void ring_percentiles(struct outcome *outcome, double *samples, unsigned count);

#endif
