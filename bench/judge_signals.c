/* SPDX-License-Identifier: MIT
 *
 * judge_signals.c - how many of many signals arrive whose receiver is slow: a plain one is a bit that is set,
 * a real-time one waits in a queue.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "judge.h"

static unsigned send_and_count(int number)
{
	sigset_t set, before;
	unsigned count = 0;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, &before);
	for (unsigned i = 0; i < JUDGE_SIGNALS; i++)
		sigqueue(getpid(), number, (union sigval){.sival_int = (int)i});
	while (sigtimedwait(&set, NULL, &(struct timespec){0}) == number)
		count++;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return count;
}

void judge_signals(struct evidence *evidence)
{
	evidence->plain_signals = send_and_count(SIGUSR1);
	evidence->realtime_signals = send_and_count(SIGRTMIN);
}
