/* SPDX-License-Identifier: MIT
 *
 * queues_crowd.c - other programs, many writers and readers, processes killed at any time, users
 * counted: each message is received once, and nothing is lost but what a dead reader had in its hands.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include "queues.h"

/* ---- other programs ---- */

static void expect_priority(sinew_channel *in, const char *text, uint32_t priority)
{
	struct sinew_msg msg;
	char buf[100];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, queue_soon())), 1);
	CHECK_MEM(buf, msg.size, text, strlen(text));
	CHECK_EQ(msg.priority, priority);
	CHECK_EQ(msg.lost, 0);
}

TEST_EACH(every_queue, from_another_program, struct queue, q)
{
	sinew_channel *in = queue_reader(q, "");

	bare_send(q, "calm", 4, 0);
	bare_send(q, "urgent", 6, 7);
	bare_send(q, "", 0, 7);
	expect_priority(in, "urgent", 7);
	expect_priority(in, "", 7);
	expect_priority(in, "calm", 0);
	sinew_close(in);
	bare_remove(q);
}

TEST_EACH(every_queue, to_another_program, struct queue, q)
{
	sinew_channel *out = queue_writer(q, "");
	char buf[100];

	queue_must_send(out, "plain");
	CHECK_EQ(bare_receive(q, buf, sizeof buf), 5);
	CHECK_MEM(buf, 5, "plain", 5);
	sinew_close(out);
	bare_remove(q);
}

TEST_EACH(every_queue, too_large_for_the_reader, struct queue, q)
{
	sinew_channel *in = queue_reader(q, "max=100");
	struct sinew_msg msg = {0};
	char buf[200], large[3000] = "";

	for (unsigned i = 0; i < 2; i++) {
		bare_send(q, large, sizeof large, 0);
		bare_send(q, "next", 4, 0);
		CHECK_ERR(i ? sinew_take(in, &msg, 1, queue_soon())
			    : sinew_recv(in, buf, sizeof buf, &msg, queue_soon()),
			-EMSGSIZE);
		CHECK_EQ(msg.size, sizeof large);
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, queue_soon())), 1);
		CHECK_MEM(buf, msg.size, "next", 4);
		CHECK_EQ(msg.lost, 1);
	}
	sinew_close(in);
	bare_remove(q);
}

static void send_type(const struct queue *q, long type, const char *text)
{
	struct {
		long type;
		char text[20];
	} letter = {.type = type};

	memcpy(letter.text, text, strlen(text));
	CHECK_SYS(msgsnd(bare_id(q, 0), &letter, strlen(text), 0));
}

TEST_EACH(system_v_queue, types_are_selected, struct queue, q)
{
	sinew_channel *by_priority = queue_reader(q, "");
	sinew_channel *third = queue_reader(q, "select=3"), *any = queue_reader(q, "select=0");
	sinew_channel *out = queue_writer(q, "select=3");

	send_type(q, 40000, "beyond priorities");
	send_type(q, 5, "five");
	queue_must_send(out, "three");
	send_type(q, 2, "two");
	expect_priority(third, "three", 0);
	queue_expect_error(third, SINEW_NOW, -EAGAIN);
	expect_priority(by_priority, "two", 32766);
	expect_priority(any, "beyond priorities", 40000);
	expect_priority(any, "five", 5);
	send_type(q, 40000, "beyond priorities");
	queue_expect_error(by_priority, SINEW_NOW, -EAGAIN);
	expect_priority(any, "beyond priorities", 40000);
	sinew_close(out);
	sinew_close(any);
	sinew_close(third);
	sinew_close(by_priority);
	bare_remove(q);
}

/* ---- a crowd ---- */

enum { WRITERS = 4, READERS = 3, EACH = 3000 };

struct crowd {
	const struct queue *queue;
	_Atomic unsigned next; /* writer */
	_Atomic unsigned got[WRITERS][EACH];
};

/* For a process that forks others with threads: the thread sanitizer allows no threads on both sides. */
static const char *unthreaded(const struct queue *q)
{
	return q->posix ? "" : "poll=no";
}

static struct crowd *share_crowd(const struct queue *q)
{
	struct crowd *crowd = mmap(
		NULL, sizeof *crowd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(crowd != MAP_FAILED);
	crowd->queue = q;
	return crowd;
}

static void write_each(void *arg)
{
	struct crowd *crowd = arg;
	sinew_channel *out = queue_writer(crowd->queue, "");
	unsigned writer = atomic_fetch_add(&crowd->next, 1);
	char text[40];

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(text, sizeof text, "%u %u", writer, i);
		CHECK_EQ(queue_send(out, text, i % 2 ? SINEW_FOREVER : queue_soon()), 1);
	}
	CHECK_EQ(CHECK_OK(sinew_close(out)), 0);
}

