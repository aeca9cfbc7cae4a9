/* SPDX-License-Identifier: MIT
 *
 * ring_cut.c - the file of a ring is cut short under those who use it: with guard=yes each call gives -EIO
 * or what it has, without it the process ends by SIGBUS.
 */
#include <errno.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

struct shape {
	const char *name, *options;
};

static const struct shape rings[] = {
	{"pair", "pattern=pair&size=8K"},
	{"queue", "pattern=queue&lanes=2&size=8K"},
};

TEST_SUITE(cut, rings);

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

struct plan {
	const struct shape *shape;
	const char *guard;
	off_t size; /* what is left of the file */
};

static const char *path_of(void)
{
	return test_path("ring");
}

static sinew_channel *open_end(const struct plan *plan, unsigned flags)
{
	sinew_channel *channel;
	char uri[400];

	snprintf(
		uri, sizeof uri, "ring:file:%s?%s%s", path_of(), plan->shape->options, plan->guard);
	CHECK_OK(sinew_open(&channel, uri, flags, test_limit(10000)));
	return channel;
}

/* Whether it was cut: else the call did what it always does. */
static bool is_cut(int r)
{
	if (r != -EIO)
		CHECK(r == 1 || r == 0 || r == -EAGAIN || r == -EBADMSG || r == -EPIPE);
	return r == -EIO;
}

static unsigned use(sinew_channel *in, sinew_channel *out)
{
	static char data[3000], buf[3000];
	struct sinew_msg msg = {.data = data, .size = sizeof data}, got;
	unsigned cuts = 0;

	memset(data, 7, sizeof data);
	cuts += is_cut(sinew_recv(in, buf, sizeof buf, &got, SINEW_NOW));
	int r = sinew_take(in, &got, 1, SINEW_NOW);
	cuts += is_cut(r);
	if (r == 1)
		sinew_release(in, &got, 1);
	cuts += is_cut(sinew_send(out, &msg, 1, SINEW_NOW));
	r = sinew_loan(out, 3000, &msg, SINEW_NOW);
	cuts += is_cut(r);
	if (r == 0) {
		memset((void *)(uintptr_t)msg.data, 8, 3000);
		cuts += is_cut(sinew_commit(out, &msg));
	}
	return cuts;
}

/* Both ends, some messages, the cut, and then all kinds of calls. */
static void be_cut(void *arg)
{
	const struct plan *plan = arg;

	signal(SIGBUS, SIG_DFL); /* a sanitizer's would be asked before ours */
	sinew_channel *in = open_end(plan, SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end(plan, SINEW_OUT);
	char data[2000] = {1};
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	unsigned cuts = 0;

	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
	CHECK_SYS(truncate(path_of(), plan->size));
	for (unsigned i = 0; i < 4; i++)
		cuts += use(in, out);
	CHECK(plan->size > 0 || cuts > 12);
	sinew_close(out);
	sinew_close(in);
}

static off_t whole_size(const struct shape *shape)
{
	struct plan plan = {shape, "", 0};
	struct stat st;

	sinew_channel *in = open_end(&plan, SINEW_IN | SINEW_LISTEN);
	CHECK_SYS(stat(path_of(), &st));
	sinew_close(in);
	CHECK_SYS(unlink(path_of()));
	return st.st_size;
}

TEST_EACH(cut, a_guarded_ring_tells, struct shape, s)
{
	const off_t whole = whole_size(s), page = sysconf(_SC_PAGESIZE);

	for (off_t size = 0; size < whole; size += page) {
		struct plan plan = {s, "&guard=yes", size};
		CHECK_EQ(test_wait(test_fork(be_cut, &plan)), 0);
		unlink(path_of());
	}
}

TEST_EACH(cut, another_one_ends_the_process, struct shape, s)
{
	struct plan plan = {s, "", 0};

	CHECK_EQ(test_wait(test_fork(be_cut, &plan)), -SIGBUS);
	unlink(path_of());
}

static void wait_for_ever(void *arg)
{
	sinew_channel *in = open_end(arg, SINEW_IN | SINEW_LISTEN);
	struct sinew_msg msg;
	char buf[16];

	CHECK_ERR(sinew_recv(in, buf, sizeof buf, &msg, SINEW_FOREVER), -EIO);
	sinew_close(in);
}

TEST_EACH(cut, who_sleeps_is_told, struct shape, s)
{
	for (unsigned kept = 0; kept < 2; kept++) {
		struct plan plan = {s, "&guard=yes&wait=power", 0};
		pid_t pid = test_fork(wait_for_ever, &plan);
		test_blocked(pid, -1);
		CHECK_SYS(truncate(path_of(), (off_t)kept * sysconf(_SC_PAGESIZE)));
		CHECK_EQ(test_wait(pid), 0);
		unlink(path_of());
	}
}

TEST(a_memfd_needs_no_guard)
{
	sinew_channel *channel;
	char uri[400];

	snprintf(uri, sizeof uri, "ring:memfd:%s?guard=yes", test_path("sock"));
	CHECK_ERR(sinew_open(&channel, uri, SINEW_IN | SINEW_LISTEN, test_limit(1000)), -EINVAL);
}
