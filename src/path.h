/* SPDX-License-Identifier: MIT
 *
 * path.h - names in the file system: published when ready, never stolen, removed only if ours.
 */
#ifndef SINEW_PATH_H
#define SINEW_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* A path that we made: removed only while it still is this very file. */
struct sinew__own_path {
	char *path; /* NULL: none */
	dev_t device;
	ino_t inode;
};

/* A name beside `path`, unlikely to exist, that fits `size`. -ENAMETOOLONG. */
int sinew__path_beside(const char *path, char *beside, size_t size);

/* The one private name of this user beside `path`, under which something is made ready: "PATH.UID.new",
 * at most 15 bytes longer. Whoever finds it left by the dead clears it. -ENAMETOOLONG. */
int sinew__path_private(const char *path, char *name, size_t size);

/* Moves it from its private name to `path`, in one step, if nobody has that name: 0, -EEXIST, … */
int sinew__path_publish(const char *name, const char *path);

/* Runs `act`, which gives a socket the name `path` in one step (bind, or link) and returns 0 or -errno;
 * where a stale socket is in the way it is cleared and `act` runs again, two who try kept apart by a
 * lock on the directory. -EADDRINUSE somebody lives there; -EEXIST it is something else. */
int sinew__path_take(const char *path, int (*act)(void *), void *context);

/* Remembers a path just made. */
int sinew__path_own(struct sinew__own_path *own, const char *path);

/* Removes it if it is still ours, and forgets it. */
void sinew__path_remove(struct sinew__own_path *own, bool keep);

/* Whether a process has the socket `path` open: 1, 0, or -errno. Nobody notices the question. */
int sinew__path_is_live(const char *path);

#endif
