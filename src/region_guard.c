/* SPDX-License-Identifier: MIT
 *
 * region_guard.c - SIGBUS at the bytes of a mapping, mostly a region's, becomes a page of zeros and a
 * mark.
 *
 * A slot is owned from claim to unguard; the handler, in any thread, reads slots that others may be
 * filling: `end` is stored last and cleared first (release/acquire), so a slot that can be seen has
 * its begin and protection. What is at no slot's bytes goes to the handler that was there before.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "banned.h"
#include "error.h"
#include "region.h"

enum { SLOTS = 64 };

struct slot {
	_Atomic bool taken, hit;
	uintptr_t begin;
	int prot;
	_Atomic uintptr_t end; /* 0: not to be looked at */
};

static struct slot slots[SLOTS];
static struct sigaction before;
static _Atomic int installing; /* 0 not yet, 1 somebody is at it, 2 done */

/* Puts a page of zeros where the fault was, if that is a guarded region's. */
static bool mend(uintptr_t at)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < SLOTS; i++) {
		uintptr_t end = atomic_load_explicit(&slots[i].end, memory_order_acquire);
		if (!end || at < slots[i].begin || at >= end)
			continue;
		atomic_store(&slots[i].hit, true);
		return sinew__sys.mmap((void *)(at / page * page), page, slots[i].prot,
			       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
	}
	return false;
}

static void pass_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(number, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(number);
	else
		sigaction(number, &before, NULL); /* the instruction faults again and ends us */
}

static void on_bus(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	bool fault = info->si_code == BUS_ADRERR || info->si_code == BUS_OBJERR;

	if (!fault || !mend((uintptr_t)info->si_addr))
		pass_on(number, info, context);
	errno = saved;
}

static int install(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
	int none = 0;

	if (!atomic_compare_exchange_strong(&installing, &none, 1)) {
		while (atomic_load(&installing) == 1)
			sched_yield();
		return atomic_load(&installing) == 2 ? 0 : -EAGAIN;
	}
	sigemptyset(&action.sa_mask);
	int r = sigaction(SIGBUS, NULL, &before); /* known before a fault can need it */
	if (r == 0)
		r = sigaction(SIGBUS, &action, NULL);
	atomic_store(&installing, r < 0 ? 0 : 2);
	return r < 0 ? -errno : 0;
}

int sinew__guard(void *at, size_t size, int prot)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	int r = install();

	for (int i = 0; r == 0 && i < SLOTS; i++) {
		bool no = false;
		if (!atomic_compare_exchange_strong(&slots[i].taken, &no, true))
			continue;
		slots[i].begin = (uintptr_t)at;
		slots[i].prot = prot;
		atomic_store(&slots[i].hit, false);
		atomic_store_explicit(&slots[i].end,
			slots[i].begin + (size + page - 1) / page * page, memory_order_release);
		return i;
	}
	return r < 0 ? r : -ENOSPC;
}

void sinew__unguard(int slot)
{
	if (slot < 0)
		return;
	atomic_store_explicit(&slots[slot].end, 0, memory_order_release);
	atomic_store(&slots[slot].taken, false);
}

bool sinew__guard_was_hit(int slot)
{
	return slot >= 0 && atomic_load(&slots[slot].hit);
}

int sinew__guard_failed(const char *uri, int error)
{
	if (error == -ENOSPC)
		return sinew__fail(ENOSPC, "guard %s: %d mappings are guarded already", uri, SLOTS);
	return sinew__fail(-error, "guard %s: cannot handle SIGBUS: %s", uri, strerror(-error));
}

int sinew_region_guard(sinew_region *region)
{
	if (region->guard >= 0)
		return 0;
	int r = sinew__guard(region->data, region->size,
		region->flags & SINEW_OUT ? PROT_READ | PROT_WRITE : PROT_READ);
	if (r < 0)
		return sinew__guard_failed(region->spec.text, r);
	region->guard = r;
	return 0;
}

void sinew__region_unguard(struct sinew_region *region)
{
	sinew__unguard(region->guard);
	region->guard = -1;
}

bool sinew__region_was_hit(const struct sinew_region *region)
{
	return sinew__guard_was_hit(region->guard);
}
