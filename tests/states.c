/* SPDX-License-Identifier: MIT
 *
 * states.c - the states of threads, from recordings made up by a small scheduler that keeps the truth
 * (states_world.c): what the records are understood to say is held against it. Then records are put out of
 * order, lost, doubled, made without their dispatch, or of random numbers.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "states_world.h"
#include "summary.h"

TEST(a_whole_recording_gives_the_truth)
{
	for (uint64_t seed = 1; seed <= STATES_ROUNDS; seed++) {
		struct world *world = states_simulate(seed);
		struct sinew__states states;
		states_start(&states);
		states_feed(&states, world);
		states_check_law(&states);
		states_check_truth(&states);
		sinew__states_fini(&states);
		free(world);
	}
}

/* Records wander by less than the window; those of one moment stay as they are. */
static void stir(struct world *world)
{
	for (unsigned i = 0; i + 1 < world->count; i++) {
		unsigned j = i + 1 + (unsigned)states_roll(8);
		if (j >= world->count - 1)
			continue;
		union sinew__any moved = world->records[j];
		uint64_t reach = SINEW__RECORD_DISORDER / 4;
		if (moved.head.time - world->records[i].head.time > reach)
			continue;
		for (unsigned k = i; k < j; k++)
			if (world->records[k].head.time == moved.head.time)
				j = 0;
		if (j <= i)
			continue;
		memmove(&world->records[i + 1], &world->records[i],
			(j - i) * sizeof(union sinew__any));
		world->records[i] = moved;
	}
}

TEST(slight_disorder_changes_nothing)
{
	for (uint64_t seed = 1; seed <= STATES_ROUNDS / 2; seed++) {
		struct world *world = states_simulate(seed);
		struct sinew__states states;
		unsigned inverted = 0;
		stir(world);
		for (unsigned i = 1; i < world->count; i++)
			inverted += world->records[i].head.time < world->records[i - 1].head.time;
		CHECK(inverted > 100);
		states_start(&states);
		states_feed(&states, world);
		states_check_truth(&states);
		CHECK_EQ(states.order.late, 0);
		sinew__states_fini(&states);
		free(world);
	}
}

/* Some are lost: nothing is told to have lasted longer than it did, and the loss is seen. */
TEST(loss_is_never_told_as_time)
{
	for (uint64_t seed = 1; seed <= STATES_ROUNDS; seed++) {
		struct world *world = states_simulate(seed);
		struct sinew__states states;
		unsigned left = 0, lost = 0;
		for (unsigned i = 0; i < world->count; i++) {
			bool drop = states_roll(50) == 0 &&
				    world->records[i].head.type == SINEW__RECORD_INTERVAL;
			lost += drop;
			if (!drop)
				world->records[left++] = world->records[i];
		}
		world->count = left;
		states_start(&states);
		states_feed(&states, world);
		states_check_law(&states);
		CHECK(lost && states.gaps > 0 && states.total.time[SINEW__UNSEEN] > 0);
		CHECK_EQ(states.torn, 0); /* each loss shows in the numbers */
		for (unsigned k = 0; k <= SINEW__BLOCKED; k++)
			CHECK(states.total.time[k] <= states_truth.time[k]);
		sinew__states_fini(&states);
		free(world);
	}
}

static struct sinew__interval *next_of(struct world *world, unsigned i)
{
	const struct sinew__who *who = &world->records[i].interval.who;

	for (unsigned k = i + 1; k < world->count; k++) {
		struct sinew__interval *in = &world->records[k].interval;
		if (in->head.type == SINEW__RECORD_INTERVAL && in->who.tid == who->tid &&
			in->who.start == who->start)
			return in;
	}
	return NULL;
}

/* The dispatch at the end of this interval was not seen, only that the thread left again. */
static bool make_late(struct world *world, unsigned i)
{
	struct sinew__interval *in = &world->records[i].interval;
	struct sinew__interval *next =
		in->head.type == SINEW__RECORD_INTERVAL && in->why != SINEW__WHY_DEAD &&
				!(in->head.flags & (SINEW__INTERVAL_OPEN | SINEW__INTERVAL_LATE))
			? next_of(world, i)
			: NULL;

	if (!next || !next->left)
		return false;
	in->head.flags |= SINEW__INTERVAL_LATE;
	in->head.time = next->ran_since = next->left;
	return true;
}

