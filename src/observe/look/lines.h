/* SPDX-License-Identifier: MIT
 *
 * lines.h - the text of files in /proc, parsed. `text` ends in NUL; it may be cut anywhere and hold
 * anything: a name may have spaces, newlines and parentheses in it. False: it makes no sense, and nothing
 * that was found is believed; the facts are as they were but for fields of the same file.
 */
#ifndef SINEW_LOOK_LINES_H
#define SINEW_LOOK_LINES_H

#include "facts.h"

bool sinew__parse_stat(const char *text, struct sinew__facts *facts);
bool sinew__parse_schedstat(const char *text, struct sinew__facts *facts);
/* /proc/PID/sched: only if it has all that is looked for. */
bool sinew__parse_sched(const char *text, struct sinew__facts *facts);
bool sinew__parse_status(const char *text, struct sinew__facts *facts);
bool sinew__parse_syscall(const char *text, struct sinew__facts *facts);
bool sinew__parse_wchan(const char *text, struct sinew__facts *facts);

/* The number after `key` at the beginning of a line, "key: 12" or "key : 12". */
bool sinew__parse_field(const char *text, const char *key, uint64_t *value);

#endif
