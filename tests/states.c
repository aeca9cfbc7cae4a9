/* SPDX-License-Identifier: MIT
 *
 * states.c - the states of threads, from recordings made up here: a small scheduler runs threads on CPUs
 * and keeps the truth; what the records are understood to say is held against it. Then records are put out
 * of order, lost, doubled, or made of random numbers.
 */
#include "states.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "summary.h"

enum { THREADS = 12, CPUS = 3, STEPS = 3000, MOST = 3 * STEPS, ROUNDS = 40 };

static const uint64_t base = 1000000000;

/* ---- random numbers, the same ones each time (xorshift) ---- */

static uint64_t dice;

static uint64_t roll(uint64_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % sides;
}

/* ---- a scheduler that knows the truth ---- */

struct thread {
	struct sinew__who who;
	enum sinew__state state;
	uint64_t since, made, admitted; /* since: in this state */
	uint64_t ran_since, left, woken;
	unsigned number, left_cpu, cpu, why;
	uint64_t time[SINEW__STATES];
	uint64_t moves[SINEW__MOVES];
};

struct world {
	uint64_t now;
	struct thread threads[THREADS];
	struct thread *on[CPUS];
	union sinew__any records[MOST];
	unsigned count;
};

static struct sinew__record_header header(void)
{
	return (struct sinew__record_header){.magic = SINEW__RECORD_MAGIC,
		.version = SINEW__RECORD_VERSION,
		.order = SINEW__RECORD_ORDER,
		.size = SINEW__RECORD_HEADER,
		.tier = SINEW__TIER_BPF,
		.has = 0x1ff,
		.started = base,
		.machine = 62,
		.cpus = CPUS};
}

static union sinew__any *emit(struct world *world, unsigned type, size_t size, uint64_t time)
{
	CHECK(world->count < MOST);
	union sinew__any *any = &world->records[world->count++];
	memset(any, 0, sizeof *any);
	any->head = (struct sinew__record){
		.type = (uint16_t)type, .size = (uint16_t)size, .time = time};
	return any;
}

static void enter(struct world *world, struct thread *thread, enum sinew__state state)
{
	thread->time[thread->state] += world->now - thread->since;
	thread->state = state;
	thread->since = world->now;
}

static void make(struct world *world, struct thread *thread)
{
	static uint32_t number;

	*thread = (struct thread){.state = SINEW__NEW, .since = world->now, .made = world->now};
	thread->who = (struct sinew__who){100 + number % 7, 100 + number % 7, world->now};
	number++;
	union sinew__any *any =
		emit(world, SINEW__RECORD_THREAD, sizeof(struct sinew__thread), world->now);
	any->thread.who = thread->who;
	any->thread.maker_tid = any->thread.maker_tgid = 1;
}

static void admit(struct world *world, struct thread *thread)
{
	enter(world, thread, SINEW__READY);
	thread->admitted = thread->woken = world->now;
	thread->why = SINEW__WHY_NEW;
	thread->moves[SINEW__ADMITTED]++;
	emit(world, SINEW__RECORD_ADMIT, sizeof(struct sinew__admit), world->now)->admit.who =
		thread->who;
}

static struct sinew__interval *interval(struct world *world, struct thread *thread)
{
	struct sinew__interval *in =
		&emit(world, SINEW__RECORD_INTERVAL, sizeof *in, world->now)->interval;

	in->who = thread->who;
	in->number = ++thread->number;
	in->why = (uint8_t)thread->why;
	in->ran_since = thread->ran_since;
	in->left = thread->left;
	in->woken = thread->woken;
	in->left_cpu = (uint16_t)thread->left_cpu;
	in->wait.call = in->wait.fd = -1;
	if (thread->why == SINEW__WHY_BLOCKED) {
		in->wait.state = 1;
		in->wait.call = (int32_t)roll(3);
		in->context = thread->woken ? SINEW__CONTEXT_TASK : 0;
		in->waker_tid = in->waker_tgid = 100 + (uint32_t)roll(7);
	}
	return in;
}

static void run(struct world *world, struct thread *thread, unsigned cpu)
{
	enter(world, thread, SINEW__RUNNING);
	thread->moves[SINEW__DISPATCHED]++;
	interval(world, thread)->head.cpu = (uint16_t)cpu;
	world->on[cpu] = thread;
	thread->ran_since = world->now;
	thread->left = thread->woken = 0;
	thread->cpu = thread->left_cpu = cpu;
}

static void push(struct world *world, struct thread *thread)
{
	thread->why = SINEW__WHY_SLICE + (unsigned)roll(5);
	thread->moves[SINEW__BY_SLICE + thread->why - SINEW__WHY_SLICE]++;
	thread->left = world->now;
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__READY);
}

