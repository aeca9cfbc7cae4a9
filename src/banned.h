/* SPDX-License-Identifier: MIT
 *
 * banned.h - functions that cannot be used safely; naming one is a compile error.
 */
#ifndef SINEW_BANNED_H
#define SINEW_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll

#endif
