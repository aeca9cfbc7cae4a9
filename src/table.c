/* SPDX-License-Identifier: MIT
 *
 * table.c - the links of a listening channel.
 *
 *   accept ──► in the table, watched by epoll ──► picked when readable ──► read END: removed
 *      │ no descriptor left, or `most` reached            (sinew__table_pick)   (sinew__table_remove)
 *      └──► accepting pauses: the epoll set forgets the listener until a link leaves, and, where a
 *           descriptor was missing, until the timer in the set says to look again
 *
 * The lock covers the slots and the event queue, never a wait and never a transfer.
 */
#include "table.h"

#include "cleanup.h"
#include "error.h"
#include "pool.h"
#include "wait.h"

enum {
	BATCH = 64,  /* connections taken at a time */
	READY = 128, /* links picked at a time */
	SLOT_BITS = 24,
	EVENTS = 4 * BATCH,
	RECHECK = 100000000,    /* ns until the next look for a free descriptor */
	SENDER_PAUSE = 20000000 /* ns between a sender's looks for a first peer */
};

/* In epoll data; links have their id, which is larger. */
enum { LISTENER, TIMER, WAKE };

struct sinew__table {
	const struct sinew__listener *listener;
	int listen_fd, epoll_fd;
	int timer_fd; /* runs while starved, or somebody waits for memory */
	struct sinew__taken taken;
	int wake_fd; /* a sender has accepted somebody: there may be an event */
	unsigned most;
	unsigned hint, high; /* no slot is free below, none is used from here on */
	_Atomic unsigned count;
	uint64_t generation;
	_Atomic uint64_t joined;
	bool paused;          /* the epoll set does not watch the listener */
	_Atomic bool starved; /* paused for want of a descriptor or memory */
	pthread_mutex_t lock;
	struct sinew__link *current; /* receiving thread */
	struct sinew__link *aside;   /* the only one there can be: read, and not in the set */
	bool polled;                 /* by the host: the set has to know of all */
	struct epoll_event ready[READY];
	int ready_count, ready_next;
	struct sinew__event events[EVENTS];
	unsigned event_first;
	_Atomic unsigned event_count;
	struct sinew__link *_Atomic slots[];
};

static void watch_listener(struct sinew__table *table, bool watch)
{
	struct epoll_event e = {.events = watch ? EPOLLIN : 0, .data.u64 = LISTENER};

	if (table->paused == !watch)
		return;
	sinew__sys.epoll_ctl(table->epoll_fd, EPOLL_CTL_MOD, table->listen_fd, &e);
	table->paused = !watch;
}

static int add_source(int epoll_fd, int fd, uint64_t what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = what};

	return fd < 0 ? -1 : sinew__sys.epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

int sinew__table_open(struct sinew_channel *channel, const struct sinew__listener *listener,
	int listen_fd, unsigned most)
{
	CLEANUP_FREE struct sinew__table *table =
		calloc(1, sizeof *table + most * sizeof table->slots[0]);

	if (!table)
		return sinew__fail(ENOMEM, "%s: no memory for %u peers", channel->spec.text, most);
	CLEANUP_FD int timer =
		sinew__sys.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	CLEANUP_FD int wake = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CLEANUP_FD int epoll_fd = sinew__sys.epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || add_source(epoll_fd, listen_fd, LISTENER) < 0 ||
		add_source(epoll_fd, timer, TIMER) < 0 || add_source(epoll_fd, wake, WAKE) < 0)
		return sinew__fail(errno, "epoll for %s: %m", channel->spec.text);
	table->listener = listener;
	table->listen_fd = listen_fd;
	table->epoll_fd = sinew__steal_fd(&epoll_fd);
	table->timer_fd = sinew__steal_fd(&timer);
	table->wake_fd = sinew__steal_fd(&wake);
	table->most = most;
	table->taken.fd = -1;
	pthread_mutex_init(&table->lock, NULL);
	channel->table = table;
	table = NULL;
	return 0;
}

