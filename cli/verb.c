/* SPDX-License-Identifier: MIT
 *
 * verb.c - the list of verbs. A new verb is one file and one word here.
 */
#include "verb.h"

#include <string.h>

const struct cli_verb *const cli_verbs[] = {
	&verb_send,
	&verb_recv,
	&verb_relay,
	&verb_wait,
	&verb_post,
	&verb_lock,
	&verb_region,
	&verb_trace,
	&verb_ps,
	&verb_report,
	&verb_bench,
	&verb_info,
	&verb_stat,
	&verb_rm,
	&verb_help,
	NULL,
};

const struct cli_verb *cli_verb_find(const char *name)
{
	for (const struct cli_verb *const *verb = cli_verbs; *verb; verb++)
		if (strcmp((*verb)->name, name) == 0)
			return *verb;
	return NULL;
}
