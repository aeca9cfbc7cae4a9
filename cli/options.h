/* SPDX-License-Identifier: MIT
 *
 * options.h - command lines read by the rows of verb.h; rows that several verbs share.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "verb.h"

bool set_split(struct settings *settings, const char *value);
bool set_split_size(struct settings *settings, const char *value);
bool set_data(struct settings *settings, const char *value);
bool set_count(struct settings *settings, const char *value);
bool set_priority(struct settings *settings, const char *value);
bool set_timeout(struct settings *settings, const char *value);
bool set_pair(struct settings *settings, const char *value);
bool set_list(struct settings *settings, const char *value);
bool set_json(struct settings *settings, const char *value);
bool set_events(struct settings *settings, const char *value);
bool set_quiet(struct settings *settings, const char *value);
bool set_verbose(struct settings *settings, const char *value);
bool set_fd(struct settings *settings, const char *value);
bool set_take_fds(struct settings *settings, const char *value);
bool set_help(struct settings *settings, const char *value);

#define OPTION_PAIR                                                                                \
	{                                                                                          \
		"option", 'o', "KEY=VALUE",                                                        \
			"an option of the URI (`sinew help SCHEME` lists them)", set_pair,         \
			"key=value"                                                                \
	}
#define OPTION_TIMEOUT                                                                             \
	{                                                                                          \
		"timeout", 0, "TIME",                                                              \
			"the longest wait without progress, as 500ms or 2s; then exit 124",        \
			set_timeout, "a time such as 500ms or 2s"                                  \
	}
#define OPTION_QUIET                                                                               \
	{                                                                                          \
		"quiet", 'q', NULL, "no warnings and no summary", set_quiet, NULL                  \
	}
#define OPTION_VERBOSE                                                                             \
	{                                                                                          \
		"verbose", 'v', NULL, "say on standard error what happens", set_verbose, NULL      \
	}
#define OPTION_HELP                                                                                \
	{                                                                                          \
		"help", 'h', NULL, "show this help", set_help, NULL                                \
	}
#define OPTION_END                                                                                 \
	{                                                                                          \
		NULL, 0, NULL, NULL, NULL, NULL                                                    \
	}

/* Takes the verb out of the command line: the first word that is neither an option nor an option's
 * value. NULL if there is none. */
char *options_take_verb(int *argc, char **argv);

/* Reads what is left by the verb's rows. 0, or EXIT_USAGE after saying why. */
int options_read(const struct cli_verb *verb, int argc, char **argv, struct settings *settings);

#endif