void sinew__table_close(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;

	if (!table)
		return;
	for (unsigned i = 0; i < table->most && table->count; i++)
		if (table->slots[i]) {
			sinew__link_free(table->slots[i]);
			table->count--;
		}
	if (table->taken.fd >= 0)
		sinew__sys.close(table->taken.fd);
	sinew__sys.close(table->epoll_fd);
	sinew__sys.close(table->timer_fd);
	sinew__sys.close(table->wake_fd);
	sinew__sys.close(table->listen_fd);
	pthread_mutex_destroy(&table->lock);
	free(table);
	channel->table = NULL;
}

/* Under the lock. */
static void queue_event(struct sinew_channel *channel, uint64_t peer, unsigned flags)
{
	struct sinew__table *table = channel->table;

	if (!(channel->flags & SINEW_EVENTS) || table->event_count == EVENTS)
		return;
	unsigned last = (table->event_first + table->event_count++) % EVENTS;
	table->events[last] = (struct sinew__event){peer, flags};
}

/* Under the lock; there is room. */
static int insert(struct sinew_channel *channel, struct sinew__link *link)
{
	struct sinew__table *table = channel->table;
	unsigned slot = table->hint;

	while (table->slots[slot])
		slot++;
	link->id = ++table->generation << SLOT_BITS | (slot + 1);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = link->id};
	if (sinew__sys.epoll_ctl(table->epoll_fd, EPOLL_CTL_ADD, link->rfd, &e) < 0)
		return -errno;
	sinew__settle_link(channel, link);
	table->slots[slot] = link;
	table->hint = slot + 1;
	if (table->high <= slot)
		table->high = slot + 1;
	table->count++;
	table->joined++;
	sinew__add(&channel->count.joined, 1);
	atomic_store_explicit(&channel->count.peers, table->count, memory_order_relaxed);
	queue_event(channel, link->id, SINEW_MSG_JOINED);
	return 0;
}

/* Once; it may find that there is nothing left to look for. */
static void look_later(struct sinew__table *table)
{
	const struct itimerspec in = {.it_value.tv_nsec = RECHECK};

	sinew__sys.timerfd_settime(table->timer_fd, 0, &in, NULL);
}

void sinew__table_look_later(struct sinew_channel *channel)
{
	look_later(channel->table);
}

static void set_starved(struct sinew__table *table, bool starved)
{
	if (starved)
		look_later(table);
	table->starved = starved;
}

/* The set has no room for it: a connection again. Under the lock. */
static void take_back(struct sinew__table *table, struct sinew__link *link)
{
	table->taken.fd = link->rfd;
	link->rfd = link->wfd = -1;
	sinew__link_free(link);
}

/* Takes who waits, as far as there is room for them and for the news of them. Under the lock. */
static void accept_waiting(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;
	struct sinew__link *link;
	bool starved = false;

	for (int i = 0; i < BATCH && table->count < table->most; i++) {
		if (table->event_count > EVENTS - 2 * BATCH)
			break;
		int r = table->listener->accept(channel, table->listen_fd, &table->taken, &link);
		if (r == 0 && insert(channel, link) < 0) {
			take_back(table, link);
			starved = true;
			break;
		}
		if (r == -EAGAIN)
			break;
		if (r == -EPERM)
			sinew__add(&channel->count.refused, 1);
		else if (r < 0 && r != -ECONNABORTED && r != -EINTR && r != -EPROTO) {
			starved = true;
			break;
		}
	}
	set_starved(table, starved || table->taken.fd >= 0);
	watch_listener(table, !starved && table->count < table->most);
}

static struct sinew__link *find(struct sinew__table *table, uint64_t id)
{
	uint64_t slot = (id & ((1u << SLOT_BITS) - 1)) - 1;

	if (slot >= table->most || !table->slots[slot] || table->slots[slot]->id != id)
		return NULL;
	return table->slots[slot];
}

