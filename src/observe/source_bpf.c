/* SPDX-License-Identifier: MIT
 *
 * source_bpf.c - tier A: loads state.bpf.c, tells it whom to follow, and carries its records out.
 *
 * Opening: load, find out who we are to the kernel, attach, then look at the threads that are there
 * until a look finds no new one. What cannot be loaded is not there: no version is compared. Records
 * wait in the ring meanwhile, none is older than `started`.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "call_args.h"
#include "fault.h"
#include "look/bpf.h"
#include "slice.h"
#include "source.h"
#include "state.h"
#include "state.skel.h"

#include "../banned.h"

enum {
	RING = 8 << 20,
	LEAST_RING = 4096,
	CALL_AT = 512 << 10, /* bytes that are worth waking us */
	LOOKS = 4,
	FIRST_SPACE = 0xeffffffc, /* the inode of the machine's first PID namespace */
};

struct bpf_source {
	struct sinew__source source;
	struct state *state;
	struct ring_buffer *ring;
	struct bpf_link *each;
	uint64_t lost_since;
	int error;
};

static int refused(int error, const char *what)
{
	return sinew__bpf_refused(error, "tracing", what);
}

/* ---- what the kernel is like ---- */

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[96];

	snprintf(type, sizeof type, "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

/* sched_switch got its fourth argument, prev_state, in 5.18 and in stable kernels before. */
static bool state_is_given(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	if (type)
		type = btf__type_by_id(btf, type->type);
	if (type)
		type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
}

static bool find_variable(
	const struct btf *btf, const struct btf_type *section, const char *name, __u32 *offset)
{
	const struct btf_var_secinfo *row = btf_var_secinfos(section);

	for (unsigned i = 0; i < btf_vlen(section); i++) {
		const struct btf_type *type = btf__type_by_id(btf, row[i].type);
		if (type && strcmp(btf__name_by_offset(btf, type->name_off), name) == 0) {
			*offset = row[i].offset;
			return true;
		}
	}
	return false;
}

/* Where a CPU counts how deep it is in interrupts, seen from its run queue: no symbol leads there. */
static void find_depth(const struct btf *btf, struct sinew__state_setup *setup)
{
	int id = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	__u32 queue, count;

#if defined(__aarch64__)
	setup->has_depth = 1;
#endif
	if (section && find_variable(btf, section, "runqueues", &queue) &&
		find_variable(btf, section, "__preempt_count", &count)) {
		setup->depth_from = (int64_t)count - (int64_t)queue;
		setup->has_depth = 1;
	}
}

/* ---- what is asked for ---- */

/* A cgroup's id is the file handle of its directory; its level, how many directories deep. */
static int find_cgroup(const char *path, struct sinew__state_setup *setup)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + 8];
	} at = {.handle = {.handle_bytes = 8}};
	struct stat here, above;
	struct statfs fs;
	char *real = realpath(path, NULL);
	int mount;

	if (!real)
		return sinew__observe_fail(errno == ENOENT || errno == ENOTDIR ? ESRCH : errno,
			"cgroup %s: %s", path, strerror(errno));
	int r = name_to_handle_at(AT_FDCWD, real, &at.handle, &mount, 0);
	if (r == 0 && at.handle.handle_bytes == 8 && statfs(real, &fs) == 0 &&
		fs.f_type == CGROUP2_SUPER_MAGIC)
		memcpy(&setup->cgroup, at.handle.f_handle, 8);
	else
		r = -1;
	/* Up to where another file system is mounted. */
	for (char *end = real + strlen(real); r == 0 && end > real; setup->cgroup_level++) {
		if (stat(real, &here) < 0)
			r = -1;
		while (end > real && *end != '/')
			end--;
		*end = '\0';
		if (r < 0 || stat(*real ? real : "/", &above) < 0 || above.st_dev != here.st_dev)
			break;
	}
	free(real);
	if (r < 0)
		return sinew__observe_fail(
			EINVAL, "cgroup %s: is not a directory of a cgroup2 file system", path);
	return 0;
}

static int set_up(
	struct bpf_source *this, const struct sinew__request *request, const struct btf *btf)
{
	struct sinew__state_setup *setup = &this->state->rodata->setup;
	struct stat space;

	setup->scope = request->scope;
	setup->state_given = state_is_given(btf);
	setup->first_space = stat("/proc/self/ns/pid", &space) == 0 && space.st_ino == FIRST_SPACE;
	setup->slice = this->source.slice;
	setup->call_at = CALL_AT;
	setup->yield = SYS_sched_yield;
	setup->wait4 = SYS_wait4;
	setup->waitid = SYS_waitid;
	find_depth(btf, setup);
	for (const struct sinew__call_args *row = sinew__call_args; row->call >= 0; row++)
		this->state->rodata->descriptor_of[row->call] = row->of;
	return request->scope == SINEW__SCOPE_CGROUP ? find_cgroup(request->cgroup, setup) : 0;
}

