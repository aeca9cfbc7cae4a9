/* SPDX-License-Identifier: MIT
 *
 * net_wire.h - what is carried between two machines, and who carries it.
 *
 * Listeners live on the left machine, 10.77.0.1 and fd77::1, clients on the right one; a case may give
 * them other addresses.
 */
#ifndef SINEW_TESTS_NET_WIRE_H
#define SINEW_TESTS_NET_WIRE_H

#include "faults.h"
#include "wire.h"

enum { PORT = 7000 };

/* A mechanism over an IP version. */
struct line {
	const char *name, *scheme;
	bool v6;
	bool sure;      /* all arrives, in order; else what does not is counted */
	size_t largest; /* message */
};

/* lines: all. connected: those that know whether there is a peer. datagrams: those that do not. */
extern struct test_suite lines, connected, datagrams;

/* What the processes of a case tell each other. */
struct told {
	atomic_uint timeouts, connects, sent;
	atomic_uint heard[2]; /* the last message, each way */
};

struct scene {
	const struct line *line;
	struct wire wire;
	struct gate gate;
	struct told *told;
};

void scene_open(struct scene *, const struct line *, enum wire_kind, const struct wire_rule *);
void scene_close(struct scene *);
/* Runs fn(scene) in a child, on the right machine. */
pid_t scene_fork(struct scene *, void (*fn)(struct scene *));

/* The URI at which host so and so, or "*", listens. Good until the eighth call from here. */
const char *line_uri(const struct line *, const char *host, const char *options);
const char *line_host(const struct line *, unsigned number);

sinew_channel *listen_at(
	const struct line *, const char *host, const char *options, unsigned flags);
sinew_channel *connect_to(const struct line *, const char *host, const char *options);

/* Datagrams: what came, as the receiver was told it. */
struct tally {
	uint64_t next, came, lost, late, copies, peer, first_peer;
};
void send_counted(struct scene *, sinew_channel *, uint64_t peer, int way);
void expect_counted(struct scene *, sinew_channel *, int way, struct tally *);

/* A wait of `ms` that began at `start` lasted that long, not much longer, and was no busy loop. */
struct patience {
	int64_t start;
	uint64_t calls;
	sinew_channel *channel;
};
struct patience patience_begin(sinew_channel *channel);
uint64_t patience_calls(const struct patience *);
void patience_check(const struct patience *, int64_t ms, unsigned calls);

#endif
