/* SPDX-License-Identifier: MIT
 *
 * directory.h - a private directory, its name short enough for the paths of sockets in it; gone with _remove().
 */
#ifndef BENCH_DIRECTORY_H
#define BENCH_DIRECTORY_H

enum { DIRECTORY = 64 };

int directory_make(char path[DIRECTORY]); /* 0, or -errno */
void directory_remove(const char *path);

#endif
