/* SPDX-License-Identifier: MIT
 *
 * bench_watch.c - what the processes of a step blocked on, and who woke them, from the tracer. Those of one side
 * are added up.
 *
 * After all measuring, so that nothing measured is traced, a child plays each step once more, shortly. The
 * tracer follows what it forks; it is opened once, for that takes longer than a step. What is seen are
 * reasons and how often they come: how long a traced process waits is no figure of the benchmark.
 */
#include <calls.h>
#include <crew.h>
#include <errno.h>
#include <fault.h>
#include <fcntl.h>
#include <pick.h>
#include <sentences.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tracer.h>
#include <unistd.h>

#include "bench_run.h"
#include "text.h"

enum { LEAST = 5, LEAST_EACH = 2, WATCHED_NS = 10000000, LONGER_NS = 40000000 };
enum { RAREST = 20, TRIES = 4 }; /* a busy machine may get through few messages in that time */

struct watch {
	struct bench_run *run;
	struct played *played; /* by record, told by the child in memory that both share */
	struct sinew__states states;
	int error; /* of the states */
};

/* ---- the child ---- */

static int64_t duration_of(const struct bench_run *run, const struct record *record)
{
	int64_t most = record->mode == PACED || record->fan > 1 ? LONGER_NS : WATCHED_NS;

	return run->plan.duration < most ? run->plan.duration : most;
}

/* More often than this they wait at the beginning and the end, which is no part of a message. */
static unsigned least_of(unsigned players)
{
	return LEAST + LEAST_EACH * players;
}

/* Again, and longer, while that were too few messages to tell what comes once in RAREST of them. */
static void play_step(const struct watch *watch, unsigned i)
{
	const struct record *record = &watch->run->records[i];
	const uint64_t enough = RAREST * least_of(record->fan ? record->fan : 1);
	struct plan plan = watch->run->plan;

	plan.duration = duration_of(watch->run, record);
	for (unsigned try = 0; try < TRIES && watch->played[i].messages < enough; try++) {
		if (crew_interrupted() || bench_play_once(record, &plan, watch->run->options[i],
						  &watch->played[i]) < 0)
			return;
		plan.duration *= 3;
	}
}

static void play_all(const struct watch *watch)
{
	for (unsigned i = 0; i < watch->run->count; i++)
		if (bench_sound(&watch->run->records[i]))
			play_step(watch, i);
}

/* It begins when a byte comes through *go, and ends at once if that closes before. */
static pid_t start_child(const struct watch *watch, int *go)
{
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 1)
			play_all(watch);
		_exit(0);
	}
	close(ends[0]);
	*go = ends[1];
	return pid;
}

/* ---- what is seen ---- */

static void take(void *arg, const struct sinew__record *record)
{
	struct watch *watch = arg;

	if (!watch->error)
		watch->error = sinew__states_add(&watch->states, record);
}

