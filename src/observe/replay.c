/* SPDX-License-Identifier: MIT
 *
 * replay.c - from bytes to records that can be looked at.
 *
 * Invariant: buffer[from, to) has been read and not been given out; a record is given out only when all
 * of it is there. After a record whose size is impossible nothing can be found again: that is the end.
 */
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../banned.h"
#include "fault.h"

enum { BUFFER = 64 << 10, LONGEST_HEADER = 4096 };

struct sinew__replay {
	struct sinew__record_header header;
	const char *name;
	int fd;
	bool ended; /* END was read */
	bool over;  /* nothing more will come */
	size_t from, to;
	uint64_t offset; /* of buffer[from] in the file */
	uint64_t records, promised;
	char fault[256];
	_Alignas(8) unsigned char buffer[BUFFER];
};

/* Fixed part, and what a record must at least have to mean anything. */
static const struct size {
	unsigned short fixed, least;
} sizes[] = {
	[SINEW__RECORD_INTERVAL] = {sizeof(struct sinew__interval), 64},
	[SINEW__RECORD_THREAD] = {sizeof(struct sinew__thread), 32},
	[SINEW__RECORD_ADMIT] = {sizeof(struct sinew__admit), 32},
	[SINEW__RECORD_EXEC] = {sizeof(struct sinew__exec), 32},
	[SINEW__RECORD_EXIT] = {sizeof(struct sinew__exit), 32},
	[SINEW__RECORD_REAPED] = {sizeof(struct sinew__reaped), 48},
	[SINEW__RECORD_NAME] = {sizeof(struct sinew__name), 48},
	[SINEW__RECORD_OBJECT] = {sizeof(struct sinew__object_name), 40},
	[SINEW__RECORD_LOSS] = {sizeof(struct sinew__loss), 24},
	[SINEW__RECORD_CPU] = {sizeof(struct sinew__cpu), 48},
	[SINEW__RECORD_NOTE] = {sizeof(struct sinew__note), 24},
	[SINEW__RECORD_END] = {sizeof(struct sinew__end), 32},
	[SINEW__RECORD_SAMPLE] = {sizeof(struct sinew__sample), 80},
};

enum { TYPES = sizeof sizes / sizeof *sizes };

size_t sinew__record_size(unsigned type)
{
	return type < TYPES ? sizes[type].fixed : 0;
}

bool sinew__record_is_possible(const struct sinew__record *record)
{
	return record->size >= sizeof *record && record->size <= SINEW__RECORD_MOST &&
	       record->size % 8 == 0;
}

static void clip(sinew__u32 *length, const struct sinew__record *record, size_t fixed)
{
	size_t there = record->size > fixed ? record->size - fixed : 0;

	if (*length > there)
		*length = (sinew__u32)there;
}

bool sinew__record_copy(union sinew__any *to, const struct sinew__record *record)
{
	size_t fixed = sinew__record_size(record->type);
	bool text = record->type == SINEW__RECORD_OBJECT || record->type == SINEW__RECORD_NOTE;

	if (!fixed || !sinew__record_is_possible(record) ||
		record->size < sizes[record->type].least)
		return false;
	size_t have = text || record->size < fixed ? record->size : fixed;
	memcpy(to, record, have);
	if (have < fixed)
		memset((char *)to + have, 0, fixed - have);
	if (record->type == SINEW__RECORD_OBJECT)
		clip(&to->object.length, record, fixed);
	if (record->type == SINEW__RECORD_NOTE)
		clip(&to->note.length, record, fixed);
	return true;
}

int sinew__header_check(const struct sinew__record_header *header, const char *name)
{
	if (memcmp(header->magic, SINEW__RECORD_MAGIC, sizeof header->magic) != 0)
		return sinew__observe_fail(EBADMSG, "%s is not a recording", name);
	if (header->order == __builtin_bswap32(SINEW__RECORD_ORDER))
		return sinew__observe_fail(EBADMSG,
			"%s comes from a machine with the other byte order: read it on one of that "
			"kind",
			name);
	if (header->order != SINEW__RECORD_ORDER)
		return sinew__observe_fail(
			EBADMSG, "%s is damaged: its header makes no sense", name);
	if (header->version != SINEW__RECORD_VERSION)
		return sinew__observe_fail(EBADMSG,
			"%s is a recording of version %u, this program reads version %u: use the "
			"sinew "
			"that wrote it",
			name, header->version, SINEW__RECORD_VERSION);
	if (header->size < SINEW__RECORD_HEADER || header->size > LONGEST_HEADER ||
		header->size % 8 != 0)
		return sinew__observe_fail(
			EBADMSG, "%s is damaged: a header of %u bytes", name, header->size);
	return 0;
}

