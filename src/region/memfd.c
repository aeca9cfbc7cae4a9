/* SPDX-License-Identifier: MIT
 *
 * memfd.c - memory without a name, sealed against shrinking and growing, handed out by its maker to
 * those who connect to a Unix socket and whom the kernel says it may.
 *
 * The maker answers when it calls sinew_region_serve(), or a thread does that serve=thread asked
 * for. It never waits for who connects: the grant goes out at once, {magic, version, size} with one
 * descriptor to read by and, for those who may write, a second one. The receiver believes the
 * kernel alone: who listens (SO_PEERCRED), the seals, the size.
 */
#include <linux/memfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/un.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../path.h"
#include "../region.h"
#include "../wait.h"

enum { OTHERS_READ, OTHERS_WRITE };
enum { SERVE_CALL, SERVE_THREAD };
enum { PRIVATE = 16 }; /* a private name is that much longer, its end included */
enum { MAGIC = 0x73696e77, VERSION = 1, BACKLOG = 128, REST = 10000000 };

static const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

struct settings {
	int64_t serve, others, huge;
	struct sinew__users allow;
};

struct state {
	struct sinew__own_path own;
	int listener, reader; /* where we answer; the memory, to read by */
	int stop;             /* ends the thread */
	bool threaded;
	pthread_t thread;
};

struct grant {
	uint32_t magic, version;
	uint64_t size;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"serve", "call|thread", "call",
		 "its maker hands it out in sinew_region_serve(), or by a thread"},
		SINEW__OPTION_CHOICE, OWN(serve), 0, 0},
	{{"allow", "uid,uid", "",
		 "users beside ourselves and root who may attach, or who may have made it"},
		SINEW__OPTION_USERS, OWN(allow), 0, 0},
	{{"others", "read|write", "read", "what the users in allow= may do"}, SINEW__OPTION_CHOICE,
		OWN(others), 0, 0},
	{{"huge", "no|2M|1G", "no", "made of pages of that size"}, SINEW__OPTION_CHOICE, OWN(huge),
		0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"huge pages of the default size", "/proc/sys/vm/nr_hugepages", 0},
	{"longest path", "sys/un.h", (int)sizeof((struct sockaddr_un *)0)->sun_path - PRIVATE},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__region_spec *spec, uint64_t *largest)
{
	(void)spec;
	*largest = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int failed(struct sinew_region *region, const char *what, int error)
{
	return sinew__fail(error, "%s %s: %s", what, region->spec.text, strerror(error));
}

static int address_of(struct sinew_region *region, const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (*path != '/' && *path != '.')
		return sinew__fail(EINVAL, "%s: write memfd:/path", region->spec.text);
	if (strlen(path) > sizeof a->sun_path - PRIVATE)
		return sinew__fail(ENAMETOOLONG, "%s: a path has at most %zu bytes",
			region->spec.text, sizeof a->sun_path - PRIVATE);
	snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
	return 0;
}

/* Whether that user may attach, or may be believed; ourselves and root always. */
static bool is_friend(const struct settings *own, uid_t uid, bool *family)
{
	*family = uid == geteuid() || uid == 0;
	for (unsigned i = 0; i < own->allow.count; i++)
		if (own->allow.uid[i] == uid)
			return true;
	return *family;
}

static int peer_of(int fd, struct ucred *peer)
{
	socklen_t size = sizeof *peer;

	return (int)sinew__result(sinew__sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size));
}

/* ---- attaching ---- */