/* Neither as running nor as ready is told what lies between a waking and the next sleep. */
TEST(what_came_to_a_cpu_unseen_is_told_as_such)
{
	for (uint64_t seed = 1; seed <= STATES_ROUNDS; seed++) {
		struct world *world = states_simulate(seed);
		struct sinew__states states;
		unsigned late = 0;
		for (unsigned i = 0; i < world->count; i++)
			late += states_roll(20) == 0 && make_late(world, i);
		if (seed % 2)
			stir(world);
		states_start(&states);
		states_feed(&states, world);
		states_check_law(&states);
		CHECK(late > 0);
		CHECK_EQ(states.unnoticed, late);
		CHECK(states.total.time[SINEW__UNSEEN] > 0);
		CHECK_EQ(states.total.time[SINEW__BLOCKED], states_truth.time[SINEW__BLOCKED]);
		CHECK(states.total.time[SINEW__RUNNING] < states_truth.time[SINEW__RUNNING]);
		CHECK(states.total.time[SINEW__READY] <= states_truth.time[SINEW__READY]);
		for (unsigned k = SINEW__DISPATCHED; k < SINEW__MOVES; k++)
			CHECK_EQ(states.total.moves[k], states_truth.moves[k]);
		sinew__states_fini(&states);
		free(world);
	}
}

/* The time of a CPU to which nobody came is nobody's, if all are told of; else it is no matter. */
TEST(a_cpu_to_which_nobody_came_is_unknown)
{
	for (unsigned scope = SINEW__SCOPE_COMMAND; scope <= SINEW__SCOPE_ALL; scope++) {
		const uint64_t end = states_base + 1000;
		struct sinew__record_header header = states_header();
		struct sinew__states states;
		const struct sinew__cpu quiet = {
			.head = {SINEW__RECORD_CPU, sizeof quiet, 0, 0, end}};
		const struct sinew__cpu busy = {.head = {SINEW__RECORD_CPU, sizeof busy, 1, 0, end},
			.idle = 900,
			.switches = 1};
		const struct sinew__end last = {
			.head = {SINEW__RECORD_END, sizeof last, 0, 0, end}};
		header.scope = scope;
		CHECK_EQ(sinew__states_init(&states, &header), 0);
		CHECK_EQ(sinew__states_add(&states, &quiet.head), 0);
		CHECK_EQ(sinew__states_add(&states, &busy.head), 0);
		CHECK_EQ(sinew__states_add(&states, &last.head), 0);
		for (unsigned i = 0; i < 2; i++) {
			CHECK_EQ(sinew__states_settle(&states), 0);
			CHECK_EQ(states.cpus[0].unknown, scope == SINEW__SCOPE_ALL ? 1000 : 0);
			CHECK_EQ(states.cpus[1].unknown, 0);
		}
		sinew__states_fini(&states);
	}
}

/* What comes twice counts once. */
TEST(copies_change_nothing)
{
	struct world *world = states_simulate(3);
	struct sinew__states states;
	unsigned copies = 0;

	states_start(&states);
	for (unsigned i = 0; i < world->count; i++) {
		bool twice = world->records[i].head.type == SINEW__RECORD_INTERVAL &&
			     states_roll(10) == 0;
		for (unsigned k = 0; k <= twice; k++)
			CHECK_EQ(sinew__states_add(&states, &world->records[i].head), 0);
		copies += twice;
	}
	CHECK_EQ(sinew__states_settle(&states), 0);
	states_check_law(&states);
	for (unsigned k = 0; k < SINEW__STATES; k++)
		CHECK_EQ(states.total.time[k], states_truth.time[k]);
	CHECK(copies && states.contradictions == copies);
	sinew__states_fini(&states);
	free(world);
}

/* The recording begins in the midst of it: no births, numbers from anywhere. */
TEST(missing_starts_are_marked)
{
	struct world *world = states_simulate(7);
	struct sinew__states states;

	states_start(&states);
	for (unsigned i = world->count / 2; i < world->count; i++)
		CHECK_EQ(sinew__states_add(&states, &world->records[i].head), 0);
	CHECK_EQ(sinew__states_settle(&states), 0);
	states_check_law(&states);
	CHECK(states.missing >= STATES_THREADS / 2);
	CHECK_EQ(states.overlaps, 0);
	for (unsigned k = 0; k <= SINEW__TERMINATED; k++)
		CHECK(states.total.time[k] <= states_truth.time[k]);
	sinew__states_fini(&states);
	free(world);
}

/* Numbers are used again all the time here: 7 of them for hundreds of processes. */
TEST(a_number_is_not_a_process)
{
	struct world *world = states_simulate(9);
	struct sinew__states states;
	unsigned births = 0, processes = 0;

	for (unsigned i = 0; i < world->count; i++)
		births += world->records[i].head.type == SINEW__RECORD_THREAD;
	states_start(&states);
	states_feed(&states, world);
	for (uint32_t i = 0; i < states.process_count; i++) {
		processes += states.processes[i]->tasks > 0;
		CHECK(states.processes[i]->tasks <= 1);
	}
	CHECK_EQ(processes, births);
	CHECK(births > 20);
	sinew__states_fini(&states);
	free(world);
}

