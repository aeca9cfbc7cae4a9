/* SPDX-License-Identifier: MIT
 *
 * region_conformance.c - what every region promises, on each of them: the same bytes, made once and
 * whole, waited for, shared with relatives, refused where it has another size, gone when removed.
 */
#include <signal.h>
#include <sys/wait.h>

#include "faults.h"
#include "regions.h"

enum { SIZE = 10000 };

TEST(every_region_has_a_row)
{
	const struct sinew_scheme *scheme;
	const struct region_row *row = every_region.rows;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		bool found = strcmp(sinew_scheme_kind(scheme->name), "region") != 0;
		for (size_t n = 0; n < every_region.count && !found; n++)
			found = strcmp(row[n].scheme, scheme->name) == 0;
		if (!found)
			FAIL("%s: has no row in the table of regions", scheme->name);
		test_checked();
	}
}

TEST_EACH(every_region, all_see_the_same_bytes, struct region_row, row)
{
	region_place();
	unsigned fds = count_descriptors();
	sinew_region *one = region_made(row, SIZE, 1);
	sinew_region *two = region_attached(row, 0);
	sinew_region *reader = region_attached(row, SINEW_IN);
	char *a = sinew_region_data(one), *b = sinew_region_data(two);

	CHECK_EQ(sinew_region_size(one), SIZE);
	CHECK_EQ(sinew_region_size(two), SIZE);
	CHECK_EQ(sinew_region_size(reader), SIZE);
	CHECK(a != b && (uintptr_t)b % 4096 == 0);
	CHECK(region_has(b, SIZE, 1));
	region_fill(b, SIZE, 2);
	CHECK(region_has(a, SIZE, 2));
	CHECK(region_has(sinew_region_data(reader), SIZE, 2));
	CHECK_OK(sinew_region_check(two));
	CHECK_OK(sinew_region_close(reader));
	CHECK_OK(sinew_region_close(two));
	CHECK(region_has(a, SIZE, 2));
	CHECK_OK(sinew_region_close(one));
	region_remove(row);
	CHECK_EQ(count_descriptors(), fds);
	CHECK_OK(sinew_region_close(NULL));
}

TEST_EACH(every_region, what_nobody_made_is_waited_for, struct region_row, row)
{
	sinew_region *region = NULL;
	int64_t since = test_now();

	region_place();
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), 0, 0, SINEW_NOW), -ENOENT);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), 0, SINEW_IN, soon(30)), -ENOENT);
	CHECK(test_now() - since >= 30 * 1000000);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, SINEW_IN, SINEW_NOW),
		-ENOENT);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, "create=no"), SIZE, 0, SINEW_NOW),
		-ENOENT);
	CHECK(region == NULL);
	CHECK(region_is_gone(row));
}

