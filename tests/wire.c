/* SPDX-License-Identifier: MIT
 *
 * wire.c - builds the two machines and the wire between them, with ip(8) and tc(8).
 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runner.h"

enum { PACKETS = 2048, LONGEST = 1536 };

/* ---- machines ---- */

static int make_machine(void)
{
	if (unshare(CLONE_NEWNET) < 0 && errno == EPERM)
		SKIP("making network namespaces is for root alone");
	return CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

void wire_enter(const struct wire *wire, int side)
{
	CHECK_SYS(setns(wire->machines[side], CLONE_NEWNET));
}

static int run_here(char *out, size_t size, const char *command)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)command, NULL};

	return test_run(out, size, argv);
}

static int run_there(const struct wire *wire, int side, char *out, size_t size, const char *command)
{
	int here = CHECK_SYS(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));

	wire_enter(wire, side);
	int r = run_here(out, size, command);
	CHECK_SYS(setns(here, CLONE_NEWNET));
	close(here);
	return r;
}

void wire_run(const struct wire *wire, int side, const char *format, ...)
{
	char command[512], out[512];
	va_list list;

	va_start(list, format);
	vsnprintf(command, sizeof command, format, list);
	va_end(list);
	if (run_there(wire, side, out, sizeof out, command) != 0)
		FAIL("%s: %s", command, out);
}

void wire_retries(const struct wire *wire, unsigned count)
{
	for (int side = LEFT; side <= RIGHT; side++)
		wire_run(wire, side, "echo %u >/proc/sys/net/ipv4/tcp_retries2", count);
}

/* Addresses that are usable at once, stay while the interface is down, and need no other machine. */
static void give_addresses(const struct wire *wire, int side)
{
	wire_run(wire, side,
		"set -e; ip link set lo up; cd /proc/sys/net/ipv6/conf/wire 2>/dev/null &&"
		" { echo 1 >keep_addr_on_down; echo 0 >accept_dad; echo 0 >router_solicitations; };"
		" ip link set wire up; ip addr add 10.77.0.%d/24 dev wire;"
		" [ ! -d /proc/sys/net/ipv6 ] || ip addr add fd77::%d/64 dev wire nodad",
		side + 1, side + 1);
}

/* ---- the lossy wire ---- */

struct packet {
	int64_t due; /* 0: a free slot */
	int to;
	size_t size;
	uint8_t data[LONGEST];
};

struct carrier {
	int fds[2];
	const struct wire_rule *rule;
	struct wire_counts *counts;
	uint64_t random;
	struct packet packets[PACKETS];
};

static bool happens(struct carrier *carrier, unsigned chance)
{
	carrier->random ^= carrier->random << 13;
	carrier->random ^= carrier->random >> 7;
	carrier->random ^= carrier->random << 17;
	return carrier->random % 1000 < chance;
}

/* The packet that is due next, or a free slot; NULL: there is none. */
static struct packet *look(struct carrier *carrier, bool waiting)
{
	struct packet *first = NULL;

	for (struct packet *at = carrier->packets; at < carrier->packets + PACKETS; at++) {
		if (!waiting && !at->due)
			return at;
		if (waiting && at->due && (!first || at->due < first->due))
			first = at;
	}
	return first;
}

static void keep(struct carrier *carrier, int to, const uint8_t *data, size_t size)
{
	const struct wire_rule *rule = carrier->rule;
	struct packet *slot = look(carrier, false);
	bool late = happens(carrier, rule->late);

	if (!slot || happens(carrier, rule->drop)) {
		atomic_fetch_add(&carrier->counts->dropped, 1);
		return;
	}
	slot->due = test_now() + (rule->delay + (late ? rule->lateness : 0)) * 1000;
	slot->to = to;
	slot->size = size;
	memcpy(slot->data, data, size);
	atomic_fetch_add(late ? &carrier->counts->delayed : &carrier->counts->passed, 1);
}