/* A tracepoint that this kernel does not have is left out; so are those that would only cost. */
static void choose_programs(struct bpf_source *this, const struct btf *btf)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, this->state->obj)
	{
		const char *section = bpf_program__section_name(program);
		if (strncmp(section, "tp_btf/", 7) == 0 && !has_tracepoint(btf, section + 7))
			bpf_program__set_autoload(program, false);
	}
	bpf_program__set_autoattach(this->state->progs.hello, false);
	bpf_program__set_autoattach(this->state->progs.on_each, false);
	if (this->source.request->scope != SINEW__SCOPE_CGROUP)
		bpf_program__set_autoload(this->state->progs.on_attach, false);
}

static uint32_t ring_size(uint64_t wanted)
{
	uint32_t size = LEAST_RING;

	while (size < (wanted ? wanted : RING) && size < 1u << 30)
		size *= 2;
	return size;
}

/* ---- opening ---- */

static int look_at_all(struct bpf_source *this)
{
	char nothing[64];
	int fd = bpf_iter_create(bpf_link__fd(this->each));
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, nothing, sizeof nothing);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* A thread may be made by one that was not looked at yet, behind the place where the look is. */
static int seed(struct bpf_source *this)
{
	struct sinew__state_control *control = &this->state->bss->control;
	uint64_t from = sinew__observe_now(), before;
	int r;

	for (int i = 0; i < LOOKS; i++) {
		before = control->seeded;
		r = look_at_all(this);
		if (r < 0)
			return r;
		if (control->seeded == before)
			break;
	}
	this->source.seeding = sinew__observe_now() - from;
	this->source.seeded = control->seeded;
	return 0;
}

static int take(void *arg, void *data, size_t size)
{
	struct bpf_source *this = arg;

	(void)size;
	this->source.sink.take(this->source.sink.arg, data);
	return 0;
}

static int load(struct bpf_source *this, const struct sinew__request *request)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int r = 0;

	if (!btf)
		return sinew__observe_fail(ENOENT,
			"this kernel does not describe itself (no /sys/kernel/btf/vmlinux)");
	this->state = state__open();
	if (!this->state)
		r = refused(errno, "open");
	if (r == 0)
		r = set_up(this, request, btf);
	if (r == 0) {
		choose_programs(this, btf);
		bpf_map__set_max_entries(this->state->maps.records, ring_size(request->buffer));
		r = state__load(this->state);
		if (r < 0)
			r = refused(-r, "load");
	}
	btf__free(btf);
	return r;
}

static int tell_roots(struct bpf_source *this, const struct sinew__request *request)
{
	uint32_t yes = 1;

	for (unsigned i = 0; i < request->pid_count; i++) {
		uint32_t pid = request->pids[i];
		if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			return sinew__observe_fail(ESRCH, "no process has the number %u", pid);
		if (bpf_map__update_elem(this->state->maps.roots, &pid, sizeof pid, &yes,
			    sizeof yes, BPF_ANY) < 0)
			return sinew__observe_fail(errno, "too many processes are named");
	}
	return 0;
}

static int attach(struct bpf_source *this)
{
	LIBBPF_OPTS(bpf_test_run_opts, once);
	int r = bpf_prog_test_run_opts(bpf_program__fd(this->state->progs.hello), &once);

	if (r < 0)
		return refused(-r, "run");
	r = state__attach(this->state);
	if (r < 0)
		return refused(-r, "attach");
	this->each = bpf_program__attach_iter(this->state->progs.on_each, NULL);
	if (!this->each)
		return refused(errno, "iterate");
	this->ring = ring_buffer__new(bpf_map__fd(this->state->maps.records), take, this, NULL);
	if (!this->ring)
		return refused(errno, "ring buffer");
	this->source.fd = ring_buffer__epoll_fd(this->ring);
	this->state->bss->control.started = this->source.started = sinew__observe_now();
	return 0;
}

static void close_bpf(struct sinew__source *source)
{
	struct bpf_source *this = (struct bpf_source *)source;

	ring_buffer__free(this->ring);
	bpf_link__destroy(this->each);
	state__destroy(this->state);
	free(this);
}

static int open_bpf(struct sinew__source **source, const struct sinew__request *request)
{
	struct bpf_source *this = calloc(1, sizeof *this);

	if (!this)
		return sinew__observe_fail(ENOMEM, "out of memory");
	sinew__bpf_hush();
	this->source.request = request;
	this->source.slice = sinew__read_slice();
	int r = load(this, request);
	if (r == 0)
		r = tell_roots(this, request);
	if (r == 0)
		r = attach(this);
	if (r == 0)
		r = seed(this);
	if (r < 0) {
		close_bpf(&this->source);
		return r;
	}
	this->source.has = SINEW__HAS_INTERVALS | SINEW__HAS_PREEMPTION | SINEW__HAS_CALLS |
			   SINEW__HAS_OBJECTS | SINEW__HAS_WAKERS | SINEW__HAS_LIFE |
			   SINEW__HAS_REAPED;
	if (this->state->rodata->setup.has_depth)
		this->source.has |= SINEW__HAS_CONTEXT;
	else
		this->source.lacks = "Whether an interrupt or a task woke somebody cannot be told: "
				     "this kernel does not say where it counts interrupts.";
	if (request->scope == SINEW__SCOPE_ALL && this->state->rodata->setup.first_space)
		this->source.has |= SINEW__HAS_EVERYTHING;
	*source = &this->source;
	return 0;
}

