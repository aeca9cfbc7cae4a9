/* SPDX-License-Identifier: MIT
 *
 * waits.c - the table of all waits: what makes each one wait, and the call that does.
 */
#include "waits.h"

#include <pthread.h>
#include <semaphore.h>
#include <sinew/lock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "events.h"
#include "mechanisms.h"

enum { LARGE = 64 << 10 };

/* ---- channels: empty and full ---- */

static void *open_ends(const void *arg, unsigned flags)
{
	struct ends *e = calloc(1, sizeof *e);

	ends_open(arg, e, flags, "");
	return e;
}

static void *open_empty(const void *arg)
{
	return open_ends(arg, 0);
}

static void *open_cancellable(const void *arg)
{
	return open_ends(arg, SINEW_CANCELLABLE);
}

static int receive(void *what, int64_t until)
{
	struct ends *e = what;
	struct sinew_msg msg;
	char byte;

	return sinew_recv(e->in, &byte, 1, &msg, until);
}

static int send_more(void *what, int64_t until)
{
	static const char zeroes[LARGE];
	struct ends *e = what;
	uint64_t most = mechanism_most(e->m);
	const struct sinew_msg msg = {
		.data = zeroes, .size = most < LARGE ? (size_t)most : LARGE, .flags = 0};
	int r;

	do
		r = sinew_send(e->out, &msg, 1, until);
	while (r > 0);
	return r;
}

static void *open_full(const void *arg)
{
	struct ends *e = open_ends(arg, 0);

	CHECK_ERR(send_more(e, SINEW_NOW), -EAGAIN);
	return e;
}

static void close_ends(void *what)
{
	ends_close(what);
	free(what);
}

static void *name_nobody(const void *arg)
{
	char *uri = malloc(300);

	(void)arg;
	snprintf(uri, 300, "unix:%s", test_path("nobody"));
	return uri;
}

/* Nobody is there, which is what it says at the deadline. */
static int connect_to_nobody(void *what, int64_t until)
{
	sinew_channel *channel = NULL;

	int r = sinew_open(&channel, what, SINEW_OUT | SINEW_CONNECT, until);
	return r == -ENOENT ? -ETIMEDOUT : r;
}

/* ---- events ---- */

struct open_event {
	const struct event_row *row;
	sinew_event *event;
};

static void *open_event_with(const void *arg, unsigned flags)
{
	struct open_event *e = calloc(1, sizeof *e);

	e->row = arg;
	e->event = event_open(e->row, flags, "");
	return e;
}

static void *open_event(const void *arg)
{
	return open_event_with(arg, SINEW_IN);
}

static void *open_cancellable_event(const void *arg)
{
	return open_event_with(arg, SINEW_IN | SINEW_CANCELLABLE);
}

static int wait_for_event(void *what, int64_t until)
{
	struct open_event *e = what;

	return sinew_event_wait(e->event, NULL, until);
}

static void close_event(void *what)
{
	struct open_event *e = what;

	event_end(e->row, e->event);
	free(e);
}

static int open_no_event(void *what, int64_t until)
{
	char uri[64];
	sinew_event *event;

	(void)what;
	snprintf(uri, sizeof uri, "sem:/sinew-test-%d-none?create=no", (int)getpid());
	int r = sinew_event_open(&event, uri, 0, until);
	return r == -ENOENT ? -ETIMEDOUT : r;
}

/* ---- words ---- */

static void *make_word(const void *arg)
{
	(void)arg;
	return calloc(1, sizeof(struct sinew_tally));
}

static int wait_for_word(void *what, int64_t until)
{
	return sinew_futex_wait(what, 0, until);
}

static int wait_for_any(void *what, int64_t until)
{
	uint32_t *words = what;
	const struct sinew_futex_word two[] = {
		{.word = &words[0], .expected = 0}, {.word = &words[1], .expected = 0}};

	int r = sinew_futex_wait_any(two, 2, until);
	return r == -ENOSYS ? wait_for_word(what, until) : r;
}

static int wait_for_tally(void *what, int64_t until)
{
	return sinew_tally_wait(what, until);
}

/* ---- locks: a thread has what is waited for ---- */

