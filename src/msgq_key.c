/* SPDX-License-Identifier: MIT
 *
 * msgq_key.c - keys, and the files they are made of.
 *
 * A file is never opened for reading or writing unless it is a regular one: opening a device or a fifo
 * can have effects. Locked, a file is checked to have its name still: who removes it does so under the
 * exclusive lock, so nobody comes to hold a key that no one else can find.
 */
#include "msgq_key.h"

#include <limits.h>
#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "ipc_key.h"
#include "path.h"
#include "rights.h"

bool sinew__msgq_is_path(const struct sinew__spec *spec)
{
	return *spec->uri.rest < '0' || *spec->uri.rest > '9';
}

static int read_key(const struct sinew__spec *spec, key_t *key)
{
	if (!sinew__ipc_key_read(spec->uri.rest, key))
		return sinew__fail(EINVAL,
			"%s: a key is a number up to 0xffffffff; a path that begins with a digit "
			"is written msgq:./path",
			spec->text);
	if (*key == 0)
		return sinew__fail(EINVAL,
			"%s: key 0 is IPC_PRIVATE: every program that asks for it gets another "
			"queue, which nobody can find",
			spec->text);
	return 0;
}

/* As ftok(3), but of the very file that was looked at. */
static key_t key_of(const struct stat *st, int id)
{
	return (key_t)((uint32_t)(id & 0xff) << 24 | (uint32_t)(st->st_dev & 0xff) << 16 |
		       (uint32_t)(st->st_ino & 0xffff));
}

/* Needs no right to the file, only to its directories. */
static int look_at(const char *path, struct stat *st)
{
	CLEANUP_FD int fd = sinew__sys.open(path, O_PATH | O_CLOEXEC, 0);

	if (fd < 0 || sinew__sys.fstat(fd, st) < 0)
		return -errno;
	return S_ISDIR(st->st_mode) ? -EISDIR : 0;
}

static int file_failed(const struct sinew__spec *spec, int error)
{
	if (error == -EISDIR)
		return sinew__fail(EISDIR,
			"%s: is a directory; name a file in it, or give the key as msgq:0xKEY",
			spec->text);
	return sinew__fail(-error, "%s: cannot make a key of %s: %s", spec->text, spec->uri.rest,
		strerror(-error));
}

int sinew__msgq_key_find(const struct sinew__spec *spec, int id, key_t *key)
{
	struct stat st;

	if (!*spec->uri.rest)
		return sinew__fail(EINVAL, "%s: write msgq:/path or msgq:0xKEY", spec->text);
	if (!sinew__msgq_is_path(spec))
		return read_key(spec, key);
	int r = look_at(spec->uri.rest, &st);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return file_failed(spec, r);
	*key = key_of(&st, id);
	return 0;
}

/* ---- making and holding the file ---- */

/* The file under a name beside its own: locked, with its rights, looked at. A descriptor or -errno. */
static int prepare_file(const struct sinew__common *common, const char *beside, struct stat *st)
{
	mode_t first = sinew__rights_given(common) ? sinew__rights_first(common) : 0666;
	CLEANUP_FD int fd =
		sinew__sys.open(beside, O_RDONLY | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, first);

	if (fd < 0)
		return -errno;
	int r = (int)sinew__result(sinew__sys.flock(fd, LOCK_EX | LOCK_NB));
	if (r == 0)
		r = sinew__rights_fd(common, fd);
	if (r == 0)
		r = (int)sinew__result(sinew__sys.fstat(fd, st));
	if (r < 0)
		sinew__sys.unlink(beside);
	return r < 0 ? r : sinew__steal_fd(&fd);
}

/* 0, with the exclusive lock; -EEXIST it is there; others with words. */
static int make_file(const struct sinew__spec *spec, int id, struct sinew__msgq_key *key)
{
	const char *path = spec->uri.rest;
	char beside[PATH_MAX];
	struct stat st;

	int r = sinew__path_beside(path, beside, sizeof beside);
	CLEANUP_FD int fd = r < 0 ? r : prepare_file(&spec->common, beside, &st);
	if (fd >= 0) {
		r = (int)sinew__result(sinew__sys.link(beside, path));
		sinew__sys.unlink(beside);
	}
	r = fd < 0 ? fd : r;
	if (r == -EEXIST)
		return r;
	if (r < 0)
		return sinew__fail(-r, "create %s: %s", spec->text, strerror(-r));
	*key = (struct sinew__msgq_key){.key = key_of(&st, id), .made = true};
	key->fd = sinew__steal_fd(&fd);
	return 0;
}

