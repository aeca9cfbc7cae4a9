/* SPDX-License-Identifier: MIT
 *
 * sweep_flow.c - one direction of a channel under faults: what was accepted arrives once, intact and
 * in order, or its loss is told; what was refused never comes.
 *
 * Each message has a number of its own and is tried once: what was refused goes again as a new one, so
 * that one that was refused and comes all the same is found out. Who was told of a passing failure
 * may go on; who was told of another finds the connection as it was, or is told that it is gone.
 */
#include "sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	SPREAD = 1 << 12,
	TAKEN = 8,
	TRIES = 8,
	PATIENCE = 2000,
	SLICE = PATIENCE / TRIES,
	BRIEF = 30,
	BITS = 64
};

static uint8_t source[SWEEP_LARGE + SPREAD], buffer[SWEEP_LARGE + SPREAD];

__attribute__((constructor)) static void make_source(void)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof source; i++) {
		x = x * 1664525 + 1013904223;
		source[i] = (uint8_t)('!' + (x >> 16) % 90);
	}
}

static const uint8_t *content(unsigned number)
{
	return source + number * 17 % SPREAD;
}

int64_t sweep_soon(void)
{
	return test_limit(PATIENCE);
}

bool sweep_passes(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ETIMEDOUT:
	case ECANCELED:
	case ENOMEM:
	case ENOBUFS:
	case EMFILE:
	case ENFILE:
		return true;
	default:
		return false;
	}
}

/* Nothing that passes breaks a connection. */
static void expect_reason(const char *what)
{
	if (!sweep_fired())
		BAD("%s, and nothing was wrong", what);
	if (sweep_given() == 0 || sweep_given() == EAGAIN || sweep_given() == EINTR ||
		sweep_given() == ENOMEM || sweep_given() == ENOBUFS)
		BAD("%s for a failure that passes", what);
}

/* ---- what there is ---- */

static unsigned count_names(bool clean)
{
	DIR *directory = opendir(test_tmpdir());
	struct dirent *entry;
	unsigned n = 0;

	CHECK(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			n++;
			if (clean)
				unlink(test_path(entry->d_name));
		}
	closedir(directory);
	return n;
}

struct sweep_holdings sweep_look(void)
{
	struct sweep_holdings here = {.mappings = sweep_mappings(), .names = count_names(false)};
	struct pollfd all[BITS];

	for (int fd = 0; fd < BITS; fd++)
		all[fd] = (struct pollfd){.fd = fd};
	CHECK_SYS(poll(all, BITS, 0));
	for (int fd = 0; fd < BITS; fd++)
		if (!(all[fd].revents & POLLNVAL))
			here.descriptors |= UINT64_C(1) << fd;
	return here;
}

void sweep_expect(const struct sweep_holdings *before, const char *after)
{
	struct sweep_holdings here = sweep_look();
	int failed = sweep_failed_call();
	bool nameless = failed == SWEEP_unlink || failed == SWEEP_lstat;

	if (here.descriptors != before->descriptors)
		BAD("after %s the open descriptors are %#llx, not %#llx", after,
			(unsigned long long)here.descriptors,
			(unsigned long long)before->descriptors);
	if (here.mappings != before->mappings + (failed == SWEEP_munmap))
		BAD("after %s %ld mappings more", after, here.mappings - before->mappings);
	if (here.names > before->names + nameless)
		BAD("after %s %u names are left behind", after, here.names - before->names);
	if (here.names > before->names)
		count_names(true);
	test_checked();
}

/* ---- sending ---- */

static void accepted(struct sweep_flow *f, size_t size, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (f->count == SWEEP_PENDING)
			BAD("the sweep sends more than it can remember");
		f->pending[f->count++] = (struct sweep_note){f->next + i, size};
	}
}

static void await_room(const struct sweep_end *end)
{
	struct pollfd poll_fd = {.fd = end->fd, .events = POLLIN};

	if (end->fd >= 0 && poll(&poll_fd, 1, PATIENCE) <= 0)
		BAD("there is room, and the descriptor does not say so");
}

/* Whether nobody may be there to make room, and the sender cannot know. */
static bool may_stay_full(const struct sweep_flow *f)
{
	return f->endless && f->cut;
}

static int64_t send_until(const struct sweep_flow *f, const struct sweep_manner *manner)
{
	if (manner->now)
		return SINEW_NOW;
	if (may_stay_full(f))
		return test_limit(BRIEF);
	return manner->forever ? SINEW_FOREVER : sweep_soon();
}

/* A send failed, for the n-th time in a row. Whether to try again. */
static bool refused(struct sweep_flow *f, size_t size, int error, int *first, unsigned n)
{
	f->refused++;
	if (n == 1) {
		*first = error;
		f->first_refused = (struct sweep_note){f->next, size};
	}
	if (may_stay_full(f) && (error == -ETIMEDOUT || error == -EAGAIN)) {
		f->broken = true;
		return false;
	}
	if (n == 1 || (error == -EAGAIN && n < TRIES))
		return true;
	if (sweep_passes(-*first))
		BAD("a failure that passes, %s, is followed by %s", strerrorname_np(-*first),
			strerrorname_np(-error));
	if (error != -EPIPE && error != -ESTALE)
		BAD("fails with %s and again with %s", strerrorname_np(-*first),
			strerrorname_np(-error));
	expect_reason("the connection is gone");
	f->broken = true;
	return false;
}

