/* SPDX-License-Identifier: MIT
 *
 * event_faults.c - semaphores and eventfds when something goes wrong: holders and creators killed at
 * every step, several creators at once, maxima, objects of another kind or another user's.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "events.h"
#include "sys.h"

static const struct event_row sem = {"sem", "sem:/sinew-test-%d", NULL, true};
static const struct event_row sysvsem = {"sysvsem", "sysvsem:0x%x", NULL, true};

extern struct test_suite lasting_event;

static const char *uri_of(const struct event_row *row, const char *extra)
{
	return event_uri(row, extra, false);
}

static int try_open(const struct event_row *row, const char *extra)
{
	sinew_event *event;
	int r = sinew_event_open(&event, uri_of(row, extra), 0, SINEW_NOW);

	if (r == 0)
		sinew_event_close(event);
	return r;
}

/* How many units there are; takes them. */
static unsigned units(const struct event_row *row)
{
	unsigned n = 0;
	sinew_event *event = event_open(row, SINEW_IN, "create=no");

	while (sinew_event_wait(event, NULL, SINEW_NOW) == 0)
		n++;
	sinew_event_close(event);
	return n;
}

static int set_id(const struct event_row *row, int count, int flags)
{
	return semget((key_t)strtoul(strchr(uri_of(row, ""), ':') + 1, NULL, 0), count, flags);
}

/* ---- killed at every step ---- */

static unsigned steps_left;

/* Two steps a system call: before it and after it. */
static void die_at_step(void)
{
	if (steps_left-- == 0)
		raise(SIGKILL);
}

struct victim {
	const struct event_row *row;
	unsigned step;
};

static void create_and_die(void *arg)
{
	struct victim *victim = arg;
	sinew_event *event;

	steps_left = victim->step;
	hook_calls(die_at_step);
	CHECK_OK(sinew_event_open(&event, uri_of(victim->row, "initial=3"), 0, SINEW_NOW));
	hook_calls(NULL);
	sinew_event_close(event);
}

/* Whoever comes next finds all of it or none of it, at once, and nothing else is left. */
TEST_EACH(lasting_event, a_creator_is_killed_at_every_step, struct event_row, row)
{
	struct leavings before = leavings_now();
	struct victim victim = {row, 0};
	int status;

	do {
		status = test_wait(test_fork(create_and_die, &victim));
		CHECK(status == 0 || status == -SIGKILL);
		sinew_event *event = event_open(row, 0, "initial=3");
		CHECK_OK(sinew_event_close(event));
		CHECK_EQ(units(row), 3);
		CHECK_OK(sinew_remove(uri_of(row, "")));
		leavings_check(before);
		victim.step++;
	} while (status != 0);
	CHECK(victim.step > 6);
}

static void hold_and_die(void *arg)
{
	struct victim *victim = arg;
	sinew_event *event;

	steps_left = victim->step;
	hook_calls(die_at_step);
	CHECK_OK(sinew_event_open(&event, uri_of(&sysvsem, "initial=1"), 0, SINEW_NOW));
	for (int i = 0; i < 3; i++) {
		CHECK_OK(sinew_event_wait(event, NULL, SINEW_FOREVER));
		CHECK_OK(sinew_event_post(event, 0, SINEW_FOREVER));
	}
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_FOREVER));
	CHECK_OK(sinew_event_close(event));
	hook_calls(NULL);
}

TEST(a_holder_is_killed_at_every_step)
{
	struct victim victim = {&sysvsem, 0};
	int status;

	sinew_event *event = event_open(&sysvsem, 0, "initial=1");
	do {
		status = test_wait(test_fork(hold_and_die, &victim));
		CHECK(status == 0 || status == -SIGKILL);
		CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
		CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
		CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
		victim.step++;
	} while (status != 0);
	CHECK(victim.step > 14);
	event_end(&sysvsem, event);
}

