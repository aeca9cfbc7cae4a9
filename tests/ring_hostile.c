/* SPDX-License-Identifier: MIT
 *
 * ring_hostile.c - a peer that writes into a ring whatever it likes, whenever it likes.
 *
 * A child that has the ring mapped scribbles over header, members, lanes, words and data, rings bells,
 * takes the locks of slots, sends junk to the socket and tries to cut the memory short, while the honest
 * side does all it can. Whatever comes out, each call returns in time with an answer that it may give,
 * each message lies inside the ring, and nothing beside the mappings is touched: they stand between
 * pages that cannot be. Then one lie at a time, with the answer that it gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ring/ring.h"
#include "runner.h"

enum { PAGE = 4096, ROUNDS = 400, SLACK = 5000, MOST = 32768 };

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

/* ---- mappings between pages that fault ---- */

static void *guarded_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_FIXED)
		return mmap(at, size, prot, flags, fd, offset);
	size = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *all = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return MAP_FAILED;
	void *mapped = mmap(all + PAGE, size, prot, flags | MAP_FIXED, fd, offset);
	if (mapped == MAP_FAILED)
		munmap(all, size + 2 * PAGE);
	return mapped;
}

static int guarded_munmap(void *at, size_t size)
{
	return munmap((uint8_t *)at - PAGE, (size + PAGE - 1) / PAGE * PAGE + 2 * PAGE);
}

/* ---- a ring and the two honest ends of it ---- */

struct world {
	const char *name, *format, *options;
};

static const struct world worlds[] = {
	{"memfd-pair", "ring:memfd:%s/r", "pattern=pair&size=32K&wait=latency"},
	{"memfd-queue", "ring:memfd:%s/r", "pattern=queue&size=32K&lanes=3"},
	{"memfd-drop", "ring:memfd:%s/r", "pattern=queue&size=32K&lanes=3&deaths=drop&wait=power"},
	{"file-pair", "ring:file:%s/r", "pattern=pair&size=32K"},
	{"file-queue", "ring:file:%s/r", "pattern=queue&size=32K&lanes=3&full=drop-new"},
	{"memfd-topic", "ring:memfd:%s/r", "pattern=topic&size=32K&lanes=3"},
	{"file-topic", "ring:file:%s/r", "pattern=topic&size=32K&lanes=2&from=oldest"},
	{"file-topic-block", "ring:file:%s/r", "pattern=topic&size=32K&full=block"},
	{"memfd-latest", "ring:memfd:%s/r", "pattern=latest&size=32K&history=8"},
	{"file-latest", "ring:file:%s/r", "pattern=latest&size=32K"},
};

TEST_SUITE(hostile, worlds);

struct ends {
	char uri[300];
	sinew_channel *in, *out;
	uint64_t seed;
};

static struct sinew__ring *ring_of(sinew_channel *channel)
{
	return ((struct sinew_channel *)channel)->state;
}

static uint64_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Of the ring's own mapping only what is before the data is ever used. */
static void close_rest(struct sinew__ring *ring)
{
	uint8_t *end =
		(uint8_t *)(ring->lanes[ring->lane_count - 1].words + ring->lanes[0].word_count);
	uint8_t *data = (uint8_t *)(((uintptr_t)end + PAGE - 1) / PAGE * PAGE);
	uint8_t *all = (uint8_t *)ring->base + ring->region->size;

	CHECK_SYS(mprotect(data, (size_t)(all - data), PROT_NONE));
}

/* An answer in time: until the deadline, and not much longer. */
static int in_time(int r, int64_t begun, int64_t ms)
{
	static const int allowed[] = {EAGAIN, ETIMEDOUT, EBADMSG, EPIPE, EMSGSIZE, EBUSY,
		ECONNREFUSED, ENOENT, ESTALE, EEXIST, ECONNRESET, EACCES, EPERM, EINVAL, EPROTO};
	bool good = r >= 0;

	CHECK(test_now() < begun + (test_limit(ms + SLACK) - test_now()));
	for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++)
		good = good || r == -allowed[i];
	if (!good)
		FAIL("%d: %s", r, sinew_error_text());
	return r;
}

#define TIMED(ms, call)                                                                            \
	({                                                                                         \
		int64_t begun_ = test_now();                                                       \
		in_time((call), begun_, (ms));                                                     \
	})

