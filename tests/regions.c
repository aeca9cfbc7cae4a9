/* SPDX-License-Identifier: MIT
 *
 * regions.c - the table of regions, their places and their leftovers.
 */
#include "regions.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>

static const struct region_row rows[] = {
	{"shm", "shm", ""},
	{"file", "file", ""},
	{"memfd", "memfd", "serve=thread&"},
	{"sysvshm", "sysvshm", ""},
	{"sysvshm-path", "sysvshm", "id=7&"},
};

TEST_SUITE(every_region, rows);

const struct region_row named_rows[2] = {{"shm", "shm", ""}, {"file", "file", ""}};

TEST_SUITE(named_region, named_rows);

static pid_t owner; /* whose the names are: the process that named first, or had a place made */

static pid_t name_owner(void)
{
	if (!owner)
		owner = getpid();
	return owner;
}

static key_t key_of(const struct region_row *row)
{
	return *row->options ? ftok(test_tmpdir(), 7) : 0x5e000000 + name_owner() % 0x1000000;
}

const char *region_uri(const struct region_row *row, const char *options)
{
	static char uris[8][512];
	static unsigned next;
	char *uri = uris[next++ % 8];
	const int size = sizeof uris[0];

	if (strcmp(row->scheme, "shm") == 0)
		snprintf(uri, size, "shm:/sinew-test-%d?%s%s", name_owner(), row->options, options);
	else if (strcmp(row->name, "sysvshm") == 0)
		snprintf(uri, size, "sysvshm:0x%x?%s", (unsigned)key_of(row), options);
	else if (strcmp(row->scheme, "sysvshm") == 0)
		snprintf(uri, size, "sysvshm:%s?%s%s", test_tmpdir(), row->options, options);
	else
		snprintf(uri, size, "%s:%s/region?%s%s", row->scheme, test_tmpdir(), row->options,
			options);
	return uri;
}

const char *region_path(const struct region_row *row)
{
	static char path[600];
	const char *rest = strchr(region_uri(row, ""), ':') + 1;

	snprintf(path, sizeof path, "%s%.*s", strcmp(row->scheme, "shm") == 0 ? "/dev/shm" : "",
		(int)strcspn(rest, "?"), rest);
	return path;
}

void region_place(void)
{
	owner = getpid();
	if (geteuid() != 0 || unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return;
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		CHECK_SYS(mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777,size=64M"));
}

static unsigned count_files(const char *directory, const char *begin)
{
	DIR *open = opendir(directory);
	struct dirent *entry;
	unsigned n = 0;

	CHECK(open);
	while ((entry = readdir(open)))
		n += strncmp(entry->d_name, begin, strlen(begin)) == 0;
	closedir(open);
	return n;
}

bool region_is_gone(const struct region_row *row)
{
	char begin[64];

	if (strcmp(row->scheme, "sysvshm") == 0)
		return shmget(key_of(row), 0, 0) < 0 && errno == ENOENT;
	if (strcmp(row->scheme, "shm") != 0)
		return count_files(test_tmpdir(), "region") == 0;
	snprintf(begin, sizeof begin, "sinew-test-%d", name_owner());
	return count_files("/dev/shm", begin) == 0;
}

void region_remove(const struct region_row *row)
{
	if (region_caps(row) & SINEW_REGION_CAP_SURVIVES)
		CHECK_OK(sinew_remove(region_uri(row, "")));
	CHECK(region_is_gone(row));
}

uint64_t region_caps(const struct region_row *row)
{
	struct sinew_caps caps;

	CHECK_OK(sinew_caps(region_uri(row, ""), &caps));
	return caps.bits;
}

static unsigned char byte_of(size_t i, unsigned seed)
{
	return (unsigned char)(seed * 97 + i * 13 + (i >> 8) + 1);
}

void region_fill(void *data, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)data)[i] = byte_of(i, seed);
}

bool region_has(const void *data, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		if (((const unsigned char *)data)[i] != byte_of(i, seed))
			return false;
	return true;
}

int region_init(void *data, size_t size, void *seed)
{
	for (size_t i = 0; i < size; i++)
		CHECK(((unsigned char *)data)[i] == 0);
	region_fill(data, size, *(unsigned *)seed);
	return 0;
}

/* Children inherit regions that they never touch: leak checkers have to find them there. */
static sinew_region *remember(sinew_region *region)
{
	static sinew_region *volatile opened[64] __attribute__((unused));
	static unsigned next;

	return opened[next++ % 64] = region;
}

sinew_region *region_made(const struct region_row *row, size_t size, unsigned seed)
{
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_make(&region, region_uri(row, ""), size, region_init, &seed,
		sinew_after(INT64_C(20000000000))));
	CHECK_EQ(sinew_region_is_new(region), 1);
	return remember(region);
}

sinew_region *region_attached(const struct region_row *row, unsigned flags)
{
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(
		&region, region_uri(row, ""), 0, flags, sinew_after(INT64_C(20000000000))));
	CHECK_EQ(sinew_region_is_new(region), 0);
	return remember(region);
}

/* ---- a hook at every system call ---- */

static struct sinew__sys real;
static void (*hook)(void);

#define WRAP(result, name, parameters, arguments)                                                  \
	static result hooked_##name parameters                                                     \
	{                                                                                          \
		hook();                                                                            \
		result hooked_result = real.name arguments;                                        \
		int hooked_error = errno;                                                          \
		hook();                                                                            \
		errno = hooked_error;                                                              \
		return hooked_result;                                                              \
	}
SINEW__SYSCALLS(WRAP)
#undef WRAP

void region_hook(void (*fn)(void))
{
	real = sinew__sys;
	hook = fn;
#define HOOK(result, name, parameters, arguments) sinew__sys.name = hooked_##name;
	SINEW__SYSCALLS(HOOK)
#undef HOOK
}
