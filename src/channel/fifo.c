/* SPDX-License-Identifier: MIT
 *
 * fifo.c - named pipes: unrelated processes of one machine, many writers, one reader.
 *
 * Writers share one stream, so a message goes out in one write of at most PIPE_BUF, which the kernel
 * never interleaves; with chunk=yes a longer one goes in such pieces, under an id that its writer
 * holds as a lock on one byte of the fifo: the reader asks the kernel whether the lock, and so the
 * writer, still is. With writers=1 there is nothing to interleave with.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../path.h"
#include "../pieces.h"
#include "../pipe_io.h"
#include "../rights.h"
#include "../wait.h"

enum { WRITERS_MANY, WRITERS_ONE };
enum { PIECES = 64 }; /* messages that may be under way in pieces at a time */

static const off_t ALONE = INT64_MAX - 1; /* the byte that an only writer locks; no id is even */

struct settings {
	int64_t create, capacity, chunk, writers;
};

struct state {
	struct sinew__own_path own;
	bool met; /* receiving: a writer has been there */
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"create", "yes|no", "yes", "make the fifo if it is not there"}, SINEW__OPTION_SWITCH,
		OWN(create), 0, 0},
	{{"capacity", "size", NULL,
		 "bytes the fifo holds (the kernel rounds up to pages; 256K if it may)"},
		SINEW__OPTION_SIZE, OWN(capacity), 1, INT_MAX},
	{{"chunk", "yes|no", "no", "send messages longer than PIPE_BUF in pieces"},
		SINEW__OPTION_SWITCH, OWN(chunk), 0, 0},
	{{"writers", "many|1", "many", "whether other processes write, too"}, SINEW__OPTION_CHOICE,
		OWN(writers), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bytes written in one piece (PIPE_BUF)", "limits.h", PIPE_BUF},
	{"largest capacity without privilege", "/proc/sys/fs/pipe-max-size", 0},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;
	bool many = own->writers == WRITERS_MANY;
	uint64_t max = (uint64_t)spec->common.max;
	uint64_t frame = spec->common.frame == SINEW__FRAME_RAW    ? 0
			 : spec->common.frame == SINEW__FRAME_LINE ? 1
								   : SINEW__FRAME_PLAIN_SIZE;

	if (own->chunk == 1 && spec->common.frame > SINEW__FRAME_LENGTH)
		return sinew__fail(EINVAL, "%s: chunk=yes needs frame=length", spec->text);
	caps->bits = SINEW__CAP_SURE | SINEW_CAP_POLLABLE | SINEW_CAP_NAMED | SINEW_CAP_END |
		     sinew__stream_caps(&spec->common) | (many ? SINEW_CAP_MANY_WRITERS : 0);
	if (many && !own->chunk && max > PIPE_BUF - frame)
		max = PIPE_BUF - frame;
	caps->max_message = max;
	return 0;
}

/* ---- the name ---- */

