/* SPDX-License-Identifier: MIT
 *
 * region_steps.c - making a region, broken at every step: before and after each system call of its
 * maker there is a death, and there is another maker. Whoever comes sees all of it or nothing.
 */
#include <signal.h>

#include "faults.h"
#include "regions.h"

enum { SIZE = 20000, MOST = 300 };

static struct {
	const struct region_row *row;
	unsigned left;     /* steps until something happens; 0: nothing does */
	bool pauses;       /* stop there, or die */
	struct gate gate;  /* where a paused maker waits */
	struct gate begin; /* where it waits before it begins */
	pid_t pid;         /* steps of threads do not count */
} plan;

static void step(void)
{
	if (plan.pid != gettid() || plan.left == 0 || --plan.left > 0)
		return;
	if (!plan.pauses)
		raise(SIGKILL);
	gate_reach(&plan.gate);
	gate_await(&plan.gate);
}

static void make_in_steps(void *left)
{
	sinew_region *region = NULL;
	unsigned seed = 1;

	plan.left = *(unsigned *)left;
	plan.pid = gettid();
	region_hook(step);
	CHECK_OK(sinew_region_make(
		&region, region_uri(plan.row, ""), SIZE, region_init, &seed, soon(20000)));
	bool past = plan.left > 0;
	plan.left = 0;
	CHECK(region_has(sinew_region_data(region), SIZE, sinew_region_is_new(region) ? 1 : 2));
	if (plan.pauses && past)
		gate_reach(&plan.gate);
	CHECK_OK(sinew_region_close(region));
	exit(past ? 3 : 0);
}

/* There is nothing, or something that somebody is at, or all of it. */
static void look(const char *when, unsigned n)
{
	sinew_region *region = NULL;

	int r = sinew_region_open(&region, region_uri(plan.row, ""), 0, SINEW_IN, SINEW_NOW);
	if (r < 0) {
		if (r != -ENOENT && r != -EAGAIN)
			FAIL("%s step %u: %s", when, n, sinew_error_text());
		return;
	}
	if (!region_has(sinew_region_data(region), SIZE, 1))
		FAIL("%s step %u: half a region", when, n);
	CHECK_EQ(sinew_region_size(region), SIZE);
	CHECK_OK(sinew_region_close(region));
}

/* After a death at step n: whoever comes next makes it, or has it whole; nothing else is left. */
static void after_death(unsigned n)
{
	sinew_region *region = NULL;
	unsigned seed = 2;

	look("dead at", n);
	int r = sinew_region_make(
		&region, region_uri(plan.row, ""), SIZE, region_init, &seed, soon(20000));
	if (r < 0)
		FAIL("dead at step %u: %s", n, sinew_error_text());
	CHECK(region_has(sinew_region_data(region), SIZE, sinew_region_is_new(region) ? 2 : 1));
	CHECK_OK(sinew_region_close(region));
	region_remove(plan.row);
}

TEST_EACH(every_region, a_maker_dies_at_every_step, struct region_row, row, .timeout = 120)
{
	unsigned n = 0;
	int status;

	region_place();
	plan.row = row;
	do {
		CHECK(++n < MOST);
		status = test_wait(test_fork(make_in_steps, &n));
		if (status == -SIGKILL)
			after_death(n);
	} while (status == -SIGKILL);
	CHECK_EQ(status, 3);
	CHECK(n > 8);
	region_remove(row);
}

/* What a dead maker left is removed by name, too. */
TEST_EACH(every_region, what_the_dead_left_is_removed, struct region_row, row, .timeout = 120)
{
	unsigned n = 0;
	int status;

	region_place();
	plan.row = row;
	do {
		CHECK(++n < MOST);
		status = test_wait(test_fork(make_in_steps, &n));
		int r = sinew_remove(region_uri(row, ""));
		CHECK(r == 0 || r == -ENOENT);
		if (!region_is_gone(row))
			FAIL("dead at step %u: something stays", n);
	} while (status == -SIGKILL);
	CHECK_EQ(status, 3);
}

/* While a maker stands still at step n another one comes: one makes it, both have it. */
static bool beside_paused(unsigned n)
{
	sinew_region *region = NULL;
	unsigned seed = 2;

	gate_open(&plan.gate);
	pid_t pid = test_fork(make_in_steps, &n);
	gate_wait(&plan.gate, 1);
	look("beside", n);
	int r = sinew_region_make(
		&region, region_uri(plan.row, ""), SIZE, region_init, &seed, soon(10));
	if (r < 0 && r != -ETIMEDOUT)
		FAIL("beside step %u: %s", n, sinew_error_text());
	if (r == 0)
		CHECK(region_has(
			sinew_region_data(region), SIZE, sinew_region_is_new(region) ? 2 : 1));
	gate_pass(&plan.gate);
	int status = test_wait(pid);
	CHECK(status == 0 || status == 3);
	CHECK_OK(sinew_region_close(region));
	gate_close(&plan.gate);
	region_remove(plan.row);
	return status == 0;
}

TEST_EACH(every_region, another_comes_at_every_step, struct region_row, row, .timeout = 120)
{
	unsigned n = 0;

	region_place();
	plan.row = row;
	plan.pauses = true;
	do
		CHECK(++n < MOST);
	while (beside_paused(n));
	CHECK(n > 8);
}

/* ---- the last user leaves, and removes the name, while another comes ---- */

static void come_in_steps(void *left)
{
	sinew_region *region = NULL;

	plan.left = *(unsigned *)left;
	plan.pid = gettid();
	gate_await(&plan.begin); /* forked before there was a region: it inherits none */
	region_hook(step);
	CHECK_OK(
		sinew_region_open(&region, region_uri(plan.row, "temp=yes"), SIZE, 0, soon(20000)));
	bool past = plan.left > 0;
	plan.left = 0;
	if (past)
		gate_reach(&plan.gate);
	region_fill(sinew_region_data(region), SIZE, 7);
	sinew_region *other = region_attached(plan.row, SINEW_IN); /* what others find is ours */
	CHECK(region_has(sinew_region_data(other), SIZE, 7));
	CHECK_OK(sinew_region_close(other));
	CHECK_OK(sinew_region_close(region));
	exit(past ? 3 : 0);
}

static bool leave_beside(unsigned n)
{
	sinew_region *region = NULL;

	gate_open(&plan.gate);
	gate_open(&plan.begin);
	pid_t pid = test_fork(come_in_steps, &n);
	CHECK_OK(sinew_region_open(&region, region_uri(plan.row, "temp=yes"), SIZE, 0, SINEW_NOW));
	gate_pass(&plan.begin);
	gate_wait(&plan.gate, 1);
	CHECK_OK(sinew_region_close(region));
	gate_pass(&plan.gate);
	int status = test_wait(pid);
	CHECK(status == 0 || status == 3);
	gate_close(&plan.gate);
	gate_close(&plan.begin);
	CHECK(region_is_gone(plan.row));
	return status == 0;
}

TEST_EACH(every_region, another_comes_as_the_last_leaves, struct region_row, row, .timeout = 120)
{
	unsigned n = 0;

	region_place();
	if (!(region_caps(row) & SINEW_REGION_CAP_TEMP)) {
		CHECK(region_is_gone(row));
		return;
	}
	plan.row = row;
	plan.pauses = true;
	do
		CHECK(++n < MOST);
	while (leave_beside(n));
	CHECK(n > 8);
}
