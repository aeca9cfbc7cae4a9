/* SPDX-License-Identifier: MIT
 *
 * member.c - who is in a ring: slots, and the kernel's word on who lives.
 *
 * A slot has the locks of two bytes of the ring's file, far behind its end, each by the open file of a
 * process (F_OFD_SETLK): the kernel gives a lock up when the last descriptor goes, with the process, killed
 * or not; a stopped process keeps it, and so does one whose number means nothing here (another pid
 * namespace). No time that passes is ever taken for a death.
 *
 * A member holds the first byte as long as it is there. Whoever holds the second, the heir's, may clean up
 * behind a dead owner, or settle in; nobody else: so each death has one heir at a time, and an heir that
 * dies too has one as well. What it does can be begun anew at every store. Who comes buries first, and
 * takes the first byte then, so that who holds it is who the word of the slot names, or nobody yet: while
 * somebody is buried nobody takes him for alive. A pair has one byte for the heirs of both ends, for who
 * comes to one looks at the other.
 *
 * model/member.pml has this.
 */
#include <sched.h>
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../wait.h"
#include "ring.h"

enum { CHANGES = 2 }; /* somebody is just coming to the slot, or going */
enum { MOMENT = 10 }; /* times that the CPU is given to others before we sleep */

static unsigned heir_of(const struct sinew__ring *ring, unsigned slot)
{
	return SINEW__RING_SLOTS + (ring->pattern == SINEW__RING_PAIR ? 0 : slot);
}

static struct flock byte_of(unsigned number, short type)
{
	return (struct flock){.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = SINEW__RING_LOCKS + number,
		.l_len = 1};
}

