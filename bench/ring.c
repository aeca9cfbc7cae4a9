/* SPDX-License-Identifier: MIT
 *
 * ring.c - sinew-bench-ring: rings beside the best that can be written by hand (raw/ring.h), each pair in
 * one run, in turns, in the same two processes on the same CPUs. A ratio is taken turn by turn; shown
 * are its median and its least and greatest. Every message is numbered and checked.
 */
#include <errno.h>
#include <sched.h>
#include <sinew/sinew.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peers/ck.h"
#include "raw/ring.h"

enum { LARGE = 1 << 20, TURNS_MOST = 31, WRITERS = 8, BATCH = 64 };

/* What a side is told, in shared memory. */
struct job {
	const char *name, *uri;
	size_t size;
	unsigned count, batch, writers;
	int cpus[2];   /* of who measures, of the other side */
	double cpu_ns; /* CPU time of both sides, of one message */
	struct raw_lines *lines;
	struct raw_slots *slots;
	_Atomic uint64_t *go;
	int event;
};

static int turns = 9;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "sinew-bench-ring: %s: %s\n", what, sinew_error_text());
	_exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		die("cannot be pinned to a CPU");
}

static void *shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("no memory");
	memset(at, 0, size);
	return at;
}

/* The other side of a job, in a process of its own. */
static pid_t start(const struct job *job, int cpu, void (*side)(const struct job *))
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	pin(cpu);
	side(job);
	_exit(0);
}

static void finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("the other side failed");
}

static sinew_channel *open_end(const struct job *job, unsigned flags)
{
	sinew_channel *channel;

	if (sinew_open(&channel, job->uri, flags, sinew_after(5000000000)) < 0)
		die("open");
	return channel;
}

static int64_t soon(void)
{
	return SINEW_FOREVER;
}

static void check(const void *data, uint64_t wanted)
{
	uint64_t got;

	memcpy(&got, data, sizeof got);
	if (got != wanted) {
		fprintf(stderr, "sinew-bench-ring: message %llu came instead of %llu\n",
			(unsigned long long)got, (unsigned long long)wanted);
		_exit(1);
	}
}

/* ---- round trips ---- */

static void lines_answer(const struct job *job)
{
	char data[64] = {0};

	for (uint64_t i = 1; i <= job->count; i++) {
		raw_lines_hear(&job->lines->ping, job->lines->there, i, data);
		raw_lines_say(&job->lines->pong, job->lines->back, i, data);
	}
}

static double lines_ask(struct job *job)
{
	char data[64] = {0};

	memset(job->lines, 0, sizeof *job->lines);
	pid_t pid = start(job, job->cpus[1], lines_answer);
	double begun = 0;
	for (uint64_t i = 1; i <= job->count; i++) {
		if (i == 100)
			begun = now();
		memcpy(data, &i, sizeof i);
		raw_lines_say(&job->lines->ping, job->lines->there, i, data);
		raw_lines_hear(&job->lines->pong, job->lines->back, i, data);
		check(data, i);
	}
	double each = (now() - begun) / (job->count - 99);
	finish(pid);
	return each;
}

static void ring_answer(const struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_OUT);
	char *data = malloc(job->size);
	struct sinew_msg msg, answer = {.data = data, .size = job->size};

	for (uint64_t i = 1; i <= job->count; i++)
		if (sinew_recv(c, data, job->size, &msg, soon()) != 1 ||
			sinew_send(c, &answer, 1, soon()) != 1)
			die("answer");
	sinew_close(c);
}

static double ring_ask(struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_OUT | SINEW_LISTEN);
	char *data = calloc(1, job->size);
	struct sinew_msg msg, ask = {.data = data, .size = job->size};
	pid_t pid = start(job, job->cpus[1], ring_answer);
	double begun = 0;

	for (uint64_t i = 1; i <= job->count; i++) {
		if (i == 100)
			begun = now();
		memcpy(data, &i, sizeof i);
		if (sinew_send(c, &ask, 1, soon()) != 1 ||
			sinew_recv(c, data, job->size, &msg, soon()) != 1)
			die("ask");
		check(data, i);
	}
	double each = (now() - begun) / (job->count - 99);
	finish(pid);
	sinew_close(c);
	free(data);
	return each;
}