/* ---- what no kernel would say ---- */

static uint64_t any_time(void)
{
	switch (states_roll(8)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)-1 >> states_roll(64);
	default:
		return states_base + states_roll(40000000);
	}
}

static void make_up(union sinew__any *any)
{
	static const uint16_t sizes[] = {sizeof(struct sinew__interval), 16, 64, 128, 1024};

	for (unsigned i = 0; i < sizeof any->words / sizeof *any->words; i++)
		any->words[i] = states_roll(3) ? states_roll(4) : states_roll(UINT64_MAX);
	any->head = (struct sinew__record){
		.type = (uint16_t)(states_roll(8) ? 1 + states_roll(7) : SINEW__RECORD_SAMPLE),
		.size = sizes[states_roll(10) < 6 ? 0 : states_roll(5)],
		.cpu = (uint16_t)states_roll(STATES_CPUS + 1),
		.flags = states_roll(4) ? 0 : (uint16_t)states_roll(64),
		.time = any_time()};
	struct sinew__interval *in = &any->interval;
	in->who = (struct sinew__who){
		(uint32_t)states_roll(4), (uint32_t)states_roll(3), states_roll(3)};
	if (any->head.type != SINEW__RECORD_INTERVAL)
		return;
	in->number = (uint32_t)states_roll(20);
	in->why = (uint8_t)states_roll(11);
	in->context = (uint8_t)states_roll(8);
	in->left_cpu = (uint16_t)states_roll(STATES_CPUS + 1);
	in->ran_since = any_time();
	in->left = any_time();
	in->woken = any_time();
}

TEST(random_records_keep_the_law)
{
	uint64_t known = 0;

	for (uint64_t seed = 1; seed <= 10 * STATES_ROUNDS; seed++) {
		struct sinew__states states;
		union sinew__any any;
		states_dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		states_start(&states);
		for (unsigned i = 0; i < 300; i++) {
			make_up(&any);
			CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		}
		states.ended = states_roll(2);
		CHECK_EQ(sinew__states_settle(&states), 0);
		states_check_law(&states);
		CHECK(states.contradictions > 0);
		known += states.total.time[SINEW__RUNNING] + states.total.time[SINEW__BLOCKED];
		sinew__states_fini(&states);
	}
	CHECK(known > 0); /* some of it was taken for true */
}

/* ---- bounds ---- */

/* More threads than are kept, one after the other: those that ended make room, the sums keep them. */
TEST(memory_is_bounded_by_the_living)
{
	struct sinew__states states;
	union sinew__any any;
	const unsigned lives = 3 * SINEW__TASKS_MOST;

	states_start(&states);
	for (unsigned i = 0; i < lives; i++) {
		struct sinew__who who = {1 + i % 1000, 1, states_base + i};
		memset(&any, 0, sizeof any);
		any.thread.head = (struct sinew__record){SINEW__RECORD_THREAD, sizeof any.thread, 0,
			0, states_base + 1000 * (uint64_t)i};
		any.thread.who = who;
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		memset(&any, 0, sizeof any);
		any.reaped.head = (struct sinew__record){SINEW__RECORD_REAPED, sizeof any.reaped, 0,
			0, states_base + 1000 * (uint64_t)i + 500};
		any.reaped.who = who;
		any.reaped.exited = any.reaped.reaped = any.head.time;
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
	}
	states.ended = true;
	CHECK_EQ(sinew__states_settle(&states), 0);
	CHECK(states.task_count <= SINEW__TASKS_MOST);
	CHECK_EQ(states.task_count + states.folded, lives);
	CHECK_EQ(states.unlisted, 0);
	CHECK_EQ(states.total.time[SINEW__UNSEEN], 500 * (uint64_t)lives);
	states_check_law(&states);
	sinew__states_fini(&states);
}

/* One number, used by more processes than are kept: the rest is one process, and nothing is looked for in
 * a line of thousands. */
