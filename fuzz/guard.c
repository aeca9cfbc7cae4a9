/* SPDX-License-Identifier: MIT
 *
 * guard.c - makes what a sanitizer cannot see visible: a channel's buffers come from mmap, which no
 * sanitizer surrounds; here each is followed by a page without access. And what is too slow to do
 * afresh each time.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "sys.h"

enum { PAGE = 4096 };

static void *guarded_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	uint8_t *memory = mmap(at, size + PAGE, prot, flags, fd, offset);

	if (memory == MAP_FAILED)
		return MAP_FAILED;
	REQUIRE(size % PAGE == 0 && mprotect(memory + size, PAGE, PROT_NONE) == 0,
		"a buffer of %zu bytes cannot be guarded", size);
	return memory;
}

static int guarded_munmap(void *at, size_t size)
{
	return munmap(at, size + PAGE);
}

void *exact_again(size_t size)
{
	static struct {
		size_t size;
		void *memory;
	} kept[32];
	unsigned i = 0;

	while (i < sizeof kept / sizeof *kept && kept[i].memory && kept[i].size != size)
		i++;
	REQUIRE(i < sizeof kept / sizeof *kept, "too many sizes");
	if (!kept[i].memory) {
		kept[i].memory = exact(size);
		kept[i].size = size;
	}
	return kept[i].memory;
}

void guard_buffers(void)
{
	sinew__sys.mmap = guarded_mmap;
	sinew__sys.munmap = guarded_munmap;
}

int lowest_fd(void)
{
	int fd = fcntl(0, F_DUPFD, 0);

	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "no descriptor is free: they leak");
	close(fd);
	return fd;
}
