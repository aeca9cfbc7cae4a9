/* SPDX-License-Identifier: MIT
 *
 * fds_limits.c - descriptors that cannot be taken in, peers that keep to no rules, processes that die
 * with some under way: what is dropped is closed, and nobody else suffers.
 */
#include "fds.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"

/* A message that came without the descriptors that were sent with it. */
static void expect_lost(sinew_channel *in, size_t size, unsigned seed)
{
	char want[8000], got[8000];
	struct sinew_msg msg;

	fill(want, size, seed);
	CHECK_EQ(CHECK_OK(sinew_recv(in, got, sizeof got, &msg, soon())), 1);
	CHECK_MEM(msg.data, msg.size, want, size);
	CHECK_EQ(msg.flags, SINEW_MSG_FDS_LOST);
	CHECK_EQ(msg.fd_count, 0);
	CHECK(msg.fds == NULL);
	CHECK_EQ(msg.lost, 0);
}

/* Sends `count` ends of a pipe of its own, which it returns. */
static struct probe send_probe(sinew_channel *out, size_t size, unsigned seed, unsigned count)
{
	struct probe probe;
	int fds[MOST_FDS];

	probe_open(&probe);
	fds[0] = probe.far;
	for (unsigned i = 1; i < count; i++)
		fds[i] = CHECK_SYS(fcntl(probe.far, F_DUPFD_CLOEXEC, 0));
	CHECK_EQ(CHECK_OK(send_with(out, size, seed, fds, count, soon())), 1);
	return probe;
}

/* Two ends with different options: what `in` takes in, what `out` may send. */
static void open_apart(const struct mechanism *m, struct ends *e, const char *in, const char *out)
{
	int fds[2];
	char uri[100];
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	static const char *const names[] = {"stream", "seqpacket", "dgram"};
	unsigned t = strstr(m->options, "seqpacket") ? 1 : strstr(m->options, "dgram") ? 2 : 0;

	*e = (struct ends){.m = m};
	CHECK_SYS(socketpair(AF_UNIX, types[t] | SOCK_CLOEXEC, 0, fds));
	snprintf(uri, sizeof uri, "unix:?fd=%d&type=%s&%s", fds[0], names[t], in);
	CHECK_OK(sinew_open(&e->in, uri, 0, SINEW_NOW));
	snprintf(uri, sizeof uri, "unix:?fd=%d&type=%s&%s", fds[1], names[t], out);
	CHECK_OK(sinew_open(&e->out, uri, 0, SINEW_NOW));
}

/* ---- more than can be taken in ---- */

/* Without fds= a seqpacket socket does not learn of them: the kernel has closed them. */
static void expect_closed(struct ends *e, unsigned most, size_t size)
{
	struct probe lost = send_probe(e->out, size, 1, most + 1);

	if (most == 0 && strstr(e->m->options, "seqpacket"))
		expect_filled(e->in, size, 1);
	else
		expect_lost(e->in, size, 1);
	probe_close(&lost);
}

TEST_EACH(families, too_many_are_closed_and_told, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	for (unsigned most = 0; most < 4; most++) {
		char in[16];
		snprintf(in, sizeof in, "fds=%u", most);
		open_apart(m, &e, in, "fds=9");
		unsigned before = count_open();
		expect_closed(&e, most, 10);
		expect_closed(&e, most, 0);
		if (most) {
			struct probe some = send_probe(e.out, 5000, 2, most);
			expect_with(e.in, 5000, 2, most, true, &msg);
			CHECK(!probe_is_gone(&some));
			sinew_release(e.in, &msg, 1);
			probe_close(&some);
		}
		send_filled(e.out, 10, 3);
		expect_filled(e.in, 10, 3);
		CHECK_EQ(count_open(), before);
		ends_close(&e);
	}
}

TEST_EACH(families, a_message_above_max_takes_them_with_it, struct mechanism, m)
{
	struct sinew_msg msg = {0};
	struct ends e;
	char buf[100];

	open_apart(m, &e, "fds=2&max=100", "fds=2&max=64K");
	struct probe lost = send_probe(e.out, 20000, 1, 2);
	struct probe next = send_probe(e.out, 100, 2, 2);
	CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, soon()), -EMSGSIZE);
	CHECK_EQ(msg.size, 20000);
	probe_close(&lost);
	CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_EQ(msg.lost, 1);
	CHECK_EQ(msg.fd_count, 2);
	CHECK(!probe_is_gone(&next));
	ends_close(&e);
	probe_close(&next);
}

