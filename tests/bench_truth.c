/* SPDX-License-Identifier: MIT
 *
 * bench_truth.c - the benchmark tells the truth: mechanisms whose cost is known are reported with it. They are
 * bare pipes that sleep, compute, take memory, stall, lose or change something before they send.
 *
 * Bounds from below are exact. Those from above are wide, or in CPU time, which a busy machine does not
 * stretch.
 */
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bench_measure.h"
#include "crew.h"
#include "directory.h"
#include "echo.h"
#include "histogram.h"
#include "judge.h"
#include "raw/raw.h"
#include "runner.h"

#define MS 1000000

static struct fake {
	long sleeps, computes; /* ns before each message */
	unsigned takes;        /* pages */
	unsigned loses;        /* every nth */
	unsigned drops;        /* the nth */
	unsigned changes;      /* the nth */
	long stalls;           /* the reader, ns, at its nth: */
	unsigned stalls_at;
	unsigned sent, received;
} fake;

static void prepare(struct link *link)
{
	bare_pipe.prepare(link);
}

static void join(struct link *link, enum role role)
{
	bare_pipe.join(link, role);
}

static void sleep_for(long ns)
{
	struct timespec left = {ns / (1000 * MS), ns % (1000 * MS)};

	while (nanosleep(&left, &left))
		;
}

static int64_t cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void compute_for(long ns)
{
	for (int64_t until = cpu_time() + ns; cpu_time() < until;)
		;
}

