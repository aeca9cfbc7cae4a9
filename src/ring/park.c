/* SPDX-License-Identifier: MIT
 *
 * park.c - waiting for the other side, and waking it.
 *
 * No wake-up is lost: a sleeper marks the bell, fences, and looks once more before it sleeps; a waker
 * publishes, fences, and looks at the mark. In any order of the two fences one sees the other; and
 * `rung`, which the sleeper read before it marked, changes before the wake, so the kernel does not let
 * it sleep past one. A waker that has had nobody to wake for a while is eager: it leaves its fence to
 * the sleeper, which finds that out after its own fence and has the kernel run a barrier on every CPU
 * that an eager process is running on (membarrier(2), GLOBAL_EXPEDITED). Whoever becomes eager says so,
 * then fences, before its first operation without one.
 *
 * A sleeper looks after the dead, soon and then less often, at least every TICK: one that dies between
 * publishing and waking is noticed then, on the kernel's word, not on that of the time.
 */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "../banned.h"
#include "../error.h"
#include "../event.h"
#include "../process.h"
#include "../rest.h"
#include "../wait.h"
#include "ring.h"

enum {
	/* ns between looks for the dead: asleep, where one is likely to have died, and with wait=latency at
	 * first for the one other side of a pair that we heard of lately */
	TICK = 100000000,
	SOON = 1000000,
	FIRST = 100000,
	MARK_TRIES = 10000,
	CALM = 64,           /* operations that woke nobody before we are eager */
	PAUSES = 2000,       /* wait=balanced: looks before we sleep, if another has its own CPU */
	YIELDS = 64,         /* before we sleep, if all others need ours */
	MORE_PAUSES = 20000, /* wait=latency */
	WORTH = 50000,       /* ns that spinning may have saved */
	IN_VAIN = 3,         /* waits longer than that until we sleep at once */
	RETRY = 16,          /* and how often we try to spin all the same */
	ROOMY = 1 << 18,     /* bytes of a lane that a long pause does not fill */
	PATIENCE = 64,       /* times that we yield to who is in our way before we sleep */
};

static struct sinew__waiting *waiting_of(struct sinew__ring *ring, unsigned direction)
{
	return direction == SINEW_IN ? &ring->r.waiting : &ring->w.waiting;
}

void sinew__ring_waiting_init(struct sinew__waiting *waiting)
{
	*waiting = (struct sinew__waiting){.bell = -1, .set = -1, .tick = -1, .full = -1};
}

struct sinew__ring_bell *sinew__ring_bell_of(struct sinew__ring *ring, unsigned direction)
{
	if (direction == SINEW_OUT)
		return &ring->w.out.lane.shared->room;
	return ring->pattern == SINEW__RING_PAIR ? &ring->r.in.lane.shared->work
						 : &ring->header->work;
}

/* ---- waking ---- */

/* One who sleeps in the kernel, or all where a message is for all. What nobody sleeps on any more is
 * unmarked, unless somebody came. */
static void wake_sleepers(struct sinew__ring *ring, unsigned direction,
	struct sinew__ring_bell *bell, uint32_t asleep)
{
	const bool all = ring->histories && direction == SINEW_IN;

	sinew__ring_step();
	atomic_fetch_add(&bell->rung, 1);
	sinew__ring_step();
	sinew__add(&ring->channel->count.calls[direction == SINEW_IN], 1);
	const long woken = sinew__sys.futex(
		(const uint32_t *)&bell->rung, FUTEX_WAKE, all ? INT32_MAX : 1, NULL, 0);
	if (woken > 0 && !all)
		return;
	const uint32_t now = sinew__look(&bell->asleep);
	if (now / SINEW__BELL_ONE == asleep / SINEW__BELL_ONE)
		sinew__swap32(&bell->asleep, now, now & ~(uint32_t)SINEW__BELL_FUTEX);
}

/* direction: in which those wait who are to be woken. */
static void wake(struct sinew__ring *ring, unsigned direction, struct sinew__ring_bell *bell,
	uint32_t asleep)
{
	if (asleep & SINEW__BELL_FD) {
		sinew__swap32(&bell->asleep, asleep, asleep & ~(uint32_t)SINEW__BELL_FD);
		sinew__add(&ring->channel->count.calls[direction == SINEW_IN], 1);
		sinew__ring_ring(ring, direction);
	}
	if (asleep & SINEW__BELL_FUTEX)
		wake_sleepers(ring, direction, bell, asleep);
}

