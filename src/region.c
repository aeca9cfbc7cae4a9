/* SPDX-License-Identifier: MIT
 *
 * region.c - regions: attach or make, look again while others are at it, map, reserve, release.
 *
 * Nothing here knows a medium. What is half done is undone by the medium's release(), in one place.
 */
#include "region.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"
#include "process.h"
#include "wait.h"

/* ---- for the media ---- */

int sinew__region_map(struct sinew_region *region, int fd, size_t size)
{
	int prot = region->flags & SINEW_OUT ? PROT_READ | PROT_WRITE : PROT_READ;
	void *data = sinew__sys.mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (data == MAP_FAILED)
		return sinew__fail(errno, "%s: cannot map %zu bytes: %m", region->spec.text, size);
	region->data = data;
	region->size = size;
	return 0;
}

void sinew__region_unmap(struct sinew_region *region)
{
	if (region->data)
		sinew__sys.munmap(region->data, region->size);
	region->data = NULL;
}

static int no_room(struct sinew_region *region, int fd, size_t size, const char *where)
{
	int error = errno;
	struct statvfs vfs;

	if (error == EOPNOTSUPP)
		return sinew__fail(error,
			"%s: this file system cannot reserve space (fallocate(2)), so a full disk "
			"would kill whoever writes",
			region->spec.text);
	if (sinew__sys.fstatvfs(fd, &vfs) < 0)
		return sinew__fail(error, "%s: cannot reserve %zu bytes in %s: %s",
			region->spec.text, size, where, strerror(error));
	return sinew__fail(error, "%s: cannot reserve %zu bytes in %s: %s; %llu are free",
		region->spec.text, size, where, strerror(error),
		(unsigned long long)vfs.f_bavail * vfs.f_frsize);
}

int sinew__region_reserve(struct sinew_region *region, int fd, size_t size, const char *where)
{
	struct rlimit most;
	int r;

	if (size > INT64_MAX)
		return sinew__fail(EFBIG, "%s: no file has %zu bytes", region->spec.text, size);
	/* Beyond this limit the kernel would not only refuse but send SIGXFSZ. */
	if (sinew__sys.getrlimit(RLIMIT_FSIZE, &most) == 0 && size > most.rlim_cur)
		return sinew__fail(EFBIG,
			"%s: %zu bytes exceed the limit of a file (ulimit -f), %llu",
			region->spec.text, size, (unsigned long long)most.rlim_cur);
	if (sinew__sys.ftruncate(fd, (off_t)size) < 0)
		return no_room(region, fd, size, where);
	do
		r = sinew__sys.fallocate(fd, 0, 0, (off_t)size);
	while (r < 0 && errno == EINTR);
	return r < 0 ? no_room(region, fd, size, where) : 0;
}

int sinew__region_whole_pages(struct sinew_region *region, int64_t pages)
{
	static const size_t sizes[] = {1, 2 << 20, 1 << 30};

	if (region->wanted % sizes[pages] == 0)
		return 0;
	return sinew__fail(EINVAL, "%s: %zu bytes are not a multiple of its pages of %s",
		region->spec.text, region->wanted, pages == SINEW__PAGES_2M ? "2M" : "1G");
}

int sinew__region_fill(struct sinew_region *region)
{
	int r = region->init ? region->init(region->data, region->size, region->arg) : 0;

	if (r < 0)
		return sinew__fail(
			-r, "%s: not made: filling it failed: %s", region->spec.text, strerror(-r));
	return 0;
}

int sinew__region_fits(struct sinew_region *region, uint64_t size)
{
	if (size == 0)
		return sinew__fail(EEXIST, "%s: exists and is empty; somebody else made it",
			region->spec.text);
	if (region->wanted && region->wanted != size && !region->any_size)
		return sinew__fail(EEXIST, "%s: exists and has %llu bytes, not %zu",
			region->spec.text, (unsigned long long)size, region->wanted);
	if (size > SIZE_MAX / 2)
		return sinew__fail(
			EFBIG, "%s: has %llu bytes", region->spec.text, (unsigned long long)size);
	return 0;
}

/* ---- opening ---- */

static void dispose(struct sinew_region *region, bool last)
{
	sinew__region_unguard(region);
	region->spec.medium->release(region, last);
	sinew__region_unmap(region);
	if (region->fd >= 0)
		sinew__sys.close(region->fd);
	free(region->state);
	sinew__region_spec_fini(&region->spec);
	free(region);
}

static int may_make(const struct sinew_region *region)
{
	return region->wanted && region->spec.common.create && region->flags & SINEW_OUT;
}

static int step(struct sinew_region *region)
{
	int r = region->spec.medium->attach(region);

	if (r != SINEW__REGION_ABSENT || !may_make(region))
		return r;
	r = region->spec.medium->make(region);
	region->made = r == 0;
	return r;
}

static int out_of_time(const struct sinew_region *region, int answer, int error)
{
	const char *uri = region->spec.text;

	if (answer == SINEW__REGION_ABSENT)
		return sinew__fail(ENOENT, "open %s: nobody has made it%s", uri,
			region->spec.common.create && region->flags & SINEW_OUT
				? "; to make it give a size"
				: "");
	return sinew__fail(-error, "open %s: somebody is making or removing it", uri);
}

static int attach_or_make(struct sinew_region *region)
{
	int64_t pause = 0;

	for (;;) {
		int r = step(region);
		if (r <= 0)
			return r;
		if (r == SINEW__REGION_AGAIN &&
			(region->until == SINEW_NOW || sinew__now() < region->until))
			continue;
		int waited = sinew__pause(NULL, &pause, region->until);
		if (waited < 0)
			return out_of_time(region, r, waited);
	}
}