/* In place: the first and the last bytes are written and read, whatever the size. */
static void lend(sinew_channel *c, size_t size, uint64_t i)
{
	struct sinew_msg msg;

	if (sinew_loan(c, size, &msg, soon()) < 0)
		die("loan");
	memcpy((char *)(uintptr_t)msg.data, &i, sizeof i);
	memcpy((char *)(uintptr_t)msg.data + size - sizeof i, &i, sizeof i);
	if (sinew_commit(c, &msg) < 0)
		die("commit");
}

static void borrow(sinew_channel *c, uint64_t i)
{
	struct sinew_msg msg;

	if (sinew_take(c, &msg, 1, soon()) != 1)
		die("take");
	check(msg.data, i);
	check((const char *)msg.data + msg.size - sizeof i, i);
	sinew_release(c, &msg, 1);
}

static void loan_answer(const struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_OUT);

	for (uint64_t i = 1; i <= job->count; i++) {
		borrow(c, i);
		lend(c, job->size, i);
	}
	sinew_close(c);
}

static double loan_ask(struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_OUT | SINEW_LISTEN);
	pid_t pid = start(job, job->cpus[1], loan_answer);
	double begun = 0;

	for (uint64_t i = 1; i <= job->count; i++) {
		if (i == 100)
			begun = now();
		lend(c, job->size, i);
		borrow(c, i);
	}
	double each = (now() - begun) / (job->count - 99);
	finish(pid);
	sinew_close(c);
	return each;
}

/* ---- streams ---- */

static void slots_write(const struct job *job)
{
	struct raw_end end = {0};
	char data[64] = {0};

	for (uint64_t i = 0; i < job->count; i++) {
		memcpy(data, &i, sizeof i);
		raw_slots_put(job->slots, &end, data, (i + 1) % job->batch == 0);
	}
}

static double slots_read(struct job *job)
{
	struct raw_end end = {0};
	char data[64];
	double begun = 0;

	memset(job->slots, 0, sizeof *job->slots);
	pid_t pid = start(job, job->cpus[1], slots_write);
	for (uint64_t i = 0; i < job->count; i++) {
		raw_slots_get(job->slots, &end, data, (i + 1) % job->batch == 0);
		if (i == 0)
			begun = now();
		check(data, i);
	}
	double each = (now() - begun) / job->count;
	finish(pid);
	return each;
}

static void ring_write(const struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_OUT);
	char *data[BATCH];
	struct sinew_msg msgs[BATCH] = {{0}};

	for (unsigned i = 0; i < job->batch; i++) {
		data[i] = calloc(1, job->size);
		msgs[i] = (struct sinew_msg){.data = data[i], .size = job->size};
	}
	for (uint64_t i = 0; i < job->count; i += job->batch) {
		for (unsigned k = 0; k < job->batch; k++) {
			uint64_t n = i + k;
			memcpy(data[k], &n, sizeof n);
		}
		if (sinew_send(c, msgs, job->batch, soon()) != (int)job->batch)
			die("send");
	}
	sinew_close(c);
}

/* One at a time by receiving, in batches by borrowing and copying out. */
static double ring_read(struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_LISTEN);
	char *data = malloc(job->size);
	struct sinew_msg msgs[BATCH];
	double begun = 0;
	uint64_t i = 0;

	memset(data, 0, job->size);
	pid_t pid = start(job, job->cpus[1], ring_write);
	while (i < job->count) {
		int n = job->batch == 1 ? sinew_recv(c, data, job->size, msgs, soon())
					: sinew_take(c, msgs, job->batch, soon());
		if (n <= 0)
			die("receive");
		if (i == 0)
			begun = now();
		for (int k = 0; k < n; k++, i++) {
			if (job->batch > 1)
				memcpy(data, msgs[k].data, 64);
			check(data, i);
		}
	}
	double each = (now() - begun) / job->count;
	finish(pid);
	sinew_close(c);
	free(data);
	return each;
}

static double copy_memory(struct job *job)
{
	static char *from, *to;
	double begun;

	if (!from) {
		from = malloc(LARGE);
		to = malloc(LARGE);
		memset(from, 1, LARGE);
		memset(to, 1, LARGE);
	}
	pin(job->cpus[0]);
	begun = now();
	for (unsigned i = 0; i < job->count; i++) {
		memcpy(to, from, LARGE);
		__asm__ volatile("" ::"r"(to) : "memory");
	}
	return (now() - begun) / job->count;
}

