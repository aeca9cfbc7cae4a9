/* SPDX-License-Identifier: MIT
 *
 * futexes.c - what a word is that a thread sleeps on. The kernel knows an address alone; what the C
 * library keeps around it (glibc's mutex, semaphore, condition, read-write lock) is read from the memory of
 * the process. Nothing there is marked, so each has to fit in several places before it is named, and
 * whoever is said to own one has to be alive; else it stays an address.
 */
#include <dirent.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <string.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"

static const char semaphores[] = "/dev/shm/sem.";

enum { PRIVATE = FUTEX_PRIVATE_FLAG, BEFORE = 12, AFTER = 8 };

/* Words of memory around the one that is slept on. */
struct around {
	uint64_t address;
	uint32_t value; /* the one it had when the thread went to sleep */
	bool private;
	uint32_t words[BEFORE + AFTER];
};

static uint32_t word(const struct around *around, int bytes)
{
	return around->words[BEFORE + bytes / 4];
}

static bool read_around(struct sinew__facts *facts, uint64_t address,
	const struct sinew__piece *piece, struct around *around)
{
	uint64_t from = address - 4 * BEFORE, to = address + 4 * AFTER;

	if (from < piece->from || from > address)
		from = piece->from;
	if (to > piece->to)
		to = piece->to;
	memset(around->words, 0, sizeof around->words);
	int r = sinew__peek(
		facts->pid, from, (char *)around->words + 4 * BEFORE - (address - from), to - from);
	if (r == 0)
		facts->evidence |= SINEW__BY_MEMORY;
	return r == 0;
}

/* ---- owners ---- */

/* A thread that could hold it: of the same process if the word is its alone. */
static const struct sinew__facts *owner(const struct sinew__look *look,
	const struct sinew__facts *facts, const struct around *around, uint32_t tid)
{
	const struct sinew__facts *found = tid ? sinew__look_thread(look, tid) : NULL;

	return found && (!around->private || found->pid == facts->pid) ? found : NULL;
}

static void own(struct sinew__facts *facts, const struct sinew__facts *found)
{
	if (!found)
		return;
	sinew__add_other(facts, found->tid);
	facts->others_known = true;
}

/* ---- what it could be: how many bytes in front of the word it begins, or -1 ---- */

/* lock, count, owner, users, kind. Robust and PI ones have the owner in the word itself. */
static int is_mutex(
	const struct sinew__look *look, struct sinew__facts *facts, const struct around *around)
{
	const struct sinew__facts *found = NULL;

	if (around->value & FUTEX_WAITERS)
		found = owner(look, facts, around, around->value & FUTEX_TID_MASK);
	else if (around->value == 2 && word(around, 12) && word(around, 12) < 1u << 20 &&
		 word(around, 16) < 512)
		found = owner(look, facts, around, word(around, 8));
	own(facts, found);
	return found ? 0 : -1;
}

/* readers, writers, phase, writers' word, -, -, writer. */
static int is_rwlock(
	const struct sinew__look *look, struct sinew__facts *facts, const struct around *around)
{
	for (int begin = 8; begin <= 12 && (around->value & 2); begin += 4) {
		uint32_t readers = word(around, -begin), writer = word(around, 24 - begin);
		const struct sinew__facts *found = owner(look, facts, around, writer);
		if (around->value == 3 && (readers & 3) == 3 && found) {
			own(facts, found);
			return begin;
		}
		if (begin == 8 && around->value == 2 && (readers & 3) == 2 && readers >> 3 &&
			readers >> 3 < 1u << 16 && !writer)
			return begin; /* readers hold it, and are not told */
	}
	return -1;
}

/* …, references of two groups (16), sizes (24), -, waiters (36), signals of two groups (40). */
static int is_condition(
	const struct sinew__look *look, struct sinew__facts *facts, const struct around *around)
{
	(void)look, (void)facts;
	for (int group = 0; group < 2; group++) {
		int begin = 40 + 4 * group;
		uint32_t waiters = word(around, 36 - begin) >> 3,
			 references = word(around, 16 + 4 * group - begin) >> 1;
		if (waiters && waiters < 1u << 16 && references && references <= waiters &&
			word(around, 32 - begin) < 1u << 20)
			return begin;
	}
	return -1;
}

