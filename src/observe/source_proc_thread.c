/* SPDX-License-Identifier: MIT
 *
 * source_proc_thread.c - what became of one thread since the last look at it.
 *
 * The kernel counts how long a thread ran and waited for a CPU; what is left of the time it was blocked.
 * The counts lag: what a thread does just now is added at the next tick, or when it gets its CPU. So the
 * time of one that could only run is told up to what was counted, and what comes too late to find room is
 * owed until it does. The sums are right in the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "look/files.h"
#include "look/lines.h"
#include "source_proc.h"
#include "tell.h"
#include "wait_look.h"

#include "../banned.h"

enum { TICK = 10000000 }; /* ns: a run is counted after so long */

static struct sinew__seen **bucket(struct sinew__proc_source *this, uint32_t tid)
{
	return &this->buckets[tid % SINEW__SEEN_BUCKETS];
}

struct sinew__seen *sinew__proc_known(struct sinew__proc_source *this, uint32_t tid)
{
	struct sinew__seen *seen = *bucket(this, tid);

	while (seen && seen->who.tid != tid)
		seen = seen->next;
	return seen;
}

/* ---- reading ---- */

static bool read_file(const struct sinew__who *who, const char *name, char *text, size_t room)
{
	return sinew__slurp(text, room, "/proc/%" PRIu32 "/task/%" PRIu32 "/%s", who->tgid,
		       who->tid, name) > 0;
}

static bool read_counts(const struct sinew__who *who, struct sinew__counts *counts)
{
	struct sinew__facts facts;
	char text[4096];

	if (!read_file(who, "schedstat", text, sizeof text) ||
		!sinew__parse_schedstat(text, &facts) ||
		!read_file(who, "status", text, sizeof text) || !sinew__parse_status(text, &facts))
		return false;
	*counts = (struct sinew__counts){
		facts.ran, facts.delay, facts.dispatches, facts.voluntary, facts.involuntary};
	return true;
}

/* Its wait, if it is in one and has been from before the look until after it. */
static uint16_t read_wait(const struct sinew__who *who, const struct sinew__facts *facts,
	const struct sinew__counts *counts, struct sinew__wait *wait)
{
	struct sinew__counts after;
	enum sinew__wait_seen seen;

	*wait = SINEW__NO_WAIT;
	wait->state = sinew__wait_state(facts->letter);
	if (!wait->state || facts->kernel)
		return facts->kernel ? SINEW__SAMPLE_KERNEL : 0;
	seen = sinew__wait_look(who->tgid, who->tid, wait);
	wait->state = sinew__wait_state(facts->letter);
	if (seen == SINEW__WAIT_AWAKE || !read_counts(who, &after) ||
		after.dispatched != counts->dispatched) {
		*wait = SINEW__NO_WAIT;
		wait->state = sinew__wait_state(facts->letter);
	}
	return seen == SINEW__WAIT_NO_CALL ? SINEW__SAMPLE_FAULT : 0;
}

/* ---- meeting ---- */

static uint16_t flags_of(const struct sinew__proc_source *this, const struct sinew__facts *facts)
{
	if (this->begun)
		return 0;
	return SINEW__THREAD_SEEDED | (facts->letter == 'Z' ? SINEW__THREAD_ZOMBIE : 0);
}

/* One that is new was made after the last look, and is told from there on. */
static void tell_birth(struct sinew__proc_source *this, struct sinew__seen *seen,
	const struct sinew__facts *facts, uint64_t now)
{
	uint16_t flags = flags_of(this, facts);

	seen->at = now;
	if (this->begun) {
		seen->at = seen->who.start < this->last_look ? this->last_look : seen->who.start;
		seen->at = seen->at > now ? now : seen->at;
	}
	if (flags & SINEW__THREAD_ZOMBIE)
		seen->ended = now;
	sinew__tell_thread(&this->source, &seen->who, facts, facts->ppid, flags, seen->at);
}

void sinew__proc_meet(struct sinew__proc_source *this, uint32_t tgid, uint32_t tid)
{
	struct sinew__facts facts;
	uint64_t now = sinew__observe_now();

	if (sinew__proc_known(this, tid) || this->count == SINEW__SEEN_MOST ||
		!sinew__read_stat(tgid, tid, &facts))
		return;
	struct sinew__seen *seen = calloc(1, sizeof *seen);
	if (!seen)
		return;
	seen->who = (struct sinew__who){tid, tgid, sinew__start_ns(facts.started)};
	seen->ticks = facts.started;
	seen->parent = tid == tgid ? facts.ppid : tgid;
	seen->wait = SINEW__NO_WAIT;
	sinew__put_comm(seen->comm, facts.comm);
	if (!this->begun)
		read_counts(&seen->who, &seen->last);
	tell_birth(this, seen, &facts, now);
	seen->next = *bucket(this, tid);
	*bucket(this, tid) = seen;
	this->count++;
	this->source.seeded += !this->begun;
}

