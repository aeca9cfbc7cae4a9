/* SPDX-License-Identifier: MIT
 *
 * trace.c - sinew trace: follows processes from state to state, keeps what happened in a file if asked
 * to, and tells what it came to at the end.
 */
#include <errno.h>
#include <fault.h>
#include <inttypes.h>
#include <recording.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <summary.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tracer.h>

#include "exit.h"
#include "formats.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "text.h"
#include "units.h"

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, LAST_WAIT = 2 };

struct trace {
	const struct settings *settings;
	struct sinew__tracer *tracer;
	struct sinew__recording *recording; /* or NULL */
	struct sinew__summary *summary;     /* or NULL */
	FILE *page;                         /* of the timeline, or NULL */
	int error;                          /* of the summary */
};

static int trouble(int error)
{
	char text[1024];
	size_t taken, n;
	const char *words = sinew__observe_error();

	n = text_escape(words, strlen(words), "", text, sizeof text - 1, &taken);
	text[n] = '\0';
	say_error("trace: %s", text);
	return error == -ESRCH || error == -EINVAL ? EXIT_NEGATIVE : EXIT_SYSTEM;
}

static void take(void *arg, const struct sinew__record *record)
{
	struct trace *trace = arg;

	if (trace->recording)
		sinew__recording_add(trace->recording, record);
	if (trace->summary && !trace->error)
		trace->error = sinew__summary_add(trace->summary, record);
}

/* ---- what is asked for ---- */

static int bad_scope(void)
{
	say_error("trace: say what to trace: -- COMMAND, -p PID, --cgroup PATH, or -a for all; one "
		  "of them");
	return EXIT_USAGE;
}

static bool read_scope(const struct settings *settings, struct sinew__request *request)
{
	request->pids = settings->pids;
	request->pid_count = settings->pid_count;
	request->cgroup = settings->cgroup;
	request->buffer = settings->buffer;
	request->tier = settings->tier;
	request->scope = settings->operand_count ? SINEW__SCOPE_COMMAND
			 : settings->all         ? SINEW__SCOPE_ALL
			 : settings->cgroup      ? SINEW__SCOPE_CGROUP
						 : SINEW__SCOPE_PIDS;
	return (settings->operand_count > 0) + settings->all + (settings->cgroup != NULL) +
		       (settings->pid_count > 0) ==
	       1;
}

static void add_words(char *text, size_t size, const char *words)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s", n ? " " : "", words);
}

static void describe(const struct settings *settings, char *text, size_t size)
{
	char number[16];

	*text = '\0';
	if (settings->all)
		add_words(text, size, "-a");
	if (settings->cgroup)
		add_words(text, size, "--cgroup"), add_words(text, size, settings->cgroup);
	for (unsigned i = 0; i < settings->pid_count; i++) {
		snprintf(number, sizeof number, "-p %" PRIu32, settings->pids[i]);
		add_words(text, size, number);
	}
	if (settings->operand_count)
		add_words(text, size, "--");
	for (int i = 0; i < settings->operand_count; i++)
		add_words(text, size, settings->operands[i]);
}

/* ---- running ---- */

static int64_t deadline(const struct settings *settings)
{
	return settings->duration ? (int64_t)sinew__observe_now() + settings->duration : INT64_MAX;
}

/* Until COMMAND or the time is over, or somebody stops us; then COMMAND, which had the same Ctrl-C,
 * may end, and its end is seen, too. */
static int follow(struct trace *trace)
{
	int64_t until = deadline(trace->settings);
	bool stopping = false;
	int r;

	do {
		r = sinew__tracer_step(trace->tracer);
		if (stop_asked() && !stopping) {
			pid_t pid = sinew__tracer_pid(trace->tracer);
			stopping = true;
			if (!pid)
				break;
			if (stop_code() != EXIT_SIGNAL + SIGINT)
				kill(pid, stop_code() - EXIT_SIGNAL);
			until = (int64_t)sinew__observe_now() + LAST_WAIT * INT64_C(1000000000);
		}
	} while (r == 0 && (int64_t)sinew__observe_now() < until);
	return r < 0 ? r : 0;
}

