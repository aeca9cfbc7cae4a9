/* SPDX-License-Identifier: MIT
 *
 * map.c - from a region's bytes to a ring: the header is read once, checked, and never asked again; the
 * data of each lane is mapped twice back to back, so that no message ever wraps.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../banned.h"
#include "../error.h"
#include "ring.h"

enum { LEAST_LANE = 4096, MOST_LANE = 1 << 30 };

/* Rings are the same on machines whose pages have other sizes, up to this one. */
enum { PAGE = 65536 };

static uint64_t page_of(uint64_t lane_size)
{
	return lane_size < PAGE ? lane_size : PAGE;
}

static unsigned slots_of(unsigned pattern)
{
	return pattern == SINEW__RING_PAIR ? 2 : SINEW__RING_SLOTS;
}

uint64_t sinew__ring_total(const struct sinew__ring_make *make)
{
	return sinew__ring_shape(make->pattern, slots_of(make->pattern), make->lanes,
		make->lane_size, page_of(make->lane_size))
		.total;
}

int sinew__ring_format(void *data, size_t size, void *context)
{
	const struct sinew__ring_make *make = context;
	struct sinew__ring_header *header = data;

	*header = (struct sinew__ring_header){
		.magic = SINEW__RING_MAGIC,
		.version = SINEW__RING_VERSION,
		.pattern = make->pattern,
		.deaths = make->deaths,
		.slots = slots_of(make->pattern),
		.lanes = make->lanes,
		.lane_size = make->lane_size,
		.total = size,
	};
	return 0;
}

/* ---- attaching ---- */

/* What of the header is fixed, as it was at one moment. */
struct plan {
	uint64_t magic, lane_size, total;
	uint32_t version, incompatible, pattern, deaths, slots, lanes;
};

static struct plan read_plan(const volatile struct sinew__ring_header *header)
{
	return (struct plan){header->magic, header->lane_size, header->total, header->version,
		header->incompatible, header->pattern, header->deaths, header->slots,
		header->lanes};
}

static bool is_sound(const struct plan *plan, size_t size)
{
	const uint64_t lane = plan->lane_size;
	bool sizes = lane >= LEAST_LANE && lane <= MOST_LANE && (lane & (lane - 1)) == 0;
	bool counts = plan->lanes >= 1 && plan->lanes <= SINEW__RING_LANES &&
		      plan->pattern <= SINEW__RING_LATEST && plan->deaths <= SINEW__RING_DROP &&
		      plan->slots == slots_of(plan->pattern) &&
		      (plan->pattern != SINEW__RING_PAIR || plan->lanes == 2) &&
		      (plan->pattern != SINEW__RING_LATEST || plan->lanes == 1);

	return sizes && counts && plan->total == size &&
	       sinew__ring_shape(plan->pattern, plan->slots, plan->lanes, lane, page_of(lane))
			       .total == size;
}

static int check_plan(const struct sinew__ring *ring, const struct plan *plan, size_t size)
{
	const char *uri = ring->channel->spec.text;

	if (plan->magic == __builtin_bswap64(SINEW__RING_MAGIC))
		return sinew__fail(
			EBADMSG, "open %s: was made on a machine of the other byte order", uri);
	if (plan->magic != SINEW__RING_MAGIC)
		return sinew__fail(EBADMSG, "open %s: is no ring", uri);
	if (plan->version != SINEW__RING_VERSION || plan->incompatible)
		return sinew__fail(EBADMSG,
			"open %s: is a ring of version %u with features %#x; this is version %d "
			"and knows none",
			uri, plan->version, plan->incompatible, (int)SINEW__RING_VERSION);
	if (!is_sound(plan, size))
		return sinew__fail(
			EBADMSG, "open %s: its header makes no sense; remove it (sinew rm)", uri);
	if (plan->lane_size < (uint64_t)sysconf(_SC_PAGESIZE))
		return sinew__fail(EINVAL,
			"open %s: its lanes of %llu bytes are smaller than a page here", uri,
			(unsigned long long)plan->lane_size);
	return 0;
}

