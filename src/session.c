/* SPDX-License-Identifier: MIT
 *
 * session.c - remembers senders across their connections. Who is connected is never forgotten; of
 * the others, the one asked for longest ago is.
 */
#include "session.h"

#include <stdlib.h>

#include "error.h"
#include "table.h"

struct sinew__sessions {
	unsigned most, next;
	struct sinew__session rows[];
};

int sinew__sessions_open(struct sinew_channel *channel, unsigned most)
{
	struct sinew__sessions *s = calloc(1, sizeof *s + most * sizeof s->rows[0]);

	if (!s)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	s->most = most;
	channel->sessions = s;
	return 0;
}

void sinew__sessions_close(struct sinew_channel *channel)
{
	free(channel->sessions);
	channel->sessions = NULL;
}

static struct sinew__session *find(struct sinew__sessions *s, uint64_t id)
{
	for (unsigned i = 0; i < s->most && s->rows[i].id; i++)
		if (s->rows[i].id == id)
			return &s->rows[i];
	return NULL;
}

static struct sinew__session *oldest(struct sinew__sessions *s)
{
	for (unsigned tries = 0; tries < s->most; tries++) {
		struct sinew__session *row = &s->rows[s->next];
		s->next = (s->next + 1) % s->most;
		if (!row->link)
			return row;
	}
	return NULL;
}

int sinew__session_hello(struct sinew__link *link, uint64_t id, uint64_t next)
{
	struct sinew__sessions *s = link->channel->sessions;

	if (!s)
		return 0;
	if (link->session || link->spoke || id == 0)
		return -EBADMSG;
	struct sinew__session *row = find(s, id);
	/* A message that had come in part counts as received, and may be sent again. */
	if (row && next + 1 < row->received)
		return -ESTALE;
	if (row && row->link) {
		row->awaited = true;
		link->after = row->link->id;
		link->next = next;
		sinew__sys.shutdown(row->link->rfd, SHUT_RDWR);
		return -EAGAIN;
	}
	if (row && next > row->received)
		sinew__lose(link->channel, next - row->received);
	if (!row)
		row = oldest(s);
	if (!row)
		return 0;
	bool awaited = row->id == id && row->awaited;
	*row = (struct sinew__session){
		.id = id, .received = next, .link = link, .awaited = awaited};
	link->session = row;
	link->after = 0;
	if (awaited)
		sinew__sys.shutdown(link->rfd, SHUT_RDWR);
	return 0;
}

uint64_t sinew__session_leave(struct sinew__link *link)
{
	struct sinew__session *session = link->session;
	uint64_t successor = 0;

	if (session) {
		if (session->awaited)
			successor =
				sinew__table_successor(link->channel, link->id, &session->awaited);
		session->link = NULL;
	}
	link->session = NULL;
	return successor;
}
