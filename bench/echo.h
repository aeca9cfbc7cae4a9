/* SPDX-License-Identifier: MIT
 *
 * echo.h - the many-peer benchmark: a server that answers, beside its bare twin.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include "bench.h"

/* What the servers did; [0] is the twin, [1] sinew. */
struct echo_score {
	unsigned rounds;
	double rate[REPEATS_MAX][2]; /* requests a second */
	struct spent spent[2];       /* in all rounds */
	uint64_t answers[2];
	double memory[2]; /* bytes of resident memory that a connection costs the server */
};

/* The clients of one process: connects `count` times to each server, then does what it is told.
 * (echo_load.c) */
struct echo_load {
	const char *mechanism, *directory;
	unsigned ports[2];
	unsigned count;
	unsigned first;               /* of the servers: 1 leaves the twin out */
	int orders, reports;          /* pipes: an order is a byte, which server; so is a report */
	int64_t window;               /* ns, from when every connection has asked once */
	_Atomic uint64_t *answers[2]; /* of all loads: those a second, and all */
};
void echo_load(void *load);

/* Where a server listens. */
void echo_address(const struct echo_load *load, unsigned server, char *uri, size_t size);

/* The twin's listening socket. */
int echo_listen(const struct echo_load *load, unsigned server);

/* Fills in a record that says row, connections (fan) and CPUs; with these options of a URI, or NULL. */
void echo_measure(struct record *record, const struct plan *plan, const char *options);

/* As bench_play_once(), with a hundred connections at most. */
int echo_play_once(const struct record *record, const struct plan *plan, const char *options,
	struct played *played);

enum { ECHO_SIZE = 64 }; /* bytes of a message */

#endif
