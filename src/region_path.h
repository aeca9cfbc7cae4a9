/* SPDX-License-Identifier: MIT
 *
 * region_path.h - regions that are files: made beside their name, published by one rename, found by
 * the name, and known to be in use by a lock that the kernel lets go.
 */
#ifndef SINEW_REGION_PATH_H
#define SINEW_REGION_PATH_H

#include <limits.h>

#include "region.h"

/* What a medium over files has in region->state. */
struct sinew__region_file {
	char path[PATH_MAX];
	bool trust;   /* attach even where another user may truncate it */
	bool temp;    /* the last user removes the name */
	bool durable; /* name and size are on the disk when the region is open */
};

/* As the medium's attach, make, release, is_whole; remove takes the path. */
int sinew__region_file_attach(struct sinew_region *);
int sinew__region_file_make(struct sinew_region *);
void sinew__region_file_release(struct sinew_region *, bool last);
bool sinew__region_file_is_whole(const struct sinew_region *);
int sinew__region_file_remove(const struct sinew__region_spec *, const char *path);

/* Bytes free where `path` is or would be; 0 if that cannot be told. */
uint64_t sinew__region_file_free(const char *path);

#endif
