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
	_Atomic unsigned ready; /* servers that listen */
	pid_t servers[2];
	int orders[LOADS], reports;
	unsigned started; /* loads */
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
	struct job *job = arg;

	place_pin(job->cpu[1]);
	for (unsigned i = 0; i < job->started; i++)
		close(job->orders[i]);
	echo_load(&job->load);
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

static void add_use(struct spent *sum, const struct spent *from, const struct spent *to)
{
	sum->wall += to->wall - from->wall;
	sum->running += to->running - from->running;
	sum->ready += to->ready - from->ready;
	sum->cpu += to->cpu - from->cpu;
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
	if (counts) {
		add_use(&job->score->spent[server], &before, &after);
		job->score->answers[server] += atomic_load(&job->answers[1]);
	}
	return (double)atomic_load(&job->answers[0]);
}

static void run_rounds(struct job *job)
{
	struct echo_score *score = job->score;

	for (unsigned server = 0; server < 2; server++)
		run_one(job, server, false);
	for (unsigned i = 0; i < job->rounds; i++) {
		for (unsigned k = 0; k < 2; k++) { /* either goes first in turns */
			const unsigned server = (i + k) % 2;
			score->rate[i][server] = run_one(job, server, true);
		}
		score->rounds = i + 1;
	}
}

static void await_servers(struct job *job)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (atomic_load(&job->ready) < 2) {
		nanosleep(&pause, NULL);
		check_crew();
	}
}

/* The loads, each with a pipe for its orders. */
static void start_loads(struct job *job, pid_t pids[LOADS])
{
	int reports[2], orders[LOADS][2];

	raw_check(pipe2(reports, O_CLOEXEC), "pipe");
	raw_check(fcntl(reports[0], F_SETFL, O_NONBLOCK), "O_NONBLOCK");
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
		job->score->memory[server] = (resident(job->servers[server]) - before[server]) /
					     (job->load.count * LOADS);
	for (unsigned i = 0; i < LOADS; i++)
		close(job->orders[i]);
	crew_wait(pids, 2 + LOADS);
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

void echo_measure(struct record *record, const struct plan *plan, const char *options)
{
	static struct job *job;
	static struct echo_score *score;

	if (options && strstr(options, "peers="))
		snprintf(record->skipped, sizeof(record->skipped),
			"peers= says how many connections there may be");
	if (record->skipped[0] || !can_have(record))
		return;
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
	if (crew_run(lead, job, PATIENCE + (unsigned)(plan->duration * plan->repeats / 250000000)))
		snprintf(record->error, sizeof(record->error), "%s", crew_error());
	else
		reckon(record, score);
	for (unsigned server = 0; server < 2; server++) {
		char path[128];

		echo_address(&job->load, server, path, sizeof(path));
		unlink(path);
	}
}
