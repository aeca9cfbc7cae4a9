/* SPDX-License-Identifier: MIT
 *
 * ps_columns.c - the columns of `sinew ps`, as rows; and the same of a thread as JSON.
 */
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <words.h>

#include "ps.h"

static void number(char *text, uint64_t value)
{
	snprintf(text, PS_CELL, "%" PRIu64, value);
}

static void words(char *text, const char *raw)
{
	if (raw)
		sinew__plain(raw, strlen(raw), text, PS_CELL);
}

static void duration(char *text, bool known, uint64_t ns)
{
	sinew__short shown;

	if (known)
		snprintf(text, PS_CELL, "%s", sinew__duration(ns, shown));
}

#define WRITER(name)                                                                               \
	static void name(                                                                          \
		const struct sinew__look *look, const struct sinew__facts *facts, char *text)

#define UNUSED_LOOK (void)look

WRITER(write_pid)
{
	UNUSED_LOOK;
	number(text, facts->pid);
}

WRITER(write_tid)
{
	UNUSED_LOOK;
	number(text, facts->tid);
}

WRITER(write_ppid)
{
	UNUSED_LOOK;
	number(text, facts->ppid);
}

/* One name is kept: most processes are of the same user as the one before. */
WRITER(write_user)
{
	static uint32_t last = UINT32_MAX;
	static char name[64];
	const struct passwd *found;

	UNUSED_LOOK;
	if (facts->uid != last) {
		found = getpwuid(facts->uid);
		if (found)
			snprintf(name, sizeof name, "%s", found->pw_name);
		else
			snprintf(name, sizeof name, "%" PRIu32, facts->uid);
		last = facts->uid;
	}
	words(text, name);
}

WRITER(write_comm)
{
	UNUSED_LOOK;
	words(text, facts->comm);
}

WRITER(write_state)
{
	UNUSED_LOOK;
	words(text, sinew__state_names[facts->state]);
}

WRITER(write_since)
{
	UNUSED_LOOK;
	duration(text, facts->has_since, facts->since);
}

WRITER(write_cause)
{
	UNUSED_LOOK;
	words(text, facts->cause);
}

WRITER(write_call)
{
	UNUSED_LOOK;
	words(text, facts->call);
}

WRITER(write_object)
{
	UNUSED_LOOK;
	words(text, facts->object);
}

/* "456 feeder, 789 sh …" */
WRITER(write_other)
{
	char comm[4 * SINEW__LOOK_COMM + 1];
	size_t used = 0;

	for (unsigned i = 0; i < facts->other_count && used < PS_CELL; i++) {
		const struct sinew__facts *other = sinew__look_thread(look, facts->others[i]);
		sinew__plain(other ? other->comm : "", SINEW__LOOK_COMM, comm, sizeof comm);
		used += (size_t)snprintf(text + used, PS_CELL - used, "%s%" PRIu32 " %s",
			i ? ", " : "", facts->others[i], comm);
	}
	if (!facts->other_count && facts->others_known)
		snprintf(text, PS_CELL, "nobody");
	else if (facts->other_count && !facts->others_known && used < PS_CELL)
		snprintf(text + used, PS_CELL - used, ", ?");
}

WRITER(write_delay)
{
	UNUSED_LOOK;
	duration(text, facts->evidence & SINEW__OF_DELAY, facts->delay);
}

WRITER(write_ran)
{
	UNUSED_LOOK;
	duration(text, facts->evidence & SINEW__OF_DELAY, facts->ran);
}

static bool knows_switches(const struct sinew__facts *facts)
{
	return facts->evidence & SINEW__OF_SWITCHES;
}

WRITER(write_voluntary)
{
	UNUSED_LOOK;
	if (knows_switches(facts))
		number(text, facts->voluntary);
}

WRITER(write_involuntary)
{
	UNUSED_LOOK;
	if (knows_switches(facts))
		number(text, facts->involuntary);
}

WRITER(write_cpu)
{
	UNUSED_LOOK;
	if (facts->cpu >= 0)
		number(text, (uint64_t)facts->cpu);
}

WRITER(write_wchan)
{
	UNUSED_LOOK;
	words(text, facts->wchan);
}

WRITER(write_evidence)
{
	size_t used = 0;

	UNUSED_LOOK;
	for (unsigned i = 0; i < SINEW__EVIDENCES; i++)
		if (facts->evidence >> i & 1)
			used += (size_t)snprintf(text + used, PS_CELL - used, "%s%s",
				used ? "," : "", sinew__evidence_names[i]);
}

static const struct ps_column columns[] = {
	{{"PID", true, false, false}, "process", write_pid},
	{{"TID", true, false, false}, "thread", write_tid},
	{{"PPID", true, false, false}, "parent process", write_ppid},
	{{"USER", false, false, false}, "who runs it", write_user},
	{{"COMM", false, false, true}, "its name", write_comm},
	{{"STATE", false, false, false}, "new, ready, running, blocked or terminated", write_state},
	{{"SINCE", true, false, false}, "how long it has been so", write_since},
	{{"RAN", true, false, false}, "time on CPUs", write_ran},
	{{"DELAY", true, false, false}, "time ready for a CPU and without one", write_delay},
	{{"VOL", true, false, false}, "how often it left a CPU because it had to wait",
		write_voluntary},
	{{"INVOL", true, false, false}, "how often it was taken off one", write_involuntary},
	{{"CPU", true, false, false}, "where it ran last", write_cpu},
	{{"CAUSE", false, true, false}, "why it is in this state", write_cause},
	{{"CALL", false, false, false}, "the system call it is in", write_call},
	{{"OBJECT", false, true, false}, "what it waits for", write_object},
	{{"OTHER", false, true, false}, "who is at the other side", write_other},
	{{"WCHAN", false, true, false}, "the kernel's function it sleeps in", write_wchan},
	{{"EVIDENCE", false, true, false}, "how all this is known", write_evidence},
};