/* As many descriptors as may be open are open. */
TEST_EACH(passing, a_receiver_with_a_full_table_is_told, struct mechanism, m)
{
	struct rlimit limit, before;
	struct sinew_msg msg;
	struct ends e;

	ends_open(m, &e, 0, "");
	struct probe lost = send_probe(e.out, 10, 1, 5);
	struct probe next = send_probe(e.out, 10, 2, 5);
	unsigned open_before = count_open();
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	limit = before;
	int lowest = CHECK_SYS(dup(0)); /* room for two */
	int top = CHECK_SYS(dup(0));
	close(lowest);
	close(top);
	limit.rlim_cur = (rlim_t)top + 1;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	expect_lost(e.in, 10, 1);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &before));
	CHECK_EQ(count_open(), open_before);
	probe_close(&lost);
	expect_with(e.in, 10, 2, 5, false, &msg);
	ends_close(&e);
	probe_close(&next);
}

/* ---- what the kernel lets one user have under way ---- */

static void send_until_refused(void *arg)
{
	const struct mechanism *m = arg;
	struct rlimit limit = {40, 40};
	struct sinew_msg msg;
	unsigned sent = 0;
	struct ends e;
	int r = 1, fd = -1;

	ends_open(m, &e, 0, "");
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (; sent < 200 && r == 1; sent += r == 1) {
		fd = file_of(sent);
		int fds[8] = {fd, dup(fd), dup(fd), dup(fd), dup(fd), dup(fd), dup(fd), dup(fd)};
		r = send_with(e.out, 10, sent, fds, 8, soon());
		for (int i = 0; i < 8; i++)
			CHECK_EQ(is_open(fds[i]), r != 1);
		for (int i = 1; i < 8 && r != 1; i++)
			close(fds[i]);
	}
	CHECK_ERR(r, -ETOOMANYREFS);
	CHECK(strstr(sinew_error_text(), "more than 40 descriptors under way") != NULL);
	CHECK(strstr(sinew_error_text(), "RLIMIT_NOFILE") != NULL);
	expect_file(fd, sent);
	for (unsigned i = 0; i < sent; i++)
		expect_with(e.in, 10, i, 8, false, &msg);
	sinew_release(e.in, &msg, 1);
	CHECK_EQ(CHECK_OK(send_with(e.out, 10, sent, &fd, 1, soon())), 1);
	expect_with(e.in, 10, sent, 1, false, &msg);
	expect_file(msg.fds[0], sent);
	ends_close(&e);
}

TEST_EACH(families, the_limit_of_what_is_under_way_is_named, struct mechanism, m)
{
	/* What is under way counts for the user, and others of this case run beside it. */
	const uid_t other = 60000 + (uid_t)getpid() % 5000;
	pid_t child = test_fork_as(other, send_until_refused, (void *)m);

	CHECK_EQ(test_wait(child), 0);
}

/* ---- processes that die ---- */

enum { IN_FLIGHT = 1000, TOGETHER = 125 };

static void send_thousand(sinew_channel *out, struct probe *probes)
{
	for (unsigned i = 0; i < IN_FLIGHT; i += TOGETHER) {
		int fds[TOGETHER];
		for (unsigned k = 0; k < TOGETHER; k++) {
			probe_open(&probes[i + k]);
			fds[k] = probes[i + k].far;
		}
		CHECK_EQ(CHECK_OK(send_with(out, 100, i, fds, TOGETHER, soon())), 1);
	}
}

static void sit(sinew_channel *in)
{
	(void)in;
	for (;;)
		pause();
}

TEST_EACH(families, a_receiver_that_dies_frees_a_thousand, struct mechanism, m)
{
	static struct probe probes[IN_FLIGHT];
	struct rlimit limit;
	struct ends e;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	ends_open(m, &e, 0, "");
	pid_t child = CHECK_SYS(fork());
	if (child == 0)
		sit(e.in);
	sinew_close(e.in);
	e.in = NULL;
	send_thousand(e.out, probes);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		CHECK(!probe_is_gone(&probes[i]));
	CHECK_SYS(kill(child, SIGKILL));
	CHECK_EQ(test_wait(child), -SIGKILL);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		probe_close(&probes[i]);
	ends_close(&e);
}

