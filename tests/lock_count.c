/* SPDX-License-Identifier: MIT
 *
 * lock_count.c - semaphore, pool, barrier and once: what each call answers, in time and among the
 * dead.
 */
#include <sys/syscall.h>

#include "locks.h"

/* ---- semaphore and pool ---- */

static void take_one(void *semaphore)
{
	CHECK_OK(sinew_semaphore_take(semaphore, SINEW_FOREVER));
}

TEST(semaphore_answers)
{
	struct sinew_semaphore *s = shared(sizeof *s);
	pid_t pids[3];

	CHECK_ERR(sinew_semaphore_take(s, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_semaphore_give(s), -EINVAL);
	CHECK_OK(sinew_semaphore_init(s, 2));
	CHECK_OK(sinew_semaphore_take(s, SINEW_NOW));
	CHECK_OK(sinew_semaphore_take(s, soon(5000)));
	CHECK_ERR(sinew_semaphore_take(s, SINEW_NOW), -EAGAIN);
	CHECK_EQ(s->word, 0); /* nobody is said to sleep */
	int64_t since = test_now();
	check_in_time(sinew_semaphore_take(s, soon(30)), since);
	for (int i = 0; i < 3; i++)
		pids[i] = test_fork(take_one, s);
	for (int i = 0; i < 3; i++)
		test_blocked(pids[i], SYS_futex);
	kill_child(pids[1]);
	CHECK_OK(sinew_semaphore_give(s));
	CHECK_OK(sinew_semaphore_give(s));
	CHECK_EQ(test_wait(pids[0]), 0);
	CHECK_EQ(test_wait(pids[2]), 0);
	CHECK_EQ(sinew_semaphore_value(s), 0);
	sinew_semaphore_fini(s);
	CHECK_OK(sinew_semaphore_init(s, UINT32_MAX));
	CHECK_ERR(sinew_semaphore_give(s), -EOVERFLOW);
	CHECK_OK(sinew_semaphore_take(s, SINEW_NOW));
	CHECK_OK(sinew_semaphore_give(s));
}

struct pair {
	struct sinew_semaphore there, back;
};

enum { TRIPS = 100 };

static void answer_trips(void *context)
{
	struct pair *p = context;

	for (int i = 0; i < TRIPS; i++) {
		CHECK_OK(sinew_semaphore_take(&p->there, soon(5000)));
		CHECK_OK(sinew_semaphore_give(&p->back));
	}
}

/* It is the unit that ends the wait, not the look of every 100 ms. */
TEST(semaphore_wakes_at_once)
{
	struct pair *p = shared(sizeof *p);
	int64_t limit = test_limit(6000);

	CHECK_OK(sinew_semaphore_init(&p->there, 0));
	CHECK_OK(sinew_semaphore_init(&p->back, 0));
	pid_t pid = test_fork(answer_trips, p);
	for (int i = 0; i < TRIPS; i++) {
		CHECK_OK(sinew_semaphore_give(&p->there));
		CHECK_OK(sinew_semaphore_take(&p->back, soon(5000)));
	}
	CHECK_EQ(test_wait(pid), 0);
	CHECK(test_now() < limit);
}

static void take_unit(void *pool)
{
	uint32_t unit;

	CHECK_OK(sinew_pool_take(pool, &unit, SINEW_FOREVER));
}

TEST(pool_answers)
{
	struct sinew_pool *pool = shared(sizeof *pool);
	uint32_t a, b, c;
	struct holder h;

	CHECK_ERR(sinew_pool_init(pool, 0), -EINVAL);
	CHECK_ERR(sinew_pool_init(pool, SINEW_POOL_UNITS + 1), -EINVAL);
	CHECK_OK(sinew_pool_init(pool, 3));
	CHECK_OK(sinew_pool_take(pool, &a, SINEW_NOW));
	CHECK_OK(sinew_pool_take(pool, &b, soon(5000)));
	CHECK(a != b && a < 3 && b < 3);
	pid_t pid = hold(&h, take_unit, pool);
	CHECK_ERR(sinew_pool_take(pool, &c, SINEW_NOW), -EAGAIN);
	int64_t since = test_now();
	check_in_time(sinew_pool_take(pool, &c, soon(30)), since);
	CHECK_ERR(sinew_pool_give(pool, 3 - a - b), -EPERM);
	CHECK_ERR(sinew_pool_give(pool, 3), -EINVAL);
	let_die(&h, pid);
	CHECK_ERR(sinew_pool_take(pool, &c, SINEW_NOW), -EOWNERDEAD);
	CHECK_EQ(c, 3 - a - b);
	CHECK_OK(sinew_pool_repaired(pool, c));
	pid = test_fork(take_unit, pool);
	test_blocked(pid, SYS_futex);
	CHECK_OK(sinew_pool_give(pool, b));
	CHECK_EQ(test_wait(pid), 0); /* it ended with the unit */
	CHECK_ERR(sinew_pool_take(pool, &b, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_pool_give(pool, b)); /* and is lost: nobody repaired it */
	CHECK_ERR(sinew_pool_take(pool, &b, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_pool_give(pool, a));
	CHECK_OK(sinew_pool_give(pool, c));
}

/* ---- barrier ---- */

enum { ROUNDS = 50, PARTIES = 4 };

struct parade {
	struct sinew_barrier barrier;
	_Atomic int at[PARTIES], last;
};

static void march(struct parade *p, int me, int rounds)
{
	for (int round = 1; round <= rounds; round++) {
		p->at[me] = round;
		int r = CHECK_OK(sinew_barrier_wait(&p->barrier, soon(20000)));
		p->last += r;
		for (int i = 0; i < PARTIES; i++)
			CHECK(p->at[i] == round || p->at[i] == round + 1);
	}
}

static void march_as_one(void *context)
{
	struct parade *p = context;

	march(p, 1, ROUNDS);
}

static void march_as_two(void *context)
{
	march(context, 2, ROUNDS);
}

static void march_as_three(void *context)
{
	march(context, 3, ROUNDS);
}

static void stand(void *context)
{
	struct parade *p = context;
	sinew_barrier_wait(&p->barrier, SINEW_FOREVER);
}

TEST(barrier_opens_for_all_together)
{
	struct parade *p = shared(sizeof *p);

	CHECK_ERR(sinew_barrier_init(&p->barrier, 0), -EINVAL);
	CHECK_ERR(sinew_barrier_init(&p->barrier, SINEW_BARRIER_PARTIES + 1), -EINVAL);
	CHECK_OK(sinew_barrier_init(&p->barrier, PARTIES));
	pid_t pids[] = {test_fork(march_as_one, p), test_fork(march_as_two, p),
		test_fork(march_as_three, p)};
	march(p, 0, ROUNDS);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	CHECK_EQ(p->last, ROUNDS);
}

/* The dead are not counted, and nor is who gave up; then the living meet. */
TEST(barrier_counts_the_living)
{
	struct parade *p = shared(sizeof *p);
	pid_t pids[3];

	CHECK_OK(sinew_barrier_init(&p->barrier, 3));
	CHECK_ERR(sinew_barrier_wait(&p->barrier, SINEW_NOW), -EAGAIN);
	int64_t since = test_now();
	check_in_time(sinew_barrier_wait(&p->barrier, soon(30)), since);
	for (int i = 0; i < 2; i++) {
		pids[i] = test_fork(stand, p);
		test_blocked(pids[i], SYS_futex);
	}
	kill_child(pids[0]);
	CHECK_ERR(sinew_barrier_wait(&p->barrier, soon(30)), -ETIMEDOUT);
	pids[0] = test_fork(stand, p);
	test_blocked(pids[0], SYS_futex);
	CHECK_EQ(sinew_barrier_wait(&p->barrier, soon(5000)), 1);
	CHECK_EQ(test_wait(pids[0]), 0);
	CHECK_EQ(test_wait(pids[1]), 0);
}

static void stand_a_little(void *context)
{
	struct parade *p = context;
	CHECK_EQ(sinew_barrier_wait(&p->barrier, soon(1000)), 0);
}

/* The deadline passes, but before we could get up the round was over: then it was in time. */
TEST(barrier_opens_at_the_deadline)
{
	struct parade *p = shared(sizeof *p);

	CHECK_OK(sinew_barrier_init(&p->barrier, 2));
	pid_t pid = test_fork(stand_a_little, p);
	test_blocked(pid, SYS_futex);
	CHECK_OK(sinew_mutex_lock(&p->barrier.mutex, soon(5000)));
	int64_t over = soon(1100);
	WAIT_UNTIL(test_now() > over, 5000);
	test_blocked(pid, SYS_futex);
	p->barrier.round++; /* as the last one does, who has counted the sitting */
	CHECK_OK(sinew_mutex_unlock(&p->barrier.mutex));
	CHECK_EQ(test_wait(pid), 0);
}

/* ---- once ---- */

static void begin_once(void *once)
{
	int r = sinew_once_begin(once, soon(5000));

	CHECK(r == 1 || r == -EOWNERDEAD);
}

TEST(once_answers)
{
	struct sinew_once *once = shared(sizeof *once);
	struct holder h;

	CHECK_OK(sinew_once_init(once));
	CHECK_ERR(sinew_once_done(once), -EPERM);
	CHECK_EQ(sinew_once_begin(once, SINEW_NOW), 1);
	CHECK_OK(sinew_once_undone(once));
	pid_t pid = hold(&h, begin_once, once);
	CHECK_ERR(sinew_once_begin(once, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_once_begin(once, soon(20)), -ETIMEDOUT);
	CHECK_ERR(sinew_once_done(once), -EPERM);
	let_die(&h, pid);
	die_after(begin_once, once);
	CHECK_ERR(sinew_once_begin(once, SINEW_NOW), -EOWNERDEAD);
	CHECK_OK(sinew_once_done(once));
	CHECK_EQ(sinew_once_begin(once, SINEW_NOW), 0);
	CHECK_ERR(sinew_once_done(once), -EPERM);
}
