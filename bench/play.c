/* SPDX-License-Identifier: MIT
 *
 * play.c - two pinned processes in which contenders take turns in short blocks, forwards and then backwards
 * (A B B A ...). The first two blocks of each warm up and tell how many messages fill a block.
 *
 * A repeat gives one figure for each contender, and ratios are taken within a repeat, so that a slow moment,
 * a moved CPU or an unlucky layout of memory meets all of them.
 */
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

enum {
	WARM_BLOCKS = 2,
	FIRST = 4, /* messages of the first block */
	TRIES = 5,
	AT_ONCE = 50000, /* ns */
};

struct player {
	struct duel *duel;
	enum role role;
	unsigned index; /* among those of its role */
	int ready[2];   /* a pipe: the servers are there */
	int playing[2]; /* a pipe: its end says that all are through */
	int schedstat;
	uint64_t next[CONTENDERS], nexts[CONTENDERS][FAN_MOST];
	double estimate[CONTENDERS]; /* ns of a message */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How long this thread has waited for a CPU; reading its clock first has the kernel bring it up to date. */
static uint64_t ready_ns(const struct player *player)
{
	unsigned long long ran = 0, waited = 0;
	char text[96];
	ssize_t n = pread(player->schedstat, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	sscanf(text, "%llu %llu", &ran, &waited);
	return waited;
}

static struct spent use_at_once(const struct player *player, struct link *link)
{
	struct rusage usage;
	struct spent spent = {
		.wall = clock_ns(CLOCK_MONOTONIC),
		.running = clock_ns(CLOCK_THREAD_CPUTIME_ID),
		.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		.ready = ready_ns(player),
		.calls = link->kind->calls ? link->kind->calls(link) : link->calls,
	};

	getrusage(RUSAGE_SELF, &usage);
	spent.voluntary = (uint64_t)usage.ru_nvcsw;
	spent.involuntary = (uint64_t)usage.ru_nivcsw;
	spent.faults = (uint64_t)usage.ru_minflt;
	return spent;
}

/* What this process has used so far; again if it was taken off its CPU between two of the questions. */
static struct spent use(const struct player *player, struct link *link)
{
	struct spent spent;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		spent = use_at_once(player, link);
		if (clock_ns(CLOCK_MONOTONIC) - spent.wall < AT_ONCE)
			break;
	}
	return spent;
}

/* The parts are no more than the whole, though their clocks are not the same. */
static void fit(struct spent *spent)
{
	if (spent->running > spent->wall)
		spent->running = spent->wall;
	if (spent->ready > spent->wall - spent->running)
		spent->ready = spent->wall - spent->running;
}

void spent_add(struct spent *sum, const struct spent *from, const struct spent *to)
{
	struct spent times = {.wall = to->wall - from->wall,
		.running = to->running - from->running,
		.ready = to->ready - from->ready};

	fit(&times);
	sum->wall += times.wall;
	sum->running += times.running;
	sum->ready += times.ready;
	sum->cpu += to->cpu - from->cpu;
	sum->calls += to->calls - from->calls;
	sum->voluntary += to->voluntary - from->voluntary;
	sum->involuntary += to->involuntary - from->involuntary;
	sum->faults += to->faults - from->faults;
}

/* How many messages of this contender make a block: whole batches, at least one. */
static uint64_t messages(const struct player *player, unsigned i, unsigned block)
{
	const struct duel *duel = player->duel;
	const unsigned batch = turn_batch(duel->mode);
	double wanted = FIRST;

	if (duel->mode == PACED && block >= WARM_BLOCKS)
		wanted = (double)duel->block_ns * duel->rate / 1e9;
	else if (duel->mode != PACED && block > 0 && player->estimate[i] > 0)
		wanted = (double)duel->block_ns / player->estimate[i] / (block == 1 ? 4 : 1);
	if (wanted > 1e7)
		wanted = 1e7;
	if (wanted < FIRST)
		wanted = FIRST; /* however long the first ones took on a busy machine */
	uint64_t batches = (uint64_t)wanted / batch;
	return batches ? batches * batch : batch;
}

/* How many processes have a role. */
static unsigned players_of(const struct duel *duel, enum role role)
{
	const enum mode many = role == CLIENT ? FAN_IN : FAN_OUT;

	return duel->mode == many ? duel->fan : 1;
}

/* The first client says how many messages a block has; whole shares, so that all writers have as many. */
static void begin_block(const struct player *player, struct turn *turn, unsigned i)
{
	const unsigned writers = players_of(player->duel, CLIENT);
	struct tally *tally = turn->tally;

	if (player->index == 0) {
		const uint64_t wanted = messages(player, i, turn->block);
		atomic_store(&tally->ended, 0);
		atomic_store(&tally->count, (wanted + writers - 1) / writers * writers);
		atomic_store(&tally->begun, turn->block + 1);
	}
	while (atomic_load(&tally->begun) <= turn->block)
		sched_yield();
	turn->count = atomic_load(&tally->count);
	turn->began = turn_clock();
}

/* Of the first of each role, who never is a block ahead of the other's end: the later one has both spans. */
static void tell_span(struct tally *tally, enum role role, uint64_t from, uint64_t to)
{
	const enum role other = role == CLIENT ? SERVER : CLIENT;

	tally->from[role] = from;
	tally->to[role] = to;
	if (atomic_fetch_add(&tally->spans, 1) % 2 == 0)
		return;
	const uint64_t begin = from < tally->from[other] ? from : tally->from[other];
	const uint64_t end = to > tally->to[other] ? to : tally->to[other];
	tally->both += end - begin;
}

static void play_block(struct player *player, unsigned i, unsigned block)
{
	struct duel *duel = player->duel;
	struct turn turn = {
		.duel = duel,
		.link = &duel->links[i],
		.tally = &duel->tallies[i],
		.counts = block >= WARM_BLOCKS,
		.next = &player->next[i],
		.nexts = player->nexts[i],
		.index = player->index,
		.block = block,
	};
	const struct turns *turns = turn_modes[duel->mode];
	struct spent before = use(player, turn.link), after;

	if (player->role == SERVER) {
		turns->server(&turn);
	} else {
		begin_block(player, &turn, i);
		turns->client(&turn);
	}
	after = use(player, turn.link);
	if (turn.counts)
		spent_add(player->index ? &turn.tally->many[player->index]
					: &turn.tally->spent[player->role],
			&before, &after);
	if (turn.counts && player->index == 0)
		tell_span(turn.tally, player->role, before.wall, after.wall);
	if (player->role == SERVER || player->index)
		return;
	uint64_t elapsed = atomic_load(&turn.tally->ended) - turn.began;
	player->estimate[i] = (double)elapsed / (double)turn.count;
	turn.tally->all += turn.count;
	if (turn.counts) {
		turn.tally->messages += turn.count;
		turn.tally->elapsed += elapsed;
	}
}

/* On a page boundary and written to: on some processors the kernel copies several times slower
 * to or from an address a few bytes past the one that the other side has within its page. */
static unsigned char *message_buffer(size_t size)
{
	void *buffer = NULL;

	if (posix_memalign(&buffer, 4096, size ? size : 1))
		crew_fail("no memory");
	memset(buffer, 0x5a, size);
	return buffer;
}

/* Each client waits until every server is there: what comes before its reader may be lost. */
static void meet(struct player *player)
{
	const unsigned others = players_of(player->duel, player->role == SERVER ? CLIENT : SERVER);
	char byte = 0;

	for (unsigned i = 0; i < others; i++)
		if (player->role == SERVER ? write(player->ready[1], &byte, 1) != 1
					   : read(player->ready[0], &byte, 1) != 1)
			crew_fail("the other side is gone");
}

/* Nobody leaves while another may still say to him what might have been lost: it would be sent to nobody. Who has
 * nothing to do from the first, as beside one who plays alone, sleeps here, and takes no CPU from him. */
static void part(const struct player *player)
{
	ssize_t n;
	char byte;

	close(player->playing[1]);
	while ((n = read(player->playing[0], &byte, 1)) < 0 && errno == EINTR)
		;
	if (n != 0)
		crew_fail("cannot wait for the others: %s", strerror(errno));
}

static void play_side(void *arg)
{
	struct player *player = arg;
	struct duel *duel = player->duel;

	place_pin(duel->cpu[player->role]);
	prctl(PR_SET_TIMERSLACK, 1);
	player->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < duel->count; i++) {
		struct link *link = &duel->links[i];

		duel->tallies[i].pids[player->role][player->index] = getpid();
		link->buffer = message_buffer(turn_batch(duel->mode) * link->size);
		link->kind->join(link, player->role);
	}
	meet(player);
	for (unsigned block = 0; block < WARM_BLOCKS + duel->blocks; block++)
		for (unsigned k = 0; k < duel->count; k++)
			play_block(player, block % 2 ? duel->count - 1 - k : k, block);
	part(player);
}

static void lead(void *arg)
{
	struct duel *duel = arg;
	static struct player players[FAN_MOST + 1];
	pid_t pids[FAN_MOST + 1];
	unsigned count = 0;
	int ready[2], playing[2];

	for (unsigned i = 0; i < duel->count; i++)
		if (duel->links[i].kind->prepare)
			duel->links[i].kind->prepare(&duel->links[i]);
	if (pipe2(ready, O_CLOEXEC) || pipe2(playing, O_CLOEXEC))
		crew_fail("pipe: %s", strerror(errno));
	for (enum role role = SERVER; role <= CLIENT; role++)
		for (unsigned i = 0; i < players_of(duel, role); i++, count++) {
			players[count] = (struct player){duel, .role = role, .index = i};
			memcpy(players[count].ready, ready, sizeof(ready));
			memcpy(players[count].playing, playing, sizeof(playing));
			pids[count] = crew_fork(play_side, &players[count]);
		}
	close(playing[1]);
	crew_wait(pids, count);
}

int play(struct duel *duel, unsigned seconds)
{
	return crew_run(lead, duel, seconds);
}
