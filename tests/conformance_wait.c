/* SPDX-License-Identifier: MIT
 *
 * conformance_wait.c - deadlines, back-pressure, cancelling and signals: a call waits as long as it
 * was told and no longer, and whatever ends a wait, nothing is lost, doubled, reordered or torn.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "channel.h"
#include "mechanisms.h"

/* A finite wait of 30 ms ended with `r`, begun at `since`: not early, and not much late. */
static void check_timed_out(int r, int64_t since)
{
	int64_t took = test_now() - since, generous = test_limit(2000) - test_now();

	CHECK_ERR(r, -ETIMEDOUT);
	CHECK(took >= 30 * 1000000);
	CHECK(took < generous);
}

static void check_empty(sinew_channel *in)
{
	struct sinew_msg msg;
	char buf[16];

	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_take(in, &msg, 1, SINEW_NOW), -EAGAIN);
	int64_t since = test_now();
	check_timed_out(sinew_recv(in, buf, sizeof buf, &msg, after_ms(30)), since);
	since = test_now();
	check_timed_out(sinew_take(in, &msg, 1, after_ms(30)), since);
	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, 1), -ETIMEDOUT);
}

TEST_EACH(every_channel, an_empty_channel_is_waited_for, struct mechanism, m)
{
	struct ends e;

	ends_listen(m, &e, 0, "");
	check_empty(e.in);
	e.out = ends_join(&e, 0);
	check_empty(e.in);
	send_filled(e.out, 10, 1);
	expect_filled(e.in, 10, 1);
	check_empty(e.in);
	ends_close(&e);
}

TEST_EACH(every_channel, an_empty_cancellable_channel_is_waited_for, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE, "");
	check_empty(e.in);
	ends_close(&e);
}

/* ---- full ---- */

/* A sender that numbers its messages and remembers how far it came. */
struct flow {
	struct ends e;
	char *data;
	size_t size;
	unsigned accepted, received;
};

enum {
	GROUP = 16,
	NEVER_FULL = 5000, /* messages, but of so many bytes in all */
	NEVER_FULL_BYTES = 16 << 20
};

static void flow_open(struct flow *f, const struct mechanism *m, size_t size, unsigned flags)
{
	uint64_t most = mechanism_most(m);

	*f = (struct flow){.size = size < most ? size : most};
	f->data = malloc(GROUP * f->size);
	ends_open(m, &f->e, flags, "");
}

static int flow_send(struct flow *f, unsigned count, int64_t until)
{
	struct sinew_msg msgs[GROUP];

	for (unsigned i = 0; i < count; i++) {
		msgs[i] = (struct sinew_msg){.data = f->data + i * f->size, .size = f->size};
		fill(f->data + i * f->size, f->size, f->accepted + i);
	}
	int r = sinew_send(f->e.out, msgs, count, until);
	CHECK(r <= (int)count && r != 0);
	if (r > 0)
		f->accepted += (unsigned)r;
	return r;
}

static void flow_close(struct flow *f)
{
	free(f->data);
	ends_close(&f->e);
}

/* Fills the channel until it takes nothing more: at once, then within a time. */
static void flow_fill(struct flow *f, unsigned group)
{
	int64_t since;
	int r;

	do
		r = flow_send(f, group, SINEW_NOW);
	while (r > 0);
	CHECK_ERR(r, -EAGAIN);
	do {
		since = test_now();
		r = flow_send(f, 1, after_ms(30));
	} while (r > 0);
	check_timed_out(r, since);
	CHECK(f->accepted > 0);
}

/* Everything accepted arrives, and nothing else. */
static void flow_drain(struct flow *f)
{
	struct sinew_msg msg;
	char *buf = malloc(f->size);
	int64_t limit = soon();
	bool flushed = false;

	while (!flushed || f->received < f->accepted) {
		flushed = flushed || sinew_flush(f->e.out, SINEW_NOW) == 0;
		CHECK(test_now() < limit);
		int r = sinew_recv(f->e.in, buf, f->size, &msg, after_ms(1));
		if (r == -ETIMEDOUT)
			continue;
		CHECK_EQ(CHECK_OK(r), 1);
		fill(f->data, f->size, f->received++);
		CHECK_MEM(buf, msg.size, f->data, f->size);
	}
	CHECK_ERR(sinew_recv(f->e.in, buf, f->size, &msg, SINEW_NOW), -EAGAIN);
	CHECK_EQ(f->received, f->accepted);
	free(buf);
}

/* What loses messages takes any number of them, and says afterwards how many came to nothing: as soon as
 * one gets through, what came and what was lost is what was sent. */
