/* SPDX-License-Identifier: MIT
 *
 * path.c - publishing and removing names.
 *
 * bind(2) and link(2) never replace, so a name that is taken stays its owner's. Only a stale socket -
 * connecting to it is refused for want of an owner, not for the type - is replaced, under a lock on
 * the directory, by moving it aside and checking that what moved is what was judged.
 */
#include "path.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "wait.h"

enum { LOCK_WAIT = 1000000000 }; /* ns for the directory's lock, which is held for microseconds */

int sinew__path_beside(const char *path, char *beside, size_t size)
{
	uint32_t salt;

	if (sinew__sys.getrandom(&salt, sizeof salt, GRND_NONBLOCK) != sizeof salt)
		salt = (uint32_t)sinew__now() ^ (uint32_t)getpid() << 16;
	int n = snprintf(beside, size, "%s.%06x", path, salt & 0xffffff);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int sinew__path_private(const char *path, char *name, size_t size)
{
	int n = snprintf(name, size, "%s.%u.new", path, (unsigned)geteuid());

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Without RENAME_NOREPLACE two steps do it: who dies between them leaves the private name, too. */
int sinew__path_publish(const char *name, const char *path)
{
	if (sinew__sys.renameat2(AT_FDCWD, name, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (sinew__sys.link(name, path) < 0)
		return -errno;
	sinew__sys.unlink(name);
	return 0;
}

int sinew__path_own(struct sinew__own_path *own, const char *path)
{
	struct stat st;

	int r = (int)sinew__result(sinew__sys.lstat(path, &st));
	own->path = r < 0 ? NULL : strdup(path);
	if (!own->path) {
		sinew__sys.unlink(path); /* we made it a moment ago */
		return r < 0 ? r : -ENOMEM;
	}
	own->device = st.st_dev;
	own->inode = st.st_ino;
	return 0;
}

void sinew__path_remove(struct sinew__own_path *own, bool keep)
{
	struct stat st;

	if (own->path && !keep && sinew__sys.lstat(own->path, &st) == 0 &&
		st.st_dev == own->device && st.st_ino == own->inode)
		sinew__sys.unlink(own->path);
	free(own->path);
	own->path = NULL;
}

int sinew__path_is_live(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP_FD int fd =
		sinew__sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	/* A datagram socket notices no connect; any other refuses the type; EPERM: it has a peer. */
	if (sinew__sys.connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
		errno == EPROTOTYPE || errno == EPERM)
		return 1;
	return errno == ECONNREFUSED ? 0 : -errno;
}

/* Moves a stale socket aside and deletes it, if it still is the one that was judged. */
static int clear_stale(const char *path, const struct stat *judged)
{
	char aside[sizeof((struct sockaddr_un *)0)->sun_path + 16];
	struct stat st;

	if (sinew__path_beside(path, aside, sizeof aside) < 0)
		return -ENAMETOOLONG;
	if (sinew__sys.rename(path, aside) < 0)
		return -errno;
	if (sinew__sys.lstat(aside, &st) == 0 &&
		(st.st_dev != judged->st_dev || st.st_ino != judged->st_ino)) {
		sinew__sys.link(aside, path);
		sinew__sys.unlink(aside);
		return -EADDRINUSE;
	}
	return sinew__sys.unlink(aside) < 0 ? -errno : 0;
}

/* The lock on the directory of `path`: an fd, or -errno. */
static int lock_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof((struct sockaddr_un *)0)->sun_path + 16];
	int64_t until = sinew_after(LOCK_WAIT), pause = 0;

	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path + 1) : 1,
		slash ? path : ".");
	CLEANUP_FD int fd = sinew__sys.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (sinew__pause(NULL, &pause, until) < 0)
			return -EBUSY;
	}
	return sinew__steal_fd(&fd);
}

/* What stands at `path`: 0 it was stale and is gone, else the reason why it must stay. */
static int make_way(const char *path)
{
	struct stat st;

	if (sinew__sys.lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int live = sinew__path_is_live(path);
	if (live == 0)
		return clear_stale(path, &st);
	return live == 1 ? -EADDRINUSE : live;
}

static bool is_taken(int r)
{
	return r == -EEXIST || r == -EADDRINUSE;
}

int sinew__path_take(const char *path, int (*act)(void *), void *context)
{
	int r = act(context);
	if (!is_taken(r))
		return r;
	CLEANUP_FD int lock = lock_directory(path);
	if (lock < 0)
		return lock;
	r = make_way(path);
	if (r < 0)
		return r;
	r = act(context);
	return is_taken(r) ? -EADDRINUSE : r; /* somebody who came without the lock */
}
