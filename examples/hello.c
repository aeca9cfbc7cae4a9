/* SPDX-License-Identifier: MIT
 *
 * hello.c - the whole of sinew in a page: `hello URI` receives and answers, `hello URI TEXT` asks.
 * Change the mechanism by changing the URI: unix:/tmp/hello, tcp:localhost:7000, …
 */
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>

static int fail(void)
{
	fprintf(stderr, "hello: %s\n", sinew_error_text());
	return 1;
}

static int answer(sinew_channel *channel)
{
	struct sinew_msg msg;
	char text[256], reply[280];
	int n;

	while ((n = sinew_recv(channel, text, sizeof text, &msg, SINEW_FOREVER)) == 1) {
		printf("%.*s\n", (int)msg.size, text);
		snprintf(reply, sizeof reply, "you said: %.*s", (int)msg.size, text);
		struct sinew_msg out = {.data = reply, .size = strlen(reply), .peer = msg.peer};
		if (sinew_send(channel, &out, 1, sinew_after(1000000000)) < 0)
			fail();
	}
	return n == SINEW_END ? 0 : fail();
}

static int ask(sinew_channel *channel, const char *text)
{
	struct sinew_msg msg = {.data = text, .size = strlen(text)};
	char reply[280];

	if (sinew_send(channel, &msg, 1, SINEW_FOREVER) < 0 ||
		sinew_recv(channel, reply, sizeof reply, &msg, SINEW_FOREVER) < 1)
		return fail();
	printf("%.*s\n", (int)msg.size, reply);
	return 0;
}

int main(int argc, char **argv)
{
	sinew_channel *channel;

	if (argc < 2 || argc > 3)
		return 2;
	if (sinew_open(&channel, argv[1], argc == 2 ? SINEW_LISTEN : 0, SINEW_FOREVER) < 0)
		return fail();
	int status = argc == 2 ? answer(channel) : ask(channel, argv[2]);
	sinew_close(channel);
	return status;
}
