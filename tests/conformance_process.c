/* SPDX-License-Identifier: MIT
 *
 * conformance_process.c - the manners of a guest: fork, exec, descriptors, threads, signals, memory
 * and system calls. What a host did not ask for does not happen to it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counting.h"
#include "mechanisms.h"

/* ---- fork ---- */

static void use_parents(void *arg)
{
	struct ends *e = arg;
	struct sinew_msg msg = {.data = "x", .size = 1};
	struct sinew_peer peer;
	char buf[256];

	CHECK_ERR(sinew_recv(e->in, buf, sizeof buf, &msg, SINEW_NOW), -EOWNERDEAD);
	CHECK_ERR(sinew_take(e->in, &msg, 1, SINEW_FOREVER), -EOWNERDEAD);
	CHECK_ERR(sinew_send(e->out, &msg, 1, SINEW_NOW), -EOWNERDEAD);
	CHECK_ERR(sinew_flush(e->out, SINEW_NOW), -EOWNERDEAD);
	CHECK_ERR(sinew_finish(e->out, SINEW_NOW), -EOWNERDEAD);
	CHECK_ERR(sinew_fd(e->in, SINEW_IN), -EOWNERDEAD);
	CHECK_ERR(sinew_peer(e->in, SINEW_ANY_PEER, &peer), -EOWNERDEAD);
	CHECK(strstr(sinew_error_text(), "fork") != NULL);
	sinew_close(e->in);
	sinew_close(e->out);
}

static void ask_parents(void *arg)
{
	struct ends *e = arg;
	struct sinew_stats stats;
	char buf[256];

	CHECK_ERR(sinew_cancel(e->in), -EOWNERDEAD);
	CHECK_ERR(sinew_resume(e->in), -EOWNERDEAD);
	CHECK(sinew_inherit(e->in, buf, sizeof buf) < 0);
	CHECK_ERR(sinew_name(e->in, buf, sizeof buf), -EOWNERDEAD);
	CHECK_ERR(sinew_stats(e->in, &stats), -EOWNERDEAD);
	sinew_close(e->in);
	sinew_close(e->out);
}

static void check_unharmed(struct ends *e)
{
	struct stat st;

	send_filled(e->out, 40, 1);
	expect_filled(e->in, 40, 1);
	if (e->m->place && strlen(e->m->place) == 1 && *e->m->place != '@')
		CHECK_SYS(stat(test_path(e->m->place), &st));
	sinew_channel *out = ends_join(e, 0);
	sinew_close(e->out);
	e->out = out;
	send_filled(e->out, 40, 2);
	expect_filled(e->in, 40, 2);
}

/* Where there is one. */
static void ask_fd(struct ends *e, unsigned direction)
{
	sinew_channel *channel = direction == SINEW_IN ? e->in : e->out;

	if (mechanism_bits(e->m) & SINEW_CAP_POLLABLE)
		CHECK_OK(sinew_fd(channel, direction));
	else
		CHECK_ERR(sinew_fd(channel, direction), -EOPNOTSUPP);
}

static void check_fork(const struct mechanism *m, void (*use)(void *))
{
	bool relatives = !m->place;
	struct ends e;

	if (relatives || strstr(m->options, "peers=1") || strstr(m->options, "pattern=pair") ||
		strstr(m->options, "writers=1")) {
		/* Pairs are made for forks; elsewhere no second connection can be made. */
		CHECK(m->single);
		return;
	}
	ends_open(m, &e, SINEW_CANCELLABLE, "");
	ask_fd(&e, SINEW_IN);
	send_filled(e.out, 40, 0);
	CHECK_EQ(test_wait(test_fork(use, &e)), 0);
	expect_filled(e.in, 40, 0);
	check_unharmed(&e);
	ends_close(&e);
}

TEST_EACH(framed_channel, a_forked_child_is_turned_away, struct mechanism, m)
{
	check_fork(m, use_parents);
}

TEST_EACH(framed_channel, a_forked_child_cannot_even_cancel_or_ask, struct mechanism, m)
{
	check_fork(m, ask_parents);
}