/* Reads until so much is in the buffer: 1, 0 if the file ends before, -errno. */
static int fill(struct sinew__replay *replay, size_t want)
{
	while (replay->to - replay->from < want) {
		if (BUFFER - replay->from < SINEW__RECORD_MOST + want) {
			memmove(replay->buffer, replay->buffer + replay->from,
				replay->to - replay->from);
			replay->to -= replay->from;
			replay->from = 0;
		}
		ssize_t n = read(replay->fd, replay->buffer + replay->to, BUFFER - replay->to);
		if (n == 0)
			return 0;
		if (n > 0)
			replay->to += (size_t)n;
		else if (errno == EINTR)
			return -EINTR;
		else
			return sinew__observe_fail(
				errno, "cannot read %s: %s", replay->name, strerror(errno));
	}
	return 1;
}

static void consume(struct sinew__replay *replay, size_t size)
{
	replay->from += size;
	replay->offset += size;
}

static int read_header(struct sinew__replay *replay)
{
	int r = fill(replay, sizeof replay->header.magic);

	if (r < 0)
		return r;
	memcpy(replay->header.magic, replay->buffer, r ? sizeof replay->header.magic : 0);
	r = fill(replay, SINEW__RECORD_HEADER);
	if (r < 0)
		return r;
	if (r == 0 && memcmp(replay->header.magic, SINEW__RECORD_MAGIC, 8) == 0)
		return sinew__observe_fail(EBADMSG, "%s is cut inside of its header", replay->name);
	if (r)
		memcpy(&replay->header, replay->buffer, sizeof replay->header);
	r = sinew__header_check(&replay->header, replay->name);
	if (r < 0)
		return r;
	r = fill(replay, replay->header.size);
	if (r == 0)
		return sinew__observe_fail(EBADMSG, "%s is cut inside of its header", replay->name);
	consume(replay, replay->header.size);
	return r < 0 ? r : 0;
}

int sinew__replay_open(struct sinew__replay **replay, int fd, const char *name)
{
	struct sinew__replay *made = malloc(sizeof *made);

	if (!made)
		return sinew__observe_fail(ENOMEM, "%s: no memory to read it", name);
	memset(made, 0, offsetof(struct sinew__replay, buffer));
	made->fd = fd;
	made->name = name;
	int r = read_header(made);
	if (r < 0) {
		free(made);
		return r;
	}
	*replay = made;
	return 0;
}

const struct sinew__record_header *sinew__replay_header(const struct sinew__replay *replay)
{
	return &replay->header;
}

#define FAULT(replay, ...) snprintf((replay)->fault, sizeof(replay)->fault, __VA_ARGS__)

static int finish(struct sinew__replay *replay, bool inside)
{
	replay->over = true;
	if (replay->fault[0])
		return 0;
	if (inside)
		FAULT(replay, "it is cut inside of a record, after byte %llu",
			(unsigned long long)replay->offset);
	else if (!replay->ended)
		FAULT(replay, "it is cut after byte %llu: how it went on is not known",
			(unsigned long long)replay->offset);
	else if (replay->promised != replay->records)
		FAULT(replay, "it says that it has %llu records, but has %llu",
			(unsigned long long)replay->promised, (unsigned long long)replay->records);
	return 0;
}

static int damaged(struct sinew__replay *replay)
{
	FAULT(replay, "it is damaged at byte %llu: what follows cannot be read",
		(unsigned long long)replay->offset);
	return finish(replay, false);
}

static void look_at_end(struct sinew__replay *replay, const struct sinew__record *record)
{
	union sinew__any any;

	if (record->type != SINEW__RECORD_END || !sinew__record_copy(&any, record)) {
		replay->records++;
		return;
	}
	replay->ended = true;
	replay->promised = any.end.records;
}

int sinew__replay_next(struct sinew__replay *replay, const struct sinew__record **record)
{
	if (replay->over)
		return 0;
	if (replay->ended)
		return finish(replay, false);
	int r = fill(replay, sizeof **record);
	if (r < 0)
		return r;
	if (r == 0)
		return finish(replay, replay->to != replay->from);
	const struct sinew__record *head = (const void *)(replay->buffer + replay->from);
	if (!sinew__record_is_possible(head))
		return damaged(replay);
	size_t size = head->size;
	r = fill(replay, size);
	if (r <= 0)
		return r < 0 ? r : finish(replay, true);
	*record = (const void *)(replay->buffer + replay->from);
	consume(replay, size);
	look_at_end(replay, *record);
	return 1;
}

const char *sinew__replay_fault(const struct sinew__replay *replay)
{
	return replay->fault[0] ? replay->fault : NULL;
}

void sinew__replay_close(struct sinew__replay *replay)
{
	free(replay);
}
