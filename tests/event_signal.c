/* SPDX-License-Identifier: MIT
 *
 * event_signal.c - signals as events: queues that are full, processes that stop or end, threads that
 * could take the signal, and the host's masks.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "events.h"
#include "signal_name.h"

enum { MANY = 1000 };

static sinew_event *open_at(const char *uri)
{
	sinew_event *event = NULL;

	CHECK_OK(sinew_event_open(&event, uri, 0, SINEW_NOW));
	return event;
}

static sinew_event *open_other(pid_t pid, const char *sig)
{
	char uri[64];

	snprintf(uri, sizeof uri, "signal:%d?sig=%s", pid, sig);
	return open_at(uri);
}

static void tell(int fd)
{
	CHECK_EQ(write(fd, "x", 1), 1);
}

static void hear(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 1);
}

/* ---- queues ---- */

static void count_up(void *arg)
{
	int *pipe_fds = arg;
	sinew_event *event = open_at("signal:self?sig=RTMIN+2");
	struct sinew_notice notice;

	tell(pipe_fds[1]);
	for (uint64_t i = 0; i < MANY; i++) {
		CHECK_OK(sinew_event_wait(event, &notice, event_after_ms(20000)));
		CHECK_EQ(notice.value, i << 32 | 1);
		CHECK_EQ(notice.pid, getppid());
	}
	CHECK_ERR(sinew_event_wait(event, NULL, SINEW_NOW), -EAGAIN);
	CHECK_EQ(sinew_event_close(event), 0);
}

static bool is_stopped(pid_t pid)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	CHECK(file && fgets(text, sizeof text, file));
	fclose(file);
	return strstr(text, ") T") != NULL;
}

TEST(a_thousand_to_a_stopped_process_arrive_in_order)
{
	int fds[2];

	CHECK_SYS(pipe(fds));
	pid_t child = test_fork(count_up, fds);
	hear(fds[0]);
	CHECK_SYS(kill(child, SIGSTOP));
	WAIT_UNTIL(is_stopped(child), 20000);
	sinew_event *event = open_other(child, "RTMIN+2");
	for (uint64_t i = 0; i < MANY; i++)
		CHECK_OK(sinew_event_post(event, i << 32 | 1, SINEW_NOW));
	CHECK_SYS(kill(child, SIGCONT));
	CHECK_EQ(test_wait(child), 0);
	CHECK_ERR(sinew_event_post(event, 1, SINEW_FOREVER), -ESRCH);
	CHECK_OK(sinew_event_close(event));
	close(fds[0]);
	close(fds[1]);
}

struct small_queue {
	int ready[2], go[2];
	uint64_t accepted;
};

static void have_a_small_queue(void *arg)
{
	struct small_queue *queue = arg;
	struct rlimit few = {40, 40};
	sinew_event *event = open_at("signal:self?sig=RTMIN");

	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &few));
	tell(queue->ready[1]);
	hear(queue->go[0]);
	struct sinew_notice notice;
	for (uint64_t i = 0;; i++) {
		CHECK_OK(sinew_event_wait(event, &notice, event_after_ms(20000)));
		if (notice.value == UINT64_MAX)
			break;
		CHECK_EQ(notice.value, i);
	}
	CHECK_OK(sinew_event_close(event));
}

TEST(a_full_queue_is_back_pressure_and_no_loss)
{
	struct small_queue queue;
	uint64_t n = 0;
	int r;

	CHECK_SYS(pipe(queue.ready));
	CHECK_SYS(pipe(queue.go));
	pid_t child = test_fork(have_a_small_queue, &queue);
	hear(queue.ready[0]);
	sinew_event *event = open_other(child, "RTMIN");
	/* The queues of a user's processes are counted together: others may make room. */
	do {
		while ((r = sinew_event_post(event, n, SINEW_NOW)) == 0)
			n++;
		CHECK_EQ(r, -EAGAIN);
		int64_t until = event_after_ms(20);
		r = sinew_event_post(event, n, until);
		n += r == 0;
		CHECK(r == 0 || test_now() >= until);
	} while (r == 0);
	CHECK_EQ(r, -ETIMEDOUT);
	CHECK(n <= 40);
	tell(queue.go[1]);
	CHECK_OK(sinew_event_post(event, n, SINEW_FOREVER));
	CHECK_OK(sinew_event_post(event, UINT64_MAX, SINEW_FOREVER));
	CHECK_EQ(test_wait(child), 0);
	CHECK_OK(sinew_event_close(event));
	for (int i = 0; i < 2; i++) {
		close(queue.ready[i]);
		close(queue.go[i]);
	}
}

