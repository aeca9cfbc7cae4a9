/* SPDX-License-Identifier: MIT
 *
 * text.c - a summary as text: what was recorded, the diagram of the model with counts and times, doubts,
 * tables, and what the text book says.
 */
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../banned.h"
#include "verdicts.h"

/* ---- lines ---- */

static bool may_colour(FILE *stream)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
	int fd = fileno(stream);

	return fd >= 0 && !(none && *none) && terminal && strcmp(terminal, "dumb") != 0 &&
	       isatty(fd);
}

void sinew__heading(const struct sinew__page *page, const char *text)
{
	fprintf(page->stream, "\n%s%s%s\n", page->bold ? "\033[1m" : "", text,
		page->bold ? "\033[0m" : "");
}

static size_t columns_of(const char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first so many columns. */
static size_t bytes_of(const char *text, size_t size, size_t columns)
{
	size_t i = 0;

	for (; i < size; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	return i;
}

static void next_line(const struct sinew__page *page, size_t indent, size_t *column)
{
	fprintf(page->stream, "\n%*s", (int)indent, "");
	*column = indent;
}

static void put_word(const struct sinew__page *page, const char *word, size_t size, size_t indent,
	size_t *column)
{
	while (columns_of(word, size) > SINEW__WIDTH - *column) {
		size_t part = bytes_of(word, size, SINEW__WIDTH - *column);
		fwrite(word, 1, part, page->stream);
		word += part;
		size -= part;
		next_line(page, indent, column);
	}
	fwrite(word, 1, size, page->stream);
	*column += columns_of(word, size);
}

static void wrap(const struct sinew__page *page, size_t column, size_t indent, const char *text)
{
	bool began = false;

	for (const char *at = text; *at;) {
		size_t word = strcspn(at, " ");
		if (began && column + 1 + columns_of(at, word) > SINEW__WIDTH) {
			next_line(page, indent, &column);
		} else if (began) {
			fputc(' ', page->stream);
			column++;
		}
		put_word(page, at, word, indent, &column);
		began = true;
		at += word + (at[word] == ' ');
	}
	fputc('\n', page->stream);
}

void sinew__paragraph(const struct sinew__page *page, const char *first, const char *text)
{
	size_t indent = sinew__columns(first);

	fputs(first, page->stream);
	wrap(page, indent, indent, text);
}

void sinew__entry(const struct sinew__page *page, const char *text)
{
	fputs("  ", page->stream);
	wrap(page, 2, 4, text);
}

void sinew__cell(const struct sinew__page *page, const char *text, unsigned columns)
{
	size_t size = strlen(text), used = columns_of(text, size);

	fwrite(text, 1, bytes_of(text, size, columns), page->stream);
	fprintf(page->stream, "%*s", used < columns ? (int)(columns - used) : 0, "");
}

/* ---- what was recorded ---- */

static void about(const struct sinew__states *states, const struct sinew__page *page)
{
	const struct sinew__record_header *header = &states->header;
	char release[160];
	sinew__long line, traced;
	sinew__short time, records;

	sinew__plain(header->release, sizeof header->release, release, sizeof release);
	snprintf(line, sizeof line, "Trace of %.400s", sinew__traced_text(states, traced));
	sinew__paragraph(page, "", line);
	snprintf(line, sizeof line, "%s on %u CPU%s, Linux %s; %s records; tier %c: %s",
		sinew__duration(states->end - states->begin, time), header->cpus,
		sinew__plural(header->cpus), release[0] ? release : "?",
		sinew__number(states->records, records),
		header->tier >= 'A' && header->tier <= 'D' ? (int)header->tier : '?',
		sinew__tier_text(header->tier));
	sinew__paragraph(page, "  ", line);
	for (unsigned i = 0; sinew__note_text_at(states, i, line); i++)
		sinew__paragraph(page, "  ", line);
}

static void about_start(const struct sinew__states *states, const struct sinew__page *page)
{
	const struct sinew__end *end = &states->end_record;
	sinew__short startup, seeding;
	sinew__long line, code;

	if (!states->ended)
		return;
	if (end->startup) {
		snprintf(line, sizeof line,
			"ready after %s, of which %s for a look at %" PRIu64 " thread%s",
			sinew__duration(end->startup, startup),
			sinew__duration(end->seeding, seeding), (uint64_t)end->seeded,
			sinew__plural(end->seeded));
		sinew__paragraph(page, "  ", line);
	}
	if (end->exit_code >= 0 && states->header.scope == SINEW__SCOPE_COMMAND) {
		snprintf(line, sizeof line, "the command %s",
			sinew__code_text((uint32_t)end->exit_code, code));
		sinew__paragraph(page, "  ", line);
	}
}

static void doubts(const struct sinew__states *states, const struct sinew__page *page)
{
	sinew__long text;

	if (!sinew__doubt(states, 0, text))
		return;
	sinew__heading(page, "What this recording does not tell");
	for (unsigned i = 0; sinew__doubt(states, i, text); i++)
		sinew__paragraph(page, "  - ", text);
}

/* ---- the model ---- */

/* %N in a row stands for the N-th figure, in a field as wide as it is written: "%0______". */
static const char *const drawing[] = {
	"",
	"  +-----+  admitted  +--------+ dispatched  +---------+  ended   +------------+",
	"  | NEW |----------->| READY  |------------>| RUNNING |--------->| TERMINATED |",
	"  +-----+ %0________ +--------+ %1_________ +---------+ %2______ +------------+",
	"  %a_____            %b______               %c_______            %d_____ |",
	"                       ^   ^   slice %3_______    |   |                | reaped",
	"                       |   |   woken %4_______    |   |                v %9___",
	"                       |   +-- class %5_______ ---+   |",
	"                       |       yield %6_______        |",
	"                       |       other %7_______        |",
	"                       |                              |",
	"                       |  woken up  +---------+       |",
	"                       +------------| BLOCKED |<------+",
	"                         %A________ +---------+ %8_________",
	"                                    %e_______",
};

/* Which figure a letter stands for. */
static const char *figure(
	const struct sinew__states *states, char letter, unsigned width, sinew__short text)
{
	static const enum sinew__move moves[] = {SINEW__ADMITTED, SINEW__DISPATCHED, SINEW__ENDED,
		SINEW__BY_SLICE, SINEW__BY_WOKEN, SINEW__BY_CLASS, SINEW__BY_YIELD, SINEW__BY_OTHER,
		SINEW__TO_BLOCKED, SINEW__REAPED};

	if (letter == 'A')
		return sinew__brief(states->total.moves[SINEW__WOKEN_UP], width, text);
	if (letter >= '0' && letter <= '9')
		return sinew__brief(states->total.moves[moves[letter - '0']], width, text);
	static const enum sinew__state spent[] = {
		SINEW__NEW, SINEW__READY, SINEW__RUNNING, SINEW__TERMINATED, SINEW__BLOCKED};
	return sinew__duration(states->total.time[spent[letter - 'a']], text);
}

static void draw_row(const struct sinew__states *states, const char *row, FILE *stream)
{
	char line[4 * SINEW__WIDTH] = "";
	int used = 0, width;
	sinew__short text;

	for (; *row; row += width) {
		width = *row == '%' ? 2 + (int)strspn(row + 2, "_") : 1;
		if (*row != '%')
			line[used++] = *row;
		else
			used += snprintf(line + used, sizeof text, "%-*s", width,
				figure(states, row[1], (unsigned)width, text));
	}
	while (used && line[used - 1] == ' ')
		used--;
	fprintf(stream, "%.*s\n", used, line);
}

static void diagram(const struct sinew__states *states, const struct sinew__page *page)
{
	sinew__heading(page, "The model, with what was seen");
	for (size_t i = 0; i < sizeof drawing / sizeof *drawing; i++)
		draw_row(states, drawing[i], page->stream);
}

static void verdicts(const struct sinew__states *states, const struct sinew__page *page)
{
	struct sinew__verdict verdict;
	sinew__long line;

	sinew__heading(page, "What the text book says");
	for (unsigned i = 0; i < SINEW__VERDICTS; i++) {
		sinew__judge(states, i, &verdict);
		snprintf(line, sizeof line, "%s %s.", verdict.claim,
			sinew__answer_text(verdict.answer));
		sinew__paragraph(page, "  ", line);
		sinew__paragraph(page, "      ", verdict.figures);
	}
}

int sinew__text_write(const struct sinew__states *states, FILE *stream)
{
	struct sinew__page page = {stream, may_colour(stream)};

	about(states, &page);
	about_start(states, &page);
	doubts(states, &page);
	diagram(states, &page);
	sinew__text_states(states, &page);
	sinew__text_moves(states, &page);
	sinew__text_delay(states, &page);
	sinew__text_blocked(states, &page);
	sinew__text_wakers(states, &page);
	sinew__text_pushes(states, &page);
	sinew__text_lives(states, &page);
	verdicts(states, &page);
	return 0;
}
