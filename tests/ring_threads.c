/* SPDX-License-Identifier: MIT
 *
 * ring_threads.c - the ends of a ring in threads of one process, for the thread sanitizer: it knows memory
 * by its address, so all ends are made to use the mapping of the first.
 */
#include <errno.h>
#include <pthread.h>
#include <sinew/sinew.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/ring.h"
#include "runner.h"

enum { ENDS = 6, EACH = 3000, MOST = 700 };

__attribute__((constructor)) static void prepare(void)
{
	test_error_text = sinew_error_text;
}

struct end {
	sinew_channel *channel;
	pthread_t thread;
	unsigned number;
	bool writes;
	struct crowd *crowd;
	/* topic, latest: of each writer what may come next, and how many came or were lost */
	unsigned next[ENDS], had;
};

struct crowd {
	char uri[200];
	struct end ends[ENDS];
	unsigned count, writers;
	bool each_has_all;  /* topic, latest */
	bool may_overwrite; /* these, what is being read; so it is not lent */
	_Atomic unsigned got, all;
	_Atomic uint8_t seen[ENDS][EACH];
};

/* What lies in this mapping lies in that of the first end, too. */
static void *moved(void *at, void *from, void *to)
{
	return (uint8_t *)to + ((uint8_t *)at - (uint8_t *)from);
}

static void use_mapping_of(struct sinew__ring *ring, struct sinew__ring *first)
{
	struct sinew__lane *both[] = {&ring->r.in.lane, &ring->w.out.lane};

	for (unsigned i = 0; i < 2; i++) {
		struct sinew__lane *lane = both[i];
		if (!lane->shared)
			continue;
		lane->shared = moved(lane->shared, ring->base, first->base);
		lane->words = moved(lane->words, ring->base, first->base);
		lane->data = moved(lane->data, ring->data, first->data);
	}
	memcpy(ring->lanes, first->lanes, sizeof ring->lanes);
	ring->header = first->header;
	ring->members = first->members;
	ring->shared = first->shared;
	ring->histories = first->histories;
	ring->cursors = first->cursors;
	if (ring->topic.history.shared) {
		struct sinew__history_out *history = &ring->topic.history;
		history->shared = moved(history->shared, ring->base, first->base);
		history->members =
			moved((void *)(uintptr_t)history->members, ring->base, first->base);
		history->cursors =
			moved((void *)(uintptr_t)history->cursors, ring->base, first->base);
	}
}

static size_t size_of(unsigned n)
{
	static const size_t sizes[] = {8, 56, 64, 600, 57, 16};

	return sizes[n % 6];
}

static void compose(uint32_t *data, unsigned who, unsigned n)
{
	memset(data, (int)(who + n), MOST);
	data[0] = who;
	data[1] = n;
}

static void put(struct end *end, unsigned n)
{
	uint32_t data[MOST / 4];
	struct sinew_msg msg = {.data = data, .size = size_of(n)};

	compose(data, end->number, n);
	if (n % 3 || end->crowd->may_overwrite) {
		CHECK_EQ(CHECK_OK(sinew_send(end->channel, &msg, 1, test_limit(20000))), 1);
		return;
	}
	CHECK_OK(sinew_loan(end->channel, size_of(n), &msg, test_limit(20000)));
	memcpy((void *)(uintptr_t)msg.data, data, size_of(n));
	CHECK_OK(sinew_commit(end->channel, &msg));
}

/* The next of its writer, or a later one; what is missing was told. */
static void note_in_order(struct end *end, const uint32_t *head, const struct sinew_msg *msg)
{
	CHECK(head[1] >= end->next[head[0]]);
	CHECK(msg->lost == 0 || end->crowd->may_overwrite);
	end->next[head[0]] = head[1] + 1;
	end->had += 1 + (unsigned)msg->lost;
}

static void note(struct end *end, const struct sinew_msg *msg)
{
	struct crowd *crowd = end->crowd;
	uint32_t head[2], wanted[MOST / 4];

	memcpy(head, msg->data, sizeof head);
	CHECK(head[0] < ENDS && head[1] < EACH);
	compose(wanted, head[0], head[1]);
	CHECK_MEM(msg->data, msg->size, wanted, size_of(head[1]));
	if (crowd->each_has_all) {
		note_in_order(end, head, msg);
		return;
	}
	CHECK_EQ(crowd->seen[head[0]][head[1]]++, 0);
	crowd->got++;
}