struct held {
	const struct lock_row *row;
	void *lock;
	pthread_t thread;
	sem_t taken, enough;
};

struct lock_row {
	size_t size;
	int (*init)(void *lock);
	int (*take)(void *lock, int64_t until);
	int (*wait)(void *lock, int64_t until);
	bool alone; /* there is nothing to hold */
};

static void *hold_it(void *arg)
{
	struct held *held = arg;

	CHECK_OK(held->row->take(held->lock, SINEW_NOW));
	sem_post(&held->taken);
	while (sem_wait(&held->enough) < 0)
		;
	return NULL;
}

static void *make_lock(const void *arg)
{
	struct held *held = calloc(1, sizeof *held);

	held->row = arg;
	held->lock = aligned_alloc(64, (held->row->size + 63) / 64 * 64);
	memset(held->lock, 0, held->row->size);
	CHECK_OK(held->row->init(held->lock));
	if (held->row->alone)
		return held;
	sem_init(&held->taken, 0, 0);
	sem_init(&held->enough, 0, 0);
	CHECK_EQ(pthread_create(&held->thread, NULL, hold_it, held), 0);
	while (sem_wait(&held->taken) < 0)
		;
	return held;
}

static int wait_for_lock(void *what, int64_t until)
{
	struct held *held = what;

	return held->row->wait(held->lock, until);
}

static void free_lock(void *what)
{
	struct held *held = what;

	if (!held->row->alone) {
		sem_post(&held->enough);
		pthread_join(held->thread, NULL);
	}
	free(held->lock);
	free(held);
}

static int make_mutex(void *lock)
{
	return sinew_mutex_init(lock);
}

static int take_mutex(void *lock, int64_t until)
{
	return sinew_mutex_lock(lock, until);
}

static int make_rwlock(void *lock)
{
	return sinew_rwlock_init(lock);
}

static int take_to_read(void *lock, int64_t until)
{
	return sinew_rwlock_read(lock, until);
}

static int take_to_write(void *lock, int64_t until)
{
	return sinew_rwlock_write(lock, until);
}

struct monitor {
	struct sinew_mutex mutex;
	struct sinew_condition condition;
};

static int make_monitor(void *lock)
{
	struct monitor *monitor = lock;

	sinew_condition_init(&monitor->condition);
	return sinew_mutex_init(&monitor->mutex);
}

static int wait_for_condition(void *lock, int64_t until)
{
	struct monitor *monitor = lock;

	CHECK_OK(sinew_mutex_lock(&monitor->mutex, SINEW_FOREVER));
	int r;
	do /* it may wake up for no reason */
		r = sinew_condition_wait(&monitor->condition, &monitor->mutex, until);
	while (r == 0);
	CHECK_OK(sinew_mutex_unlock(&monitor->mutex));
	return r;
}

static int make_semaphore(void *lock)
{
	return sinew_semaphore_init(lock, 0);
}

static int take_semaphore(void *lock, int64_t until)
{
	return sinew_semaphore_take(lock, until);
}

static int make_pool(void *lock)
{
	return sinew_pool_init(lock, 1);
}

static int take_unit(void *lock, int64_t until)
{
	uint32_t unit;

	return sinew_pool_take(lock, &unit, until);
}

static int make_barrier(void *lock)
{
	return sinew_barrier_init(lock, 2);
}

static int wait_at_barrier(void *lock, int64_t until)
{
	return sinew_barrier_wait(lock, until);
}

static int make_once(void *lock)
{
	return sinew_once_init(lock);
}

static int begin_once(void *lock, int64_t until)
{
	return sinew_once_begin(lock, until);
}

static const struct lock_row mutex = {
	sizeof(struct sinew_mutex), make_mutex, take_mutex, take_mutex, false};
static const struct lock_row reader = {
	sizeof(struct sinew_rwlock), make_rwlock, take_to_write, take_to_read, false};
static const struct lock_row writer = {
	sizeof(struct sinew_rwlock), make_rwlock, take_to_read, take_to_write, false};
static const struct lock_row condition = {
	sizeof(struct monitor), make_monitor, NULL, wait_for_condition, true};
static const struct lock_row semaphore = {
	sizeof(struct sinew_semaphore), make_semaphore, NULL, take_semaphore, true};
