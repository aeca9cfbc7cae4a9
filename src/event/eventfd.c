/* SPDX-License-Identifier: MIT
 *
 * eventfd.c - eventfd(2): a counter in the kernel with a descriptor. Without fd= we make one, for
 * relatives: parent and children share it across fork. With fd= we adopt one that was inherited or
 * passed to us; its flags are never changed, for its giver shares them, so a wait asks call by call
 * not to be blocked. Ours blocks, so that to wait for ever is one call, until a post has a deadline.
 */
#include <limits.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../event.h"

enum { TAKE_ALL, TAKE_ONE };

static const uint64_t most = UINT64_MAX - 1; /* what the counter holds */

struct settings {
	int64_t take, initial, fd;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"take", "all|one", "all", "what a wait takes: all that was posted, or one unit"},
		SINEW__OPTION_CHOICE, OWN(take), 0, 0},
	{{"initial", "number", "0", "units that are there at first"}, SINEW__OPTION_NUMBER,
		OWN(initial), 0, UINT_MAX},
	{{"fd", "descriptor", NULL, "adopt this eventfd instead of making one"},
		SINEW__OPTION_NUMBER, OWN(fd), 0, INT_MAX},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"units it holds (and one more, as unsigned)", "eventfd(2)", INT64_MAX},
	{"open descriptors of a process", "/proc/sys/fs/nr_open", 0},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__event_spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;

	caps->bits = SINEW_EVENT_CAP_COUNTS | SINEW_EVENT_CAP_POLLABLE | SINEW_EVENT_CAP_WAITERS |
		     (own->take == TAKE_ONE ? SINEW_EVENT_CAP_EVERY : 0) |
		     (own->fd < 0 ? SINEW_EVENT_CAP_RELATIVES : 0);
	caps->max_message = most;
	return 0;
}

static int adopt(struct sinew_event *event, int fd)
{
	char link[40], name[32] = "";
	int flags = sinew__sys.fcntl(fd, F_GETFL, 0);

	if (flags < 0)
		return sinew__fail(
			EBADF, "%s: descriptor %d is not open here", event->spec.text, fd);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof name - 1) < 0 || strcmp(name, "anon_inode:[eventfd]") != 0)
		return sinew__fail(
			EBADF, "%s: descriptor %d is not an eventfd", event->spec.text, fd);
	event->blocks = !(flags & O_NONBLOCK);
	event->adopted = true;
	event->fd = fd;
	return 0;
}

static int eventfd_open(struct sinew_event *event, int64_t until)
{
	const struct settings *own = event->spec.own;

	(void)until;
	if (!(event->flags & (SINEW_IN | SINEW_OUT)))
		event->flags |= SINEW_IN | SINEW_OUT;
	event->room = POLLOUT;
	if (own->fd >= 0)
		return own->initial ? sinew__fail(EINVAL, "%s: initial= is for one that we make",
					      event->spec.text)
				    : adopt(event, (int)own->fd);
	event->fd = sinew__sys.eventfd(
		(unsigned)own->initial, EFD_CLOEXEC | (own->take == TAKE_ONE ? EFD_SEMAPHORE : 0));
	if (event->fd < 0)
		return sinew__fail(errno, "%s: eventfd: %m", event->spec.text);
	event->process = 0;
	event->blocks = true;
	return 0;
}

static bool is_ready(int fd, short events)
{
	struct pollfd poll = {.fd = fd, .events = events};
	const struct timespec zero = {0};

	return sinew__sys.ppoll(&poll, 1, &zero, NULL) > 0;
}

static int failed(const struct sinew_event *event, const char *what, int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return sinew__answer(-error, "not without waiting");
	return sinew__fail(-error, "%s %s: %s", what, event->spec.text, strerror(-error));
}

/* Makes sure that a write does not wait: 0, or -errno in words. On ours the first post with a deadline
 * ends all waiting in calls, for good: the kernel knows no RWF_NOWAIT for this write. */
static int prepare_post(struct sinew_event *event, uint64_t value)
{
	if (!event->adopted) {
		int r = sinew__event_unblock(event);
		return r < 0 ? failed(event, "post", r) : 0;
	}
	if (value > 1)
		return sinew__fail(EOPNOTSUPP,
			"%s: its descriptor blocks, and room is only told for one unit: post one "
			"by "
			"one, or give O_NONBLOCK to it",
			event->spec.text);
	if (!is_ready(event->fd, POLLOUT))
		return sinew__answer(EAGAIN, "the eventfd is full");
	return 0;
}

static int eventfd_post(struct sinew_event *event, uint64_t value, int64_t until)
{
	int r = until != SINEW_FOREVER && event->blocks ? prepare_post(event, value) : 0;
	if (r < 0)
		return r;
	if (sinew__sys.write(event->fd, &value, sizeof value) > 0)
		return 0;
	if (errno == EAGAIN) /* a relative unblocked it, or this one never blocked */
		event->blocks = false;
	return failed(event, "post", -errno);
}

static int eventfd_wait(struct sinew_event *event, struct sinew_notice *notice, int64_t until)
{
	ssize_t n = sinew__event_read(event, &notice->value, sizeof notice->value, until);

	return n < 0 ? failed(event, "wait for", (int)n) : 0;
}

const struct sinew__event_type sinew__event_type_eventfd = {
	.scheme =
		{
			.shown = {"eventfd", "eventfd:",
				"a counter with a descriptor: for relatives, or adopted"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
			.nameless = true,
		},
	.describe = describe,
	.open = eventfd_open,
	.post = eventfd_post,
	.wait = eventfd_wait,
	.patience = SINEW__NO_DEADLINE,
};
