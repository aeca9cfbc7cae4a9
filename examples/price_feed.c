/* SPDX-License-Identifier: MIT
 *
 * price_feed.c - prices for whoever wants them: `price_feed TRADES KILLS`.
 *
 * The feed sends each trade to all who are there (a topic), and keeps the book of all prices where anybody finds
 * it (latest), first the book, then the trade. A client that comes late, or learns that it lost trades, starts
 * from the book and goes on with the trades after it. Each trade says what the sum of all prices is then, so
 * a client knows at once if it went wrong. All of them are killed at random, the feed, too: the next one goes
 * on from the book.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"

enum { SYMBOLS = 64, WORKERS = 4 };

struct trade {
	uint64_t number; /* from 1 */
	uint32_t symbol;
	int32_t change;
	int64_t sum; /* of all prices, after it */
};

struct book {
	uint64_t number; /* of the last trade that is in it */
	int64_t price[SYMBOLS];
};

/* What the workers are told, and what they did. */
struct floor {
	uint64_t total;
	char trades[80], book[80];
	_Atomic uint64_t applied, lost, books;
};

static uint64_t total;

static int init(void *data, size_t size, void *arg)
{
	struct floor *floor = data;
	const int pid = (int)getpid();

	(void)size, (void)arg;
	floor->total = total;
	snprintf(floor->trades, sizeof floor->trades, "ring:shm:/example-trades-%d", pid);
	snprintf(floor->book, sizeof floor->book, "ring:shm:/example-book-%d", pid);
	return 0;
}

static sinew_channel *join(const char *uri, const char *options, unsigned flags)
{
	char text[200];
	sinew_channel *channel = NULL;

	snprintf(text, sizeof text, "%s?%s", uri, options);
	crew_check(sinew_open(&channel, text, flags, sinew_after(5000000000)), text);
	return channel;
}

static int64_t apply(struct book *book, const struct trade *trade)
{
	int64_t sum = 0;

	book->number = trade->number;
	book->price[trade->symbol % SYMBOLS] += trade->change;
	for (unsigned i = 0; i < SYMBOLS; i++)
		sum += book->price[i];
	return sum;
}

/* The newest book, if there is one that we have not seen, waiting for it if asked to. */
static bool read_book(sinew_channel *books, struct book *book, int64_t until)
{
	struct sinew_msg msg;
	int r = sinew_recv(books, book, sizeof *book, &msg, until);

	if (r == -EAGAIN || r == -ETIMEDOUT)
		return false;
	crew_check(r, "read the book");
	return true;
}

/* ---- the feed ---- */

static void publish(sinew_channel *channel, const void *data, size_t size)
{
	struct sinew_msg msg = {.data = data, .size = size};

	crew_check(sinew_send(channel, &msg, 1, SINEW_FOREVER), "publish");
}

static void feed(struct floor *floor)
{
	struct book book = {0};
	sinew_channel *old = join(floor->book, "pattern=latest", SINEW_IN);

	read_book(old, &book, SINEW_NOW);
	sinew_close(old);
	sinew_channel *books = join(floor->book, "pattern=latest", SINEW_OUT);
	sinew_channel *trades = join(floor->trades, "pattern=topic&size=64K", SINEW_OUT);
	while (book.number < floor->total) {
		struct trade trade = {.number = book.number + 1};
		trade.symbol = (uint32_t)(trade.number * 7919 % SYMBOLS);
		trade.change = (int32_t)(trade.number * 31 % 21) - 10;
		trade.sum = apply(&book, &trade);
		publish(books, &book, sizeof book);
		publish(trades, &trade, sizeof trade);
	}
	sinew_close(trades);
	sinew_close(books);
}

/* ---- a client ---- */

/* Whether the trade was the next one and could be applied; those that the book has already are skipped. */
static bool follow(struct floor *floor, struct book *book, const struct trade *trade)
{
	if (trade->number <= book->number)
		return true;
	if (trade->number != book->number + 1)
		return false;
	if (apply(book, trade) != trade->sum)
		exit(2);
	floor->applied++;
	return true;
}

static void client(struct floor *floor)
{
	sinew_channel *trades = join(floor->trades, "pattern=topic&size=64K", SINEW_IN);
	sinew_channel *books = join(floor->book, "pattern=latest", SINEW_IN);
	struct book book = {0};
	struct trade trade;
	struct sinew_msg msg;

	while (book.number < floor->total) {
		int r = sinew_recv(trades, &trade, sizeof trade, &msg, sinew_after(20000000));
		floor->lost += r == 1 ? msg.lost : 0;
		if (r != -ETIMEDOUT)
			crew_check(r, "receive a trade");
		if (r == 1 && follow(floor, &book, &trade))
			continue;
		/* A gap, or silence, which may be the end. */
		floor->books += read_book(books, &book, sinew_after(20000000));
	}
	sinew_close(books);
	sinew_close(trades);
}

static void work(unsigned me, void *floor)
{
	if (me == 0)
		feed(floor);
	else
		client(floor);
}

int main(int argc, char **argv)
{
	total = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct crew crew = {.uri = crew_uri("price_feed"), .work = work, .count = WORKERS};
	sinew_region *region = crew_region(crew.uri, sizeof(struct floor), init);
	struct floor *floor = sinew_region_data(region);

	bool good = crew_run(&crew, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0);
	printf("%llu trades, %llu applied by clients, %llu lost, %llu books read: %s\n",
		(unsigned long long)floor->total, (unsigned long long)floor->applied,
		(unsigned long long)floor->lost, (unsigned long long)floor->books,
		good ? "always right" : "WRONG");
	sinew_remove(floor->trades);
	sinew_remove(floor->book);
	sinew_region_close(region);
	return !good;
}
