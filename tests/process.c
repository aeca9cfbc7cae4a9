/* SPDX-License-Identifier: MIT
 *
 * process.c - a child never takes itself for one of its ancestors.
 */
#include "process.h"

#include <pthread.h>
#include <sys/mman.h>

#include "runner.h"

static uint64_t *tokens; /* shared by all generations */

static void grandchild(void *arg)
{
	(void)arg;
	CHECK(!sinew__process_is(tokens[0]));
	CHECK(!sinew__process_is(tokens[1]));
	tokens[2] = sinew__process_token();
	CHECK(tokens[2] != tokens[0] && tokens[2] != tokens[1] && tokens[2] != 0);
	CHECK(sinew__process_is(tokens[2]));
}

static void child(void *arg)
{
	(void)arg;
	CHECK(!sinew__process_is(tokens[0]));
	tokens[1] = sinew__process_token();
	CHECK(tokens[1] != tokens[0] && tokens[1] != 0);
	CHECK_EQ(sinew__process_token(), tokens[1]);
	CHECK_EQ(test_wait(test_fork(grandchild, NULL)), 0);
	CHECK(sinew__process_is(tokens[1]));
}

TEST(children_are_told_apart)
{
	tokens = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tokens != MAP_FAILED);
	CHECK(!sinew__process_is(12345));
	tokens[0] = sinew__process_token();
	CHECK(tokens[0] != 0);
	CHECK_EQ(sinew__process_token(), tokens[0]);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(test_wait(test_fork(child, NULL)), 0);
	CHECK(sinew__process_is(tokens[0]));
	munmap(tokens, 4096);
}

static void *get_token(void *arg)
{
	*(uint64_t *)arg = sinew__process_token();
	return NULL;
}

TEST(threads_have_the_same_token)
{
	pthread_t threads[8];
	uint64_t got[8];

	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, get_token, &got[i]), 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(got[i], sinew__process_token());
}
