/* SPDX-License-Identifier: MIT
 *
 * faults_signals.c - signals at any moment, waits that are cancelled, handles used after a fork.
 */
#include "channel.h"
#include "faults.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* ---- a storm of signals ---- */

enum { STORM = 10000 };

static atomic_uint alarms;

static void on_alarm(int number)
{
	(void)number;
	atomic_fetch_add(&alarms, 1);
}

/* Interrupts this process every 200 us, wherever it is. */
static void start_storm(void)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval every_200us = {{0, 200}, {0, 200}};

	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &every_200us, NULL));
}

static void stop_storm(void)
{
	const struct itimerval never = {0};

	CHECK_SYS(setitimer(ITIMER_REAL, &never, NULL));
	CHECK(alarms > 10);
}

static size_t storm_size(const struct mechanism *m, unsigned i)
{
	return i % 500 == 0 ? at_most(m, 100000) : 1 + i % 900;
}

static void send_in_storm(void *argument)
{
	struct place *place = argument;
	sinew_channel *writer = open_writer(place, "", 0);

	start_storm();
	for (unsigned i = 0; i < STORM; i++)
		CHECK_EQ(send_message(writer, storm_size(place->mechanism, i), i,
				 i % 3 ? SINEW_FOREVER : soon(20000)),
			1);
	stop_storm();
	CHECK_EQ(sinew_flush(writer, SINEW_FOREVER), 0);
	CHECK_OK(sinew_close(writer));
}

/* Stops and continues the writer until told to end. */
static void stop_and_go(pid_t writer, struct gate *gate)
{
	while (kill(writer, SIGSTOP) == 0) {
		struct timeval none = {0};
		fd_set set;
		test_pause();
		kill(writer, SIGCONT);
		test_pause();
		FD_ZERO(&set);
		FD_SET(gate->go[0], &set);
		if (select(gate->go[0] + 1, &set, NULL, NULL, &none) > 0)
			return;
	}
}

TEST_EACH(every, storm, struct mechanism, m, .timeout = 60)
{
	struct place place;
	struct gate gate;

	gate_open(&gate);
	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	pid_t writer = fork_writer(&place, send_in_storm);
	pid_t tormentor = CHECK_SYS(fork());
	if (tormentor == 0) {
		close(gate.go[1]);
		stop_and_go(writer, &gate);
		_exit(0);
	}
	start_storm();
	for (unsigned i = 0; i < STORM; i++)
		expect_message(reader, storm_size(m, i), i, 0);
	gate_pass(&gate);
	CHECK_EQ(test_wait(tormentor), 0);
	CHECK_EQ(test_wait(writer), 0);
	stop_storm();
	if (m->ends)
		expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
	gate_close(&gate);
}

/* ---- interruptible waits ---- */

struct wait {
	sinew_channel *channel;
	bool sends; /* fills the peer; else receives */
	bool takes;
	int64_t until;
	int result;
	unsigned sent;
	_Atomic pid_t tid;
	pthread_t thread;
};

static void *run_wait(void *argument)
{
	static const char data[1000];
	const struct sinew_msg out = {.data = data, .size = sizeof data};
	struct wait *wait = argument;
	char buf[sizeof data];
	struct sinew_msg msg;

	wait->tid = (pid_t)syscall(SYS_gettid);
	if (!wait->sends)
		wait->result =
			wait->takes ? sinew_take(wait->channel, &msg, 1, wait->until)
				    : sinew_recv(wait->channel, buf, sizeof buf, &msg, wait->until);
	else
		while ((wait->result = sinew_send(wait->channel, &out, 1, wait->until)) == 1)
			wait->sent++;
	return NULL;
}

static uint64_t waits_of(sinew_channel *channel)
{
	struct sinew_stats stats;

	CHECK_OK(sinew_stats(channel, &stats));
	return stats.waits;
}

/* What cannot be polled, and must not be waited for in one call, is asked again and again. */
static bool sleeps(const sinew_channel *channel)
{
	return channel->caps.bits & SINEW_CAP_POLLABLE ||
	       !(channel->flags & (SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE));
}

