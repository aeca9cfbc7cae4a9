/* SPDX-License-Identifier: MIT
 *
 * proc.c - the source that every user has: /proc. Threads come and go while it is read: one that is gone
 * before it was seen is left out, and what could not be read any more stays unknown.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../banned.h"
#include "../fault.h"
#include "files.h"
#include "inside.h"
#include "lines.h"

/* ---- one thread ---- */

/* The directory of a process is that of its first thread, and sooner found. */
static ssize_t slurp(const struct sinew__facts *facts, const char *name, char *text, size_t room)
{
	if (facts->tid == facts->pid)
		return sinew__slurp(text, room, "/proc/%" PRIu32 "/%s", facts->pid, name);
	return sinew__slurp(
		text, room, "/proc/%" PRIu32 "/task/%" PRIu32 "/%s", facts->pid, facts->tid, name);
}

static void note(struct sinew__facts *facts, bool seen, uint32_t evidence)
{
	if (seen)
		facts->evidence |= evidence;
}

static void read_sched(struct sinew__facts *facts)
{
	char text[4096];

	bool good = slurp(facts, "sched", text, sizeof text) > 0 && sinew__parse_sched(text, facts);
	facts->looked = sinew__look_now();
	note(facts, good, SINEW__BY_SCHED);
}

static void read_status(struct sinew__facts *facts)
{
	char text[4096];

	note(facts,
		slurp(facts, "status", text, sizeof text) > 0 && sinew__parse_status(text, facts),
		SINEW__BY_STATUS);
}

static void read_schedstat(struct sinew__facts *facts)
{
	char text[512];

	note(facts,
		slurp(facts, "schedstat", text, sizeof text) > 0 &&
			sinew__parse_schedstat(text, facts),
		SINEW__BY_SCHEDSTAT);
}

void sinew__proc_wchan(struct sinew__facts *facts)
{
	char text[512];

	note(facts, slurp(facts, "wchan", text, sizeof text) > 0 && sinew__parse_wchan(text, facts),
		SINEW__BY_WCHAN);
}

/* What a thread sleeps in is for those alone who might trace it. */
static void read_wait(struct sinew__facts *facts)
{
	char text[512];
	ssize_t n = slurp(facts, "syscall", text, sizeof text);

	if (n == -EPERM || n == -EACCES)
		facts->evidence |= SINEW__NO_RIGHT;
	note(facts, n > 0 && sinew__parse_syscall(text, facts), SINEW__BY_SYSCALL);
	sinew__proc_wchan(facts);
}

static bool read_stat(struct sinew__facts *facts)
{
	char text[2048];
	int before = sched_getcpu();

	if (slurp(facts, "stat", text, sizeof text) <= 0 || !sinew__parse_stat(text, facts))
		return false;
	facts->evidence |= SINEW__BY_STAT;
	facts->seen_from = before == sched_getcpu() ? before : -1;
	return true;
}

enum { TRIES = 4 };

/* Its letter, and what it sleeps in, which are of two moments: until they are of one. */
bool sinew__proc_state(struct sinew__facts *facts)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if (!read_stat(facts))
			return false;
		if (facts->kernel || !facts->shown || !strchr("SD", facts->letter))
			return true;
		facts->in = SINEW__IN_UNKNOWN;
		read_wait(facts);
		if (facts->in != SINEW__IN_RUNNING)
			return true;
	}
	return true;
}

/* False: it is gone. */
static bool read_thread(struct sinew__facts *facts)
{
	if (!sinew__proc_state(facts))
		return false;
	if (facts->shown || facts->letter == 'R')
		read_sched(facts);
	if (!facts->shown)
		return true;
	read_schedstat(facts);
	if (!(facts->evidence & SINEW__BY_SCHED) || facts->letter == 't')
		read_status(facts);
	if (facts->kernel && strchr("SDI", facts->letter))
		sinew__proc_wchan(facts);
	return true;
}

void sinew__proc_again(struct sinew__facts *facts)
{
	if (facts->evidence & SINEW__BY_SCHED)
		read_sched(facts);
	else
		read_schedstat(facts);
}

static int add_thread(
	struct sinew__look *look, uint32_t pid, uint32_t tid, uint32_t uid, bool shown)
{
	if (look->count == look->room) {
		size_t room = look->room ? 2 * look->room : 256;
		struct sinew__facts *threads = realloc(look->threads, room * sizeof *threads);
		if (!threads)
			return sinew__observe_fail(ENOMEM, "no memory for %zu threads", room);
		look->threads = threads;
		look->room = room;
	}
	struct sinew__facts *facts = &look->threads[look->count];
	*facts = (struct sinew__facts){.pid = pid,
		.tid = tid,
		.uid = uid,
		.shown = shown,
		.cpu = -1,
		.seen_from = -1,
		.number = -1};
	facts->looker = tid == (uint32_t)gettid();
	look->count += read_thread(facts);
	return 0;
}

/* ---- directories ---- */

static bool read_number(const char *name, uint32_t *number)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	*number = (uint32_t)n;
	return isdigit((unsigned char)*name) && !*end && n <= INT32_MAX;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define LOOK_DIR __attribute__((cleanup(close_dir))) DIR

/* 0, also if it is gone. */
static int add_process(struct sinew__look *look, uint32_t pid, bool shown)
{
	char path[64];
	const struct dirent *entry;
	struct stat st;
	uint32_t tid;
	int r = 0;

	snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", pid);
	LOOK_DIR *dir = opendir(path);
	if (!dir || fstat(dirfd(dir), &st) < 0)
		return 0;
	while (r == 0 && (entry = readdir(dir)))
		if (read_number(entry->d_name, &tid))
			r = add_thread(look, pid, tid, st.st_uid, shown);
	return r;
}

/* The first `known` threads are sorted, and those of a source that found most of them. */
static bool is_known(const struct sinew__look *look, size_t known, uint32_t pid)
{
	size_t low = 0, high = known;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (look->threads[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < known && look->threads[low].pid == pid;
}

static int add_all(struct sinew__look *look, const struct sinew__asked *asked, size_t known)
{
	const struct dirent *entry;
	uint32_t pid;
	int r = 0;
	LOOK_DIR *dir = opendir("/proc");

	if (!dir)
		return sinew__observe_fail(errno,
			"cannot read /proc: %m; it has to be mounted (mount -t proc proc /proc)");
	while (r == 0 && (entry = readdir(dir)))
		if (read_number(entry->d_name, &pid) && !is_known(look, known, pid))
			r = add_process(look, pid, sinew__is_asked(asked, pid));
	if (r == 0 && look->count == 0)
		r = sinew__observe_fail(ENOENT,
			"/proc shows no process; it has to be mounted (mount -t proc proc /proc)");
	return r;
}

int sinew__proc_missing(struct sinew__look *look, const struct sinew__asked *asked)
{
	int r = add_all(look, asked, look->count);

	if (r == 0)
		sinew__look_sort(look);
	return r;
}

int sinew__proc_threads(struct sinew__look *look, const struct sinew__asked *asked, int here)
{
	(void)here;
	return sinew__proc_missing(look, asked);
}

/* ---- the scheduler's clock ---- */

/* To ask for our own CPU time brings our account up to date. */
void sinew__proc_clock(struct sinew__look *look)
{
	struct sinew__facts self = {.pid = (uint32_t)getpid(), .tid = (uint32_t)gettid()};
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	look->clock_at = sinew__look_now();
	read_sched(&self);
	look->clock_from = self.exec_start;
}
