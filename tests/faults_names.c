/* SPDX-License-Identifier: MIT
 *
 * faults_names.c - names that are taken, forbidden, stale, alive, or gone when we come to remove
 * them: what is not ours stays as it was, and nothing of ours stays behind.
 */
#include "faults.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { NOBODY = 65534 };

/* ---- something else stands there ---- */

struct thing {
	const char *name;
	mode_t kind;
};

static const struct thing things[] = {
	{"file", S_IFREG}, {"directory", S_IFDIR}, {"fifo", S_IFIFO}, {"socket", S_IFSOCK}};

TEST_SUITE(taken_by, things);

static void make_thing(const char *path, mode_t kind)
{
	if (kind == S_IFDIR)
		CHECK_SYS(mkdir(path, 0700));
	else
		CHECK_SYS(mknod(path, kind | 0600, 0));
}

/* Whoever asks for a name that is something else is told so at once and leaves it alone. */
static void check_taken(const char *uri, unsigned flags, const char *path)
{
	struct stat before, after;
	sinew_channel *channel;
	int64_t start = test_now();

	CHECK_SYS(lstat(path, &before));
	CHECK_ERR(sinew_open(&channel, uri, flags, soon(5000)), -EEXIST);
	CHECK(test_now() - start < INT64_C(3000000000));
	CHECK(strstr(sinew_error_text(), path));
	CHECK_SYS(lstat(path, &after));
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_EQ(before.st_mode, after.st_mode);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

TEST_EACH(taken_by, unix_listens, struct thing, thing)
{
	static const char *const types[] = {"stream", "seqpacket", "dgram"};
	char uri[300];

	if (thing->kind == S_IFSOCK) { /* a socket nobody listens at is stale: it is replaced */
		sinew_channel *channel;
		make_thing(test_path("x"), thing->kind);
		snprintf(uri, sizeof uri, "unix:%s", test_path("x"));
		CHECK_OK(sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW));
		CHECK_OK(sinew_close(channel));
		CHECK_EQ(count_entries(test_tmpdir()), 0);
		return;
	}
	make_thing(test_path("x"), thing->kind);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(uri, sizeof uri, "unix:%s?type=%s", test_path("x"), types[i]);
		check_taken(uri, SINEW_LISTEN, test_path("x"));
	}
}

TEST_EACH(taken_by, unix_connects, struct thing, thing)
{
	sinew_channel *channel;
	char uri[300];

	make_thing(test_path("x"), thing->kind);
	snprintf(uri, sizeof uri, "unix:%s", test_path("x"));
	if (thing->kind == S_IFSOCK)
		CHECK_ERR(sinew_open(&channel, uri, 0, soon(20)), -ECONNREFUSED);
	else
		check_taken(uri, 0, test_path("x"));
}

TEST_EACH(taken_by, fifo_receives, struct thing, thing)
{
	sinew_channel *channel;
	char uri[300];

	make_thing(test_path("x"), thing->kind);
	snprintf(uri, sizeof uri, "fifo:%s", test_path("x"));
	if (thing->kind != S_IFIFO) {
		check_taken(uri, SINEW_IN, test_path("x"));
		return;
	}
	CHECK_OK(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW));
	CHECK_OK(sinew_close(channel));
	CHECK_EQ(count_entries(test_tmpdir()), 1); /* not made by us, so it stays */
}

