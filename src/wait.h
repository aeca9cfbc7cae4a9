/* SPDX-License-Identifier: MIT
 *
 * wait.h - deadlines, and the one place where a channel waits for readiness.
 */
#ifndef SINEW_WAIT_H
#define SINEW_WAIT_H

#include "channel.h"

int64_t sinew__now(void);

/* The earlier of two deadlines. */
static inline int64_t sinew__sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Waits until fd is ready for `events`. 0; -EAGAIN for SINEW_NOW; -ETIMEDOUT; -ECANCELED; -EINTR
 * if the channel is interruptible. */
int sinew__wait(struct sinew_channel *, int fd, short events, int64_t until);

/* Without a channel: for opening. fd may be -1: waits for the time alone. */
int sinew__wait_fd(int fd, short events, int64_t until, bool interruptible);

/* The same with a way out: -ECANCELED when cancel_fd, unless it is -1, is readable. */
int sinew__wait_either(int fd, short events, int cancel_fd, int64_t until, bool interruptible);

/* Whether the mechanism itself may wait for ever, in one system call that nothing else must end. */
static inline bool sinew__may_block(const struct sinew_channel *channel, int64_t until)
{
	const unsigned other_ends = SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE;

	return until == SINEW_FOREVER && !(channel->flags & other_ends);
}

/* What to do after -EINTR: 0 go on, or -EINTR. */
int sinew__interrupted(struct sinew_channel *);

/* Pauses of a bounded, growing length for what cannot be waited for: a name that is not there yet.
 * Returns 0 to try again, or the result of a wait. *pause starts at 0; the channel may be NULL. */
int sinew__pause(struct sinew_channel *, int64_t *pause, int64_t until);

#endif
