/* SPDX-License-Identifier: MIT
 *
 * wire.h - two machines and a wire between them: two network namespaces that no name keeps, so that they
 * end with the processes of the case. Each has one interface, "wire", with an IPv4 and an IPv6 address.
 *
 * The wire is a pair of virtual Ethernet devices, the same with netem, or a lossy one: a process that
 * carries packets between two TUN devices and drops, doubles, delays and reorders them by a seeded rule.
 */
#ifndef SINEW_TESTS_WIRE_H
#define SINEW_TESTS_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LEFT, RIGHT };

enum wire_kind { WIRE_PLAIN, WIRE_NETEM, WIRE_LOSSY };

/* What the lossy wire does to packets: chances in 1000, times in microseconds. */
struct wire_rule {
	uint64_t seed;
	unsigned drop, twice, late;
	int64_t delay, lateness;
};

/* What it did. */
struct wire_counts {
	atomic_uint passed, dropped, doubled, delayed;
};

struct wire {
	int machines[2];
	pid_t carrier;
	struct wire_counts *counts;
};

/* Skips the case where that is not allowed, or where the kernel cannot. This process is LEFT then. */
void wire_open(struct wire *, enum wire_kind, const struct wire_rule *);
void wire_close(struct wire *);

/* From here on this thread, and what it forks, is that machine. */
void wire_enter(const struct wire *, int side);

/* Runs a shell command on that machine; it has to succeed. */
__attribute__((format(printf, 3, 4))) void wire_run(
	const struct wire *, int side, const char *format, ...);

/* Both machines: after how many unanswered transmissions a connection is broken (tcp_retries2). */
void wire_retries(const struct wire *, unsigned count);

#endif
