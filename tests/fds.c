/* SPDX-License-Identifier: MIT
 *
 * fds.c - descriptors travel with their message, belong to one side at a time, and end with it.
 * That none leaks the runner sees: it fails a case that leaves one.
 */
#include "fds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "counting.h"

/* ---- they arrive ---- */

struct shipment {
	sinew_channel *out;
	size_t size;
	unsigned count;
	int fds[MOST_FDS];
};

static void *ship(void *arg)
{
	struct shipment *s = arg;

	CHECK_EQ(CHECK_OK(send_with(s->out, s->size, 1, s->fds, s->count, soon())), 1);
	return NULL;
}

/* The descriptor that came shares its offset with a copy of the one that went. */
static void check_one(struct ends *e, size_t size, unsigned count, bool take)
{
	struct shipment s = {.out = e->out, .size = size, .count = count};
	unsigned before = count_open();
	struct sinew_msg msg;
	pthread_t thread;

	for (unsigned i = 0; i < count; i++)
		s.fds[i] = file_of(i + 1);
	int twin = CHECK_SYS(dup(s.fds[count - 1]));
	CHECK_EQ(pthread_create(&thread, NULL, ship, &s), 0);
	expect_with(e->in, size, 1, count, take, &msg);
	pthread_join(thread, NULL);
	CHECK_EQ(count_open(), before + count + 1);
	for (unsigned i = 0; i < count; i++)
		expect_file(msg.fds[i], i + 1);
	CHECK_SYS(lseek(twin, 77, SEEK_SET));
	CHECK_EQ(lseek(msg.fds[count - 1], 0, SEEK_CUR), 77);
	close(twin);
	int kept = take_fd(&msg, 0);
	sinew_release(e->in, &msg, 1);
	CHECK(msg.fds == NULL);
	CHECK_EQ(count_open(), before + 1);
	expect_file(kept, 1);
	close(kept);
}

TEST_EACH(passing, descriptors_arrive_with_messages_of_any_size, struct mechanism, m)
{
	const size_t sizes[] = {0, 1, 1000, 4096, 4097, 102400, mechanism_most(m)};
	static const unsigned counts[] = {1, 2, 3, MOST_FDS};
	struct ends e;

	ends_open(m, &e, 0, "");
	CHECK(mechanism_bits(m) & SINEW_CAP_FDS);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
			for (int take = 0; take < 2; take++)
				check_one(&e, sizes[i], counts[c], take);
	ends_close(&e);
}

TEST_EACH(families, descriptors_travel_with_tags, struct mechanism, m)
{
	int fd = file_of(5);
	struct sinew_msg msg = {.data = "x",
		.size = 1,
		.tag = 7,
		.flags = SINEW_MSG_TAGGED,
		.fds = &fd,
		.fd_count = 1};
	struct ends e;
	char byte;

	ends_open(m, &e, 0, mechanism_is_stream(m) ? "" : "frame=length");
	CHECK_EQ(CHECK_OK(sinew_send(e.out, &msg, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, &byte, 1, &msg, soon())), 1);
	CHECK_EQ(msg.flags, SINEW_MSG_TAGGED);
	CHECK_EQ(msg.tag, 7);
	CHECK_EQ(msg.fd_count, 1);
	expect_file(msg.fds[0], 5);
	ends_close(&e);
}

enum { INTERLEAVED = 400 };

static unsigned count_of(unsigned number)
{
	return number % 7 == 0 ? 3 : number % 3 == 0;
}

static void *send_interleaved(void *arg)
{
	sinew_channel *out = arg;

	for (unsigned i = 0; i < INTERLEAVED; i++) {
		int fds[3];
		for (unsigned k = 0; k < count_of(i); k++)
			fds[k] = file_of(3 * i + k);
		CHECK_EQ(CHECK_OK(send_with(out, i % 5 * 1000, i, fds, count_of(i), soon())), 1);
	}
	CHECK_OK(sinew_flush(out, soon()));
	return NULL;
}

static unsigned check_batch(struct sinew_msg *msgs, int n, unsigned number)
{
	static char want[8000];

	for (int i = 0; i < n; i++, number++) {
		fill(want, number % 5 * 1000, number);
		CHECK_MEM(msgs[i].data, msgs[i].size, want, number % 5 * 1000);
		CHECK_EQ(msgs[i].fd_count, count_of(number));
		CHECK(msgs[i].fd_count == 0 || i == n - 1);
		for (unsigned k = 0; k < msgs[i].fd_count; k++)
			expect_file(msgs[i].fds[k], 3 * number + k);
	}
	return number;
}

