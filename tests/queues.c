/* SPDX-License-Identifier: MIT
 *
 * queues.c - the rows and the helpers; and a queue that is removed under those who use it.
 */
#include "queues.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MQ_ROW                                                                                     \
	{                                                                                          \
		"mq", "", true, false                                                              \
	}
#define MSGQ_ROW                                                                                   \
	{                                                                                          \
		"msgq", "", false, false                                                           \
	}
#define THREAD_ROW                                                                                 \
	{                                                                                          \
		"msgq-thread", "poll=thread&", false, true                                         \
	}

static const struct queue every_rows[] = {MQ_ROW, MSGQ_ROW, THREAD_ROW};
static const struct queue plain_rows[] = {MQ_ROW, MSGQ_ROW};
static const struct queue system_v_rows[] = {MSGQ_ROW, THREAD_ROW};

TEST_SUITE(every_queue, every_rows);
TEST_SUITE(plain_queue, plain_rows);
TEST_SUITE(system_v_queue, system_v_rows);

__attribute__((constructor)) static void words(void)
{
	test_error_text = sinew_error_text;
}

/* ---- names ---- */

bool queue_private(void)
{
	static bool done, ours;

	if (!done)
		ours = unshare(CLONE_NEWIPC) == 0;
	done = true;
	return ours;
}