static void start_wait(struct wait *wait)
{
	uint64_t before = waits_of(wait->channel);

	CHECK_EQ(pthread_create(&wait->thread, NULL, run_wait, wait), 0);
	WAIT_UNTIL(wait->tid, 5000);
	if (sleeps(wait->channel))
		test_blocked(wait->tid, -1);
	else
		WAIT_UNTIL(waits_of(wait->channel) >= before + 3, 5000);
}

static int end_wait(struct wait *wait)
{
	CHECK_EQ(pthread_join(wait->thread, NULL), 0);
	return wait->result;
}

/* Signals until it has ended: between two waits of one call a signal interrupts nothing. */
static int interrupt(struct wait *wait)
{
	WAIT_UNTIL(
		(pthread_kill(wait->thread, SIGUSR1), pthread_tryjoin_np(wait->thread, NULL) == 0),
		5000);
	return wait->result;
}

TEST_EACH(every, interrupted, struct mechanism, m)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	struct place place;

	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", SINEW_INTERRUPTIBLE);
	sinew_channel *writer = open_writer(&place, "", SINEW_INTERRUPTIBLE);
	for (unsigned finite = 0; finite < 2; finite++) {
		int64_t until = finite ? soon(20000) : SINEW_FOREVER;
		struct wait receives = {.channel = reader, .until = until};
		struct wait sends = {.channel = writer, .sends = true, .until = until};
		start_wait(&receives);
		CHECK_EQ(interrupt(&receives), -EINTR);
		start_wait(&sends);
		CHECK_EQ(interrupt(&sends), -EINTR);
		char buf[1000];
		struct sinew_msg msg;
		while (sinew_recv(reader, buf, sizeof buf, &msg, SINEW_NOW) == 1)
			;
	}
	sinew_close(writer);
	CHECK_OK(sinew_close(reader));
}

/* Without that flag the same signal changes nothing. */
TEST_EACH(lossy_too, not_interrupted, struct mechanism, m)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	struct place place;

	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	struct wait receives = {.channel = reader, .until = SINEW_FOREVER};
	start_wait(&receives);
	for (unsigned i = 1; i <= 20; i++) {
		CHECK_EQ(pthread_kill(receives.thread, SIGUSR1), 0);
		WAIT_UNTIL(alarms == i, 5000);
		test_blocked(receives.tid, -1);
	}
	CHECK_EQ(send_message(writer, 10, 1, SINEW_NOW), 1);
	CHECK_EQ(end_wait(&receives), 1);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* ---- cancel ---- */

