/* SPDX-License-Identifier: MIT
 *
 * session.h - counting what a broken connection lost. A sender that may reconnect opens every
 * connection with a HELLO: who it is and the number of the message that follows. The reader compares
 * with the number it had reached; the difference is lost, and said so.
 */
#ifndef SINEW_SESSION_H
#define SINEW_SESSION_H

#include "channel.h"

struct sinew__session {
	uint64_t id, received;
	struct sinew__link *link; /* its connection now, or NULL */
	bool awaited;             /* newer ones wait until that one is read to its end */
};

/* Room to remember `most` senders. -ENOMEM. */
int sinew__sessions_open(struct sinew_channel *, unsigned most);
void sinew__sessions_close(struct sinew_channel *);

/* A HELLO came on this link. 0; -EAGAIN: an older connection of this sender must be read to its end
 * first (it is shut down, and the oldest that waits becomes current after it); until then this one,
 * link->after, is not read, or its own end might come first. -ESTALE: a newer one was read already, and
 * what this one carries counted as lost. -EBADMSG: not the first frame. */
int sinew__session_hello(struct sinew__link *, uint64_t session, uint64_t next);

/* A message was delivered, or given up, from this link. */
static inline void sinew__session_count(struct sinew__link *link)
{
	if (link->session)
		link->session->received++;
}

/* The link is about to go. Returns the id of the one that waited for that, or 0. */
uint64_t sinew__session_leave(struct sinew__link *);

#endif