static void read_until_told(void *arg)
{
	struct crowd *crowd = arg;
	sinew_channel *in = queue_reader(crowd->queue, "");
	unsigned writer, number, turn = 0;
	int last[WRITERS] = {-1, -1, -1, -1};
	struct sinew_msg msg;
	char buf[40];

	for (;;) {
		int64_t until = turn++ % 2 ? SINEW_FOREVER : queue_soon();
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf - 1, &msg, until)), 1);
		buf[msg.size] = '\0';
		if (strcmp(buf, "end") == 0)
			break;
		CHECK_EQ(sscanf(buf, "%u %u", &writer, &number), 2);
		CHECK(writer < WRITERS && number < EACH);
		CHECK((int)number > last[writer]); /* a writer's messages stay in order */
		last[writer] = (int)number;
		crowd->got[writer][number]++;
	}
	sinew_close(in);
}

TEST_EACH(every_queue, many_writers_and_many_readers, struct queue, q, .timeout = 60)
{
	struct crowd *crowd = share_crowd(q);
	pid_t readers[READERS], writers[WRITERS];
	sinew_channel *out = queue_writer(q, unthreaded(q));

	for (unsigned i = 0; i < READERS; i++)
		readers[i] = test_fork(read_until_told, crowd);
	for (unsigned i = 0; i < WRITERS; i++)
		writers[i] = test_fork(write_each, crowd);
	for (unsigned i = 0; i < WRITERS; i++)
		CHECK_EQ(test_wait(writers[i]), 0);
	for (unsigned i = 0; i < READERS; i++)
		queue_must_send(out, "end");
	for (unsigned i = 0; i < READERS; i++)
		CHECK_EQ(test_wait(readers[i]), 0);
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; i < EACH; i++)
			CHECK_EQ(crowd->got[w][i], 1);
	sinew_close(out);
	bare_remove(q);
}

/* ---- killed ---- */

static void write_on_and_on(void *arg)
{
	struct crowd *crowd = arg;
	sinew_channel *out = queue_writer(crowd->queue, "");
	char text[40];

	for (unsigned i = 0;; i++) {
		snprintf(text, sizeof text, "0 %u", i);
		CHECK_EQ(queue_send(out, text, SINEW_FOREVER), 1);
	}
}

static void read_on_and_on(void *arg)
{
	struct crowd *crowd = arg;
	sinew_channel *in = queue_reader(crowd->queue, "");
	unsigned writer, number;
	struct sinew_msg msg;
	char buf[40];

	for (;;) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf - 1, &msg, SINEW_FOREVER)), 1);
		buf[msg.size] = '\0';
		CHECK_EQ(sscanf(buf, "%u %u", &writer, &number), 2);
		crowd->got[0][number]++;
	}
}

