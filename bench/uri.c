/* SPDX-License-Identifier: MIT
 *
 * uri.c - names of the links that are measured.
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

/* Whoever asks the kernel for any port, to listen or to connect, is given another one while ours is bound. */
unsigned bench_free_port(int *held)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = raw_check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	raw_check(bind(fd, (struct sockaddr *)&address, size), "bind");
	raw_check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
	raw_check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), "setsockopt");
	*held = fd;
	return ntohs(address.sin_port);
}

/* Whether a "key=value" of this key is in the query. */
static bool has_key(const char *query, const char *pair)
{
	size_t length = strcspn(pair, "=&");

	for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&')
		if (strncmp(at, pair, length) == 0 && at[length] == '=')
			return true;
	return false;
}

char *bench_uri_with(const char *uri, const char *query)
{
	size_t name = strcspn(uri, "?");
	const char *own = uri[name] ? uri + name + 1 : "";
	char *text = NULL, mark = '?';
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		crew_fail("no memory");
	fprintf(out, "%.*s", (int)name, uri);
	for (size_t length; *own; own += length, own += *own == '&') {
		length = strcspn(own, "&");
		if (has_key(query, own))
			continue;
		fprintf(out, "%c%.*s", mark, (int)length, own);
		mark = '&';
	}
	if (*query)
		fprintf(out, "%c%s", mark, query);
	if (fclose(out))
		crew_fail("no memory");
	return text;
}
