/* SPDX-License-Identifier: MIT
 *
 * addresses.h - the peers of one datagram socket, by address. A bounded book: when it is full, one
 * who was not heard lately makes room, and answering that peer's id says -ESTALE.
 */
#ifndef SINEW_ADDRESSES_H
#define SINEW_ADDRESSES_H

#include <sys/socket.h>

#include "channel.h"

struct sinew__addresses;

int sinew__addresses_open(struct sinew__addresses **, unsigned most);
void sinew__addresses_close(struct sinew__addresses *);

/* The id of this address, new or known; 0 for an address nobody could answer. */
uint64_t sinew__addresses_id(
	struct sinew__addresses *, const void *address, socklen_t, const struct sinew_peer *);

/* The id of an address that is in the book, and who that is; 0: it is not. */
uint64_t sinew__addresses_known(
	struct sinew__addresses *, const void *address, socklen_t, struct sinew_peer *);

/* The id of this address, if the peer that sinew__addresses_id() was asked for last had it and the same
 * credentials; 0: ask that. For the receiving thread. */
uint64_t sinew__addresses_again(
	struct sinew__addresses *, const void *address, socklen_t, const struct ucred *);

/* The address of this id: its length, or -ESTALE. *who may be NULL. */
int sinew__addresses_find(
	struct sinew__addresses *, uint64_t id, struct sockaddr_storage *, struct sinew_peer *who);

/* Which of the book's rows, counted from 0, an id that was found there belongs to. */
unsigned sinew__addresses_row(uint64_t id);

#endif
