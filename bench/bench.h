/* SPDX-License-Identifier: MIT
 *
 * bench.h - what is compared: contenders, their links, the rows of the matrix and their scores.
 *
 * A contender is one way to carry messages between two processes: the bare system calls of a
 * mechanism, sinew over the same mechanism, or another library. All run the same loops in the same
 * two processes, in turns, so that whatever disturbs one disturbs the other.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sinew_channel;

enum role {
	SERVER, /* listens; answers, or reads the stream */
	CLIENT, /* connects; asks and holds the clock, or writes the stream */
};

enum {
	BATCH = 64, /* messages handed over at once */
	TAKE = 256, /* messages asked for at once */
	CONTENDERS = 5,
	ROUNDS_MAX = 31,
	LARGE = 1 << 20,
};

/* How bare system calls move large messages. 0: the system's own buffer, the whole message. */
struct tuning {
	int buffer;        /* F_SETPIPE_SZ, SO_SNDBUF and SO_RCVBUF */
	size_t write_size; /* bytes of one call */
	size_t read_size;
};

struct contender;

/* One contender in one process. */
struct link {
	const struct contender *kind;
	const char *uri, *back; /* with DIR and PORT filled in; back: the way back, if another */
	const char *directory;
	unsigned port;
	size_t size; /* of every message */
	bool both;   /* answers are wanted */
	struct tuning tuning;
	int fds[4]; /* made before the fork */
	int in, out, epoll;
	struct sinew_channel *ends[2], *reading, *writing;
	uint64_t peer; /* whom to answer */
	void *state;
	unsigned char *buffer; /* of `size` bytes, for get() */
	uint64_t calls;        /* system calls made by a bare contender */
};

/* Each call succeeds or ends the process with crew_fail(). */
struct contender {
	const char *name;
	void (*prepare)(struct link *link); /* before the fork; may be NULL */
	void (*join)(struct link *link, enum role role);
	void (*send)(struct link *link, const void *data, size_t size); /* one message */
	void (*recv)(struct link *link, void *data, size_t size);
	void (*put)(struct link *link, const unsigned char *first, unsigned count); /* in a row */
	unsigned (*get)(struct link *link, const unsigned char **data, unsigned count);
	void (*done)(struct link *link, unsigned count); /* with what get() gave; may be NULL */
	uint64_t (*calls)(struct link *link);            /* NULL: link->calls */
	void (*finish)(struct link *link); /* after both have ended well; may be NULL */
};

/* One line of the matrix: a mechanism, or a way to use it. */
struct row {
	const char *name;
	const char *uri, *back; /* round trips and streams */
	const char *bulk;       /* large messages and files; NULL: not measured */
	const struct contender *bare;
	struct tuning tunings[3]; /* for large messages: the best of these is the bare figure */
	size_t chunk;             /* message size of the main job */
	double batch_goal;        /* stream in batches over one call a message; 0: no stream here */
	double peer_goal;         /* stream in batches over libzmq */
	bool lossy;               /* a stream of large messages would lose some */
};
extern const struct row bench_rows[];
extern const unsigned bench_row_count;

extern const struct contender sinew_contender;
extern const struct contender *const zmq_contender; /* NULL: not built */

/* Where two CPUs are to each other, by the time a cache line takes there and back. */
struct place {
	double ns; /* 0: one CPU */
	const char *name;
};

/* What one contender did in one round; a message counts once, for both processes together. */
enum metric {
	P50, /* ns, round trip */
	P99,
	RATE,     /* messages a second */
	CPU,      /* ns of CPU time a message */
	CALLS,    /* system calls a message; below 0: not counted */
	SWITCHES, /* context switches a message */
	METRICS,
};
struct run {
	double of[METRICS];
};

/* What one measurement of one row gave. */
struct score {
	const struct row *row;
	const char *part; /* "round trip", "stream", "large" */
	int cpus;         /* 1 or 2 */
	size_t size;
	unsigned rounds, contenders, bare; /* bare: which of them is the twin */
	const char *names[CONTENDERS];
	struct run runs[ROUNDS_MAX][CONTENDERS];
	double percentiles[CONTENDERS][5]; /* all rounds, ns: p50 p90 p99 p99.9 max */
	struct place before, after;
	char error[200]; /* "" unless it failed */
};

/* What carrying the file gave. */
struct carriage {
	const struct row *row;
	unsigned repeats;
	uint64_t messages, bytes;
	size_t chunk;
	double rates[ROUNDS_MAX]; /* bytes a second */
	uint64_t lost;            /* counted by the channel, and sent again */
	char sum[65];             /* SHA-256 of what arrived last */
	bool same;                /* in every repeat */
	char error[200];
};

struct plan {
	unsigned rounds;
	unsigned divide; /* --quick: fewer messages */
	int cpu[2];      /* cpu[1] < 0: there is only one */
	bool self;       /* the twin against itself: what the noise alone makes of a ratio */
	const char *directory;
};

/* DIR, NAME and PORT filled in. The caller frees it. */
char *bench_uri(const char *text, const char *directory, unsigned port);
unsigned bench_free_port(void);

void measure_roundtrip(struct score *score, const struct plan *plan, int cpus);
void measure_stream(struct score *score, const struct plan *plan);
void measure_large(struct score *score, const struct plan *plan);

void place_pin(int cpu);
int place_cpus(int cpu[2]); /* how many there are, 1 or 2 */
struct place place_probe(const int cpu[2]);

/* The main job: `file` through `row`, `repeats` times, each time summed and compared with `sum`. */
void transfer_file(
	struct carriage *carriage, const char *file, const char *sum, const struct plan *plan);
int transfer_sum(const char *file, char sum[65]);
int transfer_receive(const char *uri, const char *file); /* the receiving program */

/* One line on standard error: `share` (0 to 1) of all is done. */
void progress_step(const char *what, double share);
void progress_end(void);

#endif
