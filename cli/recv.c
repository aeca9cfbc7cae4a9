/* SPDX-License-Identifier: MIT
 *
 * recv.c - sinew recv: messages borrowed in arrays and printed. Output is flushed whenever the
 * next receive would wait, so a message shows at once and a stream is written in large pieces.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint.h"
#include "exit.h"
#include "options.h"
#include "out.h"
#include "passing.h"
#include "record.h"
#include "say.h"
#include "stop.h"
#include "units.h"

enum { BATCH = 256 };

struct receiver {
	const struct settings *settings;
	struct endpoint endpoint;
	struct out out;
	struct record record;
	struct sinew_msg msgs[BATCH];
	uint64_t received, bytes;
	uint64_t lost, losses; /* messages, and how often some were missing */
	uint64_t fds_lost;     /* messages whose descriptors could not be taken in */
	uint64_t late;         /* of those: came after all */
	uint64_t copies;       /* how often some were dropped */
	uint64_t faults;       /* peers that broke the framing, messages that were too large */
};

static int64_t time_of_day(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_event(struct receiver *receiver, const struct sinew_msg *msg)
{
	char peer[256];

	record_peer_words(&receiver->record, msg->peer, peer, sizeof peer);
	if (msg->flags & SINEW_MSG_JOINED)
		say("%s joined", peer);
	else
		say("%s left%s", peer,
			msg->flags & SINEW_MSG_CORRUPT
				? ": it broke the framing, or stopped inside a large message, "
				  "and was cut off"
				: "");
}

static void print_data(struct receiver *receiver, const struct sinew_msg *msg)
{
	enum split split = receiver->settings->split;
	struct out *out = &receiver->out;

	out_safe(out, msg->data, msg->size, split == SPLIT_NONE ? "\t\n" : "\t");
	if (split != SPLIT_NONE)
		out_byte(out, split == SPLIT_NUL ? '\0' : '\n');
}

static void count_lost(struct receiver *receiver, uint64_t lost)
{
	if (!lost)
		return;
	receiver->lost += lost;
	if (receiver->settings->quiet)
		receiver->losses++;
	else
		say_some(&receiver->losses, "%" PRIu64 " message%s lost before message %" PRIu64,
			lost, lost == 1 ? " was" : "s were", receiver->received + 1);
}

static void print_fds(struct receiver *receiver, const struct sinew_msg *msg)
{
	if (msg->flags & SINEW_MSG_FDS_LOST && !receiver->settings->quiet)
		say_some(&receiver->fds_lost,
			"message %" PRIu64 " came with descriptors that were not taken in%s",
			receiver->received,
			receiver->settings->take_fds ? ", too many" : "; see --fd");
	if (receiver->settings->take_fds && !receiver->settings->json)
		passing_say(msg, receiver->received);
}

/* What a network does besides losing. */
static void count_disorder(struct receiver *receiver, const struct sinew_msg *msg)
{
	bool quiet = receiver->settings->quiet;

	if (msg->copies && !quiet)
		say_some(&receiver->copies,
			"%" PRIu32 " second cop%s dropped before message %" PRIu64, msg->copies,
			msg->copies == 1 ? "y was" : "ies were", receiver->received + 1);
	if (msg->flags & SINEW_MSG_LATE && quiet)
		receiver->late++;
	else if (msg->flags & SINEW_MSG_LATE)
		say_some(&receiver->late, "message %" PRIu64 " came late, counted as lost before",
			receiver->received + 1);
}

static void print(struct receiver *receiver, const struct sinew_msg *msg, int64_t now)
{
	bool event = msg->flags & (SINEW_MSG_JOINED | SINEW_MSG_LEFT);

	count_lost(receiver, msg->lost);
	count_disorder(receiver, msg);
	if (!event) {
		receiver->received++;
		receiver->bytes += msg->size;
		print_fds(receiver, msg);
	}
	if (receiver->settings->json)
		record_write(&receiver->record, &receiver->out, msg, now);
	else if (event)
		print_event(receiver, msg);
	else
		print_data(receiver, msg);
}

static unsigned room_for(const struct receiver *receiver)
{
	uint64_t left = receiver->settings->count - receiver->received;

	return !receiver->settings->counted || left > BATCH ? BATCH : (unsigned)left;
}

/* Takes what is there; if nothing is, shows what was printed and waits. As sinew_take(). */
static int take(struct receiver *receiver)
{
	struct endpoint *endpoint = &receiver->endpoint;
	unsigned room = room_for(receiver);
	int n = endpoint_take(endpoint, receiver->msgs, room, SINEW_NOW);

	if (n != -EAGAIN)
		return n;
	if (!out_flush(&receiver->out))
		return -EAGAIN;
	return endpoint_take(endpoint, receiver->msgs, room, endpoint_deadline(receiver->settings));
}

/* What one peer did wrong, or one message too large, does not end the run. */
static bool go_on(struct receiver *receiver, int error)
{
	if (error == -EINTR)
		return !stop_asked();
	if (error != -EBADMSG && error != -EMSGSIZE)
		return false;
	say_some(&receiver->faults, "%s", sinew_error_text());
	return true;
}

static int receive(struct receiver *receiver)
{
	while (room_for(receiver)) {
		int n = take(receiver);
		if (receiver->out.error)
			break;
		if (n == SINEW_END)
			break;
		if (n < 0) {
			if (go_on(receiver, n))
				continue;
			return endpoint_failure(&receiver->endpoint, receiver->settings, n);
		}
		int64_t now = receiver->settings->json ? time_of_day() : 0;
		for (int i = 0; i < n; i++)
			print(receiver, &receiver->msgs[i], now);
		sinew_release(receiver->endpoint.channel, receiver->msgs, (unsigned)n);
		if (receiver->out.error)
			break;
	}
	return EXIT_DONE;
}

/* Losses after the last message have no message to be reported with. */
static int settle_losses(struct receiver *receiver)
{
	struct sinew_stats stats;

	if (sinew_stats(receiver->endpoint.channel, &stats) == 0 && stats.lost > receiver->lost)
		count_lost(receiver, stats.lost - receiver->lost);
	if (receiver->losses > 1 && !receiver->settings->quiet)
		say_error("%" PRIu64 " messages were lost", receiver->lost);
	if (receiver->late > 1 && !receiver->settings->quiet)
		say("%" PRIu64 " of these came late", receiver->late);
	return receiver->lost > receiver->late || receiver->faults ? EXIT_NEGATIVE : EXIT_DONE;
}

static void summary(const struct receiver *receiver, int64_t ns)
{
	char time[32];

	if (receiver->settings->quiet || !(receiver->settings->verbose || stop_asked()))
		return;
	say("%" PRIu64 " message%s, %" PRIu64 " bytes, %s", receiver->received,
		say_plural(receiver->received), receiver->bytes,
		units_write_time(ns, time, sizeof time));
}

static unsigned flags_of(const struct settings *settings)
{
	return SINEW_IN | SINEW_LISTEN | (settings->events ? SINEW_EVENTS : 0) |
	       (settings->counted ? SINEW_EXACT : 0);
}

static int run(const struct settings *settings)
{
	struct receiver receiver = {.settings = settings, .record.fds = settings->take_fds};
	char *uri = endpoint_uri(settings, settings->operands[0]);
	int code = passing_prepare(settings, "recv", &uri);

	if (code) {
		free(uri);
		return code;
	}
	code = endpoint_open(&receiver.endpoint, settings, uri, flags_of(settings));
	if (code)
		return code;
	int64_t opened = receiver.endpoint.opened;
	receiver.record.channel = receiver.endpoint.channel;
	if (out_open(&receiver.out))
		code = receive(&receiver);
	else
		code = EXIT_SYSTEM;
	code = exit_worse(code, out_close(&receiver.out));
	code = exit_worse(code, settle_losses(&receiver));
	/* When nobody reads the output any more, what is left unread is no news. */
	struct settings closing = *settings;
	closing.quiet = settings->quiet || receiver.out.error == EPIPE;
	code = exit_worse(code, endpoint_close(&receiver.endpoint, &closing));
	summary(&receiver, endpoint_now() - opened);
	return stop_asked() ? stop_code() : code;
}

static const struct cli_option options[] = {
	{"split", 0, "HOW",
		"after each message a line feed (line), a zero byte (nul) or nothing "
		"(none); preset: line",
		set_split, "line, nul or none"},
	{"count", 'n', "COUNT", "end after COUNT messages and take no more than these", set_count,
		"a number"},
	{"json", 0, NULL,
		"a JSON object a message: size, time, peer, priority, lost, late, copies, "
		"data or base64, tag, fds",
		set_json, NULL},
	{"fd", 0, NULL,
		"take in descriptors that come with messages, and say what they are; fds=253 "
		"unless the URI says otherwise",
		set_take_fds, NULL},
	{"events", 0, NULL, "show when a peer joins or leaves", set_events, NULL},
	OPTION_PAIR,
	OPTION_TIMEOUT,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_recv = {
	.name = "recv",
	.synopsis = "URI",
	.summary = "receive messages and print them",
	.about = "Listens at URI (side=connect: connects) and prints each message and a newline, "
		 "until the last peer has left. On a terminal control characters are shown as "
		 "\\xNN. The exit code is 1 if messages were lost.",
	.options = options,
	.examples = {"sinew recv unix:/tmp/hello & echo hi | sinew send unix:/tmp/hello",
		"sinew recv --json -n 1 tcp:localhost:7000 & sinew send --data hi "
		"tcp:localhost:7000"},
	.least = 1,
	.most = 1,
	.run = run,
};
