/* SPDX-License-Identifier: MIT
 *
 * json.h - JSON written piece by piece: the caller opens, names, closes; commas take care of
 * themselves. Depth is bounded by the callers, who nest at most three deep.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "out.h"

struct json {
	struct out *out;
	bool more; /* something stands before at this level */
};

/* bracket: '{' or '['. key: NULL inside an array and at the top. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);

void json_text(struct json *json, const char *key, const char *text);
/* "data" as a string if it is UTF-8, else "base64". */
void json_data(struct json *json, const void *data, size_t size);
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed(struct json *json, const char *key, int64_t value);
/* With so many digits; what is no number is null. */
void json_decimal(struct json *json, const char *key, double value, int digits);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* Nanoseconds as a number of seconds. */
void json_seconds(struct json *json, const char *key, int64_t ns);

#endif
