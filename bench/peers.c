/* SPDX-License-Identifier: MIT
 *
 * peers.c - the list of other libraries, and what is the same for all.
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

void peers_put(struct link *link, const unsigned char *first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		link->kind->send(link, first + i * link->size, link->size);
}

unsigned peers_get(struct link *link, const unsigned char **data, unsigned count)
{
	(void)count;
	link->kind->recv(link, link->buffer, link->size);
	data[0] = link->buffer;
	return 1;
}