enum { COLUMNS = (int)(sizeof columns / sizeof *columns) };

_Static_assert((int)COLUMNS <= (int)GRID_COLUMNS, "columns");

static const char usual[] = "PID,TID,COMM,STATE,SINCE,DELAY,VOL,INVOL,CAUSE,CALL,OBJECT";
static const char usual_others[] =
	"PID,TID,COMM,STATE,SINCE,DELAY,VOL,INVOL,CAUSE,CALL,OBJECT,OTHER";

static const struct ps_column *find(const char *name, size_t size)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		if (strncasecmp(columns[i].shown.name, name, size) == 0 &&
			!columns[i].shown.name[size])
			return &columns[i];
	return NULL;
}

static unsigned add(const char *list, unsigned count, const struct ps_column **chosen)
{
	for (const char *at = list;; at++) {
		size_t size = strcspn(at, ",");
		const struct ps_column *column = find(at, size);
		if (!column || count == GRID_COLUMNS)
			return 0;
		chosen[count++] = column;
		at += size;
		if (!*at)
			return count;
	}
}

unsigned ps_columns(const char *list, bool others, const struct ps_column **chosen)
{
	unsigned count = 0;

	if (!list || *list == '+')
		count = add(others ? usual_others : usual, 0, chosen);
	if (list)
		count = add(list + (*list == '+'), count, chosen);
	return count;
}

static bool has(const struct ps_column *const *chosen, unsigned count,
	void (*write)(const struct sinew__look *, const struct sinew__facts *, char *))
{
	for (unsigned i = 0; i < count; i++)
		if (chosen[i]->write == write)
			return true;
	return false;
}

unsigned ps_looks(const struct ps_column *const *chosen, unsigned count)
{
	return (has(chosen, count, write_other) ? SINEW__LOOK_OTHERS_TOO : 0) |
	       (has(chosen, count, write_wchan) ? SINEW__LOOK_WCHAN : 0);
}

/* ---- JSON ---- */

static void text_or_null(struct json *json, const char *key, const char *raw)
{
	char text[PS_CELL * 4] = "";

	if (raw)
		sinew__plain(raw, strlen(raw), text, sizeof text);
	json_text(json, key, *text ? text : NULL);
}

static void seconds(struct json *json, const char *key, bool known, uint64_t ns)
{
	if (known)
		json_seconds(json, key, (int64_t)ns);
	else
		json_null(json, key);
}

static void count_or_null(struct json *json, const char *key, bool known, uint64_t value)
{
	if (known)
		json_number(json, key, value);
	else
		json_null(json, key);
}

static void others(
	struct json *json, const struct sinew__look *look, const struct sinew__facts *facts)
{
	json_open(json, "others", '[');
	for (unsigned i = 0; i < facts->other_count; i++) {
		const struct sinew__facts *other = sinew__look_thread(look, facts->others[i]);
		json_open(json, NULL, '{');
		json_number(json, "pid", other ? other->pid : facts->others[i]);
		json_number(json, "tid", facts->others[i]);
		text_or_null(json, "comm", other ? other->comm : NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_bool(json, "others_known", facts->others_known);
}

static void figures(struct json *json, const struct sinew__facts *facts)
{
	bool stat = facts->evidence & SINEW__OF_DELAY;

	seconds(json, "since", facts->has_since, facts->since);
	seconds(json, "ran", stat, facts->ran);
	seconds(json, "delay", stat, facts->delay);
	count_or_null(json, "dispatches", stat, facts->dispatches);
	count_or_null(json, "voluntary", knows_switches(facts), facts->voluntary);
	count_or_null(json, "involuntary", knows_switches(facts), facts->involuntary);
	count_or_null(json, "cpu", facts->cpu >= 0, (uint64_t)facts->cpu);
}

void ps_json(struct out *out, const struct sinew__look *look, const struct sinew__facts *facts)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_number(&json, "pid", facts->pid);
	json_number(&json, "tid", facts->tid);
	json_number(&json, "ppid", facts->ppid);
	json_number(&json, "uid", facts->uid);
	text_or_null(&json, "comm", facts->comm);
	json_bool(&json, "kernel", facts->kernel);
	json_text(&json, "state", sinew__state_names[facts->state]);
	text_or_null(&json, "cause", facts->cause);
	text_or_null(&json, "call", facts->call);
	text_or_null(&json, "object", facts->object);
	others(&json, look, facts);
	figures(&json, facts);
	text_or_null(&json, "wchan", facts->wchan);
	json_open(&json, "evidence", '[');
	for (unsigned i = 0; i < SINEW__EVIDENCES; i++)
		if (facts->evidence >> i & 1)
			json_text(&json, NULL, sinew__evidence_names[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	out_byte(out, '\n');
}
