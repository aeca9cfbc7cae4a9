/* SPDX-License-Identifier: MIT
 *
 * bench_rows.c - the matrix of the benchmark is whole: every way in which Unix lets processes talk has a row, every
 * row a bare twin in each of its modes, every channel a fan, or the reason why it has none.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "runner.h"

static const struct row *find_row(const char *name)
{
	for (unsigned i = 0; i < bench_row_count; i++)
		if (strcmp(bench_rows[i].name, name) == 0)
			return &bench_rows[i];
	return NULL;
}

static bool is_of(const struct row *row, const char *group)
{
	return strstr(row->groups, group) != NULL;
}

static bool has(const struct row *row, enum mode mode)
{
	return row->modes >> mode & 1;
}

/* Names of what is not as it should be. */
static char wrong[1024];

static void note(bool is_right, const char *name, const char *what)
{
	const size_t used = strlen(wrong);

	if (!is_right)
		snprintf(wrong + used, sizeof wrong - used, "%s%s: %s", used ? "; " : "", name,
			what);
}

TEST(every_mechanism_has_a_row_with_a_twin)
{
	static const struct {
		const char *mechanism, *row;
	} all[] = {
		{"pipe", "pipe"},
		{"named pipe", "fifo"},
		{"signal", "signal"},
		{"POSIX message queue", "mq"},
		{"System V message queue", "msgq"},
		{"POSIX shared memory", "shm"},
		{"System V shared memory", "sysvshm"},
		{"messages in shared memory", "ring-shm"},
		{"mapped file", "file"},
		{"POSIX semaphore", "sem"},
		{"System V semaphore", "sysvsem"},
		{"Unix stream socket", "unix-stream"},
		{"Unix seqpacket socket", "unix-seqpacket"},
		{"Unix datagram socket", "unix-dgram"},
		{"TCP socket", "tcp"},
		{"UDP socket", "udp"},
	};

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		const struct row *row = find_row(all[i].row);

		CHECK(row);
		note(has(row, LATENCY) && !row->extra, all[i].mechanism, "no round trip");
		note(bench_twin(row, LATENCY), all[i].mechanism, "no twin");
	}
	CHECK_STR(wrong, "");
}

/* To fork and to exec are system calls themselves; the twin of an echo is a server of its own. */
TEST(every_mode_of_a_row_has_a_twin)
{
	for (unsigned i = 0; i < bench_row_count; i++)
		for (enum mode mode = 0; mode < MODES; mode++) {
			const struct row *row = &bench_rows[i];
			const struct contender *twin = bench_twin(row, mode);

			if (has(row, mode) && mode != ECHO && !is_of(row, "processes"))
				note(twin && twin != bench_ours(row, mode), row->name,
					bench_modes[mode]);
		}
	CHECK_STR(wrong, "");
}

TEST(the_twin_of_a_fan_is_made_for_many)
{
	for (unsigned i = 0; i < bench_row_count; i++) {
		const struct row *row = &bench_rows[i];
		const bool ring = is_of(row, "rings");

		if (ring && has(row, FAN_IN))
			note(bench_twin(row, FAN_IN) != row->bare, row->name, "fan-in");
		if ((ring || row->one_by_one) && has(row, FAN_OUT))
			note(bench_twin(row, FAN_OUT) != row->bare, row->name, "fan-out");
	}
	CHECK_STR(wrong, "");
}

TEST(a_channel_without_a_fan_has_a_reason)
{
	for (unsigned i = 0; i < bench_row_count; i++) {
		const struct row *row = &bench_rows[i];

		if (!is_of(row, "channels"))
			continue;
		note(has(row, FAN_IN) == !row->no_fan_in, row->name, "fan-in");
		note(has(row, FAN_OUT) == !row->no_fan_out, row->name, "fan-out");
	}
	CHECK_STR(wrong, "");
}
