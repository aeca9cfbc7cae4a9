/* SPDX-License-Identifier: MIT
 *
 * stop.c - the signal handler and what it may touch: atomic words, nothing else.
 */
#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "exit.h"

enum { WATCHED = 2 };

static sinew_channel *_Atomic watched[WATCHED];
static atomic_int caught;
static void (*pipe_before)(int);

static void cancel_all(void)
{
	for (int i = 0; i < WATCHED; i++) {
		sinew_channel *channel = atomic_load(&watched[i]);
		if (channel)
			sinew_cancel(channel);
	}
}

static void on_alarm(int number)
{
	(void)number;
	alarm(1);
}

static void on_stop(int number)
{
	int saved = errno;

	atomic_store(&caught, number);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	cancel_all();
	alarm(1);
	errno = saved;
}

/* A shell starts background jobs with SIGINT ignored; that is kept. */
static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler}, old;

	sigaction(number, NULL, &old);
	if (number == SIGALRM || old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void stop_install(void)
{
	handle(SIGALRM, on_alarm);
	handle(SIGINT, on_stop);
	handle(SIGTERM, on_stop);
	handle(SIGHUP, on_stop);
	pipe_before = signal(SIGPIPE, SIG_IGN);
}

void stop_undo(void)
{
	signal(SIGPIPE, pipe_before);
	alarm(0);
}

void stop_watch(sinew_channel *channel)
{
	for (int i = 0; i < WATCHED; i++) {
		sinew_channel *none = NULL;
		if (atomic_compare_exchange_strong(&watched[i], &none, channel))
			break;
	}
	if (stop_asked())
		sinew_cancel(channel);
}

void stop_forget(sinew_channel *channel)
{
	for (int i = 0; i < WATCHED; i++) {
		sinew_channel *this = channel;
		if (atomic_compare_exchange_strong(&watched[i], &this, NULL))
			break;
	}
}

bool stop_asked(void)
{
	return atomic_load(&caught);
}

int stop_code(void)
{
	int number = atomic_load(&caught);

	return number ? EXIT_SIGNAL + number : 0;
}
