/* SPDX-License-Identifier: MIT
 *
 * tracer.c - from asking to the last record: which source, its header, COMMAND, reading, the end.
 *
 *   open ── begin ── [start] ── step … step ── finish ── close
 */
#include "tracer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "names.h"
#include "tracer.h"

#include "../banned.h"

enum {
	PATIENCE = 5, /* ms between two looks */
	SENTENCES = 4,
	SENTENCE = 480,
	NOT_EXECUTABLE = 126,
	NOT_FOUND = 127,
};

struct sinew__tracer {
	struct sinew__source *source;
	struct sinew__record_header header;
	struct sinew__sink sink;
	struct sinew__names *names;
	struct sinew__end end;
	char sentences[SENTENCES][SENTENCE];
	unsigned sentence_count;
	uint64_t first_step;
	pid_t pid;
	int pidfd, status;
};

uint64_t sinew__observe_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the header ---- */

static uint32_t machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#else
	return EM_NONE;
#endif
}

/* "9f1c2d3e-…" */
static void read_boot_id(sinew__u8 *id)
{
	char text[64] = "";
	unsigned n = 0, byte;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file)
		return;
	if (fgets(text, sizeof text, file))
		for (const char *at = text; n < 16 && *at; at += 2) {
			at += *at == '-';
			if (sscanf(at, "%2x", &byte) != 1)
				break;
			id[n++] = (sinew__u8)byte;
		}
	fclose(file);
}

static void fill_header(struct sinew__tracer *tracer, const struct sinew__request *request)
{
	struct sinew__record_header *header = &tracer->header;
	const struct sinew__source *source = tracer->source;
	struct utsname machine_name;
	struct stat space;
	uint64_t now = sinew__observe_now();

	memcpy(header->magic, SINEW__RECORD_MAGIC, sizeof header->magic);
	header->version = SINEW__RECORD_VERSION;
	header->order = SINEW__RECORD_ORDER;
	header->size = sizeof *header;
	header->tier = source->type->tier;
	header->has = source->has;
	header->scope = request->scope;
	header->started = source->started;
	header->day = clock_ns(CLOCK_REALTIME) - (now - source->started);
	header->asleep = clock_ns(CLOCK_BOOTTIME) - sinew__observe_now();
	header->pid_space = stat("/proc/self/ns/pid", &space) == 0 ? space.st_ino : 0;
	header->slice = source->slice;
	header->machine = machine();
	header->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	header->page = (uint32_t)sysconf(_SC_PAGESIZE);
	header->recorder = (uint32_t)getpid();
	header->target = request->pid_count ? request->pids[0] : 0;
	read_boot_id(header->boot_id);
	if (uname(&machine_name) == 0)
		memcpy(header->release, machine_name.release,
			strnlen(machine_name.release, sizeof header->release));
}

void sinew__tracer_describe(struct sinew__tracer *tracer, const char *words)
{
	memcpy(tracer->header.command, words, strnlen(words, sizeof tracer->header.command));
}

const struct sinew__record_header *sinew__tracer_header(const struct sinew__tracer *tracer)
{
	return &tracer->header;
}

/* ---- opening ---- */

static void say_why_not(
	struct sinew__tracer *tracer, const struct sinew__source_type *type, const char *why)
{
	if (tracer->sentence_count < SENTENCES)
		snprintf(tracer->sentences[tracer->sentence_count++], SENTENCE, "Not by %s: %s.",
			type->name, why);
}

static int open_source(struct sinew__tracer *tracer, const struct sinew__request *request)
{
	int r = sinew__observe_fail(ENOTSUP, "this build cannot trace in this way");

	for (const struct sinew__source_type *const *type = sinew__sources; *type; type++) {
		if (request->tier && request->tier[0] != (char)(*type)->tier)
			continue;
		r = (*type)->open(&tracer->source, request);
		if (r == 0)
			tracer->source->type = *type;
		if (r == 0 || r == -ESRCH || r == -EINVAL)
			return r; /* another source would not know that process either */
		say_why_not(tracer, *type, sinew__observe_error());
	}
	return r;
}

