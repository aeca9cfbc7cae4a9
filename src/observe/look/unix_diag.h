/* SPDX-License-Identifier: MIT
 *
 * unix_diag.h - what the kernel says of one Unix socket (sock_diag(7)).
 */
#ifndef SINEW_LOOK_UNIX_DIAG_H
#define SINEW_LOOK_UNIX_DIAG_H

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdint.h>

struct sinew__unix_said {
	uint32_t ino;
	char name[112];
	uint32_t peer; /* inode; 0: none, or not told */
	uint32_t file; /* the inode of its name; 0: it has none, or is not told */
};

struct sinew__unix_question {
	struct nlmsghdr head;
	struct unix_diag_req ask;
};

/* What is to be asked: of the socket with this inode, or, if it is 0, of all. */
struct sinew__unix_question sinew__unix_question(uint32_t ino);

/* -EBADMSG: it is no answer. */
int sinew__unix_said(struct sinew__unix_said *said, const struct nlmsghdr *message);

#endif
