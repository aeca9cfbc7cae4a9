/* SPDX-License-Identifier: MIT
 *
 * msgq_make.h - makes a System V queue with its rights and its size.
 */
#ifndef SINEW_MSGQ_MAKE_H
#define SINEW_MSGQ_MAKE_H

#include "channel.h"

/* Its id; size < 0: the system's choice. -EEXIST it is there; others with words. */
int sinew__msgq_make(const struct sinew__spec *, key_t, int64_t size);

/* -EACCES: the queue belongs to somebody else; says whose. */
int sinew__msgq_denied(const struct sinew_channel *, key_t);

/* -EEXIST: the key of a file that we made this moment has a queue. It is another file's, by the few bits
 * that ftok(3) takes, or one whose file was deleted. */
int sinew__msgq_not_ours(const struct sinew_channel *, key_t);

#endif
