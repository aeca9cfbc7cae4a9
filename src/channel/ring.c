/* SPDX-License-Identifier: MIT
 *
 * ring.c - channels in shared memory: "ring:shm:/name", "ring:file:/path" and "ring:memfd:/path" name a
 * region, which whoever comes first makes, and a ring in it (ring/ring.h has how it works). The
 * options are the ring's and the region's.
 */
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../process.h"
#include "../ring/ring.h"
#include "../wait.h"

extern const struct sinew__transport sinew__transport_ring;

enum {
	LEAST_SIZE = 4096,
	MOST_SIZE = 1 << 30,
	PLAIN_SIZE = 4 << 20, /* where size= says nothing */
	QUEUE_SIZE = 2 << 20, /* the same, of each lane of a queue */
	QUEUE_LANES = 8,      /* where lanes= says nothing; else a writer has the only one */
};

struct settings {
	int64_t pattern, size, lanes, full, wait, deaths;
	int64_t create, temp, trust, huge, serve; /* the region's */
	int64_t fd, guard, from, history;
	struct sinew__users allow;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"pattern", "pair|queue|topic|latest", NULL,
		 "one at each end; many writers and readers, each message to one; each message to "
		 "every reader; the newest to whoever looks (pair, or what is there)"},
		SINEW__OPTION_CHOICE, OWN(pattern), 0, 0},
	{{"size", "size", NULL,
		 "bytes that a lane holds, a power of 2 (4M, queue 2M); a message has at most "
		 "half"},
		SINEW__OPTION_SIZE, OWN(size), LEAST_SIZE, MOST_SIZE},
	{{"lanes", "number", NULL, "writers at a time: of a queue (8), of a topic (1)"},
		SINEW__OPTION_NUMBER, OWN(lanes), 1, SINEW__RING_LANES},
	{{"full", "block|fail|drop-new|drop-old", NULL,
		 "when there is no room: wait, refuse at once, drop the message and count it, or "
		 "what "
		 "slow readers have not read (block; topic, latest drop-old); a topic's reader "
		 "with "
		 "drop-old is never waited for"},
		SINEW__OPTION_CHOICE, OWN(full), 0, 0},
	{{"wait", "latency|balanced|power", "balanced",
		 "how long a CPU is kept busy before we sleep: long, shortly, not at all"},
		SINEW__OPTION_CHOICE, OWN(wait), 0, 0},
	{{"deaths", "redeliver|drop", NULL,
		 "queue: what becomes of messages in the hands of a reader that dies (redeliver)"},
		SINEW__OPTION_CHOICE, OWN(deaths), 0, 0},
	{{"create", "yes|no", "yes", "make the ring if it is not there"}, SINEW__OPTION_SWITCH,
		OWN(create), 0, 0},
	{{"temp", "yes|no", "no", "shm, file: remove the name when we are its last user"},
		SINEW__OPTION_SWITCH, OWN(temp), 0, 0},
	{{"trust", "yes|no", "no", "shm, file: attach even where another user could cut it short"},
		SINEW__OPTION_SWITCH, OWN(trust), 0, 0},
	{{"allow", "uid,uid", "", "memfd: users beside ourselves and root who may attach"},
		SINEW__OPTION_USERS, OWN(allow), 0, 0},
	{{"serve", "call|thread", "call",
		 "memfd: who comes is let in by calls on the channel that made it, or by a thread"},
		SINEW__OPTION_CHOICE, OWN(serve), 0, 0},
	{{"fd", "descriptor", NULL, "adopt the end of a pair that waits in this inherited socket"},
		SINEW__OPTION_NUMBER, OWN(fd), 0, INT_MAX},
	{{"guard", "yes|no", "no",
		 "shm, file: an error, not SIGBUS, when somebody cuts it short; handles SIGBUS"},
		SINEW__OPTION_SWITCH, OWN(guard), 0, 0},
	{{"huge", "no|2M|1G", "no", "memfd: made of pages of that size"}, SINEW__OPTION_CHOICE,
		OWN(huge), 0, 0},
	{{"from", "now|oldest", NULL,
		 "topic: a reader begins with what comes, or what is kept (now)"},
		SINEW__OPTION_CHOICE, OWN(from), 0, 0},
	{{"history", "number", NULL,
		 "latest: newest values that a reader gets, if it has not had them (1)"},
		SINEW__OPTION_NUMBER, OWN(history), 1, SINEW__RING_HISTORY},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"members of a queue, a topic", "ring/layout.h", SINEW__RING_SLOTS},
	{"lanes of a queue, a topic", "ring/layout.h", SINEW__RING_LANES},
	{NULL, NULL, 0},
};

