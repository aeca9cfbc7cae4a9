/* SPDX-License-Identifier: MIT
 *
 * regions.c - sinew-bench-regions: what a region of each kind costs beside the bare system calls: to make
 * and remove it, to attach and leave; and in it, a page written and read, a robust mutex locked and
 * unlocked. Both sorts run in turns of about a millisecond in the same thread, on one CPU, so that
 * whatever disturbs one disturbs the other. Ratios are taken turn by turn; shown are quartiles.
 *
 * The twins do what a good programmer writes: space is reserved, a file that was made is on the disk.
 * They do not do what the library does beyond: look whether it can be trusted, publish in one step, tell
 * others that it is used. sinew-bench-regions [MILLISECONDS of each row]
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sinew/lock.h>
#include <sinew/sinew.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { SIZE = 64 << 10, PAGE = 4096, TURNS = 1001, TURN = 1000000 };

/* One way to have such memory; everything succeeds or ends the program. */
struct twin {
	void *(*make)(void);
	void *(*attach)(void);
	void (*leave)(void *data);
	void (*remove)(void);
};

struct row {
	const char *scheme, *options;
	struct twin bare;
};

/* Names: of ours, and of the twin's. */
static char directory[] = "/tmp/sinew-bench.XXXXXX";
static char uri[128], path[64], beside[72];
static key_t key;

static sinew_region *region; /* the one that is open, of ours and of the twin's */
static int bare_fd = -1, bare_listener = -1;

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "sinew-bench-regions: %s: %m; %s\n", what,
		sinew_error_text() ? sinew_error_text() : "");
	_exit(3);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* ---- sinew ---- */

static void *sinew_make(void)
{
	check(sinew_region_make(&region, uri, SIZE, NULL, NULL, SINEW_NOW), "make");
	return sinew_region_data(region);
}

static void *sinew_attach(void)
{
	check(sinew_region_open(&region, uri, 0, 0, SINEW_FOREVER), "attach");
	return sinew_region_data(region);
}

static void sinew_leave(void *data)
{
	(void)data;
	sinew_region_close(region);
}

static void sinew_remove_it(void)
{
	if (strncmp(uri, "memfd:", 6) != 0)
		check(sinew_remove(uri), "remove");
}

static const struct twin sinew = {sinew_make, sinew_attach, sinew_leave, sinew_remove_it};

/* ---- bare ---- */

static void *map(int fd)
{
	void *data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (data == MAP_FAILED)
		die("mmap");
	return data;
}

/* Gives it its space. */
static void *map_new(int fd)
{
	check(ftruncate(fd, SIZE), "ftruncate");
	check(fallocate(fd, 0, 0, SIZE), "fallocate");
	return map(fd);
}

static void *map_old(int fd)
{
	struct stat st;

	bare_fd = check(fd, "open");
	check(fstat(fd, &st), "fstat");
	return map(fd);
}

static void leave(void *data)
{
	munmap(data, SIZE);
	close(bare_fd);
}

static void *shm_make(void)
{
	bare_fd = check(shm_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "shm_open");
	return map_new(bare_fd);
}

static void *shm_attach(void)
{
	return map_old(shm_open(path, O_RDWR | O_CLOEXEC, 0));
}

static void shm_remove(void)
{
	check(shm_unlink(path), "shm_unlink");
}

