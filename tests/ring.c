/* SPDX-License-Identifier: MIT
 *
 * ring.c - what rings do that other channels do not: full=, lanes, loans, messages that look like words,
 * who comes back, who is stopped, who may attach.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_texts.h"
#include "runner.h"

enum { SMALLEST = 4096, MOST = 2048 };

/* ---- no room ---- */

static unsigned fill(sinew_channel *out)
{
	char data[400] = "full";
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	unsigned n = 0;

	while (sinew_send(out, &msg, 1, SINEW_NOW) == 1 && n < 100)
		n++;
	return n;
}

TEST(full_fails_at_once)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("full=fail", SINEW_OUT);
	struct sinew_msg msg = {.data = "x", .size = 1};
	char buf[MOST];
	unsigned n = fill(out);

	CHECK(n > 4 && n < 100);
	char large[1000] = {0};
	struct sinew_msg more = {.data = large, .size = sizeof large};
	CHECK_ERR(sinew_send(out, &more, 1, SINEW_FOREVER), -EAGAIN);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
	CHECK_EQ(CHECK_OK(sinew_send(out, &more, 1, SINEW_FOREVER)), 1);
	close_all(in, out);
}

/* What is dropped is accepted, counted on both sides, and told before the message that follows. */
TEST(full_drops_and_tells)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("full=drop-new", SINEW_OUT);
	char data[400] = "kept";
	struct sinew_msg msg = {.data = data, .size = sizeof data};
	static struct sinew_ring_look look;
	char buf[MOST];

	for (unsigned i = 0; i < 30; i++)
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_FOREVER)), 1);
	CHECK_OK(sinew_ring_look(uri(""), &look, SINEW_NOW));
	unsigned lost = (unsigned)look.lane[1].dropped, kept = (unsigned)look.lane[1].depth;
	CHECK_EQ(lost + kept, 30);
	CHECK(lost > 10 && kept > 4);
	for (unsigned i = 0; i < kept; i++) {
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
		CHECK_EQ(msg.lost, 0);
	}
	CHECK_EQ(send_text(out, "after"), 1);
	CHECK_EQ(expect_text(in, "after").lost, lost);
	CHECK_EQ(send_text(out, "again"), 1);
	CHECK_EQ(expect_text(in, "again").lost, 0);
	close_all(in, out);
}

/* ---- words ---- */

/* Small messages lie where words of the next lap will stand: each of theirs is such a word. */
TEST(old_messages_never_pose_as_words)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("", SINEW_OUT);
	uint64_t forged[SINEW__RING_SMALL / 8];
	char far[64], buf[MOST];
	struct sinew_msg msg;

	for (unsigned lap = 0; lap < 40; lap++) {
		const uint64_t next_lap = lap + 2;
		for (unsigned i = 0; i < sizeof forged / sizeof *forged; i++)
			forged[i] = next_lap << SINEW__WORD_LAP | 8;
		for (unsigned i = 0; i < SMALLEST / 64 / SINEW__RING_LINE; i++) {
			bool small = lap % 2 == 0;
			memset(far, (int)(lap + i), sizeof far);
			msg = (struct sinew_msg){.data = small ? (void *)forged : far,
				.size = small ? sizeof forged : sizeof far};
			/* A line holds one small message, or eight others. */
			for (unsigned k = 0; k < (small ? 1 : SINEW__RING_LINE); k++) {
				CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
				struct sinew_msg got;
				CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &got, SINEW_NOW)),
					1);
				CHECK_MEM(got.data, got.size, msg.data, msg.size);
				CHECK_ERR(
					sinew_recv(in, buf, sizeof buf, &got, SINEW_NOW), -EAGAIN);
			}
		}
	}
	close_all(in, out);
}

/* Positions wrap at 2^32: a ring that stands just before goes on. */
TEST(positions_wrap)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("", SINEW_OUT);
	const struct sinew__ring_at last = {0u - 64, 0u - 32};
	struct sinew__ring *rings[] = {sinew__ring_of(in), sinew__ring_of(out)};
	char text[100];

	rings[0]->r.in.at = rings[1]->w.out.at = rings[1]->w.out.taken = last;
	rings[0]->r.in.lane.shared->taken = sinew__ring_pack(last);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "%0*u", (int)(i % 90 + 1), i);
		CHECK_EQ(send_text(out, text), 1);
		expect_text(in, text);
	}
	close_all(in, out);
}

/* ---- loans ---- */

