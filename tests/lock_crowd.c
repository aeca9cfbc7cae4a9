/* SPDX-License-Identifier: MIT
 *
 * lock_crowd.c - many processes, on all CPUs and on one, read and write at random, several locks at once, with
 * and without time to wait, and are killed at random: each call answers what it must, nobody reads or
 * writes what another is writing, and all go on.
 */
#include <sched.h>
#include <stdatomic.h>

#include "locks.h"

enum { WORKERS = 8, TABLES = 3, KILLS = 300, ENOUGH = 1500 };

/* While somebody writes, a is one ahead of b. */
struct table {
	struct sinew_rwlock lock;
	volatile long a, b;
};

enum hold { NOTHING, READS, WRITES };

static struct world {
	struct table tables[TABLES];
	struct sinew_semaphore units;
	uint32_t most;
	_Atomic uint32_t in_use;
	_Atomic unsigned steps[WORKERS];
	_Atomic bool over;
} * world;

struct worker {
	unsigned me;
	uint32_t random;
	enum hold holds[TABLES];
};

static uint32_t random_below(struct worker *w, uint32_t most)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % most;
}

static bool holds_any(const struct worker *w)
{
	for (int i = 0; i < TABLES; i++)
		if (w->holds[i])
			return true;
	return false;
}

/* For ever only with empty hands, lest two wait for each other. */
static int64_t some_deadline(struct worker *w)
{
	switch (random_below(w, 3)) {
	case 0:
		return SINEW_NOW;
	case 1:
		return soon(1);
	default:
		return holds_any(w) ? soon(2) : SINEW_FOREVER;
	}
}

/* ---- what each call has to answer ---- */

static void have(struct worker *w, unsigned i, enum hold what)
{
	struct table *t = &world->tables[i];

	CHECK_EQ(t->a, t->b);
	w->holds[i] = what;
	if (what == WRITES)
		t->a++;
}

static void repair(struct worker *w, unsigned i)
{
	struct table *t = &world->tables[i];

	CHECK(t->a == t->b || t->a == t->b + 1);
	t->b = t->a;
	CHECK_OK(sinew_rwlock_repaired(&t->lock));
	have(w, i, WRITES);
}

static void lock(struct worker *w, unsigned i, enum hold what)
{
	struct sinew_rwlock *l = &world->tables[i].lock;
	int64_t until = some_deadline(w);
	int r = what == READS ? sinew_rwlock_read(l, until) : sinew_rwlock_write(l, until);

	if (w->holds[i])
		CHECK_ERR(r, -EDEADLK);
	else if (r == -EOWNERDEAD)
		repair(w, i);
	else if (r == 0)
		have(w, i, what);
	else
		CHECK_ERR(r, until == SINEW_NOW ? -EAGAIN : -ETIMEDOUT);
}

static void unlock(struct worker *w, unsigned i)
{
	struct table *t = &world->tables[i];

	if (w->holds[i] == WRITES)
		t->b++;
	if (w->holds[i])
		CHECK_EQ(t->a, t->b);
	CHECK_ERR(sinew_rwlock_repaired(&t->lock), -EINVAL);
	CHECK_EQ(sinew_rwlock_unlock(&t->lock), w->holds[i] ? 0 : -EPERM);
	w->holds[i] = NOTHING;
}

static void use_unit(struct worker *w)
{
	int64_t until = some_deadline(w);
	int r = sinew_semaphore_take(&world->units, until);

	if (r < 0) {
		CHECK_ERR(r, until == SINEW_NOW ? -EAGAIN : -ETIMEDOUT);
		return;
	}
	CHECK(atomic_fetch_add(&world->in_use, 1) < world->most);
	atomic_fetch_sub(&world->in_use, 1);
	CHECK_OK(sinew_semaphore_give(&world->units));
}

static void do_something(struct worker *w)
{
	unsigned i = random_below(w, TABLES), what = random_below(w, 100);

	if (what < 30)
		lock(w, i, READS);
	else if (what < 40)
		lock(w, i, WRITES);
	else if (what < 90)
		unlock(w, i);
	else if (!holds_any(w))
		use_unit(w);
	atomic_fetch_add(&world->steps[w->me], 1);
}

static void work(void *context)
{
	struct worker w = {
		.me = *(unsigned *)context, .random = (uint32_t)getpid() * 2654435761u | 1};

	while (!atomic_load(&world->over))
		do_something(&w);
	for (unsigned i = 0; i < TABLES; i++)
		if (w.holds[i])
			unlock(&w, i);
}

/* ---- the crowd ---- */

static pid_t pids[WORKERS];

static void start(unsigned i)
{
	pids[i] = test_fork(work, &i);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_SYS(sched_setaffinity(0, sizeof one, &one));
}

static void start_crowd(uint32_t units)
{
	world = shared(sizeof *world);
	for (int i = 0; i < TABLES; i++)
		CHECK_OK(sinew_rwlock_init(&world->tables[i].lock));
	world->most = units;
	CHECK_OK(sinew_semaphore_init(&world->units, units));
	for (unsigned i = 0; i < WORKERS; i++)
		start(i);
}

/* Each of them goes on. */
static void let_all_go_on(unsigned steps)
{
	unsigned until[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		until[i] = atomic_load(&world->steps[i]) + steps;
	for (int i = 0; i < WORKERS; i++)
		WAIT_UNTIL((int)(atomic_load(&world->steps[i]) - until[i]) >= 0, 20000);
}

static void end_crowd(void)
{
	let_all_go_on(ENOUGH);
	atomic_store(&world->over, true);
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	for (int i = 0; i < TABLES; i++)
		CHECK_EQ(world->tables[i].a, world->tables[i].b);
}

static void meet_and_part(void)
{
	start_crowd(2);
	end_crowd();
	CHECK_EQ(sinew_semaphore_value(&world->units), 2);
	for (int i = 0; i < TABLES; i++)
		CHECK_OK(sinew_rwlock_write(&world->tables[i].lock, SINEW_NOW));
}

TEST(crowd_reads_and_writes, .timeout = 60)
{
	meet_and_part();
}

TEST(crowd_on_one_cpu, .timeout = 60)
{
	stay_on_one_cpu();
	meet_and_part();
}

/* There are units for all, so that the dead who took one do not keep the others from theirs. */
static void meet_and_die(void)
{
	start_crowd(KILLS + WORKERS);
	for (unsigned n = 0; n < KILLS; n++) {
		unsigned i = n % WORKERS, steps = atomic_load(&world->steps[i]);
		WAIT_UNTIL(atomic_load(&world->steps[i]) - steps > 5, 20000);
		kill_child(pids[i]);
		start(i);
	}
	end_crowd();
}

TEST(crowd_survives_its_dead, .timeout = 60)
{
	meet_and_die();
}

TEST(crowd_survives_its_dead_on_one_cpu, .timeout = 60)
{
	stay_on_one_cpu();
	meet_and_die();
}