/* ---- what it can do ---- */

static struct sinew__ring_make make_of(const struct settings *own)
{
	const unsigned pattern = own->pattern < 0 ? SINEW__RING_PAIR : (unsigned)own->pattern;
	const bool queue = pattern == SINEW__RING_QUEUE;

	return (struct sinew__ring_make){
		.pattern = pattern,
		.deaths = own->deaths < 0 ? SINEW__RING_REDELIVER : (unsigned)own->deaths,
		.lanes = pattern == SINEW__RING_PAIR ? 2
			 : own->lanes >= 0           ? (unsigned)own->lanes
			 : queue                     ? QUEUE_LANES
						     : 1,
		.lane_size = own->size >= 0 ? (uint64_t)own->size
			     : queue        ? QUEUE_SIZE
					    : PLAIN_SIZE,
	};
}

/* What is done when there is no room. */
static enum sinew__ring_full full_of(const struct settings *own, unsigned pattern)
{
	if (own->full >= 0)
		return (enum sinew__ring_full)own->full;
	return sinew__ring_keeps_history(pattern) ? SINEW__RING_DROP_OLD : SINEW__RING_BLOCK;
}

/* Options that make no sense with a pattern. */
static int check_pattern(const struct sinew__spec *spec, unsigned pattern)
{
	const struct settings *own = spec->own;
	const enum sinew__ring_full full = full_of(own, pattern);
	const char *wrong = NULL;

	if (own->lanes >= 0 && pattern != SINEW__RING_QUEUE && pattern != SINEW__RING_TOPIC)
		wrong = "lanes= is for pattern=queue and pattern=topic";
	else if (own->deaths >= 0 && pattern != SINEW__RING_QUEUE)
		wrong = "deaths= is for pattern=queue, whose readers share the messages";
	else if (own->from >= 0 && pattern != SINEW__RING_TOPIC)
		wrong = "from= is for readers of pattern=topic";
	else if (own->history >= 0 && pattern != SINEW__RING_LATEST)
		wrong = "history= is for readers of pattern=latest";
	else if (full == SINEW__RING_DROP_OLD && !sinew__ring_keeps_history(pattern))
		wrong = "full=drop-old is for pattern=topic and pattern=latest";
	else if (full != SINEW__RING_DROP_OLD && pattern == SINEW__RING_LATEST)
		wrong = "a value always takes the place of an old one: full= is for the other "
			"patterns";
	return wrong ? sinew__fail(EINVAL, "%s: %s", spec->text, wrong) : 0;
}

static int check_options(const struct sinew__spec *spec)
{
	const struct settings *own = spec->own;
	const struct sinew__ring_make make = make_of(own);

	if (spec->common.frame >= 0)
		return sinew__fail(
			EINVAL, "%s: frame= is for bytes; a ring keeps messages whole", spec->text);
	if (spec->common.owner >= 0 || spec->common.group >= 0)
		return sinew__fail(EINVAL,
			"%s: owner= and group= are not for rings; make the file yourself, or use "
			"mode=",
			spec->text);
	if (make.lane_size & (make.lane_size - 1))
		return sinew__fail(
			EINVAL, "%s: size= is a power of 2: 64K, 1M, 4M, ...", spec->text);
	/* What says how a reader reads is for what is there, too. */
	if (own->pattern >= 0 || own->lanes >= 0 || own->deaths >= 0)
		return check_pattern(spec, make.pattern);
	return 0;
}