static void die_after_sending(sinew_channel *out, void *arg)
{
	(void)arg;
	int fds[2] = {file_of(1), file_of(2)};
	CHECK_EQ(CHECK_OK(send_with(out, 3000, 1, fds, 2, soon())), 1);
	kill(getpid(), SIGKILL);
}

TEST_EACH(passing, a_sender_that_dies_has_sent_them, struct mechanism, m)
{
	struct sinew_msg msg;
	struct ends e;

	ends_listen(m, &e, 0, "");
	pid_t child = ends_fork(&e, die_after_sending, NULL);
	CHECK_EQ(test_wait(child), -SIGKILL);
	expect_with(e.in, 3000, 1, 2, false, &msg);
	expect_file(msg.fds[0], 1);
	expect_file(msg.fds[1], 2);
	ends_close(&e);
}

/* A socket under way in itself, with a pipe behind it: the kernel finds that nobody can reach it. */
TEST_EACH(families, a_socket_sent_through_itself_hangs_nobody, struct mechanism, m)
{
	struct probe probe;
	struct ends e;

	ends_open(m, &e, 0, "");
	probe_open(&probe);
	int fds[3] = {dup(raw_fd(e.in)), dup(raw_fd(e.out)), probe.far};
	CHECK_EQ(CHECK_OK(send_with(e.out, 10, 1, fds, 3, soon())), 1);
	ends_close(&e);
	probe_close(&probe);
}

/* ---- strangers ---- */

static sinew_channel *with_bare(const char *options, int *bare)
{
	sinew_channel *c;
	char uri[100];
	int fds[2], one = 1;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_SYS(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
	snprintf(uri, sizeof uri, "unix:?fd=%d&%s", fds[0], options);
	CHECK_OK(sinew_open(&c, uri, 0, SINEW_NOW));
	*bare = fds[1];
	return c;
}

static void expect_cut_off(sinew_channel *c, int bare)
{
	struct sinew_msg msg;
	char buf[100];
	int r;

	while ((r = sinew_recv(c, buf, sizeof buf, &msg, soon())) == 1)
		;
	CHECK_ERR(r, -EBADMSG);
	CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, soon())), SINEW_END);
	sinew_close(c);
	close(bare);
}

/* A plain frame with a descriptor, the announcement of some without, of more, of fewer. */
TEST(a_peer_that_announces_wrongly_is_cut_off)
{
	static const struct {
		unsigned announced, sent;
	} rows[] = {{0, 1}, {1, 0}, {2, 1}, {1, 2}, {3, 0}};
	unsigned char bytes[64] = {0};
	struct probe probe;
	int bare;

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		sinew_channel *c = with_bare("fds=2", &bare);
		size_t size = rows[i].announced ? put_announcement(bytes, rows[i].announced, 5) : 4;
		if (!rows[i].announced)
			memcpy(bytes, "\0\0\0\5", 4);
		probe_open(&probe);
		int fds[2] = {probe.far, probe.far};
		send_bare(bare, bytes, size + 5, fds, rows[i].sent, false);
		close(probe.far);
		expect_cut_off(c, bare);
		probe_close(&probe);
	}
}

/* Where it is not told until the next message, the descriptor for poll() says that there is something. */
TEST(a_stray_descriptor_behind_a_message_is_seen_by_poll)
{
	struct sinew_msg msg;
	struct probe probe;
	char buf[16];
	int bare;

	sinew_channel *c = with_bare("fds=2", &bare);
	CHECK_OK(sinew_fd(c, SINEW_IN));
	probe_open(&probe);
	send_bare(bare, "\0\0\0\2hi", 6, &probe.far, 1, false);
	close(probe.far);
	CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, soon())), 1);
	CHECK_EQ(msg.fd_count, 0);
	struct pollfd poll_fd = {.fd = sinew_fd(c, SINEW_IN), .events = POLLIN};
	CHECK_EQ(CHECK_SYS(poll(&poll_fd, 1, 0)), 1);
	expect_cut_off(c, bare);
	probe_close(&probe);
}

