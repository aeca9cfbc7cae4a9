/* SPDX-License-Identifier: MIT
 *
 * public_name.h - what people call what sinew made: a Unix socket that was bound under another name, a ring.
 */
#ifndef SINEW_OBSERVE_PUBLIC_NAME_H
#define SINEW_OBSERVE_PUBLIC_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes the end off a path that sinew binds under before it renames the socket (../path.c), in place, where
 * the file without that end is this socket's; file: the inode of its file, as sock_diag(7) tells it, 0
 * where it does not. Leaves every other name alone. */
void sinew__public_name(char *path, uint32_t file);

/* Whether an end of a connection is better called by the name of its peer: it has none itself, or one of the
 * kernel's choice (unix(7), autobind), by which nobody looks for it. */
bool sinew__called_by_peer(const char *own, const char *peer);

/* What a ring is called in whose memory this file is mapped, named as in /proc/PID/maps: "ring:shm:/quotes",
 * "ring:file:/var/q". One in a memfd has no name but that of the socket where it is handed out. */
void sinew__ring_name(const char *path, char *text, size_t room);

#endif
