/* SPDX-License-Identifier: MIT
 *
 * philosophers.c - five philosophers, five forks, and death at the table: `philosophers MEALS KILLS`.
 *
 * Each takes the fork with the lower number first, so they never all wait for one another. A fork
 * that the dead let fall is had by its neighbour, who is told, washes it, and eats.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crew.h"

enum { PHILOSOPHERS = 5 };

struct fork_of_two {
	struct sinew_mutex mutex;
	volatile unsigned user; /* who eats with it, from 1; 0: nobody */
	volatile uint64_t washed;
};

struct table {
	uint64_t total;
	struct fork_of_two forks[PHILOSOPHERS];
	volatile uint64_t meals[PHILOSOPHERS];
};

static uint64_t meals;

static int init(void *data, size_t size, void *arg)
{
	struct table *table = data;
	int r = 0;

	(void)size, (void)arg;
	table->total = meals;
	for (unsigned i = 0; i < PHILOSOPHERS && r == 0; i++)
		r = sinew_mutex_init(&table->forks[i].mutex);
	return r;
}

static void take(struct fork_of_two *fork, unsigned me)
{
	int r = sinew_mutex_lock(&fork->mutex, SINEW_FOREVER);

	if (r == -EOWNERDEAD) {
		fork->user = 0;
		fork->washed++;
		r = sinew_mutex_repaired(&fork->mutex);
	}
	crew_check(r, "take a fork");
	if (fork->user)
		exit(2); /* somebody else eats with it */
	fork->user = me + 1;
}

static void lay_down(struct fork_of_two *fork, unsigned me)
{
	if (fork->user != me + 1)
		exit(2);
	fork->user = 0;
	crew_check(sinew_mutex_unlock(&fork->mutex), "lay a fork down");
}

static void work(unsigned me, void *data)
{
	struct table *table = data;
	unsigned left = me, right = (me + 1) % PHILOSOPHERS;
	struct fork_of_two *first = &table->forks[left < right ? left : right];
	struct fork_of_two *second = &table->forks[left < right ? right : left];

	while (table->meals[me] < table->total) {
		take(first, me);
		take(second, me);
		table->meals[me]++;
		lay_down(second, me);
		lay_down(first, me);
	}
}

int main(int argc, char **argv)
{
	meals = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct crew crew = {.uri = crew_uri("philosophers"), .work = work, .count = PHILOSOPHERS};
	sinew_region *region = crew_region(crew.uri, sizeof(struct table), init);
	struct table *table = sinew_region_data(region);
	uint64_t washed = 0;

	bool good = crew_run(&crew, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0);
	for (unsigned i = 0; i < PHILOSOPHERS; i++) {
		good = good && table->meals[i] == meals && table->forks[i].user == 0;
		washed += table->forks[i].washed;
	}
	printf("%llu meals each, %llu forks washed: %s\n", (unsigned long long)table->meals[0],
		(unsigned long long)washed, good ? "all have eaten" : "WRONG");
	sinew_region_close(region);
	return !good;
}
