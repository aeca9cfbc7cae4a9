/* SPDX-License-Identifier: MIT
 *
 * sem.c - POSIX semaphores, sem_overview(7): a count under a name, for unrelated processes. They are
 * files of /dev/shm with a sem_t in them. Ours is made without a name, with its value and its rights,
 * and then linked under its name in one step: nobody sees half of it, and a creator that is killed
 * leaves nothing. Every other step is the C library's. What a process took stays taken when it dies.
 */
#include <limits.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../event.h"

#define DIRECTORY "/dev/shm"

enum { NAME_MOST = NAME_MAX - 4 }; /* "sem." stands before it */

struct settings {
	int64_t initial, create, mode;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"initial", "number", "0", "units that are there when it is made"}, SINEW__OPTION_NUMBER,
		OWN(initial), 0, SEM_VALUE_MAX},
	{{"create", "yes|no", "yes", "make the semaphore if it is not there"}, SINEW__OPTION_SWITCH,
		OWN(create), 0, 0},
	{{"mode", "octal permissions", NULL,
		 "of a semaphore we make; by default 0666 less the umask"},
		SINEW__OPTION_MODE, OWN(mode), 0, 0777},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"largest value (SEM_VALUE_MAX)", "limits.h", SEM_VALUE_MAX},
	{"longest name", "limits.h", NAME_MOST},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__event_spec *spec, struct sinew_caps *caps)
{
	(void)spec;
	caps->bits = SINEW_EVENT_CAP_EVERY | SINEW_EVENT_CAP_NAMED | SINEW_EVENT_CAP_SURVIVES |
		     SINEW_EVENT_CAP_WAITERS;
	caps->max_message = 1;
	return 0;
}

static int check_name(const struct sinew__event_spec *spec)
{
	const char *name = spec->uri.rest;

	if (*name != '/' || !name[1] || strchr(name + 1, '/'))
		return sinew__fail(EINVAL, "%s: write sem:/name, with no other slash", spec->text);
	if (strlen(name + 1) > NAME_MOST)
		return sinew__fail(
			ENAMETOOLONG, "%s: the name has more than %d bytes", spec->text, NAME_MOST);
	return 0;
}

/* The file behind the name. */
static void file_of(const struct sinew__event_spec *spec, char *path, size_t size)
{
	snprintf(path, size, DIRECTORY "/sem.%s", spec->uri.rest + 1);
}

/* A semaphore without a name: its descriptor, or -errno. The kernel applies the umask. */
static int make_unnamed(const struct sinew_event *event)
{
	const struct settings *own = event->spec.own;
	sem_t sem;

	CLEANUP_FD int fd =
		sinew__sys.open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -errno;
	memset(&sem, 0, sizeof sem);
	if (sem_init(&sem, 1, (unsigned)own->initial) < 0)
		return -errno;
	ssize_t n = sinew__sys.write(fd, &sem, sizeof sem);
	if (n != sizeof sem)
		return n < 0 ? -errno : -ENOSPC;
	if (own->mode >= 0 && sinew__sys.fchmod(fd, (mode_t)own->mode) < 0)
		return -errno;
	return sinew__steal_fd(&fd);
}

/* 0, -EEXIST if somebody was faster. */
static int make(const struct sinew_event *event)
{
	char path[PATH_MAX], self[40];

	CLEANUP_FD int fd = make_unnamed(event);
	if (fd < 0)
		return fd;
	file_of(&event->spec, path, sizeof path);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int r = sinew__sys.linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	return r < 0 ? -errno : 0;
}

/* The C library maps whatever stands under the name: what is no semaphore must be refused before. */
static int check_file(const struct sinew_event *event)
{
	char path[PATH_MAX];
	struct stat st;

	file_of(&event->spec, path, sizeof path);
	if (sinew__sys.lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(sem_t))
		return sinew__fail(
			EEXIST, "%s: %s exists and is not a semaphore", event->spec.text, path);
	return 0;
}

