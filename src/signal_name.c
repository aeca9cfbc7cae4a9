/* SPDX-License-Identifier: MIT
 *
 * signal_name.c - names of signals. The real-time ones are counted from RTMIN and RTMAX, which the C
 * library decides at run time: the numbers below its RTMIN it keeps for itself.
 */
#include "signal_name.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

enum { STANDARD = 32 }; /* signals below this number have names */

static bool read_whole(const char *text, long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtol(text, &end, 10);
	return !errno && !*end && *number <= SIGRTMAX;
}

/* "RTMIN", "RTMIN+2" with sign '+'; "RTMAX", "RTMAX-2" with '-'. */
static bool read_from(const char *text, const char *base, char sign, long *distance)
{
	size_t length = strlen(base);

	*distance = 0;
	if (strncmp(text, base, length) != 0)
		return false;
	text += length;
	return !*text || (*text == sign && read_whole(text + 1, distance));
}

bool sinew__signal_read(const char *text, int64_t *sig)
{
	long number;

	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (read_from(text, "RTMIN", '+', &number))
		number += SIGRTMIN;
	else if (read_from(text, "RTMAX", '-', &number))
		number = SIGRTMAX - number;
	else if (!read_whole(text, &number))
		for (number = 1; number < STANDARD; number++) {
			const char *name = sigabbrev_np((int)number);
			if (name && strcmp(name, text) == 0)
				break;
		}
	*sig = number;
	return (number > 0 && number < STANDARD) || (number >= SIGRTMIN && number <= SIGRTMAX);
}

const char *sinew__signal_write(int sig, char *text, size_t size)
{
	const char *name = sig < STANDARD ? sigabbrev_np(sig) : NULL;

	if (name)
		snprintf(text, size, "%s", name);
	else if (sig == SIGRTMIN)
		snprintf(text, size, "RTMIN");
	else
		snprintf(text, size, "RTMIN+%d", sig - SIGRTMIN);
	return text;
}
