/* SPDX-License-Identifier: MIT
 *
 * bell.c - descriptors that become readable when a ring has something for its owner: eventfds that the
 * maker of a memfd hands out with it, else a fifo beside the ring for each member that asked, opened
 * by name by whoever rings.
 *
 * Who wants to be rung arms its bell, marks the lane's bell as one who sleeps does, and looks once more.
 * Who rings disarms first, so a bell is rung once for each arming; a ring too many is a spurious end.
 * What dies between disarming and ringing is noticed by the tick of sinew_fd(), or by the end of the
 * connection.
 */
#include <limits.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../wait.h"
#include "ring.h"

enum { TICK = 100000000 };

static unsigned index_of(unsigned direction)
{
	return direction == SINEW_OUT;
}

static struct sinew__waiting *waiting_of(struct sinew__ring *ring, unsigned direction)
{
	return direction == SINEW_IN ? &ring->r.waiting : &ring->w.waiting;
}

static bool name_bell(const char *path, unsigned slot, unsigned direction, char *name, size_t size)
{
	int n = snprintf(name, size, "%s.bell%u%c", path, slot, direction == SINEW_IN ? 'r' : 'w');

	return n > 0 && (size_t)n < size;
}

void sinew__ring_bells_remove(const char *path, unsigned slot)
{
	char name[PATH_MAX + 16];

	for (unsigned direction = SINEW_IN; direction <= SINEW_OUT; direction++)
		if (name_bell(path, slot, direction, name, sizeof name))
			sinew__sys.unlink(name);
}

/* ---- ringing ---- */

static void ring_one(struct sinew__ring *ring, unsigned slot, unsigned direction)
{
	const uint64_t one = 1;
	char name[PATH_MAX + 16];

	if (!ring->bells_named) {
		if (ring->guests)
			sinew__sys.write(ring->guests->fds[2 * slot + index_of(direction)], &one,
				sizeof one);
		return;
	}
	if (!name_bell(ring->path, slot, direction, name, sizeof name))
		return;
	CLEANUP_FD int fd =
		sinew__sys.open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd >= 0)
		sinew__sys.write(fd, &one, 1);
}

void sinew__ring_ring(struct sinew__ring *ring, unsigned direction)
{
	for (unsigned slot = 0; slot < ring->slots; slot++)
		if (sinew__swap32(&ring->members[slot].armed[index_of(direction)], 1, 0))
			ring_one(ring, slot, direction);
}

/* ---- our own bell ---- */

static int make_fifo(struct sinew__ring *ring, unsigned direction)
{
	char name[PATH_MAX + 16];
	struct stat st;

	if (!name_bell(ring->path, ring->slot, direction, name, sizeof name))
		return -ENAMETOOLONG;
	if (sinew__sys.fstat(ring->fd, &st) < 0)
		return -errno;
	sinew__sys.unlink(name); /* of one who died in this slot */
	if (sinew__sys.mkfifo(name, st.st_mode & 0777) < 0)
		return -errno;
	sinew__sys.chmod(name, st.st_mode & 0777);
	int fd = sinew__sys.open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd >= 0)
		return fd;
	int error = errno;
	sinew__sys.unlink(name);
	return -error;
}

static int own_bell(struct sinew__ring *ring, unsigned direction)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	if (waiting->bell >= 0)
		return waiting->bell;
	if (ring->guests)
		return waiting->bell = ring->guests->fds[2 * ring->slot + index_of(direction)];
	int fd = make_fifo(ring, direction);
	if (fd < 0)
		return sinew__fail(-fd, "%s: cannot make a fifo beside it to be woken by: %s",
			ring->channel->spec.text, strerror(-fd));
	return waiting->bell = fd;
}

static void give_up_bell(struct sinew__ring *ring, unsigned direction)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	char name[PATH_MAX + 16];

	if (!ring->guests) {
		sinew__sys.close(waiting->bell);
		if (name_bell(ring->path, ring->slot, direction, name, sizeof name))
			sinew__sys.unlink(name);
	}
	waiting->bell = -1;
}

static void drain(int fd)
{
	char bytes[1024];

	/* Who fills it faster than we read only wakes us more often. */
	for (int i = 0; i < 64 && sinew__sys.read(fd, bytes, sizeof bytes) == sizeof bytes; i++)
		;
}

/* Before a last look. */
static uint32_t arm(struct sinew__ring *ring, unsigned direction)
{
	sinew__put(&ring->members[ring->slot].armed[index_of(direction)], 1);
	return sinew__ring_mark(ring, direction, SINEW__BELL_FD);
}

