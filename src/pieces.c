/* SPDX-License-Identifier: MIT
 *
 * pieces.c - puts messages together from pieces.
 *
 * A message under way is a slot: whose, how long, how much is there. A writer sends one message at a
 * time and its pieces in order, so a piece either continues its writer's slot or begins a message;
 * a first piece over an unfinished message means that the rest of that one will never come.
 */
#include "pieces.h"

#include <string.h>

#include "cleanup.h"
#include "error.h"

struct slot {
	uint64_t writer;  /* 0: free */
	uint64_t suspect; /* its writer is dead; nothing of it is behind this byte of the fifo */
	uint32_t total, got;
	uint8_t *data;
};

struct sinew__pieces {
	unsigned most;
	size_t each;
	uint8_t *memory;
	struct slot *done; /* delivered last; free as soon as the reader comes back */
	struct slot slots[];
};

int sinew__pieces_open(struct sinew_channel *channel, unsigned most)
{
	CLEANUP_FREE struct sinew__pieces *p = calloc(1, sizeof *p + most * sizeof(struct slot));

	if (!p)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	p->most = most;
	p->each = ((size_t)channel->spec.common.max + 4095) & ~(size_t)4095;
	p->memory = sinew__sys.mmap(NULL, most * p->each, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED)
		return sinew__fail(ENOMEM,
			"%s: cannot reserve %zu bytes to put messages together; lower max=",
			channel->spec.text, most * p->each);
	for (unsigned i = 0; i < most; i++)
		p->slots[i].data = p->memory + i * p->each;
	channel->pieces = p;
	p = NULL;
	return 0;
}

void sinew__pieces_close(struct sinew_channel *channel)
{
	struct sinew__pieces *p = channel->pieces;

	if (!p)
		return;
	sinew__sys.munmap(p->memory, p->most * p->each);
	free(p);
	channel->pieces = NULL;
}

static void drop(struct sinew_channel *channel, struct slot *slot)
{
	slot->writer = 0;
	sinew__lose(channel, 1);
}

bool sinew__pieces_suspect(struct sinew_channel *channel)
{
	struct sinew__pieces *p = channel->pieces;
	const struct sinew__inbox *in = &channel->one->in;
	bool any = false;

	for (unsigned i = 0; i < p->most; i++) {
		struct slot *slot = &p->slots[i];
		if (!slot->writer || slot == p->done)
			continue;
		if (slot->suspect && in->taken - (in->tail - in->head) >= slot->suspect) {
			drop(channel, slot);
			continue;
		}
		if (!slot->suspect &&
			!channel->spec.transport->writer_alive(channel, slot->writer)) {
			int capacity = sinew__sys.fcntl(channel->one->rfd, F_GETPIPE_SZ, 0);
			slot->suspect = in->taken + (capacity > 0 ? (uint64_t)capacity : 1 << 20);
		}
		any = any || slot->suspect;
	}
	return any;
}

void sinew__pieces_drop(struct sinew_channel *channel, bool all)
{
	struct sinew__pieces *p = channel->pieces;

	for (unsigned i = 0; p && i < p->most; i++) {
		struct slot *slot = &p->slots[i];
		if (slot->writer && slot != p->done && (all || slot->suspect))
			drop(channel, slot);
	}
}

static struct slot *find(struct sinew__pieces *p, uint64_t writer)
{
	for (unsigned i = 0; i < p->most; i++)
		if (p->slots[i].writer == writer)
			return &p->slots[i];
	return NULL;
}

/* A slot for a message that begins. When all are taken the new message is the one that cannot be
 * kept: its writer's later pieces find no slot. */
static struct slot *begin(struct sinew_channel *channel, const struct sinew__frame *frame)
{
	struct sinew__pieces *p = channel->pieces;
	struct slot *slot = find(p, frame->writer);

	if (slot)
		drop(channel, slot);
	slot = find(p, 0);
	if (!slot) {
		sinew__lose(channel, 1);
		return NULL;
	}
	slot->writer = frame->writer;
	slot->suspect = 0;
	slot->total = frame->total;
	slot->got = 0;
	return slot;
}

int sinew__pieces_add(struct sinew_channel *channel, const struct sinew__frame *frame,
	const uint8_t *piece, const uint8_t **data)
{
	struct sinew__pieces *p = channel->pieces;

	if (!p || !frame->writer || frame->size == 0 || frame->offset > frame->total ||
		frame->size > frame->total - frame->offset ||
		frame->total > (uint64_t)channel->spec.common.max)
		return -EBADMSG;
	if (p->done)
		p->done->writer = 0;
	p->done = NULL;

	struct slot *slot = frame->offset == 0 ? begin(channel, frame) : find(p, frame->writer);
	if (!slot)
		return 0;
	if (slot->total != frame->total || slot->got != frame->offset) {
		drop(channel, slot);
		return 0;
	}
	memcpy(slot->data + frame->offset, piece, frame->size);
	slot->got += frame->size;
	if (slot->got < slot->total)
		return 0;
	p->done = slot;
	*data = slot->data;
	return 1;
}