TEST(loans)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("", SINEW_OUT);
	struct sinew_msg loan, other;

	CHECK_OK(sinew_loan(out, 100, &loan, SINEW_NOW));
	CHECK_EQ(loan.size, 100);
	CHECK_ERR(send_text(out, "x"), -EBUSY);
	CHECK_ERR(sinew_loan(out, 10, &other, SINEW_NOW), -EBUSY);
	memcpy((void *)(uintptr_t)loan.data, "lent", 4);
	loan.size = 101;
	CHECK_ERR(sinew_commit(out, &loan), -EINVAL);
	loan.size = 4;
	CHECK_OK(sinew_commit(out, &loan));
	expect_text(in, "lent");
	CHECK_ERR(sinew_commit(out, &loan), -EINVAL);
	CHECK_OK(sinew_loan(out, 2048, &loan, SINEW_NOW));
	sinew_abandon(out, &loan);
	CHECK_EQ(send_text(out, "after"), 1);
	expect_text(in, "after");
	CHECK_ERR(sinew_loan(out, 2049, &loan, SINEW_NOW), -EMSGSIZE);
	CHECK_ERR(sinew_loan(in, 1, &loan, SINEW_NOW), -EBADF);
	close_all(in, out);
}

/* What is borrowed keeps its room until it is released. */
TEST(borrowed_messages_keep_their_room)
{
	sinew_channel *in = open_end("size=4K", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("", SINEW_OUT);
	struct sinew_msg msgs[64];
	unsigned n = fill(out);

	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 64, soon())), (int)n);
	CHECK_EQ(fill(out), 0);
	CHECK_STR((const char *)msgs[n - 1].data, "full");
	sinew_release(in, msgs, n);
	CHECK_EQ(fill(out), n);
	close_all(in, out);
}

/* ---- who comes ---- */

TEST(a_third_is_refused)
{
	sinew_channel *in = open_end("", SINEW_IN | SINEW_LISTEN);
	sinew_channel *out = open_end("", SINEW_OUT), *third = NULL;

	CHECK_ERR(sinew_open(&third, uri(""), SINEW_OUT, SINEW_NOW), -EBUSY);
	CHECK_ERR(sinew_remove(uri("")), -EBUSY);
	sinew_close(out);
	CHECK_ERR(sinew_open(&third, uri(""), SINEW_IN, SINEW_NOW), -EBUSY);
	close_all(in, NULL);
}

TEST(another_shape_is_refused)
{
	static const char *const others[] = {
		"pattern=queue", "size=8K", "pattern=queue&lanes=3", "deaths=drop&pattern=queue"};
	static const char *const wrong[] = {"size=5000", "lanes=2", "deaths=drop", "frame=raw",
		"owner=0", "pattern=tree", "full=maybe", "huge=2M"};
	sinew_channel *in = open_end("size=4K&pattern=pair", SINEW_IN), *other = NULL;

	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		CHECK_ERR(sinew_open(&other, uri(others[i]), SINEW_OUT, SINEW_NOW), -EEXIST);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK_ERR(sinew_open(&other, uri(wrong[i]), SINEW_OUT, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&other, "ring:tcp:1.2.3.4:5", SINEW_OUT, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&other, "ring:sysvshm:0x51", SINEW_OUT, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&other, "ring:/path", SINEW_OUT, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_open(&other, "ring:?fd=0", SINEW_OUT, SINEW_NOW), -ENOTSOCK);
	close_all(in, NULL);
}

TEST(lanes_are_as_many_as_writers)
{
	const char *options = "pattern=queue&lanes=2&size=4K";
	sinew_channel *in = open_end(options, SINEW_IN);
	sinew_channel *one = open_end(options, SINEW_OUT), *two = open_end(options, SINEW_OUT);
	sinew_channel *three = NULL;

	CHECK_ERR(sinew_open(&three, uri(options), SINEW_OUT, SINEW_NOW), -EBUSY);
	CHECK_EQ(send_text(two, "unread"), 1);
	sinew_close(two);
	CHECK_ERR(sinew_open(&three, uri(options), SINEW_OUT, SINEW_NOW), -EBUSY);
	expect_text(in, "unread");
	three = open_end(options, SINEW_OUT);
	CHECK_EQ(send_text(three, "next"), 1);
	expect_text(in, "next");
	sinew_close(three);
	close_all(in, one);
}

/* A word that sends the reader on to the next line, where its writer then found no room and left, is no
 * message: nobody waits for it to be read. */
TEST(a_skipped_line_keeps_no_lane)
{
	const char *options = "pattern=queue&lanes=1&size=4K";
	sinew_channel *in = open_end(options, SINEW_IN), *out = open_end(options, SINEW_OUT);
	static const char data[MOST];
	struct sinew_msg msg = {.data = data, .size = MOST}, got;
	char buf[MOST];

	CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
	msg.size = SINEW__RING_SMALL + 1;
	for (unsigned i = 0; i < SINEW__RING_LINE - 2; i++)
		CHECK_EQ(CHECK_OK(sinew_send(out, &msg, 1, SINEW_NOW)), 1);
	msg.size = MOST; /* with a tag it begins in the next line */
	msg.flags = SINEW_MSG_TAGGED;
	CHECK_ERR(sinew_send(out, &msg, 1, SINEW_NOW), -EAGAIN);
	for (unsigned i = 0; i < SINEW__RING_LINE - 1; i++)
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &got, SINEW_NOW)), 1);
	CHECK(!sinew__queue_has(sinew__ring_of(in)));
	sinew_close(out);
	out = open_end(options, SINEW_OUT);
	CHECK_EQ(send_text(out, "next"), 1);
	expect_text(in, "next");
	close_all(in, out);
}

