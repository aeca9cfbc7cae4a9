/* SPDX-License-Identifier: MIT
 *
 * msgq_key.h - from the name of a System V queue to its key. A path stands for the key that ftok(3)
 * makes of its file and id=; who uses such a queue holds a shared lock on the file, if it is a
 * regular one, and who removes the queue an exclusive one.
 */
#ifndef SINEW_MSGQ_KEY_H
#define SINEW_MSGQ_KEY_H

#include "channel.h"

struct sinew__msgq_key {
	key_t key;
	int fd;    /* of the file, with our lock; -1: a bare key, or a file that we may not open */
	bool made; /* the file is of our making: nobody can have made a queue of its key yet */
};

/* Whether the name is a path; else it is a key. */
bool sinew__msgq_is_path(const struct sinew__spec *);

/* The key, making nothing and holding nothing. 0; -ENOENT there is no such file; others with words. */
int sinew__msgq_key_find(const struct sinew__spec *, int id, key_t *);

enum { SINEW__MSGQ_CREATE = 1, SINEW__MSGQ_MUST_LOCK = 2 };

/* The key, its file made if need be and locked: shared, or, if made, exclusively, so that nobody else
 * makes a queue of it before sinew__msgq_key_share(). 0; -ENOENT, -EEXIST, -EBUSY: try again; others
 * with words. */
int sinew__msgq_key_hold(const struct sinew_channel *, int id, int how, struct sinew__msgq_key *);

/* The queue of a file that we made is there. 0 or -ENOENT: somebody removed it already. */
int sinew__msgq_key_share(const struct sinew__msgq_key *);

/* Locks the file for the removal of its queue, and looks at it. 0; *fd is -1 where the file does not go
 * with the queue, because it is not an empty regular one or not ours to open. -EBUSY it is in use; -errno
 * it cannot be told, and nothing may go. */
int sinew__msgq_key_claim(const struct sinew__spec *, int *fd, struct stat *st);

/* Removes a file that was claimed, unless one of its 255 keys has a queue still. */
void sinew__msgq_key_drop(const struct sinew__spec *, const struct stat *st);

/* With an exclusive lock on fd: removes the file, if it is an empty regular one, still this one, and,
 * unless it is new, none of its 255 keys has a queue. */
void sinew__msgq_key_remove(const struct sinew__spec *, int fd, bool is_new);

#endif