static void disarm(struct sinew__ring *ring, unsigned direction)
{
	sinew__put(&ring->members[ring->slot].armed[index_of(direction)], 0);
}

int sinew__ring_make_bells(struct sinew__region_guests *guests, unsigned members)
{
	for (; guests->fd_count < 2 * members; guests->fd_count++) {
		int fd = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return -errno;
		guests->fds[guests->fd_count] = fd;
	}
	return 0;
}

/* ---- who comes and goes at a memfd ---- */

static bool watch(int set, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return fd >= 0 && sinew__sys.epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* One of our threads at a time looks after the listener and the connections. */
static bool mind(struct sinew__ring *ring)
{
	return ring->guests && !atomic_exchange(&ring->minded, true);
}

static void let_mind(struct sinew__ring *ring)
{
	atomic_store(&ring->minded, false);
}

static void let_in(struct sinew__ring *ring)
{
	if (!ring->region || !ring->region->made ||
		sinew_region_serve(ring->region, SINEW_NOW) <= 0 ||
		ring->pattern != SINEW__RING_PAIR)
		return;
	for (unsigned i = 0; i < ring->guests->link_count; i++) {
		watch(ring->r.waiting.set, ring->guests->links[i]); /* again is an error */
		watch(ring->w.waiting.set, ring->guests->links[i]);
	}
}

void sinew__ring_serve(struct sinew__ring *ring)
{
	if (mind(ring)) {
		let_in(ring);
		let_mind(ring);
	}
}

/* Whether it was that of the other side of a pair. At a name anybody may come, look, or be refused, and
 * go: there the kernel says whether the other side lives. */
static bool was_the_peers(struct sinew__ring *ring)
{
	const bool maker = ring->region && ring->region->made;

	if (ring->pattern != SINEW__RING_PAIR)
		return !maker;
	return atomic_load(&ring->peer) != 0 && !(maker && sinew__ring_lives(ring, 1 - ring->slot));
}

/* A connection has ended: all that the process at its other end had open is closed, or about to be. */
static void lose_links(struct sinew__ring *ring)
{
	if (sinew__region_tidy(ring->guests) == 0)
		return;
	if (was_the_peers(ring))
		atomic_store(&ring->peer_gone, true);
	atomic_store(&ring->checked, 0);
	atomic_store(&ring->unlinked, sinew__now());
}

enum { MOST_POLLED = 3 + SINEW__REGION_LINKS };

/* Our bell, the way out, whoever wants to come in, and all connections; how many. */
static unsigned gather(struct sinew__ring *ring, int bell, struct pollfd *fds)
{
	struct sinew__region_guests *guests = ring->guests;
	const bool serves = ring->region && ring->region->made;
	unsigned n = 3;

	fds[0] = (struct pollfd){.fd = bell, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = ring->channel->cancel_fd, .events = POLLIN};
	fds[2] = (struct pollfd){
		.fd = serves ? sinew_region_serve_fd(ring->region) : -1, .events = POLLIN};
	pthread_mutex_lock(&guests->lock);
	for (unsigned i = 0; i < guests->link_count; i++)
		fds[n++] = (struct pollfd){.fd = guests->links[i], .events = POLLIN};
	pthread_mutex_unlock(&guests->lock);
	return n;
}

static struct timespec left_until(int64_t until)
{
	const int64_t left = until - sinew__now();

	return (struct timespec){.tv_sec = left > 0 ? left / 1000000000 : 0,
		.tv_nsec = left > 0 ? left % 1000000000 : 0};
}

/* Waits for our bell, and if we mind them for the others, too. 0 or why not to go on. */
static int poll_once(struct sinew__ring *ring, int bell, bool minds, int64_t until)
{
	struct pollfd fds[MOST_POLLED];
	const struct timespec left = left_until(until);
	const unsigned n = gather(ring, bell, fds);

	int r = sinew__sys.ppoll(fds, minds ? n : 2, &left, NULL);
	if (r < 0 && errno == EINTR)
		return sinew__interrupted(ring->channel);
	if (r < 0 && errno != EAGAIN)
		return sinew__fail(errno, "%s: cannot wait: %m", ring->channel->spec.text);
	if (r <= 0)
		return 0;
	if (fds[0].revents)
		drain(bell);
	bool lost = false;
	for (unsigned i = 3; minds && i < n; i++)
		lost = lost || fds[i].revents;
	if (lost)
		lose_links(ring);
	if (minds && fds[2].revents)
		let_in(ring);
	return 0;
}

void sinew__ring_mind(struct sinew__ring *ring)
{
	if (mind(ring)) {
		poll_once(ring, -1, true, SINEW_NOW);
		let_mind(ring);
	}
}

int sinew__ring_park_on_bell(struct sinew__ring *ring, unsigned direction,
	bool (*ready)(struct sinew__ring *), int64_t until)
{
	int bell = own_bell(ring, direction), r = 0;

	if (bell < 0)
		return bell;
	arm(ring, direction);
	if (!ready(ring) && !atomic_load(&ring->channel->cancelled)) {
		const bool minds = mind(ring);
		r = poll_once(ring, bell, minds, until);
		if (minds)
			let_mind(ring);
	}
	disarm(ring, direction);
	return r;
}

/* ---- sinew_fd() ---- */

static void set_full(struct sinew__waiting *waiting, bool want)
{
	/* What keeps an eventfd from being written or read does not last. */
	for (int tries = 0; waiting->is_full != want && tries < 2; tries++) {
		uint64_t one = 1;
		ssize_t r = want ? sinew__sys.write(waiting->full, &one, sizeof one)
				 : sinew__sys.read(waiting->full, &one, sizeof one);
		if (r == sizeof one)
			waiting->is_full = want;
	}
}

void sinew__ring_fd_update(struct sinew__ring *ring, unsigned direction)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);
	bool (*ready)(struct sinew__ring *) =
		direction == SINEW_IN ? sinew__ring_readable : sinew__ring_writable;

	const struct itimerspec tick = {.it_value.tv_nsec = TICK};

	if (waiting->set < 0)
		return;
	if (!ready(ring)) {
		drain(waiting->bell);
		sinew__sys.timerfd_settime(waiting->tick, 0, &tick, NULL);
		arm(ring, direction);
	}
	set_full(waiting, ready(ring));
}

