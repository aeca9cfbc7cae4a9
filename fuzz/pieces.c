/* SPDX-License-Identifier: MIT
 *
 * pieces.c - of the reference: messages put together from pieces. A message begins with its piece
 * at offset 0 and goes on in order; whatever breaks the order ends it, unfinished and lost.
 */
#include "reference.h"

static int find(const struct assembly *a, uint64_t writer)
{
	for (int i = 0; i < SLOTS; i++)
		if (a->slots[i].writer == writer)
			return i;
	return -1;
}

static void clear(struct assembly *a, int slot)
{
	free(a->slots[slot].data);
	a->slots[slot].data = NULL;
	a->slots[slot].writer = 0;
}

static void drop(struct assembly *a, struct reference *ref, int slot)
{
	clear(a, slot);
	reference_lose(ref);
}

static int begin(struct assembly *a, struct reference *ref, const struct piece *piece)
{
	int slot = find(a, piece->writer);

	if (slot >= 0)
		drop(a, ref, slot);
	slot = find(a, 0);
	if (slot < 0) {
		reference_lose(ref);
		return -1;
	}
	a->slots[slot].writer = piece->writer;
	a->slots[slot].total = piece->total;
	a->slots[slot].got = 0;
	a->slots[slot].data = exact(piece->total);
	return slot;
}

bool assembly_add(struct assembly *a, struct reference *ref, const struct piece *piece, size_t max)
{
	if (piece->writer == 0 || piece->size == 0 || piece->total > max ||
		(uint64_t)piece->offset + piece->size > piece->total)
		return false;
	int slot = piece->offset == 0 ? begin(a, ref, piece) : find(a, piece->writer);
	if (slot < 0)
		return true;
	if (a->slots[slot].total != piece->total || a->slots[slot].got != piece->offset) {
		drop(a, ref, slot);
		return true;
	}
	memcpy(a->slots[slot].data + piece->offset, piece->data, piece->size);
	a->slots[slot].got += (uint32_t)piece->size;
	if (a->slots[slot].got == piece->total) {
		reference_add(ref, VERDICT_MESSAGE, a->slots[slot].data, piece->total);
		clear(a, slot);
	}
	return true;
}

void assembly_fini(struct assembly *a, struct reference *ref)
{
	for (int i = 0; i < SLOTS; i++)
		if (a->slots[i].writer)
			drop(a, ref, i);
}
