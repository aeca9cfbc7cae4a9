/* SPDX-License-Identifier: MIT
 *
 * bench_goals.c - rows whose ratios are known are held against goals as they should be, and causes are told only
 * where what was counted agrees with them.
 */
#include <bench_goals.h>
#include <bench_verdicts.h>
#include <out.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

static const struct row *row_of(const char *name)
{
	for (unsigned i = 0; i < bench_row_count; i++)
		if (strcmp(bench_rows[i].name, name) == 0)
			return &bench_rows[i];
	return NULL;
}

/* A round trip whose two repeats cost so many times as much as the twin's. */
static struct record trip(const char *name, double first, double second)
{
	struct record record = {.row = row_of(name),
		.mode = LATENCY,
		.size = 64,
		.cpu = {0, 1},
		.repeats = 2,
		.contenders = 2,
		.bare = 1};

	record.outcomes[0].p50[0] = 1000 * first;
	record.outcomes[0].p50[1] = 1000 * second;
	for (unsigned i = 0; i < 2; i++) {
		record.outcomes[1].p50[i] = 1000;
		record.outcomes[i].messages = 100;
		record.outcomes[i].calls_known = true;
		record.outcomes[i].spent[CLIENT].calls = 200;
	}
	return record;
}

static struct goal *goal_of(struct bench_run *run)
{
	static struct goal goals[MOST_GOALS];

	CHECK_EQ(bench_goals(run, goals), 1);
	return goals;
}

static const struct judgement {
	const char *name;
	double first, second;
	unsigned repeats;
	enum reached reached;
} judgements[] = {
	{"below", 1.02, 1.04, 2, MET},
	{"at_the_goal", 1.04, 1.05, 2, MET},
	{"above", 1.06, 1.08, 2, MISSED},
	{"around_it_with_a_median_below", 1.00, 1.08, 2, UNSURE},
	{"around_it_with_a_median_above", 1.04, 1.10, 2, UNSURE},
	{"below_once", 1.02, 0, 1, UNSURE},
	{"above_once", 1.50, 0, 1, UNSURE},
};

static TEST_SUITE(ratios, judgements);

TEST_EACH(ratios, are_judged_by_all_repeats, struct judgement, is)
{
	struct record record = trip("pipe", is->first, is->second);
	struct bench_run run = {.records = &record, .count = 1};

	record.repeats = is->repeats;
	const struct goal *goal = goal_of(&run);
	CHECK_EQ(goal->count, 1);
	CHECK_EQ(goal->of[0].reached, is->reached);
	CHECK_EQ(goal->reached[is->reached], 1);
}

TEST(a_goal_is_told_with_its_rows)
{
	struct record records[] = {trip("pipe", 1.02, 1.04), trip("tcp", 1.06, 1.08),
		trip("mq", 1.04, 1.10), trip("eventfd", 2.4, 2.6)};
	struct bench_run run = {.records = records, .count = 4};
	char text[GOAL_TEXT];
	const struct goal *goal = goal_of(&run);

	CHECK_EQ(goal->count, 4);
	CHECK_EQ(goal_result(goal), MISSED);
	CHECK_STR(
		goal_verdict(goal, text, sizeof text), "missed by 2 of 4, of 1 it cannot be told");
	CHECK_STR(goal_rows(goal, MET, false, text, sizeof text), "pipe +3.0 % (+2.0 to +4.0)");
	CHECK_STR(goal_rows(goal, MISSED, false, text, sizeof text),
		"tcp +7.0 % (+6.0 to +8.0), eventfd 2.5 times as long (2.4 to 2.6)");
	CHECK_STR(goal_rows(goal, UNSURE, true, text, sizeof text), "mq +7.0 %");
	CHECK_STR(goal_causes(goal, text, sizeof text), "tcp, eventfd: not known");
}

/* A pipe on one CPU that misses its goal. */
static const char *cause_of(struct record *record, struct waits *waits)
{
	struct bench_run run = {.records = record, .count = 1, .waits = waits};

	record->cpu[CLIENT] = record->cpu[SERVER] = 0;
	const struct goal *goal = goal_of(&run);
	CHECK_EQ(goal->of[0].reached, MISSED);
	return goal->of[0].cause;
}

/* It is the repeats of whose figures are told. */
TEST(a_verdict_is_cautious_of_what_it_rests_on)
{
	struct record record = trip("pipe", 1.00, 1.02);
	struct verdict ours = {0}, bare = {0}, once = {0};

	record.outcomes[1].p50[1] = 2000;
	bench_caution(&ours, &record);
	CHECK_STR(ours.caution, "");
	bench_caution_bare(&bare, &record);
	CHECK(strstr(bare.caution, "up to 67 % apart (pipe)"));
	record.repeats = 1;
	bench_caution(&once, &record);
	CHECK(strstr(once.caution, "Measured once (pipe)"));
}

