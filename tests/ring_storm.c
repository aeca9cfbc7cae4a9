/* SPDX-License-Identifier: MIT
 *
 * ring_storm.c - many come to a ring at once, and are killed at random moments: making it, joining, sending,
 * receiving, cleaning up behind each other.
 *
 * Each round begins with no ring. Workers, started anew as they die, write numbered messages or read;
 * what they were told stands in a table that survives them. In the end whoever comes finds every
 * message that was accepted, each once but for those marked as redelivered, and a ring as good as new.
 * RING_STORM is how many seconds a case takes.
 */
#include <errno.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

enum {
	WORKERS = 6,
	LIVES = 64,   /* of workers, in one round */
	EACH = 50000, /* messages that one life may write */
	ROUND = 300,  /* ms */
	SECONDS = 5,
};

static int seconds = SECONDS;

__attribute__((constructor)) static void prepare(void)
{
	const char *wish = getenv("RING_STORM"); /* a case's environment is clean */

	test_error_text = sinew_error_text;
	if (wish && atoi(wish) > 0)
		seconds = atoi(wish);
}

static struct table {
	_Atomic bool over;
	_Atomic unsigned lost;
	_Atomic unsigned accepted[LIVES];
	_Atomic uint8_t first[LIVES][EACH], again[LIVES][EACH];
} * table;

struct text {
	uint32_t life, number;
	uint8_t fill[200]; /* the second half of them at odd numbers only */
};

struct worker {
	const char *uri;
	unsigned life;
	bool reads;
};

static void compose(struct text *text, unsigned life, unsigned number)
{
	text->life = life;
	text->number = number;
	memset(text->fill, (int)(life * 7 + number), sizeof text->fill);
}

static size_t size_of(unsigned number)
{
	return number % 2 ? sizeof(struct text) : 40;
}

static void note(const struct sinew_msg *msg)
{
	struct text got, wanted;

	CHECK(msg->size >= 40 && msg->size <= sizeof got);
	memcpy(&got, msg->data, msg->size);
	CHECK(got.life < LIVES && got.number < EACH);
	compose(&wanted, got.life, got.number);
	CHECK_MEM(msg->data, msg->size, &wanted, size_of(got.number));
	(msg->flags & SINEW_MSG_REDELIVERED ? table->again : table->first)[got.life][got.number]++;
	table->lost += (unsigned)msg->lost;
}

/* The dead may have left messages in every lane, and chance no reader: then when one has come. */
static bool open_when_free(sinew_channel **c, const char *uri)
{
	int r = -EBUSY;

	while (!table->over && (r = sinew_open(c, uri, SINEW_OUT, test_limit(10000))) == -EBUSY)
		test_pause();
	CHECK(r == 0 || table->over);
	return r == 0;
}

static void write_on(const struct worker *worker)
{
	struct sinew_msg msg = {0};
	struct text text;
	sinew_channel *c;

	if (!open_when_free(&c, worker->uri))
		return;
	for (unsigned n = 0; n < EACH && !table->over; n++) {
		compose(&text, worker->life, n);
		msg.data = &text;
		msg.size = size_of(n);
		int r = sinew_send(c, &msg, 1, sinew_after(20000000));
		if (r == 1)
			table->accepted[worker->life] = n + 1;
		else if (r == -ETIMEDOUT)
			n--;
		else
			FAIL("send: %s", sinew_error_text());
	}
	sinew_close(c);
}

static void read_on(const struct worker *worker)
{
	struct sinew_msg msgs[4];
	uint8_t data[sizeof(struct text)];
	sinew_channel *c;

	CHECK_OK(sinew_open(&c, worker->uri, SINEW_IN, test_limit(10000)));
	for (unsigned turn = 0; !table->over; turn++) {
		const int64_t until = sinew_after(5000000);
		int r = turn % 2 ? sinew_take(c, msgs, 4, until)
				 : sinew_recv(c, data, sizeof data, msgs, until);
		CHECK(r >= 0 || r == -ETIMEDOUT);
		for (int i = 0; i < r; i++)
			note(&msgs[i]);
		if (turn % 2 && r > 0)
			sinew_release(c, msgs, (unsigned)r);
	}
	sinew_close(c);
}

static void work(void *arg)
{
	const struct worker *worker = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(worker->reads ? read_on : write_on)(worker);
	test_checked();
}