/* A descriptor goes with an accepted message, and with no other. */
static void check_passed(const struct sweep_flow *f, int fd, int r)
{
	if (!f->passes)
		return;
	if (r > 0 && fd >= 0)
		BAD("the descriptor of a message that was accepted is still here");
	if (r <= 0 && (fd < 0 || fcntl(fd, F_GETFD) < 0))
		BAD("the descriptor of a message that was refused is gone");
	if (fd >= 0)
		close(fd);
}

void sweep_put(struct sweep_flow *f, const struct sweep_end *end, const struct sweep_manner *manner,
	uint64_t peer, size_t size, unsigned count)
{
	struct sinew_msg msgs[TAKEN] = {0};
	unsigned failures = 0;
	int first = 0;

	while (count > 0 && !f->broken) {
		for (unsigned i = 0; i < count; i++)
			msgs[i] = (struct sinew_msg){
				.data = content(f->next + i), .size = size, .peer = peer};
		int fd = f->passes ? CHECK_SYS(dup(STDIN_FILENO)) : -1;
		msgs->fds = f->passes ? &fd : NULL;
		msgs->fd_count = f->passes;
		if (manner->now && !may_stay_full(f))
			await_room(end);
		int r = TRY(
			f->send_name, sinew_send(end->channel, msgs, count, send_until(f, manner)));
		check_passed(f, fd, r);
		if (r < 0 && !(r == -EAGAIN && manner->now))
			sweep_judge(r);
		if (r == 0 || r > (int)count)
			BAD("%d of %u messages were accepted", r, count);
		if (r > 0) {
			accepted(f, size, (unsigned)r);
			failures = 0;
		}
		f->next += count; /* what did not go is never tried under its number again */
		count -= r > 0 ? (unsigned)r : 0;
		if (r < 0) {
			f->next -= count;
			if (!refused(f, size, r, &first, ++failures))
				return;
			f->next += count;
		}
	}
}

/* ---- receiving ---- */

static bool is_note(const struct sweep_note *note, const struct sinew_msg *msg)
{
	return note->size == msg->size && memcmp(content(note->number), msg->data, msg->size) == 0;
}

static void drop(struct sweep_flow *f, unsigned n)
{
	f->count -= n;
	memmove(f->pending, f->pending + n, f->count * sizeof *f->pending);
}

/* So many messages that were accepted will not come. */
static void miss(struct sweep_flow *f, unsigned n)
{
	f->missing += n;
	f->lost -= f->lost < n ? f->lost : n;
	drop(f, n);
}

static void check_whole(struct sweep_flow *f, const struct sinew_msg *msg)
{
	unsigned k = 0;

	if (msg->flags & SINEW_MSG_UNFINISHED && (f->refused || f->cut || f->lost))
		return; /* told to be no more than what had gone, or come */
	while (k < f->count && !is_note(&f->pending[k], msg))
		k++;
	if (k == f->count)
		BAD("%s of %zu bytes comes (%u are under way, the first of them of %zu)",
			f->refused && is_note(&f->first_refused, msg)
				? "a message that was refused"
				: "something that was not sent, or a copy, or torn,",
			msg->size, f->count, f->pending[0].size);
	if (k > f->lost)
		BAD("%u accepted messages are missing, %llu told to be lost", k,
			(unsigned long long)f->lost);
	miss(f, k);
	drop(f, 1);
}

static void check_bytes(struct sweep_flow *f, const struct sinew_msg *msg)
{
	const uint8_t *at = msg->data;
	size_t left = msg->size;

	while (left > 0 && f->count > 0) {
		const struct sweep_note *note = &f->pending[0];
		size_t n = note->size - f->arrived;
		n = n < left ? n : left;
		if (memcmp(content(note->number) + f->arrived, at, n) != 0)
			BAD("other bytes come than those that were accepted");
		f->arrived += n;
		at += n;
		left -= n;
		if (f->arrived == note->size) {
			f->arrived = 0;
			drop(f, 1);
		}
	}
	/* What had gone when a send found the connection broken. */
	if (left > 0 && !(f->broken && left < f->first_refused.size &&
				memcmp(content(f->first_refused.number), at, left) == 0))
		BAD("%zu bytes come that were not accepted", left);
}

static void arrived(struct sweep_flow *f, const struct sinew_msg *msg)
{
	f->lost += msg->lost;
	f->lost_ever += msg->lost;
	if (msg->flags & SINEW_MSG_CORRUPT)
		BAD("the framing is said to be broken");
	if (msg->copies)
		BAD("copies are said to have come");
	if (msg->flags & (SINEW_MSG_JOINED | SINEW_MSG_LEFT)) {
		f->events++;
		return;
	}
	f->peer = msg->peer;
	if (f->bounded)
		check_whole(f, msg);
	else
		check_bytes(f, msg);
}

/* What is lost is told with the next message, and to who asks: whether there is such, and perhaps
 * nothing else will come. */
