/* SPDX-License-Identifier: MIT
 *
 * fault.h - failures of what observes, in words: the layer that knows the name says it once. They are
 * kept apart from those of the channels, whose library may be another object.
 */
#ifndef SINEW_OBSERVE_FAULT_H
#define SINEW_OBSERVE_FAULT_H

/* Returns -code (code is a positive errno) after formatting the text. */
int sinew__observe_fail(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* This thread's last failure. May hold bytes from outside: to be escaped. */
const char *sinew__observe_error(void);

#endif
