/* SPDX-License-Identifier: MIT
 *
 * fds.h - descriptors that travel: channels to send them over, descriptors that can be told apart
 * or tell when they were closed, and peers that are not ours.
 */
#ifndef SINEW_TESTS_FDS_H
#define SINEW_TESTS_FDS_H

#include "mechanisms.h"

enum { MOST_FDS = 253 };

extern struct test_suite passing;  /* struct mechanism: every way */
extern struct test_suite streams;  /* those of type=stream */
extern struct test_suite families; /* one pair of each type */

/* A descriptor of a file of its own that has so many bytes, and whether this is another of it. */
int file_of(unsigned bytes);
void expect_file(int fd, unsigned bytes);

/* A pipe whose writing end is sent away: `far` is it, `near` sees when its last copy is closed. */
struct probe {
	int near, far;
};
void probe_open(struct probe *);
bool probe_is_gone(const struct probe *);
/* Waits until it is gone, and closes `near`. */
void probe_close(struct probe *);

bool is_open(int fd);
unsigned count_open(void);

/* A message of `size` bytes from seed, with `count` descriptors. What the call returned. */
int send_with(sinew_channel *, size_t size, unsigned seed, int *fds, unsigned count, int64_t until);
/* Receives that message, by copy or borrowed, into *msg. */
void expect_with(sinew_channel *, size_t size, unsigned seed, unsigned count, bool take,
	struct sinew_msg *msg);
/* As taken from the message. */
int take_fd(struct sinew_msg *msg, unsigned index);

/* Bytes with descriptors, as any program may send them; credentials: of its own. */
void send_bare(
	int fd, const void *data, size_t size, const int *fds, unsigned count, bool credentials);
/* A frame that announces so many descriptors, before `size` bytes. Returns its length. */
size_t put_announcement(unsigned char *p, unsigned announced, uint32_t size);

#endif
