/* SPDX-License-Identifier: MIT
 *
 * sequence.c - numbers on datagrams: the window beside a reference that remembers everything, the
 * header, and the bounded table of senders.
 */
#include "sequence.h"

#include <string.h>

#include "runner.h"

enum { MOST = 6000, WINDOW = SINEW__SEQUENCE_WINDOW };

static enum sinew__sequence_verdict hear(
	struct sinew__sequence *s, uint64_t number, uint64_t missed)
{
	uint64_t told = 99;
	enum sinew__sequence_verdict verdict = sinew__sequence_hear(s, number, &told);

	CHECK_EQ(told, missed);
	return verdict;
}

TEST(in_order_nothing_is_missed)
{
	struct sinew__sequence s = {0};

	for (uint64_t n = 0; n < 5000; n++)
		CHECK_EQ(hear(&s, n, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 4999, 0), SINEW__SEQUENCE_COPY);
}

TEST(what_is_missed_may_come_late)
{
	struct sinew__sequence s = {0};

	CHECK_EQ(hear(&s, 3, 3), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 0, 0), SINEW__SEQUENCE_LATE);
	CHECK_EQ(hear(&s, 0, 0), SINEW__SEQUENCE_COPY);
	CHECK_EQ(hear(&s, 5, 1), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 4, 0), SINEW__SEQUENCE_LATE);
	CHECK_EQ(hear(&s, 2, 0), SINEW__SEQUENCE_LATE);
	CHECK_EQ(hear(&s, 3, 0), SINEW__SEQUENCE_COPY);
	CHECK_EQ(hear(&s, 6, 0), SINEW__SEQUENCE_NEW);
}

TEST(the_window_is_exact)
{
	struct sinew__sequence s = {0};

	CHECK_EQ(hear(&s, 5 * WINDOW, 5 * WINDOW), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 4 * WINDOW, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, 4 * WINDOW + 1, 0), SINEW__SEQUENCE_LATE);
	CHECK_EQ(hear(&s, 4 * WINDOW + 1, 0), SINEW__SEQUENCE_COPY);
	CHECK_EQ(hear(&s, 5 * WINDOW + 1, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 4 * WINDOW + 1, 0), SINEW__SEQUENCE_REFUSED);
	/* A jump over the whole window leaves nothing of it. */
	CHECK_EQ(hear(&s, 7 * WINDOW, 2 * WINDOW - 2), SINEW__SEQUENCE_NEW);
	for (uint64_t n = 6 * WINDOW + 1; n < 7 * WINDOW; n++)
		CHECK_EQ(hear(&s, n, 0), SINEW__SEQUENCE_LATE);
}

TEST(an_impossible_number_changes_nothing)
{
	struct sinew__sequence s = {0};
	uint64_t far = SINEW__SEQUENCE_JUMP;

	CHECK_EQ(hear(&s, 0, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, far + 2, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, UINT64_MAX, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, (uint64_t)INT64_MAX + 1, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, 1, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, far + 3, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, far + 2, far), SINEW__SEQUENCE_NEW);
}

/* Two that follow each other are a sender of whom very many were lost: it shall be heard again. */
TEST(a_confirmed_jump_is_followed)
{
	struct sinew__sequence s = {0};
	uint64_t far = UINT64_C(1) << 50;

	CHECK_EQ(hear(&s, 0, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, far, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, far + 2, 0), SINEW__SEQUENCE_REFUSED);
	CHECK_EQ(hear(&s, far + 3, SINEW__SEQUENCE_JUMP), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, far + 4, 0), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, 1, 0), SINEW__SEQUENCE_REFUSED);
}

TEST(the_first_number_may_be_any)
{
	struct sinew__sequence s = {0};

	CHECK_EQ(hear(&s, INT64_MAX, SINEW__SEQUENCE_JUMP), SINEW__SEQUENCE_NEW);
	CHECK_EQ(hear(&s, INT64_MAX, 0), SINEW__SEQUENCE_COPY);
	CHECK_EQ(hear(&s, INT64_MAX - 1, 0), SINEW__SEQUENCE_LATE);
	CHECK_EQ(hear(&s, (uint64_t)INT64_MAX + 1, 0), SINEW__SEQUENCE_REFUSED);
}

/* ---- beside a reference ---- */

static uint64_t random_state;

static uint64_t any(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* The numbers 0 to MOST - 1: some lost, some twice, each displaced by up to `far`. */
static unsigned shuffle(uint64_t *order, unsigned far)
{
	unsigned count = 0;

	for (unsigned n = 0; n < MOST; n++) {
		unsigned times = any(10) == 0 ? 0 : any(20) == 0 ? 2 : 1;
		while (times--)
			order[count++] = n;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned k = i + (unsigned)any(far);
		uint64_t swapped = order[i];
		if (k < count) {
			order[i] = order[k];
			order[k] = swapped;
		}
	}
	return count;
}

/* What must be said of a number, by one who forgets nothing. */
static void expect(struct sinew__sequence *s, bool *seen, uint64_t *next, uint64_t number)
{
	if (number >= *next) {
		CHECK_EQ(hear(s, number, number - *next), SINEW__SEQUENCE_NEW);
		*next = number + 1;
	} else if (*next - number > WINDOW) {
		CHECK_EQ(hear(s, number, 0), SINEW__SEQUENCE_REFUSED);
		return;
	} else {
		CHECK_EQ(hear(s, number, 0),
			seen[number] ? SINEW__SEQUENCE_COPY : SINEW__SEQUENCE_LATE);
	}
	seen[number] = true;
}

static void check_order(uint64_t seed, unsigned far)
{
	static uint64_t order[2 * MOST];
	bool seen[MOST] = {false};
	struct sinew__sequence s = {0};
	uint64_t next = 0;

	random_state = seed;
	unsigned count = shuffle(order, far);
	for (unsigned i = 0; i < count; i++)
		expect(&s, seen, &next, order[i]);
}

TEST(any_order_is_understood)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		check_order(seed * 7919, 2);
		check_order(seed * 7919, 30);
		check_order(seed * 7919, WINDOW);
		check_order(seed * 7919, MOST);
	}
}