/* Nobody is told that four times is less than twice. */
TEST(more_than_twice_is_told_so)
{
	struct record records[] = {trip("unix-stream", 1, 1), trip("tcp", 1, 1)};
	struct bench_run run = {.records = records, .count = 2};
	struct verdict verdicts[MOST_VERDICTS];

	records[0].outcomes[1].p50_all = 1000;
	records[1].outcomes[1].p50_all = 4000;
	CHECK(bench_claims(&run, verdicts) > 0);
	CHECK_STR(verdicts[0].about, "On one host a Unix socket is twice as fast as TCP.");
	CHECK_STR(verdicts[0].verdict, "more than twice");
	records[1].outcomes[1].p50_all = 2000;
	bench_claims(&run, verdicts);
	CHECK_STR(verdicts[0].verdict, "true here");
}

/* Who can do it alone is not the cheapest of several; and what is added to a text finds no gap. */
TEST(of_one_it_is_not_told_which_costs_least)
{
	struct record records[] = {trip("tcp", 1, 1), trip("ring-shm", 1, 1)};
	struct bench_run run = {.records = records, .count = 2};
	struct verdict verdicts[MOST_VERDICTS];

	records[0].fan = 1;
	records[0].outcomes[0].p50_all = records[1].outcomes[0].p50_all = 1000;
	unsigned count = bench_advice(&run, verdicts);
	CHECK(count > 0);
	CHECK_STR(verdicts[count - 1].about, "it may go to another machine one day");
	CHECK(strstr(verdicts[count - 1].text, "nothing is lost: tcp, of all that were measured."));
	CHECK(!strstr(verdicts[count - 1].text, "costs least"));
	CHECK(bench_claims(&run, verdicts) > 0);
	CHECK_EQ(verdicts[0].text[strlen(verdicts[0].text) - 1], '.');
}

/* Of one that time kept from being measured on one CPU it is not said that it was not measured. */
TEST(what_time_left_out_is_counted)
{
	struct record records[] = {
		trip("pipe", 1, 1), trip("mq", 1, 1), trip("pipe", 1, 1), trip("udp", 1, 1)};
	struct bench_run run = {.records = records, .count = 4};
	struct out out;

	for (unsigned i = 1; i < 3; i++)
		snprintf(records[i].skipped, sizeof records[i].skipped, "%s", bench_late);
	snprintf(records[3].skipped, sizeof records[3].skipped, "its largest message is smaller");
	CHECK(out_open(&out));
	bench_print_missing(&run, &out);
	out.buffer[out.used] = '\0';
	CHECK(strstr(out.buffer, "Not measured: 2 of 4 rows, which --json names: the time"));
	CHECK(strstr(out.buffer, "Not measured: udp, latency, 64 bytes: its largest"));
	CHECK(!strstr(out.buffer, "pipe"));
	CHECK_EQ(out_close(&out), 0);
}

/* The sides of a row note their own beginnings and ends. */
TEST(one_runs_at_a_time_in_the_time_of_the_longer)
{
	struct record record = trip("pipe", 1, 1);
	struct bench_run run = {.records = &record, .count = 1};
	struct verdict verdict = {0};

	record.cpu[CLIENT] = 0;
	record.outcomes[0].spent[CLIENT] = (struct spent){.wall = 1000, .running = 500};
	record.outcomes[0].spent[SERVER] = (struct spent){.wall = 2000, .running = 1500};
	CHECK(claim_one_runs(&run, &verdict));
	CHECK_STR(verdict.verdict, "true");
	record.outcomes[0].spent[CLIENT].running = 1000;
	CHECK(claim_one_runs(&run, &verdict));
	CHECK_STR(verdict.verdict, "FALSE");
	record.outcomes[0].both = 2500; /* one began, and ended, before the other */
	CHECK(claim_one_runs(&run, &verdict));
	CHECK_STR(verdict.verdict, "true");
}

