/* SPDX-License-Identifier: MIT
 *
 * faults_size.c - messages that are too large, for the sender, the receiver or the buffer: the
 * limit is named, what was lost is counted, and the next message is intact.
 */
#include "faults.h"

TEST_EACH(lossy_too, too_large_to_send, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "max=100", 0);
	CHECK_ERR(send_message(writer, 101, 1, soon(5000)), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), "101"));
	CHECK(strstr(sinew_error_text(), "limit is 100"));
	CHECK_EQ(send_message(writer, 100, 2, soon(5000)), 1);
	expect_message(reader, 100, 2, 0);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* In an array only those before it go; those after it can still be sent. */
TEST_EACH(lossy_too, too_large_in_an_array, struct mechanism, m)
{
	static const char data[200];
	const struct sinew_msg msgs[] = {{.data = data, .size = 10}, {.data = data, .size = 99},
		{.data = data, .size = 101}, {.data = data, .size = 98}};
	char buf[200];
	struct sinew_msg msg;
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "max=100", 0);
	CHECK_EQ(sinew_send(writer, msgs, 4, soon(5000)), 2);
	CHECK_ERR(sinew_send(writer, msgs + 2, 2, soon(5000)), -EMSGSIZE);
	CHECK_EQ(sinew_send(writer, msgs + 3, 1, soon(5000)), 1);
	static const size_t sizes[] = {10, 99, 98};
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), 1);
		CHECK_EQ(msg.size, sizes[i]);
	}
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* The limit that many writers of a fifo put on a message, and the two ways out. */
TEST(too_large_for_a_shared_fifo)
{
	static const struct mechanism shared = {
		.name = "fifo", .base = "fifo:%s/name", .options = ""};
	struct sinew_caps caps;
	struct place place;

	place_init(&place, &shared);
	CHECK_OK(sinew_caps(place_uri(&place, false, ""), &caps));
	CHECK_EQ(caps.max_message, 4092);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 4092, 1, soon(5000)), 1);
	expect_message(reader, 4092, 1, 0);
	CHECK_ERR(send_message(writer, 4093, 2, soon(5000)), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), "4092"));
	CHECK(strstr(sinew_error_text(), "chunk=yes"));
	CHECK(strstr(sinew_error_text(), "writers=1"));
	CHECK_EQ(send_message(writer, 5, 3, soon(5000)), 1);
	expect_message(reader, 5, 3, 0);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* The kernel has one piece of memory for a packet, however large the buffer is. */
static void check_largest(const char *options)
{
	const struct mechanism packets = {
		.name = "packets", .base = "unix:%s/name", .options = options};
	struct sinew_caps caps;
	struct place place;

	place_init(&place, &packets);
	CHECK_OK(sinew_caps(place_uri(&place, false, "max=8M"), &caps));
	CHECK(caps.max_message <= 4 << 20);
	sinew_channel *reader = open_reader(&place, "max=8M", 0);
	sinew_channel *writer = open_writer(&place, "max=8M", 0);
	CHECK_ERR(send_message(writer, 6 << 20, 1, soon(100)), -EMSGSIZE);
	CHECK_EQ(send_message(writer, 5, 2, soon(5000)), 1);
	expect_message(reader, 5, 2, 0);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

TEST(too_large_for_the_kernel)
{
	check_largest("type=seqpacket&");
	check_largest("type=dgram&");
}

/* ---- a receiver with a smaller limit than the sender ---- */

static void send_three(struct place *place)
{
	sinew_channel *writer = open_writer(place, "", 0);

	CHECK_EQ(send_message(writer, 5, 1, soon(5000)), 1);
	CHECK_EQ(send_message(writer, 3000, 2, soon(5000)), 1);
	CHECK_EQ(send_message(writer, 64, 3, soon(5000)), 1);
	CHECK_OK(sinew_close(writer));
}

/* With one peer the call says so, and the loss comes with the next message; with many the call goes
 * on, for another peer must not suffer. */
TEST_EACH(every, too_large_to_receive, struct mechanism, m)
{
	struct sinew_stats stats;
	struct sinew_msg msg = {0};
	struct place place;
	char buf[100];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "max=64", 0);
	send_three(&place);
	expect_message(reader, 5, 1, 0);
	if (!m->peers) {
		CHECK_ERR(sinew_recv(reader, buf, sizeof buf, &msg, soon(5000)), -EMSGSIZE);
		CHECK_EQ(msg.size, 3000);
		CHECK(strstr(sinew_error_text(), "max=64"));
	}
	expect_message(reader, 64, 3, 1);
	if (m->ends)
		expect_end(reader, 0);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.lost, 1);
	CHECK_OK(sinew_close(reader));
}