static void check_interleaved(const struct mechanism *m, unsigned flags, const char *extra)
{
	struct sinew_msg msgs[8];
	unsigned number = 0;
	pthread_t thread;
	struct ends e;
	int n;

	ends_open(m, &e, flags, extra);
	CHECK_EQ(pthread_create(&thread, NULL, send_interleaved, e.out), 0);
	while (number < INTERLEAVED) {
		static char buf[8000];
		if (number % 2) {
			CHECK_OK(sinew_recv(e.in, buf, sizeof buf, msgs, soon()));
			n = 1;
		} else {
			n = CHECK_OK(sinew_take(e.in, msgs, 8, soon()));
		}
		CHECK(n > 0);
		number = check_batch(msgs, n, number);
	}
	pthread_join(thread, NULL);
	ends_close(&e);
}

TEST_EACH(passing, each_comes_with_its_own_message, struct mechanism, m)
{
	check_interleaved(m, 0, "");
}

TEST_EACH(streams, each_comes_with_its_own_message_exactly, struct mechanism, m)
{
	check_interleaved(m, SINEW_EXACT, "");
}

TEST_EACH(streams, each_comes_with_its_own_message_gathered, struct mechanism, m)
{
	check_interleaved(m, 0, "coalesce=3000");
}

/* Gathered messages leave before it, and it does not wait. */
TEST_EACH(streams, a_message_with_descriptors_waits_for_nothing, struct mechanism, m)
{
	int fd = file_of(9);
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "coalesce=4000");
	send_filled(e.out, 10, 1);
	CHECK_EQ(CHECK_OK(send_with(e.out, 20, 2, &fd, 1, SINEW_NOW)), 1);
	expect_with(e.in, 10, 1, 0, false, &msg);
	expect_with(e.in, 20, 2, 1, false, &msg);
	send_filled(e.out, 30, 3);
	CHECK_ERR(sinew_recv(e.in, &fd, 1, &msg, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_flush(e.out, soon()));
	expect_with(e.in, 30, 3, 0, false, &msg);
	ends_close(&e);
}

enum { TOGETHER = 8 };

/* One call, whose messages would leave in one write if they had no descriptors. */
TEST_EACH(passing, an_array_may_mix_them, struct mechanism, m)
{
	struct sinew_msg msgs[TOGETHER] = {0}, msg;
	int fds[TOGETHER];
	struct ends e;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < TOGETHER; i++) {
		msgs[i] = (struct sinew_msg){.data = "data", .size = 4};
		if (i % 3 == 0)
			continue;
		fds[i] = file_of(i);
		msgs[i].fds = &fds[i];
		msgs[i].fd_count = 1;
	}
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, TOGETHER, soon())), TOGETHER);
	for (unsigned i = 0; i < TOGETHER; i++) {
		CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
		CHECK_EQ(msg.fd_count, i % 3 != 0);
		if (msg.fd_count)
			expect_file(msg.fds[0], i);
	}
	ends_close(&e);
}

/* Through a small buffer a frame goes in many writes, of which the first alone has them. */
TEST_EACH(streams, a_frame_of_many_writes_has_them_once, struct mechanism, m)
{
	struct ends e;

	ends_open(m, &e, 0, "buffer=20000");
	check_one(&e, 1 << 20, 3, false);
	check_one(&e, 1 << 20, 3, true);
	ends_close(&e);
}

enum { PEERS = 20 };

TEST_EACH(passing, each_of_many_peers_has_its_own, struct mechanism, m)
{
	sinew_channel *outs[PEERS];
	struct ends e;

	if (!m->place || strstr(m->options, "peers=1")) {
		CHECK(m->single); /* there can be only one */
		return;
	}
	ends_listen(m, &e, 0, "keep-open=yes");
	for (unsigned i = 0; i < PEERS; i++) {
		int fd = file_of(i);
		outs[i] = ends_join(&e, 0);
		CHECK_EQ(CHECK_OK(send_with(outs[i], 1 + i, i, &fd, 1, soon())), 1);
		if (i % 10 == 9) /* a dgram socket queues few */
			for (unsigned k = 0; k < 10; k++) {
				struct sinew_msg msg;
				CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
				CHECK_EQ(msg.fd_count, 1);
				expect_file(msg.fds[0], (unsigned)msg.size - 1);
			}
	}
	for (unsigned i = 0; i < PEERS; i++)
		sinew_close(outs[i]);
	ends_close(&e);
}

