/* SPDX-License-Identifier: MIT
 *
 * polls.c - the objects of those who wait for one of several descriptors.
 */
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"

enum { MOST = 64, SHOWN = 4 };

/* Descriptors, and what is waited for at each: 4 to read, 2 to write, 0 either. */
struct set {
	size_t count;
	int32_t fds[MOST];
	unsigned modes[MOST];
};

static void add(struct set *set, int32_t fd, bool in, bool out)
{
	if (set->count == MOST)
		return;
	set->modes[set->count] = in && !out ? 4 : out && !in ? 2 : 0;
	set->fds[set->count++] = fd;
}

/* fdinfo of an epoll set: "tfd:        5 events:       19 data: …", a line for each. */
static bool add_epoll(struct sinew__facts *facts, int32_t fd, struct set *set)
{
	int error;
	LOOK_FREE char *text = sinew__slurp_all(&error,
		"/proc/%" PRIu32 "/task/%" PRIu32 "/fdinfo/%" PRId32, facts->pid, facts->tid, fd);

	if (!text)
		return false;
	facts->evidence |= SINEW__BY_FDINFO;
	for (const char *at = strstr(text, "tfd:"); at; at = strstr(at + 4, "tfd:")) {
		int32_t member;
		unsigned events;
		if (sscanf(at, "tfd: %" SCNd32 " events: %x", &member, &events) == 2)
			add(set, member, events & POLLIN, events & POLLOUT);
	}
	return true;
}

/* ---- what they are called ---- */

struct list {
	size_t count;
	char texts[MOST][72];
};

static void put(struct list *list, const char *text)
{
	snprintf(list->texts[list->count++], sizeof list->texts[0], "%.71s", text);
}

/* The first few; what is behind them is counted. */
static void write_lists(struct sinew__facts *facts, const struct list *lists)
{
	size_t used = 0, shown = 0, all = lists[0].count + lists[1].count;

	for (unsigned which = 0; which < 2; which++)
		for (size_t i = 0; i < lists[which].count && shown < SHOWN; i++, shown++)
			used += (size_t)snprintf(facts->object + used, sizeof facts->object - used,
				"%s%s", shown ? ", " : "", lists[which].texts[i]);
	if (all > shown)
		snprintf(facts->object + used, sizeof facts->object - used, " and %zu more",
			all - shown);
}

_Static_assert(SHOWN *(sizeof((struct list *)0)->texts[0] + 2) <= SINEW__LOOK_OBJECT, "room");

/* Channels come first, then what only tells of something: timers, events. A set inside stands for what is
 * in it, which is appended. */
static void put_set(struct sinew__look *look, struct sinew__facts *facts, struct set *set)
{
	struct list lists[2];
	char only[SINEW__LOOK_OBJECT] = ""; /* whole, if it is the only one */

	lists[0].count = lists[1].count = 0;
	if (set->count == 0)
		facts->cause = "sleeps";
	for (size_t i = 0; i < set->count; i++) {
		struct sinew__file file;
		bool seen = sinew__file_look(look, facts, set->fds[i], &file);
		if (seen && strcmp(file.link, "anon_inode:[eventpoll]") == 0 &&
			add_epoll(facts, set->fds[i], set))
			continue;
		if (seen)
			sinew__file_want(look, facts, &file, set->modes[i]);
		memcpy(only, file.text, sizeof only);
		put(&lists[file.kind > SINEW__FILE_MQ || file.kind == SINEW__FILE_EVENTFD],
			file.text);
	}
	write_lists(facts, lists);
	if (lists[0].count + lists[1].count == 1)
		snprintf(facts->object, sizeof facts->object, "%s", only);
}

static void no_memory(struct sinew__facts *facts)
{
	snprintf(facts->object, sizeof facts->object, "unknown");
}

/* ---- the calls ---- */

void sinew__poll_object(struct sinew__look *look, struct sinew__facts *facts)
{
	struct pollfd polled[MOST];
	struct set set = {0};
	size_t asked = facts->args[1] < MOST ? facts->args[1] : MOST;

	if (asked && sinew__peek(facts->pid, facts->args[0], polled, asked * sizeof *polled) < 0) {
		no_memory(facts);
		return;
	}
	facts->evidence |= asked ? (uint32_t)SINEW__BY_MEMORY : 0;
	for (size_t i = 0; i < asked; i++)
		if (polled[i].fd >= 0)
			add(&set, polled[i].fd, polled[i].events & POLLIN,
				polled[i].events & POLLOUT);
	if (!sinew__ring_bell(look, facts, set.fds, set.count))
		put_set(look, facts, &set);
}

/* Sets are of words of the kernel's. */
void sinew__select_object(struct sinew__look *look, struct sinew__facts *facts)
{
	unsigned long sets[3][FD_SETSIZE / (8 * sizeof(long))] = {{0}};
	const size_t bits = 8 * sizeof(long),
		     n = facts->args[0] < FD_SETSIZE ? facts->args[0] : FD_SETSIZE;
	struct set set = {0};

	for (unsigned i = 0; i < 3 && n; i++)
		if (facts->args[1 + i] && sinew__peek(facts->pid, facts->args[1 + i], sets[i],
						  (n + bits - 1) / bits * sizeof(long)) < 0) {
			no_memory(facts);
			return;
		}
	facts->evidence |= n ? (uint32_t)SINEW__BY_MEMORY : 0;
	for (size_t fd = 0; fd < n; fd++) {
		bool in[3];
		for (unsigned i = 0; i < 3; i++)
			in[i] = sets[i][fd / bits] >> fd % bits & 1;
		if (in[0] || in[1] || in[2])
			add(&set, (int32_t)fd, in[0], in[1]);
	}
	put_set(look, facts, &set);
}

void sinew__epoll_object(struct sinew__look *look, struct sinew__facts *facts)
{
	struct set set = {0};

	if (add_epoll(facts, (int32_t)facts->args[0], &set))
		put_set(look, facts, &set);
	else
		no_memory(facts);
}
