/* SPDX-License-Identifier: MIT
 *
 * runner_body.c - a case's own process.
 *
 * Gives the case a known world (session, signals, descriptors, environment, directory), runs its
 * body and compares the open descriptors after with those before. Only a body that came to its end
 * in the process it began in sets `finished`; what follows is an ordinary exit(), so that leak
 * checkers and coverage have their say.
 */
#include "runner_inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct fd_entry {
	int fd;
	char target[120];
	dev_t device;
	ino_t inode;
};

struct fd_list {
	size_t count;
	struct fd_entry entries[64];
};

static void default_signals(void)
{
	const struct sigaction normal = {.sa_handler = SIG_DFL};
	struct sigaction now;
	sigset_t none;

	/* A sanitizer's handlers stay; the runner's own were taken back by the keeper. */
	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
			sigaction(number, &normal, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool matters(const char *variable)
{
	static const char *const prefixes[] = {
		"SINEW_",
		"RUNNER_",
		"LISTEN_",
		"LC_",
		"NOTIFY_SOCKET=",
		"LANG=",
		"LANGUAGE=",
		"POSIXLY_CORRECT=",
		"COLUMNS=",
		"LINES=",
		"NO_COLOR=",
		"CLICOLOR",
		"TMPDIR=",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void clean_environment(void)
{
	extern char **environ;
	char name[128];
	size_t i = 0, length;

	while (environ && environ[i]) {
		length = strcspn(environ[i], "=");
		if (!matters(environ[i]) || length >= sizeof(name)) {
			i++;
			continue;
		}
		memcpy(name, environ[i], length);
		name[length] = '\0';
		unsetenv(name);
	}
	setenv("LC_ALL", "C", 1);
	setenv("TZ", "UTC", 1);
	setenv("TERM", "dumb", 1);
}

static void only_standard_fds(int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 || null < 0 ||
		dup2(null, STDIN_FILENO) < 0)
		_exit(TEST_STATUS_FAILED);
	close_range(3, ~0U, 0);
}

static void limit_resources(void)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &no_core);
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur > 1024) {
		files.rlim_cur = 1024;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void known_world(const struct runner_job *job)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	only_standard_fds(job->output);
	clean_environment();
	limit_resources();
	umask(022);
	if (chdir(job->state->tmpdir) < 0)
		_exit(TEST_STATUS_FAILED);
	/* Unbuffered: a forked child has nothing to write a second time. */
	setvbuf(stdout, NULL, _IONBF, 0);
	default_signals();
}

static bool read_fd(struct fd_entry *entry, int dir, const char *name)
{
	ssize_t length = readlinkat(dir, name, entry->target, sizeof(entry->target) - 1);

	if (length < 0)
		return false;
	entry->target[length] = '\0';
	entry->fd = (int)strtol(name, NULL, 10);
	struct stat st;
	if (fstat(entry->fd, &st) < 0)
		return false;
	entry->device = st.st_dev;
	entry->inode = st.st_ino;
	return true;
}

/* A file may be shown by another path after a change of the mount namespace. */
static bool is_same_file(const struct fd_entry *a, const struct fd_entry *b)
{
	return strcmp(a->target, b->target) == 0 ||
	       (a->device == b->device && a->inode == b->inode);
}

static void each_fd(void (*see)(const struct fd_entry *, void *), void *arg)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *found;
	struct fd_entry entry;

	if (!dir) {
		runner_mark(STDERR_FILENO, "cannot list descriptors: %s", strerror(errno));
		return;
	}
	while ((found = readdir(dir)))
		if (read_fd(&entry, dirfd(dir), found->d_name) && entry.fd != dirfd(dir))
			see(&entry, arg);
	closedir(dir);
}

static void remember_fd(const struct fd_entry *entry, void *arg)
{
	struct fd_list *list = arg;

	if (list->count < sizeof(list->entries) / sizeof(list->entries[0]))
		list->entries[list->count++] = *entry;
}

/* Takes a descriptor that is as it was off the list of those before, and complains of others. */
static void compare_fd(const struct fd_entry *entry, void *arg)
{
	struct fd_list *before = arg;
	struct fd_entry *old = NULL;

	for (size_t i = 0; i < before->count && !old; i++)
		if (before->entries[i].fd == entry->fd)
			old = &before->entries[i];
	if (!old)
		runner_mark(STDERR_FILENO, "leaked fd %d -> %s", entry->fd, entry->target);
	else if (!is_same_file(old, entry))
		runner_mark(STDERR_FILENO, "replaced fd %d -> %s by %s", entry->fd, old->target,
			entry->target);
	if (old)
		*old = before->entries[--before->count];
}

static void compare_fds(struct fd_list *before)
{
	each_fd(compare_fd, before);
	for (size_t i = 0; i < before->count; i++)
		runner_mark(STDERR_FILENO, "closed fd %d -> %s, which it had not opened",
			before->entries[i].fd, before->entries[i].target);
}

void runner_body(struct runner_job *job)
{
	struct runner_state *state = job->state;
	struct fd_list before = {0};

	state->body = getpid();
	known_world(job);
	each_fd(remember_fd, &before);
	job->test->run(job->row);
	if (getpid() != state->body) {
		runner_mark(STDERR_FILENO, "a forked child came to the end of the test's body");
		_exit(TEST_STATUS_FAILED);
	}
	compare_fds(&before);
	atomic_store(&state->finished, true);
	exit(0);
}
