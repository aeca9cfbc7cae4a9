/* SPDX-License-Identifier: MIT
 *
 * memfd.h - what making a sealed memory, handing it out and being given it have in common.
 */
#ifndef SINEW_REGION_MEMFD_H
#define SINEW_REGION_MEMFD_H

#include <pthread.h>
#include <sys/un.h>

#include "../path.h"
#include "../region.h"

enum { SINEW__MEMFD_OTHERS_READ, SINEW__MEMFD_OTHERS_WRITE };
enum { SINEW__MEMFD_SERVE_CALL, SINEW__MEMFD_SERVE_THREAD };
enum { SINEW__MEMFD_PRIVATE = 16 }; /* a private name is that much longer, its end included */
enum { SINEW__MEMFD_MAGIC = 0x73696e77, SINEW__MEMFD_VERSION = 1 };
/* That come with a grant: to read by, to write by, and the maker's other descriptors. */
enum { SINEW__MEMFD_FDS = 2 + SINEW__REGION_FDS };
enum { SINEW__MEMFD_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

struct sinew__memfd_settings {
	int64_t serve, others, huge;
	struct sinew__users allow;
};

/* The maker's. */
struct sinew__memfd_state {
	struct sinew__own_path own;
	int listener, reader; /* where we answer; the memory, to read by */
	int stop;             /* ends the thread */
	bool threaded;
	pthread_t thread;
};

struct sinew__memfd_grant {
	uint32_t magic, version;
	uint64_t size;
};

/* -error, and "WHAT URI: why". */
int sinew__memfd_failed(struct sinew_region *region, const char *what, int error);

/* Who is at the other end of a socket: 0 or -errno. */
int sinew__memfd_peer(int fd, struct ucred *peer);

/* Whether that user may attach, or may be believed; ourselves and root, who are family, always. */
bool sinew__memfd_is_friend(const struct sinew__memfd_settings *own, uid_t uid, bool *family);

/* Of the medium. */
int sinew__memfd_attach(struct sinew_region *region);
int sinew__memfd_serve(struct sinew_region *region);

/* Serves until something comes to state->stop. 0 or -errno. */
int sinew__memfd_start_thread(struct sinew_region *region);

/* Keeps a guest's connection as long as the guest, or the maker, lives. */
void sinew__memfd_keep_link(struct sinew__region_guests *guests, int *fd);

#endif