static void check_never_full(const struct mechanism *m, size_t size)
{
	bool counted = mechanism_bits(m) & SINEW_CAP_COUNTED;
	struct sinew_msg msg;
	struct flow f;

	flow_open(&f, m, size, 0);
	char *buf = malloc(f.size);
	while (f.accepted < NEVER_FULL && f.accepted * f.size < NEVER_FULL_BYTES)
		CHECK(flow_send(&f, GROUP, f.accepted % 3 ? SINEW_NOW : after_ms(30)) > 0);
	unsigned came = 0;
	for (bool last = false;; came++) {
		int r = sinew_recv(f.e.in, buf, f.size, &msg, SINEW_NOW);
		if (r == -EAGAIN && last)
			break;
		if (r == -EAGAIN) {
			last = true;
			CHECK_EQ(flow_send(&f, 1, SINEW_NOW), 1);
			CHECK_EQ(sinew_recv(f.e.in, buf, f.size, &msg, soon()), 1);
		}
		f.received += 1 + (unsigned)msg.lost;
		CHECK_EQ(msg.copies, 0);
		fill(f.data, f.size, f.received - 1);
		if (counted)
			CHECK_MEM(buf, msg.size, f.data, f.size);
	}
	CHECK(came < f.accepted);
	CHECK_EQ(f.received, counted ? f.accepted : came);
	free(buf);
	flow_close(&f);
}

static void check_full(const struct mechanism *m, size_t size, unsigned group, unsigned flags)
{
	struct sinew_stats out, in;
	struct flow f;

	if (!mechanism_is_reliable(m)) {
		check_never_full(m, size);
		return;
	}
	flow_open(&f, m, size, flags);
	flow_fill(&f, group);
	flow_drain(&f);
	flow_fill(&f, 1);
	flow_drain(&f);
	CHECK_EQ(flow_send(&f, 1, SINEW_NOW), 1);
	flow_drain(&f);
	CHECK_OK(sinew_stats(f.e.out, &out));
	CHECK_OK(sinew_stats(f.e.in, &in));
	CHECK_EQ(out.sent, f.accepted);
	CHECK_EQ(out.bytes_sent, (uint64_t)f.accepted * f.size);
	CHECK_EQ(in.received, f.accepted);
	CHECK_EQ(in.bytes_received, out.bytes_sent);
	flow_close(&f);
}

TEST_EACH(framed_channel, a_full_channel_refuses_and_keeps, struct mechanism, m)
{
	check_full(m, 1000, GROUP, 0);
}

TEST_EACH(framed_channel, a_full_channel_keeps_messages_in_one_write_each, struct mechanism, m)
{
	check_full(m, 5000, 1, SINEW_CANCELLABLE);
}

/* The deadline comes inside a frame wherever frames are longer than what fits. */
TEST_EACH(framed_channel, a_full_channel_never_tears_a_large_message, struct mechanism, m)
{
	check_full(m, 300000, 2, 0);
}

/* Sends to what loses messages do not wait, whoever reads: check_never_full(). */
static bool never_blocks(const struct mechanism *m)
{
	CHECK(mechanism_is_reliable(m) || m->single);
	return !mechanism_is_reliable(m);
}

/* A sender in another process that goes on until it is told how many messages there are. */
struct blocked {
	_Atomic unsigned sent, end;
};

enum { BLOCKED_SIZE = 3001, AFTERWARDS = 100 };

static void send_blocking(sinew_channel *out, void *arg)
{
	struct blocked *b = arg;
	char data[BLOCKED_SIZE];
	struct sinew_msg msg = {.data = data, .size = sizeof data};

	for (; b->sent < b->end; b->sent++) {
		fill(data, sizeof data, b->sent);
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_FOREVER)), 1);
	}
}

TEST_EACH(framed_channel, a_blocked_sender_goes_on, struct mechanism, m)
{
	struct ends e;

	if (never_blocks(m))
		return;
	struct blocked *b =
		mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(b != MAP_FAILED);
	b->end = UINT32_MAX;
	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, send_blocking, b);
	expect_filled(e.in, BLOCKED_SIZE, 0);
	test_blocked(child, -1);
	b->end = b->sent + AFTERWARDS;
	for (unsigned i = 1; i < b->end; i++)
		expect_filled(e.in, BLOCKED_SIZE, i);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
	munmap(b, sizeof *b);
}

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

/* It sleeps in the mechanism's own call, not in a poll before it. */
TEST_EACH(every_channel, a_blocked_receive_is_one_system_call, struct mechanism, m)
{
	struct waiter w = {.until = SINEW_FOREVER};
	struct sinew_stats stats;
	struct ends e;

	ends_open(m, &e, 0, "");
	w.channel = e.in;
	uint64_t before = calls_of(e.in);
	waiter_start(&w, wait_in_recv);
	send_filled(e.out, 20, 1);
	CHECK_EQ(CHECK_OK(waiter_result(&w)), 1);
	CHECK_OK(sinew_stats(e.in, &stats));
	if (m->single && !strstr(m->options, "serve=") && m->place) {
		CHECK_EQ(stats.calls - before, 1);
		CHECK_EQ(calls_of(e.out), 1);
	} else {
		CHECK(stats.calls - before <= 3);
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

	if (never_blocks(m))
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

	if (never_blocks(m))
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