/* With every byte of a long frame come descriptors: never are more than twice fds= here. */
TEST(a_flood_of_descriptors_is_bounded)
{
	enum { FDS = 3, FLOOD = 60 };
	unsigned char bytes[8] = {0};
	struct sinew_msg msg;
	int fds[FDS], bare;
	char buf[16];
	int r = 0;

	sinew_channel *c = with_bare("fds=3", &bare);
	for (unsigned i = 0; i < FDS; i++)
		fds[i] = file_of(i);
	unsigned before = count_open(), sent = 0;
	memcpy(bytes, "\0\0\20\0", 4);
	for (; sent < FLOOD && r != -EBADMSG; sent++) {
		send_bare(bare, bytes + (sent < 4 ? sent : 4), 1, fds, FDS, false);
		r = sinew_recv(c, buf, sizeof buf, &msg, SINEW_NOW);
		CHECK(r == -EAGAIN || r == -EBADMSG || r == -EMSGSIZE);
		CHECK(count_open() <= before + 2 * FDS);
	}
	CHECK(sent < 6);
	CHECK_EQ(count_open(), before);
	CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, SINEW_NOW)), SINEW_END);
	for (unsigned i = 0; i < FDS; i++)
		close(fds[i]);
	sinew_close(c);
	close(bare);
}

TEST(credentials_mixed_in_change_nothing)
{
	unsigned char bytes[64] = {0};
	struct sinew_msg msg;
	int fd = file_of(3), bare;
	char buf[64];

	sinew_channel *c = with_bare("fds=1", &bare);
	for (unsigned i = 0; i < 4; i++) {
		size_t size = put_announcement(bytes, 1, 5);
		send_bare(bare, bytes, size + 5, &fd, 1, i % 2);
		CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, soon())), 1);
		CHECK_EQ(msg.size, 5);
		CHECK_EQ(msg.fd_count, 1);
		expect_file(msg.fds[0], 3);
	}
	close(fd);
	close(bare);
	sinew_close(c);
}

/* A header byte by byte, its descriptor with the first; and with the last, which is as good. */
TEST(a_frame_may_come_in_pieces)
{
	unsigned char bytes[64] = {0};
	struct sinew_msg msg;
	int fd = file_of(3), bare;
	char buf[64];

	sinew_channel *c = with_bare("fds=1", &bare);
	for (size_t with = 0; with < 21; with += 20) {
		size_t size = put_announcement(bytes, 1, 5) + 5;
		for (size_t i = 0; i < size; i++) {
			send_bare(bare, bytes + i, 1, &fd, i == (with ? 8 : 0), false);
			int r = sinew_recv(c, buf, sizeof buf, &msg, SINEW_NOW);
			if (i + 1 < size)
				CHECK_ERR(r, -EAGAIN);
			else
				CHECK_EQ(r, 1);
		}
		CHECK_EQ(msg.fd_count, 1);
		expect_file(msg.fds[0], 3);
	}
	close(fd);
	close(bare);
	sinew_close(c);
}

/* One read brings the rest of a frame and the whole of the next: each keeps its own. */
TEST(two_frames_may_wait_together)
{
	unsigned char bytes[64] = {0};
	struct sinew_msg msgs[8];
	int first = file_of(1), second = file_of(2), bare;

	sinew_channel *c = with_bare("fds=1", &bare);
	size_t size = put_announcement(bytes, 1, 5) + 5;
	send_bare(bare, bytes, 18, &first, 1, false);
	CHECK_ERR(sinew_take(c, msgs, 8, SINEW_NOW), -EAGAIN);
	send_bare(bare, bytes + 18, size - 18, NULL, 0, false);
	send_bare(bare, bytes, size, &second, 1, false);
	close(first);
	close(second);
	for (unsigned i = 1; i < 3; i++) {
		CHECK_EQ(CHECK_OK(sinew_take(c, msgs, 8, soon())), 1);
		CHECK_EQ(msgs[0].fd_count, 1);
		expect_file(msgs[0].fds[0], i);
	}
	close(bare);
	sinew_close(c);
}

TEST(a_peer_that_leaves_inside_a_frame_leaves_nothing)
{
	unsigned char bytes[64] = {0};
	struct sinew_msg msg;
	struct probe probe;
	char buf[64];
	int bare;

	sinew_channel *c = with_bare("fds=1", &bare);
	probe_open(&probe);
	size_t size = put_announcement(bytes, 1, 5);
	send_bare(bare, bytes, size + 2, &probe.far, 1, false);
	close(probe.far);
	CHECK_ERR(sinew_recv(c, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK(!probe_is_gone(&probe));
	close(bare);
	CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, soon())), SINEW_END);
	CHECK_EQ(msg.lost, 1);
	probe_close(&probe);
	sinew_close(c);
}

