/* SPDX-License-Identifier: MIT
 *
 * link.c - one connection with its two private buffers. The buffers are reserved at once, as large
 * as the largest message needs, and cost memory only as far as they are used; nothing is allocated
 * after this. Of many links each has them for what is unfinished only; see pool.h.
 */
#include <string.h>

#include "banned.h"
#include "channel.h"
#include "cleanup.h"
#include "error.h"
#include "passed.h"
#include "pool.h"

/* A link begins where a line of the cache does. */
enum { LINE = 64 };
#define LINED(size) (((size) + LINE - 1) / LINE * LINE)

/* Packets of many peers have one inbox, the pool's, and no outbox. */
static bool has_buffers(const struct sinew_channel *channel)
{
	return !channel->pool || !(channel->caps.bits & SINEW__CAP_PACKETS);
}

static void give_buffers(struct sinew__link *link, uint8_t *buffers, size_t in, size_t out)
{
	if (link->channel->pool) {
		/* A page is a page: pools are counted in them. */
		if (buffers)
			sinew__sys.madvise(buffers, in + out, MADV_NOHUGEPAGE);
		sinew__pool_join(link, buffers);
		return;
	}
	link->in.data = buffers;
	link->in.size = in;
	link->out.data = buffers + in;
	link->out.size = out;
}

int sinew__link_make(struct sinew_channel *channel, const struct sinew__link_ops *ops, int rfd,
	int wfd, struct sinew__link **made)
{
	CLEANUP_FREE struct sinew__link *link = aligned_alloc(LINE, LINED(sizeof *link));
	size_t in = sinew__pool_in_size(channel), out = sinew__pool_out_size(channel);
	uint8_t *buffers = NULL;

	if (!link)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	memset(link, 0, sizeof *link);
	if (has_buffers(channel))
		buffers = sinew__sys.mmap(NULL, in + out, PROT_READ | PROT_WRITE,
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
	link->mapped = buffers;
	link->mapped_size = buffers ? in + out : 0;
	give_buffers(link, buffers, in, out);
	atomic_store(&link->refs, 1);
	*made = link;
	link = NULL;
	return 0;
}

void sinew__link_free(struct sinew__link *link)
{
	if (!link)
		return;
	if (link->channel->pool)
		sinew__pool_out_leave(link);
	if (link->mapped)
		sinew__sys.munmap(link->mapped, link->mapped_size);
	if (link->rfd >= 0)
		sinew__sys.close(link->rfd);
	if (link->wfd >= 0 && link->wfd != link->rfd)
		sinew__sys.close(link->wfd);
	sinew__close_fd(&link->quick);
	sinew__passed_close(link->passed);
	free(link);
}