static int tell_all_why_not(const struct sinew__tracer *tracer, int error)
{
	char text[SENTENCES * SENTENCE] = "";
	size_t n = 0;

	for (unsigned i = 0; i < tracer->sentence_count && n < sizeof text; i++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s%s", i ? " " : "", tracer->sentences[i]);
	if (n)
		sinew__observe_fail(-error, "%s", text);
	return error;
}

int sinew__tracer_open(struct sinew__tracer **tracer, const struct sinew__request *request)
{
	struct sinew__tracer *this = calloc(1, sizeof *this);

	if (this)
		this->names = sinew__names_open();
	if (!this || !this->names) {
		free(this);
		return sinew__observe_fail(ENOMEM, "out of memory");
	}
	this->pidfd = this->status = -1;
	this->first_step = sinew__observe_now();
	int r = open_source(this, request);
	if (r < 0) {
		if (r != -ESRCH && r != -EINVAL)
			tell_all_why_not(this, r);
		sinew__tracer_close(this);
		return r;
	}
	this->end.startup = sinew__observe_now() - this->first_step;
	fill_header(this, request);
	*tracer = this;
	return 0;
}

void sinew__tracer_close(struct sinew__tracer *tracer)
{
	if (!tracer)
		return;
	if (tracer->source)
		tracer->source->type->close(tracer->source);
	if (tracer->pidfd >= 0)
		close(tracer->pidfd);
	sinew__names_close(tracer->names);
	free(tracer);
}

/* ---- records ---- */

static void pass_on(struct sinew__tracer *tracer, const struct sinew__record *record)
{
	tracer->end.records++;
	tracer->sink.take(tracer->sink.arg, record);
}

static void name_wait(struct sinew__tracer *tracer, const struct sinew__who *who, bool compat,
	struct sinew__wait *wait)
{
	if (!compat)
		sinew__names_place(tracer->names, who, wait);
	const struct sinew__record *name = sinew__names_look(tracer->names, who, wait);
	if (name)
		pass_on(tracer, name);
}

static void meet(void *arg, const struct sinew__who *who, struct sinew__wait *wait)
{
	name_wait(arg, who, false, wait);
}

/* The name of an object stands before the first record in which it is met. */
static void take(void *arg, const struct sinew__record *record)
{
	struct sinew__tracer *tracer = arg;

	if (record->type == SINEW__RECORD_INTERVAL) {
		struct sinew__interval interval = *(const struct sinew__interval *)record;
		name_wait(tracer, &interval.who, record->flags & SINEW__INTERVAL_COMPAT,
			&interval.wait);
		pass_on(tracer, &interval.head);
	} else if (record->type == SINEW__RECORD_SAMPLE) {
		struct sinew__sample sample = *(const struct sinew__sample *)record;
		name_wait(tracer, &sample.who, false, &sample.wait);
		pass_on(tracer, &sample.head);
	} else {
		pass_on(tracer, record);
	}
}

static void tell_note(struct sinew__tracer *tracer, const char *sentence, uint16_t flags)
{
	union {
		struct sinew__note note;
		char room[sizeof(struct sinew__note) + 512];
	} record = {0};
	size_t length = strnlen(sentence, 511);

	record.note.head = (struct sinew__record){SINEW__RECORD_NOTE,
		(uint16_t)(sizeof record.note + (length + 7) / 8 * 8), 0, flags,
		tracer->header.started};
	record.note.length = (uint32_t)length;
	memcpy(record.note.text, sentence, length);
	pass_on(tracer, &record.note.head);
}

void sinew__tracer_note(struct sinew__tracer *tracer, const char *words)
{
	tell_note(tracer, words, SINEW__NOTE_OF_USER);
}

void sinew__tracer_begin(struct sinew__tracer *tracer, struct sinew__sink sink)
{
	tracer->sink = sink;
	tracer->source->sink = (struct sinew__sink){take, tracer, meet};
	for (unsigned i = 0; i < tracer->sentence_count; i++)
		tell_note(tracer, tracer->sentences[i], 0);
	if (tracer->source->lacks)
		tell_note(tracer, tracer->source->lacks, 0);
}

bool sinew__tracer_has_begun(const struct sinew__tracer *tracer)
{
	return tracer->sink.take;
}

/* ---- COMMAND ---- */

/* Tells by the pipe what execve said; the pipe closes if it worked. */
static void become(char *const *command, void (*in_child)(void), int hold, int tell)
{
	char byte;

	if (hold >= 0 && read(hold, &byte, 1) < 0)
		_exit(NOT_EXECUTABLE);
	in_child();
	execvp(command[0], command);
	int error = errno;
	if (write(tell, &error, sizeof error) < 0)
		error = EIO;
	_exit(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

static int follow(struct sinew__tracer *tracer, const char *name, int hold, int told)
{
	const struct sinew__source_type *type = tracer->source->type;
	int error = 0;

	tracer->pidfd = pidfd_open(tracer->pid, 0);
	int r = type->forked ? type->forked(tracer->source, tracer->pid) : 0;
	if (hold >= 0)
		close(hold);
	while (read(told, &error, sizeof error) < 0 && errno == EINTR)
		;
	if (r == 0 && error)
		r = sinew__observe_fail(error, "%s: %s", name, strerror(error));
	if (r < 0)
		sinew__tracer_status(tracer);
	return r;
}

int sinew__tracer_start(struct sinew__tracer *tracer, char *const *command, void (*in_child)(void))
{
	const struct sinew__source_type *type = tracer->source->type;
	int hold[2] = {-1, -1}, tell[2];

	if (pipe2(tell, O_CLOEXEC) < 0 || (type->held && pipe2(hold, O_CLOEXEC) < 0))
		return sinew__observe_fail(errno, "pipe: %s", strerror(errno));
	if (type->fork)
		type->fork(tracer->source);
	tracer->pid = fork();
	if (tracer->pid == 0) {
		close(hold[1]);
		become(command, in_child, hold[0], tell[1]);
	}
	if (hold[0] >= 0)
		close(hold[0]);
	close(tell[1]);
	int r = tracer->pid < 0 ? sinew__observe_fail(errno, "fork: %s", strerror(errno))
				: follow(tracer, command[0], hold[1], tell[0]);
	close(tell[0]);
	if (tracer->pid > 0)
		tracer->header.target = (uint32_t)tracer->pid;
	return r;
}

/* The source may have a last look at it before it is reaped. */
static bool is_over(const struct sinew__tracer *tracer)
{
	siginfo_t info = {0};

	return tracer->pid > 0 &&
	       waitid(P_PID, (id_t)tracer->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == tracer->pid;
}

static bool has_ended(struct sinew__tracer *tracer)
{
	if (tracer->source->type->over && is_over(tracer))
		tracer->source->type->over(tracer->source);
	if (tracer->pid > 0 && waitpid(tracer->pid, &tracer->status, WNOHANG) == tracer->pid) {
		siginfo_t info;
		/* Whose child it was is asked when a parent asks for children: so once more. */
		waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
		tracer->pid = 0;
	}
	return tracer->pid == 0 && tracer->status >= 0;
}

int sinew__tracer_status(struct sinew__tracer *tracer)
{
	while (tracer->pid > 0) {
		if (waitpid(tracer->pid, &tracer->status, 0) == tracer->pid)
			tracer->pid = 0;
		else if (errno != EINTR)
			break;
	}
	return tracer->status;
}

pid_t sinew__tracer_pid(const struct sinew__tracer *tracer)
{
	return tracer->pid > 0 ? tracer->pid : 0;
}

/* ---- reading ---- */

int sinew__tracer_step(struct sinew__tracer *tracer)
{
	struct pollfd fds[2] = {{tracer->source->fd, POLLIN, 0}, {tracer->pidfd, POLLIN, 0}};

	if (tracer->pid <= 0)
		fds[1].fd = -1;
	poll(fds, 2, PATIENCE);
	bool ended = has_ended(tracer);
	int r = tracer->source->type->read(tracer->source);
	return r < 0 ? r : ended;
}

int sinew__tracer_finish(struct sinew__tracer *tracer)
{
	struct sinew__source *source = tracer->source;
	struct sinew__end *end = &tracer->end;

	int r = source->type->finish(source);
	end->head = (struct sinew__record){SINEW__RECORD_END, sizeof *end, 0, 0, source->ended};
	end->lost = source->lost;
	end->exit_code = tracer->status;
	end->seeding = source->seeding;
	end->seeded = source->seeded;
	tracer->sink.take(tracer->sink.arg, &end->head);
	return r;
}

const struct sinew__end *sinew__tracer_end(const struct sinew__tracer *tracer)
{
	return &tracer->end;
}
