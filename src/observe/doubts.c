/* SPDX-License-Identifier: MIT
 *
 * doubts.c - what a recording does not tell, or tells wrongly, each in a sentence: a result never sounds
 * surer than its evidence.
 */
#include <inttypes.h>
#include <string.h>

#include "../banned.h"
#include "sentences.h"

#define SAY(text, ...) (snprintf(text, sizeof(sinew__long), __VA_ARGS__), true)

typedef bool doubt(const struct sinew__states *states, sinew__long text);

static bool fault(const struct sinew__states *states, sinew__long text)
{
	return states->fault[0] && SAY(text, "The file is not whole: %.300s.", states->fault);
}

static bool lost(const struct sinew__states *states, sinew__long text)
{
	sinew__short n;

	return states->lost && SAY(text,
				       "%s record%s found no room and %s lost, at %" PRIu64
				       " place%s; what they told is unknown, not zero.",
				       sinew__number(states->lost, n), sinew__plural(states->lost),
				       states->lost == 1 ? "was" : "were", states->losses,
				       sinew__plural(states->losses));
}

static bool gaps(const struct sinew__states *states, sinew__long text)
{
	return states->gaps &&
	       SAY(text,
		       "At %" PRIu64 " place%s a thread's records have a gap: its time "
		       "there is told as unseen.",
		       states->gaps, sinew__plural(states->gaps));
}

static bool unnoticed(const struct sinew__states *states, sinew__long text)
{
	return states->unnoticed &&
	       SAY(text,
		       "%" PRIu64 " time%s a thread came to a CPU unseen: until it left that, its "
		       "time is told as unseen.",
		       states->unnoticed, sinew__plural(states->unnoticed));
}

static bool torn(const struct sinew__states *states, sinew__long text)
{
	return states->torn &&
	       SAY(text,
		       "%" PRIu64 " interval%s not begin where the one before ended: "
		       "what lies between is told as unseen.",
		       states->torn, states->torn == 1 ? " does" : "s do");
}

static bool overlaps(const struct sinew__states *states, sinew__long text)
{
	return states->overlaps &&
	       SAY(text,
		       "%" PRIu64 " run%s longer than until somebody else came to the same CPU: a "
		       "switch was not seen; what came after is told as unseen.",
		       states->overlaps, states->overlaps == 1 ? " lasts" : "s last");
}

static bool contradictions(const struct sinew__states *states, sinew__long text)
{
	return states->contradictions &&
	       SAY(text, "%" PRIu64 " record%s what was known, and %s not believed.",
		       states->contradictions,
		       states->contradictions == 1 ? " contradicts" : "s contradict",
		       states->contradictions == 1 ? "is" : "are");
}

static bool codes(const struct sinew__states *states, sinew__long text)
{
	return states->codes_unknown &&
	       SAY(text, "With what code %s ended is not known%s.",
		       states->codes_unknown == 1 ? "a process" : "processes",
		       states->header.scope == SINEW__SCOPE_COMMAND ? ", but of the command itself"
								    : "");
}

static bool strange(const struct sinew__states *states, sinew__long text)
{
	return states->strange &&
	       SAY(text, "%" PRIu64 " record%s of a kind that this program does not know.",
		       states->strange, states->strange == 1 ? " is" : "s are");
}

static bool late(const struct sinew__states *states, sinew__long text)
{
	return states->order.late &&
	       SAY(text, "%" PRIu64 " record%s came too late to be put into order.",
		       states->order.late, sinew__plural(states->order.late));
}

static bool missing(const struct sinew__states *states, sinew__long text)
{
	return states->missing && SAY(text,
					  "The beginning of %" PRIu64
					  " thread%s is not in the recording: %s told from "
					  "where %s first seen.",
					  states->missing, sinew__plural(states->missing),
					  states->missing == 1 ? "it is" : "they are",
					  states->missing == 1 ? "it was" : "they were");
}

static bool asleep(const struct sinew__states *states, sinew__long text)
{
	sinew__short time;

	return states->total.time[SINEW__ASLEEP] &&
	       SAY(text,
		       "%s of sleep ended at a moment that was not seen: how much of it was "
		       "blocked "
		       "and how much ready is not known, and told as unseen.",
		       sinew__duration(states->total.time[SINEW__ASLEEP], time));
}

