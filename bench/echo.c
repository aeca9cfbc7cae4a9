/* SPDX-License-Identifier: MIT
 *
 * echo.c - a server with 10 to 10,000 peers, sinew beside a bare epoll loop.
 *
 * Both servers run at once, with the same number of peers, in processes of their own on one CPU; the
 * clients, in LOADS processes on the other, ask the one and the other in turns. The rate is bounded
 * by whichever side is slower; the CPU time of a request is the server's alone.
 */
#include "echo.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "crew.h"
#include "progress.h"
#include "raw/raw.h"

enum {
	LOADS = 2,
	SPARE = 64,         /* descriptors of a process that are no connections */
	WINDOW = 400000000, /* ns */
	GOAL = 90,          /* percent of the twin's rate */
};

static const struct line {
	const char *name, *mechanism;
	unsigned connections;
} lines[] = {
	{"unix 10", "unix", 10},
	{"unix 100", "unix", 100},
	{"unix 1000", "unix", 1000},
	{"unix 10000", "unix", 10000},
	{"tcp 10", "tcp", 10},
	{"tcp 100", "tcp", 100},
	{"tcp 1000", "tcp", 1000},
	{"tcp 10000", "tcp", 10000},
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

const unsigned echo_line_count = LINES;

const char *echo_line(unsigned index)
{
	return lines[index].name;
}

struct job {
	struct echo_score *score; /* shared with the driver */
	struct echo_plan plan;
	struct echo_load load;
	_Atomic uint64_t answers[2];
	_Atomic unsigned ready; /* servers that listen */
	pid_t servers[2];
	int orders[LOADS], reports;
	unsigned started; /* loads */
};

static void serve_bare(void *arg)
{
	struct job *job = arg;

	place_pin(job->plan.cpu[0]);
	int listener = echo_listen(&job->load, 0);
	atomic_fetch_add(&job->ready, 1);
	raw_echo(listener);
}

static void serve_sinew(void *arg)
{
	struct job *job = arg;
	sinew_channel *channel;
	char address[128], uri[160], data[ECHO_SIZE];
	struct sinew_msg msg, answer = {.data = data};
	int r;

	place_pin(job->plan.cpu[0]);
	echo_address(&job->load, 1, address, sizeof(address));
	snprintf(uri, sizeof(uri), "%s:%s?dir=both", job->load.mechanism, address);
	if (sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW) < 0)
		crew_fail("%s", sinew_error_text());
	atomic_fetch_add(&job->ready, 1);
	while ((r = sinew_recv(channel, data, sizeof(data), &msg, SINEW_FOREVER)) > 0) {
		answer.size = msg.size;
		answer.peer = msg.peer;
		if (sinew_send(channel, &answer, 1, SINEW_NOW) != 1)
			crew_fail("answer: %s", sinew_error_text());
	}
	if (r < 0)
		crew_fail("%s", sinew_error_text());
	sinew_close(channel);
}

static void load(void *arg)
{
	struct job *job = arg;

	if (job->plan.cpu[1] >= 0)
		place_pin(job->plan.cpu[1]);
	for (unsigned i = 0; i < job->started; i++)
		close(job->orders[i]);
	echo_load(&job->load);
}

/* ---- what a server costs ---- */

