/* SPDX-License-Identifier: MIT
 *
 * info.c - sinew info: what a URI can do on this system, asked without opening it.
 */
#include <inttypes.h>
#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "exit.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "tables.h"
#include "units.h"

static bool is_kind(const char *scheme, const char *kind)
{
	return strcmp(sinew_scheme_kind(scheme), kind) == 0;
}

/* Where the capability bits of a kind begin; its last is followed by one without a name. */
static unsigned first_bit(const char *scheme)
{
	static const struct {
		const char *kind;
		unsigned bit;
	} rows[] = {{"channel", 0}, {"event", 32}, {"region", 48}};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (is_kind(scheme, rows[i].kind))
			return rows[i].bit;
	return 0;
}

static void print_caps(struct out *out, const char *scheme, const struct sinew_caps *caps)
{
	const char *name;

	for (unsigned bit = first_bit(scheme); bit < 64 && (name = sinew_cap_name(bit)); bit++)
		out_format(out, "  %-14s %-4s %s\n", name, caps->bits >> bit & 1 ? "yes" : "no",
			sinew_cap_text(bit));
}

static void print_largest(struct out *out, const char *scheme, uint64_t largest)
{
	char size[32];

	if (is_kind(scheme, "event")) {
		tables_heading(out, "Largest value of a post");
		out_format(out, "  %" PRIu64 "\n", largest);
		return;
	}
	tables_heading(out, is_kind(scheme, "region") ? "Largest region now" : "Largest message");
	out_format(out, "  %s\n", units_write_size(largest, size, sizeof size));
}

static void print_uri(struct out *out, const char *uri, const struct sinew_scheme *scheme,
	const struct sinew_caps *caps)
{
	out_safe(out, uri, strlen(uri), "");
	out_format(out, "\n  %s: %s\n", scheme->name, scheme->summary);
	tables_heading(out, "Can it?");
	print_caps(out, scheme->name, caps);
	print_largest(out, scheme->name, caps->max_message);
	tables_limits(out, scheme->name);
	tables_options(out, scheme->name);
}

static void write_caps(struct json *json, const char *scheme, const struct sinew_caps *caps)
{
	const char *name;

	json_open(json, "capabilities", '{');
	for (unsigned bit = first_bit(scheme); bit < 64 && (name = sinew_cap_name(bit)); bit++)
		json_bool(json, name, caps->bits >> bit & 1);
	json_close(json, '}');
}

static void write_limits(struct json *json, const char *scheme)
{
	struct sinew_limit limit;

	json_open(json, "limits", '[');
	for (unsigned i = 0; sinew_limit(scheme, i, &limit) == 0; i++) {
		json_open(json, NULL, '{');
		json_text(json, "name", limit.name);
		if (limit.value < 0)
			json_null(json, "value");
		else
			json_signed(json, "value", limit.value);
		json_text(json, "source", limit.source);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_options(struct json *json, const char *scheme)
{
	const struct sinew_option *option;

	json_open(json, "options", '[');
	for (unsigned i = 0; (option = sinew_option(scheme, i)); i++) {
		json_open(json, NULL, '{');
		json_text(json, "key", option->key);
		json_text(json, "values", option->values);
		json_text(json, "default", option->preset);
		json_text(json, "summary", option->summary);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_uri(struct json *json, const char *uri, const struct sinew_scheme *scheme,
	const struct sinew_caps *caps)
{
	json_text(json, "uri", uri);
	json_text(json, "scheme", scheme->name);
	json_text(json, "kind", sinew_scheme_kind(scheme->name));
	json_text(json, "summary", scheme->summary);
	json_number(json, is_kind(scheme->name, "region") ? "max_size" : "max_message",
		caps->max_message);
	write_caps(json, scheme->name, caps);
	write_limits(json, scheme->name);
	write_options(json, scheme->name);
}

static void write_schemes(struct json *json)
{
	const struct sinew_scheme *scheme;

	json_text(json, "version", sinew_version());
	json_open(json, "schemes", '[');
	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++) {
		json_open(json, NULL, '{');
		json_text(json, "name", scheme->name);
		json_text(json, "kind", sinew_scheme_kind(scheme->name));
		json_text(json, "syntax", scheme->syntax);
		json_text(json, "summary", scheme->summary);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static int show_schemes(bool as_json, struct out *out)
{
	struct json json = {.out = out};

	if (!as_json) {
		tables_schemes(out);
		return EXIT_DONE;
	}
	json_open(&json, NULL, '{');
	write_schemes(&json);
	json_close(&json, '}');
	out_byte(out, '\n');
	return EXIT_DONE;
}

static int show_uri(bool as_json, struct out *out, const char *uri)
{
	struct sinew_caps caps;
	struct json json = {.out = out};
	int r = sinew_caps(uri, &caps);

	if (r < 0) {
		say_failure(NULL);
		return exit_code(r);
	}
	const struct sinew_scheme *scheme = tables_scheme(uri, strcspn(uri, ":"));
	if (!scheme)
		return EXIT_USAGE;
	if (!as_json) {
		print_uri(out, uri, scheme, &caps);
		return EXIT_DONE;
	}
	json_open(&json, NULL, '{');
	write_uri(&json, uri, scheme, &caps);
	json_close(&json, '}');
	out_byte(out, '\n');
	return EXIT_DONE;
}

static int run(const struct settings *settings)
{
	struct out out;
	int code = EXIT_SYSTEM;

	if (!out_open(&out))
		return code;
	if (settings->operand_count == 0) {
		code = show_schemes(settings->json, &out);
	} else {
		char *uri = endpoint_uri(settings, settings->operands[0]);
		if (uri)
			code = show_uri(settings->json, &out, uri);
		free(uri);
	}
	return exit_worse(code, out_close(&out));
}

static const struct cli_option options[] = {
	OPTION_PAIR,
	{"json", 0, NULL, "one JSON object", set_json, NULL},
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_info = {
	.name = "info",
	.synopsis = "[URI]",
	.summary = "show what a URI can do on this system, without opening it",
	.about = "Shows the capabilities, the largest message, the limits of this system and where "
		 "they are set, and the options. Without URI: the schemes.",
	.options = options,
	.examples = {"sinew info 'unix:/tmp/hello?type=seqpacket'",
		"sinew info --json fifo:/tmp/jobs"},
	.least = 0,
	.most = 1,
	.run = run,
};
