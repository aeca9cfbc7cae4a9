/* SPDX-License-Identifier: MIT
 *
 * endpoint.h - a channel as the command uses it: opened with the options and the time limit of the
 * command line, watched for Ctrl-C, closed with a word about what was left in it.
 */
#ifndef CLI_ENDPOINT_H
#define CLI_ENDPOINT_H

#include <sinew/sinew.h>

#include "settings.h"

struct endpoint {
	sinew_channel *channel;
	char *uri; /* with the options of the command line */
	struct sinew_caps caps;
	int64_t opened; /* CLOCK_MONOTONIC, nanoseconds */
	void *copy;     /* of one message, where a borrowed one might change */
	size_t copy_size;
};

/* The URI with the options of the command line. NULL after saying that memory is short. */
char *endpoint_uri(const struct settings *settings, const char *uri);

/* Opens. `flags` as for sinew_open(); CANCELLABLE and INTERRUPTIBLE are added. An exit code; what
 * failed has been said, and then *endpoint needs no closing. Takes over `uri`, which comes from
 * endpoint_uri(). */
int endpoint_open(
	struct endpoint *endpoint, const struct settings *settings, char *uri, unsigned flags);

/* Closes and says what was never delivered. An exit code. */
int endpoint_close(struct endpoint *endpoint, const struct settings *settings);

/* As sinew_take(), of messages that nobody changes before the next call or sinew_release(). */
int endpoint_take(struct endpoint *endpoint, struct sinew_msg *msgs, unsigned count, int64_t until);

/* The end of a wait that begins now. */
int64_t endpoint_deadline(const struct settings *settings);

/* The exit code for a call that failed with -errno, after saying so; silent after Ctrl-C. */
int endpoint_failure(const struct endpoint *endpoint, const struct settings *settings, int error);

int64_t endpoint_now(void);

#endif
