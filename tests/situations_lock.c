/* SPDX-License-Identifier: MIT
 *
 * situations_lock.c - stuck at locks, semaphores, conditions and the ends of threads. Who holds them sleeps.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "situations.h"

static struct scene *stage; /* for threads, which have no argument to spare */

static void check(int error, const char *what)
{
	if (error)
		must(-1, what);
}

/* Starts a thread that holds something, and waits until it does. */
static void *hold(void *lock_it)
{
	((void (*)(void))lock_it)();
	stage->other = gettid();
	for (;;)
		pause();
	return NULL;
}

static pthread_t start_holder(struct scene *scene, void (*lock_it)(void))
{
	pthread_t thread;

	stage = scene;
	scene->ready = false;
	check(pthread_create(&thread, NULL, hold, (void *)lock_it), "pthread_create");
	WAIT_UNTIL(scene->other);
	scene->ready = true;
	return thread;
}

/* ---- the C library's locks ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void lock_mutex(void)
{
	pthread_mutex_lock(&mutex);
}

static void wait_mutex(struct scene *scene)
{
	is_object(scene, "mutex:0x%lx", (unsigned long)&mutex);
	start_holder(scene, lock_mutex);
	lock_mutex();
}

static void make_mutex(int robust, int protocol)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, robust);
	pthread_mutexattr_setprotocol(&attributes, protocol);
	check(pthread_mutex_init(&mutex, &attributes), "pthread_mutex_init");
}

static void wait_robust(struct scene *scene)
{
	make_mutex(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
	wait_mutex(scene);
}

static void wait_pi(struct scene *scene)
{
	make_mutex(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
	wait_mutex(scene);
}

static void lock_rwlock(void)
{
	pthread_rwlock_wrlock(&rwlock);
}

static void wait_reader(struct scene *scene)
{
	is_object(scene, "rwlock:0x%lx", (unsigned long)&rwlock);
	start_holder(scene, lock_rwlock);
	pthread_rwlock_rdlock(&rwlock);
}

static void wait_second_writer(struct scene *scene)
{
	is_object(scene, "rwlock:0x%lx", (unsigned long)&rwlock);
	start_holder(scene, lock_rwlock);
	pthread_rwlock_wrlock(&rwlock);
}

/* Readers are counted, not named. */
static void wait_writer(struct scene *scene)
{
	is_object(scene, "rwlock:0x%lx", (unsigned long)&rwlock);
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_wrlock(&rwlock);
}

static void wait_condition(struct scene *scene)
{
	is_object(scene, "condition:0x%lx", (unsigned long)&condition);
	pthread_mutex_lock(&mutex);
	pthread_cond_wait(&condition, &mutex);
}

static void nothing(void)
{
}

static void wait_join(struct scene *scene)
{
	pthread_t thread = start_holder(scene, nothing);

	is_object(scene, "thread %d", (int)scene->other);
	pthread_join(thread, NULL);
}

/* ---- in shared memory ---- */

enum { WHERE = 64 };

static char *map_file(struct scene *scene)
{
	int fd = (int)must(open(scene->path, O_RDWR | O_CREAT, 0600), "open");

	must(ftruncate(fd, 4096), "ftruncate");
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		give_up("mmap");
	close(fd);
	return memory;
}

static pthread_mutex_t *shared_mutex;

/* The parent holds it. */
static void make_shared_mutex(struct scene *scene)
{
	pthread_mutexattr_t attributes;

	make_path(scene, "memory");
	shared_mutex = (void *)(map_file(scene) + WHERE);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	check(pthread_mutex_init(shared_mutex, &attributes), "pthread_mutex_init");
	pthread_mutex_lock(shared_mutex);
	is_object(scene, "mutex:%s+0x%x", scene->path, (unsigned)WHERE);
	scene->other = scene->parent;
}

static void wait_shared_mutex(struct scene *scene)
{
	(void)scene;
	pthread_mutex_lock(shared_mutex);
}