static struct sinew__link *find_alone(struct sinew__table *table)
{
	for (unsigned i = 0; i < table->high; i++)
		if (table->slots[i])
			return table->slots[i];
	return NULL;
}

struct sinew__link *sinew__table_current(struct sinew_channel *channel)
{
	return channel->table->current;
}

/* One of the sources that is not a link. */
static void attend(struct sinew_channel *channel, int source)
{
	struct sinew__table *table = channel->table;
	uint64_t ignored;

	if (source != LISTENER)
		sinew__sys.read(source == TIMER ? table->timer_fd : table->wake_fd, &ignored,
			sizeof ignored);
	if (source == WAKE)
		return;
	if (source == TIMER && channel->pool) {
		channel->pool->look = channel->pool->timed;
		channel->pool->timed = false;
	}
	pthread_mutex_lock(&table->lock);
	accept_waiting(channel);
	pthread_mutex_unlock(&table->lock);
}

/* While one link is served the next one comes to the cache: of thousands none is there by itself. */
static void foresee(const struct sinew__table *table)
{
	uint64_t slot = (table->ready[table->ready_next].data.u64 & ((1u << SLOT_BITS) - 1)) - 1;

	if (slot >= table->most)
		return;
	const char *link = (const char *)table->slots[slot];
	for (size_t at = 0; link && at < offsetof(struct sinew__link, out_hold); at += 64)
		__builtin_prefetch(link + at);
}

/* The next of the links and connections that epoll reported; NULL: all are done. */
static struct sinew__link *next_ready(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;

	while (table->ready_next < table->ready_count) {
		uint64_t id = table->ready[table->ready_next++].data.u64;
		if (id <= WAKE) {
			attend(channel, (int)id);
			continue;
		}
		/* Links leave by this thread alone: no lock is needed to look at one. */
		struct sinew__link *link = find(table, id);
		if (table->ready_next < table->ready_count)
			foresee(table);
		if (link)
			return link;
	}
	return NULL;
}

static int collect(struct sinew_channel *channel, int timeout)
{
	struct sinew__table *table = channel->table;

	sinew__add(&channel->count.calls[0], 1);
	int n = sinew__sys.epoll_wait(table->epoll_fd, table->ready, READY, timeout);
	table->ready_next = 0;
	table->ready_count = n > 0 ? n : 0;
	if (n < 0 && errno != EINTR)
		return sinew__fail(errno, "epoll for %s: %m", channel->spec.text);
	return n < 0 ? -EINTR : n;
}

static int wait_ready(struct sinew_channel *channel, int64_t until)
{
	if (!sinew__may_block(channel, until))
		return sinew__wait(channel, channel->table->epoll_fd, POLLIN, until);
	int n = collect(channel, -1);
	return n == -EINTR ? sinew__interrupted(channel) : n < 0 ? n : 0;
}

bool sinew__table_ended(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;

	return table->joined && !table->count && table->taken.fd < 0 &&
	       !channel->spec.common.keep_open;
}

/* The only link is read without asking the set, and the kernel would tell that of each message. */
static void put_aside(struct sinew__table *table, struct sinew__link *link)
{
	if (table->polled || table->aside == link)
		return;
	sinew__sys.epoll_ctl(table->epoll_fd, EPOLL_CTL_DEL, link->rfd, NULL);
	table->aside = link;
}

int sinew__table_pick(
	struct sinew_channel *channel, struct sinew__link **link, bool *alone, int64_t until)
{
	struct sinew__table *table = channel->table;

	for (;;) {
		*alone = table->most == 1 && table->count == 1;
		if (*alone && (*link = table->slots[0])) {
			table->current = *link;
			put_aside(table, *link);
			sinew__read_from(channel, *link);
			return 1;
		}
		if ((*link = next_ready(channel))) {
			table->current = *link;
			return 1;
		}
		if (sinew__table_has_event(channel))
			return -EAGAIN;
		if (channel->pool && channel->pool->look)
			return AGAIN;
		bool ended = sinew__table_ended(channel);
		int r = 0;
		if (ended || !sinew__may_block(channel, until))
			r = collect(channel, 0);
		if (r < 0 && r != -EINTR)
			return r;
		if (table->ready_next < table->ready_count)
			continue;
		if (ended && sinew__table_ended(channel))
			return 0;
		r = wait_ready(channel, until);
		if (r < 0)
			return r;
	}
}

