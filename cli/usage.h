/* SPDX-License-Identifier: MIT
 *
 * usage.h - help texts made from the rows of the verbs.
 */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "out.h"
#include "verb.h"

void usage_verb(struct out *out, const struct cli_verb *verb);
void usage_all(struct out *out);
/* "send, recv, …" */
char *usage_names(char *text, size_t size);

#endif
