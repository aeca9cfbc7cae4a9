/* SPDX-License-Identifier: MIT
 *
 * region_faults.c - full file systems, foreign objects, other users, impostors, and peers that cut a
 * region short: an error at open, in words, and never a signal later.
 */
#include <linux/memfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "regions.h"

enum { SIZE = 10000, NOBODY = 65534, OTHER = 65533 };

static const struct region_row by_name[] = {{"shm", "shm", ""}, {"file", "file", ""}};
TEST_SUITE(named_region, by_name);

/* The file behind the row's name. */
static const char *path_of(const struct region_row *row)
{
	static char path[600];
	const char *rest = strchr(region_uri(row, ""), ':') + 1;

	snprintf(path, sizeof path, "%s%.*s", *row->scheme == 's' ? "/dev/shm" : "",
		(int)strcspn(rest, "?"), rest);
	return path;
}

static int try_open(const struct region_row *row, const char *options, unsigned flags)
{
	sinew_region *region = NULL;

	int r = sinew_region_open(&region, region_uri(row, options), 0, flags, SINEW_NOW);
	CHECK_OK(sinew_region_close(region));
	return r;
}

/* ---- no room ---- */

static void mount_small(const char *place)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0 ||
		mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("mounting a file system needs root");
	CHECK_SYS(mount("tmpfs", place, "tmpfs", 0, "size=64k,mode=1777"));
}

static void check_full(const struct region_row *row, const char *uri)
{
	sinew_region *region = NULL, *second = NULL;

	CHECK_ERR(sinew_region_open(&region, uri, 68 << 10, 0, soon(5000)), -ENOSPC);
	CHECK(strstr(sinew_error_text(), "69632") && strstr(sinew_error_text(), "65536 are free"));
	CHECK(region_is_gone(row));
	CHECK_OK(sinew_region_open(&region, uri, 40 << 10, 0, soon(5000)));
	char other[512];
	snprintf(other, sizeof other, "%.*s2", (int)strcspn(uri, "?"), uri);
	CHECK_ERR(sinew_region_open(&second, other, 40 << 10, 0, soon(5000)), -ENOSPC);
	CHECK(strstr(sinew_error_text(), "24576 are free"));
	region_fill(sinew_region_data(region), 40 << 10, 1); /* all of it is there */
	CHECK_OK(sinew_region_close(region));
	CHECK_OK(sinew_remove(uri));
	CHECK(region_is_gone(row));
}

TEST(full_shm)
{
	mount_small("/dev/shm");
	check_full(&by_name[0], region_uri(&by_name[0], ""));
}

TEST(full_disk)
{
	char uri[256];

	CHECK_SYS(mkdir(test_path("disk"), 0755));
	mount_small(test_path("disk"));
	snprintf(uri, sizeof uri, "file:%s/region", test_path("disk"));
	check_full(&by_name[1], uri);
	CHECK_EQ(count_entries(test_path("disk")), 0);
	CHECK_SYS(umount(test_path("disk")));
}

/* A foreign, sparse file gets its space when we attach to write, or we do not attach. */
TEST(sparse_files_are_filled_or_refused)
{
	sinew_region *region = NULL;
	char uri[256];

	CHECK_SYS(mkdir(test_path("disk"), 0755));
	mount_small(test_path("disk"));
	snprintf(uri, sizeof uri, "%s/disk/sparse", test_tmpdir());
	int fd = CHECK_SYS(open(uri, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	snprintf(uri, sizeof uri, "file:%s/disk/sparse", test_tmpdir());
	CHECK_SYS(ftruncate(fd, 1 << 20));
	CHECK_ERR(sinew_region_open(&region, uri, 0, 0, SINEW_NOW), -ENOSPC);
	CHECK_SYS(ftruncate(fd, 32 << 10));
	CHECK_OK(sinew_region_open(&region, uri, 0, 0, SINEW_NOW));
	struct stat st;
	CHECK_SYS(fstat(fd, &st));
	CHECK(st.st_blocks * 512 >= 32 << 10);
	CHECK_OK(sinew_region_close(region));
	close(fd);
	CHECK_SYS(umount(test_path("disk")));
}

TEST_EACH(every_region, larger_than_a_file_may_be, struct region_row, row)
{
	const struct rlimit small = {8192, 8192};
	sinew_region *region = NULL;

	region_place();
	if (strcmp(row->scheme, "sysvshm") == 0) {
		CHECK_ERR(sinew_region_open(
				  &region, region_uri(row, ""), (size_t)1 << 62, 0, SINEW_NOW),
			-ENOMEM);
	} else {
		CHECK_SYS(setrlimit(RLIMIT_FSIZE, &small));
		CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, 0, SINEW_NOW),
			-EFBIG);
		CHECK(strstr(sinew_error_text(), "ulimit -f"));
	}
	CHECK(region == NULL && region_is_gone(row));
}

