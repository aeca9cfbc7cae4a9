/* SPDX-License-Identifier: MIT
 *
 * region_users.c - who may attach to whose region: modes, owners, the users a maker allows, and
 * impostors who hand out something else.
 */
#include <linux/memfd.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "faults.h"
#include "regions.h"

enum { SIZE = 10000, NOBODY = 65534, OTHER = 65533 };

static int try_open(const struct region_row *row, const char *options, unsigned flags)
{
	sinew_region *region = NULL;

	int r = sinew_region_open(&region, region_uri(row, options), 0, flags, SINEW_NOW);
	CHECK_OK(sinew_region_close(region));
	return r;
}

/* ---- rights ---- */

struct visit {
	const struct region_row *row;
	const char *options;
	unsigned flags;
	int expected;
};

static void visit(void *context)
{
	const struct visit *v = context;

	CHECK_EQ(try_open(v->row, v->options, v->flags), v->expected);
}

static void check_visit(
	const struct region_row *row, const char *options, unsigned flags, int expected)
{
	struct visit v = {row, options, flags, expected};

	CHECK_EQ(test_wait(test_fork_as(NOBODY, visit, &v)), 0);
}

TEST_EACH(named_region, another_user, struct region_row, row)
{
	sinew_region *region = NULL;
	struct stat st;

	region_place();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	umask(077);
	region_uri(row, "");
	CHECK_OK(sinew_region_open(&region, region_uri(row, ""), SIZE, 0, SINEW_NOW));
	CHECK_SYS(stat(region_path(row), &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
	check_visit(row, "", 0, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);

	CHECK_OK(sinew_region_open(&region, region_uri(row, "mode=0644"), SIZE, 0, SINEW_NOW));
	CHECK_SYS(stat(region_path(row), &st));
	CHECK_EQ(st.st_mode & 07777, 0644);
	check_visit(row, "", 0, -EACCES);
	check_visit(row, "", SINEW_IN, 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

/* Who may write may truncate: refused, from whichever side, unless trusted. */
TEST_EACH(named_region, another_user_could_truncate, struct region_row, row)
{
	sinew_region *region = NULL;

	region_place();
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_OK(sinew_region_open(&region, region_uri(row, "mode=0666"), SIZE, 0, SINEW_NOW));
	check_visit(row, "", 0, -EPERM);
	check_visit(row, "trust=yes", 0, 0);
	CHECK_EQ(try_open(row, "", SINEW_IN), -EPERM);
	CHECK(strstr(sinew_error_text(), "0666") && strstr(sinew_error_text(), "trust=yes"));
	CHECK_SYS(chmod(region_path(row), 0620));
	CHECK_EQ(try_open(row, "", 0), -EPERM);
	CHECK_SYS(chmod(region_path(row), 0644));
	CHECK_EQ(try_open(row, "", 0), 0);
	CHECK_SYS(chown(region_path(row), OTHER, -1));
	CHECK_EQ(try_open(row, "", 0), -EPERM);
	CHECK(strstr(sinew_error_text(), "65533"));
	check_visit(row, "", SINEW_IN, -EPERM);
	check_visit(row, "trust=yes", SINEW_IN, 0);
	CHECK_EQ(try_open(row, "trust=yes", 0), 0);
	CHECK_OK(sinew_region_close(region));
	region_remove(row);
}

TEST(another_user_of_sysvshm)
{
	static const struct region_row row = {"sysvshm", "sysvshm", ""};
	sinew_region *region = NULL;

	region_place();
	region_uri(&row, "");
	CHECK_OK(sinew_region_open(&region, region_uri(&row, ""), SIZE, 0, SINEW_NOW));
	check_visit(&row, "", SINEW_IN, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(&row);
	CHECK_OK(sinew_region_open(&region, region_uri(&row, "mode=0644"), SIZE, 0, SINEW_NOW));
	check_visit(&row, "", SINEW_IN, 0);
	check_visit(&row, "", 0, -EACCES);
	CHECK_OK(sinew_region_close(region));
	region_remove(&row);
}

static void wait_and_open(void *context)
{
	const struct visit *v = context;
	sinew_region *region = NULL;

	CHECK_EQ(
		sinew_region_open(&region, region_uri(v->row, v->options), 0, v->flags, soon(9999)),
		v->expected);
	CHECK_OK(sinew_region_close(region));
}

static const struct region_row memfd_row = {"memfd", "memfd", ""};

/* Made with these options, and asked for by that user with those flags. */
static void check_memfd(const char *options, uid_t uid, unsigned flags, int expected)
{
	struct visit v = {&memfd_row, "", flags, expected};
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(&region, region_uri(&memfd_row, options), SIZE, 0, SINEW_NOW));
	pid_t pid = test_fork_as(uid, wait_and_open, &v);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));
	CHECK(region_is_gone(&memfd_row));
}

TEST(memfd_other_users)
{
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	region_uri(&memfd_row, "");
	check_memfd("serve=thread", NOBODY, SINEW_IN, -EACCES);
	check_memfd("serve=thread&allow=65533", NOBODY, SINEW_IN, -EPERM);
	check_memfd("serve=thread&allow=65533", OTHER, 0, -EPERM);
	check_memfd("serve=thread&allow=1,65533", 0, 0, 0);
}

/* The users in allow= read, or write, as others= says; they have to trust us, too. */
TEST(memfd_allowed_users)
{
	static const struct region_row trusting = {"memfd", "memfd", "allow=0&"};
	struct visit v = {&trusting, "", SINEW_IN, 0};
	sinew_region *region = NULL;

	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "allow=65534"), SIZE, 0, SINEW_NOW));
	pid_t pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	v.flags = SINEW_IN | SINEW_OUT;
	v.expected = -EPERM;
	pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));

	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "allow=65534&others=write"), SIZE, 0, SINEW_NOW));
	v.expected = 0;
	pid = test_fork_as(NOBODY, wait_and_open, &v);
	WAIT_UNTIL(sinew_region_serve(region, SINEW_NOW) == 1, 5000);
	CHECK_EQ(test_wait(pid), 0);
	CHECK_OK(sinew_region_close(region));
}

