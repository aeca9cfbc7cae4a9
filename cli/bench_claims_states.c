/* SPDX-License-Identifier: MIT
 *
 * bench_claims_states.c - what is said of the states of processes, and what those did that were measured.
 */
#include <math.h>

#include "bench_verdicts.h"

static bool talks(const struct record *record)
{
	return bench_sound(record) && record->mode < ALONE;
}

/* Of the time in which either had begun and not ended: one may begin, and end, before the other. */
static double share_of_both(const struct outcome *outcome)
{
	const struct spent *client = &outcome->spent[CLIENT], *server = &outcome->spent[SERVER];

	return (double)(client->running + server->running) /
	       fmax((double)outcome->both, fmax((double)client->wall, (double)server->wall));
}

bool claim_one_runs(const struct bench_run *run, struct verdict *v)
{
	double most = 0;
	unsigned rows = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct record *record = &run->records[i];
		const struct outcome *ours = &record->outcomes[0];
		if (!talks(record) || is_on_two(record) || !ours->spent[CLIENT].wall)
			continue;
		most = fmax(most, share_of_both(ours));
		rows++;
	}
	if (!rows)
		return false;
	verdict_add(v,
		"In %u rows on one CPU, through sinew, the two processes together ran for %.0f %% "
		"of the time at most. ",
		rows, most * 100);
	verdict_add(v, "The kernel's clocks of the two may disagree by a few percent.");
	v->verdict = most < 1.05 ? "true" : "FALSE";
	return true;
}

/* Who loses its CPU to another becomes ready, who waits blocks. */
bool claim_seldom_blocked(const struct bench_run *run, struct verdict *v)
{
	double blocked = 0, ready = 0;
	char a[FIGURE], b[FIGURE];

	for (unsigned i = 0; i < run->count; i++)
		for (int side = 0; side < 2 && talks(&run->records[i]); side++) {
			const struct spent *spent = &run->records[i].outcomes[0].spent[side];
			blocked += (double)spent->voluntary;
			ready += (double)spent->involuntary;
		}
	if (blocked + ready == 0)
		return false;
	verdict_add(v,
		"In all rows of two processes that talk through sinew, they left their CPU %s "
		"times "
		"to wait, and %s times because another took it or they gave way",
		say_count(blocked, a), say_count(ready, b));
	verdict_add(v, blocked < ready
			       ? "."
			       : ": whoever talks blocks at nearly every message that is not "
				 "there yet, and what that costs is what the fast mechanisms "
				 "avoid.");
	v->verdict = blocked < ready ? "true of these" : "not of those that talk";
	return true;
}
