/* SPDX-License-Identifier: MIT
 *
 * bench_goals_words.c - goals in words: which rows meet them, which do not, by how much, and why.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_goals.h"
#include "text.h"

const char *const goal_results[REACHED] = {"met", "missed", "cannot be told"};

enum reached goal_result(const struct goal *goal)
{
	return goal->reached[MISSED] ? MISSED : goal->reached[UNSURE] ? UNSURE : MET;
}

char *goal_verdict(const struct goal *goal, char *text, size_t size)
{
	const unsigned *n = goal->reached;

	*text = '\0';
	if (n[MISSED] == goal->count)
		text_add(text, size, goal->count > 1 ? "missed by all %u" : "missed", goal->count);
	else if (n[MISSED])
		text_add(text, size, "missed by %u of %u", n[MISSED], goal->count);
	else if (n[MET] == goal->count)
		text_add(text, size, goal->count > 1 ? "met by all %u" : "met", goal->count);
	else if (n[MET])
		text_add(text, size, "met by %u of %u", n[MET], goal->count);
	if (n[UNSURE] == goal->count)
		text_add(text, size, "cannot be told");
	else if (n[UNSURE])
		text_add(text, size, ", of %u it cannot be told", n[UNSURE]);
	return text;
}

enum { WORDS = 32 };

/* How a row's figures are told: twice as much and more by times, which more percents would hide. */
enum scale { MORE, AS_LONG, AS_FAST };

static char *say_ratio(double ratio, enum scale scale, char text[WORDS])
{
	double percent = (ratio - 1) * 100;

	if (scale == MORE)
		snprintf(text, WORDS, "%+.1f", fabs(percent) < 0.05 ? 0 : percent);
	else
		snprintf(text, WORDS, "%.1f", scale == AS_LONG ? ratio : 1 / ratio);
	return text;
}

static void add_ratio(
	char *text, size_t size, const struct goal *goal, const struct aimed *aimed, bool in_short)
{
	static const char *const units[] = {" %", " times as long", " times"};
	const struct figure *r = &aimed->ratio;
	enum scale scale = goal->times ? AS_FAST : r->median >= 2 ? AS_LONG : MORE;
	char a[WORDS], b[WORDS], c[WORDS];

	text_add(text, size, "%s %s%s", aimed->record->row->name, say_ratio(r->median, scale, a),
		units[scale]);
	if (aimed->record->repeats < 2)
		text_add(text, size, " (measured once)");
	else if (!in_short)
		text_add(text, size, " (%s to %s)",
			say_ratio(goal->times ? r->high : r->low, scale, b),
			say_ratio(goal->times ? r->low : r->high, scale, c));
}

char *goal_rows(
	const struct goal *goal, enum reached reached, bool in_short, char *text, size_t size)
{
	*text = '\0';
	for (unsigned i = 0; i < goal->count; i++)
		if (goal->of[i].reached == reached) {
			text_add(text, size, "%s", *text ? ", " : "");
			add_ratio(text, size, goal, &goal->of[i], in_short);
		}
	return text;
}

static bool is_told(const struct goal *goal, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (goal->of[k].reached == MISSED &&
			strcmp(goal->of[k].cause, goal->of[i].cause) == 0)
			return true;
	return false;
}

/* Once, for all that have it. */
static void add_cause(const struct goal *goal, unsigned first, char *text, size_t size)
{
	const char *cause = goal->of[first].cause;

	text_add(text, size, "%s", *text ? "; " : "");
	for (unsigned i = first; i < goal->count; i++)
		if (goal->of[i].reached == MISSED && strcmp(goal->of[i].cause, cause) == 0)
			text_add(text, size, "%s%s", i > first ? ", " : "",
				goal->of[i].record->row->name);
	text_add(text, size, ": %s", *cause ? cause : "not known");
}

char *goal_causes(const struct goal *goal, char *text, size_t size)
{
	*text = '\0';
	for (unsigned i = 0; i < goal->count; i++)
		if (goal->of[i].reached == MISSED && !is_told(goal, i))
			add_cause(goal, i, text, size);
	return text;
}
