/* SPDX-License-Identifier: MIT
 *
 * measure.c - contenders run in turns, in the same two processes.
 *
 * A round is one pair of fresh processes, pinned, in which every contender has its link. They take
 * turns in short blocks, forwards and then backwards (A B B A ...); the first block of each warms
 * up and is not counted. A round gives one figure for each contender, and a ratio is taken within a
 * round, so that a slow moment, a moved CPU or an unlucky layout of memory meets all of them.
 * Every message carries its number at both ends and is checked. A stream lasts until the reader has
 * the message marked as the last, so what is still buffered is paid for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "bench.h"
#include "crew.h"
#include "histogram.h"
#include "report.h"

#define LAST (UINT64_C(1) << 63)

enum {
	SECONDS = 30, /* a round that takes longer has stalled */

	/* Turns of each contender in a round, the first not counted. Short turns make good ratios:
	 * with turns of a tenth of a second they vary by a tenth even of a twin with itself. */
	TRIP_BLOCKS = 60,
	STREAM_BLOCKS = 8,
	LARGE_BLOCKS = 4,
};

/* What one contender did in one round; written by both processes, each its own words. */
struct tally {
	struct histogram times;
	uint64_t messages, elapsed;
	uint64_t cpu[2], calls[2], switches[2]; /* by role */
	volatile uint64_t ended; /* the reader's clock when it had the last message */
};

struct duel {
	unsigned count, blocks, batch;
	bool stream;
	int cpu[2];
	struct link links[CONTENDERS];
	uint64_t messages[CONTENDERS]; /* in one block */
	struct tally *tallies;
	int ready[2]; /* a pipe: the reader has everything */
};

struct player {
	struct duel *duel;
	enum role role;
};

/* What this process has used so far. */
struct usage {
	uint64_t cpu, calls, switches;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct usage use(struct link *link)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct usage){
		.calls = link->kind->calls ? link->kind->calls(link) : link->calls,
		.switches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw),
		.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
	};
}

static void number(unsigned char *message, size_t size, uint64_t value, uint64_t mark)
{
	memcpy(message, &value, sizeof(value));
	value |= mark;
	memcpy(message + size - sizeof(value), &value, sizeof(value));
}

/* Whether it is the last one. */
static bool check_number(const struct link *link, const unsigned char *message, uint64_t expected)
{
	uint64_t head, tail;

	memcpy(&head, message, sizeof(head));
	memcpy(&tail, message + link->size - sizeof(tail), sizeof(tail));
	if (head != expected || (tail & ~LAST) != expected)
		crew_fail("%s: message %llu came where %llu was expected", link->kind->name,
			(unsigned long long)head, (unsigned long long)expected);
	return tail & LAST;
}

static void ask(struct link *link, uint64_t count, struct histogram *times)
{
	unsigned char message[64] = {0};

	for (uint64_t i = 0; i < count; i++) {
		uint64_t start = clock_ns(CLOCK_MONOTONIC);

		number(message, link->size, i, 0);
		link->kind->send(link, message, link->size);
		link->kind->recv(link, message, link->size);
		if (times)
			histogram_add(times, clock_ns(CLOCK_MONOTONIC) - start);
		check_number(link, message, i);
	}
}

static void answer(struct link *link, uint64_t count)
{
	unsigned char message[64];

	for (uint64_t i = 0; i < count; i++) {
		link->kind->recv(link, message, link->size);
		check_number(link, message, i);
		link->kind->send(link, message, link->size);
	}
}

static void write_stream(struct duel *duel, struct link *link, uint64_t count)
{
	unsigned char *batch = link->buffer;
	char byte;

	for (uint64_t i = 0; i < count; i += duel->batch) {
		for (unsigned k = 0; k < duel->batch; k++)
			number(batch + k * link->size, link->size, i + k,
				i + k + 1 == count ? LAST : 0);
		link->kind->put(link, batch, duel->batch);
	}
	if (read(duel->ready[0], &byte, 1) != 1)
		crew_fail("the reader is gone");
}

static void read_stream(struct duel *duel, struct link *link, struct tally *tally)
{
	const unsigned char *data[TAKE];
	uint64_t expected = 0;
	bool last = false;

	while (!last) {
		unsigned n = link->kind->get(link, data, TAKE);

		for (unsigned i = 0; i < n; i++)
			last = check_number(link, data[i], expected++);
		if (link->kind->done)
			link->kind->done(link, n);
	}
	tally->ended = clock_ns(CLOCK_MONOTONIC);
	if (write(duel->ready[1], "", 1) != 1)
		crew_fail("the writer is gone");
}

