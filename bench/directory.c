/* SPDX-License-Identifier: MIT
 *
 * directory.c - a private directory for names, and its end.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "directory.h"

int directory_make(char path[DIRECTORY])
{
	const char *base = getenv("TMPDIR");

	if (!base || !*base || strlen(base) > 32)
		base = "/tmp";
	snprintf(path, DIRECTORY, "%s/sinew-bench.XXXXXX", base);
	return mkdtemp(path) ? 0 : -errno;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

void directory_remove(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