static void make_named_semaphore(struct scene *scene)
{
	snprintf(scene->name, sizeof scene->name, "/situation-%d", (int)scene->parent);
	if (sem_open(scene->name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED)
		give_up("sem_open");
	is_object(scene, "sem:%s", scene->name);
}

static void wait_named_semaphore(struct scene *scene)
{
	sem_wait(sem_open(scene->name, 0));
}

static void tidy_named_semaphore(struct scene *scene)
{
	sem_unlink(scene->name);
}

static sem_t semaphore;

static void wait_semaphore(struct scene *scene)
{
	is_object(scene, "semaphore:0x%lx", (unsigned long)&semaphore);
	sem_init(&semaphore, 0, 0);
	sem_wait(&semaphore);
}

static void wait_bare_futex(struct scene *scene)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	is_object(scene, "0x%lx", (unsigned long)(page + WHERE));
	syscall(SYS_futex, page + WHERE, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
}

/* ---- of the kernel ---- */

/* We changed it last. */
static void make_semaphores(struct scene *scene, key_t key)
{
	struct sembuf change = {.sem_num = 1, .sem_op = 1};

	scene->id = (int)must(semget(key, 2, IPC_CREAT | IPC_EXCL | 0600), "semget");
	must(semop(scene->id, &change, 1), "semop");
	change.sem_op = -1;
	must(semop(scene->id, &change, 1), "semop");
	scene->other = scene->parent;
}

static void make_sysvsem(struct scene *scene)
{
	key_t key = 0x51000000 | scene->parent;

	make_semaphores(scene, key);
	is_object(scene, "sysvsem:0x%x?n=1", (unsigned)key);
}

static void make_private_sysvsem(struct scene *scene)
{
	make_semaphores(scene, IPC_PRIVATE);
	is_object(scene, "sysvsem:[%d]?n=1", scene->id);
}

static void wait_sysvsem(struct scene *scene)
{
	struct sembuf take = {.sem_num = 1, .sem_op = -1};

	must(semop(scene->id, &take, 1), "semop");
}

static void tidy_sysvsem(struct scene *scene)
{
	semctl(scene->id, 0, IPC_RMID);
}

static int open_lock(struct scene *scene)
{
	make_path(scene, "lock");
	is_object(scene, "%s", scene->path);
	return (int)must(open(scene->path, O_RDWR | O_CREAT, 0600), "open");
}

static void make_flock(struct scene *scene)
{
	must(flock(open_lock(scene), LOCK_EX), "flock");
	scene->other = scene->parent;
}

static void wait_flock(struct scene *scene)
{
	must(flock(open_lock(scene), LOCK_EX), "flock");
}

static struct flock whole = {.l_type = F_WRLCK};

static void make_posix_lock(struct scene *scene)
{
	must(fcntl(open_lock(scene), F_SETLK, &whole), "fcntl");
	scene->other = scene->parent;
}

static void wait_posix_lock(struct scene *scene)
{
	must(fcntl(open_lock(scene), F_SETLKW, &whole), "fcntl");
}

/* An open file holds it, no process. */
static void make_ofd_lock(struct scene *scene)
{
	must(fcntl(open_lock(scene), F_OFD_SETLK, &whole), "fcntl");
}

static void wait_ofd_lock(struct scene *scene)
{
	must(fcntl(open_lock(scene), F_OFD_SETLKW, &whole), "fcntl");
}

#define BLOCKED(name, cause, call, prepare, act, tidy)                                             \
	{                                                                                          \
		name, "blocked", cause, #call, SYS_##call, 'S', prepare, act, tidy                 \
	}

const struct situation lock_situations[] = {
	BLOCKED("mutex", "waits for a lock", futex, NULL, wait_mutex, NULL),
	BLOCKED("mutex_robust", "waits for a lock", futex, NULL, wait_robust, NULL),
	BLOCKED("mutex_pi", "waits for a lock", futex, NULL, wait_pi, NULL),
	BLOCKED("mutex_shared", "waits for a lock", futex, make_shared_mutex, wait_shared_mutex,
		NULL),
	BLOCKED("rwlock_reader", "waits for a lock", futex, NULL, wait_reader, NULL),
	BLOCKED("rwlock_second_writer", "waits for a lock", futex, NULL, wait_second_writer, NULL),
	BLOCKED("rwlock_writer", "waits for a lock", futex, NULL, wait_writer, NULL),
	BLOCKED("condition", "waits for a condition", futex, NULL, wait_condition, NULL),
	BLOCKED("join", "waits for the end of a thread", futex, NULL, wait_join, NULL),
	BLOCKED("sem_named", "waits for a semaphore", futex, make_named_semaphore,
		wait_named_semaphore, tidy_named_semaphore),
	BLOCKED("sem_unnamed", "waits for a semaphore", futex, NULL, wait_semaphore, NULL),
	BLOCKED("futex", "waits for a word", futex, NULL, wait_bare_futex, NULL),
	BLOCKED("sysvsem", "waits for a semaphore", semtimedop, make_sysvsem, wait_sysvsem,
		tidy_sysvsem),
	BLOCKED("sysvsem_private", "waits for a semaphore", semtimedop, make_private_sysvsem,
		wait_sysvsem, tidy_sysvsem),
	BLOCKED("flock", "waits for a lock", flock, make_flock, wait_flock, NULL),
	BLOCKED("posix_lock", "waits for a lock", fcntl, make_posix_lock, wait_posix_lock, NULL),
	BLOCKED("ofd_lock", "waits for a lock", fcntl, make_ofd_lock, wait_ofd_lock, NULL),
	{0},
};
