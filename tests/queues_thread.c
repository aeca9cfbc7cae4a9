/* SPDX-License-Identifier: MIT
 *
 * queues_thread.c - poll=thread: the helper keeps order, takes nothing away, disturbs nobody and leaves
 * nothing behind.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/msg.h>

#include "queues.h"

static const struct queue threaded = {"msgq-thread", "poll=thread&", false, true};

static bool ready(sinew_channel *channel, unsigned direction, int ms)
{
	struct pollfd fd = {.fd = CHECK_OK(sinew_fd(channel, direction)), .events = POLLIN};

	return CHECK_SYS(poll(&fd, 1, ms)) == 1;
}

static unsigned count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned n = 0;

	CHECK(tasks);
	while (readdir(tasks))
		n++;
	closedir(tasks);
	return n - 2;
}

/* The messages of the queue, seen from outside. */
static unsigned long count_messages(void)
{
	struct msqid_ds ds;

	CHECK_SYS(msgctl(bare_id(&threaded, 0), IPC_STAT, &ds));
	return ds.msg_qnum;
}

/* Those that block everything. */
static unsigned count_deaf_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[300], line[200];
	unsigned deaf = 0;

	for (struct dirent *task; (task = readdir(tasks));) {
		snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
		FILE *status = fopen(path, "r");
		while (status && fgets(line, sizeof line, status))
			deaf += strncmp(line, "SigBlk:\tfffffff", 15) == 0;
		if (status)
			fclose(status);
	}
	closedir(tasks);
	return deaf;
}

/* With those that a sanitizer adds when there is a first one. */
static unsigned usual_threads(void)
{
	sinew_close(queue_reader(&threaded, ""));
	return count_threads();
}

TEST(one_thread_a_channel_and_none_left)
{
	unsigned before = usual_threads(), deaf = count_deaf_threads();
	sinew_channel *in = queue_reader(&threaded, ""), *out = queue_writer(&threaded, "");

	CHECK_EQ(count_threads(), before + 2);
	CHECK_EQ(count_deaf_threads(), deaf + 2);
	sinew_close(in);
	sinew_close(out);
	WAIT_UNTIL(count_threads() == before, 5000);
	bare_remove(&threaded);
}

/* The thread takes an empty message; urgent ones that come after it go first all the same. */
TEST(empty_messages_keep_their_place)
{
	sinew_channel *in = queue_reader(&threaded, "");
	struct sinew_msg msg;
	char buf[10];

	for (unsigned turn = 0; turn < 50; turn++) {
		bare_send(&threaded, "", 0, 5);
		CHECK(ready(in, SINEW_IN, 10000));
		bare_send(&threaded, "same", 4, 5);
		bare_send(&threaded, "urgent", 6, 9);
		bare_send(&threaded, "", 0, 5);
		queue_expect(in, "urgent");
		CHECK_EQ(sinew_recv(in, buf, sizeof buf, &msg, queue_soon()), 1);
		CHECK_EQ(msg.size, 0);
		CHECK_EQ(msg.priority, 5);
		queue_expect(in, "same");
		queue_expect(in, "");
		queue_expect_error(in, SINEW_NOW, -EAGAIN);
		CHECK(!ready(in, SINEW_IN, 0));
	}
	sinew_close(in);
	bare_remove(&threaded);
}

TEST(an_empty_message_that_nobody_took_goes_back)
{
	sinew_channel *in = queue_reader(&threaded, "");

	bare_send(&threaded, "", 0, 5);
	CHECK(ready(in, SINEW_IN, 10000));
	CHECK_EQ(count_messages(), 0);
	sinew_close(in);
	CHECK_EQ(count_messages(), 1);
	in = queue_reader(&threaded, "select=0");
	struct sinew_msg msg;
	CHECK_EQ(CHECK_OK(sinew_take(in, &msg, 1, queue_soon())), 1);
	CHECK_EQ(msg.size, 0);
	CHECK_EQ(msg.priority, 32768 - 5);
	sinew_close(in);
	bare_remove(&threaded);
}

static void read_empties(void *arg)
{
	sinew_channel *in = queue_reader(&threaded, "");
	struct sinew_msg msg;

	for (unsigned i = 0; i < 1000; i++) {
		int64_t until = i % 2 ? SINEW_FOREVER : queue_soon();
		CHECK_EQ(CHECK_OK(sinew_recv(in, NULL, 0, &msg, until)), 1);
		CHECK_EQ(msg.size, 0);
	}
	queue_expect_error(in, SINEW_NOW, -EAGAIN);
	sinew_close(in);
	(void)arg;
}

/* Also a reader that waits for ever is told of the message that its own thread took. */
TEST(many_empty_messages)
{
	queue_private();
	pid_t child = test_fork(read_empties, NULL);
	sinew_channel *out = queue_writer(&threaded, "");
	for (unsigned i = 0; i < 1000; i++)
		queue_must_send(out, "");
	CHECK_EQ(test_wait(child), 0);
	sinew_close(out);
	bare_remove(&threaded);
}

static void close_both(void *arg)
{
	sinew_channel **both = arg;

	CHECK_ERR(sinew_fd(both[0], SINEW_IN), -EOWNERDEAD);
	sinew_close(both[0]);
	sinew_close(both[1]);
}

TEST(a_forked_child_closes_without_hanging)
{
	sinew_channel *both[2] = {queue_reader(&threaded, ""), queue_writer(&threaded, "")};

	CHECK_EQ(test_wait(test_fork(close_both, both)), 0);
	queue_must_send(both[1], "unharmed");
	CHECK(ready(both[0], SINEW_IN, 10000));
	queue_expect(both[0], "unharmed");
	sinew_close(both[0]);
	sinew_close(both[1]);
	bare_remove(&threaded);
}

/* Room is told when another program takes messages. */
TEST(room_is_told)
{
	sinew_channel *out = queue_writer(&threaded, "size=1000");
	char text[501], buf[600];

	memset(text, 'x', 500);
	text[500] = '\0';
	CHECK(ready(out, SINEW_OUT, 0));
	for (unsigned turn = 0; turn < 20; turn++) {
		queue_must_send(out, text);
		queue_must_send(out, text);
		CHECK_ERR(queue_send(out, text, SINEW_NOW), -EAGAIN);
		CHECK(!ready(out, SINEW_OUT, 10));
		bare_receive(&threaded, buf, sizeof buf);
		CHECK(ready(out, SINEW_OUT, 10000));
		bare_receive(&threaded, buf, sizeof buf);
	}
	sinew_close(out);
	bare_remove(&threaded);
}

static void ignore_signal(int number)
{
	(void)number;
}

/* Closing ends a thread in whatever it is, and no signal of ours changes. */
TEST(opened_and_closed_many_times)
{
	struct sigaction before, after;
	unsigned threads = usual_threads();

	signal(SIGUSR1, ignore_signal);
	CHECK_SYS(sigaction(SIGUSR1, NULL, &before));
	for (unsigned i = 0; i < 200; i++) {
		sinew_channel *in = queue_reader(&threaded, "");
		sinew_channel *out = queue_writer(&threaded, "");
		if (i % 2)
			queue_must_send(out, i % 4 == 1 ? "" : "x");
		sinew_close(i % 3 ? in : out);
		sinew_close(i % 3 ? out : in);
	}
	CHECK_EQ(count_messages(), 100);
	CHECK_SYS(sigaction(SIGUSR1, NULL, &after));
	CHECK(before.sa_handler == after.sa_handler);
	WAIT_UNTIL(count_threads() == threads, 5000);
	bare_remove(&threaded);
}