static void block(struct world *world, struct thread *thread)
{
	thread->why = SINEW__WHY_BLOCKED;
	thread->moves[SINEW__TO_BLOCKED]++;
	thread->left = world->now;
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__BLOCKED);
}

static void wake(struct world *world, struct thread *thread)
{
	thread->woken = world->now;
	thread->moves[SINEW__WOKEN_UP]++;
	enter(world, thread, SINEW__READY);
}

static void die(struct world *world, struct thread *thread)
{
	union sinew__any *any =
		emit(world, SINEW__RECORD_EXIT, sizeof(struct sinew__exit), world->now);

	any->exit.who = thread->who;
	any->head.flags = SINEW__EXIT_PROCESS;
	thread->why = SINEW__WHY_DEAD;
	thread->left = world->now;
	thread->moves[SINEW__ENDED]++;
	interval(world, thread);
	world->on[thread->cpu] = NULL;
	enter(world, thread, SINEW__TERMINATED);
}

static struct sinew__account truth; /* of all threads that ever were */

static void bury(struct thread *thread)
{
	for (unsigned i = 0; i < SINEW__STATES; i++)
		truth.time[i] += thread->time[i];
	for (unsigned i = 0; i < SINEW__MOVES; i++)
		truth.moves[i] += thread->moves[i];
}

static void reap(struct world *world, struct thread *thread)
{
	struct sinew__reaped *in =
		&emit(world, SINEW__RECORD_REAPED, sizeof *in, world->now + 1000)->reaped;

	in->who = thread->who;
	in->exited = thread->since;
	in->reaped = world->now;
	in->reaper_tid = in->reaper_tgid = 1;
	in->certain = 1;
	thread->moves[SINEW__REAPED]++;
	enter(world, thread, SINEW__TERMINATED);
	bury(thread);
	make(world, thread);
}

static void step(struct world *world)
{
	struct thread *thread = &world->threads[roll(THREADS)];
	unsigned cpu = (unsigned)roll(CPUS);

	world->now += 1 + roll(200000);
	if (thread->state == SINEW__NEW)
		admit(world, thread);
	else if (thread->state == SINEW__READY && !world->on[cpu])
		run(world, thread, cpu);
	else if (thread->state == SINEW__RUNNING && roll(20) == 0)
		die(world, thread);
	else if (thread->state == SINEW__RUNNING)
		(roll(2) ? push : block)(world, thread);
	else if (thread->state == SINEW__BLOCKED)
		wake(world, thread);
	else if (thread->state == SINEW__TERMINATED)
		reap(world, thread);
}

/* What each living thread is left in. */
static void finish(struct world *world)
{
	world->now += 50000;
	for (unsigned i = 0; i < THREADS; i++) {
		struct thread *thread = &world->threads[i];
		enter(world, thread, thread->state);
		bury(thread);
		if (thread->state == SINEW__TERMINATED)
			continue;
		if (thread->state == SINEW__NEW)
			thread->why = SINEW__WHY_NEW;
		if (thread->state == SINEW__RUNNING)
			thread->why = SINEW__WHY_RUNNING;
		interval(world, thread)->head.flags = SINEW__INTERVAL_OPEN;
	}
	emit(world, SINEW__RECORD_END, sizeof(struct sinew__end), world->now);
}

static struct world *simulate(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);

	CHECK(world);
	dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	truth = (struct sinew__account){0};
	world->now = base;
	for (unsigned i = 0; i < THREADS; i++) {
		world->now++;
		make(world, &world->threads[i]);
	}
	for (unsigned i = 0; i < STEPS; i++)
		step(world);
	finish(world);
	return world;
}

/* ---- what is made of it ---- */

static void start(struct sinew__states *states)
{
	struct sinew__record_header head = header();

	CHECK_EQ(sinew__states_init(states, &head), 0);
}

static void feed(struct sinew__states *states, const struct world *world)
{
	for (unsigned i = 0; i < world->count; i++)
		CHECK_EQ(sinew__states_add(states, &world->records[i].head), 0);
	CHECK_EQ(sinew__states_settle(states), 0);
}

/* The law: whatever came, each life is the sum of its times, and all is the sum of the lives. */
static void check_law(const struct sinew__states *states)
{
	struct sinew__account all = {0};

	for (uint32_t i = 0; i < states->process_count; i++)
		for (const struct sinew__task *task = states->processes[i]->first; task;
			task = task->sibling) {
			CHECK_EQ(sinew__account_sum(&task->account), task->at - task->begin);
			for (unsigned k = 0; k < SINEW__STATES; k++)
				all.time[k] += task->account.time[k];
		}
	for (unsigned k = 0; k < SINEW__STATES && !states->folded; k++)
		CHECK_EQ(all.time[k], states->total.time[k]);
}