/* One contender's turn in one process. */
static void play_block(struct player *player, unsigned i, bool counts)
{
	struct duel *duel = player->duel;
	struct link *link = &duel->links[i];
	struct tally *tally = &duel->tallies[i];
	uint64_t count = duel->messages[i];
	struct usage before = use(link), after;
	uint64_t start = clock_ns(CLOCK_MONOTONIC);

	if (duel->stream && player->role == CLIENT)
		write_stream(duel, link, count);
	else if (duel->stream)
		read_stream(duel, link, tally);
	else if (player->role == CLIENT)
		ask(link, count, counts ? &tally->times : NULL);
	else
		answer(link, count);
	after = use(link);
	if (!counts)
		return;
	tally->cpu[player->role] += after.cpu - before.cpu;
	tally->calls[player->role] += after.calls - before.calls;
	tally->switches[player->role] += after.switches - before.switches;
	if (player->role == SERVER)
		return;
	tally->messages += count;
	tally->elapsed += (duel->stream ? tally->ended : clock_ns(CLOCK_MONOTONIC)) - start;
}

/* On a page boundary and written to: on some processors the kernel copies several times slower
 * to or from an address a few bytes past the one that the other side has within its page. */
static unsigned char *message_buffer(size_t size)
{
	void *buffer = NULL;

	if (posix_memalign(&buffer, 4096, size))
		crew_fail("no memory");
	memset(buffer, 0x5a, size);
	return buffer;
}

/* The client waits until the server is there: what comes before its reader may be lost. */
static void meet(struct player *player)
{
	struct duel *duel = player->duel;
	char byte = 0;

	if (player->role == SERVER ? write(duel->ready[1], &byte, 1) != 1
				   : read(duel->ready[0], &byte, 1) != 1)
		crew_fail("the other side is gone");
}

static void play(void *arg)
{
	struct player *player = arg;
	struct duel *duel = player->duel;

	place_pin(duel->cpu[player->role]);
	for (unsigned i = 0; i < duel->count; i++) {
		struct link *link = &duel->links[i];

		link->buffer = message_buffer(duel->batch * link->size);
		link->kind->join(link, player->role);
	}
	meet(player);
	for (unsigned block = 0; block <= duel->blocks; block++)
		for (unsigned k = 0; k < duel->count; k++)
			play_block(player, block % 2 ? duel->count - 1 - k : k, block > 0);
}

static void lead(void *arg)
{
	struct duel *duel = arg;
	struct player players[] = {{duel, SERVER}, {duel, CLIENT}};
	pid_t pids[2];

	if (pipe(duel->ready))
		crew_fail("pipe: %s", strerror(errno));
	for (unsigned i = 0; i < duel->count; i++)
		if (duel->links[i].kind->prepare)
			duel->links[i].kind->prepare(&duel->links[i]);
	for (unsigned i = 0; i < 2; i++)
		pids[i] = crew_fork(play, &players[i]);
	crew_wait(pids, 2);
	for (unsigned i = 0; i < duel->count; i++)
		if (duel->links[i].kind->finish)
			duel->links[i].kind->finish(&duel->links[i]);
}

static struct run reckon(const struct duel *duel, unsigned i)
{
	const struct tally *tally = &duel->tallies[i];
	double messages = (double)tally->messages * (duel->stream ? 1 : 2);
	bool counted = duel->links[i].kind->calls || tally->calls[CLIENT];

	return (struct run){{
		[P50] = (double)histogram_at(&tally->times, 0.5),
		[P99] = (double)histogram_at(&tally->times, 0.99),
		[RATE] = messages * 1e9 / (double)tally->elapsed,
		[CPU] = (double)(tally->cpu[0] + tally->cpu[1]) / messages,
		[CALLS] = counted ? (double)(tally->calls[0] + tally->calls[1]) / messages : -1,
		[SWITCHES] = (double)(tally->switches[0] + tally->switches[1]) / messages,
	}};
}

/* A private directory for one link. The caller frees the name; NULL if there is none. */
static char *link_directory(const struct plan *plan)
{
	static unsigned next;
	char *directory = NULL;

	if (asprintf(&directory, "%s/%u", plan->directory, next++) < 0)
		return NULL;
	if (mkdir(directory, 0700)) {
		free(directory);
		return NULL;
	}
	return directory;
}

/* What a link needs before it is prepared: names of its own. */
static int place_link(struct link *link, const struct plan *plan)
{
	link->directory = link_directory(plan);
	if (!link->directory)
		return -1;
	link->port = bench_free_port();
	link->uri = bench_uri(link->uri, link->directory, link->port);
	if (link->back)
		link->back = bench_uri(link->back, link->directory, link->port);
	return 0;
}

/* What is not removed with the directory must be asked for. */
static void clear_link(struct link *link)
{
	sinew_remove(link->uri);
	if (link->back)
		sinew_remove(link->back);
	free((char *)link->uri);
	free((char *)link->back);
	free((char *)link->directory);
}

static int run_round(struct score *score, struct duel *duel, const struct plan *plan)
{
	int result;

	for (unsigned i = 0; i < duel->count; i++) {
		if (place_link(&duel->links[i], plan)) {
			snprintf(score->error, sizeof(score->error), "no directory in %s",
				plan->directory);
			return -1;
		}
	}
	memset(duel->tallies, 0, CONTENDERS * sizeof(*duel->tallies));
	result = crew_run(lead, duel, SECONDS);
	if (result)
		snprintf(score->error, sizeof(score->error), "%s", crew_error());
	for (unsigned i = 0; i < duel->count; i++)
		clear_link(&duel->links[i]);
	return result;
}