/* Makes the fifo with exactly these rights, in one step. 0, or -EEXIST if the name is taken. */
static int make_with_rights(const char *path, const struct sinew__common *common)
{
	char beside[PATH_MAX];

	int r = sinew__path_beside(path, beside, sizeof beside);
	if (r < 0)
		return r;
	if (sinew__sys.mkfifo(beside, 0600) < 0)
		return -errno;
	CLEANUP_FD int fd = sinew__sys.open(beside, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	r = fd < 0 ? -errno : sinew__rights_fd(common, fd);
	if (r == 0)
		r = (int)sinew__result(sinew__sys.link(beside, path));
	sinew__sys.unlink(beside);
	return r;
}

static int make_fifo(struct sinew_channel *channel, const char *path)
{
	struct state *state = channel->state;
	const struct sinew__common *common = &channel->spec.common;

	int r = sinew__rights_given(common) ? make_with_rights(path, common)
					    : (int)sinew__result(sinew__sys.mkfifo(path, 0666));
	if (r == 0)
		r = sinew__path_own(&state->own, path);
	if (r == 0 || r == -EEXIST)
		return 0;
	return sinew__fail(-r, "create %s: %s", channel->spec.text, strerror(-r));
}

static int check_fifo(struct sinew_channel *channel, int fd)
{
	struct stat st;

	if (sinew__sys.fstat(fd, &st) < 0)
		return sinew__fail(errno, "%s: %m", channel->spec.text);
	if (!S_ISFIFO(st.st_mode))
		return sinew__fail(EEXIST, "%s: exists and is not a fifo", channel->spec.text);
	return 0;
}

/* ---- receiving ---- */

/* A fifo without a writer reads as ended, also before the first writer came. poll() knows the
 * difference: it reports a hang-up only after one has been there. */
HOT static ssize_t fifo_read(struct sinew__link *link, struct iovec *iov, int n, bool wait)
{
	struct state *state = link->channel->state;

	for (;;) {
		ssize_t r = sinew__pipe_ops.read(link, iov, n, wait);
		if (r > 0)
			state->met = true;
		if (r != 0 || state->met)
			return r;
		struct pollfd poll = {.fd = link->rfd, .events = POLLIN};
		const struct timespec zero = {0};
		sinew__sys.ppoll(&poll, 1, &zero, NULL);
		if (!poll.revents)
			return -EAGAIN;
		state->met = !(poll.revents & POLLIN);
	}
}

static const struct sinew__link_ops fifo_read_ops = {.read = fifo_read};

static int open_name(const char *path, int flags)
{
	int fd = sinew__sys.open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int open_failed(struct sinew_channel *channel, int error)
{
	return sinew__fail(-error, "open %s: %s%s", channel->spec.text, strerror(-error),
		error == -ENOENT ? " (with create=no, or removed meanwhile)" : "");
}

static bool is_other_file(const char *path)
{
	struct stat st;

	return sinew__sys.lstat(path, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISLNK(st.st_mode);
}

/* A second description of the same fifo that blocks, so that waiting for ever is one call, as not
 * waiting is on the first. */
static int open_blocking(struct sinew_channel *channel, int fd, int access)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CLEANUP_FD int second = open_name(path, access);
	if (second < 0)
		return open_failed(channel, second);
	if (sinew__sys.fcntl(second, F_SETFL, 0) < 0)
		return sinew__fail(errno, "%s: fcntl: %m", channel->spec.text);
	return sinew__steal_fd(&second);
}

/* Opens without waiting; asks again while there is no such name or nobody at the other end. */
static int open_patiently(
	struct sinew_channel *channel, const char *path, int access, int64_t until)
{
	int64_t pause = 0;

	for (;;) {
		int fd = open_name(path, access);
		if (fd < 0 && is_other_file(path))
			return sinew__fail(
				EEXIST, "%s: exists and is not a fifo", channel->spec.text);
		if (fd != -ENXIO && fd != -ENOENT && fd != -EINTR)
			return fd < 0 ? open_failed(channel, fd) : fd;
		int r = sinew__pause(channel, &pause, until);
		if (r == -EINTR || r == -ECANCELED)
			return r;
		if (r < 0 && fd == -ENXIO)
			return sinew__fail(ECONNREFUSED, "open %s: nobody has it open for reading",
				channel->spec.text);
		if (r < 0)
			return open_failed(channel, fd);
	}
}

/* Says to whoever asks (is_read) that this fifo has a reader, for as long as we live. No writer's id
 * is 0. Without the lock we are only not seen. */
static void mark_read(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

	sinew__sys.fcntl(fd, F_OFD_SETLK, (uintptr_t)&lock);
}

/* Whether a sinew channel reads this fifo. Opening it to ask would look like a new peer to those who
 * use it, so the kernel's list of locks is read. */
static bool is_read(const struct stat *st)
{
	unsigned major_, minor_;
	unsigned long inode;
	char line[256];
	bool found = false;
	FILE *locks = fopen("/proc/locks", "re");

	while (locks && !found && fgets(line, sizeof line, locks))
		found = sscanf(line, "%*s OFDLCK %*s READ %*s %x:%x:%lu 0 0", &major_, &minor_,
				&inode) == 3 &&
			makedev(major_, minor_) == st->st_dev && inode == st->st_ino;
	if (locks)
		fclose(locks);
	return found;
}

static int open_reader(struct sinew_channel *channel, const char *path, int64_t until)
{
	CLEANUP_FD int quick = open_patiently(channel, path, O_RDONLY, until);
	CLEANUP_FD int held = -1;

	if (quick < 0)
		return quick;
	int r = check_fifo(channel, quick);
	if (r < 0)
		return r;
	CLEANUP_FD int fd = open_blocking(channel, quick, O_RDONLY);
	if (fd < 0)
		return fd;
	if (channel->spec.common.keep_open == 1) {
		/* Our own writing end: with it the fifo has always a writer, and never ends. */
		held = open_blocking(channel, quick, O_WRONLY);
		if (held < 0)
			return held;
	}
	r = sinew__pieces_open(channel, PIECES);
	if (r == 0)
		r = sinew__link_make(channel, &fifo_read_ops, fd, held, &channel->one);
	if (r < 0)
		return r;
	mark_read(fd);
	fd = held = -1;
	channel->one->quick = sinew__steal_fd(&quick);
	return 0;
}

/* ---- sending ---- */

/* Takes an id that nobody else has: the lock on the byte at that offset, kept while we live. */
static int claim_id(struct sinew_channel *channel, int fd, uint64_t *id)
{
	for (int tries = 0; tries < 8; tries++) {
		if (sinew__sys.getrandom(id, sizeof *id, 0) != sizeof *id)
			return sinew__fail(errno, "%s: getrandom: %m", channel->spec.text);
		*id = (*id >> 2) | 1;
		struct flock lock = {
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)*id, .l_len = 1};
		if (sinew__sys.fcntl(fd, F_OFD_SETLK, (uintptr_t)&lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			break;
	}
	return sinew__fail(errno, "%s: cannot claim an id for pieces: %m", channel->spec.text);
}

/* writers=1 is a promise: a lock keeps a second one that made it out. */
static int be_alone(struct sinew_channel *channel, int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ALONE, .l_len = 1};

	if (sinew__sys.fcntl(fd, F_OFD_SETLK, (uintptr_t)&lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return sinew__fail(EBUSY, "open %s: there is another writer", channel->spec.text);
	return sinew__fail(errno, "%s: cannot be the only writer: %m", channel->spec.text);
}

static bool writer_alive(struct sinew_channel *channel, uint64_t writer)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)writer, .l_len = 1};

	if (lock.l_start < 0)
		return false;
	return sinew__sys.fcntl(channel->one->rfd, F_OFD_GETLK, (uintptr_t)&lock) < 0 ||
	       lock.l_type != F_UNLCK;
}

static int open_writer(struct sinew_channel *channel, const char *path, int64_t until)
{
	const struct settings *own = channel->spec.own;
	uint64_t id = 0;

	CLEANUP_FD int quick = open_patiently(channel, path, O_WRONLY, until);
	if (quick < 0)
		return quick;
	int r = check_fifo(channel, quick);
	if (r < 0)
		return r;
	CLEANUP_FD int fd = open_blocking(channel, quick, O_WRONLY);
	if (fd < 0)
		return fd;
	if (own->writers == WRITERS_ONE)
		r = be_alone(channel, fd);
	else if (own->chunk == 1)
		r = claim_id(channel, fd, &id);
	if (r == 0)
		r = sinew__link_make(channel, &sinew__pipe_ops, -1, fd, &channel->one);
	if (r < 0)
		return r;
	fd = -1;
	channel->one->quick = sinew__steal_fd(&quick);
	channel->one->stride = own->writers == WRITERS_ONE ? SINEW__PIPE_STRIDE : 0;
	channel->one->atomic = own->writers == WRITERS_MANY ? PIPE_BUF : 0;
	channel->one->writer = own->writers == WRITERS_MANY ? id : 0;
	return 0;
}

/* ---- both ---- */

static int fifo_open(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;
	const char *path = channel->spec.uri.rest;
	unsigned direction = channel->flags & (SINEW_IN | SINEW_OUT);

	if (!*path)
		return sinew__fail(EINVAL, "%s: write fifo:/path", channel->spec.text);
	if (direction != SINEW_IN && direction != SINEW_OUT)
		return sinew__fail(
			EINVAL, "%s: a fifo is one-way: say dir=in or dir=out", channel->spec.text);
	channel->state = calloc(1, sizeof(struct state));
	if (!channel->state)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	int r = own->create ? make_fifo(channel, path) : 0;
	if (r == 0)
		r = direction == SINEW_IN ? open_reader(channel, path, until)
					  : open_writer(channel, path, until);
	if (r < 0)
		return r;
	channel->one->ours = true;
	int fd = direction == SINEW_IN ? channel->one->rfd : channel->one->wfd;
	return sinew__pipe_capacity(channel, fd, own->capacity);
}

static void fifo_close(struct sinew_channel *channel)
{
	struct state *state = channel->state;

	if (state)
		sinew__path_remove(&state->own, channel->spec.common.keep == 1);
}

static int fifo_remove(const struct sinew__spec *spec)
{
	struct stat st;

	if (!*spec->uri.rest)
		return sinew__fail(EINVAL, "remove %s: write fifo:/path", spec->text);
	if (sinew__sys.lstat(spec->uri.rest, &st) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	if (!S_ISFIFO(st.st_mode))
		return sinew__fail(EEXIST, "remove %s: is not a fifo; left alone", spec->text);
	if (is_read(&st))
		return sinew__fail(
			EBUSY, "remove %s: somebody has it open for reading", spec->text);
	if (sinew__sys.unlink(spec->uri.rest) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	return 0;
}

const struct sinew__transport sinew__transport_fifo = {
	.scheme =
		{
			.shown = {"fifo", "fifo:/path",
				"a named pipe: many writers, one reader, one machine"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = fifo_open,
	.remove = fifo_remove,
	.close = fifo_close,
	.writer_alive = writer_alive,
};
