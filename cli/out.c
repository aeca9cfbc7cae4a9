/* SPDX-License-Identifier: MIT
 *
 * out.c - standard output, or a file, through a large buffer.
 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "say.h"
#include "text.h"

enum { SIZE = 256 << 10 };

bool out_open(struct out *out)
{
	*out = (struct out){
		.buffer = malloc(SIZE), .terminal = isatty(STDOUT_FILENO), .fd = STDOUT_FILENO};
	return out->buffer;
}

int out_create(struct out *out, const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	*out = (struct out){.buffer = malloc(SIZE), .fd = fd, .file = file};
	if (out->buffer)
		return 0;
	close(fd);
	return -ENOMEM;
}

/* Somebody may have made our standard output non-blocking: it is shared with other programs. */
static void wait_writable(int fd)
{
	poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
}

static void write_all(struct out *out, const char *data, size_t left)
{
	while (left && !out->error) {
		ssize_t n = write(out->fd, data, left);
		if (n >= 0) {
			data += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			wait_writable(out->fd);
		} else if (errno != EINTR) {
			out->error = errno;
		}
	}
}

bool out_flush(struct out *out)
{
	write_all(out, out->buffer, out->used);
	out->used = 0;
	return !out->error;
}

void out_bytes(struct out *out, const void *data, size_t size)
{
	if (size > SIZE - out->used)
		out_flush(out);
	if (size > SIZE / 2) {
		out_flush(out);
		write_all(out, data, size);
	} else if (size) {
		memcpy(out->buffer + out->used, data, size);
		out->used += size;
	}
}

void out_byte(struct out *out, char byte)
{
	if (out->used == SIZE)
		out_flush(out);
	out->buffer[out->used++] = byte;
}

void out_text(struct out *out, const char *text)
{
	out_bytes(out, text, strlen(text));
}

void out_format(struct out *out, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	out_text(out, text);
}

void out_safe(struct out *out, const void *data, size_t size, const char *keep)
{
	char text[4096];
	size_t taken;

	if (!out->terminal) {
		out_bytes(out, data, size);
		return;
	}
	for (const char *at = data; size; at += taken, size -= taken)
		out_bytes(out, text, text_escape(at, size, keep, text, sizeof text, &taken));
}

int out_close(struct out *out)
{
	if (out->buffer)
		out_flush(out);
	free(out->buffer);
	out->buffer = NULL;
	if (out->file && close(out->fd) < 0 && !out->error)
		out->error = errno;
	if (out->error == EPIPE)
		return EXIT_PIPE;
	if (out->error) {
		say_error("%s: cannot write: %s", out->file ? out->file : "standard output",
			strerror(out->error));
		return EXIT_SYSTEM;
	}
	return EXIT_DONE;
}
