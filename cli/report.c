/* SPDX-License-Identifier: MIT
 *
 * report.c - sinew report: what a recording of the states of threads means, as text, JSON or a picture.
 *
 * A file that is cut or damaged is told as far as it goes, and why no further; the exit code says so.
 */
#include <errno.h>
#include <fault.h>
#include <fcntl.h>
#include <replay.h>
#include <stdio.h>
#include <string.h>
#include <summary.h>
#include <unistd.h>

#include "exit.h"
#include "formats.h"
#include "options.h"
#include "say.h"
#include "stop.h"

static int fail(int r)
{
	if (r == -EINTR)
		return stop_code();
	if (r == -EPIPE)
		return EXIT_PIPE;
	say_error("%s", sinew__observe_error());
	return r == -EBADMSG || r == -ENOENT ? EXIT_NEGATIVE : EXIT_SYSTEM;
}

/* -errno in words; 0: standard input for "-". */
static int open_file(const char *name, int *fd)
{
	*fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	return sinew__observe_fail(errno, "cannot open %s: %s", name, strerror(errno));
}

/* All records, or until Ctrl-C: what was read by then is told. */
static int read_all(struct sinew__replay *replay, struct sinew__summary *summary)
{
	const struct sinew__record *record;
	int more;

	while (!stop_asked() && (more = sinew__replay_next(replay, &record)) != 0) {
		if (more > 0)
			more = sinew__summary_add(summary, record);
		if (more < 0 && more != -EINTR)
			return more;
	}
	if (stop_asked())
		sinew__summary_fault(summary, "reading it was stopped");
	return 0;
}

static int tell(struct sinew__replay *replay, struct sinew__summary *summary, const char *name,
	const struct settings *settings)
{
	int r = read_all(replay, summary), code = EXIT_DONE;

	for (unsigned i = 0; r == 0 && i < settings->note_count; i++)
		r = sinew__summary_note(summary, settings->notes[i]);
	if (r < 0)
		return fail(r);
	const char *fault = sinew__replay_fault(replay);
	if (fault) {
		sinew__summary_fault(summary, fault);
		say_error("%s: %s", name, fault);
		code = EXIT_NEGATIVE;
	}
	r = sinew__summary_write(summary, stdout, (enum sinew__format)settings->format);
	if (r < 0)
		code = exit_worse(code, fail(r));
	return stop_asked() ? stop_code() : code;
}

static int report(const char *name, int fd, const struct settings *settings)
{
	struct sinew__replay *replay;
	struct sinew__summary *summary = NULL;
	int r = sinew__replay_open(&replay, fd, name);

	if (r < 0)
		return fail(r);
	r = sinew__summary_open(&summary, sinew__replay_header(replay));
	if (r == 0 && sinew__format_needs_timeline(settings->format))
		r = sinew__summary_keep_timeline(summary);
	int code = r < 0 ? fail(r) : tell(replay, summary, name, settings);
	sinew__summary_close(summary);
	sinew__replay_close(replay);
	return code;
}

static int run(const struct settings *settings)
{
	const char *name = settings->operands[0];
	int fd, r = formats_check(settings, stdout);

	if (r)
		return r;
	r = open_file(name, &fd);
	if (r < 0)
		return fail(r);
	int code = report(strcmp(name, "-") == 0 ? "standard input" : name, fd, settings);
	if (fd != STDIN_FILENO)
		close(fd);
	return code;
}

static const struct cli_option options[] = {
	OPTION_FORMAT,
	OPTION_FORMAT_JSON,
	OPTION_NOTE,
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_report = {
	.name = "report",
	.synopsis = "FILE",
	.summary = "tell what a recording of the five states means",
	.about = "FILE is a recording of sinew trace, made on this machine or another; - is "
		 "standard input. Tells how long each thread was new, ready, running, "
		 "blocked and terminated, "
		 "what it was blocked on and who ended that, who displaced whom and why.",
	.options = options,
	.examples = {"sinew report trace.rec", "sinew report --json - <trace.rec"},
	.least = 1,
	.most = 1,
	.run = run,
};
