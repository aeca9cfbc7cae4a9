/* SPDX-License-Identifier: MIT
 *
 * uri.h - "scheme:rest?key=value&key=value" taken apart. Only %XX is special inside the parts.
 * After a scheme without a name the options may follow the colon at once: "pipe:read=3&write=4".
 */
#ifndef SINEW_URI_H
#define SINEW_URI_H

#include <stdbool.h>
#include <stddef.h>

enum { SINEW__URI_SIZE = 4096, SINEW__URI_OPTIONS = 32 };

struct sinew__uri {
	const char *scheme; /* up to the first colon */
	const char *rest;   /* between colon and question mark, decoded */
	unsigned count;
	struct {
		const char *key, *value; /* decoded */
	} options[SINEW__URI_OPTIONS];
	char text[SINEW__URI_SIZE]; /* the parts live here */
};

/* Parses; the parts point into *uri. -EINVAL with words. */
int sinew__uri_parse(struct sinew__uri *uri, const char *text);

#endif
