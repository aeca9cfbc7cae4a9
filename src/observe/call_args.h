/* SPDX-License-Identifier: MIT
 *
 * call_args.h - what the arguments of system calls are, for who looks at what a call waits on.
 */
#ifndef SINEW_OBSERVE_CALL_ARGS_H
#define SINEW_OBSERVE_CALL_ARGS_H

#include <stdint.h>

struct sinew__call_args {
	int32_t call;
	uint8_t of; /* as descriptor_of in state.h */
};

/* Up to a row with call -1. */
extern const struct sinew__call_args sinew__call_args[];

/* 0: it waits on no descriptor. */
unsigned sinew__call_args_of(int32_t call);

#endif