static void get(struct end *end, unsigned turn)
{
	uint32_t data[MOST / 4];
	struct sinew_msg msgs[5];
	/* Another reader may get the last one. */
	const int64_t until = sinew_after(20000000);
	const bool lent = turn % 2 && !end->crowd->may_overwrite;
	int r = lent ? sinew_take(end->channel, msgs, 5, until)
		     : sinew_recv(end->channel, data, sizeof data, msgs, until);

	CHECK(r > 0 || r == -ETIMEDOUT);
	for (int i = 0; i < r; i++)
		note(end, &msgs[i]);
	if (lent && r > 0)
		sinew_release(end->channel, msgs, (unsigned)r);
}

static bool is_done(const struct end *end)
{
	const struct crowd *crowd = end->crowd;

	if (!crowd->each_has_all)
		return crowd->got == crowd->all;
	for (unsigned i = 0; i < crowd->count; i++)
		if (crowd->ends[i].writes && end->next[i] < EACH)
			return false;
	return true;
}

static void *run(void *arg)
{
	struct end *end = arg;

	if (end->writes)
		for (unsigned n = 0; n < EACH; n++)
			put(end, n);
	else
		for (unsigned turn = 0; !is_done(end); turn++)
			get(end, turn);
	return NULL;
}

static void join(struct crowd *crowd, bool writes)
{
	struct end *end = &crowd->ends[crowd->count];
	const unsigned flags = writes ? SINEW_OUT : SINEW_IN | SINEW_LISTEN;

	*end = (struct end){.number = crowd->count++, .writes = writes, .crowd = crowd};
	CHECK_OK(sinew_open(&end->channel, crowd->uri, flags, test_limit(10000)));
	use_mapping_of(sinew__ring_of(end->channel), sinew__ring_of(crowd->ends[0].channel));
	crowd->all += writes ? EACH : 0;
}

static void run_crowd(const char *options, unsigned readers, unsigned writers)
{
	static struct crowd crowd;

	crowd.each_has_all = strstr(options, "=topic") || strstr(options, "=latest");
	crowd.may_overwrite = crowd.each_has_all && !strstr(options, "=block");
	snprintf(crowd.uri, sizeof crowd.uri, "ring:file:%s?%s", test_path("ring"), options);
	for (unsigned i = 0; i < readers; i++)
		join(&crowd, false);
	for (unsigned i = 0; i < writers; i++)
		join(&crowd, true);
	for (unsigned i = 0; i < crowd.count; i++)
		CHECK_EQ(pthread_create(&crowd.ends[i].thread, NULL, run, &crowd.ends[i]), 0);
	for (unsigned i = 0; i < crowd.count; i++)
		CHECK_EQ(pthread_join(crowd.ends[i].thread, NULL), 0);
	if (!crowd.each_has_all)
		CHECK_EQ(crowd.got, crowd.all);
	for (unsigned i = 0; strstr(options, "=topic") && i < readers; i++)
		CHECK_EQ(crowd.ends[i].had, crowd.all);
	for (unsigned i = crowd.count; i-- > 0;)
		sinew_close(crowd.ends[i].channel);
}

TEST(pair, .timeout = 60)
{
	run_crowd("pattern=pair&size=4K", 1, 1);
}

TEST(pair_that_sleeps, .timeout = 60)
{
	run_crowd("pattern=pair&size=4K&wait=power", 1, 1);
}

TEST(queue, .timeout = 60)
{
	run_crowd("pattern=queue&lanes=4&size=4K", 2, 3);
}

TEST(queue_that_sleeps, .timeout = 60)
{
	run_crowd("pattern=queue&lanes=4&size=4K&wait=power&deaths=drop", 2, 4);
}

TEST(topic, .timeout = 60)
{
	run_crowd("pattern=topic&lanes=2&size=4K", 2, 2);
}

TEST(topic_that_waits, .timeout = 60)
{
	run_crowd("pattern=topic&lanes=2&size=4K&full=block", 2, 2);
}

TEST(topic_that_sleeps, .timeout = 60)
{
	run_crowd("pattern=topic&size=4K&full=block&wait=power", 3, 1);
}

TEST(latest, .timeout = 60)
{
	run_crowd("pattern=latest&size=4K", 3, 1);
}