TEST(one_number_for_all)
{
	struct sinew__states states;
	union sinew__any any;
	const unsigned lives = SINEW__PROCESSES_MOST + 5000;

	states_start(&states);
	for (unsigned i = 0; i < lives; i++) {
		memset(&any, 0, sizeof any);
		any.thread.head = (struct sinew__record){SINEW__RECORD_THREAD, sizeof any.thread, 0,
			0, states_base + 1000 * (uint64_t)i};
		any.thread.who = (struct sinew__who){7, 7, states_base + i};
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		any.reaped =
			(struct sinew__reaped){.head = {SINEW__RECORD_REAPED, sizeof any.reaped, 0,
						       0, states_base + 1000 * (uint64_t)i + 500},
				.who = {7, 7, states_base + i},
				.exited = states_base + 1000 * (uint64_t)i,
				.reaped = states_base + 1000 * (uint64_t)i + 500};
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
	}
	states.ended = true;
	CHECK_EQ(sinew__states_settle(&states), 0);
	CHECK_EQ(states.process_count, SINEW__PROCESSES_MOST);
	CHECK_EQ(states.others->tasks, lives - SINEW__PROCESSES_MOST + 1);
	CHECK_EQ(states.total.time[SINEW__TERMINATED] + states.total.time[SINEW__UNSEEN],
		500 * (uint64_t)lives);
	states_check_law(&states);
	sinew__states_fini(&states);
}

/* More waits of different kinds than there are rows: the times are kept in the last row. */
TEST(tables_are_bounded)
{
	struct sinew__tally tally = {0};
	uint64_t sum = 0;

	for (uint64_t i = 0; i < SINEW__ROWS_MOST + 100; i++) {
		struct sinew__block_key key = {.address = i, .call = 202, .waker = SINEW__NOBODY};
		struct sinew__block_row *row = sinew__tally_block(&tally, &key);
		CHECK(row);
		row->time++;
	}
	CHECK_EQ(tally.blocks.count, SINEW__ROWS_MOST);
	CHECK_EQ(tally.blocks.spilled, 101);
	const struct sinew__block_row *rows = tally.blocks.rows;
	for (uint32_t i = 0; i < tally.blocks.count; i++)
		sum += rows[i].time;
	CHECK_EQ(sum, SINEW__ROWS_MOST + 100);
	sinew__tally_fini(&tally);
}

/* All at one moment: the window is full before it is over. */
TEST(the_window_is_bounded)
{
	struct sinew__order order = {0};
	union sinew__any any = {.head = {SINEW__RECORD_ADMIT, sizeof any.admit, 0, 0, states_base}},
			 out;
	unsigned left = 0;

	for (unsigned i = 0; i < SINEW__ORDER_MOST + 1000; i++) {
		any.admit.who.tid = i;
		CHECK_EQ(sinew__order_put(&order, &any), 0);
		while (sinew__order_take(&order, false, &out))
			CHECK_EQ(out.admit.who.tid, left++);
		CHECK(order.room <= SINEW__ORDER_MOST);
	}
	while (sinew__order_take(&order, true, &out))
		CHECK_EQ(out.admit.who.tid, left++);
	CHECK_EQ(left, SINEW__ORDER_MOST + 1000);
	sinew__order_fini(&order);
}

/* ---- the summary that grows while things happen ---- */

static void write_to(struct sinew__summary *summary, char **text, size_t *size)
{
	FILE *stream = open_memstream(text, size);

	CHECK(stream);
	CHECK_EQ(sinew__summary_write(summary, stream, SINEW__FORMAT_JSON), 0);
	fclose(stream);
}

TEST(a_summary_may_be_looked_at_in_between)
{
	struct world *world = states_simulate(11);
	struct sinew__record_header head = states_header();
	struct sinew__summary *looked, *left;
	char *text[3];
	size_t size[3];

	CHECK_EQ(sinew__summary_open(&looked, &head), 0);
	CHECK_EQ(sinew__summary_open(&left, &head), 0);
	for (unsigned i = 0; i < world->count; i++) {
		CHECK_EQ(sinew__summary_add(looked, &world->records[i].head), 0);
		CHECK_EQ(sinew__summary_add(left, &world->records[i].head), 0);
		if (i == world->count / 2) {
			write_to(looked, &text[2], &size[2]);
			free(text[2]);
		}
	}
	write_to(looked, &text[0], &size[0]);
	write_to(left, &text[1], &size[1]);
	CHECK_STR(text[0], text[1]);
	free(text[0]);
	free(text[1]);
	sinew__summary_close(looked);
	sinew__summary_close(left);
	free(world);
}

TEST(an_impossible_record_or_header_is_refused)
{
	struct sinew__record_header head = states_header();
	struct sinew__summary *summary;
	struct sinew__record record = {.type = SINEW__RECORD_ADMIT, .size = 17};

	CHECK_EQ(sinew__summary_open(&summary, &head), 0);
	CHECK_ERR(sinew__summary_add(summary, &record), -EBADMSG);
	sinew__summary_close(summary);
	head.version = 2;
	CHECK_ERR(sinew__summary_open(&summary, &head), -EBADMSG);
}
