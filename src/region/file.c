/* SPDX-License-Identifier: MIT
 *
 * file.c - a mapped file: the bytes are on a disk, where sinew_region_sync() puts them and the
 * kernel sooner or later. A file made here is on the disk, name, size and space, when it is open.
 */
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../region_path.h"

struct settings {
	int64_t temp, trust;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"temp", "yes|no", "no", "remove the file when we are its last user"},
		SINEW__OPTION_SWITCH, OWN(temp), 0, 0},
	{{"trust", "yes|no", "no", "attach even where another user could cut it short"},
		SINEW__OPTION_SWITCH, OWN(trust), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"longest path", "limits.h", PATH_MAX - 1},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__region_spec *spec, uint64_t *largest)
{
	*largest = sinew__region_file_free(spec->uri.rest);
	return 0;
}

static int no_path(const struct sinew__region_spec *spec)
{
	return *spec->uri.rest ? 0 : sinew__fail(EINVAL, "%s: write file:/path", spec->text);
}

static int attach(struct sinew_region *region)
{
	const struct settings *own = region->spec.own;
	struct sinew__region_file *file = region->state;

	if (file)
		return sinew__region_file_attach(region);
	int r = no_path(&region->spec);
	if (r < 0)
		return r;
	file = region->state = calloc(1, sizeof *file);
	if (!file)
		return sinew__fail(ENOMEM, "%s: no memory", region->spec.text);
	file->temp = own->temp == 1;
	file->trust = own->trust == 1;
	file->durable = true;
	snprintf(file->path, sizeof file->path, "%s", region->spec.uri.rest);
	return sinew__region_file_attach(region);
}

/* msync(MS_SYNC) writes the pages and what is needed to find them, and tells of what the kernel
 * could not write since this file was opened. */
static int file_sync(struct sinew_region *region, void *at, size_t size)
{
	if (sinew__sys.msync(at, size, MS_SYNC) == 0)
		return 0;
	return sinew__fail(errno, "sync %s: %m", region->spec.text);
}

static int file_remove(const struct sinew__region_spec *spec)
{
	int r = no_path(spec);

	return r < 0 ? r : sinew__region_file_remove(spec, spec->uri.rest);
}

const struct sinew__medium sinew__medium_file = {
	.scheme =
		{
			.shown = {"file", "file:/path",
				"a mapped file: shared, and kept on a disk"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.caps = SINEW_REGION_CAP_SURVIVES | SINEW_REGION_CAP_SYNC | SINEW_REGION_CAP_FD |
		SINEW_REGION_CAP_TEMP,
	.describe = describe,
	.attach = attach,
	.make = sinew__region_file_make,
	.sync = file_sync,
	.release = sinew__region_file_release,
	.remove = file_remove,
	.is_whole = sinew__region_file_is_whole,
};