/* ---- who dies, and who comes after ---- */

/* An heir that leaves before it has delivered all that it took over has an heir, too. */
TEST(an_heir_leaves_the_rest_to_the_next)
{
	const char *options = "pattern=queue&lanes=1&size=4K";
	static const char *const texts[] = {"one", "two", "three"};
	sinew_channel *in = open_end(options, SINEW_IN), *out = open_end(options, SINEW_OUT);
	struct sinew_msg msgs[4];

	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(send_text(out, texts[i]), 1);
	CHECK_EQ(CHECK_OK(sinew_take(in, msgs, 4, soon())), 3);
	die(in);
	for (unsigned i = 0; i < 3; i++) {
		in = open_end(options, SINEW_IN);
		CHECK(expect_text(in, texts[i]).flags & SINEW_MSG_REDELIVERED);
		CHECK_EQ(sinew_close(in), 0);
	}
	in = open_end(options, SINEW_IN);
	CHECK_EQ(send_text(out, "new"), 1);
	CHECK(!(expect_text(in, "new").flags & SINEW_MSG_REDELIVERED));
	close_all(in, out);
}

/* However many come to a memfd and go while its maker has no time for them. */
TEST(who_has_left_keeps_nobody_out)
{
	char name[300];
	sinew_channel *in, *out;

	snprintf(name, sizeof name, "ring:memfd:%s?pattern=queue&size=4K&serve=thread",
		test_path("served"));
	CHECK_OK(sinew_open(&in, name, SINEW_IN | SINEW_LISTEN, soon()));
	for (unsigned i = 0; i < 3 * SINEW__RING_SLOTS; i++) {
		CHECK_OK(sinew_open(&out, name, SINEW_OUT, soon()));
		CHECK_EQ(send_text(out, "x"), 1);
		CHECK_EQ(sinew_close(out), 0);
		expect_text(in, "x");
	}
	CHECK_EQ(sinew_close(in), 0);
}

/* ---- who is stopped ---- */

static void send_for_ever(void *arg)
{
	sinew_channel *out = open_end("", SINEW_OUT);

	(void)arg;
	for (;;)
		sinew_send(out, &(struct sinew_msg){.data = "busy", .size = 4}, 1, SINEW_FOREVER);
}

/* A stopped writer is no dead one, and the others' messages flow. */
TEST(a_stopped_writer_stalls_nobody)
{
	const char *options = "pattern=queue&lanes=2&size=4K";
	sinew_channel *in = open_end(options, SINEW_IN);
	pid_t pid = test_fork(send_for_ever, NULL);
	static struct sinew_ring_look look;
	struct sinew_msg msg;
	char buf[64];

	CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
	for (unsigned round = 0; round < 20; round++) {
		CHECK_SYS(kill(pid, SIGSTOP));
		CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, WUNTRACED)), pid);
		sinew_channel *out = open_end("", SINEW_OUT);
		CHECK_EQ(send_text(out, "mine"), 1);
		do /* what the stopped one had published comes, too */
			CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
		while (memcmp(buf, "mine", 4) != 0);
		CHECK_OK(sinew_ring_look(uri(""), &look, SINEW_NOW));
		unsigned living = 0;
		for (unsigned i = 0; i < look.members; i++)
			living += look.member[i].flags & SINEW_RING_LIVES ? 1 : 0;
		CHECK_EQ(living, 3);
		sinew_close(out);
		CHECK_SYS(kill(pid, SIGCONT));
		CHECK_EQ(CHECK_OK(sinew_recv(in, buf, sizeof buf, &msg, soon())), 1);
	}
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(test_wait(pid), -SIGKILL);
	close_all(in, NULL);
}

/* ---- whom to trust ---- */

TEST(what_others_may_write_is_not_attached)
{
	sinew_channel *in = open_end("mode=0666", SINEW_IN), *other = NULL;

	sinew_close(in);
	if (geteuid() == 0)
		CHECK_SYS(chown(test_path("ring"), 65534, 65534));
	CHECK_SYS(chmod(test_path("ring"), 0666));
	CHECK_ERR(sinew_open(&other, uri(""), SINEW_IN, SINEW_NOW), -EPERM);
	in = open_end("trust=yes", SINEW_IN);
	CHECK_EQ(sinew_close(in), 0);
	CHECK_OK(sinew_remove(uri("trust=yes")));
}

TEST(what_is_no_ring_is_refused)
{
	static const char zeroes[SMALLEST] = {0};
	static const char lie[SMALLEST] = "snewring\1";
	sinew_channel *in = NULL;

	for (unsigned i = 0; i < 2; i++) {
		int fd = CHECK_SYS(open(test_path("ring"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		CHECK_EQ(write(fd, i ? lie : zeroes, SMALLEST), SMALLEST);
		close(fd);
		CHECK_ERR(sinew_open(&in, uri(""), SINEW_IN, SINEW_NOW), -EBADMSG);
		CHECK_SYS(unlink(test_path("ring")));
	}
}
