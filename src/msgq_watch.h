/* SPDX-License-Identifier: MIT
 *
 * msgq_watch.h - a System V queue made pollable by a thread that waits in its place (poll=thread).
 *
 * Receiving, the thread waits in msgrcv() for less than any message has, which fails as soon as there
 * is one, and makes an eventfd readable. Only an empty message is taken by that; it is kept for the
 * reader. Sending, it looks for room while somebody has been refused for want of it, after pauses of
 * 50 us growing to 1 ms; the eventfd's counter is full meanwhile, so that it is not writable.
 *
 * The thread blocks all signals. It belongs to the process that opened the channel; in a forked child
 * there is none, and nothing here may be used but sinew__watch_forget().
 */
#ifndef SINEW_MSGQ_WATCH_H
#define SINEW_MSGQ_WATCH_H

#include "channel.h"

struct sinew__watch;

/* Starts a thread for queue `id`. type: what to wait for, as in msgrcv(); 0 with `sending`: room.
 * *fd is the caller's to close, after sinew__watch_close(). 0 or -errno. */
int sinew__watch_open(struct sinew__watch **, int id, long type, bool sending, int *fd);

/* Ends the thread. The type of the empty message that it kept and nobody took, or 0. */
long sinew__watch_close(struct sinew__watch *);

/* In a forked child. */
void sinew__watch_forget(struct sinew__watch *);

/* The reader found nothing: the fd shall say when there is something. False: there is, the thread
 * holds an empty message. */
bool sinew__watch_empty(struct sinew__watch *);

/* The type of the empty message that the thread holds, or 0. */
long sinew__watch_kept(struct sinew__watch *);
/* The reader has taken it. */
void sinew__watch_take(struct sinew__watch *);

/* The sender found no room for so many bytes: the fd shall say when there is. */
void sinew__watch_full(struct sinew__watch *, size_t size);

/* A queue's state, without the right to read from it. 0; -EIDRM; -errno. */
int sinew__msgq_look(int id, struct msqid_ds *);

#endif
