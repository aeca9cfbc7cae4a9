/* SPDX-License-Identifier: MIT
 *
 * names_inside.h - between the files that find names. A name is text with a NUL, of bytes from outside.
 */
#ifndef SINEW_OBSERVE_NAMES_INSIDE_H
#define SINEW_OBSERVE_NAMES_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SINEW__NAME_MOST = 512 };

/* The line of a list in /proc/TID/net whose inode stands in this column, counted from 0. */
bool sinew__name_line(
	uint32_t tid, const char *list, unsigned column, uint64_t ino, char *line, int size);

/* "unix:/run/a.sock", or "unix:[8123]" for one without a name. False: whether it is one at all is not known. */
bool sinew__name_unix(uint32_t tid, uint64_t ino, char *text);

/* A socket of which nothing but its number is known. */
bool sinew__name_any(uint32_t tid, uint64_t ino, char *text);

/* "epoll of unix:/run/a.sock": by what is in it. False: nothing that has a name. */
bool sinew__name_epoll(uint32_t tid, int fd, char *text);

/* The file that is mapped, and shared, at this address: false if there is none. `text` is its name:
 * "ring:shm:/quotes" for one of sinew's rings, "shm:/x", "memfd:x", "file:/var/x". */
struct sinew__mapped {
	uint64_t ino;
	uint32_t magic, dev; /* as in struct sinew__wait */
};
bool sinew__name_mapped(uint32_t tid, uint64_t address, struct sinew__mapped *mapped, char *text);

#endif
