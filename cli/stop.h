/* SPDX-License-Identifier: MIT
 *
 * stop.h - Ctrl-C, SIGTERM and SIGHUP end the waits of the watched channels and, with EINTR, any
 * other wait; the program then cleans up and leaves with 130, 143 or 129. A second signal kills at
 * once. After the first an alarm rings every second, so that a wait that began just after the
 * signal ends too. SIGPIPE is ignored: a path that we created must vanish even when the reader of
 * our output has gone.
 */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <sinew/sinew.h>
#include <stdbool.h>

void stop_install(void);
/* Before another program runs in this process: what cannot be undone by execve. */
void stop_undo(void);
void stop_watch(sinew_channel *channel);
void stop_forget(sinew_channel *channel);
bool stop_asked(void);
/* 128 plus the signal, or 0. */
int stop_code(void);

#endif