/* Opens a regular file the one way or the other, only to lock it. */
static int open_to_lock(const char *path)
{
	const int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	int fd = sinew__sys.open(path, O_RDONLY | flags, 0);

	if (fd < 0 && errno == EACCES)
		fd = sinew__sys.open(path, O_WRONLY | flags, 0);
	return fd < 0 ? -errno : fd;
}

static bool is_same(int fd, const struct stat *st)
{
	struct stat other;

	return sinew__sys.fstat(fd, &other) == 0 && other.st_ino == st->st_ino &&
	       other.st_dev == st->st_dev;
}

static int lock(int fd, const struct stat *st)
{
	struct stat now;

	if (sinew__sys.flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (sinew__sys.fstat(fd, &now) < 0)
		return -errno;
	return now.st_nlink == 0 || !is_same(fd, st) ? -ENOENT : 0;
}

static int hold_file(const struct sinew__spec *spec, int how, const struct stat *st, int *held)
{
	CLEANUP_FD int fd = S_ISREG(st->st_mode) ? open_to_lock(spec->uri.rest) : -EACCES;

	if (fd == -EACCES && !(how & SINEW__MSGQ_MUST_LOCK))
		return 0;
	if (fd == -EACCES)
		return sinew__fail(EACCES,
			"%s: temp=yes counts users by a lock on the file, and this is no regular "
			"file that this user may open",
			spec->text);
	if (fd < 0)
		return fd == -ENOENT ? fd : file_failed(spec, fd);
	int r = lock(fd, st);
	if (r < 0 && r != -ENOENT && r != -EBUSY)
		return file_failed(spec, r);
	if (r == 0)
		*held = sinew__steal_fd(&fd);
	return r;
}

int sinew__msgq_key_hold(
	const struct sinew_channel *channel, int id, int how, struct sinew__msgq_key *key)
{
	const struct sinew__spec *spec = &channel->spec;
	struct stat st;

	*key = (struct sinew__msgq_key){.fd = -1};
	if (!sinew__msgq_is_path(spec) || !*spec->uri.rest)
		return sinew__msgq_key_find(spec, id, &key->key);
	int r = look_at(spec->uri.rest, &st);
	if (r == -ENOENT && how & SINEW__MSGQ_CREATE)
		return make_file(spec, id, key);
	if (r < 0)
		return r == -ENOENT ? r : file_failed(spec, r);
	key->key = key_of(&st, id);
	return hold_file(spec, how, &st, &key->fd);
}

int sinew__msgq_key_share(const struct sinew__msgq_key *key)
{
	struct stat st;

	if (sinew__sys.flock(key->fd, LOCK_SH | LOCK_NB) < 0)
		return -ENOENT;
	return sinew__sys.fstat(key->fd, &st) == 0 && st.st_nlink == 0 ? -ENOENT : 0;
}

/* ---- removing it ---- */

/* Whether the file at the path is one that goes with its queue: regular, empty, and the one that is
 * locked. -errno if that cannot be told. */
static int is_ours(const struct sinew__spec *spec, int fd, struct stat *st)
{
	struct stat held;

	int r = look_at(spec->uri.rest, st);
	if (r < 0)
		return r == -EISDIR ? 0 : r;
	if (sinew__sys.fstat(fd, &held) < 0)
		return -errno;
	return S_ISREG(st->st_mode) && st->st_size == 0 && st->st_ino == held.st_ino &&
	       st->st_dev == held.st_dev;
}

int sinew__msgq_key_claim(const struct sinew__spec *spec, int *claimed, struct stat *st)
{
	*claimed = -1;
	if (!sinew__msgq_is_path(spec))
		return 0;
	int r = look_at(spec->uri.rest, st);
	if (r < 0 || !S_ISREG(st->st_mode))
		return r == -EISDIR ? 0 : r;
	CLEANUP_FD int fd = open_to_lock(spec->uri.rest);
	if (fd < 0)
		return 0;
	if (sinew__sys.flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	/* Asked while nothing is gone yet: a failure leaves both, the queue and its file. */
	r = is_ours(spec, fd, st);
	if (r == 1)
		*claimed = sinew__steal_fd(&fd);
	return r < 0 ? r : 0;
}

static bool has_queue(const struct stat *st)
{
	for (int id = 1; id <= 255; id++)
		if (sinew__sys.msgget(key_of(st, id), 0) >= 0)
			return true;
	return false;
}

void sinew__msgq_key_drop(const struct sinew__spec *spec, const struct stat *st)
{
	if (!has_queue(st))
		sinew__sys.unlink(spec->uri.rest);
}

void sinew__msgq_key_remove(const struct sinew__spec *spec, int fd, bool is_new)
{
	struct stat st;

	if (fd >= 0 && is_ours(spec, fd, &st) == 1 && (is_new || !has_queue(&st)))
		sinew__sys.unlink(spec->uri.rest);
}