/* A region with nothing in it but what was asked for. */
static int blank(struct sinew_region **blank, const char *uri, unsigned flags)
{
	struct sinew_region *region = calloc(1, sizeof *region);
	uint64_t largest;

	if (!region)
		return sinew__fail(ENOMEM, "%s: no memory", uri);
	region->fd = region->guard = -1;
	int r = sinew__region_spec_parse(&region->spec, uri);
	if (r == 0)
		r = region->spec.medium->describe(&region->spec, &largest);
	if (r == 0 && flags & ~(SINEW_IN | SINEW_OUT))
		r = sinew__fail(EINVAL, "open %s: flags %#x, a region has IN and OUT", uri, flags);
	if (r == 0 && flags == SINEW_OUT)
		r = sinew__fail(EINVAL, "open %s: memory that can be written can be read", uri);
	region->process = sinew__process_token();
	if (r == 0 && region->process == 0)
		r = sinew__fail(ENOMEM, "open %s: no memory", uri);
	if (r < 0) {
		sinew__region_spec_fini(&region->spec);
		free(region);
		return r;
	}
	region->flags = flags ? flags : SINEW_IN | SINEW_OUT;
	*blank = region;
	return 0;
}

static int open_region(struct sinew_region **opened, struct sinew_region *region)
{
	int r = attach_or_make(region);

	if (r == 0)
		*opened = region;
	else
		dispose(region, false);
	return r;
}

int sinew_region_open(
	sinew_region **opened, const char *uri, size_t size, unsigned flags, int64_t until)
{
	struct sinew_region *region = NULL;

	int r = blank(&region, uri, flags);
	if (r < 0)
		return r;
	region->wanted = size;
	region->until = until;
	return open_region(opened, region);
}

int sinew__region_obtain(struct sinew_region **opened, const char *uri,
	const struct sinew__region_wish *wish, int64_t until)
{
	struct sinew_region *region = NULL;

	int r = blank(&region, uri, 0);
	if (r < 0)
		return r;
	region->wanted = wish->size;
	region->any_size = wish->any_size;
	region->init = wish->init;
	region->arg = wish->arg;
	region->guests = wish->guests;
	region->until = until;
	return open_region(opened, region);
}

int sinew_region_make(sinew_region **opened, const char *uri, size_t size, sinew_region_init init,
	void *arg, int64_t until)
{
	const struct sinew__region_wish wish = {.size = size, .init = init, .arg = arg};

	return sinew__region_obtain(opened, uri, &wish, until);
}

/* ---- using ---- */

void *sinew_region_data(const sinew_region *region)
{
	return region->data;
}

size_t sinew_region_size(const sinew_region *region)
{
	return region->size;
}

int sinew_region_is_new(const sinew_region *region)
{
	return region->made;
}

int sinew_region_fd(const sinew_region *region)
{
	if (region->fd >= 0)
		return region->fd;
	return sinew__fail(EOPNOTSUPP, "%s: has no descriptor", region->spec.text);
}

int sinew_region_sync(sinew_region *region, size_t offset, size_t size)
{
	const char *uri = region->spec.text;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!region->spec.medium->sync)
		return sinew__fail(EOPNOTSUPP, "sync %s: is on no disk", uri);
	if (offset > region->size || size > region->size - offset)
		return sinew__fail(EINVAL, "sync %s: it has %zu bytes", uri, region->size);
	size_t end = size ? offset + size : region->size, begin = offset / page * page;
	if (begin == end)
		return 0;
	return region->spec.medium->sync(region, (char *)region->data + begin, end - begin);
}

static int can_serve(const struct sinew_region *region)
{
	const char *uri = region->spec.text;

	if (!region->spec.medium->serve)
		return sinew__fail(EOPNOTSUPP, "serve %s: is found by its name", uri);
	if (!region->made)
		return sinew__fail(EOPNOTSUPP, "serve %s: its maker has to do that", uri);
	if (!sinew__process_is(region->process))
		return sinew__fail(EOWNERDEAD, "serve %s: was opened by a parent process", uri);
	return 0;
}

int sinew_region_serve_fd(const sinew_region *region)
{
	int r = can_serve(region);

	return r < 0 ? r : region->spec.medium->serve_fd(region);
}

int sinew_region_serve(sinew_region *region, int64_t until)
{
	int given = 0, r = can_serve(region);

	while (r >= 0) {
		r = region->spec.medium->serve(region);
		if (r > 0)
			given += r;
		if (r < 0)
			break;
		if (r == 0)
			r = sinew__wait_fd(
				region->spec.medium->serve_fd(region), POLLIN, until, true);
	}
	return r == -EAGAIN || r == -ETIMEDOUT ? given : r;
}

int sinew_region_check(sinew_region *region)
{
	const struct sinew__medium *medium = region->spec.medium;

	if (!sinew__region_was_hit(region) && (!medium->is_whole || medium->is_whole(region)))
		return 0;
	return sinew__fail(
		EIO, "%s: somebody has cut it short: bytes are missing", region->spec.text);
}

int sinew_region_close(sinew_region *region)
{
	if (region)
		dispose(region, sinew__process_is(region->process));
	return 0;
}

int sinew__region_no_pages(const struct sinew_region *region, int64_t pages, int error)
{
	const bool giant = pages == SINEW__PAGES_1G;

	return sinew__fail(error,
		"create %s: no %zu bytes in pages of %s: %s (they are set aside by "
		"/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages)",
		region->spec.text, region->wanted, giant ? "1G" : "2M", strerror(error),
		giant ? "1048576" : "2048");
}
