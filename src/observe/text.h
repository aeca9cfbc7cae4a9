/* SPDX-License-Identifier: MIT
 *
 * text.h - a summary as text for people, 80 columns wide.
 */
#ifndef SINEW_OBSERVE_TEXT_H
#define SINEW_OBSERVE_TEXT_H

#include "outputs.h"
#include "sentences.h"

struct sinew__page {
	FILE *stream;
	bool bold; /* headings; only on a terminal, and never with NO_COLOR */
};

enum { SINEW__WIDTH = 80 };

void sinew__heading(const struct sinew__page *page, const char *text);
/* Broken into lines that fit, the first begun with `first`, the others with as many spaces. A word that
 * does not fit into a line is broken, too. */
void sinew__paragraph(const struct sinew__page *page, const char *first, const char *text);
/* The same for one of a list: the first line begins after two spaces, the others after four. */
void sinew__entry(const struct sinew__page *page, const char *text);
/* Text cut to so many columns, and filled up with spaces. */
void sinew__cell(const struct sinew__page *page, const char *text, unsigned columns);

/* ---- text_tables.c ---- */

void sinew__text_states(const struct sinew__states *states, const struct sinew__page *page);
void sinew__text_moves(const struct sinew__states *states, const struct sinew__page *page);
void sinew__text_delay(const struct sinew__states *states, const struct sinew__page *page);
void sinew__text_lives(const struct sinew__states *states, const struct sinew__page *page);

/* ---- text_causes.c ---- */

void sinew__text_blocked(const struct sinew__states *states, const struct sinew__page *page);
void sinew__text_wakers(const struct sinew__states *states, const struct sinew__page *page);
void sinew__text_pushes(const struct sinew__states *states, const struct sinew__page *page);

#endif
