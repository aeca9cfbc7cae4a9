/* SPDX-License-Identifier: MIT
 *
 * event.c - events opened the way the command line asks.
 */
#include "event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "exit.h"
#include "say.h"
#include "stop.h"
#include "units.h"
#include "uri.h"

char *event_uri(const struct settings *settings, const char *preset)
{
	char key[32], *uri = endpoint_uri(settings, settings->operands[0]);

	if (!uri || !preset)
		return uri;
	snprintf(key, sizeof key, "%.*s", (int)strcspn(preset, "="), preset);
	if (!uri_knows(uri, key) || uri_has(uri, key, NULL))
		return uri;
	char *longer = uri_with(uri, preset);
	if (!longer)
		say_error("out of memory");
	free(uri);
	return longer;
}

int event_failure(const struct settings *settings, const char *uri, int error)
{
	char time[32];

	if (stop_asked() && (error == -EINTR || error == -ECANCELED))
		return stop_code();
	if (settings->timeout >= 0 && (error == -ETIMEDOUT || error == -EAGAIN)) {
		say_error("%s: not within %s", uri,
			units_write_time(settings->timeout, time, sizeof time));
		return EXIT_TIMEOUT;
	}
	say_failure(NULL);
	return exit_code(error);
}

int event_open(const struct settings *settings, const char *uri, unsigned flags, int64_t until,
	sinew_event **event)
{
	int r;

	do
		r = sinew_event_open(event, uri, flags | SINEW_INTERRUPTIBLE, until);
	while (r == -EINTR && !stop_asked());
	if (r < 0)
		return event_failure(settings, settings->operands[0], r);
	if (settings->verbose)
		say("opened %s", uri);
	return EXIT_DONE;
}