/* ---- whose they are ---- */

TEST_EACH(passing, what_is_not_taken_is_closed, struct mechanism, m)
{
	struct probe probes[6];
	struct sinew_msg msg;
	struct ends e;
	char byte;

	ends_open(m, &e, 0, "");
	for (unsigned i = 0; i < 6; i++) {
		probe_open(&probes[i]);
		CHECK_EQ(CHECK_OK(send_with(e.out, i, i, &probes[i].far, 1, soon())), 1);
		CHECK(!probe_is_gone(&probes[i]));
	}
	expect_with(e.in, 0, 0, 1, false, &msg);
	CHECK(!probe_is_gone(&probes[0]));
	expect_with(e.in, 1, 1, 1, true, &msg); /* a receive closes those of the one before */
	probe_close(&probes[0]);
	CHECK(!probe_is_gone(&probes[1]));
	expect_with(e.in, 2, 2, 1, false, &msg);
	probe_close(&probes[1]);
	sinew_release(e.in, &msg, 1);
	probe_close(&probes[2]);
	expect_with(e.in, 3, 3, 1, true, &msg);
	CHECK_ERR(sinew_recv(e.in, &byte, 1, &msg, SINEW_NOW), -EMSGSIZE);
	probe_close(&probes[3]); /* though that failed */
	CHECK(!probe_is_gone(&probes[4]));
	ends_close(&e); /* the kept message, and the one that was not received */
	probe_close(&probes[4]);
	probe_close(&probes[5]);
}

TEST_EACH(passing, a_message_that_is_kept_keeps_them, struct mechanism, m)
{
	struct probe probe;
	struct sinew_msg msg = {0};
	struct ends e;
	char byte;

	ends_open(m, &e, 0, "");
	probe_open(&probe);
	CHECK_EQ(CHECK_OK(send_with(e.out, 5000, 1, &probe.far, 1, soon())), 1);
	for (int i = 0; i < 3; i++) {
		CHECK_ERR(sinew_recv(e.in, &byte, 1, &msg, soon()), -EMSGSIZE);
		CHECK_EQ(msg.size, 5000);
		CHECK(!probe_is_gone(&probe));
	}
	expect_with(e.in, 5000, 1, 1, false, &msg);
	CHECK(!probe_is_gone(&probe));
	sinew_release(e.in, &msg, 1);
	probe_close(&probe);
	ends_close(&e);
}

/* A message that is not accepted: nothing of it has gone. */
TEST_EACH(passing, those_of_a_refused_message_stay_the_callers, struct mechanism, m)
{
	int fds[MOST_FDS + 1];
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "max=64K");
	for (unsigned i = 0; i <= MOST_FDS; i++)
		fds[i] = 0;
	fds[0] = file_of(1);
	CHECK_ERR(send_with(e.out, 65537, 1, fds, 1, soon()), -EMSGSIZE);
	CHECK_ERR(send_with(e.out, 1, 1, fds, MOST_FDS + 1, soon()), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), "253 (fds=)") != NULL);
	CHECK_ERR(send_with(e.out, 1, 1, NULL, 1, soon()), -EINVAL);
	fds[1] = 12345;
	CHECK_ERR(send_with(e.out, 1, 1, fds, 2, soon()), -EBADF);
	CHECK(strstr(sinew_error_text(), "descriptor 12345 is not open") != NULL);
	expect_file(fds[0], 1);
	CHECK_EQ(CHECK_OK(send_with(e.out, 1, 1, fds, 1, soon())), 1);
	expect_with(e.in, 1, 1, 1, false, &msg);
	expect_file(msg.fds[0], 1);
	ends_close(&e);
}