static void end_at_once(void *arg)
{
	(void)arg;
}

/* The handle means the process it was opened for, whoever may have its number now. */
TEST(a_process_that_ended_is_never_hit)
{
	pid_t child = test_fork(end_at_once, NULL);
	sinew_event *event = open_other(child, "USR1");

	CHECK_EQ(test_wait(child), 0);
	CHECK_ERR(sinew_event_post(event, 0, SINEW_NOW), -ESRCH);
	CHECK(strstr(sinew_error_text(), "ended") != NULL);
	CHECK_OK(sinew_event_close(event));
	char uri[64];
	snprintf(uri, sizeof uri, "signal:%d", child);
	CHECK_ERR(sinew_event_open(&event, uri, 0, SINEW_NOW), -ESRCH);
}

/* ---- who sends ---- */

TEST(a_bare_kill_is_vouched_for_and_has_no_word)
{
	sinew_event *event = open_at("signal:self?sig=USR1");
	struct sinew_notice notice;

	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_OK(sinew_event_wait(event, &notice, SINEW_NOW));
	CHECK_EQ(notice.flags, SINEW_NOTICE_SENDER | SINEW_NOTICE_VOUCHED);
	CHECK_EQ(notice.pid, getpid());
	CHECK_SYS(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)7}));
	CHECK_OK(sinew_event_wait(event, &notice, SINEW_NOW));
	CHECK_EQ(notice.flags, SINEW_NOTICE_SENDER | SINEW_NOTICE_WORD);
	CHECK_EQ(notice.value, 7);
	CHECK_OK(sinew_event_close(event));
}

/* ---- the host ---- */

static bool is_blocked(int sig)
{
	sigset_t set;

	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, sig);
}

static void never(int number)
{
	(void)number;
	abort();
}

TEST(masks_and_dispositions_come_back)
{
	const struct sigaction action = {.sa_handler = never};
	struct sigaction found;
	sigset_t before, after;

	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
	sinew_event *event = open_at("signal:self?sig=USR1");
	CHECK(is_blocked(SIGUSR1));
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_EQ(sinew_event_close(event), 1); /* pending, dropped: it would have hit us */
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		CHECK_EQ(sigismember(&after, sig), sigismember(&before, sig));
	CHECK_SYS(sigaction(SIGUSR1, NULL, &found));
	CHECK(found.sa_handler == never);
	event = open_at("signal:self?sig=RTMIN+1");
	for (int i = 0; i < 5; i++)
		CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_EQ(sinew_event_close(event), 5);
}

TEST(what_the_host_blocked_stays_as_it_is)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	sinew_event *event = open_at("signal:self?sig=USR1");
	CHECK_OK(sinew_event_post(event, 1, SINEW_NOW));
	CHECK_EQ(sinew_event_close(event), 0);
	CHECK(is_blocked(SIGUSR1));
	CHECK_SYS(sigpending(&pending));
	CHECK_EQ(sigismember(&pending, SIGUSR1), 1);
}

static pthread_barrier_t barrier;

