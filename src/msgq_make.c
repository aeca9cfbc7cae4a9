/* SPDX-License-Identifier: MIT
 *
 * msgq_make.c - makes a System V queue, and says why one cannot be had. Nobody but its maker may use it
 * before it has its owner, mode and size, which it gets in one step.
 */
#include "msgq_make.h"

#include <string.h>

#include "banned.h"
#include "error.h"
#include "msgq_watch.h"
#include "queue.h"
#include "rights.h"

#define DIRECTORY "/proc/sys/kernel/"

static int create_failed(const struct sinew__spec *spec, int error)
{
	if (error == -ENOSPC)
		return sinew__fail(ENOSPC,
			"%s: cannot create: the system has its %lld queues already (" DIRECTORY
			"msgmni); remove some (ipcs -q, ipcrm) or raise it",
			spec->text, (long long)sinew__read_limit(DIRECTORY "msgmni"));
	if (error == -ENOSYS)
		return sinew__fail(ENOSYS, "%s: this kernel has no System V queues", spec->text);
	return sinew__fail(-error, "%s: cannot create: %s", spec->text, strerror(-error));
}

static int settings_failed(const struct sinew__spec *spec, int64_t size, int error)
{
	int64_t most = sinew__read_limit(DIRECTORY "msgmnb");
	char is[24], fits[24];

	if (error != -EPERM || most < 0 || size <= most)
		return sinew__fail(-error, "%s: cannot give it its owner, mode and size: %s",
			spec->text, strerror(-error));
	return sinew__fail(EPERM,
		"%s: cannot create: size=%s is above the system's limit %lld (" DIRECTORY
		"msgmnb); raise it or use size=%s",
		spec->text, sinew__queue_size(is, size), (long long)most,
		sinew__queue_size(fits, most));
}

/* Owner, mode and size of a queue that we made, in one step. */
static int furnish(const struct sinew__spec *spec, int64_t size, int id)
{
	const struct sinew__common *common = &spec->common;
	struct msqid_ds ds;

	if (common->owner < 0 && common->group < 0 && size < 0)
		return 0;
	int r = sinew__msgq_look(id, &ds);
	if (r < 0)
		return r;
	if (common->owner >= 0)
		ds.msg_perm.uid = (uid_t)common->owner;
	if (common->group >= 0)
		ds.msg_perm.gid = (gid_t)common->group;
	ds.msg_perm.mode = sinew__rights_mode(common);
	if (size > 0)
		ds.msg_qbytes = (msglen_t)size;
	return (int)sinew__result(sinew__sys.msgctl(id, IPC_SET, &ds));
}

int sinew__msgq_make(const struct sinew__spec *spec, key_t key, int64_t size)
{
	int id = sinew__sys.msgget(
		key, IPC_CREAT | IPC_EXCL | (int)sinew__rights_first(&spec->common));
	if (id < 0)
		return errno == EEXIST ? -EEXIST : create_failed(spec, -errno);
	int r = furnish(spec, size, id);
	if (r < 0) {
		sinew__sys.msgctl(id, IPC_RMID, NULL);
		return settings_failed(spec, size, r);
	}
	return id;
}

int sinew__msgq_denied(const struct sinew_channel *channel, key_t key)
{
	const char *text = channel->spec.text;
	const char *what = channel->flags & SINEW_IN ? "take from" : "add to";
	int id = sinew__sys.msgget(key, 0);
	struct msqid_ds ds;

	if (id < 0 || sinew__msgq_look(id, &ds) < 0)
		return sinew__fail(EACCES,
			"open %s: permission denied: this user may not %s the queue", text, what);
	return sinew__fail(EACCES,
		"open %s: permission denied: this user may not %s the queue with key %#x, which "
		"belongs to uid %u and gid %u and has mode %04o",
		text, what, (unsigned)key, ds.msg_perm.uid, ds.msg_perm.gid,
		(unsigned)ds.msg_perm.mode & 0777);
}

int sinew__msgq_not_ours(const struct sinew_channel *channel, key_t key)
{
	return sinew__fail(EEXIST,
		"create %s: ftok(3) gives the new file the key %#x, which has a queue already: "
		"another file's, or one whose file was deleted (ipcrm -Q %#x); choose another id= "
		"or path",
		channel->spec.text, (unsigned)key, (unsigned)key);
}
