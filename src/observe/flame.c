/* SPDX-License-Identifier: MIT
 *
 * flame.c - blocked time as folded stacks, one on a line, as tools that draw flame graphs read them:
 * frames from the root on with ';' between them, a space, nanoseconds.
 */
#include "flame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "outputs.h"
#include "sentences.h"

/* Blocked time of one lane for one cause. */
struct part {
	uint32_t lane, cause;
	uint64_t time;
};

/* ---- parts ---- */

static int by_lane_and_cause(const void *left, const void *right)
{
	const struct part *a = left, *b = right;

	if (a->lane != b->lane)
		return a->lane < b->lane ? -1 : 1;
	return a->cause < b->cause ? -1 : a->cause > b->cause;
}

static bool is_wait(const struct sinew__span *span)
{
	return span->state == SINEW__BLOCKED || span->state == SINEW__ASLEEP;
}

static uint32_t add_equal(struct part *parts, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (kept && by_lane_and_cause(&parts[kept - 1], &parts[i]) == 0)
			parts[kept - 1].time += parts[i].time;
		else
			parts[kept++] = parts[i];
	return kept;
}

/* To be freed; NULL without memory. */
static struct part *parts_of(const struct sinew__timeline *timeline, uint32_t *count)
{
	uint32_t n = 0;
	struct part *parts = calloc((size_t)timeline->span_count + 1, sizeof *parts);

	if (!parts)
		return NULL;
	for (uint32_t i = 0; i < timeline->span_count; i++) {
		const struct sinew__span *span = &timeline->spans[i];
		if (is_wait(span))
			parts[n++] = (struct part){span->lane, span->cause, span->to - span->from};
	}
	qsort(parts, n, sizeof *parts, by_lane_and_cause);
	*count = add_equal(parts, n);
	return parts;
}

/* ---- frames ---- */

/* Not all parts have a cause, and not all causes an object. */
static bool fill(
	const struct sinew__states *states, const struct part *part, struct sinew__stack *stack)
{
	const struct sinew__block_row *row = sinew__tally_block_at(&states->tally, part->cause);
	sinew__long thread, call, object, ender;
	const char *on = row ? sinew__object_text(states, &row->key, object) : NULL;
	const char *const frames[SINEW__FRAMES] = {
		sinew__lane_text(states, part->lane, thread),
		row ? sinew__call_text(states, &row->key, call) : "not told",
		on ? on : "no object",
		row ? sinew__ender_text(states, &row->key, ender) : "not told",
	};

	stack->time = part->time;
	for (unsigned i = 0; i < SINEW__FRAMES; i++)
		if (!(stack->frames[i] = strdup(frames[i])))
			return false;
	return true;
}

static int by_frames(const void *left, const void *right)
{
	const struct sinew__stack *a = left, *b = right;
	int order = 0;

	for (unsigned i = 0; order == 0 && i < SINEW__FRAMES; i++)
		order = strcmp(a->frames[i], b->frames[i]);
	return order;
}

static void free_frames(struct sinew__stack *stack)
{
	for (unsigned i = 0; i < SINEW__FRAMES; i++)
		free(stack->frames[i]);
}

/* Causes that differ may read the same. */
static void merge(struct sinew__stacks *stacks)
{
	uint32_t kept = 0;

	qsort(stacks->rows, stacks->count, sizeof *stacks->rows, by_frames);
	for (uint32_t i = 0; i < stacks->count; i++) {
		struct sinew__stack *row = &stacks->rows[i];
		if (kept && by_frames(&stacks->rows[kept - 1], row) == 0) {
			stacks->rows[kept - 1].time += row->time;
			free_frames(row);
		} else {
			stacks->rows[kept++] = *row;
		}
	}
	stacks->count = kept;
}

bool sinew__stacks_init(struct sinew__stacks *stacks, const struct sinew__states *states)
{
	uint32_t count = 0;
	struct part *parts = parts_of(states->timeline, &count);
	bool good = parts != NULL;

	*stacks = (struct sinew__stacks){.rows = calloc((size_t)count + 1, sizeof *stacks->rows)};
	good = good && stacks->rows;
	for (uint32_t i = 0; good && i < count; i++)
		good = fill(states, &parts[i], &stacks->rows[stacks->count++]);
	free(parts);
	if (good)
		merge(stacks);
	else
		sinew__stacks_fini(stacks);
	return good;
}

void sinew__stacks_fini(struct sinew__stacks *stacks)
{
	for (uint32_t i = 0; i < stacks->count; i++)
		free_frames(&stacks->rows[i]);
	free(stacks->rows);
	*stacks = (struct sinew__stacks){0};
}

/* ---- folded ---- */

/* What would be read as the end of a frame is written as plain text writes other bytes. */
static void put_frame(FILE *stream, const char *frame)
{
	for (; *frame; frame++)
		if (*frame == ';')
			fputs("\\x3b", stream);
		else
			fputc(*frame, stream);
}

int sinew__flame_write(const struct sinew__states *states, FILE *stream)
{
	struct sinew__stacks stacks;

	if (!sinew__stacks_init(&stacks, states))
		return -ENOMEM;
	for (uint32_t i = 0; i < stacks.count; i++) {
		for (unsigned f = 0; f < SINEW__FRAMES; f++) {
			put_frame(stream, stacks.rows[i].frames[f]);
			fputc(f + 1 < SINEW__FRAMES ? ';' : ' ', stream);
		}
		fprintf(stream, "%" PRIu64 "\n", stacks.rows[i].time);
	}
	sinew__stacks_fini(&stacks);
	return 0;
}
