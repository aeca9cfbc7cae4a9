/* SPDX-License-Identifier: MIT
 *
 * told.h - writes a recording in every form and checks what each promises.
 */
#ifndef FUZZ_TOLD_H
#define FUZZ_TOLD_H

#include "states.h"

void check_told(const struct sinew__states *states);

#endif
