/* SPDX-License-Identifier: MIT
 *
 * rights.c - owners and modes, in the order that never gives a stranger more than was said.
 */
#include "rights.h"

#include <string.h>

#include "banned.h"
#include "cleanup.h"
#include "error.h"

bool sinew__rights_given(const struct sinew__common *common)
{
	return common->mode >= 0 || common->owner >= 0 || common->group >= 0;
}

/* umask(2) cannot be read without being changed for all threads; the kernel also shows it here. A
 * process without /proc is taken to want privacy. */
static mode_t read_umask(void)
{
	char text[256] = "";
	CLEANUP_FD int fd = sinew__sys.open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || sinew__sys.read(fd, text, sizeof text - 1) <= 0)
		return 077;
	const char *line = strstr(text, "\nUmask:");
	return line ? (mode_t)strtoul(line + 7, NULL, 8) : 077;
}

mode_t sinew__rights_mode(const struct sinew__common *common)
{
	return common->mode >= 0 ? (mode_t)common->mode : 0666 & ~read_umask();
}

mode_t sinew__rights_first(const struct sinew__common *common)
{
	mode_t mode = sinew__rights_mode(common);

	return common->owner >= 0 || common->group >= 0 ? mode & 0600 : mode;
}

static uid_t owner(const struct sinew__common *common)
{
	return common->owner >= 0 ? (uid_t)common->owner : (uid_t)-1;
}

static gid_t group(const struct sinew__common *common)
{
	return common->group >= 0 ? (gid_t)common->group : (gid_t)-1;
}

static bool is_given_away(const struct sinew__common *common)
{
	return common->owner >= 0 || common->group >= 0;
}

int sinew__rights_fd(const struct sinew__common *common, int fd)
{
	if (!sinew__rights_given(common))
		return 0;
	if (is_given_away(common) && sinew__sys.fchown(fd, owner(common), group(common)) < 0)
		return -errno;
	return (int)sinew__result(sinew__sys.fchmod(fd, sinew__rights_mode(common)));
}

int sinew__rights_path(const struct sinew__common *common, const char *path)
{
	if (!sinew__rights_given(common))
		return 0;
	if (is_given_away(common) && sinew__sys.lchown(path, owner(common), group(common)) < 0)
		return -errno;
	return (int)sinew__result(sinew__sys.chmod(path, sinew__rights_mode(common)));
}

int sinew__rights_check(const struct sinew__spec *spec, const struct sinew_caps *caps)
{
	bool local = caps->bits & SINEW_CAP_NAMED && !(caps->bits & SINEW_CAP_NETWORK);

	if (!is_given_away(&spec->common) || local)
		return 0;
	return sinew__fail(EINVAL, "%s: owner= and group=: %s makes nothing that has an owner",
		spec->text, spec->uri.scheme);
}
