/* SPDX-License-Identifier: MIT
 *
 * mechanisms.c - the rows, and opening their ends.
 */
#include "mechanisms.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channel.h"

enum { RAW_ROWS = 4, SINGLE_ROWS = 34, MOST = 1 << 20 };

const struct mechanism mechanism_rows[] = {
	{"pipe-raw", "pipe", NULL, "frame=raw", true},
	{"fifo-raw", "fifo", "f", "frame=raw", true},
	{"unix-raw", "unix", "s", "frame=raw", false},
	{"tcp-raw", "tcp", "127.0.0.1:0", "frame=raw", false},

	{"pipe", "pipe", NULL, "", true},
	{"pipe-both", "pipe", NULL, "dir=both", true},
	{"pipe-line", "pipe", NULL, "frame=line", true},
	{"fifo", "fifo", "f", "", true},
	{"fifo-chunk", "fifo", "f", "chunk=yes", true},
	{"fifo-one", "fifo", "f", "writers=1", true},
	{"fifo-line", "fifo", "f", "frame=line", true},
	{"unix-pair", "unix", NULL, "type=stream", true},
	{"seqpacket-pair", "unix", NULL, "type=seqpacket", true},
	{"dgram-pair", "unix", NULL, "type=dgram", true},
	{"dgram", "unix", "s", "type=dgram", true},
	{"dgram-abstract", "unix", "@", "type=dgram", true},
	{"dgram-length", "unix", "s", "type=dgram&frame=length", true},
	{"dgram-fds", "unix", "s", "type=dgram&fds=8", true},
	{"seqpacket-pair-length", "unix", NULL, "type=seqpacket&frame=length", true},
	{"udp", "udp", "127.0.0.1:0", "", true},
	{"udp6", "udp", "[::1]:0", "", true},
	{"udp-length", "udp", "127.0.0.1:0", "frame=length", true},
	{"udp-raw", "udp", "127.0.0.1:0", "frame=raw", true},
	{"mq", "mq", "/", "", true},
	{"mq-length", "mq", "/", "frame=length", true},
	{"mq-shape", "mq", "/", "depth=7&msgsize=5K", true},
	{"msgq", "msgq", "q", "", true},
	{"msgq-length", "msgq", "q", "frame=length", true},
	{"msgq-select", "msgq", "0x5e1ec7", "select=5", true},
	{"msgq-thread", "msgq", "q", "poll=thread&id=2", true},
	{"ring-pair", "ring", NULL, "pattern=pair&size=256K", true},
	{"ring-memfd", "ring", "memfd:s", "pattern=pair&size=256K&serve=thread", true},
	{"ring-shm", "ring", "shm:/", "pattern=pair&size=256K", true},
	{"ring-file", "ring", "file:f", "pattern=pair&size=256K", true},
	{"ring-queue", "ring", "shm:/", "pattern=queue&size=256K&lanes=4", true},
	{"ring-queue-memfd", "ring", "memfd:s", "pattern=queue&size=256K&lanes=4&serve=thread",
		true},
	{"ring-topic", "ring", "shm:/", "pattern=topic&size=256K&lanes=4&full=block&from=oldest",
		true},
	{"ring-topic-memfd", "ring", "memfd:s",
		"pattern=topic&size=256K&lanes=4&full=block&from=oldest&serve=thread", true},

	{"unix", "unix", "s", "", false},
	{"unix-one", "unix", "s", "peers=1", true},
	{"unix-fds", "unix", "s", "fds=8", false},
	{"unix-line", "unix", "s", "frame=line", false},
	{"unix-abstract", "unix", "@", "", false},
	{"seqpacket", "unix", "s", "type=seqpacket", false},
	{"seqpacket-one", "unix", "s", "type=seqpacket&peers=1", true},
	{"seqpacket-fds", "unix", "s", "type=seqpacket&fds=8", false},
	{"seqpacket-length", "unix", "s", "type=seqpacket&frame=length", false},
	{"tcp", "tcp", "127.0.0.1:0", "", false},
	{"tcp-one", "tcp", "127.0.0.1:0", "peers=1", true},
	{"tcp-line", "tcp", "127.0.0.1:0", "frame=line", false},
	{"tcp-reconnect", "tcp", "127.0.0.1:0", "reconnect=5s", false},
	{"tcp6", "tcp", "[::1]:0", "", false},
};

const size_t mechanism_count = sizeof mechanism_rows / sizeof *mechanism_rows;

#define SLICE(name_, first_, count_)                                                               \
	{                                                                                          \
		.name = name_, .rows = mechanism_rows + (first_), .count = (count_),               \
		.size = sizeof *mechanism_rows                                                     \
	}

enum { ROWS = sizeof mechanism_rows / sizeof *mechanism_rows };

