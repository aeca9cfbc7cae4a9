/* SPDX-License-Identifier: MIT
 *
 * faults_race.c - many processes want one name at the same moment: exactly one has it, the others
 * are told that it is in use, and nothing is left behind. Over and over.
 */
#include "faults.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { STARTERS = 8, ROUNDS = 50, WON = 10, IN_USE = 11 };

struct race {
	struct place place;
	struct gate start, finish;
};

/* Opens when the start is given; a winner holds the name until everybody is done. */
static int compete(struct race *race)
{
	sinew_channel *channel = NULL;

	gate_reach(&race->start);
	gate_await(&race->start);
	int r = try_reader(&channel, &race->place, "", 0);
	gate_reach(&race->finish);
	gate_await(&race->finish);
	if (r == 0)
		sinew_close(channel);
	else if (r != -EADDRINUSE)
		fprintf(stderr, "a starter got %s: %s\n", strerrorname_np(-r), sinew_error_text());
	return r == 0 ? WON : r == -EADDRINUSE ? IN_USE : 1;
}

static void check_round(struct race *race)
{
	pid_t pids[STARTERS];
	unsigned won = 0, in_use = 0;

	gate_open(&race->start);
	gate_open(&race->finish);
	for (unsigned i = 0; i < STARTERS; i++) {
		pids[i] = CHECK_SYS(fork());
		if (pids[i] == 0)
			_exit(compete(race));
	}
	gate_wait(&race->start, STARTERS);
	gate_pass(&race->start);
	gate_wait(&race->finish, STARTERS);
	gate_pass(&race->finish);
	for (unsigned i = 0; i < STARTERS; i++) {
		int status = test_wait(pids[i]);
		won += status == WON;
		in_use += status == IN_USE;
	}
	CHECK_EQ(won, 1);
	CHECK_EQ(in_use, STARTERS - 1);
	gate_close(&race->start);
	gate_close(&race->finish);
}

static void listen_until_killed(void *argument)
{
	open_reader(argument, "", 0);
	raise(SIGKILL);
}

TEST_EACH(sockets, one_of_many_starters, struct mechanism, m, .timeout = 60)
{
	struct race race;

	place_init(&race.place, m);
	for (unsigned round = 0; round < ROUNDS; round++) {
		check_round(&race);
		CHECK_EQ(count_entries(test_tmpdir()), 0);
	}
}

TEST_EACH(sockets, one_takes_a_stale_name, struct mechanism, m, .timeout = 150)
{
	struct race race;

	place_init(&race.place, m);
	for (unsigned round = 0; round < ROUNDS; round++) {
		CHECK_EQ(test_wait(test_fork(listen_until_killed, &race.place)), -SIGKILL);
		CHECK_EQ(count_entries(test_tmpdir()), 1);
		check_round(&race);
		CHECK_EQ(count_entries(test_tmpdir()), 0);
	}
}

TEST_EACH(sockets, one_has_an_abstract_name, struct mechanism, m, .timeout = 60)
{
	struct race race;

	place_init(&race.place, m);
	snprintf(race.place.uri, sizeof race.place.uri, "unix:@sinew-race-%d", (int)getpid());
	for (unsigned round = 0; round < ROUNDS; round++)
		check_round(&race);
}

TEST(one_has_a_port, .timeout = 60)
{
	static const struct mechanism tcp = {
		.name = "tcp", .base = "tcp:127.0.0.1:0", .options = ""};
	struct race race;

	place_init(&race.place, &tcp);
	sinew_channel *channel = open_reader(&race.place, "", 0);
	CHECK_OK(sinew_close(channel)); /* its port is free now, and known */
	for (unsigned round = 0; round < ROUNDS; round++)
		check_round(&race);
}

/* Starters come and go without any order, while others send: who is connected is always heard by
 * the one who owns the name. */
struct churn {
	struct place place;
	unsigned number;
};

static void start_and_stop(void *argument)
{
	struct churn *churn = argument;
	sinew_channel *reader, *writer;

	for (unsigned i = 0; i < 50; i++) {
		if (try_reader(&reader, &churn->place, "", 0) < 0) {
			test_pause();
			continue;
		}
		CHECK_OK(try_writer(&writer, &churn->place, "", 0));
		CHECK_EQ(send_message(writer, 40, i * 16 + churn->number, soon(5000)), 1);
		expect_message(reader, 40, i * 16 + churn->number, 0);
		CHECK_OK(sinew_close(writer));
		CHECK_OK(sinew_close(reader));
	}
}

TEST_EACH(sockets, owner_hears_its_own, struct mechanism, m, .timeout = 60)
{
	struct churn churn;
	pid_t pids[4];

	place_init(&churn.place, m);
	for (churn.number = 0; churn.number < 4; churn.number++)
		pids[churn.number] = test_fork(start_and_stop, &churn);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	CHECK_EQ(count_entries(test_tmpdir()), 0);
}
