/* SPDX-License-Identifier: MIT
 *
 * trace_page.c - pages of the kernel's tracer and descriptions of its events: made up here as the kernel
 * makes them, then cut, bent and made of random bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "tracefs.h"

enum { PAGE = 4096, MOST = 16 };

static const uint64_t base = 1000000000000;

/* ---- a page ---- */

struct page {
	size_t size; /* of its records */
	char bytes[PAGE];
};

static void put_word(struct page *page, uint32_t word)
{
	memcpy(page->bytes + 16 + page->size, &word, 4);
	page->size += 4;
}

static void begin(struct page *page)
{
	*page = (struct page){0};
	memcpy(page->bytes, &base, 8);
}

static void end(struct page *page, uint64_t flags)
{
	uint64_t commit = page->size | flags;

	memcpy(page->bytes + 8, &commit, 8);
}

/* `words` words, each `fill`. */
static void put_record(struct page *page, uint32_t delta, unsigned words, uint32_t fill)
{
	put_word(page, delta << 5 | words);
	for (unsigned i = 0; i < words; i++)
		put_word(page, fill);
}

/* ---- what was read ---- */

struct read {
	unsigned count;
	uint64_t times[MOST];
	size_t sizes[MOST];
	uint32_t first[MOST];
	unsigned sum; /* of all bytes: each is read */
};

static bool note(void *arg, uint64_t time, const char *data, size_t size)
{
	struct read *read = arg;

	for (size_t i = 0; i < size; i++)
		read->sum += (unsigned char)data[i];
	if (read->count < MOST) {
		read->times[read->count] = time;
		read->sizes[read->count] = size;
		memcpy(&read->first[read->count], data, size < 4 ? size : 4);
	}
	return ++read->count < 3 * PAGE;
}

TEST(records_have_their_times)
{
	struct page page;
	struct read read = {0};

	begin(&page);
	put_record(&page, 5, 2, 0x11111111);
	put_word(&page, 3 << 5 | 30); /* so much later that it needs a word of its own */
	put_word(&page, 1);
	put_record(&page, 0, 1, 0x22222222);
	put_word(&page, 7 << 5); /* longer than 28 words: the length stands behind */
	put_word(&page, 4 + 120);
	for (unsigned i = 0; i < 30; i++)
		put_word(&page, 0x33333333);
	put_word(&page, 9 << 5 | 29); /* one that was taken back */
	put_word(&page, 8);
	put_word(&page, 0);
	put_record(&page, 1, 28, 0x44444444);
	put_word(&page, 29); /* nothing more */
	end(&page, 0);
	CHECK_EQ(sinew__trace_page(page.bytes, PAGE, note, &read), 0);
	CHECK_EQ(read.count, 4);
	static const uint64_t later = (UINT64_C(1) << 27) + 3;
	CHECK_EQ(read.times[0], base + 5);
	CHECK_EQ(read.times[1], base + 5 + later);
	CHECK_EQ(read.times[2], base + 12 + later);
	CHECK_EQ(read.times[3], base + 22 + later);
	CHECK_EQ(read.sizes[0], 8);
	CHECK_EQ(read.sizes[2], 120);
	CHECK_EQ(read.sizes[3], 112);
	CHECK_EQ(read.first[2], 0x33333333);
}

TEST(what_was_lost_before_is_told)
{
	struct page page;
	struct read read = {0};
	uint64_t count = 77;

	begin(&page);
	put_record(&page, 1, 4, 1);
	end(&page, UINT64_C(1) << 31);
	CHECK_EQ(sinew__trace_page(page.bytes, PAGE, note, &read), 1);
	end(&page, UINT64_C(3) << 30);
	memcpy(page.bytes + 16 + page.size, &count, 8);
	CHECK_EQ(sinew__trace_page(page.bytes, PAGE, note, &read), 77);
	CHECK_EQ(sinew__trace_page(page.bytes, 16 + page.size + 4, note, &read), 1);
}

/* Exactly as many bytes as are said to be there, so that a checker sees one that is read too many. */
static int64_t read_copy(const char *bytes, size_t size, struct read *read)
{
	char *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, bytes, size);
	int64_t r = sinew__trace_page(copy, size, note, read);
	free(copy);
	return r;
}

TEST(lengths_that_lead_out_are_refused)
{
	static const uint32_t bad[][2] = {
		{28, 0}, {0, 4096}, {0, 0}, {29 | 1 << 5, 4000}, {0, ~0u}};
	struct read read = {0};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct page page;
		begin(&page);
		put_word(&page, bad[i][0]);
		put_word(&page, bad[i][1]);
		end(&page, 0);
		CHECK_EQ(read_copy(page.bytes, 24, &read), -EBADMSG);
		end(&page, 1000);
		CHECK_EQ(read_copy(page.bytes, 24, &read), -EBADMSG);
	}
	CHECK_EQ(read_copy((char[16]){0}, 15, &read), -EBADMSG);
	CHECK_EQ(read.count, 0);
}

TEST(random_pages_are_read_to_their_end_at_most)
{
	uint64_t dice = 88172645463325252u;
	unsigned good = 0, records = 0;

	for (unsigned round = 0; round < 3000; round++) {
		char bytes[512];
		struct read read = {0};
		for (size_t i = 0; i < sizeof bytes; i++) {
			dice ^= dice << 13;
			dice ^= dice >> 7;
			dice ^= dice << 17;
			bytes[i] = (char)(dice >> 32 & (i % 4 ? 0x03 : 0xff));
		}
		uint64_t commit = dice % 520;
		memcpy(bytes + 8, &commit, 8);
		good += read_copy(bytes, sizeof bytes, &read) >= 0;
		records += read.count;
	}
	CHECK(good > 0);
	CHECK(records > 0);
}

/* ---- what events are like ---- */

static const char format[] =
	"name: sched_switch\nID: 372\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
	"\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
	"\tfield:void * function;\toffset:40;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \"prev_pid=%d next_pid=%d\", REC->prev_pid, REC->next_pid\n";

TEST(fields_are_found_by_name)
{
	struct sinew__trace_field field;

	CHECK_EQ(sinew__trace_id(format), 372);
	CHECK(sinew__trace_field(format, "prev_pid", &field));
	CHECK_EQ(field.offset, 24);
	CHECK_EQ(field.size, 4);
	CHECK(sinew__trace_field(format, "prev_comm", &field));
	CHECK_EQ(field.size, 16);
	CHECK(sinew__trace_field(format, "function", &field));
	CHECK_EQ(field.offset, 40);
	CHECK(!sinew__trace_field(format, "pid", &field));
	CHECK(!sinew__trace_field(format, "next_pid", &field));
	CHECK(!sinew__trace_field(format, "prev", &field));
	CHECK(!sinew__trace_field("", "prev_pid", &field));
	CHECK_EQ(sinew__trace_id("ID: 5"), 0);
}
