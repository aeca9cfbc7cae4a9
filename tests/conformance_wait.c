/* SPDX-License-Identifier: MIT
 *
 * conformance_wait.c - deadlines and back-pressure: a call waits as long as it was told and no longer, and
 * whatever ends a wait, nothing is lost, doubled, reordered or torn.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "flow.h"

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

enum {
	NEVER_FULL = 5000, /* messages, but of so many bytes in all */
	NEVER_FULL_BYTES = 16 << 20
};

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
		CHECK(flow_send(&f, FLOW_GROUP, f.accepted % 3 ? SINEW_NOW : after_ms(30)) > 0);
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
	check_full(m, 1000, FLOW_GROUP, 0);
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

	if (flow_never_blocks(m))
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
