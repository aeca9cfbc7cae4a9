/* SPDX-License-Identifier: MIT
 *
 * send.c - sinew send: files cut into messages and sent in arrays. What a read returned is sent
 * before the next read, so a line typed by hand leaves at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "exit.h"
#include "input.h"
#include "json.h"
#include "options.h"
#include "passing.h"
#include "say.h"
#include "stop.h"
#include "units.h"
#include "uri.h"

enum { BATCH = 256, LARGEST_PIECE = 1 << 20 };

struct sender {
	const struct settings *settings;
	struct endpoint endpoint;
	struct sinew_msg msgs[BATCH];
	const char *name; /* of the input, for error texts */
	uint64_t sent, bytes;
	uint64_t refused; /* messages this channel cannot carry */
	int fds[MOST_FDS];
	unsigned fd_count; /* of these are still to go, with the next message */
	bool over;         /* the channel failed or the time is up */
};

static unsigned room_for(const struct sender *sender)
{
	uint64_t left = sender->settings->count - sender->sent;

	return !sender->settings->counted || left > BATCH ? BATCH : (unsigned)left;
}

static const char *unit_of(const struct settings *settings)
{
	return settings->split == SPLIT_LINE  ? "line"
	       : settings->split == SPLIT_NUL ? "record"
					      : "piece";
}

static void refuse(struct sender *sender, uint64_t number, const char *why)
{
	if (sender->settings->data)
		say_some(&sender->refused, "--data: %s", why);
	else
		say_some(&sender->refused, "%s: %s %" PRIu64 ": %s; it is left out", sender->name,
			unit_of(sender->settings), number, why);
}

/* Whether the failure is about this one message, so that the others may go on. */
static bool is_refusal(const struct sender *sender, int error, const struct sinew_msg *msg)
{
	bool empty = msg->size == 0 && !(sender->endpoint.caps.bits & SINEW_CAP_EMPTY);

	return error == -EMSGSIZE || error == -EINVAL || (error == -EOPNOTSUPP && empty);
}

/* Whether the descriptors are too many for the channel: so they are for every message. */
static bool is_about_fds(const struct sender *sender, int error, const struct sinew_msg *msg)
{
	return msg->fd_count && error == -EMSGSIZE &&
	       msg->size <= sender->endpoint.caps.max_message;
}

static void account(struct sender *sender, const struct sinew_msg *msgs, unsigned count)
{
	sender->sent += count;
	for (unsigned i = 0; i < count; i++)
		sender->bytes += msgs[i].size;
}

static int channel_failure(struct sender *sender, int error)
{
	sender->over = true;
	return endpoint_failure(&sender->endpoint, sender->settings, error);
}

/* Sends all of them; `number` is that of the first. An exit code. */
static int send_all(struct sender *sender, unsigned count, uint64_t number)
{
	for (unsigned i = 0; i < count; i++)
		sender->msgs[i].priority = sender->settings->priority;
	for (unsigned done = 0; done < count;) {
		struct sinew_msg *msgs = sender->msgs + done;
		msgs->fds = sender->fd_count ? sender->fds : NULL;
		msgs->fd_count = sender->fd_count;
		int r = sinew_send(sender->endpoint.channel, msgs, count - done,
			endpoint_deadline(sender->settings));
		if (r > 0) {
			account(sender, msgs, (unsigned)r);
			done += (unsigned)r;
			sender->fd_count = 0;
		} else if (!is_about_fds(sender, r, msgs) && is_refusal(sender, r, msgs)) {
			refuse(sender, number + done, sinew_error_text());
			done++;
		} else if (r != -EINTR || stop_asked()) {
			return channel_failure(sender, r);
		}
	}
	return EXIT_DONE;
}

static int flush(struct sender *sender)
{
	int r;

	do
		r = sinew_flush(sender->endpoint.channel, endpoint_deadline(sender->settings));
	while (r == -EINTR && !stop_asked());
	return r < 0 ? channel_failure(sender, r) : EXIT_DONE;
}

/* Sends every whole message of the buffer. */
static int send_buffered(struct sender *sender, struct input *input)
{
	char size[32], why[96];

	for (;;) {
		uint64_t number = input->number;
		int n = input_cut(input, sender->msgs, room_for(sender));
		if (n == 0)
			return EXIT_DONE;
		if (n < 0) {
			snprintf(why, sizeof why, "longer than the largest message, %s",
				units_write_size(input->max, size, sizeof size));
			refuse(sender, number, why);
			continue;
		}
		int code = send_all(sender, (unsigned)n, number);
		if (code)
			return code;
	}
}

