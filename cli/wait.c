/* SPDX-License-Identifier: MIT
 *
 * wait.c - sinew wait: waits for events and prints one line for each.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "endpoint.h"
#include "event.h"
#include "exit.h"
#include "json.h"
#include "options.h"
#include "out.h"
#include "say.h"
#include "stop.h"

static void print_json(struct out *out, const struct sinew_notice *notice)
{
	struct json json = {.out = out};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_open(&json, NULL, '{');
	json_number(&json, "value", notice->value);
	json_seconds(&json, "time", (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	if (notice->flags & SINEW_NOTICE_SENDER) {
		json_open(&json, "sender", '{');
		json_signed(&json, "pid", notice->pid);
		json_number(&json, "uid", notice->uid);
		json_bool(&json, "vouched", notice->flags & SINEW_NOTICE_VOUCHED);
		json_close(&json, '}');
	} else {
		json_null(&json, "sender");
	}
	json_close(&json, '}');
	out_byte(out, '\n');
}

static void print(
	const struct settings *settings, struct out *out, const struct sinew_notice *notice)
{
	if (settings->json) {
		print_json(out, notice);
		return;
	}
	out_format(out, "%" PRIu64, notice->value);
	if (notice->flags & SINEW_NOTICE_SENDER)
		out_format(out, " pid %d uid %u", (int)notice->pid, (unsigned)notice->uid);
	out_byte(out, '\n');
}

static int wait_all(const struct settings *settings, sinew_event *event, struct out *out)
{
	uint64_t count = settings->counted ? settings->count : 1;
	struct sinew_notice notice;

	for (uint64_t i = 0; i < count; i++) {
		int64_t until = endpoint_deadline(settings);
		int r;
		do
			r = sinew_event_wait(event, &notice, until);
		while (r == -EINTR && !stop_asked());
		if (r < 0)
			return event_failure(settings, settings->operands[0], r);
		print(settings, out, &notice);
		if (!out_flush(out))
			break;
	}
	return EXIT_DONE;
}

static int run(const struct settings *settings)
{
	struct out out;
	sinew_event *event = NULL;
	char *uri = event_uri(settings, "undo=no"); /* what we take is for good */
	int code = uri ? event_open(settings, uri, SINEW_IN, endpoint_deadline(settings), &event)
		       : EXIT_SYSTEM;

	if (code == EXIT_DONE && !out_open(&out))
		code = EXIT_SYSTEM;
	else if (code == EXIT_DONE) {
		code = wait_all(settings, event, &out);
		code = exit_worse(code, out_close(&out));
	}
	int dropped = sinew_event_close(event);
	if (dropped > 0 && !settings->quiet)
		say("%s: %d more had come and were dropped", uri, dropped);
	free(uri);
	return stop_asked() ? stop_code() : code;
}

static const struct cli_option options[] = {
	{"count", 'n', "COUNT", "wait for COUNT events instead of one", set_count, "a number"},
	{"json", 0, NULL, "a JSON object an event: value, time, sender", set_json, NULL},
	OPTION_PAIR,
	OPTION_TIMEOUT,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_wait = {
	.name = "wait",
	.synopsis = "URI",
	.summary = "wait for an event and print it",
	.about = "Prints a line for each event: its value, then the sender where he is known. "
		 "A semaphore is made if it is not there; what is taken from it is not given "
		 "back.",
	.options = options,
	.examples = {"sinew wait sem:/sinew-hello & sinew post sem:/sinew-hello; wait; sinew rm "
		     "sem:/sinew-hello",
		"sinew wait --json --timeout 10ms 'signal:self?sig=USR1'"},
	.least = 1,
	.most = 1,
	.run = run,
};
