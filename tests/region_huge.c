/* SPDX-License-Identifier: MIT
 *
 * region_huge.c - regions of huge pages, where the machine lets us set some aside: they are what they say,
 * all of them are had before anybody sees the region, and where there are none that is said.
 *
 * The pages are the machine's: one case at a time sets some aside, in a process that does nothing
 * but give them back when the case's own process has ended, however it ended.
 */
#include <signal.h>
#include <sinew/lock.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "faults.h"
#include "regions.h"

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB"

enum { HUGE = 2 << 20, SIZE = 2 * HUGE, PAGES = 8, DYING = 20 };

static const struct region_row rows[] = {
	{"memfd", "memfd", "huge=2M&serve=thread&"},
	{"sysvshm", "sysvshm", ""},
};

TEST_SUITE(huge_region, rows);

static const char *uri_of(const struct region_row *row)
{
	return region_uri(row, *row->options ? "" : "huge=2M");
}

/* ---- the pages of the machine ---- */

static long read_pool(const char *name)
{
	char path[100], text[32] = "";

	snprintf(path, sizeof path, POOL "/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	CHECK(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	return strtol(text, NULL, 10);
}

static bool write_pool(long pages)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%ld", pages);
	int fd = open(POOL "/nr_hugepages", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, (size_t)n) == n;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Runs the case with so many pages more than anybody else has taken. */
static int with_pages(unsigned pages, void (*fn)(void *), const struct region_row *row)
{
	int lock = open(POOL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		SKIP("this kernel has no huge pages of 2 MiB");
	CHECK_SYS(flock(lock, LOCK_EX));
	long before = read_pool("nr_hugepages"), spare = read_pool("free_hugepages");
	if (!write_pool(before + pages))
		SKIP("setting huge pages aside is for root alone");
	if (read_pool("free_hugepages") < spare + pages) {
		write_pool(before);
		SKIP("this machine has no %u huge pages to spare", pages);
	}
	pid_t child = test_fork(fn, (void *)(uintptr_t)row);
	int status = test_wait(child);
	write_pool(before);
	WAIT_UNTIL(
		read_pool("nr_hugepages") == before, 5000); /* others may use some for a moment */
	close(lock);
	return status;
}

/* A line of /proc/self/smaps about the mapping at `data`, in KiB. */
static long mapping_has(const void *data, const char *what)
{
	char line[300];
	unsigned long begin = 0, end = 0;
	long kib = -1;
	FILE *maps = fopen("/proc/self/smaps", "re");

	CHECK(maps);
	while (kib < 0 && fgets(line, sizeof line, maps)) {
		size_t length = strlen(what);
		char *rest;
		unsigned long first = strtoul(line, &rest, 16);
		if (*rest == '-') {
			begin = first;
			end = strtoul(rest + 1, NULL, 16);
		} else if ((uintptr_t)data >= begin && (uintptr_t)data < end &&
			   strncmp(line, what, length) == 0 && line[length] == ':') {
			kib = strtol(line + length + 1, NULL, 10);
		}
	}
	fclose(maps);
	return kib;
}

static void check_huge(const sinew_region *region)
{
	const void *data = sinew_region_data(region);

	CHECK_EQ(sinew_region_size(region), (size_t)SIZE);
	CHECK_EQ(mapping_has(data, "KernelPageSize"), HUGE >> 10);
	CHECK_EQ(mapping_has(data, "MMUPageSize"), HUGE >> 10);
}

/* ---- the cases ---- */

static void attach(void *context)
{
	const struct region_row *row = context;
	sinew_region *region;

	CHECK_OK(sinew_region_open(&region, uri_of(row), 0, SINEW_IN, soon(5000)));
	CHECK(region_has(sinew_region_data(region), SIZE, 3));
	check_huge(region);
	CHECK_OK(sinew_region_close(region));
	CHECK_OK(sinew_region_open(&region, uri_of(row), SIZE, 0, soon(5000)));
	CHECK(!sinew_region_is_new(region));
	region_fill(sinew_region_data(region), SIZE, 4);
	check_huge(region);
	CHECK_OK(sinew_region_close(region));
}

static void use(void *context)
{
	const struct region_row *row = context;
	unsigned seed = 3;
	sinew_region *region;

	alarm(DYING);
	region_place();
	CHECK_OK(sinew_region_make(&region, uri_of(row), SIZE, region_init, &seed, SINEW_NOW));
	check_huge(region);
	CHECK_EQ(mapping_has(sinew_region_data(region), "Shared_Hugetlb") +
			 mapping_has(sinew_region_data(region), "Private_Hugetlb"),
		SIZE >> 10);
	CHECK_EQ(test_wait(test_fork(attach, context)), 0);
	CHECK(region_has(sinew_region_data(region), SIZE, 4));
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST_EACH(huge_region, they_are_huge_for_everybody, struct region_row, row)
{
	CHECK_EQ(with_pages(PAGES, use, row), 0);
}

/* What cannot be had is refused at once, and what was taken of it given back. */
static void take_too_much(void *context)
{
	const struct region_row *row = context;
	size_t too_much = (size_t)(read_pool("nr_hugepages") + 1) * HUGE;
	sinew_region *region = NULL;

	alarm(DYING);
	region_place();
	long spare = read_pool("free_hugepages");
	int r = sinew_region_open(&region, uri_of(row), too_much, 0, SINEW_NOW);
	CHECK(r == -ENOMEM || r == -ENOSPC);
	CHECK(strstr(sinew_error_text(), "nr_hugepages"));
	CHECK(region == NULL && region_is_gone(row));
	CHECK_ERR(sinew_region_open(&region, uri_of(row), SIZE - 4096, 0, SINEW_NOW), -EINVAL);
	CHECK(strstr(sinew_error_text(), "multiple"));
	CHECK(region == NULL && region_is_gone(row));
	WAIT_UNTIL(read_pool("free_hugepages") == spare, 5000);
	CHECK_OK(sinew_region_open(&region, uri_of(row), SIZE, 0, SINEW_NOW));
	WAIT_UNTIL(read_pool("free_hugepages") == spare - SIZE / HUGE, 5000);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
	WAIT_UNTIL(read_pool("free_hugepages") == spare, 5000);
}

TEST_EACH(huge_region, more_than_there_are_is_refused, struct region_row, row)
{
	CHECK_EQ(with_pages(PAGES, take_too_much, row), 0);
}

static void take_and_die(void *context)
{
	sinew_region *region = context;

	CHECK_OK(sinew_mutex_lock(sinew_region_data(region), SINEW_FOREVER));
	raise(SIGKILL);
}

/* A lock in them outlives its holder as anywhere else. */
static void lose_a_holder(void *context)
{
	const struct region_row *row = context;
	sinew_region *region;

	alarm(DYING);
	region_place();
	CHECK_OK(sinew_region_open(&region, uri_of(row), SIZE, 0, SINEW_NOW));
	struct sinew_mutex *mutex = sinew_region_data(region);
	CHECK_OK(sinew_mutex_init(mutex));
	CHECK_EQ(test_wait(test_fork(take_and_die, region)), -SIGKILL);
	CHECK_ERR(sinew_mutex_lock(mutex, soon(5000)), -EOWNERDEAD);
	CHECK_OK(sinew_mutex_repaired(mutex));
	CHECK_OK(sinew_mutex_unlock(mutex));
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST_EACH(huge_region, locks_in_them_survive, struct region_row, row)
{
	CHECK_EQ(with_pages(PAGES, lose_a_holder, row), 0);
}

static void die_with_all(void *context)
{
	const struct region_row *row = context;
	sinew_region *region;

	alarm(DYING);
	region_place();
	CHECK_OK(sinew_region_open(&region, uri_of(row), PAGES / 2 * HUGE, 0, SINEW_NOW));
	raise(SIGKILL);
}

/* Of the tests themselves: the machine has its pages back when a case dies with some in use. */
TEST(a_case_that_dies_gives_the_pages_back)
{
	CHECK_EQ(with_pages(PAGES, die_with_all, &rows[0]), -SIGKILL);
}

/* A file is of huge pages where its file system is. */
static void use_file(void *context)
{
	static const struct region_row row = {"file", "file", ""};
	unsigned seed = 3;
	sinew_region *region;

	(void)context;
	alarm(DYING);
	region_place(); /* with mounts of our own */
	CHECK_SYS(mount("hugetlbfs", test_tmpdir(), "hugetlbfs", 0, "pagesize=2M"));
	CHECK_OK(sinew_region_make(
		&region, region_uri(&row, ""), SIZE, region_init, &seed, SINEW_NOW));
	check_huge(region);
	CHECK_OK(sinew_region_sync(region, 0, 0));
	CHECK_OK(sinew_region_close(region));
	CHECK_OK(sinew_region_open(&region, region_uri(&row, ""), 0, SINEW_IN, SINEW_NOW));
	check_huge(region);
	CHECK(region_has(sinew_region_data(region), SIZE, 3));
	CHECK_OK(sinew_region_close(region));
	region_remove(&row);
	CHECK_ERR(sinew_region_open(&region, region_uri(&row, ""), SIZE - 4096, 0, SINEW_NOW),
		-EINVAL);
	CHECK(region_is_gone(&row));
	CHECK_SYS(umount(test_tmpdir()));
}

TEST(files_of_hugetlbfs)
{
	CHECK_EQ(with_pages(PAGES, use_file, NULL), 0);
}

/* Pages of 1 GiB that somebody has set aside. */
static bool has_giant_pages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "re");
	long count = 0;

	if (file) {
		CHECK_EQ(fscanf(file, "%ld", &count), 1);
		fclose(file);
	}
	return count > 0;
}

/* Or has, but none of them. */
TEST_EACH(huge_region, sizes_the_machine_does_not_have, struct region_row, row)
{
	sinew_region *region = NULL;
	char uri[300];

	if (has_giant_pages())
		SKIP("this machine has huge pages of 1 GiB");
	region_place();
	snprintf(uri, sizeof uri, "%s&huge=1G", uri_of(row));
	int r = sinew_region_open(&region, uri, 1 << 30, 0, SINEW_NOW);
	CHECK(r == -ENODEV || r == -EINVAL || r == -ENOMEM || r == -ENOSPC);
	CHECK(strstr(sinew_error_text(), "huge") || strstr(sinew_error_text(), "1G"));
	CHECK(region == NULL && region_is_gone(row));
}
