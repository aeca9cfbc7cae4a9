/* SPDX-License-Identifier: MIT
 *
 * receiver.c - receives, compares, and insists on progress.
 */
#include "receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

enum { BATCH_MOST = 8 };

static struct expected *next_row(struct receiver *r)
{
	REQUIRE(r->row < r->expected->count, "more than was expected");
	return &r->expected->rows[r->row++];
}

/* sinew_take() that has messages to lend counts an unusable one that stands behind them, and tells
 * of it only as lost: the counter says whether it did. */
static void skip_untold(struct receiver *r)
{
	struct sinew_stats stats;

	if (r->row == r->expected->count)
		return;
	const struct expected *row = &r->expected->rows[r->row];
	bool unusable = row->verdict == VERDICT_TOO_LARGE ||
			(row->verdict == VERDICT_CORRUPT && r->packets);
	sinew_stats(r->channel, &stats);
	r->row += unusable && stats.lost >= row->lost_ever;
}

static void check_raw(struct receiver *r, const struct sinew_msg *msg)
{
	REQUIRE(msg->size > 0 && msg->size <= r->stream_size - r->stream_at, "%zu bytes at %zu",
		msg->size, r->stream_at);
	REQUIRE(memcmp(msg->data, r->stream + r->stream_at, msg->size) == 0, "other bytes at %zu",
		r->stream_at);
	REQUIRE(msg->flags == 0 && msg->lost == 0, "flags %x, lost %llu", msg->flags,
		(unsigned long long)msg->lost);
	r->stream_at += msg->size;
}

static void check_message(struct receiver *r, const struct sinew_msg *msg)
{
	REQUIRE(msg->size <= r->max, "a message of %zu bytes, above max=%zu", msg->size, r->max);
	r->received++;
	for (unsigned i = 0; i < msg->fd_count; i++)
		REQUIRE(fcntl(msg->fds[i], F_GETFD) == FD_CLOEXEC, "descriptor %d", msg->fds[i]);
	if (r->stream)
		check_raw(r, msg);
	if (!r->expected)
		return;
	const struct expected *row = next_row(r);
	unsigned flags = (row->tagged ? SINEW_MSG_TAGGED : 0) |
			 (row->unfinished ? SINEW_MSG_UNFINISHED : 0) |
			 (row->fds_lost ? SINEW_MSG_FDS_LOST : 0);
	REQUIRE(row->verdict == VERDICT_MESSAGE, "row %zu: a message, expected %d", r->row - 1,
		row->verdict);
	REQUIRE(msg->size == row->size &&
			(msg->size == 0 || memcmp(msg->data, row->data, msg->size) == 0),
		"row %zu: %zu bytes, expected %zu, or other content", r->row - 1, msg->size,
		row->size);
	REQUIRE(msg->flags == flags && msg->tag == row->tag, "row %zu: flags %x, expected %x",
		r->row - 1, msg->flags, flags);
	REQUIRE(msg->fd_count == row->fds, "row %zu: %u descriptors, expected %u", r->row - 1,
		msg->fd_count, row->fds);
	REQUIRE(msg->lost == row->lost, "row %zu: lost %llu, expected %llu", r->row - 1,
		(unsigned long long)msg->lost, (unsigned long long)row->lost);
}

static void check_end(struct receiver *r, const struct sinew_msg *msg)
{
	r->ended = true;
	if (!r->expected)
		return;
	const struct expected *row = next_row(r);
	REQUIRE(row->verdict == VERDICT_END, "row %zu: the end, expected %d", r->row - 1,
		row->verdict);
	REQUIRE(msg->lost == row->lost, "the end: lost %llu, expected %llu",
		(unsigned long long)msg->lost, (unsigned long long)row->lost);
}

/* The message was kept: a buffer of exactly its size gets it. */
static void receive_kept(struct receiver *r, size_t size)
{
	struct sinew_msg msg = {0};
	CLEANUP_MEMORY uint8_t *buf = exact(size);

	int n = r->alternate ? sinew_take(r->channel, &msg, 1, SINEW_NOW)
			     : sinew_recv(r->channel, buf, size, &msg, SINEW_NOW);
	REQUIRE(n == 1 && msg.size == size, "a kept message of %zu bytes: %d (%s)", size, n,
		n < 0 ? sinew_error_text() : "");
	check_message(r, &msg);
}