static void make_and_hold(void *gate)
{
	sinew_region *region = NULL;

	CHECK_OK(sinew_region_open(
		&region, region_uri(&memfd_row, "serve=thread&allow=0"), SIZE, 0, SINEW_NOW));
	gate_reach(gate);
	gate_await(gate);
	CHECK_OK(sinew_region_close(region));
}

/* Root is believed by everybody, another user only where allow= says so. */
TEST(memfd_made_by_another_user)
{
	struct gate gate;

	CHECK_SYS(chmod(test_tmpdir(), 0777));
	region_uri(&memfd_row, "");
	gate_open(&gate);
	pid_t pid = test_fork_as(NOBODY, make_and_hold, &gate);
	gate_wait(&gate, 1);
	struct visit v = {&memfd_row, "", SINEW_IN, -EPERM};
	wait_and_open(&v);
	CHECK(strstr(sinew_error_text(), "65534"));
	v.options = "allow=65534";
	v.expected = 0;
	wait_and_open(&v);
	gate_pass(&gate);
	CHECK_EQ(test_wait(pid), 0);
	gate_close(&gate);
}

/* ---- impostors ---- */

struct impostor {
	uint32_t magic, version;
	uint64_t size;
	int fd;
};

static void answer(int listener, const struct impostor *im)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {.bytes = {0}};
	int fd = CHECK_SYS(accept(listener, NULL, NULL)), fds[2] = {im->fd, im->fd};
	struct iovec iov = {(void *)im, 16};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (im->fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fds);
		memcpy(CMSG_DATA(c), fds, sizeof fds);
	}
	CHECK_EQ(sendmsg(fd, &message, 0), 16);
	close(fd);
}

static int listen_as_impostor(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof address.sun_path, "%s", test_path("region"));
	CHECK_SYS(bind(fd, (struct sockaddr *)&address, sizeof address));
	CHECK_SYS(listen(fd, 8));
	return fd;
}

static void check_impostor(int listener, struct impostor im, int expected)
{
	struct visit v = {&memfd_row, "", 0, expected};

	pid_t pid = test_fork(wait_and_open, &v);
	answer(listener, &im);
	CHECK_EQ(test_wait(pid), 0);
}

TEST(memfd_impostors)
{
	enum { MAGIC = 0x73696e77, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
	int listener = listen_as_impostor();
	int open_ended = CHECK_SYS(memfd_create("a", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int sealed = CHECK_SYS(memfd_create("b", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int plain = CHECK_SYS(open(test_path("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	CHECK_SYS(ftruncate(open_ended, SIZE));
	CHECK_SYS(ftruncate(sealed, SIZE));
	CHECK_SYS(ftruncate(plain, SIZE));
	CHECK_SYS(fcntl(sealed, F_ADD_SEALS, SEALS));
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, sealed}, 0);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE + 1, sealed}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, open_ended}, -EPERM);
	CHECK_SYS(fcntl(open_ended, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL));
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, open_ended}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, plain}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, listener}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 1, SIZE, -1}, -EPERM);
	check_impostor(listener, (struct impostor){MAGIC, 2, SIZE, sealed}, -EEXIST);
	check_impostor(listener, (struct impostor){7, 1, SIZE, sealed}, -EEXIST);
	close(open_ended);
	close(sealed);
	close(plain);
	close(listener);
	CHECK_SYS(unlink(test_path("region")));
}

TEST(memfd_maker_does_not_answer)
{
	sinew_region *region = NULL, *other = NULL;

	CHECK_OK(sinew_region_open(&region, region_uri(&memfd_row, ""), SIZE, 0, SINEW_NOW));
	CHECK_ERR(sinew_region_open(&other, region_uri(&memfd_row, ""), 0, 0, SINEW_NOW), -EAGAIN);
	CHECK_ERR(
		sinew_region_open(&other, region_uri(&memfd_row, ""), 0, 0, soon(20)), -ETIMEDOUT);
	CHECK(strstr(sinew_error_text(), "has not answered"));
	CHECK_EQ(sinew_region_serve(region, SINEW_NOW), 0); /* both have gone */
	CHECK_OK(sinew_region_close(region));
}
