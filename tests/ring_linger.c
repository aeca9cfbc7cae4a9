/* SPDX-License-Identifier: MIT
 *
 * ring_linger.c - letting messages gather: a long pause is made only while it pays, is tried again when things
 * have changed, and never by who is in step with the other side. Time is the test's own.
 */
#include "ring/linger.h"

#include "runner.h"

enum { SPELL_NS = 100000 };
#define BRIEF SINEW__LINGER_BRIEF
#define LONG SINEW__LINGER_LONG

/* A stream by what it brings in a spell: where both sides hinder each other a long pause brings more. */
struct stream {
	struct sinew__linger linger;
	int64_t now;
	unsigned brings[SINEW__LINGER_WAYS];
	unsigned spells[SINEW__LINGER_WAYS]; /* of each way, so far */
};

static void run(struct stream *s, unsigned spells)
{
	for (unsigned i = 0; i < spells; i++) {
		s->linger.messages += s->brings[s->linger.now];
		s->now += SPELL_NS;
		s->spells[s->linger.now]++;
		sinew__linger_judge(&s->linger, s->now);
	}
}

TEST(what_brings_more_is_kept)
{
	struct stream s = {.now = 1, .brings = {1500, 2300}};

	run(&s, 8);
	CHECK_EQ(s.linger.usual, LONG);
	s.spells[BRIEF] = s.spells[LONG] = 0;
	run(&s, 4000);
	CHECK_EQ(s.linger.usual, LONG);
	CHECK(s.spells[BRIEF] > 0 && s.spells[BRIEF] < 4000 / 50);
}

TEST(what_brings_no_more_is_tried_seldom)
{
	struct stream s = {.now = 1, .brings = {1500, 1600}};

	run(&s, 4000);
	CHECK_EQ(s.linger.usual, BRIEF);
	CHECK(s.spells[LONG] > 0 && s.spells[LONG] < 4000 / 50);
}

TEST(what_pays_no_more_is_given_up)
{
	struct stream s = {.now = 1, .brings = {1500, 2300}};

	run(&s, 4000);
	s.brings[LONG] = 1500;
	run(&s, 600);
	CHECK_EQ(s.linger.usual, BRIEF);
	s.brings[LONG] = 2300;
	run(&s, 600);
	CHECK_EQ(s.linger.usual, LONG);
}

TEST(a_spell_with_sleep_in_it_does_not_count)
{
	struct stream s = {.now = 1, .brings = {1500, 2300}};

	run(&s, 8);
	while (s.linger.now == LONG)
		run(&s, 1);
	/* In the trial of the brief way we slept: nothing came for long, or very much at once. */
	s.linger.messages = 1000000;
	sinew__linger_slept(&s.linger);
	CHECK_EQ(s.linger.now, LONG); /* it is over, and comes again */
	sinew__linger_judge(&s.linger, s.now += SPELL_NS);
	run(&s, 1);
	CHECK_EQ(s.linger.now, BRIEF);
	run(&s, 1);
	CHECK_EQ(s.linger.usual, LONG);
}

/* Who sleeps again and again inside a trial makes long pauses in none but that. */
TEST(a_trial_ends_where_we_sleep)
{
	struct stream s = {.now = 1, .brings = {1500, 1500}};

	while (s.linger.now == BRIEF)
		run(&s, 1);
	sinew__linger_slept(&s.linger);
	CHECK_EQ(s.linger.now, BRIEF);
	CHECK_EQ(s.linger.usual, BRIEF);
}

TEST(a_clock_that_goes_back_does_no_harm)
{
	struct stream s = {.now = 1000000, .brings = {1500, 1500}};

	run(&s, 2);
	s.linger.messages = 10;
	sinew__linger_judge(&s.linger, s.now - 1);
	sinew__linger_judge(&s.linger, s.now - 1000);
	for (unsigned i = 0; i < 100; i++)
		sinew__linger_waited(&s.linger, 0);
	CHECK(s.linger.short_waits < 10);
}

/* Finds one message at the first look, again and again. */
static void keep_step(struct sinew__linger *linger, unsigned waits)
{
	for (unsigned i = 0; i < waits; i++) {
		sinew__linger(linger, true);
		sinew__linger_waited(linger, 0);
		linger->since = 1;
	}
}

TEST(who_is_in_step_does_not_linger)
{
	struct sinew__linger linger = {.usual = LONG, .now = LONG};

	keep_step(&linger, 10);
	CHECK_EQ(linger.usual, BRIEF);
	CHECK_EQ(linger.now, BRIEF);
	CHECK(linger.short_waits < -400);
	keep_step(&linger, 300);
	CHECK(linger.short_waits < 0);
}

TEST(where_there_is_no_room_a_pause_is_brief)
{
	struct sinew__linger linger = {0};

	for (unsigned i = 0; i < 1000; i++) {
		linger.since = 100;
		sinew__linger(&linger, false);
		sinew__linger_waited(&linger, 0);
		CHECK_EQ(linger.now, BRIEF);
	}
	CHECK_EQ(linger.begun, 0);
}