/* Onto the disk, then under its name, then the name onto the disk. */
static void *file_make(void)
{
	bare_fd = check(open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open");
	void *data = map_new(bare_fd);
	check(fsync(bare_fd), "fsync");
	check(rename(beside, path), "rename");
	int fd = check(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open");
	check(fsync(fd), "fsync");
	close(fd);
	return data;
}

static void *file_attach(void)
{
	return map_old(open(path, O_RDWR | O_CLOEXEC));
}

static void file_remove(void)
{
	check(unlink(path), "unlink");
}

static void *sysv_map(int id)
{
	void *data = shmat(check(id, "shmget"), NULL, 0);

	if (data == (void *)-1)
		die("shmat");
	return data;
}

/* All of its memory is taken now; kernels before 5.14 do not know the advice. */
static void *sysv_make(void)
{
	void *data = sysv_map(shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600));

	if (madvise(data, SIZE, MADV_POPULATE_WRITE) < 0)
		memset(data, 0, SIZE);
	return data;
}

static void *sysv_attach(void)
{
	return sysv_map(shmget(key, 0, 0));
}

static void sysv_leave(void *data)
{
	shmdt(data);
}

static void sysv_remove(void)
{
	check(shmctl(shmget(key, 0, 0), IPC_RMID, NULL), "shmctl");
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return address;
}

static void *memfd_make(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	const struct sockaddr_un name = address();

	bare_fd = check(memfd_create("bare", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
	void *data = map_new(bare_fd);
	check(fcntl(bare_fd, F_ADD_SEALS, seals), "seal");
	bare_listener = check(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
	check(bind(bare_listener, (const struct sockaddr *)&name, sizeof name), "bind");
	check(listen(bare_listener, 128), "listen");
	return data;
}

static void memfd_remove(void)
{
	check(unlink(path), "unlink");
	close(bare_listener);
	bare_listener = -1;
}

/* One message with one descriptor, there or here. */
static ssize_t pass(int fd, int *passed, bool here)
{
	uint64_t size = SIZE;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&size, sizeof size};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};

	if (!here) {
		memcpy(CMSG_DATA(&control.header), passed, sizeof *passed);
		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	memcpy(passed, CMSG_DATA(&control.header), sizeof *passed);
	return n;
}

static void *memfd_attach(void)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_SEAL;
	const struct sockaddr_un name = address();
	int passed, fd = check(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");

	check(connect(fd, (const struct sockaddr *)&name, sizeof name), "connect");
	check(pass(fd, &passed, true) == sizeof(uint64_t) ? 0 : -1, "recvmsg");
	close(fd);
	check((fcntl(passed, F_GET_SEALS) & needed) == needed ? 0 : -1, "seals");
	return map_old(passed);
}

static const struct row rows[] = {
	{"shm", "", {shm_make, shm_attach, leave, shm_remove}},
	{"sysvshm", "", {sysv_make, sysv_attach, sysv_leave, sysv_remove}},
	{"memfd", "?serve=thread", {memfd_make, memfd_attach, leave, memfd_remove}},
	{"file", "", {file_make, file_attach, leave, file_remove}},
};

static void name_both(const struct row *row)
{
	int pid = getpid();

	key = (key_t)(0x5b000000 | (unsigned)pid << 1);
	if (strcmp(row->scheme, "shm") == 0) {
		snprintf(uri, sizeof uri, "shm:/sinew-bench-%d", pid);
		snprintf(path, sizeof path, "/sinew-bench-%d.bare", pid);
	} else if (strcmp(row->scheme, "sysvshm") == 0) {
		snprintf(uri, sizeof uri, "sysvshm:0x%x", (unsigned)key + 1);
	} else {
		snprintf(uri, sizeof uri, "%s:%s/sinew%s", row->scheme, directory, row->options);
		snprintf(path, sizeof path, "%s/bare", directory);
	}
	snprintf(beside, sizeof beside, "%s.new", path);
}

/* ---- the process that holds both, for us to attach to ---- */

static void init_locks(void *ours, void *bare)
{
	pthread_mutexattr_t attr;

	check(sinew_mutex_init(ours), "sinew_mutex_init");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	check(-pthread_mutex_init(bare, &attr), "pthread_mutex_init");
}

_Noreturn static void hold(const struct row *row, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	void *ours = sinew.make(), *bare = row->bare.make();
	init_locks(ours, bare);
	check((int)write(ready, "", 1), "write");
	while (bare_listener < 0)
		pause();
	for (;;) {
		int fd = check(accept4(bare_listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
		pass(fd, &bare_fd, false);
		close(fd);
	}
}

static pid_t start_holder(const struct row *row)
{
	int ready[2];
	char byte;

	check(pipe2(ready, O_CLOEXEC), "pipe2");
	fflush(stdout);
	pid_t holder = check(fork(), "fork");
	if (holder == 0)
		hold(row, ready[1]);
	close(ready[1]);
	check(read(ready[0], &byte, 1) == 1 ? 0 : -1, "the other process");
	close(ready[0]);
	return holder;
}

static void end_holder(const struct row *row, pid_t holder)
{
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	check(sinew_remove(uri), "remove");
	row->bare.remove();
}

/* ---- what is measured ---- */

static void make_and_remove(const struct twin *twin, void *data)
{
	(void)data;
	data = twin->make();
	twin->leave(data);
	twin->remove();
}

static void attach_and_leave(const struct twin *twin, void *data)
{
	(void)data;
	data = twin->attach();
	*(volatile char *)data;
	twin->leave(data);
}

static void write_and_read(const struct twin *twin, void *data)
{
	static char page[PAGE];

	(void)twin;
	memcpy(data, page, PAGE);
	__asm__ volatile("" ::: "memory");
	memcpy(page, data, PAGE);
	__asm__ volatile("" ::: "memory");
}

static void lock_and_unlock(const struct twin *twin, void *data)
{
	if (twin == &sinew) {
		sinew_mutex_lock(data, SINEW_FOREVER);
		sinew_mutex_unlock(data);
	} else {
		pthread_mutex_lock(data);
		pthread_mutex_unlock(data);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef void (*job_fn)(const struct twin *, void *);

/* ns of one. */
static double measure(job_fn job, const struct twin *twin, void *data, unsigned times)
{
	double since = now();

	for (unsigned i = 0; i < times; i++)
		job(twin, data);
	return (now() - since) / times;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void show(const struct row *row, const char *what, job_fn job, void *datas[2], double most)
{
	static double a[TURNS], b[TURNS], ratio[TURNS];
	unsigned n = 0, times = 1;

	for (double once = measure(job, &row->bare, datas[1], 1); times * once < TURN;)
		times *= 2;
	measure(job, &sinew, datas[0], times);
	for (double end = now() + most; n < 3 || (n < TURNS && now() < end); n++) {
		a[n] = measure(job, &row->bare, datas[1], times);
		b[n] = measure(job, &sinew, datas[0], times);
		ratio[n] = b[n] / a[n];
	}
	qsort(a, n, sizeof *a, compare);
	qsort(b, n, sizeof *b, compare);
	qsort(ratio, n, sizeof *ratio, compare);
	printf("%-9s %-17s %9.3f us  bare %9.3f us  ratio %.3f (%.3f-%.3f)\n", row->scheme, what,
		b[n / 2] / 1000, a[n / 2] / 1000, ratio[n / 2], ratio[n / 4], ratio[3 * n / 4]);
}

static void show_row(const struct row *row, double most)
{
	void *datas[2] = {NULL, NULL};

	name_both(row);
	show(row, "make and remove", make_and_remove, datas, most);
	pid_t holder = start_holder(row);
	show(row, "attach and leave", attach_and_leave, datas, most);
	datas[0] = sinew.attach();
	datas[1] = row->bare.attach();
	show(row, "lock and unlock", lock_and_unlock, datas, most);
	show(row, "page in and out", write_and_read, datas, most);
	sinew.leave(datas[0]);
	row->bare.leave(datas[1]);
	end_holder(row, holder);
}

int main(int argc, char **argv)
{
	unsigned long ms = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
	cpu_set_t set;

	if (ms == 0 || argc > 2) {
		fputs("Usage: sinew-bench-regions [MILLISECONDS of each row]\n", stderr);
		return 2;
	}
	sched_getaffinity(0, sizeof set, &set);
	for (unsigned cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && kept++)
			CPU_CLR(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
	if (!mkdtemp(directory))
		die(directory);
	printf("regions of %d KiB, one CPU, medians of turns (quartiles)\n", SIZE >> 10);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		show_row(&rows[i], (double)ms * 1e6);
	rmdir(directory);
	return 0;
}
