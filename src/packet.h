/* SPDX-License-Identifier: MIT
 *
 * packet.h - messages over mechanisms that keep boundaries: what its receiving and its sending half share.
 */
#ifndef SINEW_PACKET_H
#define SINEW_PACKET_H

#include <errno.h>

#include "channel.h"

static inline bool sinew__is_framed(const struct sinew_channel *channel)
{
	return channel->spec.common.frame == SINEW__FRAME_LENGTH;
}

/* Waits until fd is ready; what cannot be polled (-1) is asked again every millisecond. */
int sinew__packet_wait(struct sinew_channel *, int fd, short events, int64_t until);

/* Whether an error leaves the link as it was: memory was short, or the network, which knows no
 * connection here, says what became of a packet that we sent. */
bool sinew__packet_goes_on(const struct sinew_channel *, ssize_t error);

/* The deadline passed: *last asks for one more try. What came with it counts, and a mechanism may know
 * better why nothing comes any more. */
static inline int sinew__look_again(int r, bool *last)
{
	if (r != -ETIMEDOUT || *last)
		return r;
	*last = true;
	return 0;
}

int sinew__packet_send(
	struct sinew_channel *, const struct sinew_msg *, unsigned count, int64_t until);
int sinew__packet_flush(struct sinew_channel *, int64_t until);

#endif
