/* SPDX-License-Identifier: MIT
 *
 * peers.c - the list of other libraries.
 */
#include "peers.h"

const struct contender *bench_peers[PEER_KINDS][PEERS_MOST + 1];

void peers_add(enum peers kind, const struct contender *peer)
{
	for (unsigned i = 0; i < PEERS_MOST; i++)
		if (!bench_peers[kind][i]) {
			bench_peers[kind][i] = peer;
			return;
		}
}
