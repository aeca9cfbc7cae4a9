/* SPDX-License-Identifier: MIT
 *
 * passing.c - what the command has to do with descriptors: hand its own over, tell what others are.
 */
#include "passing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "say.h"
#include "uri.h"

/* The copy with fds= in place of the URI. */
static int add_option(const struct settings *settings, char **uri)
{
	char pair[32];

	snprintf(pair, sizeof pair, "fds=%u", settings->fd_count ? settings->fd_count : MOST_FDS);
	char *longer = uri_with(*uri, pair);
	if (!longer) {
		say_error("out of memory");
		return EXIT_SYSTEM;
	}
	free(*uri);
	*uri = longer;
	return EXIT_DONE;
}

int passing_prepare(const struct settings *settings, const char *verb, char **uri)
{
	struct sinew_caps caps;
	int code = EXIT_DONE;

	if (!*uri || (!settings->take_fds && !settings->fd_count))
		return EXIT_DONE;
	if (uri_knows(*uri, "fds") && !uri_has(*uri, "fds", NULL))
		code = add_option(settings, uri);
	/* Another mistake in the URI is told where it is opened. */
	if (code || sinew_caps(*uri, &caps) < 0 || caps.bits & SINEW_CAP_FDS)
		return code;
	say_error("%s: --fd: %s carries no descriptors%s", verb, *uri,
		uri_knows(*uri, "fds") ? " with fds=0" : "; unix: does");
	return EXIT_USAGE;
}

int passing_own(const struct settings *settings, int *fds)
{
	for (unsigned i = 0; i < settings->fd_count; i++) {
		fds[i] = settings->fds[i];
		if (fds[i] > STDERR_FILENO)
			continue;
		fds[i] = fcntl(settings->fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (fds[i] < 0) {
			say_error("--fd %d: %s", settings->fds[i], strerror(errno));
			return EXIT_SYSTEM;
		}
	}
	return EXIT_DONE;
}

/* "/etc/hostname", "pipe:[4711]", or what of it fits. */
static const char *name_of(int fd, char *name, size_t size)
{
	char link[40];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, size - 1);
	if (n < 0)
		snprintf(name, size, "descriptor %d", fd);
	else
		name[n] = '\0';
	return name;
}

void passing_write(struct json *json, const struct sinew_msg *msg)
{
	char name[4096];

	json_open(json, "fds", '[');
	for (unsigned i = 0; i < msg->fd_count; i++)
		json_text(json, NULL, name_of(msg->fds[i], name, sizeof name));
	json_close(json, ']');
}

void passing_say(const struct sinew_msg *msg, uint64_t number)
{
	char name[4096];

	for (unsigned i = 0; i < msg->fd_count; i++)
		say("message %" PRIu64 " came with %s", number,
			name_of(msg->fds[i], name, sizeof name));
}
