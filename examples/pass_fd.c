/* SPDX-License-Identifier: MIT
 *
 * pass_fd.c - one process opens a file, another reads it: the descriptor travels with a message.
 *
 *     pass_fd /etc/hostname
 */
#include <fcntl.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(void)
{
	fprintf(stderr, "pass_fd: %s\n", sinew_error_text());
	return 1;
}

/* The reader names no file and needs no right to one. */
static int reader(sinew_channel *channel)
{
	char name[4096], bytes[4096];
	struct sinew_msg msg;
	ssize_t n;

	if (sinew_recv(channel, name, sizeof name, &msg, SINEW_FOREVER) != 1 || msg.fd_count != 1)
		return fail();
	int file = msg.fds[0];
	msg.fds[0] = -1; /* ours from now on; what is not taken the channel closes */
	printf("%.*s:\n", (int)msg.size, name);
	fflush(stdout);
	while ((n = read(file, bytes, sizeof bytes)) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
			break;
	close(file);
	return sinew_close(channel) < 0;
}

int main(int argc, char **argv)
{
	sinew_channel *ends[2];
	int status;

	int file = open(argc == 2 ? argv[1] : "/etc/hostname", O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		perror("pass_fd");
		return 1;
	}
	if (sinew_pair(ends, "unix:?fds=1", 0) < 0)
		return fail();
	pid_t child = fork();
	sinew_close(ends[child == 0 ? 1 : 0]);
	if (child == 0)
		return reader(ends[0]);
	struct sinew_msg msg = {.data = "a file", .size = 6, .fds = &file, .fd_count = 1};
	if (child < 0 || sinew_send(ends[1], &msg, 1, SINEW_FOREVER) != 1)
		return fail();
	/* file is -1 now: it is the reader's. */
	sinew_close(ends[1]);
	return waitpid(child, &status, 0) < 0 || status != 0;
}
