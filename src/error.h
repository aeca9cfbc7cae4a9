/* SPDX-License-Identifier: MIT
 *
 * error.h - the one way to fail: put the failure into words for this thread, return -errno.
 * The layer that knows the name does it, once; layers above pass the number on.
 */
#ifndef SINEW_ERROR_H
#define SINEW_ERROR_H

/* Returns -code (code is a positive errno) after formatting the text. */
int sinew__fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The same with a literal and no formatting, for answers on the fast path (-EAGAIN). */
int sinew__answer(int code, const char *literal);

#endif