static void collect(struct carrier *carrier, int from)
{
	uint8_t data[LONGEST];
	ssize_t n;

	while ((n = read(carrier->fds[from], data, sizeof data)) > 0) {
		keep(carrier, !from, data, (size_t)n);
		if (happens(carrier, carrier->rule->twice)) {
			keep(carrier, !from, data, (size_t)n);
			atomic_fetch_add(&carrier->counts->doubled, 1);
		}
	}
}

/* Hands over what is due. When the next one is, or NULL. */
static const struct timespec *deliver(struct carrier *carrier, struct timespec *left)
{
	struct packet *packet;

	while ((packet = look(carrier, true))) {
		int64_t ns = packet->due - test_now();
		if (ns > 0) {
			*left = (struct timespec){ns / 1000000000, ns % 1000000000};
			return left;
		}
		if (write(carrier->fds[packet->to], packet->data, packet->size) < 0)
			atomic_fetch_add(&carrier->counts->dropped, 1);
		packet->due = 0;
	}
	return NULL;
}

__attribute__((noreturn)) static void carry(struct carrier *carrier)
{
	struct pollfd fds[2] = {{.fd = carrier->fds[0], .events = POLLIN},
		{.fd = carrier->fds[1], .events = POLLIN}};
	struct timespec left;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ppoll(fds, 2, deliver(carrier, &left), NULL);
		collect(carrier, LEFT);
		collect(carrier, RIGHT);
	}
}

static int make_device(const struct wire *wire, int side)
{
	struct ifreq request = {.ifr_name = "wire", .ifr_flags = IFF_TUN | IFF_NO_PI};

	wire_enter(wire, side);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == EPERM))
		SKIP("there is no /dev/net/tun here");
	CHECK_SYS(fd);
	CHECK_SYS(ioctl(fd, TUNSETIFF, &request));
	return fd;
}

static void open_lossy(struct wire *wire, const struct wire_rule *rule)
{
	struct carrier *carrier = calloc(1, sizeof *carrier);

	CHECK(carrier);
	wire->counts = mmap(NULL, sizeof *wire->counts, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(wire->counts != MAP_FAILED);
	carrier->rule = rule;
	carrier->counts = wire->counts;
	carrier->random = rule->seed;
	for (int side = LEFT; side <= RIGHT; side++)
		carrier->fds[side] = make_device(wire, side);
	wire->carrier = CHECK_SYS(fork());
	if (wire->carrier == 0)
		carry(carrier);
	close(carrier->fds[0]);
	close(carrier->fds[1]);
	free(carrier);
}

/* ---- wires ---- */

static void open_plain(const struct wire *wire)
{
	wire_run(wire, LEFT, "ip link add wire type veth peer name wire netns /proc/%d/fd/%d",
		(int)getpid(), wire->machines[RIGHT]);
}

static void add_netem(const struct wire *wire)
{
	static const char command[] =
		"tc qdisc add dev wire root netem loss 5% duplicate 1% delay 3ms reorder 25% 50%";
	char out[512];

	for (int side = LEFT; side <= RIGHT; side++) {
		int r = run_there(wire, side, out, sizeof out, command);
		if (r != 0 && strstr(out, "kind is unknown"))
			SKIP("this kernel has no netem");
		if (r != 0)
			FAIL("%s: %s", command, out);
	}
}

void wire_open(struct wire *wire, enum wire_kind kind, const struct wire_rule *rule)
{
	*wire = (struct wire){.machines = {-1, -1}};
	for (int side = LEFT; side <= RIGHT; side++)
		wire->machines[side] = make_machine();
	if (kind == WIRE_LOSSY)
		open_lossy(wire, rule);
	else
		open_plain(wire);
	for (int side = LEFT; side <= RIGHT; side++)
		give_addresses(wire, side);
	if (kind == WIRE_NETEM)
		add_netem(wire);
	wire_enter(wire, LEFT);
}

void wire_close(struct wire *wire)
{
	if (wire->carrier) {
		CHECK_SYS(kill(wire->carrier, SIGKILL));
		CHECK_EQ(test_wait(wire->carrier), -SIGKILL);
		munmap(wire->counts, sizeof *wire->counts);
	}
	close(wire->machines[LEFT]);
	close(wire->machines[RIGHT]);
}