static int input_failure(struct sender *sender, const struct input *input, int error)
{
	if (stop_asked())
		return stop_code();
	sender->over = error == -ETIMEDOUT;
	if (error == -ETIMEDOUT)
		say_error("%s: no input within the time limit", input->name);
	else
		say_error("%s: cannot read: %s", input->name, strerror(-error));
	return exit_code(error);
}

static int send_input(struct sender *sender, struct input *input)
{
	int code;

	while (!(code = send_buffered(sender, input)) && !input->ended && room_for(sender)) {
		if (input_would_wait(input) && (code = flush(sender)))
			return code;
		int r = input_fill(input, sender->settings->timeout);
		if (r < 0)
			return input_failure(sender, input, r);
	}
	return code;
}

static int send_file(struct sender *sender, const char *name)
{
	const struct settings *settings = sender->settings;
	uint64_t max = sender->endpoint.caps.max_message;
	bool lines = settings->split == SPLIT_LINE || settings->split == SPLIT_NUL;
	struct input input = {
		.split = lines ? settings->split : SPLIT_SIZE,
		.piece = settings->piece       ? settings->piece
			 : max < LARGEST_PIECE ? max
					       : LARGEST_PIECE,
		.max = max,
	};
	int r = input_open(&input, name);

	sender->name = input.name;
	int code = r < 0 ? input_failure(sender, &input, r) : send_input(sender, &input);
	input_close(&input);
	return code;
}

/* A file that cannot be read does not keep the others back; anything else ends the run. */
static int send_files(struct sender *sender)
{
	const struct settings *settings = sender->settings;
	int worst = EXIT_DONE;

	if (settings->operand_count == 1)
		return send_file(sender, "-");
	for (int i = 1; i < settings->operand_count && room_for(sender); i++) {
		worst = exit_worse(worst, send_file(sender, settings->operands[i]));
		if (sender->over || stop_asked())
			break;
	}
	return worst;
}

static int send_data(struct sender *sender)
{
	const char *data = sender->settings->data;

	sender->msgs[0] = (struct sinew_msg){.data = data, .size = strlen(data)};
	return room_for(sender) ? send_all(sender, 1, 1) : EXIT_DONE;
}

static int report(const struct sender *sender, int64_t ns)
{
	const struct settings *settings = sender->settings;
	struct out out;
	struct json json = {.out = &out};
	char time[32];

	if (settings->verbose || (stop_asked() && !settings->quiet))
		say("sent %" PRIu64 " message%s, %" PRIu64 " bytes, in %s", sender->sent,
			say_plural(sender->sent), sender->bytes,
			units_write_time(ns, time, sizeof time));
	if (!settings->json)
		return EXIT_DONE;
	if (!out_open(&out))
		return EXIT_SYSTEM;
	json_open(&json, NULL, '{');
	json_number(&json, "sent", sender->sent);
	json_number(&json, "bytes", sender->bytes);
	json_number(&json, "refused", sender->refused);
	json_seconds(&json, "seconds", ns);
	json_close(&json, '}');
	out_byte(&out, '\n');
	return out_close(&out);
}

/* -o chunk= with a size is about cutting the input; with yes or no it is the fifo's option. */
static bool is_input_chunk(const char *uri, const char *pair, uint64_t *size)
{
	bool digit = strlen(pair) == 7 && (pair[6] == '0' || pair[6] == '1');

	return strncmp(pair, "chunk=", 6) == 0 && !(digit && uri_knows(uri, "chunk")) &&
	       units_read_size(pair + 6, size) && *size;
}

static void take_chunk(struct settings *settings)
{
	int kept = 0;

	for (int i = 0; i < settings->pair_count; i++)
		if (!is_input_chunk(settings->operands[0], settings->pairs[i], &settings->piece))
			settings->pairs[kept++] = settings->pairs[i];
	if (kept != settings->pair_count)
		settings->split = SPLIT_SIZE;
	settings->pair_count = kept;
}

