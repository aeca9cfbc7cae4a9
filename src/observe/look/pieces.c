/* SPDX-License-Identifier: MIT
 *
 * pieces.c - what is mapped where in a process: /proc/PID/maps, kept for the one that was looked at last.
 */
#include <inttypes.h>
#include <string.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"

static const char *maps_of(struct sinew__look *look, struct sinew__facts *facts)
{
	int error;

	if (look->maps_of != facts->pid) {
		free(look->maps);
		look->maps = sinew__slurp_all(&error, "/proc/%" PRIu32 "/maps", facts->pid);
		look->maps_of = facts->pid;
	}
	if (look->maps)
		facts->evidence |= SINEW__BY_MAPS;
	return look->maps;
}

/* "7f00-7f01 rw-s 00000000 00:01 1024                      /dev/shm/x"; a newline in a name is \012. */
static bool parse(const char *line, struct sinew__piece *piece)
{
	int end = 0;
	char rights[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 "%n", &piece->from,
		    &piece->to, rights, &piece->offset, &piece->ino, &end) != 5)
		return false;
	const char *path = line + end + strspn(line + end, " ");
	piece->shared = rights[3] == 's';
	snprintf(piece->path, sizeof piece->path, "%.*s", (int)strcspn(path, "\n"), path);
	return true;
}

bool sinew__piece_next(struct sinew__look *look, struct sinew__facts *facts, const char **at,
	struct sinew__piece *piece)
{
	const char *line = *at ? strchr(*at, '\n') : maps_of(look, facts);

	line += line && *line == '\n';
	*at = line;
	return line && *line && parse(line, piece);
}

bool sinew__piece_at(struct sinew__look *look, struct sinew__facts *facts, uint64_t address,
	struct sinew__piece *piece)
{
	const char *at = NULL;

	while (sinew__piece_next(look, facts, &at, piece))
		if (address >= piece->from && address < piece->to)
			return true;
	return false;
}