static double cpu_ns(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		crew_fail("no CPU clock of process %d", (int)pid);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double resident(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		crew_fail("cannot read %s", path);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* ---- rounds ---- */

/* Every load has done what it was told. */
static void hear_loads(int reports)
{
	char byte;

	for (unsigned i = 0; i < LOADS; i++)
		if (read(reports, &byte, 1) != 1)
			crew_fail("a load has ended early");
}

static void run_one(struct job *job, unsigned server, struct echo_run *run)
{
	const unsigned char order = (unsigned char)server;
	double cpu = cpu_ns(job->servers[server]);
	int64_t start = sinew_after(1);

	for (unsigned i = 0; i < 2; i++)
		atomic_store(&job->answers[i], 0);
	for (unsigned i = 0; i < LOADS; i++)
		if (write(job->orders[i], &order, 1) != 1)
			crew_fail("a load is gone");
	hear_loads(job->reports);
	double within = (double)atomic_load(&job->answers[0]);
	double answers = (double)atomic_load(&job->answers[1]);
	cpu = cpu_ns(job->servers[server]) - cpu;
	run->rate[server] = within / (double)job->load.window * 1e9;
	run->cpu[server] = answers > 0 ? cpu / answers : 0;
	run->busy[server] = cpu / (double)(sinew_after(1) - start);
}

static void run_rounds(struct job *job)
{
	struct echo_score *score = job->score;
	struct echo_run warm;

	for (unsigned server = 0; server < 2; server++)
		run_one(job, server, &warm);
	for (unsigned i = 0; i < job->plan.rounds; i++) {
		for (unsigned k = 0; k < 2; k++) /* either goes first in turns */
			run_one(job, (i + k) % 2, &score->runs[i]);
		score->rounds = i + 1;
	}
}

static void await_servers(struct job *job)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (atomic_load(&job->ready) < 2)
		nanosleep(&pause, NULL);
}

/* The loads, each with a pipe for its orders. */
static void start_loads(struct job *job, pid_t pids[LOADS])
{
	int reports[2], orders[LOADS][2];

	raw_check(pipe2(reports, O_CLOEXEC), "pipe");
	job->reports = reports[0];
	job->load.reports = reports[1];
	for (unsigned i = 0; i < LOADS; i++) {
		raw_check(pipe2(orders[i], O_CLOEXEC), "pipe");
		job->orders[i] = orders[i][1];
		job->load.orders = orders[i][0];
		job->started = i + 1;
		pids[i] = crew_fork(load, job);
		close(orders[i][0]);
	}
	close(reports[1]);
}

static void lead(void *arg)
{
	struct job *job = arg;
	pid_t pids[2 + LOADS];
	double before[2];

	for (unsigned server = 0; server < 2; server++)
		job->load.ports[server] = bench_free_port();
	if (job->load.ports[0] == job->load.ports[1])
		crew_fail("no two free ports");
	pids[0] = job->servers[0] = crew_fork(serve_bare, job);
	pids[1] = job->servers[1] = crew_fork(serve_sinew, job);
	await_servers(job);
	for (unsigned server = 0; server < 2; server++)
		before[server] = resident(job->servers[server]);
	start_loads(job, pids + 2);
	hear_loads(job->reports);
	run_rounds(job);
	for (unsigned server = 0; server < 2; server++)
		job->score->memory[server] =
			(resident(job->servers[server]) - before[server]) / job->score->connections;
	for (unsigned i = 0; i < LOADS; i++)
		close(job->orders[i]);
	crew_wait(pids, 2 + LOADS);
}

/* ---- the table ---- */

static struct figure figure(
	const struct echo_score *score, size_t member, unsigned server, bool ratio)
{
	double values[REPEATS_MAX];

	for (unsigned i = 0; i < score->rounds; i++) {
		const double *pair = (const double *)((const char *)&score->runs[i] + member);
		values[i] = ratio ? pair[1] / pair[0] : pair[server];
	}
	return bench_figure(values, score->rounds);
}

#define MEMBER(name) offsetof(struct echo_run, name)

static void print_score(const struct echo_score *score)
{
	struct figure ratio = figure(score, MEMBER(rate), 0, true);

	printf("%-5s%7u", score->mechanism, score->connections);
	if (score->error[0]) {
		printf("  %s%s\n", score->skipped ? "left out: " : "failed: ", score->error);
		return;
	}
	printf("%10.0f%10.0f  %5.2f (%.2f to %.2f)%s", figure(score, MEMBER(rate), 0, false).median,
		figure(score, MEMBER(rate), 1, false).median, ratio.median, ratio.low, ratio.high,
		ratio.median * 100 < GOAL ? " !" : "  ");
	printf("%6.0f%7.0f%7.2f%6.0f%%%5.0f%%%9.0f%7.0f\n",
		figure(score, MEMBER(cpu), 0, false).median,
		figure(score, MEMBER(cpu), 1, false).median,
		figure(score, MEMBER(cpu), 0, true).median,
		figure(score, MEMBER(busy), 0, false).median * 100,
		figure(score, MEMBER(busy), 1, false).median * 100, score->memory[0],
		score->memory[1]);
}

static void print_head(unsigned rounds)
{
	printf("Echo of %u bytes, %u rounds, a bare epoll server and sinew in turns; ! below %.1f "
	       "of it\n\n",
		ECHO_SIZE, rounds, GOAL / 100.0);
	printf("%12s%20s%24s%22s%12s%15s\n", "", "requests/s", "of bare (low to high)",
		"CPU ns/request", "server busy", "bytes/peer");
	printf("%12s%10s%10s%24s%8s%7s%7s%7s%6s%9s%7s\n", "connections", "bare", "sinew", "",
		"bare", "sinew", "ratio", "bare", "sinew", "bare", "sinew");
}

/* ---- all lines ---- */

/* As many descriptors as we may have; whether they are enough for so many connections. */
static bool can_have(struct echo_score *score)
{
	struct rlimit limit;
	unsigned of_server = score->connections + SPARE;
	unsigned of_load = 2 * ((score->connections + LOADS - 1) / LOADS) + SPARE;
	unsigned most = of_server > of_load ? of_server : of_load;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= most)
		return true;
	score->skipped = true;
	snprintf(score->error, sizeof(score->error),
		"%u descriptors are needed in one process, the limit (ulimit -Hn) is %llu", most,
		(unsigned long long)limit.rlim_max);
	return false;
}

