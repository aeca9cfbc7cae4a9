/* SPDX-License-Identifier: MIT
 *
 * signal_queue.c - standard signals merge where real-time ones queue. Five posts each to a process
 * that is busy; then it looks what came. The capability `every` tells it in advance.
 */
#include <inttypes.h>
#include <sinew/sinew.h>
#include <stdio.h>

enum { POSTS = 5 };

static int fail(void)
{
	fprintf(stderr, "signal_queue: %s\n", sinew_error_text());
	return -1;
}

/* Posts 1 to 5 to ourselves and counts what arrives. */
static int arrived(const char *uri)
{
	sinew_event *event;
	struct sinew_notice notice;
	struct sinew_caps caps;
	int n = 0;

	if (sinew_caps(uri, &caps) < 0 || sinew_event_open(&event, uri, 0, SINEW_NOW) < 0)
		return fail();
	for (uint64_t word = 1; word <= POSTS; word++)
		if (sinew_event_post(event, word, SINEW_FOREVER) < 0)
			return fail();
	printf("%-26s", uri);
	while (sinew_event_wait(event, &notice, SINEW_NOW) == 0) {
		printf(" %" PRIu64, notice.value);
		n++;
	}
	printf("  (%s)\n", caps.bits & SINEW_EVENT_CAP_EVERY ? "queued" : "merged");
	sinew_event_close(event);
	return n;
}

int main(void)
{
	int standard = arrived("signal:self?sig=USR1");
	int queued = arrived("signal:self?sig=RTMIN+1");

	return standard == 1 && queued == POSTS ? 0 : 1;
}