/* ---- the header ---- */

TEST(the_header_is_what_the_page_says)
{
	static const uint8_t want[] = {0xad, 's', 'q', 1, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13,
		0x14, 0x15, 0x16, 0x17, 0x18};
	uint8_t header[SINEW__SEQUENCE_HEADER];
	uint64_t session, number;

	sinew__sequence_write(header, UINT64_C(0x0102030405060708), UINT64_C(0x1112131415161718));
	CHECK_MEM(header, sizeof header, want, sizeof want);
	CHECK(sinew__sequence_read(header, sizeof header, &session, &number));
	CHECK_EQ(session, UINT64_C(0x0102030405060708));
	CHECK_EQ(number, UINT64_C(0x1112131415161718));
	for (size_t size = 0; size < sizeof header; size++)
		CHECK(!sinew__sequence_read(header, size, &session, &number));
	for (unsigned i = 0; i < 4; i++) {
		header[i] ^= 1;
		CHECK(!sinew__sequence_read(header, sizeof header, &session, &number));
		header[i] ^= 1;
	}
}

/* ---- senders ---- */

static enum sinew__sequence_verdict from(
	struct sinew__senders *senders, uint64_t peer, uint64_t session, uint64_t number)
{
	uint64_t missed;

	return sinew__sequence_hear(sinew__senders_find(senders, peer, session), number, &missed);
}

static uint64_t missed_by(
	struct sinew__senders *senders, uint64_t peer, uint64_t session, uint64_t number)
{
	uint64_t missed;

	CHECK_EQ(sinew__sequence_hear(sinew__senders_find(senders, peer, session), number, &missed),
		SINEW__SEQUENCE_NEW);
	return missed;
}

TEST(each_sender_counts_for_itself)
{
	struct sinew__senders *senders = sinew__senders_open(100, 42);

	for (uint64_t n = 0; n < 50; n++)
		for (uint64_t who = 0; who < 100; who++)
			CHECK_EQ(missed_by(senders, who / 2, 1000 + who, n), 0);
	CHECK_EQ(from(senders, 3, 1006, 49), SINEW__SEQUENCE_COPY);
	sinew__senders_close(senders);
}

TEST(senders_are_bounded)
{
	struct sinew__senders *senders = sinew__senders_open(4, 42);

	for (uint64_t who = 0; who < 1000; who++) {
		CHECK_EQ(missed_by(senders, who, who, 0), 0);
		CHECK_EQ(missed_by(senders, who, who, 1), 0);
	}
	/* Who was forgotten starts anew. */
	CHECK_EQ(missed_by(senders, 5, 5, 7), 7);
	CHECK_EQ(missed_by(senders, 5, 5, 9), 1);
	sinew__senders_close(senders);
}

/* Strangers that say one thing each make room among themselves. */
TEST(who_is_heard_stays)
{
	struct sinew__senders *senders = sinew__senders_open(16, 42);

	CHECK_EQ(missed_by(senders, 1, 1, 0), 0);
	for (uint64_t n = 1; n < 500; n++) {
		CHECK_EQ(missed_by(senders, 1, 1, n), 0);
		for (uint64_t i = 0; i < 10; i++)
			from(senders, 100 + i, 1000 * n + i, any(1000));
	}
	sinew__senders_close(senders);
}

/* Its address changed: another peer, the same session. What it does there is no longer the first one's. */
TEST(a_session_goes_on_elsewhere)
{
	struct sinew__senders *senders = sinew__senders_open(8, 42);

	random_state = 1;
	CHECK_EQ(missed_by(senders, 1, 77, 0), 0);
	CHECK_EQ(missed_by(senders, 1, 77, 5), 4);
	CHECK_EQ(missed_by(senders, 2, 77, 6), 0);
	CHECK_EQ(from(senders, 2, 77, 3), SINEW__SEQUENCE_LATE);
	CHECK_EQ(from(senders, 2, 77, 5), SINEW__SEQUENCE_COPY);
	CHECK_EQ(missed_by(senders, 2, 77, 100), 93);
	CHECK_EQ(missed_by(senders, 1, 77, 6), 0);
	CHECK_EQ(from(senders, 3, 77, 7), SINEW__SEQUENCE_LATE);
	CHECK_EQ(missed_by(senders, 3, 77, 101), 0);
	sinew__senders_close(senders);
}
