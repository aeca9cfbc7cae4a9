/* SPDX-License-Identifier: MIT
 *
 * event_conformance.c - what every event promises, once per mechanism, as its capabilities say.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "events.h"
#include "sys.h"

enum { MANY = 5000 };

static bool is_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

/* ---- posting and waiting ---- */

TEST_EACH(every_event, a_post_ends_a_wait, struct event_row, row)
{
	struct leavings before = leavings_now();
	sinew_event *event = event_open(row, 0, "");
	struct sinew_notice notice;
	uint64_t bits = event_bits(row), word = event_word(row, 77);

	CHECK_ERR(sinew_event_wait(event, &notice, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_event_post(event, word, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, &notice, SINEW_NOW));
	CHECK_EQ(notice.value, word);
	CHECK_EQ(!!(notice.flags & SINEW_NOTICE_WORD), !!(bits & SINEW_EVENT_CAP_WORD));
	CHECK_EQ(!!(notice.flags & SINEW_NOTICE_SENDER), !!(bits & SINEW_EVENT_CAP_SENDER));
	CHECK_EQ(notice.pid, bits & SINEW_EVENT_CAP_SENDER ? getpid() : 0);
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	event_end(row, event);
	leavings_check(before);
}

TEST_EACH(every_event, posts_merge_or_not_as_told, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	uint64_t bits = event_bits(row), sum = 0, n = 0;
	struct sinew_notice notice;

	for (unsigned i = 0; i < 3; i++)
		CHECK_OK(sinew_event_post(event, event_word(row, i), SINEW_NOW));
	while (sinew_event_wait(event, &notice, SINEW_NOW) == 0) {
		if (bits & SINEW_EVENT_CAP_ORDERED)
			CHECK_EQ(notice.value, event_word(row, n));
		sum += notice.value;
		n++;
	}
	CHECK_EQ(n, bits & SINEW_EVENT_CAP_EVERY ? 3 : 1);
	if (bits & SINEW_EVENT_CAP_COUNTS)
		CHECK_EQ(sum, 3);
	event_end(row, event);
}

TEST_EACH(every_event, a_value_is_units_where_it_counts, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	uint64_t bits = event_bits(row), sum = 0;
	struct sinew_caps caps;
	struct sinew_notice notice;

	CHECK_OK(sinew_caps(event_uri(row, "", false), &caps));
	CHECK(caps.max_message > 0);
	if (caps.max_message < UINT64_MAX)
		CHECK_ERR(sinew_event_post(event, caps.max_message + 1, SINEW_NOW), -EOPNOTSUPP);
	if (bits & SINEW_EVENT_CAP_COUNTS) {
		CHECK_OK(sinew_event_post(event, 4, SINEW_NOW));
		CHECK_OK(sinew_event_post(event, 0, SINEW_NOW)); /* one */
		while (sinew_event_wait(event, &notice, SINEW_NOW) == 0)
			sum += notice.value;
		CHECK_EQ(sum, 5);
	}
	event_end(row, event);
}

static void post_one(sinew_event *event)
{
	CHECK_OK(sinew_event_post(event, 0, SINEW_FOREVER));
}

static void wait_one(sinew_event *event)
{
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_FOREVER));
}

TEST_EACH(every_event, another_process_posts, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	struct sinew_notice notice;

	pid_t child = event_fork(row, event, SINEW_OUT, post_one);
	CHECK_OK(sinew_event_wait(event, &notice, event_after_ms(20000)));
	if (event_bits(row) & SINEW_EVENT_CAP_SENDER) {
		CHECK_EQ(notice.pid, child);
		CHECK_EQ(notice.uid, getuid());
	}
	CHECK_EQ(test_wait(child), 0);
	event_end(row, event);
}

TEST_EACH(every_event, who_sleeps_is_woken, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	uint64_t bits = event_bits(row);

	if (!(bits & SINEW_EVENT_CAP_WAITERS)) {
		CHECK(!(bits & SINEW_EVENT_CAP_RELATIVES)); /* the next case wakes these */
		event_end(row, event);
		return;
	}
	pid_t child = event_fork(row, event, SINEW_IN, wait_one);
	test_blocked(child, -1);
	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_EQ(test_wait(child), 0);
	event_end(row, event);
}

static atomic_int acknowledged;

static void *answer_each(void *arg)
{
	for (int i = 0; i < MANY; i++) {
		CHECK_OK(sinew_event_wait(arg, NULL, event_after_ms(20000)));
		atomic_store(&acknowledged, i + 1);
	}
	return NULL;
}

