/* SPDX-License-Identifier: MIT
 *
 * matrix.c - the rows: what is measured, and the bare twin of each. A new mechanism is one row.
 *
 * A channel that serves any number of peers has to watch its listener as well as its peers; the
 * fair twin of that is a server in epoll. With peers=1 the twin is a plain blocking read.
 * DIR stands for a private directory, NAME for a word of the same use, PORT for a free port.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "crew.h"
#include "raw/raw.h"

#define K 1024
#define M (1024 * K)

/* Which sizes move large messages best was tried out; several are kept where none always wins. */
const struct row bench_rows[] = {
	{
		.name = "pipe",
		.uri = "pipe:?dir=both",
		.bulk = "pipe:",
		.bare = &bare_pipe,
		.tunings = {{1 * M, 0, 0}, {1 * M, 16 * K, 64 * K}, {256 * K, 16 * K, 0}},
		.chunk = 64 * K,
		.batch_goal = 5,
		.peer_goal = 3,
	},
	{
		.name = "fifo",
		.uri = "fifo:DIR/there",
		.back = "fifo:DIR/back",
		.bulk = "fifo:DIR/there?writers=1",
		.bare = &bare_fifo,
		.tunings = {{1 * M, 0, 0}, {1 * M, 16 * K, 64 * K}, {256 * K, 16 * K, 0}},
		.chunk = 64 * K,
		.batch_goal = 1,
	},
	{
		.name = "unix stream",
		.uri = "unix:DIR/socket?peers=1",
		.bulk = "unix:DIR/socket?peers=1",
		.bare = &bare_unix_stream,
		.tunings = {{1 * M, 0, 0}, {4 * M, 0, 0}, {1 * M, 256 * K, 64 * K}},
		.chunk = 256 * K,
		.batch_goal = 5,
		.peer_goal = 3,
	},
	{
		.name = "unix stream many",
		.uri = "unix:DIR/socket",
		.bare = &bare_unix_stream_many,
		.batch_goal = 5,
	},
	{
		.name = "unix seqpacket",
		.uri = "unix:DIR/socket?type=seqpacket&peers=1",
		.bulk = "unix:DIR/socket?type=seqpacket&peers=1",
		.bare = &bare_unix_seqpacket,
		.tunings = {{1 * M + 4 * K, 0, 0}, {2 * M, 0, 0}, {4 * M, 0, 0}},
		.chunk = 128 * K,
		.batch_goal = 1,
	},
	{
		.name = "unix seqpacket many",
		.uri = "unix:DIR/socket?type=seqpacket",
		.bare = &bare_unix_seqpacket_many,
	},
	{
		.name = "unix dgram",
		.uri = "unix:DIR/socket?type=dgram",
		.bulk = "unix:DIR/socket?type=dgram",
		.bare = &bare_unix_dgram,
		.tunings = {{1 * M + 4 * K, 0, 0}, {2 * M, 0, 0}, {4 * M, 0, 0}},
		.chunk = 128 * K,
		.batch_goal = 1,
	},
	{
		.name = "tcp",
		.uri = "tcp:127.0.0.1:PORT?peers=1",
		.bulk = "tcp:127.0.0.1:PORT?peers=1",
		.bare = &bare_tcp,
		.tunings = {{0, 0, 64 * K}, {4 * M, 0, 64 * K}, {4 * M, 256 * K, 64 * K}},
		.chunk = 256 * K,
		.batch_goal = 5,
	},
	{
		.name = "tcp many",
		.uri = "tcp:127.0.0.1:PORT",
		.bare = &bare_tcp_many,
		.batch_goal = 5,
	},
	{
		.name = "udp",
		.uri = "udp:127.0.0.1:PORT",
		.bulk = "udp:127.0.0.1:PORT",
		.bare = &bare_udp,
		.chunk = 32 * K,
		.lossy = true,
	},
	{
		.name = "mq",
		.uri = "mq:/NAME-there",
		.back = "mq:/NAME-back",
		.bulk = "mq:/NAME-there",
		.bare = &bare_mq,
		.tunings = {{0, 8 * K, 8 * K}},
		.chunk = 8 * K,
		.batch_goal = 1,
	},
	{
		.name = "msgq",
		.uri = "msgq:DIR/there",
		.back = "msgq:DIR/back",
		.bulk = "msgq:DIR/there",
		.bare = &bare_msgq,
		.tunings = {{0, 8 * K, 8 * K}},
		.chunk = 8 * K,
		.batch_goal = 1,
	},
	{
		.name = "ring pair shm",
		.uri = "ring:shm:/NAME?pattern=pair&temp=yes",
		.bulk = "ring:shm:/NAME?pattern=pair&temp=yes",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.batch_goal = 1,
	},
	{
		.name = "ring pair file",
		.uri = "ring:file:DIR/ring?pattern=pair&temp=yes",
		.bulk = "ring:file:DIR/ring?pattern=pair&temp=yes",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.batch_goal = 1,
	},
	{
		.name = "ring pair memfd",
		.uri = "ring:memfd:DIR/socket?pattern=pair&serve=thread",
		.bulk = "ring:memfd:DIR/socket?pattern=pair&serve=thread",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.batch_goal = 1,
	},
	{
		.name = "ring queue shm",
		.uri = "ring:shm:/NAME-there?pattern=queue&temp=yes",
		.back = "ring:shm:/NAME-back?pattern=queue&temp=yes",
		.bulk = "ring:shm:/NAME-there?pattern=queue&temp=yes",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.batch_goal = 1,
	},
	{
		.name = "ring queue memfd",
		.uri = "ring:memfd:DIR/there?pattern=queue&serve=thread",
		.back = "ring:memfd:DIR/back?pattern=queue&serve=thread",
		.bulk = "ring:memfd:DIR/there?pattern=queue&serve=thread",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.batch_goal = 1,
	},
};
const unsigned bench_row_count = sizeof(bench_rows) / sizeof(bench_rows[0]);

/* The last two parts of the directory, as one word. */
static void put_name(FILE *out, const char *directory)
{
	const char *slash = strchr(directory + 1, '/');

	for (const char *at = slash ? slash + 1 : directory; *at; at++)
		fputc(*at == '/' ? '.' : *at, out);
}

char *bench_uri(const char *text, const char *directory, unsigned port)
{
	char *uri = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&uri, &size);

	if (!out)
		crew_fail("no memory");
	while (*text) {
		if (strncmp(text, "DIR", 3) == 0) {
			fputs(directory, out);
			text += 3;
		} else if (strncmp(text, "NAME", 4) == 0) {
			put_name(out, directory);
			text += 4;
		} else if (strncmp(text, "PORT", 4) == 0) {
			fprintf(out, "%u", port);
			text += 4;
		} else {
			fputc(*text++, out);
		}
	}
	if (fclose(out))
		crew_fail("no memory");
	return uri;
}

/* Free when it was asked for; nothing else here takes ports meanwhile. */
unsigned bench_free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = raw_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	raw_check(bind(fd, (struct sockaddr *)&address, size), "bind");
	raw_check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	close(fd);
	return ntohs(address.sin_port);
}
