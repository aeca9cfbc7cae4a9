/* SPDX-License-Identifier: MIT
 *
 * many.c - the crowd that every build can bear, and what its cases share.
 */
#include "many.h"

static const struct crowd_row rows[] = CROWD_ROWS(200);

TEST_SUITE(crowd, rows);
