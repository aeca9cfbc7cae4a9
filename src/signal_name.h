/* SPDX-License-Identifier: MIT
 *
 * signal_name.h - signals as people write them: "USR1", "SIGUSR1", "RTMIN+2", "RTMAX-1", "10".
 */
#ifndef SINEW_SIGNAL_NAME_H
#define SINEW_SIGNAL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `text` names a signal that this system has and the C library leaves to programs. */
bool sinew__signal_read(const char *text, int64_t *sig);

/* Its name, as sinew__signal_read() takes it. Returns `text`. */
const char *sinew__signal_write(int sig, char *text, size_t size);

#endif