static const struct lock_row pool = {
	sizeof(struct sinew_pool), make_pool, take_unit, take_unit, false};
static const struct lock_row barrier = {
	sizeof(struct sinew_barrier), make_barrier, NULL, wait_at_barrier, true};
static const struct lock_row once = {
	sizeof(struct sinew_once), make_once, begin_once, begin_once, false};

/* ---- regions ---- */

static void *name_no_region(const void *arg)
{
	char *uri = malloc(300);

	(void)arg;
	snprintf(uri, 300, "file:%s", test_path("nothing"));
	return uri;
}

static int attach_to_nothing(void *what, int64_t until)
{
	sinew_region *region = NULL;

	int r = sinew_region_open(&region, what, 0, 0, until);
	return r == -ENOENT ? -ETIMEDOUT : r;
}

static void *make_region(const void *arg)
{
	char uri[300];
	sinew_region *region;

	(void)arg;
	snprintf(uri, sizeof uri, "memfd:%s", test_path("region"));
	CHECK_OK(sinew_region_make(&region, uri, 4096, NULL, NULL, SINEW_NOW));
	return region;
}

/* Nobody came for it. */
static int serve_nobody(void *what, int64_t until)
{
	int r = sinew_region_serve(what, until);

	return r == 0 ? -ETIMEDOUT : r;
}

static void close_region(void *what)
{
	sinew_region_close(what);
}

/* ---- the table ---- */

static const struct wait_row plain_rows[] = {
	{"connect", name_nobody, connect_to_nobody, free, NULL},
	{"open-event", make_word, open_no_event, free, NULL},
	{"word", make_word, wait_for_word, free, NULL},
	{"any-word", make_word, wait_for_any, free, NULL},
	{"tally", make_word, wait_for_tally, free, NULL},
	{"mutex", make_lock, wait_for_lock, free_lock, &mutex},
	{"reader", make_lock, wait_for_lock, free_lock, &reader},
	{"writer", make_lock, wait_for_lock, free_lock, &writer},
	{"condition", make_lock, wait_for_lock, free_lock, &condition},
	{"semaphore", make_lock, wait_for_lock, free_lock, &semaphore},
	{"pool", make_lock, wait_for_lock, free_lock, &pool},
	{"barrier", make_lock, wait_for_lock, free_lock, &barrier},
	{"once", make_lock, wait_for_lock, free_lock, &once},
	{"attach", name_no_region, attach_to_nothing, free, NULL},
	{"serve", make_region, serve_nobody, close_region, NULL},
};

struct wait_row wait_rows[WAITS_MOST];
struct test_suite every_wait = {.name = "wait", .rows = wait_rows, .size = sizeof(struct wait_row)};

static void add(const char *name, const char *end, struct wait_row row)
{
	char *whole = NULL;

	if (every_wait.count == WAITS_MOST || asprintf(&whole, "%s%s", name, end) < 0)
		abort();
	row.name = whole;
	wait_rows[every_wait.count++] = row;
}

/* Datagrams over a network find no room that would be waited for. */
static void add_channel(const struct mechanism *m)
{
	add(m->name, "", (struct wait_row){NULL, open_empty, receive, close_ends, m});
	add(m->name, "-cancellable",
		(struct wait_row){NULL, open_cancellable, receive, close_ends, m});
	if (strcmp(m->scheme, "udp") != 0)
		add(m->name, "-full", (struct wait_row){NULL, open_full, send_more, close_ends, m});
}

static void add_event(const struct event_row *row)
{
	add(row->name, "", (struct wait_row){NULL, open_event, wait_for_event, close_event, row});
	add(row->name, "-cancellable",
		(struct wait_row){NULL, open_cancellable_event, wait_for_event, close_event, row});
}

__attribute__((constructor)) static void fill_table(void)
{
	const struct event_row *events = every_event.rows;

	for (size_t i = 0; i < sizeof plain_rows / sizeof *plain_rows; i++)
		add(plain_rows[i].name, "", plain_rows[i]);
	for (size_t i = 0; i < every_event.count; i++)
		add_event(&events[i]);
	for (size_t i = 0; i < mechanism_count; i++)
		add_channel(&mechanism_rows[i]);
}
