/* SPDX-License-Identifier: MIT
 *
 * event.c - the public calls on events: who may use this handle, what is it open for, can the
 * mechanism do that; then try, and wait until it is worth trying again. No mechanism is named here.
 */
#include "event.h"

#include <string.h>
#include <time.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "process.h"
#include "wait.h"

enum { WAITING, POSTING };
enum { FIRST_PAUSE = 50000, LONGEST_PAUSE = 1000000 };

/* What is tried again and again until it succeeds or the deadline comes. */
struct attempt {
	unsigned direction;
	uint64_t value;
	struct sinew_notice *notice;
	const struct sinew_event_step *steps;
	unsigned count;
};

/* ---- opening and closing ---- */

static int free_event(struct sinew_event *event)
{
	bool child = event->process && !sinew__process_is(event->process);
	int r = 0;

	if (event->spec.type && event->spec.type->close)
		r = event->spec.type->close(event, child);
	sinew__close_fd(&event->fd);
	sinew__close_fd(&event->cancel_fd);
	free(event->state);
	sinew__event_spec_fini(&event->spec);
	free(event);
	return r;
}

static void free_event_at(struct sinew_event **event)
{
	if (*event)
		free_event(*event);
}

#define CLEANUP_EVENT __attribute__((cleanup(free_event_at)))

/* An event that is understood but not open. */
static int prepare(struct sinew_event **made, const char *uri, unsigned flags)
{
	const unsigned known = SINEW_IN | SINEW_OUT | SINEW_CANCELLABLE | SINEW_INTERRUPTIBLE;
	CLEANUP_EVENT struct sinew_event *event = calloc(1, sizeof *event);

	if (!event)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	event->fd = event->cancel_fd = -1;
	int r = sinew__event_parse(&event->spec, uri);
	if (r < 0) {
		event->spec.type = NULL;
		return r;
	}
	if (flags & ~known)
		return sinew__fail(EINVAL, "%s: an event knows no flags %#x", uri, flags & ~known);
	event->flags = flags;
	r = event->spec.type->describe(&event->spec, &event->caps);
	if (r < 0)
		return r;
	event->process = sinew__process_token();
	if (!event->process)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	if (flags & SINEW_CANCELLABLE) {
		event->cancel_fd = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (event->cancel_fd < 0)
			return sinew__fail(errno, "%s: cannot be made cancellable: %m", uri);
	}
	*made = event;
	event = NULL;
	return 0;
}

/* What ends a wait beside the mechanism has to be looked at between its calls. */
static enum sinew__patience patience_of(const struct sinew_event *event)
{
	enum sinew__patience patience = event->spec.type->patience;
	unsigned others = SINEW_CANCELLABLE;

	if (patience == SINEW__NO_DEADLINE)
		others |= SINEW_INTERRUPTIBLE;
	return event->flags & others ? SINEW__IMPATIENT : patience;
}

int sinew_event_open(sinew_event **opened, const char *uri, unsigned flags, int64_t until)
{
	CLEANUP_EVENT struct sinew_event *event = NULL;

	int r = prepare(&event, uri, flags);
	if (r == 0)
		r = event->spec.type->open(event, until);
	if (r < 0)
		return r;
	event->patience = patience_of(event);
	*opened = event;
	event = NULL;
	return 0;
}

int sinew_event_close(sinew_event *event)
{
	return event ? free_event(event) : 0;
}

/* ---- trying and waiting ---- */

static int enter(const struct sinew_event *event)
{
	if (event->process && !sinew__process_is(event->process))
		return sinew__fail(EOWNERDEAD,
			"%s: this event was opened before a fork and belongs to the parent; close "
			"it "
			"and open one here",
			event->spec.text);
	return 0;
}

static int enter_wait(const struct sinew_event *event, unsigned direction, int64_t until)
{
	int r = enter(event);
	if (r < 0)
		return r;
	if (!(event->flags & (direction == WAITING ? SINEW_IN : SINEW_OUT)))
		return sinew__fail(EBADF, "%s: is open for %s only", event->spec.text,
			direction == WAITING ? "posting" : "waiting");
	if (until != SINEW_NOW && atomic_load_explicit(&event->cancelled, memory_order_relaxed))
		return sinew__answer(ECANCELED, "cancelled");
	return 0;
}

