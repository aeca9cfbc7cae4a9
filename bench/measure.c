/* SPDX-License-Identifier: MIT
 *
 * measure.c - one step: its contenders, its repeats, and what they amount to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "bench.h"
#include "crew.h"
#include "echo.h"
#include "peers.h"
#include "play.h"
#include "raw/raw.h"

enum {
	BLOCK = 2000000, /* ns; short turns make good ratios: with a tenth of a second each they vary by a
			    tenth even of a twin with itself */
	STREAM_BLOCK = 8000000, /* a stream has to fill its buffers and to drain them again */
	BLOCKS_LEAST = 4,
	PACED_LEAST = 300, /* messages of a repeat */
	PATIENCE = 30,     /* s beyond what a repeat should take; then it has stalled */
};

/* The uri of a step, with the options that were asked for. */
struct names {
	char *uri, *back;
};

static struct names name_step(
	const struct record *record, const struct plan *plan, const char *options)
{
	const struct row *row = record->row;
	bool large = record->mode == STREAM && record->size >= LARGE && row->bulk;
	bool many = (record->mode == FAN_IN || bench_is_one_by_one(record)) && row->many;
	char query[256];

	snprintf(query, sizeof(query), "%s%s%s", options ? options : "",
		options && *options && plan->wait ? "&" : "", plan->wait ? plan->wait : "");
	return (struct names){
		.uri = bench_uri_with(large  ? row->bulk
				      : many ? row->many
					     : row->uri,
			query),
		.back = row->back ? bench_uri_with(row->back, query) : NULL,
	};
}

/* Enters one more contender into the duel and the record. */
static struct link *enter(struct record *record, struct duel *duel, const struct contender *kind,
	const struct names *names)
{
	unsigned i = duel->count++;
	struct link *link = &duel->links[i];

	*link = (struct link){
		.kind = kind,
		.uri = names->uri,
		.back = names->back,
		.size = record->row->wake ? 0 : record->size,
		.both = record->mode == LATENCY,
		.lossy = record->row->lossy,
		.clients = record->mode == FAN_IN ? record->fan : 1,
		.readers = record->mode == FAN_OUT ? record->fan : 1,
		.epoll = -1,
	};
	record->outcomes[i].name = kind->name;
	record->contenders = duel->count;
	return link;
}

static bool is_tuned(const struct tuning *tuning)
{
	return tuning->buffer || tuning->write_size || tuning->read_size;
}

static void enter_all(struct record *record, struct duel *duel, const struct names *names)
{
	const struct row *row = record->row;
	bool tuned = record->mode == STREAM && record->size >= LARGE && is_tuned(&row->tunings[0]);

	enter(record, duel, bench_ours(row, record->mode), names);
	for (unsigned i = 0; i < 3; i++)
		if (tuned && is_tuned(&row->tunings[i]))
			enter(record, duel, row->bare, names)->tuning = row->tunings[i];
	const struct contender *bare = bench_twin(row, record->mode);
	if (!tuned && bare)
		enter(record, duel, bare, names)->tuning.buffer =
			record->size >= LARGE ? row->tunings[0].buffer : 0;
	record->peers = record->contenders;
	const struct contender **peers = bench_peers[row->peers];
	for (unsigned i = 0; record->mode < PACED && peers[i]; i++)
		if (record->contenders < CONTENDERS)
			enter(record, duel, peers[i], names);
}

/* Longer where percentiles would have too little to go by. */
static int64_t duration_of(const struct record *record, const struct plan *plan)
{
	int64_t least = record->mode == PACED ? (int64_t)(PACED_LEAST * 1e9 / record->rate) : 0;

	return plan->duration > least ? plan->duration : least;
}

static unsigned blocks_of(int64_t duration, int64_t block)
{
	int64_t blocks = duration / block;

	return blocks < BLOCKS_LEAST ? BLOCKS_LEAST : blocks > 100000 ? 100000 : (unsigned)blocks;
}