/* What depends on the pattern. */
static const uint64_t of_pattern = SINEW_CAP_BOTH_WAYS | SINEW_CAP_ANSWERS | SINEW_CAP_END |
				   SINEW_CAP_PAIR | SINEW_CAP_MANY_WRITERS |
				   SINEW_CAP_MANY_READERS | SINEW_CAP_EVERY_READER |
				   SINEW_CAP_RELIABLE;

static uint64_t caps_of(unsigned pattern, unsigned lanes, enum sinew__ring_full full)
{
	const uint64_t sure =
		full == SINEW__RING_BLOCK || full == SINEW__RING_FAIL ? SINEW_CAP_RELIABLE : 0;

	switch (pattern) {
	case SINEW__RING_PAIR:
		return SINEW_CAP_BOTH_WAYS | SINEW_CAP_ANSWERS | SINEW_CAP_END | SINEW_CAP_PAIR |
		       sure;
	case SINEW__RING_QUEUE:
		return SINEW_CAP_MANY_WRITERS | SINEW_CAP_MANY_READERS | sure;
	default:
		return (lanes > 1 ? SINEW_CAP_MANY_WRITERS : 0) | SINEW_CAP_EVERY_READER | sure;
	}
}

static int describe(const struct sinew__spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;
	const struct sinew__ring_make make = make_of(own);
	const uint64_t most = make.lane_size / 2;
	struct sinew__region_spec region;
	uint64_t free_bytes;

	int r = check_options(spec);
	if (r < 0 || !*spec->uri.rest)
		goto shape;
	r = sinew__ring_region_parse(spec, &region);
	if (r == 0) {
		r = region.medium->describe(&region, &free_bytes);
		if (strcmp(region.uri.scheme, "memfd") != 0)
			caps->bits |= SINEW_CAP_SURVIVES;
		sinew__region_spec_fini(&region);
	}
shape:
	if (r < 0)
		return r;
	caps->bits |= SINEW_CAP_BOUNDARIES | SINEW_CAP_NAMED | SINEW_CAP_TAGS | SINEW_CAP_EMPTY |
		      SINEW_CAP_POLLABLE | SINEW_CAP_ZERO_COPY | SINEW__CAP_SURE;
	caps->bits &= ~of_pattern;
	caps->bits |= caps_of(make.pattern, make.lanes, full_of(own, make.pattern));
	caps->max_message = (uint64_t)spec->common.max < most ? (uint64_t)spec->common.max : most;
	return 0;
}

/* ---- opening ---- */

static void close_fds(int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fds[i] >= 0)
			sinew__sys.close(fds[i]);
}

static void dispose(struct sinew__ring *ring)
{
	/* The end of a pair: a relative may hold it, too; the kernel tells when nobody does. */
	const bool ours = ring->channel->process && sinew__process_is(ring->channel->process);

	if (ours && ring->header)
		sinew__ring_leave(ring);
	sinew__ring_bells_close(ring);
	sinew__ring_unmap(ring);
	if (ring->owns_fd && ring->fd >= 0)
		sinew__sys.close(ring->fd);
	sinew_region_close(ring->region);
	if (ring->parcel >= 0)
		sinew__sys.close(ring->parcel);
	if (ring->guests) {
		close_fds(ring->guests->fds, ring->guests->fd_count);
		close_fds(ring->guests->links, ring->guests->link_count);
		free(ring->guests);
	}
}

static void ring_close(struct sinew_channel *channel)
{
	if (channel->state)
		dispose(channel->state);
}

static struct sinew__ring *new_ring(struct sinew_channel *channel)
{
	const struct settings *own = channel->spec.own;
	struct sinew__ring *ring = calloc(1, sizeof *ring);

	if (!ring)
		return NULL;
	ring->channel = channel;
	ring->fd = ring->parcel = -1;
	ring->history = own->history < 0 ? 1 : (unsigned)own->history;
	ring->from_oldest = own->from == 1;
	ring->wait = (enum sinew__ring_wait)own->wait;
	ring->one_cpu = sysconf(_SC_NPROCESSORS_ONLN) == 1;
	ring->most = (uint32_t)channel->caps.max_message;
	ring->may_be_eager = sinew__ring_may_be_eager();
	ring->w.wanted.inside = true;
	sinew__ring_waiting_init(&ring->r.waiting);
	sinew__ring_waiting_init(&ring->w.waiting);
	return channel->state = ring;
}

