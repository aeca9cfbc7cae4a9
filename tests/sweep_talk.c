/* SPDX-License-Identifier: MIT
 *
 * sweep_talk.c - conversations over a channel with both ends in this process, by its capabilities
 * alone. Whatever fails is asked for again, once: a fault happens once, and then all must be well.
 */
#include "sweep.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"

enum {
	BITS_ASIDE = 40, /* descriptors that are set aside */
	VAIN = 1000000,  /* ns */
	VAIN_CALLS = 40
};

struct both {
	const struct sweep_talk *talk;
	struct sweep_end in, out;           /* of the flow there: receives, sends */
	struct sweep_end back_in, back_out; /* of the flow back */
	struct sweep_flow there, back;
	size_t large;
};

/* Asks again what failed the first time. */
#define AGAIN_ONCE(what, call)                                                                     \
	({                                                                                         \
		int again_ = ASK(what, call);                                                      \
		if (again_ < 0)                                                                    \
			again_ = ASK(what, call);                                                  \
		if (again_ < 0)                                                                    \
			BAD("%s fails again: %s", what, sinew_error_text());                       \
		again_;                                                                            \
	})

static bool can(const struct sweep_talk *t, uint64_t bits)
{
	return (t->bits & bits) == bits;
}

bool sweep_talk_prepare(struct sweep_talk *t)
{
	struct sinew_caps caps;

	mechanism_uri(t->m, t->extra, t->uri, sizeof t->uri);
	if (sinew_caps(t->uri, &caps) < 0)
		return false;
	t->bits = caps.bits;
	t->most = caps.max_message;
	return true;
}

/* ---- opening ---- */

/* One try to open: 0, or a failure that left nothing behind. */
static int open_once(const char *what, sinew_channel **channel, const char *uri, unsigned flags)
{
	sinew_channel *const untouched = (sinew_channel *)(uintptr_t)16;
	struct sweep_holdings before = sweep_look();

	*channel = untouched;
	int r = ASK(what, sinew_open(channel, uri, flags, sweep_soon()));
	if (r > 0 || (r == 0) == (*channel == untouched))
		BAD("returns %d, and the channel %p", r, (void *)*channel);
	if (r < 0)
		sweep_expect(&before, what);
	return r;
}

static sinew_channel *open_end(const char *what, const char *uri, unsigned flags)
{
	sinew_channel *channel;

	if (open_once(what, &channel, uri, flags) < 0 && open_once(what, &channel, uri, flags) < 0)
		BAD("%s fails again: %s", what, sinew_error_text());
	return channel;
}

static int pair_once(const struct sweep_talk *t, sinew_channel *ends[2])
{
	struct sweep_holdings before = sweep_look();

	ends[0] = ends[1] = NULL;
	int r = ASK("pair", sinew_pair(ends, t->uri, t->flags));
	if (r > 0 || (r == 0) != (ends[0] && ends[1]) || (r < 0 && (ends[0] || ends[1])))
		BAD("returns %d, and the ends %p, %p", r, (void *)ends[0], (void *)ends[1]);
	if (r < 0)
		sweep_expect(&before, "pair");
	return r;
}

static unsigned direction(const struct sweep_talk *t, unsigned wanted)
{
	return can(t, SINEW_CAP_BOTH_WAYS) ? 0 : wanted;
}

/* Where two URIs say the same place; a number at the end may have been chosen by the kernel. */
static bool is_same_place(const char *a, const char *b)
{
	size_t m = strcspn(a, "?"), n = strcspn(b, "?");

	while (m > 0 && a[m - 1] >= '0' && a[m - 1] <= '9')
		m--;
	while (n > 0 && b[n - 1] >= '0' && b[n - 1] <= '9')
		n--;
	return m == n && strncmp(a, b, n) == 0;
}

