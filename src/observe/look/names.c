/* SPDX-License-Identifier: MIT
 *
 * names.c - objects that stand in the arguments of a system call: a path that is being opened, an address
 * that is connected to, a set of signals, a child. The memory they point to is read as it is now.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../banned.h"
#include "files.h"
#include "inside.h"

static const char unknown[] = "unknown";

static void put(struct sinew__facts *facts, const char *scheme, const char *text)
{
	snprintf(facts->object, sizeof facts->object, "%s%.*s", scheme, SINEW__LOOK_OBJECT - 16,
		text);
}

/* False: we may not, or it is not mapped. */
static bool peek(struct sinew__facts *facts, uint64_t address, void *data, size_t size)
{
	int r = sinew__peek(facts->pid, address, data, size);

	if (r == -EPERM)
		facts->evidence |= SINEW__NO_RIGHT;
	if (r == 0)
		facts->evidence |= SINEW__BY_MEMORY;
	return r == 0;
}

/* ---- a path ---- */

/* As that process resolves it, without following what waits behind it. */
static bool is_fifo(const struct sinew__facts *facts, const char *path, int32_t dir)
{
	char full[PATH_MAX + 80];
	struct stat st;

	if (*path == '/')
		snprintf(full, sizeof full, "/proc/%" PRIu32 "/root%s", facts->pid, path);
	else if (dir == AT_FDCWD)
		snprintf(full, sizeof full, "/proc/%" PRIu32 "/cwd/%s", facts->pid, path);
	else
		snprintf(full, sizeof full, "/proc/%" PRIu32 "/fd/%" PRId32 "/%s", facts->pid, dir,
			path);
	return stat(full, &st) == 0 && S_ISFIFO(st.st_mode);
}

void sinew__open_object(struct sinew__look *look, struct sinew__facts *facts)
{
	bool at = strncmp(facts->call, "openat", 6) == 0;
	char path[PATH_MAX];
	int r = sinew__peek_text(facts->pid, facts->args[at], path, sizeof path);

	(void)look;
	if (r < 0) {
		if (r == -EPERM)
			facts->evidence |= SINEW__NO_RIGHT;
		put(facts, "", unknown);
		return;
	}
	facts->evidence |= SINEW__BY_MEMORY;
	/* In D state the file itself may be what hangs: not touched. */
	bool fifo = facts->letter == 'S' &&
		    is_fifo(facts, path, at ? (int32_t)facts->args[0] : AT_FDCWD);
	put(facts, fifo ? "fifo:" : "", path);
	if (!fifo)
		facts->cause = "waits in the kernel";
}

/* ---- an address ---- */

static void put_inet(struct sinew__facts *facts, const void *address, bool six)
{
	const struct sockaddr_in *four = address;
	const struct sockaddr_in6 *sixth = address;
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 16];

	if (!inet_ntop(six ? AF_INET6 : AF_INET,
		    six ? (const void *)&sixth->sin6_addr : &four->sin_addr, text, sizeof text))
		return;
	snprintf(whole, sizeof whole, six ? "[%s]:%u" : "%s:%u", text,
		ntohs(six ? sixth->sin6_port : four->sin_port));
	put(facts, "tcp:", whole);
}

static void put_unix(struct sinew__facts *facts, const struct sockaddr_un *address, size_t size)
{
	char name[sizeof address->sun_path + 1];
	size_t length = size - offsetof(struct sockaddr_un, sun_path);

	memcpy(name, address->sun_path, length);
	name[length] = '\0';
	for (size_t i = 0; !*address->sun_path && i < length; i++)
		if (!name[i])
			name[i] = '@';
	put(facts, "unix:", name);
}

