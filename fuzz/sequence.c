/* SPDX-License-Identifier: MIT
 *
 * sequence.c - fuzz target: the numbers on datagrams, heard from several peers and sessions.
 *
 * An input says how many senders are remembered, then, for each datagram, one byte - kind in the low
 * two bits, peer in the next two, session in two more - and, big-endian:
 *   0 literal    size(1) and so many bytes, as the datagram
 *   1 near       where it lies from the newest of its session: signed (2)
 *   2 next       nothing: the one that follows
 *   3 any        the number (8)
 *
 * Each verdict must be the one of a reference that keeps every number it heard, as long as the sender
 * is remembered; and no datagram may touch another sender's record.
 */
#include "sequence.h"

#include "fuzz.h"

enum { PEERS = 4, SESSIONS = 4, HEARD_MOST = 2048, WINDOW = SINEW__SEQUENCE_WINDOW };

/* What one sender said, all of it. */
struct heard {
	uint64_t next, far;
	uint64_t numbers[HEARD_MOST];
	unsigned count;
	bool known;
};

struct run {
	struct sinew__senders *senders;
	struct heard heard[PEERS][SESSIONS];
	struct heard *latest[SESSIONS]; /* the one that began last */
	bool exact;                     /* nobody is forgotten */
};

static bool has(const struct heard *heard, uint64_t number)
{
	for (unsigned i = 0; i < heard->count; i++)
		if (heard->numbers[i] == number)
			return true;
	return false;
}

static enum sinew__sequence_verdict note(struct heard *heard, uint64_t number, bool newest)
{
	if (heard->count < HEARD_MOST)
		heard->numbers[heard->count++] = number;
	if (!newest)
		return SINEW__SEQUENCE_LATE;
	heard->next = number + 1;
	heard->far = 0;
	return SINEW__SEQUENCE_NEW;
}

/* What sinew_udp(7) says of this number. */
static enum sinew__sequence_verdict judge(struct heard *heard, uint64_t number, uint64_t *missed)
{
	*missed = 0;
	if (number < heard->next) {
		if (number + WINDOW < heard->next)
			return SINEW__SEQUENCE_REFUSED;
		return has(heard, number) ? SINEW__SEQUENCE_COPY : note(heard, number, false);
	}
	if (number >> 63)
		return SINEW__SEQUENCE_REFUSED;
	*missed = number - heard->next;
	if (*missed <= SINEW__SEQUENCE_JUMP)
		return note(heard, number, true);
	*missed = 0;
	if (heard->next && heard->far != number) {
		heard->far = number + 1;
		return SINEW__SEQUENCE_REFUSED;
	}
	*missed = SINEW__SEQUENCE_JUMP;
	return note(heard, number, true);
}

/* A sender heard for the first time starts from nothing, or where its session stood elsewhere. */
static void begin(struct run *run, struct heard *heard, unsigned session,
	const struct sinew__sequence *record)
{
	if (heard->known)
		return;
	if (record->next && run->latest[session])
		*heard = *run->latest[session];
	heard->known = true;
	run->latest[session] = heard;
	REQUIRE(record->next == heard->next, "a new sender stands at %llu",
		(unsigned long long)record->next);
}

static void hear(struct run *run, unsigned peer, unsigned session, uint64_t number)
{
	struct heard *heard = &run->heard[peer][session];
	struct sinew__sequence *record =
		sinew__senders_find(run->senders, peer + 1, session * UINT64_C(0x123456789) + 1);
	uint64_t missed = 99, expected_missed;

	if (!run->exact) {
		uint64_t before = record->next;
		int verdict = sinew__sequence_hear(record, number, &missed);
		REQUIRE(missed <= SINEW__SEQUENCE_JUMP, "%llu missed", (unsigned long long)missed);
		REQUIRE(record->next >= before, "the newest went back");
		REQUIRE(verdict == SINEW__SEQUENCE_NEW ? record->next == number + 1
						       : record->next == before && missed == 0,
			"verdict %d", verdict);
		return;
	}
	begin(run, heard, session, record);
	int expected = judge(heard, number, &expected_missed);
	int verdict = sinew__sequence_hear(record, number, &missed);
	REQUIRE(verdict == expected && missed == expected_missed,
		"number %llu: verdict %d, %llu missed; expected %d, %llu",
		(unsigned long long)number, verdict, (unsigned long long)missed, expected,
		(unsigned long long)expected_missed);
	REQUIRE(record->next == heard->next, "the newest is another");
}

static bool read_literal(struct input *in, uint64_t *session, uint64_t *number)
{
	static const uint8_t magic[] = {0xad, 0x73, 0x71, 1};
	size_t size = take_byte(in);
	const uint8_t *bytes = take_bytes(in, &size);
	CLEANUP_MEMORY uint8_t *copy = exact_copy(bytes, size);

	bool good = size >= SINEW__SEQUENCE_HEADER && memcmp(bytes, magic, sizeof magic) == 0;
	REQUIRE(sinew__sequence_read(copy, size, session, number) == good, "%zu bytes", size);
	if (good) {
		uint8_t again[SINEW__SEQUENCE_HEADER];
		sinew__sequence_write(again, *session, *number);
		REQUIRE(memcmp(again, bytes, sizeof again) == 0, "written it is another header");
	}
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	struct input in = {data, size};
	uint8_t most = take_byte(&in);

	run = (struct run){.exact = most >= PEERS * SESSIONS};
	run.senders = sinew__senders_open(most ? most : 1, take_number(&in, 2));
	REQUIRE(run.senders, "no memory");
	for (unsigned n = 0; in.left && n < HEARD_MOST; n++) {
		uint8_t byte = take_byte(&in);
		unsigned peer = byte >> 2 & 3, session = byte >> 4 & 3;
		uint64_t newest = run.heard[peer][session].next, number = newest, of_session;
		if ((byte & 3) == 0 && !read_literal(&in, &of_session, &number))
			continue;
		if ((byte & 3) == 1)
			number = newest + (uint64_t)(int16_t)take_number(&in, 2);
		if ((byte & 3) == 3)
			number = take_number(&in, 8);
		hear(&run, peer, session, number);
	}
	sinew__senders_close(run.senders);
	return 0;
}
