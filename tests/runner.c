/* SPDX-License-Identifier: MIT
 *
 * runner.c - main() of every test program: chooses the cases, runs them, reports.
 *
 * Each case gets a keeper process (runner_keep.c), which judges it; this process only starts
 * keepers, reads verdicts and prints. It never runs a line of a test itself, so no test can end,
 * hang or deceive it.
 *
 * Environment: RUNNER_SKIPS, a file of "name<TAB>reason" lines, the only cases that may skip;
 * RUNNER_TIMEOUT_FACTOR, by which every time limit is multiplied, for slow builds; RUNNER_SHARE, "2/5" for
 * the second fifth of the cases that TEST_EACH makes (runner_share.c).
 */
#include "runner_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_UNUSABLE = 2, MOST_JOBS = 64, MOST_SHOWN = 64 << 10, LONGEST_LINE = 1000 };

struct options {
	bool list, tap, verbose;
	long jobs, timeout, repeat;
	const char *exact[64];
	size_t exact_count;
	char **filters;
	int filter_count;
};

struct plan {
	struct runner_job *jobs;
	size_t count, room, left_out;
};

struct totals {
	unsigned passed, failed, skipped;
};

static struct test_case *first_case, **last_case = &first_case;
static volatile pid_t keepers[MOST_JOBS];
static volatile sig_atomic_t stopped;

void test_register(struct test_case *test)
{
	*last_case = test;
	last_case = &test->next;
}

__attribute__((noreturn, format(printf, 1, 2))) static void unusable(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_UNUSABLE);
}

static bool is_chosen(const struct options *options, const struct test_case *test, const char *name)
{
	for (size_t i = 0; i < options->exact_count; i++)
		if (strcmp(name, options->exact[i]) == 0)
			return true;
	if (test->hidden)
		return false;
	for (int i = 0; i < options->filter_count; i++)
		if (strstr(name, options->filters[i]))
			return true;
	return options->exact_count == 0 && options->filter_count == 0;
}

static void add_job(struct plan *plan, const struct options *options, const struct runner_job *job)
{
	if (!is_chosen(options, job->test, job->name))
		return;
	/* Who names a case wants it. */
	if (options->exact_count == 0 && !runner_is_in_share(first_case, job->test, job->row)) {
		plan->left_out++;
		return;
	}
	if (plan->count == plan->room) {
		plan->room = plan->room ? 2 * plan->room : 64;
		plan->jobs = reallocarray(plan->jobs, plan->room, sizeof(*plan->jobs));
		if (!plan->jobs)
			unusable("no memory");
	}
	plan->jobs[plan->count++] = *job;
}

static void add_case(struct plan *plan, const struct options *options, const struct test_case *test)
{
	const struct test_suite *suite = test->suite;
	struct runner_job job = {.test = test, .output = -1};

	job.timeout = (test->timeout ? test->timeout : (int)options->timeout) * runner_factor;
	if (!suite) {
		snprintf(job.name, sizeof(job.name), "%s", test->name);
		add_job(plan, options, &job);
		return;
	}
	for (size_t i = 0; i < suite->count; i++) {
		job.row = (const char *)suite->rows + i * suite->size;
		snprintf(job.name, sizeof(job.name), "%s[%s]/%s", suite->name,
			*(const char *const *)job.row, test->name);
		add_job(plan, options, &job);
	}
}

static void choose(struct plan *plan, const struct options *options)
{
	for (long round = 0; round < options->repeat; round++)
		for (const struct test_case *test = first_case; test; test = test->next)
			add_case(plan, options, test);
	if (plan->count == 0)
		unusable("no case of that name");
}

