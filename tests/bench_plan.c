/* SPDX-License-Identifier: MIT
 *
 * bench_plan.c - all that the benchmark measures by itself can be measured: each of its steps is, for a moment.
 *
 * The CPUs change nothing of that; servers of many connections have a test of their own, and the fans of a few
 * are as those of many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_measure.h"
#include "bench_run.h"

enum { MOMENT = 200000, OFTEN = 100000 };

static bool is_tried(const struct record *record, enum mode mode)
{
	return record->mode == mode && !record->skipped[0] &&
	       (record->fan == 1 || record->fan == FAN_MOST);
}

/* What is wrong, or "". */
static const char *fault_of(const struct record *record)
{
	bool known = true;

	if (record->error[0])
		return record->error;
	for (unsigned i = 0; i < record->peers && strstr(record->row->groups, "channels"); i++)
		known = known && record->outcomes[i].calls_known;
	return known ? "" : "of some system calls it is not known how many there were";
}

static void try(enum mode mode)
{
	struct settings settings = {.bench = {.cpus_given = true, .cpus = {-1, -1}}};
	struct bench_run run = {.settings = &settings, .cpu = {-1, -1}};
	static char wrong[4096];
	unsigned tried = 0;

	CHECK_EQ(bench_choose(&run), 0);
	for (unsigned i = 0; i < run.count; i++) {
		const struct record *record = &run.records[i];
		struct record now = {0};
		char step[100];

		if (!is_tried(record, mode))
			continue;
		measure_paced(&now, record->row, mode, record->size, record->fan, MOMENT, 1, OFTEN);
		if (*fault_of(&now))
			snprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), "%s: %s\n",
				bench_step(record, step, sizeof step), fault_of(&now));
		bench_forget_record(&now);
		tried++;
	}
	CHECK(tried > 0);
	bench_forget(&run);
	CHECK_STR(wrong, "");
}

/* To bind to a port of loopback, as who reuses none. 0 or -errno. */
static int take_port(unsigned port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	const int result = bind(fd, (const struct sockaddr *)&address, sizeof address) ? -errno : 0;

	close(fd);
	return result;
}

TEST(a_port_is_kept_for_who_is_to_listen)
{
	sinew_channel *channel;
	char uri[40];
	int held;
	const unsigned port = bench_free_port(&held);

	snprintf(uri, sizeof uri, "tcp:127.0.0.1:%u", port);
	CHECK_ERR(take_port(port), -EADDRINUSE);
	CHECK_OK(sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW));
	CHECK_OK(sinew_close(channel));
	close(held);
	CHECK_OK(take_port(port));
}

#define TRIES(name, mode)                                                                          \
	TEST(name, .timeout = 120)                                                                 \
	{                                                                                          \
		try(mode);                                                                         \
	}

TRIES(there_and_back, LATENCY)
TRIES(one_way, STREAM)
TRIES(in_arrays, BATCHED)
TRIES(at_set_times, PACED)
TRIES(alone, ALONE)
TRIES(from_many, FAN_IN)
TRIES(to_many, FAN_OUT)
TRIES(contended, CONTENDED)
