/* SPDX-License-Identifier: MIT
 *
 * msgq_watch.c - the thread behind poll=thread.
 *
 *   idle --sinew__watch_end, sinew__watch_full--> armed --find_message, find_room--> idle
 *
 * Arming makes the fd not ready, the thread makes it ready again, both under the lock. A thread that
 * slept in msgrcv() instead of looking could not: the kernel hands it an empty message before it knows,
 * and the reader would take the next one first.
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
	pthread_mutex_t lock; /* over all below, and over each look at the queue */
	pthread_cond_t changed;
	bool armed, started, stop;
	long kept;   /* receiving: the type of an empty message */
	size_t need; /* sending: bytes */
	int64_t pause;
	/* never change */
	int id, fd;
	long type;
	bool sending;
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

/* The eventfd is readable unless its counter is 0, and writable unless it is full. Whether it is so now. */
static bool drain(struct sinew__watch *watch)
{
	uint64_t count;

	return sinew__sys.read(watch->fd, &count, sizeof count) == sizeof count || errno == EAGAIN;
}

static bool post(struct sinew__watch *watch, uint64_t count)
{
	return sinew__sys.write(watch->fd, &count, sizeof count) == sizeof count || errno == EAGAIN;
}

/* ---- the thread ---- */

/* Whether there is a message. A queue that is gone is for the reader to see. */
static bool find_message(struct sinew__watch *watch)
{
	struct {
		long type;
		char none[1];
	} message;

	if (watch->kept)
		return post(watch, 1);
	ssize_t r = sinew__sys.msgrcv(watch->id, &message, 0, watch->type, IPC_NOWAIT);

	if (r < 0 && (errno == ENOMSG || errno == EINTR))
		return false;
	if (r == 0)
		watch->kept = message.type;
	return post(watch, 1);
}

/* As the kernel reckons (ipc/msg.c, msg_fits_inqueue). A queue that is gone is for the sender to see. */
static bool find_room(struct sinew__watch *watch)
{
	struct msqid_ds ds;

	if (sinew__msgq_look(watch->id, &ds) == 0 &&
		(watch->need + ds.__msg_cbytes > ds.msg_qbytes || 1 + ds.msg_qnum > ds.msg_qbytes))
		return false;
	return drain(watch);
}

static void rest(struct sinew__watch *watch)
{
	int64_t until = sinew__now() + watch->pause;
	const struct timespec t = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

	watch->pause = sinew__sooner(2 * watch->pause, LONGEST_PAUSE);
	pthread_cond_timedwait(&watch->changed, &watch->lock, &t);
}

static void *run(void *arg)
{
	struct sinew__watch *watch = arg;

	pthread_mutex_lock(&watch->lock);
	watch->started = true;
	pthread_cond_signal(&watch->changed);
	while (!watch->stop) {
		if (!watch->armed)
			pthread_cond_wait(&watch->changed, &watch->lock);
		else if (watch->sending ? find_room(watch) : find_message(watch))
			watch->armed = false;
		else
			rest(watch);
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

static int start(struct sinew__watch *watch)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&watch->thread, NULL, run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_lock(&watch->lock);
	while (r == 0 && !watch->started) /* what a new thread allocates belongs to opening */
		pthread_cond_wait(&watch->changed, &watch->lock);
	pthread_mutex_unlock(&watch->lock);
	return -r;
}

int sinew__watch_open(struct sinew__watch **made, int id, long type, bool sending, int *fd)
{
	struct sinew__watch *watch = calloc(1, sizeof *watch);

	if (!watch)
		return -ENOMEM;
	*watch = (struct sinew__watch){.id = id,
		.type = type,
		.sending = sending,
		.armed = !sending,
		.pause = FIRST_PAUSE};
	watch->fd = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = watch->fd < 0 ? -errno : make_condition(&watch->changed);
	if (r == 0)
		r = -pthread_mutex_init(&watch->lock, NULL);
	if (r == 0)
		r = start(watch);
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
	pthread_join(watch->thread, NULL);
	pthread_cond_destroy(&watch->changed);
	pthread_mutex_destroy(&watch->lock);
	long kept = watch->kept;
	free(watch);
	return kept;
}

void sinew__watch_forget(struct sinew__watch *watch)
{
	free(watch);
}

long sinew__watch_begin(struct sinew__watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	return watch->kept;
}

int sinew__watch_end(struct sinew__watch *watch, long kept, bool empty)
{
	int r = 0;

	watch->kept = kept;
	if (empty && !watch->armed && !drain(watch))
		r = -errno;
	else if (empty && !watch->armed) {
		watch->armed = true;
		watch->pause = FIRST_PAUSE;
		pthread_cond_signal(&watch->changed);
	}
	pthread_mutex_unlock(&watch->lock);
	return r;
}

void sinew__watch_full(struct sinew__watch *watch, size_t size)
{
	pthread_mutex_lock(&watch->lock);
	watch->need = size;
	if (!watch->armed) {
		watch->armed = true;
		watch->pause = FIRST_PAUSE;
		post(watch, counter_full);
		pthread_cond_signal(&watch->changed);
	}
	pthread_mutex_unlock(&watch->lock);
}
