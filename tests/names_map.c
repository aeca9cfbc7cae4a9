/* SPDX-License-Identifier: MIT
 *
 * names_map.c - the name of what is mapped at an address: of living processes, and of those that have no
 * memory any more.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names_inside.h"
#include "runner.h"

static char name[SINEW__NAME_MOST];
static struct sinew__mapped mapped;

static bool ask(pid_t pid, const void *address)
{
	return sinew__name_mapped((uint32_t)pid, (uintptr_t)address, &mapped, name);
}

/* A page of a new file of this name. */
static char *map_file(const char *path, int how, struct stat *st)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	CHECK_SYS(ftruncate(fd, 4096));
	CHECK_SYS(fstat(fd, st));
	char *page = mmap(NULL, 4096, PROT_READ, how, fd, 0);
	CHECK(page != MAP_FAILED);
	CHECK_SYS(close(fd));
	return page;
}

TEST(a_shared_file_has_its_name)
{
	char want[PATH_MAX];
	struct stat st;
	char *page = map_file(test_path("words"), MAP_SHARED, &st);

	CHECK(ask(getpid(), page + 8));
	snprintf(want, sizeof want, "file:%s", test_path("words"));
	CHECK_STR(name, want);
	CHECK_EQ(mapped.ino, st.st_ino);
	CHECK_SYS(munmap(page, 4096));
}

TEST(what_is_private_has_none)
{
	struct stat st;
	char *page = map_file(test_path("words"), MAP_PRIVATE, &st);

	CHECK(!ask(getpid(), page));
	CHECK(!ask(getpid(), &st));
	CHECK_SYS(munmap(page, 4096));
}

TEST(the_dead_have_none)
{
	siginfo_t info;
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0)
		_exit(0);
	CHECK_SYS(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK(!ask(pid, name));
	CHECK_EQ(test_wait(pid), 0);
	CHECK(!ask(pid, name));
}
