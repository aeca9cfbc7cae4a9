/* SPDX-License-Identifier: MIT
 *
 * faults_race.c - many processes want one name at the same moment: exactly one has it, the others
 * are told that it is in use, and nothing is left behind. Over and over.
 */
#include "faults.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { STARTERS = 8, ROUNDS = 50 };

/* In memory that the starters share. All of them and we meet before each step of a round; they stay the same in
 * all rounds, for to fork one takes many times longer than what it does here. */
struct race {
	struct place place;
	pthread_barrier_t gate;
	pid_t pids[STARTERS];
	_Atomic unsigned won, in_use;
};

static void meet(struct race *race)
{
	const int r = pthread_barrier_wait(&race->gate);

	CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
}

/* Opens when the start is given; a winner holds the name until everybody is done. */
static void compete(void *argument)
{
	struct race *race = argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		sinew_channel *channel = NULL;
		meet(race);
		int r = try_reader(&channel, &race->place, "", 0);
		if (r == 0)
			race->won++;
		else if (r == -EADDRINUSE)
			race->in_use++;
		else
			fprintf(stderr, "a starter got %s: %s\n", strerrorname_np(-r),
				sinew_error_text());
		meet(race);
		if (r == 0)
			sinew_close(channel);
		meet(race);
	}
}

static struct race *race_make(const struct mechanism *m)
{
	struct race *race =
		mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t shared;

	CHECK(race != MAP_FAILED);
	CHECK_EQ(pthread_barrierattr_init(&shared), 0);
	CHECK_EQ(pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED), 0);
	CHECK_EQ(pthread_barrier_init(&race->gate, &shared, STARTERS + 1), 0);
	CHECK_EQ(pthread_barrierattr_destroy(&shared), 0);
	place_init(&race->place, m);
	return race;
}

static void race_start(struct race *race)
{
	for (unsigned i = 0; i < STARTERS; i++)
		race->pids[i] = test_fork(compete, race);
}

static void check_round(struct race *race)
{
	race->won = race->in_use = 0;
	for (unsigned step = 0; step < 3; step++)
		meet(race);
	CHECK_EQ(race->won, 1);
	CHECK_EQ(race->in_use, STARTERS - 1);
}

static void race_end(struct race *race)
{
	for (unsigned i = 0; i < STARTERS; i++)
		CHECK_EQ(test_wait(race->pids[i]), 0);
	CHECK_EQ(pthread_barrier_destroy(&race->gate), 0);
	munmap(race, sizeof *race);
}

static void listen_until_killed(void *argument)
{
	open_reader(argument, "", 0);
	raise(SIGKILL);
}

TEST_EACH(sockets, one_of_many_starters, struct mechanism, m, .timeout = 60)
{
	struct race *race = race_make(m);

	race_start(race);
	for (unsigned round = 0; round < ROUNDS; round++) {
		check_round(race);
		CHECK_EQ(count_entries(test_tmpdir()), 0);
	}
	race_end(race);
}

TEST_EACH(sockets, one_takes_a_stale_name, struct mechanism, m, .timeout = 150)
{
	struct race *race = race_make(m);

	race_start(race);
	for (unsigned round = 0; round < ROUNDS; round++) {
		CHECK_EQ(test_wait(test_fork(listen_until_killed, &race->place)), -SIGKILL);
		CHECK_EQ(count_entries(test_tmpdir()), 1);
		check_round(race);
		CHECK_EQ(count_entries(test_tmpdir()), 0);
	}
	race_end(race);
}

TEST_EACH(sockets, one_has_an_abstract_name, struct mechanism, m, .timeout = 60)
{
	struct race *race = race_make(m);

	snprintf(race->place.uri, sizeof race->place.uri, "unix:@sinew-race-%d", (int)getpid());
	race_start(race);
	for (unsigned round = 0; round < ROUNDS; round++)
		check_round(race);
	race_end(race);
}

/* A port that nobody else is given, however it asks, and that whoever names it may listen on. */
static unsigned hold_port(int *held)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	const int one = 1;

	*held = CHECK_SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(bind(*held, (struct sockaddr *)&address, size));
	CHECK_SYS(getsockname(*held, (struct sockaddr *)&address, &size));
	CHECK_SYS(setsockopt(*held, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	return ntohs(address.sin_port);
}

TEST(one_has_a_port, .timeout = 60)
{
	static const struct mechanism tcp = {.name = "tcp", .base = "tcp:", .options = ""};
	struct race *race = race_make(&tcp);
	int held;

	snprintf(race->place.uri, sizeof race->place.uri, "tcp:127.0.0.1:%u", hold_port(&held));
	race_start(race);
	for (unsigned round = 0; round < ROUNDS; round++)
		check_round(race);
	race_end(race);
	close(held);
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