static void check_truth(const struct sinew__states *states)
{
	for (unsigned k = 0; k < SINEW__STATES; k++)
		CHECK_EQ(states->total.time[k], truth.time[k]);
	for (unsigned k = 0; k < SINEW__MOVES; k++)
		CHECK_EQ(states->total.moves[k], truth.moves[k]);
	CHECK_EQ(states->overlaps, 0);
	CHECK_EQ(states->torn + states->gaps + states->contradictions + states->missing, 0);
	CHECK(states->checked > 100 && states->joined > 100);
}

TEST(a_whole_recording_gives_the_truth)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct world *world = simulate(seed);
		struct sinew__states states;
		start(&states);
		feed(&states, world);
		check_law(&states);
		check_truth(&states);
		sinew__states_fini(&states);
		free(world);
	}
}

/* Records wander by less than the window; those of one moment stay as they are. */
static void stir(struct world *world)
{
	for (unsigned i = 0; i + 1 < world->count; i++) {
		unsigned j = i + 1 + (unsigned)roll(8);
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
	for (uint64_t seed = 1; seed <= ROUNDS / 2; seed++) {
		struct world *world = simulate(seed);
		struct sinew__states states;
		unsigned inverted = 0;
		stir(world);
		for (unsigned i = 1; i < world->count; i++)
			inverted += world->records[i].head.time < world->records[i - 1].head.time;
		CHECK(inverted > 100);
		start(&states);
		feed(&states, world);
		check_truth(&states);
		CHECK_EQ(states.order.late, 0);
		sinew__states_fini(&states);
		free(world);
	}
}

/* Some are lost: nothing is told to have lasted longer than it did, and the loss is seen. */
TEST(loss_is_never_told_as_time)
{
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct world *world = simulate(seed);
		struct sinew__states states;
		unsigned left = 0, lost = 0;
		for (unsigned i = 0; i < world->count; i++) {
			bool drop = roll(50) == 0 &&
				    world->records[i].head.type == SINEW__RECORD_INTERVAL;
			lost += drop;
			if (!drop)
				world->records[left++] = world->records[i];
		}
		world->count = left;
		start(&states);
		feed(&states, world);
		check_law(&states);
		CHECK(lost && states.gaps > 0 && states.total.time[SINEW__UNSEEN] > 0);
		CHECK_EQ(states.torn, 0); /* each loss shows in the numbers */
		for (unsigned k = 0; k <= SINEW__BLOCKED; k++)
			CHECK(states.total.time[k] <= truth.time[k]);
		sinew__states_fini(&states);
		free(world);
	}
}

/* What comes twice counts once. */
TEST(copies_change_nothing)
{
	struct world *world = simulate(3);
	struct sinew__states states;
	unsigned copies = 0;

	start(&states);
	for (unsigned i = 0; i < world->count; i++) {
		bool twice = world->records[i].head.type == SINEW__RECORD_INTERVAL && roll(10) == 0;
		for (unsigned k = 0; k <= twice; k++)
			CHECK_EQ(sinew__states_add(&states, &world->records[i].head), 0);
		copies += twice;
	}
	CHECK_EQ(sinew__states_settle(&states), 0);
	check_law(&states);
	for (unsigned k = 0; k < SINEW__STATES; k++)
		CHECK_EQ(states.total.time[k], truth.time[k]);
	CHECK(copies && states.contradictions == copies);
	sinew__states_fini(&states);
	free(world);
}

/* The recording begins in the midst of it: no births, numbers from anywhere. */
TEST(missing_starts_are_marked)
{
	struct world *world = simulate(7);
	struct sinew__states states;

	start(&states);
	for (unsigned i = world->count / 2; i < world->count; i++)
		CHECK_EQ(sinew__states_add(&states, &world->records[i].head), 0);
	CHECK_EQ(sinew__states_settle(&states), 0);
	check_law(&states);
	CHECK(states.missing >= THREADS / 2);
	CHECK_EQ(states.overlaps, 0);
	for (unsigned k = 0; k <= SINEW__TERMINATED; k++)
		CHECK(states.total.time[k] <= truth.time[k]);
	sinew__states_fini(&states);
	free(world);
}

/* Numbers are used again all the time here: 7 of them for hundreds of processes. */
TEST(a_number_is_not_a_process)
{
	struct world *world = simulate(9);
	struct sinew__states states;
	unsigned births = 0, processes = 0;

	for (unsigned i = 0; i < world->count; i++)
		births += world->records[i].head.type == SINEW__RECORD_THREAD;
	start(&states);
	feed(&states, world);
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
	switch (roll(8)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)-1 >> roll(64);
	default:
		return base + roll(40000000);
	}
}

