/* SPDX-License-Identifier: MIT
 *
 * runner_keep.c - the keeper of one case.
 *
 *   runner -> keeper -> body -> whatever the test starts
 *
 * The keeper is the subreaper of its case: a process that outlives its parent, even in a session
 * of its own, becomes the keeper's child. So when the keeper has no child left, the case has left
 * nothing behind. It ends everything before it judges, and judges only then.
 */
#include "runner_inside.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TICK_MS = 100,      /* how often output size and failures in children are looked at */
	GRACE_MS = 200,     /* what is still alive that long after the body counts as left behind */
	HOPELESS_MS = 2000, /* what a body has left to end once another process failed */
	KILL_MS = 5000,
	MOST_OUTPUT = 64 << 20
};

/* What the keeper knows of its case. */
struct keep {
	struct runner_job *job;
	int status; /* the body's, as from waitpid() */
	bool ended; /* whether it is known */
	bool told;  /* to stop, by a signal */
};

/* Has a name for every signal, unlike sigabbrev_np(). */
static const char *signal_name(int number)
{
	static char text[24];
	const char *known = sigabbrev_np(number);

	if (known)
		snprintf(text, sizeof(text), "SIG%s", known);
	else
		snprintf(text, sizeof(text), "signal %d", number);
	return text;
}

static int64_t after_ms(int64_t ms)
{
	return test_now() + ms * 1000000;
}

bool runner_process(struct process *process, pid_t pid, bool thread)
{
	char path[64], line[512], *end;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), thread ? "/proc/%d/task/%d/stat" : "/proc/%d/stat", (int)pid,
		(int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (length <= 0)
		return false;
	line[length] = '\0';
	end = strrchr(line, ')');
	if (!end || !strchr(line, '('))
		return false;
	*end = '\0';
	snprintf(process->name, sizeof(process->name), "%.30s", strchr(line, '(') + 1);
	process->pid = pid;
	return sscanf(end + 1, " %c %d %*d %d", &process->state, &process->parent,
		       &process->session) == 3;
}

/* Calls `see` for each live process of the case that is our child or in the body's session. */
static void each_process(struct keep *keep, void (*see)(struct keep *, const struct process *))
{
	DIR *dir = opendir("/proc");
	struct process process;
	struct dirent *found;

	if (!dir)
		return;
	while ((found = readdir(dir))) {
		pid_t pid = (pid_t)strtol(found->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid() || !runner_process(&process, pid, false))
			continue;
		if (process.state == 'Z' || process.state == 'X')
			continue;
		if (process.parent == getpid() || process.session == keep->job->state->body)
			see(keep, &process);
	}
	closedir(dir);
}

static void kill_one(struct keep *keep, const struct process *process)
{
	(void)keep;
	kill(process->pid, SIGKILL);
}

static void accuse_one(struct keep *keep, const struct process *process)
{
	runner_mark(
		keep->job->output, "left process %d (%s) behind", (int)process->pid, process->name);
}

static ssize_t read_proc(char *text, size_t size, pid_t pid, const char *file)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, text, size - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

/* What a process was doing when the time was up, to be read by whoever looks for the hang. */
static void describe_one(struct keep *keep, const struct process *process)
{
	char call[128] = "", place[64] = "";

	read_proc(call, sizeof(call), process->pid, "syscall");
	read_proc(place, sizeof(place), process->pid, "wchan");
	call[strcspn(call, "\n")] = '\0';
	dprintf(keep->job->output, "process %d (%s) state %c, system call %s, in %s\n",
		(int)process->pid, process->name, process->state, call[0] ? call : "?",
		place[0] ? place : "?");
}

/* An orphan's end, which no process of the case waited for. */
static void judge_orphan(struct keep *keep, pid_t pid, int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		runner_mark(keep->job->output, "process %d exited with %d and nobody waited for it",
			(int)pid, WEXITSTATUS(status));
	else if (number && number != SIGKILL && number != SIGTERM && number != SIGHUP &&
		 number != SIGINT)
		runner_mark(keep->job->output,
			"process %d was ended by %s and nobody waited for it", (int)pid,
			signal_name(number));
}

/* Takes in what has ended. False if no child is left at all. */
static bool reap(struct keep *keep, bool judge)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == keep->job->state->body) {
			keep->status = status;
			keep->ended = true;
		} else if (judge) {
			judge_orphan(keep, pid, status);
		}
	}
	return pid == 0;
}

static void wait_for_news(struct keep *keep, int64_t until)
{
	int64_t left = until - test_now();
	struct timespec limit;
	sigset_t news;
	int number;

	if (left < 0)
		left = 0;
	if (left > TICK_MS * 1000000)
		left = TICK_MS * 1000000;
	limit = (struct timespec){.tv_nsec = left};
	sigemptyset(&news);
	sigaddset(&news, SIGCHLD);
	sigaddset(&news, SIGTERM);
	sigaddset(&news, SIGINT);
	number = sigtimedwait(&news, NULL, &limit);
	if (number == SIGTERM || number == SIGINT)
		keep->told = true;
}

static void complain_of_time(struct keep *keep)
{
	/* A failure in a child has its reason already; the body waited for that child in vain. */
	if (atomic_load(&keep->job->state->failures) == 0)
		runner_mark(keep->job->output, "timed out after %d s", keep->job->timeout);
	each_process(keep, describe_one);
}

