/* SPDX-License-Identifier: MIT
 *
 * shm.c - POSIX shared memory: "/name" is the file /dev/shm/name, where the C libraries of Linux
 * keep what shm_open(3) makes, so programs that know nothing of sinew find it and are found. The
 * file, not shm_open(3), is used, for that cannot publish under a name what is ready.
 */
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../region_path.h"

enum { LONGEST = NAME_MAX - 16 }; /* room for the private name */

struct settings {
	int64_t temp, trust;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"temp", "yes|no", "no", "remove the name when we are its last user"},
		SINEW__OPTION_SWITCH, OWN(temp), 0, 0},
	{{"trust", "yes|no", "no", "attach even where another user could cut it short"},
		SINEW__OPTION_SWITCH, OWN(trust), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"longest name", "limits.h", LONGEST},
	{NULL, NULL, 0},
};

static int check_name(const struct sinew__region_spec *spec)
{
	const char *name = spec->uri.rest;

	if (*name != '/' || !name[1] || strchr(name + 1, '/') || strcmp(name, "/.") == 0 ||
		strcmp(name, "/..") == 0)
		return sinew__fail(EINVAL, "%s: write shm:/name, with this one slash", spec->text);
	if (strlen(name) > LONGEST)
		return sinew__fail(
			ENAMETOOLONG, "%s: a name has at most %d bytes", spec->text, (int)LONGEST);
	return 0;
}

static int describe(const struct sinew__region_spec *spec, uint64_t *largest)
{
	*largest = sinew__region_file_free("/dev/shm/");
	return *spec->uri.rest ? check_name(spec) : 0;
}

static int attach(struct sinew_region *region)
{
	const struct settings *own = region->spec.own;
	struct sinew__region_file *file = region->state;

	if (file)
		return sinew__region_file_attach(region);
	int r = check_name(&region->spec);
	if (r < 0)
		return r;
	file = region->state = calloc(1, sizeof *file);
	if (!file)
		return sinew__fail(ENOMEM, "%s: no memory", region->spec.text);
	file->temp = own->temp == 1;
	file->trust = own->trust == 1;
	snprintf(file->path, sizeof file->path, "/dev/shm%s", region->spec.uri.rest);
	return sinew__region_file_attach(region);
}

static int shm_remove(const struct sinew__region_spec *spec)
{
	char path[NAME_MAX + 16];
	int r = check_name(spec);

	if (r < 0)
		return r;
	snprintf(path, sizeof path, "/dev/shm%s", spec->uri.rest);
	return sinew__region_file_remove(spec, path);
}

const struct sinew__medium sinew__medium_shm = {
	.scheme =
		{
			.shown = {"shm", "shm:/name", "POSIX shared memory, found by its name"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.caps = SINEW_REGION_CAP_SURVIVES | SINEW_REGION_CAP_FD | SINEW_REGION_CAP_TEMP,
	.describe = describe,
	.attach = attach,
	.make = sinew__region_file_make,
	.release = sinew__region_file_release,
	.remove = shm_remove,
	.is_whole = sinew__region_file_is_whole,
};
