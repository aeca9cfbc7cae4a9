/* SPDX-License-Identifier: MIT
 *
 * linger.c - see linger.h.
 */
#include "linger.h"

#include "../banned.h"
#include "../rest.h"
#include "../wait.h"

enum {
	SHORT = 2,       /* looks of a short wait */
	AT_HEELS = 4,    /* short waits until we linger */
	BRIEF = 24,      /* pauses: about a microsecond */
	LONG = 4000,     /* ns */
	NOT_AGAIN = 500, /* short waits until it is tried again that did not pay */
	GATHERED = 4,    /* messages without a wait that make it worth while */
	SPELL = 16,      /* waits from one judgement to the next */
	SOON = 8,        /* spells until the next trial, after one that changed something */
	IN_VAIN = 6,     /* how often that doubles while none does */
};

/* What has paid did so in other times; how seldom to try stays as it is. */
static void forget(struct sinew__linger *linger)
{
	linger->usual = linger->now = SINEW__LINGER_BRIEF;
	linger->begun = 0;
}

static void begin_spell(struct sinew__linger *linger, int64_t now)
{
	linger->begun = now;
	linger->messages = 0;
	linger->waits = 0;
}

/* After a trial. More is more only by an eighth: figures move by themselves. */
static void choose(struct sinew__linger *linger)
{
	const uint64_t *pace = linger->pace;
	const enum sinew__linger_way best =
		pace[SINEW__LINGER_LONG] / 9 > pace[SINEW__LINGER_BRIEF] / 8 ? SINEW__LINGER_LONG
									     : SINEW__LINGER_BRIEF;

	if (best != linger->usual)
		linger->in_vain = 0;
	else if (linger->in_vain < IN_VAIN)
		linger->in_vain++;
	linger->left = SOON << linger->in_vain;
	linger->usual = linger->now = best;
}

void sinew__linger_judge(struct sinew__linger *linger, int64_t now)
{
	if (linger->begun == 0) {
		begin_spell(linger, now);
		return;
	}
	const uint64_t took = now > linger->begun ? (uint64_t)(now - linger->begun) : 0;
	linger->pace[linger->now] = (linger->messages << 24) / (took + 1);
	begin_spell(linger, now);
	if (linger->now != linger->usual)
		choose(linger);
	else if (linger->left > 0)
		linger->left--;
	else
		linger->now = SINEW__LINGER_LONG - linger->usual;
}

static void stay(void)
{
	for (unsigned i = 0; i < BRIEF; i++)
		sinew__rest();
}

static void stay_long(void)
{
	const int64_t until = sinew__now() + LONG;

	for (unsigned i = 0; i < LONG && sinew__now() < until; i++)
		sinew__rest();
}

void sinew__linger(struct sinew__linger *linger, bool may_be_long)
{
	const bool at_heels = linger->short_waits >= AT_HEELS;
	const bool several = linger->since >= GATHERED;

	linger->messages += linger->since;
	linger->since = 0;
	if (at_heels && !several && linger->short_waits > AT_HEELS) {
		linger->short_waits = -NOT_AGAIN;
		forget(linger);
		return;
	}
	if (!at_heels && !several)
		return;
	if (may_be_long && ++linger->waits >= SPELL)
		sinew__linger_judge(linger, sinew__now());
	if (linger->now == SINEW__LINGER_LONG)
		stay_long();
	else if (at_heels)
		stay();
}

void sinew__linger_waited(struct sinew__linger *linger, unsigned looks)
{
	if (looks < SHORT)
		linger->short_waits += linger->short_waits <= AT_HEELS;
	else if (linger->short_waits > 0)
		linger->short_waits = 0;
}

void sinew__linger_slept(struct sinew__linger *linger)
{
	linger->begun = 0;
	linger->now = linger->usual; /* a trial is over */
}
