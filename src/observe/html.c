/* SPDX-License-Identifier: MIT
 *
 * html.c - one page that needs nothing else: page/page.html with the diagram of the states, the summary as
 * --json writes it, and the spans of all lanes.
 *
 * The spans of a lane are a string of numbers in base64, each of seven bits a byte, the low ones first:
 * state | 8 with a cause | 16 with another thread; ns since the last one ended; ns that it lasted; its CPU, or
 * why it was ready; the cause; the other's tid and, plus one, its lane. page/data.js reads them.
 */
#include <errno.h>
#include <stdlib.h>

#include "../banned.h"
#include "outputs.h"
#include "page.h"
#include "sentences.h"

enum { HAS_CAUSE = 8, HAS_OTHER = 16, WHYS = 10 };

/* ---- numbers in base64 ---- */

struct packer {
	FILE *stream;
	uint32_t bits;
	unsigned bytes; /* in `bits`: 0 to 2 */
};

static void put_group(struct packer *packer, unsigned characters)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 0; i < 4; i++)
		fputc(i < characters ? digits[packer->bits >> (18 - 6 * i) & 63] : '=',
			packer->stream);
	packer->bits = packer->bytes = 0;
}

static void put_byte(struct packer *packer, uint8_t byte)
{
	packer->bits |= (uint32_t)byte << (16 - 8 * packer->bytes);
	if (++packer->bytes == 3)
		put_group(packer, 4);
}

static void put_number(struct packer *packer, uint64_t value)
{
	for (; value > 127; value >>= 7)
		put_byte(packer, (uint8_t)(value | 128));
	put_byte(packer, (uint8_t)value);
}

static void put_rest(struct packer *packer)
{
	if (packer->bytes)
		put_group(packer, packer->bytes + 1);
}

/* ---- lanes ---- */

/* The spans of each lane in the order of time, and the lanes process by process. */
struct layout {
	uint32_t *first, *next; /* spans, plus one; 0: none */
	uint32_t *lanes;        /* in the order in which they are shown */
	uint32_t *places;       /* of each lane in there */
};

static int by_process(const void *left, const void *right, void *arg)
{
	const struct sinew__lane *lanes = arg;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;

	if (lanes[i].process != lanes[j].process)
		return lanes[i].process < lanes[j].process ? -1 : 1;
	return i < j ? -1 : i > j;
}

static bool layout_init(struct layout *layout, const struct sinew__timeline *timeline)
{
	size_t lanes = (size_t)timeline->lane_count + 1;

	layout->first = calloc(lanes, sizeof(uint32_t));
	layout->next = calloc((size_t)timeline->span_count + 1, sizeof(uint32_t));
	layout->lanes = calloc(lanes, sizeof(uint32_t));
	layout->places = calloc(lanes, sizeof(uint32_t));
	if (!layout->first || !layout->next || !layout->lanes || !layout->places)
		return false;
	for (uint32_t i = timeline->span_count; i-- > 0;) {
		layout->next[i] = layout->first[timeline->spans[i].lane];
		layout->first[timeline->spans[i].lane] = i + 1;
	}
	for (uint32_t i = 0; i < timeline->lane_count; i++)
		layout->lanes[i] = i;
	qsort_r(layout->lanes, timeline->lane_count, sizeof(uint32_t), by_process, timeline->lanes);
	for (uint32_t i = 0; i < timeline->lane_count; i++)
		layout->places[layout->lanes[i]] = i;
	return true;
}

static void layout_fini(struct layout *layout)
{
	free(layout->first);
	free(layout->next);
	free(layout->lanes);
	free(layout->places);
}

/* ---- spans ---- */

/* A wait has its waker at its end, all else its other thread at its beginning. */
static uint64_t place_of_other(const struct sinew__timeline *timeline, const struct layout *layout,
	const struct sinew__span *span)
{
	bool wait = span->state == SINEW__BLOCKED || span->state == SINEW__ASLEEP;
	uint32_t lane = sinew__timeline_find(timeline, span->other, wait ? span->to : span->from);

	return lane == SINEW__NO_LANE ? 0 : (uint64_t)layout->places[lane] + 1;
}

static void put_span(struct packer *packer, const struct sinew__timeline *timeline,
	const struct layout *layout, const struct sinew__span *span, uint64_t last)
{
	bool cause = span->cause != SINEW__NO_CAUSE;

	put_number(packer, span->state | (cause ? HAS_CAUSE : 0u) | (span->other ? HAS_OTHER : 0u));
	put_number(packer, span->from > last ? span->from - last : 0);
	put_number(packer, span->to - span->from);
	put_number(packer, span->state == SINEW__READY ? span->why : span->cpu);
	if (cause)
		put_number(packer, span->cause);
	if (span->other) {
		put_number(packer, span->other);
		put_number(packer, place_of_other(timeline, layout, span));
	}
}