/* ---- while it runs ---- */

static void fork_bpf(struct sinew__source *source)
{
	((struct bpf_source *)source)->state->bss->control.adopt = 1;
}

static int forked_bpf(struct sinew__source *source, pid_t pid)
{
	(void)pid;
	((struct bpf_source *)source)->state->bss->control.adopt = 0;
	return 0;
}

static void tell_loss(struct bpf_source *this)
{
	uint64_t lost = this->state->bss->control.lost, now = sinew__observe_now();
	struct sinew__loss record = {
		.head = {SINEW__RECORD_LOSS, sizeof record, 0, 0, now},
		.lost = lost - this->source.lost,
		.since = this->lost_since ? this->lost_since : this->source.started,
	};

	if (record.lost)
		this->source.sink.take(this->source.sink.arg, &record.head);
	this->source.lost = lost;
	this->lost_since = now;
}

static int read_bpf(struct sinew__source *source)
{
	struct bpf_source *this = (struct bpf_source *)source;

	this->state->bss->control.called = 0;
	int r = ring_buffer__consume(this->ring);
	tell_loss(this);
	return r < 0 ? r : 0;
}

/* Then who is not told of has not been shown to us, as some machines do with threads of their own: such a one
 * may have left the CPU unseen. Else it is none of ours. */
static bool tells_all(const struct bpf_source *this)
{
	return this->source.request->scope == SINEW__SCOPE_ALL;
}

static void tell_cpus(struct bpf_source *this)
{
	int count = libbpf_num_possible_cpus();
	uint32_t zero = 0;
	uint64_t ended = this->source.ended;
	struct sinew__state_cpu *cpus = calloc((size_t)(count > 0 ? count : 1), sizeof *cpus);

	if (!cpus || count < 0 ||
		bpf_map__lookup_elem(this->state->maps.cpus, &zero, sizeof zero, cpus,
			(size_t)count * sizeof *cpus, 0) < 0)
		count = 0;
	for (int i = 0; i < count; i++) {
		struct sinew__cpu record = {
			.head = {SINEW__RECORD_CPU, sizeof record, (uint16_t)i, 0, ended},
			.idle = cpus[i].idle,
			.recorder = cpus[i].recorder,
			.switches = cpus[i].switches,
			.overlaps = cpus[i].overlaps,
			.unknown = cpus[i].unknown,
		};
		if (cpus[i].since && !cpus[i].running)
			record.idle += ended - cpus[i].since;
		else if (cpus[i].since && cpus[i].running == this->state->bss->control.self)
			record.recorder += ended - cpus[i].since;
		else if (cpus[i].since && cpus[i].untold && tells_all(this))
			record.unknown += ended - cpus[i].since;
		this->source.sink.take(this->source.sink.arg, &record.head);
	}
	free(cpus);
}

/* Programs that were interrupted by themselves did not run: the kernel counts that. */
static void tell_misses(struct bpf_source *this)
{
	struct bpf_program *program;
	uint64_t missed = 0;
	union {
		struct sinew__note note;
		char room[sizeof(struct sinew__note) + 128];
	} record = {0};

	bpf_object__for_each_program(program, this->state->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof info;
		if (bpf_program__fd(program) >= 0 &&
			bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
			missed += info.recursion_misses;
	}
	if (!missed)
		return;
	record.note.length = (uint32_t)snprintf(record.note.text, 128,
		"%" PRIu64 " events came inside of another one and were not seen.", missed);
	record.note.head = (struct sinew__record){SINEW__RECORD_NOTE,
		(uint16_t)(sizeof record.note + (record.note.length + 7) / 8 * 8), 0, 0,
		this->source.ended};
	this->source.sink.take(this->source.sink.arg, &record.note.head);
}

static int finish_bpf(struct sinew__source *source)
{
	struct bpf_source *this = (struct bpf_source *)source;

	int r = read_bpf(source);
	this->state->bss->control.stopped = source->ended = sinew__observe_now();
	/* Until no program runs that has not seen it. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	if (r == 0)
		r = look_at_all(this);
	if (r == 0)
		r = read_bpf(source);
	tell_cpus(this);
	tell_misses(this);
	return r;
}

const struct sinew__source_type sinew__source_bpf = {
	.tier = SINEW__TIER_BPF,
	.name = "BPF",
	.open = open_bpf,
	.fork = fork_bpf,
	.forked = forked_bpf,
	.read = read_bpf,
	.finish = finish_bpf,
	.close = close_bpf,
};