static void echo(sinew_channel *out, void *arg)
{
	(void)arg;
	expect_filled(out, 50, 1);
	send_filled(out, 60, 2);
}

TEST_EACH(framed_channel, pairs_work_across_fork, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, 0, "");
	if (m->place || !(mechanism_bits(m) & SINEW_CAP_BOTH_WAYS)) {
		CHECK(m->place || strcmp(m->scheme, "pipe") == 0);
		ends_close(&e);
		return;
	}
	pid_t child = ends_fork(&e, echo, NULL);
	send_filled(e.in, 50, 1);
	expect_filled(e.in, 60, 2);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* ---- exec ---- */

/* This program, run again by the case below: adopts the URI and sends. Before main(), because that
 * is the runner's. */
__attribute__((constructor)) static void run_again(int argc, char **argv)
{
	sinew_channel *out;
	struct sinew_msg msg = {.data = "from beyond", .size = 11};

	if (argc != 3 || strcmp(argv[1], "adopt") != 0)
		return;
	int r = sinew_open(&out, argv[2], SINEW_OUT, SINEW_NOW);
	for (unsigned i = 0; r >= 0 && i < 2; i++)
		r = sinew_send(out, &msg, 1, SINEW_FOREVER);
	if (r < 0)
		dprintf(STDERR_FILENO, "%s\n", sinew_error_text());
	_exit(r < 0);
}

static void exec_again(sinew_channel *out, void *arg)
{
	char uri[256];

	(void)arg;
	CHECK_ERR(sinew_inherit(out, uri, 4), -ENAMETOOLONG);
	CHECK_OK(sinew_inherit(out, uri, sizeof uri));
	execl("/proc/self/exe", "again", "adopt", uri, NULL);
	FAIL("exec: %m");
}

TEST_EACH(framed_channel, an_end_can_be_inherited, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;
	char buf[64];

	ends_listen(m, &e, 0, "");
	if (m->place) {
		CHECK_ERR(sinew_inherit(e.in, buf, sizeof buf), -EOPNOTSUPP);
		ends_close(&e);
		return;
	}
	pid_t child = ends_fork(&e, exec_again, NULL);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
		CHECK_MEM(buf, msg.size, "from beyond", 11);
	}
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* ---- descriptors ---- */

static void check_all_close_on_exec(void)
{
	for (int fd = 3; fd < 200; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !(flags & FD_CLOEXEC))
			FAIL("descriptor %d survives exec", fd);
		test_checked();
	}
}

TEST_EACH(every_channel, descriptors_are_close_on_exec, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, SINEW_CANCELLABLE, "");
	ask_fd(&e, SINEW_IN);
	ask_fd(&e, SINEW_OUT);
	check_all_close_on_exec();
	ends_close(&e);
}

TEST(adopted_pipes_keep_their_flags)
{
	sinew_channel *in, *out;
	char uri[64];
	int fds[2];

	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		CHECK_SYS(pipe2(fds, flags));
		int before[2] = {fcntl(fds[0], F_GETFL), fcntl(fds[1], F_GETFL)};
		snprintf(uri, sizeof uri, "pipe:read=%d", fds[0]);
		CHECK_OK(sinew_open(&in, uri, SINEW_IN, SINEW_NOW));
		snprintf(uri, sizeof uri, "pipe:write=%d", fds[1]);
		CHECK_OK(sinew_open(&out, uri, 0, SINEW_NOW));
		struct sinew_msg msg;
		CHECK_ERR(sinew_recv(in, NULL, 0, &msg, after_ms(5)), -ETIMEDOUT);
		send_filled(out, 70000 - 10000, 1);
		expect_filled(in, 60000, 1);
		CHECK_EQ(fcntl(fds[0], F_GETFL), before[0]);
		CHECK_EQ(fcntl(fds[1], F_GETFL), before[1]);
		CHECK_EQ(fcntl(fds[0], F_GETFD), 0);
		sinew_close(out);
		sinew_close(in);
		CHECK_EQ(fcntl(fds[0], F_GETFD), -1);
		CHECK_EQ(fcntl(fds[1], F_GETFD), -1);
	}
}

