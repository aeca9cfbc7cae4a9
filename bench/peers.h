/* SPDX-License-Identifier: MIT
 *
 * peers.h - other libraries, measured in the same turns. Each is one file that names itself with PEER, and what
 * it carries messages by; which of them a program has is decided by what it is linked from.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench.h"
#include "raw/raw.h"

enum { PEERS_MOST = 4 };

void peers_add(enum peers kind, const struct contender *peer);
/* Of each kind, up to a NULL. */
extern const struct contender *bench_peers[PEER_KINDS][PEERS_MOST + 1];

#define PEER_PREPARED(kind_, name_, prepare_, join_, send_, recv_)                                 \
	static const struct contender peer = {                                                     \
		.name = (name_),                                                                   \
		.prepare = (prepare_),                                                             \
		.join = (join_),                                                                   \
		.send = (send_),                                                                   \
		.recv = (recv_),                                                                   \
		.put = raw_put,                                                                    \
		.get = raw_get,                                                                    \
	};                                                                                         \
	__attribute__((constructor)) static void add_peer(void)                                    \
	{                                                                                          \
		peers_add((kind_), &peer);                                                         \
	}                                                                                          \
	struct peer_ends_here

#define PEER(kind_, name_, join_, send_, recv_)                                                    \
	PEER_PREPARED(kind_, name_, NULL, join_, send_, recv_)

#endif