static void drop_ref(struct sinew__link *link)
{
	if (atomic_fetch_sub_explicit(&link->refs, 1, memory_order_acq_rel) == 1)
		sinew__link_free(link);
}

void sinew__table_remove(struct sinew_channel *channel, struct sinew__link *link, unsigned flags)
{
	struct sinew__table *table = channel->table;

	pthread_mutex_lock(&table->lock);
	unsigned slot = (unsigned)(link->id & ((1u << SLOT_BITS) - 1)) - 1;
	table->slots[slot] = NULL;
	if (slot < table->hint)
		table->hint = slot;
	while (table->high && !table->slots[table->high - 1])
		table->high--;
	table->count--;
	if (table->current == link)
		table->current = NULL;
	if (table->aside == link)
		table->aside = NULL;
	if (channel->reading == link)
		channel->reading = NULL;
	if (channel->pool)
		sinew__pool_leave(link);
	atomic_store_explicit(&channel->count.peers, table->count, memory_order_relaxed);
	queue_event(channel, link->id, SINEW_MSG_LEFT | flags);
	sinew__sys.epoll_ctl(table->epoll_fd, EPOLL_CTL_DEL, link->rfd, NULL);
	watch_listener(table, true);
	pthread_mutex_unlock(&table->lock);
	sinew__sys.shutdown(link->rfd, SHUT_RDWR); /* a sender that is blocked on it wakes */
	drop_ref(link);
}

/* Under the lock: the only link, or the reason why there is no such one. */
static struct sinew__link *hold_any(struct sinew_channel *channel, int *error)
{
	struct sinew__table *table = channel->table;

	const uint64_t one = 1;

	if (table->count == 0) {
		accept_waiting(channel);
		if (table->event_count && sinew__sys.write(table->wake_fd, &one, sizeof one) < 0)
			*error = 0; /* it is awake already */
	}
	if (table->count == 1)
		return find_alone(table);
	if (table->count > 1)
		*error = sinew__fail(EDESTADDRREQ, "%s: %u peers are connected; name one in peer",
			channel->spec.text, table->count);
	else if (sinew__table_ended(channel))
		*error = sinew__fail(EPIPE, "%s: every peer has left", channel->spec.text);
	else
		*error = -EAGAIN;
	return NULL;
}

/* A sender waits for the first peer. The receiving thread may take the connection that this one waits
 * for, and a starved listener polls ready without giving any: look again from time to time. */
static int wait_first(struct sinew_channel *channel, int64_t until)
{
	struct sinew__table *table = channel->table;
	int64_t look = sinew__sooner(until, sinew_after(SENDER_PAUSE));
	int fd = table->starved || table->event_count ? -1 : table->listen_fd;

	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "no peer is connected");
	if (until != SINEW_FOREVER && sinew__now() >= until)
		return sinew__answer(ETIMEDOUT, "no peer connected by the deadline");
	int r = sinew__wait(channel, fd, POLLIN, look);
	return r == -ETIMEDOUT ? 0 : r;
}

HOT struct sinew__link *sinew__table_hold(
	struct sinew_channel *channel, uint64_t id, int64_t until, int *error)
{
	struct sinew__table *table = channel->table;
	struct sinew__link *link;

	for (;;) {
		pthread_mutex_lock(&table->lock);
		*error = 0;
		link = id ? find(table, id) : hold_any(channel, error);
		if (link)
			atomic_fetch_add_explicit(&link->refs, 1, memory_order_relaxed);
		pthread_mutex_unlock(&table->lock);
		if (link)
			return link;
		if (id)
			*error = sinew__fail(ESTALE, "%s: that peer has left", channel->spec.text);
		if (*error != -EAGAIN)
			return NULL;
		*error = wait_first(channel, until);
		if (*error < 0)
			return NULL;
	}
}

