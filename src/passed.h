/* SPDX-License-Identifier: MIT
 *
 * passed.h - descriptors that travel with messages over Unix sockets.
 *
 *   kernel ──► take_in ──► the link's queue ──► lend, with its message ──► the caller, or closed by
 *                              │                                           the next receive (let_go)
 *                              └──► drop: the message was dropped, or the link has ended
 *
 * Every descriptor is at each moment in exactly one place, and each place closes what it holds. The
 * queue is bounded: what a peer sends beyond it is closed as it comes, and the peer is cut off.
 */
#ifndef SINEW_PASSED_H
#define SINEW_PASSED_H

#include <sys/socket.h>

#include "channel.h"
#include "frame.h"

/* Room for the control messages of one packet: who sent it, and its descriptors. Aligned. */
union sinew__control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(SINEW__MOST_FDS * sizeof(int))];
};

/* ---- opening ---- */

/* Makes the channel one whose messages carry up to `most` descriptors; 0: none. -ENOMEM. */
int sinew__passed_setup(struct sinew_channel *, int64_t most);
/* Gives a link of such a channel its queue. -ENOMEM. */
int sinew__passed_open(struct sinew__link *);
/* These close what they hold; NULL is fine. */
void sinew__passed_close(struct sinew__queue *);
void sinew__passed_let_go(struct sinew__lent *);

/* ---- receiving ---- */

/* Makes room for as many descriptors as the link takes in, and for credentials. */
static inline void sinew__passed_expect(
	const struct sinew__link *link, struct msghdr *message, union sinew__control *control)
{
	size_t fds = link->passed ? CMSG_LEN(link->channel->most_fds * sizeof(int)) : 0;

	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(struct ucred)) + fds;
}

/* Queues the descriptors that came; `until`: the link's count of bytes after this receive. If
 * some were missing or there were too many, all are closed and SINEW_MSG_FDS_LOST is the result. */
unsigned sinew__passed_take_in(struct sinew__link *, struct msghdr *, uint64_t until);

/* Streams: descriptors come with the first byte of a frame that announces them. Whether, so many
 * bytes behind the head of the inbox, some wait that no frame has announced; or too many came. */
bool sinew__passed_astray(const struct sinew__link *, size_t behind);
/* Whether those that the next such frame announces are there. */
bool sinew__passed_match(const struct sinew__link *, unsigned announced);

/* Hands the descriptors of the oldest message over to the caller, in *msg. */
void sinew__passed_lend(struct sinew__link *, struct sinew_msg *);
/* Closes those of the oldest message; all of them. */
void sinew__passed_drop(struct sinew__link *);
void sinew__passed_drop_all(struct sinew__link *);

/* ---- sending ---- */

/* Attaches the descriptors of *msg to a message of the kernel. */
void sinew__passed_attach(
	struct msghdr *, union sinew__control *control, const struct sinew_msg *msg);
/* Messages that were accepted: closes what has gone, and puts -1 in its place. */
void sinew__passed_sent(const struct sinew_msg *msgs, unsigned count);
/* Whether the kernel refused the descriptors, and the link is as it was. */
bool sinew__passed_refused(const struct sinew_msg *, ssize_t error);
/* Why, in words. */
int sinew__passed_explain(const struct sinew_channel *, const struct sinew_msg *, int error);

#endif