static bool folded(const struct sinew__states *states, sinew__long text)
{
	return states->folded &&
	       SAY(text,
		       "%" PRIu64 " thread%s that ended %s not told singly; the sums "
		       "have them.",
		       states->folded, sinew__plural(states->folded),
		       states->folded == 1 ? "is" : "are");
}

static bool unlisted(const struct sinew__states *states, sinew__long text)
{
	return states->unlisted &&
	       SAY(text,
		       "There are more than %u threads at once: %" PRIu64
		       " record%s of others are left out.",
		       SINEW__TASKS_MOST, states->unlisted, sinew__plural(states->unlisted));
}

static bool spilled(const struct sinew__states *states, sinew__long text)
{
	uint64_t n = states->tally.blocks.spilled + states->tally.pushes.spilled;

	return n && SAY(text, "%" PRIu64 " wait%s of more different kinds than are kept.", n,
			    n == 1 ? " is" : "s are");
}

static bool crowd(const struct sinew__states *states, sinew__long text)
{
	return states->others &&
	       SAY(text, "There are more than %u processes: the others are told as one.",
		       SINEW__PROCESSES_MOST - 1);
}

static bool timeline(const struct sinew__states *states, sinew__long text)
{
	sinew__short time;

	if (!states->timeline || !states->timeline->cut)
		return false;
	uint64_t at = states->timeline->cut_at;
	return SAY(text, "There was no room for all of the timeline: it is good up to %s.",
		sinew__duration(at > states->begin ? at - states->begin : 0, time));
}

static bool order(const struct sinew__states *states, sinew__long text)
{
	return states->timeline && !(states->header.has & SINEW__HAS_INTERVALS) &&
	       SAY(text,
		       "In what order a thread ran, was ready and was blocked between two looks is "
		       "not known: it is shown in this one.");
}

/* `looks`: what is said where a look at /proc stands in for it. */
static const struct lack {
	uint32_t has;
	const char *text, *looks;
} lacks[] = {
	{SINEW__HAS_INTERVALS, "Times come from looks now and then, not from every switch.", NULL},
	{SINEW__HAS_PREEMPTION, "Why a running thread became ready was not recorded.", NULL},
	{SINEW__HAS_CALLS, "In which system calls threads were blocked was not recorded.",
		"In which system calls threads were blocked, and on what, is only known of waits "
		"that a look at /proc met, and was allowed to see."},
	{SINEW__HAS_OBJECTS, "On which objects threads were blocked was not recorded.", ""},
	{SINEW__HAS_WAKERS, "Who woke whom was not recorded.", NULL},
	{SINEW__HAS_CONTEXT, "Whether a task or an interrupt woke was not recorded.", NULL},
	{SINEW__HAS_LIFE, "Births and ends of threads were not recorded.",
		"Births and ends of threads were only seen by looks now and then: who lived "
		"between "
		"two of them is missing."},
	{SINEW__HAS_REAPED, "When the dead were reaped was not recorded.",
		"When the dead were reaped is as old as a look now and then."},
};

static doubt *const doubts[] = {fault, lost, gaps, unnoticed, torn, overlaps, contradictions,
	strange, late, missing, codes, asleep, folded, unlisted, spilled, crowd, timeline, order};

/* "" if there is nothing to say. */
static const char *lack_text(const struct sinew__states *states, const struct lack *lack)
{
	if (states->header.has & lack->has)
		return "";
	return states->header.has & SINEW__HAS_LOOKS && lack->looks ? lack->looks : lack->text;
}

/* The i-th of those that are the user's, or are not. */
static bool note_at(const struct sinew__states *states, bool of_user, unsigned i, sinew__long text)
{
	for (const struct sinew__note_text *note = states->notes; note; note = note->next)
		if (note->of_user == of_user && i-- == 0) {
			sinew__plain(note->text, sizeof note->text, text, sizeof(sinew__long));
			return true;
		}
	return false;
}

bool sinew__note_text_at(const struct sinew__states *states, unsigned i, sinew__long text)
{
	return note_at(states, true, i, text);
}

bool sinew__doubt(const struct sinew__states *states, unsigned i, sinew__long text)
{
	unsigned n = 0;

	for (size_t k = 0; k < sizeof doubts / sizeof *doubts; k++)
		if (doubts[k](states, text) && n++ == i)
			return true;
	for (size_t k = 0; k < sizeof lacks / sizeof *lacks; k++)
		if (*lack_text(states, &lacks[k]) && n++ == i)
			return SAY(text, "%s", lack_text(states, &lacks[k]));
	return note_at(states, false, i - n, text);
}