/* One lane's data, twice in a row at `at`. */
static int map_twice(struct sinew__ring *ring, uint8_t *at, uint64_t offset, size_t size)
{
	for (unsigned i = 0; i < 2; i++) {
		void *mapped = sinew__sys.mmap(at + i * size, size,
			PROT_READ | (ring->read_only ? 0 : PROT_WRITE), MAP_SHARED | MAP_FIXED,
			ring->fd, (off_t)offset);
		if (mapped == MAP_FAILED)
			return -errno;
	}
	return 0;
}

static int map_data(struct sinew__ring *ring, uint64_t offset, size_t lane_size)
{
	const size_t size = 2 * lane_size * ring->lane_count;
	void *reserved = sinew__sys.mmap(
		NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int r = reserved == MAP_FAILED ? -errno : 0;

	if (r == 0) {
		ring->data = reserved;
		ring->data_size = size;
	}
	for (unsigned i = 0; i < ring->lane_count && r == 0; i++)
		r = map_twice(ring, (uint8_t *)reserved + i * 2 * lane_size, offset + i * lane_size,
			lane_size);
	if (r < 0)
		return sinew__fail(-r, "open %s: cannot map its data: %s", ring->channel->spec.text,
			strerror(-r));
	return 0;
}

static void place(
	struct sinew__ring *ring, const struct plan *plan, const struct sinew__ring_shape *shape)
{
	uint8_t *base = ring->base;

	ring->header = ring->base;
	ring->members = (void *)(base + shape->members);
	ring->shared = (void *)(base + shape->lanes);
	if (sinew__ring_keeps_history(ring->pattern)) {
		ring->histories = (void *)(base + shape->histories);
		ring->cursors = (void *)(base + shape->cursors);
		ring->cursors_each =
			(unsigned)(shape->cursors_size / sizeof(struct sinew__ring_mark));
	}
	for (unsigned i = 0; i < ring->lane_count; i++)
		ring->lanes[i] = (struct sinew__lane){
			.shared = &ring->shared[i],
			.words = (void *)(base + shape->words + i * shape->words_size),
			.data = (uint8_t *)ring->data + i * 2 * plan->lane_size,
			.size = (uint32_t)plan->lane_size,
			.word_count = (uint32_t)(plan->lane_size / SINEW__RING_UNIT),
			.lap_shift = (unsigned)__builtin_ctzll(plan->lane_size / SINEW__RING_UNIT),
			.most = (uint32_t)(plan->lane_size / 2),
		};
}

int sinew__ring_map(struct sinew__ring *ring, size_t size)
{
	const uint64_t limit = ring->channel->caps.max_message;

	if (size < sizeof(struct sinew__ring_header))
		return sinew__fail(EBADMSG, "open %s: is no ring", ring->channel->spec.text);
	if (ring->region) {
		ring->base = ring->region->data;
	} else {
		void *base = sinew__sys.mmap(
			NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
		if (base == MAP_FAILED)
			return sinew__fail(errno, "%s: cannot map: %m", ring->channel->spec.text);
		ring->base = base;
		ring->base_size = size;
	}
	const struct plan plan = read_plan(ring->base);
	int r = check_plan(ring, &plan, size);
	if (r < 0)
		return r;
	ring->pattern = plan.pattern;
	ring->deaths = plan.deaths;
	ring->slots = plan.slots;
	ring->lane_count = plan.lanes;
	ring->most = (uint32_t)(limit < plan.lane_size / 2 ? limit : plan.lane_size / 2);
	const struct sinew__ring_shape shape = sinew__ring_shape(
		plan.pattern, plan.slots, plan.lanes, plan.lane_size, page_of(plan.lane_size));
	r = map_data(ring, shape.data, (size_t)plan.lane_size);
	if (r == 0)
		place(ring, &plan, &shape);
	return r;
}

void sinew__ring_unmap(struct sinew__ring *ring)
{
	sinew__unguard((int)ring->guard - 1);
	if (ring->data)
		sinew__sys.munmap(ring->data, ring->data_size);
	if (ring->base_size)
		sinew__sys.munmap(ring->base, ring->base_size);
}