/* ---- the storm ---- */

struct storm {
	char uri[200];
	pid_t pids[WORKERS];
	bool reads[WORKERS];
	unsigned lives, killed_readers;
};

static void start(struct storm *storm, unsigned i)
{
	struct worker worker = {storm->uri, storm->lives++, rand() % 2};

	storm->reads[i] = worker.reads;
	storm->pids[i] = test_fork(work, &worker);
}

/* One ends, soon or late in whatever it does; another takes its place. */
static void strike(struct storm *storm)
{
	const unsigned i = (unsigned)rand() % WORKERS;

	usleep((useconds_t)(rand() % 3000)); /* what is hit is to be different each time */
	CHECK_SYS(kill(storm->pids[i], SIGKILL));
	int status = test_wait(storm->pids[i]);
	CHECK(status == -SIGKILL || status == 0);
	storm->killed_readers += storm->reads[i] && status != 0;
	start(storm, i);
}

static void end_all(struct storm *storm)
{
	table->over = true;
	for (unsigned i = 0; i < WORKERS; i++)
		CHECK_EQ(test_wait(storm->pids[i]), 0);
}

static void check_table(const struct storm *storm, bool drop)
{
	unsigned missing = 0, again = 0, delivered = 0;

	for (unsigned life = 0; life < storm->lives; life++)
		for (unsigned n = 0; n < table->accepted[life]; n++) {
			unsigned first = table->first[life][n], more = table->again[life][n];
			CHECK(first <= 1);
			missing += first + more == 0;
			again += more;
			delivered += first;
		}
	printf("%u lives, %u readers killed: %u messages, %u again, %u missing, %u lost\n",
		storm->lives, storm->killed_readers, delivered, again, missing, table->lost);
	CHECK(!drop || again == 0);
	/* Of four in the hands of a dead reader it may not have said that it saw them. */
	CHECK(missing <= storm->killed_readers * (drop ? 4 : 1));
	CHECK(delivered > 0);
}

/* Reads what is left; then nothing is missing, and there is room for as much as ever. */
static void check_ring(const struct storm *storm)
{
	struct sinew_msg msg;
	struct text text;
	sinew_channel *in, *out[8];

	CHECK_OK(sinew_open(&in, storm->uri, SINEW_IN, test_limit(10000)));
	while (sinew_recv(in, &text, sizeof text, &msg, sinew_after(150000000)) == 1) {
		msg.data = &text;
		note(&msg);
	}
	for (unsigned i = 0; i < 8; i++)
		CHECK_OK(sinew_open(&out[i], storm->uri, SINEW_OUT, test_limit(10000)));
	for (unsigned i = 0; i < 8; i++) {
		unsigned room = 0;
		memset(&text, 1, sizeof text);
		msg = (struct sinew_msg){.data = &text, .size = sizeof text};
		while (sinew_send(out[i], &msg, 1, SINEW_NOW) == 1)
			room++;
		CHECK(room >= 32768 / 256 - 1);
		sinew_close(out[i]);
	}
	sinew_close(in);
}

static void run_round(const char *options, unsigned number)
{
	struct storm storm = {0};
	int64_t end = test_now() + ROUND * INT64_C(1000000);

	memset(table, 0, sizeof *table);
	snprintf(storm.uri, sizeof storm.uri, "ring:shm:/sinew-storm-%d-%u?%s", (int)getpid(),
		number, options);
	for (unsigned i = 0; i < WORKERS; i++)
		start(&storm, i);
	while (test_now() < end && storm.lives < LIVES)
		strike(&storm);
	end_all(&storm);
	check_ring(&storm);
	check_table(&storm, strstr(options, "drop"));
	CHECK_OK(sinew_remove(storm.uri));
}

static void run_storm(const char *options)
{
	const int64_t end = test_now() + seconds * INT64_C(1000000000);
	const unsigned seed = (unsigned)getpid();

	printf("seed %u\n", seed);
	srand(seed);
	table = mmap(
		NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(table != MAP_FAILED);
	for (unsigned number = 0; number == 0 || test_now() < end; number++)
		run_round(options, number);
}

TEST(redeliver, .timeout = 7200)
{
	run_storm("pattern=queue&lanes=8&size=32K");
}

TEST(drop, .timeout = 7200)
{
	run_storm("pattern=queue&lanes=8&size=32K&deaths=drop");
}
