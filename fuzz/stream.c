/* SPDX-License-Identifier: MIT
 *
 * stream.c - fuzz target: messages out of byte streams.
 *
 * The input says how the stream is carried, framed and read (struct plan), and then, as a script,
 * what comes and where it is divided. A channel adopts one end; what it makes of the stream must
 * be what the reference makes of the same bytes in one piece, however they were divided.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "receiver.h"
#include "script.h"

enum carrier { CARRIER_UNIX, CARRIER_PIPE, CARRIER_FIFO, CARRIERS };
enum { READS_MOST = 1000, FDS = 3 };

enum framing { FRAMING_LENGTH, FRAMING_LINE, FRAMING_RAW, FRAMINGS };

/* Over Unix sockets with frames: descriptors are not taken in, are and none come, or come. */
enum passing { PASSING_NOT, PASSING_NONE, PASSING_SOME, PASSINGS };

/* The fourth byte of an input. */
enum {
	WITH_EXACT = 1,
	WITH_TAKE = 2,
	WITH_RECV = 4, /* and both: in turn */
	WITH_POLL = 8,
	WITH_DEADLINE = 16,     /* one that passed, instead of SINEW_NOW */
	WITH_WAIT = 32,         /* for ever, once everything is written */
	WITH_EARLY_CLOSE = 64,  /* what came with one call for each write */
	WITH_DEAD_WRITERS = 128 /* of pieces */
};

struct plan {
	enum carrier carrier;
	enum framing framing;
	enum passing passing;
	size_t max, cap, chunk;
	unsigned with;
};

static struct plan read_plan(struct input *in)
{
	static const size_t sizes[] = {
		1, 2, 7, 16, 100, 1000, 4092, 65535, 65536, 70000, 200000, 1 << 20};
	static const size_t chunks[] = {STREAM_MOST, 1, 2, 3, 4, 5, 8, 16, 24, 100, 4096, 65536};
	struct plan plan = {0};

	uint8_t kind = take_byte(in);
	plan.carrier = kind % CARRIERS;
	plan.framing = kind / CARRIERS % FRAMINGS;
	if (plan.carrier == CARRIER_UNIX && plan.framing == FRAMING_LENGTH)
		plan.passing = kind / CARRIERS / FRAMINGS % PASSINGS;
	plan.max = sizes[take_byte(in) % (sizeof sizes / sizeof *sizes)];
	plan.cap = sizes[take_byte(in) % (sizeof sizes / sizeof *sizes)];
	plan.with = take_byte(in);
	plan.chunk = chunks[take_byte(in) % (sizeof chunks / sizeof *chunks)];
	return plan;
}

/* Cuts off what would be read a few bytes at a time, which takes too long and shows nothing new. */
static void shorten(const struct plan *plan, struct script *script)
{
	size_t each = SIZE_MAX;

	if (plan->framing == FRAMING_LINE && plan->with & WITH_EXACT)
		each = 1;
	if (plan->framing == FRAMING_RAW)
		each = plan->cap < plan->max ? plan->cap : plan->max;
	if (script->size / each > READS_MOST)
		script->size = each * READS_MOST;
}

/* ---- the two ends ---- */

static char directory[100];

static void remove_directory(void)
{
	rmdir(directory);
}

static const char *fifo_path(void)
{
	static char path[120];
	const char *where = getenv("TMPDIR");

	if (!*path) {
		snprintf(directory, sizeof directory, "%s/sinew-fuzz-XXXXXX",
			where ? where : "/tmp");
		REQUIRE(mkdtemp(directory), "mkdtemp %s: %m", directory);
		atexit(remove_directory);
		snprintf(path, sizeof path, "%s/fifo", directory);
	}
	return path;
}

/* Whoever holds the lock on the byte of its id is a writer that lives: here all of them. */
static void claim_ids(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1};

	REQUIRE(fcntl(fd, F_OFD_SETLK, &lock) == 0, "lock: %m");
}

