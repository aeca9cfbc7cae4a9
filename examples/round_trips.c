/* SPDX-License-Identifier: MIT
 *
 * round_trips.c - what an answer costs: `round_trips URI` sends back whatever comes, `round_trips URI COUNT`
 * sends so many messages of 64 bytes, each after the answer to the one before, and tells how long that took.
 */
#include <inttypes.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 64 };

static int fail(void)
{
	fprintf(stderr, "round_trips: %s\n", sinew_error_text());
	return 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int answer(sinew_channel *channel)
{
	struct sinew_msg msg;
	char bytes[SIZE];
	int n;

	while ((n = sinew_recv(channel, bytes, sizeof bytes, &msg, SINEW_FOREVER)) == 1) {
		struct sinew_msg back = {.data = bytes, .size = msg.size, .peer = msg.peer};
		if (sinew_send(channel, &back, 1, SINEW_FOREVER) < 1)
			return fail();
	}
	return n == SINEW_END ? 0 : fail();
}

/* Each message has a number of its own, which must come back. */
static int trip(sinew_channel *channel, uint64_t number)
{
	uint64_t there[SIZE / 8] = {number}, back[SIZE / 8];
	struct sinew_msg msg = {.data = there, .size = sizeof there};

	if (sinew_send(channel, &msg, 1, SINEW_FOREVER) < 1 ||
		sinew_recv(channel, back, sizeof back, &msg, SINEW_FOREVER) < 1)
		return fail();
	if (msg.size == sizeof back && memcmp(there, back, sizeof back) == 0)
		return 0;
	fprintf(stderr, "round_trips: message %" PRIu64 " came back as another\n", number);
	return 1;
}

static int ask(sinew_channel *channel, const char *uri, uint64_t count)
{
	/* The first one waits until the other is there. */
	if (trip(channel, 0))
		return 1;
	double start = now();
	for (uint64_t i = 1; i <= count; i++)
		if (trip(channel, i))
			return 1;
	double ns = now() - start;
	printf("%.*s: %.1f us there and back, %.1f MB/s (%" PRIu64
	       " messages of %d bytes, %.1f ms)\n",
		(int)strcspn(uri, ":"), uri, ns / 1e3 / (double)count,
		2e3 * SIZE * (double)count / ns, count, SIZE, ns / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	sinew_channel *channel;
	uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc < 2 || argc > 3 || (argc == 3 && !count)) {
		fputs("Usage: round_trips URI [COUNT]\n", stderr);
		return 2;
	}
	if (sinew_open(&channel, argv[1], count ? 0 : SINEW_LISTEN, SINEW_FOREVER) < 0)
		return fail();
	int status = count ? ask(channel, argv[1], count) : answer(channel);
	sinew_close(channel);
	return status;
}