static struct duel compose(const struct record *record, int64_t duration)
{
	int64_t block =
		record->mode == LATENCY || record->mode == ALONE || record->mode == CONTENDED
			? BLOCK
		: record->mode == PACED ? duration / BLOCKS_LEAST
					: STREAM_BLOCK;

	if (duration < block * BLOCKS_LEAST)
		block = duration / BLOCKS_LEAST;
	return (struct duel){
		.mode = record->mode,
		.blocks = blocks_of(duration, block),
		.block_ns = block,
		.rate = record->rate,
		.wake = record->row->wake,
		.fan = record->fan,
		.each = record->row->each || record->row->one_by_one,
		.cpu = {[SERVER] = record->cpu[SERVER], [CLIENT] = record->cpu[CLIENT]},
	};
}

/* ---- names of a repeat's own ---- */

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

/* 0, or -errno. */
static int place_link(struct link *link, const struct plan *plan)
{
	link->directory = link_directory(plan);
	if (!link->directory)
		return -errno;
	link->port = bench_free_port(&link->held);
	link->uri = bench_uri(link->uri, link->directory, link->port);
	if (link->back)
		link->back = bench_uri(link->back, link->directory, link->port);
	return link->kind->make ? link->kind->make(link) : 0;
}

/* What is not removed with the directory must be asked for. */
static void clear_link(struct link *link)
{
	if (!link->directory)
		return;
	if (link->kind->unmake)
		link->kind->unmake(link);
	sinew_remove(link->uri);
	if (link->back)
		sinew_remove(link->back);
	free((char *)link->uri);
	free((char *)link->back);
	free((char *)link->directory);
	close(link->held);
}

/* ---- repeats ---- */

static int play_repeat(struct record *record, struct duel *duel, const struct plan *plan)
{
	double seconds = (double)duration_of(record, plan) / 1e9 * 2 * duel->count;
	int result = 0;

	for (unsigned i = 0; i < duel->count && !result; i++)
		result = place_link(&duel->links[i], plan);
	if (result)
		snprintf(record->error, sizeof(record->error), "%s: cannot make it: %s",
			record->row->name, strerror(-result));
	memset(duel->tallies, 0, CONTENDERS * sizeof(*duel->tallies));
	if (!result && (result = play(duel, PATIENCE + (unsigned)seconds)))
		snprintf(record->error, sizeof(record->error), "%s", crew_error());
	for (unsigned i = 0; i < duel->count; i++)
		clear_link(&duel->links[i]);
	return result;
}

static void sum_spent(struct spent *sum, const struct spent *more)
{
	sum->wall += more->wall;
	sum->running += more->running;
	sum->ready += more->ready;
	sum->cpu += more->cpu;
	sum->calls += more->calls;
	sum->voluntary += more->voluntary;
	sum->involuntary += more->involuntary;
	sum->faults += more->faults;
}

/* What a message is: one way in a stream, each of the two of a round trip; of a fan-out, one that was published,
 * to however many readers. */
static unsigned messages_of_use(enum mode mode)
{
	return mode == LATENCY || mode == CONTENDED ? 2 : 1;
}

/* A message that one of several readers missed is lost in part. */
static void reckon(struct record *record, const struct duel *duel, unsigned i)
{
	const struct tally *tally = &duel->tallies[i];
	struct outcome *outcome = &record->outcomes[i];
	const uint64_t messages = tally->messages * messages_of_use(record->mode);
	const uint64_t lost = tally->lost + (tally->missed + duel->fan - 1) / duel->fan;

	outcome->p50[record->repeats] = (double)histogram_at(&tally->times, 0.5);
	outcome->p99[record->repeats] = (double)histogram_at(&tally->times, 0.99);
	outcome->rate[record->repeats] = (double)(messages - lost) * 1e9 / (double)tally->elapsed;
	outcome->messages += messages;
	outcome->lost += lost;
	sum_spent(&outcome->spent[CLIENT], &tally->spent[CLIENT]);
	sum_spent(&outcome->spent[SERVER], &tally->spent[SERVER]);
	outcome->both += tally->both;
	for (unsigned k = 1; k < duel->fan; k++)
		sum_spent(
			&outcome->spent[record->mode == FAN_IN ? CLIENT : SERVER], &tally->many[k]);
	outcome->calls_known = duel->links[i].kind->calls || outcome->spent[CLIENT].calls;
}

