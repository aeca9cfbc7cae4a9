/* SPDX-License-Identifier: MIT
 *
 * echo.h - the many-peer benchmark: a server that answers, beside its bare twin.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include "bench.h"

/* What both servers did in one round. */
struct echo_run {
	double rate[2]; /* requests a second */
	double cpu[2];  /* ns of the server's CPU time a request */
	double busy[2]; /* share of a CPU that the server took */
};

/* One line of the table: a mechanism with so many connections. [0] is the twin, [1] sinew. */
struct echo_score {
	const char *mechanism;
	unsigned connections, rounds;
	struct echo_run runs[REPEATS_MAX];
	double memory[2]; /* bytes of resident memory that a connection costs the server */
	char error[200];  /* "" unless it failed, or was left out */
	bool skipped;
};

/* The clients of one process: connects `count` times to each server, then does what it is told.
 * (echo_load.c) */
struct echo_load {
	const char *mechanism, *directory;
	unsigned ports[2];
	unsigned count;
	int orders, reports;          /* pipes: an order is a byte, which server; so is a report */
	int64_t window;               /* ns, from when every connection has asked once */
	_Atomic uint64_t *answers[2]; /* of all loads: that came within it, and all */
};
void echo_load(void *load);

/* Where a server listens. */
void echo_address(const struct echo_load *load, unsigned server, char *uri, size_t size);

/* The twin's listening socket. */
int echo_listen(const struct echo_load *load, unsigned server);

struct echo_plan {
	unsigned rounds;
	unsigned divide; /* --quick: shorter rounds */
	int cpu[2];
	const char *directory;
};

/* The lines by their names, "tcp 1000". */
extern const unsigned echo_line_count;
const char *echo_line(unsigned index);

/* Measures the lines whose name contains one of these, or all, and prints them. Exit status. */
int echo_measure(const struct echo_plan *plan, const char *const *only, unsigned only_count);

enum { ECHO_SIZE = 64 }; /* bytes of a message */

#endif