static int64_t until(int64_t ms)
{
	return ms ? test_now() + ms * 1000000 : SINEW_NOW;
}

static int open_end(struct ends *e, sinew_channel **channel, unsigned flags)
{
	*channel = NULL;
	int r = TIMED(200, sinew_open(channel, e->uri, flags, until(200)));
	if (r == 0)
		close_rest(ring_of(*channel));
	return r;
}

static void begin(struct ends *e, const struct world *w)
{
	size_t used = (size_t)snprintf(e->uri, sizeof e->uri, w->format, test_tmpdir());

	snprintf(e->uri + used, sizeof e->uri - used, "?%s%s", w->options,
		strstr(w->format, "memfd") ? "&serve=thread" : "");
	e->seed = 88172645463325252U;
	sinew__sys.mmap = guarded_mmap;
	sinew__sys.munmap = guarded_munmap;
	CHECK_OK(open_end(e, &e->in, SINEW_IN | SINEW_LISTEN));
	CHECK_OK(open_end(e, &e->out, SINEW_OUT));
}

static void end(struct ends *e)
{
	sinew_close(e->out);
	sinew_close(e->in);
	sinew_remove(e->uri);
}

/* ---- what the honest side does ---- */

static unsigned touch(const struct sinew_msg *msg)
{
	const volatile uint8_t *bytes = msg->data;
	unsigned sum = 0;

	CHECK(msg->size <= MOST);
	for (size_t i = 0; i < msg->size; i++)
		sum += bytes[i];
	return sum;
}

static void receive(struct ends *e, int64_t ms)
{
	static uint8_t buf[MOST];
	struct sinew_msg msgs[8];

	if (draw(&e->seed) % 2) {
		size_t cap = draw(&e->seed) % MOST;
		if (TIMED(ms, sinew_recv(e->in, buf, cap, msgs, until(ms))) > 0) {
			CHECK(msgs->size <= cap);
			touch(msgs);
		}
		return;
	}
	int n = TIMED(ms, sinew_take(e->in, msgs, 8, until(ms)));
	CHECK(n <= 8);
	for (int i = 0; i < n && !(n == 1 && !msgs[0].data); i++)
		touch(&msgs[i]);
	if (n > 0 && draw(&e->seed) % 2)
		sinew_release(e->in, msgs, (unsigned)n);
}

/* A writer that waits for no reader, whatever stands anywhere. */
static bool is_undisturbed(const struct ends *e)
{
	const struct sinew__ring *ring = ring_of(e->out);

	return ring->histories && ring->full == SINEW__RING_DROP_OLD;
}

static void transmit(struct ends *e, int64_t ms)
{
	static uint8_t data[MOST];
	const size_t size = draw(&e->seed) % (draw(&e->seed) % 4 ? 200 : 16384);
	struct sinew_msg msgs[2] = {{.data = data, .size = size, .flags = SINEW_MSG_TAGGED},
		{.data = data, .size = size / 2}};

	if (draw(&e->seed) % 3) {
		const int n = TIMED(ms, sinew_send(e->out, msgs, 2, until(ms)));
		CHECK(n == 2 || !is_undisturbed(e));
		return;
	}
	if (TIMED(ms, sinew_loan(e->out, size, msgs, until(ms))) < 0) {
		CHECK(!is_undisturbed(e));
		return;
	}
	memset((void *)(uintptr_t)msgs->data, 1, msgs->size);
	if (draw(&e->seed) % 4)
		TIMED(ms, sinew_commit(e->out, msgs));
	else
		sinew_abandon(e->out, msgs);
}

static void look(sinew_channel *channel, unsigned direction)
{
	struct sinew_stats stats = {0};
	struct sinew_peer peer;

	sinew_stats(channel, &stats);
	TIMED(0, sinew_peer(channel, SINEW_ANY_PEER, &peer));
	struct pollfd fd = {.fd = TIMED(0, sinew_fd(channel, direction)), .events = POLLIN};
	if (fd.fd >= 0)
		poll(&fd, 1, 0);
}

static void renew(struct ends *e, sinew_channel **channel, unsigned flags)
{
	TIMED(0, sinew_close(*channel));
	open_end(e, channel, flags);
}