struct test_suite every_channel = SLICE("channel", 0, ROWS);
struct test_suite framed_channel = SLICE("channel", RAW_ROWS, ROWS - RAW_ROWS);
struct test_suite raw_channel = SLICE("channel", 0, RAW_ROWS);
struct test_suite server_channel =
	SLICE("channel", RAW_ROWS + SINGLE_ROWS, ROWS - RAW_ROWS - SINGLE_ROWS);

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

/* Where we may, each case has queues of its own: what a failed one leaves behind vanishes with it, and
 * the keys that ftok(3) makes of two cases' files, which are often the same, do not meet. */
static void be_private(void)
{
	static bool done;

	if (!done && unshare(CLONE_NEWIPC) < 0)
		errno = 0;
	done = true;
}

static void add_options(char *uri, size_t size, const char *options, const char *extra)
{
	size_t used = strlen(uri);

	snprintf(uri + used, size - used, "%s%s%s%s", *options || *extra ? "?" : "", options,
		*options && *extra ? "&" : "", extra);
}

/* "test-Xy12Zz-123", as no other case is called, nor another process of this one: a process number alone
 * comes again, and may meet what one that was killed has left. */
static const char *own_name(void)
{
	static char name[60];

	snprintf(name, sizeof name, "%s-%d", strrchr(test_tmpdir(), '/') + 1, (int)getpid());
	return name;
}

/* "memfd:word" or "shm:/": the region of a ring. */
static void name_ring(const struct mechanism *m, char *uri, size_t size)
{
	const char *name = strchr(m->place, ':') + 1;
	int kind = (int)(name - m->place);

	if (*name == '/')
		snprintf(uri, size, "%s:%.*s/%s", m->scheme, kind, m->place, own_name());
	else
		snprintf(uri, size, "%s:%.*s%s", m->scheme, kind, m->place, test_path(name));
}

void mechanism_uri(const struct mechanism *m, const char *extra, char *uri, size_t size)
{
	be_private();
	if (!m->place)
		snprintf(uri, size, "%s:", m->scheme);
	else if (*m->place == '@' || *m->place == '/')
		snprintf(uri, size, "%s:%c%s", m->scheme, *m->place, own_name());
	else if (strcmp(m->scheme, "ring") == 0)
		name_ring(m, uri, size);
	else if (strchr(m->place, ':'))
		snprintf(uri, size, "%s:%s", m->scheme, m->place);
	else
		snprintf(uri, size, "%s:%s", m->scheme, test_path(m->place));
	add_options(uri, size, m->options, extra);
}

static struct sinew_caps caps_of(const struct mechanism *m)
{
	struct sinew_caps caps;
	char uri[256];

	mechanism_uri(m, "", uri, sizeof uri);
	CHECK_OK(sinew_caps(uri, &caps));
	return caps;
}

uint64_t mechanism_bits(const struct mechanism *m)
{
	return caps_of(m).bits;
}

uint64_t mechanism_most(const struct mechanism *m)
{
	return caps_of(m).max_message;
}

bool mechanism_is_stream(const struct mechanism *m)
{
	static const char *const packets[] = {"type=seqpacket", "type=dgram"};
	static const char *const schemes[] = {"mq", "msgq", "udp", "ring"};
	bool stream = true;

	for (unsigned i = 0; i < sizeof packets / sizeof *packets; i++)
		stream = stream && !strstr(m->options, packets[i]);
	for (unsigned i = 0; i < sizeof schemes / sizeof *schemes; i++)
		stream = stream && strcmp(m->scheme, schemes[i]) != 0;
	return stream;
}

bool mechanism_is_reliable(const struct mechanism *m)
{
	return mechanism_bits(m) & SINEW_CAP_RELIABLE;
}

bool mechanism_is_server(const struct mechanism *m)
{
	return m >= (const struct mechanism *)server_channel.rows;
}

/* A one-way mechanism must be told which way; the others choose both by themselves. */
static unsigned direction(const struct mechanism *m, unsigned wanted)
{
	return mechanism_bits(m) & SINEW_CAP_BOTH_WAYS ? 0 : wanted;
}

/* What `out` connects to: the name that `in` got, with the options of the row. */
static void find_name(struct ends *e, const char *extra)
{
	CHECK_OK(sinew_name(e->in, e->uri, sizeof e->uri));
	e->uri[strcspn(e->uri, "?")] = '\0';
	add_options(e->uri, sizeof e->uri, e->m->options, extra);
}

/* Threads of channels sleep before we fork: a sanitizer's locks that one held would stay held in a child. */
static void let_threads_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;

	while (tasks && (task = readdir(tasks)))
		if (atoi(task->d_name) > 0 && atoi(task->d_name) != gettid())
			test_blocked(atoi(task->d_name), -1);
	if (tasks)
		closedir(tasks);
}

