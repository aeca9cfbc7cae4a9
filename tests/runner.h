/* SPDX-License-Identifier: MIT
 *
 * runner.h - what a test program sees of the test runner.
 *
 * A program lists cases with TEST() and TEST_EACH(); main() is the runner's. Each case runs in its
 * own process and session, with empty standard input, default signals, only descriptors 0 to 2, a
 * clean environment and a fresh working directory. It passes when its body reached its end, made at
 * least one check, failed none in any of its processes, and left no descriptor and no process.
 *
 * The checks do not return when they fail: the process that fails one ends at once, and the case
 * has failed whatever its other processes do. They may be used in any thread and forked process.
 */
#ifndef SINEW_TESTS_RUNNER_H
#define SINEW_TESTS_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TEST_STATUS_SKIPPED = 77, /* exit status of a skipped case */
	TEST_STATUS_FAILED = 99   /* exit status of any process that failed a check */
};

/* Rows for TEST_EACH. A row is a structure whose first member is its name, a const char *. */
struct test_suite {
	const char *name;
	const void *rows;
	size_t count, size;
};

struct test_case {
	const char *name;
	void (*run)(const void *row);
	const struct test_suite *suite;
	int timeout; /* seconds; 0: the default, 30 */
	bool hidden; /* run only when named by --run */
	struct test_case *next;
};

void test_register(struct test_case *test);

/* TEST(name) { body }            settings may follow the name: TEST(slow, .timeout = 90) */
#define TEST(name_, ...)                                                                           \
	static void case_##name_(void);                                                            \
	static void case_call_##name_(const void *row_)                                            \
	{                                                                                          \
		(void)row_;                                                                        \
		case_##name_();                                                                    \
	}                                                                                          \
	TEST_REGISTER(name_, NULL, __VA_ARGS__)                                                    \
	static void case_##name_(void)

/* TEST_SUITE(channel, rows) in one file; others say: extern struct test_suite channel; */
#define TEST_SUITE(suite_, rows_)                                                                  \
	struct test_suite suite_ = {                                                               \
		.name = #suite_,                                                                   \
		.rows = (rows_),                                                                   \
		.count = sizeof(rows_) / sizeof((rows_)[0]),                                       \
		.size = sizeof((rows_)[0]),                                                        \
	}

/* TEST_EACH(channel, send_receive, struct mechanism, m) { body uses const struct mechanism *m }
 * runs once per row; the cases are named "channel[pipe]/send_receive". */
#define TEST_EACH(suite_, name_, type_, row_, ...)                                                 \
	static void case_##name_(const type_ *row_);                                               \
	static void case_call_##name_(const void *row_)                                            \
	{                                                                                          \
		case_##name_(row_);                                                                \
	}                                                                                          \
	TEST_REGISTER(name_, &suite_, __VA_ARGS__)                                                 \
	static void case_##name_(const type_ *row_)

