/* SPDX-License-Identifier: MIT
 *
 * process.c - the page that does not survive a fork. `made` does survive it, so that a child's
 * token is never one of its ancestors'.
 */
#include "process.h"

#include "sys.h"

_Atomic(_Atomic uint64_t *) sinew__process_page;
static _Atomic uint64_t made;

static _Atomic uint64_t *map_page(void)
{
	void *page = sinew__sys.mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_Atomic uint64_t *none = NULL;

	if (page == MAP_FAILED)
		return NULL;
	if (sinew__sys.madvise(page, 4096, MADV_WIPEONFORK) < 0 ||
		!atomic_compare_exchange_strong(&sinew__process_page, &none, page)) {
		sinew__sys.munmap(page, 4096);
		return none;
	}
	return page;
}

uint64_t sinew__process_token(void)
{
	_Atomic uint64_t *page = atomic_load(&sinew__process_page);
	uint64_t token = 0;

	if (!page && !(page = map_page()))
		return 0;
	uint64_t fresh = atomic_fetch_add(&made, 1) + 1;
	return atomic_compare_exchange_strong(page, &token, fresh) ? fresh : token;
}
