/* SPDX-License-Identifier: MIT
 *
 * lock.c - sinew lock: runs a command while holding a lock.
 *
 * The process that takes the lock becomes the command: SEM_UNDO and the lock on an open file both
 * pass through execve. So the command never runs without the lock, and its death, of whatever kind,
 * gives it back. There is no second process that could be killed alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sinew/sinew.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "event.h"
#include "exit.h"
#include "options.h"
#include "say.h"
#include "stop.h"

enum { LONGEST_PAUSE = 10000000, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* ---- file: ---- */

/* The file to lock, as its URI says. */
struct lock_file {
	char path[PATH_MAX];
	bool create;
	int64_t mode; /* -1: what the umask leaves */
};

/* An exit code, after saying what is wrong with the URI. trust= is of no account: no byte of the file is
 * touched. */
static int read_uri(const char *uri, struct lock_file *file)
{
	int64_t create = 0, temp = 0;
	int r = sinew_uri_name(uri, file->path, sizeof file->path);

	if (r > 0)
		r = sinew_uri_option(uri, "create", &create);
	if (r >= 0)
		r = sinew_uri_option(uri, "temp", &temp);
	if (r < 0) {
		say_failure(NULL);
		return exit_code(r);
	}
	if (temp || !*file->path) {
		say_error(temp ? "lock: %s: temp=yes is not possible: when the command ends nobody "
				 "is left to remove the file"
			       : "lock: %s: write file:/path",
			uri);
		return EXIT_USAGE;
	}
	file->create = create == 1;
	if (sinew_uri_option(uri, "mode", &file->mode) < 0)
		file->mode = -1;
	return EXIT_DONE;
}

/* 0, -EINTR after Ctrl-C, -ETIMEDOUT, -errno. Without a deadline the kernel waits, with one we look
 * again and again. */
static int lock_descriptor(int fd, int64_t until)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct timespec pause = {.tv_nsec = LONGEST_PAUSE / 10};

	for (;;) {
		if (fcntl(fd, until == SINEW_FOREVER ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0)
			return 0;
		if (stop_asked())
			return -EINTR;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (endpoint_now() >= until)
			return -ETIMEDOUT;
		if (until == SINEW_FOREVER)
			continue;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < LONGEST_PAUSE)
			pause.tv_nsec *= 2;
	}
}

/* The file, made if it may be: a descriptor or -errno. There is one thread, whose umask this is. */
static int try_open(const struct lock_file *file)
{
	bool exact = file->mode >= 0;
	mode_t mask = exact ? umask(0) : 0;
	int fd = open(file->path, O_RDWR | (file->create ? O_CREAT : 0) | O_NOCTTY | O_NONBLOCK,
		exact ? (mode_t)file->mode : 0666);
	int error = errno;

	if (exact)
		umask(mask);
	return fd < 0 ? -error : fd;
}

/* With create=no waits for who makes it. */
static int open_file(const struct lock_file *file, int64_t until)
{
	const struct timespec pause = {.tv_nsec = LONGEST_PAUSE};

	for (;;) {
		int fd = try_open(file);
		if (fd != -ENOENT || file->create)
			return fd;
		if (stop_asked())
			return -EINTR;
		if (endpoint_now() >= until)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

static bool has_its_name(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && named.st_dev == mine.st_dev &&
	       named.st_ino == mine.st_ino;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Opens the file and locks it: the descriptor, which stays open in the command, or -errno. */
static int open_and_lock(const struct lock_file *file, int64_t until)
{
	for (;;) {
		int fd = open_file(file, until);
		if (fd < 0)
			return fd;
		int r = is_regular(fd) ? lock_descriptor(fd, until) : -ENOTSUP;
		if (r == 0 && has_its_name(fd, file->path))
			return fd;
		close(fd); /* removed while we waited: others lock the one that has the name now */
		if (r < 0)
			return r;
	}
}

static int lock_file(const struct settings *settings, const char *uri, int64_t until)
{
	struct lock_file file;

	int code = read_uri(uri, &file);
	if (code != EXIT_DONE)
		return code;
	int fd = open_and_lock(&file, until);
	if (fd >= 0)
		return EXIT_DONE;
	if (fd == -ETIMEDOUT || fd == -EINTR)
		return event_failure(settings, settings->operands[0], fd);
	if (fd == -ENOTSUP) {
		say_error("lock file:%s: is not a file", file.path);
		return EXIT_NEGATIVE;
	}
	say_error("lock file:%s: %s", file.path, strerror(-fd));
	return exit_code(fd);
}

/* ---- events ---- */

static int take(const struct settings *settings, const char *uri, int64_t until)
{
	sinew_event *event;
	int r, code = event_open(settings, uri, SINEW_IN, until, &event);

	if (code != EXIT_DONE)
		return code;
	do
		r = sinew_event_wait(event, NULL, until);
	while (r == -EINTR && !stop_asked());
	sinew_event_close(
		event); /* what was taken is given back when this process ends, not here */
	return r < 0 ? event_failure(settings, settings->operands[0], r) : EXIT_DONE;
}

static int lock_event(const struct settings *settings, const char *uri, int64_t until)
{
	struct sinew_caps caps;

	int r = sinew_caps(uri, &caps);
	if (r < 0) {
		say_failure(NULL);
		return exit_code(r);
	}
	if (!(caps.bits & SINEW_EVENT_CAP_GIVES_BACK)) {
		say_error("lock: %s is not given back when its holder dies; use "
			  "sysvsem:0xKEY (with undo=yes) or file:/path",
			settings->operands[0]);
		return EXIT_USAGE;
	}
	return take(settings, uri, until);
}

/* ---- the command ---- */

static int become(const struct settings *settings)
{
	char **words = settings->operands + 1;

	if (settings->verbose)
		say("locked; running %s", words[0]);
	stop_undo();
	if (stop_asked())
		return stop_code();
	execvp(words[0], words);
	int error = errno;
	say_error("%s: %s", words[0], strerror(error));
	return error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

static int run(const struct settings *settings)
{
	int64_t until = endpoint_deadline(settings);
	char *uri = event_uri(settings, "initial=1");
	int code;

	if (!uri)
		return EXIT_SYSTEM;
	if (strncmp(uri, "file:", 5) == 0)
		code = lock_file(settings, uri, until);
	else
		code = lock_event(settings, uri, until);
	if (code == EXIT_DONE)
		code = become(settings);
	free(uri);
	return code;
}

static const struct cli_option options[] = {
	OPTION_PAIR,
	{"timeout", 0, "TIME", "the longest wait for the lock, as 500ms or 2s; then exit 124",
		set_timeout, "a time such as 500ms or 2s"},
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_lock = {
	.name = "lock",
	.synopsis = "URI -- COMMAND [ARGUMENT...]",
	.summary = "run a command while holding a lock",
	.about = "Takes sysvsem:0xKEY, made free if it is not there, or locks file:/path, made if "
		 "it is not there, and becomes COMMAND. The lock is given back when COMMAND ends, "
		 "however it ends. The exit code is COMMAND's; 127 if there is none, 126 if it "
		 "cannot be executed.",
	.options = options,
	.examples = {"sinew lock file:/tmp/job.lock -- echo alone; rm /tmp/job.lock",
		"sinew lock --timeout 1s sysvsem:0x51e2 -- echo alone; sinew rm sysvsem:0x51e2"},
	.least = 2,
	.most = -1,
	.run = run,
};
