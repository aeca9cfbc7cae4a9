/* SPDX-License-Identifier: MIT
 *
 * ring.c - sinew-bench-ring: rings beside the best that can be written by hand (raw/ring.h), each pair in
 * one run, in turns, on the same pinned CPUs. A ratio is taken turn by turn; shown are its median and its
 * least and greatest. Every message is numbered and checked.
 */
#include "ring.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crew.h"
#include "directory.h"
#include "place.h"

enum { TURNS = 9, TURNS_QUICK = 3, SECONDS = 60 };

#define SPIN "pattern=pair&wait=latency"
#define USUAL "pattern=pair"

struct side {
	ring_work *work;
	const char *options; /* of the ring's URI */
	size_t size;
	unsigned count, batch, writers, stopped;
};

struct contest {
	const char *name;
	struct side ours, theirs; /* without theirs.work the goal is one in ns */
	double goal;
	bool rate;         /* messages a second, so that more is better; else time */
	bool one_cpu;      /* everybody on the first */
	double cpu_goal;   /* for the CPU time of both sides; 0: none, and no percentile */
	const char *where; /* NULL: shm */
};

#define TRIPS(which, how, bytes, trips)                                                            \
	{                                                                                          \
		.work = (which), .options = (how), .size = (bytes), .count = (trips)               \
	}
#define STREAM(which, how, bytes, messages, at_once)                                               \
	{                                                                                          \
		.work = (which), .options = (how), .size = (bytes), .count = (messages),           \
		.batch = (at_once)                                                                 \
	}
#define WRITERS(many, still, messages)                                                             \
	{                                                                                          \
		.work = ring_queue, .options = "pattern=queue", .count = (messages),               \
		.writers = (many), .stopped = (still)                                              \
	}

#define READERS(many, still, messages)                                                             \
	{                                                                                          \
		.work = ring_topic, .options = "pattern=topic", .size = 64, .count = (messages),   \
		.writers = (many), .stopped = (still)                                              \
	}

#define EVERYBODY(which, many, messages)                                                           \
	{                                                                                          \
		.work = (which), .options = "pattern=topic&full=block", .size = 64,                \
		.count = (messages), .writers = (many)                                             \
	}