int sinew__table_hold_slot(struct sinew_channel *channel, unsigned slot, struct sinew__link **link)
{
	struct sinew__table *table = channel->table;

	pthread_mutex_lock(&table->lock);
	if (slot >= table->high) {
		pthread_mutex_unlock(&table->lock);
		return -ENOENT;
	}
	*link = table->slots[slot];
	if (*link)
		atomic_fetch_add_explicit(&(*link)->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&table->lock);
	return *link != NULL;
}

HOT void sinew__table_let_go(struct sinew__link *link)
{
	drop_ref(link);
}

bool sinew__table_has_event(const struct sinew_channel *channel)
{
	return channel->table && channel->flags & SINEW_EVENTS && channel->table->event_count;
}

bool sinew__table_event(struct sinew_channel *channel, struct sinew__event *event)
{
	struct sinew__table *table = channel->table;

	if (!sinew__table_has_event(channel))
		return false;
	pthread_mutex_lock(&table->lock);
	*event = table->events[table->event_first];
	table->event_first = (table->event_first + 1) % EVENTS;
	table->event_count--;
	pthread_mutex_unlock(&table->lock);
	return true;
}

int sinew__table_tell(struct sinew_channel *channel, int step, struct sinew_msg *msg)
{
	struct sinew__event event = {0};

	if (step == EVENT)
		sinew__table_event(channel, &event);
	if (step == EVENT || step == END) {
		*msg = (struct sinew_msg){
			.peer = event.peer, .flags = event.flags, .lost = channel->lost};
		channel->lost = 0;
	}
	return step == EVENT ? 1 : step;
}

uint64_t sinew__table_successor(struct sinew_channel *channel, uint64_t id, bool *more)
{
	struct sinew__table *table = channel->table;
	struct sinew__link *oldest = NULL;

	pthread_mutex_lock(&table->lock);
	for (unsigned i = 0; i < table->high; i++) {
		struct sinew__link *link = table->slots[i];
		if (link && link->after == id && (!oldest || link->next < oldest->next))
			oldest = link;
	}
	if (oldest)
		oldest->after = 0;
	*more = false;
	for (unsigned i = 0; i < table->high; i++)
		if (table->slots[i] && table->slots[i]->after == id) {
			table->slots[i]->after = oldest->id;
			*more = true;
		}
	pthread_mutex_unlock(&table->lock);
	return oldest ? oldest->id : 0;
}

void sinew__table_prefer(struct sinew_channel *channel, uint64_t id)
{
	struct sinew__table *table = channel->table;

	pthread_mutex_lock(&table->lock);
	table->current = find(table, id);
	pthread_mutex_unlock(&table->lock);
}

bool sinew__table_is_last(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;
	struct pollfd poll = {.fd = table->listen_fd, .events = POLLIN};
	const struct timespec zero = {0};

	return table->most == 1 && !channel->spec.common.keep_open && table->taken.fd < 0 &&
	       sinew__sys.ppoll(&poll, 1, &zero, NULL) == 0;
}

int sinew__table_watch(struct sinew_channel *channel, struct sinew__link *link, bool watch)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = link->id};
	int op = watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;

	int r = (int)sinew__result(
		sinew__sys.epoll_ctl(channel->table->epoll_fd, op, link->rfd, &e));
	return r == -EEXIST ? 0 : r;
}

int sinew__table_poll_fd(struct sinew_channel *channel)
{
	struct sinew__table *table = channel->table;

	int r = table->aside ? sinew__table_watch(channel, table->aside, true) : 0;
	if (r < 0)
		return sinew__fail(errno, "%s: cannot be polled: %m", channel->spec.text);
	table->aside = NULL;
	table->polled = true;
	return table->epoll_fd;
}

int sinew__table_listen_fd(const struct sinew_channel *channel)
{
	return channel->table->listen_fd;
}
