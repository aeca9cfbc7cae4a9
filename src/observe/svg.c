/* SPDX-License-Identifier: MIT
 *
 * svg.c - the diagram of the five states as a picture: counts and causes on its edges, times in its nodes.
 * Nothing is loaded, nothing runs; words from outside are text and nothing else.
 */
#include <inttypes.h>
#include <string.h>

#include "../banned.h"
#include "outputs.h"
#include "sentences.h"

enum { WIDTH = 960, HEIGHT = 560, NODE_WIDTH = 150, NODE_HEIGHT = 74 };

/* Plain colours first: not every viewer knows variables or what its user prefers. */
static const char style[] =
	"<style>\n"
	"text{font:14px system-ui,sans-serif;fill:#1b1f24;text-anchor:middle}\n"
	".back{fill:#fff}.node{fill:#f3f5f8;stroke-width:2}\n"
	".edge{fill:none;stroke:#6e7781;stroke-width:2;marker-end:url(#tip)}.tip{fill:#6e7781}\n"
	".left{text-anchor:start}.right{text-anchor:end}\n"
	".title{font-size:18px;font-weight:600}.name{font-weight:600;letter-spacing:.04em}\n"
	".soft{fill:#57606a}.warn{fill:#9a3412}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.back{fill:#0d1117}.node{fill:#1c232d}\n"
	".edge{stroke:#8b949e}.tip{fill:#8b949e}.soft{fill:#9da7b3}.warn{fill:#ffb77c}}\n"
	"</style>\n";

/* Those of the timeline, as they can be told apart on light and on dark. */
static const struct node {
	enum sinew__state state;
	const char *name, *colour;
	int x, y; /* upper left corner */
} nodes[] = {
	{SINEW__NEW, "new", "#b05fa0", 30, 150},
	{SINEW__READY, "ready", "#f0b429", 270, 150},
	{SINEW__RUNNING, "running", "#00805e", 540, 150},
	{SINEW__TERMINATED, "terminated", "#6e7781", 780, 150},
	{SINEW__BLOCKED, "blocked", "#4a9bd6", 405, 430},
};

static const char *const edges[] = {
	"M180 187H264",                     /* admitted */
	"M420 172H534",                     /* dispatched */
	"M540 205C500 258 460 258 424 210", /* back to ready */
	"M690 187H774",                     /* ended */
	"M650 224C650 380 620 440 561 462", /* blocked */
	"M405 462C346 440 310 380 310 230", /* woken up */
	"M855 224V290",                     /* reaped */
};

static void words(FILE *stream, const char *class, int x, int y, const char *text)
{
	fprintf(stream, "<text%s%s%s x=\"%d\" y=\"%d\">", *class ? " class=\"" : "", class,
		*class ? "\"" : "", x, y);
	sinew__xml_text(stream, text);
	fputs("</text>\n", stream);
}

static void counted(const struct sinew__states *states, FILE *stream, const char *class, int x,
	int y, const char *what, enum sinew__move move)
{
	sinew__long text;
	sinew__short number;

	snprintf(text, sizeof text, "%s%s%s", what, *what ? " " : "",
		sinew__number(states->total.moves[move], number));
	words(stream, class, x, y, text);
}

static void draw_node(const struct sinew__states *states, FILE *stream, const struct node *node)
{
	unsigned percents[SINEW__STATES];
	int middle = node->x + NODE_WIDTH / 2;
	uint64_t time = states->total.time[node->state];
	sinew__short text;
	sinew__long share;

	fprintf(stream,
		"<rect class=\"node\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"12\" "
		"stroke=\"%s\"/>\n",
		node->x, node->y, NODE_WIDTH, NODE_HEIGHT, node->colour);
	words(stream, "name", middle, node->y + 25, node->name);
	words(stream, "", middle, node->y + 45, sinew__duration(time, text));
	sinew__percents(states->total.time, SINEW__STATES, percents);
	snprintf(share, sizeof share, "%u %% of all time", percents[node->state]);
	words(stream, "soft", middle, node->y + 63, share);
}

static void edge_words(const struct sinew__states *states, FILE *stream)
{
	words(stream, "soft", 222, 160, "admitted");
	counted(states, stream, "", 222, 178, "", SINEW__ADMITTED);
	words(stream, "soft", 478, 146, "dispatched");
	counted(states, stream, "", 478, 164, "", SINEW__DISPATCHED);
	words(stream, "soft", 733, 160, "ended");
	counted(states, stream, "", 733, 178, "", SINEW__ENDED);
	counted(states, stream, "", 482, 270, "slice over", SINEW__BY_SLICE);
	counted(states, stream, "", 482, 288, "woken task took over", SINEW__BY_WOKEN);
	counted(states, stream, "", 482, 306, "higher class", SINEW__BY_CLASS);
	counted(states, stream, "", 482, 324, "gave way", SINEW__BY_YIELD);
	counted(states, stream, "", 482, 342, "other", SINEW__BY_OTHER);
	counted(states, stream, "left", 645, 400, "blocked", SINEW__TO_BLOCKED);
	counted(states, stream, "right", 316, 400, "woken up", SINEW__WOKEN_UP);
	counted(states, stream, "", 855, 312, "reaped", SINEW__REAPED);
}

static void head(const struct sinew__states *states, FILE *stream)
{
	sinew__long line, traced;
	sinew__short time;

	snprintf(line, sizeof line, "The five states, as seen in: %.300s",
		sinew__traced_text(states, traced));
	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>",
		WIDTH, HEIGHT);
	sinew__xml_text(stream, line);
	fprintf(stream,
		"</title>\n%s<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" "
		"markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path "
		"class=\"tip\" d=\"M0 0 10 5 0 10z\"/></marker></defs>\n"
		"<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n",
		style, WIDTH, HEIGHT);
	words(stream, "title left", 30, 40, sinew__shorten(line, 100));
	snprintf(line, sizeof line, "%s, %" PRIu32 " threads of %u processes, tier %c: %s",
		sinew__duration(states->end - states->begin, time),
		states->task_count + (uint32_t)states->folded, states->process_count,
		states->header.tier >= 'A' && states->header.tier <= 'D' ? (int)states->header.tier
									 : '?',
		sinew__tier_text(states->header.tier));
	words(stream, "soft left", 30, 64, line);
}

/* What is not in the picture. */
static void doubts(const struct sinew__states *states, FILE *stream)
{
	uint64_t unseen = states->total.time[SINEW__UNSEEN] + states->total.time[SINEW__ASLEEP];
	sinew__long line;
	sinew__short time;

	if (unseen) {
		snprintf(line, sizeof line, "%s of all threads' time is not told by the recording",
			sinew__duration(unseen, time));
		words(stream, "warn left", 30, 88, line);
	}
	if (sinew__doubt(states, 0, line))
		words(stream, "warn left", 30, 108, sinew__shorten(line, 120));
}

int sinew__svg_write(const struct sinew__states *states, FILE *stream)
{
	head(states, stream);
	doubts(states, stream);
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		fprintf(stream, "<path class=\"edge\" d=\"%s\"/>\n", edges[i]);
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		draw_node(states, stream, &nodes[i]);
	edge_words(states, stream);
	fputs("</svg>\n", stream);
	return 0;
}