static const struct contest contests[] = {
	{.name = "round trip 64 B / cache lines",
		.ours = TRIPS(ring_trips, SPIN, 64, 200000),
		.theirs = TRIPS(ring_lines, SPIN, 64, 200000),
		.goal = 1.75},
	{.name = "round trip 48 B / cache lines",
		.ours = TRIPS(ring_trips, SPIN, 48, 200000),
		.theirs = TRIPS(ring_lines, SPIN, 48, 200000),
		.goal = 1.35},
	{.name = "round trip 64 B / ck_ring",
		.ours = TRIPS(ring_trips, SPIN, 64, 200000),
		.theirs = TRIPS(ring_ck_trips, SPIN, 64, 200000),
		.goal = 1.0},
	{.name = "stream 64 B / fixed slots",
		.ours = STREAM(ring_stream, SPIN, 64, 4000000, 1),
		.theirs = STREAM(ring_slots, SPIN, 64, 4000000, 1),
		.goal = 0.75,
		.rate = true},
	{.name = "stream 64 B, 64 at once / same",
		.ours = STREAM(ring_stream, SPIN, 64, 8000000, 64),
		.theirs = STREAM(ring_slots, SPIN, 64, 8000000, 64),
		.goal = 0.70,
		.rate = true},
	{.name = "stream 1 MiB / memcpy",
		.ours = STREAM(ring_stream, SPIN, RING_MIB, 4000, 1),
		.theirs = STREAM(ring_memcpy, SPIN, RING_MIB, 4000, 1),
		.goal = 0.9,
		.rate = true},
	/* What two processes can reach that copy as fast as memory and caches let them. */
	{.name = "stream 1 MiB / copied by hand",
		.ours = STREAM(ring_stream, SPIN, RING_MIB, 4000, 1),
		.theirs = STREAM(ring_raw_frames, SPIN, RING_MIB, 4000, 1),
		.rate = true},
	{.name = "trip, 1 MiB on loan / 64 B",
		.ours = TRIPS(ring_lent_trips, SPIN, RING_MIB, 100000),
		.theirs = TRIPS(ring_lent_trips, SPIN, 64, 100000),
		.goal = 1.15},
	/* The same with both ends in lines of their own, as those of 1 MiB are. */
	{.name = "trip, 1 MiB on loan / 128 B",
		.ours = TRIPS(ring_lent_trips, SPIN, RING_MIB, 100000),
		.theirs = TRIPS(ring_lent_trips, SPIN, 128, 100000)},
	{.name = "one each ms / eventfd",
		.ours = STREAM(ring_paced, USUAL, 64, 500, 1),
		.theirs = STREAM(ring_event_paced, USUAL, 64, 500, 1),
		.goal = 1.2,
		.cpu_goal = 1.3},
	{.name = "round trip, balanced / spinning",
		.ours = TRIPS(ring_trips, USUAL, 64, 200000),
		.theirs = TRIPS(ring_trips, SPIN, 64, 200000),
		.goal = 1.45},
	{.name = "stream, balanced / spinning",
		.ours = STREAM(ring_stream, USUAL, 64, 4000000, 1),
		.theirs = STREAM(ring_stream, SPIN, 64, 4000000, 1),
		.goal = 1.0,
		.rate = true},
	{.name = "queue, 8 writers / 1",
		.ours = WRITERS(8, 0, 4000000),
		.theirs = WRITERS(1, 0, 4000000),
		.goal = 0.8,
		.rate = true},
	{.name = "queue, 8 writers / 1, one CPU",
		.ours = WRITERS(8, 0, 16000000),
		.theirs = WRITERS(1, 0, 16000000),
		.goal = 0.8,
		.rate = true,
		.one_cpu = true},
	{.name = "queue, 4 writers + 4 stopped / 4",
		.ours = WRITERS(4, 4, 4000000),
		.theirs = WRITERS(4, 0, 4000000),
		.goal = 0.8,
		.rate = true},
	{.name = "topic, 8 readers / 1",
		.ours = READERS(8, 0, 4000000),
		.theirs = READERS(1, 0, 4000000),
		.goal = 0.8,
		.rate = true},
	{.name = "topic, 1 reader + 4 stopped / 1",
		.ours = READERS(1, 4, 4000000),
		.theirs = READERS(1, 0, 4000000),
		.goal = 0.95,
		.rate = true},
	/* Everything, until the last reader has it. */
	{.name = "topic to 4 readers / ZeroMQ PUB",
		.ours = EVERYBODY(ring_everybody, 4, 500000),
		.theirs = EVERYBODY(ring_zmq_topic, 4, 200000),
		.rate = true},
	{.name = "topic to 4 readers / D-Bus signals",
		.ours = EVERYBODY(ring_everybody, 4, 500000),
		.theirs = EVERYBODY(ring_dbus_topic, 4, 5000),
		.rate = true},
	{.name = "topic, 1 MiB to 4 readers / memcpy",
		.ours = {.work = ring_frames,
			.options = "pattern=topic&full=block",
			.size = RING_MIB,
			.count = 2000,
			.writers = 4},
		.theirs = STREAM(ring_memcpy, SPIN, RING_MIB, 2000, 1),
		.rate = true},
	{.name = "latest, read 64 B / a plain copy",
		.ours = TRIPS(ring_latest, "pattern=latest&history=32", 64, 0),
		.theirs = TRIPS(ring_copies, "", 64, 0),
		.goal = 2},
	{.name = "killed peer, reader spins",
		.ours = TRIPS(ring_death_spinning, SPIN, 64, 0),
		.goal = 1e6},
	{.name = "killed peer, reader comes later",
		.ours = TRIPS(ring_death_arriving, USUAL, 64, 0),
		.goal = 1e6},
	{.name = "killed peer, reader sleeps",
		.ours = TRIPS(ring_death_parked, USUAL, 64, 0),
		.goal = 100e6},
	{.name = "killed peer, reader sleeps, memfd",
		.ours = TRIPS(ring_death_parked, USUAL, 64, 0),
		.goal = 1e6,
		.where = "memfd"},
	{.name = "killed: the kernel frees a lock", .ours = TRIPS(ring_death_lock, USUAL, 0, 0)},
	{.name = "attach", .ours = TRIPS(ring_attach, USUAL, 0, 64), .goal = 1e6},
};

