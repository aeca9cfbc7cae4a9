/* SPDX-License-Identifier: MIT
 *
 * stat.c - sinew stat: what goes on in a ring, read by one who is no member and stops nobody.
 */
#include <inttypes.h>
#include <poll.h>
#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "endpoint.h"
#include "exit.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "units.h"

enum { FIRST_LOOK = 5000 }; /* ms that a memfd's maker has to answer */

static const char *state_of(const struct sinew_ring_member *member)
{
	if (!(member->flags & SINEW_RING_JOINED))
		return "left";
	return member->flags & SINEW_RING_LIVES ? "lives" : "dead";
}

static const char *does(const struct sinew_ring_member *member)
{
	switch (member->flags & (SINEW_RING_READS | SINEW_RING_WRITES)) {
	case SINEW_RING_READS:
		return "reads";
	case SINEW_RING_WRITES:
		return "writes";
	default:
		return "both";
	}
}

/* What it is asleep for; NULL: it is not. */
static const char *awaits(const struct sinew_ring_member *member)
{
	if (!(member->flags & SINEW_RING_LIVES))
		return NULL;
	switch (member->flags & (SINEW_RING_AWAITS_MESSAGES | SINEW_RING_AWAITS_ROOM)) {
	case 0:
		return NULL;
	case SINEW_RING_AWAITS_MESSAGES:
		return "messages";
	case SINEW_RING_AWAITS_ROOM:
		return "room";
	default:
		return "both";
	}
}

static const char *pattern_of(const struct sinew_ring_look *look)
{
	static const char *const patterns[] = {"pair", "queue", "topic", "latest"};

	return look->pattern < sizeof patterns / sizeof *patterns ? patterns[look->pattern] : "?";
}