void queue_unprivileged(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	CHECK_SYS(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	CHECK_SYS(syscall(SYS_capset, &header, data));
}

void queue_set_limit(const char *file, const char *value)
{
	int fd = queue_private() ? open(file, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		SKIP("%s cannot be written here", file);
	CHECK_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

/* The same in all processes of the case. */
static const char *posix_name(void)
{
	static char name[40];

	if (!*name)
		snprintf(name, sizeof name, "/sinew-queues-%d", (int)getpid());
	return name;
}

const char *queue_uri(const struct queue *q, const char *options)
{
	static char uri[300];

	queue_private();
	if (q->posix)
		snprintf(uri, sizeof uri, "mq:%s?%s%s", posix_name(), q->options, options);
	else
		snprintf(uri, sizeof uri, "msgq:%s?%s%s", test_path("q"), q->options, options);
	return uri;
}

sinew_channel *queue_reader(const struct queue *q, const char *options)
{
	sinew_channel *channel = NULL;

	CHECK_OK(sinew_open(&channel, queue_uri(q, options), SINEW_IN | SINEW_LISTEN, SINEW_NOW));
	return channel;
}

sinew_channel *queue_writer(const struct queue *q, const char *options)
{
	sinew_channel *channel = NULL;

	CHECK_OK(sinew_open(&channel, queue_uri(q, options), SINEW_OUT, queue_soon()));
	return channel;
}

/* ---- messages ---- */

int64_t queue_soon(void)
{
	return test_limit(20000);
}

int64_t queue_after_ms(int64_t ms)
{
	return sinew_after(ms * 1000000);
}

int queue_send(sinew_channel *channel, const char *text, int64_t until)
{
	const struct sinew_msg msg = {.data = text, .size = strlen(text)};

	return sinew_send(channel, &msg, 1, until);
}

void queue_must_send(sinew_channel *channel, const char *text)
{
	CHECK_EQ(CHECK_OK(queue_send(channel, text, queue_soon())), 1);
}

void queue_expect(sinew_channel *channel, const char *text)
{
	struct sinew_msg msg;
	char buf[9000];

	CHECK_EQ(CHECK_OK(sinew_recv(channel, buf, sizeof buf, &msg, queue_soon())), 1);
	CHECK_MEM(buf, msg.size, text, strlen(text));
	CHECK_EQ(msg.lost, 0);
}

void queue_expect_error(sinew_channel *channel, int64_t until, int error)
{
	struct sinew_msg msg;
	char buf[100];

	CHECK_ERR(sinew_recv(channel, buf, sizeof buf, &msg, until), error);
}

/* ---- another program ---- */

struct letter {
	long type;
	char text[9000];
};

int bare_id(const struct queue *q, int flags)
{
	if (q->posix)
		return mq_open(posix_name(), flags | O_CLOEXEC);
	key_t key = ftok(test_path("q"), 1);
	return key == -1 ? -1 : msgget(key, 0);
}

void bare_send(const struct queue *q, const void *data, size_t size, unsigned priority)
{
	struct letter letter = {.type = 32768 - (long)priority};
	int id = CHECK_SYS(bare_id(q, O_WRONLY));

	if (q->posix) {
		CHECK_SYS(mq_send(id, data, size, priority));
		close(id);
		return;
	}
	memcpy(letter.text, data, size);
	CHECK_SYS(msgsnd(id, &letter, size, 0));
}

size_t bare_receive(const struct queue *q, char *buf, size_t size)
{
	struct letter letter;
	int id = CHECK_SYS(bare_id(q, O_RDONLY));
	ssize_t r;

	if (q->posix) {
		r = CHECK_SYS(mq_receive(id, letter.text, sizeof letter.text, NULL));
		close(id);
	} else {
		r = CHECK_SYS(msgrcv(id, &letter, sizeof letter.text, 0, 0));
	}
	CHECK((size_t)r <= size);
	memcpy(buf, letter.text, (size_t)r);
	return (size_t)r;
}

void bare_remove(const struct queue *q)
{
	if (q->posix)
		CHECK_SYS(mq_unlink(posix_name()));
	else
		CHECK_SYS(msgctl(bare_id(q, 0), IPC_RMID, NULL));
}

bool bare_exists(const struct queue *q)
{
	int id = bare_id(q, O_RDONLY);

	if (q->posix && id >= 0)
		close(id);
	return id >= 0;
}

/* ---- removed ---- */

/* What is in a POSIX queue can still be taken; a System V queue is gone with all that was in it. */
TEST_EACH(every_queue, removed_under_the_reader, struct queue, q)
{
	sinew_channel *in = queue_reader(q, ""), *out = queue_writer(q, "");

	queue_must_send(out, "left behind");
	bare_remove(q);
	if (q->posix)
		queue_expect(in, "left behind");
	queue_expect_error(in, SINEW_NOW, -EIDRM);
	CHECK(strstr(sinew_error_text(), "removed"));
	queue_expect_error(in, queue_after_ms(5), -EIDRM);
	queue_expect_error(in, SINEW_FOREVER, -EIDRM);
	CHECK(strstr(sinew_error_text(), "removed"));
	CHECK_EQ(CHECK_OK(sinew_close(in)), 0);
	CHECK_EQ(CHECK_OK(sinew_close(out)), 0);
}

struct waiting {
	const struct queue *queue;
	int64_t ms; /* < 0: for ever */
};

static void receive_removed(void *arg)
{
	const struct waiting *w = arg;
	sinew_channel *in = queue_reader(w->queue, "");

	queue_expect_error(in, w->ms < 0 ? SINEW_FOREVER : queue_after_ms(w->ms), -EIDRM);
	CHECK(strstr(sinew_error_text(), "removed"));
	queue_expect_error(in, SINEW_NOW, -EIDRM);
	sinew_close(in);
}

/* System V wakes who waits; of a POSIX queue the reader learns it when its deadline comes. */
TEST_EACH(every_queue, removed_while_a_receive_waits, struct queue, q)
{
	struct waiting w = {q, q->posix ? 300 : -1};

	sinew_close(queue_reader(q, ""));
	pid_t child = test_fork(receive_removed, &w);
	test_blocked(child, -1);
	bare_remove(q);
	CHECK_EQ(test_wait(child), 0);
}

TEST_EACH(every_queue, removed_while_polled, struct queue, q)
{
	sinew_channel *in = queue_reader(q, "");
	struct pollfd poll_fd = {.fd = sinew_fd(in, SINEW_IN), .events = POLLIN};

	if (!q->posix && !q->thread) {
		CHECK_ERR(poll_fd.fd, -EOPNOTSUPP);
		bare_remove(q);
	} else {
		CHECK_EQ(poll(&poll_fd, 1, 0), 0);
		bare_remove(q);
		/* A POSIX queue's removal wakes nobody. */
		CHECK_EQ(poll(&poll_fd, 1, q->posix ? 20 : 10000), q->thread);
	}
	queue_expect_error(in, SINEW_NOW, -EIDRM);
	if (poll_fd.fd >= 0) /* the next receive has something to say */
		CHECK_EQ(poll(&poll_fd, 1, 10000), 1);
	sinew_close(in);
}

static unsigned fill_up(sinew_channel *out)
{
	char text[1001];
	unsigned n = 0;
	int r;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	while ((r = queue_send(out, text, SINEW_NOW)) == 1)
		n++;
	CHECK_ERR(r, -EAGAIN);
	return n;
}

TEST_EACH(every_queue, removed_under_the_sender, struct queue, q)
{
	sinew_channel *out = queue_writer(q, "");

	CHECK(fill_up(out) >= 5);
	CHECK_ERR(queue_send(out, "x", queue_after_ms(10)),
		q->posix ? -ETIMEDOUT : 1); /* a short one still fits here */
	bare_remove(q);
	CHECK_ERR(queue_send(out, "y", SINEW_NOW), -EIDRM);
	CHECK(strstr(sinew_error_text(), "removed"));
	CHECK_ERR(queue_send(out, "y", queue_after_ms(5)), -EIDRM);
	sinew_close(out);
}

static void send_removed(void *arg)
{
	const struct waiting *w = arg;
	sinew_channel *out = queue_writer(w->queue, "");
	int64_t until = w->ms < 0 ? SINEW_FOREVER : queue_after_ms(w->ms);
	char text[1001];
	int r;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	while ((r = queue_send(out, text, until)) == 1)
		;
	CHECK_ERR(r, -EIDRM);
	sinew_close(out);
}

TEST_EACH(every_queue, removed_while_a_send_waits, struct queue, q)
{
	struct waiting w = {q, q->posix ? 300 : -1};

	sinew_close(queue_reader(q, ""));
	pid_t child = test_fork(send_removed, &w);
	test_blocked(child, -1);
	bare_remove(q);
	CHECK_EQ(test_wait(child), 0);
}

TEST_EACH(every_queue, full_until_one_is_taken, struct queue, q)
{
	sinew_channel *out = queue_writer(q, q->posix ? "depth=3" : "size=3000");
	sinew_channel *in = queue_reader(q, "");
	char want[1001];

	CHECK_EQ(fill_up(out), 3);
	int64_t since = test_now();
	memset(want, 'x', 1000);
	want[1000] = '\0';
	CHECK_ERR(queue_send(out, want, queue_after_ms(30)), -ETIMEDOUT);
	CHECK(test_now() - since >= INT64_C(30000000));
	queue_expect(in, want);
	queue_must_send(out, want);
	for (unsigned i = 0; i < 3; i++)
		queue_expect(in, want);
	queue_expect_error(in, SINEW_NOW, -EAGAIN);
	sinew_close(in);
	sinew_close(out);
	bare_remove(q);
}
