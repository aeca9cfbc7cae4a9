/* SPDX-License-Identifier: MIT
 *
 * futex.c - futex(2): waits for a 32-bit word in shared memory.
 *
 * No wake-up is lost: the kernel compares the word under the lock of its queue, and who wakes has
 * changed the word before. So either the waiter sees the change, or it is in the queue when the
 * other wakes. Words are shared between processes (no FUTEX_PRIVATE_FLAG).
 */
#include <linux/futex.h>
#include <string.h>
#include <time.h>

#include "../banned.h"
#include "../error.h"
#include "../event.h"
#include "../wait.h"

/* As the kernel has it since 5.16; older headers lack it. */
struct waiter {
	uint64_t expected, address;
	uint32_t flags, reserved;
};

enum { SIZE_32 = 2 }; /* FUTEX_32, and not private */

static uint32_t look(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* What both kinds of wait do after a failure: 0 look again, or -errno. */
static int ended(int64_t until)
{
	if (errno == ETIMEDOUT && until != SINEW_FOREVER)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	if (errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT)
		return 0;
	if (errno == ENOSYS)
		return sinew__fail(ENOSYS,
			"wait for any of several words: this kernel has no futex_waitv (it "
			"came with Linux 5.16)");
	return sinew__fail(errno, "wait for a word: %m");
}

int sinew_futex_wait(const uint32_t *word, uint32_t expected, int64_t until)
{
	const struct timespec t = sinew__event_time(until);

	if (look(word) != expected)
		return 0;
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "the word is still the same");
	/* WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
	long r = sinew__sys.futex(word, FUTEX_WAIT_BITSET, expected,
		until == SINEW_FOREVER ? NULL : &t, FUTEX_BITSET_MATCH_ANY);
	return r < 0 ? ended(until) : 0;
}

int sinew_futex_wake(const uint32_t *word, unsigned count)
{
	uint32_t most = count > INT32_MAX ? INT32_MAX : count;

	if (most == 0) /* the kernel would wake one */
		return 0;
	long r = sinew__sys.futex(word, FUTEX_WAKE, most, NULL, 0);
	return r < 0 ? sinew__fail(errno, "wake those who wait for a word: %m") : (int)r;
}

static int changed(const struct sinew_futex_word *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (look(words[i].word) != words[i].expected)
			return (int)i;
	return -1;
}

int sinew_futex_wait_any(const struct sinew_futex_word *words, unsigned count, int64_t until)
{
	struct waiter waiters[SINEW_FUTEX_MOST];
	const struct timespec t = sinew__event_time(until);

	if (count == 0 || count > SINEW_FUTEX_MOST)
		return sinew__fail(
			EINVAL, "wait for 1 to %d words, not %u", SINEW_FUTEX_MOST, count);
	for (unsigned i = 0; i < count; i++)
		waiters[i] =
			(struct waiter){words[i].expected, (uintptr_t)words[i].word, SIZE_32, 0};
	for (;;) {
		int i = changed(words, count);
		if (i >= 0)
			return i;
		if (until == SINEW_NOW)
			return sinew__answer(EAGAIN, "every word is still the same");
		long r = sinew__sys.futex_waitv(
			waiters, count, 0, until == SINEW_FOREVER ? NULL : &t, CLOCK_MONOTONIC);
		if (r >= 0)
			return (int)r;
		int failure = ended(until);
		if (failure < 0)
			return failure;
	}
}
