/* SPDX-License-Identifier: MIT
 *
 * text.h - what may be shown as text: UTF-8, and the escaping of what a terminal would obey.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at `at`, at most `left`; 0 if it is not well-formed UTF-8. */
size_t text_char(const unsigned char *at, size_t left);

bool text_is_utf8(const void *data, size_t size);

/* Whether this well-formed character is a control character (C0, DEL, C1). */
bool text_is_control(const unsigned char *at, size_t length);

/* Copies with \xNN for every control character not in `keep` and every byte that is not UTF-8.
 * Takes as much of the data as fits: returns the bytes written, *taken how many it stands for. */
size_t text_escape(
	const void *data, size_t size, const char *keep, char *out, size_t room, size_t *taken);

/* Puts more behind what is in `text`; what does not fit is cut. */
void text_add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds ", word" to the list in `text`; what does not fit is left out. */
void text_list(char *text, size_t size, const char *word);

#endif