/* Opens the receiving channel; returns the descriptor to write to. */
static int open_ends(const struct plan *plan, sinew_channel **channel)
{
	static const char *const framings[] = {"length", "line", "raw"};
	char uri[256], where[160];
	int fds[2] = {-1, -1};

	if (plan->carrier == CARRIER_UNIX) {
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "%m");
		snprintf(
			where, sizeof where, "unix:?fd=%d&fds=%d", fds[0], plan->passing ? FDS : 0);
	} else if (plan->carrier == CARRIER_PIPE) {
		REQUIRE(pipe2(fds, O_CLOEXEC) == 0, "%m");
		snprintf(where, sizeof where, "pipe:?read=%d", fds[0]);
	} else {
		bool pieces = plan->framing == FRAMING_LENGTH;
		snprintf(where, sizeof where, "fifo:%s?chunk=%s", fifo_path(),
			pieces ? "yes" : "no");
	}
	snprintf(uri, sizeof uri, "%s&dir=in&frame=%s&max=%zu", where, framings[plan->framing],
		plan->max);
	unsigned flags = plan->with & WITH_EXACT ? SINEW_EXACT : 0;
	int r = sinew_open(channel, uri, flags, SINEW_NOW);
	REQUIRE(r == 0, "%s", sinew_error_text());
	if (plan->carrier == CARRIER_FIFO) {
		fds[1] = open(fifo_path(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		REQUIRE(fds[1] >= 0, "open %s: %m", fifo_path());
		if (!(plan->with & WITH_DEAD_WRITERS))
			claim_ids(fds[1]);
	}
	REQUIRE(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0, "%m");
	return fds[1];
}

/* ---- writing ---- */

/* How far the next write goes: to the next pause, or one chunk. */
static size_t write_end(const struct plan *plan, const struct script *script, size_t at)
{
	size_t chunk = plan->chunk, end;

	if (chunk < script->size / 200) /* a long stream one byte at a time takes too long */
		chunk = script->size / 200;
	end = chunk < script->size - at ? at + chunk : script->size;
	for (unsigned i = 0; i < script->pause_count; i++)
		if (script->pauses[i] > at && script->pauses[i] < end)
			end = script->pauses[i];
	return end;
}

/* How many descriptors go with the bytes at `at`: mostly what a frame there announces, sometimes too
 * many, sometimes some that nothing announces. */
static unsigned companions(const struct plan *plan, const struct script *script, size_t at)
{
	const uint8_t *p = script->bytes + at;

	if (plan->passing != PASSING_SOME)
		return 0;
	if (script->size - at > 8 && p[0] == 0x80 && p[4] == 4)
		return p[7] % (FDS + 2);
	return (at * 2654435761u >> 16) % 16 == 0;
}

static ssize_t write_with(int fd, const void *bytes, size_t size, unsigned count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE((FDS + 1) * sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	const int other = STDERR_FILENO;
	struct iovec iov = {(void *)bytes, size};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};

	if (count == 0)
		return write(fd, bytes, size);
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof other, &other, sizeof other);
	return sendmsg(fd, &message, MSG_DONTWAIT);
}

/* Writes all of it, letting the receiver run in between. */
static void feed(
	const struct plan *plan, const struct script *script, int fd, struct receiver *receiver)
{
	int64_t until = plan->with & WITH_DEADLINE ? 1 : SINEW_NOW;
	unsigned idle = 0;

	for (size_t at = 0; at < script->size && !receiver->ended;) {
		size_t end = write_end(plan, script, at);
		ssize_t n =
			write_with(fd, script->bytes + at, end - at, companions(plan, script, at));
		REQUIRE(n > 0 || errno == EAGAIN, "write: %m");
		if (n > 0)
			at += (size_t)n;
		bool came = receiver_drain(receiver, until);
		idle = n > 0 || came ? 0 : idle + 1;
		REQUIRE(idle < 3, "the stream is full and nobody reads it, at %zu", at);
	}
}

/* ---- reading ---- */

static void expect(const struct plan *plan, const struct script *script, struct reference *expected)
{
	if (plan->framing == FRAMING_LENGTH)
		reference_length(expected, script->bytes, script->size, plan->max,
			plan->carrier == CARRIER_FIFO);
	if (plan->framing == FRAMING_LINE)
		reference_line(expected, script->bytes, script->size, plan->max);
}

static void set_up(struct receiver *receiver, const struct plan *plan, const struct script *script,
	const struct reference *expected)
{
	bool raw = plan->framing == FRAMING_RAW;
	bool dead = plan->carrier == CARRIER_FIFO && plan->framing == FRAMING_LENGTH &&
		    (plan->with & WITH_DEAD_WRITERS || expected->unsure);

	receiver->expected = raw || dead || plan->passing == PASSING_SOME ? NULL : expected;
	receiver->stream = raw ? script->bytes : NULL;
	receiver->stream_size = script->size;
	receiver->max = plan->max;
	receiver->cap = plan->cap;
	receiver->batch = plan->with & WITH_TAKE ? 1 + plan->with % 5 : 0;
	receiver->alternate = plan->with & WITH_RECV;
	receiver->polls = plan->with & WITH_POLL;
	receiver->pieces = plan->carrier == CARRIER_FIFO;
	receiver->slow = plan->with & WITH_EARLY_CLOSE;
	receiver->vague_size = plan->framing == FRAMING_LINE;
}

/* What sinew_close() says was never delivered cannot be more than what was sent; of messages in
 * pieces it counts the pieces. */
static void close_early(struct receiver *receiver)
{
	int unread = sinew_close(receiver->channel);

	REQUIRE(unread >= 0, "close: %d", unread);
	if (receiver->expected && !receiver->pieces)
		REQUIRE((size_t)unread <= receiver->expected->count - receiver->row,
			"%d unread of %zu", unread, receiver->expected->count - receiver->row);
}

static void run(const struct plan *plan, const struct script *script)
{
	struct reference expected = {.takes_fds = plan->passing};
	struct receiver receiver = {0};

	expect(plan, script, &expected);
	set_up(&receiver, plan, script, &expected);
	int fd = open_ends(plan, &receiver.channel);
	feed(plan, script, fd, &receiver);
	close(fd);
	if (plan->with & WITH_EARLY_CLOSE) {
		close_early(&receiver);
	} else {
		receiver_drain(&receiver, plan->with & WITH_WAIT ? SINEW_FOREVER : SINEW_NOW);
		receiver_check_end(&receiver);
		REQUIRE(sinew_close(receiver.channel) == 0, "unread after the end");
	}
	reference_fini(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct script script;
	int fd = lowest_fd();

	guard_buffers();
	const struct plan plan = read_plan(&in);
	script_write_out(&script, &in);
	shorten(&plan, &script);
	run(&plan, &script);
	REQUIRE(lowest_fd() == fd, "a descriptor leaked");
	return 0;
}
