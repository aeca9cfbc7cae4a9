/* SPDX-License-Identifier: MIT
 *
 * contender.h - one way to carry messages, or wake-ups, between two processes: the bare system calls of a
 * mechanism, sinew over the same mechanism, or another library.
 *
 * All run the same loops in the same two processes, in turns, so that whatever disturbs one disturbs the
 * other.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

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
	FAN_MOST = 8,
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
	int held;         /* keeps others from the port */
	size_t size;      /* of every message */
	bool both;        /* answers are wanted */
	bool lossy;       /* what is lost is counted, and no failure */
	unsigned clients; /* that the server has; 0: one */
	unsigned readers; /* that the client has; 0: one */
	struct tuning tuning;
	int fds[4]; /* made before the fork */
	int in, out, epoll;
	struct sinew_channel *ends[2], *reading, *writing;
	uint64_t peer;            /* whom to answer */
	uint64_t peers[FAN_MOST]; /* readers that are written to one by one */
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
	/* One message; of a lock, one use that excludes others, in which count_up(data) is called. */
	void (*recv)(struct link *link, void *data, size_t size);
	/* Several in a row; NULL where nothing but answers is measured. */
	void (*put)(struct link *link, const unsigned char *first, unsigned count);
	unsigned (*get)(struct link *link, const unsigned char **data, unsigned count);
	void (*done)(struct link *link, unsigned count); /* with what get() gave; may be NULL */
	uint64_t (*calls)(struct link *link);            /* NULL: link->calls, unknown if 0 */
	uint64_t (*took)(struct link *link); /* ns of the last use; NULL: all that passed counts */
	/* In the driver, which nobody kills, what would outlive all processes. 0, or -errno; may be NULL. */
	int (*make)(struct link *link);
	void (*unmake)(struct link *link); /* however they ended; also if make() failed */
};

extern const struct contender sinew_contender;
extern const struct contender sinew_one_by_one; /* a listener that sends to each reader who came */

/* DIR, NAME and PORT filled in. The caller frees it. */
char *bench_uri(const char *text, const char *directory, unsigned port);
/* For whoever listens with SO_REUSEADDR; nobody else is given it before `held` is closed. */
unsigned bench_free_port(int *held);

#endif