static struct sinew__region_guests *guests_of(struct sinew__ring *ring)
{
	ring->guests = calloc(1, sizeof *ring->guests);
	if (ring->guests)
		pthread_mutex_init(&ring->guests->lock, NULL);
	return ring->guests;
}

/* Bells for all members of a ring that is handed out. */
static int make_bells(struct sinew__ring *ring, unsigned members)
{
	int r = guests_of(ring) ? sinew__ring_make_bells(ring->guests, members) : -ENOMEM;

	return r == 0 ? 0
		      : sinew__fail(-r, "open %s: cannot make its bells: %s",
				ring->channel->spec.text, strerror(-r));
}

static int no_direction(struct sinew__ring *ring)
{
	return sinew__fail(EINVAL,
		"open %s: its ends receive or send: say SINEW_IN or SINEW_OUT, or dir=",
		ring->channel->spec.text);
}

/* What we asked for, and what is there. */
static int check_shape(struct sinew__ring *ring)
{
	const struct settings *own = ring->channel->spec.own;
	static const char *const patterns[] = {"pair", "queue", "topic", "latest"};
	const struct sinew__lane *lane = &ring->lanes[0];

	if ((own->pattern >= 0 && own->pattern != ring->pattern) ||
		(own->size >= 0 && own->size != lane->size) ||
		(own->lanes >= 0 && own->lanes != ring->lane_count) ||
		(own->deaths >= 0 && own->deaths != ring->deaths))
		return sinew__fail(EEXIST,
			"%s: the ring is there with pattern=%s&size=%u, %u lanes and deaths=%s; "
			"remove it first (sinew rm) or leave these options out",
			ring->channel->spec.text, patterns[ring->pattern], lane->size,
			ring->lane_count, ring->deaths == SINEW__RING_DROP ? "drop" : "redeliver");
	if (ring->pattern != SINEW__RING_PAIR && ring->does != SINEW__RING_READS &&
		ring->does != SINEW__RING_WRITES)
		return no_direction(ring);
	if (ring->guests && ring->guests->fd_count != 2 * ring->slots)
		return sinew__fail(EBADMSG, "open %s: came without the bells of its %u members",
			ring->channel->spec.text, ring->slots);
	return check_pattern(&ring->channel->spec, ring->pattern);
}

/* What follows from the pattern that is there. */
static void settle_on(struct sinew__ring *ring)
{
	struct sinew_channel *channel = ring->channel;

	ring->full = full_of(channel->spec.own, ring->pattern);
	channel->caps.bits &= ~of_pattern;
	channel->caps.bits |= caps_of(ring->pattern, ring->lane_count, ring->full);
	if (ring->does == SINEW__RING_READS && ring->full == SINEW__RING_DROP_OLD &&
		((const struct settings *)channel->spec.own)->full >= 0)
		ring->does |= SINEW__RING_OVERTAKEN;
}

static void set_direction(struct sinew__ring *ring)
{
	struct sinew_channel *channel = ring->channel;
	const unsigned both = SINEW_IN | SINEW_OUT;

	if (!(channel->flags & both))
		channel->flags |= both;
	ring->does = (channel->flags & SINEW_IN ? SINEW__RING_READS : 0) |
		     (channel->flags & SINEW_OUT ? SINEW__RING_WRITES : 0);
}