TEST(what_went_otherwise_when_it_was_traced_is_told_so)
{
	struct record record = trip("ring-shm", 1, 1);
	struct waits waits = {.seen = true, .count = 1, .of = {{.who = "the client", .times = 1}}};
	struct bench_run run = {.records = &record, .count = 1, .waits = &waits};
	static const char otherwise[] = "it went otherwise";
	char why[WHY];

	CHECK(strstr(bench_why(&run, &record, why, sizeof why), otherwise));
	record.outcomes[0].spent[CLIENT].voluntary = 100;
	CHECK(!strstr(bench_why(&run, &record, why, sizeof why), otherwise));
	waits.count = 0;
	CHECK(strstr(bench_why(&run, &record, why, sizeof why), otherwise));
	record.outcomes[0].spent[CLIENT].voluntary = 0;
	CHECK(!strstr(bench_why(&run, &record, why, sizeof why), otherwise));
}

TEST(a_cause_is_told_where_the_counts_agree)
{
	struct waits waits = {.seen = true, .count = 1, .of = {{.waker_call = "pwritev2"}}};
	struct record record = trip("pipe", 1.1, 1.2);

	CHECK(strstr(cause_of(&record, NULL), "as many system calls"));
	CHECK(!strstr(cause_of(&record, NULL), "pwritev2"));
	CHECK(strstr(cause_of(&record, &waits), "pwritev2"));
	record.outcomes[0].spent[CLIENT].calls = 210;
	CHECK(!*cause_of(&record, &waits));
	record.outcomes[0].calls_known = false;
	CHECK(!*cause_of(&record, &waits));
}

TEST(who_sleeps_at_a_tally_sets_a_timer)
{
	struct waits waits = {.seen = true, .count = 1, .of = {{.waker_call = "futex"}}};
	struct record record = trip("futex", 1.1, 1.2);

	record.outcomes[0].calls_known = record.outcomes[1].calls_known = false;
	CHECK(strstr(cause_of(&record, &waits), "a timer"));
	CHECK(!*cause_of(&record, NULL));
}

/* Only what this run shows: reads that took more than a message each, and by which call the other side was woken. */
TEST(a_cause_one_way_is_told_where_it_was_seen)
{
	static const struct {
		const char *name;
		unsigned calls;
		const char *waker_call, *cause, *no_cause;
	} cases[] = {
		{"pipe", 190, "", "it reads all there is", "pwritev2"},
		{"fifo", 190, "pwritev2", "and reads all there is", NULL},
		{"pipe", 200, "pwritev2", "pwritev2", "reads all there is"},
		{"pipe", 200, "write", NULL, NULL},
		{"tcp", 190, "sendto", NULL, NULL},
		{"unix-dgram", 200, "recvmsg", "who sent it", NULL},
		{"unix-dgram", 200, "recvfrom", NULL, NULL},
		{"unix-dgram", 210, "recvmsg", NULL, NULL},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record record = trip(cases[i].name, 1, 1);
		struct waits waits = {.count = 1};
		struct bench_run run = {.records = &record, .count = 1, .waits = &waits};
		strcpy(waits.of[0].waker_call, cases[i].waker_call);
		record.mode = STREAM;
		for (unsigned k = 0; k < 2; k++) {
			record.outcomes[0].rate[k] = 1e6;
			record.outcomes[1].rate[k] = 2e6;
		}
		record.outcomes[0].spent[CLIENT].calls = cases[i].calls;
		const char *cause = goal_of(&run)->of[0].cause;
		CHECK_EQ(*cause != '\0', cases[i].cause != NULL);
		CHECK(!cases[i].cause || strstr(cause, cases[i].cause));
		CHECK(!cases[i].no_cause || !strstr(cause, cases[i].no_cause));
	}
}

TEST(what_does_not_miss_has_no_cause)
{
	struct record record = trip("pipe", 1.0, 1.2);
	struct bench_run run = {.records = &record, .count = 1};

	record.cpu[SERVER] = 0;
	CHECK(!*goal_of(&run)->of[0].cause);
}

/* A side of two that could not run was kept from it by others; one of nine may have been by its own kind. */
TEST(what_many_take_from_each_other_is_not_what_others_took)
{
	struct record records[] = {trip("pipe", 1, 1), trip("pipe", 1, 1), trip("pipe", 1, 1)};
	struct bench_run run = {.records = records, .count = 3};

	for (unsigned i = 0; i < run.count; i++) {
		records[i].fan = 1;
		records[i].outcomes[0].spent[CLIENT] = (struct spent){.wall = 100, .ready = 20};
	}
	records[1].mode = FAN_IN;
	records[1].fan = 8;
	records[1].outcomes[0].spent[CLIENT].ready = 90;
	records[2].cpu[1] = 0;
	records[2].outcomes[0].spent[CLIENT].ready = 50;
	CHECK(bench_busy(&run) > 0.19 && bench_busy(&run) < 0.21);
}
