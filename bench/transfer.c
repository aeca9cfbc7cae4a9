/* SPDX-License-Identifier: MIT
 *
 * transfer.c - the main job: a file through a channel, from one program to another.
 *
 * The receiver is this program executed anew with the URI as its argument (over a pipe it inherits
 * the descriptors); it writes what it gets to a file of its own. An empty message ends the file:
 * not every mechanism has an end of its own. Both files are summed by sha256sum and compared. The
 * clock runs from the first send to the receiver's last write.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "crew.h"
#include "resend.h"
#include "transfer.h"

enum { TAKE_FILE = 16, SECONDS = 60 };

struct job {
	const char *file, *uri;
	char output[PATH_MAX], report[PATH_MAX];
	size_t chunk;
	int64_t *start; /* shared: the sender's clock at the first message */
	sinew_channel *ends[2];
};

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_pair(const char *uri)
{
	return strncmp(uri, "pipe:", 5) == 0;
}

static int64_t soon(void)
{
	return sinew_after(INT64_C(10000000000));
}

static void write_all(int fd, const void *data, size_t size, const char *file)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n <= 0)
			crew_fail("write %s: %s", file, strerror(errno));
		at += n;
		size -= (size_t)n;
	}
}

/* Until the empty message; how many came before it. */
static uint64_t receive_all(sinew_channel *channel, int fd, const char *file, uint64_t *bytes)
{
	struct sinew_msg msgs[TAKE_FILE] = {0};
	uint64_t messages = 0;

	for (;;) {
		int n = sinew_take(channel, msgs, TAKE_FILE, SINEW_FOREVER);

		if (n <= 0)
			crew_fail("receive: %s",
				n ? sinew_error_text() : "the sender left too early");
		for (int i = 0; i < n; i++) {
			if (msgs[i].size == 0)
				return messages;
			write_all(fd, msgs[i].data, msgs[i].size, file);
			*bytes += msgs[i].size;
			messages++;
		}
		sinew_release(channel, msgs, (unsigned)n);
	}
}

static void print_report(uint64_t messages, uint64_t bytes, int64_t end, uint64_t lost)
{
	printf("%llu %llu %lld %llu\n", (unsigned long long)messages, (unsigned long long)bytes,
		(long long)end, (unsigned long long)lost);
}

int transfer_receive(const char *uri, const char *file)
{
	sinew_channel *channel = NULL;
	uint64_t messages, bytes = 0;
	bool lossy = resend_needed(uri);
	unsigned flags = is_pair(uri) ? SINEW_IN
			 : lossy      ? SINEW_IN | SINEW_OUT | SINEW_LISTEN
				      : SINEW_IN | SINEW_LISTEN;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		crew_fail("open %s: %s", file, strerror(errno));
	if (sinew_open(&channel, uri, flags, soon()))
		crew_fail("%s", sinew_error_text());
	if (lossy) {
		struct resend_tally tally = resend_receive(channel, fd);
		print_report(tally.messages, tally.bytes, tally.end, tally.lost);
	} else {
		messages = receive_all(channel, fd, file, &bytes);
		print_report(messages, bytes, clock_now(), 0);
	}
	sinew_close(channel);
	return close(fd) || fflush(stdout) ? 1 : 0;
}

