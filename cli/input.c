/* SPDX-License-Identifier: MIT
 *
 * input.c - a file cut into messages.
 *
 *     buffer   [ cut and sent | start … scanned | not yet looked at … end | room ]
 *
 * The bytes from start to scanned hold no separator.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stop.h"

enum { FIRST_ROOM = 512 << 10 };

int input_open(struct input *input, const char *name)
{
	bool standard = strcmp(name, "-") == 0;

	input->name = standard ? "standard input" : name;
	do
		input->fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	while (input->fd < 0 && errno == EINTR && !stop_asked());
	if (input->fd < 0)
		return -errno;
	input->room = FIRST_ROOM;
	input->buffer = malloc(input->room);
	input->number = 1;
	return input->buffer ? 0 : -ENOMEM;
}

void input_close(struct input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input->buffer);
	input->buffer = NULL;
	input->fd = -1;
}

static void take(struct input *input, struct sinew_msg *msg, size_t size, size_t separator)
{
	*msg = (struct sinew_msg){.data = input->buffer + input->start, .size = size};
	input->start += size + separator;
	input->scanned = input->start;
	input->number++;
}

static int too_long(struct input *input)
{
	input->number++;
	return -EMSGSIZE;
}

/* A line that is too long is dropped as it comes in; it is reported once, at its end. */
static int skip_line(struct input *input, const char *separator)
{
	input->start = separator ? (size_t)(separator - input->buffer) + 1 : input->end;
	input->scanned = input->start;
	input->skipping = !separator && !input->ended;
	return input->skipping ? 0 : too_long(input);
}

/* 1, 0 or -EMSGSIZE; the last only if it is the first of its array. */
static int cut_line(struct input *input, struct sinew_msg *msg, bool first)
{
	const char *from = input->buffer + input->scanned;
	const char *separator =
		memchr(from, input->split == SPLIT_NUL ? '\0' : '\n', input->end - input->scanned);
	size_t size = (size_t)((separator ? separator : input->buffer + input->end) -
			       (input->buffer + input->start));

	if (input->skipping || size > input->max)
		return first ? skip_line(input, separator) : 0;
	if (separator || (input->ended && size)) {
		take(input, msg, size, separator != NULL);
		return 1;
	}
	input->scanned = input->end;
	return 0;
}

static int cut_piece(struct input *input, struct sinew_msg *msg)
{
	size_t size = input->end - input->start;

	if (size == 0 || (size < input->piece && !input->ended))
		return 0;
	take(input, msg, size < input->piece ? size : input->piece, 0);
	return 1;
}

int input_cut(struct input *input, struct sinew_msg *msgs, unsigned most)
{
	unsigned count = 0;

	while (count < most) {
		struct sinew_msg *msg = &msgs[count];
		int r = input->split == SPLIT_SIZE ? cut_piece(input, msg)
						   : cut_line(input, msg, count == 0);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		count++;
	}
	return (int)count;
}

bool input_would_wait(const struct input *input)
{
	return poll(&(struct pollfd){.fd = input->fd, .events = POLLIN}, 1, 0) == 0;
}

static int make_room(struct input *input)
{
	size_t kept = input->end - input->start;

	if (kept && input->end < input->room)
		return 0;
	if (input->start) {
		memmove(input->buffer, input->buffer + input->start, kept);
		input->scanned -= input->start;
		input->end = kept;
		input->start = 0;
	}
	if (input->end < input->room)
		return 0;
	char *larger = realloc(input->buffer, 2 * input->room);
	if (!larger)
		return -ENOMEM;
	input->buffer = larger;
	input->room *= 2;
	return 0;
}

static int wait_readable(int fd, int64_t timeout)
{
	int64_t ms = timeout / 1000000 + (timeout % 1000000 != 0);
	int r = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1,
		timeout < 0 || ms > INT32_MAX ? -1 : (int)ms);

	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int read_some(struct input *input, int64_t timeout)
{
	int r = timeout < 0 ? 0 : wait_readable(input->fd, timeout);

	if (r < 0)
		return r;
	ssize_t n = read(input->fd, input->buffer + input->end, input->room - input->end);
	if (n < 0 && errno == EAGAIN)
		return (r = wait_readable(input->fd, timeout)) < 0 ? r : -EAGAIN;
	if (n < 0)
		return -errno;
	input->end += (size_t)n;
	input->ended = n == 0;
	return 0;
}

int input_fill(struct input *input, int64_t timeout)
{
	int r = make_room(input);

	if (r < 0)
		return r;
	do
		r = read_some(input, timeout);
	while ((r == -EINTR && !stop_asked()) || r == -EAGAIN);
	return r;
}