static void post_and_die(void *arg)
{
	sinew_event *event = event_open(&sysvsem, 0, arg);

	CHECK_OK(sinew_event_post(event, 5, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	raise(SIGKILL);
}

/* What was posted without having been taken stays; undo=no gives nothing back. */
TEST(a_dead_poster_keeps_what_it_gave)
{
	sinew_event *event = event_open(&sysvsem, 0, "");

	CHECK_EQ(test_wait(test_fork(post_and_die, "")), -SIGKILL);
	CHECK_EQ(units(&sysvsem), 5);
	CHECK_EQ(test_wait(test_fork(post_and_die, "undo=no")), -SIGKILL);
	CHECK_EQ(units(&sysvsem), 4);
	event_end(&sysvsem, event);
}

static void give_more(void *arg)
{
	sinew_event *event = event_open(&sysvsem, 0, "");

	(void)arg;
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_post(event, 3, SINEW_NOW)); /* one back, two given */
	raise(SIGKILL);
}

TEST(giving_back_more_than_was_taken_gives_the_rest)
{
	sinew_event *event = event_open(&sysvsem, 0, "initial=1");

	CHECK_EQ(test_wait(test_fork(give_more, NULL)), -SIGKILL);
	CHECK_EQ(units(&sysvsem), 3);
	event_end(&sysvsem, event);
}

/* ---- several creators ---- */

enum { CREATORS = 8, ROUNDS = 40 };

struct race {
	const struct event_row *row;
	atomic_uint ready, won, tried;
};

static void create_and_take(void *arg)
{
	struct race *race = arg;
	sinew_event *event;

	atomic_fetch_add(&race->ready, 1);
	while (atomic_load(&race->ready) < CREATORS)
		;
	CHECK_OK(sinew_event_open(&event, uri_of(race->row, "initial=1"), 0, SINEW_NOW));
	if (sinew_event_wait(event, NULL, SINEW_NOW) == 0)
		atomic_fetch_add(&race->won, 1);
	atomic_fetch_add(&race->tried, 1);
	WAIT_UNTIL(atomic_load(&race->tried) == CREATORS, 20000); /* a death gives back */
	sinew_event_close(event);
}

TEST_EACH(lasting_event, of_eight_creators_one_sets_the_value, struct event_row, row, .timeout = 90)
{
	struct leavings before = leavings_now();
	struct race *race =
		mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(race != MAP_FAILED);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t children[CREATORS];
		*race = (struct race){.row = row};
		for (int i = 0; i < CREATORS; i++)
			children[i] = test_fork(create_and_take, race);
		for (int i = 0; i < CREATORS; i++)
			CHECK_EQ(test_wait(children[i]), 0);
		CHECK_EQ(race->won, 1);
		CHECK_OK(sinew_remove(uri_of(row, "")));
	}
	munmap(race, sizeof *race);
	leavings_check(before);
}

/* ---- what is there already ---- */

TEST(a_semaphore_of_the_c_library_is_the_same)
{
	sinew_event *event = event_open(&sem, 0, "initial=1");
	char name[64];
	int value;

	snprintf(name, sizeof name, "%s", strchr(uri_of(&sem, ""), '/'));
	sem_t *bare = sem_open(name, 0);
	CHECK(bare != SEM_FAILED);
	CHECK_SYS(sem_getvalue(bare, &value));
	CHECK_EQ(value, 1);
	CHECK_SYS(sem_post(bare));
	CHECK_EQ(units(&sem), 2);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_SYS(sem_trywait(bare));
	CHECK_SYS(sem_close(bare));
	event_end(&sem, event);
	bare = sem_open(name, O_CREAT | O_EXCL, 0600, 2);
	CHECK(bare != SEM_FAILED);
	CHECK_EQ(units(&sem), 2);
	CHECK_SYS(sem_close(bare));
	CHECK_SYS(sem_unlink(name));
}

