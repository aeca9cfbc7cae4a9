/* SPDX-License-Identifier: MIT
 *
 * scribble.h - what a hostile member does to a ring, written out. Each act is one byte, the kind in its
 * low three bits, and then, big-endian:
 *   0 word      lane(1) where(2, from the next one to be read) kind(1) size(2): a word of the right lap
 *   1 lane      lane(1) field(1) value; where every reader reads all, from 128 on what it keeps of that lane
 *   2 member    slot(1) field(1) value; there, from 128 on its place on the lane with the slot's number
 *   3 header    field(1) value
 *   4 anywhere  where(3, in words) value
 *   5 data      lane(1) where(2) value: in the words of a lane, wherever they are now
 *   6 locks     slot(1) which(1): takes the lock of a slot, or, if odd, gives it up
 *   7 bells     pages(1): rings all that came with the ring, and cuts the file after so many pages
 * A value is a byte: kind in the low three bits, p in the rest:
 *   0 zero  1 all ones  2 add(1, signed)  3 one bit, p + number(1)  4 literal(8)
 *   5 p as it is  6 an owner: slot p, generation(1)  7 a position: words(2) units(2), from where it is
 */
#ifndef SINEW_FUZZ_SCRIBBLE_H
#define SINEW_FUZZ_SCRIBBLE_H

#include "fuzz.h"
#include "ring/ring.h"

/* A ring as the hostile one has it mapped. */
struct scribbler {
	uint8_t *base;
	size_t size, used; /* used: what is before the data */
	size_t members_at, lanes_at, words_at;
	size_t histories_at, cursors_at, cursors_size; /* 0: a pair, a queue; of one member */
	unsigned slots, lanes, words;                  /* words of a lane */
	int fd;                                        /* an open file of its own */
	bool may_cut;
	bool cut; /* has done so */
};

/* Maps the memory of a ring that somebody has open. */
void scribble_begin(struct scribbler *, const struct sinew__ring *);
void scribble(struct scribbler *, struct input *, const struct sinew__ring *);
void scribble_end(struct scribbler *);

#endif
