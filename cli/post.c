/* SPDX-License-Identifier: MIT
 *
 * post.c - sinew post: wakes whoever waits.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "endpoint.h"
#include "event.h"
#include "exit.h"
#include "options.h"
#include "say.h"
#include "stop.h"

/* Decimal, or hexadecimal after 0x. */
static bool read_value(const char *text, uint64_t *value)
{
	char *end;
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';

	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	return isdigit((unsigned char)*text) && !errno && !*end;
}

static int post_all(const struct settings *settings, const char *uri, uint64_t value)
{
	uint64_t count = settings->counted ? settings->count : 1;
	sinew_event *event;
	int code = event_open(settings, uri, SINEW_OUT, endpoint_deadline(settings), &event);

	if (code != EXIT_DONE)
		return code;
	for (uint64_t i = 0; code == EXIT_DONE && i < count; i++) {
		int64_t until = endpoint_deadline(settings);
		int r;
		do
			r = sinew_event_post(event, value, until);
		while (r == -EINTR && !stop_asked());
		if (r < 0)
			code = event_failure(settings, settings->operands[0], r);
	}
	sinew_event_close(event);
	return code;
}

static int run(const struct settings *settings)
{
	uint64_t value = 0;

	if (settings->operand_count > 1 && !read_value(settings->operands[1], &value)) {
		say_error("post: the value %s is not a number of 64 bits", settings->operands[1]);
		return EXIT_USAGE;
	}
	char *uri = event_uri(settings, NULL);
	int code = uri ? post_all(settings, uri, value) : EXIT_SYSTEM;
	free(uri);
	return code;
}

static const struct cli_option options[] = {
	{"count", 'n', "COUNT", "post COUNT times", set_count, "a number"},
	OPTION_PAIR,
	OPTION_TIMEOUT,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_post = {
	.name = "post",
	.synopsis = "URI [VALUE]",
	.summary = "post an event: wake whoever waits for it",
	.about = "VALUE is a word of 64 bits where the event carries one, the number of units "
		 "where it counts. Waits only where there is no room.",
	.options = options,
	.examples = {"sinew post sem:/sinew-ready && sinew wait sem:/sinew-ready && sinew rm "
		     "sem:/sinew-ready",
		"sleep 2 & sinew post \"signal:$!?sig=TERM\""},
	.least = 1,
	.most = 2,
	.run = run,
};
