/* SPDX-License-Identifier: MIT
 *
 * many_hostile.c - peers that announce large messages and stop, are stopped, or never read: memory
 * stays bounded, small messages go on, and large ones of others get through in the end.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "many.h"

enum {
	LARGE = 1 << 20,
	HALF = LARGE / 2,
	HOSTILE = 32,
	HONEST = 3,
	ROUNDS = 4, /* large messages of an honest peer, each after a few small ones */
	SMALL = 5,
	FREE = 8192, /* what every peer may keep */
	SLACK = 3 << 20,
};

static const struct crowd_row rows[] = CROWD_ROWS(0);
TEST_SUITE(hostile, rows);

struct scene {
	struct place place;
	struct gate gate;
	uint32_t number; /* of a peer */
	sinew_channel *listener;
	unsigned seen[HONEST]; /* messages of honest peers */
	unsigned cut, left;
	size_t most_memory;
};

static void scene_open(
	struct scene *s, const struct crowd_row *row, const char *options, unsigned flags)
{
	*s = (struct scene){0};
	place_init(&s->place, &row->mechanism);
	gate_open(&s->gate);
	s->listener = open_reader(&s->place, options, flags | SINEW_OUT);
}

static void scene_close(struct scene *s)
{
	CHECK_OK(sinew_close(s->listener));
	gate_close(&s->gate);
}

static pid_t fork_peer(struct scene *s, void (*fn)(struct scene *))
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		fn(s);
		exit(0);
	}
	s->number++;
	return pid;
}

/* ---- honest peers ---- */

/* A message begins with who sends it and which it is; its size follows from that. */
static size_t size_of(uint32_t number)
{
	return number % (SMALL + 1) == SMALL ? LARGE : 16 + number;
}

static void fill(uint8_t *data, size_t size, uint32_t peer, uint32_t number)
{
	fill_message(data, size, peer * 1000 + number);
	memcpy(data, &peer, 4);
	memcpy(data + 4, &number, 4);
}

static void be_honest(struct scene *s)
{
	uint8_t *data = malloc(LARGE);

	CHECK(data);
	sinew_channel *writer = open_writer(&s->place, "", 0);
	for (uint32_t i = 0; i < ROUNDS * (SMALL + 1); i++) {
		struct sinew_msg msg = {.data = data, .size = size_of(i)};
		fill(data, msg.size, s->number, i);
		CHECK_EQ(sinew_send(writer, &msg, 1, soon(60000)), 1);
	}
	CHECK_OK(sinew_close(writer));
	free(data);
}

/* The next message of an honest peer, or event, or nothing by the deadline. */
static bool hear(struct scene *s, int64_t until)
{
	static uint8_t got[LARGE], want[LARGE];
	struct sinew_msg msg;
	uint32_t peer, number;

	int r = sinew_recv(s->listener, got, sizeof got, &msg, until);
	size_t memory = resident_bytes();
	s->most_memory = memory > s->most_memory ? memory : s->most_memory;
	if (r == -ETIMEDOUT)
		return false;
	CHECK_EQ(CHECK_OK(r), 1);
	s->cut += (msg.flags & SINEW_MSG_CORRUPT) != 0;
	s->left += (msg.flags & SINEW_MSG_LEFT) != 0;
	if (msg.flags)
		return true;
	memcpy(&peer, got, 4);
	memcpy(&number, got + 4, 4);
	CHECK(peer < HONEST);
	CHECK_EQ(number, s->seen[peer]++);
	CHECK_EQ(msg.size, size_of(number));
	fill(want, msg.size, peer, number);
	CHECK(memcmp(got, want, msg.size) == 0);
	return true;
}

static bool all_seen(const struct scene *s, unsigned rounds)
{
	for (unsigned i = 0; i < HONEST; i++)
		if (s->seen[i] < rounds * (SMALL + 1))
			return false;
	return true;
}

static void touch_buffers(struct scene *s)
{
	pid_t pid = fork_peer(s, be_honest);

	while (s->seen[0] < ROUNDS * (SMALL + 1) || !s->left)
		hear(s, soon(60000));
	CHECK_EQ(test_wait(pid), 0);
	s->number = 0;
	s->seen[0] = s->left = 0;
	s->most_memory = 0;
}