static bool is_among(pid_t pid, const pid_t pids[FAN_MOST])
{
	for (unsigned i = 0; i < FAN_MOST && pids[i]; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Whose process this is. False: nobody's who played. */
static bool find_player(const struct watch *watch, uint32_t id, unsigned *i, unsigned *side)
{
	pid_t pid = id < watch->states.process_count ? (pid_t)watch->states.processes[id]->tgid : 0;

	for (*i = 0; pid && *i < watch->run->count; ++*i)
		for (*side = 0; *side < 2; ++*side)
			if (is_among(pid, watch->played[*i].pids[*side]))
				return true;
	return false;
}

/* "pipe" of "pipe:[8123]", "eventfd" of "anon_inode:[eventfd]", "socket" of every sort of them; a path is a
 * file, in which a futex is memory; an address says nothing. */
static void name_kind(const char *object, const char *call, char kind[WAIT_WORD])
{
	static const char *const sockets[] = {"unix:", "tcp:", "udp:"};
	static const char anonymous[] = "anon_inode:[";

	*kind = '\0';
	if (!object || strncmp(object, "0x", 2) == 0)
		return;
	if (*object == '/')
		object = "file:";
	if (strncmp(call, "futex", 5) == 0 && strncmp(object, "file:", 5) == 0)
		object = "shared memory:";
	for (unsigned i = 0; i < sizeof sockets / sizeof *sockets; i++)
		if (strncmp(object, sockets[i], strlen(sockets[i])) == 0)
			object = "socket:";
	if (strncmp(object, anonymous, strlen(anonymous)) == 0)
		object += strlen(anonymous);
	snprintf(kind, WAIT_WORD, "%.*s", (int)strcspn(object, ":]"), object);
}

static const char *name_side(const struct record *record, unsigned side)
{
	static const char *const names[MODES][2] = {
		[FAN_IN] = {[CLIENT] = "a writer", [SERVER] = "the reader"},
		[FAN_OUT] = {[CLIENT] = "the writer", [SERVER] = "a reader"},
		[ECHO] = {[CLIENT] = "a client", [SERVER] = "the server"},
	};
	const char *name = names[record->mode][side];

	return name ? name : side == CLIENT ? "the client" : "the server";
}

/* *is_ours: one of those who played. */
static const char *name_waker(
	const struct watch *watch, const struct sinew__block_key *key, unsigned i, bool *is_ours)
{
	unsigned of, side;

	*is_ours = false;
	switch (key->context) {
	case SINEW__CONTEXT_TIMER:
		return "a timer";
	case SINEW__CONTEXT_HARDIRQ:
	case SINEW__CONTEXT_NMI:
		return "an interrupt";
	case SINEW__CONTEXT_WORKER:
		return "the kernel";
	default:
		*is_ours = find_player(watch, key->waker, &of, &side) && of == i;
		if (*is_ours)
			return name_side(&watch->run->records[i], side);
		return key->waker == SINEW__NOBODY ? "somebody unknown" : "another process";
	}
}

static struct wait describe(
	const struct watch *watch, const struct sinew__block_key *key, unsigned i, unsigned side)
{
	uint32_t machine = watch->states.header.machine;
	const char *by =
		key->waker_call ? sinew__call_name(machine, (int32_t)key->waker_call - 1) : NULL;
	struct wait wait = {
		.side = side,
		.who = name_side(&watch->run->records[i], side),
		.probable = key->context == SINEW__CONTEXT_SOFTIRQ,
	};
	bool is_ours;
	sinew__long text;

	snprintf(wait.call, sizeof wait.call, "%s", sinew__call_text(&watch->states, key, text));
	name_kind(sinew__object_text(&watch->states, key, text), wait.call, wait.object);
	snprintf(wait.waker, sizeof wait.waker, "%s", name_waker(watch, key, i, &is_ours));
	if (is_ours && by)
		snprintf(wait.waker_call, sizeof wait.waker_call, "%s", by);
	return wait;
}

static bool is_same(const struct wait *a, const struct wait *b)
{
	return a->side == b->side && a->probable == b->probable && strcmp(a->call, b->call) == 0 &&
	       strcmp(a->object, b->object) == 0 && strcmp(a->waker, b->waker) == 0 &&
	       strcmp(a->waker_call, b->waker_call) == 0;
}

static void enter(struct waits *waits, const struct wait *wait, uint64_t count)
{
	unsigned i = 0;

	while (i < waits->count && !is_same(&waits->of[i], wait))
		i++;
	if (i == MOST_WAITS)
		return;
	if (i == waits->count)
		waits->of[waits->count++] = *wait;
	waits->of[i].count += count;
}

static int compare_waits(const void *a, const void *b)
{
	const struct wait *x = a, *y = b;

	return x->side != y->side ? (int)y->side - (int)x->side
				  : (x->count < y->count) - (x->count > y->count);
}

/* The benchmark itself sleeps until a message is due, or until the reader has the last one. */
static bool is_of_messages(const struct wait *wait, const pid_t players[FAN_MOST])
{
	unsigned count = 0;

	while (count < FAN_MOST && players[count])
		count++;
	return wait->count >= least_of(count) && strcmp(wait->call, "clock_nanosleep") != 0;
}

static void settle(struct waits *waits, const struct played *played)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < waits->count; i++)
		if (is_of_messages(&waits->of[i], played->pids[waits->of[i].side])) {
			waits->of[kept] = waits->of[i];
			waits->of[kept].times =
				(double)waits->of[i].count / (double)played->messages;
			kept++;
		}
	waits->count = kept;
	qsort(waits->of, kept, sizeof *waits->of, compare_waits);
}

