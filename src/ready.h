/* SPDX-License-Identifier: MIT
 *
 * ready.h - the descriptors a host may poll. Each is an epoll set with an eventfd inside: the
 * eventfd is armed while something is ready that the kernel does not know of - messages in a private
 * buffer, room not yet tried. Made on first request; costs nothing before.
 */
#ifndef SINEW_READY_H
#define SINEW_READY_H

#include "channel.h"

int sinew__ready_fd(struct sinew_channel *, unsigned direction);

/* After every receive: what is left in our buffers decides. */
void sinew__ready_update(struct sinew_channel *);

/* After every send: `full` is the link of a table that had no room, or NULL. */
void sinew__room_update(struct sinew_channel *, const struct sinew__link *full);

/* After a send that found no memory to keep a rest in: the host shall try again in a while. */
void sinew__room_later(struct sinew_channel *);

/* A half of the only link is about to close its descriptor; it has a new one. */
void sinew__ready_forget(struct sinew_channel *, unsigned direction);
void sinew__ready_renew(struct sinew_channel *, unsigned direction);

/* The connection is broken and not renewed yet: the host shall call again in a while, not at once. */
void sinew__ready_retry(struct sinew_channel *, unsigned direction);

void sinew__ready_close(struct sinew_channel *);

#endif