/* ---- signals ---- */

static void remember(struct sigaction actions[NSIG], sigset_t *mask)
{
	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &actions[number]) < 0)
			actions[number] = (struct sigaction){0};
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, mask), 0);
}

TEST_EACH(every_channel, dispositions_and_mask_stay, struct mechanism, m)
{
	static struct sigaction before[NSIG], after[NSIG];
	struct sinew_msg msg = {.data = "x", .size = 1};
	sigset_t mask[2], pending;
	struct ends e;

	sigemptyset(&pending);
	sigaddset(&pending, SIGPIPE);
	CHECK_SYS(sigprocmask(SIG_UNBLOCK, &pending, NULL));
	remember(before, &mask[0]);
	ends_open(m, &e, SINEW_CANCELLABLE, "");
	send_filled(e.out, 10, 1);
	sinew_close(e.in);
	for (unsigned i = 0; i < 3; i++)
		sinew_send(e.out, &msg, 1, SINEW_NOW);
	e.in = NULL;
	ends_close(&e);
	remember(after, &mask[1]);
	for (int number = 1; number < NSIG; number++) {
		CHECK(before[number].sa_handler == after[number].sa_handler);
		CHECK_EQ(sigismember(&mask[0], number), sigismember(&mask[1], number));
	}
	CHECK_SYS(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGPIPE));
}

/* ---- threads ---- */

enum { CROSSING = 20000, LOOK_EACH = 100000000 };

struct side {
	sinew_channel *channel;
	uint64_t peer;
	unsigned total;
	unsigned sends, receives; /* which stream of messages */
};

static void *send_side(void *arg)
{
	const struct side *s = arg;
	unsigned number = 0;

	while (number < s->total) {
		unsigned count = 1 + number % 7, left = s->total - number;
		struct sinew_msg msgs[7];
		char data[7][16];
		count = count < left ? count : left;
		for (unsigned i = 0; i < count; i++) {
			snprintf(data[i], sizeof data[i], "%08u", number + i);
			msgs[i] = (struct sinew_msg){.data = data[i], .size = 8, .peer = s->peer};
		}
		unsigned sent =
			(unsigned)CHECK_OK(sinew_send(s->channel, msgs, count, SINEW_FOREVER));
		number += sent;
		pace_sent(s->sends, sent);
	}
	CHECK_OK(sinew_flush(s->channel, SINEW_FOREVER));
	return NULL;
}

static void *receive_side(void *arg)
{
	const struct side *s = arg;
	struct sinew_stats stats;
	struct sinew_msg msg;
	char buf[16], want[16];

	for (unsigned i = 0; i < s->total; i++) {
		CHECK_EQ(sinew_recv(s->channel, buf, sizeof buf, &msg, SINEW_FOREVER), 1);
		snprintf(want, sizeof want, "%08u", i);
		if (msg.size != 8 || memcmp(buf, want, 8) != 0)
			FAIL("message %u is not what was sent", i);
		pace_received(s->receives, 1);
	}
	CHECK_OK(sinew_stats(s->channel, &stats));
	CHECK(stats.received >= s->total);
	return NULL;
}

