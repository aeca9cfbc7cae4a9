/* SPDX-License-Identifier: MIT
 *
 * addresses.c - the book of a datagram socket's peers: who is known keeps the id, one who was
 * not heard lately makes room, and no id is given out twice.
 */
#include "addresses.h"

#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

static struct sinew__addresses *book;

static socklen_t name(struct sockaddr_un *a, unsigned number)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	int n = snprintf(a->sun_path + 1, sizeof a->sun_path - 1, "peer %u", number);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static uint64_t id_of(unsigned number)
{
	const struct sinew_peer who = {.pid = (pid_t)number, .known = 1};
	struct sockaddr_un a;
	socklen_t size = name(&a, number);

	return sinew__addresses_id(book, &a, size, &who);
}

static void check_known(uint64_t id, unsigned number)
{
	struct sockaddr_storage a;
	struct sockaddr_un want;
	struct sinew_peer who;
	int size = CHECK_OK(sinew__addresses_find(book, id, &a, &who));

	CHECK_MEM(&a, (size_t)size, &want, name(&want, number));
	CHECK_EQ(who.pid, number);
}

TEST(who_is_known_keeps_the_id)
{
	uint64_t ids[50];

	CHECK_OK(sinew__addresses_open(&book, 50));
	for (unsigned i = 0; i < 50; i++)
		ids[i] = id_of(i);
	for (unsigned i = 0; i < 50; i++) {
		CHECK(ids[i] != SINEW_ANY_PEER);
		CHECK_EQ(id_of(i), ids[i]);
		check_known(ids[i], i);
	}
	sinew__addresses_close(book);
}

TEST(the_book_is_bounded)
{
	uint64_t ids[1000];
	struct sockaddr_storage a;

	CHECK_OK(sinew__addresses_open(&book, 8));
	for (unsigned i = 0; i < 1000; i++) {
		ids[i] = id_of(i);
		for (unsigned k = 0; k < i; k++)
			if (ids[k] == ids[i])
				FAIL("%u has the id of %u", i, k);
		check_known(ids[i], i);
		if (i >= 8)
			CHECK_EQ(sinew__addresses_find(book, ids[i - 8], &a, NULL), -ESTALE);
	}
	for (unsigned i = 993; i < 1000; i++)
		check_known(ids[i], i);
	CHECK(id_of(0) != ids[0]);
	sinew__addresses_close(book);
}

TEST(who_has_no_name_has_no_id)
{
	const struct sinew_peer who = {0};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct sockaddr_storage found;

	CHECK_OK(sinew__addresses_open(&book, 2));
	CHECK_EQ(sinew__addresses_id(book, &a, sizeof(sa_family_t), &who), 0);
	CHECK_EQ(sinew__addresses_id(book, &a, 0, &who), 0);
	CHECK_EQ(sinew__addresses_find(book, 0, &found, NULL), -ESTALE);
	CHECK_EQ(sinew__addresses_find(book, UINT64_MAX, &found, NULL), -ESTALE);
	sinew__addresses_close(book);
}

/* Who talks stays, however long it has been known. */
TEST(who_was_heard_lately_stays)
{
	struct sockaddr_storage a;

	CHECK_OK(sinew__addresses_open(&book, 4));
	uint64_t busy = id_of(1), silent = id_of(2);
	id_of(3);
	id_of(4);
	CHECK_EQ(id_of(1), busy);
	id_of(5);
	check_known(busy, 1);
	CHECK_EQ(sinew__addresses_find(book, silent, &a, NULL), -ESTALE);
	sinew__addresses_close(book);
}
