/* SPDX-License-Identifier: MIT
 *
 * situations_talk.c - stuck in each mechanism that moves bytes or messages. The parent holds the other side.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "situations.h"

static char bytes[65536];

/* The child has none of the other side. */
static void leave(struct scene *scene, int end)
{
	close(scene->fds[end]);
}

static void read_0(struct scene *scene)
{
	leave(scene, 1);
	must(read(scene->fds[0], bytes, sizeof bytes), "read");
}

static void write_1(struct scene *scene)
{
	leave(scene, 0);
	for (;;)
		must(write(scene->fds[1], bytes, sizeof bytes), "write");
}

/* ---- pipes ---- */

static void make_pipe(struct scene *scene)
{
	must(pipe(scene->fds), "pipe");
	is_object(scene, "pipe:[%lu]", inode_of(scene->fds[0]));
	scene->other = scene->parent;
}

/* Its own write end keeps it waiting. */
static void read_own(struct scene *scene)
{
	make_pipe(scene);
	scene->other = getpid();
	must(read(scene->fds[0], bytes, sizeof bytes), "read");
}

static void make_fifo(struct scene *scene)
{
	make_path(scene, "fifo");
	must(mkfifo(scene->path, 0600), "mkfifo");
	is_object(scene, "fifo:%s", scene->path);
}

static void open_fifo(struct scene *scene)
{
	must(open(scene->path, O_RDONLY), "open");
}

static void make_open_fifo(struct scene *scene)
{
	make_fifo(scene);
	scene->fds[1] = (int)must(open(scene->path, O_RDWR), "open");
	scene->fds[0] = (int)must(open(scene->path, O_RDONLY), "open");
	scene->other = scene->parent;
}

/* ---- Unix sockets ---- */

static struct sockaddr_un address_of(struct scene *scene)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	make_path(scene, "socket");
	is_object(scene, "unix:%s", scene->path);
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", scene->path);
	return address;
}

static void listen_unix(struct scene *scene)
{
	struct sockaddr_un address = address_of(scene);

	scene->fds[0] = (int)must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(bind(scene->fds[0], (void *)&address, sizeof address), "bind");
	must(listen(scene->fds[0], 0), "listen");
}

static int connect_unix(struct scene *scene)
{
	struct sockaddr_un address = address_of(scene);
	int fd = (int)must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	must(connect(fd, (void *)&address, sizeof address), "connect");
	return fd;
}

static void accept_0(struct scene *scene)
{
	must(accept(scene->fds[0], NULL, NULL), "accept");
}

static void fill_backlog(struct scene *scene)
{
	listen_unix(scene);
	scene->fds[1] = connect_unix(scene);
}

static void connect_in_vain(struct scene *scene)
{
	connect_unix(scene);
}

/* fds[0]: the client, which has no name of its own; fds[1]: accepted. */
static void make_connected(struct scene *scene)
{
	listen_unix(scene);
	int client = connect_unix(scene);
	scene->fds[1] = (int)must(accept(scene->fds[0], NULL, NULL), "accept");
	close(scene->fds[0]);
	scene->fds[0] = client;
	scene->other = scene->parent;
}

static void receive_0(struct scene *scene)
{
	leave(scene, 1);
	must(recv(scene->fds[0], bytes, sizeof bytes, 0), "recv");
}

/* The accepted end is stuck, the client is the other side. */
static void receive_1(struct scene *scene)
{
	leave(scene, 0);
	must(recv(scene->fds[1], bytes, sizeof bytes, 0), "recv");
}

static void make_pair(struct scene *scene)
{
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, scene->fds), "socketpair");
	is_object(scene, "unix:[%lu]", inode_of(scene->fds[1]));
	scene->other = scene->parent;
}

static void send_1(struct scene *scene)
{
	leave(scene, 0);
	for (;;)
		must(send(scene->fds[1], bytes, sizeof bytes, 0), "send");
}

/* ---- internet ---- */

static struct sockaddr_in local(int fd)
{
	struct sockaddr_in address = {0};
	socklen_t size = sizeof address;

	must(getsockname(fd, (void *)&address, &size), "getsockname");
	return address;
}

static int bound(int type)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = (int)must(socket(AF_INET, type, 0), "socket");

	must(bind(fd, (void *)&address, sizeof address), "bind");
	return fd;
}

static void listen_tcp(struct scene *scene)
{
	scene->fds[0] = bound(SOCK_STREAM);
	must(listen(scene->fds[0], 1), "listen");
	is_object(scene, "tcp:127.0.0.1:%u", ntohs(local(scene->fds[0]).sin_port));
}

static void make_tcp(struct scene *scene)
{
	listen_tcp(scene);
	struct sockaddr_in to = local(scene->fds[0]);
	int client = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(connect(client, (void *)&to, sizeof to), "connect");
	scene->fds[1] = (int)must(accept(scene->fds[0], NULL, NULL), "accept");
	close(scene->fds[0]);
	scene->fds[0] = client;
	is_object(scene, "tcp:127.0.0.1:%u to 127.0.0.1:%u", ntohs(local(client).sin_port),
		ntohs(to.sin_port));
	scene->other = scene->parent;
}

static void make_udp(struct scene *scene)
{
	scene->fds[0] = bound(SOCK_DGRAM);
	scene->fds[1] = -1;
	is_object(scene, "udp:127.0.0.1:%u", ntohs(local(scene->fds[0]).sin_port));
}

/* ---- queues ---- */

