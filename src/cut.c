/* SPDX-License-Identifier: MIT
 *
 * cut.c - cuts messages off the bytes that came in, one function for each framing. No system calls.
 */
#include <string.h>

#include "banned.h"
#include "error.h"
#include "passed.h"
#include "pieces.h"
#include "session.h"
#include "stream.h"

/* Drops what is left of a message that was too large. Whether it is gone. */
static bool skip_rest(struct sinew__inbox *in)
{
	size_t here = in->tail - in->head;
	size_t n = in->skip < here ? (size_t)in->skip : here;

	in->head += n;
	in->skip -= n;
	return in->skip == 0;
}

static int missing(struct sinew__inbox *in, size_t need)
{
	in->need = need;
	return 0;
}

static int too_large(
	struct sinew__link *link, struct sinew__view *view, const struct sinew__frame *frame)
{
	struct sinew__inbox *in = &link->in;

	view->size = frame->size;
	in->head += frame->header;
	in->skip = frame->size;
	skip_rest(in);
	if (frame->type == SINEW__FRAME_FDS)
		sinew__passed_drop(link);
	sinew__session_count(link);
	sinew__lose(link->channel, 1);
	return sinew__fail(EMSGSIZE,
		"%s: the peer announces a message of %u bytes, above max=%lld; it is skipped "
		"(raise "
		"max=, or the peer does not speak this framing)",
		link->channel->spec.text, frame->size, (long long)link->channel->spec.common.max);
}

/* The message that pieces made. */
static int give_whole(const struct sinew__inbox *in, struct sinew__view *view)
{
	*view = (struct sinew__view){.data = in->whole, .size = in->whole_size};
	return 1;
}

/* A whole frame that is not itself a message: acts on it. 1 it completed a message, 0 go on, 2 it
 * must wait. */
static int act(struct sinew__link *link, struct sinew__view *view, const struct sinew__frame *frame)
{
	struct sinew__inbox *in = &link->in;
	const uint8_t *payload = in->data + in->head + frame->header;

	if (frame->type == SINEW__FRAME_HELLO) {
		int r = sinew__session_hello(link, frame->session, frame->next);
		if (r == -EAGAIN) {
			missing(in, in->tail - in->head + 1);
			return 2;
		}
		if (r == -ESTALE)
			in->head = in->tail;
		if (r < 0)
			return r;
	} else if (frame->type == SINEW__FRAME_PIECE) {
		in->in_pieces = link->channel->pieces;
		int r = sinew__pieces_add(link->channel, frame, payload, &in->whole);
		if (r < 0)
			return r;
		in->whole_size = frame->total;
	}
	in->head += frame->header + frame->size;
	return in->whole ? give_whole(in, view) : 0;
}

void sinew__cut_view(const struct sinew__link *link, const struct sinew__frame *frame,
	const uint8_t *data, struct sinew__view *view)
{
	*view = (struct sinew__view){.data = data,
		.size = frame->size,
		.tag = frame->tag,
		.flags = frame->tagged ? SINEW_MSG_TAGGED : 0,
		.fds = frame->type == SINEW__FRAME_FDS,
		.consume = frame->header + (size_t)frame->size};
	if (view->fds && !link->passed)
		view->flags |= SINEW_MSG_FDS_LOST;
}

static int cut_length(struct sinew__link *link, struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;
	struct sinew__frame frame;
	size_t need;

	for (;;) {
		size_t here = in->tail - in->head;
		if (sinew__passed_astray(link, 0))
			return -EBADMSG;
		int r = sinew__frame_parse(in->data + in->head, here, &frame, &need);
		if (r == 0)
			return missing(in, need);
		if (r < 0)
			return r;
		if (frame.type == SINEW__FRAME_FDS && !sinew__passed_match(link, frame.fds))
			return -EBADMSG;
		bool message = sinew__frame_is_message(frame.type);
		if (message && frame.size > (uint64_t)link->channel->spec.common.max)
			return too_large(link, view, &frame);
		if (!message && frame.size > SINEW__BULK)
			return -EBADMSG;
		if (here < frame.header + (size_t)frame.size)
			return missing(in, frame.header + (size_t)frame.size);
		if (message) {
			sinew__cut_view(link, &frame, in->data + in->head + frame.header, view);
			return 1;
		}
		r = act(link, view, &frame);
		if (r != 0)
			return r == 2 ? 0 : r;
	}
}

