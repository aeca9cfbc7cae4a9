/* SPDX-License-Identifier: MIT
 *
 * iter.c - a source that needs rights: a program in the kernel (tasks.bpf.c) goes through all threads.
 * It tells more than /proc: who really runs at one moment, and who was made and not yet let on a run queue;
 * and it takes a few microseconds a thread.
 *
 * Threads are seen one after the other, CPUs at one moment behind them. Who has left its CPU or come to it in
 * between is told as of that moment.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../banned.h"
#include "../fault.h"
#include "bpf.h"
#include "files.h"
#include "inside.h"
#include "task_row.h"
#include "tasks.skel.h"

enum { FIRST_ROOM = 1 << 20, MOST = 256 << 20 };

static int refused(int error, const char *what)
{
	return sinew__bpf_refused(error, "looking", what);
}

/* ---- rows out of the kernel ---- */

struct rows {
	struct sinew__task_row *rows;
	size_t count;
};

/* All that the descriptor has to say. */
static ssize_t read_all(int fd, char **text)
{
	size_t room = 0, used = 0;

	for (;;) {
		if (used == room) {
			room = room ? 2 * room : FIRST_ROOM;
			char *more = room <= MOST ? realloc(*text, room) : NULL;
			if (!more)
				return -ENOMEM;
			*text = more;
		}
		ssize_t n = read(fd, *text + used, room - used);
		if (n == 0)
			return (ssize_t)used;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		used += n > 0 ? (size_t)n : 0;
	}
}

static int iterate(struct tasks *tasks, struct rows *rows)
{
	char *text = NULL;
	struct bpf_link *link = bpf_program__attach_iter(tasks->progs.each_task, NULL);

	if (!link)
		return refused(errno, "iterate");
	LOOK_FD int fd = bpf_iter_create(bpf_link__fd(link));
	ssize_t n = fd < 0 ? -errno : read_all(fd, &text);
	bpf_link__destroy(link);
	rows->rows = (struct sinew__task_row *)text;
	rows->count = n > 0 ? (size_t)n / sizeof *rows->rows : 0;
	return n < 0 ? refused((int)-n, "read") : 0;
}

/* Who has no right is told before anything is prepared. */
static int ask_right(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sinew", 4, 8, 1, NULL);

	if (fd < 0)
		return refused(errno, "map");
	close(fd);
	return 0;
}

static int load(struct tasks **tasks)
{
	int r = ask_right();

	if (r < 0)
		return r;
	*tasks = tasks__open();
	if (!*tasks)
		return refused(errno, "open");
	int cpus = libbpf_num_possible_cpus();
	(*tasks)->rodata->cpus = cpus > 0 ? (uint32_t)cpus : 1;
	r = tasks__load(*tasks);
	return r < 0 ? refused(-r, "load") : 0;
}

/* Objects are looked for in /proc, so both have to call threads by the same numbers. */
static int check_numbers(void)
{
	char self[16], own[16];

	snprintf(own, sizeof own, "%d", (int)getpid());
	if (sinew__read_link(self, sizeof self, "/proc/self") < 0 || strcmp(self, own) != 0)
		return sinew__observe_fail(ENOTSUP,
			"/proc is that of another PID namespace, so that numbers would not fit");
	return 0;
}

/* ---- a row as facts ---- */

/* The kernel's own order: what /proc/PID/stat shows for the highest bit that is set. */
static char letter_of(const struct sinew__task_row *row)
{
	enum { SHOWN = 0x7f, IDLE = 0x402, FROZEN = 0x8000, LOCK_WAIT = 0x1000 };
	static const char letters[] = "RSDTtXZP";
	uint32_t state = (row->state | row->exit_state) & SHOWN;
	unsigned at = 0;

	if ((row->state & IDLE) == IDLE)
		return 'I';
	if (row->state & (FROZEN | LOCK_WAIT))
		return 'D';
	for (; state; state >>= 1)
		at++;
	return letters[at];
}

/* Of its own threads the kernel gives but the beginning of the name. */
static void read_long_name(struct sinew__facts *facts)
{
	char text[SINEW__LOOK_COMM];

	ssize_t n = sinew__slurp(text, sizeof text, "/proc/%" PRIu32 "/comm", facts->pid);
	if (n <= 1)
		return;
	text[strcspn(text, "\n")] = '\0';
	memcpy(facts->comm, text, sizeof text);
}

static void name(struct sinew__facts *facts, const struct sinew__task_row *row)
{
	snprintf(facts->comm, sizeof facts->comm, "%.*s", (int)sizeof row->comm, row->comm);
	if (row->is_kernel && (strlen(facts->comm) == sizeof row->comm - 1 ||
				      strncmp(facts->comm, "kworker", 7) == 0))
		read_long_name(facts);
}