TEST_EACH(passing, without_room_they_stay_the_callers, struct mechanism, m)
{
	struct sinew_msg msg;
	unsigned sent = 0;
	struct ends e;
	int r = 0, fd;

	ends_open(m, &e, 0, "buffer=20000");
	for (; sent < 10000 && r >= 0; sent += r > 0) {
		fd = file_of(sent);
		r = send_with(e.out, 1000, sent, &fd, 1, SINEW_NOW);
		CHECK_EQ(is_open(fd), r != 1);
	}
	CHECK_ERR(r, -EAGAIN);
	CHECK_ERR(send_with(e.out, 1000, sent, &fd, 1, after_ms(5)), -ETIMEDOUT);
	for (unsigned i = 0; i < sent; i++) {
		expect_with(e.in, 1000, i, 1, i % 2, &msg);
		expect_file(msg.fds[0], i);
	}
	CHECK_EQ(CHECK_OK(send_with(e.out, 1000, sent, &fd, 1, soon())), 1);
	expect_with(e.in, 1000, sent, 1, false, &msg);
	expect_file(msg.fds[0], sent);
	ends_close(&e);
}

TEST_EACH(passing, only_those_of_accepted_messages_go, struct mechanism, m)
{
	int fds[3] = {file_of(1), file_of(2), file_of(3)};
	struct sinew_msg msgs[3], msg;
	struct ends e;
	static char data[2000];

	ends_open(m, &e, 0, "max=1000");
	for (unsigned i = 0; i < 3; i++)
		msgs[i] = (struct sinew_msg){
			.data = data, .size = i == 1 ? 1001 : 8, .fds = &fds[i], .fd_count = 1};
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs, 3, soon())), 1);
	CHECK(!is_open(fds[0]) && is_open(fds[1]) && is_open(fds[2]));
	CHECK_EQ(CHECK_OK(sinew_send(e.out, msgs + 2, 1, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
	expect_file(msg.fds[0], 1);
	CHECK_EQ(CHECK_OK(sinew_take(e.in, &msg, 1, soon())), 1);
	expect_file(msg.fds[0], 3);
	close(fds[1]);
	ends_close(&e);
}

TEST_EACH(families, one_descriptor_may_go_twice_in_a_message, struct mechanism, m)
{
	int fds[3] = {file_of(4), -1, -1};
	unsigned before = count_open();
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "");
	fds[1] = fds[2] = fds[0];
	CHECK_EQ(CHECK_OK(send_with(e.out, 3, 1, fds, 3, soon())), 1);
	expect_with(e.in, 3, 1, 3, false, &msg);
	for (unsigned i = 0; i < 3; i++)
		expect_file(msg.fds[i], 4);
	ends_close(&e);
	CHECK_EQ(count_open(), before - 1);
}

/* What was sent has left the array; so a received message can be sent on as it is. */
TEST_EACH(passing, a_received_message_may_be_sent_on, struct mechanism, m)
{
	struct sinew_msg msg, again;
	struct probe probe;
	struct ends e;

	ends_open(m, &e, 0, "");
	probe_open(&probe);
	CHECK_EQ(CHECK_OK(send_with(e.out, 100, 1, &probe.far, 1, soon())), 1);
	CHECK_EQ(probe.far, -1);
	for (int i = 0; i < 3; i++) {
		expect_with(e.in, 100, 1, 1, true, &msg);
		msg.peer = SINEW_ANY_PEER;
		CHECK_EQ(CHECK_OK(sinew_send(e.out, &msg, 1, soon())), 1);
		CHECK_EQ(msg.fds[0], -1);
		CHECK(!probe_is_gone(&probe));
	}
	expect_with(e.in, 100, 1, 1, false, &again);
	ends_close(&e);
	probe_close(&probe);
}

/* The deadline comes inside the frame: its descriptors left with its first byte, its rest follows. */
TEST_EACH(streams, a_deadline_inside_the_frame_counts_as_accepted, struct mechanism, m)
{
	enum { LONG = 1 << 20 };
	struct sinew_msg msg;
	struct probe probe;
	struct ends e;
	int r;

	ends_open(m, &e, 0, "buffer=20000");
	probe_open(&probe);
	CHECK_EQ(CHECK_OK(send_with(e.out, LONG, 1, &probe.far, 1, SINEW_NOW)), 1);
	CHECK(!is_open(probe.far));
	send_filled(e.in, 10, 7); /* unrelated, the other way */
	while ((r = sinew_flush(e.out, SINEW_NOW)) == -EAGAIN) {
		static char none[1];
		r = sinew_recv(e.in, none, 1, &msg, SINEW_NOW);
		CHECK(r == -EAGAIN || r == -EMSGSIZE);
	}
	CHECK_OK(r);
	expect_with(e.in, LONG, 1, 1, false, &msg);
	sinew_release(e.in, &msg, 1);
	probe_close(&probe);
	ends_close(&e);
}

/* ---- fork, exec, allocation ---- */

static void receive_in_child(sinew_channel *in)
{
	struct sinew_msg msg;

	expect_with(in, 10, 1, 2, false, &msg);
	expect_file(msg.fds[0], 11);
	expect_file(msg.fds[1], 12);
	sinew_close(in);
	exit(0);
}

TEST_EACH(families, a_child_has_its_own_end, struct mechanism, m)
{
	int fds[2] = {file_of(11), file_of(12)};
	struct ends e;

	ends_open(m, &e, 0, "");
	pid_t child = CHECK_SYS(fork());
	if (child == 0) {
		sinew_close(e.out);
		receive_in_child(e.in);
	}
	CHECK_EQ(CHECK_OK(send_with(e.out, 10, 1, fds, 2, soon())), 1);
	CHECK_EQ(test_wait(child), 0);
	ends_close(&e);
}

/* A child's copy of a handle, with its copies of what was lent, disturbs nothing. */
TEST_EACH(passing, a_childs_close_disturbs_nothing, struct mechanism, m)
{
	struct probe probe;
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "");
	probe_open(&probe);
	CHECK_EQ(CHECK_OK(send_with(e.out, 10, 1, &probe.far, 1, soon())), 1);
	expect_with(e.in, 10, 1, 1, false, &msg);
	pid_t child = CHECK_SYS(fork());
	if (child == 0) {
		sinew_close(e.in);
		exit(0);
	}
	CHECK_EQ(test_wait(child), 0);
	CHECK(!probe_is_gone(&probe));
	CHECK(is_open(msg.fds[0]));
	sinew_release(e.in, &msg, 1);
	probe_close(&probe);
	ends_close(&e);
}