void sinew__address_object(struct sinew__look *look, struct sinew__facts *facts)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in6 in6;
		struct sockaddr_in in4;
	} address = {0};
	size_t size = facts->args[2];

	sinew__file_object(look, facts, (int32_t)facts->args[0], 0);
	if (size < sizeof address.any.sa_family || size > sizeof address ||
		!peek(facts, facts->args[1], &address, size))
		return;
	if (address.any.sa_family == AF_UNIX && size > offsetof(struct sockaddr_un, sun_path))
		put_unix(facts, &address.un, size);
	else if (address.any.sa_family == AF_INET && size >= sizeof address.in4)
		put_inet(facts, &address, false);
	else if (address.any.sa_family == AF_INET6 && size >= sizeof address.in6)
		put_inet(facts, &address, true);
}

/* ---- signals ---- */

void sinew__signals_text(uint64_t mask, char *text, size_t room)
{
	size_t used = 0;

	*text = '\0';
	for (int number = 1; number <= 64; number++) {
		const char *name = sigabbrev_np(number);
		int n;
		if (!(mask >> (number - 1) & 1))
			continue;
		const char *between = used ? " " : "";
		n = name ? snprintf(text + used, room - used, "%s%s", between, name)
			 : snprintf(text + used, room - used, "%sRTMIN+%d", between,
				   number - SIGRTMIN);
		if (n < 0 || (size_t)n >= room - used)
			break;
		used += (size_t)n;
	}
}

void sinew__signals_object(struct sinew__look *look, struct sinew__facts *facts)
{
	char names[SINEW__LOOK_OBJECT - 16];
	uint64_t mask;

	(void)look;
	if (!peek(facts, facts->args[0], &mask, sizeof mask)) {
		put(facts, "", unknown);
		return;
	}
	sinew__signals_text(mask, names, sizeof names);
	put(facts, strchr(names, ' ') ? "signals " : "signal ", names);
}

/* ---- children ---- */

static void add_children(struct sinew__look *look, struct sinew__facts *facts)
{
	for (size_t i = 0; i < look->count; i++)
		if (look->threads[i].ppid == facts->pid &&
			look->threads[i].tid == look->threads[i].pid)
			sinew__add_other(facts, look->threads[i].pid);
}

static void put_child(
	struct sinew__look *look, struct sinew__facts *facts, const char *kind, int32_t number)
{
	char text[48];

	facts->others_known = true;
	facts->evidence |= SINEW__BY_PARENTS;
	snprintf(text, sizeof text, "%s %" PRId32, kind, number);
	put(facts, "", number > 0 ? text : "any child");
	if (number > 0 && strcmp(kind, "process") == 0)
		sinew__add_other(facts, (uint32_t)number);
	else if (number <= 0)
		add_children(look, facts);
	else
		facts->others_known = false;
}

/* The numbers are those of its own PID namespace, which is mostly ours. */
void sinew__child_object(struct sinew__look *look, struct sinew__facts *facts)
{
	int32_t which = (int32_t)facts->args[0];

	if (strcmp(facts->call, "waitid") == 0) {
		int32_t number = (int32_t)facts->args[1];
		if (which == P_PIDFD)
			sinew__file_object(look, facts, number, 0);
		else
			put_child(look, facts, which == P_PGID ? "group" : "process",
				which == P_ALL ? 0 : number);
		return;
	}
	if (which < -1)
		put_child(look, facts, "group", -which);
	else
		put_child(look, facts, "process", which);
}

/* It is the last that it made: whoever waits so makes no other one. Its thread may be one of several. */
void sinew__vfork_object(struct sinew__look *look, struct sinew__facts *facts)
{
	const struct sinew__facts *child = NULL;
	char text[32];

	if (facts->letter != 'D') {
		facts->cause = "waits in the kernel";
		return;
	}
	for (size_t i = 0; i < look->count; i++) {
		const struct sinew__facts *other = &look->threads[i];
		if (other->ppid == facts->pid && other->tid == other->pid && other->letter != 'Z' &&
			(!child || other->started >= child->started))
			child = other;
	}
	if (!child)
		return;
	facts->evidence |= SINEW__BY_PARENTS;
	facts->others_known = true;
	sinew__add_other(facts, child->pid);
	snprintf(text, sizeof text, "process %" PRIu32, child->pid);
	put(facts, "", text);
}