static uint32_t count_spans(const struct layout *layout, uint32_t lane)
{
	uint32_t count = 0;

	for (uint32_t at = layout->first[lane]; at; at = layout->next[at - 1])
		count++;
	return count;
}

/* What lies before the beginning of the recording is cut off. */
static void put_spans(FILE *stream, const struct sinew__states *states, const struct layout *layout,
	uint32_t lane)
{
	struct packer packer = {.stream = stream};
	uint64_t last = states->begin;

	fputc('"', stream);
	for (uint32_t at = layout->first[lane]; at; at = layout->next[at - 1]) {
		struct sinew__span span = states->timeline->spans[at - 1];
		span.from = span.from > states->begin ? span.from : states->begin;
		span.to = span.to > span.from ? span.to : span.from;
		put_span(&packer, states->timeline, layout, &span, last);
		last = span.to;
	}
	put_rest(&packer);
	fputc('"', stream);
}

static void put_lane(struct sinew__json *json, const struct sinew__states *states,
	const struct layout *layout, uint32_t at)
{
	const struct sinew__lane *lane = &states->timeline->lanes[at];
	sinew__long text;

	sinew__json_open(json, NULL, '{');
	sinew__json_number(json, "process", lane->process);
	sinew__json_number(json, "tid", lane->tid);
	sinew__json_text(json, "name", sinew__lane_text(states, at, text));
	sinew__json_number(json, "count", count_spans(layout, at));
	sinew__json_key(json, "spans");
	put_spans(json->stream, states, layout, at);
	sinew__json_close(json, '}');
}

/* ---- the rest of the data ---- */

static void put_processes(struct sinew__json *json, const struct sinew__states *states)
{
	sinew__long text;

	sinew__json_open(json, "processes", '[');
	for (uint32_t i = 0; i < states->process_count; i++)
		sinew__json_text(json, NULL, sinew__process_text(states, i, text));
	sinew__json_close(json, ']');
}

static void put_causes(struct sinew__json *json, const struct sinew__states *states)
{
	const struct sinew__block_row *row;
	sinew__long text;

	sinew__json_open(json, "causes", '[');
	for (uint32_t i = 0; (row = sinew__tally_block_at(&states->tally, i)); i++) {
		const char *object = sinew__object_text(states, &row->key, text);
		sinew__json_open(json, NULL, '{');
		sinew__json_text(json, "object", object ? object : "");
		sinew__json_text(json, "wait", sinew__wait_text(states, &row->key, text));
		sinew__json_text(json, "call", sinew__call_text(states, &row->key, text));
		sinew__json_text(json, "ended", sinew__ender_text(states, &row->key, text));
		sinew__json_close(json, '}');
	}
	sinew__json_close(json, ']');
}

static void put_whys(struct sinew__json *json)
{
	sinew__json_open(json, "whys", '[');
	for (unsigned i = 0; i < WHYS; i++)
		sinew__json_text(json, NULL, sinew__ready_text(i));
	sinew__json_close(json, ']');
}

static void put_data(FILE *stream, const struct sinew__states *states, const struct layout *layout)
{
	struct sinew__json json = {.stream = stream, .in_markup = true};

	sinew__json_open(&json, NULL, '{');
	sinew__json_report(&json, "report", states);
	put_processes(&json, states);
	put_causes(&json, states);
	put_whys(&json);
	sinew__json_open(&json, "lanes", '[');
	for (uint32_t i = 0; i < states->timeline->lane_count; i++)
		put_lane(&json, states, layout, layout->lanes[i]);
	sinew__json_close(&json, ']');
	sinew__json_close(&json, '}');
	fputc('\n', stream);
}

int sinew__html_write(const struct sinew__states *states, FILE *stream)
{
	struct layout layout = {0};
	bool good = layout_init(&layout, states->timeline);

	if (good) {
		fwrite(page_head, 1, sizeof page_head, stream);
		sinew__svg_write(states, stream);
		fwrite(page_middle, 1, sizeof page_middle, stream);
		put_data(stream, states, &layout);
		fwrite(page_tail, 1, sizeof page_tail, stream);
	}
	layout_fini(&layout);
	return good ? 0 : -ENOMEM;
}