/* Whether each message goes to all readers. */
static bool is_for_all(const struct sinew_ring_look *look)
{
	return look->pattern >= 2;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
	/* A ring that was removed and made anew begins at 0. */
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

/* ---- for people ---- */

static void print_members(struct out *out, const struct sinew_ring_look *look)
{
	out_text(out,
		"\n  member        pid        uid  state  does    holds  awaits         slept");
	out_text(out, is_for_all(look) ? "     behind       lost\n" : "\n");
	for (unsigned i = 0; i < look->members; i++) {
		const struct sinew_ring_member *m = &look->member[i];
		const char *sleeps_for = awaits(m);
		if (!m->id)
			continue;
		out_format(out, "  %-6" PRIx64 " %10d %10u  %-5s  %-6s  %-5s  %-8s %11" PRIu64,
			m->id, (int)m->pid, (unsigned)m->uid, state_of(m), does(m),
			m->flags & SINEW_RING_HOLDS ? "yes" : "-", sleeps_for ? sleeps_for : "-",
			m->slept[0] + m->slept[1]);
		if (is_for_all(look))
			out_format(out, " %10" PRIu64 " %10" PRIu64, m->behind, m->lost);
		out_byte(out, '\n');
	}
}

static void print_lanes(struct out *out, const struct sinew_ring_look *look,
	const struct sinew_ring_look *before, double seconds)
{
	out_format(out, "\n  lane writer  %s      bytes       sent   received    dropped",
		is_for_all(look) ? "   kept" : "waiting");
	out_text(out, before ? "   sent/s\n" : "\n");
	for (unsigned i = 0; i < look->lanes; i++) {
		const struct sinew_ring_lane *lane = &look->lane[i];
		if (!lane->writer)
			continue;
		out_format(out,
			"  %4u %-6" PRIx64 "%c %8" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
			" %10" PRIu64,
			i, lane->writer, lane->has_writer ? ' ' : '-', lane->depth,
			lane->depth_bytes, lane->sent, lane->received,
			lane->dropped + lane->forgotten);
		if (before)
			out_format(out, " %8.0f", rate(lane->sent, before->lane[i].sent, seconds));
		out_byte(out, '\n');
	}
}

static void print(struct out *out, const char *uri, const struct sinew_ring_look *look,
	const struct sinew_ring_look *before, double seconds)
{
	char size[32];

	out_safe(out, uri, strlen(uri), "");
	out_format(out, "\n  pattern %s, %u lanes of %s%s\n", pattern_of(look), look->lanes,
		units_write_size(look->lane_size, size, sizeof size),
		look->pattern != 1 ? ""
		: look->drops      ? ", what dies with a reader is dropped"
				   : ", what dies with a reader is redelivered");
	print_members(out, look);
	print_lanes(out, look, before, seconds);
}

/* ---- for programs ---- */

static void write_member(struct json *json, const struct sinew_ring_member *m)
{
	json_open(json, NULL, '{');
	json_number(json, "id", m->id);
	json_signed(json, "pid", m->pid);
	json_number(json, "uid", m->uid);
	json_text(json, "state", state_of(m));
	json_text(json, "does", does(m));
	json_bool(json, "holds", m->flags & SINEW_RING_HOLDS);
	json_text(json, "awaits", awaits(m));
	json_number(json, "slept_for_messages", m->slept[0]);
	json_number(json, "slept_for_room", m->slept[1]);
	json_number(json, "behind", m->behind);
	json_number(json, "lost", m->lost);
	json_close(json, '}');
}

static void write_lane(struct json *json, unsigned i, const struct sinew_ring_lane *lane)
{
	json_open(json, NULL, '{');
	json_number(json, "lane", i);
	json_number(json, "writer", lane->writer);
	json_bool(json, "has_writer", lane->has_writer);
	json_number(json, "depth", lane->depth);
	json_number(json, "depth_bytes", lane->depth_bytes);
	json_number(json, "sent", lane->sent);
	json_number(json, "sent_bytes", lane->sent_bytes);
	json_number(json, "received", lane->received);
	json_number(json, "dropped", lane->dropped);
	json_number(json, "forgotten", lane->forgotten);
	json_close(json, '}');
}

static void write_json(struct out *out, const char *uri, const struct sinew_ring_look *look)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_text(&json, "uri", uri);
	json_text(&json, "pattern", pattern_of(look));
	json_number(&json, "lane_size", look->lane_size);
	json_text(&json, "deaths", look->drops ? "drop" : "redeliver");
	json_open(&json, "members", '[');
	for (unsigned i = 0; i < look->members; i++)
		if (look->member[i].id)
			write_member(&json, &look->member[i]);
	json_close(&json, ']');
	json_open(&json, "lanes", '[');
	for (unsigned i = 0; i < look->lanes; i++)
		if (look->lane[i].writer)
			write_lane(&json, i, &look->lane[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	out_byte(out, '\n');
}

/* ---- once, or again and again ---- */

static int look_once(const struct settings *settings, struct out *out, const char *uri,
	const struct sinew_ring_look *before, struct sinew_ring_look *look)
{
	struct sinew_caps caps;

	/* What survives its members is there or not. */
	int r = sinew_caps(uri, &caps);
	if (r == 0)
		r = sinew_ring_look(uri, look,
			caps.bits & SINEW_CAP_SURVIVES
				? SINEW_NOW
				: sinew_after(FIRST_LOOK * INT64_C(1000000)));
	if (r < 0) {
		say_failure(NULL);
		return exit_code(r);
	}
	if (settings->json)
		write_json(out, uri, look);
	else
		print(out, uri, look, before, (double)settings->watch / 1e9);
	out_flush(out);
	return EXIT_DONE;
}

static int watch(const struct settings *settings, struct out *out, const char *uri)
{
	static struct sinew_ring_look looks[2];
	int code = look_once(settings, out, uri, NULL, &looks[0]);

	for (unsigned i = 1; code == EXIT_DONE && settings->watch > 0 && !stop_asked(); i++) {
		poll(NULL, 0, (int)(settings->watch / 1000000));
		if (stop_asked())
			break;
		if (!settings->json)
			out_byte(out, '\n');
		code = look_once(settings, out, uri, &looks[(i + 1) % 2], &looks[i % 2]);
	}
	return stop_asked() && code == EXIT_DONE ? stop_code() : code;
}

static int run(const struct settings *settings)
{
	struct out out;

	if (!out_open(&out))
		return EXIT_SYSTEM;
	stop_install();
	char *uri = endpoint_uri(settings, settings->operands[0]);
	int code = uri ? watch(settings, &out, uri) : EXIT_USAGE;
	free(uri);
	int closed = out_close(&out);
	return code == EXIT_DONE ? closed : code;
}

static bool set_watch(struct settings *settings, const char *value)
{
	return units_read_time(value, &settings->watch) && settings->watch >= 1000000;
}

static const struct cli_option options[] = {
	OPTION_PAIR,
	{"watch", 'w', "TIME", "look again each TIME, until Ctrl-C; shows rates, too", set_watch,
		"a time of at least 1ms, as 1s"},
	{"json", 0, NULL, "one JSON object a look", set_json, NULL},
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_stat = {
	.name = "stat",
	.synopsis = "URI",
	.summary = "show who is in a ring and what waits in it",
	.about =
		"Shows the members of a ring, whether they live, and for each lane its writer, the "
		"messages that wait, and what was sent, received and dropped since the ring was "
		"made.",
	.options = options,
	.examples = {"sinew stat ring:shm:/jobs", "sinew stat --watch 1s --json ring:shm:/jobs"},
	.least = 1,
	.most = 1,
	.run = run,
};