struct runner {
	int turns, cpu[2];
	struct ring_common *common;
	char **texts; /* NULL-terminated; none: all rows */
};

/* ---- one turn ---- */

struct turn {
	ring_work *work;
	struct job *job;
};

static void lead(void *arg)
{
	struct turn *turn = arg;

	place_pin(turn->job->cpu[0]);
	turn->work(turn->job);
}

static char *make_uri(const struct contest *row, const struct side *side)
{
	char *uri;
	int n = row->where ? asprintf(&uri, "ring:%s:/tmp/sinew-bench-ring-%d?%s", row->where,
				     getpid(), side->options)
			   : asprintf(&uri, "ring:shm:/sinew-bench-ring-%d?%s", getpid(),
				     side->options);

	if (n < 0)
		crew_fail("no memory");
	return uri;
}

/* In a directory that is gone afterwards. */
static bool run_turn(struct turn *turn)
{
	char directory[DIRECTORY];

	if (directory_make(directory) < 0) {
		fputs("sinew-bench-ring: cannot make a directory for names\n", stderr);
		exit(3);
	}
	turn->job->directory = directory;
	turn->job->common->outcome = (struct outcome){0};
	atomic_store(&turn->job->common->come, 0);
	atomic_store(&turn->job->common->last, 0);
	int r = crew_run(lead, turn, SECONDS);
	directory_remove(directory);
	return r == 0;
}

/* Whether it could be done; else crew_error() says why not. */
static bool run_side(struct runner *runner, const struct contest *row, const struct side *side,
	struct outcome *out)
{
	char *uri = make_uri(row, side);
	struct job job = {.uri = uri,
		.size = side->size,
		.count = side->count,
		.batch = side->batch,
		.writers = side->writers,
		.stopped = side->stopped,
		.cpu = {runner->cpu[0], runner->cpu[row->one_cpu ? 0 : 1]},
		.common = runner->common};
	struct turn turn = {side->work, &job};

	bool done = run_turn(&turn);
	*out = runner->common->outcome;
	sinew_remove(uri);
	free(uri);
	return done;
}

