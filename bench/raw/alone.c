/* SPDX-License-Identifier: MIT
 *
 * alone.c - locks of the C library in shared memory, taken and given back.
 */
#include "alone.h"

#include <pthread.h>
#include <semaphore.h>

#include "../alone.h"
#include "../crew.h"
#include "raw.h"

static void join(struct link *link, enum role role)
{
	(void)link, (void)role;
}

static void mutex_prepare(struct link *link)
{
	pthread_mutexattr_t attr;

	link->state = crew_share(sizeof(pthread_mutex_t));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	raw_check(-pthread_mutex_init(link->state, &attr), "pthread_mutex_init");
}

static void mutex_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	raw_check(-pthread_mutex_lock(link->state), "pthread_mutex_lock");
	raw_check(-pthread_mutex_unlock(link->state), "pthread_mutex_unlock");
}

static void mutex_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	raw_check(-pthread_mutex_lock(link->state), "pthread_mutex_lock");
	count_up(data);
	raw_check(-pthread_mutex_unlock(link->state), "pthread_mutex_unlock");
}

const struct contender bare_mutex = {.name = "bare",
	.prepare = mutex_prepare,
	.join = join,
	.send = mutex_use,
	.recv = mutex_exclude};

static void rwlock_prepare(struct link *link)
{
	pthread_rwlockattr_t attr;

	link->state = crew_share(sizeof(pthread_rwlock_t));
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	raw_check(-pthread_rwlock_init(link->state, &attr), "pthread_rwlock_init");
}

static void rwlock_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	raw_check(-pthread_rwlock_rdlock(link->state), "pthread_rwlock_rdlock");
	raw_check(-pthread_rwlock_unlock(link->state), "pthread_rwlock_unlock");
}

static void rwlock_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	raw_check(-pthread_rwlock_wrlock(link->state), "pthread_rwlock_wrlock");
	count_up(data);
	raw_check(-pthread_rwlock_unlock(link->state), "pthread_rwlock_unlock");
}

const struct contender bare_rwlock = {.name = "bare",
	.prepare = rwlock_prepare,
	.join = join,
	.send = rwlock_use,
	.recv = rwlock_exclude};

static void semaphore_prepare(struct link *link)
{
	link->state = crew_share(sizeof(sem_t));
	raw_check(sem_init(link->state, 1, 1), "sem_init");
}

static void semaphore_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	raw_check(sem_wait(link->state), "sem_wait");
	raw_check(sem_post(link->state), "sem_post");
}

static void semaphore_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	raw_check(sem_wait(link->state), "sem_wait");
	count_up(data);
	raw_check(sem_post(link->state), "sem_post");
}

const struct contender bare_semaphore = {.name = "bare",
	.prepare = semaphore_prepare,
	.join = join,
	.send = semaphore_use,
	.recv = semaphore_exclude};
