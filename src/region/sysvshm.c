/* SPDX-License-Identifier: MIT
 *
 * sysvshm.c - System V shared memory, found by a key.
 *
 * A segment exists, for everybody, as soon as shmget(2) returns, so its mode says whether it is
 * ready: the execute bit of its owner, which means nothing for memory, stands while it is being
 * made, and taking it away (IPC_SET) is the one step that publishes. An unready segment whose
 * creator (shm_cpid) the kernel does not know any more is removed. A PID that was given to another
 * process looks alive: then who waits waits until its deadline, and sinew_remove() helps.
 */
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>

#include "../banned.h"
#include "../error.h"
#include "../ipc_key.h"
#include "../region.h"

enum { UNREADY = 0100 };
#define HUGE_SHIFT 26 /* SHM_HUGE_SHIFT of linux/shm.h */
#define PAGES_2M (21 << HUGE_SHIFT)
#define PAGES_1G (30 << HUGE_SHIFT)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct settings {
	int64_t id, huge;
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"id", "1..255", NULL, "with a path: the number that ftok(3) makes the key of"},
		SINEW__OPTION_NUMBER, OWN(id), 1, 255},
	{{"huge", "no|2M|1G", "no", "made of pages of that size"}, SINEW__OPTION_CHOICE, OWN(huge),
		0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"largest segment in bytes", "/proc/sys/kernel/shmmax", 0},
	{"all segments together in pages", "/proc/sys/kernel/shmall", 0},
	{"number of segments", "/proc/sys/kernel/shmmni", 0},
	{"huge pages of the default size", "/proc/sys/vm/nr_hugepages", 0},
	{NULL, NULL, 0},
};

static int failed(const struct sinew__region_spec *spec, const char *what, int error)
{
	return sinew__fail(error, "%s %s: %s", what, spec->text, strerror(error));
}

/* The key that the URI names. */
static int find_key(const struct sinew__region_spec *spec, key_t *key)
{
	const struct settings *own = spec->own;
	const char *name = spec->uri.rest;

	if (*name == '/' || *name == '.') {
		if (own->id < 0)
			return sinew__fail(EINVAL, "%s: a path needs id=", spec->text);
		*key = ftok(name, (int)own->id);
		return *key == -1 ? failed(spec, "open", errno) : 0;
	}
	if (!sinew__ipc_key_read(name, key) || *key == 0)
		return sinew__fail(EINVAL,
			"%s: write sysvshm:0xKEY, a number from 1 to 0xffffffff, or "
			"sysvshm:/path?id=1",
			spec->text);
	if (own->id >= 0)
		return sinew__fail(EINVAL, "%s: id= is for a path; this is a key", spec->text);
	return 0;
}