/* One thread sends, one receives, a third cancels both; then the channels go on. */
TEST_EACH(every, cancelled, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", SINEW_CANCELLABLE);
	sinew_channel *writer = open_writer(&place, "", SINEW_CANCELLABLE);
	for (unsigned round = 0; round < 4; round++) {
		int64_t until = round & 1 ? soon(20000) : SINEW_FOREVER;
		struct wait receives = {.channel = reader, .until = until, .takes = round & 2};
		start_wait(&receives);
		CHECK_OK(sinew_cancel(reader));
		CHECK_EQ(end_wait(&receives), -ECANCELED);
		CHECK_ERR(sinew_recv(reader, NULL, 0, &(struct sinew_msg){0}, until), -ECANCELED);
		CHECK_OK(sinew_resume(reader));

		struct wait sends = {.channel = writer, .sends = true, .until = until};
		start_wait(&sends);
		CHECK_OK(sinew_cancel(writer));
		CHECK_EQ(end_wait(&sends), -ECANCELED);
		CHECK_ERR(send_message(writer, 1, 1, until), -ECANCELED);
		CHECK_OK(sinew_resume(writer));
		char buf[1000];
		struct sinew_msg msg;
		for (unsigned i = 0; i < sends.sent; i++) {
			/* The end of the last may still be with the writer. */
			int r = sinew_recv(reader, buf, sizeof buf, &msg, SINEW_NOW);
			if (r == -EAGAIN) {
				CHECK_OK(sinew_flush(writer, SINEW_NOW));
				r = sinew_recv(reader, buf, sizeof buf, &msg, soon(5000));
			}
			CHECK_EQ(r, 1);
			CHECK_EQ(msg.size, 1000);
		}
		CHECK_OK(sinew_flush(writer, SINEW_NOW));
		CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	}
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* Both threads of one handle at once. */
TEST_EACH(served, cancelled_both_ways, struct mechanism, m)
{
	sinew_channel *client = NULL;
	struct place place;

	place_init(&place, m);
	sinew_channel *server = open_reader(&place, "", 0);
	CHECK_OK(sinew_open(&client, place_uri(&place, false, ""), SINEW_CANCELLABLE, soon(5000)));
	struct wait receives = {.channel = client, .until = SINEW_FOREVER};
	struct wait sends = {.channel = client, .sends = true, .until = SINEW_FOREVER};
	start_wait(&receives);
	start_wait(&sends);
	CHECK_OK(sinew_cancel(client));
	CHECK_EQ(end_wait(&receives), -ECANCELED);
	CHECK_EQ(end_wait(&sends), -ECANCELED);
	sinew_close(client);
	sinew_close(server);
}

static sinew_channel *to_cancel;

static void cancel_in_handler(int number)
{
	(void)number;
	sinew_cancel(to_cancel);
}

static void *cancel_at_times(void *times)
{
	for (unsigned i = 0; i < *(unsigned *)times; i++)
		sinew_cancel(to_cancel);
	return NULL;
}

/* From a signal handler, which may run at any moment. */
TEST_EACH(lossy_too, cancelled_by_a_handler, struct mechanism, m)
{
	const struct sigaction action = {.sa_handler = cancel_in_handler};
	struct place place;

	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	place_init(&place, m);
	to_cancel = open_reader(&place, "", SINEW_CANCELLABLE);
	struct wait receives = {.channel = to_cancel, .until = SINEW_FOREVER};
	start_wait(&receives);
	CHECK_EQ(pthread_kill(receives.thread, SIGUSR1), 0);
	CHECK_EQ(end_wait(&receives), -ECANCELED);
	CHECK_OK(sinew_close(to_cancel));
	place_no_writer(&place);
}

/* Several threads cancel at once: no cancel is missed, none is left over. */
TEST_EACH(lossy_too, cancelled_by_many, struct mechanism, m)
{
	pthread_t threads[4];
	unsigned times = 100;
	struct place place;
	char buf[10];

	place_init(&place, m);
	to_cancel = open_reader(&place, "", SINEW_CANCELLABLE);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, cancel_at_times, &times), 0);
	CHECK_ERR(sinew_recv(to_cancel, buf, sizeof buf, &(struct sinew_msg){0}, SINEW_FOREVER),
		-ECANCELED);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_OK(sinew_resume(to_cancel));
	CHECK_ERR(sinew_recv(to_cancel, buf, sizeof buf, &(struct sinew_msg){0}, soon(20)),
		-ETIMEDOUT);
	CHECK_OK(sinew_close(to_cancel));
	place_no_writer(&place);
}

/* What a cancel interrupted half-way is finished later, byte for byte. */
TEST_EACH(bytes, cancelled_inside, struct mechanism, m)
{
	static uint8_t data[24 << 20], buf[24 << 20];
	struct sinew_msg out = {.data = data, .size = sizeof data}, msg;
	struct place place;

	fill_message(data, sizeof data, 5);
	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "max=24M", SINEW_CANCELLABLE);
	sinew_channel *writer = open_writer(&place, "max=24M", SINEW_CANCELLABLE);
	CHECK_EQ(sinew_send(writer, &out, 1, SINEW_NOW), 1);
	int r, turns = 0;
	do {
		struct wait receives = {.channel = reader, .until = SINEW_FOREVER, .takes = true};
		start_wait(&receives);
		CHECK_OK(sinew_cancel(reader));
		CHECK_EQ(end_wait(&receives), -ECANCELED);
		CHECK_OK(sinew_resume(reader));
		r = sinew_flush(writer, SINEW_NOW);
		turns++;
	} while (r == -EAGAIN);
	CHECK_OK(r);
	CHECK(turns > 1);
	CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), 1);
	CHECK_MEM(buf, msg.size, data, sizeof data);
	CHECK_OK(sinew_close(writer));
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
}

