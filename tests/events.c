/* SPDX-License-Identifier: MIT
 *
 * events.c - the rows of the events and what their tests share.
 */
#include "events.h"

#include <dirent.h>
#include <sched.h>
#include <sys/sem.h>

#include "sys.h"

#define EVENTFD                                                                                    \
	{                                                                                          \
		"eventfd", "eventfd:", NULL, false                                                 \
	}
#define EVENTFD_ONE                                                                                \
	{                                                                                          \
		"eventfd-one", "eventfd:?take=one", NULL, false                                    \
	}
#define SEM                                                                                        \
	{                                                                                          \
		"sem", "sem:/sinew-test-%d", NULL, true                                            \
	}
#define SYSVSEM                                                                                    \
	{                                                                                          \
		"sysvsem", "sysvsem:0x%x", NULL, true                                              \
	}
#define SYSVSEM_SET                                                                                \
	{                                                                                          \
		"sysvsem-set", "sysvsem:0x%x?count=5&n=3&undo=no", NULL, true                      \
	}
#define SIGNAL_QUEUED                                                                              \
	{                                                                                          \
		"signal-queued", "signal:self?sig=RTMIN+3", "signal:%d?sig=RTMIN+3", false         \
	}
#define SIGNAL_STANDARD                                                                            \
	{                                                                                          \
		"signal-standard", "signal:self?sig=USR2", "signal:%d?sig=USR2", false             \
	}

static const struct event_row every_rows[] = {
	EVENTFD, EVENTFD_ONE, SEM, SYSVSEM, SYSVSEM_SET, SIGNAL_QUEUED, SIGNAL_STANDARD};
static const struct event_row named_rows[] = {SEM, SYSVSEM, SYSVSEM_SET};
static const struct event_row lasting_rows[] = {SEM, SYSVSEM};

TEST_SUITE(every_event, every_rows);
TEST_SUITE(named_event, named_rows);
TEST_SUITE(lasting_event, lasting_rows);

/* The case's process: children use its names. */
static pid_t first;

__attribute__((constructor)) static void words(void)
{
	test_error_text = sinew_error_text;
}

/* Before anything: where we may, in a namespace where nobody else has System V objects. */
static pid_t name_of_case(void)
{
	if (!first) {
		first = getpid();
		if (unshare(CLONE_NEWIPC) < 0)
			CHECK(geteuid() != 0 || errno == EPERM);
	}
	return first;
}

const char *event_uri(const struct event_row *row, const char *extra, bool posting)
{
	static char uris[4][256];
	static unsigned next;
	char *uri = uris[next++ % 4];
	const char *form = posting && row->posting ? row->posting : row->uri;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int n = snprintf(uri, sizeof uris[0], form, (int)name_of_case());
#pragma GCC diagnostic pop
	if (*extra)
		snprintf(uri + n, sizeof uris[0] - (size_t)n, "%s%s", strchr(uri, '?') ? "&" : "?",
			extra);
	return uri;
}

uint64_t event_bits(const struct event_row *row)
{
	struct sinew_caps caps;

	CHECK_OK(sinew_caps(event_uri(row, "", false), &caps));
	return caps.bits;
}

sinew_event *event_open(const struct event_row *row, unsigned flags, const char *extra)
{
	sinew_event *event = NULL;

	CHECK_OK(sinew_event_open(
		&event, event_uri(row, extra, flags == SINEW_OUT), flags, SINEW_NOW));
	return event;
}

void event_end(const struct event_row *row, sinew_event *event)
{
	CHECK_OK(sinew_event_close(event));
	if (event_bits(row) & SINEW_EVENT_CAP_SURVIVES)
		CHECK_OK(sinew_remove(event_uri(row, "", false)));
}

struct job {
	const struct event_row *row;
	sinew_event *event;
	unsigned flags;
	void (*fn)(sinew_event *);
};

