/* SPDX-License-Identifier: MIT
 *
 * queue.c - parts of a message put together and taken apart; limits in words.
 */
#include "queue.h"

#include <stdio.h>
#include <string.h>

#include "banned.h"
#include "copy.h"
#include "error.h"
#include "frame.h"

HOT size_t sinew__queue_join(const struct iovec *iov, int n, void *to)
{
	size_t size = 0;

	for (int i = 0; i < n; i++) {
		sinew__copy((char *)to + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	return size;
}

HOT void sinew__queue_split(const struct iovec *iov, int n, const void *from, size_t size)
{
	const char *at = from;

	for (int i = 0; i < n && size; i++) {
		size_t part = iov[i].iov_len < size ? iov[i].iov_len : size;
		sinew__copy(iov[i].iov_base, at, part);
		at += part;
		size -= part;
	}
}

const char *sinew__queue_size(char text[24], int64_t size)
{
	static const char *const units[] = {"", "K", "M", "G"};
	unsigned unit = 0;

	while (unit < 3 && size > 0 && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	snprintf(text, 24, "%lld%s", (long long)size, units[unit]);
	return text;
}

int sinew__queue_most(
	const struct sinew__spec *spec, int64_t room, const char *what, uint64_t *max_message)
{
	bool framed = spec->common.frame == SINEW__FRAME_LENGTH;

	if (framed)
		room -= SINEW__FRAME_PLAIN_SIZE;
	if (room < 1)
		return sinew__fail(EINVAL, "%s: %s leaves no room for a message%s", spec->text,
			what, framed ? " with its frame" : "");
	*max_message = (uint64_t)(room < spec->common.max ? room : spec->common.max);
	return 0;
}

int sinew__queue_check_direction(const struct sinew_channel *channel, const char *kind)
{
	unsigned direction = channel->flags & (SINEW_IN | SINEW_OUT);

	if (direction == SINEW_IN || direction == SINEW_OUT)
		return 0;
	return sinew__fail(
		EINVAL, "%s: a %s is one-way: say dir=in or dir=out", channel->spec.text, kind);
}

int sinew__queue_check_frame(const struct sinew__spec *spec)
{
	if (spec->common.frame != SINEW__FRAME_LINE)
		return 0;
	return sinew__fail(EINVAL,
		"%s: messages in a queue have boundaries already: frame=raw or frame=length",
		spec->text);
}