static int exit_of(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- the timeline ---- */

static int page_create(struct trace *trace)
{
	const char *path = trace->settings->html;

	if (path && !(trace->page = fopen(path, "we"))) {
		say_error("trace: cannot make %s: %s", path, strerror(errno));
		return EXIT_SYSTEM;
	}
	return EXIT_DONE;
}

/* There is nothing to draw. What is no plain file was there before. */
static void page_drop(struct trace *trace)
{
	struct stat st;

	if (!trace->page)
		return;
	fclose(trace->page);
	trace->page = NULL;
	if (lstat(trace->settings->html, &st) == 0 && S_ISREG(st.st_mode))
		unlink(trace->settings->html);
}

static int page_write(struct trace *trace)
{
	int r = trace->error, code = EXIT_DONE;

	if (!trace->page)
		return EXIT_DONE;
	if (r == 0)
		r = sinew__summary_write(trace->summary, trace->page, SINEW__FORMAT_HTML);
	if (r < 0)
		code = trouble(r);
	if (fclose(trace->page) != 0 && r == 0) {
		say_error("trace: cannot write %s: %s", trace->settings->html, strerror(errno));
		code = EXIT_SYSTEM;
	}
	trace->page = NULL;
	return code;
}

/* ---- the summary ---- */

/* COMMAND has standard output for itself. */
static FILE *output_of(const struct settings *settings)
{
	return settings->operand_count ? stderr : stdout;
}

static int print_summary(const struct trace *trace)
{
	int r = trace->error;

	if (r == 0 && !trace->settings->quiet)
		r = sinew__summary_write(trace->summary, output_of(trace->settings),
			(enum sinew__format)trace->settings->format);
	if (r == -EPIPE)
		return EXIT_PIPE;
	return r < 0 ? trouble(r) : EXIT_DONE;
}

static void print_end(const struct trace *trace)
{
	const struct sinew__end *end = sinew__tracer_end(trace->tracer);
	char startup[32], seeding[32];

	if (trace->settings->quiet)
		return;
	say("started in %s, of which %s for the states of %" PRIu64 " thread%s; %" PRIu64
	    " records, %" PRIu64 " lost",
		units_write_time((int64_t)end->startup, startup, sizeof startup),
		units_write_time((int64_t)end->seeding, seeding, sizeof seeding), end->seeded,
		say_plural(end->seeded), end->records, end->lost);
}

static int begin_summary(struct trace *trace, const struct sinew__record_header *header)
{
	const struct settings *settings = trace->settings;

	if (settings->quiet && !trace->page)
		return 0;
	int r = sinew__summary_open(&trace->summary, header);
	if (r == 0 && (trace->page || sinew__format_needs_timeline(settings->format)))
		r = sinew__summary_keep_timeline(trace->summary);
	return r;
}

/* What takes the records, with the header as it is once COMMAND is there. */
static int begin(struct trace *trace)
{
	const struct sinew__record_header *header = sinew__tracer_header(trace->tracer);

	if (trace->recording)
		sinew__recording_head(trace->recording, header);
	int r = begin_summary(trace, header);
	sinew__tracer_begin(trace->tracer, (struct sinew__sink){take, trace, NULL});
	for (unsigned i = 0; i < trace->settings->note_count; i++)
		sinew__tracer_note(trace->tracer, trace->settings->notes[i]);
	return r;
}

/* A file that cannot be made is told before COMMAND runs. */
static int start(struct trace *trace)
{
	const struct settings *settings = trace->settings;
	char words[256];
	int r = 0, started = 0;

	describe(settings, words, sizeof words);
	sinew__tracer_describe(trace->tracer, words);
	if (settings->output)
		r = sinew__recording_create(
			&trace->recording, settings->output, sinew__tracer_header(trace->tracer));
	if (r < 0)
		return trouble(r);
	if ((r = page_create(trace)) != EXIT_DONE)
		return r;
	if (settings->operand_count)
		started = sinew__tracer_start(trace->tracer, settings->operands, stop_undo);
	if (started < 0) {
		trouble(started);
		page_drop(trace);
	}
	r = begin(trace);
	if (started < 0)
		return started == -ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
	return r < 0 ? trouble(r) : EXIT_DONE;
}

/* Whatever went wrong on the way, what was traced is kept. */
static int trace_all(struct trace *trace)
{
	int code = start(trace);
	int r = code == EXIT_DONE ? follow(trace) : 0;
	int last = sinew__tracer_has_begun(trace->tracer) ? sinew__tracer_finish(trace->tracer) : 0;

	if (r < 0 || last < 0)
		code = trouble(r < 0 ? r : last);
	if (trace->recording && sinew__recording_close(trace->recording) < 0)
		code = exit_worse(code, trouble(-EIO));
	if (code == NOT_FOUND || code == NOT_EXECUTABLE || !sinew__tracer_has_begun(trace->tracer))
		return code;
	code = exit_worse(code, print_summary(trace));
	code = exit_worse(code, page_write(trace));
	print_end(trace);
	if (stop_asked())
		return stop_code();
	if (code == EXIT_DONE && trace->settings->operand_count)
		code = exit_of(sinew__tracer_status(trace->tracer));
	return code;
}

static int run(const struct settings *settings)
{
	struct sinew__request request;
	struct trace trace = {.settings = settings};

	if (!read_scope(settings, &request))
		return bad_scope();
	int r = formats_check(settings, output_of(settings));
	if (r)
		return r;
	r = sinew__tracer_open(&trace.tracer, &request);
	if (r < 0)
		return trouble(r);
	int code = trace_all(&trace);
	if (trace.page)
		fclose(trace.page);
	sinew__summary_close(trace.summary);
	sinew__tracer_close(trace.tracer);
	return code;
}

static bool set_pids(struct settings *settings, const char *value)
{
	char *end;

	for (;; value = end + 1) {
		unsigned long pid = strtoul(value, &end, 10);
		if (*value < '0' || *value > '9' || pid == 0 || pid > INT32_MAX ||
			settings->pid_count == MOST_PIDS)
			return false;
		settings->pids[settings->pid_count++] = (uint32_t)pid;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
}

static bool set_cgroup(struct settings *settings, const char *value)
{
	settings->cgroup = value;
	return *value;
}

static bool set_all(struct settings *settings, const char *value)
{
	(void)value;
	return settings->all = true;
}

static bool set_duration(struct settings *settings, const char *value)
{
	return units_read_time(value, &settings->duration) && settings->duration > 0;
}

static bool set_output(struct settings *settings, const char *value)
{
	settings->output = value;
	return *value;
}

static bool set_html(struct settings *settings, const char *value)
{
	settings->html = value;
	return *value;
}

static bool set_buffer(struct settings *settings, const char *value)
{
	return units_read_size(value, &settings->buffer) && settings->buffer &&
	       settings->buffer <= UINT64_C(1) << 30;
}

static bool set_tier(struct settings *settings, const char *value)
{
	settings->tier = value;
	return strlen(value) == 1 && strchr("ABCD", *value);
}

static const struct cli_option options[] = {
	{"pid", 'p', "PID", "trace these processes, separated by commas, and what they fork",
		set_pids, "numbers of processes, separated by commas"},
	{"cgroup", 0, "PATH", "trace the processes of this cgroup, a directory of cgroup2",
		set_cgroup, "a directory"},
	{"all", 'a', NULL, "trace every process", set_all, NULL},
	{"duration", 'd', "TIME", "stop after this time, as 500ms or 10s", set_duration,
		"a time such as 500ms or 10s"},
	{"output", 'o', "FILE", "keep the recording, for sinew report", set_output, "a file"},
	{"html", 0, "FILE", "draw a timeline: a page to be opened in a browser", set_html,
		"a file"},
	{"buffer", 0, "SIZE", "room for records that were not read yet, 8M", set_buffer,
		"a size up to 1G, such as 64M"},
	{"tier", 0, "A|B|C|D", "trace in this way only, A by BPF to D by looks at /proc", set_tier,
		"A, B, C or D"},
	OPTION_FORMAT,
	OPTION_FORMAT_JSON,
	OPTION_NOTE,
	{"quiet", 'q', NULL, "no summary, nothing but errors", set_quiet, NULL},
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_trace = {
	.name = "trace",
	.synopsis = "-- COMMAND... | -p PID | --cgroup PATH | -a",
	.summary = "follow processes through their states, and why they change",
	.about = "Follows every thread: running, ready because its slice was over or another took "
		 "over, blocked in which system call on what, woken by whom, ended and reaped. "
		 "Ends with COMMAND, after the time of -d, or with Ctrl-C. The exit code is "
		 "COMMAND's.",
	.options = options,
	.examples = {"sinew trace --html timeline.html -- sleep 0.1; rm timeline.html",
		"sinew trace -q -a -d 1s -o all.rec; rm all.rec"},
	.least = 0,
	.most = -1,
	.run = run,
};
