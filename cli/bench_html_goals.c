/* SPDX-License-Identifier: MIT
 *
 * bench_html_goals.c - a card for each goal: who misses it first, then of whom nobody can tell, then who meets it.
 */
#include "bench_goals.h"
#include "bench_html.h"

static void put_part(struct out *out, const char *name, const char *text)
{
	if (!*text)
		return;
	out_format(out, "<p><strong>%s:</strong> ", name);
	html_text(out, text);
	out_text(out, ".</p>");
}

static void put_goal(struct out *out, const struct goal *goal)
{
	static const char *const classes[REACHED] = {"says good", "says missed", "says"};
	char text[GOAL_TEXT];

	out_text(out, "<div class=\"card\"><h3>");
	html_text(out, goal->about);
	out_text(out, "</h3><p class=\"soft\">Goal: ");
	html_text(out, goal->wanted);
	out_format(out, ".</p><p class=\"%s\">%s</p>", classes[goal_result(goal)],
		goal_verdict(goal, text, sizeof text));
	put_part(out, "Missed", goal_rows(goal, MISSED, false, text, sizeof text));
	put_part(out, "Why", goal_causes(goal, text, sizeof text));
	put_part(out, "Cannot be told", goal_rows(goal, UNSURE, false, text, sizeof text));
	put_part(out, "Met", goal_rows(goal, MET, false, text, sizeof text));
	out_text(out, "</div>\n");
}

void html_goals(const struct bench_run *run, struct out *out)
{
	static struct goal goals[MOST_GOALS];
	unsigned count = bench_goals(run, goals);

	if (!count)
		return;
	out_text(out,
		"<h2>Goals of sinew, and whether this run meets them</h2>\n<p "
		"class=\"soft\">What a message costs through sinew, beside the same mechanism "
		"used by bare system calls in the same turns: +4 % is 4 % more time, the median "
		"of the repeats; behind it the lowest and the highest of them. If these lie on "
		"both sides of the goal, it cannot be told. Why a goal is missed was found out "
		"before, by counting instructions and calls, and is told where the calls that "
		"this run counted agree with it.</p>\n<div class=\"cards\">\n");
	for (unsigned i = 0; i < count; i++)
		put_goal(out, &goals[i]);
	out_text(out, "</div>\n");
}
