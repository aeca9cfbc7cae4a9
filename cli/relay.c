/* SPDX-License-Identifier: MIT
 *
 * relay.c - sinew relay: what comes in at one end goes out at the other, both ways where both ends
 * can, one thread a way. A half-close is passed on where the other end has such a thing; otherwise
 * the relay ends.
 *
 *     way.from --sinew_take--> borrowed messages --sinew_send--> way.to
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "exit.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "units.h"
#include "uri.h"

enum { BATCH = 128, LEFT = 0, RIGHT = 1 };

struct relay;

struct way {
	struct relay *relay;
	struct endpoint *from, *to;
	struct sinew_msg taken[BATCH], sent[BATCH];
	uint64_t messages, bytes, lost, losses, refused;
	int code;
};

struct relay {
	const struct settings *settings;
	struct endpoint ends[2];
	struct way ways[2];       /* left to right, right to left */
	_Atomic int64_t progress; /* when a message last moved, either way */
	atomic_bool late;
};

/* The time limit is about the whole relay: one way may be quiet while the other is busy. */
static int64_t deadline(const struct way *way)
{
	int64_t timeout = way->relay->settings->timeout, until;

	if (timeout < 0 ||
		__builtin_add_overflow(atomic_load(&way->relay->progress), timeout, &until))
		return SINEW_FOREVER;
	return until;
}

static bool time_is_up(const struct way *way)
{
	return endpoint_now() >= deadline(way);
}

static void end_relay(struct relay *relay)
{
	sinew_cancel(relay->ends[LEFT].channel);
	sinew_cancel(relay->ends[RIGHT].channel);
}

/* Says why this way ends, once; -ECANCELED comes from the other way, which has said it, and the
 * time of both is up together. */
static void fail(struct way *way, const struct endpoint *at, int error)
{
	bool late = error == -ETIMEDOUT || error == -EAGAIN;

	if (error == -ECANCELED && !stop_asked())
		return;
	if (late && atomic_exchange(&way->relay->late, true))
		return;
	way->code = exit_worse(way->code, endpoint_failure(at, way->relay->settings, error));
}

static void count_lost(struct way *way, uint64_t lost)
{
	if (!lost)
		return;
	way->lost += lost;
	if (!way->relay->settings->quiet)
		say_some(&way->losses, "%s: %" PRIu64 " message%s lost", way->from->uri, lost,
			lost == 1 ? " was" : "s were");
}

/* What the other end can carry of a message. */
static void prepare(struct way *way, unsigned count)
{
	bool priorities = way->to->caps.bits & SINEW_CAP_PRIORITIES;
	bool tags = way->to->caps.bits & SINEW_CAP_TAGS;
	bool fds = way->to->caps.bits & SINEW_CAP_FDS;

	for (unsigned i = 0; i < count; i++) {
		const struct sinew_msg *msg = &way->taken[i];
		bool tagged = tags && msg->flags & SINEW_MSG_TAGGED;
		count_lost(way, msg->lost);
		way->sent[i] = (struct sinew_msg){
			.data = msg->data,
			.size = msg->size,
			.priority = priorities ? msg->priority : 0,
			.tag = tagged ? msg->tag : 0,
			.flags = tagged ? SINEW_MSG_TAGGED : 0,
			.fds = fds ? msg->fds : NULL,
			.fd_count = fds ? msg->fd_count : 0,
		};
	}
}

static void account(struct way *way, const struct sinew_msg *msgs, unsigned count)
{
	way->messages += count;
	for (unsigned i = 0; i < count; i++)
		way->bytes += msgs[i].size;
	if (way->relay->settings->timeout >= 0)
		atomic_store(&way->relay->progress, endpoint_now());
}

/* A message the other end cannot carry is left out and reported; the rest goes on. */
static bool is_refusal(const struct way *way, int error, const struct sinew_msg *msg)
{
	bool empty = msg->size == 0 && !(way->to->caps.bits & SINEW_CAP_EMPTY);

	return error == -EMSGSIZE || error == -EINVAL || (error == -EOPNOTSUPP && empty);
}

/* Whether a wait that ended with this begins anew. */
static bool again(const struct way *way, int error)
{
	return ((error == -ETIMEDOUT || error == -EAGAIN) && !time_is_up(way)) ||
	       (error == -EINTR && !stop_asked());
}