TEST(what_is_no_semaphore_is_refused)
{
	char path[64];

	snprintf(path, sizeof path, "/dev/shm/sem.%s", strchr(uri_of(&sem, ""), '/') + 1);
	int fd = CHECK_SYS(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK_ERR(try_open(&sem, ""), -EEXIST);
	CHECK_EQ(write(fd, "short", 5), 5);
	CHECK_ERR(try_open(&sem, ""), -EEXIST);
	CHECK(strstr(sinew_error_text(), "not a semaphore") != NULL);
	CHECK_SYS(unlink(path));
	close(fd);
	CHECK_SYS(mkdir(path, 0700));
	CHECK_ERR(try_open(&sem, ""), -EEXIST);
	CHECK_SYS(rmdir(path));
	CHECK_SYS(symlink("/etc/passwd", path));
	CHECK_ERR(try_open(&sem, ""), -EEXIST);
	CHECK_SYS(unlink(path));
	sinew_event *event;
	CHECK_ERR(sinew_event_open(&event, "sem:none", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_event_open(&event, "sem:/a/b", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_event_open(&event, "sem:/?initial=2147483648", 0, SINEW_NOW), -EINVAL);
}

TEST(a_set_of_another_size_is_refused)
{
	sinew_event *event = event_open(&sysvsem, 0, "count=4");
	sinew_event *other;

	CHECK_ERR(try_open(&sysvsem, "count=5&n=4"), -EEXIST);
	CHECK_ERR(try_open(&sysvsem, "count=3"), -EEXIST);
	CHECK_ERR(try_open(&sysvsem, "n=7"), -EEXIST);
	CHECK_OK(try_open(&sysvsem, "n=3"));
	CHECK_ERR(try_open(&sysvsem, "n=4"), -EEXIST); /* the one that says it is complete */
	CHECK_ERR(try_open(&sysvsem, "count=3&n=3"), -EINVAL);
	CHECK_ERR(sinew_event_open(&other, "sysvsem:0", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_event_open(&other, "sysvsem:none", 0, SINEW_NOW), -EINVAL);
	CHECK_ERR(sinew_event_open(&other, "sysvsem:/none", 0, SINEW_NOW), -ENOENT);
	event_end(&sysvsem, event);
}

static void open_half_made(void *arg)
{
	sinew_event *event;

	(void)arg;
	CHECK_OK(sinew_event_open(&event, uri_of(&sysvsem, "initial=7"), 0, SINEW_FOREVER));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	sinew_event_close(event);
}

/* Another program's set: used when its maker has used it, and never given our values. */
TEST(a_foreign_set_is_waited_for)
{
	int id = CHECK_SYS(set_id(&sysvsem, 1, IPC_CREAT | IPC_EXCL | 0600));
	struct sembuf post = {0, 1, 0};
	sinew_event *event;

	int64_t until = event_after_ms(20);
	CHECK_ERR(sinew_event_open(&event, uri_of(&sysvsem, ""), 0, until), -ETIMEDOUT);
	CHECK(test_now() >= until);
	pid_t child = test_fork(open_half_made, NULL);
	CHECK_SYS(semop(id, &post, 1));
	CHECK_EQ(test_wait(child), 0);
	CHECK_OK(sinew_remove(uri_of(&sysvsem, "")));
}

TEST(a_key_can_come_from_a_file)
{
	char uri[128];
	sinew_event *event;
	int fd = CHECK_SYS(open(test_path("key"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

	close(fd);
	(void)uri_of(&sysvsem, ""); /* a namespace of our own first */
	snprintf(uri, sizeof uri, "sysvsem:%s?id=7&initial=1", test_path("key"));
	CHECK_OK(sinew_event_open(&event, uri, 0, SINEW_NOW));
	CHECK(semget(ftok(test_path("key"), 7), 0, 0) >= 0);
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	CHECK_OK(sinew_remove(uri));
}

static void check_key(const char *key, int expected)
{
	char uri[64];
	sinew_event *event = NULL;

	snprintf(uri, sizeof uri, "sysvsem:%s?create=no", key);
	CHECK_ERR(sinew_event_open(&event, uri, 0, SINEW_NOW), expected);
	if (expected == 0)
		CHECK_OK(sinew_event_close(event));
	else
		CHECK(strstr(sinew_error_text(), "0xffffffff"));
}

/* The same key, however it is written; a leading 0 does not make it octal. */
TEST(a_key_is_hexadecimal_or_decimal)
{
	static const char *const same[] = {"0x51e7", "0X51E7", "0x0051e7", "20967", "0020967"};
	static const char *const bad[] = {"", "0", "0x", "0x0", "-1", "+1", " 1", "12x", "0xg",
		"0x-1", "0x100000000", "4294967296", "99999999999999999999", "key"};
	sinew_event *event;

	(void)uri_of(&sysvsem, ""); /* a namespace of our own first */
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		check_key(bad[i], -EINVAL);
	CHECK_OK(sinew_event_open(&event, "sysvsem:20967", 0, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	CHECK(semget(0x51e7, 0, 0) >= 0);
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++)
		check_key(same[i], 0);
	CHECK_OK(sinew_remove("sysvsem:0x51e7"));
	CHECK_OK(sinew_event_open(&event, "sysvsem:4294967295", 0, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	CHECK_OK(sinew_remove("sysvsem:0xffffffff"));
}

static void open_as_other(void *arg)
{
	int *want = arg;
	sinew_event *event;
	const struct event_row *row = want[0] ? &sysvsem : &sem;
	int r = sinew_event_open(&event, uri_of(row, ""), 0, SINEW_NOW);

	if (r == 0) {
		r = sinew_event_post(event, 0, SINEW_NOW);
		sinew_event_close(event);
	}
	CHECK_EQ(r, want[1]);
}

TEST(another_user_needs_the_rights)
{
	static const char *const modes[] = {"mode=600", "mode=666"};

	(void)uri_of(&sem, "");
	umask(077);
	for (int system_v = 0; system_v < 2; system_v++)
		for (int open_to_all = 0; open_to_all < 2; open_to_all++) {
			const struct event_row *row = system_v ? &sysvsem : &sem;
			int want[2] = {system_v, open_to_all ? 0 : -EACCES};
			sinew_event *event = event_open(row, 0, modes[open_to_all]);
			CHECK_EQ(test_wait(test_fork_as(65534, open_as_other, want)), 0);
			event_end(row, event);
		}
}

/* ---- maxima ---- */

TEST(a_semaphore_at_its_maximum_loses_nothing)
{
	sinew_event *event = event_open(&sem, 0, "initial=2147483647");

	CHECK_ERR(sinew_event_post(event, 1, SINEW_FOREVER), -EOVERFLOW);
	CHECK(strstr(sinew_error_text(), "maximum") != NULL);
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_ERR(sinew_event_post(event, 1, SINEW_NOW), -EOVERFLOW);
	event_end(&sem, event);
	event = event_open(&sysvsem, 0, "initial=32766");
	CHECK_ERR(sinew_event_post(event, 2, SINEW_FOREVER), -EOVERFLOW);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_ERR(sinew_event_post(event, 1, SINEW_NOW), -EOVERFLOW);
	CHECK_EQ(semctl(set_id(&sysvsem, 0, 0), 0, GETVAL), 32767);
	event_end(&sysvsem, event);
}

static void wait_for_removal(sinew_event *event)
{
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_FOREVER), -EIDRM);
	CHECK_ERR(sinew_event_post(event, 0, SINEW_FOREVER), -EIDRM);
	CHECK(strstr(sinew_error_text(), "removed") != NULL);
}

TEST(a_removed_set_says_so)
{
	sinew_event *event = event_open(&sysvsem, 0, "");

	pid_t child = event_fork(&sysvsem, event, SINEW_IN | SINEW_OUT, wait_for_removal);
	test_blocked(child, SYS_semtimedop);
	event_end(&sysvsem, event);
	CHECK_EQ(test_wait(child), 0);
}

/* ---- whole sets ---- */

static void take_both(sinew_event *event)
{
	const struct sinew_event_step both[] = {{0, -1}, {1, -1}};

	CHECK_OK(sinew_event_apply(event, both, 2, SINEW_FOREVER));
	raise(SIGKILL);
}

TEST(steps_happen_at_once_or_not_at_all)
{
	sinew_event *event = event_open(&sysvsem, 0, "count=3&initial=1");
	const struct sinew_event_step both[] = {{0, -1}, {1, -1}}, one[] = {{1, -1}},
				      zero[] = {{1, 0}, {2, 1}}, move[] = {{0, -1}, {1, 1}},
				      bad[] = {{0, -1}, {3, -1}};
	int id = set_id(&sysvsem, 0, 0);

	CHECK_OK(sinew_event_apply(event, one, 1, SINEW_NOW));
	CHECK_ERR(sinew_event_apply(event, both, 2, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_event_apply(event, both, 2, event_after_ms(10)), -ETIMEDOUT);
	CHECK_EQ(semctl(id, 0, GETVAL), 1);
	CHECK_ERR(sinew_event_apply(event, bad, 2, SINEW_NOW), -EINVAL);
	CHECK_OK(sinew_event_apply(event, zero, 2, SINEW_NOW));
	CHECK_EQ(semctl(id, 2, GETVAL), 2);
	CHECK_OK(sinew_event_apply(event, move, 2, SINEW_NOW));
	CHECK_EQ(semctl(id, 0, GETVAL), 0);
	CHECK_EQ(semctl(id, 1, GETVAL), 1);
	/* Semaphore 0 is ours until we give it; a waiter for both gets both, dies, and gives back. */
	pid_t child = event_fork(&sysvsem, event, SINEW_IN | SINEW_OUT, take_both);
	test_blocked(child, SYS_semtimedop);
	CHECK_OK(sinew_event_post(event, 0, SINEW_NOW));
	CHECK_EQ(test_wait(child), -SIGKILL);
	CHECK_EQ(semctl(id, 0, GETVAL), 1);
	CHECK_EQ(semctl(id, 1, GETVAL), 1);
	event_end(&sysvsem, event);
}

/* ---- eventfd ---- */

TEST(a_full_eventfd_is_back_pressure)
{
	sinew_event *event;
	struct sinew_notice notice;

	CHECK_OK(sinew_event_open(&event, "eventfd:", 0, SINEW_NOW));
	CHECK_OK(sinew_event_post(event, UINT64_MAX - 2, SINEW_NOW));
	CHECK_ERR(sinew_event_post(event, 2, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_event_post(event, 2, event_after_ms(5)), -ETIMEDOUT);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_ERR(sinew_event_post(event, 1, event_after_ms(5)), -ETIMEDOUT);
	CHECK_ERR(sinew_event_post(event, UINT64_MAX, SINEW_NOW), -EOPNOTSUPP);
	CHECK_OK(sinew_event_wait(event, &notice, SINEW_NOW));
	CHECK_EQ(notice.value, UINT64_MAX - 1);
	CHECK_OK(sinew_event_close(event));
}

TEST(an_adopted_eventfd_keeps_its_flags)
{
	char uri[64];
	sinew_event *event;
	struct sinew_notice notice;
	int fd = CHECK_SYS(eventfd(2, EFD_CLOEXEC));

	snprintf(uri, sizeof uri, "eventfd:fd=%d", fd);
	CHECK_OK(sinew_event_open(&event, uri, 0, SINEW_NOW));
	CHECK_EQ(sinew_event_fd(event), fd);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CHECK_OK(sinew_event_wait(event, &notice, SINEW_FOREVER));
	CHECK_EQ(notice.value, 2);
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	CHECK_ERR(sinew_event_wait(event, NULL, event_after_ms(5)), -ETIMEDOUT);
	CHECK_ERR(sinew_event_post(event, 2, SINEW_NOW), -EOPNOTSUPP);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

static void wait_twice(void *arg)
{
	CHECK_OK(sinew_event_wait(arg, NULL, SINEW_FOREVER));
	CHECK_OK(sinew_event_wait(arg, NULL, SINEW_FOREVER));
	sinew_event_close(arg);
}

/* A post with a deadline takes O_NONBLOCK for good, under the nose of a relative that waits. */
TEST(a_deadline_of_one_relative_disturbs_no_other)
{
	sinew_event *event;

	CHECK_OK(sinew_event_open(&event, "eventfd:?take=one", 0, SINEW_NOW));
	CHECK_EQ(fcntl(sinew_event_fd(event), F_GETFL) & O_NONBLOCK, 0);
	pid_t child = test_fork(wait_twice, event);
	test_blocked(child, SYS_read);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_EQ(fcntl(sinew_event_fd(event), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	test_blocked(child, SYS_ppoll);
	CHECK_OK(sinew_event_post(event, 1, SINEW_FOREVER));
	CHECK_EQ(test_wait(child), 0);
	CHECK_OK(sinew_event_close(event));
}

static ssize_t no_preadv2(int fd, const struct iovec *iov, int n, off_t at, int flags)
{
	(void)fd, (void)iov, (void)n, (void)at, (void)flags;
	errno = EOPNOTSUPP;
	return -1;
}

TEST(an_old_kernel_waits_as_well)
{
	static const char *const uris[] = {"eventfd:", "signal:self?sig=USR1"};
	sinew_event *event;

	sinew__sys.preadv2 = no_preadv2;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_OK(sinew_event_open(&event, uris[i], 0, SINEW_NOW));
		CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
		CHECK_ERR(sinew_event_wait(event, NULL, event_after_ms(5)), -ETIMEDOUT);
		CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
		CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
		CHECK_OK(sinew_event_close(event));
	}
	char uri[64];
	snprintf(uri, sizeof uri, "eventfd:fd=%d", CHECK_SYS(eventfd(0, EFD_CLOEXEC)));
	CHECK_OK(sinew_event_open(&event, uri, 0, SINEW_NOW));
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
}

TEST(what_is_no_eventfd_stays_the_callers)
{
	char uri[64];
	sinew_event *event;
	int fd = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));

	snprintf(uri, sizeof uri, "eventfd:fd=%d", fd);
	CHECK_ERR(sinew_event_open(&event, uri, 0, SINEW_NOW), -EBADF);
	CHECK_SYS(close(fd));
	CHECK_ERR(sinew_event_open(&event, uri, 0, SINEW_NOW), -EBADF);
	CHECK_ERR(sinew_event_open(&event, "eventfd:name", 0, SINEW_NOW), -EINVAL);
}
