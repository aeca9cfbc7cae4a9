/* SPDX-License-Identifier: MIT
 *
 * resend.c - a file over a channel that may lose messages.
 *
 *   sender      ASK total ──────────► receiver    (again, until it is answered)
 *               ◄────────── MISSING ranges
 *               CHUNK, CHUNK, … ────►             and from the start, until no range is missing
 *               BYE ────────────────►
 *
 * Every message begins with two numbers: what it is, or a chunk's place; and how many chunks there
 * are. Nothing is paced: what the receiver has no room for is lost, counted and sent again.
 */
#include "resend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"

enum { HEADER = 8, RANGES = 500, PATIENCE = 20 /* ms */, MOST = 65536 };

/* In the place of a chunk's number. */
enum { ASK = 0x7fffffff, MISSING = 0x7ffffffe, BYE = 0x7ffffffd };

struct range {
	uint32_t first, count;
};

struct message {
	uint32_t what, total;
	unsigned char data[MOST - HEADER];
};

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool resend_needed(const char *uri)
{
	struct sinew_caps caps = {.bits = SINEW_CAP_RELIABLE};

	sinew_caps(uri, &caps);
	return !(caps.bits & SINEW_CAP_RELIABLE);
}

/* Nobody there yet, or no more: then it is lost as others are. */
static void send_message(sinew_channel *channel, const void *data, size_t size, uint64_t peer)
{
	struct sinew_msg msg = {.data = data, .size = size, .peer = peer};
	int n = sinew_send(channel, &msg, 1, SINEW_FOREVER);

	if (n != 1 && n != -EPIPE)
		crew_fail("send: %s", sinew_error_text());
}

/* The next message, or 0 after a while of silence; its bytes. */
static size_t receive_message(
	sinew_channel *channel, struct message *message, struct sinew_msg *msg)
{
	int n = sinew_recv(
		channel, message, sizeof(*message), msg, sinew_after(PATIENCE * INT64_C(1000000)));

	if (n == -ETIMEDOUT)
		return 0;
	if (n != 1 || msg->size < HEADER)
		crew_fail(
			"receive: %s", n == 1 ? "a message without a header" : sinew_error_text());
	return msg->size;
}

/* ---- sending ---- */

/* What the receiver says is missing: ranges, or nothing. */
static unsigned ask(sinew_channel *channel, uint32_t total, struct range *ranges)
{
	const uint32_t question[] = {ASK, total};
	static struct message answer;
	struct sinew_msg msg;
	size_t size;

	do {
		send_message(channel, question, sizeof(question), 0);
		size = receive_message(channel, &answer, &msg);
	} while (size == 0 || answer.what != MISSING);
	size -= HEADER;
	memcpy(ranges, answer.data, size);
	return (unsigned)(size / sizeof(*ranges));
}

void resend_file(sinew_channel *channel, const unsigned char *data, size_t size, size_t chunk,
	int64_t *start)
{
	static struct message message;
	static struct range ranges[MOST / sizeof(struct range)];
	size_t step = chunk - HEADER;
	uint32_t total = (uint32_t)((size + step - 1) / step);
	const uint32_t bye[] = {BYE, total};
	unsigned missing;

	*start = 0;
	while ((missing = ask(channel, total, ranges)) > 0) {
		*start = *start ? *start : clock_now();
		for (unsigned i = 0; i < missing; i++)
			for (uint32_t k = 0; k < ranges[i].count; k++) {
				size_t at = (ranges[i].first + k) * step;
				size_t length = size - at < step ? size - at : step;
				message.what = ranges[i].first + k;
				message.total = total;
				memcpy(message.data, data + at, length);
				send_message(channel, &message, HEADER + length, 0);
			}
	}
	send_message(channel, bye, sizeof(bye), 0);
}

/* ---- receiving ---- */

struct file {
	int fd;
	unsigned char *here; /* which chunks are */
	uint32_t total, left;
	size_t step; /* bytes of every chunk but the last */
};

static void answer(sinew_channel *channel, const struct file *file, uint64_t peer)
{
	struct message message = {.what = MISSING, .total = file->total};
	struct range ranges[RANGES];
	unsigned count = 0;

	for (uint32_t i = 0; i < file->total && count < RANGES; i++) {
		if (file->here[i])
			continue;
		ranges[count] = (struct range){i, 1};
		while (i + 1 < file->total && !file->here[i + 1])
			ranges[count].count++, i++;
		count++;
	}
	memcpy(message.data, ranges, count * sizeof(*ranges));
	send_message(channel, &message, HEADER + count * sizeof(*ranges), peer);
}

/* All chunks but the last have one size, so the last alone need wait for another: it comes with it. */
static void keep(
	struct file *file, struct resend_tally *tally, const struct message *message, size_t length)
{
	uint32_t i = message->what;

	if (i >= file->total || file->here[i])
		return;
	if (i + 1 < file->total || file->total == 1)
		file->step = length;
	if (file->step == 0)
		return; /* where the last goes is not known yet; it is asked for again */
	if (pwrite(file->fd, message->data, length, (off_t)(i * file->step)) != (ssize_t)length)
		crew_fail("write: %s", strerror(errno));
	file->here[i] = 1;
	file->left--;
	tally->messages++;
	tally->bytes += length;
	tally->end = clock_now();
}

struct resend_tally resend_receive(sinew_channel *channel, int fd)
{
	static struct message message;
	struct resend_tally tally = {0};
	struct file file = {.fd = fd};
	struct sinew_msg msg;
	bool heard = false;

	for (;;) {
		size_t size = receive_message(channel, &message, &msg);
		if (size == 0 && heard && file.left == 0)
			break; /* the BYE was lost */
		if (size == 0)
			continue;
		tally.lost += msg.lost - !!(msg.flags & SINEW_MSG_LATE);
		if (!heard) {
			file.total = file.left = message.total;
			file.here = calloc(file.total, 1);
			heard = true;
		}
		if (!file.here || message.what == BYE)
			break;
		if (message.what == ASK)
			answer(channel, &file, msg.peer);
		else
			keep(&file, &tally, &message, size - HEADER);
	}
	free(file.here);
	return tally;
}
