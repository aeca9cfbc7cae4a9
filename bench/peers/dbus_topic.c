/* SPDX-License-Identifier: MIT
 *
 * dbus_topic.c - signals of 64 bytes over a bus of D-Bus, sent and received by sd-bus.
 *
 * The bus is a dbus-daemon of this turn's own, on a socket in its directory; it dies with the leader. It may run
 * on either CPU. What it keeps of a sender that is too fast is bounded, so that the sender waits and nobody
 * loses a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "../crew.h"
#include "../ring.h"

#define PATH "/sinew/bench"
#define NAME "sinew.bench"
#define MEMBER "Value"

static int check(int result, const char *what)
{
	if (result < 0)
		crew_fail("sd-bus %s: %s", what, strerror(-result));
	return result;
}

/* ---- the bus ---- */

static const char rules[] =
	"<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'\n"
	"  'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
	"<busconfig>\n"
	"  <type>session</type>\n"
	"  <listen>unix:path=%s/bus</listen>\n"
	"  <auth>EXTERNAL</auth>\n"
	"  <policy context='default'>\n"
	"    <allow send_destination='*' eavesdrop='true'/>\n"
	"    <allow eavesdrop='true'/>\n"
	"    <allow own='*'/>\n"
	"  </policy>\n"
	"  <limit name='max_incoming_bytes'>1000000</limit>\n"
	"  <limit name='max_outgoing_bytes'>1000000000</limit>\n"
	"</busconfig>\n";

static void write_rules(const char *path, const char *directory)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, rules, directory) < 0 || fclose(file))
		crew_fail("%s: %s", path, strerror(errno));
}

static void run_on_both(const struct job *job)
{
	cpu_set_t both;

	CPU_ZERO(&both);
	CPU_SET((size_t)job->cpu[0], &both);
	CPU_SET((size_t)job->cpu[1], &both);
	sched_setaffinity(0, sizeof both, &both);
}

/* What it complains of, also where it goes on, is of use only if it fails. */
static int open_log(const struct job *job)
{
	char path[128];

	snprintf(path, sizeof path, "%s/log", job->directory);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		crew_fail("%s: %s", path, strerror(errno));
	return fd;
}

/* In place of this process. Its first word on standard output is its address: then it listens. */
static void become_bus(void *arg)
{
	struct job *job = arg;
	char option[128];

	run_on_both(job);
	dup2(open_log(job), STDERR_FILENO);
	snprintf(option, sizeof option, "--config-file=%s/rules", job->directory);
	dup2(job->event, STDOUT_FILENO);
	execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--print-address", option,
		NULL);
	crew_fail("dbus-daemon: %s (install dbus-daemon)", strerror(errno));
}

static _Noreturn void fail_as_told(const struct job *job)
{
	char text[160] = "";

	pread(open_log(job), text, sizeof text - 1, 0);
	text[strcspn(text, "\n")] = '\0';
	crew_fail("dbus-daemon ended before it listened: %s", text);
}

static pid_t start_bus(struct job *job)
{
	char path[128], byte;
	int told[2];

	snprintf(path, sizeof path, "%s/rules", job->directory);
	write_rules(path, job->directory);
	if (pipe2(told, O_CLOEXEC))
		crew_fail("pipe: %s", strerror(errno));
	job->event = told[1];
	pid_t pid = crew_fork(become_bus, job);
	close(told[1]);
	if (read(told[0], &byte, 1) != 1)
		fail_as_told(job);
	close(told[0]);
	return pid;
}

static sd_bus *join_bus(const struct job *job)
{
	sd_bus *bus = NULL;
	char address[128];

	snprintf(address, sizeof address, "unix:path=%s/bus", job->directory);
	check(sd_bus_new(&bus), "sd_bus_new");
	check(sd_bus_set_address(bus, address), "sd_bus_set_address");
	check(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client");
	check(sd_bus_start(bus), "sd_bus_start");
	return bus;
}

/* ---- listeners ---- */

static int take(sd_bus_message *message, void *arg, sd_bus_error *error)
{
	uint64_t *next = arg;
	const void *data;
	size_t size;

	(void)error;
	check(sd_bus_message_read_array(message, 'y', &data, &size), "sd_bus_message_read_array");
	if (size != 64)
		crew_fail("sd-bus: a signal of %zu bytes instead of 64", size);
	ring_expect(data, (*next)++);
	return 0;
}

static void listen_to_all(void *arg)
{
	struct job *job = arg;
	sd_bus *bus = join_bus(job);
	uint64_t next = 0;

	check(sd_bus_match_signal(bus, NULL, NULL, PATH, NAME, MEMBER, take, &next),
		"sd_bus_match_signal");
	ring_come(job);
	while (next < job->count)
		if (check(sd_bus_process(bus, NULL), "sd_bus_process") == 0)
			check(sd_bus_wait(bus, UINT64_MAX), "sd_bus_wait");
	ring_has_all(job);
	sd_bus_unref(bus);
}

/* ---- the emitter ---- */

static void emit(sd_bus *bus, uint64_t number)
{
	sd_bus_message *message = NULL;
	char data[64] = {0};

	memcpy(data, &number, sizeof number);
	check(sd_bus_message_new_signal(bus, &message, PATH, NAME, MEMBER), "a new signal");
	check(sd_bus_message_append_array(message, 'y', data, sizeof data), "append");
	check(sd_bus_send(bus, message, NULL), "sd_bus_send");
	check(sd_bus_flush(bus), "sd_bus_flush");
	sd_bus_message_unref(message);
}

void ring_dbus_topic(struct job *job)
{
	pid_t daemon_pid = start_bus(job), pids[RING_READERS];

	ring_readers(job, listen_to_all, pids, job->writers);
	sd_bus *bus = join_bus(job);
	const double begun = ring_now();
	for (uint64_t i = 0; i < job->count; i++)
		emit(bus, i);
	ring_until_last(job, begun, pids);
	sd_bus_unref(bus);
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
}
