/* SPDX-License-Identifier: MIT
 *
 * ring_steps.c - a ring as a death would leave it after any instruction, whoever wrote to it and however.
 *
 * A process is stepped through an operation, an instruction at a time. Whenever what members share has
 * changed (the bytes of messages apart), a copy of the ring's memory is made: a ring whose members
 * hold no locks, just as if all had been killed now. Whoever comes to the copy must find what was
 * promised until then. ring_kill.c knows where the library stores; this one looks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring_world.h"
#include "runner.h"

enum { MOST_INSTRUCTIONS = 20000000 };

struct scene {
	const char *name, *options;
	unsigned ready; /* messages that are there before */
	void (*victim)(struct world *);
	void (*check)(struct world *);
	bool drop;
};

static const struct backing files = {"file", "ring:file:%s/%u", ""};

/* ---- what must be found in the copy ---- */

static void check_sent(struct world *w)
{
	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	w->out = world_open(w, SINEW_OUT);
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	unsigned last = read_on(w->in, 0);
	CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
	check_room(w->in, w->out);
}

/* The successor has another lane, so its message may come first. */
static void check_queued(struct world *w)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	unsigned last = 0, others = 0;

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	w->out = world_open(w, SINEW_OUT);
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	while (sinew_recv(w->in, data, sizeof data, &msg, SINEW_NOW) == 1) {
		unsigned n = read_number(&msg);
		if (n == AFTER)
			others++;
		else
			CHECK_EQ(n, ++last);
	}
	CHECK_EQ(others, 1);
	CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
	check_room(w->in, w->out);
}

static void check_received(struct world *w)
{
	const unsigned done = ledger->received, seen = ledger->seen;
	const unsigned known = done > seen ? done : seen;
	uint8_t data[MOST];
	struct sinew_msg msg;

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	w->out = world_open(w, SINEW_OUT);
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	CHECK_EQ(CHECK_OK(sinew_recv(w->in, data, sizeof data, &msg, soon())), 1);
	unsigned next = read_number(&msg);
	if (next == AFTER) {
		CHECK(known + 1 >= MESSAGES);
	} else {
		CHECK(next > done && next <= known + 2);
		CHECK_EQ(read_on(w->in, next), MESSAGES);
	}
	check_room(w->in, w->out);
}

/* One reader died: each once as new, again only with the mark, missing only where it died with it. */
static void check_shares(struct world *w, bool drop)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	unsigned missing = 0;

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	w->out = world_open(w, SINEW_OUT);
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	while (sinew_recv(w->in, data, sizeof data, &msg, SINEW_NOW) == 1)
		note(&msg, read_number(&msg)); /* AFTER is no number of the ledger's */
	for (unsigned n = 1; n <= MESSAGES; n++) {
		CHECK(ledger->first[n] <= 1);
		CHECK(!drop || ledger->again[n] == 0);
		missing += ledger->first[n] + ledger->again[n] == 0;
	}
	CHECK(missing <= 1 + ledger->lost);
	CHECK(drop || ledger->lost == 0);
	check_room(w->in, w->out);
}

static void check_redelivered(struct world *w)
{
	check_shares(w, false);
}

static void check_dropped(struct world *w)
{
	check_shares(w, true);
}

/* What is kept, without a gap, and then what a successor sends. */
static void check_kept(struct world *w)
{
	uint8_t data[MOST];
	struct sinew_msg msg;
	unsigned last = 0, n;

	w->out = world_open(w, SINEW_OUT);
	CHECK_EQ(CHECK_OK(put(w->out, AFTER)), 1);
	snprintf(strchr(w->uri, '\0'), 20, "?from=oldest");
	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	*strchr(w->uri, '?') = '\0';
	for (;;) {
		CHECK_EQ(CHECK_OK(sinew_recv(w->in, data, sizeof data, &msg, soon())), 1);
		CHECK_EQ(msg.lost, 0);
		n = read_number(&msg);
		if (n == AFTER)
			break;
		CHECK(last == 0 || n == last + 1);
		last = n;
	}
	CHECK(last >= ledger->accepted && last <= ledger->accepted + 3);
	check_room(w->in, w->out);
}

/* No reader takes anything from the others. */
static void check_all_kept(struct world *w)
{
	ledger->accepted = MESSAGES;
	check_kept(w);
}

static void check_newest(struct world *w)
{
	uint8_t data[MOST];
	struct sinew_msg msg;

	w->in = world_open(w, SINEW_IN | SINEW_LISTEN);
	int r = sinew_recv(w->in, data, sizeof data, &msg, SINEW_NOW);
	const unsigned n = r == 1 ? read_number(&msg) : 0;
	CHECK(n >= ledger->accepted && n <= ledger->accepted + 3);
	w->out = world_open(w, SINEW_OUT);
	check_room(w->in, w->out);
}

