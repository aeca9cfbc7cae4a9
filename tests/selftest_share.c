/* SPDX-License-Identifier: MIT
 *
 * selftest_share.c - proves the rule by which a build runs a part of the cases (runner_share.c): nothing
 * is left out of all shares, and no share leaves out a row or a test.
 *
 * The matrix is run by this program like any other; its cases are looked for in the lists that the
 * program makes with RUNNER_SHARE in its environment.
 */
#include "runner_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN(out, ...) test_run(out, sizeof(out), (char *[]){"/proc/self/exe", __VA_ARGS__, NULL})

struct letter {
	const char *name;
};

static const struct letter letters[] = {{"a"}, {"b"}, {"c"}, {"d"}, {"e"}};
static const char *const tests[] = {"first", "second", "third", "fourth"};

enum { LETTERS = sizeof(letters) / sizeof(*letters), TESTS = sizeof(tests) / sizeof(*tests) };

TEST_SUITE(matrix, letters);

TEST_EACH(matrix, first, struct letter, l)
{
	CHECK(l >= letters && l < letters + LETTERS);
}

TEST_EACH(matrix, second, struct letter, l)
{
	CHECK(l >= letters && l < letters + LETTERS);
}

TEST_EACH(matrix, third, struct letter, l)
{
	CHECK(l >= letters && l < letters + LETTERS);
}

TEST_EACH(matrix, fourth, struct letter, l)
{
	CHECK(l >= letters && l < letters + LETTERS);
}

static void set_share(int share, int shares)
{
	char text[32];

	snprintf(text, sizeof(text), "%d/%d", share, shares);
	setenv("RUNNER_SHARE", text, 1);
}

/* Adds what the list has to `seen`; complains of a row or a test that this share leaves out. */
static void look_through(const char *list, unsigned seen[LETTERS][TESTS])
{
	unsigned rows[LETTERS] = {0}, columns[TESTS] = {0};
	char name[64];

	for (int row = 0; row < LETTERS; row++)
		for (int test = 0; test < TESTS; test++) {
			snprintf(name, sizeof(name), "matrix[%s]/%s\n", letters[row].name,
				tests[test]);
			unsigned found = strstr(list, name) != NULL;
			seen[row][test] += found;
			rows[row] += found;
			columns[test] += found;
		}
	for (int row = 0; row < LETTERS; row++)
		CHECK(rows[row] > 0);
	for (int test = 0; test < TESTS; test++)
		CHECK(columns[test] > 0);
}

/* Every case is in at least one share and in no more than `most`. */
static void check_shares(int shares, unsigned most)
{
	unsigned seen[LETTERS][TESTS] = {{0}};
	char out[16384];

	for (int share = 1; share <= shares; share++) {
		set_share(share, shares);
		CHECK_EQ(RUN(out, "--list", "matrix["), 0);
		look_through(out, seen);
	}
	for (int row = 0; row < LETTERS; row++)
		for (int test = 0; test < TESTS; test++)
			CHECK(seen[row][test] >= 1 && seen[row][test] <= most);
}

TEST(shares_are_the_whole)
{
	check_shares(1, 1);
	check_shares(2, 1);
	check_shares(3, 1);
	check_shares(4, 1);
}

/* No more parts than the matrix has tests: some shares are the same. */
TEST(shares_beyond_the_matrix)
{
	check_shares(6, 2);
}

TEST(share_is_smaller)
{
	char out[16384];

	set_share(2, 4);
	CHECK_EQ(RUN(out, "--tap", "matrix["), 0);
	CHECK(strstr(out, "1..5\n"));
	CHECK(strstr(out, "# left out by RUNNER_SHARE: 15\n"));
	CHECK(strstr(out, "# 5 passed, 0 failed, 0 skipped\n"));
	set_share(1, 1);
	CHECK_EQ(RUN(out, "--tap", "matrix["), 0);
	CHECK(strstr(out, "1..20\n"));
	CHECK(!strstr(out, "left out"));
}

TEST(share_keeps_what_is_no_matrix)
{
	char all[16384], out[16384];

	unsetenv("RUNNER_SHARE");
	CHECK_EQ(RUN(all, "--list", "reports[", "share_is_smaller"), 0);
	set_share(2, 7);
	CHECK_EQ(RUN(out, "--list", "reports[", "share_is_smaller"), 0);
	CHECK_STR(out, all);
}

TEST(share_keeps_what_is_named)
{
	char out[16384];

	for (int share = 1; share <= 4; share++) {
		set_share(share, 4);
		CHECK_EQ(RUN(out, "--list", "--run", "matrix[a]/first"), 0);
		CHECK_STR(out, "matrix[a]/first\n");
	}
}

TEST(share_that_is_none)
{
	static const char *const bad[] = {
		"", "3", "/", "1/", "/3", "0/3", "4/3", "1/3 ", " 1/3", "-1/3", "1/2000", "1/3/5"};
	char out[16384];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("RUNNER_SHARE", bad[i], 1);
		CHECK_EQ(RUN(out, "--list"), 2);
		CHECK(strstr(out, "is not like 2/5"));
	}
}
