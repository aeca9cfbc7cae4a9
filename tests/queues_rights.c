/* SPDX-License-Identifier: MIT
 *
 * queues_rights.c - mode=, owner= and group= with two real users, on everything that makes a name: one
 * may only take, the other only add, and each is refused the rest in words.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include "queues.h"

enum { TAKER = 54001, ADDER = 54002, GROUP = 54003 };

struct named {
	const char *name;
	const char *format; /* of a URI; %s: a path */
	const char *made;   /* options of who makes it */
	bool connects;      /* taking is listening, which is never a matter of mode= */
};

static const struct named rows[] = {
	{"mq", "mq:/sinew-rights", "mode=0402&", false},
	{"msgq", "msgq:%s", "mode=0402&", false},
	{"fifo", "fifo:%s", "mode=0402&keep=yes&", false},
	{"unix-stream", "unix:%s", "mode=0602&", true},
	{"unix-seqpacket", "unix:%s?type=seqpacket", "mode=0602&", true},
	{"unix-dgram", "unix:%s?type=dgram", "mode=0602&", true},
};

TEST_SUITE(named, rows);

struct attempt {
	char uri[300];
	unsigned flags;
	int error;
	const char *text; /* to send, or to receive */
};

static const char *uri_of(const struct named *n, const char *options)
{
	static char uri[300];
	char base[200];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(base, sizeof base, n->format, test_path("q"));
#pragma GCC diagnostic pop
	snprintf(uri, sizeof uri, "%s%c%s", base, strchr(base, '?') ? '&' : '?', options);
	return uri;
}

static void attempt_it(void *arg)
{
	const struct attempt *a = arg;
	sinew_channel *channel = NULL;

	int r = sinew_open(&channel, a->uri, a->flags, queue_soon());
	if (a->error) {
		CHECK_ERR(r, a->error);
		CHECK(strstr(sinew_error_text(), "ermission denied"));
		CHECK(strstr(sinew_error_text(), a->uri));
		return;
	}
	CHECK_OK(r);
	if (a->flags & SINEW_OUT)
		queue_must_send(channel, a->text);
	else
		queue_expect(channel, a->text);
	sinew_close(channel);
}

static void attempt_as(
	uid_t uid, const struct named *n, unsigned flags, int error, const char *text)
{
	struct attempt a = {.flags = flags, .error = error, .text = text};

	snprintf(a.uri, sizeof a.uri, "%s", uri_of(n, "create=no"));
	if (n->connects) /* has no such option */
		*(strstr(a.uri, "create=no") - 1) = '\0';
	CHECK_EQ(test_wait(test_fork_as(uid, attempt_it, &a)), 0);
}

static void become_sure(void)
{
	if (getuid() != 0)
		SKIP("becoming another user is for root alone");
	queue_private();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
}

static sinew_channel *make(const struct named *n, const char *more)
{
	sinew_channel *channel = NULL;
	char options[100];

	snprintf(options, sizeof options, "%s%s", n->made, more);
	CHECK_OK(sinew_open(&channel, uri_of(n, options), SINEW_IN | SINEW_LISTEN, SINEW_NOW));
	return channel;
}

static void clear(const struct named *n)
{
	if (strncmp(n->format, "unix", 4) != 0)
		CHECK_OK(sinew_remove(uri_of(n, "")));
}

/* Made by us, given to one who may only take; everybody else may only add. */
TEST_EACH(named, one_takes_and_another_adds, struct named, n)
{
	char more[60];

	become_sure();
	snprintf(more, sizeof more, "owner=%d", TAKER);
	sinew_channel *maker = make(n, more);
	if (n->connects) { /* who takes is who listens, here the maker */
		attempt_as(TAKER, n, SINEW_OUT, 0, "owner");
		queue_expect(maker, "owner");
		attempt_as(ADDER, n, SINEW_OUT, 0, "added");
		queue_expect(maker, "added");
	} else {
		attempt_as(TAKER, n, SINEW_OUT, -EACCES, "");
		attempt_as(ADDER, n, SINEW_IN, -EACCES, "");
		attempt_as(ADDER, n, SINEW_OUT, 0, "added");
		if (strcmp(n->name, "fifo") == 0)
			queue_expect(maker, "added"); /* a fifo without a reader holds nothing */
		else
			attempt_as(TAKER, n, SINEW_IN, 0, "added");
	}
	sinew_close(maker);
	clear(n);
}