/* One post at a time, each at any moment of the waiter's way to sleep: none may be missed. */
TEST_EACH(every_event, no_wake_up_is_lost, struct event_row, row, .timeout = 90)
{
	pthread_t thread;
	sinew_event *event = event_open(row, 0, "");

	CHECK_EQ(pthread_create(&thread, NULL, answer_each, event), 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_OK(sinew_event_post(event, 0, event_after_ms(20000)));
		while (atomic_load(&acknowledged) <= i)
			sched_yield();
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	event_end(row, event);
}

static bool words;

static void post_many(sinew_event *event)
{
	for (uint64_t i = 0; i < MANY; i++)
		CHECK_OK(sinew_event_post(event, words ? i : 1, SINEW_FOREVER));
}

/* As fast as it goes: every unit arrives, words in their order; of posts that merge, one at least. */
TEST_EACH(every_event, a_flood_arrives, struct event_row, row, .timeout = 90)
{
	sinew_event *event = event_open(row, 0, "");
	uint64_t bits = event_bits(row), sum = 0, n = 0;
	bool all = bits & (SINEW_EVENT_CAP_EVERY | SINEW_EVENT_CAP_COUNTS);
	struct sinew_notice notice;

	words = bits & SINEW_EVENT_CAP_WORD;
	pid_t child = event_fork(row, event, SINEW_OUT, post_many);
	while (all ? sum < MANY : sum == 0) {
		CHECK_OK(sinew_event_wait(event, &notice, event_after_ms(20000)));
		if (bits & SINEW_EVENT_CAP_ORDERED)
			CHECK_EQ(notice.value, n);
		sum += bits & SINEW_EVENT_CAP_COUNTS ? notice.value : 1;
		n++;
	}
	CHECK_EQ(test_wait(child), 0);
	if (all)
		CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	while (sinew_event_wait(event, NULL, SINEW_NOW) == 0)
		;
	event_end(row, event);
}

/* ---- deadlines ---- */

TEST_EACH(every_event, a_deadline_is_kept_and_not_early, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");

	for (int ms = 0; ms <= 40; ms += 8) {
		int64_t until = event_after_ms(ms ? ms : 1);
		CHECK_ERR(sinew_event_wait(event, NULL, until), -ETIMEDOUT);
		CHECK(test_now() >= until);
		CHECK(test_now() < until + 5000000000);
	}
	CHECK_ERR(sinew_event_wait(event, NULL, 1), -ETIMEDOUT); /* long ago */
	CHECK_OK(sinew_event_post(event, 0, 1));
	CHECK_OK(sinew_event_wait(event, NULL, 1)); /* what can be done at once is done */
	event_end(row, event);
}

static clockid_t waited_by = -1;

static int note_clock(sem_t *sem, clockid_t clock, const struct timespec *until)
{
	waited_by = clock;
	return sem_clockwait(sem, clock, until);
}

/* Setting the clock back cannot move a deadline: the only call of the table that takes a clock for a
 * wait is told the monotonic one, and the others take durations. */
TEST_EACH(every_event, no_wait_looks_at_the_time_of_day, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");

	sinew__sys.sem_clockwait = note_clock;
	CHECK_ERR(sinew_event_wait(event, NULL, event_after_ms(5)), -ETIMEDOUT);
	CHECK(waited_by == -1 || waited_by == CLOCK_MONOTONIC);
	CHECK_EQ(waited_by >= 0, strcmp(row->name, "sem") == 0);
	sinew__sys.sem_clockwait = sem_clockwait;
	event_end(row, event);
}

static unsigned looks;

static void count_look(void)
{
	looks++;
}

TEST_EACH(every_event, for_ever_is_one_system_call, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");

	hook_calls(count_look);
	CHECK_OK(sinew_event_post(event, 0, SINEW_FOREVER));
	CHECK_EQ(looks, 2); /* before and after it */
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_FOREVER));
	CHECK_EQ(looks, 4);
	hook_calls(NULL);
	event_end(row, event);
}

/* ---- ending a wait ---- */

static atomic_int ended_with;

static void *wait_forever(void *arg)
{
	atomic_store(&ended_with, sinew_event_wait(arg, NULL, SINEW_FOREVER));
	return NULL;
}

TEST_EACH(every_event, cancel_ends_a_wait, struct event_row, row)
{
	pthread_t thread;
	sinew_event *event = event_open(row, SINEW_CANCELLABLE, "");

	CHECK_EQ(pthread_create(&thread, NULL, wait_forever, event), 0);
	CHECK_OK(sinew_event_cancel(event));
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ended_with, -ECANCELED);
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_FOREVER), -ECANCELED);
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_event_resume(event));
	CHECK_OK(sinew_event_post(event, 0, SINEW_FOREVER));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_FOREVER));
	event_end(row, event);
	event = event_open(row, 0, "");
	CHECK_ERR(sinew_event_cancel(event), -EOPNOTSUPP);
	CHECK_ERR(sinew_event_resume(event), -EOPNOTSUPP);
	event_end(row, event);
}