static void start(struct runner_job *job)
{
	pid_t runner = getpid();

	job->state = mmap(NULL, sizeof(*job->state), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	job->output = memfd_create("output", MFD_CLOEXEC);
	if (job->state == MAP_FAILED || job->output < 0)
		unusable("cannot start %s: %s", job->name, strerror(errno));
	fcntl(job->output, F_SETFL, O_APPEND);
	fflush(stdout);
	job->keeper = fork();
	if (job->keeper < 0)
		unusable("fork: %s", strerror(errno));
	if (job->keeper == 0) {
		job->keeper = runner;
		runner_keep(job);
	}
}

/* Text of unknown origin on one line, which a reader of TAP cannot take for anything else. */
static void print_line(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		putchar((unsigned char)text[i] < ' ' && text[i] != '\t' ? ' ' : text[i]);
}

static void print_output(const struct runner_job *job)
{
	static char text[MOST_SHOWN];
	off_t end = lseek(job->output, 0, SEEK_END);
	ssize_t size =
		pread(job->output, text, sizeof(text), end > MOST_SHOWN ? end - MOST_SHOWN : 0);
	size_t length;

	for (const char *line = text; line < text + size; line += length + 1) {
		const char *newline = memchr(line, '\n', (size_t)(text + size - line));

		length = (size_t)((newline ? newline : text + size) - line);
		fputs("#   ", stdout);
		print_line(line, length < LONGEST_LINE ? length : LONGEST_LINE);
		putchar('\n');
	}
}

/* Whether RUNNER_SKIPS, if set, has a line for this case. */
static bool may_skip(const char *name)
{
	const char *path = getenv("RUNNER_SKIPS");
	char line[1024];
	bool listed = false;
	FILE *file;

	if (!path)
		return true;
	file = fopen(path, "re");
	if (!file)
		unusable("%s: %s", path, strerror(errno));
	while (!listed && fgets(line, sizeof(line), file)) {
		size_t length = strcspn(line, "\t\n");

		listed = line[length] == '\t' && length == strlen(name) &&
			 strncmp(line, name, length) == 0;
	}
	fclose(file);
	return listed;
}

static void fail_job(struct runner_job *job, const char *why, const char *more)
{
	char reason[sizeof(job->state->reason)];

	snprintf(reason, sizeof(reason), "%.60s%.700s", why, more);
	memcpy(job->state->reason, reason, sizeof(reason));
	job->state->verdict = VERDICT_FAIL;
}

static void settle_verdict(struct runner_job *job, int status)
{
	struct runner_state *state = job->state;

	state->reason[sizeof(state->reason) - 1] = '\0';
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || state->verdict == VERDICT_NONE) {
		fail_job(job, "its keeper was ended", "");
		runner_remove_tmpdir(state->tmpdir);
	} else if (state->verdict == VERDICT_SKIP && !may_skip(job->name)) {
		fail_job(job, "skipped, and not on the list of allowed skips: ", state->reason);
	}
}

static void count(struct totals *totals, enum verdict verdict)
{
	totals->passed += verdict == VERDICT_PASS;
	totals->skipped += verdict == VERDICT_SKIP;
	totals->failed += verdict != VERDICT_PASS && verdict != VERDICT_SKIP;
}

static void report_tap(const struct runner_job *job, unsigned number)
{
	bool failed = job->state->verdict == VERDICT_FAIL;
	bool skipped = job->state->verdict == VERDICT_SKIP;

	printf("%s %u - %s%s", failed ? "not ok" : "ok", number, job->name,
		skipped ? " # SKIP " : "");
	if (failed)
		fputs("\n# ", stdout);
	if (failed || skipped)
		print_line(job->state->reason, strlen(job->state->reason));
	putchar('\n');
}

static void report_plain(const struct runner_job *job)
{
	static const char *const words[] = {"FAIL", "ok  ", "FAIL", "skip"};

	printf("%s  %s", words[job->state->verdict], job->name);
	if (job->state->verdict == VERDICT_PASS) {
		printf("  (%lld ms)\n", (long long)(job->state->duration / 1000000));
		return;
	}
	fputs(": ", stdout);
	print_line(job->state->reason, strlen(job->state->reason));
	putchar('\n');
}

static void finish(
	struct runner_job *job, int status, const struct options *options, struct totals *totals)
{
	settle_verdict(job, status);
	count(totals, job->state->verdict);
	if (options->tap)
		report_tap(job, totals->passed + totals->failed + totals->skipped);
	else
		report_plain(job);
	if (options->verbose || job->state->verdict == VERDICT_FAIL)
		print_output(job);
	fflush(stdout);
	close(job->output);
	munmap(job->state, sizeof(*job->state));
	job->keeper = 0;
}

static void on_stop(int number)
{
	int kept = errno;

	stopped = number;
	for (size_t i = 0; i < MOST_JOBS; i++)
		if (keepers[i] > 0)
			kill(keepers[i], SIGTERM);
	errno = kept;
}

static void catch_stops(void)
{
	struct sigaction action = {.sa_handler = on_stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGCHLD, SIG_DFL);
}

