/* SPDX-License-Identifier: MIT
 *
 * progress.h - what is going on, on standard error: one moving line on a terminal, else one a step.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/* `share` (0 to 1) of all is done; `left` seconds remain, < 0: go by the share. */
void progress_step(const char *what, double share, double left);
void progress_end(void);

#endif
