/* SPDX-License-Identifier: MIT
 *
 * told.c - what holds of every output of every recording.
 */
#include "told.h"

#include "fuzz.h"
#include "outputs.h"

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
		"<text ", "</text>", "<g>", "</g>"};

	for (size_t i = 0; i < size; i++) {
		bool is_known = text[i] != '<';
		for (size_t k = 0; !is_known && k < sizeof known / sizeof *known; k++)
			is_known = size - i >= strlen(known[k]) &&
				   memcmp(text + i, known[k], strlen(known[k])) == 0;
		REQUIRE(is_known, "an element at %zu: %.20s", i, text + i);
	}
}

/* Four frames, a space, a number. */
static void check_flame(const char *text, size_t size)
{
	const char *end = text + size;

	for (const char *line = text, *next; line < end; line = next + 1) {
		unsigned frames = 1;
		next = memchr(line, '\n', (size_t)(end - line));
		REQUIRE(next, "no end of the last line");
		for (const char *at = line; at < next; at++)
			frames += *at == ';';
		const char *space = memrchr(line, ' ', (size_t)(next - line));
		REQUIRE(frames == 4 && space, "a line of %u frames", frames);
		REQUIRE(strspn(space + 1, "0123456789") == (size_t)(next - space - 1), "no number");
	}
}

static uint64_t take_varint(const char **at, const char *end)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		REQUIRE(*at < end && shift < 64, "a number without an end");
		unsigned char byte = (unsigned char)*(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
}

/* Fields of a packet that are messages, not texts or numbers. */
static bool holds_fields(uint64_t field, unsigned depth)
{
	return depth == 0 || (depth == 1 && field != 8 && field != 10 && field != 13);
}

/* Fields follow each other up to the end; packets and what they hold are looked into. */
static void check_fields(const char *at, const char *end, unsigned depth)
{
	while (at < end) {
		uint64_t key = take_varint(&at, end);
		REQUIRE(key >> 3, "a field without a number");
		uint64_t size = (key & 7) == 1 ? 8 : take_varint(&at, end);
		if ((key & 7) == 0)
			continue;
		REQUIRE(((key & 7) == 1 || (key & 7) == 2) && size <= (size_t)(end - at),
			"a field of a kind or size that cannot be");
		if ((key & 7) == 2 && holds_fields(key >> 3, depth))
			check_fields(at, at + size, depth + 1);
		at += size;
	}
}

static void check_perfetto(const char *text, size_t size)
{
	REQUIRE(size, "no packet");
	check_fields(text, text + size, 0);
}

static size_t count_of(const char *text, size_t size, const char *part)
{
	size_t count = 0, length = strlen(part);
	const char *end = text + size;

	for (const char *at = text; (at = memmem(at, (size_t)(end - at), part, length));
		at += length)
		count++;
	return count;
}

/* Between the marks of the page stand JSON and a picture, and nothing in them ends its element. */
static void check_html(const char *text, size_t size)
{
	static const char data[] = "<script type=\"application/json\" id=\"data\">\n";
	const char *json = memmem(text, size, data, sizeof data - 1);

	REQUIRE(json && count_of(text, size, "<script") == 2, "not two scripts");
	REQUIRE(count_of(text, size, "</script") == 2, "a script ends elsewhere");
	REQUIRE(count_of(text, size, "</template") == 1, "a template ends elsewhere");
	json += sizeof data - 1;
	const char *end = memmem(json, (size_t)(text + size - json), "</script>", 9);
	check_json(json, (size_t)(end - json));
	REQUIRE(!memchr(json, '<', (size_t)(end - json)), "markup in the data");
}

static void check_output(const struct sinew__states *states, sinew__output *write, bool plain,
	void (*check)(const char *, size_t))
{
	char *text[2];
	size_t size[2];

	for (unsigned i = 0; i < 2; i++) {
		FILE *stream = open_memstream(&text[i], &size[i]);
		REQUIRE(stream, "no memory");
		REQUIRE(write(states, stream) == 0, "no memory");
		fclose(stream);
	}
	if (plain)
		check_plain(text[0], size[0]);
	check(text[0], size[0]);
	REQUIRE(size[0] == size[1] && memcmp(text[0], text[1], size[0]) == 0, "not the same twice");
	free(text[0]);
	free(text[1]);
}

void check_told(const struct sinew__states *states)
{
	check_output(states, sinew__text_write, true, check_text);
	check_output(states, sinew__json_write, true, check_json);
	check_output(states, sinew__svg_write, true, check_svg);
	check_output(states, sinew__flame_write, true, check_flame);
	check_output(states, sinew__flame_svg_write, true, check_svg);
	check_output(states, sinew__perfetto_write, false, check_perfetto);
	check_output(states, sinew__html_write, false, check_html);
}