/* The URI by which the listener is reached, with the options it was given. */
static void find_name(const struct sweep_talk *t, sinew_channel *in, char *uri, size_t size)
{
	const char *options = strchr(t->uri, '?');

	AGAIN_ONCE("name", sinew_name(in, uri, size));
	if (!is_same_place(uri, t->uri))
		BAD("%s was asked for, %s is there", t->uri, uri);
	uri[strcspn(uri, "?")] = '\0';
	size_t used = strlen(uri);
	snprintf(uri + used, size - used, "%s", options ? options : "");
}

static void open_both(const struct sweep_talk *t, sinew_channel *ends[2])
{
	char uri[256];

	if (!t->m->place) {
		if (pair_once(t, ends) < 0 && pair_once(t, ends) < 0)
			BAD("pair fails again: %s", sinew_error_text());
		return;
	}
	ends[0] = open_end("listen", t->uri, direction(t, SINEW_IN) | SINEW_LISTEN | t->flags);
	find_name(t, ends[0], uri, sizeof uri);
	ends[1] = open_end("join", uri, direction(t, SINEW_OUT) | t->flags);
}

static int poll_fd(const char *what, sinew_channel *channel, unsigned which)
{
	struct sweep_holdings before = sweep_look();

	int fd = ASK(what, sinew_fd(channel, which));
	if (fd < 0) {
		sweep_expect(&before, what);
		fd = AGAIN_ONCE(what, sinew_fd(channel, which));
	}
	return fd;
}

/* Nobody reads while a message is sent: it must fit what the kernel gives. A fault while opening may
 * have left that small. */
static size_t largest(const struct sweep_talk *t)
{
	return t->slow ? SWEEP_SMALL : sweep_fired() ? SWEEP_MODEST : SWEEP_LARGE;
}

static void begin(struct both *b, const struct sweep_talk *t)
{
	sinew_channel *ends[2];
	bool poll = t->manner.now && can(t, SINEW_CAP_POLLABLE);
	bool answers = can(t, SINEW_CAP_ANSWERS);

	open_both(t, ends);
	*b = (struct both){.talk = t,
		.in = {ends[0], -1},
		.out = {ends[1], -1},
		.back_in = {ends[1], -1},
		.back_out = {ends[0], -1},
		.there = {.send_name = "send", .receive_name = "receive"},
		.back = {
			.send_name = "answer", .receive_name = "receive the answer", .next = 1000}};
	b->there.bounded = b->back.bounded = can(t, SINEW_CAP_BOUNDARIES);
	b->there.endless = b->back.endless = !can(t, SINEW_CAP_END);
	b->there.passes = b->back.passes = can(t, SINEW_CAP_FDS);
	b->large = largest(t);
	if (!poll)
		return;
	b->in.fd = poll_fd("fd to receive", ends[0], SINEW_IN);
	b->out.fd = poll_fd("fd to send", ends[1], SINEW_OUT);
	if (!answers)
		return;
	b->back_in.fd = poll_fd("fd to receive answers", ends[1], SINEW_IN);
	b->back_out.fd = poll_fd("fd to answer", ends[0], SINEW_OUT);
}

/* ---- talking ---- */

static size_t fitting(const struct sweep_talk *t, size_t size)
{
	return size < t->most ? size : (size_t)t->most;
}

/* What may wait on our side goes: in a buffer, or the rest of what a failure cut in two. */
static void flush(const struct sweep_talk *t, struct sweep_flow *f, const struct sweep_end *end)
{
	if (f->broken || !(*t->extra || sweep_fired()))
		return;
	int r = ASK("flush", sinew_flush(end->channel, sweep_soon()));
	if (r < 0)
		r = ASK("flush", sinew_flush(end->channel, sweep_soon()));
	if (r < 0 && r != -EPIPE)
		BAD("flushing fails again: %s", sinew_error_text());
	if (r < 0)
		f->broken = f->cut = true; /* told that not all has gone */
}

static void there(struct both *b, size_t size, unsigned count, unsigned leave)
{
	const struct sweep_talk *t = b->talk;

	sweep_put(&b->there, &b->out, &t->manner, 0, fitting(t, size), count);
	if (leave == 0)
		flush(t, &b->there, &b->out);
	sweep_fetch(&b->there, &b->in, &t->manner, leave);
}

