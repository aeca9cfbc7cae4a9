/* SPDX-License-Identifier: MIT
 *
 * outputs.h - the forms that a summary can be written in. Failures of the stream are left to ferror().
 */
#ifndef SINEW_OBSERVE_OUTPUTS_H
#define SINEW_OBSERVE_OUTPUTS_H

#include "states.h"

/* 0 or -ENOMEM. */
typedef int sinew__output(const struct sinew__states *states, FILE *stream);

sinew__output sinew__text_write;
/* One object on one line; its keys are those of sinew-report(1). */
sinew__output sinew__json_write;
/* The same object, as part of another. */
struct sinew__json;
void sinew__json_report(
	struct sinew__json *json, const char *key, const struct sinew__states *states);
/* One picture that needs nothing else, light or dark as its viewer likes. */
sinew__output sinew__svg_write;

/* Those that follow need the timeline (sinew__timeline_keep). */

/* Blocked time as folded stacks, and as a picture of them. */
sinew__output sinew__flame_write;
sinew__output sinew__flame_svg_write;
/* A trace for Perfetto, in its protobuf. */
sinew__output sinew__perfetto_write;
/* A page with the timeline, to be looked at, that needs nothing else. */
sinew__output sinew__html_write;

#endif