static void check_too_large(struct receiver *r, size_t size, bool batch)
{
	if (size <= r->max) {
		REQUIRE(!batch && size > r->cap, "%zu bytes do not fit", size);
		receive_kept(r, size);
		return;
	}
	if (!r->expected)
		return;
	const struct expected *row = next_row(r);
	REQUIRE(row->verdict == VERDICT_TOO_LARGE && (size == row->size || r->vague_size),
		"row %zu: %zu bytes too large, expected %d of %zu", r->row - 1, size, row->verdict,
		row->size);
}

static void check_failure(struct receiver *r, int error, size_t size, bool batch)
{
	if (error == -EMSGSIZE) {
		check_too_large(r, size, batch);
		return;
	}
	REQUIRE(error == -EBADMSG, "%d: %s", error, sinew_error_text());
	if (r->expected)
		REQUIRE(next_row(r)->verdict == VERDICT_CORRUPT, "row %zu: corrupt", r->row - 1);
}

static bool is_ready(const struct receiver *r)
{
	if (!r->polls)
		return true;
	struct pollfd poll_fd = {.fd = sinew_fd(r->channel, SINEW_IN), .events = POLLIN};
	REQUIRE(poll_fd.fd >= 0, "%s", sinew_error_text());
	return poll(&poll_fd, 1, 0) == 1;
}

/* One call. Whether it gave anything. */
static bool receive(struct receiver *r, int64_t until)
{
	struct sinew_msg msgs[BATCH_MOST] = {0};
	uint8_t *buf = exact_again(r->cap);
	bool batch = r->batch && !(r->alternate && r->calls % 2);
	bool ready = is_ready(r);

	r->calls++;
	int n = batch ? sinew_take(r->channel, msgs, r->batch, until)
		      : sinew_recv(r->channel, buf, r->cap, msgs, until);
	if (n == -EAGAIN || n == -ETIMEDOUT) {
		REQUIRE(until != SINEW_FOREVER, "a wait for ever ended: %s", sinew_error_text());
		return false;
	}
	REQUIRE(ready, "%d came, and the descriptor was not ready", n);
	REQUIRE(n <= (int)(batch ? r->batch : 1), "%d messages", n);
	for (int i = 0; i < n; i++)
		check_message(r, &msgs[i]);
	if (n == 0)
		check_end(r, msgs);
	if (n < 0)
		check_failure(r, n, msgs[0].size, batch);
	if (batch && n > 0 && n < (int)r->batch && r->expected)
		skip_untold(r);
	if (n > 0 && batch)
		sinew_release(r->channel, msgs, (unsigned)n);
	return true;
}

bool receiver_drain(struct receiver *r, int64_t until)
{
	size_t most = 2 * (r->expected ? r->expected->count : r->stream_size) + 64, n = 0;

	if (r->ended)
		return false;
	while (!r->ended && receive(r, until)) {
		REQUIRE(n++ < most, "%zu calls gave something, and no end", n);
		if (r->slow)
			break;
	}
	return n > 0;
}

static void check_still_ended(struct receiver *r)
{
	struct sinew_msg msg = {0};
	uint8_t byte;

	REQUIRE(r->ended, "no end came");
	REQUIRE(sinew_recv(r->channel, &byte, 1, &msg, SINEW_NOW) == SINEW_END,
		"an end that passes");
	REQUIRE(msg.lost == 0, "told twice: lost %llu", (unsigned long long)msg.lost);
}

void receiver_check_end(struct receiver *r)
{
	struct sinew_stats stats;

	if (!r->endless)
		check_still_ended(r);
	if (r->stream)
		REQUIRE(r->stream_at == r->stream_size, "%zu bytes of %zu came", r->stream_at,
			r->stream_size);
	sinew_stats(r->channel, &stats);
	REQUIRE(stats.received == r->received, "received %llu, counted %zu",
		(unsigned long long)stats.received, r->received);
	if (!r->expected)
		return;
	REQUIRE(r->row == r->expected->count, "%zu rows did not come", r->expected->count - r->row);
	REQUIRE(stats.lost == r->expected->lost_ever, "lost %llu, expected %llu",
		(unsigned long long)stats.lost, (unsigned long long)r->expected->lost_ever);
}