/* The answer goes to who spoke last. */
static void back(struct both *b, size_t size)
{
	const struct sweep_talk *t = b->talk;

	if (!can(t, SINEW_CAP_ANSWERS) || b->there.broken || b->there.cut || b->there.ended)
		return;
	sweep_put(&b->back, &b->back_out, &t->manner, b->there.peer, fitting(t, size), 1);
	flush(t, &b->back, &b->back_out);
	struct sweep_manner manner = t->manner;
	if (strstr(t->m->options, "reconnect")) /* what broke is told with the next, if one comes */
		manner.forever = false;
	sweep_fetch(&b->back, &b->back_in, &manner, 0);
}

/* A receive that finds nothing waits, and does not ask again and again. */
static void wait_in_vain(struct both *b)
{
	struct sinew_msg msg;
	char byte[8];

	if (b->talk->manner.forever || b->talk->manner.now || sweep_fired())
		return;
	unsigned long before = sweep_total();
	int r = TRY("receive in vain",
		sinew_recv(b->in.channel, byte, sizeof byte, &msg, sinew_after(VAIN)));
	if (r != -ETIMEDOUT)
		sweep_note(&b->there, r, &msg);
	if (sweep_total() - before > VAIN_CALLS)
		BAD("%lu calls to wait for nothing", sweep_total() - before);
}

static void cancel(struct both *b)
{
	struct sinew_msg msg;
	char byte[8];

	if (!(b->talk->flags & SINEW_CANCELLABLE))
		return;
	sweep_prepare("cancel"); /* any signal handler may call it: it leaves no words */
	int r = sinew_cancel(b->in.channel);
	if (r < 0 && (!sweep_fired() || sinew_cancel(b->in.channel) < 0))
		BAD("cancelling fails");
	r = TRY("a cancelled receive",
		sinew_recv(b->in.channel, byte, sizeof byte, &msg, sweep_soon()));
	if (r != -ECANCELED)
		BAD("a cancelled receive returns %d", r);
	AGAIN_ONCE("resume", sinew_resume(b->in.channel));
}

static void ask_around(struct both *b)
{
	struct sinew_peer peer;
	struct sinew_stats stats;
	char uri[256];
	int r = 0;

	AGAIN_ONCE("stats", sinew_stats(b->in.channel, &stats));
	AGAIN_ONCE("name", sinew_name(b->out.channel, uri, sizeof uri));
	if (!b->there.cut && !b->there.ended && !b->there.broken && b->there.peer)
		r = TRY("peer", sinew_peer(b->in.channel, b->there.peer, &peer));
	if (r < 0 && !(r == -ESTALE && sweep_fired()))
		BAD("there is no peer: %s", sinew_error_text());
}

static void finish(struct both *b)
{
	if (!b->talk->finish || b->there.broken)
		return;
	int r = TRY("finish", sinew_finish(b->out.channel, sweep_soon()));
	if (r < 0 && r != -EOPNOTSUPP) {
		sweep_judge(r);
		r = TRY("finish", sinew_finish(b->out.channel, sweep_soon()));
		if (r < 0 && r != -EPIPE)
			BAD("finishing fails again: %s", sinew_error_text());
	}
}

static void close_out(struct both *b)
{
	int r = TRY("close the sender", sinew_close(b->out.channel));

	if (r < 0)
		sweep_judge(r);
	if (r < 0)
		b->there.cut = true; /* told that not all has gone */
	if (r > (int)b->back.count)
		BAD("%d answers are said to be unread, %u can be", r, b->back.count);
}

static void end(struct both *b)
{
	const struct sweep_talk *t = b->talk;
	bool ends = can(t, SINEW_CAP_END) && !strstr(t->extra, "keep-open");

	finish(b);
	close_out(b);
	sweep_fetch(&b->there, &b->in, &t->manner, 0);
	if (ends)
		sweep_fetch_end(&b->there, &b->in, &t->manner);
	int r = TRY("close the receiver", sinew_close(b->in.channel));
	if (r != 0)
		BAD("%d messages are unread at the close, and all had come", r);
	sweep_settle(&b->there);
	sweep_settle(&b->back);
}