static void on_alarm(int number)
{
	(void)number;
}

static void ring_every_ms(int ms)
{
	const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	const struct itimerval every = {{0, ms * 1000}, {0, ms * 1000}};

	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &every, NULL));
}

TEST_EACH(every_event, a_signal_ends_a_wait_only_if_asked, struct event_row, row)
{
	sinew_event *event = event_open(row, SINEW_INTERRUPTIBLE, "");

	ring_every_ms(3);
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_FOREVER), -EINTR);
	CHECK_ERR(sinew_event_wait(event, NULL, event_after_ms(20000)), -EINTR);
	event_end(row, event);
	event = event_open(row, 0, "");
	int64_t until = event_after_ms(50);
	CHECK_ERR(sinew_event_wait(event, NULL, until), -ETIMEDOUT);
	CHECK(test_now() >= until);
	ring_every_ms(0);
	event_end(row, event);
}

/* ---- manners ---- */

TEST_EACH(every_event, open_for_one_thing_refuses_the_other, struct event_row, row)
{
	sinew_event *event = event_open(row, SINEW_IN, "");

	CHECK_ERR(sinew_event_post(event, 0, SINEW_NOW), -EBADF);
	CHECK_OK(sinew_event_close(event));
	event = event_open(row, SINEW_OUT, "");
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EBADF);
	event_end(row, event);
	CHECK_ERR(sinew_event_open(&event, event_uri(row, "", false), SINEW_LISTEN, SINEW_NOW),
		-EINVAL);
	CHECK_ERR(sinew_event_open(&event, event_uri(row, "colour=red", false), 0, SINEW_NOW),
		-EINVAL);
	sinew_channel *channel;
	CHECK_ERR(sinew_open(&channel, event_uri(row, "", false), 0, SINEW_NOW), -EINVAL);
	CHECK(strstr(sinew_error_text(), "kind of event") != NULL);
}

static void use_parents(void *arg)
{
	struct sinew_stats stats;

	CHECK_ERR(sinew_event_post(arg, 0, SINEW_NOW), -EOWNERDEAD);
	CHECK_ERR(sinew_event_wait(arg, NULL, SINEW_FOREVER), -EOWNERDEAD);
	CHECK_ERR(sinew_event_fd(arg), -EOWNERDEAD);
	CHECK_ERR(sinew_event_stats(arg, &stats), -EOWNERDEAD);
	CHECK_ERR(sinew_event_cancel(arg), -EOWNERDEAD);
	CHECK_ERR(sinew_event_resume(arg), -EOWNERDEAD);
	sinew_event_close(arg);
}

static void use_shared(void *arg)
{
	CHECK_OK(sinew_event_post(arg, 0, SINEW_NOW));
	sinew_event_close(arg);
}

TEST_EACH(every_event, a_fork_leaves_it_to_the_parent, struct event_row, row)
{
	sinew_event *event = event_open(row, SINEW_CANCELLABLE, "");
	bool shared = event_bits(row) & SINEW_EVENT_CAP_RELATIVES;

	CHECK_EQ(test_wait(test_fork(shared ? use_shared : use_parents, event)), 0);
	if (!shared)
		CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	event_end(row, event);
}

TEST_EACH(every_event, nothing_crosses_an_exec, struct event_row, row)
{
	unsigned kept = 0;
	char list[4096];

	sinew_event *event = event_open(row, SINEW_CANCELLABLE, "");
	for (int fd = 3; fd < 64; fd++)
		kept += fcntl(fd, F_GETFD) == 0;
	CHECK_EQ(kept, 0);
	CHECK_EQ(test_run(list, sizeof list, (char *[]){"/bin/sh", "-c", "ls /proc/$$/fd", NULL}),
		0);
	CHECK_STR(list, "0\n1\n2\n");
	event_end(row, event);
}

TEST_EACH(every_event, a_descriptor_tells_when_it_is_time, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");

	if (!(event_bits(row) & SINEW_EVENT_CAP_POLLABLE)) {
		CHECK_ERR(sinew_event_fd(event), -EOPNOTSUPP);
		event_end(row, event);
		return;
	}
	int fd = CHECK_OK(sinew_event_fd(event));
	CHECK(!is_readable(fd));
	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK(is_readable(fd));
	CHECK(is_readable(fd)); /* level-triggered */
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK(!is_readable(fd));
	event_end(row, event);
}

