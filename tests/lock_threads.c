/* SPDX-License-Identifier: MIT
 *
 * lock_threads.c - threads that count by every lock. Without finite deadlines: the thread sanitizer
 * does not know pthread_mutex_clocklock().
 */
#include <pthread.h>
#include <sinew/lock.h>

#include "faults.h"

enum { THREADS = 4, TIMES = 2000 };

static struct {
	struct sinew_mutex mutex;
	struct sinew_condition condition;
	struct sinew_rwlock rwlock;
	struct sinew_semaphore semaphore;
	struct sinew_pool pool;
	struct sinew_barrier barrier;
	struct sinew_once once;
	long by_mutex, by_rwlock, by_pool[2], by_once, turn;
} all;

static void count_once(void)
{
	uint32_t unit;

	CHECK_OK(sinew_mutex_lock(&all.mutex, SINEW_FOREVER));
	all.by_mutex++;
	CHECK_OK(sinew_mutex_unlock(&all.mutex));
	CHECK_OK(sinew_rwlock_read(&all.rwlock, SINEW_FOREVER));
	long seen = all.by_rwlock;
	CHECK_OK(sinew_rwlock_unlock(&all.rwlock));
	CHECK_OK(sinew_rwlock_write(&all.rwlock, SINEW_FOREVER));
	CHECK(all.by_rwlock++ >= seen);
	CHECK_OK(sinew_rwlock_unlock(&all.rwlock));
	CHECK_OK(sinew_semaphore_take(&all.semaphore, SINEW_FOREVER));
	CHECK_OK(sinew_semaphore_give(&all.semaphore));
	CHECK_OK(sinew_pool_take(&all.pool, &unit, SINEW_FOREVER));
	all.by_pool[unit]++;
	CHECK_OK(sinew_pool_give(&all.pool, unit));
}

static void take_turns(long me)
{
	for (long n = 0; n < TIMES / 20; n++) {
		CHECK_OK(sinew_mutex_lock(&all.mutex, SINEW_FOREVER));
		while (all.turn % THREADS != me)
			CHECK_OK(sinew_condition_wait(&all.condition, &all.mutex, SINEW_FOREVER));
		all.turn++;
		CHECK_OK(sinew_mutex_unlock(&all.mutex));
		sinew_condition_wake(&all.condition);
	}
}

static void *count(void *me)
{
	int r = CHECK_OK(sinew_once_begin(&all.once, SINEW_FOREVER));

	if (r == 1) {
		all.by_once++;
		CHECK_OK(sinew_once_done(&all.once));
	}
	CHECK_EQ(all.by_once, 1);
	for (int i = 0; i < TIMES; i++)
		count_once();
	CHECK_OK(sinew_barrier_wait(&all.barrier, SINEW_FOREVER));
	CHECK_EQ(all.by_mutex, THREADS * TIMES);
	CHECK_OK(sinew_barrier_wait(&all.barrier, SINEW_FOREVER));
	take_turns((long)me);
	return NULL;
}

TEST(threads_count, .timeout = 120)
{
	pthread_t threads[THREADS];

	CHECK_OK(sinew_mutex_init(&all.mutex));
	sinew_condition_init(&all.condition);
	CHECK_OK(sinew_rwlock_init(&all.rwlock));
	CHECK_OK(sinew_semaphore_init(&all.semaphore, 2));
	CHECK_OK(sinew_pool_init(&all.pool, 2));
	CHECK_OK(sinew_barrier_init(&all.barrier, THREADS));
	CHECK_OK(sinew_once_init(&all.once));
	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, count, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(all.by_mutex, THREADS * TIMES);
	CHECK_EQ(all.by_rwlock, THREADS * TIMES);
	CHECK_EQ(all.by_pool[0] + all.by_pool[1], THREADS * TIMES);
	CHECK_EQ(all.turn, THREADS * TIMES / 20);
	CHECK_EQ(sinew_semaphore_value(&all.semaphore), 2);
	sinew_barrier_fini(&all.barrier);
	sinew_rwlock_fini(&all.rwlock);
	sinew_pool_fini(&all.pool);
	sinew_semaphore_fini(&all.semaphore);
	sinew_once_fini(&all.once);
	sinew_mutex_fini(&all.mutex);
}
