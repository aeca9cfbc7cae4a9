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
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "crew.h"
#include "play.h"
#include "raw/raw.h"

enum {
	LOADS = 2,
	SPARE = 64,     /* descriptors of a process that are no connections */
	WATCHED = 50,   /* connections of a load, at most, while somebody watches */
	PATIENCE = 120, /* s for ten thousand to connect */
	LOOK = 100,     /* ms between looks whether all live */
};

struct job {
	struct echo_score *score; /* shared with the driver */
	unsigned rounds;
	int cpu[2];          /* of the servers, of the loads */
	const char *options; /* of sinew's server */
	struct echo_load load;
	_Atomic uint64_t answers[2];
	uint64_t all;           /* answers, those of the warm-up too */
	_Atomic unsigned ready; /* servers that listen */
	pid_t servers[2], loads[LOADS];
	int orders[LOADS], reports;
};

/* What the clients of one process are told, as it is when that is made: the job changes for the next. */
struct loader {
	struct echo_load load;
	int cpu;
	int orders[LOADS]; /* of those made before, `count` of them, to be closed */
	unsigned count;
};

static void serve_bare(void *arg)
{
	struct job *job = arg;

	place_pin(job->cpu[0]);
	int listener = echo_listen(&job->load, 0);
	atomic_fetch_add(&job->ready, 1);
	raw_echo(listener);
}

static void serve_sinew(void *arg)
{
	struct job *job = arg;
	sinew_channel *channel;
	char address[128], plain[160], data[ECHO_SIZE];
	struct sinew_msg msg, answer = {.data = data};
	int r;

	place_pin(job->cpu[0]);
	echo_address(&job->load, 1, address, sizeof(address));
	snprintf(plain, sizeof(plain), "%s:%s?dir=both", job->load.mechanism, address);
	char *uri = bench_uri_with(plain, job->options);
	if (sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW) < 0)
		crew_fail("%s", sinew_error_text());
	free(uri);
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
	struct loader *loader = arg;

	place_pin(loader->cpu);
	for (unsigned i = 0; i < loader->count; i++)
		close(loader->orders[i]);
	echo_load(&loader->load);
}

/* ---- what a server costs ---- */

/* Its CPU time, and how long it waited for a CPU. */
static struct spent use_of(pid_t pid)
{
	struct spent spent = {.wall = turn_clock()};
	unsigned long long ran = 0, waited = 0;
	struct timespec t;
	clockid_t clock;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file && fscanf(file, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	if (file)
		fclose(file);
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		crew_fail("no CPU clock of process %d", (int)pid);
	spent.cpu = spent.running = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	spent.ready = waited;
	return spent;
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

/* Who ends before its time has said why; the others end with the leader. */
static void check_crew(void)
{
	siginfo_t ended = {0};

	if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid)
		crew_fail("a server or its clients have ended early");
}

/* Every load has done what it was told. */
static void hear_loads(int reports)
{
	char byte;

	for (unsigned i = 0; i < LOADS; i++)
		while (read(reports, &byte, 1) != 1) {
			poll(&(struct pollfd){.fd = reports, .events = POLLIN}, 1, LOOK);
			check_crew();
		}
}

/* Requests a second. */
static double run_one(struct job *job, unsigned server, bool counts)
{
	const unsigned char order = (unsigned char)server;
	const struct spent before = use_of(job->servers[server]);

	for (unsigned i = 0; i < 2; i++)
		atomic_store(&job->answers[i], 0);
	for (unsigned i = 0; i < LOADS; i++)
		if (write(job->orders[i], &order, 1) != 1)
			crew_fail("a load is gone");
	hear_loads(job->reports);
	const struct spent after = use_of(job->servers[server]);
	job->all += atomic_load(&job->answers[1]);
	if (counts) {
		spent_add(&job->score->spent[server], &before, &after);
		job->score->answers[server] += atomic_load(&job->answers[1]);
	}
	return (double)atomic_load(&job->answers[0]);
}

static void run_rounds(struct job *job)
{
	struct echo_score *score = job->score;

	for (unsigned server = job->load.first; server < 2; server++)
		run_one(job, server, false);
	for (unsigned i = 0; i < job->rounds; i++) {
		for (unsigned k = 0; k < 2; k++) { /* either goes first in turns */
			const unsigned server = (i + k) % 2;
			if (server >= job->load.first)
				score->rate[i][server] = run_one(job, server, true);
		}
		score->rounds = i + 1;
	}
}

static void await_servers(struct job *job)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (atomic_load(&job->ready) < 2 - job->load.first) {
		nanosleep(&pause, NULL);
		check_crew();
	}
}

