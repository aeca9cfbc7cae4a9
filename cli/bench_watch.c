/* SPDX-License-Identifier: MIT
 *
 * bench_watch.c - what the two processes of a step blocked on, and who woke them, from the tracer.
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

enum { LEAST = 5, WATCHED_NS = 10000000, PACED_NS = 40000000 };

struct watch {
	struct bench_run *run;
	struct played *played; /* by record, told by the child in memory that both share */
	struct sinew__states states;
	int error; /* of the states */
};

/* ---- the child ---- */

/* Of two processes; more of them are not told one by one. */
static bool is_watchable(const struct record *record)
{
	return record->mode <= ALONE && bench_sound(record);
}

static int64_t duration_of(const struct bench_run *run, const struct record *record)
{
	int64_t most = record->mode == PACED ? PACED_NS : WATCHED_NS;

	return run->plan.duration < most ? run->plan.duration : most;
}

static void play_all(const struct watch *watch)
{
	const struct bench_run *run = watch->run;
	struct plan plan = run->plan;

	for (unsigned i = 0; i < run->count && !crew_interrupted(); i++) {
		plan.duration = duration_of(run, &run->records[i]);
		if (is_watchable(&run->records[i]))
			bench_play_once(
				&run->records[i], &plan, run->options[i], &watch->played[i]);
	}
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

/* Whose process this is. False: nobody's who played. */
static bool find_player(const struct watch *watch, uint32_t id, unsigned *i, unsigned *side)
{
	pid_t pid = id < watch->states.process_count ? (pid_t)watch->states.processes[id]->tgid : 0;

	for (*i = 0; pid && *i < watch->run->count; ++*i)
		for (*side = 0; *side < 2; ++*side)
			if (watch->played[*i].pid[*side] == pid)
				return true;
	return false;
}

/* "pipe" of "pipe:[8123]", "eventfd" of "anon_inode:[eventfd]", "socket" of every sort of them; a path is a
 * file, an address says nothing. */
static void name_kind(const char *object, char kind[WAIT_WORD])
{
	static const char *const sockets[] = {"unix:", "tcp:", "udp:"};
	static const char anonymous[] = "anon_inode:[";

	*kind = '\0';
	if (!object || strncmp(object, "0x", 2) == 0)
		return;
	if (*object == '/')
		object = "file:";
	for (unsigned i = 0; i < sizeof sockets / sizeof *sockets; i++)
		if (strncmp(object, sockets[i], strlen(sockets[i])) == 0)
			object = "socket:";
	if (strncmp(object, anonymous, strlen(anonymous)) == 0)
		object += strlen(anonymous);
	snprintf(kind, WAIT_WORD, "%.*s", (int)strcspn(object, ":]"), object);
}

static const char *name_waker(
	const struct watch *watch, const struct sinew__block_key *key, unsigned i)
{
	unsigned of, side;

	switch (key->context) {
	case SINEW__CONTEXT_TIMER:
		return "a timer";
	case SINEW__CONTEXT_HARDIRQ:
	case SINEW__CONTEXT_NMI:
		return "an interrupt";
	case SINEW__CONTEXT_WORKER:
		return "the kernel";
	default:
		if (find_player(watch, key->waker, &of, &side) && of == i)
			return side == CLIENT ? "the client" : "the server";
		return key->waker == SINEW__NOBODY ? "somebody unknown" : "another process";
	}
}

static struct wait describe(
	const struct watch *watch, const struct sinew__block_key *key, unsigned i, unsigned side)
{
	uint32_t machine = watch->states.header.machine;
	const char *by =
		key->waker_call ? sinew__call_name(machine, (int32_t)key->waker_call - 1) : NULL;
	struct wait wait = {.side = side, .probable = key->context == SINEW__CONTEXT_SOFTIRQ};
	sinew__long text;

	snprintf(wait.call, sizeof wait.call, "%s", sinew__call_text(&watch->states, key, text));
	name_kind(sinew__object_text(&watch->states, key, text), wait.object);
	snprintf(wait.waker, sizeof wait.waker, "%s", name_waker(watch, key, i));
	if (strncmp(wait.waker, "the ", 4) == 0 && by)
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

/* The beginning and the end make a process wait a few times, which is no part of a message; and the benchmark
 * itself sleeps until a message is due, or until the reader has the last one. */
static bool is_of_messages(const struct wait *wait)
{
	return wait->count >= LEAST && strcmp(wait->call, "clock_nanosleep") != 0;
}

static void settle(struct waits *waits, uint64_t messages)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < waits->count; i++)
		if (is_of_messages(&waits->of[i])) {
			waits->of[kept] = waits->of[i];
			waits->of[kept].times = (double)waits->of[i].count / (double)messages;
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
			settle(&run->waits[k], watch->played[k].messages);
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
