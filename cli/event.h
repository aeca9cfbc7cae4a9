/* SPDX-License-Identifier: MIT
 *
 * event.h - an event as the command uses it: opened with the options and the time limit of the
 * command line. Waits end with EINTR after Ctrl-C.
 */
#ifndef CLI_EVENT_H
#define CLI_EVENT_H

#include <sinew/sinew.h>

#include "settings.h"

/* `preset`, "key=value", holds where the scheme knows the key and the URI does not give it. To be
 * freed; NULL after saying that memory is short. */
char *event_uri(const struct settings *settings, const char *preset);

/* Opens. An exit code; what failed has been said. */
int event_open(const struct settings *settings, const char *uri, unsigned flags, int64_t until,
	sinew_event **event);

/* The exit code for a call that failed with -errno, after saying so; silent after Ctrl-C. */
int event_failure(const struct settings *settings, const char *uri, int error);

#endif