static void run_rounds(struct score *score, const struct duel *model, const struct plan *plan)
{
	static const double shares[] = {0.5, 0.9, 0.99, 0.999};
	static struct histogram all[CONTENDERS];
	static struct tally *tallies;

	if (!tallies)
		tallies = crew_share(CONTENDERS * sizeof(*tallies));
	memset(all, 0, sizeof(all));
	score->before = place_probe(model->cpu);
	for (unsigned round = 0; round < plan->rounds; round++) {
		struct duel duel = *model;

		duel.tallies = tallies;
		if (crew_interrupted() || run_round(score, &duel, plan))
			break;
		for (unsigned i = 0; i < duel.count; i++) {
			score->runs[round][i] = reckon(&duel, i);
			histogram_merge(&all[i], &tallies[i].times);
		}
		score->rounds++;
	}
	score->after = place_probe(model->cpu);
	for (unsigned i = 0; i < score->contenders; i++) {
		for (unsigned k = 0; k < 4; k++)
			score->percentiles[i][k] = (double)histogram_at(&all[i], shares[k]);
		score->percentiles[i][4] = (double)all[i].largest;
	}
}

/* Enters one more contender into the duel and the score. */
static struct link *enter(
	struct score *score, struct duel *duel, const struct contender *kind, uint64_t messages)
{
	unsigned i = duel->count++;
	struct link *link = &duel->links[i];

	*link = (struct link){
		.kind = kind,
		.uri = score->row->uri,
		.size = score->size,
		.epoll = -1,
	};
	duel->messages[i] = messages;
	score->names[i] = kind->name;
	score->contenders = duel->count;
	return link;
}

static const struct contender *measured(const struct score *score, const struct plan *plan)
{
	return plan->self ? score->row->bare : &sinew_contender;
}

/* Whole batches. */
static uint64_t fewer(uint64_t messages, const struct plan *plan)
{
	messages /= plan->divide;
	return messages < BATCH ? BATCH : messages - messages % BATCH;
}

void measure_roundtrip(struct score *score, const struct plan *plan, int cpus)
{
	struct duel duel = {
		.blocks = TRIP_BLOCKS,
		.batch = 1,
		.cpu = {plan->cpu[cpus > 1 ? 1 : 0], plan->cpu[0]},
	};
	const struct contender *kinds[] = {score->row->bare, measured(score, plan)};

	score->part = "round trip";
	score->cpus = cpus;
	score->size = 64;
	for (unsigned i = 0; i < 2; i++) {
		struct link *link =
			enter(score, &duel, kinds[i], (cpus > 1 ? 32 : 192) / plan->divide);

		link->back = score->row->back;
		link->both = true;
	}
	run_rounds(score, &duel, plan);
}

void measure_stream(struct score *score, const struct plan *plan)
{
	struct duel duel = {
		.blocks = STREAM_BLOCKS,
		.stream = true,
		.batch = BATCH,
		.cpu = {plan->cpu[1], plan->cpu[0]},
	};

	score->part = "stream";
	score->cpus = 2;
	score->size = 64;
	enter(score, &duel, score->row->bare, fewer(8000, plan));
	enter(score, &duel, measured(score, plan), fewer(plan->self ? 8000 : 48000, plan))->back =
		score->row->back;
	if (zmq_contender && score->row->peer_goal > 0)
		enter(score, &duel, zmq_contender, fewer(96000, plan));
	run_rounds(score, &duel, plan);
}

/* The bare figure is that of the tuning with the highest median rate. */
static unsigned best_bare(const struct score *score)
{
	unsigned best = 1;

	for (unsigned i = 2; i < score->contenders; i++)
		if (score_figure(score, RATE, i).median > score_figure(score, RATE, best).median)
			best = i;
	return best;
}

static bool is_tuned(const struct tuning *tuning)
{
	return tuning->buffer || tuning->write_size || tuning->read_size;
}

void measure_large(struct score *score, const struct plan *plan)
{
	struct duel duel = {
		.blocks = LARGE_BLOCKS,
		.stream = true,
		.batch = 1,
		.cpu = {plan->cpu[1], plan->cpu[0]},
	};
	struct sinew_caps caps = {.max_message = LARGE};
	struct link *sinew;
	char *uri = bench_uri(score->row->bulk, plan->directory, 1);

	score->part = "large";
	score->cpus = 2;
	sinew_caps(uri, &caps);
	free(uri);
	score->size = caps.max_message < LARGE ? caps.max_message : LARGE;
	sinew = enter(score, &duel, measured(score, plan), 64 / plan->divide);
	sinew->uri = score->row->bulk;
	if (plan->self)
		sinew->tuning = score->row->tunings[0];
	for (unsigned i = 0; i < 3; i++)
		if (is_tuned(&score->row->tunings[i]))
			enter(score, &duel, score->row->bare, 64 / plan->divide)->tuning =
				score->row->tunings[i];
	run_rounds(score, &duel, plan);
	score->bare = best_bare(score);
}