void ends_listen(const struct mechanism *m, struct ends *e, unsigned flags, const char *extra)
{
	char uri[256];

	*e = (struct ends){.m = m, .flags = flags};
	mechanism_uri(m, extra, uri, sizeof uri);
	if (!m->place) {
		sinew_channel *pair[2];
		CHECK_OK(sinew_pair(pair, uri, flags));
		e->in = pair[0];
		e->out = pair[1];
		return;
	}
	CHECK_OK(sinew_open(&e->in, uri, direction(m, SINEW_IN) | SINEW_LISTEN | flags, SINEW_NOW));
	find_name(e, extra);
	if (strstr(m->options, "serve=thread"))
		let_threads_sleep();
}

sinew_channel *ends_join(struct ends *e, unsigned flags)
{
	sinew_channel *out = e->out;

	if (e->m->place)
		CHECK_OK(sinew_open(&out, e->uri, direction(e->m, SINEW_OUT) | flags, soon()));
	else
		e->out = NULL;
	return out;
}

/* A receive that finds nothing takes the waiting connection. */
static void accept_peer(struct ends *e)
{
	struct sinew_msg msg;
	char byte;

	if (!(e->flags & SINEW_EVENTS) && e->m->place)
		CHECK_ERR(sinew_recv(e->in, &byte, 1, &msg, SINEW_NOW), -EAGAIN);
}

void ends_open(const struct mechanism *m, struct ends *e, unsigned flags, const char *extra)
{
	ends_listen(m, e, flags, extra);
	e->out = ends_join(e, flags);
	accept_peer(e);
}

void ends_close(struct ends *e)
{
	char uri[256];

	sinew_close(e->out);
	sinew_close(e->in);
	e->in = e->out = NULL;
	if (mechanism_bits(e->m) & SINEW_CAP_SURVIVES) {
		mechanism_uri(e->m, "", uri, sizeof uri);
		CHECK_OK(sinew_remove(uri));
	}
}

pid_t ends_fork(struct ends *e, void (*fn)(sinew_channel *, void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid > 0) {
		sinew_close(e->out);
		e->out = NULL;
		return pid;
	}
	sinew_channel *out = e->out;
	if (e->m->place)
		out = ends_join(e, e->flags);
	sinew_close(e->in);
	fn(out, arg);
	CHECK(sinew_close(out) >= 0);
	exit(0);
}

/* ---- pace ---- */

enum { AHEAD = 64 };

static struct pace {
	_Atomic unsigned sent, received;
} * pace; /* shared with children; NULL: nothing may be lost */

void pace_open(const struct mechanism *m)
{
	if (mechanism_is_reliable(m))
		return;
	pace = mmap(
		NULL, 2 * sizeof *pace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(pace != MAP_FAILED);
}

void pace_sent(unsigned stream, unsigned messages)
{
	if (!pace)
		return;
	pace[stream].sent += messages;
	while (pace[stream].sent - pace[stream].received > AHEAD)
		sched_yield();
}

void pace_received(unsigned stream, unsigned messages)
{
	if (pace)
		pace[stream].received += messages;
}

int raw_fd(const sinew_channel *c)
{
	return c->one->wfd;
}

void write_raw(int fd, const void *data, size_t size)
{
	CHECK_EQ(CHECK_SYS(write(fd, data, size)), size);
}

void fill(void *data, size_t size, unsigned seed)
{
	unsigned char *p = data;
	unsigned next = seed % 90 * 31 % 90;

	/* Every 256 bytes it leaps, lest one piece be taken for another. */
	for (size_t i = 0; i < size; i++) {
		p[i] = (unsigned char)('!' + next);
		next += i % 256 == 255 ? 6 : 1;
		next -= next < 90 ? 0 : 90;
	}
}

void send_filled(sinew_channel *out, size_t size, unsigned seed)
{
	char *data = malloc(size + 1);
	struct sinew_msg msg = {.data = data, .size = size};

	fill(data, size, seed);
	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, soon())), 1);
	free(data);
}

void expect_filled(sinew_channel *in, size_t size, unsigned seed)
{
	static char want[MOST + 1], got[MOST + 1];
	struct sinew_msg msg;

	fill(want, size, seed);
	CHECK_EQ(CHECK_OK(sinew_recv(in, got, sizeof got, &msg, soon())), 1);
	CHECK(msg.data == got);
	CHECK_EQ(msg.size, size);
	CHECK_EQ(msg.lost, 0);
	CHECK_EQ(msg.flags, 0);
	CHECK_MEM(got, msg.size, want, size);
}

void expect_end(sinew_channel *in, struct sinew_msg *msg)
{
	char buf[64];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, msg, soon())), SINEW_END);
}

int64_t soon(void)
{
	return test_limit(20000);
}

int64_t after_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

uint64_t calls_of(sinew_channel *c)
{
	struct sinew_stats stats;

	CHECK_OK(sinew_stats(c, &stats));
	return stats.calls;
}
