/* SPDX-License-Identifier: MIT
 *
 * faults_limits.c - no descriptor is left. Opening fails at whatever step it comes to, and leaves
 * nothing; a listener goes on serving those who are there, at no cost, and takes the others later.
 */
#include "faults.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sys.h"

static void limit_descriptors(unsigned most)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = most;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Opens with room for 0, 1, 2... more descriptors until it succeeds. */
static sinew_channel *open_stepwise(struct place *place, bool reader, unsigned *steps)
{
	unsigned before = count_descriptors(), names = count_entries(test_tmpdir());
	sinew_channel *channel = NULL;

	for (unsigned room = 0; room < 12; room++) {
		limit_descriptors(before + room);
		int r = reader ? try_reader(&channel, place, "", SINEW_CANCELLABLE)
			       : try_writer(&channel, place, "", SINEW_CANCELLABLE);
		limit_descriptors(1000);
		if (r == 0)
			return channel;
		CHECK_EQ(r, -EMFILE);
		CHECK(strlen(sinew_error_text()) > 10);
		CHECK_EQ(count_descriptors(), before);
		CHECK_EQ(count_entries(test_tmpdir()), names);
		++*steps;
	}
	FAIL("it does not even open with twelve descriptors");
}

TEST_EACH(every, no_descriptor_to_open, struct mechanism, m)
{
	struct place place;
	unsigned steps = 0;

	place_init(&place, m);
	sinew_channel *reader = open_stepwise(&place, true, &steps);
	if (strncmp(place.uri, "tcp:", 4) == 0)
		CHECK_OK(sinew_name(reader, place.uri, sizeof place.uri));
	sinew_channel *writer = open_stepwise(&place, false, &steps);
	CHECK(steps >= 2);
	CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
	expect_message(reader, 10, 1, 0);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

TEST(no_descriptor_for_a_pair)
{
	static const char *const uris[] = {"pipe:", "pipe:?dir=both", "unix:"};
	sinew_channel *ends[2];

	for (unsigned i = 0; i < 3; i++) {
		unsigned before = count_descriptors();
		int r = -EMFILE;
		for (unsigned room = 0; r < 0 && room < 12; room++) {
			limit_descriptors(before + room);
			r = sinew_pair(ends, uris[i], SINEW_CANCELLABLE);
			limit_descriptors(1000);
			if (r == 0)
				break;
			CHECK_EQ(r, -EMFILE);
			CHECK_EQ(count_descriptors(), before);
		}
		CHECK_EQ(r, 0);
		CHECK_OK(sinew_close(ends[0]));
		CHECK_OK(sinew_close(ends[1]));
		CHECK_EQ(count_descriptors(), before);
	}
}

TEST_EACH(lossy_too, no_descriptor_to_poll, struct mechanism, m)
{
	struct sinew_caps caps;
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	unsigned before = count_descriptors();
	bool polled = sinew_caps(place_uri(&place, true, ""), &caps) < 0 ||
		      caps.bits & SINEW_CAP_POLLABLE;
	for (unsigned room = 0; room < 2 && polled; room++) {
		limit_descriptors(before + room);
		CHECK_ERR(sinew_fd(reader, SINEW_IN), -EMFILE);
		CHECK_ERR(sinew_fd(writer, SINEW_OUT), -EMFILE);
		limit_descriptors(1000);
		CHECK_EQ(count_descriptors(), before);
	}
	CHECK_EQ(sinew_fd(reader, SINEW_IN) >= 0, polled);
	CHECK_EQ(sinew_fd(writer, SINEW_OUT) >= 0, polled);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* ---- a listener without a descriptor for the next peer ---- */

static void send_and_wait(void *argument)
{
	struct place *place = argument;
	sinew_channel *writer = open_writer(place, "", 0);

	CHECK_EQ(send_message(writer, 70, 7, soon(5000)), 1);
	CHECK_OK(sinew_close(writer));
}

TEST_EACH(served, no_descriptor_to_accept, struct mechanism, m)
{
	char buf[100];
	struct sinew_msg msg;
	struct sinew_stats stats;
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
	expect_message(reader, 10, 1, 0);
	limit_descriptors(count_descriptors());
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		limit_descriptors(1000);
		send_and_wait(&place);
		exit(0);
	}
	CHECK_EQ(test_wait(pid), 0); /* connected and left: it waits in the backlog */

	/* The peer that is there is served as before, and waiting costs next to nothing. */
	int64_t used = cpu_ms();
	for (uint64_t i = 2; i < 5; i++) {
		CHECK_EQ(send_message(writer, 10, i, soon(5000)), 1);
		expect_message(reader, 10, i, 0);
		CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, soon(150)), -ETIMEDOUT);
	}
	CHECK(cpu_ms() - used < 60);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.peers, 1);

	limit_descriptors(1000);
	expect_message(reader, 70, 7, 0);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.joined, 2);
	CHECK_OK(sinew_close(writer));
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
}