/* ---- a message each millisecond ---- */

static double cpu_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void each_millisecond(unsigned i, double begun)
{
	double at = begun + 1e6 * (i + 1);
	struct timespec t = {(time_t)(at / 1e9), (long)((int64_t)at % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void event_pace(const struct job *job)
{
	double begun = now();

	for (unsigned i = 0; i < job->count; i++) {
		uint64_t one = 1;
		each_millisecond(i, begun);
		atomic_store(job->go, (uint64_t)now());
		if (write(job->event, &one, sizeof one) != sizeof one)
			die("eventfd");
	}
}

static void ring_pace(const struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	double begun = now();

	for (unsigned i = 0; i < job->count; i++) {
		each_millisecond(i, begun);
		double at = now();
		memcpy(data, &at, sizeof at);
		if (sinew_send(c, &msg, 1, soon()) != 1)
			die("send");
	}
	sinew_close(c);
}

static double median_of(double *samples, unsigned n)
{
	qsort(samples, n, sizeof *samples, compare);
	return samples[n / 2];
}

static double event_wait(struct job *job)
{
	double *late = malloc(job->count * sizeof *late), before = cpu_of(RUSAGE_SELF);
	double children = cpu_of(RUSAGE_CHILDREN);
	uint64_t value;

	job->event = eventfd(0, EFD_CLOEXEC);
	pid_t pid = start(job, job->cpus[1], event_pace);
	for (unsigned i = 0; i < job->count; i += (unsigned)value) {
		if (read(job->event, &value, sizeof value) != sizeof value)
			die("eventfd");
		for (unsigned k = 0; k < value; k++) /* several come as one */
			late[i + k] = now() - (double)atomic_load(job->go);
	}
	finish(pid);
	close(job->event);
	job->cpu_ns =
		(cpu_of(RUSAGE_SELF) - before + cpu_of(RUSAGE_CHILDREN) - children) / job->count;
	double middle = median_of(late, job->count);
	free(late);
	return middle;
}

static double ring_wait(struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_LISTEN);
	double *late = malloc(job->count * sizeof *late), before = cpu_of(RUSAGE_SELF);
	double children = cpu_of(RUSAGE_CHILDREN), sent;
	struct sinew_msg msg;
	char data[64];

	pid_t pid = start(job, job->cpus[1], ring_pace);
	for (unsigned i = 0; i < job->count; i++) {
		if (sinew_recv(c, data, sizeof data, &msg, soon()) != 1)
			die("receive");
		memcpy(&sent, data, sizeof sent);
		late[i] = now() - sent;
	}
	finish(pid);
	sinew_close(c);
	job->cpu_ns =
		(cpu_of(RUSAGE_SELF) - before + cpu_of(RUSAGE_CHILDREN) - children) / job->count;
	double middle = median_of(late, job->count);
	free(late);
	return middle;
}

/* ---- many writers ---- */

static void queue_write(const struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_OUT);
	char data[64] = {0};
	struct sinew_msg msg = {.data = data, .size = sizeof data};

	while (!atomic_load(job->go))
		sched_yield();
	for (uint64_t i = 0; i < job->count / job->writers; i++) {
		memcpy(data, &i, sizeof i);
		if (sinew_send(c, &msg, 1, soon()) != 1)
			die("send");
	}
	sinew_close(c);
}

static double queue_read(struct job *job)
{
	sinew_channel *c = open_end(job, SINEW_IN | SINEW_LISTEN);
	uint64_t next[32] = {0}, value;
	struct sinew_msg msgs[BATCH];
	unsigned got = 0, all = job->count / job->writers * job->writers;
	pid_t pids[WRITERS];

	atomic_store(job->go, 0);
	for (unsigned i = 0; i < job->writers; i++)
		pids[i] = start(job, job->cpus[1], queue_write);
	usleep(20000); /* all have come */
	atomic_store(job->go, 1);
	double begun = now();
	while (got < all) {
		int n = sinew_take(c, msgs, BATCH, soon());
		if (n <= 0)
			die("take");
		for (int i = 0; i < n; i++) {
			memcpy(&value, msgs[i].data, sizeof value);
			if (value != next[msgs[i].peer & 31]++)
				die("a writer's messages are out of order");
		}
		got += (unsigned)n;
	}
	double each = (now() - begun) / all;
	for (unsigned i = 0; i < job->writers; i++)
		finish(pids[i]);
	sinew_close(c);
	return each;
}

/* ---- one comparison ---- */

struct result {
	double a[TURNS_MOST], b[TURNS_MOST], ratio[TURNS_MOST], cpu[TURNS_MOST];
};

static double run(struct job *job, double (*fn)(struct job *))
{
	pin(job->cpus[0]);
	sinew_remove(job->uri);
	double value = fn(job);
	sinew_remove(job->uri);
	return value;
}

/* One line: what it is, ours, beside the other, ratio, goal. rate: messages a second, so that more is
 * better; else time. */
static void show(
	const char *what, double ours, double other, const double *ratio, double goal, bool rate)
{
	double sorted[TURNS_MOST];

	memcpy(sorted, ratio, sizeof sorted);
	qsort(sorted, (size_t)turns, sizeof *sorted, compare);
	double middle = sorted[turns / 2];
	bool met = rate ? middle >= goal : middle <= goal;
	if (rate)
		printf("%-34s %8.2f M/s  beside %8.2f M/s", what, 1e3 / ours, 1e3 / other);
	else
		printf("%-34s %8.0f ns   beside %8.0f ns ", what, ours, other);
	printf("  %5.2f x (%.2f-%.2f)", middle, sorted[0], sorted[turns - 1]);
	if (goal > 0)
		printf("  goal %s %.2f %s", rate ? ">=" : "<=", goal, met ? "met" : "MISSED");
	putchar('\n');
	fflush(stdout);
}

static void compare_two(const char *what, struct job ours, double (*our)(struct job *),
	struct job other, double (*their)(struct job *), double goal, bool rate)
{
	static struct result r;

	for (int i = 0; i < turns; i++) {
		r.a[i] = run(&ours, our);
		r.b[i] = run(&other, their);
		r.ratio[i] = rate ? r.b[i] / r.a[i] : r.a[i] / r.b[i];
		r.cpu[i] = other.cpu_ns > 0 ? ours.cpu_ns / other.cpu_ns : 0;
	}
	show(what, median_of(r.a, (unsigned)turns), median_of(r.b, (unsigned)turns), r.ratio, goal,
		rate);
	if (other.cpu_ns > 0)
		show("  the same, CPU time of both sides", ours.cpu_ns, other.cpu_ns, r.cpu, 1.3,
			false);
}

static void attach(const char *uri)
{
	double took[TURNS_MOST];
	struct job job = {.uri = uri};

	sinew_channel *first = open_end(&job, SINEW_IN | SINEW_LISTEN);
	for (int i = 0; i < turns; i++) {
		double begun = now();
		sinew_channel *second = open_end(&job, SINEW_OUT);
		took[i] = now() - begun;
		sinew_close(second);
	}
	sinew_close(first);
	sinew_remove(uri);
	double middle = median_of(took, (unsigned)turns);
	printf("%-34s %8.0f us (%.0f-%.0f)  goal <= 1000 us %s\n", "attach", middle / 1e3,
		took[0] / 1e3, took[turns - 1] / 1e3, middle < 1e6 ? "met" : "MISSED");
}

#define RING "ring:shm:/sinew-bench-ring"

static void usage(void)
{
	puts("Usage: sinew-bench-ring [--quick] [TEXT...]\n"
	     "Measures rings beside hand-written ones; only rows whose names contain a TEXT.\n"
	     "  --quick   3 turns instead of 9\n"
	     "Example: sinew-bench-ring --quick 'round trip'");
}

static char **texts;

static bool is_wanted(const char *name)
{
	bool any = !*texts;

	for (char **text = texts; *text; text++)
		any = any || strstr(name, *text);
	return any;
}

#define ROW(name, ...)                                                                             \
	do {                                                                                       \
		if (is_wanted(name))                                                               \
			compare_two(name, __VA_ARGS__);                                            \
	} while (0)

static void run_all(struct job job)
{
	const char *spin = RING "?pattern=pair&wait=latency", *usual = RING "?pattern=pair";
	const char *queue = RING "?pattern=queue";
	struct job ours = job, other = job;

#define WITH(j, ...)                                                                               \
	((j) = job,                                                                                \
		(j) = (struct job){__VA_ARGS__, .cpus = {0, 1}, .lines = job.lines,                \
			.slots = job.slots, .go = job.go},                                         \
		(j))
	ROW("round trip 64 B", WITH(ours, .uri = spin, .size = 64, .count = 200000), ring_ask,
		WITH(other, .uri = spin, .size = 64, .count = 200000), lines_ask, 1.75, false);
	ROW("round trip 48 B", WITH(ours, .uri = spin, .size = 48, .count = 200000), ring_ask,
		WITH(other, .uri = spin, .size = 48, .count = 200000), lines_ask, 1.35, false);
	if (is_wanted("round trip 64 B, ck_ring"))
		bench_ck_round_trip(200000, turns);
	ROW("stream 64 B, one at a time",
		WITH(ours, .uri = spin, .size = 64, .count = 4000000, .batch = 1), ring_read,
		WITH(other, .uri = spin, .size = 64, .count = 4000000, .batch = 1), slots_read,
		0.75, true);
	ROW("stream 64 B, batches of 64",
		WITH(ours, .uri = spin, .size = 64, .count = 8000000, .batch = 64), ring_read,
		WITH(other, .uri = spin, .size = 64, .count = 8000000, .batch = 64), slots_read,
		0.70, true);
	ROW("stream 1 MiB, beside memcpy",
		WITH(ours, .uri = spin, .size = LARGE, .count = 4000, .batch = 1), ring_read,
		WITH(other, .uri = spin, .size = LARGE, .count = 4000), copy_memory, 0.9, true);
	ROW("1 MiB lent, beside 64 B lent", WITH(ours, .uri = spin, .size = LARGE, .count = 100000),
		loan_ask, WITH(other, .uri = spin, .size = 64, .count = 100000), loan_ask, 1.15,
		false);
	ROW("each ms, beside an eventfd", WITH(ours, .uri = usual, .count = 500), ring_wait,
		WITH(other, .uri = usual, .count = 500), event_wait, 1.2, false);
	ROW("balanced beside spinning, trip", WITH(ours, .uri = usual, .size = 64, .count = 200000),
		ring_ask, WITH(other, .uri = spin, .size = 64, .count = 200000), ring_ask, 1.45,
		false);
	ROW("balanced beside spinning, stream",
		WITH(ours, .uri = usual, .size = 64, .count = 4000000, .batch = 1), ring_read,
		WITH(other, .uri = spin, .size = 64, .count = 4000000, .batch = 1), ring_read, 1.0,
		true);
	ROW("queue, 8 writers beside 1", WITH(ours, .uri = queue, .count = 4000000, .writers = 8),
		queue_read, WITH(other, .uri = queue, .count = 4000000, .writers = 1), queue_read,
		0.8, true);
#undef WITH
#define WITH(j, ...) ((j) = (struct job){__VA_ARGS__, .cpus = {0, 0}, .go = job.go}, (j))
	ROW("the same, all on one CPU", WITH(ours, .uri = queue, .count = 2000000, .writers = 8),
		queue_read, WITH(other, .uri = queue, .count = 2000000, .writers = 1), queue_read,
		0.8, true);
#undef WITH
	if (is_wanted("attach"))
		attach(RING "?pattern=pair");
}

int main(int argc, char **argv)
{
	struct job job = {.cpus = {0, 1}};

	for (argv++; argc > 1 && **argv == '-'; argv++, argc--) {
		if (strcmp(*argv, "--quick") == 0) {
			turns = 3;
			continue;
		}
		usage();
		return strcmp(*argv, "--help") == 0 ? 0 : 2;
	}
	texts = argv;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fputs("sinew-bench-ring: needs two CPUs\n", stderr);
		return 1;
	}
	job.lines = shared(sizeof *job.lines);
	job.slots = shared(sizeof *job.slots);
	job.go = shared(sizeof *job.go);
	run_all(job);
	return 0;
}