/* The maker's listening socket; it vouches for who listens. */
static int connect_maker(struct sinew_region *region, int *connected)
{
	const char *path = region->spec.uri.rest;
	struct sockaddr_un address;
	struct ucred maker;
	struct stat st;
	bool family;

	int r = address_of(region, path, &address);
	if (r < 0)
		return r;
	if (sinew__sys.lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return sinew__fail(EEXIST, "%s: exists and is not a socket", region->spec.text);
	CLEANUP_FD int fd =
		sinew__sys.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(region, "open", errno);
	if (sinew__sys.connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return SINEW__REGION_ABSENT;
		if (errno == EAGAIN || errno == EINTR)
			return SINEW__REGION_BUSY;
		return failed(region, "open", errno == EPROTOTYPE ? EEXIST : errno);
	}
	r = peer_of(fd, &maker);
	if (r < 0)
		return failed(region, "open", -r);
	if (!is_friend(region->spec.own, maker.uid, &family))
		return sinew__fail(EPERM,
			"open %s: uid %u hands it out, which is not in allow=", region->spec.text,
			(unsigned)maker.uid);
	*connected = sinew__steal_fd(&fd);
	return 0;
}

/* What came with a grant: to read by, to write by, and the maker's other descriptors. */
enum { MOST_FDS = 2 + SINEW__REGION_FDS };

/* Takes the descriptors out of a message: how many there were; those beyond `most` are closed. */
static unsigned take_fds(struct msghdr *message, int *fds, unsigned most)
{
	unsigned count = 0;
	int fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof fd; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count < most)
				fds[count++] = fd;
			else
				sinew__sys.close(fd);
		}
	}
	return count;
}

/* The maker's other descriptors take the place of our own. */
static void welcome(struct sinew_region *region, int *fds, unsigned count)
{
	struct sinew__region_guests *guests = region->guests;

	if (!guests) {
		for (unsigned i = 0; i < count; i++)
			sinew__sys.close(fds[i]);
		return;
	}
	for (unsigned i = 0; i < guests->fd_count; i++)
		sinew__sys.close(guests->fds[i]);
	memcpy(guests->fds, fds, count * sizeof *fds);
	guests->fd_count = count;
}

static int receive_grant(struct sinew_region *region, int fd, struct grant *grant, int fds[2])
{
	int all[MOST_FDS] = {-1, -1};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof all)];
	} control;
	struct iovec iov = {grant, sizeof *grant};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};

	int r = sinew__wait_fd(fd, POLLIN, region->until, false);
	if (r == -EAGAIN || r == -ETIMEDOUT)
		return sinew__fail(-r,
			"open %s: its maker has not answered (does it call "
			"sinew_region_serve()?)",
			region->spec.text);
	if (r < 0)
		return r;
	ssize_t n = sinew__sys.recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EAGAIN || errno == EINTR)))
		return SINEW__REGION_AGAIN; /* it left before it answered */
	if (n < 0)
		return failed(region, "open", errno);
	unsigned count = take_fds(&message, all, MOST_FDS);
	fds[0] = all[0];
	fds[1] = all[1];
	if (count > 2)
		welcome(region, all + 2, count - 2);
	if (n != sizeof *grant || grant->magic != MAGIC || grant->version != VERSION)
		return sinew__fail(EEXIST, "open %s: what listens there hands out no region",
			region->spec.text);
	if (count == 0)
		return sinew__fail(
			EPERM, "open %s: its maker does not allow it (allow=)", region->spec.text);
	if (count < 2 && region->flags & SINEW_OUT)
		return sinew__fail(EPERM, "open %s: its maker allows reading alone (others=)",
			region->spec.text);
	return 0;
}

/* The maker's word is not enough: nobody may be able to shrink it any more. */
static int check_memory(struct sinew_region *region, int fd, uint64_t size)
{
	struct stat st;

	if (sinew__sys.fstat(fd, &st) < 0)
		return failed(region, "open", errno);
	int have = sinew__sys.fcntl(fd, F_GET_SEALS, 0);
	if (have < 0 || (have & seals) != seals || !S_ISREG(st.st_mode))
		return sinew__fail(EPERM, "open %s: what was handed out is not sealed memory",
			region->spec.text);
	if ((uint64_t)st.st_size != size)
		return sinew__fail(EPERM, "open %s: it has %llu bytes, its maker says %llu",
			region->spec.text, (unsigned long long)st.st_size,
			(unsigned long long)size);
	return sinew__region_fits(region, size);
}