static int check_operands(const struct settings *settings)
{
	if (!settings->data || settings->operand_count == 1)
		return EXIT_DONE;
	say_error("send: --data and a FILE exclude each other");
	return EXIT_USAGE;
}

/* Before anything waits. */
static int check_piece(const struct settings *settings, const char *uri)
{
	struct sinew_caps caps;
	char piece[32], most[32];

	if (!uri || sinew_caps(uri, &caps) < 0 || settings->piece <= caps.max_message)
		return EXIT_DONE;
	say_error("%s: pieces of %s are larger than the largest message, %s", uri,
		units_write_size(settings->piece, piece, sizeof piece),
		units_write_size(caps.max_message, most, sizeof most));
	return EXIT_USAGE;
}

static int check_priority(const struct settings *settings, const char *uri)
{
	struct sinew_caps caps;

	if (!uri || !settings->priority || sinew_caps(uri, &caps) < 0 ||
		caps.bits & SINEW_CAP_PRIORITIES)
		return EXIT_DONE;
	say_error("%s: carries no priorities", uri);
	return EXIT_USAGE;
}

static int transfer(struct sender *sender)
{
	int code = sender->settings->data ? send_data(sender) : send_files(sender);

	if (!sender->over && !stop_asked())
		code = exit_worse(code, flush(sender));
	if (sender->fd_count && !sender->over && !stop_asked()) {
		say_error("send: no message was sent that the descriptors could travel with");
		code = exit_worse(code, EXIT_NEGATIVE);
	}
	if (sender->refused > 1)
		say_error("%" PRIu64 " messages were left out", sender->refused);
	return exit_worse(code, sender->refused ? EXIT_NEGATIVE : EXIT_DONE);
}

static int run(const struct settings *given)
{
	struct settings settings = *given;
	struct sender sender = {.settings = &settings, .fd_count = given->fd_count};
	int code = check_operands(&settings);

	if (code)
		return code;
	take_chunk(&settings);
	char *uri = endpoint_uri(&settings, settings.operands[0]);
	if ((code = passing_prepare(&settings, "send", &uri)) ||
		(code = check_piece(&settings, uri)) || (code = check_priority(&settings, uri)) ||
		(code = passing_own(&settings, sender.fds))) {
		free(uri);
		return code;
	}
	code = endpoint_open(&sender.endpoint, &settings, uri, SINEW_OUT);
	if (code)
		return code;
	int64_t opened = sender.endpoint.opened;
	code = transfer(&sender);
	code = exit_worse(code, endpoint_close(&sender.endpoint, &settings));
	code = exit_worse(code, report(&sender, endpoint_now() - opened));
	return stop_asked() ? stop_code() : code;
}

static const struct cli_option options[] = {
	{"split", 0, "HOW",
		"a message is a line, nul (ended by a zero byte), none (the largest "
		"pieces) or SIZE bytes; preset: line",
		set_split_size, "line, nul, none or a size such as 64K"},
	{"data", 'd', "TEXT", "send this one message instead of a file", set_data,
		"one text, once"},
	{"fd", 0, "N",
		"hand descriptor N of this command over with the first message; may be given "
		"again",
		set_fd, "the number of an open descriptor, at most 253 times"},
	{"count", 'n', "COUNT", "stop after COUNT messages", set_count, "a number"},
	{"priority", 0, "PRIORITY", "of each message: the most urgent is received first",
		set_priority, "a number"},
	OPTION_PAIR,
	OPTION_TIMEOUT,
	{"json", 0, NULL, "one JSON object at the end: sent, bytes, refused, seconds", set_json,
		NULL},
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_send = {
	.name = "send",
	.synopsis = "URI [FILE...]",
	.summary = "send the lines of files, or of standard input, as messages",
	.about = "Connects to URI and waits until somebody is there; the input is read after that. "
		 "A FILE that is - means standard input. A message is a line without its newline. "
		 "What is longer than the largest message is left out and reported; the exit code "
		 "is then 1. With -o chunk=SIZE the input is cut into pieces of SIZE.",
	.options = options,
	.examples = {"sinew recv unix:/tmp/hello & echo hi | sinew send unix:/tmp/hello",
		"sinew recv fifo:/tmp/numbers | wc -l & seq 100000 | sinew send -v "
		"fifo:/tmp/numbers"},
	.least = 1,
	.most = -1,
	.run = run,
};
