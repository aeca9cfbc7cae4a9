/* SPDX-License-Identifier: MIT
 *
 * lock.c - sinew-bench-lock: a use of a lock beside that of the C library's, in turns of a few
 * microseconds in the same thread, so that whatever disturbs one disturbs both: where nobody else is, and
 * where a second thread reads, too. Ratios are taken turn by turn; shown are quartiles.
 *
 * The mutex's twin is a bare robust, process-shared pthread mutex. The C library has no robust
 * read-write lock and no semaphore that could be: pthread_rwlock_t stays taken for ever when its holder
 * is killed. So these have two twins: what does less, and the robust mutex, which excludes more.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sinew/lock.h>
#include <sinew/sinew.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { TURNS = 2001, TIMES = 1500 };

struct all {
	struct sinew_mutex mutex;
	struct sinew_rwlock rwlock;
	struct sinew_semaphore semaphore;
	pthread_mutex_t bare_mutex __attribute__((aligned(64)));
	pthread_rwlock_t bare_rwlock __attribute__((aligned(64)));
	sem_t bare_semaphore __attribute__((aligned(64)));
};

typedef void use(struct all *);

static const int64_t late = INT64_C(1) << 60;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- bare ---- */

static void bare_mutex(struct all *all)
{
	pthread_mutex_lock(&all->bare_mutex);
	pthread_mutex_unlock(&all->bare_mutex);
}

static void bare_mutex_until(struct all *all)
{
	const struct timespec until = {late / 1000000000, late % 1000000000};

	pthread_mutex_clocklock(&all->bare_mutex, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&all->bare_mutex);
}

static void bare_read(struct all *all)
{
	pthread_rwlock_rdlock(&all->bare_rwlock);
	pthread_rwlock_unlock(&all->bare_rwlock);
}

static void bare_write(struct all *all)
{
	pthread_rwlock_wrlock(&all->bare_rwlock);
	pthread_rwlock_unlock(&all->bare_rwlock);
}

static void bare_semaphore(struct all *all)
{
	sem_wait(&all->bare_semaphore);
	sem_post(&all->bare_semaphore);
}

/* ---- ours ---- */

static void mutex(struct all *all)
{
	sinew_mutex_lock(&all->mutex, SINEW_FOREVER);
	sinew_mutex_unlock(&all->mutex);
}

static void mutex_until(struct all *all)
{
	sinew_mutex_lock(&all->mutex, late);
	sinew_mutex_unlock(&all->mutex);
}

static void read_use(struct all *all)
{
	sinew_rwlock_read(&all->rwlock, SINEW_FOREVER);
	sinew_rwlock_unlock(&all->rwlock);
}

static void write_use(struct all *all)
{
	sinew_rwlock_write(&all->rwlock, SINEW_FOREVER);
	sinew_rwlock_unlock(&all->rwlock);
}

static void semaphore(struct all *all)
{
	sinew_semaphore_take(&all->semaphore, SINEW_FOREVER);
	sinew_semaphore_give(&all->semaphore);
}

/* ---- measuring ---- */

/* ns of one use, the call through a pointer included on both sides. */
static double measure(use *it, struct all *all)
{
	double since = now();

	for (int i = 0; i < TIMES; i++)
		it(all);
	return (now() - since) / TIMES;
}

/* The same, while another thread does what we do; it does nothing when it is NULL. */
static _Atomic(use *) others;

static double measure_both(use *it, struct all *all)
{
	others = it;
	double ns = measure(it, all);
	others = NULL;
	return ns;
}

static _Atomic bool over;

static void *be_other(void *all)
{
	while (!over) {
		use *it = others;
		if (it)
			it(all);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

typedef double measured(use *, struct all *);

static void show_as(measured *measure_it, const char *name, use *bare, use *ours, struct all *all)
{
	static double a[TURNS], b[TURNS], ratio[TURNS];

	for (int i = 0; i < TURNS; i++) {
		a[i] = measure_it(bare, all);
		b[i] = measure_it(ours, all);
		ratio[i] = b[i] / a[i];
	}
	qsort(a, TURNS, sizeof *a, compare);
	qsort(b, TURNS, sizeof *b, compare);
	qsort(ratio, TURNS, sizeof *ratio, compare);
	printf("%-36s %6.2f ns  bare %6.2f ns  ratio %.3f (%.3f-%.3f)  goal 1.10 %s\n", name,
		b[TURNS / 2], a[TURNS / 2], ratio[TURNS / 2], ratio[TURNS / 4],
		ratio[3 * TURNS / 4], ratio[TURNS / 2] <= 1.10 ? "met" : "missed");
}

static void show(const char *name, use *bare, use *ours, struct all *all)
{
	show_as(measure, name, bare, ours, all);
}

/* Keeps a thread on the CPU that is number `which` of those we may use; false: there are not so many. */
static bool stay_on(pthread_t thread, int which)
{
	static cpu_set_t ours;
	cpu_set_t one;

	if (CPU_COUNT(&ours) == 0 && sched_getaffinity(0, sizeof ours, &ours) < 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &ours) && which-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			return pthread_setaffinity_np(thread, sizeof one, &one) == 0;
		}
	return false;
}

static int show_two_readers(struct all *all)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, be_other, all))
		return 1;
	bool apart = stay_on(pthread_self(), 0) && stay_on(thread, 1);
	puts(apart ? "two threads read at the same time" : "two threads read in turns");
	show_as(measure_both, "to read, beside one not robust", bare_read, read_use, all);
	show_as(measure_both, "to read, beside a robust mutex", bare_mutex, read_use, all);
	over = true;
	return pthread_join(thread, NULL) != 0;
}

static int make(struct all *all)
{
	pthread_mutexattr_t mutex_shared;
	pthread_rwlockattr_t rwlock_shared;

	if (pthread_mutexattr_init(&mutex_shared) ||
		pthread_mutexattr_setpshared(&mutex_shared, 1) ||
		pthread_mutexattr_setrobust(&mutex_shared, PTHREAD_MUTEX_ROBUST) ||
		pthread_mutex_init(&all->bare_mutex, &mutex_shared) ||
		pthread_rwlockattr_init(&rwlock_shared) ||
		pthread_rwlockattr_setpshared(&rwlock_shared, 1) ||
		pthread_rwlock_init(&all->bare_rwlock, &rwlock_shared) ||
		sem_init(&all->bare_semaphore, 1, 1) < 0)
		return -1;
	return sinew_mutex_init(&all->mutex) < 0 || sinew_rwlock_init(&all->rwlock) < 0 ||
			       sinew_semaphore_init(&all->semaphore, 1) < 0
		       ? -1
		       : 0;
}

int main(void)
{
	struct all *all =
		mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED || make(all) < 0)
		return 1;
	puts("lock and unlock, nobody else there");
	show("mutex, without a deadline", bare_mutex, mutex, all);
	show("mutex, with a deadline", bare_mutex_until, mutex_until, all);
	show("to read, beside one not robust", bare_read, read_use, all);
	show("to read, beside a robust mutex", bare_mutex, read_use, all);
	show("to write, beside one not robust", bare_write, write_use, all);
	show("to write, beside a robust mutex", bare_mutex, write_use, all);
	show("semaphore", bare_semaphore, semaphore, all);
	show("semaphore, beside a robust mutex", bare_mutex, semaphore, all);
	return show_two_readers(all);
}
