/* SPDX-License-Identifier: MIT
 *
 * lock_rw.c - the read-write lock: a gate and seats, each a robust mutex; a state; a mark for each seat.
 *
 *   reader   state FREE; a free seat, its mark sure, or: marked, the gate nobody's, state FREE, sure
 *            | reads | seat free
 *            gate; a free seat, marked, sure; gate open | reads | seat free
 *            gate; none free: state = DRAINING; the next free one, marked, sure; state = FREE; gate open | ...
 *   writer   gate; if any is marked: state = DRAINING; each such seat: wait until it is free, unmark it
 *            state = WRITING | writes | state = FREE; gate open
 *
 * A mark is set, made sure, and taken back, by who has the seat alone. It is sure if every writer who gets the gate
 * from now on sees it: it was set when no writer was inside. To take the gate, then to look at the marks, and to set
 * one, then to look at the gate, are each in that order for all: so a reader sees a writer, or is seen. Who finds
 * a mark, but not sure, may have it from one who was seen by no writer, and looks at the gate himself. A writer who sees
 * the mark takes the seat first, and leaves nothing sure there; so who sits and has a sure mark is waited
 * for, whatever the state is. The state alone keeps readers out, who come after a writer that waits.
 * model/rwlock.pml shows it, with deaths at every step.
 */
#include "lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"
#include "hot.h"
#include "process.h"
#include "rest.h"
#include "wait.h"

/* The state is stored inside the gate alone, and tells of a death that matters: who gets the gate and
 * finds WRITING or BROKEN came after one. It stores BROKEN and stays inside, as the writer;
 * repaired() makes that WRITING, to leave with BROKEN makes it LOST. DRAINING, found there, is of a
 * writer that was killed before it wrote, or of a reader without a seat, and no more news than a dead
 * reader's seat. */
enum { FREE, DRAINING, WRITING, BROKEN, LOST };

enum { LOOKS = 20 }; /* at the gate, of a reader, before it goes there */

/* This thread: how many locks it reads, and at how many of them it does not sit in the seat that it
 * tries first. That one changes only while it reads none. After fork the numbers may be too high, which
 * costs looks at seats, and the id another thread's, too: the mutex of a seat is asked who has it.
 * gate: the word of a gate that we have and others want, as long as this is that process. */
static _Thread_local struct {
	uint32_t id;
	unsigned favourite, reads, elsewhere;
	uint32_t gate;
	uint64_t process;
} me __attribute__((tls_model("initial-exec"))); /* a few bytes, had without a call */

static _Atomic uint32_t *state_of(struct sinew_rwlock *lock)
{
	return &sinew__mutex(&lock->gate)->note;
}

static _Atomic uint32_t *marks_of(struct sinew_rwlock *lock)
{
	return &sinew__mutex(&lock->gate)->marks;
}

static _Atomic uint32_t *sure_of(struct sinew_rwlock *lock, int seat)
{
	return &sinew__mutex(&lock->seats[seat])->marks;
}

static _Atomic uint32_t *note_of(struct sinew_mutex *seat)
{
	return &sinew__mutex(seat)->note;
}

int sinew_rwlock_init(struct sinew_rwlock *lock)
{
	int r = sinew_mutex_init(&lock->gate);

	for (unsigned i = 0; i < SINEW_RWLOCK_READERS && r == 0; i++)
		r = sinew_mutex_init(&lock->seats[i]);
	return r;
}

void sinew_rwlock_fini(struct sinew_rwlock *lock)
{
	sinew_mutex_fini(&lock->gate);
	for (unsigned i = 0; i < SINEW_RWLOCK_READERS; i++)
		sinew_mutex_fini(&lock->seats[i]);
}

/* ---- where this thread sits ---- */

BESIDE static void meet_thread(void)
{
	me.id = (uint32_t)syscall(SYS_gettid);
	me.favourite = me.id % SINEW_RWLOCK_READERS;
}

static void note_seat(struct sinew_rwlock *lock, unsigned i)
{
	const bool first = me.reads++ == 0;

	if (USUALLY(i == me.favourite))
		return;
	if (first) {
		me.favourite = i;
	} else {
		atomic_store_explicit(note_of(&lock->seats[i]), me.id, memory_order_relaxed);
		me.elsewhere++;
	}
}

static bool is_mine(struct sinew_mutex *seat)
{
	bool own;

	if (sinew__mutex_try(seat, &own))
		sinew__mutex_leave(seat);
	return own;
}

/* The seat, not the favourite, that this thread has; -1: none. */
static int seat_elsewhere(struct sinew_rwlock *lock)
{
	for (int i = 0; me.elsewhere && i < SINEW_RWLOCK_READERS; i++)
		if (atomic_load_explicit(note_of(&lock->seats[i]), memory_order_relaxed) == me.id &&
			is_mine(&lock->seats[i]))
			return i;
	return -1;
}

/* We read something: this? */
NOINLINE static bool sits_here(struct sinew_rwlock *lock)
{
	return is_mine(&lock->seats[me.favourite]) || seat_elsewhere(lock) >= 0;
}