static void run_honest(struct scene *s)
{
	pid_t pids[HONEST];

	s->number = 0;
	memset(s->seen, 0, sizeof s->seen);
	for (unsigned i = 0; i < HONEST; i++)
		pids[i] = fork_peer(s, be_honest);
	while (!all_seen(s, ROUNDS))
		CHECK(hear(s, soon(60000)));
	for (unsigned i = 0; i < HONEST; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
}

/* ---- peers that stop half-way ---- */

/* One that has more to write is written to as far as it takes it. */
static void push_half(int fd, size_t *sent)
{
	static uint8_t data[HALF + 4] = {0, 0x10, 0, 0};
	ssize_t n = send(fd, data + *sent, sizeof data - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		*sent += (size_t)n;
	else if (n < 0 && errno != EAGAIN)
		*sent = sizeof data; /* cut off */
}

static void stop_half_way(struct scene *s)
{
	struct pollfd fds[HOSTILE];
	size_t sent[HOSTILE] = {0};

	for (unsigned i = 0; i < HOSTILE; i++) {
		fds[i] = (struct pollfd){.fd = open_bare(&s->place), .events = POLLOUT};
		push_half(fds[i].fd, &sent[i]);
	}
	gate_reach(&s->gate);
	while (!gate_is_passed(&s->gate)) {
		poll(fds, HOSTILE, 10);
		for (unsigned i = 0; i < HOSTILE; i++) {
			if (sent[i] < HALF + 4)
				push_half(fds[i].fd, &sent[i]);
			if (sent[i] == HALF + 4)
				fds[i].fd = fds[i].fd < 0 ? fds[i].fd : -1 - fds[i].fd;
		}
	}
}

TEST_EACH(hostile, half_messages_cannot_fill_memory, struct crowd_row, row, .timeout = 90)
{
	enum { POOL = 4 << 20 };
	struct scene s;

	scene_open(&s, row, "pool=4M&keep-open=yes", SINEW_EVENTS);
	touch_buffers(&s);
	size_t before = resident_bytes();
	pid_t pid = fork_peer(&s, stop_half_way);
	gate_wait(&s.gate, 1);
	run_honest(&s);
	/* All of them together had half a megabyte each. */
	if (memory_is_ours())
		CHECK(s.most_memory < before + POOL + HOSTILE * 2 * FREE + SLACK);
	CHECK(s.cut > 0);
	gate_pass(&s.gate);
	while (s.left < HOSTILE + HONEST)
		CHECK(hear(&s, soon(20000)));
	CHECK_EQ(test_wait(pid), 0);
	scene_close(&s);
}

/* Nobody waits for the memory of who stopped: nobody is cut off. */
TEST_EACH(hostile, who_holds_what_nobody_needs_is_left_alone, struct crowd_row, row, .timeout = 60)
{
	struct sinew_stats stats;
	struct scene s;

	scene_open(&s, row, "keep-open=yes", SINEW_EVENTS);
	touch_buffers(&s);
	pid_t pid = fork_peer(&s, stop_half_way);
	gate_wait(&s.gate, 1);
	run_honest(&s);
	while (s.left < HONEST)
		CHECK(hear(&s, soon(20000)));
	while (hear(&s, soon(300))) /* until nothing comes */
		CHECK_EQ(s.left, HONEST);
	CHECK_EQ(s.cut, 0);
	CHECK_OK(sinew_stats(s.listener, &stats));
	CHECK_EQ(stats.lost, 0);
	gate_pass(&s.gate);
	while (s.left < HOSTILE + HONEST)
		CHECK(hear(&s, soon(20000)));
	CHECK_EQ(test_wait(pid), 0);
	scene_close(&s);
}

/* ---- a peer that is stopped ---- */

static void stop_and_go_on(struct scene *s)
{
	uint8_t *frame = calloc(1, LARGE + 4);

	CHECK(frame);
	frame[1] = 0x10;
	fill(frame + 4, LARGE, HONEST - 1, SMALL);
	int fd = open_bare(&s->place);
	write_bare(fd, frame, HALF);
	raise(SIGSTOP);
	if (send(fd, frame + HALF, LARGE + 4 - HALF, MSG_NOSIGNAL) > 0)
		close(fd);
	free(frame);
}

static bool is_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WNOHANG | WUNTRACED) == pid && WIFSTOPPED(status);
}

