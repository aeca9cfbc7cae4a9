/* SPDX-License-Identifier: MIT
 *
 * unix_stream.h - how bytes move on Unix stream sockets where descriptors may travel with them.
 */
#ifndef SINEW_UNIX_STREAM_H
#define SINEW_UNIX_STREAM_H

#include "channel.h"

extern const struct sinew__link_ops sinew__passing_stream_ops;

/* Sends *about's descriptors with the first byte, or the packet. */
ssize_t sinew__unix_pass(struct sinew__link *, const struct iovec *, int n,
	const struct sinew_msg *about, bool wait);

#endif
