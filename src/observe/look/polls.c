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

/* What it is called, told of the first few; who holds the others, of all. */
static void put_files(struct sinew__look *look, struct sinew__facts *facts, const int32_t *fds,
	const unsigned *modes, size_t count)
{
	char text[SINEW__LOOK_OBJECT] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		struct sinew__file file;
		if (sinew__file_look(look, facts, fds[i], &file))
			sinew__file_want(look, facts, &file, modes[i]);
		if (i < SHOWN && used < sizeof text)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%.64s",
				i ? ", " : "", file.text);
	}
	if (count > SHOWN && used < sizeof text)
		snprintf(text + used, sizeof text - used, " and %zu more", count - SHOWN);
	snprintf(facts->object, sizeof facts->object, "%s", text);
	if (count == 0)
		facts->cause = "sleeps";
}

static unsigned mode_of(bool in, bool out)
{
	return in && !out ? 4 : out && !in ? 2 : 0;
}

static void no_memory(struct sinew__facts *facts)
{
	snprintf(facts->object, sizeof facts->object, "unknown");
}

void sinew__poll_object(struct sinew__look *look, struct sinew__facts *facts)
{
	struct pollfd polled[MOST];
	int32_t fds[MOST];
	unsigned modes[MOST];
	size_t asked = facts->args[1] < MOST ? facts->args[1] : MOST, count = 0;

	if (asked && sinew__peek(facts->pid, facts->args[0], polled, asked * sizeof *polled) < 0) {
		no_memory(facts);
		return;
	}
	facts->evidence |= asked ? SINEW__BY_MEMORY : 0;
	for (size_t i = 0; i < asked; i++)
		if (polled[i].fd >= 0) {
			modes[count] =
				mode_of(polled[i].events & POLLIN, polled[i].events & POLLOUT);
			fds[count++] = polled[i].fd;
		}
	if (!sinew__ring_bell(look, facts, fds, count))
		put_files(look, facts, fds, modes, count);
}

/* Sets are of words of the kernel's. */
void sinew__select_object(struct sinew__look *look, struct sinew__facts *facts)
{
	unsigned long sets[3][FD_SETSIZE / (8 * sizeof(long))] = {{0}};
	size_t n = facts->args[0] < FD_SETSIZE ? facts->args[0] : FD_SETSIZE, count = 0;
	const size_t bits = 8 * sizeof(long);
	int32_t fds[MOST];
	unsigned modes[MOST];

	for (unsigned i = 0; i < 3 && n; i++)
		if (facts->args[1 + i] && sinew__peek(facts->pid, facts->args[1 + i], sets[i],
						  (n + bits - 1) / bits * sizeof(long)) < 0) {
			no_memory(facts);
			return;
		}
	facts->evidence |= n ? SINEW__BY_MEMORY : 0;
	for (size_t fd = 0; fd < n && count < MOST; fd++) {
		bool in[3];
		for (unsigned i = 0; i < 3; i++)
			in[i] = sets[i][fd / bits] >> fd % bits & 1;
		if (!in[0] && !in[1] && !in[2])
			continue;
		modes[count] = mode_of(in[0], in[1]);
		fds[count++] = (int32_t)fd;
	}
	put_files(look, facts, fds, modes, count);
}

/* fdinfo of the set: "tfd:        5 events:       19 data: …", a line for each. */
void sinew__epoll_object(struct sinew__look *look, struct sinew__facts *facts)
{
	int error;
	int32_t fds[MOST];
	unsigned modes[MOST], events;
	size_t count = 0;
	LOOK_FREE char *text =
		sinew__slurp_all(&error, "/proc/%" PRIu32 "/task/%" PRIu32 "/fdinfo/%" PRId32,
			facts->pid, facts->tid, (int32_t)facts->args[0]);

	if (!text) {
		no_memory(facts);
		return;
	}
	facts->evidence |= SINEW__BY_FDINFO;
	for (const char *at = strstr(text, "tfd:"); at && count < MOST; at = strstr(at + 4, "tfd:"))
		if (sscanf(at, "tfd: %" SCNd32 " events: %x", &fds[count], &events) == 2) {
			modes[count] = mode_of(events & POLLIN, events & POLLOUT);
			count++;
		}
	put_files(look, facts, fds, modes, count);
}
