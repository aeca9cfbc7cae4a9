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
#include "told.h"

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

/* The spans of a lane follow each other. */
static void check_spans(const struct sinew__timeline *timeline)
{
	uint64_t *ends = calloc(timeline->lane_count + 1, sizeof *ends);

	REQUIRE(ends, "no memory");
	for (uint32_t i = 0; i < timeline->span_count; i++) {
		const struct sinew__span *span = &timeline->spans[i];
		REQUIRE(span->lane < timeline->lane_count, "a span of no lane");
		REQUIRE(span->from >= ends[span->lane] && span->to > span->from, "spans overlap");
		ends[span->lane] = span->to;
	}
	free(ends);
}

/* ---- one input ---- */

static void tell(struct sinew__replay *replay)
{
	struct sinew__states states;
	const struct sinew__record *record;
	int r;

	REQUIRE(sinew__states_init(&states, sinew__replay_header(replay)) == 0, "no memory");
	REQUIRE(sinew__timeline_keep(&states) == 0, "no memory");
	while ((r = sinew__replay_next(replay, &record)) > 0)
		REQUIRE(sinew__states_add(&states, record) == 0, "%s", sinew__observe_error());
	REQUIRE(r == 0, "reading failed: %s", sinew__observe_error());
	if (sinew__replay_fault(replay))
		snprintf(states.fault, sizeof states.fault, "%s", sinew__replay_fault(replay));
	REQUIRE(states.ended || states.fault[0], "no end, and no fault");
	REQUIRE(sinew__states_settle(&states) == 0, "%s", sinew__observe_error());
	check_states(&states);
	check_spans(states.timeline);
	check_told(&states);
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
