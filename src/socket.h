/* SPDX-License-Identifier: MIT
 *
 * socket.h - what the socket mechanisms share: how bytes move on a connected stream socket, how a
 * connection is made within a deadline, how big the buffers are.
 */
#ifndef SINEW_SOCKET_H
#define SINEW_SOCKET_H

#include "channel.h"

/* read, write and finish of a connected stream socket. */
extern const struct sinew__link_ops sinew__stream_socket_ops, sinew__local_stream_ops;

ssize_t sinew__socket_write(struct sinew__link *, const struct iovec *, int n, bool wait);
int sinew__socket_finish(struct sinew__link *);

/* Up to so much, a packet that is read in one piece and copied costs less than one read in two. */
enum { SINEW__READ_WHOLE = 4096 };

/* A packet was read whole into the last part of the memory, `before` bytes of a header first: its message,
 * of `size` bytes, to where it belongs; what does not fit there, to the inbox. */
void sinew__packet_place(struct iovec *, int n, size_t before, size_t size);

/* Before our close: a socket that is closed with unread input resets the connection and takes what we
 * sent with it; so end our side, and read what is there. Never waits. */
void sinew__socket_part(struct sinew__link *);

/* Asks for a send buffer that takes `size` bytes at once, with privilege if there is. */
void sinew__socket_buffer(int fd, int64_t size);
/* The same for the receive buffer. */
void sinew__socket_receive_buffer(int fd, int64_t size);

#endif
