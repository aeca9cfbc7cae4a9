/* SPDX-License-Identifier: MIT
 *
 * out.h - standard output, or a file, through a large buffer. Nothing is said here: the first failure is kept,
 * what comes after it is dropped, and out_close() turns it into an exit code.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
	char *buffer;
	size_t used;
	bool terminal;
	int fd;
	const char *file; /* its name; NULL: standard output */
	int error;        /* errno of the first failure */
};

/* False without memory. */
bool out_open(struct out *out);
/* The same into a file, which is made or emptied. 0, or -errno. */
int out_create(struct out *out, const char *file);

void out_bytes(struct out *out, const void *data, size_t size);
void out_text(struct out *out, const char *text);
void out_format(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Words from outside: escaped if this is a terminal. `keep`: control characters left alone. */
void out_safe(struct out *out, const void *data, size_t size, const char *keep);
void out_byte(struct out *out, char byte);

/* Writes what is buffered. False after a failure, now or earlier. */
bool out_flush(struct out *out);

/* Flushes, frees, says what failed. EXIT_DONE, EXIT_SYSTEM, or EXIT_PIPE (and says nothing). */
int out_close(struct out *out);

#endif
