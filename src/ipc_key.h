/* SPDX-License-Identifier: MIT
 *
 * ipc_key.h - the keys of System V objects, as URIs write them.
 */
#ifndef SINEW_IPC_KEY_H
#define SINEW_IPC_KEY_H

#include <stdbool.h>
#include <sys/types.h>

/* A number up to 0xffffffff, decimal or after "0x" hexadecimal, and nothing else: false if it is not.
 * A leading 0 means nothing. 0, which is IPC_PRIVATE, is for the caller to refuse. */
bool sinew__ipc_key_read(const char *text, key_t *key);

#endif