/* ---- something else stands there ---- */

static void check_taken(const struct region_row *row)
{
	sinew_region *region = NULL;
	struct stat before, after;
	int64_t start = test_now();

	CHECK_SYS(lstat(path_of(row), &before));
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, 0, soon(5000)), -EEXIST);
	CHECK_ERR(
		sinew_region_open(&region, region_uri(row, ""), 0, SINEW_IN, soon(5000)), -EEXIST);
	CHECK(test_now() - start < INT64_C(3000000000));
	CHECK_SYS(lstat(path_of(row), &after));
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_EQ(before.st_mode, after.st_mode);
	if (!S_ISREG(before.st_mode))
		CHECK_ERR(sinew_remove(region_uri(row, "")), -EEXIST);
	CHECK_SYS(remove(path_of(row)));
	CHECK(region_is_gone(row));
}

TEST_EACH(named_region, the_name_is_something_else, struct region_row, row)
{
	static const mode_t kinds[] = {S_IFDIR, S_IFIFO, S_IFSOCK, S_IFREG};

	region_place();
	for (unsigned i = 0; i < 4; i++) {
		if (kinds[i] == S_IFDIR)
			CHECK_SYS(mkdir(path_of(row), 0700));
		else
			CHECK_SYS(mknod(path_of(row), kinds[i] | 0600, 0));
		check_taken(row);
	}
	CHECK_SYS(symlink("/etc/passwd", path_of(row)));
	check_taken(row);
}

TEST(memfd_name_is_something_else)
{
	static const struct region_row row = {"memfd", "memfd", ""};
	static const mode_t kinds[] = {S_IFDIR, S_IFIFO, S_IFREG};

	for (unsigned i = 0; i < 3; i++) {
		if (kinds[i] == S_IFDIR)
			CHECK_SYS(mkdir(path_of(&row), 0700));
		else
			CHECK_SYS(mknod(path_of(&row), kinds[i] | 0600, 0));
		check_taken(&row);
	}
}

/* ---- rights ---- */

struct visit {
	const struct region_row *row;
	const char *options;
	unsigned flags;
	int expected;
};

static void visit(void *context)
{
	const struct visit *v = context;

	CHECK_EQ(try_open(v->row, v->options, v->flags), v->expected);
}

static void check_visit(
	const struct region_row *row, const char *options, unsigned flags, int expected)
{
	struct visit v = {row, options, flags, expected};

	CHECK_EQ(test_wait(test_fork_as(NOBODY, visit, &v)), 0);
}