/* Where we say that we do not fence. */
static sinew__shared32 *eagerness(struct sinew__ring *ring, unsigned direction)
{
	return direction == SINEW_OUT ? &ring->w.out.lane.shared->eager
				      : &ring->r.in.lane.shared->reader_eager;
}

bool sinew__ring_may_be_eager(void)
{
	static _Atomic uint64_t asked; /* the process that did */
	static _Atomic bool granted;
	const uint64_t process = sinew__process_token();

	if (process == 0)
		return false;
	if (atomic_load(&asked) != process) {
		atomic_store(&granted,
			sinew__sys.membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0);
		atomic_store(&asked, process);
	}
	return atomic_load(&granted);
}

/* Many readers share a lane's other end, so they always fence. */
static void become_eager(struct sinew__ring *ring, unsigned direction)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	waiting->unwoken = 0;
	if ((ring->pattern != SINEW__RING_PAIR && direction == SINEW_IN) || !ring->may_be_eager)
		return;
	sinew__put(eagerness(ring, direction), 1);
	sinew__fence();
	waiting->eager = true;
}

static __attribute__((cold, noinline)) void tell_slowly(struct sinew__ring *ring,
	unsigned direction, struct sinew__ring_bell *bell, uint32_t asleep)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	if (!(asleep & (SINEW__BELL_FUTEX | SINEW__BELL_FD))) {
		become_eager(ring, direction);
		return;
	}
	waiting->unwoken = 0;
	if (waiting->eager) {
		waiting->eager = false;
		sinew__put(eagerness(ring, direction), 0);
	}
	wake(ring, direction == SINEW_OUT ? SINEW_IN : SINEW_OUT, bell, asleep);
}

HOT void sinew__ring_tell(
	struct sinew__ring *ring, unsigned direction, struct sinew__ring_bell *bell)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	if (waiting->eager)
		atomic_signal_fence(memory_order_seq_cst);
	else
		sinew__fence();
	const uint32_t asleep = sinew__look(&bell->asleep);
	const bool calm = !waiting->eager && ++waiting->unwoken >= CALM;
	if (__builtin_expect((asleep & (SINEW__BELL_FUTEX | SINEW__BELL_FD)) || calm, 0))
		tell_slowly(ring, direction, bell, asleep);
}

void sinew__ring_rouse(struct sinew__ring_bell *bell)
{
	sinew__fence();
	const uint32_t asleep = sinew__look(&bell->asleep);

	sinew__ring_step();
	atomic_fetch_add(&bell->rung, 1);
	sinew__ring_step();
	if (asleep & SINEW__BELL_FUTEX)
		sinew__sys.futex((const uint32_t *)&bell->rung, FUTEX_WAKE, INT32_MAX, NULL, 0);
}

/* ---- going to sleep ---- */

static bool somebody_is_eager(struct sinew__ring *ring, unsigned direction)
{
	if (direction == SINEW_OUT)
		return sinew__look(&ring->w.out.lane.shared->reader_eager);
	if (ring->pattern == SINEW__RING_PAIR)
		return sinew__look(&ring->r.in.lane.shared->eager);
	for (unsigned i = 0; i < ring->lane_count; i++)
		if (sinew__look(&ring->shared[i].eager))
			return true;
	return false;
}

uint32_t sinew__ring_mark(struct sinew__ring *ring, unsigned direction, uint32_t how)
{
	struct sinew__ring_bell *bell = sinew__ring_bell_of(ring, direction);
	uint32_t before, after;
	unsigned tries = 0;

	/* Members that keep their rules change it a few times at most; without a mark the tick ends the
	 * sleep. */
	do {
		before = sinew__look(&bell->asleep);
		after = (before + SINEW__BELL_ONE) | how;
	} while (!sinew__swap32(&bell->asleep, before, after) && ++tries < MARK_TRIES);
	sinew__fence();
	if (somebody_is_eager(ring, direction)) {
		sinew__add(&ring->channel->count.calls[direction == SINEW_OUT], 1);
		sinew__sys.membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	}
	return before & how ? 0 : after;
}

