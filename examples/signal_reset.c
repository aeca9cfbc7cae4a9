/* SPDX-License-Identifier: MIT
 *
 * signal_reset.c - what the old signal() loses and sigaction() keeps.
 *
 * In Unix System V the kernel forgot the handler when it called it, and did not hold further signals
 * back. The handler installed itself again, and until it did a second signal found the default: the
 * process died, or, with other signals, never heard of it. sysv_signal() still does that. sigaction()
 * holds the signal back while its handler runs, and delivers it afterwards.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled, nested;
static int report;

/* The second signal comes at the worst moment: before the handler is installed again. */
static void on_signal(int number)
{
	char one = 1;

	handled++;
	if (write(report, &one, 1) != 1)
		_exit(2);
	if (!nested++)
		raise(number);
}

static void on_old_signal(int number)
{
	on_signal(number);
	sysv_signal(number, on_old_signal);
}

static void receive(int old)
{
	const struct sigaction action = {.sa_handler = on_signal};

	if (old)
		sysv_signal(SIGUSR1, on_old_signal);
	else
		sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	_exit(0);
}

/* How many of two signals were handled; *status as wait(2) has it. */
static int handled_by(int old, int *status)
{
	int fds[2], n = 0;
	char one;

	if (pipe(fds) < 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		report = fds[1];
		receive(old);
	}
	close(fds[1]);
	while (read(fds[0], &one, 1) == 1)
		n++;
	close(fds[0]);
	return waitpid(child, status, 0) == child ? n : -1;
}

int main(void)
{
	int old_end, new_end;
	int old = handled_by(1, &old_end), new = handled_by(0, &new_end);

	printf("signal() as it was: %d of 2 signals handled, %s\n", old,
		WIFSIGNALED(old_end) ? "and the second one killed the process"
				     : "and the process lived");
	printf("sigaction():        %d of 2 signals handled, %s\n", new,
		WIFSIGNALED(new_end) ? "and the process was killed" : "and the process lived");
	return old == 1 && WIFSIGNALED(old_end) && new == 2 && new_end == 0 ? 0 : 1;
}
