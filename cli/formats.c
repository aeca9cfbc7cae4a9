/* SPDX-License-Identifier: MIT
 *
 * formats.c - the names of forms, and which of them a terminal can take.
 */
#include "formats.h"

#include <string.h>
#include <summary.h>
#include <unistd.h>

#include "exit.h"
#include "say.h"

enum { NOTE_BYTES = 400 };

static const char *const names[] = {
	[SINEW__FORMAT_TEXT] = "text",
	[SINEW__FORMAT_JSON] = "json",
	[SINEW__FORMAT_SVG] = "svg",
	[SINEW__FORMAT_FLAME] = "flame",
	[SINEW__FORMAT_FLAME_SVG] = "flame-svg",
	[SINEW__FORMAT_PERFETTO] = "perfetto",
	[SINEW__FORMAT_HTML] = "html",
};

bool set_format(struct settings *settings, const char *value)
{
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(value, names[i]) == 0) {
			settings->format = i;
			return true;
		}
	return false;
}

bool set_format_json(struct settings *settings, const char *value)
{
	(void)value;
	return set_format(settings, "json");
}

bool set_note(struct settings *settings, const char *value)
{
	if (!*value || strlen(value) > NOTE_BYTES || settings->note_count == MOST_NOTES)
		return false;
	settings->notes[settings->note_count++] = value;
	return true;
}

int formats_check(const struct settings *settings, FILE *to)
{
	if (settings->format != SINEW__FORMAT_PERFETTO || !isatty(fileno(to)))
		return 0;
	say_error("perfetto is no text: send it to a file, as in "
		  "`sinew report -f perfetto FILE >trace.pftrace`");
	return EXIT_USAGE;
}
