/* SPDX-License-Identifier: MIT
 *
 * names.h - what people call the objects that threads wait on. Asked the first time that an object is
 * met, while the one that waits is likely still to have it open; told as a record.
 */
#ifndef SINEW_OBSERVE_NAMES_H
#define SINEW_OBSERVE_NAMES_H

#include <stdbool.h>

#include "record.h"

struct sinew__names;

/* NULL without memory. Remembers a bounded number of objects; then the rest has no names. */
struct sinew__names *sinew__names_open(void);
void sinew__names_close(struct sinew__names *names);

/* If it waits on a word in memory that is shared, which file that is: magic, dev, ino. Not of a 32-bit
 * program. */
void sinew__names_place(
	struct sinew__names *names, const struct sinew__who *who, struct sinew__wait *wait);

/* A record with the name of the object of this wait, if it has one and has not been told yet; else
 * NULL. Good until the next call. Reads /proc: does not block for long. */
const struct sinew__record *sinew__names_look(
	struct sinew__names *names, const struct sinew__who *who, const struct sinew__wait *wait);

#endif
