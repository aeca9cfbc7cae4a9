/* SPDX-License-Identifier: MIT
 *
 * peers.c - the list of other libraries.
 */
#include "peers.h"

const struct contender *bench_peers[PEERS_MOST + 1];

void peers_add(const struct contender *peer)
{
	for (unsigned i = 0; i < PEERS_MOST; i++)
		if (!bench_peers[i]) {
			bench_peers[i] = peer;
			return;
		}
}
