/* SPDX-License-Identifier: MIT
 *
 * proc.c - fuzz target: files of /proc. The first byte says which one, the rest is its text. What is not
 * understood changes nothing that a caller believes, and what is understood is the same if more follows.
 */
#include <lines.h>

#include "fuzz.h"

static const struct form {
	bool (*parse)(const char *text, struct sinew__facts *facts);
} forms[] = {
	{sinew__parse_stat},
	{sinew__parse_schedstat},
	{sinew__parse_sched},
	{sinew__parse_status},
	{sinew__parse_syscall},
	{sinew__parse_wchan},
};

enum { FORMS = sizeof forms / sizeof *forms };

static char *text_of(struct input *in)
{
	size_t size = in->left;
	const uint8_t *bytes = take_bytes(in, &size);
	char *text = malloc(size + 1);

	REQUIRE(text, "no memory");
	if (size)
		memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const struct form *form = &forms[take_byte(&in) % FORMS];
	char *text = text_of(&in);
	struct sinew__facts facts = {.tid = 12, .number = 77};

	bool good = form->parse(text, &facts);
	REQUIRE(memchr(facts.comm, '\0', sizeof facts.comm), "a name without an end");
	REQUIRE(memchr(facts.wchan, '\0', sizeof facts.wchan), "a function without an end");
	if (form->parse == sinew__parse_syscall && !good)
		REQUIRE(facts.number == 77 && facts.in == SINEW__IN_UNKNOWN, "half a call");
	if (form->parse == sinew__parse_stat && good)
		REQUIRE(strchr("RSDTtZXxKWPI", facts.letter), "no such state: %c", facts.letter);
	if (form->parse == sinew__parse_wchan && good)
		REQUIRE(*facts.wchan && strcmp(facts.wchan, "0") != 0, "no function");
	struct sinew__facts again = {.tid = 12, .number = 77};
	REQUIRE(form->parse(text, &again) == good && memcmp(&facts, &again, sizeof facts) == 0,
		"another answer the second time");
	free(text);
	return 0;
}
