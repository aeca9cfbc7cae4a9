/* SPDX-License-Identifier: MIT
 *
 * queues.h - the kernel's queues under test: each case has an IPC namespace of its own where it may,
 * one queue in it, and the bare system calls of a program that knows nothing of sinew.
 */
#ifndef SINEW_TESTS_QUEUES_H
#define SINEW_TESTS_QUEUES_H

#include <errno.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

struct queue {
	const char *name;
	const char *options; /* "key=value&" */
	bool posix;          /* else System V */
	bool thread;         /* poll=thread */
};

/* mq, msgq, and msgq with poll=thread; the first two; the System V ones. */
extern struct test_suite every_queue, plain_queue, system_v_queue;

/* The namespace: whether there is one. */
bool queue_private(void);
/* Without CAP_SYS_RESOURCE limits hold. */
void queue_unprivileged(void);
/* Writes a limit of the namespace. Skips the case where that is not allowed. */
void queue_set_limit(const char *file, const char *value);

/* Good until the next call. options: "key=value" or "". */
const char *queue_uri(const struct queue *, const char *options);
sinew_channel *queue_reader(const struct queue *, const char *options);
sinew_channel *queue_writer(const struct queue *, const char *options);

int64_t queue_soon(void);
int64_t queue_after_ms(int64_t ms);
int queue_send(sinew_channel *, const char *text, int64_t until);
void queue_must_send(sinew_channel *, const char *text);
/* Receives this text; nothing was lost before it. */
void queue_expect(sinew_channel *, const char *text);
/* Receives nothing but this error. */
void queue_expect_error(sinew_channel *, int64_t until, int error);

/* As another program does it. A System V message has type 32768 - priority. */
void bare_send(const struct queue *, const void *data, size_t size, unsigned priority);
size_t bare_receive(const struct queue *, char *buf, size_t size);
void bare_remove(const struct queue *);
bool bare_exists(const struct queue *);
int bare_id(const struct queue *, int flags);

#endif