TEST_EACH(families, the_option_is_inherited, struct mechanism, m)
{
	sinew_channel *adopted;
	struct sinew_msg msg;
	int fd = file_of(6);
	struct ends e;
	char uri[200];

	ends_open(m, &e, 0, "");
	CHECK_OK(sinew_inherit(e.in, uri, sizeof uri));
	CHECK(strstr(uri, "fds=253") != NULL);
	CHECK_OK(sinew_open(&adopted, uri, 0, SINEW_NOW));
	CHECK_EQ(CHECK_OK(send_with(e.out, 10, 1, &fd, 1, soon())), 1);
	expect_with(adopted, 10, 1, 1, false, &msg);
	expect_file(msg.fds[0], 6);
	e.in->one->rfd = e.in->one->wfd = -1; /* adopted: closed there */
	sinew_close(adopted);
	ends_close(&e);
}

TEST_EACH(passing, nothing_is_allocated_after_open, struct mechanism, m)
{
	static char buf[2000];
	struct sinew_msg msg = {.data = buf, .size = 1000};
	struct sinew_msg got;
	struct ends e;

	ends_open(m, &e, 0, "");
	unsigned long before = counting_allocations();
	for (unsigned i = 0; i < 100; i++) {
		int fds[2] = {file_of(i), file_of(i)};
		msg.fds = fds;
		msg.fd_count = 2;
		CHECK_EQ(CHECK_OK(sinew_send(e.out, &msg, 1, soon())), 1);
		if (i % 2)
			CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, 1000, &got, soon())), 1);
		else
			CHECK_EQ(CHECK_OK(sinew_take(e.in, &got, 1, soon())), 1);
		CHECK_EQ(got.fd_count, 2);
	}
	CHECK_EQ(counting_allocations(), before);
	ends_close(&e);
}

/* ---- options ---- */

TEST(options_that_cannot_be_are_refused_in_words)
{
	static const char *const wrong[] = {"unix:/x?fds=1&frame=line", "unix:/x?fds=1&frame=raw",
		"unix:/x?fds=254", "unix:/x?fds=-1", "tcp:localhost:1?fds=1"};
	struct sinew_caps caps;

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK_ERR(sinew_caps(wrong[i], &caps), -EINVAL);
	CHECK_ERR(sinew_caps(wrong[0], &caps), -EINVAL);
	CHECK(strstr(sinew_error_text(), "descriptors need frame=length") != NULL);
	CHECK_OK(sinew_caps("unix:/x?fds=1", &caps));
	CHECK(caps.bits & SINEW_CAP_FDS);
	CHECK_OK(sinew_caps("unix:/x?fds=0&frame=line", &caps));
	CHECK(!(caps.bits & SINEW_CAP_FDS));
}
