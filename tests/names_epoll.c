/* SPDX-License-Identifier: MIT
 *
 * names_epoll.c - what a set of epoll is called, of one in this process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "names_inside.h"
#include "runner.h"

static char name[SINEW__NAME_MOST];

static bool ask(int set)
{
	return sinew__name_epoll((uint32_t)getpid(), set, name);
}

static void watch(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	CHECK_SYS(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}

/* Its reading end. */
static int watch_pipe(int set)
{
	int ends[2];

	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	watch(set, ends[0]);
	CHECK_SYS(close(ends[1]));
	return ends[0];
}

TEST(a_listener_names_its_set_and_an_event_does_not)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int set = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	int event = CHECK_SYS(eventfd(0, EFD_CLOEXEC));
	int listener = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	char want[sizeof name];

	watch(set, event);
	CHECK(!ask(set));
	snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path("s"));
	CHECK_SYS(bind(listener, (const struct sockaddr *)&address, sizeof address));
	CHECK_SYS(listen(listener, 1));
	watch(set, listener);
	CHECK(ask(set));
	snprintf(want, sizeof want, "epoll of unix:%s", address.sun_path);
	CHECK_STR(name, want);
	CHECK_SYS(close(listener));
	CHECK_SYS(close(event));
	CHECK_SYS(close(set));
}

TEST(of_many_the_first_are_told)
{
	enum { MANY = 20 };
	int set = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC)), fds[MANY];
	char want[sizeof name];
	struct stat st;

	fds[0] = watch_pipe(set);
	CHECK_SYS(fstat(fds[0], &st));
	snprintf(want, sizeof want, "epoll of pipe:[%lu]", (unsigned long)st.st_ino);
	CHECK(ask(set));
	CHECK_STR(name, want);
	for (unsigned i = 1; i < MANY; i++)
		fds[i] = watch_pipe(set);
	CHECK(ask(set));
	CHECK(strstr(name, "pipe:[") && strstr(name, " and more"));
	for (unsigned i = 0; i < MANY; i++)
		CHECK_SYS(close(fds[i]));
	CHECK_SYS(close(set));
}

TEST(what_is_no_set_has_no_such_name)
{
	CHECK(!ask(-1));
	CHECK(!ask(STDIN_FILENO));
}
