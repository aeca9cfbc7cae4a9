/* SPDX-License-Identifier: MIT
 *
 * region_faults.c - full file systems, foreign objects, and peers that cut a region short: an error at
 * open, in words, and never a signal later.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "faults.h"
#include "regions.h"

enum { SIZE = 10000 };

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
	check_full(&named_rows[0], region_uri(&named_rows[0], ""));
}

TEST(full_disk)
{
	char uri[256];

	CHECK_SYS(mkdir(test_path("disk"), 0755));
	mount_small(test_path("disk"));
	snprintf(uri, sizeof uri, "file:%s/region", test_path("disk"));
	check_full(&named_rows[1], uri);
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

/* ---- keys ---- */

static int try_key(const char *key, size_t size)
{
	char uri[64];
	sinew_region *region = NULL;

	snprintf(uri, sizeof uri, "sysvshm:%s", key);
	int r = sinew_region_open(&region, uri, size, 0, SINEW_NOW);
	sinew_region_close(region);
	return r;
}

/* The same key, however it is written; a leading 0 does not make it octal. */
TEST(a_key_is_hexadecimal_or_decimal)
{
	static const char *const same[] = {"0x51e7", "0X51E7", "0x0051e7", "20967", "0020967"};
	static const char *const bad[] = {"", "0", "0x", "0x0", "-1", "+1", " 1", "12x", "0xg",
		"0x-1", "0x100000000", "4294967296", "99999999999999999999", "key"};

	region_place();
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_ERR(try_key(bad[i], SIZE), -EINVAL);
		CHECK(strstr(sinew_error_text(), "0xffffffff"));
	}
	CHECK_ERR(try_key("20967?id=1", SIZE), -EINVAL);
	CHECK(strstr(sinew_error_text(), "id="));
	CHECK_OK(try_key("20967", SIZE));
	CHECK(shmget(0x51e7, 0, 0) >= 0);
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++)
		CHECK_OK(try_key(same[i], 0));
	CHECK_OK(sinew_remove("sysvshm:0x51e7"));
	CHECK_OK(try_key("4294967295", SIZE));
	CHECK_OK(sinew_remove("sysvshm:0xffffffff"));
}

/* ---- something else stands there ---- */

static void check_taken(const struct region_row *row)
{
	sinew_region *region = NULL;
	struct stat before, after;
	int64_t start = test_now();

	CHECK_SYS(lstat(region_path(row), &before));
	CHECK_ERR(sinew_region_open(&region, region_uri(row, ""), SIZE, 0, soon(5000)), -EEXIST);
	CHECK_ERR(
		sinew_region_open(&region, region_uri(row, ""), 0, SINEW_IN, soon(5000)), -EEXIST);
	CHECK(test_now() - start < INT64_C(3000000000));
	CHECK_SYS(lstat(region_path(row), &after));
	CHECK_EQ(before.st_ino, after.st_ino);
	CHECK_EQ(before.st_mode, after.st_mode);
	if (!S_ISREG(before.st_mode))
		CHECK_ERR(sinew_remove(region_uri(row, "")), -EEXIST);
	CHECK_SYS(remove(region_path(row)));
	CHECK(region_is_gone(row));
}

TEST_EACH(named_region, the_name_is_something_else, struct region_row, row)
{
	static const mode_t kinds[] = {S_IFDIR, S_IFIFO, S_IFSOCK, S_IFREG};

	region_place();
	for (unsigned i = 0; i < 4; i++) {
		if (kinds[i] == S_IFDIR)
			CHECK_SYS(mkdir(region_path(row), 0700));
		else
			CHECK_SYS(mknod(region_path(row), kinds[i] | 0600, 0));
		check_taken(row);
	}
	CHECK_SYS(symlink("/etc/passwd", region_path(row)));
	check_taken(row);
}

TEST(memfd_name_is_something_else)
{
	static const struct region_row row = {"memfd", "memfd", ""};
	static const mode_t kinds[] = {S_IFDIR, S_IFIFO, S_IFREG};

	for (unsigned i = 0; i < 3; i++) {
		if (kinds[i] == S_IFDIR)
			CHECK_SYS(mkdir(region_path(&row), 0700));
		else
			CHECK_SYS(mknod(region_path(&row), kinds[i] | 0600, 0));
		check_taken(&row);
	}
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
	CHECK_SYS(ftruncate(sinew_region_fd(region), SIZE)); /* too late */
	CHECK_ERR(sinew_region_check(region), -EIO);
	CHECK_OK(sinew_region_close(region));
}

TEST_EACH(named_region, a_peer_cuts_it_short, struct region_row, row)
{
	region_place();
	sinew_region *region = region_made(row, SIZE, 1);

	CHECK_OK(sinew_region_check(region));
	CHECK_SYS(truncate(region_path(row), 4096));
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
	const struct region_row *row = &named_rows[1];
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
	const struct region_row *row = &named_rows[1];
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
	CHECK_SYS(truncate(region_path(row), 0));
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

	CHECK_SYS(unlink(region_path(row)));
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
	snprintf(name, sizeof name, "%.*s", (int)strcspn(region_uri(&named_rows[0], "") + 4, "?"),
		region_uri(&named_rows[0], "") + 4);
	int fd = CHECK_SYS(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_SYS(ftruncate(fd, SIZE));
	CHECK_EQ(pwrite(fd, "hello", 5, 0), 5);
	close(fd);
	sinew_region *region = region_attached(&named_rows[0], 0);
	CHECK_MEM(sinew_region_data(region), 5, "hello", 5);
	CHECK_OK(sinew_region_close(region));
	region_remove(&named_rows[0]);
	region = region_made(&named_rows[0], SIZE, 1);
	fd = CHECK_SYS(shm_open(name, O_RDWR, 0));
	char byte;
	CHECK_EQ(pread(fd, &byte, 1, 0), 1);
	CHECK_EQ(byte, *(char *)sinew_region_data(region));
	close(fd);
	CHECK_OK(sinew_region_close(region));
	region_remove(&named_rows[0]);
}
