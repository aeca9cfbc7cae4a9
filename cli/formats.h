/* SPDX-License-Identifier: MIT
 *
 * formats.h - the forms in which a recording can be told.
 */
#ifndef CLI_FORMATS_H
#define CLI_FORMATS_H

#include <stdbool.h>
#include <stdio.h>

#include "settings.h"

#define OPTION_FORMAT                                                                              \
	{                                                                                          \
		"format", 'f', "FORMAT",                                                           \
			"text (default), json, svg (the states), flame, flame-svg (blocked "       \
			"time), perfetto, or html (the timeline)",                                 \
			set_format, "text, json, svg, flame, flame-svg, perfetto or html"          \
	}

#define OPTION_FORMAT_JSON                                                                         \
	{                                                                                          \
		"json", 0, NULL, "the same as --format json", set_format_json, NULL                \
	}

#define OPTION_NOTE                                                                                \
	{                                                                                          \
		"note", 0, "TEXT", "a line to be shown with the result; may be given again",       \
			set_note, "up to 16 times a line of 1 to 400 bytes"                        \
	}

bool set_format(struct settings *settings, const char *value);
bool set_format_json(struct settings *settings, const char *value);
bool set_note(struct settings *settings, const char *value);

/* 0, or EXIT_USAGE after saying so: a terminal is no place for bytes that are no text. */
int formats_check(const struct settings *settings, FILE *to);

#endif