static void keep_link(struct sinew__region_guests *guests, int *fd)
{
	pthread_mutex_lock(&guests->lock);
	guests->links[guests->link_count++] = sinew__steal_fd(fd);
	pthread_mutex_unlock(&guests->lock);
}

static int attach(struct sinew_region *region)
{
	CLEANUP_FD int fd = -1, reader = -1, writer = -1;
	int fds[2] = {-1, -1};
	struct grant grant;

	int r = connect_maker(region, &fd);
	if (r == 0)
		r = receive_grant(region, fd, &grant, fds);
	reader = fds[0];
	writer = fds[1];
	int *wanted = region->flags & SINEW_OUT ? &writer : &reader;
	if (r == 0)
		r = check_memory(region, *wanted, grant.size);
	if (r == 0)
		r = sinew__region_map(region, *wanted, (size_t)grant.size);
	if (r == 0)
		region->fd = sinew__steal_fd(wanted);
	if (r == 0 && region->guests)
		keep_link(region->guests, &fd);
	return r;
}

/* ---- making ---- */

static int make_memory(struct sinew_region *region)
{
	static const unsigned kinds[] = {0, MFD_HUGETLB | MFD_HUGE_2MB, MFD_HUGETLB | MFD_HUGE_1GB};
	const struct settings *own = region->spec.own;
	bool huge = own->huge != SINEW__PAGES_PLAIN;
	int r = sinew__region_whole_pages(region, own->huge);

	if (r < 0)
		return r;

	CLEANUP_FD int fd = sinew__sys.memfd_create(
		"sinew", MFD_CLOEXEC | MFD_ALLOW_SEALING | kinds[own->huge]);
	if (fd < 0)
		return huge ? sinew__region_no_pages(region, own->huge, errno)
			    : failed(region, "create", errno);
	r = sinew__region_reserve(region, fd, region->wanted, "memory");
	if (r == 0)
		r = sinew__region_map(region, fd, region->wanted);
	if (r < 0 && huge)
		r = sinew__region_no_pages(region, own->huge, -r);
	if (r == 0)
		r = sinew__region_fill(region);
	/* A descriptor to read by must not be opened again to write by other users. */
	if (r == 0 && (sinew__sys.fchmod(fd, 0600) < 0 ||
			      sinew__sys.fcntl(fd, F_ADD_SEALS, (uintptr_t)seals) < 0))
		r = failed(region, "seal", errno);
	if (r == 0)
		region->fd = sinew__steal_fd(&fd);
	return r;
}

/* The socket about to have a name: bound under a private one, at which nobody asks. */
struct naming {
	int fd;
	const char *path;
	struct sockaddr_un private;
};

static int bind_it(void *context)
{
	const struct naming *n = context;

	return (int)sinew__result(
		sinew__sys.bind(n->fd, (const struct sockaddr *)&n->private, sizeof n->private));
}

static int name_it(void *context)
{
	const struct naming *n = context;

	return sinew__path_publish(n->private.sun_path, n->path);
}

/* Binds, listens, then takes the name in one step. What a dead maker left under either name is
 * replaced. SINEW__REGION_BUSY: another one is at it. */