TEST_EACH(every_event, a_set_or_no_set, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	struct sinew_event_step steps[33] = {{0, 1}};

	if (event_bits(row) & SINEW_EVENT_CAP_SETS) {
		CHECK_OK(sinew_event_apply(event, steps, 1, SINEW_NOW));
		CHECK_ERR(sinew_event_apply(event, steps, 33, SINEW_NOW), -EINVAL);
		CHECK_ERR(sinew_event_apply(event, steps, 0, SINEW_NOW), -EINVAL);
	} else {
		CHECK_ERR(sinew_event_apply(event, steps, 1, SINEW_NOW), -EOPNOTSUPP);
	}
	event_end(row, event);
}

TEST_EACH(every_event, what_was_done_is_counted, struct event_row, row)
{
	sinew_event *event = event_open(row, 0, "");
	struct sinew_stats stats;

	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_event_stats(event, &stats));
	CHECK_EQ(stats.sent, 1);
	CHECK_EQ(stats.received, 1);
	CHECK_EQ(stats.calls, 3);
	CHECK_EQ(stats.waits, 0);
	event_end(row, event);
}

TEST_EACH(every_event, removing_says_what_there_was, struct event_row, row)
{
	bool survives = event_bits(row) & SINEW_EVENT_CAP_SURVIVES;

	CHECK_ERR(sinew_remove(event_uri(row, "", false)), survives ? -ENOENT : -EOPNOTSUPP);
	CHECK(strstr(sinew_error_text(), "remove") != NULL);
}

/* Opening either fails in words, or it works; neither leaves anything behind. */
TEST_EACH(every_event, each_call_of_opening_fails_once, struct event_row, row)
{
	const char *uri = event_uri(row, "", false);
	struct leavings before = leavings_now();
	sinew_event *event;
	sigset_t was, is;
	bool failed;
	unsigned n = 0;

	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &was), 0);
	do {
		event = NULL;
		failing_calls_begin(n++);
		int r = sinew_event_open(&event, uri, SINEW_CANCELLABLE, SINEW_NOW);
		failed = failing_calls_end();
		CHECK_EQ(r == 0, event != NULL);
		CHECK(r == 0 || *sinew_error_text());
		CHECK_EQ(sinew_event_close(event), 0);
		if (event_bits(row) & SINEW_EVENT_CAP_SURVIVES && sinew_remove(uri) < 0)
			CHECK(r < 0);
		leavings_check(before);
		CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &is), 0);
		for (int sig = 1; sig <= SIGRTMAX; sig++)
			CHECK_EQ(sigismember(&is, sig), sigismember(&was, sig));
	} while (failed);
	CHECK(n > 2);
}

/* ---- names ---- */

TEST_EACH(named_event, it_outlives_its_users, struct event_row, row)
{
	sinew_event *event = event_open(row, SINEW_OUT, "");

	CHECK(event_bits(row) & SINEW_EVENT_CAP_SURVIVES);
	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	event = event_open(row, SINEW_IN, "create=no");
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	event_end(row, event);
}

static void open_late(void *arg)
{
	sinew_event *event;

	CHECK_OK(sinew_event_open(&event, arg, SINEW_IN, event_after_ms(20000)));
	CHECK_OK(sinew_event_wait(event, NULL, event_after_ms(20000)));
	sinew_event_close(event);
}

TEST_EACH(named_event, with_create_no_it_waits_for_the_name, struct event_row, row)
{
	const char *uri = event_uri(row, "create=no", false);
	struct leavings before = leavings_now();
	sinew_event *event;

	CHECK_ERR(sinew_event_open(&event, uri, 0, SINEW_NOW), -ENOENT);
	int64_t until = event_after_ms(20);
	CHECK_ERR(sinew_event_open(&event, uri, 0, until), -ENOENT);
	CHECK(test_now() >= until);
	leavings_check(before);
	pid_t child = test_fork(open_late, (void *)uri);
	event = event_open(row, SINEW_OUT, "");
	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_EQ(test_wait(child), 0);
	event_end(row, event);
}

TEST_EACH(named_event, initial_units_are_there_for_the_first_only, struct event_row, row)
{
	sinew_event *first = event_open(row, 0, "initial=2");
	sinew_event *second = event_open(row, 0, "initial=9");

	CHECK_OK(sinew_event_wait(first, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_wait(second, NULL, SINEW_NOW));
	CHECK_ERR(sinew_event_wait(second, NULL, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_event_close(first));
	event_end(row, second);
}