static bool suspects_loss(struct sweep_flow *f, const struct sweep_end *end)
{
	struct sinew_stats stats;

	if (!sweep_fired() || ASK("stats", sinew_stats(end->channel, &stats)) < 0)
		return false;
	return f->lost > 0 || stats.lost > f->lost_ever;
}

/* Nothing came in time. */
static bool is_told_loss(struct sweep_flow *f, const struct sweep_end *end)
{
	struct sinew_stats stats;

	if (!suspects_loss(f, end) || sinew_stats(end->channel, &stats) < 0)
		return false;
	f->lost += stats.lost - f->lost_ever;
	f->lost_ever = stats.lost;
	f->ended = true;
	return true;
}

static int patience(struct sweep_flow *f, const struct sweep_end *end)
{
	return suspects_loss(f, end) ? BRIEF : PATIENCE;
}

static void await_message(struct sweep_flow *f, const struct sweep_end *end)
{
	struct pollfd poll_fd = {.fd = end->fd, .events = POLLIN};

	if (end->fd >= 0 && poll(&poll_fd, 1, patience(f, end)) <= 0 && !is_told_loss(f, end))
		BAD("there is something to receive, and the descriptor does not say so");
}

static int64_t receive_until(
	struct sweep_flow *f, const struct sweep_end *end, const struct sweep_manner *manner)
{
	if (manner->now)
		return SINEW_NOW;
	if (manner->forever && !sweep_fired())
		return SINEW_FOREVER;
	return test_limit(suspects_loss(f, end) ? BRIEF : SLICE);
}

/* One call: how many came, 0 the end, or -errno. */
static int receive(
	struct sweep_flow *f, const struct sweep_end *end, const struct sweep_manner *manner)
{
	struct sinew_msg msgs[TAKEN] = {0};
	int64_t until = receive_until(f, end, manner);

	if (manner->now)
		await_message(f, end);
	int r = manner->take ? TRY(f->receive_name, sinew_take(end->channel, msgs, TAKEN, until))
			     : TRY(f->receive_name, sinew_recv(end->channel, buffer, sizeof buffer,
							    msgs, until));
	if (r < 0 && !(r == -EAGAIN && manner->now))
		sweep_judge(r);
	for (int i = 0; i < r; i++)
		arrived(f, &msgs[i]);
	if (r > 0 && manner->take)
		sinew_release(end->channel, msgs, (unsigned)r);
	if (r == SINEW_END) {
		f->lost += msgs->lost;
		f->lost_ever += msgs->lost;
		f->ended = true;
	}
	return r;
}

/* A receive failed, for the n-th time in a row. */
static void failed(struct sweep_flow *f, const struct sweep_end *end, int error, unsigned n)
{
	if (error == -ETIMEDOUT && is_told_loss(f, end))
		return;
	if (error == -ETIMEDOUT && n < TRIES)
		return; /* in slices, for what was lost meanwhile is told to who asks */
	if (error == -ETIMEDOUT)
		BAD("%u messages that were accepted do not come", f->count);
	if (n >= TRIES && f->endless && f->cut)
		f->ended = true; /* fails the same way ever after */
	if (n >= TRIES && !f->ended)
		BAD("receiving keeps failing with %s: %s", strerrorname_np(-error),
			sinew_error_text());
	if (!sweep_passes(-error))
		f->cut = true;
}

void sweep_fetch(struct sweep_flow *f, const struct sweep_end *end,
	const struct sweep_manner *manner, unsigned leave)
{
	unsigned failures = 0;

	while (f->count > leave && !f->ended) {
		int r = receive(f, end, manner);
		if (r < 0)
			failed(f, end, r, ++failures);
		else
			failures = 0;
	}
	if (f->ended && !f->cut)
		expect_reason("the end comes early");
}

void sweep_fetch_end(
	struct sweep_flow *f, const struct sweep_end *end, const struct sweep_manner *manner)
{
	unsigned failures = 0;

	while (!f->ended) {
		int r = receive(f, end, manner);
		if (r < 0)
			failed(f, end, r, ++failures);
	}
}

void sweep_note(struct sweep_flow *f, int r, const struct sinew_msg *msg)
{
	if (!sweep_fired() || (r > 0 && !(msg->flags & (SINEW_MSG_JOINED | SINEW_MSG_LEFT))))
		BAD("returns %d where there is nothing", r);
	if (r < 0) {
		f->cut = f->cut || !sweep_passes(-r);
		return;
	}
	f->lost += msg->lost;
	f->lost_ever += msg->lost;
	if (r == SINEW_END) {
		f->ended = true;
		expect_reason("the end comes early");
	}
}

void sweep_settle(struct sweep_flow *f)
{
	if (f->count > 0 && !f->cut && f->lost == 0)
		BAD("%u messages that were accepted are lost in silence", f->count);
	if (f->count > 0)
		miss(f, f->count);
	if (f->lost_ever > f->missing + f->refused + sweep_fired())
		BAD("%llu messages are told to be lost, %u are missing, %u were refused",
			(unsigned long long)f->lost_ever, f->missing, f->refused);
}
