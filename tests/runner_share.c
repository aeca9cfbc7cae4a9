/* SPDX-License-Identifier: MIT
 *
 * runner_share.c - the rule by which a build runs a part of the cases: RUNNER_SHARE=2/5.
 *
 * The cases of one suite are a matrix of its rows and the TEST_EACH()es of this program. Share P of N
 * are every N-th diagonal of it, from the P-th on: so each row and each test has its turn in every share,
 * like rows beside each other meet different tests, and all shares together are the whole. N is made
 * no larger than the matrix is wide or high, which is why a suite with a single test is never divided,
 * and a case without rows always runs.
 */
#include "runner_inside.h"
#include <stdlib.h>

static size_t wanted, shares = 1;

/* Digits alone: strtoul() would take spaces and signs. */
static size_t read_number(const char **text)
{
	char *end;
	unsigned long number = 0;

	if (**text >= '1' && **text <= '9') {
		number = strtoul(*text, &end, 10);
		*text = end;
	}
	return number;
}

bool runner_read_share(const char *text)
{
	size_t number = read_number(&text), of = 0;

	if (number && *text == '/') {
		text++;
		of = read_number(&text);
	}
	if (*text || number > of || of > 1000 || !number)
		return false;
	wanted = number - 1;
	shares = of;
	return true;
}

/* How many tests the suite has up to this one, which does not count; all, with NULL. */
static size_t tests_before(
	const struct test_case *first, const struct test_suite *suite, const struct test_case *end)
{
	size_t count = 0;

	for (; first != end; first = first->next)
		count += first->suite == suite && !first->hidden;
	return count;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool runner_is_in_share(
	const struct test_case *first, const struct test_case *test, const void *row)
{
	const struct test_suite *suite = test->suite;
	size_t index, divisor;

	if (!suite || test->hidden)
		return true;
	index = (size_t)((const char *)row - (const char *)suite->rows) / suite->size;
	divisor = least(shares, least(suite->count, tests_before(first, suite, NULL)));
	return (index + tests_before(first, suite, test)) % divisor == wanted % divisor;
}
