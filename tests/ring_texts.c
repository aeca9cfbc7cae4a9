/* SPDX-License-Identifier: MIT */
#include "ring_texts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ring/ring.h"
#include "runner.h"

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

int64_t soon(void)
{
	return test_limit(10000);
}

const char *uri(const char *options)
{
	static char text[300];

	snprintf(text, sizeof text, "ring:file:%s?%s", test_path("ring"), options);
	return text;
}

sinew_channel *open_end(const char *options, unsigned flags)
{
	sinew_channel *channel;

	CHECK_OK(sinew_open(&channel, uri(options), flags, soon()));
	return channel;
}

int send_text(sinew_channel *out, const char *text)
{
	struct sinew_msg msg = {.data = text, .size = strlen(text)};

	return sinew_send(out, &msg, 1, SINEW_NOW);
}

struct sinew_msg expect_text(sinew_channel *in, const char *text)
{
	static char buf[2048];
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_MEM(msg.data, msg.size, text, strlen(text));
	return msg;
}

void close_all(sinew_channel *a, sinew_channel *b)
{
	CHECK_EQ(sinew_close(a), 0);
	CHECK_EQ(sinew_close(b), 0);
	CHECK_OK(sinew_remove(uri("")));
}

unsigned die(sinew_channel *channel)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	const unsigned slot = ring->slot;
	struct flock lock = {.l_type = F_UNLCK, .l_start = SINEW__RING_LOCKS + slot, .l_len = 1};

	CHECK_SYS(fcntl(ring->fd, F_OFD_SETLK, &lock));
	ring->owner = 0;
	CHECK_EQ(sinew_close(channel), 0);
	return slot;
}