static int make_tick(void)
{
	return sinew__sys.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

/* A memfd's maker is also to be told of who comes, and the ends of a pair of who goes. */
static bool watch_others(struct sinew__ring *ring, int set)
{
	const bool pair = ring->pattern == SINEW__RING_PAIR;
	bool good = true;

	if (!ring->guests)
		return true;
	if (ring->region && ring->region->made)
		good = watch(set, sinew_region_serve_fd(ring->region));
	for (unsigned i = 0; pair && i < ring->guests->link_count; i++)
		good = good && watch(set, ring->guests->links[i]);
	return good;
}

static int make_set(struct sinew__ring *ring, unsigned direction)
{
	struct sinew__waiting *waiting = waiting_of(ring, direction);
	CLEANUP_FD int set = sinew__sys.epoll_create1(EPOLL_CLOEXEC);
	CLEANUP_FD int full = sinew__sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CLEANUP_FD int tick = make_tick();
	int bell = own_bell(ring, direction);

	if (bell < 0)
		return bell;
	if (set < 0 || !watch(set, full) || !watch(set, tick) || !watch(set, bell) ||
		!watch_others(ring, set)) {
		int r = sinew__fail(errno, "%s: cannot make a descriptor to poll: %m",
			ring->channel->spec.text);
		give_up_bell(ring, direction);
		return r;
	}
	waiting->is_full = false;
	waiting->full = sinew__steal_fd(&full);
	waiting->tick = sinew__steal_fd(&tick);
	waiting->set = sinew__steal_fd(&set);
	return 0;
}

int sinew__ring_fd(struct sinew_channel *channel, unsigned direction)
{
	struct sinew__ring *ring = sinew__ring_of(channel);
	struct sinew__waiting *waiting = waiting_of(ring, direction);

	if ((direction != SINEW_IN && direction != SINEW_OUT) || !(channel->flags & direction))
		return sinew__fail(EINVAL, "%s: is not open in that direction", channel->spec.text);
	if (!ring->bells_named && !ring->guests)
		return sinew__fail(
			EOPNOTSUPP, "%s: a pair of this kind cannot be polled", channel->spec.text);
	if (waiting->set < 0) {
		int r = make_set(ring, direction);
		if (r < 0)
			return r;
		sinew__ring_fd_update(ring, direction);
	}
	return waiting->set;
}

void sinew__ring_bells_close(struct sinew__ring *ring)
{
	for (unsigned direction = SINEW_IN; direction <= SINEW_OUT; direction++) {
		struct sinew__waiting *waiting = waiting_of(ring, direction);
		int *fds[] = {&waiting->set, &waiting->tick, &waiting->full, &waiting->bell};
		for (unsigned i = 0; i < 3 + !ring->guests; i++)
			if (*fds[i] >= 0) {
				sinew__sys.close(*fds[i]);
				*fds[i] = -1;
			}
	}
}