TEST(cancel_needs_its_flag)
{
	sinew_channel *ends[2];

	CHECK_OK(sinew_pair(ends, "pipe:", 0));
	CHECK_ERR(sinew_cancel(ends[0]), -EOPNOTSUPP);
	CHECK_ERR(sinew_resume(ends[0]), -EOPNOTSUPP);
	CHECK_OK(sinew_close(ends[0]));
	CHECK_OK(sinew_close(ends[1]));
}

/* ---- after a fork ---- */

struct handles {
	sinew_channel *reader, *writer;
};

static void use_in_child(void *argument)
{
	struct handles *handles = argument;
	struct sinew_msg msg = {.data = "x", .size = 1};
	struct sinew_peer peer;
	char buf[10];

	for (unsigned again = 0; again < 2; again++) {
		CHECK_ERR(sinew_send(handles->writer, &msg, 1, SINEW_NOW), -EOWNERDEAD);
		CHECK_ERR(sinew_send(handles->writer, &msg, 1, SINEW_FOREVER), -EOWNERDEAD);
		CHECK_ERR(sinew_flush(handles->writer, SINEW_FOREVER), -EOWNERDEAD);
		CHECK_ERR(sinew_finish(handles->writer, SINEW_FOREVER), -EOWNERDEAD);
		CHECK_ERR(sinew_recv(handles->reader, buf, sizeof buf, &msg, SINEW_FOREVER),
			-EOWNERDEAD);
		CHECK_ERR(sinew_take(handles->reader, &msg, 1, SINEW_FOREVER), -EOWNERDEAD);
		CHECK_ERR(sinew_fd(handles->reader, SINEW_IN), -EOWNERDEAD);
		CHECK_ERR(sinew_peer(handles->reader, SINEW_ANY_PEER, &peer), -EOWNERDEAD);
		CHECK(strstr(sinew_error_text(), "fork"));
		msg = (struct sinew_msg){.data = "x", .size = 1};
	}
	CHECK_OK(sinew_close(handles->writer));
	CHECK_OK(sinew_close(handles->reader));
}

/* Refused in the child, and in its child; untouched in the parent, whose name stays. */
static void check_fork(void *argument)
{
	use_in_child(argument);
}

static void fork_again(void *argument)
{
	CHECK_EQ(test_wait(test_fork(check_fork, argument)), 0);
}

TEST_EACH(lossy_too, used_after_fork, struct mechanism, m)
{
	struct handles handles;
	struct place place;

	place_init(&place, m);
	handles.reader = open_reader(&place, "", 0);
	handles.writer = open_writer(&place, "coalesce=4K", 0);
	CHECK_EQ(send_message(handles.writer, 30, 1, SINEW_NOW), 1);
	unsigned names = count_entries(test_tmpdir());
	CHECK_EQ(test_wait(test_fork(check_fork, &handles)), 0);
	CHECK_EQ(test_wait(test_fork(fork_again, &handles)), 0);
	CHECK_EQ(count_entries(test_tmpdir()), names);
	CHECK_OK(sinew_flush(handles.writer, SINEW_NOW));
	expect_message(handles.reader, 30, 1, 0);
	CHECK_EQ(send_message(handles.writer, 30, 2, SINEW_NOW), 1);
	CHECK_OK(sinew_close(handles.writer));
	expect_message(handles.reader, 30, 2, 0);
	if (m->ends)
		expect_end(handles.reader, 0);
	CHECK_OK(sinew_close(handles.reader));
	if (m->queue)
		CHECK_OK(sinew_remove(place_uri(&place, true, "")));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}