/* Nobody but the owner may add. */
TEST_EACH(named, a_stranger_may_do_nothing, struct named, n)
{
	sinew_channel *maker = NULL;
	char options[100];

	become_sure();
	snprintf(options, sizeof options, "mode=0600&owner=%d", ADDER);
	CHECK_OK(sinew_open(&maker, uri_of(n, options), SINEW_IN | SINEW_LISTEN, SINEW_NOW));
	attempt_as(TAKER, n, SINEW_OUT, -EACCES, "");
	if (!n->connects)
		attempt_as(TAKER, n, SINEW_IN, -EACCES, "");
	attempt_as(ADDER, n, SINEW_OUT, 0, "mine");
	queue_expect(maker, "mine");
	sinew_close(maker);
	if (strcmp(n->name, "fifo") != 0) /* its maker took it along */
		clear(n);
}

/* The rights of the object itself. */
static void look(const struct named *n, uid_t *uid, gid_t *gid, mode_t *mode)
{
	struct stat st;
	struct msqid_ds ds;

	if (strcmp(n->name, "mq") == 0) {
		int fd = CHECK_SYS(mq_open("/sinew-rights", O_RDONLY | O_CLOEXEC));
		CHECK_SYS(fstat(fd, &st));
		close(fd);
	} else {
		CHECK_SYS(lstat(test_path("q"), &st));
	}
	*uid = st.st_uid;
	*gid = st.st_gid;
	*mode = st.st_mode & 0777;
	if (strcmp(n->name, "msgq") != 0)
		return;
	int id = CHECK_SYS(msgget(ftok(test_path("q"), 1), 0));
	CHECK_SYS(msgctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.msg_perm.uid, *uid);
	CHECK_EQ(ds.msg_perm.gid, *gid);
	CHECK_EQ(ds.msg_perm.mode & 0777, *mode);
}

static void check_rights(
	const struct named *n, const char *options, uid_t uid, gid_t gid, mode_t mode)
{
	sinew_channel *maker = NULL;
	mode_t is_mode;
	uid_t is_uid;
	gid_t is_gid;

	CHECK_OK(sinew_open(&maker, uri_of(n, options), SINEW_IN | SINEW_LISTEN, SINEW_NOW));
	look(n, &is_uid, &is_gid, &is_mode);
	CHECK_EQ(is_uid, uid);
	CHECK_EQ(is_gid, gid);
	CHECK_EQ(is_mode, mode);
	sinew_close(maker);
	sinew_remove(uri_of(n, ""));
}

/* Whatever the umask; without any of them what it leaves. */
TEST_EACH(named, they_are_exactly_what_was_said, struct named, n)
{
	char options[100];

	become_sure();
	umask(077);
	check_rights(n, "mode=0626", 0, 0, 0626);
	snprintf(options, sizeof options, "mode=0640&owner=%d&group=%d", TAKER, GROUP);
	check_rights(n, options, TAKER, GROUP, 0640);
	umask(027);
	snprintf(options, sizeof options, "group=%d", GROUP);
	check_rights(n, options, 0, GROUP, 0640);
	check_rights(n, "", 0, 0, n->connects ? 0750 : 0640);
}

static void give_away(void *arg)
{
	const struct named *n = arg;
	sinew_channel *maker = NULL;
	char options[60];

	snprintf(options, sizeof options, "owner=%d", ADDER);
	CHECK_ERR(
		sinew_open(&maker, uri_of(n, options), SINEW_IN | SINEW_LISTEN, SINEW_NOW), -EPERM);
	CHECK_ERR(sinew_remove(uri_of(n, "")), -ENOENT);
}

/* Nothing stays behind of what could not be given away. */
TEST_EACH(named, giving_away_is_for_the_privileged, struct named, n)
{
	become_sure();
	CHECK_SYS(chmod(test_tmpdir(), 0777));
	CHECK_EQ(test_wait(test_fork_as(TAKER, give_away, (void *)(uintptr_t)n)), 0);
}

TEST(owners_are_refused_where_there_are_none)
{
	static const char *const uris[] = {"pipe:?owner=1", "pipe:?group=1",
		"tcp:127.0.0.1:0?owner=1", "tcp:127.0.0.1:0?group=1"};
	sinew_channel *channel = NULL;
	struct sinew_caps caps;

	for (unsigned i = 0; i < sizeof uris / sizeof *uris; i++) {
		CHECK_ERR(sinew_caps(uris[i], &caps), -EINVAL);
		CHECK(strstr(sinew_error_text(), "owner"));
		CHECK_ERR(
			sinew_open(&channel, uris[i], SINEW_LISTEN | SINEW_IN, SINEW_NOW), -EINVAL);
	}
	CHECK_ERR(sinew_open(&channel, "unix:@sinew-rights?owner=1", SINEW_LISTEN, SINEW_NOW),
		-EINVAL);
	CHECK(strstr(sinew_error_text(), "abstract"));
}