static void check_stopped(const struct crowd_row *row, const char *options, bool cut)
{
	struct scene s;

	scene_open(&s, row, options, SINEW_EVENTS);
	pid_t pid = fork_peer(&s, stop_and_go_on);
	while (!is_stopped(pid))
		hear(&s, soon(10));
	run_honest(&s);
	CHECK_EQ(s.cut, cut);
	CHECK_SYS(kill(pid, SIGCONT));
	s.seen[HONEST - 1] = SMALL; /* what it says now */
	while (s.left < HONEST + 1)
		CHECK(hear(&s, soon(20000)));
	CHECK_EQ(s.seen[HONEST - 1], cut ? SMALL : SMALL + 1);
	CHECK_EQ(test_wait(pid), 0);
	scene_close(&s);
}

TEST_EACH(hostile, a_stopped_peer_goes_on, struct crowd_row, row, .timeout = 60)
{
	check_stopped(row, "keep-open=yes", false);
}

TEST_EACH(hostile, a_stopped_peer_that_others_wait_for_is_cut_off, struct crowd_row, row,
	.timeout = 60)
{
	check_stopped(row, "keep-open=yes&pool=0", true);
}

/* ---- memory for one message only ---- */

TEST_EACH(hostile, one_after_the_other_in_the_least_memory, struct crowd_row, row, .timeout = 60)
{
	struct sinew_stats stats;
	struct scene s;

	scene_open(&s, row, "keep-open=yes&pool=0", 0);
	run_honest(&s);
	CHECK_OK(sinew_stats(s.listener, &stats));
	CHECK_EQ(stats.lost, 0);
	/* Waiting for memory is no loop: in pieces of two pages it would be so many reads. */
	CHECK(stats.calls < 3 * HONEST * ROUNDS * LARGE / FREE);
	scene_close(&s);
}

/* ---- peers that do not read ---- */

static void never_read(struct scene *s)
{
	for (unsigned i = 0; i < HOSTILE; i++)
		write_frame(open_bare(&s->place), 16, 16);
	gate_reach(&s->gate);
	gate_await(&s->gate);
}

/* Says a word and wants a long answer. */
static void ask(struct scene *s)
{
	uint8_t *got = malloc(LARGE), *want = malloc(LARGE);
	struct sinew_msg msg;

	CHECK(got && want);
	sinew_channel *channel = open_writer(&s->place, "", SINEW_IN);
	CHECK_EQ(send_message(channel, 17, 0, soon(5000)), 1);
	for (unsigned i = 0; i < 2; i++) {
		size_t size = i ? LARGE : 100;
		CHECK_EQ(CHECK_OK(sinew_recv(channel, got, LARGE, &msg, soon(30000))), 1);
		fill_message(want, size, 7);
		CHECK_MEM(got, msg.size, want, size);
	}
	CHECK_OK(sinew_close(channel));
	free(got);
	free(want);
}

static int answer(struct scene *s, uint64_t peer, size_t size, int64_t until)
{
	static uint8_t data[LARGE];
	struct sinew_msg msg = {.data = data, .size = size, .peer = peer};

	fill_message(data, size, 7);
	return sinew_send(s->listener, &msg, 1, until);
}

static uint64_t heard_from(struct scene *s, size_t size)
{
	uint8_t data[64];
	struct sinew_msg msg;

	CHECK_EQ(CHECK_OK(sinew_recv(s->listener, data, sizeof data, &msg, soon(20000))), 1);
	CHECK_EQ(msg.size, size);
	return msg.peer;
}

