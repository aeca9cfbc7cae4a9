/* SPDX-License-Identifier: MIT
 *
 * ring.h - what a ring is measured against, written by hand for two processes on one mapping: cache
 * lines that go back and forth, a ring of fixed slots, one of large ones, a word and an eventfd to wake by.
 *
 * Frozen: figures are compared over time, and the loops here move them by more than what is measured.
 * Both sides wait by the same loop. Change nothing; add under another name.
 */
#ifndef BENCH_RAW_RING_H
#define BENCH_RAW_RING_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { RAW_SLOTS = 4096, RAW_SLOT = 64, RAW_FRAMES = 4, RAW_FRAME = 1 << 20, RAW_APART = 128 };

static inline void raw_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* ---- lines: a word says that it is there; the second line carries 64 bytes ---- */

struct raw_lines {
	_Atomic uint64_t ping __attribute__((aligned(RAW_APART)));
	char there[64] __attribute__((aligned(RAW_APART)));
	_Atomic uint64_t pong __attribute__((aligned(RAW_APART)));
	char back[64] __attribute__((aligned(RAW_APART)));
};

static inline void raw_lines_say(
	_Atomic uint64_t *word, char *line, uint64_t turn, const char *data)
{
	if (line)
		memcpy(line, data, 64);
	atomic_store_explicit(word, turn, memory_order_release);
}

static inline void raw_lines_hear(
	_Atomic uint64_t *word, const char *line, uint64_t turn, char *data)
{
	while (atomic_load_explicit(word, memory_order_acquire) != turn)
		raw_pause();
	if (line)
		memcpy(data, line, 64);
}

/* ---- slots: one producer, one consumer, 64 bytes each, copied in and out ---- */

struct raw_slots {
	_Atomic uint64_t head __attribute__((aligned(RAW_APART)));
	_Atomic uint64_t tail __attribute__((aligned(RAW_APART)));
	char slot[RAW_SLOTS][RAW_SLOT] __attribute__((aligned(RAW_APART)));
};

struct raw_end {
	uint64_t at, known; /* ours; the other side's, as we last saw it */
};

/* Puts one in; publishes it, or leaves that to a later one. */
static inline void raw_slots_put(
	struct raw_slots *ring, struct raw_end *end, const char *data, int publish)
{
	while (end->at - end->known == RAW_SLOTS) {
		end->known = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (end->at - end->known == RAW_SLOTS)
			raw_pause();
	}
	memcpy(ring->slot[end->at % RAW_SLOTS], data, RAW_SLOT);
	end->at++;
	if (publish)
		atomic_store_explicit(&ring->head, end->at, memory_order_release);
}

static inline void raw_slots_get(
	struct raw_slots *ring, struct raw_end *end, char *data, int publish)
{
	while (end->at == end->known) {
		end->known = atomic_load_explicit(&ring->head, memory_order_acquire);
		if (end->at == end->known)
			raw_pause();
	}
	memcpy(data, ring->slot[end->at % RAW_SLOTS], RAW_SLOT);
	end->at++;
	if (publish)
		atomic_store_explicit(&ring->tail, end->at, memory_order_release);
}

/* ---- frames: the same with 1 MiB each, by memcpy: what copying in here and out there can come to ---- */

struct raw_frames {
	_Atomic uint64_t head __attribute__((aligned(RAW_APART)));
	_Atomic uint64_t tail __attribute__((aligned(RAW_APART)));
	char frame[RAW_FRAMES][RAW_FRAME] __attribute__((aligned(4096)));
};

static inline void raw_frames_put(struct raw_frames *ring, struct raw_end *end, const char *data)
{
	while (end->at - atomic_load_explicit(&ring->tail, memory_order_acquire) == RAW_FRAMES)
		raw_pause();
	memcpy(ring->frame[end->at % RAW_FRAMES], data, RAW_FRAME);
	atomic_store_explicit(&ring->head, ++end->at, memory_order_release);
}

static inline void raw_frames_get(struct raw_frames *ring, struct raw_end *end, char *data)
{
	while (end->at == atomic_load_explicit(&ring->head, memory_order_acquire))
		raw_pause();
	memcpy(data, ring->frame[end->at % RAW_FRAMES], RAW_FRAME);
	atomic_store_explicit(&ring->tail, ++end->at, memory_order_release);
}

#endif