static void enter_all(struct watch *watch)
{
	uint32_t count;
	const struct sinew__block_row **rows =
		sinew__pick_blocks(&watch->states, SINEW__NOBODY, &count);
	struct bench_run *run = watch->run;
	unsigned i, side;

	for (unsigned k = 0; k < run->count; k++)
		run->waits[k].seen = watch->played[k].messages;
	for (uint32_t k = 0; rows && k < count; k++) {
		if (!find_player(watch, rows[k]->key.process, &i, &side) || !run->waits[i].seen)
			continue;
		struct wait wait = describe(watch, &rows[k]->key, i, side);
		enter(&run->waits[i], &wait, rows[k]->count);
	}
	for (unsigned k = 0; k < run->count; k++)
		if (run->waits[k].seen)
			settle(&run->waits[k], &watch->played[k]);
	free(rows);
}

/* ---- the tracer ---- */

static void say_why_not(struct bench_run *run, const char *words)
{
	size_t taken;
	size_t n = text_escape(
		words, strlen(words), "", run->unwatched, sizeof run->unwatched - 1, &taken);

	run->unwatched[n] = '\0';
}

/* Only the best ways of tracing tell who woke whom, in which call; others are not worth the time. */
static int open_tracer(struct sinew__tracer **tracer, const struct sinew__request *request)
{
	int r = sinew__tracer_open(tracer, request);

	if (r == 0 && !(sinew__tracer_header(*tracer)->has & SINEW__HAS_WAKERS)) {
		r = sinew__observe_fail(EPERM,
			"this user may only trace by %s, which does not see who wakes whom; root "
			"may more",
			sinew__tier_text(sinew__tracer_header(*tracer)->tier));
		sinew__tracer_close(*tracer);
		*tracer = NULL;
	}
	return r;
}

/* Until the child has ended. */
static void follow(struct sinew__tracer *tracer, pid_t child)
{
	bool told = false;

	while (waitpid(child, NULL, WNOHANG) == 0) {
		if (sinew__tracer_step(tracer) < 0)
			break;
		if (crew_interrupted() && !told)
			told = kill(child, SIGTERM) == 0;
	}
	sinew__tracer_finish(tracer);
}

static int watch_child(struct watch *watch, struct sinew__tracer *tracer, pid_t child, int go)
{
	int r = sinew__states_init(&watch->states, sinew__tracer_header(tracer));

	if (r < 0)
		return r;
	sinew__tracer_begin(tracer, (struct sinew__sink){take, watch, NULL});
	if (write(go, "", 1) == 1)
		follow(tracer, child);
	r = watch->error ? watch->error : sinew__states_settle(&watch->states);
	if (r == 0)
		enter_all(watch);
	sinew__states_fini(&watch->states);
	return r;
}

static void trace_child(struct watch *watch, pid_t child, int go)
{
	uint32_t pid = (uint32_t)child;
	struct sinew__request request = {.scope = SINEW__SCOPE_PIDS, .pids = &pid, .pid_count = 1};
	struct sinew__tracer *tracer = NULL;
	int r = open_tracer(&tracer, &request);

	if (r == 0)
		r = watch_child(watch, tracer, child, go);
	if (r < 0)
		say_why_not(watch->run, sinew__observe_error());
	sinew__tracer_close(tracer);
}

void bench_watch(struct bench_run *run)
{
	struct watch watch = {.run = run, .played = crew_share(run->count * sizeof(struct played))};
	int go;

	run->waits = calloc(run->count, sizeof *run->waits);
	pid_t child = run->waits ? start_child(&watch, &go) : -1;
	if (child < 0) {
		say_why_not(run, strerror(errno));
		return;
	}
	trace_child(&watch, child, go);
	close(go);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
