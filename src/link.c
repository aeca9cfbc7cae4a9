/* SPDX-License-Identifier: MIT
 *
 * link.c - one connection with its two private buffers. The buffers are reserved at once, as large
 * as the largest message needs, and cost memory only as far as they are used; nothing is allocated
 * after this.
 */
#include "channel.h"
#include "cleanup.h"
#include "error.h"
#include "frame.h"

static size_t in_size(const struct sinew_channel *channel)
{
	size_t max = (size_t)channel->spec.common.max;

	return channel->flags & SINEW_IN ? max + SINEW__FRAME_MOST + SINEW__BULK + 4096 : 0;
}

/* Room for what is gathered, and for the rest of one message, in pieces if need be. */
static size_t out_size(const struct sinew_channel *channel)
{
	size_t max = (size_t)channel->spec.common.max;

	return channel->flags & SINEW_OUT ? max + max / 64 + SINEW__FRAME_MOST + SINEW__BULK : 0;
}

static size_t whole_pages(size_t size)
{
	return (size + 4095) & ~(size_t)4095;
}

int sinew__link_make(struct sinew_channel *channel, const struct sinew__link_ops *ops, int rfd,
	int wfd, struct sinew__link **made)
{
	CLEANUP_FREE struct sinew__link *link = calloc(1, sizeof *link);
	size_t in = whole_pages(in_size(channel)), out = whole_pages(out_size(channel));

	if (!link)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	uint8_t *buffers = sinew__sys.mmap(NULL, in + out, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (buffers == MAP_FAILED)
		return sinew__fail(ENOMEM,
			"%s: cannot reserve %zu bytes for buffers; lower max= or raise the limit "
			"on address space",
			channel->spec.text, in + out);
	link->channel = channel;
	link->ops = ops;
	link->rfd = rfd;
	link->wfd = wfd;
	link->quick = -1;
	link->id = 1;
	link->pollable = true;
	link->in.data = buffers;
	link->in.size = in;
	link->out.data = buffers + in;
	link->out.size = out;
	atomic_store(&link->refs, 1);
	*made = link;
	link = NULL;
	return 0;
}

void sinew__link_free(struct sinew__link *link)
{
	if (!link)
		return;
	sinew__sys.munmap(link->in.data, link->in.size + link->out.size);
	if (link->rfd >= 0)
		sinew__sys.close(link->rfd);
	if (link->wfd >= 0 && link->wfd != link->rfd)
		sinew__sys.close(link->wfd);
	sinew__close_fd(&link->quick);
	free(link);
}