/* The same with sinew_take(). */
TEST_EACH(lossy_too, too_large_to_take, struct mechanism, m)
{
	struct sinew_msg msgs[8] = {0};
	struct place place;
	unsigned got = 0;
	uint64_t lost = 0;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "max=64", 0);
	send_three(&place);
	while (got < 2) {
		int n = sinew_take(reader, msgs, 8, soon(5000));
		if (n == -EMSGSIZE && !m->peers)
			continue;
		CHECK_OK(n);
		CHECK(n > 0);
		for (int i = 0; i < n; i++, got++) {
			CHECK_EQ(msgs[i].size, got == 0 ? 5 : 64);
			lost += msgs[i].lost;
		}
		sinew_release(reader, msgs, (unsigned)n);
	}
	CHECK_EQ(lost, 1);
	CHECK_OK(sinew_close(reader));
}

/* A connecting receiver has one peer only: the call says so. */
TEST_EACH(served, answer_too_large, struct mechanism, m)
{
	struct sinew_msg msg = {0};
	struct place place;
	char buf[100];

	place_init(&place, m);
	sinew_channel *server = open_reader(&place, "dir=both", 0), *client = NULL;
	CHECK_OK(sinew_open(&client, place_uri(&place, false, "max=64"), 0, soon(5000)));
	CHECK_EQ(send_message(client, 1, 0, soon(5000)), 1);
	expect_message(server, 1, 0, 0);
	CHECK_EQ(send_message(server, 3000, 1, soon(5000)), 1);
	CHECK_EQ(send_message(server, 64, 2, soon(5000)), 1);
	CHECK_ERR(sinew_recv(client, buf, sizeof buf, &msg, soon(5000)), -EMSGSIZE);
	CHECK_EQ(msg.size, 3000);
	expect_message(client, 64, 2, 1);
	CHECK_OK(sinew_close(client));
	CHECK_OK(sinew_close(server));
}

/* ---- a buffer that is too small ---- */

static const size_t sizes[] = {100, 1000, 200000};

static void send_each_size(void *argument)
{
	struct place *place = argument;
	sinew_channel *writer = open_writer(place, "", 0);

	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(send_message(writer, at_most(place->mechanism, sizes[i]), i, soon(20000)),
			1);
		CHECK_EQ(send_message(writer, 10, i + 1, soon(20000)), 1);
	}
	CHECK_EQ(sinew_flush(writer, soon(20000)), 0);
	CHECK_OK(sinew_close(writer));
}

TEST_EACH(every, buffer_too_small, struct mechanism, m)
{
	struct sinew_msg msg = {0};
	struct place place;
	char buf[50];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	pid_t pid = fork_writer(&place, send_each_size);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned again = 0; again < 2; again++) {
			CHECK_ERR(
				sinew_recv(reader, buf, sizeof buf, &msg, soon(20000)), -EMSGSIZE);
			CHECK_EQ(msg.size, at_most(m, sizes[i]));
		}
		expect_message(reader, at_most(m, sizes[i]), i, 0);
		expect_message(reader, 10, i + 1, 0);
	}
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_close(reader));
}

/* Closing with messages unread says how many had been received. */
TEST_EACH(bytes, closed_unread, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(send_message(writer, 10, i, soon(5000)), 1);
	expect_message(reader, 10, 0, 0);
	CHECK_EQ(sinew_close(reader), 4);
	sinew_close(writer);
}