TEST_EACH(named_region, another_user, struct region_row, row)
{
	sinew_region *region = NULL;
	struct stat st;

	region_place();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	umask(077);
	region_uri(row, "");
	CHECK_OK(sinew_region_open(&region, region_uri(row, ""), SIZE, 0, SINEW_NOW));
	CHECK_SYS(stat(path_of(row), &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
	check_visit(row, "", 0, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);

	CHECK_OK(sinew_region_open(&region, region_uri(row, "mode=0644"), SIZE, 0, SINEW_NOW));
	CHECK_SYS(stat(path_of(row), &st));
	CHECK_EQ(st.st_mode & 07777, 0644);
	check_visit(row, "", 0, -EACCES);
	check_visit(row, "", SINEW_IN, 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

/* Who may write may truncate: refused, from whichever side, unless trusted. */
TEST_EACH(named_region, another_user_could_truncate, struct region_row, row)
{
	sinew_region *region = NULL;

	region_place();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_OK(sinew_region_open(&region, region_uri(row, "mode=0666"), SIZE, 0, SINEW_NOW));
	check_visit(row, "", 0, -EPERM);
	check_visit(row, "trust=yes", 0, 0);
	CHECK_EQ(try_open(row, "", SINEW_IN), -EPERM);
	CHECK(strstr(sinew_error_text(), "0666") && strstr(sinew_error_text(), "trust=yes"));
	CHECK_SYS(chmod(path_of(row), 0620));
	CHECK_EQ(try_open(row, "", 0), -EPERM);
	CHECK_SYS(chmod(path_of(row), 0644));
	CHECK_EQ(try_open(row, "", 0), 0);
	CHECK_SYS(chown(path_of(row), OTHER, -1));
	CHECK_EQ(try_open(row, "", 0), -EPERM);
	CHECK(strstr(sinew_error_text(), "65533"));
	check_visit(row, "", SINEW_IN, -EPERM);
	check_visit(row, "trust=yes", SINEW_IN, 0);
	CHECK_EQ(try_open(row, "trust=yes", 0), 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST(another_user_of_sysvshm)
{
	static const struct region_row row = {"sysvshm", "sysvshm", ""};
	sinew_region *region = NULL;

	region_place();
	region_uri(&row, "");
	CHECK_OK(sinew_region_open(&region, region_uri(&row, ""), SIZE, 0, SINEW_NOW));
	check_visit(&row, "", SINEW_IN, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(&row);
	CHECK_OK(sinew_region_open(&region, region_uri(&row, "mode=0644"), SIZE, 0, SINEW_NOW));
	check_visit(&row, "", SINEW_IN, 0);
	check_visit(&row, "", 0, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(&row);
}

static void wait_and_open(void *context)
{
	const struct visit *v = context;
	sinew_region *region = NULL;

	CHECK_EQ(
		sinew_region_open(&region, region_uri(v->row, v->options), 0, v->flags, soon(9999)),
		v->expected);
	CHECK_OK(sinew_region_close(region));
}

static const struct region_row memfd_row = {"memfd", "memfd", ""};

/* Made with these options, and asked for by that user with those flags. */
static void check_memfd(const char *options, uid_t uid, unsigned flags, int expected)
{
	struct visit v = {&memfd_row, "", flags, expected};
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(&region, region_uri(&memfd_row, options), SIZE, 0, SINEW_NOW));
	pid_t pid = test_fork_as(uid, wait_and_open, &v);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));
	CHECK(region_is_gone(&memfd_row));
}

TEST(memfd_other_users)
{
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	region_uri(&memfd_row, "");
	check_memfd("serve=thread", NOBODY, SINEW_IN, -EACCES);
	check_memfd("serve=thread&allow=65533", NOBODY, SINEW_IN, -EPERM);
	check_memfd("serve=thread&allow=65533", OTHER, 0, -EPERM);
	check_memfd("serve=thread&allow=1,65533", 0, 0, 0);
}

/* The users in allow= read, or write, as others= says; they have to trust us, too. */
TEST(memfd_allowed_users)
{
	static const struct region_row trusting = {"memfd", "memfd", "allow=0&"};
	struct visit v = {&trusting, "", SINEW_IN, 0};
	sinew_region *region = NULL;

	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "allow=65534"), SIZE, 0, SINEW_NOW));
	pid_t pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	v.flags = SINEW_IN | SINEW_OUT;
	v.expected = -EPERM;
	pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));

	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "allow=65534&others=write"), SIZE, 0, SINEW_NOW));
	v.expected = 0;
	pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));
}

static void make_and_hold(void *gate)
{
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "serve=thread&allow=0"), SIZE, 0, SINEW_NOW));
	gate_reach(gate);
	gate_await(gate);
	CHECK_OK(sinew_region_close(region));
}

/* Root is believed by everybody, another user only where allow= says so. */
TEST(memfd_made_by_another_user)
{
	struct gate gate;

	CHECK_SYS(chmod(test_tmpdir(), 0777));
	region_uri(&memfd_row, "");
	gate_open(&gate);
	pid_t pid = test_fork_as(NOBODY, make_and_hold, &gate);
	gate_wait(&gate, 1);
	struct visit v = {&memfd_row, "", SINEW_IN, -EPERM};
	wait_and_open(&v);
	CHECK(strstr(sinew_error_text(), "65534"));
	v.options = "allow=65534";
	v.expected = 0;
	wait_and_open(&v);
	gate_pass(&gate);
	CHECK_EQ(test_wait(pid), 0);
	gate_close(&gate);
}