/* What outlives its processes goes; what does not is not there. */
static void remove_name(const struct sweep_talk *t, const char *uri)
{
	if (!t->m->place)
		return;
	for (int tries = 0; tries < 2; tries++) {
		int r = TRY("remove", sinew_remove(uri));
		bool gone = r == 0 || r == -ENOENT || r == -EOPNOTSUPP;
		if (gone && sweep_given() != -r)
			return;
		sweep_judge(r);
	}
	int r = TRY("remove", sinew_remove(uri));
	if (r != -ENOENT && r != -EOPNOTSUPP)
		BAD("removing fails again: %s", sinew_error_text());
}

void sweep_converse(const struct sweep_talk *t)
{
	struct both b;

	begin(&b, t);
	there(&b, 20, 1, 0);
	there(&b, t->slow ? SWEEP_SMALL : 3000, 1, 0);
	there(&b, b.large, 1, 0);
	there(&b, 40, 3, 0);
	there(&b, b.large, 1, 0);
	back(&b, 30);
	back(&b, b.large);
	wait_in_vain(&b);
	cancel(&b);
	ask_around(&b);
	there(&b, 50, 2, 2);
	end(&b);
	remove_name(t, t->uri);
}

/* ---- names ---- */

void sweep_names(const struct sweep_talk *t)
{
	unsigned flags = direction(t, SINEW_IN) | SINEW_LISTEN | t->flags;

	for (int round = 0; round < 2; round++) {
		sinew_channel *in = open_end(round ? "take over" : "listen", t->uri, flags);
		int r = TRY("close", sinew_close(in));
		if (r != 0)
			BAD("closing returns %d", r);
	}
	remove_name(t, t->uri);
}

/* ---- adoption ---- */

/* The descriptors of an end as a program finds them that was executed in its place: the end closes
 * its own, and these are put where they were. */
struct spare {
	int at[2], copy[2];
};

static struct spare set_aside(const sinew_channel *channel, const char *uri)
{
	struct spare s = {{-1, -1}, {-1, -1}};

	if (channel->one) {
		s.at[0] = channel->one->rfd;
		s.at[1] = channel->one->wfd;
	} else { /* all it needs waits in one */
		CHECK_EQ(sscanf(strstr(uri, "fd="), "fd=%d", &s.at[0]), 1);
	}

	if (s.at[0] == s.at[1])
		s.at[1] = -1;
	for (int i = 0; i < 2; i++)
		if (s.at[i] >= 0)
			s.copy[i] = CHECK_SYS(fcntl(s.at[i], F_DUPFD_CLOEXEC, BITS_ASIDE));
	return s;
}

static void put_back(struct spare *s)
{
	for (int i = 0; i < 2; i++)
		if (s->at[i] >= 0) {
			CHECK_SYS(dup3(s->copy[i], s->at[i], O_CLOEXEC));
			close(s->copy[i]);
		}
}

void sweep_adopt(const struct sweep_talk *t)
{
	sinew_channel *ends[2];
	struct both b;
	char uri[256];

	open_both(t, ends);
	AGAIN_ONCE("inherit", sinew_inherit(ends[1], uri, sizeof uri));
	struct spare spare = set_aside(ends[1], uri);
	CHECK(sinew_close(ends[1]) >= 0);
	put_back(&spare);
	b = (struct both){.talk = t,
		.in = {ends[0], -1},
		.out = {open_end("adopt", uri, t->flags), -1},
		.there = {.send_name = "send", .receive_name = "receive"}};
	b.there.bounded = can(t, SINEW_CAP_BOUNDARIES);
	b.there.endless = !can(t, SINEW_CAP_END);
	b.large = largest(t);
	there(&b, 20, 1, 0);
	there(&b, b.large, 1, 0);
	there(&b, 50, 2, 2);
	end(&b);
}
