/* SPDX-License-Identifier: MIT
 *
 * conformance_cancel.c - cancelling and signals end a wait, or do not, and nothing is lost, doubled, reordered or
 * torn by it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "channel.h"
#include "flow.h"

/* ---- cancelling ---- */

static volatile sig_atomic_t signals;

/* A thread in a call that waits. */
struct waiter {
	sinew_channel *channel;
	struct flow *flow;
	int64_t until;
	pthread_t thread;
	_Atomic pid_t tid;
	int result;
};

static void *wait_in_recv(void *arg)
{
	struct waiter *w = arg;
	struct sinew_msg msg;
	char buf[64];

	w->tid = (pid_t)syscall(SYS_gettid);
	w->result = sinew_recv(w->channel, buf, sizeof buf, &msg, w->until);
	return NULL;
}

static void *wait_in_send(void *arg)
{
	struct waiter *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	do
		w->result = flow_send(w->flow, 1, w->until);
	while (w->result > 0 && !signals);
	return NULL;
}

static uint64_t waits_of(sinew_channel *channel)
{
	struct sinew_stats stats;

	CHECK_OK(sinew_stats(channel, &stats));
	return stats.waits;
}

/* What cannot be polled, and must not be waited for in one call, is asked again and again. */
static bool sleeps(const sinew_channel *channel, int64_t until)
{
	const unsigned ended = SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE;

	return channel->caps.bits & SINEW_CAP_POLLABLE ||
	       (until == SINEW_FOREVER && !(channel->flags & ended));
}

static void waiter_start(struct waiter *w, void *(*call)(void *))
{
	sinew_channel *channel = w->channel ? w->channel : w->flow->e.out;
	uint64_t before = waits_of(channel);

	w->tid = 0;
	CHECK_EQ(pthread_create(&w->thread, NULL, call, w), 0);
	WAIT_UNTIL(w->tid != 0, 10000);
	if (sleeps(channel, w->until))
		test_blocked(w->tid, -1);
	else
		WAIT_UNTIL(waits_of(channel) >= before + 3, 10000);
}

static int waiter_result(struct waiter *w)
{
	CHECK_EQ(pthread_join(w->thread, NULL), 0);
	return w->result;
}

TEST_EACH(every_channel, a_receive_may_wait_for_ever, struct mechanism, m)
{
	struct waiter w = {.until = SINEW_FOREVER};
	struct ends e;

	ends_open(m, &e, 0, "");
	w.channel = e.in;
	for (unsigned i = 0; i < 3; i++) {
		waiter_start(&w, wait_in_recv);
		send_filled(e.out, 20, i);
		CHECK_EQ(CHECK_OK(waiter_result(&w)), 1);
	}
	ends_close(&e);
}

/* Who sleeps on a ring looks after the dead every 100 ms, by one more call: how often there was time for that. */
static uint64_t looks_since(const struct mechanism *m, int64_t since)
{
	return strcmp(m->scheme, "ring") == 0 ? (uint64_t)(test_now() - since) / 100000000 : 0;
}

/* It sleeps in the mechanism's own call, not in a poll before it. */
TEST_EACH(every_channel, a_blocked_receive_is_one_system_call, struct mechanism, m)
{
	struct waiter w = {.until = SINEW_FOREVER};
	struct ends e;

	ends_open(m, &e, 0, "");
	w.channel = e.in;
	const bool one = m->single && !strstr(m->options, "serve=") && m->place;
	const uint64_t before = calls_of(e.in);
	const int64_t since = test_now();
	waiter_start(&w, wait_in_recv);
	send_filled(e.out, 20, 1);
	CHECK_EQ(CHECK_OK(waiter_result(&w)), 1);
	const uint64_t calls = calls_of(e.in) - before, looks = looks_since(m, since);
	if (one) {
		CHECK(calls >= 1 && calls <= 1 + looks);
		/* Who comes while it looks finds nobody to wake. */
		CHECK(calls_of(e.out) == 1 || (looks && calls_of(e.out) == 0));
	} else {
		CHECK(calls <= 3 + looks);
	}
	ends_close(&e);
}

