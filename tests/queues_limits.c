/* SPDX-License-Identifier: MIT
 *
 * queues_limits.c - queues of the wrong shape, bad names, and limits of the system: the error names the
 * limit, its value and what would fit, and that does fit.
 */
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "queues.h"
#include "sys.h"

#define MQ_LIMITS "/proc/sys/fs/mqueue/"
#define MSGQ_LIMITS "/proc/sys/kernel/"

static const struct queue mq = {"mq", "", true, false};
static const struct queue msgq = {"msgq", "", false, false};

/* Refused with this error and words that hold all of these; nothing was made. */
static void check_refused(
	const struct queue *q, const char *options, int error, const char *const words[])
{
	sinew_channel *channel = NULL;

	CHECK_ERR(sinew_open(&channel, queue_uri(q, options), SINEW_IN, SINEW_NOW), error);
	for (; *words; words++)
		if (!strstr(sinew_error_text(), *words))
			FAIL("\"%s\" is not in: %s", *words, sinew_error_text());
	CHECK(!bare_exists(q));
	CHECK(access(test_path("q"), F_OK) < 0);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void check_shape(
	const struct queue *q, const char *made, const char *wanted, const char *const words[])
{
	sinew_channel *first = queue_writer(q, made), *second = NULL;

	CHECK_ERR(sinew_open(&second, queue_uri(q, wanted), SINEW_IN, SINEW_NOW), -EEXIST);
	for (; *words; words++)
		CHECK(strstr(sinew_error_text(), *words));
	second = queue_reader(q, made);
	queue_must_send(first, "fits");
	queue_expect(second, "fits");
	sinew_close(second);
	sinew_close(first);
	bare_remove(q);
}

TEST(another_shape_is_refused)
{
	check_shape(&mq, "depth=3&msgsize=5K", "depth=4", WORDS("depth=3", "depth=4"));
	check_shape(&mq, "depth=3&msgsize=5K", "msgsize=4K", WORDS("msgsize=5120", "msgsize=4096"));
	check_shape(&msgq, "size=5K", "size=4K", WORDS("size=5120", "size=4096"));
}

/* The channel follows the queue that is there, not the preset. */
TEST_EACH(plain_queue, a_small_queue_bounds_messages, struct queue, q)
{
	sinew_channel *out = queue_writer(q, q->posix ? "msgsize=20" : "size=20"), *again;
	struct sinew_caps caps;

	CHECK_ERR(queue_send(out, "123456789012345678901", SINEW_NOW), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), "20"));
	again = queue_writer(q, "");
	CHECK_ERR(queue_send(again, "123456789012345678901", SINEW_NOW), -EMSGSIZE);
	CHECK_OK(sinew_caps(queue_uri(q, ""), &caps));
	CHECK_EQ(caps.max_message, 20);
	CHECK_OK(sinew_caps(queue_uri(q, "frame=length"), &caps));
	CHECK_EQ(caps.max_message, 16);
	sinew_close(again);
	again = queue_writer(q, "frame=length");
	const struct sinew_msg tagged = {
		.data = "12345", .size = 5, .tag = 1, .flags = SINEW_MSG_TAGGED};
	CHECK_ERR(sinew_send(again, &tagged, 1, SINEW_NOW), -EMSGSIZE);
	CHECK_EQ(queue_send(again, "1234567890123456", SINEW_NOW), 1);
	sinew_close(again);
	sinew_close(out);
	bare_remove(q);
}

TEST_EACH(plain_queue, what_cannot_be_is_refused, struct queue, q)
{
	sinew_channel *channel = NULL;
	struct sinew_caps caps;

	CHECK_ERR(sinew_open(&channel, queue_uri(q, "dir=both"), 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&channel, queue_uri(q, "frame=line"), SINEW_IN, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&channel, queue_uri(q, "create=no"), SINEW_IN, SINEW_NOW), -ENOENT);
	CHECK_ERR(sinew_caps(
			  queue_uri(q, q->posix ? "msgsize=4&frame=length" : "size=4&frame=length"),
			  &caps),
		-EINVAL);
	CHECK(!bare_exists(q));
	CHECK(access(test_path("q"), F_OK) < 0);
	channel = queue_writer(q, "");
	const struct sinew_msg msg = {.data = "x", .size = 1, .priority = 32768};
	CHECK_ERR(sinew_send(channel, &msg, 1, SINEW_NOW), -EINVAL);
	CHECK(strstr(sinew_error_text(), "32767"));
	sinew_close(channel);
	bare_remove(q);
}