static void measure(struct echo_score *score, const struct echo_plan *plan)
{
	static struct job *job;

	if (!job)
		job = crew_share(sizeof(*job));
	if (!can_have(score))
		return;
	*job = (struct job){.plan = *plan, .score = score};
	job->load.mechanism = score->mechanism;
	job->load.directory = plan->directory;
	job->load.count = score->connections / LOADS;
	job->load.window = WINDOW / (int64_t)plan->divide;
	for (unsigned i = 0; i < 2; i++)
		job->load.answers[i] = &job->answers[i];
	if (crew_run(lead, job, 120))
		snprintf(score->error, sizeof(score->error), "%s", crew_error());
	for (unsigned server = 0; server < 2; server++) {
		char path[128];

		echo_address(&job->load, server, path, sizeof(path));
		unlink(path);
	}
}

static bool wanted(const char *name, const char *const *only, unsigned only_count)
{
	for (unsigned i = 0; i < only_count; i++)
		if (strstr(name, only[i]))
			return true;
	return only_count == 0;
}

int echo_measure(const struct echo_plan *plan, const char *const *only, unsigned only_count)
{
	struct echo_score *scores = crew_share(LINES * sizeof(*scores));
	unsigned count = 0;
	char what[80];
	int status = 0;

	for (unsigned i = 0; i < LINES && !crew_interrupted(); i++) {
		struct echo_score *score = &scores[count];

		if (!wanted(lines[i].name, only, only_count))
			continue;
		snprintf(what, sizeof(what), "echo: %s", lines[i].name);
		progress_step(what, (double)i / LINES, -1);
		score->mechanism = lines[i].mechanism;
		score->connections = lines[i].connections;
		measure(score, plan);
		count++;
	}
	progress_end();
	if (crew_interrupted())
		return 0;
	print_head(plan->rounds);
	for (unsigned i = 0; i < count; i++) {
		print_score(&scores[i]);
		status = scores[i].error[0] && !scores[i].skipped ? 1 : status;
	}
	return status;
}