static void check_cancelled_recv(struct ends *e, int64_t until)
{
	struct waiter w = {.channel = e->in, .until = until};
	struct sinew_msg msg;
	char buf[64];

	waiter_start(&w, wait_in_recv);
	CHECK_EQ(CHECK_OK(sinew_cancel(e->in)), 0);
	CHECK_ERR(waiter_result(&w), -ECANCELED);
	CHECK_ERR(sinew_recv(e->in, buf, sizeof buf, &msg, SINEW_FOREVER), -ECANCELED);
	CHECK_ERR(sinew_take(e->in, &msg, 1, soon()), -ECANCELED);
	CHECK_ERR(sinew_recv(e->in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK_EQ(CHECK_OK(sinew_cancel(e->in)), 0);
	CHECK_EQ(CHECK_OK(sinew_resume(e->in)), 0);
	CHECK_EQ(CHECK_OK(sinew_resume(e->in)), 0);
	send_filled(e->out, 33, 3);
	expect_filled(e->in, 33, 3);
	CHECK_ERR(sinew_recv(e->in, buf, sizeof buf, &msg, after_ms(5)), -ETIMEDOUT);
}

TEST_EACH(every_channel, cancel_ends_a_receive, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, SINEW_CANCELLABLE, "");
	struct waiter w = {.channel = e.in, .until = SINEW_FOREVER};
	waiter_start(&w, wait_in_recv);
	CHECK_OK(sinew_cancel(e.in));
	CHECK_ERR(waiter_result(&w), -ECANCELED);
	CHECK_OK(sinew_resume(e.in));
	e.out = ends_join(&e, SINEW_CANCELLABLE);
	check_cancelled_recv(&e, SINEW_FOREVER);
	check_cancelled_recv(&e, soon());
	ends_close(&e);
}

static void check_cancelled_send(const struct mechanism *m, size_t size, int64_t until)
{
	struct waiter w = {.until = until};
	struct flow f;

	if (flow_never_blocks(m))
		return;
	flow_open(&f, m, size, SINEW_CANCELLABLE);
	w.flow = &f;
	waiter_start(&w, wait_in_send);
	CHECK_OK(sinew_cancel(f.e.out));
	CHECK_ERR(waiter_result(&w), -ECANCELED);
	CHECK_ERR(flow_send(&f, 1, soon()), -ECANCELED);
	CHECK_ERR(sinew_flush(f.e.out, soon()), -ECANCELED);
	CHECK_OK(sinew_resume(f.e.out));
	flow_drain(&f);
	CHECK_EQ(flow_send(&f, 1, after_ms(20)), 1);
	flow_drain(&f);
	flow_close(&f);
}

TEST_EACH(framed_channel, cancel_ends_a_send, struct mechanism, m)
{
	check_cancelled_send(m, 2000, SINEW_FOREVER);
	check_cancelled_send(m, 2000, soon());
}

TEST_EACH(framed_channel, cancel_inside_a_frame_keeps_its_rest, struct mechanism, m)
{
	check_cancelled_send(m, 700001, SINEW_FOREVER);
}

TEST_EACH(every_channel, cancel_must_be_asked_for, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK_ERR(sinew_cancel(e.in), -EOPNOTSUPP);
	CHECK_ERR(sinew_resume(e.in), -EOPNOTSUPP);
	CHECK_ERR(sinew_cancel(e.out), -EOPNOTSUPP);
	ends_close(&e);
}

/* ---- signals ---- */

static sinew_channel *to_cancel;
static volatile sig_atomic_t cancelled;

static void on_signal(int number)
{
	(void)number;
	signals++;
	if (to_cancel && sinew_cancel(to_cancel) == 0)
		cancelled++;
}

static void handle(int number, int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	CHECK_SYS(sigaction(number, &action, NULL));
}

TEST_EACH(every_channel, cancel_works_in_a_signal_handler, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, SINEW_CANCELLABLE, "");
	struct waiter w = {.channel = e.in, .until = SINEW_FOREVER};
	to_cancel = e.in;
	handle(SIGUSR1, SA_RESTART);
	waiter_start(&w, wait_in_recv);
	pthread_kill(w.thread, SIGUSR1);
	CHECK_ERR(waiter_result(&w), -ECANCELED);
	CHECK_EQ(cancelled, 1);
	CHECK_OK(sinew_resume(e.in));
	send_filled(e.out, 33, 3);
	expect_filled(e.in, 33, 3);
	ends_close(&e);
}

