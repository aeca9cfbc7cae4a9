/* SPDX-License-Identifier: MIT
 *
 * msgq_watch.h - a System V queue made pollable by a thread that looks at it (poll=thread).
 *
 * Receiving, the thread looks for a message while the reader has found none, by a msgrcv() for less
 * than any message has; sending, for room while a sender has found none. Between looks it rests for 50 us,
 * growing to 1 ms. Only an empty message is taken by such a look: it is kept for the reader. A lock over
 * each look and each receive keeps the order.
 *
 * The thread blocks all signals. It belongs to the process that opened the channel; in a forked child
 * there is none, and nothing here may be used but sinew__watch_forget().
 */
#ifndef SINEW_MSGQ_WATCH_H
#define SINEW_MSGQ_WATCH_H

#include "channel.h"

struct sinew__watch;

/* Starts a thread for queue `id`. type: what to look for, as in msgrcv(); with `sending`: room.
 * *fd is the caller's to close, after sinew__watch_close(): readable while there may be a message,
 * writable while there may be room. 0 or -errno. */
int sinew__watch_open(struct sinew__watch **, int id, long type, bool sending, int *fd);

/* Ends the thread. The type of the empty message that it kept and nobody took, or 0. */
long sinew__watch_close(struct sinew__watch *);

/* In a forked child. */
void sinew__watch_forget(struct sinew__watch *);

/* Around a receive that does not wait: the thread looks elsewhere. The type of the empty message that it
 * holds, or 0. */
long sinew__watch_begin(struct sinew__watch *);
/* kept: the type of the empty message that it holds from now on; empty: nothing was found, the fd shall
 * say when there is something. 0, or -errno: it says so already, and cannot be told otherwise. */
int sinew__watch_end(struct sinew__watch *, long kept, bool empty);

/* The sender found no room for so many bytes: the fd shall say when there is. */
void sinew__watch_full(struct sinew__watch *, size_t size);

/* A queue's state, without the right to read from it. 0; -EIDRM; -errno. */
int sinew__msgq_look(int id, struct msqid_ds *);

#endif