static void run_job(void *arg)
{
	struct job *job = arg;
	bool inherits = event_bits(job->row) & SINEW_EVENT_CAP_RELATIVES;
	sinew_event *event = job->event;

	if (!inherits) {
		sinew_event_close(job->event);
		event = event_open(job->row, job->flags, "");
	}
	job->fn(event);
	sinew_event_close(event);
}

pid_t event_fork(
	const struct event_row *row, sinew_event *event, unsigned flags, void (*fn)(sinew_event *))
{
	struct job job = {row, event, flags, fn};

	return test_fork(run_job, &job);
}

uint64_t event_word(const struct event_row *row, uint64_t n)
{
	return event_bits(row) & SINEW_EVENT_CAP_WORD ? n << 33 | 5 : 1;
}

/* ---- what is left ---- */

static unsigned count_names(const char *path, const char *part)
{
	unsigned n = 0;
	struct dirent *entry;
	DIR *directory = opendir(path);

	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		n += strstr(entry->d_name, part) != NULL;
	closedir(directory);
	return n;
}

static unsigned count_sets(void)
{
	struct seminfo info;
	int n = semctl(0, 0, SEM_INFO, &info);

	return n < 0 ? 0 : (unsigned)info.semusz;
}

struct leavings leavings_now(void)
{
	char mine[32];

	snprintf(mine, sizeof mine, "sinew-test-%d", (int)name_of_case());
	return (struct leavings){
		count_names("/proc/self/fd", ""), count_names("/dev/shm", mine), count_sets()};
}

void leavings_check(struct leavings before)
{
	struct leavings now = leavings_now();

	CHECK_EQ(now.descriptors, before.descriptors);
	CHECK_EQ(now.files, before.files);
	if (geteuid() == 0) /* else others make and remove sets at the same time */
		CHECK_EQ(now.sets, before.sets);
}

/* ---- system calls ---- */

static struct sinew__sys real;
static void (*hook)(void);

#define HOOKED(result, name, parameters, arguments)                                                \
	static result hooked_##name parameters                                                     \
	{                                                                                          \
		hook();                                                                            \
		result r = real.name arguments;                                                    \
		int error = errno;                                                                 \
		hook();                                                                            \
		errno = error;                                                                     \
		return r;                                                                          \
	}
SINEW__SYSCALLS(HOOKED)
#undef HOOKED

void hook_calls(void (*fn)(void))
{
	if (!hook)
		real = sinew__sys;
	hook = fn;
	if (!fn) {
		sinew__sys = real;
		return;
	}
#define HOOK(result, name, parameters, arguments) sinew__sys.name = hooked_##name;
	SINEW__SYSCALLS(HOOK)
#undef HOOK
}

int64_t event_after_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

/* ---- failures ---- */

static unsigned calls_left;
static bool call_failed;

static bool fails(const char *name)
{
	static const char *const spared[] = {"close", "sem_close", "munmap"};

	for (unsigned i = 0; i < sizeof spared / sizeof *spared; i++)
		if (strcmp(name, spared[i]) == 0)
			return false;
	if (calls_left-- > 0)
		return false;
	call_failed = true;
	calls_left = -1u;
	errno = EIO;
	return true;
}

#define FAILURE(result) _Generic((result)0, void * : MAP_FAILED, sem_t * : SEM_FAILED, default : -1)
#define FAILING(result, name, parameters, arguments)                                               \
	static result failing_##name parameters                                                    \
	{                                                                                          \
		return fails(#name) ? FAILURE(result) : real.name arguments;                       \
	}
SINEW__SYSCALLS(FAILING)
#undef FAILING

void failing_calls_begin(unsigned nth)
{
	real = sinew__sys;
	calls_left = nth;
	call_failed = false;
#define FAIL_CALL(result, name, parameters, arguments) sinew__sys.name = failing_##name;
	SINEW__SYSCALLS(FAIL_CALL)
#undef FAIL_CALL
}

bool failing_calls_end(void)
{
	sinew__sys = real;
	return call_failed;
}