static int describe(const struct sinew__region_spec *spec, uint64_t *largest)
{
	(void)spec;
	*largest = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int map(struct sinew_region *region, int id, size_t size)
{
	void *data = sinew__sys.shmat(id, NULL, region->flags & SINEW_OUT ? 0 : SHM_RDONLY);

	if (data == (void *)-1)
		return -errno;
	region->data = data;
	region->size = size;
	return 0;
}

static void release(struct sinew_region *region, bool last)
{
	(void)last;
	if (region->data)
		sinew__sys.shmdt(region->data);
	region->data = NULL;
}

/* ---- attaching ---- */

/* What was half made: its creator is at it, or dead, and then it goes. */
static int unready(struct sinew_region *region, int id, const struct shmid_ds *ds)
{
	bool dead = ds->shm_cpid > 0 && sinew__sys.kill(ds->shm_cpid, 0) < 0 && errno == ESRCH;

	if (!dead)
		return SINEW__REGION_BUSY;
	if (sinew__sys.shmctl(id, IPC_RMID, NULL) < 0 && errno != EINVAL && errno != EIDRM)
		return failed(&region->spec, "clear what a dead creator left of", errno);
	return SINEW__REGION_AGAIN;
}

static bool is_gone(int error)
{
	return error == EINVAL || error == EIDRM;
}

static int attach(struct sinew_region *region)
{
	struct shmid_ds ds;
	key_t key;

	int r = find_key(&region->spec, &key);
	if (r < 0)
		return r;
	int id = sinew__sys.shmget(key, 0, 0);
	if (id < 0)
		return errno == ENOENT ? SINEW__REGION_ABSENT
				       : failed(&region->spec, "open", errno);
	if (sinew__sys.shmctl(id, IPC_STAT, &ds) < 0)
		return is_gone(errno) ? SINEW__REGION_AGAIN : failed(&region->spec, "open", errno);
	if (ds.shm_perm.mode & UNREADY)
		return unready(region, id, &ds);
	r = sinew__region_fits(region, ds.shm_segsz);
	if (r < 0)
		return r;
	r = map(region, id, ds.shm_segsz);
	if (r == -EINVAL || r == -EIDRM)
		return SINEW__REGION_AGAIN;
	return r < 0 ? failed(&region->spec, "open", -r) : 0;
}

/* ---- making ---- */

static int no_segment(struct sinew_region *region, int error)
{
	const struct settings *own = region->spec.own;

	if (error == EEXIST)
		return SINEW__REGION_AGAIN;
	if (own->huge != SINEW__PAGES_PLAIN)
		return sinew__region_no_pages(region, own->huge, error);
	return sinew__fail(error == EINVAL ? EFBIG : error,
		"create %s: no %zu bytes: %s (limits: /proc/sys/kernel/shmmax, shmall, shmmni)",
		region->spec.text, region->wanted, strerror(error));
}

/* Takes all the memory now. Kernels before 5.14 do not know the advice: then it is touched. */
static int reserve(struct sinew_region *region)
{
	int r;

	do
		r = (int)sinew__result(
			sinew__sys.madvise(region->data, region->size, MADV_POPULATE_WRITE));
	while (r == -EINTR || r == -EAGAIN);
	if (r == -EINVAL) {
		memset(region->data, 0, region->size);
		r = 0;
	}
	if (r < 0)
		return sinew__fail(r == -EFAULT ? ENOMEM : -r,
			"create %s: no memory for %zu bytes: %s", region->spec.text, region->size,
			strerror(-r));
	return 0;
}

static int publish(struct sinew_region *region, int id)
{
	struct shmid_ds ds;

	if (sinew__sys.shmctl(id, IPC_STAT, &ds) < 0)
		return failed(&region->spec, "create", errno);
	ds.shm_perm.mode = sinew__region_mode(&region->spec) & 0666;
	if (sinew__sys.shmctl(id, IPC_SET, &ds) < 0)
		return failed(&region->spec, "create", errno);
	return 0;
}

static int make(struct sinew_region *region)
{
	static const int kinds[] = {0, SHM_HUGETLB | PAGES_2M, SHM_HUGETLB | PAGES_1G};
	const struct settings *own = region->spec.own;
	key_t key;

	int r = find_key(&region->spec, &key);
	if (r == 0)
		r = sinew__region_whole_pages(region, own->huge);
	if (r < 0)
		return r;
	/* Who may read it later may see now that it is not ready. */
	int mode = 0600 | UNREADY | (sinew__region_mode(&region->spec) & 0444);
	int id = sinew__sys.shmget(
		key, region->wanted, IPC_CREAT | IPC_EXCL | mode | kinds[own->huge]);
	if (id < 0)
		return no_segment(region, errno);
	r = map(region, id, region->wanted);
	if (r < 0)
		r = failed(&region->spec, "create", -r);
	if (r == 0)
		r = reserve(region);
	if (r == 0)
		r = sinew__region_fill(region);
	if (r == 0)
		r = publish(region, id);
	if (r < 0) {
		release(region, true);
		sinew__sys.shmctl(id, IPC_RMID, NULL);
	}
	return r;
}

static int sysvshm_remove(const struct sinew__region_spec *spec)
{
	struct shmid_ds ds;
	key_t key;

	int r = find_key(spec, &key);
	if (r < 0)
		return r;
	int id = sinew__sys.shmget(key, 0, 0);
	if (id < 0 || sinew__sys.shmctl(id, IPC_STAT, &ds) < 0)
		return failed(spec, "remove", errno);
	if (ds.shm_nattch)
		return sinew__fail(EBUSY, "remove %s: attached %lu times", spec->text,
			(unsigned long)ds.shm_nattch);
	if (sinew__sys.shmctl(id, IPC_RMID, NULL) < 0)
		return failed(spec, "remove", errno);
	return 0;
}

const struct sinew__medium sinew__medium_sysvshm = {
	.scheme =
		{
			.shown = {"sysvshm", "sysvshm:0xKEY or sysvshm:/path?id=1",
				"System V shared memory, found by its key"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.caps = SINEW_REGION_CAP_SURVIVES | SINEW_REGION_CAP_FIXED | SINEW_REGION_CAP_HUGE,
	.describe = describe,
	.attach = attach,
	.make = make,
	.release = release,
	.remove = sysvshm_remove,
};