/* 1; 0 somebody else has it; -errno. */
static int lock_byte(const struct sinew__ring *ring, unsigned number)
{
	struct flock lock = byte_of(number, F_WRLCK);

	if (sinew__sys.fcntl(ring->fd, F_OFD_SETLK, (uintptr_t)&lock) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

static void unlock_byte(const struct sinew__ring *ring, unsigned number)
{
	struct flock lock = byte_of(number, F_UNLCK);

	sinew__sys.fcntl(ring->fd, F_OFD_SETLK, (uintptr_t)&lock);
}

bool sinew__ring_lives(struct sinew__ring *ring, unsigned slot)
{
	struct flock lock = byte_of(slot, F_WRLCK);

	if (sinew__sys.fcntl(ring->fd, F_OFD_GETLK, (uintptr_t)&lock) < 0)
		return true;
	return lock.l_type != F_UNLCK;
}

static bool is_live(const struct sinew__ring *ring, unsigned slot)
{
	return sinew__owner_state(sinew__see(&ring->members[slot].owner)) == SINEW__OWNER_LIVE;
}

/* The word is looked at after the lock: else that may be of one who has buried its owner in between. */
bool sinew__ring_is_taken(struct sinew__ring *ring, unsigned slot)
{
	return sinew__ring_lives(ring, slot) && is_live(ring, slot);
}

bool sinew__ring_is_there(struct sinew__ring *ring, uint64_t owner)
{
	const unsigned slot = sinew__owner_slot(owner);

	return sinew__owner_state(owner) == SINEW__OWNER_LIVE && slot < ring->slots &&
	       (slot == ring->slot || sinew__ring_lives(ring, slot)) &&
	       sinew__see(&ring->members[slot].owner) == owner;
}

/* Somebody has gone: whoever sleeps may want to know. */
static void rouse_all(struct sinew__ring *ring)
{
	sinew__ring_rouse(&ring->header->work);
	for (unsigned i = 0; i < ring->lane_count; i++) {
		sinew__ring_rouse(&ring->shared[i].work);
		sinew__ring_rouse(&ring->shared[i].room);
	}
	if (ring->pattern == SINEW__RING_PAIR) /* others have no end */
		sinew__ring_ring(ring, SINEW_IN);
	if (ring->pattern != SINEW__RING_QUEUE)
		sinew__ring_ring(ring, SINEW_OUT);
}

bool sinew__ring_has_readers(struct sinew__ring *ring)
{
	for (unsigned slot = 0; slot < ring->slots; slot++)
		if (is_live(ring, slot) &&
			sinew__look(&ring->members[slot].does) & SINEW__RING_READS &&
			sinew__ring_lives(ring, slot))
			return true;
	return false;
}

static void leave_lanes(struct sinew__ring *ring, uint64_t owner)
{
	const uint64_t left = sinew__owner(sinew__owner_id(owner), SINEW__OWNER_LEFT);

	for (unsigned i = 0; i < ring->lane_count; i++)
		if (sinew__look(&ring->shared[i].owner) == owner)
			sinew__swap64(&ring->shared[i].owner, owner, left);
}

/* Behind a dead owner of a slot whose heir we are. Whether nothing of it is left. */
static bool bury(struct sinew__ring *ring, unsigned slot, unsigned direction)
{
	struct sinew__ring_member *member = &ring->members[slot];
	const uint64_t owner = sinew__see(&member->owner);

	if (sinew__owner_state(owner) != SINEW__OWNER_LIVE)
		return true;
	if (ring->pattern == SINEW__RING_QUEUE && !sinew__queue_bury(ring, slot, owner, direction))
		return false;
	leave_lanes(ring, owner);
	if (ring->bells_named)
		sinew__ring_bells_remove(ring->path, slot);
	sinew__swap64(
		&member->owner, owner, sinew__owner(sinew__owner_id(owner), SINEW__OWNER_LEFT));
	rouse_all(ring);
	return true;
}

static void look_at(struct sinew__ring *ring, unsigned slot, unsigned direction)
{
	if (slot == ring->slot || !is_live(ring, slot) || sinew__ring_lives(ring, slot) ||
		lock_byte(ring, heir_of(ring, slot)) != 1)
		return;
	if (!sinew__ring_lives(ring, slot)) /* else it is buried, and who came after it lives */
		bury(ring, slot, direction);
	unlock_byte(ring, heir_of(ring, slot));
}

void sinew__ring_look_after(struct sinew__ring *ring, unsigned direction, int64_t interval)
{
	const int64_t now = sinew__now();

	if (now - atomic_load(&ring->checked) < interval || atomic_exchange(&ring->repairing, true))
		return;
	for (unsigned slot = 0; slot < ring->slots; slot++)
		look_at(ring, slot, direction);
	if (ring->pattern == SINEW__RING_QUEUE)
		sinew__queue_catch_up(ring);
	atomic_store(&ring->checked, now);
	atomic_store(&ring->repairing, false);
}

bool sinew__ring_is_alone(struct sinew__ring *ring)
{
	const uint64_t other = sinew__see(&ring->members[1 - ring->slot].owner);
	const uint64_t seen = atomic_load_explicit(&ring->peer, memory_order_relaxed);
	const bool lives = sinew__owner_state(other) == SINEW__OWNER_LIVE;
	/* One who came and went between two looks was there, too. */
	const uint64_t last = seen ? seen : ring->before_us;

	if (sinew__owner_id(other) != sinew__owner_id(last) && other) {
		atomic_store(&ring->peer, other);
		atomic_store(&ring->peer_gone, false);
		return !lives;
	}
	return (!lives && seen) || atomic_load_explicit(&ring->peer_gone, memory_order_relaxed);
}

/* ---- coming ---- */

/* A pair has one at each end, and both would not read, or write. */
static int fits_in(struct sinew__ring *ring, unsigned slot)
{
	const struct sinew__ring_member *other = &ring->members[1 - slot];

	if (ring->pattern != SINEW__RING_PAIR || !sinew__ring_is_taken(ring, 1 - slot) ||
		sinew__look(&other->does) != ring->does ||
		ring->does == (SINEW__RING_READS | SINEW__RING_WRITES))
		return 0;
	return sinew__fail(EBUSY,
		"open %s: process %u is at the other end of this pair, and %s, too; many may with "
		"pattern=queue",
		ring->channel->spec.text, sinew__look(&other->pid),
		ring->does == SINEW__RING_READS ? "receives" : "sends");
}

/* Into a slot that is ours and whose last owner is buried. */
static void settle_in(struct sinew__ring *ring, unsigned slot)
{
	struct sinew__ring_member *member = &ring->members[slot];
	const uint64_t before = sinew__see(&member->owner);
	/* One that lies at the end of its numbers begins anew: 0 is nobody's. */
	const uint64_t generation = before >> 16 == UINT64_MAX >> 16 ? 1 : (before >> 16) + 1;

	const bool reads = ring->does & SINEW__RING_READS;

	sinew__put(&member->pid, (uint32_t)getpid());
	sinew__put(&member->uid, (uint32_t)geteuid());
	sinew__put(&member->does, ring->does | (ring->histories && reads ? SINEW__RING_COMES : 0));
	sinew__put(&member->missed, 0);
	sinew__put(&member->cpu, (uint32_t)sched_getcpu() + 1);
	for (unsigned i = 0; i < 2; i++) {
		sinew__put(&member->armed[i], 0);
		sinew__put(&member->sleeps[i], 0);
		sinew__put(&member->slept[i], 0);
	}
	sinew__put(&member->hold, 0);
	ring->slot = slot;
	ring->owner = sinew__owner(generation << 8 | slot, SINEW__OWNER_LIVE);
	sinew__publish(&member->owner, ring->owner);
}

static int no_lock(const struct sinew__ring *ring, int error)
{
	return sinew__fail(error, "open %s: cannot lock a slot of it: %s", ring->channel->spec.text,
		strerror(error));
}

/* As the heir of a slot: 1 ours; 0 taken; CHANGES; -errno with words. */
static int take(struct sinew__ring *ring, unsigned slot)
{
	if (sinew__ring_lives(ring, slot))
		return is_live(ring, slot) ? 0 : CHANGES;
	int r = fits_in(ring, slot);
	if (r < 0)
		return r;
	if (!bury(ring, slot, 0))
		return 0;
	r = lock_byte(ring, slot);
	if (r < 0)
		return no_lock(ring, -r);
	if (r == 0)
		return CHANGES;
	settle_in(ring, slot);
	return 1;
}

/* The same, as nobody yet. A slot that is taken costs its heirs nothing. */
static int try_slot(struct sinew__ring *ring, unsigned slot)
{
	if (sinew__ring_is_taken(ring, slot))
		return 0;
	int r = lock_byte(ring, heir_of(ring, slot));
	if (r < 0)
		return no_lock(ring, -r);
	if (r == 0)
		return CHANGES;
	r = take(ring, slot);
	unlock_byte(ring, heir_of(ring, slot));
	return r;
}

static int all_taken(struct sinew__ring *ring)
{
	const char *uri = ring->channel->spec.text;

	if (ring->pattern == SINEW__RING_PAIR)
		return sinew__fail(EBUSY,
			"open %s: both ends of this pair are taken, by processes %u and %u; many "
			"may come with pattern=queue",
			uri, sinew__look(&ring->members[0].pid),
			sinew__look(&ring->members[1].pid));
	return sinew__fail(EBUSY, "open %s: it has its %u members already", uri, ring->slots);
}

/* 0; CHANGES; -errno with words. */
static int take_slot(struct sinew__ring *ring, unsigned preferred)
{
	bool changes = false;

	for (unsigned i = 0; i < ring->slots; i++) {
		int r = try_slot(ring, (preferred + i) % ring->slots);
		if (r == CHANGES)
			changes = true;
		else if (r != 0)
			return r < 0 ? r : 0;
	}
	return changes ? CHANGES : all_taken(ring);
}

/* Whoever comes or goes has done so in a moment, if he is not stopped in it. */
static int obtain_slot(struct sinew__ring *ring, unsigned preferred, int64_t until)
{
	int64_t pause = 0;
	int r = take_slot(ring, preferred);

	for (unsigned i = 0; r == CHANGES && i < MOMENT; i++) {
		sched_yield();
		r = take_slot(ring, preferred);
	}
	while (r == CHANGES) {
		r = sinew__pause(ring->channel, &pause, until);
		if (r == -EINTR)
			return r;
		if (r < 0)
			return sinew__fail(-r,
				"open %s: somebody is coming to the last free place of it, or "
				"going, and has not done so yet",
				ring->channel->spec.text);
		r = take_slot(ring, preferred);
	}
	return r;
}

/* The lane is ours; whatever its last writer left unfinished is not there. */
static void take_lane(struct sinew__ring *ring, unsigned index)
{
	struct sinew__ring_lane *shared = &ring->shared[index];
	struct sinew__lane_out *out = &ring->w.out;

	*out = (struct sinew__lane_out){.lane = ring->lanes[index]};
	sinew__put(&shared->eager, 0);
	sinew__put(&shared->finished, 0);
	if (ring->histories) {
		sinew__topic_take_lane(ring, index);
		return;
	}
	out->taken = sinew__ring_unpack(sinew__see(&shared->taken));
	out->at = sinew__lane_end(&out->lane, out->taken);
}

static int join_pair(struct sinew__ring *ring)
{
	const unsigned mine = ring->slot, other = 1 - ring->slot;
	struct sinew__lane_in *in = &ring->r.in;

	*in = (struct sinew__lane_in){.lane = ring->lanes[other]};
	in->at = sinew__ring_unpack(sinew__see(&in->lane.shared->taken));
	const uint64_t there = sinew__see(&ring->members[other].owner);
	if (sinew__owner_state(there) == SINEW__OWNER_LIVE)
		atomic_store(&ring->peer, there);
	else if (!ring->region || !ring->region->made) /* else it came since */
		ring->before_us = there;
	if (ring->does & SINEW__RING_WRITES) {
		sinew__put(&ring->shared[mine].owner, ring->owner);
		take_lane(ring, mine);
	}
	if (sinew__ring_readable(ring)) /* whoever wrote this was there */
		atomic_store(&ring->peer, sinew__see(&ring->members[other].owner));
	sinew__ring_is_alone(ring);
	rouse_all(ring);
	return 0;
}

int sinew__ring_join(struct sinew__ring *ring, unsigned preferred, int64_t until)
{
	int r = obtain_slot(ring, preferred, until);

	if (r < 0)
		return r;
	atomic_store(&ring->checked, 0);
	sinew__ring_look_after(ring, SINEW_IN, 0);
	if (ring->pattern == SINEW__RING_PAIR)
		return join_pair(ring);
	if (ring->histories && ring->does & SINEW__RING_READS) {
		sinew__topic_join(ring);
		rouse_all(ring);
	}
	if (!(ring->does & SINEW__RING_WRITES))
		return 0;
	r = ring->histories ? sinew__topic_find_lane(ring) : sinew__queue_find_lane(ring);
	if (r >= 0)
		take_lane(ring, (unsigned)r);
	return r < 0 ? r : 0;
}

int sinew__ring_take_over(struct sinew__ring *ring, unsigned slot)
{
	ring->slot = slot;
	ring->owner = sinew__see(&ring->members[slot].owner);
	if (ring->pattern != SINEW__RING_PAIR ||
		sinew__owner_state(ring->owner) != SINEW__OWNER_LIVE)
		return sinew__fail(ESTALE, "open %s: that end is closed", ring->channel->spec.text);
	return join_pair(ring);
}

/* ---- going ---- */

void sinew__ring_leave(struct sinew__ring *ring)
{
	struct sinew__ring_member *member;

	if (!ring->owner)
		return;
	member = &ring->members[ring->slot];
	if (ring->pattern == SINEW__RING_QUEUE)
		sinew__queue_done(ring);
	leave_lanes(ring, ring->owner);
	/* What we took over from the dead and have not delivered goes on to an heir, as if we had died. */
	if (!ring->r.holds || ring->histories)
		sinew__swap64(&member->owner, ring->owner,
			sinew__owner(sinew__owner_id(ring->owner), SINEW__OWNER_LEFT));
	if (ring->bells_named)
		sinew__ring_bells_remove(ring->path, ring->slot);
	rouse_all(ring);
	unlock_byte(ring, ring->slot);
	ring->owner = 0;
}