/* Nobody else came since: the mark is ours alone, and wakers need not look for us. */
static void unmark(struct sinew__ring_bell *bell, uint32_t mark, uint32_t how)
{
	if (mark)
		sinew__swap32(&bell->asleep, mark, mark & ~how);
}

/* Sleeps on the word: 0, or why not to go on. */
static int sleep_on(
	struct sinew__ring *ring, struct sinew__ring_bell *bell, uint32_t rung, int64_t until)
{
	const struct timespec t = sinew__event_time(until);
	long r = sinew__sys.futex(
		(const uint32_t *)&bell->rung, FUTEX_WAIT_BITSET, rung, &t, FUTEX_BITSET_MATCH_ANY);

	if (r < 0 && errno == EINTR)
		return sinew__interrupted(ring->channel);
	if (r < 0 && errno != EAGAIN && errno != ETIMEDOUT)
		return sinew__fail(errno, "%s: cannot wait: %m", ring->channel->spec.text);
	return 0;
}

static int park_on_word(struct sinew__ring *ring, unsigned direction,
	bool (*ready)(struct sinew__ring *), int64_t until)
{
	struct sinew__ring_bell *bell = sinew__ring_bell_of(ring, direction);
	const uint32_t rung = atomic_load(&bell->rung);
	const uint32_t mark = sinew__ring_mark(ring, direction, SINEW__BELL_FUTEX);
	int r = 0;

	if (!ready(ring) && !atomic_load(&ring->channel->cancelled))
		r = sleep_on(ring, bell, rung, until);
	unmark(bell, mark, SINEW__BELL_FUTEX);
	return r;
}

/* When to look for the dead again: soon if a connection has just ended, whose owner may still have to
 * give up its lock, and then less and less often. */
static int64_t next_look(struct sinew__ring *ring, int64_t now, int64_t *pace)
{
	const int64_t after = now - atomic_load(&ring->unlinked) < TICK ? SOON : *pace;

	*pace = *pace < TICK / 2 ? 2 * *pace : TICK;
	return now + after;
}

static int sleep_until(struct sinew__ring *ring, unsigned direction,
	bool (*ready)(struct sinew__ring *), int64_t until)
{
	const int64_t begun = sinew__now();
	struct sinew__waiting *waiting = waiting_of(ring, direction);
	struct sinew_channel *channel = ring->channel;
	const bool pair = ring->pattern == SINEW__RING_PAIR;
	/* Who was busy until just now may have been killed, and not have given up its lock yet. */
	const bool hasty =
		pair && ring->wait == SINEW__RING_LATENCY && waiting->spun_in_vain < IN_VAIN;
	int64_t now = begun, pace = hasty ? FIRST : TICK;

	for (;;) {
		sinew__ring_look_after(
			ring, direction, pair ? sinew__sooner(pace / 2, SOON) : TICK);
		sinew__add(&channel->count.calls[direction == SINEW_OUT], 1);
		sinew__add(&channel->count.waits[direction == SINEW_OUT], 1);
		const int64_t look = sinew__sooner(until, next_look(ring, now, &pace));
		int r = ring->guests ? sinew__ring_park_on_bell(ring, direction, ready, look)
				     : park_on_word(ring, direction, ready, look);
		now = sinew__now();
		if (r < 0)
			return r;
		if (ready(ring))
			break;
		if (ring->guard && sinew_region_check(ring->region) < 0)
			return sinew__ring_was_cut(ring);
		if (atomic_load(&channel->cancelled))
			return sinew__answer(ECANCELED, "cancelled");
		if (now >= until)
			return sinew__answer(ETIMEDOUT, "the deadline passed");
	}
	waiting->spun_in_vain = now - begun < WORTH ? 0 : waiting->spun_in_vain + 1;
	return 0;
}

static int park(struct sinew__ring *ring, unsigned direction, bool (*ready)(struct sinew__ring *),
	int64_t until)
{
	struct sinew__ring_member *me = &ring->members[ring->slot];
	const unsigned which = direction == SINEW_OUT;

	sinew__count(&me->slept[which], 1);
	sinew__put(&me->sleeps[which], 1);
	int r = sleep_until(ring, direction, ready, until);
	sinew__put(&me->sleeps[which], 0);
	sinew__linger_slept(&waiting_of(ring, direction)->linger);
	return r;
}

/* ---- spinning ---- */