TEST_EACH(taken_by, fifo_sends, struct thing, thing)
{
	sinew_channel *channel;
	char uri[300];

	make_thing(test_path("x"), thing->kind);
	snprintf(uri, sizeof uri, "fifo:%s", test_path("x"));
	if (thing->kind != S_IFIFO)
		check_taken(uri, SINEW_OUT, test_path("x"));
	else
		CHECK(sinew_open(&channel, uri, SINEW_OUT, soon(20)) < 0);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

/* ---- no right ---- */

struct attempt {
	char uri[300];
	unsigned flags;
	int error;
	const char *words;
};

static void try_as_nobody(void *argument)
{
	struct attempt *attempt = argument;
	sinew_channel *channel;

	CHECK_ERR(sinew_open(&channel, attempt->uri, attempt->flags, soon(2000)), attempt->error);
	CHECK(strstr(sinew_error_text(), attempt->words));
}

static void check_denied(struct attempt *attempt)
{
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_EQ(test_wait(test_fork_as(NOBODY, try_as_nobody, attempt)), 0);
}

TEST(another_user_mode_of_fifo)
{
	struct attempt attempt = {.flags = SINEW_OUT, .error = -EACCES, .words = "ermission"};
	sinew_channel *channel;

	snprintf(attempt.uri, sizeof attempt.uri, "fifo:%s?mode=0600", test_path("x"));
	CHECK_OK(sinew_open(&channel, attempt.uri, SINEW_IN, SINEW_NOW));
	check_denied(&attempt);
	CHECK_OK(sinew_close(channel));
}

TEST_EACH(sockets, another_user_mode, struct mechanism, m)
{
	struct attempt attempt = {.error = -EACCES, .words = "ermission"};
	struct place place;

	place_init(&place, m);
	sinew_channel *channel = open_reader(&place, "mode=0600", 0);
	snprintf(attempt.uri, sizeof attempt.uri, "%s", place_uri(&place, false, ""));
	check_denied(&attempt);
	CHECK_OK(sinew_close(channel));
	channel = open_reader(&place, "mode=0666", 0);
	struct stat st;
	CHECK_SYS(lstat(strchr(place.uri, ':') + 1, &st));
	CHECK_EQ(st.st_mode & 0777, 0666);
	CHECK_OK(sinew_close(channel));
}

TEST_EACH(sockets, another_user_directory, struct mechanism, m)
{
	struct attempt attempt = {.flags = SINEW_LISTEN, .error = -EACCES, .words = "ermission"};
	struct place place;

	place_init(&place, m);
	snprintf(attempt.uri, sizeof attempt.uri, "%s", place_uri(&place, true, ""));
	check_denied(&attempt);
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

TEST(another_user_directory_of_fifo)
{
	struct attempt attempt = {.flags = SINEW_IN, .error = -EACCES, .words = "ermission"};

	snprintf(attempt.uri, sizeof attempt.uri, "fifo:%s", test_path("x"));
	check_denied(&attempt);
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

static void send_as_nobody(void *argument)
{
	struct attempt *attempt = argument;
	sinew_channel *channel = NULL;

	int r = sinew_open(&channel, attempt->uri, SINEW_OUT, soon(5000));
	if (r == 0) {
		send_message(channel, 10, 1, soon(5000));
		sinew_close(channel);
	}
}

/* allow= turns the other user away, counts it, and goes on with those it names. */
TEST_EACH(sockets, another_user_not_allowed, struct mechanism, m)
{
	struct attempt attempt = {0};
	struct sinew_stats stats;
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "allow=0&mode=0666", 0);
	snprintf(attempt.uri, sizeof attempt.uri, "%s", place_uri(&place, false, ""));
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_EQ(test_wait(test_fork_as(NOBODY, send_as_nobody, &attempt)), 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 20, 2, soon(5000)), 1);
	expect_message(reader, 20, 2, 0);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.refused, 1);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
}

/* ---- a name that lives ---- */

/* Nobody of any type takes a live name away, and its owner does not even notice the attempt. */
TEST_EACH(sockets, live_is_left_alone, struct mechanism, m)
{
	static const char *const types[] = {"stream", "seqpacket", "dgram"};
	struct sinew_stats stats;
	struct place place;
	sinew_channel *other;
	char uri[300];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(uri, sizeof uri, "%s?type=%s", place.uri, types[i]);
		CHECK_ERR(sinew_open(&other, uri, SINEW_LISTEN, SINEW_NOW), -EADDRINUSE);
		CHECK_ERR(sinew_remove(uri), -EBUSY);
		CHECK_EQ(count_entries(test_tmpdir()), 1);
	}
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 20, 2, soon(5000)), 1);
	expect_message(reader, 20, 2, 0);
	CHECK_OK(sinew_stats(reader, &stats));
	CHECK_EQ(stats.joined, 1);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

