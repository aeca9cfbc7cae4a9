/* SPDX-License-Identifier: MIT
 *
 * scribble.c - a hostile member of a ring: writes where it likes, takes locks, rings bells, cuts.
 */
#include "scribble.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

void scribble_begin(struct scribbler *s, const struct sinew__ring *ring)
{
	const uint8_t *base = ring->base;
	char path[40];
	struct stat st;

	snprintf(path, sizeof path, "/proc/self/fd/%d", ring->fd);
	*s = (struct scribbler){.fd = open(path, O_RDWR | O_CLOEXEC)};
	REQUIRE(s->fd >= 0 && fstat(s->fd, &st) == 0, "%s: %m", path);
	s->size = (size_t)st.st_size;
	s->base = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	REQUIRE(s->base != MAP_FAILED, "%m");
	s->members_at = (size_t)((const uint8_t *)ring->members - base);
	s->lanes_at = (size_t)((const uint8_t *)ring->shared - base);
	s->words_at = (size_t)((const uint8_t *)ring->lanes[0].words - base);
	if (ring->histories) {
		s->histories_at = (size_t)((const uint8_t *)ring->histories - base);
		s->cursors_at = (size_t)((const uint8_t *)ring->cursors - base);
		s->cursors_size = ring->cursors_each * sizeof *ring->cursors;
	}
	s->slots = ring->slots;
	s->lanes = ring->lane_count;
	s->words = ring->lanes[0].word_count;
	s->used = s->words_at + s->lanes * s->words * sizeof(uint64_t);
}

void scribble_end(struct scribbler *s)
{
	munmap(s->base, s->size);
	close(s->fd);
}

static uint64_t take_value(struct input *in, uint64_t now)
{
	const unsigned byte = take_byte(in), p = byte >> 3;
	struct sinew__ring_at at = sinew__ring_unpack(now);

	switch (byte & 7) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return now + (uint64_t)(int8_t)take_byte(in);
	case 3:
		return now ^ UINT64_C(1) << ((p + take_byte(in)) & 63);
	case 4:
		return take_number(in, 8);
	case 5:
		return p;
	case 6:
		return sinew__owner((uint64_t)take_byte(in) << 8 | p, SINEW__OWNER_LIVE);
	default:
		at.words += (uint32_t)(int16_t)take_number(in, 2);
		at.units += (uint32_t)(int16_t)take_number(in, 2);
		return sinew__ring_pack(at);
	}
}

/* What is cut away is not there to be written to. */
static bool is_there(const struct scribbler *s, size_t at)
{
	struct stat st;

	return !s->cut || (fstat(s->fd, &st) == 0 && at + 8 <= (size_t)st.st_size);
}

static void write_at(struct scribbler *s, struct input *in, size_t at)
{
	uint64_t now;

	at &= ~(size_t)7;
	if (!is_there(s, at))
		return;
	memcpy(&now, s->base + at, sizeof now);
	now = take_value(in, now);
	memcpy(s->base + at, &now, sizeof now);
}

/* A field of a part: its number counts what is used of it, four bytes each, for some are as small. */
static void write_field(
	struct scribbler *s, struct input *in, size_t part, const uint8_t *fields, unsigned count)
{
	const size_t at = part + 4u * fields[take_byte(in) % count];
	uint32_t now;

	if (at % 8 == 0) {
		write_at(s, in, at);
	} else if (is_there(s, at & ~(size_t)7)) {
		memcpy(&now, s->base + at, sizeof now);
		now = (uint32_t)take_value(in, now);
		memcpy(s->base + at, &now, sizeof now);
	}
}

/* Edge, wish, first, last, waits, some of the marks, head, some of the newest. */
static void write_history(struct scribbler *s, struct input *in, unsigned lane)
{
	static const uint8_t fields[] = {
		0, 2, 4, 6, 8, 10, 12, 32, 34, 36, 38, 40, 42, 218, 220, 222, 224, 226, 228, 230};

	write_field(s, in, s->histories_at + lane * sizeof(struct sinew__ring_history), fields,
		sizeof fields);
}

static void write_lane(struct scribbler *s, struct input *in)
{
	static const uint8_t fields[] = {0, 2, 3, 4, 32, 34, 36, 64, 66, 68, 70, 72, 74, 96, 97,
		128, 129, 64, 66, 68}; /* most often the positions and the claim */
	const unsigned byte = take_byte(in), lane = byte % s->lanes;

	if (byte >= 128 && s->histories_at) {
		write_history(s, in, lane);
		return;
	}
	write_field(
		s, in, s->lanes_at + lane * sizeof(struct sinew__ring_lane), fields, sizeof fields);
}

