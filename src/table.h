/* SPDX-License-Identifier: MIT
 *
 * table.h - the links of a listening channel: who has come, who has something to say.
 *
 * The receiving thread accepts, picks and removes. The sending thread looks links up by id and
 * holds one while it writes: a link's descriptor is closed by whoever lets go of it last, so it can
 * never be reused under a writer. Ids carry a generation and are never given out twice.
 */
#ifndef SINEW_TABLE_H
#define SINEW_TABLE_H

#include "channel.h"

/* What a step of a receive came to; or -errno. */
enum sinew__step { END = 0, MESSAGE = 1, EVENT = 2, AGAIN = 3 };

struct sinew__event {
	uint64_t peer;
	unsigned flags;
};

/* A connection that was taken from the listening socket and is no link yet: its peer may have sent
 * already, so it is kept until there is memory for it, and room in the set. */
struct sinew__taken {
	_Atomic int fd; /* or -1 */
	struct sockaddr_storage address;
	socklen_t size;
};

struct sinew__listener {
	/* Takes one connection that waits on the listening socket, unless one is taken, and makes it a
	 * link (ops, buffers, who). -EAGAIN none waits; -EPERM refused and closed, go on; else
	 * -errno, and what is taken stays so. Never waits. */
	int (*accept)(struct sinew_channel *, int listen_fd, struct sinew__taken *,
		struct sinew__link **);
};

/* Takes listen_fd over. most: how many peers at once. */
int sinew__table_open(
	struct sinew_channel *, const struct sinew__listener *, int listen_fd, unsigned most);
void sinew__table_close(struct sinew_channel *);

/* The link that is to be read next. 1 and *link: with *alone, it is the only one there can be and
 * a read of it may wait; without, only try. 0: END. AGAIN: the pool wants to be looked after first.
 * -errno as for a wait. */
int sinew__table_pick(
	struct sinew_channel *, struct sinew__link **link, bool *alone, int64_t until);

/* The link picked last, if it is still there: it may hold more messages. */
struct sinew__link *sinew__table_current(struct sinew_channel *);

/* A link that a sender holds, until it lets go. SINEW_ANY_PEER: the only one; waits until there is
 * one. NULL and *error. */
struct sinew__link *sinew__table_hold(
	struct sinew_channel *, uint64_t id, int64_t until, int *error);
/* The same by slot: 1 held, 0 the slot is free, -ENOENT there are no more slots. */
int sinew__table_hold_slot(struct sinew_channel *, unsigned slot, struct sinew__link **);
void sinew__table_let_go(struct sinew__link *);

/* The receiving thread is done with this link: END or worse. */
void sinew__table_remove(struct sinew_channel *, struct sinew__link *, unsigned flags);

/* Of the links that wait for the end of the one with this id (link->after) the oldest: its id, or 0. The
 * others, if there are *more, wait for that one now. */
uint64_t sinew__table_successor(struct sinew_channel *, uint64_t id, bool *more);

/* Makes the link with this id, if it is still there, the current one: its inbox has what to cut. */
void sinew__table_prefer(struct sinew_channel *, uint64_t id);

/* With peers=1: whether END of the only peer is END of the channel, for nobody waits to follow. The
 * link may then stay, so that the peer, which only finished sending, can be answered. */
bool sinew__table_is_last(struct sinew_channel *);

/* Next peer event to deliver, with SINEW_EVENTS: whether there was one. */
bool sinew__table_event(struct sinew_channel *, struct sinew__event *);
/* A receive that ends without a message: an event is described in *msg, and so is what was lost until
 * END. Returns what the call returns. */
int sinew__table_tell(struct sinew_channel *, int step, struct sinew_msg *msg);
bool sinew__table_has_event(const struct sinew_channel *);

/* Whether the next receive would say END at once. */
bool sinew__table_ended(struct sinew_channel *);

/* Whether this link is to be picked when it is readable. 0 or -errno. */
int sinew__table_watch(struct sinew_channel *, struct sinew__link *, bool watch);
/* A pick shall come back soon, with AGAIN, so that the pool is looked after. */
void sinew__table_look_later(struct sinew_channel *);

/* The set to poll for reading, which has all links in it from then on, or -errno; the listening socket. */
int sinew__table_poll_fd(struct sinew_channel *);
int sinew__table_listen_fd(const struct sinew_channel *);

#endif
