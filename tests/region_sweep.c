/* SPDX-License-Identifier: MIT
 *
 * region_sweep.c - a region is made, attached to, closed and removed while each of its system calls
 * fails once, with each errno of its man page. What was refused says why and leaves nothing behind,
 * but what the fault itself kept from being removed; and the next who comes makes it whole.
 */
#include <string.h>

#include "regions.h"
#include "sweep.h"

enum { SIZE = 20000, ENDLESS = 4000 };

/* As the rows of regions.c, but nobody serves: the calls are this thread's alone. */
static const struct region_row rows[] = {
	{"shm", "shm", "temp=no&"},
	{"file", "file", "temp=no&"},
	{"file-temp", "file", "temp=yes&"},
	{"memfd", "memfd", "serve=call&"},
	{"sysvshm", "sysvshm", "create=yes&"},
};
TEST_SUITE(swept_region, rows);

/* A failure has words, and a cause. */
static void judge(const char *what, int r)
{
	if (r < 0 && (!sweep_fired() || !*sinew_error_text()))
		BAD("%s fails without a cause: %d", what, r);
}

/* The life of a region. */
static void live(const struct region_row *row)
{
	sinew_region *one = NULL, *two = NULL;
	unsigned seed = 1;
	int r;

	sweep_at = "make";
	judge("make", r = sinew_region_make(
			      &one, region_uri(row, ""), SIZE, region_init, &seed, SINEW_NOW));
	if (r < 0 && one)
		BAD("make: failed, and gave a region");
	sweep_at = "attach";
	if (one && !(region_caps(row) & SINEW_REGION_CAP_SERVED))
		judge("attach",
			sinew_region_open(&two, region_uri(row, ""), 0, SINEW_IN, SINEW_NOW));
	if (two && !region_has(sinew_region_data(two), SIZE, 1))
		BAD("attach: not the bytes that were made");
	sweep_at = "sync";
	if (one)
		sinew_region_sync(one, 0, 0);
	sweep_at = "close";
	sinew_region_close(two);
	sinew_region_close(one);
	sweep_at = "remove";
	sinew_remove(region_uri(row, ""));
}

static char fault_text[80]; /* the one under way */

/* Whoever comes after the fault has no trouble from it. */
static void live_on(const struct region_row *row)
{
	sinew_region *region = NULL;
	unsigned seed = 2;

	int r = sinew_region_make(&region, region_uri(row, ""), SIZE, region_init, &seed,
		sinew_after(INT64_C(5000000000)));
	if (r < 0)
		FAIL("after %s: %s", fault_text, sinew_error_text());
	if (!region_has(sinew_region_data(region), SIZE, sinew_region_is_new(region) ? 2 : 1))
		FAIL("after %s: half a region", fault_text);
	CHECK_OK(sinew_region_close(region));
	sinew_remove(region_uri(row, ""));
	if (!region_is_gone(row))
		FAIL("after %s: something stays", fault_text);
}

/* What such a fault keeps from going cannot go. */
static bool keeps_names(int call)
{
	return call == SWEEP_unlink || call == SWEEP_shmctl || call == SWEEP_shmget ||
	       call == SWEEP_lstat || call == SWEEP_fstat || call == SWEEP_open ||
	       call == SWEEP_flock || call == SWEEP_socket || call == SWEEP_connect ||
	       call == SWEEP_renameat2;
}

/* What stays mapped stays in use: a munmap or shmdt that fails, which needs wrong arguments, keeps
 * the region from being removed for as long as the process lives. */
static bool keeps_in_use(int call)
{
	return call == SWEEP_munmap || call == SWEEP_shmdt;
}

static void fail_once(const struct region_row *row, const struct sweep_fault *fault)
{
	struct sweep_holdings before = sweep_look();

	sweep_describe(fault, fault_text, sizeof fault_text);

	sweep_begin(fault, ENDLESS);
	live(row);
	sweep_end();
	if (!keeps_names(fault->call) && !region_is_gone(row))
		FAIL("%s: something stays", fault_text);
	struct sweep_holdings after = sweep_look();
	if (after.descriptors != before.descriptors)
		FAIL("%s: a descriptor stays", fault_text);
	if (after.mappings > before.mappings)
		FAIL("%s: a mapping stays", fault_text);
	live_on(row);
}

TEST_EACH(swept_region, every_call_fails_once, struct region_row, row, .timeout = 250)
{
	static unsigned counts[SWEEP_CALLS];
	unsigned faults = 0, errnos;

	region_place();
	live(row); /* what is made once in a process is there */
	sweep_begin(NULL, ENDLESS);
	live(row);
	for (int call = 0; call < SWEEP_CALLS; call++)
		counts[call] = sweep_count(call);
	sweep_end();
	for (int call = 0; call < SWEEP_CALLS; call++)
		for (unsigned nth = 1; nth <= counts[call] && !keeps_in_use(call); nth++) {
			const int *error = sweep_errnos(call, &errnos);
			for (unsigned i = 0; i < errnos; i++, faults++)
				fail_once(row,
					&(struct sweep_fault){call, nth, error[i], SWEEP_FAILS});
		}
	CHECK(faults > 80);
	CHECK(region_is_gone(row));
}