static void make_msgq(struct scene *scene)
{
	key_t key = 0x51000000 | scene->parent;

	scene->id = (int)must(msgget(key, IPC_CREAT | IPC_EXCL | 0600), "msgget");
	is_object(scene, "msgq:0x%x", (unsigned)key);
}

static void make_private_msgq(struct scene *scene)
{
	scene->id = (int)must(msgget(IPC_PRIVATE, 0600), "msgget");
	is_object(scene, "msgq:[%d]", scene->id);
}

static void tidy_msgq(struct scene *scene)
{
	msgctl(scene->id, IPC_RMID, NULL);
}

struct message {
	long type;
	char text[1024];
};

static void receive_msgq(struct scene *scene)
{
	struct message message;

	must(msgrcv(scene->id, &message, sizeof message.text, 0, 0), "msgrcv");
}

static void send_msgq(struct scene *scene)
{
	struct message message = {.type = 1};

	for (;;)
		must(msgsnd(scene->id, &message, sizeof message.text, 0), "msgsnd");
}

static void make_mq(struct scene *scene)
{
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 16};

	snprintf(scene->name, sizeof scene->name, "/situation-%d", (int)scene->parent);
	scene->fds[0] = (int)mq_open(scene->name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
	must(scene->fds[0], "mq_open");
	is_object(scene, "mq:%s", scene->name);
	scene->other = scene->parent;
}

static void tidy_mq(struct scene *scene)
{
	mq_unlink(scene->name);
}

static void receive_mq(struct scene *scene)
{
	char text[16];
	mqd_t queue = (mqd_t)must(mq_open(scene->name, O_RDONLY), "mq_open");

	close(scene->fds[0]);
	must(mq_receive(queue, text, sizeof text, NULL), "mq_receive");
}

static void send_mq(struct scene *scene)
{
	mqd_t queue = (mqd_t)must(mq_open(scene->name, O_WRONLY), "mq_open");

	close(scene->fds[0]);
	for (;;)
		must(mq_send(queue, "hello", 5, 0), "mq_send");
}

/* ---- descriptors that tell of something ---- */

static unsigned long field_of(int fd, const char *key)
{
	char path[40], line[200];
	unsigned long value = 0;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoul(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static void make_eventfd(struct scene *scene)
{
	scene->fds[0] = (int)must(eventfd(0, 0), "eventfd");
	is_object(scene, "eventfd:[%lu]", field_of(scene->fds[0], "eventfd-id:"));
	scene->other = scene->parent;
}

static void read_eventfd(struct scene *scene)
{
	must(read(scene->fds[0], bytes, 8), "read");
}

static void read_timerfd(struct scene *scene)
{
	scene->fds[0] = (int)must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
	is_object(scene, "timerfd");
	must(read(scene->fds[0], bytes, 8), "read");
}

static void read_inotify(struct scene *scene)
{
	scene->fds[0] = (int)must(inotify_init1(0), "inotify_init1");
	is_object(scene, "inotify");
	must(read(scene->fds[0], bytes, sizeof bytes), "read");
}

#define BLOCKED(name, cause, call, prepare, act, tidy)                                             \
	{                                                                                          \
		name, "blocked", cause, #call, SYS_##call, 'S', prepare, act, tidy                 \
	}

const struct situation talk_situations[] = {
	BLOCKED("pipe_read", "waits for data", read, make_pipe, read_0, NULL),
	BLOCKED("pipe_write", "waits for room", write, make_pipe, write_1, NULL),
	BLOCKED("pipe_read_own", "waits for data", read, NULL, read_own, NULL),
	BLOCKED("fifo_open", "waits for the other side", openat, make_fifo, open_fifo, NULL),
	BLOCKED("fifo_read", "waits for data", read, make_open_fifo, read_0, NULL),
	BLOCKED("unix_recv", "waits for data", recvfrom, make_connected, receive_0, NULL),
	BLOCKED("unix_recv_accepted", "waits for data", recvfrom, make_connected, receive_1, NULL),
	BLOCKED("unix_send", "waits for room", sendto, make_pair, send_1, NULL),
	BLOCKED("unix_accept", "waits for a connection", accept, listen_unix, accept_0, NULL),
	BLOCKED("unix_connect", "waits to be accepted", connect, fill_backlog, connect_in_vain,
		NULL),
	BLOCKED("tcp_recv", "waits for data", recvfrom, make_tcp, receive_0, NULL),
	BLOCKED("tcp_accept", "waits for a connection", accept, listen_tcp, accept_0, NULL),
	BLOCKED("udp_recv", "waits for data", recvfrom, make_udp, receive_0, NULL),
	BLOCKED("msgq_receive", "waits for a message", msgrcv, make_msgq, receive_msgq, tidy_msgq),
	BLOCKED("msgq_private", "waits for a message", msgrcv, make_private_msgq, receive_msgq,
		tidy_msgq),
	BLOCKED("msgq_send", "waits for room", msgsnd, make_msgq, send_msgq, tidy_msgq),
	BLOCKED("mq_receive", "waits for a message", mq_timedreceive, make_mq, receive_mq, tidy_mq),
	BLOCKED("mq_send", "waits for room", mq_timedsend, make_mq, send_mq, tidy_mq),
	BLOCKED("eventfd_read", "waits for an event", read, make_eventfd, read_eventfd, NULL),
	BLOCKED("timerfd_read", "sleeps", read, NULL, read_timerfd, NULL),
	BLOCKED("inotify_read", "waits for events", read, NULL, read_inotify, NULL),
	{0},
};