static int attach(struct sinew__ring *ring, int64_t until)
{
	struct sinew_channel *channel = ring->channel;
	struct sinew__ring_make make = make_of(channel->spec.own);
	struct sinew__region_spec region;
	char uri[SINEW__URI_SIZE];

	int r = sinew__ring_region_parse(&channel->spec, &region);
	if (r < 0)
		return r;
	sinew__ring_region_path(&region, ring->path, sizeof ring->path);
	sinew__region_spec_fini(&region);
	ring->bells_named = *ring->path != '\0';
	if (!ring->bells_named) {
		r = make_bells(
			ring, make.pattern == SINEW__RING_PAIR ? 2 : (unsigned)SINEW__RING_SLOTS);
		if (r < 0)
			return r;
	}
	/* A memfd is its listener's, as a socket is. */
	r = sinew__ring_region_uri(&channel->spec,
		!ring->bells_named && !(channel->flags & SINEW_LISTEN), uri, sizeof uri);
	const struct sinew__region_wish wish = {.size = (size_t)sinew__ring_total(&make),
		.any_size = true,
		.init = sinew__ring_format,
		.arg = &make,
		.guests = ring->guests};
	if (r == 0)
		r = sinew__region_obtain(&ring->region, uri, &wish, until);
	if (r < 0)
		return r;
	ring->fd = ring->region->fd;
	r = sinew__ring_map(ring, ring->region->size);
	return r == 0 && ((const struct settings *)channel->spec.own)->guard == 1
		       ? sinew__ring_guard(ring)
		       : r;
}

static int ring_open(struct sinew_channel *channel, int64_t until)
{
	struct sinew__ring *ring = new_ring(channel);
	int r;

	if (!ring)
		return sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	const struct settings *own = channel->spec.own;
	set_direction(ring);
	if (own->fd >= 0)
		return guests_of(ring) ? sinew__ring_adopt(ring, (int)own->fd)
				       : sinew__fail(ENOMEM, "%s: no memory", channel->spec.text);
	r = attach(ring, until);
	if (r == 0)
		r = check_shape(ring);
	if (r == 0)
		settle_on(ring);
	if (r == 0)
		r = sinew__ring_join(ring, channel->flags & SINEW_LISTEN ? 0 : 1, until);
	if (r < 0) {
		if (ring->region)
			ring->region->forsaken = ring->region->made;
		return r;
	}
	if (channel->caps.max_message > ring->lanes[0].most)
		channel->caps.max_message = ring->lanes[0].most;
	ring->most = (uint32_t)channel->caps.max_message;
	return r;
}

/* ---- pairs without a name ---- */

static int ring_pair(struct sinew_channel *ends[2])
{
	const struct sinew__ring_make make = make_of(ends[0]->spec.own);
	struct sinew__ring *rings[2] = {new_ring(ends[0]), new_ring(ends[1])};

	for (unsigned i = 0; i < 2; i++) {
		if (!rings[i] || !guests_of(rings[i]))
			return sinew__fail(ENOMEM, "%s: no memory", ends[i]->spec.text);
		set_direction(rings[i]);
	}
	return sinew__ring_pair(rings, &make);
}

static int ring_adopt(struct sinew_channel *channel, char *uri, size_t size)
{
	return sinew__ring_hand_on(channel->state, uri, size);
}

/* ---- removing ---- */

static bool is_busy(struct sinew__ring *ring)
{
	for (unsigned slot = 0; slot < ring->slots; slot++)
		if (sinew__ring_is_taken(ring, slot))
			return true;
	return false;
}

/* -EBUSY: somebody has it open. What is no ring is not ours to remove. */
static int check_unused(const struct sinew__spec *spec, const char *uri)
{
	struct sinew_channel channel = {.spec = *spec, .caps.max_message = UINT32_MAX};
	struct sinew__ring ring = {.channel = &channel, .fd = -1};

	int r = sinew_region_open(&ring.region, uri, 0, 0, SINEW_NOW);
	if (r < 0)
		return r;
	ring.fd = ring.region->fd;
	r = sinew__ring_map(&ring, ring.region->size);
	if (r == 0 && is_busy(&ring))
		r = sinew__fail(EBUSY, "remove %s: somebody has it open", spec->text);
	sinew__ring_unmap(&ring);
	sinew_region_close(ring.region);
	return r;
}