/* The loads, each with a pipe for its orders. */
static void start_loads(struct job *job)
{
	struct loader loader = {.load = job->load, .cpu = job->cpu[1]};
	int reports[2];

	raw_check(pipe2(reports, O_CLOEXEC), "pipe");
	raw_check(fcntl(reports[0], F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	job->reports = reports[0];
	loader.load.reports = reports[1];
	for (unsigned i = 0; i < LOADS; i++) {
		int orders[2];

		raw_check(pipe2(orders, O_CLOEXEC), "pipe");
		loader.load.orders = orders[0];
		loader.orders[loader.count++] = job->orders[i] = orders[1];
		job->loads[i] = crew_fork(load, &loader);
		close(orders[0]);
	}
	close(reports[1]);
}

static void lead(void *arg)
{
	static void (*const serve[])(void *) = {serve_bare, serve_sinew};
	struct job *job = arg;
	pid_t pids[2 + LOADS];
	unsigned count = 0;
	double before[2];
	int held; /* until we end */

	for (unsigned server = 0; server < 2; server++)
		job->load.ports[server] = bench_free_port(&held);
	for (unsigned server = job->load.first; server < 2; server++)
		pids[count++] = job->servers[server] = crew_fork(serve[server], job);
	await_servers(job);
	for (unsigned server = job->load.first; server < 2; server++)
		before[server] = resident(job->servers[server]);
	start_loads(job);
	hear_loads(job->reports);
	run_rounds(job);
	for (unsigned server = job->load.first; server < 2; server++)
		job->score->memory[server] = (resident(job->servers[server]) - before[server]) /
					     (job->load.count * LOADS);
	for (unsigned i = 0; i < LOADS; i++) {
		close(job->orders[i]);
		pids[count++] = job->loads[i];
	}
	crew_wait(pids, count);
}

/* ---- one record ---- */

/* As many descriptors as we may have; whether they are enough for so many connections. */
static bool can_have(struct record *record)
{
	struct rlimit limit;
	unsigned of_server = record->fan + SPARE;
	unsigned of_load = 2 * ((record->fan + LOADS - 1) / LOADS) + SPARE;
	unsigned most = of_server > of_load ? of_server : of_load;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= most)
		return true;
	snprintf(record->skipped, sizeof(record->skipped),
		"%u descriptors are needed in one process, the limit (ulimit -Hn) is %llu", most,
		(unsigned long long)limit.rlim_max);
	return false;
}

/* What the server of a contender did: [0] of the runs is the twin. */
static void reckon(struct record *record, const struct echo_score *score)
{
	record->repeats = score->rounds;
	record->contenders = record->peers = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct outcome *outcome = &record->outcomes[i];
		const unsigned server = !i;

		outcome->name = i ? "bare epoll" : "sinew";
		outcome->peer_bytes = score->memory[server];
		outcome->messages = score->answers[server];
		outcome->spent[SERVER] = score->spent[server];
		for (unsigned k = 0; k < score->rounds; k++)
			outcome->rate[k] = score->rate[k][server];
	}
}

/* The one job, in memory that all of its processes share. */
static struct job *job_of(const struct record *record, const struct plan *plan, const char *options)
{
	static struct job *job;
	static struct echo_score *score;

	if (!job) {
		job = crew_share(sizeof(*job));
		score = crew_share(sizeof(*score));
	}
	memset(score, 0, sizeof(*score));
	*job = (struct job){
		.rounds = plan->repeats, .score = score, .options = options ? options : ""};
	job->cpu[0] = record->cpu[SERVER];
	job->cpu[1] = record->cpu[CLIENT];
	job->load.mechanism = strncmp(record->row->uri, "tcp:", 4) == 0 ? "tcp" : "unix";
	job->load.directory = plan->directory;
	job->load.count = record->fan / LOADS;
	job->load.window = plan->duration;
	for (unsigned i = 0; i < 2; i++)
		job->load.answers[i] = &job->answers[i];
	return job;
}

/* 0, or -1 and the reason is in crew_error(). */
static int run(struct job *job)
{
	const int64_t seconds = job->load.window * job->rounds / 250000000;
	int r = crew_run(lead, job, PATIENCE + (unsigned)seconds);

	for (unsigned server = 0; server < 2; server++) {
		char path[128];

		echo_address(&job->load, server, path, sizeof(path));
		unlink(path);
	}
	return r;
}

void echo_measure(struct record *record, const struct plan *plan, const char *options)
{
	if (options && strstr(options, "peers="))
		snprintf(record->skipped, sizeof(record->skipped),
			"peers= says how many connections there may be");
	if (record->skipped[0] || !can_have(record))
		return;
	struct job *job = job_of(record, plan, options);
	if (run(job))
		snprintf(record->error, sizeof(record->error), "%s", crew_error());
	else
		reckon(record, job->score);
}

int echo_play_once(const struct record *record, const struct plan *plan, const char *options,
	struct played *played)
{
	struct job *job = job_of(record, plan, options);

	job->rounds = 1;
	job->load.first = 1;
	if (job->load.count > WATCHED)
		job->load.count = WATCHED;
	int r = run(job);
	played->pids[SERVER][0] = job->servers[1];
	memcpy(played->pids[CLIENT], job->loads, sizeof(job->loads));
	played->messages = job->all;
	return r;
}
