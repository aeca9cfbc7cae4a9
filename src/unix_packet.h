/* SPDX-License-Identifier: MIT
 *
 * unix_packet.h - how packets move on Unix seqpacket and dgram sockets.
 */
#ifndef SINEW_UNIX_PACKET_H
#define SINEW_UNIX_PACKET_H

#include "channel.h"

extern const struct sinew__link_ops sinew__seqpacket_ops, sinew__dgram_ops;

/* Turns the channel's dgram socket into one that serves many: remembers up to `most` of them, drops
 * and counts what comes from users that are not allowed. */
int sinew__dgram_listen(struct sinew_channel *, int64_t most, const struct sinew__users *allow);
#endif