static void receive_program(void *arg)
{
	struct job *job = arg;
	char inherited[256];
	const char *uri = job->uri;
	int report = open(job->report, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (report < 0 || dup2(report, STDOUT_FILENO) < 0 || dup2(report, STDERR_FILENO) < 0)
		crew_fail("open %s: %s", job->report, strerror(errno));
	if (job->ends[0]) {
		sinew_close(job->ends[1]);
		if (sinew_inherit(job->ends[0], inherited, sizeof(inherited)) < 0)
			crew_fail("%s", sinew_error_text());
		uri = inherited;
	}
	execl("/proc/self/exe", "sinew-bench-file", "--receive", uri, job->output, (char *)NULL);
	crew_fail("execute the receiver: %s", strerror(errno));
}

static void send_one(sinew_channel *channel, const unsigned char *data, size_t size)
{
	struct sinew_msg msg = {.data = data, .size = size};

	if (sinew_send(channel, &msg, 1, SINEW_FOREVER) != 1)
		crew_fail("send: %s", sinew_error_text());
}

static void send_chunks(
	sinew_channel *channel, const unsigned char *data, size_t size, struct job *job)
{
	*job->start = clock_now();
	for (size_t at = 0; at < size; at += job->chunk)
		send_one(channel, data + at, size - at < job->chunk ? size - at : job->chunk);
	send_one(channel, data, 0);
}

static void send_file(void *arg)
{
	struct job *job = arg;
	sinew_channel *channel = job->ends[1];
	unsigned flags = SINEW_CONNECT | SINEW_OUT | (resend_needed(job->uri) ? SINEW_IN : 0);
	struct stat status;
	const unsigned char *data;
	int fd = open(job->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		crew_fail("open %s: %s", job->file, strerror(errno));
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		crew_fail("map %s: %s", job->file, strerror(errno));
	if (channel)
		sinew_close(job->ends[0]);
	else if (sinew_open(&channel, job->uri, flags, soon()))
		crew_fail("%s", sinew_error_text());
	if (resend_needed(job->uri))
		resend_file(channel, data, (size_t)status.st_size, job->chunk, job->start);
	else
		send_chunks(channel, data, (size_t)status.st_size, job);
	if (sinew_flush(channel, SINEW_FOREVER) || sinew_close(channel) < 0)
		crew_fail("%s", sinew_error_text());
}

static void lead(void *arg)
{
	struct job *job = arg;
	pid_t pids[2];

	if (is_pair(job->uri) && sinew_pair(job->ends, job->uri, 0))
		crew_fail("%s", sinew_error_text());
	pids[0] = crew_fork(receive_program, job);
	pids[1] = crew_fork(send_file, job);
	crew_wait(pids, 2);
}

static void sum_in_child(int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execlp("sha256sum", "sha256sum", (char *)NULL);
	_exit(127);
}

/* 0, or -1: sha256sum could not read it or is not there. */
int transfer_sum(const char *file, char sum[65])
{
	int in = open(file, O_RDONLY | O_CLOEXEC), way[2], status = -1;
	ssize_t n = 0;
	pid_t pid;

	if (in < 0)
		return -1;
	if (pipe2(way, O_CLOEXEC)) {
		close(in);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		sum_in_child(in, way[1]);
	close(in);
	close(way[1]);
	if (pid > 0) {
		n = read(way[0], sum, 64);
		sum[64] = 0;
		close(way[0]);
		waitpid(pid, &status, 0);
	}
	return n == 64 && status == 0 ? 0 : -1;
}

/* What the receiver wrote: "messages bytes end lost", or its complaint. */
static int read_report(struct job *job, struct carriage *carriage)
{
	unsigned long long messages, bytes, lost;
	long long end;
	char line[sizeof(carriage->error)] = "the receiver said nothing";
	FILE *in = fopen(job->report, "re");

	if (in && fgets(line, sizeof(line), in))
		line[strcspn(line, "\n")] = 0;
	if (in)
		fclose(in);
	if (sscanf(line, "%llu %llu %lld %llu", &messages, &bytes, &end, &lost) != 4) {
		snprintf(carriage->error, sizeof(carriage->error), "%s", line);
		return -1;
	}
	carriage->messages = messages;
	carriage->bytes = bytes;
	carriage->lost = lost;
	carriage->rates[carriage->repeats++] = (double)bytes * 1e9 / (double)(end - *job->start);
	return 0;
}

static int carry(struct carriage *carriage, struct job *job, const char *sum)
{
	if (crew_run(lead, job, SECONDS)) {
		read_report(job, carriage);
		if (!carriage->error[0] || crew_interrupted())
			snprintf(carriage->error, sizeof(carriage->error), "%s", crew_error());
		return -1;
	}
	if (read_report(job, carriage))
		return -1;
	if (transfer_sum(job->output, carriage->sum)) {
		snprintf(carriage->error, sizeof(carriage->error), "sha256sum failed");
		return -1;
	}
	carriage->same = carriage->same && strcmp(carriage->sum, sum) == 0;
	unlink(job->output);
	return 0;
}

void transfer_file(struct carriage *carriage, const char *file, const char *sum, unsigned repeats,
	const char *directory)
{
	static int64_t *start;
	struct sinew_caps caps = {.max_message = 1 << 20};
	struct job job = {.file = file, .chunk = carriage->row->chunk};

	if (!start)
		start = crew_share(sizeof(*start));
	job.start = start;
	snprintf(job.output, sizeof(job.output), "%s/received", directory);
	snprintf(job.report, sizeof(job.report), "%s/report", directory);
	carriage->same = true;
	for (unsigned i = 0; i < repeats && !crew_interrupted(); i++) {
		int held, result;
		char *uri = bench_uri(carriage->row->bulk, directory, bench_free_port(&held));

		sinew_caps(uri, &caps);
		if (caps.max_message < job.chunk)
			job.chunk = caps.max_message;
		carriage->chunk = job.chunk;
		job.uri = uri;
		result = carry(carriage, &job, sum);
		sinew_remove(uri);
		free(uri);
		close(held);
		if (result)
			break;
	}
}