/* Signals until it has ended: between two waits of one call a signal interrupts nothing. */
static bool interrupt(struct waiter *w)
{
	return test_within(
		(pthread_kill(w->thread, SIGUSR1), pthread_tryjoin_np(w->thread, NULL) == 0), 5000);
}

static void check_interrupted(struct ends *e, int64_t until, int flags)
{
	struct waiter w = {.channel = e->in, .until = until};

	handle(SIGUSR1, flags);
	waiter_start(&w, wait_in_recv);
	CHECK(interrupt(&w));
	CHECK_ERR(w.result, -EINTR);
	send_filled(e->out, 33, 3);
	expect_filled(e->in, 33, 3);
}

TEST_EACH(every_channel, a_signal_interrupts_if_asked, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, SINEW_INTERRUPTIBLE, "");
	check_interrupted(&e, SINEW_FOREVER, 0);
	check_interrupted(&e, soon(), 0);
	check_interrupted(&e, soon(), SA_RESTART);
	ends_close(&e);
}

/* What signal() installs: the kernel would begin a blocked read again by itself. */
TEST_EACH(every_channel, a_restarting_handler_interrupts_too, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, SINEW_INTERRUPTIBLE, "");
	check_interrupted(&e, SINEW_FOREVER, SA_RESTART);
	ends_close(&e);
}

/* Also inside a frame, which the kernel then ends short and without an error. */
TEST_EACH(framed_channel, a_signal_interrupts_a_send, struct mechanism, m)
{
	struct flow f;

	if (flow_never_blocks(m))
		return;
	flow_open(&f, m, 2000, SINEW_INTERRUPTIBLE);
	struct waiter w = {.flow = &f, .until = SINEW_FOREVER};
	handle(SIGUSR1, 0);
	waiter_start(&w, wait_in_send);
	CHECK(interrupt(&w));
	/* A message that had begun counts as accepted. */
	CHECK(w.result == -EINTR || w.result == 1);
	flow_drain(&f);
	flow_close(&f);
}

enum { DISTURBED = 4000 };

static void tick(void)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}};

	handle(SIGALRM, 0);
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
}

static void send_disturbed(sinew_channel *out, void *arg)
{
	(void)arg;
	tick();
	for (unsigned i = 0; i < DISTURBED; i++) {
		send_filled(out, 500 + i % 1000, i);
		pace_sent(0, 1);
	}
}

TEST_EACH(framed_channel, signals_never_disturb, struct mechanism, m)
{
	static char want[1600], got[1600];
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, "");
	pace_open(m);
	pid_t child = ends_fork(&e, send_disturbed, NULL);
	tick();
	for (unsigned i = 0; i < DISTURBED || signals < 5; i++) {
		int64_t until = i % 2 ? SINEW_FOREVER : soon();
		if (i >= DISTURBED) {
			test_pause();
			continue;
		}
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, got, sizeof got, &msg, until)), 1);
		fill(want, 500 + i % 1000, i);
		CHECK_MEM(got, msg.size, want, 500 + i % 1000);
		pace_received(0, 1);
	}
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}