static int send_all(struct way *way, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		const struct sinew_msg *msgs = way->sent + done;
		int r = sinew_send(way->to->channel, msgs, count - done, deadline(way));
		if (r > 0) {
			account(way, msgs, (unsigned)r);
			done += (unsigned)r;
		} else if (is_refusal(way, r, msgs)) {
			say_some(&way->refused, "%s; it is left out", sinew_error_text());
			done++;
		} else if (!again(way, r)) {
			return r;
		}
	}
	return 0;
}

/* What one peer did wrong does not end the relay. */
static bool peer_fault(struct way *way, int error)
{
	if (error != -EBADMSG && error != -EMSGSIZE)
		return false;
	say_some(&way->refused, "%s", sinew_error_text());
	return true;
}

/* The count, SINEW_END or -errno. */
static int take(struct way *way)
{
	int n;

	do
		n = endpoint_take(way->from, way->taken, BATCH, deadline(way));
	while (n < 0 && (again(way, n) || peer_fault(way, n)));
	return n;
}

/* Passes the end of one way on. Without a half-close, or if the other way cannot learn that its
 * peer has gone, the relay is over. */
static void pass_end(struct way *way, const struct endpoint *at, int error)
{
	int r = error;

	if (error == SINEW_END) {
		r = sinew_finish(way->to->channel, deadline(way));
		if (r < 0 && r != -EOPNOTSUPP && r != -EPIPE)
			fail(way, way->to, r);
	} else {
		fail(way, at, error);
	}
	bool reader_gone = r == -EPIPE && way->to->caps.bits & SINEW_CAP_END;
	if (r < 0 && !reader_gone)
		end_relay(way->relay);
}

static void *run_way(void *argument)
{
	struct way *way = argument;
	int n, r = 0;

	while (r == 0 && (n = take(way)) > 0) {
		prepare(way, (unsigned)n);
		r = send_all(way, (unsigned)n);
		sinew_release(way->from->channel, way->taken, (unsigned)n);
	}
	if (r < 0)
		pass_end(way, way->to, r);
	else
		pass_end(way, way->from, n);
	return NULL;
}

/* Where an end is one-way, it is the left that receives, unless the URIs say otherwise. */
static void choose_ways(struct relay *relay, char *const uris[2], unsigned flags[2])
{
	bool both = true,
	     backwards = uri_has(uris[LEFT], "dir", "out") || uri_has(uris[RIGHT], "dir", "in");

	for (int i = 0; i < 2; i++) {
		struct sinew_caps caps;
		if (sinew_caps(uris[i], &caps) == 0 && !(caps.bits & SINEW_CAP_BOTH_WAYS))
			both = false;
		if (uri_has(uris[i], "dir", "in") || uri_has(uris[i], "dir", "out"))
			both = false;
	}
	if (!both) {
		flags[LEFT] |= backwards ? SINEW_OUT : SINEW_IN;
		flags[RIGHT] |= backwards ? SINEW_IN : SINEW_OUT;
	}
	for (int i = 0; i < 2; i++)
		if (both || i == backwards)
			relay->ways[i] = (struct way){
				.relay = relay, .from = &relay->ends[i], .to = &relay->ends[!i]};
}

/* One peer at a time on the left, so that what the right answers has one to go to. */
static char *with_one_peer(char *uri)
{
	if (!uri || uri_has(uri, "peers", NULL) || uri_has(uri, "side", "connect") ||
		!uri_knows(uri, "peers"))
		return uri;
	char *longer = uri_with(uri, "peers=1");
	struct sinew_caps caps;
	if (!longer || sinew_caps(longer, &caps) < 0) {
		free(longer);
		return uri;
	}
	free(uri);
	return longer;
}

static int open_ends(struct relay *relay)
{
	const struct settings *settings = relay->settings;
	char *uris[2] = {with_one_peer(endpoint_uri(settings, settings->operands[LEFT])),
		endpoint_uri(settings, settings->operands[RIGHT])};
	unsigned flags[2] = {SINEW_LISTEN, SINEW_CONNECT};

	if (!uris[LEFT] || !uris[RIGHT]) {
		free(uris[LEFT]);
		free(uris[RIGHT]);
		return EXIT_SYSTEM;
	}
	choose_ways(relay, uris, flags);
	int code = endpoint_open(&relay->ends[LEFT], settings, uris[LEFT], flags[LEFT]);
	if (code) {
		free(uris[RIGHT]);
		return code;
	}
	return endpoint_open(&relay->ends[RIGHT], settings, uris[RIGHT], flags[RIGHT]);
}

