/* SPDX-License-Identifier: MIT
 *
 * alone.c - locks of sinew, taken and given back.
 */
#include "alone.h"

#include <sinew/lock.h>
#include <sinew/sinew.h>
#include <string.h>

#include "crew.h"

static void check(int result, const char *what)
{
	if (result < 0)
		crew_fail("%s: %s", what, strerror(-result));
}

static void join(struct link *link, enum role role)
{
	(void)link, (void)role;
}

static void mutex_prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct sinew_mutex));
	check(sinew_mutex_init(link->state), "sinew_mutex_init");
}

static void mutex_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	check(sinew_mutex_lock(link->state, SINEW_FOREVER), "sinew_mutex_lock");
	check(sinew_mutex_unlock(link->state), "sinew_mutex_unlock");
}

static void mutex_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	check(sinew_mutex_lock(link->state, SINEW_FOREVER), "sinew_mutex_lock");
	count_up(data);
	check(sinew_mutex_unlock(link->state), "sinew_mutex_unlock");
}

const struct contender sinew_mutex_use = {.name = "sinew",
	.prepare = mutex_prepare,
	.join = join,
	.send = mutex_use,
	.recv = mutex_exclude};

static void rwlock_prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct sinew_rwlock));
	check(sinew_rwlock_init(link->state), "sinew_rwlock_init");
}

static void rwlock_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	check(sinew_rwlock_read(link->state, SINEW_FOREVER), "sinew_rwlock_read");
	check(sinew_rwlock_unlock(link->state), "sinew_rwlock_unlock");
}

static void rwlock_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	check(sinew_rwlock_write(link->state, SINEW_FOREVER), "sinew_rwlock_write");
	count_up(data);
	check(sinew_rwlock_unlock(link->state), "sinew_rwlock_unlock");
}

const struct contender sinew_rwlock_use = {.name = "sinew",
	.prepare = rwlock_prepare,
	.join = join,
	.send = rwlock_use,
	.recv = rwlock_exclude};

static void semaphore_prepare(struct link *link)
{
	link->state = crew_share(sizeof(struct sinew_semaphore));
	check(sinew_semaphore_init(link->state, 1), "sinew_semaphore_init");
}

static void semaphore_use(struct link *link, const void *data, size_t size)
{
	(void)data, (void)size;
	check(sinew_semaphore_take(link->state, SINEW_FOREVER), "sinew_semaphore_take");
	check(sinew_semaphore_give(link->state), "sinew_semaphore_give");
}

static void semaphore_exclude(struct link *link, void *data, size_t size)
{
	(void)size;
	check(sinew_semaphore_take(link->state, SINEW_FOREVER), "sinew_semaphore_take");
	count_up(data);
	check(sinew_semaphore_give(link->state), "sinew_semaphore_give");
}

const struct contender sinew_semaphore_use = {.name = "sinew",
	.prepare = semaphore_prepare,
	.join = join,
	.send = semaphore_use,
	.recv = semaphore_exclude};