void sinew__ring_give_way(struct sinew__ring *ring, unsigned direction)
{
	sinew__add(&ring->channel->count.yields[direction == SINEW_OUT], 1);
	sched_yield();
}

/* Whether all others were last seen on the CPU where we run: then they need it. */
static bool shares_our_cpu(struct sinew__ring *ring)
{
	struct sinew__ring_member *me = &ring->members[ring->slot];
	const uint32_t here = (uint32_t)sched_getcpu() + 1;

	if (sinew__look(&me->cpu) != here)
		sinew__put(&me->cpu, here);
	for (unsigned i = 0; i < ring->slots; i++) {
		const struct sinew__ring_member *other = &ring->members[i];
		if (i != ring->slot && sinew__look(&other->cpu) != here &&
			sinew__owner_state(sinew__look(&other->owner)) == SINEW__OWNER_LIVE)
			return false;
	}
	return true;
}

static bool is_worth_it(struct sinew__waiting *waiting)
{
	if (waiting->spun_in_vain < IN_VAIN)
		return true;
	return waiting->spun_in_vain++ % RETRY == 0;
}

static bool spin(struct sinew__ring *ring, unsigned direction, bool (*ready)(struct sinew__ring *))
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);
	const bool crowded = ring->one_cpu || shares_our_cpu(ring);
	const unsigned pauses = crowded                             ? 0
				: ring->wait == SINEW__RING_LATENCY ? MORE_PAUSES
								    : PAUSES;

	if (ring->wait == SINEW__RING_POWER || !is_worth_it(waiting))
		return false;
	if (!crowded)
		sinew__linger(&waiting->linger, ring->lanes[0].size >= ROOMY);
	for (unsigned i = 0; i < pauses; i++) {
		if (ready(ring)) {
			sinew__linger_waited(&waiting->linger, i);
			goto done;
		}
		sinew__rest();
	}
	/* A yield beside busy strangers may cost a whole slice. */
	for (unsigned i = 0; crowded && i < YIELDS; i++) {
		sinew__ring_give_way(ring, direction);
		if (ready(ring))
			goto done;
	}
	return false;
done:
	waiting->spun_in_vain = 0;
	return true;
}

/* What is ready all the time and not ours is another's, who may be dead, or stopped. */
static int yield_to(struct sinew__ring *ring, unsigned direction, unsigned tries, int64_t until)
{
	struct sinew__ring_bell *bell = sinew__ring_bell_of(ring, direction);
	const int64_t now = sinew__now();

	if (tries < PATIENCE) {
		sinew__ring_give_way(ring, direction);
		return 0;
	}
	sinew__ring_look_after(ring, direction, SOON);
	if (atomic_load(&ring->channel->cancelled))
		return sinew__answer(ECANCELED, "cancelled");
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting for another reader");
	if (now >= until)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	sinew__add(&ring->channel->count.calls[direction == SINEW_OUT], 1);
	return sleep_on(ring, bell, sinew__look(&bell->rung), sinew__sooner(until, now + SOON));
}

int sinew__ring_wait(struct sinew__ring *ring, unsigned direction,
	bool (*ready)(struct sinew__ring *), unsigned tries, int64_t until)
{
	if (tries >= PATIENCE || (tries && ready(ring)))
		return yield_to(ring, direction, tries, until);
	if (until == SINEW_NOW) {
		if (ring->guests)
			sinew__ring_park_on_bell(ring, direction, ready, SINEW_NOW);
		sinew__ring_look_after(ring, direction, TICK);
		return ready(ring) ? 0 : sinew__answer(EAGAIN, "not without waiting");
	}
	if (spin(ring, direction, ready))
		return 0;
	return park(ring, direction, ready, until);
}

void sinew__ring_cancel(struct sinew_channel *channel)
{
	struct sinew__ring *ring = sinew__ring_of(channel);

	for (unsigned direction = SINEW_IN; direction <= SINEW_OUT; direction++) {
		struct sinew__ring_bell *bell;
		if (!(channel->flags & direction))
			continue;
		bell = sinew__ring_bell_of(ring, direction);
		atomic_fetch_add(&bell->rung, 1);
		sinew__sys.futex((const uint32_t *)&bell->rung, FUTEX_WAKE, INT32_MAX, NULL, 0);
	}
}
