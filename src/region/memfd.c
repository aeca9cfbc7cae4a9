/* SPDX-License-Identifier: MIT
 *
 * memfd.c - memory without a name, sealed against shrinking and growing, handed out by its maker to
 * those who connect to a Unix socket and whom the kernel says it may.
 *
 * The maker answers when it calls sinew_region_serve(), or a thread does that serve=thread asked
 * for. It never waits for who connects: the grant goes out at once, {magic, version, size} with one
 * descriptor to read by and, for those who may write, a second one. memfd_host.c hands out,
 * memfd_guest.c receives.
 */
#include "memfd.h"

#include <linux/memfd.h>
#include <string.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
enum { BACKLOG = 128 };

#define OWN(member) offsetof(struct sinew__memfd_settings, member)

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
	{"longest path", "sys/un.h",
		(int)sizeof((struct sockaddr_un *)0)->sun_path - SINEW__MEMFD_PRIVATE},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__region_spec *spec, uint64_t *largest)
{
	(void)spec;
	*largest = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}
int sinew__memfd_failed(struct sinew_region *region, const char *what, int error)
{
	return sinew__fail(error, "%s %s: %s", what, region->spec.text, strerror(error));
}

bool sinew__memfd_is_friend(const struct sinew__memfd_settings *own, uid_t uid, bool *family)
{
	*family = uid == geteuid() || uid == 0;
	for (unsigned i = 0; i < own->allow.count; i++)
		if (own->allow.uid[i] == uid)
			return true;
	return *family;
}

int sinew__memfd_peer(int fd, struct ucred *peer)
{
	socklen_t size = sizeof *peer;

	return (int)sinew__result(sinew__sys.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size));
}
static int make_memory(struct sinew_region *region)
{
	static const unsigned kinds[] = {0, MFD_HUGETLB | MFD_HUGE_2MB, MFD_HUGETLB | MFD_HUGE_1GB};
	const struct sinew__memfd_settings *own = region->spec.own;
	bool huge = own->huge != SINEW__PAGES_PLAIN;
	int r = sinew__region_whole_pages(region, own->huge);

	if (r < 0)
		return r;

	CLEANUP_FD int fd = sinew__sys.memfd_create(
		"sinew", MFD_CLOEXEC | MFD_ALLOW_SEALING | kinds[own->huge]);
	if (fd < 0)
		return huge ? sinew__region_no_pages(region, own->huge, errno)
			    : sinew__memfd_failed(region, "create", errno);
	r = sinew__region_reserve(region, fd, region->wanted, "memory");
	if (r == 0)
		r = sinew__region_map(region, fd, region->wanted);
	if (r < 0 && huge)
		r = sinew__region_no_pages(region, own->huge, -r);
	if (r == 0)
		r = sinew__region_fill(region);
	/* A descriptor to read by must not be opened again to write by other users. */
	if (r == 0 && (sinew__sys.fchmod(fd, 0600) < 0 ||
			      sinew__sys.fcntl(fd, F_ADD_SEALS, (uintptr_t)SINEW__MEMFD_SEALS) < 0))
		r = sinew__memfd_failed(region, "seal", errno);
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
	const struct sinew__memfd_settings *own = region->spec.own;
	struct sinew__memfd_state *state = region->state;
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
static int serve_fd(const struct sinew_region *region)
{
	return ((const struct sinew__memfd_state *)region->state)->listener;
}

/* The socket, ready but for its name, and what it hands out. */
static int make_state(struct sinew_region *region)
{
	struct sinew__memfd_state *state = region->state = calloc(1, sizeof *state);
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
	struct sinew__memfd_state *state = region->state;
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
	const struct sinew__memfd_settings *own = region->spec.own;

	int r = make_memory(region);
	if (r < 0) {
		undo(region);
		return r;
	}
	r = make_state(region);
	if (r == 0)
		r = publish(region);
	if (r == 0 && own->serve == SINEW__MEMFD_SERVE_THREAD)
		r = sinew__memfd_start_thread(region);
	if (r == 0)
		return 0;
	undo(region);
	if (r > 0)
		return r;
	if (r == -EEXIST)
		return sinew__fail(EEXIST, "%s: exists and is not a socket", region->spec.text);
	return sinew__memfd_failed(region, "create", -r);
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
			.settings_size = sizeof(struct sinew__memfd_settings),
			.limits = limits,
		},
	.caps = SINEW_REGION_CAP_FIXED | SINEW_REGION_CAP_FD | SINEW_REGION_CAP_SERVED |
		SINEW_REGION_CAP_HUGE,
	.describe = describe,
	.attach = sinew__memfd_attach,
	.make = make,
	.serve = sinew__memfd_serve,
	.serve_fd = serve_fd,
	.release = release,
	.remove = memfd_remove,
};