/* ---- impostors ---- */

struct impostor {
	uint32_t magic, version;
	uint64_t size;
	int fd;
};

static void answer(int listener, const struct impostor *im)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {.bytes = {0}};
	int fd = CHECK_SYS(accept(listener, NULL, NULL)), fds[2] = {im->fd, im->fd};
	struct iovec iov = {(void *)im, 16};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (im->fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fds);
		memcpy(CMSG_DATA(c), fds, sizeof fds);
	}
	CHECK_EQ(sendmsg(fd, &message, 0), 16);
	close(fd);
}

static int listen_as_impostor(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path("region"));
	CHECK_SYS(bind(fd, (struct sockaddr *)&address, sizeof address));
	CHECK_SYS(listen(fd, 8));
	return fd;
}

static void check_impostor(int listener, struct impostor im, int expected)
{
	struct visit v = {&memfd_row, "", 0, expected};

	pid_t pid = test_fork(wait_and_open, &v);
	answer(listener, &im);
	CHECK_EQ(test_wait(pid), 0);
}

TEST(memfd_impostors)
{
	enum { MAGIC = 0x73696e77, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
	int listener = listen_as_impostor();
	int open_ended = CHECK_SYS(memfd_create("a", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int sealed = CHECK_SYS(memfd_create("b", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int plain = CHECK_SYS(open(test_path("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	CHECK_SYS(ftruncate(open_ended, SIZE));
	CHECK_SYS(ftruncate(sealed, SIZE));
	CHECK_SYS(ftruncate(plain, SIZE));
	CHECK_SYS(fcntl(sealed, F_ADD_SEALS, SEALS));
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, sealed}, 0);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE + 1, sealed}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, open_ended}, -EPERM);
	CHECK_SYS(fcntl(open_ended, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL));
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, open_ended}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, plain}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, listener}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, -1}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 2, SIZE, sealed}, -EEXIST);
	check_impostor(listener, (struct impostor){7, 1, SIZE, sealed}, -EEXIST);
	close(open_ended);
	close(sealed);
	close(plain);
	close(listener);
	CHECK_SYS(unlink(test_path("region")));
}

TEST(memfd_maker_does_not_answer)
{
	sinew_region *region = NULL, *other = NULL;

	CHECK_OK(sinew_region_open(&region, region_uri(&memfd_row, ""), SIZE, 0, SINEW_NOW));
	CHECK_ERR(sinew_region_open(&other, region_uri(&memfd_row, ""), 0, 0, SINEW_NOW), -EAGAIN);
	CHECK_ERR(
		sinew_region_open(&other, region_uri(&memfd_row, ""), 0, 0, soon(20)), -ETIMEDOUT);
	CHECK(strstr(sinew_error_text(), "has not answered"));
	CHECK_EQ(sinew_region_serve(region, SINEW_NOW), 0); /* both have gone */
	CHECK_OK(sinew_region_close(region));
}

/* ---- cut short ---- */

static void touch_end(void *region)
{
	volatile char *data = sinew_region_data(region);

	signal(SIGBUS, SIG_DFL);
	data[SIZE - 1] = 1;
}

