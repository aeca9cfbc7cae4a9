/* SPDX-License-Identifier: MIT
 *
 * batch.c - gathers frames in an outbox. No system calls but to wait for memory that many share.
 */
#include "batch.h"

#include <string.h>

#include "banned.h"
#include "copy.h"
#include "error.h"
#include "pool.h"

static int too_large(struct sinew_channel *channel, size_t size, size_t limit, const char *advice)
{
	return sinew__fail(EMSGSIZE, "send to %s: the message has %zu bytes, the limit is %zu%s",
		channel->spec.text, size, limit, advice);
}

int sinew__batch_check(
	struct sinew_channel *channel, const struct sinew__link *link, const struct sinew_msg *msg)
{
	size_t max = (size_t)channel->spec.common.max;
	size_t over = sinew__overhead(channel, msg);

	if (msg->size > max)
		return too_large(channel, msg->size, max, " (max=)");
	if (link->atomic && !link->writer && msg->size + over > link->atomic)
		return too_large(channel, msg->size, link->atomic - over,
			": a longer one could be torn by other writers; use chunk=yes, or "
			"writers=1 "
			"if there are none");
	if (sinew__goes_in_pieces(link, msg) && msg->flags & SINEW_MSG_TAGGED)
		return sinew__fail(EOPNOTSUPP,
			"send to %s: a message that goes in pieces (above %zu bytes) carries no "
			"tag",
			channel->spec.text, link->atomic - over);
	if (channel->spec.common.frame == SINEW__FRAME_LINE && msg->size &&
		memchr(msg->data, '\n', msg->size))
		return sinew__fail(EINVAL,
			"send to %s: with frame=line a message cannot contain a newline",
			channel->spec.text);
	if (channel->spec.common.frame == SINEW__FRAME_RAW && msg->size == 0)
		return sinew__fail(EINVAL,
			"send to %s: with frame=raw a stream cannot carry an empty message",
			channel->spec.text);
	return 0;
}

/* Writes the frame of one message into the outbox, with its payload if `inlined`. */
static void put_frame(struct sinew_channel *channel, struct sinew__outbox *out,
	const struct sinew_msg *msg, bool inlined)
{
	if (channel->spec.common.frame == SINEW__FRAME_LENGTH) {
		bool tagged = msg->flags & SINEW_MSG_TAGGED;
		const struct sinew__frame frame = {.type = sinew__frame_type(msg),
			.fds = (uint8_t)msg->fd_count,
			.tagged = tagged,
			.size = (uint32_t)msg->size,
			.tag = tagged ? msg->tag : 0};
		out->tail += sinew__frame_write(out->data + out->tail, &frame);
	}
	if (!inlined)
		return;
	sinew__copy(out->data + out->tail, msg->data, msg->size);
	out->tail += msg->size;
	if (channel->spec.common.frame == SINEW__FRAME_LINE)
		out->data[out->tail++] = '\n';
}

int sinew__batch_gather(struct sinew__link *link, const struct sinew_msg *msgs, unsigned count,
	struct sinew__batch *batch, int64_t until)
{
	struct sinew_channel *channel = link->channel;
	struct sinew__outbox *out = &link->out;
	size_t limit = link->atomic ? link->atomic : SINEW__BULK;
	bool raw_unit = link->atomic && channel->spec.common.frame == SINEW__FRAME_RAW;
	bool lines = channel->spec.common.frame == SINEW__FRAME_LINE;

	*batch = (struct sinew__batch){.msgs = msgs, .base = out->tail};
	while (batch->count < count && !batch->payload) {
		const struct sinew_msg *msg = &msgs[batch->count];
		int r = sinew__batch_check(channel, link, msg);
		if (r < 0)
			return batch->count ? 0 : r;
		if (sinew__goes_in_pieces(link, msg) || (msg->fd_count && batch->count))
			return 0;
		size_t frame = sinew__overhead(channel, msg) + msg->size;
		bool first = batch->count == 0;
		bool inlined = link->atomic || msg->size <= SINEW__INLINE || lines;
		if (!first && out->tail + (inlined ? frame : SINEW__FRAME_MOST) > limit)
			return 0;
		if (msg->size > SINEW__INLINE && channel->pool)
			r = sinew__pool_reserve(link, frame, first ? until : SINEW_NOW);
		if (r < 0)
			return first ? r : 0;
		put_frame(channel, out, msg, inlined);
		if (!inlined) {
			batch->payload = msg->data;
			batch->payload_size = msg->size;
		}
		batch->count++;
		batch->passing = msg->fd_count;
		if (raw_unit || batch->passing)
			return 0;
	}
	return 0;
}
