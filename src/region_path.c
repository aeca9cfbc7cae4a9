/* SPDX-License-Identifier: MIT
 *
 * region_path.c - regions that are files, found by a path.
 *
 * Making     NAME.UID.new is created exclusively and locked (flock); while the file that stands
 *            there is the one we hold, the private name is ours. It gets its size, space, bytes
 *            and mode, then renameat2(RENAME_NOREPLACE) publishes it: no step leaves a half region
 *            under NAME. A private name whose lock can be had is a dead creator's: it is removed,
 *            never truncated.
 * Using      each user holds a shared lock on the file until it closes or dies. Who gets the
 *            exclusive lock is alone; it removes the name while holding it, and who attached
 *            meanwhile sees that its file has no name any more and looks again.
 */
#include "region_path.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "path.h"

static int failed(struct sinew_region *region, const char *what, int error)
{
	return sinew__fail(error, "%s %s: %s", what, region->spec.text, strerror(error));
}

/* Whether that very file stands at the path. */
static bool stands_at(const char *path, int fd)
{
	struct stat named, held;

	return sinew__sys.lstat(path, &named) == 0 && sinew__sys.fstat(fd, &held) == 0 &&
	       named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/* ---- attaching ---- */

static int open_name(struct sinew_region *region, int *fd)
{
	const struct sinew__region_file *file = region->state;
	int access = region->flags & SINEW_OUT ? O_RDWR : O_RDONLY;
	const int careful = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	*fd = sinew__sys.open(file->path, access | careful, 0);
	if (*fd >= 0)
		return 0;
	if (errno == ENOENT)
		return SINEW__REGION_ABSENT;
	if (errno == ELOOP || errno == EISDIR || errno == ENXIO)
		return sinew__fail(
			EEXIST, "open %s: exists and is not a regular file", region->spec.text);
	return failed(region, "open", errno);
}

/* Who may write it may truncate it. The group bits of a file with an ACL are its mask, so these
 * bits bound what an ACL gives. */
static int check_trust(struct sinew_region *region, const struct stat *st)
{
	const struct sinew__region_file *file = region->state;
	const char *advice = "could cut it short under us; trust=yes attaches all the same";

	if (file->trust)
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return sinew__fail(EPERM, "open %s: its owner, uid %u, %s", region->spec.text,
			(unsigned)st->st_uid, advice);
	if (st->st_mode & 0022)
		return sinew__fail(EPERM, "open %s: its mode is %04o, so that other users %s",
			region->spec.text, st->st_mode & 07777, advice);
	return 0;
}

static int check_object(struct sinew_region *region, int fd, struct stat *st)
{
	if (sinew__sys.fstat(fd, st) < 0)
		return failed(region, "open", errno);
	if (!S_ISREG(st->st_mode))
		return sinew__fail(
			EEXIST, "open %s: exists and is not a regular file", region->spec.text);
	int r = check_trust(region, st);
	return r < 0 ? r : sinew__region_fits(region, (uint64_t)st->st_size);
}

/* Says with a lock that we use it. */
static int join(struct sinew_region *region, int fd)
{
	const struct sinew__region_file *file = region->state;
	struct stat st;

	if (sinew__sys.flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return SINEW__REGION_BUSY;
		if (errno == EINTR)
			return SINEW__REGION_AGAIN;
		return file->temp ? failed(region, "lock", errno) : 0;
	}
	if (sinew__sys.fstat(fd, &st) < 0)
		return failed(region, "open", errno);
	return st.st_nlink == 0 ? SINEW__REGION_AGAIN : 0;
}

/* A sparse file, of somebody else's making, gets its space now, if we may write. */
static int fill_holes(struct sinew_region *region, int fd, const struct stat *st)
{
	const struct sinew__region_file *file = region->state;

	if (!(region->flags & SINEW_OUT) || st->st_blocks * 512 >= st->st_size)
		return 0;
	return sinew__region_reserve(region, fd, (size_t)st->st_size, file->path);
}

int sinew__region_file_attach(struct sinew_region *region)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	int r = open_name(region, &fd);
	if (r == 0)
		r = check_object(region, fd, &st);
	if (r == 0)
		r = join(region, fd);
	if (r == 0)
		r = fill_holes(region, fd, &st);
	if (r == 0)
		r = sinew__region_map(region, fd, (size_t)st.st_size);
	if (r == 0)
		region->fd = sinew__steal_fd(&fd);
	return r;
}

/* ---- making ---- */