static int ring_remove(const struct sinew__spec *spec)
{
	struct sinew__region_spec region;
	char uri[SINEW__URI_SIZE], path[PATH_MAX];

	int r = sinew__ring_region_parse(spec, &region);
	if (r < 0)
		return r;
	sinew__ring_region_path(&region, path, sizeof path);
	r = sinew__ring_region_uri(spec, false, uri, sizeof uri);
	if (r == 0 && *path)
		r = check_unused(spec, uri);
	if (r == 0)
		r = region.medium->remove(&region);
	for (unsigned slot = 0; r == 0 && *path && slot < SINEW__RING_SLOTS; slot++)
		sinew__ring_bells_remove(path, slot);
	sinew__region_spec_fini(&region);
	return r;
}

/* ---- looking ---- */

static int look_into(const struct sinew__spec *spec, const char *uri, struct sinew_ring_look *look,
	int64_t until)
{
	struct sinew_channel channel = {.spec = *spec, .caps.max_message = UINT32_MAX};
	struct sinew__ring ring = {
		.channel = &channel, .fd = -1, .slot = UINT32_MAX, .read_only = true};

	int r = sinew_region_open(&ring.region, uri, 0, SINEW_IN, until);
	if (r == -ENOENT)
		return sinew__fail(ENOENT, "look into %s: there is no such ring", spec->text);
	if (r < 0)
		return r;
	ring.fd = ring.region->fd;
	r = sinew__ring_map(&ring, ring.region->size);
	if (r == 0)
		sinew__ring_look_around(&ring, look);
	sinew__ring_unmap(&ring);
	sinew_region_close(ring.region);
	return r;
}

int sinew_ring_look(const char *uri, struct sinew_ring_look *look, int64_t until)
{
	struct sinew__spec spec = {0};
	char region[SINEW__URI_SIZE];

	int r = sinew__spec_parse(&spec, uri);
	if (r < 0)
		return r;
	if (spec.transport != &sinew__transport_ring)
		r = sinew__fail(EOPNOTSUPP, "%s: is no ring; only a ring can be looked into", uri);
	if (r == 0)
		r = sinew__ring_region_uri(&spec, true, region, sizeof region);
	if (r == 0)
		r = look_into(&spec, region, look, until);
	sinew__spec_fini(&spec);
	return r;
}

/* ---- the transport ---- */

int sinew__ring_flush(struct sinew_channel *channel, int64_t until)
{
	(void)channel;
	(void)until;
	return 0;
}

int sinew__ring_peer(struct sinew_channel *channel, uint64_t id, struct sinew_peer *peer)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	const uint64_t last =
		ring->pattern == SINEW__RING_PAIR ? atomic_load(&ring->peer) : ring->r.from;
	const uint64_t wanted = id == SINEW_ANY_PEER ? sinew__owner_id(last) : id;

	if (wanted == 0) {
		*peer = (struct sinew_peer){0};
		return 0;
	}
	if (wanted && (wanted & 0xff) < ring->slots &&
		sinew__owner_id(sinew__see(&ring->members[wanted & 0xff].owner)) == wanted) {
		const struct sinew__ring_member *member = &ring->members[wanted & 0xff];
		*peer = (struct sinew_peer){.uid = (uid_t)sinew__look(&member->uid),
			.pid = (pid_t)sinew__look(&member->pid)};
		return 0;
	}
	return sinew__fail(ESTALE, "%s: there is no such peer", channel->spec.text);
}

static const struct sinew__io ring_io = {
	.send = sinew__ring_send,
	.flush = sinew__ring_flush,
	.recv = sinew__ring_recv,
	.take = sinew__ring_take,
	.buffered = sinew__ring_buffered,
	.release = sinew__ring_release,
	.finish = sinew__ring_finish,
	.loan = sinew__ring_loan,
	.commit = sinew__ring_commit,
	.abandon = sinew__ring_abandon,
	.fd = sinew__ring_fd,
	.cancel = sinew__ring_cancel,
	.peer = sinew__ring_peer,
};

const struct sinew__transport sinew__transport_ring = {
	.scheme =
		{
			.shown = {"ring", "ring:shm:/name, ring:file:/path or ring:memfd:/path",
				"messages in shared memory"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.io = &ring_io,
	.describe = describe,
	.open = ring_open,
	.pair = ring_pair,
	.adopt = ring_adopt,
	.remove = ring_remove,
	.close = ring_close,
};
