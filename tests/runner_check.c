/* SPDX-License-Identifier: MIT
 *
 * runner_check.c - the checks of a test.
 *
 * A failure is marked in memory shared with the case's keeper before the process ends, so that a
 * test which never looks at its child's status still fails. Nothing here unwinds or runs atexit
 * handlers: the process that failed is not to be trusted any further.
 */
#include "runner_inside.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct runner_state *runner_state;
const char *(*test_error_text)(void);

static void mark(int fd, const char *format, va_list args)
{
	char text[sizeof(runner_state->reason)];

	vsnprintf(text, sizeof(text), format, args);
	dprintf(fd, "%s\n", text);
	if (atomic_fetch_add(&runner_state->failures, 1) == 0)
		memcpy(runner_state->reason, text, sizeof(text));
}

void runner_mark(int fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mark(fd, format, args);
	va_end(args);
}

void test_checked(void)
{
	atomic_fetch_add(&runner_state->checks, 1);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void test_fail(const char *file, int line, const char *format, ...)
{
	char text[640];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	runner_mark(STDERR_FILENO, "%s:%d: %s%s", base_name(file), line, text,
		getpid() == runner_state->body ? "" : " (in a child process)");
	_exit(TEST_STATUS_FAILED);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (getpid() != runner_state->body) {
		runner_mark(STDERR_FILENO, "SKIP in a child process");
		_exit(TEST_STATUS_FAILED);
	}
	vsnprintf(runner_state->reason, sizeof(runner_state->reason), format, args);
	va_end(args);
	atomic_store(&runner_state->skipped, true);
	_exit(TEST_STATUS_SKIPPED);
}

static const char *show_number(char *text, size_t size, struct test_number number)
{
	if (number.is_signed)
		snprintf(text, size, "%" PRId64, (int64_t)number.bits);
	else
		snprintf(text, size, "%" PRIu64, number.bits);
	return text;
}

void test_check_eq(
	const char *file, int line, const char *text, struct test_number a, struct test_number b)
{
	char left[24], right[24];
	bool a_negative = a.is_signed && (int64_t)a.bits < 0;
	bool b_negative = b.is_signed && (int64_t)b.bits < 0;

	if (a.bits != b.bits || a_negative != b_negative)
		test_fail(file, line, "%s: %s != %s", text, show_number(left, sizeof(left), a),
			show_number(right, sizeof(right), b));
	test_checked();
}

void test_check_str(const char *file, int line, const char *text, const char *a, const char *b)
{
	if (!a || !b)
		test_fail(file, line, "%s: %s is NULL", text, a ? "the second" : "the first");
	if (strcmp(a, b) != 0)
		test_fail(file, line, "%s: \"%s\" != \"%s\"", text, a, b);
	test_checked();
}

void test_check_mem(const char *file, int line, const char *text, const void *a, size_t a_size,
	const void *b, size_t b_size)
{
	const unsigned char *left = a, *right = b;
	size_t i;

	for (i = 0; i < a_size && i < b_size; i++)
		if (left[i] != right[i])
			test_fail(file, line, "%s: byte %zu is 0x%02x != 0x%02x", text, i, left[i],
				right[i]);
	if (a_size != b_size)
		test_fail(file, line, "%s: %zu bytes != %zu bytes", text, a_size, b_size);
	test_checked();
}

static const char *show_result(char *text, size_t size, int64_t result)
{
	const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;

	if (name)
		snprintf(text, size, "-%s", name);
	else
		snprintf(text, size, "%" PRId64, result);
	return text;
}

static const char *words(int64_t result)
{
	const char *text = result < 0 && test_error_text ? test_error_text() : NULL;

	return text ? text : "";
}

void test_check_err(const char *file, int line, const char *text, int64_t got, int64_t want)
{
	char left[32], right[32];
	const char *more;

	if (got == want) {
		test_checked();
		return;
	}
	more = words(got);
	test_fail(file, line, "%s: %s, expected %s%s%s", text, show_result(left, sizeof(left), got),
		show_result(right, sizeof(right), want), *more ? ": " : "", more);
}

void test_check_ok(const char *file, int line, const char *text, int64_t got)
{
	char left[32];
	const char *more;

	if (got >= 0) {
		test_checked();
		return;
	}
	more = words(got);
	test_fail(file, line, "%s: %s%s%s", text, show_result(left, sizeof(left), got),
		*more ? ": " : "", more);
}

void test_check_sys(const char *file, int line, const char *text, bool ok)
{
	const char *name;

	if (ok) {
		test_checked();
		return;
	}
	name = strerrorname_np(errno);
	test_fail(file, line, "%s: %s", text, name ? name : "unknown errno");
}
