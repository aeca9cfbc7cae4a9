/* SPDX-License-Identifier: MIT
 *
 * unix_name.c - the names of Unix sockets: how a listening socket gets one when it is ready, with the
 * rights that the URI says, and what is said when it does not.
 */
#include "unix_name.h"

#include <string.h>

#include "banned.h"
#include "error.h"
#include "path.h"
#include "rights.h"

int sinew__unix_address(
	struct sinew_channel *channel, const char *name, struct sockaddr_un *a, socklen_t *size)
{
	size_t length = strlen(name);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length == 0 || (length == 1 && *name == '@'))
		return sinew__fail(
			EINVAL, "%s: write unix:/path or unix:@name", channel->spec.text);
	if (length >= sizeof a->sun_path)
		return sinew__fail(ENAMETOOLONG, "%s: a socket's name has at most %zu bytes",
			channel->spec.text, sizeof a->sun_path - 1);
	memcpy(a->sun_path, name, length);
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name != '@'));
	if (*name == '@')
		a->sun_path[0] = '\0';
	return 0;
}

int sinew__unix_failed(struct sinew_channel *channel, const char *what, int error)
{
	const char *why = error == -ECONNREFUSED ? "nobody listens there"
			  : error == -EADDRINUSE ? "somebody listens there already"
			  : error == -EEXIST     ? "exists and is not a socket"
			  : error == -EPROTOTYPE ? "the socket there is of another type; see type="
			  : error == -EBUSY      ? "the directory's lock is held by somebody"
						 : strerror(-error);

	return sinew__fail(-error, "%s %s: %s", what, channel->spec.text, why);
}

/* A socket about to have a name. */
struct naming {
	int fd;
	const char *path, *beside;
	struct sockaddr_un address;
	socklen_t size;
};

static int bind_it(void *context)
{
	const struct naming *n = context;

	return (int)sinew__result(
		sinew__sys.bind(n->fd, (const struct sockaddr *)&n->address, n->size));
}

static int link_it(void *context)
{
	const struct naming *n = context;

	return (int)sinew__result(sinew__sys.link(n->beside, n->path));
}

/* The rights from the URI: before bind, so that nobody comes in too early; after it, for bind applies
 * the umask and makes the name ours. */
static int bind_with_rights(struct sinew_channel *channel, struct naming *n, bool take)
{
	const struct sinew__common *common = &channel->spec.common;

	if (sinew__rights_given(common))
		sinew__sys.fchmod(n->fd, sinew__rights_first(common));
	int r = take ? sinew__path_take(n->path, bind_it, n) : bind_it(n);
	if (r < 0)
		return r;
	const char *made = take ? n->path : n->beside;
	r = sinew__rights_path(common, made);
	if (r < 0)
		sinew__sys.unlink(made);
	return r;
}

/* A datagram socket is ready once it is bound, and its peers see the name it was bound to. One that
 * listens is bound under a name beside the wanted one, gets ready, and is linked. */
static int bind_path(struct sinew_channel *channel, int fd, const char *path, bool dgram)
{
	char beside[sizeof((struct sockaddr_un *)0)->sun_path];
	struct naming n = {.fd = fd, .path = path, .beside = beside};

	if (sinew__path_beside(path, beside, sizeof beside) < 0)
		return sinew__fail(ENAMETOOLONG,
			"%s: a listening socket's path has at most %zu bytes", channel->spec.text,
			sizeof beside - 8);
	int r = sinew__unix_address(channel, dgram ? path : beside, &n.address, &n.size);
	if (r < 0)
		return r;
	r = bind_with_rights(channel, &n, dgram);
	if (r == 0 && !dgram) {
		r = (int)sinew__result(sinew__sys.listen(fd, SOMAXCONN));
		if (r == 0)
			r = sinew__path_take(path, link_it, &n);
		sinew__sys.unlink(beside);
	}
	if (r == 0)
		r = sinew__path_own(channel->state, path);
	return r < 0 ? sinew__unix_failed(channel, "listen on", r) : 0;
}

static int bind_abstract(struct sinew_channel *channel, int fd, const char *name, bool dgram)
{
	const struct sinew__common *common = &channel->spec.common;
	struct sockaddr_un address;
	socklen_t size;

	if (common->owner >= 0 || common->group >= 0)
		return sinew__fail(EINVAL,
			"%s: owner= and group=: an abstract name has none; see allow=",
			channel->spec.text);
	int r = sinew__unix_address(channel, name, &address, &size);
	if (r < 0)
		return r;
	if (sinew__sys.bind(fd, (struct sockaddr *)&address, size) < 0 ||
		(!dgram && sinew__sys.listen(fd, SOMAXCONN) < 0))
		return sinew__unix_failed(channel, "listen on", -errno);
	return 0;
}

int sinew__unix_bind(struct sinew_channel *channel, int fd, bool dgram)
{
	const char *name = channel->spec.uri.rest;

	return *name == '@' ? bind_abstract(channel, fd, name, dgram)
			    : bind_path(channel, fd, name, dgram);
}