/* Shared with those who play. */
static struct tally *tallies_of_all(void)
{
	static struct tally *tallies;

	if (!tallies)
		tallies = crew_share(CONTENDERS * sizeof(*tallies));
	return tallies;
}

static void add_times(struct outcome *outcome, const struct histogram *times)
{
	static struct histogram all;

	histogram_recall(&all, &outcome->times);
	histogram_merge(&all, times);
	if (!histogram_keep(&outcome->times, &all)) {
		fputs("sinew: no memory\n", stderr);
		exit(3);
	}
	outcome->p50_all = (double)histogram_at(&all, 0.5);
	outcome->p90_all = (double)histogram_at(&all, 0.9);
	outcome->p99_all = (double)histogram_at(&all, 0.99);
	outcome->p999_all = (double)histogram_at(&all, 0.999);
	outcome->max_all = (double)all.largest;
}

static void play_repeats(struct record *record, const struct duel *model, const struct plan *plan)
{
	struct tally *tallies = tallies_of_all();

	while (record->repeats < plan->repeats && !crew_interrupted()) {
		struct duel duel = *model;

		duel.tallies = tallies;
		if (play_repeat(record, &duel, plan))
			break;
		for (unsigned i = 0; i < duel.count; i++) {
			reckon(record, &duel, i);
			add_times(&record->outcomes[i], &tallies[i].times);
		}
		record->repeats++;
	}
}

/* The bare figure is that of the tuning with the lowest median cost. */
static void choose_bare(struct record *record)
{
	record->bare = record->peers > 1 ? 1 : 0;
	for (unsigned i = 2; i < record->peers; i++)
		if (bench_costs(record, i).median < bench_costs(record, record->bare).median)
			record->bare = i;
	record->ratio = bench_ratio(record, 0);
}

static void add_time(struct record *record, double took, double stolen)
{
	double all = record->steal * record->took + stolen;

	record->took += took;
	record->steal = all / record->took;
}

void bench_measure(struct record *record, const struct plan *plan, const char *options)
{
	struct duel duel = compose(record, duration_of(record, plan));
	struct names names = name_step(record, plan, options);
	uint64_t began = turn_clock();
	double stolen = place_steal();

	if (record->repeats == 0)
		record->before = place_probe(record->cpu);
	if (record->mode == ECHO) {
		echo_measure(record, plan, options);
	} else {
		enter_all(record, &duel, &names);
		play_repeats(record, &duel, plan);
	}
	record->after = place_probe(record->cpu);
	add_time(record, (double)(turn_clock() - began), (place_steal() - stolen) * 1e9);
	choose_bare(record);
	free(names.uri);
	free(names.back);
}

void bench_forget_record(struct record *record)
{
	for (unsigned i = 0; i < CONTENDERS; i++)
		histogram_forget(&record->outcomes[i].times);
}

int bench_play_once(const struct record *record, const struct plan *plan, const char *options,
	struct played *played)
{
	if (record->mode == ECHO)
		return echo_play_once(record, plan, options, played);
	struct record copy = *record;
	struct duel duel = compose(record, plan->duration);
	struct names names = name_step(record, plan, options);

	duel.tallies = tallies_of_all();
	enter(&copy, &duel, bench_ours(record->row, record->mode), &names);
	int result = play_repeat(&copy, &duel, plan);
	memcpy(played->pids, duel.tallies->pids, sizeof(played->pids));
	played->messages = duel.tallies->all * messages_of_use(record->mode);
	free(names.uri);
	free(names.back);
	return result;
}