#define TEST_REGISTER(name_, suite_, ...)                                                          \
	__attribute__((constructor)) static void case_register_##name_(void)                       \
	{                                                                                          \
		static struct test_case case_ = {                                                  \
			.name = #name_, .run = case_call_##name_, .suite = (suite_), __VA_ARGS__}; \
		test_register(&case_);                                                             \
	}

/* Checks. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (cond)                                                                          \
			test_checked();                                                            \
		else                                                                               \
			test_fail(__FILE__, __LINE__, "%s is false", #cond);                       \
	} while (0)
/* Two integers, booleans or pointers to void; shows both values. */
#define CHECK_EQ(a, b)                                                                             \
	test_check_eq(__FILE__, __LINE__, #a " == " #b, TEST_NUMBER(a), TEST_NUMBER(b))
#define CHECK_STR(a, b) test_check_str(__FILE__, __LINE__, #a " == " #b, (a), (b))
#define CHECK_MEM(a, a_size, b, b_size)                                                            \
	test_check_mem(__FILE__, __LINE__, #a " == " #b, (a), (a_size), (b), (b_size))
/* The call answers with this negative errno: CHECK_ERR(sinew_send(...), -EAGAIN) */
#define CHECK_ERR(call, error) test_check_err(__FILE__, __LINE__, #call, (call), (error))
/* The call answers with 0 or more; the value of the macro is the answer. */
#define CHECK_OK(call)                                                                             \
	({                                                                                         \
		__auto_type ok_ = (call);                                                          \
		test_check_ok(__FILE__, __LINE__, #call, ok_);                                     \
		ok_;                                                                               \
	})
/* The system call does not return -1; the value of the macro is what it returned. */
#define CHECK_SYS(call)                                                                            \
	({                                                                                         \
		__auto_type sys_ = (call);                                                         \
		test_check_sys(__FILE__, __LINE__, #call, sys_ != -1);                             \
		sys_;                                                                              \
	})
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
/* Ends the case; only in its first process, and before anything has to be cleaned up. */
#define SKIP(...) test_skip(__VA_ARGS__)

/* Whether cond becomes true within so many ms, looked at every ms; and the same as a check. */
#define test_within(cond, ms)                                                                      \
	({                                                                                         \
		int64_t within_ = test_limit(ms);                                                  \
		bool met_ = (cond);                                                                \
		while (!met_ && test_now() < within_) {                                            \
			test_pause();                                                              \
			met_ = (cond);                                                             \
		}                                                                                  \
		met_;                                                                              \
	})
#define WAIT_UNTIL(cond, ms)                                                                       \
	(test_within(cond, ms)                                                                     \
			? test_checked()                                                           \
			: test_fail(__FILE__, __LINE__, "not within %d ms: %s", (int)(ms), #cond))

/* If set, gives the words that CHECK_OK and CHECK_ERR add to their complaint. */
extern const char *(*test_error_text)(void);

/* Runs fn in a child, which then exits with 0. As another user: real and effective ids, no groups;
 * skips the case where that is not allowed. */
pid_t test_fork(void (*fn)(void *), void *arg);
pid_t test_fork_as(uid_t uid, void (*fn)(void *), void *arg);

/* Waits for the child to end: its exit status, or minus the signal that ended it. */
__attribute__((warn_unused_result)) int test_wait(pid_t pid);

/* Runs a program and waits for it: the result as test_wait(), 127 if it cannot be executed; what
 * it wrote to both outputs is in `out`, cut to fit, always ended by NUL. */
__attribute__((warn_unused_result)) int test_run(char *out, size_t size, char *const argv[]);

/* Waits until the thread (or single-threaded process) sleeps in that system call, or, with -1, in
 * any, having not run between two looks. Fails the case after ten seconds. */
#define test_blocked(tid, syscall_number)                                                          \
	test_blocked_at(__FILE__, __LINE__, (tid), (syscall_number))

/* This case's directory, short enough for a socket's path, empty at first, removed afterwards. */
const char *test_tmpdir(void);
/* "<directory>/name"; good until the sixteenth call from here. */
const char *test_path(const char *name);

/* CLOCK_MONOTONIC in ns; an absolute time in ms from now, stretched where the build is slow. */
int64_t test_now(void);
int64_t test_limit(int64_t ms);
/* Lets other processes run, for at most a millisecond. */
void test_pause(void);

/* What the macros above call. */
struct test_number {
	bool is_signed;
	uint64_t bits;
};

static inline struct test_number test_signed(int64_t value)
{
	return (struct test_number){true, (uint64_t)value};
}

static inline struct test_number test_unsigned(uint64_t value)
{
	return (struct test_number){false, value};
}

static inline struct test_number test_pointer(const void *value)
{
	return (struct test_number){false, (uintptr_t)value};
}

struct test_number test_no_floats(double value)
	__attribute__((error("compare floating point numbers with CHECK and a tolerance")));

#define TEST_NUMBER(x)                                                                             \
	_Generic((x), unsigned long: test_unsigned, unsigned long long: test_unsigned,             \
		void *: test_pointer, const void *: test_pointer, float: test_no_floats,           \
		double: test_no_floats, default: test_signed)(x)

void test_checked(void);
__attribute__((noreturn, cold, format(printf, 3, 4))) void test_fail(
	const char *file, int line, const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void test_skip(const char *format, ...);
void test_check_eq(
	const char *file, int line, const char *text, struct test_number a, struct test_number b);
void test_check_str(const char *file, int line, const char *text, const char *a, const char *b);
void test_check_mem(const char *file, int line, const char *text, const void *a, size_t a_size,
	const void *b, size_t b_size);
void test_check_err(const char *file, int line, const char *text, int64_t got, int64_t want);
void test_check_ok(const char *file, int line, const char *text, int64_t got);
void test_blocked_at(const char *file, int line, pid_t tid, long syscall_number);
void test_check_sys(const char *file, int line, const char *text, bool ok);

#endif