static int open_existing(struct sinew_event *event)
{
	int r = check_file(event);
	if (r < 0)
		return r;
	sem_t *sem = sinew__sys.sem_open(event->spec.uri.rest, 0);
	if (sem == SEM_FAILED)
		return -errno;
	event->state = sem;
	return 0;
}

static int open_failed(const struct sinew_event *event, int error)
{
	if (error == -EEXIST)
		return error; /* has its words */
	return sinew__fail(-error, "open %s: %s%s", event->spec.text, strerror(-error),
		error == -EACCES   ? " (taking and posting need both read and write permission)"
		: error == -ENOENT ? " (with create=no)"
				   : "");
}

static int sem_open_event(struct sinew_event *event, int64_t until)
{
	const struct settings *own = event->spec.own;
	int64_t pause = 0;

	int r = check_name(&event->spec);
	if (r < 0)
		return r;
	if (!(event->flags & (SINEW_IN | SINEW_OUT)))
		event->flags |= SINEW_IN | SINEW_OUT;
	for (;;) {
		r = open_existing(event);
		if (r != -ENOENT)
			return r < 0 ? open_failed(event, r) : 0;
		if (own->create) {
			r = make(event);
			if (r < 0 && r != -EEXIST)
				return sinew__fail(
					-r, "create %s: %s", event->spec.text, strerror(-r));
			continue;
		}
		r = sinew__event_pause(event, &pause, until);
		if (r == -EAGAIN || r == -ETIMEDOUT)
			return open_failed(event, -ENOENT);
		if (r < 0)
			return r;
	}
}

static int sem_post_event(struct sinew_event *event, uint64_t value, int64_t until)
{
	(void)value;
	(void)until;
	if (sinew__sys.sem_post(event->state) == 0)
		return 0;
	if (errno == EOVERFLOW)
		return sinew__fail(EOVERFLOW,
			"post %s: it is at its maximum, %d; nothing was posted", event->spec.text,
			SEM_VALUE_MAX);
	return sinew__fail(errno, "post %s: %m", event->spec.text);
}

/* The kernel restarts a wait without a deadline after a handler with SA_RESTART: who wants to be
 * interrupted gets a far one, at the price of a timer. */
static int wait_until(struct sinew_event *event, int64_t until)
{
	if (until == SINEW_NOW)
		return sinew__sys.sem_trywait(event->state);
	if (until == SINEW_FOREVER && !(event->flags & SINEW_INTERRUPTIBLE))
		return sinew__sys.sem_wait(event->state);
	const struct timespec t = sinew__event_time(until);
	return sinew__sys.sem_clockwait(event->state, CLOCK_MONOTONIC, &t);
}

static int sem_wait_event(struct sinew_event *event, struct sinew_notice *notice, int64_t until)
{
	notice->value = 1;
	if (wait_until(event, until) == 0)
		return 0;
	switch (errno) {
	case EAGAIN:
		return sinew__answer(EAGAIN, "the semaphore is 0");
	case ETIMEDOUT:
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	case EINTR:
		return sinew__answer(EINTR, "a signal ended the wait");
	default:
		return sinew__fail(errno, "wait for %s: %m", event->spec.text);
	}
}

static int sem_remove(const struct sinew__event_spec *spec)
{
	int r = check_name(spec);
	if (r < 0)
		return r;
	return sinew__sys.sem_unlink(spec->uri.rest) < 0
		       ? sinew__fail(errno, "remove %s: %m", spec->text)
		       : 0;
}

static int sem_close_event(struct sinew_event *event, bool child)
{
	(void)child;
	if (event->state)
		sinew__sys.sem_close(event->state);
	event->state = NULL;
	return 0;
}

const struct sinew__event_type sinew__event_type_sem = {
	.scheme =
		{
			.shown = {"sem", "sem:/name",
				"a POSIX semaphore: a count that unrelated processes share"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = sem_open_event,
	.post = sem_post_event,
	.wait = sem_wait_event,
	.patience = SINEW__DEADLINE,
	.remove = sem_remove,
	.close = sem_close_event,
};