static void take_memory(unsigned pages)
{
	char *memory = mmap(
		NULL, pages * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(memory, pages * 4096ul, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < pages; i++)
		((volatile char *)memory)[i * 4096ul] = 1;
	munmap(memory, pages * 4096ul);
}

static void fake_send(struct link *link, const void *data, size_t size)
{
	fake.sent++;
	if (fake.sleeps)
		sleep_for(fake.sleeps);
	if (fake.computes)
		compute_for(fake.computes);
	if (fake.takes)
		take_memory(fake.takes);
	if (fake.changes == fake.sent)
		((unsigned char *)data)[0] ^= 1; /* the buffer is the benchmark's own */
	if (fake.sent != fake.drops && (!fake.loses || fake.sent % fake.loses))
		bare_pipe.send(link, data, size);
}

static void fake_recv(struct link *link, void *data, size_t size)
{
	bare_pipe.recv(link, data, size);
	if (fake.stalls && ++fake.received == fake.stalls_at)
		sleep_for(fake.stalls); /* with the message: its block has begun */
}

static void fake_put(struct link *link, const unsigned char *first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fake_send(link, first + i * link->size, link->size);
}

static const struct contender fake_contender = {
	.name = "fake",
	.prepare = prepare,
	.join = join,
	.send = fake_send,
	.recv = fake_recv,
	.put = fake_put,
	.get = raw_get,
};

static const struct row fake_row = {
	.name = "fake",
	.uri = "pipe:",
	.ours = &fake_contender,
	.bare = &bare_pipe,
};

static const struct row lossy_row = {
	.name = "lossy",
	.uri = "pipe:",
	.ours = &fake_contender,
	.lossy = true,
};

static void measure_with(struct record *record, const struct row *row, enum mode mode, unsigned fan,
	int64_t duration, unsigned repeats)
{
	measure_sized(record, row, mode, 64, fan, duration, repeats);
}

static void measure(struct record *record, const struct row *row, enum mode mode, int64_t duration,
	unsigned repeats)
{
	measure_with(record, row, mode, 1, duration, repeats);
}

static double blocked(const struct spent *spent)
{
	return 1 - (double)(spent->running + spent->ready) / (double)spent->wall;
}

TEST(what_sleeps_is_blocked)
{
	static struct record record;

	fake = (struct fake){.sleeps = 20 * MS};
	measure(&record, &fake_row, LATENCY, 100 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK(record.outcomes[0].p50_all >= 0.999 * 40 * MS);
	CHECK(record.outcomes[0].p50_all < 2000.0 * MS);
	CHECK(record.ratio.median > 1);
	CHECK(blocked(&record.outcomes[0].spent[CLIENT]) > 0.5);
	CHECK(blocked(&record.outcomes[0].spent[SERVER]) > 0.5);
}

TEST(what_computes_takes_cpu_time)
{
	static struct record record;
	const struct outcome *ours = &record.outcomes[0];

	fake = (struct fake){.computes = 3 * MS};
	measure(&record, &fake_row, LATENCY, 60 * MS, 1);
	CHECK_STR(record.error, "");
	double cpu = (double)(ours->spent[CLIENT].cpu + ours->spent[SERVER].cpu) /
		     (double)ours->messages;
	CHECK(cpu >= 3 * MS);
	CHECK(cpu < 6 * MS);
	CHECK(ours->p50_all >= 6 * MS);
}

static uint64_t a_part(struct link *link)
{
	(void)link;
	return MS / 2;
}

static void use_part(struct link *link, const void *data, size_t size)
{
	(void)link, (void)data, (void)size;
	sleep_for(MS);
}

static void join_nobody(struct link *link, enum role role)
{
	(void)link, (void)role;
}

static const struct contender part_contender = {
	.name = "part", .join = join_nobody, .send = use_part, .took = a_part};
static const struct row part_row = {
	.name = "part", .uri = "part", .ours = &part_contender, .wake = true};

/* Of a use of which only a part counts. */
TEST(a_part_is_told_alone)
{
	static struct record record;

	measure(&record, &part_row, ALONE, 20 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK(record.outcomes[0].messages > 0);
	double cost = bench_costs(&record, 0).median;
	CHECK(cost > 0.499 * MS);
	CHECK(cost < 0.501 * MS);
	CHECK(record.outcomes[0].spent[CLIENT].wall >= record.outcomes[0].messages * MS);
}

static void use_cpu(struct link *link, const void *data, size_t size)
{
	(void)link, (void)data, (void)size;
	compute_for(MS);
}

static const struct contender busy_contender = {
	.name = "busy", .join = join_nobody, .send = use_cpu};
static const struct row busy_row = {
	.name = "busy", .uri = "busy", .ours = &busy_contender, .wake = true};

static long switches_of_children(void)
{
	struct rusage usage;

	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &usage), 0);
	return usage.ru_nvcsw;
}

/* It would take the CPU from the other one, who does not sleep at all. */
TEST(who_does_nothing_beside_one_alone_sleeps_until_that_is_over)
{
	static struct record record;
	const long before = switches_of_children();

	measure(&record, &busy_row, ALONE, 300 * MS, 1);
	CHECK_STR(record.error, "");
	const long switches = switches_of_children() - before;
	CHECK(switches < 20);
}

/* What one counts between the two steps of the other is lost. */
static void exclude_nobody(struct link *link, void *data, size_t size)
{
	volatile uint64_t *number = data;
	const uint64_t before = *number;

	(void)link, (void)size;
	sched_yield();
	*number = before + 1;
}

static const struct contender open_contender = {
	.name = "open", .join = join_nobody, .send = use_part, .recv = exclude_nobody};
static const struct row open_row = {
	.name = "open", .uri = "open", .ours = &open_contender, .wake = true};

TEST(a_lock_that_does_not_lock_fails_the_row)
{
	static struct record record;

	measure(&record, &open_row, CONTENDED, 50 * MS, 3);
	CHECK(strstr(record.error, "under the lock"));
}

TEST(what_takes_memory_faults)
{
	static struct record record;
	const struct outcome *ours = &record.outcomes[0];

	fake = (struct fake){.takes = 100};
	measure(&record, &fake_row, LATENCY, 10 * MS, 1);
	CHECK_STR(record.error, "");
	double faults = (double)(ours->spent[CLIENT].faults + ours->spent[SERVER].faults) /
			(double)ours->messages;
	CHECK(faults >= 100);
	CHECK(faults < 110);
}

TEST(calls_are_counted)
{
	static struct record record;
	const struct outcome *bare = &record.outcomes[1];

	fake = (struct fake){0};
	measure(&record, &fake_row, LATENCY, 10 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK_EQ(bare->spent[CLIENT].calls + bare->spent[SERVER].calls, 2 * bare->messages);
	CHECK_EQ(bare->spent[CLIENT].calls, bare->messages);
}

TEST(a_loss_fails_the_row)
{
	static struct record record;

	fake = (struct fake){.loses = 1000};
	measure(&record, &fake_row, STREAM, 40 * MS, 1);
	CHECK(strstr(record.error, "message 1000 came where 999 was expected"));
	CHECK(!bench_sound(&record));
}

TEST(losses_are_counted_where_they_may_be)
{
	static struct record record;
	const struct outcome *ours = &record.outcomes[0];

	fake = (struct fake){.loses = 1000};
	measure(&record, &lossy_row, STREAM, 100 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK(ours->messages > 2000);
	double share = (double)ours->lost / (double)ours->messages;
	CHECK(share > 0.0005);
	CHECK(share < 0.0015);
}

TEST(a_changed_message_fails_the_row)
{
	static struct record record;

	fake = (struct fake){.changes = 30};
	measure(&record, &fake_row, STREAM, 40 * MS, 1);
	CHECK(strstr(record.error, "a message was changed on its way"));
}

/* One write and one read of the twin for each message of each writer. */
TEST(all_of_a_fan_is_counted)
{
	static struct record record;
	const struct outcome *bare = &record.outcomes[1];

	fake = (struct fake){0};
	measure_with(&record, &fake_row, FAN_IN, 4, 20 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK(bare->messages >= 4 && bare->messages % 4 == 0);
	CHECK_EQ(bare->spent[CLIENT].calls, bare->messages);
	CHECK_EQ(bare->spent[SERVER].calls, bare->messages);
}

/* In the first block each of two writers has two messages, and one writer has four. */
TEST(a_loss_in_a_fan_fails_the_row)
{
	static struct record record;

	fake = (struct fake){.drops = 1};
	measure_with(&record, &fake_row, FAN_IN, 2, 20 * MS, 1);
	CHECK(strstr(record.error, "message 1 came where 0 was expected"));
	fake = (struct fake){.drops = 4};
	measure_with(&record, &fake_row, FAN_OUT, 2, 20 * MS, 1);
	CHECK(strstr(record.error, "the readers have not got all messages"));
	CHECK(!bench_sound(&record));
}

TEST(a_changed_message_in_a_fan_fails_the_row)
{
	static struct record record;

	fake = (struct fake){.changes = 1};
	measure_with(&record, &fake_row, FAN_IN, 2, 20 * MS, 1);
	CHECK(strstr(record.error, "a message was changed on its way"));
}

/* Sends back what it reads, but for one bit. */
static void serve_wrongly(void *arg)
{
	const struct echo_load *load = arg;
	char message[2 * ECHO_SIZE];
	int peer, listener = echo_listen(load, 0);

	echo_listen(load, 1);
	while ((peer = accept(listener, NULL, NULL)) < 0)
		poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
	ssize_t size = recv(peer, message, sizeof message, 0);
	message[size / 2] ^= 1;
	send(peer, message, (size_t)size, 0);
	pause();
}

static void lead_wrongly(void *arg)
{
	struct echo_load *load = arg;
	pid_t pids[] = {crew_fork(serve_wrongly, load), crew_fork(echo_load, load)};

	crew_wait(pids, 2);
}

TEST(a_wrong_answer_fails_an_echo)
{
	struct echo_load load = {.mechanism = "unix", .count = 1, .window = MS};
	char directory[DIRECTORY];
	int reports[2], orders[2];

	CHECK_EQ(directory_make(directory), 0);
	CHECK_EQ(pipe(reports), 0);
	CHECK_EQ(pipe(orders), 0);
	CHECK_EQ(write(orders[1], "", 1), 1);
	crew_init();
	load.directory = directory;
	load.reports = reports[1];
	load.orders = orders[0];
	load.answers[0] = load.answers[1] = crew_share(sizeof *load.answers[0]);
	CHECK_EQ(crew_run(lead_wrongly, &load, 20), -1);
	CHECK_STR(crew_error(), "an answer differs from its request");
	for (unsigned i = 0; i < 2; i++) {
		char path[128];

		close(reports[i]);
		close(orders[i]);
		echo_address(&load, i, path, sizeof path);
		unlink(path);
	}
	directory_remove(directory);
}

/* A reader that stalls for a tenth of a second while a message comes each millisecond delays a hundred of
 * them: of four blocks of 75, a quarter. Who asks only when it was answered would see one. */
TEST(a_stall_shows_in_the_percentiles)
{
	static struct record record;
	const struct outcome *ours = &record.outcomes[0];

	fake = (struct fake){.stalls = 100 * MS, .stalls_at = 4 + 4 + 1};
	measure(&record, &fake_row, PACED, 100 * MS, 1);
	CHECK_STR(record.error, "");
	CHECK_EQ(ours->messages, 300);
	CHECK(ours->max_all >= 98.0 * MS);
	CHECK(ours->p99_all >= 95.0 * MS);
	CHECK(ours->p90_all >= 50.0 * MS);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

TEST(a_histogram_gives_exact_percentiles)
{
	enum { SAMPLES = 100001 };
	static const double shares[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1};
	static struct histogram histogram;
	static uint64_t samples[SAMPLES];
	uint64_t seed = 42;

	for (unsigned i = 0; i < SAMPLES; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		samples[i] = (seed >> 40) >> (seed >> 33) % 20;
		histogram_add(&histogram, samples[i]);
	}
	qsort(samples, SAMPLES, sizeof *samples, compare);
	for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++) {
		size_t rank = (size_t)(shares[i] * SAMPLES + 0.999999);
		double exact = (double)samples[rank ? rank - 1 : 0];
		double told = (double)histogram_at(&histogram, shares[i]);
		CHECK(told >= exact * (1 - 1.0 / 1024) && told <= exact * (1 + 1.0 / 1024));
	}
	CHECK_EQ(histogram.total, SAMPLES);
	CHECK_EQ(histogram.largest, samples[SAMPLES - 1]);
}

static double worse(const struct record *before, const struct record *now)
{
	double a[REPEATS_MAX], b[REPEATS_MAX];

	for (unsigned i = 0; i < before->repeats; i++)
		a[i] = bench_cost(before, 0, i);
	for (unsigned i = 0; i < now->repeats; i++)
		b[i] = bench_cost(now, 0, i);
	return bench_worse(a, before->repeats, b, now->repeats);
}

/* Again while the machine is so busy that equal sleeps last unequally: what is judged then is its noise. */
static void sleep_and_measure(struct record *record, long ns)
{
	struct figure cost;

	for (unsigned i = 0; i < 10; i++) {
		fake = (struct fake){.sleeps = ns};
		measure(record, &fake_row, LATENCY, 4 * MS, 3);
		CHECK_STR(record->error, "");
		cost = bench_costs(record, 0);
		if (cost.high < 1.2 * cost.low)
			return;
	}
}

/* How far apart they are is given in percent by BENCH_TRUTH_SLOWER: a busy machine stretches a sleep. */
TEST(what_became_slower_is_reported)
{
	static struct record before, same, slower;
	const char *percent = getenv("BENCH_TRUTH_SLOWER");
	long more = 10 * MS / 100 * (percent ? atol(percent) : 200);

	sleep_and_measure(&before, 10 * MS);
	sleep_and_measure(&slower, 10 * MS + more);
	CHECK(worse(&before, &slower) > 0);
	CHECK(worse(&slower, &before) == 0);
	CHECK(worse(&before, &before) == 0);
	sleep_and_measure(&same, 10 * MS);
	CHECK(worse(&before, &same) < 1);
}

TEST(noise_is_no_regression)
{
	const double before[] = {100, 104, 97, 110, 101}, same[] = {105, 99, 111, 103, 100};
	const double noisy[] = {112, 160, 130, 190, 113}, slower[] = {121, 120, 122, 119, 121};
	const double steady[] = {100, 101, 100, 99, 100}, little[] = {103, 104, 103, 103, 104};

	CHECK(bench_worse(before, 5, same, 5) == 0);
	CHECK(bench_worse(before, 5, noisy, 5) == 0);
	CHECK(bench_worse(steady, 5, little, 5) == 0);
	CHECK(bench_worse(steady, 5, slower, 5) > 0.2);
	CHECK(bench_worse(slower, 5, steady, 5) == 0);
}

/* Bare sockets of this kernel: what they do with a reader that is slower, and when nobody reads. */
TEST(claims_are_tried_out)
{
	static struct evidence e;
	const uint64_t messages = 100000;

	crew_init();
	CHECK(judge(&e, messages));
	CHECK_EQ(e.plain_signals, 1);
	CHECK_EQ(e.realtime_signals, JUDGE_SIGNALS);
	CHECK_STR(e.error, "");
	CHECK(e.unix_stream.pushed_back && e.unix_dgram.pushed_back &&
		e.unix_seqpacket.pushed_back);
	CHECK(e.tcp.pushed_back);
	CHECK(e.unix_stream.messages > 0 && e.unix_stream.bytes == 64 * e.unix_stream.messages);
	CHECK_EQ(e.dgram.received, messages);
	CHECK_EQ(e.seqpacket.received, messages);
	CHECK_EQ(e.dgram.lost + e.dgram.reordered + e.seqpacket.lost + e.seqpacket.reordered, 0);
	CHECK_EQ(e.udp.sent, messages);
	CHECK_EQ(e.udp.received + e.udp.lost, messages);
	CHECK(e.tcp_segments >= e.tcp_messages);
	CHECK(e.tcp_answers > 0);
	CHECK(e.tcp_control[0]);
}