/* A server cuts the offender off; the others are served on, and the loss is counted. */
TEST_EACH(streams, a_hostile_peer_hurts_itself_alone, struct mechanism, m)
{
	unsigned char bytes[64] = {0};
	struct sinew_msg msg;
	struct probe probe;
	struct ends e;
	char buf[64];

	if (m->single) {
		CHECK(true);
		return;
	}
	ends_listen(m, &e, SINEW_EVENTS, "");
	sinew_channel *good = ends_join(&e, 0), *bad = ends_join(&e, 0);
	probe_open(&probe);
	size_t size = put_announcement(bytes, 2, 1);
	send_bare(raw_fd(bad), bytes, size + 1, &probe.far, 1, false);
	close(probe.far);
	bool corrupt = false;
	while (!corrupt) {
		CHECK_EQ(CHECK_OK(sinew_recv(e.in, buf, sizeof buf, &msg, soon())), 1);
		corrupt = msg.flags & SINEW_MSG_CORRUPT;
	}
	probe_close(&probe);
	int fd = file_of(8);
	CHECK_EQ(CHECK_OK(send_with(good, 10, 1, &fd, 1, soon())), 1);
	expect_with(e.in, 10, 1, 1, false, &msg);
	expect_file(msg.fds[0], 8);
	sinew_close(good);
	sinew_close(bad);
	ends_close(&e);
}

/* Packets without a frame where there should be one. */
TEST(a_packet_that_is_dropped_takes_them_with_it)
{
	static const char *const types[] = {"seqpacket", "dgram"};
	static const int kinds[] = {SOCK_SEQPACKET, SOCK_DGRAM};
	struct sinew_msg msg;
	struct probe probe;
	int fds[2];
	char uri[100], buf[64];

	for (unsigned i = 0; i < 2; i++) {
		sinew_channel *c;
		CHECK_SYS(socketpair(AF_UNIX, kinds[i] | SOCK_CLOEXEC, 0, fds));
		snprintf(uri, sizeof uri, "unix:?fd=%d&type=%s&frame=length&fds=4", fds[0],
			types[i]);
		CHECK_OK(sinew_open(&c, uri, 0, SINEW_NOW));
		probe_open(&probe);
		send_bare(fds[1], "garbage", 7, &probe.far, 1, false);
		close(probe.far);
		CHECK_ERR(sinew_recv(c, buf, sizeof buf, &msg, soon()), -EBADMSG);
		probe_close(&probe);
		send_bare(fds[1], "\0\0\0\1x", 5, NULL, 0, false);
		CHECK_EQ(CHECK_OK(sinew_recv(c, buf, sizeof buf, &msg, soon())), 1);
		CHECK_EQ(msg.fd_count, 0);
		CHECK_EQ(msg.lost, 1);
		close(fds[1]);
		sinew_close(c);
	}
}

struct stranger {
	struct ends *e;
	struct probe probe;
};

static void send_as_stranger(void *arg)
{
	struct stranger *s = arg;
	sinew_channel *out = ends_join(s->e, 0);

	close(s->probe.near);
	CHECK_EQ(CHECK_OK(send_with(out, 10, 1, &s->probe.far, 1, soon())), 1);
	sinew_close(out);
	sinew_close(s->e->in);
}

TEST(those_of_a_user_who_is_not_allowed_are_closed)
{
	static const struct mechanism dgram = {"dgram", "unix", "s", "type=dgram&fds=4", true};
	struct sinew_stats stats;
	struct stranger s;
	struct sinew_msg msg;
	struct ends e;
	char allow[64], buf[16];

	snprintf(allow, sizeof allow, "mode=0777&allow=%u", getuid());
	ends_listen(&dgram, &e, 0, allow);
	e.uri[strcspn(e.uri, "?")] = '\0';
	strncat(e.uri, "?type=dgram&fds=4", sizeof e.uri - strlen(e.uri) - 1);
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	s.e = &e;
	probe_open(&s.probe);
	pid_t child = test_fork_as(65534, send_as_stranger, &s);
	close(s.probe.far);
	CHECK_EQ(test_wait(child), 0);
	CHECK_ERR(sinew_recv(e.in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_stats(e.in, &stats));
	CHECK_EQ(stats.refused, 1);
	probe_close(&s.probe);
	ends_close(&e);
}
