/* SPDX-License-Identifier: MIT
 *
 * kept.c - objects of which the kernel keeps a list that anybody may read: file locks, System V semaphores
 * and queues. Each list is read once a look.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sem.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"

static const char *list(char **text, const char *path)
{
	int error;

	if (!*text)
		*text = sinew__slurp_all(&error, "%s", path);
	return *text;
}

static const char *next_line(const char *at)
{
	at = strchr(at, '\n');
	return at && at[1] ? at + 1 : NULL;
}

/* ---- file locks ---- */

struct lock {
	unsigned number;
	bool waits;
	int64_t pid;
};

/* "1: -> FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"; who waits stands behind who holds, perhaps deeper. */
static bool parse_lock(const char *line, struct lock *lock)
{
	int end = 0;

	if (sscanf(line, "%u: %n", &lock->number, &end) != 1 || !end)
		return false;
	line += end;
	line += strspn(line, " ");
	lock->waits = strncmp(line, "->", 2) == 0;
	if (lock->waits)
		line += 2;
	return sscanf(line, "%*s %*s %*s %" SCNd64, &lock->pid) == 1;
}

/* The line of the process that waits has the number of the one that it waits for. */
static const struct lock *find_holder(
	const char *text, uint32_t pid, struct lock *holder, const struct lock **found)
{
	struct lock lock;

	*found = NULL;
	for (const char *line = text; line; line = next_line(line)) {
		if (!parse_lock(line, &lock))
			continue;
		if (!lock.waits)
			*holder = lock;
		else if (lock.number == holder->number && lock.pid == pid)
			return *found = holder;
	}
	return NULL;
}

void sinew__lock_object(struct sinew__look *look, struct sinew__facts *facts)
{
	int command = (int)facts->args[1];
	bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
	struct lock holder = {0};
	const struct lock *found;

	sinew__file_object(look, facts, (int32_t)facts->args[0], 0);
	if (strcmp(facts->call, "fcntl") == 0 && !waits) {
		facts->cause = "waits in the kernel";
		return;
	}
	const char *text = list(&look->locks, "/proc/locks");
	if (!text || !find_holder(text, facts->pid, &holder, &found))
		return;
	facts->evidence |= SINEW__BY_LOCKS;
	if (found->pid > 0) {
		sinew__add_other(facts, (uint32_t)found->pid);
		facts->others_known = true;
	}
}

/* ---- System V ---- */

static bool same_ipc(struct sinew__look *look, const struct sinew__facts *facts)
{
	char name[64];

	if (!*look->own_ipc)
		sinew__read_link(look->own_ipc, sizeof look->own_ipc, "/proc/self/ns/ipc");
	return sinew__read_link(name, sizeof name, "/proc/%" PRIu32 "/ns/ipc", facts->pid) > 0 &&
	       strcmp(name, look->own_ipc) == 0;
}

/* The line of this id: "key id …", and its key. */
static const char *find_id(const char *text, int32_t id, int32_t *key)
{
	int32_t found;

	for (const char *line = text ? next_line(text) : NULL; line; line = next_line(line))
		if (sscanf(line, "%" SCNd32 " %" SCNd32, key, &found) == 2 && found == id)
			return line;
	return NULL;
}

/* "msgq:0x51" as a URI has it, "msgq:[7]" if it has no key, or we do not know it. */
static void put_id(struct sinew__facts *facts, const char *scheme, int32_t id, int32_t key)
{
	if (key)
		snprintf(facts->object, sizeof facts->object, "%s:0x%" PRIx32, scheme,
			(uint32_t)key);
	else
		snprintf(facts->object, sizeof facts->object, "%s:[%" PRId32 "]", scheme, id);
}

/* What the first operation is that could make it wait. */
static int find_member(struct sinew__facts *facts)
{
	struct sembuf first;

	if (sinew__peek(facts->pid, facts->args[1], &first, sizeof first) < 0)
		return -1;
	facts->evidence |= SINEW__BY_MEMORY;
	return first.sem_num;
}

void sinew__sem_object(struct sinew__look *look, struct sinew__facts *facts)
{
	int32_t id = (int32_t)facts->args[0], key = 0;
	int member = find_member(facts);
	bool ours = same_ipc(look, facts);

	if (ours && find_id(list(&look->sems, "/proc/sysvipc/sem"), id, &key))
		facts->evidence |= SINEW__BY_SYSVIPC;
	put_id(facts, "sysvsem", id, key);
	size_t used = strlen(facts->object);
	if (member >= 0)
		snprintf(facts->object + used, sizeof facts->object - used, "?n=%d", member);
	/* Who changed it last: he may hold it. */
	int last = ours && member >= 0 ? semctl(id, member, GETPID) : -1;
	if (last > 0 && (uint32_t)last != facts->pid)
		sinew__add_other(facts, (uint32_t)last);
}

void sinew__queue_object(struct sinew__look *look, struct sinew__facts *facts)
{
	int32_t id = (int32_t)facts->args[0], key = 0, last[2];
	const char *line = NULL;

	if (same_ipc(look, facts))
		line = find_id(list(&look->queues, "/proc/sysvipc/msg"), id, &key);
	if (line)
		facts->evidence |= SINEW__BY_SYSVIPC;
	put_id(facts, "msgq", id, key);
	/* Who sent last, who received last. */
	if (line &&
		sscanf(line, "%*s %*s %*s %*s %*s %" SCNd32 " %" SCNd32, &last[0], &last[1]) == 2) {
		int32_t other = last[strcmp(facts->call, "msgsnd") == 0];
		if (other > 0 && (uint32_t)other != facts->pid)
			sinew__add_other(facts, (uint32_t)other);
	}
}
