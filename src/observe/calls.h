/* SPDX-License-Identifier: MIT
 *
 * calls.h - names of system calls, by their numbers on the machine that was recorded.
 */
#ifndef SINEW_OBSERVE_CALLS_H
#define SINEW_OBSERVE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SINEW__MACHINE_X86_64 = 62,
	SINEW__MACHINE_AARCH64 = 183,
};

/* "read", or NULL: this number is not known, or the machine is not. `machine`: the ELF number. */
const char *sinew__call_name(unsigned machine, int32_t number);

/* What one did to a thread that woke because of this call: "written by" for write(). "woken by" if the
 * call says nothing of it or is not known. */
const char *sinew__call_deed(unsigned machine, int32_t number);

/* Whether the first argument tells what is waited for: the address of a futex, the id of a System V
 * object. */
bool sinew__call_has_address(unsigned machine, int32_t number);

#endif