static bool is_reader(struct sinew_rwlock *lock)
{
	return me.reads && sits_here(lock);
}

static int reads_already(void)
{
	return sinew__answer(EDEADLK, "this thread reads already");
}

static int not_held(void)
{
	return sinew__answer(EPERM, "this thread does not hold the lock");
}

/* ---- through the gate ---- */

/* Inside, and the state is not FREE. */
BESIDE static int enter_after_death(struct sinew_rwlock *lock)
{
	_Atomic uint32_t *state = state_of(lock);

	switch (atomic_load(state)) {
	case WRITING:
	case BROKEN:
		atomic_store(state, BROKEN);
		return sinew__answer(EOWNERDEAD, "locked for writing; a writer was killed: repair");
	case LOST:
		sinew__mutex_leave(&lock->gate);
		return sinew__answer(ENOTRECOVERABLE, "a writer was killed, and nobody repaired");
	default: /* DRAINING */
		atomic_store(state, FREE);
		return 0;
	}
}

/* 0 inside, and the state is FREE; -EOWNERDEAD inside, as a writer with something to repair. */
static inline int enter(struct sinew_rwlock *lock, int64_t until)
{
	int r = sinew__mutex_enter(&lock->gate, until);

	return r < 0 || USUALLY(atomic_load(state_of(lock)) == FREE) ? r : enter_after_death(lock);
}

/* ---- reading ---- */

/* As sit(). */
NOINLINE static int sit_anywhere(struct sinew_rwlock *lock)
{
	bool own;

	if (seat_elsewhere(lock) >= 0)
		return reads_already();
	for (unsigned n = 0; n < SINEW_RWLOCK_READERS; n++) {
		unsigned i = (me.favourite + n) % SINEW_RWLOCK_READERS;
		if (sinew__mutex_try(&lock->seats[i], &own))
			return (int)i;
		if (own)
			return reads_already();
	}
	return -EAGAIN;
}

/* A seat that can be had at once; -EAGAIN: there is none; -EDEADLK. */
static inline int sit(struct sinew_rwlock *lock)
{
	bool own;

	if (USUALLY(!me.elsewhere) && sinew__mutex_try(&lock->seats[me.favourite], &own))
		return (int)me.favourite;
	return sit_anywhere(lock);
}

static void mark(struct sinew_rwlock *lock, int seat)
{
	const uint32_t bit = UINT32_C(1) << seat;

	if (!(atomic_load(marks_of(lock)) & bit))
		atomic_fetch_or(marks_of(lock), bit);
}

static void say_sure(struct sinew_rwlock *lock, int seat)
{
	atomic_store_explicit(sure_of(lock, seat), 1, memory_order_relaxed);
}

static bool is_sure(struct sinew_rwlock *lock, int seat)
{
	return USUALLY(atomic_load_explicit(sure_of(lock, seat), memory_order_relaxed) != 0);
}

/* False: a writer is there, or the lock is lost. Who is inside the gate while the state is FREE will soon be
 * outside again, or say that he writes. */
NOINLINE static bool make_sure(struct sinew_rwlock *lock, int seat)
{
	mark(lock, seat);
	for (int looks = 1; atomic_load(sinew__holder(&lock->gate)) != 0; looks++) {
		if (looks == LOOKS || atomic_load(state_of(lock)) != FREE)
			return false;
		sinew__rest();
	}
	/* The gate is nobody's, too, when the lock is lost, or somebody asked a dead writer's whose it is. What is
	 * sure stays so, and another one who found the state FREE before that would believe it. */
	if (atomic_load(state_of(lock)) != FREE)
		return false;
	say_sure(lock, seat);
	return true;
}

/* The seat; -EAGAIN: a writer is there, or no seat; -EDEADLK. */
static inline int read_at_once(struct sinew_rwlock *lock)
{
	if (atomic_load(state_of(lock)) != FREE)
		return -EAGAIN;
	int seat = sit(lock);
	if (seat < 0 || is_sure(lock, seat) || make_sure(lock, seat))
		return seat;
	sinew__mutex_leave(&lock->seats[seat]);
	return -EAGAIN;
}

/* The first seat that is had: our favourite one when its reader leaves, another one at the next look. */
static int next_seat(struct sinew_rwlock *lock, int64_t until)
{
	int seat, r;

	do {
		int64_t look = sinew__sooner(sinew_after(SINEW__LOCK_LOOK), until);
		r = sinew__mutex_enter(&lock->seats[me.favourite], look);
		seat = r == 0 ? (int)me.favourite : r == -ETIMEDOUT ? sit(lock) : r;
	} while (seat == -EAGAIN && r == -ETIMEDOUT && sinew__now() < until);
	return seat == -EAGAIN ? r : seat;
}

/* Inside the gate. While there is no seat nobody sits down who has not come through the gate, else those who
 * come later could keep us out. */
static int wait_for_seat(struct sinew_rwlock *lock, int64_t until)
{
	int seat = sit(lock);
	const bool full = seat == -EAGAIN;

	if (full) {
		atomic_store(state_of(lock), DRAINING);
		seat = next_seat(lock, until);
	}
	if (seat >= 0) {
		mark(lock, seat);
		say_sure(lock, seat);
	}
	if (full)
		atomic_store(state_of(lock), FREE);
	return seat;
}

