/* SPDX-License-Identifier: MIT
 *
 * lines.c - parsers of files in /proc. None reads past the NUL, each says false rather than guess.
 */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../banned.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* A number that is followed by something: one that stands at the very end may have been cut. */
static bool number(const char **at, int base, uint64_t *value)
{
	const char *from = *at + strspn(*at, " \t");
	char *end;

	bool sign = *from == '-';
	if (!((from[sign] >= '0' && from[sign] <= '9')))
		return false;
	errno = 0;
	*value = strtoull(from, &end, base);
	if (errno || !is_space(*end))
		return false;
	*at = end;
	return true;
}

static bool small(const char **at, uint32_t *value)
{
	uint64_t n;

	if (!number(at, 10, &n) || n > UINT32_MAX)
		return false;
	*value = (uint32_t)n;
	return true;
}

/* ---- stat: "12 (a name) S 1 …", proc_pid_stat(5) ---- */

enum { FIELD_PPID = 4, FIELD_FLAGS = 9, FIELD_THREADS = 20, FIELD_START = 22, FIELD_CPU = 39 };
enum { KERNEL_THREAD = 0x00200000 };

/* The name ends at the last parenthesis, for no field behind it has one. */
static bool stat_name(const char **at, struct sinew__facts *facts)
{
	const char *open = *at + strspn(*at, " "), *close = strrchr(open, ')');

	if (*open != '(' || !close || close[1] != ' ')
		return false;
	size_t size = (size_t)(close - open - 1);
	if (size >= sizeof facts->comm)
		size = sizeof facts->comm - 1;
	memcpy(facts->comm, open + 1, size);
	facts->comm[size] = '\0';
	*at = close + 2;
	return true;
}

static void stat_field(struct sinew__facts *facts, unsigned field, uint64_t value)
{
	switch (field) {
	case FIELD_PPID:
		facts->ppid = (uint32_t)value;
		break;
	case FIELD_FLAGS:
		facts->kernel = value & KERNEL_THREAD;
		break;
	case FIELD_THREADS:
		facts->threads = (uint32_t)value;
		break;
	case FIELD_START:
		facts->started = value;
		break;
	case FIELD_CPU:
		facts->cpu = (int32_t)value;
		break;
	default:
		break;
	}
}

bool sinew__parse_stat(const char *text, struct sinew__facts *facts)
{
	const char *at = text;
	uint64_t value;
	uint32_t tid;

	if (!small(&at, &tid) || !stat_name(&at, facts) || !*at || at[1] != ' ' ||
		!strchr("RSDTtZXxKWPI", *at))
		return false;
	facts->letter = *at++;
	for (unsigned field = FIELD_PPID; field <= FIELD_CPU; field++) {
		if (!number(&at, 10, &value))
			return false;
		stat_field(facts, field, value);
	}
	return tid == facts->tid;
}

/* ---- schedstat: "ran waited times" ---- */

bool sinew__parse_schedstat(const char *text, struct sinew__facts *facts)
{
	uint64_t n[3];

	for (unsigned i = 0; i < 3; i++)
		if (!number(&text, 10, &n[i]))
			return false;
	facts->ran = n[0];
	facts->delay = n[1];
	facts->dispatches = n[2];
	return true;
}

/* ---- "key : value" ---- */

static const char *value_of(const char *text, const char *key)
{
	const size_t size = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) != 0)
			continue;
		const char *at = line + size + strspn(line + size, " \t");
		if (*at == ':')
			return at + 1;
	}
	return NULL;
}

bool sinew__parse_field(const char *text, const char *key, uint64_t *value)
{
	const char *at = value_of(text, key);

	return at && number(&at, 10, value);
}

/* "22024217.995588": milliseconds, six digits behind the point. */
static bool parse_ms(const char *text, const char *key, uint64_t *ns)
{
	const char *at = value_of(text, key);
	uint64_t whole = 0, part = 0;
	unsigned digits = 0;

	if (!at)
		return false;
	at += strspn(at, " \t");
	for (; *at >= '0' && *at <= '9'; at++) {
		if (whole > UINT64_MAX / 10000000)
			return false;
		whole = whole * 10 + (uint64_t)(*at - '0');
	}
	if (*at++ != '.')
		return false;
	for (; *at >= '0' && *at <= '9' && digits < 6; at++, digits++)
		part = part * 10 + (uint64_t)(*at - '0');
	if (digits < 6 || whole > UINT64_MAX / 1000000 - 1)
		return false;
	*ns = whole * 1000000 + part;
	return true;
}

/* The first line begins with the name, which may hold newlines: what is looked for comes after the line of
 * dashes. */
bool sinew__parse_sched(const char *text, struct sinew__facts *facts)
{
	const char *from = strstr(text, "\n-----");
	uint64_t voluntary, involuntary, start;

	for (const char *next = from; next; next = strstr(next + 1, "\n-----"))
		from = next;
	if (!from || !parse_ms(from, "se.exec_start", &start) ||
		!sinew__parse_field(from, "nr_voluntary_switches", &voluntary) ||
		!sinew__parse_field(from, "nr_involuntary_switches", &involuntary))
		return false;
	facts->exec_start = start;
	facts->voluntary = voluntary;
	facts->involuntary = involuntary;
	return true;
}

bool sinew__parse_status(const char *text, struct sinew__facts *facts)
{
	uint64_t voluntary, involuntary, tracer;

	/* The kernel escapes newlines of the name here. */
	if (!sinew__parse_field(text, "voluntary_ctxt_switches", &voluntary) ||
		!sinew__parse_field(text, "nonvoluntary_ctxt_switches", &involuntary) ||
		!sinew__parse_field(text, "TracerPid", &tracer) || tracer > UINT32_MAX)
		return false;
	facts->voluntary = voluntary;
	facts->involuntary = involuntary;
	facts->tracer = (uint32_t)tracer;
	return true;
}

/* ---- syscall: "running", "-1 SP PC", "NR A0 … A5 SP PC" ---- */

static bool hexadecimal(const char **at, uint64_t *value)
{
	*at += strspn(*at, " ");
	return (*at)[0] == '0' && (*at)[1] == 'x' && number(at, 16, value);
}

bool sinew__parse_syscall(const char *text, struct sinew__facts *facts)
{
	uint64_t n, args[6] = {0}, stack, counter;

	if (strcmp(text, "running\n") == 0) {
		facts->in = SINEW__IN_RUNNING;
		return true;
	}
	if (!number(&text, 10, &n))
		return false;
	const bool none = n == UINT64_MAX;
	if (!none && n > INT32_MAX)
		return false;
	for (unsigned i = 0; i < 6 && !none; i++)
		if (!hexadecimal(&text, &args[i]))
			return false;
	if (!hexadecimal(&text, &stack) || !hexadecimal(&text, &counter) || *text != '\n')
		return false;
	facts->in = none ? SINEW__IN_NONE : SINEW__IN_CALL;
	facts->number = none ? -1 : (int32_t)n;
	memcpy(facts->args, args, sizeof args);
	facts->stack = stack;
	return true;
}

bool sinew__parse_wchan(const char *text, struct sinew__facts *facts)
{
	size_t size = strcspn(text, "\n");

	if (size == 0 || (size == 1 && *text == '0') || size >= sizeof facts->wchan)
		return false;
	memcpy(facts->wchan, text, size);
	facts->wchan[size] = '\0';
	return true;
}