/* ---- what is shown ---- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, compare);
}

static const char *verdict(double value, double goal, bool more)
{
	return (more ? value >= goal : value <= goal) ? "met" : "MISSED";
}

static void show_rate(double ns)
{
	if (ns < 1e4)
		printf(" %8.2f M/s ", 1e3 / ns);
	else
		printf(" %8.2f k/s ", 1e6 / ns);
}

static void show_ratio(
	const char *name, double *ours, double *theirs, int turns, double goal, bool rate)
{
	double ratio[TURNS];

	for (int i = 0; i < turns; i++)
		ratio[i] = rate ? theirs[i] / ours[i] : ours[i] / theirs[i];
	sort(ratio, turns);
	sort(ours, turns);
	sort(theirs, turns);
	const double a = ours[turns / 2], b = theirs[turns / 2];
	printf("%-34s", name);
	if (rate) {
		show_rate(a);
		show_rate(b);
	} else {
		printf(" %8.0f ns   %8.0f ns  ", a, b);
	}
	printf(" %4.2f (%.2f-%.2f)", ratio[turns / 2], ratio[0], ratio[turns - 1]);
	if (goal > 0)
		printf("  %s %.2f %s", rate ? ">=" : "<=", goal,
			verdict(ratio[turns / 2], goal, rate));
	putchar('\n');
	fflush(stdout);
}

static void show_time(const char *name, double *ours, int turns, double goal)
{
	sort(ours, turns);
	printf("%-34s %8.0f us   (%.0f-%.0f)", name, ours[turns / 2] / 1e3, ours[0] / 1e3,
		ours[turns - 1] / 1e3);
	if (goal > 0)
		printf("  <= %.0f us %s", goal / 1e3, verdict(ours[turns / 2], goal, false));
	putchar('\n');
	fflush(stdout);
}

static bool run_row(struct runner *runner, const struct contest *row)
{
	double ns[2][TURNS], p99[2][TURNS], cpu[2][TURNS];
	const struct side *sides[2] = {&row->ours, &row->theirs};

	for (int i = 0; i < runner->turns; i++)
		for (int k = 0; k < 2 && sides[k]->work; k++) {
			struct outcome o;
			if (!run_side(runner, row, sides[k], &o)) {
				printf("%-34s not measured: %s\n", row->name, crew_error());
				return false;
			}
			ns[k][i] = o.ns;
			p99[k][i] = o.p99;
			cpu[k][i] = o.cpu_ns;
		}
	if (!row->theirs.work) {
		show_time(row->name, ns[0], runner->turns, row->goal);
		return true;
	}
	show_ratio(row->name, ns[0], ns[1], runner->turns, row->goal, row->rate);
	if (row->cpu_goal > 0) {
		show_ratio("  the 99th percentile", p99[0], p99[1], runner->turns, 0, false);
		show_ratio("  CPU time of both sides", cpu[0], cpu[1], runner->turns, row->cpu_goal,
			false);
	}
	return true;
}

/* What a ring takes beside what holds messages: words hold the small ones. */
static void show_memory(void)
{
	static struct sinew_ring_look look;
	const struct contest row = {.ours.options = USUAL};
	struct job job = {.uri = make_uri(&row, &row.ours)};
	sinew_channel *c = ring_end(&job, SINEW_IN | SINEW_OUT | SINEW_LISTEN);
	char name[64];
	struct stat st;

	snprintf(name, sizeof name, "/dev/shm/sinew-bench-ring-%d", getpid());
	if (stat(name, &st) == 0 && sinew_ring_look(job.uri, &look, sinew_after(1000000000)) == 0) {
		const double lanes = (double)look.lane_size * look.lanes;
		const double words = lanes / 8, beside = (double)st.st_size - lanes - words;
		printf("%-34s %8.0f KiB of data, %.0f of words, %.1f beside  <= 64 %s\n", "memory",
			lanes / 1024, words / 1024, beside / 1024, verdict(beside, 65536, false));
	}
	sinew_close(c);
	sinew_remove(job.uri);
	free((char *)(uintptr_t)job.uri);
}

static bool is_wanted(const struct runner *runner, const char *name)
{
	bool any = !*runner->texts;

	for (char **text = runner->texts; *text; text++)
		any = any || strstr(name, *text);
	return any;
}

static void show_place(const struct runner *runner)
{
	struct place place = place_probe(runner->cpu);

	printf("CPUs %d and %d: %s, a cache line there and back takes %.0f ns\n", runner->cpu[0],
		runner->cpu[1], place.name, place.ns);
}

static void usage(FILE *out)
{
	fputs("Usage: sinew-bench-ring [--quick] [TEXT...]\n"
	      "Measures rings beside hand-written ones; only rows whose names contain a TEXT.\n"
	      "  --quick   3 turns instead of 9\n"
	      "Example: sinew-bench-ring --quick 'round trip'\n",
		out);
}

int main(int argc, char **argv)
{
	struct runner runner = {.turns = TURNS};
	bool all = true;

	for (argv++; argc > 1 && **argv == '-'; argv++, argc--) {
		if (strcmp(*argv, "--quick") != 0) {
			bool asked = strcmp(*argv, "--help") == 0;
			usage(asked ? stdout : stderr);
			return asked ? 0 : 2;
		}
		runner.turns = TURNS_QUICK;
	}
	runner.texts = argv;
	if (place_cpus(runner.cpu) < 2) {
		fputs("sinew-bench-ring: needs two CPUs\n", stderr);
		return 1;
	}
	crew_init();
	runner.common = crew_share(sizeof *runner.common);
	show_place(&runner);
	for (size_t i = 0; i < sizeof contests / sizeof *contests && !crew_interrupted(); i++)
		if (is_wanted(&runner, contests[i].name))
			all = run_row(&runner, &contests[i]) && all;
	if (is_wanted(&runner, "memory") && !crew_interrupted())
		show_memory();
	if (!crew_interrupted())
		show_place(&runner);
	return crew_interrupted() ? 130 : !all;
}