static void kill_it(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

static int next_number(sinew_channel *in, int64_t until)
{
	unsigned writer, number;
	struct sinew_msg msg;
	char buf[40];

	int r = sinew_recv(in, buf, sizeof buf - 1, &msg, until);
	if (r != 1)
		return r;
	buf[msg.size] = '\0';
	CHECK_EQ(sscanf(buf, "%u %u", &writer, &number), 2);
	return (int)number;
}

/* Every message it sent is there, whole, whenever it dies. */
TEST_EACH(every_queue, a_writer_is_killed, struct queue, q)
{
	struct crowd *crowd = share_crowd(q);
	sinew_channel *in = queue_reader(q, unthreaded(q));

	for (int life = 1; life <= 20; life++) {
		int number = 0, r;
		pid_t child = test_fork(write_on_and_on, crowd);
		while (number < life * 17)
			CHECK_EQ(next_number(in, queue_soon()), number++);
		kill_it(child);
		while ((r = next_number(in, SINEW_NOW)) >= 0)
			CHECK_EQ(r, number++);
		CHECK_ERR(r, -EAGAIN);
	}
	sinew_close(in);
	bare_remove(q);
}

/* What it had not taken is there for the next; it may have died with one in its hands. */
TEST_EACH(every_queue, a_reader_is_killed, struct queue, q)
{
	struct crowd *crowd = share_crowd(q);
	sinew_channel *out = queue_writer(q, unthreaded(q)), *in = queue_reader(q, unthreaded(q));
	unsigned number = 0, missing = 0;
	char text[40];
	int r;

	for (unsigned life = 1; life <= 20; life++) {
		pid_t child = test_fork(read_on_and_on, crowd);
		for (unsigned i = 0; i < 50 + life; i++) {
			snprintf(text, sizeof text, "0 %u", number++);
			queue_must_send(out, text);
		}
		kill_it(child);
	}
	while ((r = next_number(in, SINEW_NOW)) >= 0)
		crowd->got[0][r]++;
	CHECK_ERR(r, -EAGAIN);
	for (unsigned i = 0; i < number; i++) {
		CHECK(crowd->got[0][i] <= 1);
		missing += crowd->got[0][i] == 0;
	}
	CHECK(missing <= 20);
	sinew_close(in);
	sinew_close(out);
	bare_remove(q);
}

/* ---- who stays, who goes ---- */

TEST_EACH(every_queue, it_outlives_its_processes, struct queue, q)
{
	sinew_channel *out = queue_writer(q, "");

	queue_must_send(out, "for later");
	sinew_close(out);
	sinew_channel *in = queue_reader(q, "create=no");
	queue_expect(in, "for later");
	CHECK_ERR(sinew_remove(queue_uri(q, "")), -EBUSY);
	CHECK(bare_exists(q));
	sinew_close(in);
	CHECK_OK(sinew_remove(queue_uri(q, "")));
	CHECK(!bare_exists(q));
	CHECK(access(test_path("q"), F_OK) < 0);
	CHECK_ERR(sinew_remove(queue_uri(q, "")), -ENOENT);
}

static void close_inherited(void *arg)
{
	sinew_close(arg);
}

TEST_EACH(every_queue, the_last_user_takes_it_along, struct queue, q)
{
	sinew_channel *out = queue_writer(q, "temp=yes"), *in = queue_reader(q, "temp=yes");

	CHECK_EQ(test_wait(test_fork(close_inherited, in)), 0);
	queue_must_send(out, "still here");
	sinew_close(out);
	CHECK(bare_exists(q));
	queue_expect(in, "still here");
	sinew_close(in);
	CHECK(!bare_exists(q));
	CHECK(access(test_path("q"), F_OK) < 0);
}

/* It is not the last who sees that nobody is left, but a new queue that must stay. */
TEST_EACH(every_queue, a_new_queue_of_that_name_stays, struct queue, q)
{
	sinew_channel *first = queue_reader(q, "temp=yes");

	bare_remove(q);
	unlink(test_path("q"));
	sinew_channel *second = queue_writer(q, "");
	sinew_close(first);
	CHECK(bare_exists(q));
	sinew_close(second);
	bare_remove(q);
}

TEST_EACH(system_v_queue, the_file_stays_if_it_is_needed, struct queue, q)
{
	FILE *file = fopen(test_path("q"), "w");

	CHECK(file && fputs("not empty", file) >= 0 && fclose(file) == 0);
	sinew_close(queue_reader(q, ""));
	CHECK_OK(sinew_remove(queue_uri(q, "")));
	CHECK_SYS(access(test_path("q"), F_OK));
	CHECK_SYS(truncate(test_path("q"), 0));
	sinew_close(queue_reader(q, ""));
	sinew_close(queue_reader(q, "id=200"));
	CHECK_OK(sinew_remove(queue_uri(q, "")));
	CHECK_SYS(access(test_path("q"), F_OK)); /* it names the other one */
	CHECK_OK(sinew_remove(queue_uri(q, "id=200")));
	CHECK(access(test_path("q"), F_OK) < 0);
}

struct latecomer {
	const struct queue *queue;
	int ready[2];
};

static void wait_for_the_name(void *arg)
{
	struct latecomer *l = arg;
	sinew_channel *in = NULL;

	CHECK_EQ(write(l->ready[1], "", 1), 1);
	CHECK_OK(sinew_open(&in, queue_uri(l->queue, "create=no"), SINEW_IN, queue_soon()));
	queue_expect(in, "hello");
	sinew_close(in);
}

TEST_EACH(every_queue, who_does_not_create_waits_for_the_name, struct queue, q)
{
	struct latecomer l = {.queue = q};
	char byte;

	queue_uri(q, ""); /* the name of both */
	CHECK_SYS(pipe(l.ready));
	pid_t child = test_fork(wait_for_the_name, &l);
	CHECK_EQ(read(l.ready[0], &byte, 1), 1);
	sinew_channel *out = queue_writer(q, "");
	queue_must_send(out, "hello");
	CHECK_EQ(test_wait(child), 0);
	sinew_close(out);
	close(l.ready[0]);
	close(l.ready[1]);
	bare_remove(q);
}

/* ---- everybody comes and goes at once ---- */

static void come_and_go(void *arg)
{
	const struct queue *q = arg;
	sinew_channel *channel;

	for (unsigned i = 0; i < 200; i++) {
		channel = NULL;
		CHECK_OK(sinew_open(&channel, queue_uri(q, "temp=yes"), SINEW_OUT, queue_soon()));
		if (i % 3 == 0)
			queue_send(channel, "x", SINEW_NOW);
		/* Nobody is left in a queue whose name is gone. */
		CHECK(bare_exists(q));
		sinew_close(channel);
	}
}

TEST_EACH(plain_queue, making_and_removing_race, struct queue, q)
{
	pid_t children[4];

	queue_uri(q, ""); /* the name of all */
	for (unsigned i = 0; i < 4; i++)
		children[i] = test_fork(come_and_go, (void *)(uintptr_t)q);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(test_wait(children[i]), 0);
	CHECK(!bare_exists(q));
	CHECK(access(test_path("q"), F_OK) < 0);
}
