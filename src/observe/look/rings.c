/* SPDX-License-Identifier: MIT
 *
 * rings.c - who sleeps in a ring of sinew's: on a word of its memory, or on a descriptor that is rung. The
 * ring is known by its magic, its name by what is mapped; nothing of it is believed but where it is.
 */
#include <inttypes.h>
#include <string.h>

#include "../../banned.h"
#include "../../ring/layout.h"
#include "../public_name.h"
#include "files.h"
#include "inside.h"

enum { LOCAL = 256 };

static const char no_name[] = "/memfd:sinew";

/* The head of the ring that this piece, or one with the same name in front of it, begins. */
static bool read_head(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__piece *piece, struct sinew__ring_header *head, uint64_t *base)
{
	struct sinew__piece at;
	const char *line = NULL;

	while (sinew__piece_next(look, facts, &line, &at)) {
		if (at.offset || !at.shared || strcmp(at.path, piece->path) != 0 ||
			sinew__peek(facts->pid, at.from, head, sizeof *head) < 0 ||
			head->magic != SINEW__RING_MAGIC || head->slots > SINEW__RING_SLOTS)
			continue;
		facts->evidence |= SINEW__BY_MEMORY;
		*base = at.from;
		return true;
	}
	return false;
}

bool sinew__ring_word(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__piece *piece, uint64_t address)
{
	const uint64_t rung = offsetof(struct sinew__ring_bell, rung);
	uint64_t offset = piece->offset + (address - piece->from), base;
	struct sinew__ring_header head;

	if (!piece->shared || *piece->path != '/' || !read_head(look, facts, piece, &head, &base))
		return false;
	const uint64_t lanes = sizeof head + head.slots * sizeof(struct sinew__ring_member);
	const uint64_t inside =
		offset < lanes ? LOCAL * LOCAL : (offset - lanes) % sizeof(struct sinew__ring_lane);
	if (offset == offsetof(struct sinew__ring_header, work) + rung ||
		inside == offsetof(struct sinew__ring_lane, work) + rung)
		facts->cause = "waits for data";
	else if (inside == offsetof(struct sinew__ring_lane, room) + rung)
		facts->cause = "waits for room";
	else
		return false;
	sinew__ring_name(piece->path, facts->object, sizeof facts->object);
	return true;
}

/* ---- rung by a descriptor ---- */

/* Which of its bells this process has armed: that is what it sleeps for. */
static const char *armed_for(
	struct sinew__facts *facts, const struct sinew__ring_header *head, uint64_t base)
{
	for (unsigned i = 0; i < head->slots; i++) {
		struct sinew__ring_member member;
		if (sinew__peek(facts->pid, base + sizeof *head + i * sizeof member, &member,
			    sizeof member) < 0)
			return NULL;
		if (member.pid != facts->pid || !(member.armed[0] || member.armed[1]))
			continue;
		if (member.armed[0] && member.armed[1])
			return "waits for data or room";
		return member.armed[0] ? "waits for data" : "waits for room";
	}
	return NULL;
}

/* A memfd has no name; the socket at which its maker hands it out has. */
static void put_socket(
	struct sinew__look *look, struct sinew__facts *facts, const int32_t *fds, size_t count)
{
	sinew__ring_name(no_name, facts->object, sizeof facts->object);
	for (size_t i = 1; i < count; i++) {
		struct sinew__file file;
		if (sinew__file_look(look, facts, fds[i], &file) &&
			file.kind == SINEW__FILE_SOCKET && strncmp(file.text, "unix:/", 6) == 0) {
			snprintf(facts->object, sizeof facts->object, "ring:memfd:%.*s", LOCAL,
				file.text + strlen("unix:"));
			return;
		}
	}
}

bool sinew__ring_bell(
	struct sinew__look *look, struct sinew__facts *facts, const int32_t *fds, size_t count)
{
	struct sinew__piece piece;
	struct sinew__ring_header head;
	struct sinew__file file;
	const char *line = NULL, *cause = NULL;
	uint64_t base;

	if (!count || strcmp(facts->call, "ppoll") != 0 ||
		!sinew__file_look(look, facts, fds[0], &file) || file.kind != SINEW__FILE_EVENTFD)
		return false;
	while (!cause && sinew__piece_next(look, facts, &line, &piece))
		if (piece.shared && !piece.offset &&
			strncmp(piece.path, no_name, strlen(no_name)) == 0 &&
			sinew__peek(facts->pid, base = piece.from, &head, sizeof head) == 0 &&
			head.magic == SINEW__RING_MAGIC && head.slots <= SINEW__RING_SLOTS)
			cause = armed_for(facts, &head, base);
	if (!cause)
		return false;
	facts->cause = cause;
	facts->evidence |= SINEW__BY_MEMORY;
	put_socket(look, facts, fds, count);
	return true;
}