static void *stay(void *arg)
{
	if (arg)
		CHECK_EQ(pthread_sigmask(SIG_BLOCK, arg, NULL), 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static int open_beside_thread(const sigset_t *blocked_there, sinew_event **event)
{
	pthread_t thread;

	CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
	CHECK_EQ(pthread_create(&thread, NULL, stay, (void *)blocked_there), 0);
	pthread_barrier_wait(&barrier);
	int r = sinew_event_open(event, "signal:self?sig=USR1", 0, SINEW_NOW);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return r;
}

TEST(a_thread_that_could_take_it_is_a_reason_to_refuse)
{
	sinew_event *event;
	struct leavings before = leavings_now();
	sigset_t set;

	CHECK_ERR(open_beside_thread(NULL, &event), -EBUSY);
	CHECK(strstr(sinew_error_text(), "thread") != NULL);
	CHECK(!is_blocked(SIGUSR1));
	leavings_check(before);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(open_beside_thread(&set, &event));
	CHECK_OK(sinew_event_close(event));
	CHECK(!is_blocked(SIGUSR1));
}

static void open_again(void *arg)
{
	CHECK(is_blocked(SIGUSR1));
	sinew_event_close(arg);
	CHECK(!is_blocked(SIGUSR1));
	sinew_event *event = open_at("signal:self?sig=USR1");
	CHECK_OK(sinew_event_post(event, 3, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
}

TEST(one_handle_a_signal_and_a_child_its_own)
{
	sinew_event *event = open_at("signal:self?sig=USR1"), *second;

	CHECK_ERR(sinew_event_open(&second, "signal:self?sig=USR1", 0, SINEW_NOW), -EBUSY);
	CHECK(is_blocked(SIGUSR1));
	CHECK_EQ(test_wait(test_fork(open_again, event)), 0);
	CHECK_OK(sinew_event_post(event, 9, SINEW_NOW));
	CHECK_OK(sinew_event_wait(event, NULL, SINEW_NOW));
	CHECK_OK(sinew_event_close(event));
	CHECK_OK(sinew_event_close(open_at("signal:self?sig=USR1")));
}

/* ---- words ---- */

TEST(signals_are_named)
{
	static const char *const bad[] = {"", "0", "65", "RTMIN+31", "RTMAX-31", "RTMIN-1", "USR3",
		"SIG", "32", "33", "10x", "-1", "RTMIN+", "SIGSIGUSR1", "usr1"};
	char text[16];
	int64_t sig;

	CHECK(sinew__signal_read("USR1", &sig) && sig == SIGUSR1);
	CHECK(sinew__signal_read("SIGHUP", &sig) && sig == SIGHUP);
	CHECK(sinew__signal_read("12", &sig) && sig == 12);
	CHECK(sinew__signal_read("RTMIN", &sig) && sig == SIGRTMIN);
	CHECK(sinew__signal_read("SIGRTMIN+2", &sig) && sig == SIGRTMIN + 2);
	CHECK(sinew__signal_read("RTMAX-3", &sig) && sig == SIGRTMAX - 3);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (sinew__signal_read(bad[i], &sig))
			FAIL("%s was accepted", bad[i]);
	for (int each = 1; each <= SIGRTMAX; each++)
		if (each < 32 || each >= SIGRTMIN)
			CHECK(sinew__signal_read(
				      sinew__signal_write(each, text, sizeof text), &sig) &&
				sig == each);
}

TEST(some_signals_and_places_are_refused)
{
	static const char *const bad[] = {"signal:self?sig=KILL", "signal:self?sig=STOP",
		"signal:self?sig=SEGV", "signal:1?sig=KILL", "signal:", "signal:0", "signal:-1",
		"signal:12x", "signal:me", "signal:99999999999", "signal:self?sig=USR9"};
	sinew_event *event;
	char uri[64];

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_ERR(sinew_event_open(&event, bad[i], 0, SINEW_NOW), -EINVAL);
	snprintf(uri, sizeof uri, "signal:%d", getppid());
	CHECK_ERR(sinew_event_open(&event, uri, SINEW_IN, SINEW_NOW), -EOPNOTSUPP);
	CHECK_ERR(sinew_remove(uri), -EOPNOTSUPP);
}