static void write_member(struct scribbler *s, struct input *in)
{
	static const uint8_t fields[] = {0, 2, 3, 4, 5, 6, 7, 32, 34, 36, 38};
	static const uint8_t place[] = {0, 2, 4};
	const unsigned byte = take_byte(in), slot = byte % s->slots;

	if (byte >= 128 && s->cursors_at) {
		write_field(s, in,
			s->cursors_at + slot * s->cursors_size +
				slot % s->lanes * sizeof(struct sinew__ring_mark),
			place, sizeof place);
		return;
	}
	write_field(s, in, s->members_at + slot * sizeof(struct sinew__ring_member), fields,
		sizeof fields);
}

static void write_header(struct scribbler *s, struct input *in)
{
	static const uint8_t fields[] = {0, 2, 3, 4, 5, 6, 7, 8, 10, 12, 32, 33};

	write_field(s, in, 0, fields, sizeof fields);
}

static size_t word_at(const struct scribbler *s, unsigned lane, uint32_t word)
{
	return s->words_at + (lane * s->words + (word & (s->words - 1))) * sizeof(uint64_t);
}

/* Where the reader of a lane is, as the lane says. */
static uint32_t reader_at(const struct scribbler *s, unsigned lane, const struct sinew__ring *ring)
{
	const struct sinew__ring_lane *shared =
		(void *)(s->base + s->lanes_at + lane * sizeof *shared);

	if (ring->histories) /* somewhere before it */
		return (uint32_t)((
			const struct sinew__ring_history *)(void *)(s->base +
								    s->histories_at))[lane]
			.edge.words;
	return (uint32_t)(ring->pattern == SINEW__RING_PAIR ? shared->taken : shared->next);
}

static void write_word(struct scribbler *s, struct input *in, const struct sinew__ring *ring)
{
	const unsigned lane = take_byte(in) % s->lanes;
	const uint32_t where = (uint32_t)(int16_t)take_number(in, 2);
	const uint64_t kind = take_byte(in), size = take_number(in, 2);

	if (!is_there(s, s->used - 8))
		return;
	const uint32_t at = reader_at(s, lane, ring) + where;
	const uint64_t lap = sinew__lane_lap(&ring->lanes[lane], at);
	const uint64_t word =
		lap << SINEW__WORD_LAP | (kind & 15) << SINEW__WORD_KIND | (kind >> 4) << 28 | size;
	memcpy(s->base + word_at(s, lane, at), &word, sizeof word);
}

static void write_data(struct scribbler *s, struct input *in)
{
	const unsigned lane = take_byte(in) % s->lanes;

	write_at(s, in, word_at(s, lane, (uint32_t)take_number(in, 2)));
}

static void play_with_locks(struct scribbler *s, struct input *in)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = SINEW__RING_LOCKS, .l_len = 1};

	lock.l_start += take_byte(in) % s->slots;

	const unsigned how = take_byte(in);
	if (how & 1)
		lock.l_type = F_UNLCK;
	if (how & 2)
		lock.l_start += SINEW__RING_SLOTS; /* an heir's */
	fcntl(s->fd, F_OFD_SETLK, &lock);
}

static void ring_or_cut(struct scribbler *s, struct input *in, const struct sinew__ring *ring)
{
	const size_t left = (size_t)take_byte(in) * PAGE;
	const uint64_t one = 1;

	if (ring->guests)
		for (unsigned i = 0; i < ring->guests->fd_count; i++)
			if (write(ring->guests->fds[i], &one, sizeof one) < 0)
				return;
	if (!s->may_cut || left >= s->size)
		return;
	s->cut = true;
	REQUIRE(ftruncate(s->fd, (off_t)left) == 0, "%m");
}

void scribble(struct scribbler *s, struct input *in, const struct sinew__ring *ring)
{
	switch (take_byte(in) & 7) {
	case 0:
		write_word(s, in, ring);
		break;
	case 1:
		write_lane(s, in);
		break;
	case 2:
		write_member(s, in);
		break;
	case 3:
		write_header(s, in);
		break;
	case 4:
		write_at(s, in, take_number(in, 3) * 8 % s->size);
		break;
	case 5:
		write_data(s, in);
		break;
	case 6:
		play_with_locks(s, in);
		break;
	default:
		ring_or_cut(s, in, ring);
	}
}