static void be_honest(struct ends *e)
{
	const uint64_t what = draw(&e->seed) % 64;
	const int64_t ms = draw(&e->seed) % 8 ? 0 : 2;

	if (!e->in)
		open_end(e, &e->in, SINEW_IN | SINEW_LISTEN);
	if (!e->out)
		open_end(e, &e->out, SINEW_OUT);
	if (e->in && what < 30)
		receive(e, ms);
	else if (e->out && what < 60)
		transmit(e, ms);
	else if (e->in && what == 60)
		look(e->in, SINEW_IN);
	else if (e->out && what == 61)
		look(e->out, SINEW_OUT);
	else if (e->in && what == 62 && strstr(e->uri, "file:"))
		renew(e, &e->in, SINEW_IN | SINEW_LISTEN);
	else if (e->out && what == 63)
		renew(e, &e->out, SINEW_OUT);
}

/* ---- what the hostile one does ---- */

struct mapped {
	uint8_t *base;
	size_t size, before_data;
	struct sinew__ring *ring; /* as it was when we looked */
	uint64_t seed;
};

static uint64_t crafted(struct mapped *m, const uint64_t *near)
{
	const uint64_t at = draw(&m->seed);

	switch (at % 12) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return *near + 1;
	case 3:
		return *near - 1;
	case 4:
		return *near ^ UINT64_C(1) << (at >> 8 & 63);
	case 5: /* a word of an early lap, of any kind and length */
		return ((at >> 8 & 3) + 1) << SINEW__WORD_LAP | (at >> 16 & 0x1fffff);
	case 6:
		return ((at >> 8 & 7) + 1) << SINEW__WORD_LAP |
		       (at >> 16 & 15) << SINEW__WORD_KIND | (at >> 20 & 0x7fff);
	case 7: /* an owner */
		return (at >> 8 & 0xffff) << 16 | (at >> 24 & 0xff) << 8 | SINEW__OWNER_LIVE;
	case 8:
		return at >> 8 & 0xff;
	case 9:
		return UINT64_C(0x8000000080000000);
	case 10:
		return *near + (uint64_t)512;
	default:
		return draw(&m->seed);
	}
}

static void scribble(struct mapped *m)
{
	const struct sinew__ring *ring = m->ring;
	const uint64_t where = draw(&m->seed);
	size_t from = 0, size = m->before_data;

	switch (where % (ring->histories ? 10 : 8)) {
	case 0:
		size = sizeof(struct sinew__ring_header);
		break;
	case 1:
	case 2:
		from = (size_t)((uint8_t *)ring->members - (uint8_t *)ring->base);
		size = ring->slots * sizeof *ring->members;
		break;
	case 3:
	case 4:
		from = (size_t)((uint8_t *)ring->shared - (uint8_t *)ring->base);
		size = ring->lane_count * sizeof *ring->shared;
		break;
	case 5:
	case 6: /* where positions are early on */
		from = (size_t)((uint8_t *)ring->lanes[where / 8 % ring->lane_count].words -
				(uint8_t *)ring->base);
		size = 64 * sizeof(uint64_t);
		break;
	case 8:
		from = (size_t)((uint8_t *)ring->histories - (uint8_t *)ring->base);
		size = ring->lane_count * sizeof *ring->histories;
		break;
	case 9:
		from = (size_t)((uint8_t *)ring->cursors - (uint8_t *)ring->base);
		size = ring->slots * ring->cursors_each * sizeof *ring->cursors;
		break;
	default:
		break;
	}
	uint64_t *at =
		(uint64_t *)(void *)(m->base + from) + draw(&m->seed) % (size / sizeof(uint64_t));
	__atomic_store_n(at, crafted(m, at), __ATOMIC_RELAXED);
}

static void lock_slots(const struct mapped *m, short type)
{
	struct flock lock = {.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = SINEW__RING_LOCKS,
		.l_len = 2 * SINEW__RING_SLOTS};

	fcntl(m->ring->fd, F_OFD_SETLK, &lock);
}

static void ring_bells(const struct mapped *m)
{
	const uint64_t one = 1;

	if (m->ring->guests)
		for (unsigned i = 0; i < m->ring->guests->fd_count; i++)
			if (write(m->ring->guests->fds[i], &one, sizeof one) < 0)
				return;
}

static void send_junk(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	uint64_t junk[8] = {UINT64_MAX, 1, 2, 3};

	snprintf(to.sun_path, sizeof to.sun_path, "%s/r", test_tmpdir());
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += SOCK_SEQPACKET - SOCK_STREAM) {
		int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
		if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
			(void)!write(fd, junk, sizeof junk);
		close(fd);
	}
}

