/* SPDX-License-Identifier: MIT
 *
 * bench_fans.c - the benchmark of many readers tells the truth: a copy that goes astray fails its row, or counts as
 * lost where it may be; the rings that others are measured by are whole themselves; all of many are known.
 */
#include <string.h>
#include <time.h>

#include "bench_measure.h"
#include "play.h"
#include "raw/raw.h"

static struct uneven {
	unsigned doubles; /* the nth message goes to one reader twice, and not to the other */
	unsigned loses;   /* every nth does not go to the first */
	bool late;        /* the last of each block goes once more, when who has it may be done */
	unsigned sent;
} uneven;

static void measure(
	struct record *record, const struct row *row, enum mode mode, size_t size, unsigned fan)
{
	measure_sized(record, row, mode, size, fan, 20000000, 1);
}

/* To each of two readers, but for what `uneven` says. */
static void send_unevenly(struct link *link, const void *data, size_t size)
{
	const struct timespec late = {.tv_nsec = 20000000};
	uint64_t second = link->peers[1], first = link->peers[0], tail;

	memcpy(&tail, (const char *)data + size - sizeof(tail), sizeof(tail));
	if (uneven.late && tail & TURN_LAST) {
		bare_unix_stream_each.send(link, data, size);
		nanosleep(&late, NULL);
		bare_unix_stream_each.send(link, data, size);
		return;
	}
	uneven.sent++;
	if (uneven.sent == uneven.doubles)
		link->peers[1] = first;
	if (uneven.loses && uneven.sent % uneven.loses == 0)
		link->readers--, link->peers[0] = second;
	bare_unix_stream_each.send(link, data, size);
	link->peers[0] = first;
	link->peers[1] = second;
	link->readers = 2;
}

static void prepare_uneven(struct link *link)
{
	bare_unix_stream_each.prepare(link);
}

static void join_uneven(struct link *link, enum role role)
{
	bare_unix_stream_each.join(link, role);
}

static void recv_uneven(struct link *link, void *data, size_t size)
{
	bare_unix_stream_each.recv(link, data, size);
}

static const struct contender uneven_contender = {
	.name = "uneven",
	.prepare = prepare_uneven,
	.join = join_uneven,
	.send = send_unevenly,
	.recv = recv_uneven,
	.put = raw_put,
	.get = raw_get,
};
static const struct row uneven_row = {
	.name = "uneven", .uri = "unix:", .ours = &uneven_contender, .each = true};
static const struct row uneven_lossy_row = {
	.name = "uneven", .uri = "unix:", .ours = &uneven_contender, .each = true, .lossy = true};

TEST(a_message_to_one_reader_twice_and_to_another_never_fails_the_row)
{
	static struct record record;

	uneven = (struct uneven){.doubles = 3};
	measure(&record, &uneven_row, FAN_OUT, 64, 2);
	CHECK(strstr(record.error, "message 2 came where 3 was expected") ||
		strstr(record.error, "message 3 came where 2 was expected"));
	uneven = (struct uneven){.loses = 3};
	measure(&record, &uneven_row, FAN_OUT, 64, 2);
	CHECK(strstr(record.error, "message 3 came where 2 was expected"));
	uneven = (struct uneven){0};
	measure(&record, &uneven_row, FAN_OUT, 64, 2);
	CHECK_STR(record.error, "");
}

/* Every third copy of one of two readers is every sixth of all; the ends of blocks are no messages. */
TEST(what_some_readers_miss_is_lost_in_part)
{
	static struct record record;
	const struct outcome *ours = &record.outcomes[0];

	uneven = (struct uneven){.loses = 3};
	measure(&record, &uneven_lossy_row, FAN_OUT, 64, 2);
	CHECK_STR(record.error, "");
	CHECK(ours->messages >= 16);
	CHECK(ours->lost >= ours->messages / 12);
	CHECK(ours->lost <= ours->messages / 4);
}

/* It would go to nobody, and fail the row, if they left without waiting. */
TEST(who_is_done_stays_while_another_may_still_send)
{
	static struct record record;

	uneven = (struct uneven){.late = true};
	measure(&record, &uneven_lossy_row, FAN_OUT, 64, 2);
	CHECK_STR(record.error, "");
	CHECK_EQ(record.outcomes[0].lost, 0);
}

/* Of eight places, so that the rings are full and begin again however slow the machine is. */
TEST(rings_by_hand_keep_their_messages)
{
	static const struct row queue = {.name = "queue", .uri = "", .ours = &bare_queue};
	static const struct row topic = {
		.name = "topic", .uri = "", .ours = &bare_topic, .each = true};
	static struct record record;

	for (unsigned fan = 1; fan <= FAN_MOST; fan *= 2) {
		measure(&record, &queue, FAN_IN, 1 << 20, fan);
		CHECK_STR(record.error, "");
		measure(&record, &queue, FAN_OUT, 1 << 20, fan);
		CHECK_STR(record.error, "");
		measure(&record, &topic, FAN_OUT, 1 << 20, fan);
		CHECK_STR(record.error, "");
		CHECK(record.outcomes[0].messages >= 16);
	}
}

static unsigned count_pids(const pid_t pids[FAN_MOST])
{
	unsigned count = 0;

	while (count < FAN_MOST && pids[count] > 0) {
		for (unsigned i = 0; i < count; i++)
			CHECK(pids[i] != pids[count]);
		count++;
	}
	return count;
}

static struct played play_once(const char *row, enum mode mode, unsigned fan)
{
	char directory[DIRECTORY];
	struct plan plan = {.duration = 10000000, .repeats = 1, .directory = directory};
	struct record record = {.mode = mode, .size = 64, .fan = fan, .cpu = {-1, -1}};
	struct played played = {0};

	for (unsigned i = 0; i < bench_row_count; i++)
		if (strcmp(bench_rows[i].name, row) == 0)
			record.row = &bench_rows[i];
	CHECK_EQ(directory_make(directory), 0);
	crew_init();
	CHECK_EQ(bench_play_once(&record, &plan, NULL, &played), 0);
	directory_remove(directory);
	CHECK(played.messages >= 4);
	return played;
}

TEST(all_who_play_are_known_to_whoever_looks_on)
{
	struct played in = play_once("pipe", FAN_IN, 4), out = play_once("tcp", FAN_OUT, 8);
	struct played echo = play_once("unix-stream", ECHO, 10);

	CHECK_EQ(count_pids(in.pids[CLIENT]), 4);
	CHECK_EQ(count_pids(in.pids[SERVER]), 1);
	CHECK_EQ(count_pids(out.pids[CLIENT]), 1);
	CHECK_EQ(count_pids(out.pids[SERVER]), 8);
	CHECK_EQ(count_pids(echo.pids[SERVER]), 1);
	CHECK_EQ(count_pids(echo.pids[CLIENT]), 2);
}