static int cut_line(struct sinew__link *link, struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;
	size_t max = (size_t)link->channel->spec.common.max;
	const uint8_t *start = in->data + in->head;
	size_t here = in->tail - in->head;
	const uint8_t *end = memchr(start + in->scanned, '\n', here - in->scanned);

	if (!end && here <= max && !(link->ended && here > 0)) {
		in->scanned = here;
		return missing(in, here + 1);
	}
	size_t size = end ? (size_t)(end - start) : here;
	in->scanned = 0;
	if (size > max) {
		view->size = size;
		in->head += end ? size + 1 : size;
		in->skip = !end; /* until the next newline */
		sinew__lose(link->channel, 1);
		return sinew__fail(EMSGSIZE, "%s: a line is longer than max=%zu; it is skipped",
			link->channel->spec.text, max);
	}
	view->data = start;
	view->size = size;
	view->flags = end ? 0 : SINEW_MSG_UNFINISHED;
	view->consume = end ? size + 1 : size;
	return 1;
}

static bool skip_line(struct sinew__inbox *in)
{
	const uint8_t *start = in->data + in->head;
	const uint8_t *end = memchr(start, '\n', in->tail - in->head);

	in->head = end ? (size_t)(end + 1 - in->data) : in->tail;
	in->skip = !end;
	return end;
}

static int cut_raw(struct sinew__link *link, struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;

	if (in->head == in->tail)
		return missing(in, 1);
	view->data = in->data + in->head;
	size_t here = in->tail - in->head, max = (size_t)link->channel->spec.common.max;
	view->size = view->consume = here < max ? here : max;
	return 1;
}

int sinew__cut(struct sinew__link *link, struct sinew__view *view)
{
	struct sinew__inbox *in = &link->in;
	int framing = (int)link->channel->spec.common.frame;

	view->tag = 0;
	view->flags = 0;
	view->fds = false;
	if (in->whole)
		return give_whole(in, view);
	if (in->skip && !(framing == SINEW__FRAME_LINE ? skip_line(in) : skip_rest(in)))
		return missing(in, 1);
	switch (framing) {
	case SINEW__FRAME_LINE:
		return cut_line(link, view);
	case SINEW__FRAME_RAW:
		return cut_raw(link, view);
	default:
		return cut_length(link, view);
	}
}

/* Whole messages in an inbox, at most `most`; one more if the next thing to be told is an error. Asked
 * for one, a frame that must be acted upon counts, too: it may turn out to be an error. */
static unsigned count_frames(const struct sinew__link *link, unsigned most)
{
	const struct sinew__inbox *in = &link->in;
	uint64_t max = (uint64_t)link->channel->spec.common.max;
	bool pieces = link->channel->pieces, passing = false;
	size_t at = in->head, need;
	unsigned n = 0;
	struct sinew__frame frame;

	while (n < most) {
		if (!passing && sinew__passed_astray(link, at - in->head))
			return n + 1;
		int r = sinew__frame_parse(in->data + at, in->tail - at, &frame, &need);
		if (r == 0)
			break;
		if (r > 0 && frame.type == SINEW__FRAME_FDS && !passing) {
			passing = true;
			if (!sinew__passed_match(link, frame.fds))
				return n + 1;
		}
		bool message = r > 0 && sinew__frame_is_message(frame.type);
		if (r < 0 || frame.size > (message ? max : SINEW__BULK) ||
			(frame.type == SINEW__FRAME_PIECE && !pieces))
			return n + 1;
		if (in->tail - at < frame.header + (size_t)frame.size)
			break;
		at += frame.header + (size_t)frame.size;
		bool last = frame.type == SINEW__FRAME_PIECE &&
			    frame.offset + (uint64_t)frame.size == frame.total;
		bool acts = most == 1 && frame.type < SINEW__FRAME_OPTIONAL;
		n += message || last || acts;
	}
	return n;
}

static unsigned count_lines(const struct sinew__inbox *in, bool ended, size_t max, unsigned most)
{
	const uint8_t *at = in->data + in->head, *end = in->data + in->tail, *newline;
	unsigned n = 0;

	while (n < most && at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		at = newline + 1;
		n++;
	}
	return n + (n < most && ((ended && at < end) || (size_t)(end - at) > max));
}

unsigned sinew__cut_count(const struct sinew__link *link, unsigned most)
{
	const struct sinew__inbox *in = &link->in;

	if (in->whole || sinew__passed_astray(link, 0))
		return 1;
	if (in->skip || in->head == in->tail)
		return 0;
	switch (link->channel->spec.common.frame) {
	case SINEW__FRAME_LINE:
		return count_lines(in, link->ended, (size_t)link->channel->spec.common.max, most);
	case SINEW__FRAME_RAW:
		return 1;
	default:
		return count_frames(link, most);
	}
}