/* Starts cases in the free slots; a signal to stop comes before a start or after, never within. */
static void fill_slots(
	struct plan *plan, size_t *next, const struct options *options, struct runner_job **slots)
{
	sigset_t stops, before;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, &before);
	for (long i = 0; i < options->jobs && *next < plan->count && !stopped; i++) {
		if (slots[i])
			continue;
		slots[i] = &plan->jobs[(*next)++];
		start(slots[i]);
		keepers[i] = slots[i]->keeper;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void run(struct plan *plan, const struct options *options, struct totals *totals)
{
	struct runner_job *slots[MOST_JOBS] = {NULL};
	size_t next = 0;
	int status;
	pid_t pid;

	while (true) {
		fill_slots(plan, &next, options, slots);
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno == ECHILD && (next == plan->count || stopped))
			return;
		for (size_t i = 0; i < MOST_JOBS && pid > 0; i++) {
			if (keepers[i] != pid)
				continue;
			keepers[i] = 0;
			finish(slots[i], status, options, totals);
			slots[i] = NULL;
		}
	}
}

static long number_of(const char *text, const char *what, long least, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < least || value > most)
		unusable("%s: \"%s\" is not a number from %ld to %ld", what, text, least, most);
	return value;
}

static void print_usage(const char *program)
{
	printf("usage: %s [options] [text...]\n"
	       "Runs the cases whose names contain one of the texts, or all.\n"
	       "  --list          print the names\n"
	       "  --run NAME      the case of exactly this name; may be repeated\n"
	       "  -j N            so many cases at the same time (1)\n"
	       "  --repeat N      each case so many times (1)\n"
	       "  --timeout S     seconds for a case that sets no limit of its own (30)\n"
	       "  --tap           report in the Test Anything Protocol\n"
	       "  -v              show the output of cases that pass, too\n",
		program);
}

static void take_option(struct options *options, int option, const char *program)
{
	switch (option) {
	case 'l':
		options->list = true;
		break;
	case 'r':
		if (options->exact_count == sizeof(options->exact) / sizeof(options->exact[0]))
			unusable("too many --run");
		options->exact[options->exact_count++] = optarg;
		break;
	case 'j':
		options->jobs = number_of(optarg, "-j", 1, MOST_JOBS);
		break;
	case 'n':
		options->repeat = number_of(optarg, "--repeat", 1, 1000000);
		break;
	case 't':
		options->timeout = number_of(optarg, "--timeout", 1, 86400);
		break;
	case 'p':
		options->tap = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'h':
		print_usage(program);
		exit(0);
	default:
		exit(EXIT_UNUSABLE);
	}
}

static void read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {{"list", no_argument, NULL, 'l'},
		{"run", required_argument, NULL, 'r'}, {"jobs", required_argument, NULL, 'j'},
		{"repeat", required_argument, NULL, 'n'}, {"timeout", required_argument, NULL, 't'},
		{"tap", no_argument, NULL, 'p'}, {"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0}};
	const char *factor = getenv("RUNNER_TIMEOUT_FACTOR"), *share = getenv("RUNNER_SHARE");
	int option;

	while ((option = getopt_long(argc, argv, "j:vh", names, NULL)) != -1)
		take_option(options, option, argv[0]);
	options->filters = argv + optind;
	options->filter_count = argc - optind;
	if (factor)
		runner_factor = (int)number_of(factor, "RUNNER_TIMEOUT_FACTOR", 1, 1000);
	if (share && !runner_read_share(share))
		unusable("RUNNER_SHARE: \"%s\" is not like 2/5, for the second fifth", share);
}

static void list(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		puts(plan->jobs[i].name);
}

int main(int argc, char **argv)
{
	struct options options = {.jobs = 1, .timeout = 30, .repeat = 1};
	struct totals totals = {0};
	struct plan plan = {0};

	read_options(&options, argc, argv);
	choose(&plan, &options);
	if (options.list) {
		list(&plan);
		free(plan.jobs);
		return 0;
	}
	catch_stops();
	if (options.tap)
		printf("TAP version 13\n1..%zu\n", plan.count);
	run(&plan, &options, &totals);
	free(plan.jobs);
	if (stopped)
		printf("%sstopped by SIG%s\n", options.tap ? "Bail out! " : "",
			sigabbrev_np(stopped));
	if (plan.left_out)
		printf("%sleft out by RUNNER_SHARE: %zu\n", options.tap ? "# " : "", plan.left_out);
	printf("%s%u passed, %u failed, %u skipped\n", options.tap ? "# " : "", totals.passed,
		totals.failed, totals.skipped);
	return stopped ? 128 + stopped : totals.failed > 0;
}
