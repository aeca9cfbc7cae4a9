/* SPDX-License-Identifier: MIT
 *
 * verb.h - a verb is one file that ends in one const row: what it is called, what it takes, what
 * its options are, how it is used, and what it does. Parsing, help and completions follow the row.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include "settings.h"

struct cli_option {
	const char *name;     /* "count" for --count */
	int letter;           /* 'n' for -n, or 0 */
	const char *argument; /* "COUNT", or NULL if it takes none */
	const char *help;
	/* Reads the value. False: it cannot be; `expects` then says what is expected. */
	bool (*set)(struct settings *settings, const char *value);
	const char *expects;
};

struct cli_verb {
	const char *name;
	const char *synopsis;                        /* what follows "sinew NAME [OPTION…]" */
	const char *summary;                         /* one line */
	const char *about;                           /* more lines for --help, or NULL */
	const struct cli_option *options;            /* up to a row without a name */
	const char *examples[2];                     /* work as pasted */
	int least, most;                             /* operands; most < 0: any number */
	int (*run)(const struct settings *settings); /* returns an exit code */
};

extern const struct cli_verb verb_send, verb_recv, verb_relay, verb_info, verb_rm, verb_help,
	verb_stat;
extern const struct cli_verb verb_wait, verb_post, verb_lock, verb_region;
extern const struct cli_verb verb_trace;
extern const struct cli_verb verb_report, verb_ps, verb_bench;

/* All of them, up to a NULL. */
extern const struct cli_verb *const cli_verbs[];

const struct cli_verb *cli_verb_find(const char *name);

#endif