static void make_up(union sinew__any *any)
{
	static const uint16_t sizes[] = {sizeof(struct sinew__interval), 16, 64, 128, 1024};

	for (unsigned i = 0; i < sizeof any->words / sizeof *any->words; i++)
		any->words[i] = roll(3) ? roll(4) : roll(UINT64_MAX);
	any->head = (struct sinew__record){
		.type = (uint16_t)(roll(8) ? 1 + roll(7) : SINEW__RECORD_SAMPLE),
		.size = sizes[roll(10) < 6 ? 0 : roll(5)],
		.cpu = (uint16_t)roll(CPUS + 1),
		.flags = roll(4) ? 0 : (uint16_t)roll(64),
		.time = any_time()};
	struct sinew__interval *in = &any->interval;
	in->who = (struct sinew__who){(uint32_t)roll(4), (uint32_t)roll(3), roll(3)};
	if (any->head.type != SINEW__RECORD_INTERVAL)
		return;
	in->number = (uint32_t)roll(20);
	in->why = (uint8_t)roll(11);
	in->context = (uint8_t)roll(8);
	in->left_cpu = (uint16_t)roll(CPUS + 1);
	in->ran_since = any_time();
	in->left = any_time();
	in->woken = any_time();
}

TEST(random_records_keep_the_law)
{
	uint64_t known = 0;

	for (uint64_t seed = 1; seed <= 10 * ROUNDS; seed++) {
		struct sinew__states states;
		union sinew__any any;
		dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		start(&states);
		for (unsigned i = 0; i < 300; i++) {
			make_up(&any);
			CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		}
		states.ended = roll(2);
		CHECK_EQ(sinew__states_settle(&states), 0);
		check_law(&states);
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

	start(&states);
	for (unsigned i = 0; i < lives; i++) {
		struct sinew__who who = {1 + i % 1000, 1, base + i};
		memset(&any, 0, sizeof any);
		any.thread.head = (struct sinew__record){
			SINEW__RECORD_THREAD, sizeof any.thread, 0, 0, base + 1000 * (uint64_t)i};
		any.thread.who = who;
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		memset(&any, 0, sizeof any);
		any.reaped.head = (struct sinew__record){SINEW__RECORD_REAPED, sizeof any.reaped, 0,
			0, base + 1000 * (uint64_t)i + 500};
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
	check_law(&states);
	sinew__states_fini(&states);
}

/* One number, used by more processes than are kept: the rest is one process, and nothing is looked for in
 * a line of thousands. */
TEST(one_number_for_all)
{
	struct sinew__states states;
	union sinew__any any;
	const unsigned lives = SINEW__PROCESSES_MOST + 5000;

	start(&states);
	for (unsigned i = 0; i < lives; i++) {
		memset(&any, 0, sizeof any);
		any.thread.head = (struct sinew__record){
			SINEW__RECORD_THREAD, sizeof any.thread, 0, 0, base + 1000 * (uint64_t)i};
		any.thread.who = (struct sinew__who){7, 7, base + i};
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
		any.reaped =
			(struct sinew__reaped){.head = {SINEW__RECORD_REAPED, sizeof any.reaped, 0,
						       0, base + 1000 * (uint64_t)i + 500},
				.who = {7, 7, base + i},
				.exited = base + 1000 * (uint64_t)i,
				.reaped = base + 1000 * (uint64_t)i + 500};
		CHECK_EQ(sinew__states_add(&states, &any.head), 0);
	}
	states.ended = true;
	CHECK_EQ(sinew__states_settle(&states), 0);
	CHECK_EQ(states.process_count, SINEW__PROCESSES_MOST);
	CHECK_EQ(states.others->tasks, lives - SINEW__PROCESSES_MOST + 1);
	CHECK_EQ(states.total.time[SINEW__TERMINATED] + states.total.time[SINEW__UNSEEN],
		500 * (uint64_t)lives);
	check_law(&states);
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
	union sinew__any any = {.head = {SINEW__RECORD_ADMIT, sizeof any.admit, 0, 0, base}}, out;
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
	struct world *world = simulate(11);
	struct sinew__record_header head = header();
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
	struct sinew__record_header head = header();
	struct sinew__summary *summary;
	struct sinew__record record = {.type = SINEW__RECORD_ADMIT, .size = 17};

	CHECK_EQ(sinew__summary_open(&summary, &head), 0);
	CHECK_ERR(sinew__summary_add(summary, &record), -EBADMSG);
	sinew__summary_close(summary);
	head.version = 2;
	CHECK_ERR(sinew__summary_open(&summary, &head), -EBADMSG);
}