static void be_hostile(void *arg)
{
	struct ends *e = arg;
	sinew_channel *channel;
	unsigned flags = SINEW_IN;

	/* A member as others; of a pair both ends are taken, so it keeps what it inherited. */
	if (strstr(e->uri, "=pair") || sinew_open(&channel, e->uri, flags, test_limit(5000)) < 0)
		channel = e->out;
	struct sinew__ring *ring = ring_of(channel);
	struct mapped m = {.ring = ring, .size = ring->region->size, .seed = e->seed * 3 | 1};
	m.before_data = (size_t)((uint8_t *)(ring->lanes[ring->lane_count - 1].words +
					     ring->lanes[0].word_count) -
				 (uint8_t *)ring->base);
	m.base = mmap(NULL, m.size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	CHECK(m.base != MAP_FAILED);
	for (unsigned n = 0;; n++) {
		for (unsigned i = 0; i < (n % 4 ? 1 : 50); i++)
			scribble(&m);
		if (n % 64 == 1)
			ring_bells(&m);
		if (n % 512 == 2) {
			lock_slots(&m, F_WRLCK);
			lock_slots(&m, F_UNLCK);
		}
		if (n % 1024 == 3 && ring->guests) {
			send_junk();
			CHECK(ftruncate(ring->fd, 0) < 0);
		}
		if (n % 16 == 0)
			test_pause();
	}
}

TEST_EACH(hostile, scribbled_over, struct world, w, .timeout = 60)
{
	struct ends e = {.seed = 0};

	begin(&e, w);
	for (unsigned i = 0; i < 20; i++)
		be_honest(&e);
	pid_t child = test_fork(be_hostile, &e);
	const int64_t enough = test_now() + 1000 * (int64_t)1000000;
	unsigned rounds = 0;
	while (rounds++ < ROUNDS || test_now() < enough)
		be_honest(&e);
	kill(child, SIGKILL);
	CHECK_EQ(test_wait(child), -SIGKILL);
	end(&e);
}

/* ---- one lie at a time ---- */

static int receive_one(struct ends *e, int64_t ms)
{
	static uint8_t buf[MOST];
	struct sinew_msg msg;

	return TIMED(ms, sinew_recv(e->in, buf, sizeof buf, &msg, until(ms)));
}

static int send_one(struct ends *e, size_t size)
{
	static const uint8_t data[MOST];
	struct sinew_msg msg = {.data = data, .size = size};

	return TIMED(0, sinew_send(e->out, &msg, 1, SINEW_NOW));
}

static void set_word(struct ends *e, unsigned kind, uint32_t size, unsigned place)
{
	struct sinew__lane *lane = &ring_of(e->out)->w.out.lane;

	lane->words[place] =
		(uint64_t)1 << SINEW__WORD_LAP | (uint64_t)kind << SINEW__WORD_KIND | size;
}

TEST_EACH(hostile, lies_about_words, struct world, w)
{
	static const struct {
		unsigned kind;
		uint32_t size;
	} lies[] = {{0, 16385}, {0, UINT32_MAX}, {SINEW__WORD_INLINE, 57},
		{SINEW__WORD_INLINE | SINEW__WORD_TAG, 49},
		{SINEW__WORD_INLINE | SINEW__WORD_TAG | SINEW__WORD_LOST, 41},
		{SINEW__WORD_SKIP, 0}, {SINEW__WORD_SKIP | SINEW__WORD_TAG, 8}};

	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct ends e;
		begin(&e, w);
		set_word(&e, lies[i].kind, lies[i].size, 0);
		if (ring_of(e.in)->pattern == SINEW__RING_LATEST)
			ring_of(e.in)->histories->head = 1;
		CHECK_ERR(receive_one(&e, 0), -EBADMSG);
		CHECK(receive_one(&e, 0) <= 0);
		end(&e);
	}
}

TEST_EACH(hostile, lies_about_room, struct world, w)
{
	if (strstr(w->name, "topic") || strstr(w->name, "latest")) {
		test_checked(); /* nobody asks it */
		return;
	}
	static const uint64_t lies[] = {
		0xfffffdf0, 0x80000000, UINT64_C(0x7fffffff00000001), 514, UINT64_C(514) << 32};

	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct ends e;
		int r;
		begin(&e, w);
		CHECK_EQ(send_one(&e, 100), 1);
		ring_of(e.out)->w.out.lane.shared->taken = lies[i];
		while ((r = send_one(&e, 1000)) == 1)
			;
		CHECK_ERR(r, -EBADMSG);
		CHECK_ERR(send_one(&e, 1), -EBADMSG);
		end(&e);
	}
}

