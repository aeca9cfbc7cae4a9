/* SPDX-License-Identifier: MIT
 *
 * peers.h - other libraries, measured in the same turns. Each is one file that names itself with PEER; which
 * of them a program has is decided by what it is linked from.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "contender.h"
#include "raw/raw.h"

enum { PEERS_MOST = 4 };

void peers_add(const struct contender *peer);
/* Up to a NULL. */
extern const struct contender *bench_peers[PEERS_MOST + 1];

#define PEER(name_, join_, send_, recv_)                                                           \
	static const struct contender peer = {                                                     \
		.name = (name_),                                                                   \
		.join = (join_),                                                                   \
		.send = (send_),                                                                   \
		.recv = (recv_),                                                                   \
		.put = raw_put,                                                                    \
		.get = raw_get,                                                                    \
	};                                                                                         \
	__attribute__((constructor)) static void add_peer(void)                                    \
	{                                                                                          \
		peers_add(&peer);                                                                  \
	}                                                                                          \
	struct peer_ends_here

#endif
