/* SPDX-License-Identifier: MIT
 *
 * timeline.c - the spans that pictures of time are made of: what they say of one thread, who had a number
 * when, and what becomes of them when there is no room.
 */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

#include "outputs.h"
#include "runner.h"
#include "sentences.h"

static const uint64_t base = 1000000000;

static void begin(struct sinew__states *states)
{
	const struct sinew__record_header header = {.magic = SINEW__RECORD_MAGIC,
		.version = SINEW__RECORD_VERSION,
		.order = SINEW__RECORD_ORDER,
		.size = SINEW__RECORD_HEADER,
		.tier = SINEW__TIER_BPF,
		.has = 0x1ff,
		.started = base,
		.machine = 62,
		.cpus = 2};

	CHECK(sinew__states_init(states, &header) == 0);
	CHECK(sinew__timeline_keep(states) == 0);
}

/* It ran for 10 us, then blocked until it was woken by `waker` and ran again 2 us later. */
static void wait_once(struct sinew__states *states, struct sinew__who who, uint32_t number,
	uint64_t ran_since, uint64_t time, uint32_t waker)
{
	const struct sinew__interval in = {
		.head = {.type = SINEW__RECORD_INTERVAL, .size = sizeof in, .cpu = 1, .time = time},
		.who = who,
		.number = number,
		.left_cpu = 1,
		.why = SINEW__WHY_BLOCKED,
		.context = SINEW__CONTEXT_TASK,
		.ran_since = ran_since,
		.left = ran_since + 10000,
		.woken = time - 2000,
		.waker_tid = waker,
		.waker_tgid = waker,
		.wait = {.state = 1, .call = 0, .fd = -1}};

	CHECK(sinew__states_add(states, &in.head) == 0);
}

static void end(struct sinew__states *states, uint64_t time)
{
	const struct sinew__end last = {
		.head = {.type = SINEW__RECORD_END, .size = sizeof last, .time = time},
		.exit_code = -1};

	CHECK(sinew__states_add(states, &last.head) == 0);
	CHECK(sinew__states_settle(states) == 0);
}

/* Its spans, one after the other. */
static void check_span(const struct sinew__states *states, uint32_t i, enum sinew__state state,
	uint64_t from, uint64_t to)
{
	const struct sinew__span *span = &states->timeline->spans[i];

	CHECK(i < states->timeline->span_count);
	CHECK_EQ(span->state, state);
	CHECK_EQ(span->from - base, from);
	CHECK_EQ(span->to - base, to);
}

TEST(an_interval_is_three_spans_with_their_cause)
{
	struct sinew__states states;
	const struct sinew__who who = {7, 7, 1};

	begin(&states);
	wait_once(&states, who, 1, base + 1000, base + 50000, 9);
	end(&states, base + 50000);
	CHECK_EQ(states.timeline->span_count, 3);
	check_span(&states, 0, SINEW__RUNNING, 1000, 11000);
	check_span(&states, 1, SINEW__BLOCKED, 11000, 48000);
	check_span(&states, 2, SINEW__READY, 48000, 50000);
	const struct sinew__span *spans = states.timeline->spans;
	CHECK_EQ(spans[0].cpu, 1);
	CHECK_EQ(spans[1].other, 9);
	CHECK(sinew__tally_block_at(&states.tally, spans[1].cause) != NULL);
	CHECK_EQ(spans[2].why, SINEW__WHY_BLOCKED);
	sinew__states_fini(&states);
}

TEST(a_number_belongs_to_whoever_had_it_then)
{
	struct sinew__states states;
	const struct sinew__who first = {7, 7, 1}, second = {7, 7, 2};

	begin(&states);
	wait_once(&states, first, 1, base + 1000, base + 50000, 0);
	wait_once(&states, second, 1, base + 100000, base + 150000, 0);
	end(&states, base + 150000);
	const struct sinew__timeline *timeline = states.timeline;
	CHECK_EQ(sinew__timeline_find(timeline, 7, base + 30000), 0);
	CHECK_EQ(sinew__timeline_find(timeline, 7, base + 120000), 1);
	CHECK_EQ(sinew__timeline_find(timeline, 7, base + 500), SINEW__NO_LANE);
	CHECK_EQ(sinew__timeline_find(timeline, 8, base + 30000), SINEW__NO_LANE);
	CHECK_EQ(sinew__timeline_find(timeline, 0, base + 30000), SINEW__NO_LANE);
	sinew__states_fini(&states);
}

TEST(without_room_it_is_cut_and_says_so)
{
	static sinew__output *const outputs[] = {sinew__flame_write, sinew__flame_svg_write,
		sinew__perfetto_write, sinew__html_write};
	struct sinew__states states;
	const struct sinew__who who = {7, 7, 1};
	uint64_t time = base + 1000;
	sinew__long text;
	bool said = false;

	begin(&states);
	states.timeline->span_most = 64;
	for (uint32_t number = 1; number <= 100; number++, time += 50000)
		wait_once(&states, who, number, time, time + 50000, 0);
	end(&states, time);
	CHECK_EQ(states.timeline->span_count, 64);
	CHECK_EQ(states.total.moves[SINEW__TO_BLOCKED], 100);
	for (unsigned i = 0; sinew__doubt(&states, i, text); i++)
		said |= strstr(text, "it is good up to 1.06 ms") != NULL;
	CHECK(said);
	for (unsigned i = 0; i < sizeof outputs / sizeof *outputs; i++) {
		FILE *stream = fopen("/dev/null", "we");
		CHECK(stream && outputs[i](&states, stream) == 0);
		fclose(stream);
	}
	sinew__states_fini(&states);
}