/* A creator's private name is in the way: alive, dead and now gone, or not ours to remove. */
static int clear_dead(const char *name)
{
	CLEANUP_FD int fd =
		sinew__sys.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

	if (fd < 0)
		return errno == ENOENT ? SINEW__REGION_AGAIN : -errno;
	if (sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? SINEW__REGION_BUSY
		       : errno == EINTR     ? SINEW__REGION_AGAIN
					    : -errno;
	if (stands_at(name, fd) && sinew__sys.unlink(name) < 0)
		return -errno;
	return SINEW__REGION_AGAIN;
}

/* A file under the private name, which is ours while we hold it. */
static int claim(const char *name, int *claimed)
{
	CLEANUP_FD int fd =
		sinew__sys.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? clear_dead(name) : -errno;
	if (sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;
		if (error == EWOULDBLOCK) /* it looked dead in the moment before */
			return SINEW__REGION_AGAIN;
		sinew__sys.unlink(name);
		return -error;
	}
	if (!stands_at(name, fd))
		return SINEW__REGION_AGAIN;
	*claimed = sinew__steal_fd(&fd);
	return 0;
}

/* The directory's entry onto the disk. File systems that keep no such thing say EINVAL. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];

	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path + 1) : 1,
		slash ? path : ".");
	CLEANUP_FD int fd = sinew__sys.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	return sinew__sys.fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* Size, space, bytes, mode: all before anybody can see it. */
static int build(struct sinew_region *region, int fd)
{
	const struct sinew__region_file *file = region->state;

	int r = sinew__region_reserve(region, fd, region->wanted, file->path);
	if (r == 0)
		r = sinew__region_map(region, fd, region->wanted);
	if (r == 0)
		r = sinew__region_fill(region);
	if (r == 0 && sinew__sys.fchmod(fd, sinew__region_mode(&region->spec)) < 0)
		r = failed(region, "create", errno);
	if (r == 0 && file->durable && sinew__sys.fsync(fd) < 0)
		r = failed(region, "create", errno);
	/* From now on a user among others; the private name stays ours, for nobody else shares it. */
	if (r == 0 && sinew__sys.flock(fd, LOCK_SH | LOCK_NB) < 0)
		r = failed(region, "lock", errno);
	return r;
}

static int finish(struct sinew_region *region, const char *name)
{
	const struct sinew__region_file *file = region->state;

	int r = sinew__path_publish(name, file->path);
	if (r == -EEXIST)
		return SINEW__REGION_AGAIN;
	if (r == 0 && file->durable) {
		r = sync_directory(file->path);
		if (r < 0)
			sinew__sys.unlink(file->path);
	}
	return r < 0 ? failed(region, "create", -r) : 0;
}

int sinew__region_file_make(struct sinew_region *region)
{
	const struct sinew__region_file *file = region->state;
	char name[PATH_MAX];
	CLEANUP_FD int fd = -1;

	int r = sinew__path_private(file->path, name, sizeof name);
	if (r == 0)
		r = claim(name, &fd);
	if (r != 0)
		return r < 0 ? failed(region, "create", -r) : r;
	r = build(region, fd);
	if (r == 0)
		r = finish(region, name);
	if (r != 0) {
		sinew__region_unmap(region);
		if (stands_at(name, fd))
			sinew__sys.unlink(name);
		return r;
	}
	region->fd = sinew__steal_fd(&fd);
	return 0;
}

/* ---- leaving ---- */

void sinew__region_file_release(struct sinew_region *region, bool last)
{
	const struct sinew__region_file *file = region->state;

	if (last && file && (file->temp || region->forsaken) && region->fd >= 0 &&
		sinew__sys.flock(region->fd, LOCK_EX | LOCK_NB) == 0 &&
		stands_at(file->path, region->fd))
		sinew__sys.unlink(file->path);
	if (last && region->fd >= 0) /* a mapping that stays would keep it */
		sinew__sys.flock(region->fd, LOCK_UN);
}

bool sinew__region_file_is_whole(const struct sinew_region *region)
{
	struct stat st;

	return sinew__sys.fstat(region->fd, &st) < 0 || (uint64_t)st.st_size >= region->size;
}

static int remove_name(const struct sinew__region_spec *spec, const char *path)
{
	struct stat st, named;

	CLEANUP_FD int fd =
		sinew__sys.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EEXIST : -errno;
	if (sinew__sys.fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	if (sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	if (sinew__sys.lstat(path, &named) < 0)
		return -errno;
	if (named.st_dev != st.st_dev || named.st_ino != st.st_ino)
		return -ENOENT;
	(void)spec;
	return sinew__sys.unlink(path) < 0 ? -errno : 0;
}

/* What a dead creator left goes, too; if it is all there is, that counts. */
int sinew__region_file_remove(const struct sinew__region_spec *spec, const char *path)
{
	char name[PATH_MAX];
	struct stat st;
	bool left = sinew__path_private(path, name, sizeof name) == 0 &&
		    sinew__sys.lstat(name, &st) == 0 && clear_dead(name) == SINEW__REGION_AGAIN;

	int r = remove_name(spec, path);
	if (r == -ENOENT && left)
		return 0;
	if (r == -EBUSY)
		return sinew__fail(EBUSY, "remove %s: somebody has it open", spec->text);
	if (r == -EEXIST)
		return sinew__fail(
			EEXIST, "remove %s: is not a regular file; left alone", spec->text);
	return r < 0 ? sinew__fail(-r, "remove %s: %s", spec->text, strerror(-r)) : 0;
}

uint64_t sinew__region_file_free(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	struct statvfs vfs;

	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path + 1) : 1,
		slash ? path : ".");
	CLEANUP_FD int fd = sinew__sys.open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0 || sinew__sys.fstatvfs(fd, &vfs) < 0)
		return 0;
	return (uint64_t)vfs.f_bavail * vfs.f_frsize;
}
