/* SPDX-License-Identifier: MIT
 *
 * lock.c - sinew-bench-lock: an uncontended lock and unlock beside that of a bare robust,
 * process-shared pthread mutex, in turns of a few microseconds in the same thread, so that whatever
 * disturbs one disturbs both. Ratios are taken turn by turn; shown are quartiles.
 */
#include <pthread.h>
#include <sinew/lock.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { TURNS = 4001, TIMES = 1500 };

struct both {
	struct sinew_mutex ours;
	pthread_mutex_t bare __attribute__((aligned(64)));
};

static const int64_t late = INT64_C(1) << 60;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void use_bare(struct both *both)
{
	pthread_mutex_lock(&both->bare);
	pthread_mutex_unlock(&both->bare);
}

static void use_ours(struct both *both)
{
	sinew_mutex_lock(&both->ours, SINEW_FOREVER);
	sinew_mutex_unlock(&both->ours);
}

static void use_bare_until(struct both *both)
{
	const struct timespec until = {late / 1000000000, late % 1000000000};

	pthread_mutex_clocklock(&both->bare, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&both->bare);
}

static void use_ours_until(struct both *both)
{
	sinew_mutex_lock(&both->ours, late);
	sinew_mutex_unlock(&both->ours);
}

/* ns of one use, the call through a pointer included on both sides. */
static double measure(void (*use)(struct both *), struct both *both)
{
	double since = now();

	for (int i = 0; i < TIMES; i++)
		use(both);
	return (now() - since) / TIMES;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void show(const char *name, void (*bare)(struct both *), void (*ours)(struct both *),
	struct both *both)
{
	static double a[TURNS], b[TURNS], ratio[TURNS];

	for (int i = 0; i < TURNS; i++) {
		a[i] = measure(bare, both);
		b[i] = measure(ours, both);
		ratio[i] = b[i] / a[i];
	}
	qsort(a, TURNS, sizeof *a, compare);
	qsort(b, TURNS, sizeof *b, compare);
	qsort(ratio, TURNS, sizeof *ratio, compare);
	printf("%-22s %6.2f ns  bare %6.2f ns  ratio %.3f (%.3f-%.3f)  goal 1.10 %s\n", name,
		b[TURNS / 2], a[TURNS / 2], ratio[TURNS / 2], ratio[TURNS / 4],
		ratio[3 * TURNS / 4], ratio[TURNS / 2] <= 1.10 ? "met" : "missed");
}

static int make(struct both *both)
{
	pthread_mutexattr_t attr;

	if (pthread_mutexattr_init(&attr) || pthread_mutexattr_setpshared(&attr, 1) ||
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) ||
		pthread_mutex_init(&both->bare, &attr))
		return -1;
	return sinew_mutex_init(&both->ours);
}

int main(void)
{
	struct both *both =
		mmap(NULL, sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (both == MAP_FAILED || make(both) < 0)
		return 1;
	puts("lock and unlock, nobody else there");
	show("without a deadline", use_bare, use_ours, both);
	show("with a deadline", use_bare_until, use_ours_until, both);
	return 0;
}
