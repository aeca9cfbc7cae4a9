/* SPDX-License-Identifier: MIT
 *
 * msgq_watch.c - the thread behind poll=thread.
 *
 *   idle --sinew__watch_empty, sinew__watch_full--> armed --await_message, await_room--> idle
 *
 * Arming makes the fd not ready, the thread makes it ready again. Whoever finds the queue empty or
 * full arms after that, so what comes in between is seen by the thread's first look: readiness may be
 * spurious, and is never missed.
 */
#include "msgq_watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "wait.h"

enum { FIRST_PAUSE = 50000, LONGEST_PAUSE = 1000000 };

static const uint64_t counter_full = UINT64_MAX - 1;

struct sinew__watch {
	pthread_t thread;
	pthread_mutex_t lock; /* over all below */
	pthread_cond_t changed;
	bool armed, stop;
	long kept;   /* receiving: the type of an empty message */
	size_t need; /* sending: bytes */
	int64_t pause;
	/* the thread's, and the closer's after it */
	struct {
		long type; /* of an empty message that msgrcv() took; 0: none */
		char none[1];
	} taken;
	/* never change */
	int id, fd;
	long type;
};

int sinew__msgq_look(int id, struct msqid_ds *ds)
{
	/* Given an id the kernel takes the slot in it; what it returns tells whether it is the same. */
	int r = sinew__sys.msgctl(id, MSG_STAT_ANY, ds);

	if (r == id)
		return 0;
	if (r >= 0 || sinew__sys.msgctl(id, IPC_STAT, ds) == 0)
		return r >= 0 ? -EIDRM : 0;
	return errno == EINVAL ? -EIDRM : -errno;
}

/* ---- the thread ---- */

static void drain(struct sinew__watch *watch)
{
	uint64_t count;

	(void)!sinew__sys.read(watch->fd, &count, sizeof count);
}

static void post(struct sinew__watch *watch, uint64_t count)
{
	(void)!sinew__sys.write(watch->fd, &count, sizeof count);
}

/* The type of an empty message, which is taken; 0 there is another, or the queue is gone; -ENOMSG;
 * -EINTR. */
static long look_for_message(struct sinew__watch *watch, int flags)
{
	ssize_t r =
		sinew__result(sinew__sys.msgrcv(watch->id, &watch->taken, 0, watch->type, flags));

	if (r == 0)
		return watch->taken.type;
	return r == -EINTR || r == -ENOMSG ? r : 0;
}

/* The only place where the thread can be cancelled. That may be after the kernel took a message and
 * before the call returned: `taken` then tells. */
static long await_message(struct sinew__watch *watch)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	long type = look_for_message(watch, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return type;
}

/* What woke the thread may be taken by now. Asked again under the lock, under which the reader arms, the
 * fd never says that there is something after the reader has seen that there is not. */
static void *watch_messages(void *arg)
{
	struct sinew__watch *watch = arg;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&watch->lock);
	while (!watch->stop) {
		if (!watch->armed) {
			pthread_cond_wait(&watch->changed, &watch->lock);
			continue;
		}
		pthread_mutex_unlock(&watch->lock);
		long type = await_message(watch);
		pthread_mutex_lock(&watch->lock);
		if (type == 0)
			type = look_for_message(watch, IPC_NOWAIT);
		if (type < 0)
			continue;
		watch->kept = type;
		watch->taken.type = 0;
		watch->armed = false;
		post(watch, 1);
	}
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

/* As the kernel reckons (ipc/msg.c, msg_fits_inqueue). A queue that is gone is for the sender to see. */
static bool has_room(const struct sinew__watch *watch)
{
	struct msqid_ds ds;

	return sinew__msgq_look(watch->id, &ds) < 0 ||
	       (watch->need + ds.__msg_cbytes <= ds.msg_qbytes && 1 + ds.msg_qnum <= ds.msg_qbytes);
}

static void rest(struct sinew__watch *watch)
{
	int64_t until = sinew__now() + watch->pause;
	const struct timespec t = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

	watch->pause = sinew__sooner(2 * watch->pause, LONGEST_PAUSE);
	pthread_cond_timedwait(&watch->changed, &watch->lock, &t);
}

static void *watch_room(void *arg)
{
	struct sinew__watch *watch = arg;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&watch->lock);
	while (!watch->stop) {
		if (!watch->armed) {
			pthread_cond_wait(&watch->changed, &watch->lock);
		} else if (!has_room(watch)) {
			rest(watch);
		} else {
			watch->armed = false;
			drain(watch);
		}
	}
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

/* ---- its owner ---- */

static int make_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	int r = pthread_condattr_init(&attributes);
	if (r == 0)
		r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return -r;
}

static int start(struct sinew__watch *watch, bool sending)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&watch->thread, NULL, sending ? watch_room : watch_messages, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int sinew__watch_open(struct sinew__watch **made, int id, long type, bool sending, int *fd)
{
	struct sinew__watch *watch = calloc(1, sizeof *watch);

	if (!watch)
		return -ENOMEM;
	watch->id = id;
	watch->type = type;
	watch->armed = !sending;
	watch->fd = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = watch->fd < 0 ? -errno : make_condition(&watch->changed);
	if (r == 0)
		pthread_mutex_init(&watch->lock, NULL);
	if (r == 0)
		r = start(watch, sending);
	if (r < 0) {
		if (watch->fd >= 0)
			sinew__sys.close(watch->fd);
		free(watch);
		return r;
	}
	*fd = watch->fd;
	*made = watch;
	return 0;
}

long sinew__watch_close(struct sinew__watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	watch->stop = true;
	pthread_cond_signal(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
	pthread_cancel(watch->thread);
	pthread_join(watch->thread, NULL);
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->lock);
	long kept = watch->kept ? watch->kept : watch->taken.type;
	free(watch);
	return kept;
}

void sinew__watch_forget(struct sinew__watch *watch)
{
	free(watch);
}

bool sinew__watch_empty(struct sinew__watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	bool empty = !watch->kept;
	if (empty && !watch->armed) {
		drain(watch);
		watch->armed = true;
		pthread_cond_signal(&watch->changed);
	}
	pthread_mutex_unlock(&watch->lock);
	return empty;
}

long sinew__watch_kept(struct sinew__watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	long kept = watch->kept;
	pthread_mutex_unlock(&watch->lock);
	return kept;
}

void sinew__watch_take(struct sinew__watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	watch->kept = 0;
	pthread_mutex_unlock(&watch->lock);
}

void sinew__watch_full(struct sinew__watch *watch, size_t size)
{
	pthread_mutex_lock(&watch->lock);
	watch->need = size;
	watch->pause = FIRST_PAUSE;
	if (!watch->armed) {
		watch->armed = true;
		post(watch, counter_full);
		pthread_cond_signal(&watch->changed);
	}
	pthread_mutex_unlock(&watch->lock);
}