static void set_state(struct sinew__facts *facts, const struct sinew__task_row *row)
{
	enum { NEW = 0x800, TICK = 10000000 };

	facts->letter = letter_of(row);
	facts->is_new = facts->letter == 'R' && row->state & NEW;
	facts->on_cpu = row->on_cpu;
	facts->started = row->started / TICK;
	if (row->has_call) {
		facts->in = row->number < 0 ? SINEW__IN_NONE : SINEW__IN_CALL;
		facts->number = row->number;
		facts->stack = row->stack;
		memcpy(facts->args, row->args, sizeof row->args);
		facts->pipe_at_0 = row->magic == PIPEFS_MAGIC ? row->ino : 0;
		facts->socket_at_0 = row->magic == SOCKFS_MAGIC ? row->ino : 0;
	}
}

static void take_row(struct sinew__facts *facts, const struct sinew__task_row *row)
{
	*facts = (struct sinew__facts){
		.pid = row->pid,
		.tid = row->tid,
		.ppid = row->ppid,
		.tracer = row->tracer,
		.uid = row->uid,
		.kernel = row->is_kernel,
		.threads = row->threads,
		.cpu = row->cpu,
		.seen_from = -1,
		.ran = row->ran,
		.delay = row->delay,
		.dispatches = row->dispatches,
		.voluntary = row->voluntary,
		.involuntary = row->involuntary,
		.exec_start = row->exec_start,
		.looked = row->looked,
		.evidence = SINEW__BY_ITER,
	};
	name(facts, row);
	set_state(facts, row);
}

/* ---- all of them ---- */

static int take_threads(
	struct sinew__look *look, const struct rows *rows, const struct sinew__asked *asked)
{
	look->room = rows->count + 1;
	look->threads = calloc(look->room, sizeof *look->threads);
	if (!look->threads)
		return sinew__observe_fail(ENOMEM, "no memory for %zu threads", rows->count);
	for (size_t i = 0; i < rows->count; i++) {
		struct sinew__facts *facts = &look->threads[look->count];
		if (rows->rows[i].kind != SINEW__ROW_THREAD)
			continue;
		take_row(facts, &rows->rows[i]);
		facts->shown = sinew__is_asked(asked, facts->pid);
		look->count++;
	}
	sinew__look_sort(look);
	struct sinew__facts *self = sinew__look_find(look, (uint32_t)gettid());
	if (self)
		self->looker = true;
	/* A kernel may keep some from programs, and some are new. */
	return sinew__proc_missing(look, asked);
}

/* What was seen of each CPU at the one moment. */
struct cpu {
	bool seen;
	uint64_t skew;
};

static void see_cpus(struct cpu *cpus, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].kind == SINEW__ROW_CPU)
			cpus[rows->rows[i].cpu] = (struct cpu){true, rows->rows[i].skew};
}

/* Each CPU counts what it gave to threads by a clock of its own: all are made those of `here`. */
static void set_clock(struct sinew__facts *facts, const struct cpu *cpus, int here)
{
	if (facts->cpu >= 0 && facts->cpu < SINEW__ROW_CPUS && cpus[facts->cpu].seen &&
		cpus[here].seen && facts->exec_start)
		facts->exec_start += cpus[facts->cpu].skew - cpus[here].skew;
}

/* Who runs at the one moment does, whatever it did when it was seen. */
static void set_running(struct sinew__look *look, const struct sinew__task_row *row)
{
	struct sinew__facts *facts = row->tid ? sinew__look_find(look, row->tid) : NULL;

	if (!facts || strchr("ZX", facts->letter))
		return;
	facts->letter = 'R';
	facts->is_new = false;
	facts->runs = true;
	facts->cpu = row->cpu;
}

/* Who ran when it was seen, and does no more: is it ready, or what does it wait for? Of a CPU that was not
 * seen the first one is believed. */
static void look_again(struct sinew__facts *facts, struct cpu *cpus)
{
	if (!facts->on_cpu || facts->runs || facts->letter != 'R')
		return;
	facts->runs = !cpus[facts->cpu].seen;
	cpus[facts->cpu].seen = true;
	if (!facts->runs && !sinew__proc_state(facts))
		facts->letter = 'X';
}

static void settle(struct sinew__look *look, const struct rows *rows, int here)
{
	struct cpu cpus[SINEW__ROW_CPUS] = {0};

	look->at_once = true;
	see_cpus(cpus, rows);
	for (size_t i = 0; i < look->count; i++)
		set_clock(&look->threads[i], cpus, here);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].kind == SINEW__ROW_CPU)
			set_running(look, &rows->rows[i]);
	for (size_t i = 0; i < look->count; i++)
		look_again(&look->threads[i], cpus);
}

int sinew__iter_threads(struct sinew__look *look, const struct sinew__asked *asked, int here)
{
	struct tasks *tasks = NULL;
	struct rows rows = {0};
	int r = check_numbers();

	sinew__bpf_hush();
	if (r == 0)
		r = load(&tasks);
	if (r == 0)
		r = iterate(tasks, &rows);
	if (r == 0)
		r = take_threads(look, &rows, asked);
	if (r == 0)
		settle(look, &rows, here);
	free(rows.rows);
	tasks__destroy(tasks);
	return r;
}