static const struct scene scenes[] = {
	{"pair_writer", "pattern=pair&size=32K", 0, victim_sends, check_sent, false},
	{"pair_reader", "pattern=pair&size=32K", MESSAGES, victim_receives, check_received, false},
	{"queue_writer", "pattern=queue&lanes=2&size=32K", 0, victim_sends, check_queued, false},
	{"queue_reader_redelivers", "pattern=queue&lanes=2&size=32K", MESSAGES, victim_shares,
		check_redelivered, false},
	{"queue_reader_drops", "pattern=queue&lanes=2&size=32K&deaths=drop", MESSAGES,
		victim_shares, check_dropped, true},
	{"topic_writer", "pattern=topic&size=8K", 0, victim_sends, check_kept, false},
	{"topic_reader", "pattern=topic&size=16K&full=block&from=oldest", MESSAGES, victim_receives,
		check_all_kept, false},
	{"latest_writer", "pattern=latest&size=8K", 0, victim_sends, check_newest, false},
};
TEST_SUITE(stepped, scenes);

/* ---- copies ---- */

struct memory {
	uint8_t *at, *last; /* the ring itself, and as it was */
	size_t size, told;  /* told: what is not the bytes of messages */
};

static void map_ring(struct memory *memory, const char *path)
{
	struct stat st;
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));

	CHECK_SYS(fstat(fd, &st));
	memory->size = (size_t)st.st_size;
	memory->at = mmap(NULL, memory->size, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(memory->at != MAP_FAILED);
	close(fd);
	const struct sinew__ring_header *header = (void *)memory->at;
	memory->told = memory->size - header->lanes * (size_t)header->lane_size;
	memory->last = malloc(memory->size);
	memcpy(memory->last, memory->at, memory->size);
}

static void write_copy(const struct memory *memory, const char *path)
{
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));

	CHECK_EQ(CHECK_SYS(write(fd, memory->at, memory->size)), (ssize_t)memory->size);
	close(fd);
}

/* The ledger of the one that is stepped must not hear of what is found here. */
static void look_at_copy(const struct scene *scene, const struct memory *memory, unsigned number)
{
	struct ledger *real = ledger, copy;
	struct world w = {0};

	memcpy(&copy, real, sizeof copy);
	snprintf(w.uri, sizeof w.uri, "ring:file:%s/copy%u", test_tmpdir(), number);
	write_copy(memory, w.uri + strlen("ring:file:"));
	ledger = &copy;
	scene->check(&w);
	ledger = real;
	world_leave(&w);
}

/* ---- stepping ---- */

static void be_stepped(void *arg)
{
	struct world *w = arg;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	raise(SIGSTOP);
	w->victim(w);
	_exit(0);
}

/* One instruction on; whether it has ended. */
static bool step_on(pid_t pid)
{
	int status;

	CHECK_SYS(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	if (WIFSTOPPED(status))
		CHECK_EQ(WSTOPSIG(status), SIGTRAP);
	else
		CHECK_EQ(status, 0);
	return !WIFSTOPPED(status);
}

TEST_EACH(stepped, no_death_breaks_a_promise, struct scene, scene, .timeout = 300)
{
	struct world w = {.victim = scene->victim};
	struct memory memory;
	unsigned changes = 0, instructions = 0;
	int status;

	world_name(&w, &files, scene->options, 0);
	sinew_channel *maker = world_open(&w, SINEW_OUT);
	for (unsigned n = 1; n <= scene->ready; n++)
		CHECK_EQ(CHECK_OK(put(maker, n)), 1);
	if (scene->ready == 0)
		sinew_close(maker); /* the one that is stepped is to come after it */
	char *options = strchr(w.uri, '?');
	*options = '\0';
	map_ring(&memory, w.uri + strlen("ring:file:"));
	*options = '?';
	pid_t pid = test_fork(be_stepped, &w);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK(WIFSTOPPED(status));
	while (!step_on(pid)) {
		CHECK(++instructions < MOST_INSTRUCTIONS);
		if (memcmp(memory.at, memory.last, memory.told) == 0)
			continue;
		memcpy(memory.last, memory.at, memory.told);
		look_at_copy(scene, &memory, ++changes);
	}
	printf("%u instructions, %u changes\n", instructions, changes);
	CHECK(changes > 30);
	if (scene->ready)
		sinew_close(maker);
	CHECK_OK(sinew_remove(w.uri));
}
