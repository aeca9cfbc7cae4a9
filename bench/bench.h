/* SPDX-License-Identifier: MIT
 *
 * bench.h - what is measured, how, and what came of it: rows, the plan, records.
 *
 * A row is a mechanism and its bare twin; a step is a row in one mode, with one size of message, on
 * certain CPUs; a record is what measuring a step gave. Times are nanoseconds.
 */
#ifndef BENCH_H
#define BENCH_H

#include <sys/types.h>

#include "contender.h"
#include "histogram.h"
#include "place.h"

enum {
	CONTENDERS = 8, /* sinew, up to three tunings of the bare calls, other libraries */
	REPEATS_MAX = 31,
	LARGE = 64 << 10, /* from here on streams are tuned for large messages */
	SIZE_LEAST = 24,  /* a message carries its number twice, and a time */
	SIZE_MOST = 16 << 20,
};

enum mode {
	LATENCY,   /* there and back, one at a time */
	STREAM,    /* one way, a call for each message */
	BATCHED,   /* one way, sinew in arrays of BATCH */
	PACED,     /* one way, at set times, however long the others take */
	ALONE,     /* no message: what one process does by itself, a lock or a process made */
	FAN_IN,    /* many writers, one reader */
	FAN_OUT,   /* one writer, many readers */
	ECHO,      /* a server that answers many connections */
	CONTENDED, /* no message: what two processes want at the same time */
	MODES,
};
extern const char *const bench_modes[MODES];

/* What other libraries carry messages by. */
enum peers {
	NO_PEERS,
	BY_SOCKET,
	BY_MEMORY,
	PEER_KINDS,
};

/* One line of the matrix: a mechanism, or a way to use it. */
struct row {
	const char *name;
	const char *groups;           /* words by which it may be asked for too */
	const char *uri, *back;       /* round trips and streams of small messages */
	const char *bulk;             /* streams of large messages, files; NULL: none */
	const struct contender *ours; /* NULL: sinew_contender */
	const struct contender *bare;
	const char *many; /* the URI of FAN_IN and of one_by_one, if another */
	const struct contender *bare_in, *bare_out; /* the twins in a fan; NULL: as `bare` */
	const char *no_fan_in, *no_fan_out;         /* why there is none */
	struct tuning tunings[3]; /* for large messages: the best of these is the bare figure */
	size_t chunk;             /* message size for files */
	size_t most;              /* bytes of a message; 0: as many as the channel says */
	unsigned modes;           /* a bit for each */
	bool extra;               /* left out of a quick look, unless it is asked for */
	enum peers peers;         /* which other libraries are measured beside it */
	bool wake;                /* carries no bytes */
	bool lossy;
	bool each;       /* every reader gets every message */
	bool one_by_one; /* who has several readers sends to each of them */
};
extern const struct row bench_rows[];
extern const unsigned bench_row_count;

/* What one side did, summed over the blocks that count. */
struct spent {
	uint64_t wall, running,
		ready; /* of its first thread; what is left of wall it was blocked */
	uint64_t cpu;  /* of all its threads */
	uint64_t calls, voluntary, involuntary, faults;
};

/* What one contender did in all repeats. */
struct outcome {
	const char *name;
	double p50[REPEATS_MAX], p99[REPEATS_MAX], rate[REPEATS_MAX]; /* rate: messages a second */
	struct histogram_kept times; /* of all repeats, and what they amount to: */
	double p50_all, p90_all, p99_all, p999_all, max_all;
	uint64_t messages, lost;
	struct spent spent[2]; /* by role */
	uint64_t both;         /* ns in which either side was in a block */
	double peer_bytes;     /* ECHO: memory that a connection costs the server */
	bool calls_known;
};

struct figure {
	double median, low, high;
};

struct record {
	const struct row *row;
	enum mode mode;
	size_t size;
	int cpu[2];   /* of the client and the server; < 0: not pinned */
	double rate;  /* PACED: messages a second */
	unsigned fan; /* FAN_IN: writers, FAN_OUT: readers, ECHO: connections; else 1 */
	unsigned repeats, contenders;
	unsigned peers; /* the first that is another library */
	unsigned bare;  /* which of them is the twin; 0 is sinew */
	struct outcome outcomes[CONTENDERS];
	struct figure ratio; /* of costs, sinew's over the twin's, repeat by repeat */
	struct place before, after;
	double took;       /* ns that measuring has lasted */
	double steal;      /* share of it that the host took away */
	char error[200];   /* "" unless it failed */
	char skipped[120]; /* "" unless it was not measured: why */
};

struct plan {
	int64_t duration; /* of each contender in each repeat */
	unsigned repeats; /* of each record, those that it has already counted */
	double rate;      /* PACED */
	const char *wait; /* of rings, or NULL */
	const char *directory;
};

/* Measures a record, which says row, mode, size and CPUs, until it has as many repeats as planned. May be
 * called again, with more of them. */
void bench_measure(struct record *record, const struct plan *plan, const char *options);
void bench_forget_record(struct record *record);

/* Who played a step, by role, up to a zero; and how many messages, those of the warm-up too. */
struct played {
	pid_t pids[2][FAN_MOST];
	uint64_t messages;
};

/* Plays a measured step once more for whoever looks at its processes: sinew alone, in blocks that fill
 * plan->duration, `played` in shared memory. 0, or -1 and the reason is in crew_error(). */
int bench_play_once(const struct record *record, const struct plan *plan, const char *options,
	struct played *played);

/* ns of one message (half a round trip is not guessed at: of a round trip). */
double bench_cost(const struct record *record, unsigned contender, unsigned repeat);
struct figure bench_figure(const double *values, unsigned count);
/* By how much `now` costs more than `before`, beyond the noise of both; 0 if it does not. */
double bench_worse(const double *before, unsigned before_count, const double *now, unsigned count);
/* Of costs, a contender's over the twin's, repeat by repeat. */
struct figure bench_ratio(const struct record *record, unsigned contender);
struct figure bench_costs(const struct record *record, unsigned contender);
bool bench_sound(const struct record *record); /* whether it has figures */
/* Whether a message of it is a send to each of its readers. */
bool bench_is_one_by_one(const struct record *record);
/* Who contends in a row in this mode; no twin: NULL. ECHO has servers of its own. (twin.c) */
const struct contender *bench_ours(const struct row *row, enum mode mode);
const struct contender *bench_twin(const struct row *row, enum mode mode);

/* Puts the options of `query` ("a=1&b=2") into a URI, instead of those of the same name. The caller
 * frees it. */
char *bench_uri_with(const char *uri, const char *query);

#endif
