/* SPDX-License-Identifier: MIT
 *
 * public_name.h - by what name a Unix socket is found that was bound under another.
 */
#ifndef SINEW_OBSERVE_PUBLIC_NAME_H
#define SINEW_OBSERVE_PUBLIC_NAME_H

#include <stdint.h>

/* Takes the end off a path that sinew binds under before it renames the socket (../path.c), in place, where
 * the file without that end is this socket's; file: the inode of its file, as sock_diag(7) tells it, 0
 * where it does not. Leaves every other name alone. */
void sinew__public_name(char *path, uint32_t file);

#endif
