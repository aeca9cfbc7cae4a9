/* SPDX-License-Identifier: MIT
 *
 * stream_fill.c - reading from byte streams: in bulk to the inbox; a large message straight into the caller's
 * buffer when nothing else can be read meanwhile.
 *
 * Where large messages follow each other the next one is read even before its header is known, as long as it may
 * be the last one's size, and the pool has room for whatever it is: header and payload in one call. If it is
 * another, or the deadline comes first, what has arrived moves to the inbox and nothing is lost.
 */
#include "stream_fill.h"

#include <string.h>

#include "banned.h"
#include "error.h"
#include "pool.h"

enum { PAGE = 4096 };

static ssize_t broken(struct sinew__link *link, ssize_t error)
{
	return sinew__fail(sinew__broken_as((int)-error), "receive on %s: the connection broke: %s",
		link->channel->spec.text, strerror((int)-error));
}

NOINLINE ssize_t sinew__read_on(
	struct sinew__link *link, struct iovec *iov, int n, ssize_t r, int64_t until)
{
	struct sinew_channel *channel = link->channel;

	for (;;) {
		if (r == -EAGAIN)
			r = sinew__wait(channel, link->rfd, POLLIN, until);
		else if (r == -EINTR)
			r = sinew__interrupted(channel);
		else if (sinew__passes(r))
			return sinew__fail((int)-r, "receive on %s: %s", channel->spec.text,
				strerror((int)-r));
		else {
			link->ended = true;
			return r == 0 ? 0 : broken(link, r);
		}
		if (r < 0)
			return r;
		r = sinew__read_once(link, iov, n, until);
		if (r > 0)
			return r;
	}
}

static void make_room(struct sinew__inbox *in, size_t want)
{
	if (in->head == in->tail) {
		/* The payload of another long message begins on a page of its own. */
		in->head = in->tail = in->long_run ? PAGE - SINEW__FRAME_PLAIN_SIZE : 0;
	} else if (in->size - in->tail < want && in->head) {
		memmove(in->data, in->data + in->head, in->tail - in->head);
		in->tail -= in->head;
		in->head = 0;
	}
}

/* Bytes to ask for beyond those that are needed now. Where long messages follow each other what is
 * read ahead of one would have to be copied: then only the next header. */
static size_t ahead(const struct sinew__link *link)
{
	if (link->channel->flags & SINEW_EXACT)
		return 0;
	if (link->in.long_run)
		return SINEW__FRAME_PLAIN_SIZE;
	return link->channel->pool ? sinew__pool_ahead(link) : SINEW__BULK;
}

/* Whether the next message is asked for as if it had the size of the last, which was long. */
static bool expects(const struct sinew__link *link)
{
	return link->in.long_run && !link->in.skip && !(link->channel->flags & SINEW_EXACT) &&
	       (!link->channel->pool || sinew__pool_affords(link));
}

ssize_t sinew__fill(struct sinew__link *link, int64_t until)
{
	struct sinew__inbox *in = &link->in;
	if (link->channel->pool) {
		int r = sinew__pool_prepare(link);
		if (r < 0)
			return r;
	}
	size_t here = in->tail - in->head;
	size_t need = in->need > here ? in->need - here : 1;
	if (here == 0 && expects(link))
		need = in->last_header + in->last_size;
	size_t want = need > ahead(link) ? need : ahead(link);

	if (in->skip && want < SINEW__BULK && link->channel->spec.common.frame != SINEW__FRAME_LINE)
		want = in->skip < SINEW__BULK ? (size_t)in->skip : SINEW__BULK;
	make_room(in, want);
	if (want > in->size - in->tail)
		want = in->size - in->tail;
	if (link->sip && want > link->sip + SINEW__FRAME_MOST)
		want = link->sip;
	if (want == 0)
		return -EAGAIN;
	struct iovec iov = {.iov_base = in->data + in->tail, .iov_len = want};
	ssize_t r = sinew__read_some(link, &iov, 1, until);
	if (r > 0) {
		in->tail += (size_t)r;
		in->taken += (uint64_t)r;
		if (link->in_hold.claim)
			sinew__pool_note(link);
	}
	return r;
}

/* Whether the message at the head is long, its header here, and the target large enough. */
static bool fits_straight(const struct sinew__link *link, const struct sinew__target *target,
	struct sinew__frame *frame)
{
	const struct sinew__inbox *in = &link->in;
	size_t need;

	return target && link->channel->spec.common.frame == SINEW__FRAME_LENGTH && !in->skip &&
	       in->need > SINEW__BULK &&
	       sinew__frame_parse(in->data + in->head, in->tail - in->head, frame, &need) == 1 &&
	       sinew__frame_is_message(frame->type) && frame->size <= target->cap;
}