static void attach_and_look(void *row)
{
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(&region, region_uri(row, ""), 0, SINEW_IN, SINEW_FOREVER));
	CHECK(region_has(sinew_region_data(region), SIZE, 3));
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(every_region, who_waits_sees_it_when_it_is_made, struct region_row, row)
{
	region_place();
	region_uri(row, "");
	pid_t pid = test_fork(attach_and_look, (void *)row);
	test_blocked(pid, -1);
	sinew_region *region = region_made(row, SIZE, 3);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

/* ---- many at once ---- */

enum { CROWD = 8 };

struct crowd {
	const struct region_row *row;
	struct gate start, all;
	int made[2];
};

static void one_of_crowd(void *context)
{
	struct crowd *crowd = context;
	sinew_region *region = NULL;
	unsigned seed = 4;

	gate_reach(&crowd->start);
	gate_await(&crowd->start);
	CHECK_OK(sinew_region_make(
		&region, region_uri(crowd->row, ""), 1 << 20, region_init, &seed, soon(20000)));
	CHECK(region_has(sinew_region_data(region), 1 << 20, 4));
	if (sinew_region_is_new(region))
		write_bare(crowd->made[1], "m", 1);
	gate_reach(&crowd->all);
	gate_await(&crowd->all); /* a maker that serves stays until all have it */
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(every_region, of_many_makers_one_makes_it, struct region_row, row)
{
	struct crowd crowd = {.row = row};
	pid_t pids[CROWD];
	char made[CROWD];

	region_place();
	region_uri(row, "");
	gate_open(&crowd.start);
	gate_open(&crowd.all);
	CHECK_SYS(pipe2(crowd.made, O_CLOEXEC));
	for (int i = 0; i < CROWD; i++)
		pids[i] = test_fork(one_of_crowd, &crowd);
	gate_wait(&crowd.start, CROWD);
	gate_pass(&crowd.start);
	gate_wait(&crowd.all, CROWD);
	gate_pass(&crowd.all);
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	CHECK_EQ(read(crowd.made[0], made, sizeof made), 1);
	close(crowd.made[0]);
	close(crowd.made[1]);
	gate_close(&crowd.start);
	gate_close(&crowd.all);
	region_remove(row);
}

/* ---- refusals ---- */

static int failing_init(void *data, size_t size, void *arg)
{
	(void)arg;
	region_fill(data, size, 9);
	return -EDOM;
}

TEST_EACH(every_region, what_is_not_filled_is_not_made, struct region_row, row)
{
	sinew_region *region = NULL;

	region_place();
	unsigned fds = count_descriptors();
	CHECK_ERR(sinew_region_make(
			  &region, region_uri(row, ""), SIZE, failing_init, NULL, SINEW_NOW),
		-EDOM);
	CHECK(region == NULL && region_is_gone(row));
	CHECK_EQ(count_descriptors(), fds);
	region = region_made(row, SIZE, 1);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST_EACH(every_region, another_size_is_refused, struct region_row, row)
{
	sinew_region *region, *other = NULL;

	region_place();
	region = region_made(row, SIZE, 1);
	CHECK_ERR(sinew_region_open(&other, region_uri(row, ""), SIZE + 1, 0, soon(5000)), -EEXIST);
	CHECK(strstr(sinew_error_text(), "10000"));
	CHECK_ERR(sinew_region_open(&other, region_uri(row, ""), 1, SINEW_IN, soon(5000)), -EEXIST);
	CHECK_OK(sinew_region_open(&other, region_uri(row, ""), SIZE, SINEW_IN, soon(5000)));
	CHECK_OK(sinew_region_close(other));
	CHECK(region_has(sinew_region_data(region), SIZE, 1));
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST_EACH(every_region, nonsense_is_refused, struct region_row, row)
{
	sinew_region *region = NULL;
	char bare[32];

	region_place();
	snprintf(bare, sizeof bare, "%s:", row->scheme);
	CHECK_ERR(sinew_region_open(&region, bare, SIZE, 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_remove(bare), row->scheme[0] == 'm' ? -ENOENT : -EINVAL);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, SINEW_OUT, SINEW_NOW),
		-EINVAL);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, 64, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_region_open(&region, region_uri(row, "a=b"), SIZE, 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_region_open(&region, "tcp:h:1", SIZE, 0, SINEW_NOW), -EINVAL);
	CHECK(strstr(sinew_error_text(), "region"));
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE_MAX, 0, SINEW_NOW), -EFBIG);
	CHECK(region == NULL && region_is_gone(row));
}

static void write_to(void *at)
{
	*(volatile char *)at = 1;
}

TEST_EACH(every_region, a_reader_cannot_write, struct region_row, row)
{
	region_place();
	sinew_region *region = region_made(row, SIZE, 1);
	sinew_region *reader = region_attached(row, SINEW_IN);

	signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would report it */
	CHECK_EQ(test_wait(test_fork(write_to, sinew_region_data(reader))), -SIGSEGV);
	CHECK_EQ(test_wait(test_fork(write_to, sinew_region_data(region))), 0);
	CHECK_OK(sinew_region_close(reader));
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

/* ---- capabilities, each shown or refused ---- */

static bool has_option(const char *scheme, const char *key)
{
	const struct sinew_option *option;

	for (unsigned i = 0; (option = sinew_option(scheme, i)); i++)
		if (strcmp(option->key, key) == 0)
			return true;
	return false;
}

TEST_EACH(every_region, capabilities_are_true, struct region_row, row)
{
	region_place();
	uint64_t caps = region_caps(row);
	sinew_region *region = region_made(row, SIZE, 1);
	bool by_maker = caps & SINEW_REGION_CAP_SERVED;

	if (caps & SINEW_REGION_CAP_SYNC) {
		CHECK_OK(sinew_region_sync(region, 0, 0));
		CHECK_OK(sinew_region_sync(region, 5000, 10));
		CHECK_OK(sinew_region_sync(region, SIZE, 0));
		CHECK_ERR(sinew_region_sync(region, SIZE + 1, 0), -EINVAL);
		CHECK_ERR(sinew_region_sync(region, 1, SIZE), -EINVAL);
	} else {
		CHECK_ERR(sinew_region_sync(region, 0, 0), -EOPNOTSUPP);
	}
	if (caps & SINEW_REGION_CAP_FD) {
		int fd = CHECK_OK(sinew_region_fd(region));
		int cut = ftruncate(fd, 0);
		CHECK_EQ(cut < 0, !!(caps & SINEW_REGION_CAP_FIXED));
		CHECK_EQ(sinew_region_check(region), cut < 0 ? 0 : -EIO);
	} else {
		CHECK_ERR(sinew_region_fd(region), -EOPNOTSUPP);
	}
	CHECK_EQ(sinew_region_serve(region, SINEW_NOW), by_maker ? 0 : -EOPNOTSUPP);
	CHECK_EQ(sinew_region_serve_fd(region) >= 0, by_maker);
	CHECK_EQ(has_option(row->scheme, "temp"), !!(caps & SINEW_REGION_CAP_TEMP));
	CHECK_EQ(has_option(row->scheme, "huge"), !!(caps & SINEW_REGION_CAP_HUGE));
	CHECK_OK(sinew_region_close(region));
	CHECK_EQ(region_is_gone(row), !(caps & SINEW_REGION_CAP_SURVIVES));
	region_remove(row);
}

TEST_EACH(every_region, bytes_survive_or_not, struct region_row, row)
{
	sinew_region *region;

	region_place();
	CHECK_OK(sinew_region_close(region_made(row, SIZE, 1)));
	if (region_caps(row) & SINEW_REGION_CAP_SURVIVES) {
		region = region_attached(row, SINEW_IN);
		CHECK(region_has(sinew_region_data(region), SIZE, 1));
		CHECK_OK(sinew_region_close(region));
	} else {
		CHECK_ERR(
			sinew_region_open(&region, region_uri(row, ""), 0, 0, SINEW_NOW), -ENOENT);
	}
	region_remove(row);
}

TEST_EACH(every_region, what_is_in_use_is_not_removed, struct region_row, row)
{
	region_place();
	sinew_region *region = region_made(row, SIZE, 1);

	CHECK_ERR(sinew_remove(region_uri(row, "")), -EBUSY);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
	CHECK_ERR(sinew_remove(region_uri(row, "")), -ENOENT);
}

TEST_EACH(every_region, pages_of_other_sizes_or_a_reason, struct region_row, row)
{
	sinew_region *region = NULL;
	const size_t size = 4 << 20;

	if (!(region_caps(row) & SINEW_REGION_CAP_HUGE)) {
		CHECK_ERR(
			sinew_region_open(&region, region_uri(row, "huge=2M"), size, 0, SINEW_NOW),
			-EINVAL);
		return;
	}
	region_place();
	int r = sinew_region_open(&region, region_uri(row, "huge=2M"), size, 0, SINEW_NOW);
	if (r == 0) { /* a machine that has set some aside */
		region_fill(sinew_region_data(region), size, 1);
		CHECK_OK(sinew_region_close(region));
		region_remove(row);
		return;
	}
	CHECK(r == -ENOSPC || r == -ENOMEM);
	CHECK(strstr(sinew_error_text(), "nr_hugepages"));
	CHECK(region_is_gone(row));
}

/* ---- relatives ---- */

static void use_inherited(void *context)
{
	sinew_region *region = context;

	CHECK(region_has(sinew_region_data(region), SIZE, 1));
	region_fill(sinew_region_data(region), SIZE, 2);
	CHECK_OK(sinew_region_check(region));
	CHECK_EQ(sinew_region_size(region), SIZE);
	int r = sinew_region_serve(region, SINEW_NOW);
	CHECK(r == -EOWNERDEAD || r == -EOPNOTSUPP);
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(every_region, a_child_has_it_too, struct region_row, row)
{
	region_place();
	sinew_region *region = region_made(row, SIZE, 1);

	CHECK_EQ(test_wait(test_fork(use_inherited, region)), 0);
	CHECK(region_has(sinew_region_data(region), SIZE, 2));
	CHECK(!region_is_gone(row));
	sinew_region *again = region_attached(row, 0);
	CHECK(region_has(sinew_region_data(again), SIZE, 2));
	CHECK_OK(sinew_region_close(again));
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST_EACH(every_region, nothing_of_it_survives_exec, struct region_row, row)
{
	char *const argv[] = {"sh", "-c", "ls -l /proc/self/fd; cat /proc/self/maps", NULL};
	char before[16384], after[16384];

	region_place();
	sinew_region *region = region_made(row, SIZE, 1);
	CHECK_EQ(test_run(after, sizeof after, argv), 0);
	CHECK(!strstr(after, "sinew-test") && !strstr(after, "memfd") && !strstr(after, "SYSV") &&
		!strstr(after, "socket"));
	CHECK_OK(sinew_region_close(region));
	CHECK_EQ(test_run(before, sizeof before, argv), 0);
	region_remove(row);
}

/* ---- temp=yes ---- */

static void hold(void *context)
{
	struct crowd *crowd = context;
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(
		&region, region_uri(crowd->row, "temp=yes"), SIZE, 0, soon(9999)));
	gate_reach(&crowd->start);
	gate_await(&crowd->start);
	CHECK_OK(sinew_region_close(region));
}

static void close_inherited(void *region)
{
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(every_region, the_last_user_removes_it, struct region_row, row)
{
	struct crowd crowd = {.row = row};
	sinew_region *region = NULL;

	region_place();
	if (!(region_caps(row) & SINEW_REGION_CAP_TEMP)) {
		CHECK_ERR(
			sinew_region_open(&region, region_uri(row, "temp=yes"), SIZE, 0, SINEW_NOW),
			-EINVAL);
		return;
	}
	gate_open(&crowd.start);
	region_uri(row, "");
	pid_t one = test_fork(hold, &crowd), two = test_fork(hold, &crowd);
	gate_wait(&crowd.start, 2);
	CHECK_OK(sinew_region_open(&region, region_uri(row, "temp=yes"), SIZE, 0, SINEW_NOW));
	kill_child(one);
	CHECK_EQ(test_wait(test_fork(close_inherited, region)), 0);
	CHECK(!region_is_gone(row));
	CHECK_OK(sinew_region_close(region));
	CHECK(!region_is_gone(row));
	gate_pass(&crowd.start);
	CHECK_EQ(test_wait(two), 0);
	CHECK(region_is_gone(row));
	gate_close(&crowd.start);
}
