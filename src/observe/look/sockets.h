/* SPDX-License-Identifier: MIT
 *
 * sockets.h - the sockets of a network namespace: their names and their other ends.
 */
#ifndef SINEW_LOOK_SOCKETS_H
#define SINEW_LOOK_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sinew__socket {
	uint64_t ino;
	uint64_t peer;      /* inode of a Unix socket's other end; 0: none, or not known */
	uint64_t file;      /* inode of the file it was bound to; 0: none, or not known */
	const char *scheme; /* "unix", "tcp", "udp" */
	char name[112];     /* path or @name of a Unix socket; "" none */
	uint8_t address
		[32]; /* internet: local, remote, network order; IPv4 takes the first four of each */
	uint16_t ports[2];
	bool six;
};

struct sinew__sockets;

struct sinew__sockets *sinew__sockets_new(void);
void sinew__sockets_free(struct sinew__sockets *sockets);

/* The socket with this inode, in the network namespace of `pid`, or NULL. `evidence` gets the bits of what
 * was read. What it returns stays until the end. */
const struct sinew__socket *sinew__sockets_find(
	struct sinew__sockets *sockets, uint32_t pid, uint64_t ino, uint32_t *evidence);
/* Its other end, if that is in the same namespace, or NULL. */
const struct sinew__socket *sinew__sockets_peer(
	struct sinew__sockets *sockets, uint32_t pid, const struct sinew__socket *socket);

/* "unix:/run/a.sock", also by the name of its other end; "tcp:127.0.0.1:7000 to 127.0.0.1:41000". */
void sinew__socket_text(struct sinew__sockets *sockets, uint32_t pid,
	const struct sinew__socket *socket, char *text, size_t room);

#endif