NOINLINE static int read_in_turn(struct sinew_rwlock *lock, int64_t until)
{
	if (is_reader(lock))
		return reads_already();
	int r = enter(lock, until);
	if (r < 0)
		return r;
	int seat = wait_for_seat(lock, until);
	sinew__mutex_leave(&lock->gate);
	return seat;
}

int sinew_rwlock_read(struct sinew_rwlock *lock, int64_t until)
{
	if (!sinew__was_made(&lock->gate))
		return sinew__never_made();
	if (me.id == 0)
		meet_thread();
	int seat = read_at_once(lock);
	if (seat == -EAGAIN)
		seat = read_in_turn(lock, until);
	if (seat < 0)
		return seat;
	note_seat(lock, (unsigned)seat);
	return 0;
}

static int leave_seat(struct sinew_rwlock *lock, unsigned i)
{
	return pthread_mutex_unlock(&sinew__mutex(&lock->seats[i])->mutex);
}

NOINLINE static int stop_reading_elsewhere(struct sinew_rwlock *lock)
{
	int seat = seat_elsewhere(lock);

	if (seat < 0 || leave_seat(lock, (unsigned)seat))
		return not_held();
	me.reads--;
	me.elsewhere--;
	return 0;
}

static inline int stop_reading(struct sinew_rwlock *lock)
{
	if (!me.reads || leave_seat(lock, me.favourite))
		return stop_reading_elsewhere(lock);
	me.reads--;
	return 0;
}

/* ---- writing ---- */

static int drain_seat(struct sinew_rwlock *lock, int i, int64_t until)
{
	int r = sinew__mutex_enter(&lock->seats[i], until);

	if (r == 0) {
		/* In this order: killed in between, we leave a mark that is not sure. */
		atomic_store_explicit(sure_of(lock, i), 0, memory_order_relaxed);
		atomic_fetch_and(marks_of(lock), ~(UINT32_C(1) << i));
		sinew__mutex_leave(&lock->seats[i]);
	}
	return r;
}

/* Waits, inside the gate, until nobody sits in the marked seats; if that takes too long, we are outside again. */
NOINLINE static int drain(struct sinew_rwlock *lock, uint32_t marked, int64_t until)
{
	int r = 0;

	atomic_store_explicit(state_of(lock), DRAINING, memory_order_relaxed);
	for (; marked && r == 0; marked &= marked - 1)
		r = drain_seat(lock, __builtin_ctz(marked), until);
	if (r < 0) {
		atomic_store_explicit(state_of(lock), FREE, memory_order_release);
		sinew__mutex_leave(&lock->gate);
	}
	return r;
}

int sinew_rwlock_write(struct sinew_rwlock *lock, int64_t until)
{
	if (!sinew__was_made(&lock->gate))
		return sinew__never_made();
	if (is_reader(lock))
		return reads_already();
	int r = enter(lock, until);
	if (r < 0)
		return r;
	sinew__mutex_seen();
	uint32_t marked = atomic_load(marks_of(lock));
	if (marked && (r = drain(lock, marked, until)) < 0)
		return r;
	atomic_store_explicit(state_of(lock), WRITING, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst); /* WRITING is stored before what is written */
	return 0;
}

int sinew_rwlock_repaired(struct sinew_rwlock *lock)
{
	if (atomic_load(state_of(lock)) != BROKEN || !is_mine(&lock->gate))
		return sinew__answer(EINVAL, "nothing to repair: nobody was killed writing");
	atomic_store(state_of(lock), WRITING);
	return 0;
}

BESIDE static bool ask_gate(struct sinew_rwlock *lock)
{
	if (!is_mine(&lock->gate))
		return false;
	me.process = sinew__process_token();
	me.gate = me.process ? atomic_load(sinew__holder(&lock->gate)) | FUTEX_WAITERS : 0;
	return true;
}

/* What the mutex would answer, without a call. */
static inline bool has_gate(struct sinew_rwlock *lock)
{
	const uint32_t word =
		atomic_load_explicit(sinew__holder(&lock->gate), memory_order_relaxed);

	return USUALLY((word | FUTEX_WAITERS) == me.gate && sinew__process_is(me.process)) ||
	       ask_gate(lock);
}

static inline int stop_writing(struct sinew_rwlock *lock, uint32_t state)
{
	if (!has_gate(lock))
		return not_held();
	atomic_store_explicit(state_of(lock), state == BROKEN ? LOST : FREE, memory_order_release);
	sinew__mutex_leave(&lock->gate);
	return 0;
}

/* While one writes nobody reads, so the state says which of them may be asking. */
int sinew_rwlock_unlock(struct sinew_rwlock *lock)
{
	uint32_t state = atomic_load(state_of(lock));

	if (!sinew__was_made(&lock->gate))
		return sinew__never_made();
	return state == WRITING || state == BROKEN ? stop_writing(lock, state) : stop_reading(lock);
}