static void check_name(const char *uri, int error)
{
	sinew_channel *channel = NULL;

	CHECK_ERR(sinew_open(&channel, uri, SINEW_IN, SINEW_NOW), error);
	CHECK(*sinew_error_text());
	CHECK(sinew_remove(uri) < 0);
}

TEST(bad_names)
{
	static const char *const bad[] = {"mq:", "mq:x", "mq:/", "mq:/a/b", "mq://a", "mq:/.",
		"mq:/..", "msgq:", "msgq:0", "msgq:0x", "msgq:0x0", "msgq:0x100000000",
		"msgq:4294967296", "msgq:12x", "msgq:0xg", "msgq:0x-1"};
	char uri[300] = "mq:/";

	queue_private();
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		check_name(bad[i], -EINVAL);
	memset(uri + 4, 'a', 256);
	check_name(uri, -ENAMETOOLONG);
	uri[259] = '\0';
	CHECK_ERR(sinew_remove(uri), -ENOENT);
	check_name("msgq:/tmp", -EISDIR);
	check_name("msgq:0x77?temp=yes", -EINVAL);
}

/* ---- the system's limits ---- */

TEST(posix_shape_above_the_limits)
{
	queue_private();
	queue_unprivileged();
	check_refused(&mq, "msgsize=16K", -EINVAL,
		WORDS("msgsize=16K", "8192", MQ_LIMITS "msgsize_max", "use msgsize=8K"));
	check_refused(&mq, "depth=11", -EINVAL,
		WORDS("depth=11", "10", MQ_LIMITS "msg_max", "use depth=10"));
	sinew_close(queue_reader(&mq, "msgsize=8K&depth=10"));
	bare_remove(&mq);
}

static void limit_bytes(rlim_t bytes)
{
	const struct rlimit limit = {bytes, bytes};

	CHECK_SYS(setrlimit(RLIMIT_MSGQUEUE, &limit));
}

TEST(posix_no_bytes_at_all)
{
	limit_bytes(0);
	check_refused(&mq, "", -ENOSPC,
		WORDS("RLIMIT_MSGQUEUE", "limit 0", "82880", "no queue at all", "cannot be seen"));
}

static void use_few_bytes(void *arg)
{
	char options[40];
	int depth = 0;

	(void)arg;
	limit_bytes(30000);
	check_refused(&mq, "depth=10&msgsize=5000", -ENOSPC, WORDS("RLIMIT_MSGQUEUE", "30000"));
	const char *at = strstr(sinew_error_text(), "at most depth=");
	CHECK(at && sscanf(at, "at most depth=%d", &depth) == 1);
	snprintf(options, sizeof options, "msgsize=5000&depth=%d", depth + 1);
	check_refused(&mq, options, -ENOSPC, WORDS("RLIMIT_MSGQUEUE"));
	snprintf(options, sizeof options, "msgsize=5000&depth=%d", depth);
	sinew_close(queue_reader(&mq, options));
	/* Now the user's own queues are what leaves too little. */
	sinew_channel *channel = NULL;
	CHECK_ERR(sinew_open(&channel, "mq:/sinew-queues-more?msgsize=5000&depth=4", SINEW_IN,
			  SINEW_NOW),
		-ENOSPC);
	CHECK(strstr(sinew_error_text(), "other queues"));
	bare_remove(&mq);
}

/* What is said to fit does, and one more does not. As a user who has no other queues. */
TEST(posix_few_bytes)
{
	queue_private();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_EQ(test_wait(test_fork_as(54321, use_few_bytes, NULL)), 0);
}

TEST(posix_no_queue_at_all)
{
	queue_set_limit(MQ_LIMITS "queues_max", "0");
	queue_unprivileged();
	check_refused(&mq, "", -ENOSPC, WORDS(MQ_LIMITS "queues_max", "0 queues"));
}