static void await_body(struct keep *keep)
{
	int64_t until = after_ms((int64_t)keep->job->timeout * 1000);
	bool hopeless = false;
	struct stat output;

	while (reap(keep, true), !keep->ended) {
		if (keep->told) {
			runner_mark(keep->job->output, "interrupted");
			return;
		}
		if (test_now() >= until) {
			complain_of_time(keep);
			return;
		}
		if (fstat(keep->job->output, &output) == 0 && output.st_size > MOST_OUTPUT) {
			runner_mark(keep->job->output, "wrote more than %d bytes", MOST_OUTPUT);
			return;
		}
		if (!hopeless && atomic_load(&keep->job->state->failures) > 0) {
			hopeless = true;
			if (until > after_ms(HOPELESS_MS * runner_factor))
				until = after_ms(HOPELESS_MS * runner_factor);
		}
		wait_for_news(keep, until);
	}
}

static void await_others(struct keep *keep)
{
	int64_t until = after_ms(GRACE_MS * runner_factor);

	while (reap(keep, true)) {
		if (test_now() >= until) {
			each_process(keep, accuse_one);
			return;
		}
		wait_for_news(keep, until);
	}
}

static void kill_all(struct keep *keep)
{
	int64_t until = after_ms(KILL_MS);

	if (!keep->ended)
		kill(-keep->job->state->body, SIGKILL);
	while (reap(keep, false)) {
		each_process(keep, kill_one);
		if (test_now() >= until) {
			runner_mark(keep->job->output, "left a process that cannot be killed");
			return;
		}
		wait_for_news(keep, after_ms(10));
	}
}

static const char *find_report(const char *text, size_t size)
{
	static const char *const marks[] = {
		"ERROR: AddressSanitizer",
		"ERROR: LeakSanitizer",
		"WARNING: ThreadSanitizer",
		"ERROR: ThreadSanitizer",
		"WARNING: MemorySanitizer",
		": runtime error: ",
	};
	const char *found;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		found = memmem(text, size, marks[i], strlen(marks[i]));
		if (found)
			return found;
	}
	return NULL;
}

/* A sanitizer's report counts wherever it came from: by default some let the process go on. */
static void judge_output(struct keep *keep)
{
	struct stat output;
	const char *text, *report;
	size_t size, left;

	if (fstat(keep->job->output, &output) < 0 || output.st_size == 0)
		return;
	size = (size_t)output.st_size;
	text = mmap(NULL, size, PROT_READ, MAP_SHARED, keep->job->output, 0);
	if (text == MAP_FAILED)
		return;
	report = find_report(text, size);
	if (report) {
		/* The first cause: what else went wrong may be the report's own doing. */
		atomic_store(&keep->job->state->failures, 0);
		left = size - (size_t)(report - text);
		runner_mark(keep->job->output, "sanitizer report: %.*s",
			(int)strnlen(report, left > 80 ? 80 : left), report);
	}
	munmap((void *)text, size);
}

static void judge_status(struct keep *keep)
{
	struct runner_state *state = keep->job->state;
	int status = keep->status, output = keep->job->output;

	if (WIFSIGNALED(status))
		runner_mark(output, "ended by %s", signal_name(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == TEST_STATUS_SKIPPED && atomic_load(&state->skipped))
		state->verdict = VERDICT_SKIP;
	else if (!atomic_load(&state->finished))
		runner_mark(output, "exited with %d before its end", WEXITSTATUS(status));
	else if (WEXITSTATUS(status) != 0)
		runner_mark(output, "exited with %d after its end", WEXITSTATUS(status));
	else if (atomic_load(&state->checks) == 0)
		runner_mark(output, "made no check");
	else
		state->verdict = VERDICT_PASS;
}

static void judge(struct keep *keep)
{
	struct runner_state *state = keep->job->state;

	judge_output(keep);
	if (atomic_load(&state->failures) == 0)
		judge_status(keep);
	if (atomic_load(&state->failures) > 0)
		state->verdict = VERDICT_FAIL;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	if (type == FTW_DNR)
		chmod(path, 0700);
	remove(path);
	return 0;
}

void runner_remove_tmpdir(const char *path)
{
	struct stat status;

	if (!path[0])
		return;
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	/* Again, for what lay in directories that were closed to us. */
	if (lstat(path, &status) == 0)
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The path is short whatever TMPDIR says: it has to fit a socket's address with a name after it. */
static void make_tmpdir(struct runner_state *state, int output)
{
	const char *base = getenv("TMPDIR");

	if (!base || base[0] != '/' || strlen(base) > sizeof(state->tmpdir) - 16)
		base = "/tmp";
	snprintf(state->tmpdir, sizeof(state->tmpdir), "%s/test-XXXXXX", base);
	if (!mkdtemp(state->tmpdir) || chmod(state->tmpdir, 0755) < 0)
		runner_mark(output, "cannot make %s: %s", state->tmpdir, strerror(errno));
}

static void become_keeper(pid_t runner)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != runner)
		_exit(1);
}

void runner_keep(struct runner_job *job)
{
	struct keep keep = {.job = job};
	int64_t start = test_now();
	pid_t pid;

	become_keeper(job->keeper);
	runner_state = job->state;
	make_tmpdir(job->state, job->output);
	pid = fork();
	if (pid == 0)
		runner_body(job);
	job->state->body = pid;
	if (pid > 0) {
		await_body(&keep);
		if (keep.ended)
			await_others(&keep);
		kill_all(&keep);
	} else {
		runner_mark(job->output, "fork: %s", strerror(errno));
	}
	judge(&keep);
	runner_remove_tmpdir(job->state->tmpdir);
	job->state->duration = test_now() - start;
	_exit(0);
}
