/* SPDX-License-Identifier: MIT
 *
 * uri.h - what the command has to know about a URI: that options can be added to it, and whether
 * it has one. What they mean is the library's business.
 */
#ifndef CLI_URI_H
#define CLI_URI_H

#include <stdbool.h>

/* A copy of `uri` with key=value added, the value percent-encoded where it must be. To be freed;
 * NULL without memory. */
char *uri_with(const char *uri, const char *pair);

/* Whether the URI gives this option, and if `value` is not NULL, this value. */
bool uri_has(const char *uri, const char *key, const char *value);

/* Whether the URI's scheme knows this option. */
bool uri_knows(const char *uri, const char *key);

#endif