/* The second thread is needed only where there are two ways. */
static int run_ways(struct relay *relay)
{
	struct way *first = relay->ways[LEFT].relay ? &relay->ways[LEFT] : &relay->ways[RIGHT];
	bool two = relay->ways[LEFT].relay && relay->ways[RIGHT].relay;
	pthread_t thread;

	atomic_store(&relay->progress, endpoint_now());
	int r = two ? pthread_create(&thread, NULL, run_way, &relay->ways[RIGHT]) : 0;
	if (r) {
		say_error("cannot start a thread: %s", strerror(r));
		return EXIT_SYSTEM;
	}
	run_way(first);
	if (two)
		pthread_join(thread, NULL);
	return exit_worse(relay->ways[LEFT].code, relay->ways[RIGHT].code);
}

static void write_way(struct json *json, const char *key, const struct way *way)
{
	if (!way->relay) {
		json_null(json, key);
		return;
	}
	json_open(json, key, '{');
	json_number(json, "messages", way->messages);
	json_number(json, "bytes", way->bytes);
	json_number(json, "lost", way->lost);
	json_number(json, "refused", way->refused);
	json_close(json, '}');
}

static int report_json(const struct relay *relay, int64_t ns)
{
	struct out out;
	struct json json = {.out = &out};

	if (!out_open(&out))
		return EXIT_SYSTEM;
	json_open(&json, NULL, '{');
	write_way(&json, "left_to_right", &relay->ways[LEFT]);
	write_way(&json, "right_to_left", &relay->ways[RIGHT]);
	json_seconds(&json, "seconds", ns);
	json_close(&json, '}');
	out_byte(&out, '\n');
	return out_close(&out);
}

static int report(const struct relay *relay, int64_t ns)
{
	static const char *const names[2] = {"left to right", "right to left"};
	const struct settings *settings = relay->settings;
	char time[32];

	for (int i = 0; i < 2; i++) {
		const struct way *way = &relay->ways[i];
		if (way->relay && (settings->verbose || (stop_asked() && !settings->quiet)))
			say("%s: %" PRIu64 " message%s, %" PRIu64 " bytes, %s", names[i],
				way->messages, say_plural(way->messages), way->bytes,
				units_write_time(ns, time, sizeof time));
	}
	return settings->json ? report_json(relay, ns) : EXIT_DONE;
}

static int finish(struct relay *relay, int code)
{
	int64_t ns = endpoint_now() - relay->ends[RIGHT].opened;

	for (int i = 0; i < 2; i++) {
		if (relay->ways[i].lost || relay->ways[i].refused)
			code = exit_worse(code, EXIT_NEGATIVE);
		code = exit_worse(code, endpoint_close(&relay->ends[i], relay->settings));
	}
	return exit_worse(code, report(relay, ns));
}

static int run(const struct settings *settings)
{
	struct relay *relay = calloc(1, sizeof *relay);

	if (!relay) {
		say_error("out of memory");
		return EXIT_SYSTEM;
	}
	relay->settings = settings;
	int code = open_ends(relay);
	if (code == EXIT_DONE)
		code = finish(relay, run_ways(relay));
	else
		endpoint_close(&relay->ends[LEFT], settings);
	free(relay);
	return stop_asked() ? stop_code() : code;
}

static const struct cli_option options[] = {
	OPTION_PAIR,
	OPTION_TIMEOUT,
	{"json", 0, NULL, "one JSON object at the end: left_to_right, right_to_left, seconds",
		set_json, NULL},
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_relay = {
	.name = "relay",
	.synopsis = "URI URI",
	.summary = "carry messages between two channels, both ways where both can",
	.about =
		"Listens at the left URI, one peer at a time (peers= changes that), and connects "
		"to "
		"the right one. Ends when both ways have ended; a half-close is passed on. Options "
		"given with -o go to both URIs.",
	.options = options,
	.examples =
		{"sinew recv tcp:localhost:7000 & sinew relay unix:/tmp/front tcp:localhost:7000 "
		 "& echo hi | sinew send unix:/tmp/front",
			"sinew recv unix:/tmp/back & sinew relay -v fifo:/tmp/front unix:/tmp/back "
			"& seq 9 | "
			"sinew send fifo:/tmp/front"},
	.least = 2,
	.most = 2,
	.run = run,
};
