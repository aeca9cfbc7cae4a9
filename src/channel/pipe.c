/* SPDX-License-Identifier: MIT
 *
 * pipe.c - pipe(2): for relatives. A pair across fork, inherited descriptors across exec. The flags
 * of an adopted descriptor are never touched: they are shared with whoever gave it to us.
 */
#include <limits.h>
#include <stdio.h>

#include "../cleanup.h"
#include "../error.h"
#include "../pipe_io.h"
#include "../wait.h"

struct settings {
	int64_t read, write, capacity;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"read", "descriptor", NULL, "receive from this inherited descriptor"},
		SINEW__OPTION_NUMBER, OWN(read), 0, INT_MAX},
	{{"write", "descriptor", NULL, "send to this inherited descriptor"}, SINEW__OPTION_NUMBER,
		OWN(write), 0, INT_MAX},
	{{"capacity", "size", NULL,
		 "bytes the pipe holds (the kernel rounds up to pages; 256K if it may)"},
		SINEW__OPTION_SIZE, OWN(capacity), 1, INT_MAX},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bytes written in one piece (PIPE_BUF)", "limits.h", PIPE_BUF},
	{"largest capacity without privilege", "/proc/sys/fs/pipe-max-size", 0},
	{"pages for one user's pipes before new ones shrink", "/proc/sys/fs/pipe-user-pages-soft",
		0},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;
	bool both = spec->common.dir == SINEW__DIR_BOTH || (own->read >= 0 && own->write >= 0);

	caps->bits = SINEW__CAP_SURE | SINEW_CAP_POLLABLE | SINEW_CAP_PAIR | SINEW_CAP_END |
		     (both ? SINEW_CAP_BOTH_WAYS | SINEW_CAP_ANSWERS : 0) |
		     sinew__stream_caps(&spec->common);
	caps->max_message = (uint64_t)spec->common.max;
	return 0;
}

static int check_adopted(const struct sinew_channel *channel, int fd, int wanted)
{
	int flags = sinew__sys.fcntl(fd, F_GETFL, 0);

	if (flags < 0)
		return sinew__fail(
			EBADF, "%s: descriptor %d is not open here", channel->spec.text, fd);
	if ((flags & O_ACCMODE) != wanted && (flags & O_ACCMODE) != O_RDWR)
		return sinew__fail(EBADF, "%s: descriptor %d is not open for %s",
			channel->spec.text, fd, wanted == O_RDONLY ? "reading" : "writing");
	return 0;
}

/* Adopted descriptors: ours from now on, closed with the channel. */
static int pipe_open(struct sinew_channel *channel, int64_t until)
{
	const struct settings *own = channel->spec.own;
	unsigned given = (own->read >= 0 ? SINEW_IN : 0) | (own->write >= 0 ? SINEW_OUT : 0);
	unsigned wanted = channel->flags & (SINEW_IN | SINEW_OUT);
	int r = 0;

	(void)until;
	if (!given)
		return sinew__fail(EINVAL,
			"%s: a pipe has no name: use sinew_pair(), or adopt inherited descriptors "
			"with pipe:read=3&write=4",
			channel->spec.text);
	if (wanted & ~given)
		return sinew__fail(EINVAL, "%s: gives no descriptor to %s", channel->spec.text,
			wanted & ~given & SINEW_IN ? "read from" : "write to");
	if (!wanted)
		channel->flags |= given;
	if (own->read >= 0)
		r = check_adopted(channel, (int)own->read, O_RDONLY);
	if (r == 0 && own->write >= 0)
		r = check_adopted(channel, (int)own->write, O_WRONLY);
	if (r == 0)
		r = sinew__link_make(
			channel, &sinew__pipe_ops, (int)own->read, (int)own->write, &channel->one);
	if (r == 0 && own->capacity > 0) /* what was given to us keeps its size unless told */
		r = sinew__pipe_capacity(
			channel, (int)(own->read >= 0 ? own->read : own->write), own->capacity);
	if (r < 0 && channel->one)
		channel->one->rfd = channel->one->wfd = -1; /* a failure leaves them the caller's */
	return r;
}

static int make_pipe(struct sinew_channel *channel, int fds[2])
{
	const struct settings *own = channel->spec.own;

	if (sinew__sys.pipe2(fds, O_CLOEXEC) < 0)
		return sinew__fail(errno, "%s: pipe: %m", channel->spec.text);
	int r = sinew__pipe_capacity(channel, fds[1], own->capacity);
	if (r < 0) {
		sinew__sys.close(fds[0]);
		sinew__sys.close(fds[1]);
		fds[0] = fds[1] = -1;
	}
	return r;
}

/* One pipe, from ends[1] to ends[0]; with dir=both a second one back. */
static int pipe_pair(struct sinew_channel *ends[2])
{
	int there[2] = {-1, -1}, back[2] = {-1, -1};
	bool both = ends[0]->spec.common.dir == SINEW__DIR_BOTH;

	int r = make_pipe(ends[0], there);
	if (r == 0 && both)
		r = make_pipe(ends[0], back);
	CLEANUP_FD int r0 = there[0], w1 = there[1], r1 = back[0], w0 = back[1];
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 2; i++) {
		ends[i]->flags &= ~(SINEW_IN | SINEW_OUT);
		ends[i]->flags |= both ? SINEW_IN | SINEW_OUT : i == 0 ? SINEW_IN : SINEW_OUT;
	}
	r = sinew__link_make(ends[0], &sinew__pipe_ops, r0, w0, &ends[0]->one);
	if (r < 0)
		return r;
	r0 = w0 = -1;
	r = sinew__link_make(ends[1], &sinew__pipe_ops, r1, w1, &ends[1]->one);
	if (r < 0)
		return r;
	r1 = w1 = -1;
	ends[0]->one->ours = ends[1]->one->ours = true;
	ends[0]->one->stride = ends[1]->one->stride = SINEW__PIPE_STRIDE;
	return 0;
}

static int pipe_adopt(struct sinew_channel *channel, char *uri, size_t size)
{
	const struct sinew__link *link = channel->one;
	int n;

	if (link->rfd >= 0 && link->wfd >= 0)
		n = snprintf(uri, size, "pipe:read=%d&write=%d", link->rfd, link->wfd);
	else if (link->rfd >= 0)
		n = snprintf(uri, size, "pipe:read=%d", link->rfd);
	else
		n = snprintf(uri, size, "pipe:write=%d", link->wfd);
	return n;
}

const struct sinew__transport sinew__transport_pipe = {
	.scheme =
		{
			.shown = {"pipe", "pipe:read=FD&write=FD",
				"a pipe between relatives: from sinew_pair(), or inherited "
				"descriptors"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
			.nameless = true,
		},
	.describe = describe,
	.open = pipe_open,
	.pair = pipe_pair,
	.adopt = pipe_adopt,
};