/* A receive without a deadline that has come to wait takes the peer as soon as it can. */

TEST_EACH(served, descriptor_comes_back, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "keep-open=1", 0);
	sinew_channel *first = open_writer(&place, "", 0);
	CHECK_EQ(send_message(first, 10, 1, soon(5000)), 1);
	expect_message(reader, 10, 1, 0);
	limit_descriptors(count_descriptors());
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		limit_descriptors(1000);
		send_and_wait(&place);
		exit(0);
	}
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(first)); /* its end gives the listener a descriptor back */
	expect_message(reader, 70, 7, 0);
	limit_descriptors(1000);
	CHECK_OK(sinew_close(reader));
}

/* The most peers that peers= allows: one more waits, at no cost, and comes in when one leaves. */
TEST_EACH(served, most_peers, struct mechanism, m)
{
	struct place place;
	struct sinew_msg msg;
	char buf[100];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "peers=2", 0);
	sinew_channel *one = open_writer(&place, "", 0), *two = open_writer(&place, "", 0);
	CHECK_EQ(send_message(one, 10, 1, soon(5000)), 1);
	expect_message(reader, 10, 1, 0);
	CHECK_EQ(send_message(two, 10, 2, soon(5000)), 1);
	expect_message(reader, 10, 2, 0);
	sinew_channel *three = open_writer(&place, "", 0);
	CHECK_EQ(send_message(three, 10, 3, soon(5000)), 1);
	int64_t used = cpu_ms();
	CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, soon(150)), -ETIMEDOUT);
	CHECK(cpu_ms() - used < 60);
	CHECK_EQ(send_message(one, 10, 4, soon(5000)), 1);
	expect_message(reader, 10, 4, 0);
	CHECK_OK(sinew_close(one));
	expect_message(reader, 10, 3, 0);
	CHECK_OK(sinew_close(two));
	CHECK_OK(sinew_close(three));
	expect_end(reader, 0);
	CHECK_OK(sinew_close(reader));
}

/* ---- no memory ---- */

static size_t mmap_most;

static void *mmap_bounded(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (size <= mmap_most)
		return mmap(at, size, protection, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* No room for buffers: clean words, nothing left. A listener's come with its peers: one that cannot
 * have them waits until there is room, and nothing of what it sent is lost. */
TEST_EACH(lossy_too, no_memory, struct mechanism, m)
{
	struct place place;
	sinew_channel *channel = NULL;
	char byte;

	place_init(&place, m);
	unsigned before = count_descriptors();
	mmap_most = 64 << 20;
	sinew__sys.mmap = mmap_bounded;
	int r = try_reader(&channel, &place, "max=1G", 0);
	if (r == 0) {
		CHECK(m->peers && m->ends);
		if (strncmp(place.uri, "tcp:", 4) == 0)
			CHECK_OK(sinew_name(channel, place.uri, sizeof place.uri));
		sinew_channel *writer = open_writer(&place, "", 0);
		CHECK_EQ(send_message(writer, 10, 1, soon(5000)), 1);
		CHECK_ERR(sinew_recv(channel, &byte, 1, &(struct sinew_msg){0}, soon(50)),
			-ETIMEDOUT);
		mmap_most = SIZE_MAX;
		sinew_close(writer);
		expect_message(channel, 10, 1, 0);
		writer = open_writer(&place, "", 0);
		CHECK_EQ(send_message(writer, 10, 2, soon(5000)), 1);
		expect_message(channel, 10, 2, 0);
		CHECK_OK(sinew_close(writer));
		CHECK_OK(sinew_close(channel));
	} else {
		CHECK_EQ(r, -ENOMEM);
		CHECK(strstr(sinew_error_text(), "max="));
		CHECK_EQ(count_descriptors(), before);
	}
	CHECK_EQ(count_entries(test_tmpdir()), 0);
	place_no_reader(&place);
	place_no_writer(&place);
}
