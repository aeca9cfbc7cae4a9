/* SPDX-License-Identifier: MIT
 *
 * ring_heir.c - who comes to a ring after a death, while others look after the dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_texts.h"
#include "runner.h"

/* ---- while an heir is at it ---- */

/* As one that is about to bury the owner of a slot, and has not got the CPU back: ends by closing. */
static int begin_to_bury(unsigned heir)
{
	struct flock lock = {.l_type = F_WRLCK,
		.l_start = SINEW__RING_LOCKS + SINEW__RING_SLOTS + heir,
		.l_len = 1};
	int fd = CHECK_SYS(open(test_path("ring"), O_RDWR | O_CLOEXEC));

	CHECK_SYS(fcntl(fd, F_OFD_SETLK, &lock));
	return fd;
}

struct shared {
	const char *name, *options;
};

static const struct shared shared_rings[] = {
	{"queue", "pattern=queue&lanes=1&size=4K"},
	{"topic", "pattern=topic&lanes=1&size=4K"},
	{"latest", "pattern=latest"},
};

TEST_SUITE(heirs, shared_rings);

/* The only lane is free as soon as its writer is dead, buried or not. */
TEST_EACH(heirs, the_next_writer_need_not_wait, struct shared, s)
{
	sinew_channel *in = open_end(s->options, SINEW_IN), *out = open_end(s->options, SINEW_OUT);

	CHECK_EQ(send_text(out, "one"), 1);
	expect_text(in, "one");
	CHECK_ERR(sinew_open(&(sinew_channel *){NULL}, uri(s->options), SINEW_OUT, SINEW_NOW),
		-EBUSY);
	const int lock = begin_to_bury(die(out));
	CHECK_OK(sinew_open(&out, uri(s->options), SINEW_OUT, SINEW_NOW));
	CHECK_EQ(send_text(out, "two"), 1);
	close(lock);
	expect_text(in, "two");
	close_all(in, out);
}

static void let_go_later(void *arg)
{
	usleep(50000);
	close(*(int *)arg);
}

/* Of a pair the end itself is not free before. */
TEST(the_next_at_the_end_of_a_pair_waits)
{
	sinew_channel *in = open_end("", SINEW_IN), *out = open_end("", SINEW_OUT);

	die(out);
	int lock = begin_to_bury(0);
	CHECK_ERR(sinew_open(&out, uri(""), SINEW_OUT, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_open(&out, uri(""), SINEW_OUT, sinew_after(20000000)), -ETIMEDOUT);
	pid_t pid = test_fork(let_go_later, &lock);
	close(lock); /* the child has it */
	out = open_end("", SINEW_OUT);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_EQ(send_text(out, "two"), 1);
	expect_text(in, "two");
	close_all(in, out);
}

/* ---- between two looks of one who comes ---- */

static const char *options;
static uint64_t dead; /* the word of one */
static int burial;
static unsigned looks; /* at that word, until the heir goes on */
static sinew_channel *heir;

void sinew__ring_step(void)
{
}

/* It buries, and has the slot itself. */
void sinew__ring_saw(const void *at)
{
	if (looks == 0 || *(const uint64_t *)at != dead || --looks > 0)
		return;
	close(burial);
	CHECK_OK(sinew_open(&heir, uri(options), SINEW_IN, SINEW_NOW));
}

/* Whether there was an Nth look; whatever is seen there and then, the lane is free. */
static bool come_meanwhile(unsigned n)
{
	sinew_channel *in = open_end(options, SINEW_IN), *out = open_end(options, SINEW_OUT);

	dead = sinew__ring_of(out)->owner;
	burial = begin_to_bury(die(out));
	looks = n;
	CHECK_OK(sinew_open(&out, uri(options), SINEW_OUT, SINEW_NOW));
	const bool looked = looks == 0;
	looks = 0;
	if (looked)
		CHECK_EQ(sinew_close(heir), 0);
	else
		close(burial);
	close_all(in, out);
	return looked;
}

TEST_EACH(heirs, the_next_writer_may_meet_the_heir, struct shared, s)
{
	unsigned n = 1;

	options = s->options;
	while (come_meanwhile(n))
		n++;
	CHECK(n > 2); /* at the slot, and at the lane */
}

/* ---- many at once ---- */

enum { READERS = 8, DEATHS = 300, RACES = 100 };

static const char latest[] = "pattern=latest";

static void come_and_go(void *arg)
{
	(void)arg;
	for (;;)
		sinew_close(open_end(latest, SINEW_IN));
}

static void write_on(void *arg)
{
	sinew_channel *out = open_end(latest, SINEW_OUT);

	CHECK_EQ(write(*(int *)arg, "", 1), 1);
	for (;;)
		send_text(out, "new");
}

/* Each who comes looks for the dead, and is himself killed at any moment. */
TEST(the_next_writer_is_never_refused, .timeout = 120)
{
	sinew_channel *keeper = open_end(latest, SINEW_IN);
	pid_t readers[READERS], writer;
	int came[2];
	char byte;

	CHECK_SYS(pipe2(came, O_CLOEXEC));
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = test_fork(come_and_go, NULL);
	for (unsigned n = 0; n < DEATHS; n++) {
		writer = test_fork(write_on, &came[1]);
		CHECK_EQ(CHECK_SYS(read(came[0], &byte, 1)), 1);
		CHECK_SYS(kill(writer, SIGKILL));
		CHECK_EQ(test_wait(writer), -SIGKILL);
		pid_t *reader = &readers[n % READERS];
		CHECK_SYS(kill(*reader, SIGKILL));
		CHECK_EQ(test_wait(*reader), -SIGKILL);
		*reader = test_fork(come_and_go, NULL);
	}
	for (unsigned i = 0; i < READERS; i++) {
		CHECK_SYS(kill(readers[i], SIGKILL));
		CHECK_EQ(test_wait(readers[i]), -SIGKILL);
	}
	close(came[0]);
	close(came[1]);
	close_all(keeper, NULL);
}

struct race {
	int start[2], end[2];
};

/* Exits with 0 if it came to be the sender. */
static void try_to_send(void *arg)
{
	struct race *race = arg;
	sinew_channel *out;
	char byte;

	close(race->start[1]);
	close(race->end[1]);
	CHECK_EQ(read(race->start[0], &byte, 1), 0);
	int r = sinew_open(&out, uri(""), SINEW_OUT, soon());
	if (r == 0)
		CHECK_EQ(read(race->end[0], &byte, 1), 0);
	else
		CHECK_ERR(r, -EBUSY);
	_exit(r != 0);
}

/* Both may see the other end free. */
TEST(of_two_who_send_at_once_one_is_refused, .timeout = 60)
{
	for (unsigned n = 0; n < RACES; n++) {
		struct race race;
		pid_t pids[2];
		int status;

		CHECK_SYS(pipe2(race.start, O_CLOEXEC));
		CHECK_SYS(pipe2(race.end, O_CLOEXEC));
		sinew_close(open_end("", SINEW_IN)); /* it is there */
		for (unsigned i = 0; i < 2; i++)
			pids[i] = test_fork(try_to_send, &race);
		close(race.start[1]);
		close(race.start[0]);
		const pid_t first = CHECK_SYS(waitpid(-1, &status, 0));
		CHECK(WIFEXITED(status));
		const int refused = WEXITSTATUS(status);
		close(race.end[1]);
		close(race.end[0]);
		CHECK_EQ(test_wait(first == pids[0] ? pids[1] : pids[0]), 0);
		CHECK_EQ(refused, 1);
		CHECK_OK(sinew_remove(uri("")));
	}
}