TEST(system_v_no_queue_at_all)
{
	queue_set_limit(MSGQ_LIMITS "msgmni", "0");
	check_refused(&msgq, "", -ENOSPC, WORDS(MSGQ_LIMITS "msgmni", "0 queues"));
}

TEST(system_v_no_bytes_at_all)
{
	queue_set_limit(MSGQ_LIMITS "msgmax", "0");
	check_refused(&msgq, "", -EINVAL, WORDS("msgmax"));
}

TEST(system_v_size_above_the_limit)
{
	queue_private();
	queue_unprivileged();
	check_refused(&msgq, "size=1M", -EPERM,
		WORDS("size=1M", "16384", MSGQ_LIMITS "msgmnb", "use size=16K"));
	sinew_close(queue_reader(&msgq, "size=16K"));
	bare_remove(&msgq);
}

TEST(system_v_limit_lowered_meanwhile)
{
	sinew_channel *out;
	char text[201];

	queue_set_limit(MSGQ_LIMITS "msgmax", "300");
	out = queue_writer(&msgq, "");
	queue_set_limit(MSGQ_LIMITS "msgmax", "100");
	memset(text, 'x', 200);
	text[200] = '\0';
	CHECK_ERR(queue_send(out, text, SINEW_NOW), -EMSGSIZE);
	CHECK(strstr(sinew_error_text(), MSGQ_LIMITS "msgmax"));
	text[100] = '\0';
	queue_must_send(out, text);
	sinew_close(out);
	bare_remove(&msgq);
}

/* A limit raised meanwhile lets another program send more than there was room for: skipped, counted. */
TEST(system_v_limit_raised_meanwhile)
{
	struct sinew_msg msg = {0};
	char large[2000] = "";
	sinew_channel *in;

	queue_set_limit(MSGQ_LIMITS "msgmax", "300");
	in = queue_reader(&msgq, "max=200");
	queue_set_limit(MSGQ_LIMITS "msgmax", "8192");
	bare_send(&msgq, large, sizeof large, 0);
	bare_send(&msgq, "small", 5, 0);
	CHECK_ERR(sinew_recv(in, large, sizeof large, &msg, SINEW_NOW), -EMSGSIZE);
	CHECK_EQ(sinew_recv(in, large, sizeof large, &msg, SINEW_NOW), 1);
	CHECK_MEM(large, msg.size, "small", 5);
	CHECK_EQ(msg.lost, 1);
	sinew_close(in);
	bare_remove(&msgq);
}

/* ---- keys ---- */

static int (*real_fstat)(int, struct stat *);

static int fstat_with_a_known_inode(int fd, struct stat *st)
{
	int r = real_fstat(fd, st);

	st->st_ino = 0x4711;
	st->st_dev = 0x55;
	return r;
}

/* ftok(3) takes few bits. Where the file is new the queue of its key is another's. */
TEST(the_key_of_a_new_file_is_taken)
{
	sinew_channel *channel = NULL;

	queue_private();
	int id = CHECK_SYS(msgget(0x01554711, IPC_CREAT | 0600));
	real_fstat = sinew__sys.fstat;
	sinew__sys.fstat = fstat_with_a_known_inode;
	CHECK_ERR(sinew_open(&channel, queue_uri(&msgq, ""), SINEW_IN, SINEW_NOW), -EEXIST);
	CHECK(strstr(sinew_error_text(), "0x1554711"));
	CHECK(access(test_path("q"), F_OK) < 0);
	CHECK_SYS(msgctl(id, IPC_STAT, &(struct msqid_ds){0}));
	CHECK_OK(sinew_open(&channel, queue_uri(&msgq, "id=2"), SINEW_IN, SINEW_NOW));
	sinew_close(channel);
	int second = CHECK_SYS(msgget(0x02554711, 0));
	CHECK_SYS(msgctl(second, IPC_RMID, NULL));
	sinew__sys.fstat = real_fstat;
	CHECK_SYS(msgctl(id, IPC_RMID, NULL));
}