static int publish(struct sinew_region *region)
{
	const struct settings *own = region->spec.own;
	struct state *state = region->state;
	struct naming n = {.fd = state->listener, .path = region->spec.uri.rest};
	mode_t mode = own->allow.count ? 0666 : 0600;

	n.private.sun_family = AF_UNIX;
	int r = sinew__path_private(n.path, n.private.sun_path, sizeof n.private.sun_path);
	if (r < 0)
		return r;
	sinew__sys.fchmod(n.fd, mode); /* what bind(2) makes has this, less the umask */
	r = sinew__path_take(n.private.sun_path, bind_it, &n);
	if (r < 0)
		return r == -EADDRINUSE ? SINEW__REGION_BUSY : r;
	if (sinew__sys.chmod(n.private.sun_path, mode) < 0 || sinew__sys.listen(n.fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		r = sinew__path_take(n.path, name_it, &n);
	if (r < 0) {
		sinew__sys.unlink(n.private.sun_path);
		return r == -EADDRINUSE ? SINEW__REGION_AGAIN : r;
	}
	r = sinew__path_own(&state->own, n.path);
	if (r < 0)
		sinew__sys.unlink(n.path);
	return r;
}

/* ---- handing out ---- */

/* What this user may have: 0 nothing, 1 to read, 2 to write. */
static unsigned rights_of(const struct settings *own, int fd)
{
	struct ucred peer;
	bool family;

	if (peer_of(fd, &peer) < 0 || !is_friend(own, peer.uid, &family))
		return 0;
	return family || own->others == OTHERS_WRITE ? 2 : 1;
}

/* A guest that writes gets an open file of its own, so that the locks it takes are its own. */
static int writer_for(const struct sinew_region *region)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", region->fd);
	return sinew__sys.open(path, O_RDWR | O_CLOEXEC, 0);
}

static int send_grant(const struct sinew_region *region, int fd, unsigned count)
{
	const struct state *state = region->state;
	const struct sinew__region_guests *guests = region->guests;
	CLEANUP_FD int own = guests ? writer_for(region) : -1;
	int fds[MOST_FDS] = {state->reader, guests ? own : region->fd};
	struct grant grant = {MAGIC, VERSION, region->size};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof fds)];
	} control = {.bytes = {0}};
	struct iovec iov = {&grant, sizeof grant};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (guests && own < 0)
		return -errno;
	if (count == 2 && guests) {
		memcpy(fds + 2, guests->fds, guests->fd_count * sizeof *fds);
		count += guests->fd_count;
	}
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, count * sizeof *fds);
	}
	return (int)sinew__result(sinew__sys.sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

unsigned sinew__region_tidy(struct sinew__region_guests *guests)
{
	const struct timespec at_once = {0};
	unsigned closed = 0;

	pthread_mutex_lock(&guests->lock);
	for (unsigned i = guests->link_count; i-- > 0;) {
		struct pollfd link = {.fd = guests->links[i], .events = POLLIN};
		if (sinew__sys.ppoll(&link, 1, &at_once, NULL) <= 0)
			continue;
		sinew__sys.close(link.fd);
		guests->links[i] = guests->links[--guests->link_count];
		closed++;
	}
	pthread_mutex_unlock(&guests->lock);
	return closed;
}

/* Those who went while their maker was busy keep nobody out. */
static bool is_full(struct sinew__region_guests *guests)
{
	return guests && guests->link_count == SINEW__REGION_LINKS &&
	       sinew__region_tidy(guests) == 0;
}

static int serve(struct sinew_region *region)
{
	const struct state *state = region->state;

	CLEANUP_FD int fd = sinew__sys.accept4(state->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		bool nobody = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
		return nobody ? 0 : failed(region, "serve", errno);
	}
	struct sinew__region_guests *guests = region->guests;
	unsigned count = is_full(guests) ? 0 : rights_of(region->spec.own, fd);
	int r = send_grant(region, fd, count);
	if (r == -EPIPE || r == -ECONNRESET) /* it did not wait for the answer */
		return 0;
	if (r >= 0 && count == 2 && guests)
		keep_link(guests, &fd);
	return r < 0 ? failed(region, "serve", -r) : count > 0;
}

static int serve_fd(const struct sinew_region *region)
{
	return ((const struct state *)region->state)->listener;
}

static void *serve_on(void *context)
{
	struct sinew_region *region = context;
	const struct state *state = region->state;
	struct pollfd fds[2] = {
		{.fd = state->stop, .events = POLLIN}, {.fd = state->listener, .events = POLLIN}};
	const struct timespec rest = {.tv_nsec = REST};

	for (;;) {
		sinew__sys.ppoll(fds, 2, NULL, NULL);
		if (fds[0].revents)
			return NULL;
		if (serve(region) < 0) /* no descriptor left, or the like */
			sinew__sys.ppoll(fds, 1, &rest, NULL);
	}
}

/* No signal of the host's shall run its handlers on our thread. */
static int start_thread(struct sinew_region *region)
{
	struct state *state = region->state;
	sigset_t all, before;

	state->stop = sinew__sys.eventfd(0, EFD_CLOEXEC);
	if (state->stop < 0)
		return -errno;
	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* of a guarded region; it is the thread's own doing */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&state->thread, NULL, serve_on, region);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	state->threaded = error == 0;
	return -error;
}

/* The socket, ready but for its name, and what it hands out. */
static int make_state(struct sinew_region *region)
{
	struct state *state = region->state = calloc(1, sizeof *state);
	char path[40];

	if (!state)
		return -ENOMEM;
	state->listener = state->reader = state->stop = -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", region->fd);
	state->reader = sinew__sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	if (state->reader < 0)
		return -errno;
	state->listener =
		sinew__sys.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return state->listener < 0 ? -errno : 0;
}

static void release(struct sinew_region *region, bool last)
{
	struct state *state = region->state;
	const uint64_t one = 1;

	if (!state)
		return;
	if (state->threaded && last && sinew__sys.write(state->stop, &one, sizeof one) > 0)
		pthread_join(state->thread, NULL);
	sinew__path_remove(&state->own, !last);
	if (state->listener >= 0)
		sinew__sys.close(state->listener);
	if (state->reader >= 0)
		sinew__sys.close(state->reader);
	if (state->stop >= 0)
		sinew__sys.close(state->stop);
}

/* Nothing of a failed attempt stays, for the core may look again. */
static void undo(struct sinew_region *region)
{
	release(region, true);
	free(region->state);
	region->state = NULL;
	sinew__region_unmap(region);
	if (region->fd >= 0)
		sinew__sys.close(region->fd);
	region->fd = -1;
}

static int make(struct sinew_region *region)
{
	const struct settings *own = region->spec.own;

	int r = make_memory(region);
	if (r < 0) {
		undo(region);
		return r;
	}
	r = make_state(region);
	if (r == 0)
		r = publish(region);
	if (r == 0 && own->serve == SERVE_THREAD)
		r = start_thread(region);
	if (r == 0)
		return 0;
	undo(region);
	if (r > 0)
		return r;
	if (r == -EEXIST)
		return sinew__fail(EEXIST, "%s: exists and is not a socket", region->spec.text);
	return failed(region, "create", -r);
}

/* Removes a socket that nobody has open. */
static int remove_stale(const char *path)
{
	struct stat st;

	if (sinew__sys.lstat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int live = sinew__path_is_live(path);
	if (live != 0)
		return live == 1 ? -EBUSY : live;
	return (int)sinew__result(sinew__sys.unlink(path));
}

/* What a dead maker left beside the name goes, too; if it is all there is, that counts. */
static int memfd_remove(const struct sinew__region_spec *spec)
{
	const char *path = spec->uri.rest;
	char private[sizeof((struct sockaddr_un *)0)->sun_path];
	bool left = sinew__path_private(path, private, sizeof private) == 0 &&
		    remove_stale(private) == 0;

	int r = remove_stale(path);
	if (r == 0 || (r == -ENOENT && left))
		return 0;
	return sinew__fail(-r, "remove %s: %s", spec->text,
		r == -EEXIST  ? "is not a socket; left alone"
		: r == -EBUSY ? "its maker hands it out"
			      : strerror(-r));
}

const struct sinew__medium sinew__medium_memfd = {
	.scheme =
		{
			.shown = {"memfd", "memfd:/path",
				"sealed memory that its maker hands out at a socket"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.caps = SINEW_REGION_CAP_FIXED | SINEW_REGION_CAP_FD | SINEW_REGION_CAP_SERVED |
		SINEW_REGION_CAP_HUGE,
	.describe = describe,
	.attach = attach,
	.make = make,
	.serve = serve,
	.serve_fd = serve_fd,
	.release = release,
	.remove = memfd_remove,
};