TEST_EACH(hostile, who_does_not_read_cannot_fill_memory, struct crowd_row, row, .timeout = 60)
{
	enum { POOL = 4 << 20 };
	unsigned refused = 0;
	uint64_t deaf = 0;
	struct scene s;

	scene_open(&s, row, "pool=4M&keep-open=yes&buffer=64K", 0);
	struct pollfd room = {.fd = CHECK_OK(sinew_fd(s.listener, SINEW_OUT)), .events = POLLIN};
	pid_t silent = fork_peer(&s, never_read);
	gate_wait(&s.gate, 1);
	size_t before = resident_bytes() + LARGE;
	for (unsigned i = 0; i < HOSTILE; i++) {
		uint64_t peer = heard_from(&s, 16);
		int r = answer(&s, peer, LARGE, SINEW_NOW);
		if (r == -EAGAIN) {
			deaf = peer;
			refused++;
		}
		CHECK(r == 1 || r == -EAGAIN);
	}
	if (memory_is_ours())
		CHECK(resident_bytes() < before + POOL + HOSTILE * 2 * FREE + SLACK);
	CHECK(refused > 0 && refused < HOSTILE);
	/* Whoever polls is told to try again in a while, not at once; we may be held up for as long. */
	WAIT_UNTIL(answer(&s, deaf, LARGE, SINEW_NOW) == -EAGAIN && poll(&room, 1, 0) == 0, 10000);
	CHECK_EQ(poll(&room, 1, 10000), 1);

	pid_t honest = fork_peer(&s, ask);
	uint64_t peer = heard_from(&s, 17);
	CHECK_EQ(answer(&s, peer, 100, SINEW_NOW), 1);
	CHECK_EQ(answer(&s, peer, LARGE, soon(20000)), 1);
	gate_pass(&s.gate);
	CHECK_EQ(test_wait(honest), 0);
	CHECK_EQ(test_wait(silent), 0);
	/* The rests of answers that nobody read are told. */
	CHECK_ERR(sinew_close(s.listener), -EPIPE);
	gate_close(&s.gate);
}

/* ---- a sender that comes back ---- */

static void put_hello(uint8_t hello[24], uint64_t session, uint64_t next)
{
	const uint32_t word = __builtin_bswap32(UINT32_C(0x80000000) | 20);

	session = __builtin_bswap64(session);
	next = __builtin_bswap64(next);
	memset(hello, 0, 24);
	memcpy(hello, &word, 4);
	hello[4] = 3;
	memcpy(hello + 8, &session, 8);
	memcpy(hello + 16, &next, 8);
}

/* Its old connection, inside a large message, ends unasked; the new one waits for that without being
 * read, and is read then. */
TEST(who_comes_back_takes_over)
{
	uint8_t hello[24], frame[4 + 17] = {0, 0, 0, 17};
	struct sinew_stats stats;
	struct sinew_msg msg;
	char data[64];
	struct scene s;

	scene_open(&s, &rows[1], "keep-open=yes", 0);
	int old = open_bare(&s.place);
	put_hello(hello, 7, 0);
	write_bare(old, hello, sizeof hello);
	write_frame(old, LARGE, 100000);
	CHECK_ERR(sinew_recv(s.listener, data, sizeof data, &msg, soon(50)), -ETIMEDOUT);
	int new = open_bare(&s.place);
	put_hello(hello, 7, 1);
	write_bare(new, hello, sizeof hello);
	write_bare(new, frame, sizeof frame);
	CHECK_EQ(heard_from(&s, 17) != 0, 1);
	CHECK_OK(sinew_stats(s.listener, &stats));
	CHECK_EQ(stats.lost, 1);
	CHECK_EQ(stats.peers, 1);
	CHECK(stats.calls < 60);
	write_bare(new, frame, sizeof frame);
	heard_from(&s, 17);
	close(old);
	close(new);
	scene_close(&s);
}

/* The same while the old one waits for memory that somebody else holds: until that one's time is over
 * nothing goes round in a loop. */
