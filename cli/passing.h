/* SPDX-License-Identifier: MIT
 *
 * passing.h - descriptors that travel with messages: those of the command line, and those that came.
 */
#ifndef CLI_PASSING_H
#define CLI_PASSING_H

#include <sinew/sinew.h>

#include "json.h"
#include "settings.h"

/* Checks that the URI's mechanism carries descriptors, and adds fds= if the URI does not say how
 * many. An exit code; what is wrong has been said. *uri comes from endpoint_uri(). */
int passing_prepare(const struct settings *settings, const char *verb, char **uri);

/* Descriptors 0 to 2 are still needed here: copies take their place in `fds`. An exit code. */
int passing_own(const struct settings *settings, int *fds);

/* What came with a message: a JSON array under the key "fds"; words. */
void passing_write(struct json *json, const struct sinew_msg *msg);
void passing_say(const struct sinew_msg *msg, uint64_t number);

#endif
