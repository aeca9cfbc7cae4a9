/* SPDX-License-Identifier: MIT
 *
 * recording.c - fuzz target: recordings of the states of threads.
 *
 * An input is one byte, then a file: as it is if the byte is even; if it is odd, what follows a good
 * header. Whatever is in it: it is refused in words, or told as far as it goes; each life is the sum of its
 * times; no output has a byte that a terminal, JSON or XML would obey; and the same input gives the same
 * output.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "outputs.h"
#include "replay.h"

static const struct sinew__record_header good = {
	.magic = SINEW__RECORD_MAGIC,
	.version = SINEW__RECORD_VERSION,
	.order = SINEW__RECORD_ORDER,
	.size = SINEW__RECORD_HEADER,
	.tier = SINEW__TIER_BPF,
	.has = 0x1ff,
	.started = 1000000000,
	.machine = 62,
	.cpus = 4,
};

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	REQUIRE(fd >= 0, "no memory file");
	if (size && data[0] & 1)
		REQUIRE(write(fd, &good, sizeof good) == sizeof good, "write");
	if (size > 1)
		REQUIRE(write(fd, data + 1, size - 1) == (ssize_t)size - 1, "write");
	REQUIRE(lseek(fd, 0, SEEK_SET) == 0, "seek");
	return fd;
}

/* ---- what holds of any recording ---- */

static void check_task(const struct sinew__task *task)
{
	uint64_t sum = sinew__account_sum(&task->account);

	REQUIRE(task->at >= task->begin, "a life of less than nothing");
	REQUIRE(sum == task->at - task->begin, "%llu ns in states, %llu ns of life",
		(unsigned long long)sum, (unsigned long long)(task->at - task->begin));
}

static void check_states(const struct sinew__states *states)
{
	uint32_t tasks = 0;

	for (uint32_t i = 0; i < states->process_count; i++)
		for (const struct sinew__task *task = states->processes[i]->first; task;
			task = task->sibling, tasks++) {
			REQUIRE(task->process == states->processes[i], "of another process");
			check_task(task);
		}
	REQUIRE(tasks == states->task_count, "%u threads, %u counted", tasks, states->task_count);
	REQUIRE(states->overlaps <= states->checked, "more overlaps than checks");
}

/* ---- outputs ---- */

static void check_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		bool c1 = c == 0xc2 && i + 1 < size && (unsigned char)text[i + 1] < 0xa0;
		REQUIRE((c >= 0x20 || c == '\n') && c != 0x7f && !c1, "byte %02x at %zu", c, i);
	}
}

/* Lines of at most 80 columns. */
static void check_text(const char *text, size_t size)
{
	size_t column = 0;

	for (size_t i = 0; i < size; i++) {
		column = text[i] == '\n' ? 0 : column + (((unsigned char)text[i] & 0xc0) != 0x80);
		REQUIRE(column <= 80, "a line of more than 80 columns at %zu", i);
	}
}

/* Strings end, brackets match. */
static void check_json(const char *text, size_t size)
{
	char open[16];
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < size; i++) {
		if (quoted && text[i] == '\\') {
			i++;
		} else if (quoted) {
			quoted = text[i] != '"';
		} else if (text[i] == '"') {
			quoted = true;
		} else if (text[i] == '{' || text[i] == '[') {
			REQUIRE(depth < sizeof open, "too deep");
			open[depth++] = text[i] == '{' ? '}' : ']';
		} else if (text[i] == '}' || text[i] == ']') {
			REQUIRE(depth && open[--depth] == text[i], "brackets at %zu", i);
		}
	}
	REQUIRE(!depth && !quoted && size && text[size - 1] == '\n', "no end");
}

/* Elements are those that we write, and no attribute is anybody else's. */
static void check_svg(const char *text, size_t size)
{
	static const char *const known[] = {"<svg ", "</svg>", "<title>", "</title>", "<style>",
		"</style>", "<defs>", "</defs>", "<marker ", "</marker>", "<path ", "<rect ",
		"<text ", "</text>"};

	for (size_t i = 0; i < size; i++) {
		bool is_known = text[i] != '<';
		for (size_t k = 0; !is_known && k < sizeof known / sizeof *known; k++)
			is_known = size - i >= strlen(known[k]) &&
				   memcmp(text + i, known[k], strlen(known[k])) == 0;
		REQUIRE(is_known, "an element at %zu: %.20s", i, text + i);
	}
}

static void check_output(const struct sinew__states *states,
	void (*write)(const struct sinew__states *, FILE *), void (*check)(const char *, size_t))
{
	char *text[2];
	size_t size[2];

	for (unsigned i = 0; i < 2; i++) {
		FILE *stream = open_memstream(&text[i], &size[i]);
		REQUIRE(stream, "no memory");
		write(states, stream);
		fclose(stream);
	}
	check_plain(text[0], size[0]);
	check(text[0], size[0]);
	REQUIRE(size[0] == size[1] && memcmp(text[0], text[1], size[0]) == 0, "not the same twice");
	free(text[0]);
	free(text[1]);
}

/* ---- one input ---- */

static void tell(struct sinew__replay *replay)
{
	struct sinew__states states;
	const struct sinew__record *record;
	int r;

	REQUIRE(sinew__states_init(&states, sinew__replay_header(replay)) == 0, "no memory");
	while ((r = sinew__replay_next(replay, &record)) > 0)
		REQUIRE(sinew__states_add(&states, record) == 0, "%s", sinew__observe_error());
	REQUIRE(r == 0, "reading failed: %s", sinew__observe_error());
	if (sinew__replay_fault(replay))
		snprintf(states.fault, sizeof states.fault, "%s", sinew__replay_fault(replay));
	REQUIRE(states.ended || states.fault[0], "no end, and no fault");
	REQUIRE(sinew__states_settle(&states) == 0, "%s", sinew__observe_error());
	check_states(&states);
	check_output(&states, sinew__text_write, check_text);
	check_output(&states, sinew__json_write, check_json);
	check_output(&states, sinew__svg_write, check_svg);
	sinew__states_fini(&states);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sinew__replay *replay;
	int lowest = lowest_fd(), fd = file_of(data, size);
	int r = sinew__replay_open(&replay, fd, "the input");

	if (r < 0) {
		REQUIRE(*sinew__observe_error(), "refused without words");
	} else {
		tell(replay);
		sinew__replay_close(replay);
	}
	close(fd);
	REQUIRE(lowest_fd() == lowest, "a descriptor leaked");
	return 0;
}