/* ---- what became of it ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_backwards(const struct sinew__counts *counts, const struct sinew__counts *last)
{
	return counts->ran < last->ran || counts->delay < last->delay ||
	       counts->dispatched < last->dispatched || counts->voluntary < last->voluntary ||
	       counts->involuntary < last->involuntary;
}

/* How much of the time since the last look was running, and how much of the rest ready. */
static void divide(struct sinew__seen *seen, const struct sinew__counts *counts,
	struct sinew__sample *sample, uint64_t time)
{
	uint64_t running = counts->ran - seen->last.ran + seen->owed_running;
	uint64_t ready = counts->delay - seen->last.delay + seen->owed_ready;

	sample->running = least(running, time);
	sample->ready = least(ready, time - sample->running);
	seen->owed_running = running - sample->running;
	seen->owed_ready = ready - sample->ready;
	sample->dispatched = (uint32_t)(counts->dispatched - seen->last.dispatched);
	sample->voluntary = (uint32_t)(counts->voluntary - seen->last.voluntary);
	sample->involuntary = (uint32_t)(counts->involuntary - seen->last.involuntary);
	seen->last = *counts;
}

static void tell(struct sinew__proc_source *this, struct sinew__seen *seen,
	struct sinew__sample *sample, uint64_t time)
{
	sample->head = (struct sinew__record){
		SINEW__RECORD_SAMPLE, sizeof *sample, 0, sample->head.flags, time};
	sample->who = seen->who;
	this->source.sink.take(this->source.sink.arg, &sample->head);
	seen->at = time;
}

static void tell_life(struct sinew__proc_source *this, struct sinew__seen *seen,
	const struct sinew__facts *facts, const struct sinew__counts *counts, uint64_t now)
{
	struct sinew__sample sample = {0};
	bool was_blocked = seen->wait.state;

	sample.head.flags = read_wait(&seen->who, facts, counts, &sample.wait);
	if (counts->dispatched == seen->last.dispatched && was_blocked && sample.wait.state)
		sample.head.flags |= SINEW__SAMPLE_SAME;
	bool blocked =
		was_blocked || sample.wait.state || counts->voluntary != seen->last.voluntary;
	divide(seen, counts, &sample, now - seen->at);
	uint64_t counted = sample.running + sample.ready;
	if (blocked)
		sample.blocked = now - seen->at - counted;
	seen->wait = sample.wait;
	bool whole = blocked || this->ending;
	if (!blocked && whole && now - seen->at - counted > TICK) {
		/* It would have been counted had it run: it waited for a CPU. */
		sample.ready += now - seen->at - counted - TICK;
	}
	/* One that could only run is told up to what was counted. */
	if (counted || whole || sample.dispatched || sample.involuntary)
		tell(this, seen, &sample, whole ? now : seen->at + counted);
}

static void tell_zombie(struct sinew__proc_source *this, struct sinew__seen *seen,
	const struct sinew__counts *counts, uint64_t now)
{
	struct sinew__sample sample = {.wait = SINEW__NO_WAIT};

	if (seen->ended) {
		sample.terminated = now - seen->at;
		tell(this, seen, &sample, now);
		return;
	}
	sample.head.flags = SINEW__SAMPLE_ENDED;
	divide(seen, counts, &sample, now - seen->at);
	tell(this, seen, &sample, now);
	seen->ended = now;
	seen->wait = SINEW__NO_WAIT;
	sinew__tell_exit(
		&this->source, &seen->who, seen->parent, seen->who.tid == seen->who.tgid, now);
}

static void tell_gone(struct sinew__proc_source *this, struct sinew__seen *seen, uint64_t now)
{
	struct sinew__sample sample = {
		.head = {.flags = SINEW__SAMPLE_ENDED}, .wait = SINEW__NO_WAIT};
	bool first = seen->who.tid == seen->who.tgid;

	if (!seen->ended)
		tell(this, seen, &sample, now);
	sinew__tell_gone(
		&this->source, &seen->who, first ? seen->parent : 0, seen->ended, seen->at, now);
}

static void note_changes(
	struct sinew__proc_source *this, struct sinew__seen *seen, const struct sinew__facts *facts)
{
	char comm[SINEW__COMM];

	sinew__put_comm(comm, facts->comm);
	if (seen->who.tid == seen->who.tgid)
		seen->parent = facts->ppid;
	if (memcmp(comm, seen->comm, sizeof comm) == 0)
		return;
	memcpy(seen->comm, comm, sizeof comm);
	sinew__tell_name(&this->source, &seen->who, comm, seen->at);
}

bool sinew__proc_look(struct sinew__proc_source *this, struct sinew__seen *seen)
{
	struct sinew__facts facts;
	struct sinew__counts counts;
	bool there = sinew__read_stat(seen->who.tgid, seen->who.tid, &facts) &&
		     facts.started == seen->ticks && read_counts(&seen->who, &counts);
	uint64_t now = sinew__observe_now();

	if (!there) {
		tell_gone(this, seen, now);
		return false;
	}
	note_changes(this, seen, &facts);
	if (is_backwards(&counts, &seen->last)) {
		/* Another thread of its process took its name over, by exec. */
		seen->last = counts;
		seen->owed_running = seen->owed_ready = 0;
	}
	if (facts.letter == 'Z')
		tell_zombie(this, seen, &counts, now);
	else
		tell_life(this, seen, &facts, &counts, now);
	return true;
}
