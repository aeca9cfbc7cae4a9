/* SPDX-License-Identifier: MIT
 *
 * readers.c - readers and writers of a table whose words are all the same: `readers VERSIONS KILLS`.
 *
 * A writer raises one word after the other; if it is killed in between, who comes next, reader or
 * writer, is told, raises the rest, and goes on. No reader ever sees two different words.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crew.h"

enum { WORDS = 64, WORKERS = 6, WRITERS = 2 };

struct table {
	struct sinew_rwlock lock;
	uint64_t total, repairs;
	volatile uint64_t word[WORDS];
};

static uint64_t versions;

static int init(void *data, size_t size, void *arg)
{
	struct table *table = data;

	(void)size, (void)arg;
	table->total = versions;
	return sinew_rwlock_init(&table->lock);
}

/* The first word was raised first. */
static void repair(struct table *table)
{
	for (unsigned i = 1; i < WORDS; i++)
		table->word[i] = table->word[0];
	table->repairs++;
	crew_check(sinew_rwlock_repaired(&table->lock), "repair");
}

static void have(struct table *table, int result)
{
	if (result == -EOWNERDEAD)
		repair(table);
	else
		crew_check(result, "lock");
}

static bool read_all(struct table *table)
{
	have(table, sinew_rwlock_read(&table->lock, SINEW_FOREVER));
	uint64_t version = table->word[0];
	for (unsigned i = 1; i < WORDS; i++)
		if (table->word[i] != version)
			exit(2);
	crew_check(sinew_rwlock_unlock(&table->lock), "unlock");
	return version < table->total;
}

static bool write_all(struct table *table)
{
	have(table, sinew_rwlock_write(&table->lock, SINEW_FOREVER));
	uint64_t version = table->word[0];
	for (unsigned i = 0; i < WORDS && version < table->total; i++)
		table->word[i] = version + 1;
	crew_check(sinew_rwlock_unlock(&table->lock), "unlock");
	return version < table->total;
}

static void work(unsigned me, void *table)
{
	while (me < WRITERS ? write_all(table) : read_all(table))
		;
}

int main(int argc, char **argv)
{
	versions = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct crew crew = {.uri = crew_uri("readers"), .work = work, .count = WORKERS};
	sinew_region *region = crew_region(crew.uri, sizeof(struct table), init);
	struct table *table = sinew_region_data(region);

	bool good = crew_run(&crew, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0);
	for (unsigned i = 0; i < WORDS; i++)
		good = good && table->word[i] == versions;
	printf("version %llu, %llu repairs: %s\n", (unsigned long long)table->word[0],
		(unsigned long long)table->repairs, good ? "always whole" : "WRONG");
	sinew_region_close(region);
	return !good;
}
