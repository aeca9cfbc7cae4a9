/* SPDX-License-Identifier: MIT
 *
 * shared.c - a ring by hand in shared memory, each way: bytes with a length before each message, copied in
 * and out. Who waits looks 50 times, yields 64 times, then sleeps on a futex; who has something to tell
 * wakes a sleeper only. It is as short as such things are written: a peer that dies stops the other
 * for ever, one that lies makes it crash.
 */
#include "raw.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../crew.h"
#include "ring.h"

enum { SIZE = 4 << 20, LINE = 64, PAUSES = 50, YIELDS = 64 };

struct way {
	_Atomic uint64_t head __attribute__((aligned(RAW_APART))); /* bytes written */
	_Atomic uint32_t told, reader_sleeps;
	_Atomic uint64_t tail __attribute__((aligned(RAW_APART))); /* bytes read */
	_Atomic uint32_t freed, writer_sleeps;
	char data[SIZE] __attribute__((aligned(4096)));
};

struct both {
	struct way ways[2];
};

struct side {
	struct way *in, *out;
	uint64_t read, written, head, tail; /* ours; the other's as last seen */
};

static void prepare(struct link *link)
{
	link->state = mmap(NULL, sizeof(struct both), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (link->state == MAP_FAILED)
		crew_fail("no memory to share");
}

static void join(struct link *link, enum role role)
{
	static struct side side;
	struct both *both = link->state;

	side = (struct side){.in = &both->ways[role == CLIENT], .out = &both->ways[role == SERVER]};
	link->state = &side;
}

/* Until *word is not `seen` any more. */
static void wait_for(struct link *link, _Atomic uint64_t *word, uint64_t seen,
	_Atomic uint32_t *count, _Atomic uint32_t *sleeps)
{
	for (int i = 0; i < PAUSES + YIELDS; i++) {
		if (atomic_load_explicit(word, memory_order_acquire) != seen)
			return;
		if (i < PAUSES) {
			raw_pause();
		} else {
			link->calls++;
			sched_yield();
		}
	}
	while (atomic_load(word) == seen) {
		uint32_t now = atomic_load(count);
		atomic_store(sleeps, 1);
		if (atomic_load(word) == seen) {
			link->calls++;
			syscall(SYS_futex, count, FUTEX_WAIT, now, NULL, NULL, 0);
		}
		atomic_store(sleeps, 0);
	}
}

static void tell(struct link *link, _Atomic uint64_t *word, uint64_t value, _Atomic uint32_t *count,
	_Atomic uint32_t *sleeps)
{
	atomic_store(word, value);
	if (atomic_load(sleeps)) {
		atomic_fetch_add(count, 1);
		link->calls++;
		syscall(SYS_futex, count, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static uint64_t whole(size_t size)
{
	return (8 + size + LINE - 1) / LINE * LINE;
}

static void copy_in(struct way *way, uint64_t at, const void *data, size_t size)
{
	size_t place = at % SIZE, first = SIZE - place < size ? SIZE - place : size;

	memcpy(way->data + place, data, first);
	memcpy(way->data, (const char *)data + first, size - first);
}

static void copy_out(const struct way *way, uint64_t at, void *data, size_t size)
{
	size_t place = at % SIZE, first = SIZE - place < size ? SIZE - place : size;

	memcpy(data, way->data + place, first);
	memcpy((char *)data + first, way->data, size - first);
}

static void write_one(struct link *link, const void *data, size_t size)
{
	struct side *s = link->state;
	struct way *way = s->out;
	uint64_t length = size;

	while (s->written + whole(size) - s->tail > SIZE) {
		s->tail = atomic_load_explicit(&way->tail, memory_order_acquire);
		if (s->written + whole(size) - s->tail > SIZE)
			wait_for(link, &way->tail, s->tail, &way->freed, &way->writer_sleeps);
	}
	copy_in(way, s->written, &length, sizeof length);
	copy_in(way, s->written + sizeof length, data, size);
	s->written += whole(size);
}

static void send_one(struct link *link, const void *data, size_t size)
{
	struct side *s = link->state;

	write_one(link, data, size);
	tell(link, &s->out->head, s->written, &s->out->told, &s->out->reader_sleeps);
}

static void recv_one(struct link *link, void *data, size_t size)
{
	struct side *s = link->state;
	struct way *way = s->in;
	uint64_t length;

	while (s->head == s->read) {
		s->head = atomic_load_explicit(&way->head, memory_order_acquire);
		if (s->head == s->read)
			wait_for(link, &way->head, s->head, &way->told, &way->reader_sleeps);
	}
	copy_out(way, s->read, &length, sizeof length);
	if (length != size)
		crew_fail("bare ring: another size");
	copy_out(way, s->read + sizeof length, data, size);
	s->read += whole(size);
	tell(link, &way->tail, s->read, &way->freed, &way->writer_sleeps);
}

const struct contender bare_shared = {
	.name = "bare",
	.prepare = prepare,
	.join = join,
	.send = send_one,
	.recv = recv_one,
	.put = raw_put,
	.get = raw_get,
	.calls = raw_calls,
};
