/* SPDX-License-Identifier: MIT
 *
 * outputs.h - the forms that a summary can be written in. Failures of the stream are left to ferror().
 */
#ifndef SINEW_OBSERVE_OUTPUTS_H
#define SINEW_OBSERVE_OUTPUTS_H

#include "states.h"

void sinew__text_write(const struct sinew__states *states, FILE *stream);
/* One object on one line; its keys are those of sinew-report(1). */
void sinew__json_write(const struct sinew__states *states, FILE *stream);
/* One picture that needs nothing else, light or dark as its viewer likes. */
void sinew__svg_write(const struct sinew__states *states, FILE *stream);

#endif
