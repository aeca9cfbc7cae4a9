/* SPDX-License-Identifier: MIT
 *
 * situations.c - makes a process that is in a known state for a known reason, waits until /proc shows it
 * there, prints the truth about it as JSON, and keeps it so until standard input ends.
 *
 *   situations --list             names, one a line
 *   situations NAME DIRECTORY     the truth, one object a line; exit 77: not possible here, and why
 */
#include "situations.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { TRIES = 20000 };

void give_up(const char *what)
{
	fprintf(stderr, "situations: %s: %s\n", what, strerror(errno));
	exit(1);
}

void not_here(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(77);
}

long must(long r, const char *what)
{
	if (r < 0)
		give_up(what);
	return r;
}

void is_object(struct scene *scene, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(scene->object, sizeof scene->object, format, args);
	va_end(args);
}

unsigned long inode_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st), "fstat");
	return (unsigned long)st.st_ino;
}

void make_path(struct scene *scene, const char *name)
{
	snprintf(scene->path, sizeof scene->path, "%s/%s", scene->place, name);
}

pid_t fork_child(void)
{
	pid_t parent = getpid(), child = (pid_t)must(fork(), "fork");

	if (child == 0) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
		if (getppid() != parent)
			_exit(1);
	}
	return child;
}

/* ---- looking ---- */

void look_again(unsigned *tries, const char *what)
{
	if (++*tries > TRIES) {
		errno = ETIMEDOUT;
		give_up(what);
	}
	poll(NULL, 0, 1);
}

static bool slurp(pid_t pid, pid_t tid, const char *name, char *text, size_t room)
{
	char path[80];

	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	size_t n = fread(text, 1, room - 1, file);
	fclose(file);
	text[n] = '\0';
	return n > 0;
}

char letter_of(pid_t pid, pid_t tid)
{
	char text[1024], *close;

	if (!slurp(pid, tid, "stat", text, sizeof text) || !(close = strrchr(text, ')')))
		return 0;
	return close[2];
}

long call_of(pid_t pid, pid_t tid)
{
	char text[256], *end;

	if (!slurp(pid, tid, "syscall", text, sizeof text))
		return ANY_CALL;
	long number = strtol(text, &end, 10);
	return end == text ? ANY_CALL : number;
}

static unsigned long switches_of(pid_t pid, pid_t tid)
{
	char text[4096], *at;

	if (!slurp(pid, tid, "status", text, sizeof text) ||
		!(at = strstr(text, "\nvoluntary_ctxt_switches:")))
		return 0;
	return strtoul(strchr(at, ':') + 1, NULL, 10);
}

/* There, and there again with no step between. */
static bool has_settled(const struct situation *row, const struct scene *scene)
{
	pid_t tid = scene->tid ? scene->tid : scene->child;
	unsigned long switches = switches_of(scene->child, tid);

	for (unsigned i = 0; i < 2; i++)
		if (!scene->ready || letter_of(scene->child, tid) != row->letter ||
			(row->number != ANY_CALL && call_of(scene->child, tid) != row->number))
			return false;
	return switches == switches_of(scene->child, tid);
}

/* ---- telling ---- */

static void put(const char *key, const char *value)
{
	if (value && *value)
		printf(",\"%s\":\"%s\"", key, value);
	else
		printf(",\"%s\":null", key);
}

static void tell(const struct situation *row, const struct scene *scene)
{
	printf("{\"pid\":%d,\"tid\":%d", (int)scene->child,
		(int)(scene->tid ? scene->tid : scene->child));
	put("state", row->state);
	put("cause", row->cause);
	put("call", row->call);
	put("object", scene->object);
	if (scene->other)
		printf(",\"others\":[%d]}\n", (int)scene->other);
	else
		printf(",\"others\":[]}\n");
	fflush(stdout);
}

/* ---- all of it ---- */

static const struct situation *const lists[] = {talk_situations, lock_situations, life_situations};

enum { LISTS = sizeof lists / sizeof *lists };

static const struct situation *find(const char *name)
{
	for (unsigned i = 0; i < LISTS; i++)
		for (const struct situation *row = lists[i]; row->name; row++)
			if (strcmp(row->name, name) == 0)
				return row;
	return NULL;
}

static int list(void)
{
	for (unsigned i = 0; i < LISTS; i++)
		for (const struct situation *row = lists[i]; row->name; row++)
			puts(row->name);
	return 0;
}

/* One that ends of itself before it settles could not be made here, and has said why. Of one that we trace its
 * stop is told, too. */
static void wait_for(const struct situation *row, struct scene *scene)
{
	for (unsigned tries = 0; !has_settled(row, scene);) {
		int status;
		if (row->letter != 'Z' && waitpid(scene->child, &status, WNOHANG) > 0 &&
			!WIFSTOPPED(status))
			exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		look_again(&tries, row->name);
	}
}

static void play(const struct situation *row, struct scene *scene)
{
	char byte;

	if (row->prepare)
		row->prepare(scene);
	scene->child = fork_child();
	if (scene->child == 0) {
		scene->child = getpid();
		scene->ready = true;
		row->act(scene);
		_exit(0);
	}
	wait_for(row, scene);
	tell(row, scene);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	kill(scene->child, SIGKILL);
	waitpid(scene->child, NULL, 0);
	if (row->tidy)
		row->tidy(scene);
	if (*scene->path)
		unlink(scene->path);
}

int main(int argc, char **argv)
{
	const struct situation *row = argc == 3 ? find(argv[1]) : NULL;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (!row) {
		fputs("usage: situations --list | NAME DIRECTORY\n", stderr);
		return 2;
	}
	struct scene *scene = mmap(
		NULL, sizeof *scene, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scene == MAP_FAILED)
		give_up("mmap");
	scene->place = argv[2];
	scene->parent = getpid();
	play(row, scene);
	return 0;
}