static void touch_guarded(void *context)
{
	sinew_region *region = context;
	volatile char *data = sinew_region_data(region);

	CHECK_OK(sinew_region_guard(region));
	CHECK_OK(sinew_region_guard(region));
	CHECK_EQ(data[SIZE - 1], 0);
	data[SIZE - 1] = 1;
	CHECK_EQ(data[SIZE - 1], 1);
	CHECK_EQ(data[5000], 0);
	CHECK(data[0] != 0); /* what is still there is still there */
	CHECK_ERR(sinew_region_check(region), -EIO);
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(named_region, a_peer_cuts_it_short, struct region_row, row)
{
	region_place();
	sinew_region *region = region_made(row, SIZE, 1);

	CHECK_OK(sinew_region_check(region));
	CHECK_SYS(truncate(path_of(row), 4096));
	CHECK_EQ(test_wait(test_fork(touch_end, region)), -SIGBUS);
	CHECK_ERR(sinew_region_check(region), -EIO);
	CHECK_EQ(test_wait(test_fork(touch_guarded, region)), 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

static void leave(int number)
{
	_exit(number == SIGBUS ? 42 : 43);
}

/* SIGBUS that is not a guarded region's goes to the handler that was there, or ends us. */
static void fault_elsewhere(void *handler)
{
	const struct region_row *row = &by_name[1];
	int fd = CHECK_SYS(open(test_path("short"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	CHECK_SYS(ftruncate(fd, 4096));
	volatile char *data = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(data != MAP_FAILED);
	close(fd);
	signal(SIGBUS, handler ? leave : SIG_DFL);
	sinew_region *region = region_made(row, SIZE, 1);
	CHECK_OK(sinew_region_guard(region));
	exit(data[5000]);
}

TEST(a_guard_hands_on_what_is_not_its_own)
{
	CHECK_EQ(test_wait(test_fork(fault_elsewhere, leave)), 42);
	CHECK_SYS(unlink(test_path("region")));
	CHECK_EQ(test_wait(test_fork(fault_elsewhere, NULL)), -SIGBUS);
	CHECK_SYS(unlink(test_path("region")));
}

TEST(guards_come_and_go)
{
	const struct region_row *row = &by_name[1];
	sinew_region *regions[65];

	signal(SIGBUS, SIG_DFL);
	sinew_region *made = region_made(row, SIZE, 1);
	for (unsigned i = 0; i < 65; i++) {
		regions[i] = NULL;
		CHECK_OK(sinew_region_open(&regions[i], region_uri(row, ""), 0, 0, SINEW_NOW));
	}
	for (unsigned i = 0; i < 64; i++)
		CHECK_OK(sinew_region_guard(regions[i]));
	CHECK_ERR(sinew_region_guard(regions[64]), -ENOSPC);
	CHECK_OK(sinew_region_close(regions[10]));
	CHECK_OK(sinew_region_guard(regions[64]));
	CHECK_SYS(truncate(path_of(row), 0));
	CHECK_EQ(*(volatile char *)sinew_region_data(regions[64]), 0);
	CHECK_ERR(sinew_region_check(regions[64]), -EIO);
	for (unsigned i = 0; i < 65; i++)
		if (i != 10)
			CHECK_OK(sinew_region_close(regions[i]));
	CHECK_OK(sinew_region_close(made));
	CHECK_OK(sinew_remove(region_uri(row, "")));
}

/* ---- a name removed under its users, and leftovers ---- */

TEST_EACH(named_region, removed_by_others_while_in_use, struct region_row, row)
{
	region_place();
	sinew_region *old = region_made(row, SIZE, 1);

	CHECK_SYS(unlink(path_of(row)));
	sinew_region *new = region_made(row, SIZE, 2);
	CHECK(region_has(sinew_region_data(old), SIZE, 1));
	CHECK(region_has(sinew_region_data(new), SIZE, 2));
	CHECK_OK(sinew_region_close(old));
	CHECK_OK(sinew_region_close(new));
	region_remove(row);
}

/* What shm_open(3) makes is found, and what we make it finds. */
TEST(shm_open_meets_us)
{
	char name[64];

	region_place();
	snprintf(name, sizeof name, "%.*s", (int)strcspn(region_uri(&by_name[0], "") + 4, "?"),
		region_uri(&by_name[0], "") + 4);
	int fd = CHECK_SYS(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_SYS(ftruncate(fd, SIZE));
	CHECK_EQ(pwrite(fd, "hello", 5, 0), 5);
	close(fd);
	sinew_region *region = region_attached(&by_name[0], 0);
	CHECK_MEM(sinew_region_data(region), 5, "hello", 5);
	CHECK_OK(sinew_region_close(region));
	region_remove(&by_name[0]);
	region = region_made(&by_name[0], SIZE, 1);
	fd = CHECK_SYS(shm_open(name, O_RDWR, 0));
	char byte;
	CHECK_EQ(pread(fd, &byte, 1, 0), 1);
	CHECK_EQ(byte, *(char *)sinew_region_data(region));
	close(fd);
	CHECK_OK(sinew_region_close(region));
	region_remove(&by_name[0]);
}
