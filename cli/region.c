/* SPDX-License-Identifier: MIT
 *
 * region.c - sinew region: makes a region, shows it, writes its bytes out or reads them in.
 *
 * With --create and --load the bytes are read before the region has its name: nobody sees it half
 * filled. A region that its maker must hand out is handed out until Ctrl-C.
 */
#include <errno.h>
#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "exit.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "units.h"

static const int64_t look = 200000000; /* ns between two looks whether to stop */

struct work {
	const struct settings *settings;
	char *uri;
	sinew_region *region;
	bool loaded;
};

/* ---- the bytes ---- */

/* The part asked for: false if the region does not have it. */
static bool part_of(const struct settings *settings, size_t have, size_t *size)
{
	uint64_t offset = settings->offset, length = settings->length;

	if (offset > have || length > have - offset)
		return false;
	*size = length ? length : have - offset;
	return true;
}

/* Standard input into memory: 0, or -EMSGSIZE if there is more than fits. */
static int read_input(char *to, size_t room)
{
	char one;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, room ? to : &one, room ? room : 1);
		if (n == 0)
			return 0;
		if (n > 0 && !room)
			return -EMSGSIZE;
		if (n > 0) {
			to += n;
			room -= (size_t)n;
		} else if (errno != EINTR || stop_asked()) {
			return -errno;
		}
	}
}

static int load(void *data, size_t have, void *context)
{
	struct work *work = context;
	size_t size;

	work->loaded = true;
	if (!part_of(work->settings, have, &size))
		return -ERANGE;
	return read_input((char *)data + work->settings->offset, size);
}

/* The words for a load that failed; the library's are about the region. */
static int load_failure(const struct work *work, int error)
{
	if (stop_asked())
		return stop_code();
	if (error == -EMSGSIZE)
		say_error("%s: standard input has more bytes than fit", work->uri);
	else if (error == -ERANGE)
		say_error("%s: --offset and --length reach beyond its end", work->uri);
	else
		say_error("%s: standard input: %s", work->uri, strerror(-error));
	return error == -ERANGE ? EXIT_USAGE : exit_code(error);
}

static int dump(const struct work *work, struct out *out)
{
	const char *data = sinew_region_data(work->region);
	size_t size;

	if (!part_of(work->settings, sinew_region_size(work->region), &size))
		return load_failure(work, -ERANGE);
	out_bytes(out, data + work->settings->offset, size);
	return EXIT_DONE;
}

/* ---- what it is ---- */

static void show(const struct work *work, struct out *out)
{
	uint64_t size = sinew_region_size(work->region);
	bool made = sinew_region_is_new(work->region);
	struct json json = {.out = out};
	char text[32];

	if (!work->settings->json) {
		out_safe(out, work->uri, strlen(work->uri), "");
		out_format(out, ": %s%s\n", units_write_size(size, text, sizeof text),
			made ? ", made" : "");
		return;
	}
	json_open(&json, NULL, '{');
	json_text(&json, "uri", work->uri);
	json_number(&json, "size", size);
	json_bool(&json, "made", made);
	json_close(&json, '}');
	out_byte(out, '\n');
}

/* ---- opening and handing out ---- */

static int try_open(struct work *work, int64_t until)
{
	const struct settings *s = work->settings;

	if (s->create)
		return sinew_region_make(
			&work->region, work->uri, s->create, s->load ? load : NULL, work, until);
	return sinew_region_open(
		&work->region, work->uri, 0, s->load ? SINEW_IN | SINEW_OUT : SINEW_IN, until);
}

static bool may_come(int error)
{
	return error == -ENOENT || error == -ETIMEDOUT || error == -EAGAIN;
}

/* Waits in short turns, so that Ctrl-C is heard. */
static int open_it(struct work *work)
{
	int64_t until = endpoint_deadline(work->settings);
	bool said = work->settings->quiet || !isatty(STDERR_FILENO);
	int r;

	for (;;) {
		int64_t turn = sinew_after(look);
		r = try_open(work, turn < until ? turn : until);
		if (r == 0)
			return EXIT_DONE;
		if (stop_asked())
			return stop_code();
		if (!may_come(r) || work->loaded || turn >= until)
			break;
		if (!said)
			say("%s; waiting, Ctrl-C ends it", sinew_error_text());
		said = true;
	}
	if (work->loaded)
		return load_failure(work, r);
	say_failure(NULL);
	return may_come(r) ? EXIT_TIMEOUT : exit_code(r);
}

