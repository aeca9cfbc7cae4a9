/* SPDX-License-Identifier: MIT
 *
 * tally.c - a counting event on a futex: units in the low half of one 64-bit word, waiters in the
 * high half.
 *
 * Invariant: a sleeper is counted before it compares the low half with 0. Both halves change by one
 * atomic operation on one word, so the modifications have one order: either the post comes first and
 * the waiter sees a unit, or the waiter's registration comes first and the post sees a waiter and
 * wakes it, and the kernel's comparison in futex_wait closes the gap until it sleeps. No fence is
 * needed beyond that order; release on posting and acquire on taking carry the data behind a unit.
 *
 * A waiter that is killed leaves its registration: posts then cost a system call that is not needed.
 * If it is killed between its wake-up and its take, or a poster between its post and the wake-up, the
 * unit is there and the others sleep: that is why a sleeper looks again every 100 ms.
 */
#include <linux/futex.h>
#include <time.h>

#include "../banned.h"
#include "../error.h"
#include "../event.h"
#include "../wait.h"

enum { LOOK_AGAIN = 100000000 };

static const uint64_t one_waiter = UINT64_C(1) << 32;

/* The low half, on which the kernel waits. */
static const uint32_t *units(const struct sinew_tally *tally)
{
	return (const uint32_t *)&tally->state + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static uint64_t load(const struct sinew_tally *tally)
{
	return __atomic_load_n(&tally->state, __ATOMIC_RELAXED);
}

static bool change(struct sinew_tally *tally, uint64_t *old, uint64_t new, int order)
{
	return __atomic_compare_exchange_n(&tally->state, old, new, false, order, __ATOMIC_RELAXED);
}

uint32_t sinew_tally_value(const struct sinew_tally *tally)
{
	return (uint32_t)load(tally);
}

int sinew_tally_post(struct sinew_tally *tally, uint32_t count)
{
	uint64_t old = load(tally);

	do {
		if (count > UINT32_MAX - (uint32_t)old)
			return sinew__answer(EOVERFLOW, "the tally is full; nothing was posted");
	} while (!change(tally, &old, old + count, __ATOMIC_RELEASE));
	if (old >> 32 == 0)
		return 0;
	int r = sinew_futex_wake(units(tally), count);
	return r < 0 ? r : 0;
}

/* Takes a unit, and with it the registration of `waiters` (0 or one_waiter). */
static bool take(struct sinew_tally *tally, uint64_t waiters)
{
	uint64_t old = load(tally);

	while ((uint32_t)old)
		if (change(tally, &old, old - 1 - waiters, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* Sleeps until a unit is there, a deadline passes, or it is time to look again: 0, or the reason why not.
 * Without a deadline the time is a duration, so that nobody has to be asked what time it is. */
static int sleep_on(const struct sinew_tally *tally, int64_t until)
{
	static const struct timespec duration = {.tv_nsec = LOOK_AGAIN};

	if (until == SINEW_FOREVER) {
		long r = sinew__sys.futex(units(tally), FUTEX_WAIT, 0, &duration, 0);
		if (r == 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT)
			return 0;
		return sinew__fail(errno, "wait for a tally: %m");
	}
	int64_t look = sinew__sooner(until, sinew_after(LOOK_AGAIN));
	int r = sinew_futex_wait(units(tally), 0, look);
	return r == -ETIMEDOUT && look != until ? 0 : r;
}

int sinew_tally_wait(struct sinew_tally *tally, int64_t until)
{
	int r = 0;

	if (take(tally, 0))
		return 0;
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "the tally is 0");
	__atomic_fetch_add(&tally->state, one_waiter, __ATOMIC_RELAXED);
	while (!take(tally, one_waiter)) {
		if (r < 0) {
			__atomic_fetch_sub(&tally->state, one_waiter, __ATOMIC_RELAXED);
			return r;
		}
		r = sleep_on(tally, until);
	}
	return 0;
}
