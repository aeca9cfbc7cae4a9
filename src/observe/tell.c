/* SPDX-License-Identifier: MIT
 *
 * tell.c - the records of lives, put together and given to a source's sink; and what they need of /proc.
 */
#include "tell.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "look/files.h"
#include "look/lines.h"
#include "wait_look.h"

#include "../banned.h"

#define HEAD(type_, record_, flags_, time_)                                                        \
	(struct sinew__record)                                                                     \
	{                                                                                          \
		type_, sizeof(record_), 0, flags_, time_                                           \
	}

static void give(const struct sinew__source *source, const struct sinew__record *record)
{
	source->sink.take(source->sink.arg, record);
}

void sinew__put_comm(char comm[SINEW__COMM], const char *text)
{
	memset(comm, 0, SINEW__COMM);
	memcpy(comm, text, strnlen(text, SINEW__COMM));
}

void sinew__tell_thread(const struct sinew__source *source, const struct sinew__who *who,
	const struct sinew__facts *facts, uint32_t maker, uint16_t flags, uint64_t time)
{
	struct sinew__thread record = {
		.who = *who, .maker_tid = maker, .maker_tgid = maker, .priority = 120};

	if (facts->kernel)
		flags |= SINEW__THREAD_KERNEL;
	record.head = HEAD(SINEW__RECORD_THREAD, record, flags, time);
	if (flags & SINEW__THREAD_SEEDED)
		record.state = sinew__wait_state(facts->letter);
	sinew__put_comm(record.comm, facts->comm);
	give(source, &record.head);
}

void sinew__tell_name(const struct sinew__source *source, const struct sinew__who *who,
	const char *comm, uint64_t time)
{
	struct sinew__name record = {.who = *who};

	record.head = HEAD(SINEW__RECORD_NAME, record, 0, time);
	sinew__put_comm(record.comm, comm);
	give(source, &record.head);
}

void sinew__tell_exit(const struct sinew__source *source, const struct sinew__who *who,
	uint32_t parent, bool process, uint64_t time)
{
	struct sinew__exit record = {.who = *who, .parent_tgid = parent};

	record.head = HEAD(SINEW__RECORD_EXIT, record,
		SINEW__EXIT_UNKNOWN | (process ? SINEW__EXIT_PROCESS : 0), time);
	give(source, &record.head);
}

void sinew__tell_gone(const struct sinew__source *source, const struct sinew__who *who,
	uint32_t reaper, uint64_t exited, uint64_t seen, uint64_t time)
{
	struct sinew__reaped record = {
		.who = *who, .exited = exited, .reaped = seen, .reaper_tgid = reaper};

	record.head = HEAD(SINEW__RECORD_REAPED, record, 0, time);
	give(source, &record.head);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What was made before the machine slept would be of before its boot: there it begins. */
uint64_t sinew__start_ns(uint64_t ticks)
{
	uint64_t asleep = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
	uint64_t boot = ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));

	asleep = asleep / 1000000 * 1000000;
	return boot > asleep ? boot - asleep : 1;
}

bool sinew__read_stat(uint32_t tgid, uint32_t tid, struct sinew__facts *facts)
{
	char text[2048];

	*facts = (struct sinew__facts){.pid = tgid, .tid = tid};
	return sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/task/%" PRIu32 "/stat", tgid,
		       tid) > 0 &&
	       sinew__parse_stat(text, facts) && facts->letter != 'X';
}
