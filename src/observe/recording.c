/* SPDX-License-Identifier: MIT
 *
 * recording.c - the writer of a recording: a large buffer before a file.
 */
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#include "../banned.h"

enum { BUFFER = 1 << 20 };

struct sinew__recording {
	int fd, error;
	size_t used;
	uint64_t written;
	char *path;
	char buffer[BUFFER];
};

static void flush(struct sinew__recording *recording)
{
	size_t done = 0;

	while (!recording->error && done < recording->used) {
		ssize_t n = write(recording->fd, recording->buffer + done, recording->used - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			recording->error = errno;
	}
	recording->written += done;
	recording->used = 0;
}

static void add(struct sinew__recording *recording, const void *data, size_t size)
{
	if (recording->used + size > BUFFER)
		flush(recording);
	memcpy(recording->buffer + recording->used, data, size);
	recording->used += size;
}

static void discard(struct sinew__recording *recording)
{
	if (recording->fd >= 0)
		close(recording->fd);
	free(recording->path);
	free(recording);
}

int sinew__recording_create(struct sinew__recording **recording, const char *path,
	const struct sinew__record_header *header)
{
	struct sinew__recording *this = malloc(sizeof *this);

	if (!this)
		return sinew__observe_fail(ENOMEM, "out of memory");
	this->error = 0;
	this->used = 0;
	this->written = 0;
	this->path = strdup(path);
	this->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (!this->path || this->fd < 0) {
		int error = this->fd < 0 ? errno : ENOMEM;
		discard(this);
		return sinew__observe_fail(error, "create %s: %s", path, strerror(error));
	}
	add(this, header, sizeof *header);
	*recording = this;
	return 0;
}

void sinew__recording_head(
	struct sinew__recording *recording, const struct sinew__record_header *header)
{
	if (recording->written == 0 && recording->used >= sizeof *header)
		memcpy(recording->buffer, header, sizeof *header);
}

void sinew__recording_add(struct sinew__recording *recording, const struct sinew__record *record)
{
	add(recording, record, record->size);
}

int sinew__recording_close(struct sinew__recording *recording)
{
	flush(recording);
	if (close(recording->fd) < 0 && !recording->error)
		recording->error = errno;
	recording->fd = -1;
	int error = recording->error;
	if (error)
		sinew__observe_fail(error, "write %s: %s; it ends after %" PRIu64 " bytes",
			recording->path, strerror(error), recording->written);
	discard(recording);
	return -error;
}