/* Who lives has the claim and keeps it, stopped or hostile. */
TEST_EACH(hostile, holds_a_claim, struct world, w)
{
	struct ends e;

	begin(&e, w);
	struct sinew__ring *ring = ring_of(e.in);
	CHECK_EQ(send_one(&e, 100), 1);
	if (ring->pattern == SINEW__RING_QUEUE) {
		ring->shared[0].claim = ring_of(e.out)->owner;
		CHECK_ERR(receive_one(&e, 0), -EAGAIN);
		CHECK_ERR(receive_one(&e, 30), -ETIMEDOUT);
		struct sinew_msg msg;
		CHECK_ERR(TIMED(30, sinew_take(e.in, &msg, 1, until(30))), -ETIMEDOUT);
		ring->shared[0].claim = 0;
	}
	CHECK_EQ(receive_one(&e, 0), 1);
	end(&e);
}

/* A reader that died with the claim has an heir in the one that waits for it, at once. */
TEST_EACH(hostile, died_with_a_claim, struct world, w)
{
	struct ends e;

	begin(&e, w);
	struct sinew__ring *ring = ring_of(e.in);
	CHECK_EQ(send_one(&e, 100), 1);
	if (ring->pattern == SINEW__RING_QUEUE) {
		const uint64_t dead = sinew__owner(UINT64_C(1) << 8 | 9, SINEW__OWNER_LIVE);
		ring->members[9].owner = dead;
		ring->shared[0].claim = dead;
		CHECK_EQ(receive_one(&e, 5000), 1);
		CHECK_EQ(ring->shared[0].claim, 0);
	}
	CHECK_EQ(send_one(&e, 100), 1);
	CHECK_EQ(receive_one(&e, 5000), 1);
	end(&e);
}

/* The dead hold what is not there. */
TEST_EACH(hostile, holds_of_nothing, struct world, w)
{
	static const struct {
		uint64_t hold, from, to;
	} lies[] = {{1, 0, UINT64_MAX}, {1, 7, 3}, {0xff, 1, 2}, {3, UINT64_MAX, 0}, {0x101, 0, 1}};

	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct ends e;
		begin(&e, w);
		struct sinew__ring *ring = ring_of(e.in);
		const unsigned last = ring->slots - 1;
		CHECK_EQ(send_one(&e, 100), 1);
		ring->members[ring->slots > 2 ? last : ring->slot].hold = lies[i].hold;
		ring->members[ring->slots > 2 ? last : ring->slot].from = lies[i].from;
		ring->members[ring->slots > 2 ? last : ring->slot].to = lies[i].to;
		if (ring->slots > 2)
			ring->members[last].owner = sinew__owner(UINT64_C(7) << 8 | last, 1);
		for (unsigned n = 0; n < 50; n++) {
			int r = receive_one(&e, n ? 1 : 150);
			CHECK(r >= 0 || r == -ETIMEDOUT || r == -EBADMSG);
			send_one(&e, 100);
		}
		/* However much is sent, by one who never waits to one who never does: room comes
		 * back, or a writer says that its lane is spoilt. */
		const int64_t enough = test_limit(10000);
		unsigned good = 0;
		int r = 0;
		while (good < 3000 && r != -EBADMSG && test_now() < enough) {
			r = send_one(&e, 500);
			good += r == 1;
			receive_one(&e, 0);
		}
		CHECK(good == 3000 || r == -EBADMSG);
		end(&e);
	}
}

/* What was fixed when it was attached is not asked for again. */
TEST_EACH(hostile, lies_in_the_header, struct world, w)
{
	struct ends e;

	begin(&e, w);
	memset(ring_of(e.in)->header, 0xff, sizeof(struct sinew__ring_header));
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(send_one(&e, i), 1);
		CHECK_EQ(receive_one(&e, 0), 1);
	}
	struct ends late = e;

	CHECK(TIMED(200, open_end(&late, &late.out, SINEW_OUT)) < 0);
	end(&e);
}
