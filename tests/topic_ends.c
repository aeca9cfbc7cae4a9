/* SPDX-License-Identifier: MIT
 *
 * topic_ends.c - the ends of a ring that every reader reads, and numbers that go through it.
 */
#include <errno.h>

#include "topic_ends.h"

void remove_ring(void)
{
	CHECK_OK(sinew_remove(uri("")));
}

/* A message of `size` bytes that says which it is, all over. */
int send_number(sinew_channel *out, uint32_t number, size_t size, int64_t until)
{
	static uint32_t words[MOST / 4];

	for (size_t i = 0; i < size / 4; i++)
		words[i] = number;
	return sinew_send(out, &(struct sinew_msg){.data = words, .size = size}, 1, until);
}

void send_all(sinew_channel *out, uint32_t from, uint32_t to, size_t size)
{
	for (uint32_t i = from; i < to; i++)
		CHECK_EQ(CHECK_OK(send_number(out, i, size, soon())), 1);
}

uint32_t number_of(const struct sinew_msg *msg)
{
	const uint32_t *words = msg->data;

	CHECK(msg->size >= 4 && msg->size % 4 == 0);
	for (size_t i = 1; i < msg->size / 4; i++)
		if (words[i] != words[0])
			FAIL("torn: %u and %u", words[0], words[i]);
	return words[0];
}

uint32_t receive(sinew_channel *in, struct sinew_msg *msg, int64_t until)
{
	static uint32_t buf[MOST / 4];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, msg, until)), 1);
	return number_of(msg);
}

void expect(sinew_channel *in, uint32_t from, uint32_t to)
{
	struct sinew_msg msg;

	for (uint32_t i = from; i < to; i++) {
		CHECK_EQ(receive(in, &msg, soon()), i);
		CHECK_EQ(msg.lost, 0);
	}
}

void expect_nothing(sinew_channel *in)
{
	char buf[MOST];
	struct sinew_msg msg;

	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_NOW), -EAGAIN);
}

/* Of all members, as anybody can see. */
uint64_t look_for(uint64_t *behind)
{
	struct sinew_ring_look look;
	uint64_t lost = 0;

	CHECK_OK(sinew_ring_look(uri(""), &look, soon()));
	*behind = 0;
	for (unsigned i = 0; i < look.members; i++) {
		lost += look.member[i].lost;
		*behind += look.member[i].behind;
	}
	return lost;
}

unsigned fill(sinew_channel *out)
{
	unsigned n = 0;

	while (send_number(out, n, 100, SINEW_NOW) == 1 && n < 100)
		n++;
	return n;
}