/* Whoever connects with another type than the owner's hears so at once. */
TEST_EACH(sockets, wrong_type, struct mechanism, m)
{
	const char *type = m->socket_type == SOCK_STREAM ? "seqpacket" : "stream";
	struct place place;
	sinew_channel *other;
	char uri[300];

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, "", 0);
	snprintf(uri, sizeof uri, "%s?type=%s", place.uri, type);
	CHECK_ERR(sinew_open(&other, uri, SINEW_OUT, soon(5000)), -EPROTOTYPE);
	CHECK(strstr(sinew_error_text(), "type="));
	CHECK_OK(sinew_close(reader));
}

static void listen_until_killed(void *argument)
{
	open_reader(argument, "", 0);
	raise(SIGKILL);
}

static void leave_stale(struct place *place)
{
	CHECK_EQ(test_wait(test_fork(listen_until_killed, place)), -SIGKILL);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

TEST_EACH(sockets, stale_is_replaced, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	leave_stale(&place);
	sinew_channel *reader = open_reader(&place, "", 0);
	sinew_channel *writer = open_writer(&place, "", 0);
	CHECK_EQ(send_message(writer, 20, 2, soon(5000)), 1);
	expect_message(reader, 20, 2, 0);
	CHECK_OK(sinew_close(writer));
	CHECK_OK(sinew_close(reader));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

TEST_EACH(sockets, stale_is_removed, struct mechanism, m)
{
	struct place place;

	place_init(&place, m);
	CHECK_ERR(sinew_remove(place_uri(&place, true, "")), -ENOENT);
	leave_stale(&place);
	CHECK_OK(sinew_remove(place_uri(&place, true, "")));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

TEST_EACH(taken_by, never_removed, struct thing, thing)
{
	char uri[300];

	make_thing(test_path("x"), thing->kind);
	if (thing->kind != S_IFSOCK) {
		snprintf(uri, sizeof uri, "unix:%s", test_path("x"));
		CHECK_ERR(sinew_remove(uri), -EEXIST);
	}
	if (thing->kind != S_IFIFO) {
		snprintf(uri, sizeof uri, "fifo:%s", test_path("x"));
		CHECK_ERR(sinew_remove(uri), -EEXIST);
	}
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

TEST(remove_fifo)
{
	sinew_channel *channel;
	char uri[300];

	snprintf(uri, sizeof uri, "fifo:%s", test_path("x"));
	CHECK_ERR(sinew_remove(uri), -ENOENT);
	CHECK_OK(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW));
	CHECK_ERR(sinew_remove(uri), -EBUSY);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
	CHECK_OK(sinew_close(channel));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
	make_thing(test_path("x"), S_IFIFO);
	CHECK_OK(sinew_remove(uri));
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}

TEST(remove_what_leaves_nothing)
{
	CHECK_ERR(sinew_remove("tcp:127.0.0.1:7000"), -EOPNOTSUPP);
	CHECK_ERR(sinew_remove("pipe:read=0"), -EOPNOTSUPP);
	CHECK_ERR(sinew_remove("unix:@x"), -EOPNOTSUPP);
	CHECK_ERR(sinew_remove("unix:"), -EINVAL);
	CHECK_ERR(sinew_remove("fifo:"), -EINVAL);
}

/* ---- what is left at close ---- */

static void check_keep(const struct mechanism *m, const char *options, unsigned left)
{
	struct place place;

	place_init(&place, m);
	sinew_channel *reader = open_reader(&place, options, 0);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
	CHECK_OK(sinew_close(reader));
	CHECK_EQ(count_entries(test_tmpdir()), left);
}

static void check_foreign(const struct mechanism *m)
{
	struct place place;

	place_init(&place, m);
	const char *path = strchr(place.uri, ':') + 1;
	sinew_channel *reader = open_reader(&place, "", 0);
	CHECK_SYS(rename(path, test_path("moved")));
	make_thing(path, S_IFSOCK);
	CHECK_OK(sinew_close(reader));
	CHECK_EQ(count_entries(test_tmpdir()), 2);
	CHECK_SYS(unlink(path));
	reader = open_reader(&place, "", 0);
	CHECK_SYS(unlink(path));
	CHECK_OK(sinew_close(reader)); /* gone already: nothing to do */
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

TEST_EACH(sockets, vanishes_at_close, struct mechanism, m)
{
	check_keep(m, "", 0);
}

TEST_EACH(sockets, stays_if_asked, struct mechanism, m)
{
	check_keep(m, "keep=1", 1);
}

TEST_EACH(sockets, others_name_stays, struct mechanism, m)
{
	check_foreign(m);
}

static const struct mechanism fifo_row = {
	.name = "fifo", .base = "fifo:%s/name", .options = "writers=1&"};

TEST(fifo_vanishes_at_close)
{
	check_keep(&fifo_row, "", 0);
}

TEST(fifo_stays_if_asked)
{
	check_keep(&fifo_row, "keep=1", 1);
}

TEST(fifo_others_name_stays)
{
	struct place place;

	place_init(&place, &fifo_row);
	const char *path = strchr(place.uri, ':') + 1;
	sinew_channel *reader = open_reader(&place, "", 0);
	CHECK_SYS(rename(path, test_path("moved")));
	make_thing(path, S_IFIFO);
	CHECK_OK(sinew_close(reader));
	CHECK_EQ(count_entries(test_tmpdir()), 2);
}

/* ---- no room, no directory ---- */

TEST_EACH(sockets, no_directory, struct mechanism, m)
{
	struct mechanism deep = *m;
	struct place place;
	sinew_channel *channel;

	deep.base = "unix:%s/missing/name";
	place_init(&place, &deep);
	CHECK_ERR(try_reader(&channel, &place, "", 0), -ENOENT);
	deep.base = "unix:%s/file/name";
	make_thing(test_path("file"), S_IFREG);
	place_init(&place, &deep);
	CHECK_ERR(try_reader(&channel, &place, "", 0), -ENOTDIR);
	CHECK_EQ(count_entries(test_tmpdir()), 1);
}

static void mount_small(const char *options, unsigned long flags)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("mounting a file system needs root");
	CHECK_SYS(mkdir(test_path("disk"), 0755));
	CHECK_SYS(mount("tmpfs", test_path("disk"), "tmpfs", flags, options));
}

/* With room for so many names: each step of publishing one fails in its turn. */
static void check_full_disk(const struct mechanism *m, unsigned names)
{
	struct place place;
	sinew_channel *channel;
	char options[64];

	snprintf(options, sizeof options, "nr_inodes=%u", 1 + names);
	CHECK_SYS(mount("tmpfs", test_path("disk"), "tmpfs", MS_REMOUNT, options));
	place_init(&place, m);
	int r = try_reader(&channel, &place, "", 0);
	if (r == 0)
		CHECK_OK(sinew_close(channel));
	else
		CHECK_EQ(r, -ENOSPC);
	CHECK_EQ(count_entries(test_path("disk")), 0);
}

TEST(full_disk)
{
	static const struct mechanism rows[] = {
		{.name = "fifo", .base = "fifo:%s/disk/name", .options = "mode=0600&"},
		{.name = "stream", .base = "unix:%s/disk/name", .options = ""},
		{.name = "dgram", .base = "unix:%s/disk/name", .options = "type=dgram&"}};

	mount_small("nr_inodes=1", 0);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned names = 0; names < 4; names++)
			check_full_disk(&rows[i], names);
	CHECK_SYS(umount(test_path("disk")));
}

TEST(read_only_disk)
{
	sinew_channel *channel;
	char uri[300];

	mount_small("", MS_RDONLY);
	snprintf(uri, sizeof uri, "unix:%s/disk/name", test_tmpdir());
	CHECK_ERR(sinew_open(&channel, uri, SINEW_LISTEN, SINEW_NOW), -EROFS);
	snprintf(uri, sizeof uri, "fifo:%s/disk/name", test_tmpdir());
	CHECK_ERR(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW), -EROFS);
	CHECK_SYS(umount(test_path("disk")));
}
