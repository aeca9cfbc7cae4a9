/* SPDX-License-Identifier: MIT
 *
 * udp_packet.h - how datagrams move on UDP sockets, numbered or as they are.
 */
#ifndef SINEW_UDP_PACKET_H
#define SINEW_UDP_PACKET_H

#include "inet.h"
#include "sequence.h"

/* A peer as the book knows it. The second member counts where we listen on any address: who asked at
 * one address must be answered from it. */
struct sinew__route {
	struct sinew__place peer;
	struct in6_addr at;
};

/* What we send to one peer. */
struct sinew__outgoing {
	uint64_t peer, session, number;
};

struct sinew__udp {
	struct sinew__place place; /* what we are bound, or connected, to */
	bool numbered, any;
	bool long_ones; /* receiving: the last one was, do not copy the next */

	/* The receiving thread's. The sender heard last is at hand: */
	struct sinew__senders *senders;
	struct sinew__route last;
	uint64_t last_peer, last_session;
	struct sinew__sequence *heard_of;
	/* The sending thread's: */
	struct sinew__outgoing *outgoing;
};

extern const struct sinew__link_ops sinew__udp_ops;

#endif
