/* SPDX-License-Identifier: MIT
 *
 * guard.c - makes what a sanitizer cannot see visible: a channel's buffers come from mmap, which no
 * sanitizer surrounds; here each stands between two pages without access, and what is not unmapped is
 * counted. And what is too slow to do afresh each time.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "sys.h"

enum { PAGE = 4096 };

static unsigned mapped;

/* What is mapped into a mapping of ours is guarded with that. */
static void *guarded_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_FIXED)
		return mmap(at, size, prot, flags, fd, offset);
	REQUIRE(size % PAGE == 0, "a buffer of %zu bytes cannot be guarded", size);
	uint8_t *all = mmap(
		at, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return MAP_FAILED;
	void *memory = mmap(all + PAGE, size, prot, flags | MAP_FIXED, fd, offset);
	if (memory == MAP_FAILED)
		munmap(all, size + 2 * PAGE);
	else
		mapped++;
	return memory;
}

static int guarded_munmap(void *at, size_t size)
{
	mapped--;
	return munmap((uint8_t *)at - PAGE, size + 2 * PAGE);
}

unsigned mapped_buffers(void)
{
	return mapped;
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