/* Reads the rest of a long message to its target, where `have` bytes of it are, and what follows it to
 * where it belongs in the inbox, behind the hole that the message leaves. */
static ssize_t fill_rest(struct sinew__link *link, const struct sinew__target *target,
	const struct sinew__frame *frame, size_t have, struct sinew__view *view, int64_t until)
{
	struct sinew__inbox *in = &link->in;
	uint8_t *hole = in->data + in->head + frame->header;
	size_t next = 0;

	while (have < frame->size) {
		struct iovec iov[2] = {{target->buf + have, frame->size - have},
			{hole + frame->size, ahead(link)}};
		ssize_t r = sinew__read_some(link, iov, iov[1].iov_len ? 2 : 1, until);
		if (r <= 0) {
			memcpy(hole, target->buf, have);
			in->tail = in->head + frame->header + have;
			return r;
		}
		in->taken += (uint64_t)r;
		size_t missing = frame->size - have;
		next = (size_t)r > missing ? (size_t)r - missing : 0;
		have += (size_t)r - next;
	}
	sinew__cut_view(link, frame, target->buf, view);
	in->tail = in->head + view->consume + next;
	return 1;
}

/* Whose header is here. */
static ssize_t fill_straight(struct sinew__link *link, const struct sinew__target *target,
	const struct sinew__frame *frame, struct sinew__view *view, int64_t until)
{
	struct sinew__inbox *in = &link->in;

	make_room(in, in->size);
	size_t have = in->tail - in->head - frame->header;
	memcpy(target->buf, in->data + in->head + frame->header, have);
	return fill_rest(link, target, frame, have, view, until);
}

/* Whether nothing is here, and what comes is to be asked for at its target. Where descriptors may come
 * with it, its header says whether they should. */
static bool expects_straight(const struct sinew__link *link, const struct sinew__target *target)
{
	const struct sinew__inbox *in = &link->in;

	return target && expects(link) && in->head == in->tail && in->last_size <= target->cap &&
	       !link->passed;
}

/* A message of which nothing is here yet. MESSAGE; AGAIN: it is another than was expected, what came is in
 * the inbox; 0 or -errno: nothing came. */
static ssize_t fill_expected(struct sinew__link *link, const struct sinew__target *target,
	struct sinew__view *view, int64_t until)
{
	struct sinew__inbox *in = &link->in;
	struct sinew__frame frame;
	size_t need;

	make_room(in, in->size);
	struct iovec iov[2] = {
		{in->data + in->head, in->last_header}, {target->buf, in->last_size}};
	ssize_t r = sinew__read_some(link, iov, 2, until);
	if (r <= 0)
		return r;
	in->taken += (uint64_t)r;
	const size_t header = (size_t)r < in->last_header ? (size_t)r : in->last_header;
	const size_t have = (size_t)r - header;
	in->tail += header;
	if (sinew__frame_parse(in->data + in->head, header, &frame, &need) == 1 &&
		sinew__frame_is_message(frame.type) && frame.header == header &&
		frame.size >= have && frame.size <= target->cap &&
		frame.size <= (uint64_t)link->channel->spec.common.max)
		return fill_rest(link, target, &frame, have, view, until);
	memcpy(in->data + in->tail, target->buf, have);
	in->tail += have;
	return AGAIN;
}

/* frame=raw: one read is one message, straight to its target. */
static ssize_t fill_raw(struct sinew__link *link, const struct sinew__target *target,
	struct sinew__view *view, int64_t until)
{
	size_t max = (size_t)link->channel->spec.common.max;
	struct iovec iov = {target->buf, target->cap < max ? target->cap : max};
	ssize_t r = sinew__read_some(link, &iov, 1, until);

	*view = (struct sinew__view){.data = target->buf, .size = r > 0 ? (size_t)r : 0};
	return r;
}

ssize_t sinew__fill_target(struct sinew__link *link, bool alone, const struct sinew__target *target,
	struct sinew__view *view, int64_t until)
{
	struct sinew__frame frame;
	ssize_t n;

	if (link->channel->spec.common.frame == SINEW__FRAME_RAW && target && target->cap)
		n = fill_raw(link, target, view, until);
	else if (alone && fits_straight(link, target, &frame))
		n = fill_straight(link, target, &frame, view, until);
	else if (alone && expects_straight(link, target))
		return fill_expected(link, target, view, until);
	else
		return (n = sinew__fill(link, until)) > 0 ? AGAIN : n;
	return n > 0 ? MESSAGE : n;
}