struct timespec sinew__event_time(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int sinew__event_pause(struct sinew_event *event, int64_t *pause, int64_t until)
{
	*pause = *pause == 0 ? FIRST_PAUSE : sinew__sooner(*pause * 2, LONGEST_PAUSE);
	if (until == SINEW_NOW)
		return sinew__answer(EAGAIN, "not without waiting");
	if (until != SINEW_FOREVER && sinew__now() >= until)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	int r = sinew__wait_either(-1, 0, event->cancel_fd,
		sinew__sooner(sinew_after(*pause), until), event->flags & SINEW_INTERRUPTIBLE);
	return r == -ETIMEDOUT ? 0 : r;
}

/* What to poll for; 0: nothing tells, look again after a pause. Room is told for one unit. */
static short poll_for(const struct sinew_event *event, const struct attempt *attempt)
{
	if (event->fd < 0 || attempt->value > 1)
		return 0;
	return attempt->direction == WAITING ? POLLIN : event->room;
}

/* Until it is worth trying again. */
static int wait_turn(
	struct sinew_event *event, const struct attempt *attempt, int64_t *pause, int64_t until)
{
	unsigned direction = attempt->direction;
	short events = poll_for(event, attempt);

	sinew__add(&event->calls[direction], 1);
	sinew__add(&event->waits[direction], 1);
	if (events)
		return sinew__wait_either(event->fd, events, event->cancel_fd, until,
			event->flags & SINEW_INTERRUPTIBLE);
	return sinew__event_pause(event, pause, until);
}

static int try_once(struct sinew_event *event, const struct attempt *attempt, int64_t until)
{
	const struct sinew__event_type *type = event->spec.type;

	sinew__add(&event->calls[attempt->direction], 1);
	if (attempt->steps)
		return type->apply(event, attempt->steps, attempt->count, until);
	if (attempt->direction == POSTING)
		return type->post(event, attempt->value, until);
	return type->wait(event, attempt->notice, until);
}

int sinew__event_unblock(struct sinew_event *event)
{
	int flags = sinew__sys.fcntl(event->fd, F_GETFL, 0);

	if (flags < 0 || sinew__sys.fcntl(event->fd, F_SETFL, (uintptr_t)(flags | O_NONBLOCK)) < 0)
		return -errno;
	atomic_store(&event->blocks, false);
	return 0;
}

/* A kernel without RWF_NOWAIT for this kind of file: an adopted descriptor is asked first, and
 * somebody else may be faster; on ours reads wait no more. */
static ssize_t read_asking(struct sinew_event *event, void *buf, size_t size)
{
	struct pollfd poll = {.fd = event->fd, .events = POLLIN};
	const struct timespec zero = {0};

	if (!event->adopted) {
		int r = sinew__event_unblock(event);
		if (r < 0)
			return r;
	} else if (sinew__sys.ppoll(&poll, 1, &zero, NULL) == 0) {
		return -EAGAIN;
	}
	return sinew__result(sinew__sys.read(event->fd, buf, size));
}

ssize_t sinew__event_read(struct sinew_event *event, void *buf, size_t size, int64_t until)
{
	struct iovec iov = {buf, size};

	if (until != SINEW_FOREVER && atomic_load(&event->blocks)) {
		ssize_t n = sinew__result(sinew__sys.preadv2(event->fd, &iov, 1, -1, RWF_NOWAIT));
		return n == -EOPNOTSUPP ? read_asking(event, buf, size) : n;
	}
	ssize_t n = sinew__result(sinew__sys.read(event->fd, buf, size));
	if (n == -EAGAIN) /* a relative may have said so, or it never did */
		atomic_store(&event->blocks, false);
	return n;
}

/* Whether the mechanism itself may wait, in one system call that nothing else must end. */
static inline bool is_patient(const struct sinew_event *event, int64_t until)
{
	return event->patience == SINEW__DEADLINE ||
	       (event->patience == SINEW__NO_DEADLINE && until == SINEW_FOREVER &&
		       atomic_load_explicit(&event->blocks, memory_order_relaxed));
}

/* Whoever waited last time will most likely wait again: looking first saves a try. */
static bool looks_first(
	const struct sinew_event *event, const struct attempt *attempt, int64_t until)
{
	return event->slow[attempt->direction] && until == SINEW_FOREVER &&
	       !is_patient(event, until) && poll_for(event, attempt);
}

__attribute__((noinline)) static int perform(
	struct sinew_event *event, const struct attempt *attempt, int64_t until)
{
	unsigned direction = attempt->direction;
	bool waited = false;
	int64_t pause = 0;

	int r = enter_wait(event, direction, until);
	if (r == 0 && looks_first(event, attempt, until)) {
		waited = true;
		r = wait_turn(event, attempt, &pause, until);
	}
	while (r == 0) {
		r = try_once(event, attempt, is_patient(event, until) ? until : SINEW_NOW);
		if (r == -EINTR && !(event->flags & SINEW_INTERRUPTIBLE)) {
			r = 0;
			continue;
		}
		if (r != -EAGAIN || until == SINEW_NOW)
			break;
		waited = true;
		r = wait_turn(event, attempt, &pause, until);
	}
	event->slow[direction] = waited;
	if (r == 0)
		sinew__add(&event->done[direction], 1);
	return r;
}

/* ---- nearly always: one call of a patient mechanism, and that is all ---- */

static inline bool is_direct(const struct sinew_event *event, unsigned side, int64_t until)
{
	return is_patient(event, until) && event->flags & side &&
	       (!event->process || sinew__process_is(event->process));
}

/* Whether that call was all; else perform() finds out what has to be done. */
static inline bool is_over(struct sinew_event *event, unsigned direction, int result, int64_t until)
{
	sinew__add(&event->calls[direction], 1);
	if (result < 0)
		return result == -EINTR ? event->flags & SINEW_INTERRUPTIBLE
					: result != -EAGAIN || until == SINEW_NOW;
	event->slow[direction] = false;
	sinew__add(&event->done[direction], 1);
	return true;
}

static int post_otherwise(struct sinew_event *event, uint64_t value, int64_t until)
{
	const struct attempt attempt = {.direction = POSTING, .value = value};

	if (value > event->caps.max_message)
		return sinew__fail(EOPNOTSUPP, "%s: the value %llu is more than a post can carry",
			event->spec.text, (unsigned long long)value);
	return perform(event, &attempt, until);
}

int sinew_event_post(sinew_event *event, uint64_t value, int64_t until)
{
	if (value == 0 && !(event->caps.bits & SINEW_EVENT_CAP_WORD))
		value = 1;
	if (value <= event->caps.max_message && is_direct(event, SINEW_OUT, until)) {
		int r = event->spec.type->post(event, value, until);
		if (is_over(event, POSTING, r, until))
			return r;
	}
	return post_otherwise(event, value, until);
}

int sinew_event_wait(sinew_event *event, struct sinew_notice *notice, int64_t until)
{
	struct sinew_notice got = {0};
	const struct attempt attempt = {.direction = WAITING, .notice = &got};
	bool over = false;
	int r = 0;

	if (is_direct(event, SINEW_IN, until)) {
		r = event->spec.type->wait(event, &got, until);
		over = is_over(event, WAITING, r, until);
	}
	if (!over)
		r = perform(event, &attempt, until);
	if (r == 0 && notice)
		*notice = got;
	return r;
}

/* Steps take or post: the event must be open for what they do. */
int sinew_event_apply(
	sinew_event *event, const struct sinew_event_step *steps, unsigned count, int64_t until)
{
	struct attempt attempt = {.direction = POSTING, .steps = steps, .count = count};
	bool takes = false, posts = false;

	if (!event->spec.type->apply)
		return sinew__fail(EOPNOTSUPP, "%s: is no set", event->spec.text);
	if (count == 0 || count > SINEW__MOST_STEPS)
		return sinew__fail(EINVAL, "%s: 1 to %d steps, not %u", event->spec.text,
			SINEW__MOST_STEPS, count);
	for (unsigned i = 0; i < count; i++) {
		takes |= steps[i].amount <= 0;
		posts |= steps[i].amount > 0;
	}
	if (takes)
		attempt.direction = WAITING;
	int r = posts ? enter_wait(event, POSTING, until) : 0;
	return r < 0 ? r : perform(event, &attempt, until);
}

/* ---- the rest ---- */

int sinew_event_fd(sinew_event *event)
{
	int r = enter(event);
	if (r < 0)
		return r;
	if (event->fd < 0)
		return sinew__fail(EOPNOTSUPP, "%s: cannot be polled", event->spec.text);
	return event->fd;
}

int sinew_event_cancel(sinew_event *event)
{
	const uint64_t one = 1;
	int error = errno;

	if (event->process && !sinew__process_is(event->process))
		return -EOWNERDEAD;
	if (event->cancel_fd < 0)
		return -EOPNOTSUPP;
	atomic_store(&event->cancelled, true);
	ssize_t r = sinew__sys.write(event->cancel_fd, &one, sizeof one);
	errno = error;
	return r == sizeof one ? 0 : -EIO;
}

int sinew_event_resume(sinew_event *event)
{
	uint64_t count;

	int r = enter(event);
	if (r < 0)
		return r;
	if (event->cancel_fd < 0)
		return sinew__fail(
			EOPNOTSUPP, "%s: was not opened with SINEW_CANCELLABLE", event->spec.text);
	atomic_store(&event->cancelled, false);
	ssize_t n = sinew__sys.read(event->cancel_fd, &count, sizeof count);
	return n > 0 || errno == EAGAIN ? 0 : -errno;
}

int sinew_event_stats(sinew_event *event, struct sinew_stats *stats)
{
	int r = enter(event);
	if (r < 0)
		return r;
	*stats = (struct sinew_stats){.sent = atomic_load(&event->done[POSTING]),
		.received = atomic_load(&event->done[WAITING]),
		.calls = atomic_load(&event->calls[0]) + atomic_load(&event->calls[1]),
		.waits = atomic_load(&event->waits[0]) + atomic_load(&event->waits[1])};
	return 0;
}