/* value, waiters, private, -. */
static int is_semaphore(
	const struct sinew__look *look, struct sinew__facts *facts, const struct around *around)
{
	(void)look, (void)facts;
	return around->value == 0 && word(around, 4) && word(around, 4) < 1u << 16 &&
			       word(around, 8) == (around->private ? 0 : PRIVATE) &&
			       word(around, 12) == 0
		       ? 0
		       : -1;
}

static const struct kind {
	const char *name, *cause;
	int (*is)(const struct sinew__look *look, struct sinew__facts *facts,
		const struct around *around);
} kinds[] = {
	{"mutex", "waits for a lock", is_mutex},
	{"rwlock", "waits for a lock", is_rwlock},
	{"condition", "waits for a condition", is_condition},
	{"semaphore", "waits for a semaphore", is_semaphore},
};

/* ---- names ---- */

/* "0x7f12…", or in a file that others may have mapped, too: "/dev/shm/x+0x40". */
static void put_place(struct sinew__facts *facts, const char *kind, uint64_t address,
	const struct sinew__piece *piece)
{
	const char *colon = *kind ? ":" : "";

	if (piece && piece->shared && *piece->path == '/')
		snprintf(facts->object, sizeof facts->object, "%s%s%.256s+0x%" PRIx64, kind, colon,
			piece->path, piece->offset + (address - piece->from));
	else
		snprintf(facts->object, sizeof facts->object, "%s%s0x%" PRIx64, kind, colon,
			address);
}

/* The word is where the kernel clears a thread's number at its end: pthread_join(3). */
static bool is_join(const struct sinew__look *look, struct sinew__facts *facts, bool private,
	uint64_t address, uint64_t value)
{
	const struct sinew__facts *found =
		private || value > UINT32_MAX ? NULL : sinew__look_thread(look, (uint32_t)value);
	uint32_t now;

	if (!found || found->pid != facts->pid || found == facts ||
		sinew__peek(facts->pid, address, &now, sizeof now) < 0 || now != value)
		return false;
	facts->evidence |= SINEW__BY_MEMORY;
	facts->cause = "waits for the end of a thread";
	snprintf(facts->object, sizeof facts->object, "thread %" PRIu32, found->tid);
	own(facts, found);
	return true;
}

/* The C library makes it under another name, gives it the right one, and removes the first. */
static void put_semaphore(struct sinew__facts *facts, const struct sinew__piece *piece)
{
	DIR *dir = strstr(piece->path, " (deleted)") ? opendir("/dev/shm") : NULL;
	const struct dirent *entry;

	snprintf(facts->object, sizeof facts->object, "sem:/%s", piece->path + strlen(semaphores));
	while (dir && (entry = readdir(dir)))
		if (entry->d_ino == piece->ino && strncmp(entry->d_name, "sem.", 4) == 0)
			snprintf(facts->object, sizeof facts->object, "sem:/%s", entry->d_name + 4);
	if (dir)
		closedir(dir);
}

static bool is_named_semaphore(struct sinew__facts *facts, const struct sinew__piece *piece)
{
	if (!piece->shared || strncmp(piece->path, semaphores, strlen(semaphores)) != 0)
		return false;
	facts->cause = "waits for a semaphore";
	put_semaphore(facts, piece);
	return true;
}

static void name_kind(struct sinew__look *look, struct sinew__facts *facts,
	const struct sinew__piece *piece, const struct around *around)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		int begin = kinds[i].is(look, facts, around);
		if (begin < 0)
			continue;
		facts->cause = kinds[i].cause;
		put_place(facts, kinds[i].name, around->address - (uint64_t)begin, piece);
		return;
	}
	put_place(facts, "", around->address, piece);
}

void sinew__futex_object(struct sinew__look *look, struct sinew__facts *facts, uint64_t address,
	uint32_t operation, uint64_t value)
{
	struct around around = {
		.address = address, .value = (uint32_t)value, .private = operation & PRIVATE};
	struct sinew__piece piece;

	put_place(facts, "", address, NULL);
	if (is_join(look, facts, around.private, address, value) ||
		!sinew__piece_at(look, facts, address, &piece))
		return;
	/* Who waits for a PI lock gives no value; the word has it. */
	unsigned command = operation & (unsigned)FUTEX_CMD_MASK;
	if (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2)
		sinew__peek(facts->pid, address, &around.value, sizeof around.value);
	if (is_named_semaphore(facts, &piece) || sinew__ring_word(look, facts, &piece, address))
		return;
	if (address % 4 == 0 && read_around(facts, address, &piece, &around))
		name_kind(look, facts, &piece, &around);
	else
		put_place(facts, "", address, &piece);
}
