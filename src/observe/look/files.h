/* SPDX-License-Identifier: MIT
 *
 * files.h - small files of /proc and the memory of other processes, read. A thread may end at any moment:
 * what is gone reads as an error, and is none.
 */
#ifndef SINEW_LOOK_FILES_H
#define SINEW_LOOK_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static inline void sinew__look_shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void sinew__look_free(void *pointer)
{
	free(*(void **)pointer);
}

/* As those of cleanup.h, whose system calls are the library's. */
#define LOOK_FD __attribute__((cleanup(sinew__look_shut)))
#define LOOK_FREE __attribute__((cleanup(sinew__look_free)))

/* Reads at most `room` - 1 bytes of the file and ends them with NUL; how many, or -errno. The name is made
 * from the format. */
ssize_t sinew__slurp(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of a file of any size; to be freed. NULL: -errno in `*error`. */
char *sinew__slurp_all(int *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Where a symbolic link leads to, ended with NUL; -errno. */
ssize_t sinew__read_link(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The process of a thread, 0 if that is gone. One that is not the first of its process has a directory, too,
 * which is not listed. */
uint32_t sinew__process_of(uint32_t tid);

/* Exactly `size` bytes at `address` of that process: 0 or -errno. */
int sinew__peek(uint32_t pid, uint64_t address, void *data, size_t size);
/* Text that ends in NUL within `room` bytes: 0 or -errno. */
int sinew__peek_text(uint32_t pid, uint64_t address, char *text, size_t room);

#endif