static bool is_served(const char *uri)
{
	struct sinew_caps caps = {0};

	return sinew_caps(uri, &caps) == 0 && caps.bits & SINEW_REGION_CAP_SERVED;
}

/* Until Ctrl-C, or until nobody has come for the time of --timeout. */
static int hand_out(const struct work *work)
{
	unsigned long given = 0;

	if (work->settings->verbose)
		say("%s: handing it out; Ctrl-C ends it", work->uri);
	for (;;) {
		int r = sinew_region_serve(work->region, endpoint_deadline(work->settings));
		if (stop_asked())
			return stop_code();
		if (r < 0 && r != -EINTR) {
			say_failure(NULL);
			return exit_code(r);
		}
		if (r > 0)
			given += (unsigned long)r;
		if (r == 0)
			return given ? EXIT_DONE : EXIT_TIMEOUT;
	}
}

static int act(struct work *work, struct out *out)
{
	int r, code = EXIT_DONE;

	if (work->settings->load && !work->loaded) {
		r = load(sinew_region_data(work->region), sinew_region_size(work->region), work);
		if (r < 0)
			return load_failure(work, r);
	}
	if (work->settings->dump)
		code = dump(work, out);
	else if (!work->settings->load || work->settings->json)
		show(work, out);
	r = sinew_region_check(work->region);
	if (r < 0) {
		say_failure(NULL);
		return EXIT_NEGATIVE;
	}
	return code;
}

static int use(struct work *work)
{
	struct out out;

	if (!out_open(&out))
		return EXIT_SYSTEM;
	if (sinew_region_guard(work->region) < 0)
		say_failure(NULL); /* and go on: SIGBUS would end us */
	int code = act(work, &out);
	code = exit_worse(code, out_close(&out));
	if (code == EXIT_DONE && sinew_region_is_new(work->region) && is_served(work->uri))
		code = hand_out(work);
	return code;
}

static int run(const struct settings *settings)
{
	struct work work = {.settings = settings};

	if (settings->dump && (settings->load || settings->json)) {
		say_error("region: --dump goes with neither --load nor --json");
		return EXIT_USAGE;
	}
	work.uri = endpoint_uri(settings, settings->operands[0]);
	if (!work.uri)
		return EXIT_SYSTEM;
	int code = open_it(&work);
	if (code == EXIT_DONE)
		code = use(&work);
	sinew_region_close(work.region);
	free(work.uri);
	return code;
}

static bool set_create(struct settings *settings, const char *value)
{
	return units_read_size(value, &settings->create) && settings->create;
}

static bool set_offset(struct settings *settings, const char *value)
{
	return units_read_size(value, &settings->offset);
}

static bool set_length(struct settings *settings, const char *value)
{
	return units_read_size(value, &settings->length) && settings->length;
}

static bool set_dump(struct settings *settings, const char *value)
{
	(void)value;
	return settings->dump = true;
}

static bool set_load(struct settings *settings, const char *value)
{
	(void)value;
	return settings->load = true;
}

static const struct cli_option options[] = {
	{"create", 0, "SIZE", "make it if it is not there; one of another size is an error",
		set_create, "a size such as 4096 or 1M"},
	{"dump", 0, NULL, "write its bytes to standard output", set_dump, NULL},
	{"load", 0, NULL, "read standard input into it", set_load, NULL},
	{"offset", 0, "SIZE", "dump or load from there on", set_offset, "a size such as 4096"},
	{"length", 0, "SIZE", "dump or load at most so many bytes", set_length,
		"a size such as 4096"},
	{"json", 0, NULL, "a JSON object: uri, size, made", set_json, NULL},
	OPTION_PAIR,
	OPTION_TIMEOUT,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_region = {
	.name = "region",
	.synopsis = "URI",
	.summary = "make, show, dump or fill shared memory",
	.about =
		"Attaches to the region, or makes it with --create; without --dump and --load "
		"shows "
		"what it is. With --create and --load nobody sees it before it is filled. A memfd: "
		"that it made it hands out until Ctrl-C, or until --timeout without anybody.",
	.options = options,
	.examples = {"echo hello | sinew region --create 6 --load 'file:/tmp/greeting?temp=yes'",
		"sinew region --create 4K --timeout 1s memfd:/tmp/memory & sinew region --json "
		"memfd:/tmp/memory"},
	.least = 1,
	.most = 1,
	.run = run,
};
