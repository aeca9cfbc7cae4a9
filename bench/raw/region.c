/* SPDX-License-Identifier: MIT
 *
 * region.c - one place for a message each way in shared memory, and a semaphore in it that tells of it. The
 * memory is made before the fork; only its kind differs.
 */
#include "region.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "../crew.h"
#include "raw.h"

enum { HEAD = 4096 };

static enum role own; /* of this process */

static size_t apart(const struct link *link)
{
	return (link->size + 4095) & ~(size_t)4095;
}

static sem_t *told(struct link *link, enum role role)
{
	return (sem_t *)link->state + role;
}

static char *place(struct link *link, enum role role)
{
	return (char *)link->state + HEAD + (role ? apart(link) : 0);
}

static void start(struct link *link, void *memory)
{
	if (memory == MAP_FAILED)
		crew_fail("bare: no memory to share");
	link->state = memory;
	raw_check(sem_init(told(link, SERVER), 1, 0), "sem_init");
	raw_check(sem_init(told(link, CLIENT), 1, 0), "sem_init");
}

static void map(struct link *link, int fd)
{
	size_t size = HEAD + 2 * apart(link);

	raw_check(ftruncate(fd, (off_t)size), "ftruncate");
	raw_check(fallocate(fd, 0, 0, (off_t)size), "fallocate");
	start(link, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
}

static void shm_prepare(struct link *link)
{
	char name[64];

	snprintf(name, sizeof(name), "/sinew-bench.%d", (int)getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	raw_check(fd, "shm_open");
	shm_unlink(name);
	map(link, fd);
}

static void sysvshm_prepare(struct link *link)
{
	int id = shmget(IPC_PRIVATE, HEAD + 2 * apart(link), 0600);
	void *memory = shmat(raw_check(id, "shmget"), NULL, 0);

	shmctl(id, IPC_RMID, NULL);
	start(link, memory);
}

static void file_prepare(struct link *link)
{
	char name[128];

	snprintf(name, sizeof(name), "%s/bare-region", link->directory);
	map(link, raw_check(open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open"));
}

static void memfd_prepare(struct link *link)
{
	map(link, raw_check(memfd_create("sinew-bench", MFD_CLOEXEC), "memfd_create"));
}

static void join(struct link *link, enum role role)
{
	(void)link;
	own = role;
}

static void send_one(struct link *link, const void *data, size_t size)
{
	memcpy(place(link, !own), data, size);
	raw_check(sem_post(told(link, !own)), "sem_post");
}

static void recv_one(struct link *link, void *data, size_t size)
{
	raw_check(sem_wait(told(link, own)), "sem_wait");
	memcpy(data, place(link, own), size);
}

#define BARE(kind)                                                                                 \
	const struct contender bare_##kind = {                                                     \
		.name = "bare",                                                                    \
		.prepare = kind##_prepare,                                                         \
		.join = join,                                                                      \
		.send = send_one,                                                                  \
		.recv = recv_one,                                                                  \
	}

BARE(shm);
BARE(sysvshm);
BARE(file);
BARE(memfd);
