/* SPDX-License-Identifier: MIT
 *
 * endpoint.c - channels opened and closed the way the command line asks.
 */
#include "endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exit.h"
#include "say.h"
#include "stop.h"
#include "units.h"
#include "uri.h"

/* How long to wait for the other side before saying so on a terminal. */
static const int64_t patience = INT64_C(1000000000);

int64_t endpoint_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t endpoint_deadline(const struct settings *settings)
{
	return settings->timeout < 0 ? SINEW_FOREVER : sinew_after(settings->timeout);
}

int endpoint_failure(const struct endpoint *endpoint, const struct settings *settings, int error)
{
	char time[32];

	if (stop_asked() && (error == -EINTR || error == -ECANCELED))
		return stop_code();
	if (error == -ETIMEDOUT || error == -EAGAIN)
		say_error("%s: nothing moved for %s", endpoint->uri,
			units_write_time(settings->timeout, time, sizeof time));
	else
		say_failure(NULL);
	return exit_code(error);
}

char *endpoint_uri(const struct settings *settings, const char *uri)
{
	char *whole = strdup(uri);

	for (int i = 0; whole && i < settings->pair_count; i++) {
		char *longer = uri_with(whole, settings->pairs[i]);
		free(whole);
		whole = longer;
	}
	if (!whole)
		say_error("out of memory");
	return whole;
}

/* Nobody there is what waiting ends with; a time limit that passed says it better. */
static bool nobody(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED || error == -ETIMEDOUT ||
	       error == -EAGAIN || error == -ENXIO;
}

/* Opens; a signal that did not stop us begins the wait anew. */
static int try_open(struct endpoint *endpoint, unsigned flags, int64_t until)
{
	int r;

	do
		r = sinew_open(&endpoint->channel, endpoint->uri,
			flags | SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE, until);
	while (r == -EINTR && !stop_asked());
	return r;
}

static int open_patiently(
	struct endpoint *endpoint, const struct settings *settings, unsigned flags)
{
	bool watched = settings->timeout < 0 && !settings->quiet &&
		       (settings->verbose || isatty(STDERR_FILENO));

	if (watched) {
		int r = try_open(endpoint, flags, sinew_after(patience));
		if (!nobody(r) || stop_asked())
			return r;
		say("%s: nobody there yet, waiting; Ctrl-C ends it", endpoint->uri);
	}
	return try_open(endpoint, flags, endpoint_deadline(settings));
}

static int open_failure(const struct settings *settings, unsigned flags, int error)
{
	char time[32];

	if (stop_asked())
		return stop_code();
	if (flags & SINEW_LISTEN && error == -ENOENT) {
		say_failure("create the directory first");
		return exit_code(error);
	}
	if (settings->timeout < 0 || !nobody(error)) {
		say_failure(exit_advice(error));
		return exit_code(error);
	}
	say_error("%s (after %s); start the other side or give it more --timeout",
		sinew_error_text(), units_write_time(settings->timeout, time, sizeof time));
	return EXIT_TIMEOUT;
}

int endpoint_open(
	struct endpoint *endpoint, const struct settings *settings, char *uri, unsigned flags)
{
	char size[32], name[4096];

	*endpoint = (struct endpoint){.uri = uri};
	if (!uri)
		return EXIT_SYSTEM;
	int r = sinew_caps(uri, &endpoint->caps), code = EXIT_DONE;
	if (r < 0)
		code = endpoint_failure(endpoint, settings, r);
	else if ((r = open_patiently(endpoint, settings, flags)) < 0)
		code = open_failure(settings, flags, r);
	if (code != EXIT_DONE) {
		free(endpoint->uri);
		endpoint->uri = NULL;
		return code;
	}
	sinew_channel_caps(endpoint->channel, &endpoint->caps);
	endpoint->opened = endpoint_now();
	stop_watch(endpoint->channel);
	if (settings->verbose)
		say("opened %s; the largest message is %s",
			sinew_name(endpoint->channel, name, sizeof name) < 0 ? endpoint->uri : name,
			units_write_size(endpoint->caps.max_message, size, sizeof size));
	return EXIT_DONE;
}

static bool grow(struct endpoint *endpoint, size_t size)
{
	void *larger = realloc(endpoint->copy, size);

	if (!larger)
		return false;
	endpoint->copy = larger;
	endpoint->copy_size = size;
	return true;
}

/* Who writes for all readers does not wait for us, and may overwrite what we borrow. */
static int take_copy(struct endpoint *endpoint, struct sinew_msg *msg, int64_t until)
{
	int r;

	do
		r = sinew_recv(endpoint->channel, endpoint->copy, endpoint->copy_size, msg, until);
	while (r == -EMSGSIZE && msg->size <= endpoint->caps.max_message &&
		grow(endpoint, msg->size));
	return r;
}

int endpoint_take(struct endpoint *endpoint, struct sinew_msg *msgs, unsigned count, int64_t until)
{
	if (endpoint->caps.bits & SINEW_CAP_EVERY_READER)
		return take_copy(endpoint, msgs, until);
	return sinew_take(endpoint->channel, msgs, count, until);
}

int endpoint_close(struct endpoint *endpoint, const struct settings *settings)
{
	int code = EXIT_DONE;

	if (!endpoint->channel)
		return code;
	stop_forget(endpoint->channel);
	free(endpoint->copy);
	int r = sinew_close(endpoint->channel);
	if (r == -EAGAIN) {
		say_error("%s: not everything that was sent could be handed over", endpoint->uri);
		code = EXIT_NEGATIVE;
	} else if (r < 0) {
		say_failure(NULL);
		code = exit_code(r);
	} else if (r > 0 && !settings->quiet) {
		say("%s: %d message%s had been received but not delivered", endpoint->uri, r,
			say_plural((uint64_t)r));
	}
	free(endpoint->uri);
	*endpoint = (struct endpoint){0};
	return code;
}