/* Four threads, two on each handle, which carries both directions at once. */
TEST_EACH(
	framed_channel, one_thread_sends_while_another_receives, struct mechanism, m, .timeout = 60)
{
	bool both = mechanism_bits(m) & SINEW_CAP_BOTH_WAYS;
	struct side sides[2];
	pthread_t threads[4];
	struct sinew_msg msg;
	struct ends e;
	char buf[16];

	ends_open(m, &e, 0, "");
	send_filled(e.out, 8, 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	pace_open(m);
	sides[0] = (struct side){e.in, msg.peer, CROSSING, 1, 0};
	sides[1] = (struct side){e.out, SINEW_ANY_PEER, CROSSING, 0, 1};
	CHECK_EQ(pthread_create(&threads[0], NULL, receive_side, &sides[0]), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, send_side, &sides[1]), 0);
	if (both) {
		CHECK_EQ(pthread_create(&threads[2], NULL, receive_side, &sides[1]), 0);
		CHECK_EQ(pthread_create(&threads[3], NULL, send_side, &sides[0]), 0);
	}
	for (unsigned i = 0; i < (both ? 4 : 2); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	ends_close(&e);
}

static void *finish_side(void *arg)
{
	struct side *s = arg;

	send_side(arg);
	CHECK_OK(sinew_finish(s->channel, SINEW_FOREVER));
	return NULL;
}

/* The sending thread says that it is done while the receiving one waits. */
TEST_EACH(framed_channel, one_thread_finishes_while_another_receives, struct mechanism, m)
{
	struct side sides[2];
	pthread_t threads[2];
	struct ends e;

	ends_open(m, &e, 0, "");
	if (m->place || !(mechanism_bits(m) & SINEW_CAP_BOTH_WAYS) ||
		!(mechanism_bits(m) & SINEW_CAP_END)) {
		CHECK(m->place || strcmp(m->scheme, "pipe") == 0 || m->single);
		ends_close(&e);
		return;
	}
	sides[0] = (struct side){e.in, 0, 10, 1, 0};
	sides[1] = (struct side){e.out, 0, 10, 0, 1};
	CHECK_EQ(pthread_create(&threads[0], NULL, receive_side, &sides[1]), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, finish_side, &sides[1]), 0);
	receive_side(&sides[0]);
	struct sinew_msg msg;
	expect_end(e.in, &msg);
	send_side(&sides[0]);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	ends_close(&e);
}

/* ---- memory and system calls ---- */

static void transfer(struct ends *e, size_t size, unsigned times, int64_t until)
{
	static char data[5000], buf[5000];
	struct sinew_msg msg, answer = {.data = data, .size = size};

	for (unsigned i = 0; i < times; i++) {
		int r = sinew_send(e->out, &answer, 1, until);
		if (r == 1 && i % 2)
			r = sinew_recv(e->in, buf, sizeof buf, &msg, until);
		else if (r == 1)
			r = sinew_take(e->in, &msg, 1, until);
		if (r != 1 || msg.size != size)
			FAIL("transfer %u: %d", i, r);
	}
}

TEST_EACH(framed_channel, nothing_is_allocated_after_open, struct mechanism, m)
{
	size_t large = mechanism_most(m) < 5000 ? 3000 : 5000;
	struct ends e;

	ends_open(m, &e, SINEW_CANCELLABLE, "");
	ask_fd(&e, SINEW_IN);
	transfer(&e, 100, 10, soon());
	unsigned long before = counting_allocations();
	transfer(&e, 100, 1000, SINEW_FOREVER);
	transfer(&e, large, 100, soon());
	CHECK_ERR(sinew_recv(e.in, NULL, 0, &(struct sinew_msg){0}, SINEW_NOW), -EAGAIN);
	CHECK_EQ(counting_allocations(), before);
	void *volatile counted = malloc(1);
	free(counted);
	CHECK_EQ(counting_allocations(), before + 1);
	ends_close(&e);
}

TEST_EACH(framed_channel, one_system_call_for_each_message, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	transfer(&e, 100, 10, SINEW_FOREVER);
	uint64_t stated = calls_of(e.in) + calls_of(e.out);
	const int64_t begun = test_now();
	counting_calls_begin();
	transfer(&e, 100, 1000, SINEW_FOREVER);
	unsigned long made = counting_calls_end();
	stated = calls_of(e.in) + calls_of(e.out) - stated;
	CHECK_EQ(stated, made);
	if (mechanism_bits(m) & SINEW_CAP_EVERY_READER) /* who never waits looks who comes */
		CHECK(made <= 1 + (unsigned long)((test_now() - begun) / LOOK_EACH));
	else if (mechanism_bits(m) & SINEW_CAP_ZERO_COPY)
		CHECK_EQ(made, 0);
	else if (m->single)
		CHECK_EQ(made, 2000);
	else /* which peer has something to say is a second call, and its last data a third */
		CHECK(made >= 3000 && made <= 4000);
	ends_close(&e);
}
