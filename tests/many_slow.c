/* SPDX-License-Identifier: MIT
 *
 * many_slow.c - the crowd of 10,000.
 */
#include "many.h"

static const struct crowd_row rows[] = CROWD_ROWS(10000);

TEST_SUITE(crowd, rows);
