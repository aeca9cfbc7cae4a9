/* SPDX-License-Identifier: MIT
 *
 * sentences.c - names of calls, objects, reasons; who ended a wait. A deed is told only as far as it was
 * seen: without the waker's call it only woke; from a soft interrupt it is probable; an interrupt is
 * nobody's deed.
 */
#include "sentences.h"

#include <inttypes.h>
#include <string.h>

#include "../banned.h"
#include "calls.h"

#define PUT(text, ...) (snprintf(text, sizeof(sinew__long), __VA_ARGS__), (text))

/* ---- processes ---- */

static char *process_words(const struct sinew__process *process, sinew__long text)
{
	char comm[4 * SINEW__COMM + 1];

	sinew__plain(process->comm, SINEW__COMM, comm, sizeof comm);
	if (process->tgid == 0)
		return PUT(text, "%s (outside)", comm[0] ? comm : "?");
	return PUT(text, "%u %s", process->tgid, comm[0] ? comm : "?");
}

char *sinew__process_text(const struct sinew__states *states, uint32_t id, sinew__long text)
{
	if (id >= states->process_count)
		return PUT(text, "somebody unknown");
	if (states->processes[id] == states->others)
		return PUT(text, "other processes");
	return process_words(states->processes[id], text);
}

char *sinew__lane_text(const struct sinew__states *states, uint32_t at, sinew__long text)
{
	const struct sinew__lane *lane = &states->timeline->lanes[at];
	char comm[4 * SINEW__COMM + 1];

	sinew__plain(lane->comm, SINEW__COMM, comm, sizeof comm);
	if (lane->tid == 0)
		return PUT(text, "%s (outside)", comm[0] ? comm : "?");
	if (lane->tid == lane->tgid)
		return PUT(text, "%u %s", lane->tid, comm[0] ? comm : "?");
	return PUT(text, "%u/%u %s", lane->tgid, lane->tid, comm[0] ? comm : "?");
}

/* ---- objects and calls ---- */

static const struct magic {
	uint32_t magic;
	const char *name;
} magics[] = {
	{0x50495045, "pipe"},
	{0x534f434b, "socket"},
	{0x19800202, "mq"},
	{0x50494446, "pidfd"},
	{0x6e736673, "namespace"},
	{0x00009fa0, "proc"},
	{0x62656572, "sysfs"},
	{0x01021994, "tmpfs"},
	{0x0000ef53, "ext4"},
	{0x58465342, "xfs"},
	{0x9123683e, "btrfs"},
	{0x794c7630, "overlay"},
	{0x00001cd1, "devpts"},
	{0x00006969, "nfs"},
	{0x65735546, "fuse"},
};

static const char *const anonymous[] = {
	[SINEW__ANONYMOUS_OTHER] = "anonymous file",
	[SINEW__ANONYMOUS_EVENTFD] = "eventfd",
	[SINEW__ANONYMOUS_EPOLL] = "epoll set",
	[SINEW__ANONYMOUS_TIMERFD] = "timerfd",
	[SINEW__ANONYMOUS_SIGNALFD] = "signalfd",
	[SINEW__ANONYMOUS_INOTIFY] = "inotify",
	[SINEW__ANONYMOUS_USERFAULTFD] = "userfaultfd",
	[SINEW__ANONYMOUS_URING] = "io_uring",
	[SINEW__ANONYMOUS_PIDFD] = "pidfd",
};

static const char *anonymous_text(const struct sinew__object *object, sinew__long text)
{
	unsigned kind = object->detail >> 24, number = object->detail & 0xffffff;

	if (kind >= sizeof anonymous / sizeof *anonymous)
		kind = SINEW__ANONYMOUS_OTHER;
	return PUT(text, "%s:[%u]", anonymous[kind], number);
}

const char *sinew__object_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text)
{
	const struct sinew__object *object = &key->object;
	const char *name = sinew__tally_name_of(&states->tally, object), *kind = "file";

	if (object->magic == 0)
		return key->address ? PUT(text, "0x%" PRIx64, key->address) : NULL;
	if (name)
		return PUT(text, "%s", name);
	if (object->magic == 0x09041934)
		return anonymous_text(object, text);
	if (object->detail)
		return PUT(text, "fifo:[%" PRIu64 "]", object->ino);
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (magics[i].magic == object->magic)
			kind = magics[i].name;
	return PUT(text, "%s:[%" PRIu64 "]", kind, object->ino);
}

const char *sinew__call_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text)
{
	const char *name = sinew__call_name(states->header.machine, key->call);

	if (key->state & 4)
		return "stopped";
	if (key->state & 8)
		return "traced";
	if (key->kernel)
		return "kernel work";
	if (key->fault)
		return "page fault";
	if (key->call < 0)
		return states->header.has & SINEW__HAS_CALLS ? "no system call" : "unknown call";
	if (key->compat)
		return PUT(text, "32-bit call %d", key->call);
	return name ? name : PUT(text, "call %d", key->call);
}

/* Whoever waits in such a call on a channel does so because there is nothing in it, or no room. */
static const struct way {
	const char *call, *word, *why;
} ways[] = {
	{"read", "receive", "empty"},
	{"readv", "receive", "empty"},
	{"recvfrom", "receive", "empty"},
	{"recvmsg", "receive", "empty"},
	{"recvmmsg", "receive", "empty"},
	{"mq_timedreceive", "receive", "empty"},
	{"write", "send", "full"},
	{"writev", "send", "full"},
	{"sendto", "send", "full"},
	{"sendmsg", "send", "full"},
	{"sendmmsg", "send", "full"},
	{"mq_timedsend", "send", "full"},
};