TEST(who_comes_back_waits_for_who_waits, .timeout = 60)
{
	uint8_t hello[24], frame[4 + 17] = {0, 0, 0, 17};
	struct sinew_stats stats;
	struct sinew_msg msg;
	char data[64];
	struct scene s;

	scene_open(&s, &rows[1], "keep-open=yes&pool=0", 0);
	int holder = open_bare(&s.place);
	write_frame(holder, LARGE, 100000);
	CHECK_ERR(sinew_recv(s.listener, data, sizeof data, &msg, soon(50)), -ETIMEDOUT);
	int old = open_bare(&s.place), new;
	put_hello(hello, 7, 0);
	write_bare(old, hello, sizeof hello);
	write_frame(old, LARGE, 100000);
	CHECK_ERR(sinew_recv(s.listener, data, sizeof data, &msg, soon(50)), -ETIMEDOUT);
	new = open_bare(&s.place);
	put_hello(hello, 7, 1);
	write_bare(new, hello, sizeof hello);
	for (unsigned i = 0; i < 1000; i++) /* more than is read at once */
		write_bare(new, frame, sizeof frame);
	heard_from(&s, 17);
	CHECK_OK(sinew_stats(s.listener, &stats));
	CHECK_EQ(stats.lost, 2);
	CHECK(stats.calls < 300);
	for (unsigned i = 1; i < 1000; i++)
		heard_from(&s, 17);
	close(holder);
	close(old);
	close(new);
	scene_close(&s);
}

/* ---- everything at once ---- */

enum { ECHOES = 30 };

struct echo {
	struct scene *scene;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct {
		uint64_t peer;
		size_t size;
		uint8_t *data;
	} queue[HONEST * ECHOES];
	unsigned first, last;
};

static size_t echo_size(uint32_t i)
{
	return 16 + i * i * 300 % 250000;
}

static void want_echoes(struct scene *s)
{
	uint8_t *data = malloc(LARGE), *got = malloc(LARGE);
	struct sinew_msg msg;

	CHECK(data && got);
	sinew_channel *channel = open_writer(&s->place, "", SINEW_IN);
	for (uint32_t i = 0; i < ECHOES; i++) {
		size_t size = echo_size(i);
		fill(data, size, s->number, i);
		msg = (struct sinew_msg){.data = data, .size = size};
		CHECK_EQ(sinew_send(channel, &msg, 1, soon(20000)), 1);
		CHECK_EQ(CHECK_OK(sinew_recv(channel, got, LARGE, &msg, soon(30000))), 1);
		CHECK_MEM(got, msg.size, data, size);
	}
	CHECK_OK(sinew_close(channel));
	free(data);
	free(got);
}

static void *send_echoes(void *arg)
{
	struct echo *e = arg;

	for (unsigned i = 0; i < HONEST * ECHOES; i++) {
		pthread_mutex_lock(&e->lock);
		while (e->first == e->last)
			pthread_cond_wait(&e->more, &e->lock);
		unsigned at = e->first++;
		pthread_mutex_unlock(&e->lock);
		struct sinew_msg msg = {.data = e->queue[at].data,
			.size = e->queue[at].size,
			.peer = e->queue[at].peer};
		CHECK_EQ(CHECK_OK(sinew_send(e->scene->listener, &msg, 1, soon(20000))), 1);
		free(e->queue[at].data);
	}
	return NULL;
}

TEST_EACH(hostile, another_thread_answers, struct crowd_row, row, .timeout = 60)
{
	static struct echo e = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};
	struct sinew_msg msg;
	pid_t pids[HONEST];
	pthread_t sender;
	struct scene s;

	scene_open(&s, row, "pool=0", 0);
	e.scene = &s;
	for (unsigned i = 0; i < HONEST; i++)
		pids[i] = fork_peer(&s, want_echoes);
	CHECK_EQ(pthread_create(&sender, NULL, send_echoes, &e), 0);
	for (unsigned i = 0; i < HONEST * ECHOES; i++) {
		uint8_t *data = malloc(LARGE);
		CHECK(data);
		CHECK_EQ(CHECK_OK(sinew_recv(s.listener, data, LARGE, &msg, soon(20000))), 1);
		pthread_mutex_lock(&e.lock);
		e.queue[e.last].peer = msg.peer;
		e.queue[e.last].size = msg.size;
		e.queue[e.last++].data = data;
		pthread_cond_signal(&e.more);
		pthread_mutex_unlock(&e.lock);
	}
	CHECK_EQ(pthread_join(sender, NULL), 0);
	expect_end(s.listener, 0);
	for (unsigned i = 0; i < HONEST; i++)
		CHECK_EQ(test_wait(pids[i]), 0);
	scene_close(&s);
}
