/* SPDX-License-Identifier: MIT
 *
 * flow.h - a channel through which numbered messages flow until it is full, is drained, and flows on.
 */
#ifndef SINEW_TESTS_FLOW_H
#define SINEW_TESTS_FLOW_H

#include "mechanisms.h"

enum { FLOW_GROUP = 16 }; /* messages in one call, at most */

/* A sender that numbers its messages and remembers how far it came. */
struct flow {
	struct ends e;
	char *data;
	size_t size;
	unsigned accepted, received;
};

void flow_open(struct flow *f, const struct mechanism *m, size_t size, unsigned flags);
void flow_close(struct flow *f);

/* Sends that many at once; how many were accepted, or -errno. */
int flow_send(struct flow *f, unsigned count, int64_t until);

/* Everything accepted arrives, and nothing else. */
void flow_drain(struct flow *f);

/* Sends to what loses messages do not wait, whoever reads: check_never_full(). */
bool flow_never_blocks(const struct mechanism *m);

#endif