/* Of objects that have the name of a channel; NULL: it is none, or it is not told by the call. */
static const struct way *way_of(const char *on, const char *call)
{
	static const char *const schemes[] = {"unix:", "fifo:", "tcp:", "udp:", "mq:"};
	bool channel = false;

	for (size_t i = 0; on && i < sizeof schemes / sizeof *schemes; i++)
		channel |= strncmp(on, schemes[i], strlen(schemes[i])) == 0;
	for (size_t i = 0; channel && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(ways[i].call, call) == 0)
			return &ways[i];
	return NULL;
}

char *sinew__wait_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text)
{
	sinew__long call, object;
	const char *on = sinew__object_text(states, key, object);
	const char *what = sinew__call_text(states, key, call);

	/* How a ring waits is its own affair. */
	if (on && strncmp(on, "ring:", 5) == 0)
		what = "message or room";
	const struct way *way = way_of(on, what);

	/* Uninterruptible, and not idling: mostly a disk. */
	bool deep = (key->state & 2) && !(key->state & 0x400);
	snprintf(text, sizeof(sinew__long), "%.100s%s%.300s%s%s%s%s", way ? way->word : what,
		on ? " on " : "", on ? on : "", way ? " (" : "", way ? way->why : "",
		way ? ")" : "", deep ? " (uninterruptible)" : "");
	return text;
}

/* ---- who ended it ---- */

static char *deed_text(const struct sinew__states *states, const struct sinew__block_key *key,
	const char *certainty, sinew__long text)
{
	sinew__long who;
	int32_t call = key->waker_call ? (int32_t)(key->waker_call - 1) : -1;

	return PUT(text, "%s%s %.300s", certainty, sinew__call_deed(states->header.machine, call),
		sinew__process_text(states, key->waker, who));
}

char *sinew__ender_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text)
{
	sinew__long who;

	if (key->open)
		return PUT(text, "not over at the end");
	if (key->asleep)
		return PUT(text, "at most: when it was woken is not known");
	switch (key->context) {
	case SINEW__CONTEXT_TASK:
		return deed_text(states, key, "", text);
	case SINEW__CONTEXT_SOFTIRQ:
		if (key->waker == SINEW__NOBODY)
			return PUT(text, "ended by a soft interrupt");
		return deed_text(states, key, "probably ", text);
	case SINEW__CONTEXT_HARDIRQ:
		return PUT(text, "ended by an interrupt");
	case SINEW__CONTEXT_TIMER:
		return PUT(text, "ended by a timer");
	case SINEW__CONTEXT_WORKER:
		return PUT(text, "ended by the kernel's %.300s, for somebody",
			sinew__process_text(states, key->waker, who));
	case SINEW__CONTEXT_NMI:
		return PUT(text, "ended by a non-maskable interrupt");
	default:
		return PUT(text, "%s",
			states->header.has & SINEW__HAS_WAKERS ? "ended by somebody unknown"
							       : "who ended it is not known");
	}
}

const char *sinew__context_name(unsigned context)
{
	static const char *const names[] = {
		"unknown", "task", "softirq", "interrupt", "timer", "worker", "nmi"};

	return names[context < sizeof names / sizeof *names ? context : 0];
}

/* ---- why it left ---- */

static const struct why {
	const char *name, *text;
} whys[] = {
	[SINEW__WHY_UNKNOWN] = {"unknown", "why is not known"},
	[SINEW__WHY_SLICE] = {"slice", "its time slice was over"},
	[SINEW__WHY_WOKEN] = {"woken", "just woken"},
	[SINEW__WHY_CLASS] = {"class", "of a higher class"},
	[SINEW__WHY_YIELD] = {"yield", "it gave way"},
	[SINEW__WHY_OTHER] = {"other", "moved, throttled, or not to be told"},
};

static const struct why *why_of(unsigned why)
{
	return &whys[why < sizeof whys / sizeof *whys && whys[why].name ? why : 0];
}

const char *sinew__why_text(unsigned why)
{
	return why_of(why)->text;
}

const char *sinew__ready_text(unsigned why)
{
	return why == SINEW__WHY_BLOCKED ? "woken up"
	       : why == SINEW__WHY_NEW   ? "admitted"
					 : sinew__why_text(why);
}

const char *sinew__why_name(unsigned why)
{
	return why_of(why)->name;
}

char *sinew__code_text(uint32_t code, sinew__long text)
{
	if (code & 0x7f)
		return PUT(text, "killed by signal %u%s", code & 0x7f,
			code & 0x80 ? ", which dumped core" : "");
	return PUT(text, "exited with %u", code >> 8 & 0xff);
}

char *sinew__traced_text(const struct sinew__states *states, sinew__long text)
{
	const char *command = states->header.command;
	size_t size = sizeof states->header.command;
	size_t skipped = strncmp(command, "-- ", 3) == 0 ? 3 : 0;

	if (!*command)
		return PUT(text, "something");
	return sinew__plain(command + skipped, size - skipped, text, sizeof(sinew__long));
}

const char *sinew__tier_text(unsigned tier)
{
	switch (tier) {
	case SINEW__TIER_BPF:
		return "BPF";
	case SINEW__TIER_FTRACE:
		return "tracefs, without BPF";
	case SINEW__TIER_PERF:
		return "perf events of one's own children";
	case SINEW__TIER_SAMPLE:
		return "looks at /proc now and then";
	default:
		return "not told";
	}
}
