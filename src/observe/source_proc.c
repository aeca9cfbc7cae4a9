/* SPDX-License-Identifier: MIT
 *
 * source_proc.c - tier D: looks at /proc every few ms. Any user may do that for any process that is shown.
 *
 * From the kernel's counts of each thread it is known how long it ran and was ready, to the tick; what is
 * left was blocked. Causes, wakers and the order of things are not; in which call it sleeps is shown to
 * whoever might trace the process. Never more than a tenth of a CPU is spent on looks.
 */
#include "source_proc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"

#include "../banned.h"

enum { PERIOD = 10000000, SHARE = 10 };

static struct sinew__proc_source *of(struct sinew__source *source)
{
	return (struct sinew__proc_source *)source;
}

/* ---- opening ---- */

static void meet(void *arg, uint32_t tgid, uint32_t tid)
{
	sinew__proc_meet(arg, tgid, tid);
}

static bool is_new(void *arg, uint32_t tgid)
{
	struct sinew__proc_source *this = arg;
	struct sinew__seen *seen = sinew__proc_known(this, tgid);

	if (!seen || seen->visit == this->visit)
		return false;
	seen->visit = this->visit;
	return true;
}

static int open_proc(struct sinew__source **source, const struct sinew__request *request)
{
	struct sinew__proc_source *this;
	int r = sinew__find_check(request);

	if (r < 0)
		return r;
	if (access("/proc/self/schedstat", R_OK) < 0)
		return sinew__observe_fail(ENOTSUP,
			"/proc is not mounted (mount -t proc proc /proc), or this kernel does not "
			"count "
			"in /proc/PID/schedstat");
	this = calloc(1, sizeof *this);
	if (!this)
		return sinew__observe_fail(ENOMEM, "out of memory");
	this->find = (struct sinew__find){meet, is_new, this, (uint32_t)getpid()};
	this->source.request = request;
	this->source.fd = -1;
	this->source.has = SINEW__HAS_LOOKS;
	this->source.started = sinew__observe_now();
	*source = &this->source;
	return 0;
}

static void close_proc(struct sinew__source *source)
{
	struct sinew__proc_source *this = of(source);
	struct sinew__seen *next;

	for (unsigned i = 0; i < SINEW__SEEN_BUCKETS; i++)
		for (struct sinew__seen *seen = this->buckets[i]; seen; seen = next) {
			next = seen->next;
			free(seen);
		}
	free(this);
}

/* ---- while it runs ---- */

static void look_at_known(struct sinew__proc_source *this)
{
	for (unsigned i = 0; i < SINEW__SEEN_BUCKETS; i++)
		for (struct sinew__seen **at = &this->buckets[i]; *at;) {
			struct sinew__seen *seen = *at;
			if (sinew__proc_look(this, seen)) {
				at = &seen->next;
				continue;
			}
			*at = seen->next;
			free(seen);
			this->count--;
		}
}

/* Also whose parent is another one by now: once known, it is asked for. */
static void find(struct sinew__proc_source *this)
{
	const struct sinew__request *request = this->source.request;

	this->visit++;
	sinew__find(&this->find, request);
	if (this->command)
		sinew__find_from(&this->find, this->command);
	if (request->scope != SINEW__SCOPE_COMMAND && request->scope != SINEW__SCOPE_PIDS)
		return;
	for (unsigned i = 0; i < SINEW__SEEN_BUCKETS; i++)
		for (struct sinew__seen *seen = this->buckets[i]; seen; seen = seen->next)
			if (seen->who.tid == seen->who.tgid)
				sinew__find_from(&this->find, seen->who.tgid);
}

static void look(struct sinew__proc_source *this)
{
	uint64_t from = sinew__observe_now(), spent;

	find(this);
	if (!this->begun)
		this->source.seeding = sinew__observe_now() - from;
	look_at_known(this);
	this->begun = true;
	this->last_look = from;
	spent = sinew__observe_now() - from;
	this->next_look = from + (spent * SHARE > PERIOD ? spent * SHARE : PERIOD);
}

/* Its counts began at zero when it was made, so that none of its life is missed. */
static int forked_proc(struct sinew__source *source, pid_t pid)
{
	struct sinew__proc_source *this = of(source);

	this->command = (uint32_t)pid;
	this->last_look = this->source.started;
	this->begun = true;
	return 0;
}

/* As long as nobody waits for it the kernel has its counts still. */
static void over_proc(struct sinew__source *source)
{
	look(of(source));
}

static int read_proc(struct sinew__source *source)
{
	struct sinew__proc_source *this = of(source);

	if (sinew__observe_now() >= this->next_look)
		look(this);
	return 0;
}

static int finish_proc(struct sinew__source *source)
{
	of(source)->ending = true;
	look(of(source));
	source->ended = sinew__observe_now();
	return 0;
}

const struct sinew__source_type sinew__source_proc = {
	.tier = SINEW__TIER_SAMPLE,
	.name = "looks at /proc",
	.open = open_proc,
	.forked = forked_proc,
	.over = over_proc,
	.read = read_proc,
	.finish = finish_proc,
	.close = close_proc,
};
