/* SPDX-License-Identifier: MIT
 *
 * proto.h - messages in the wire format of Protocol Buffers: fields as a number, a kind and a value, messages
 * inside of messages with their size before them. One message at a time, of bounded size: what does not
 * fit is dropped as a whole, and said.
 */
#ifndef SINEW_OBSERVE_PROTO_H
#define SINEW_OBSERVE_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SINEW__PROTO_MOST = 16384 };

struct sinew__proto {
	size_t size;
	bool full; /* something did not fit: it is no message */
	uint8_t bytes[SINEW__PROTO_MOST];
};

/* Of the kinds uint32, uint64, bool, enum; int32 and int64 as what they are in 64 bits. */
void sinew__proto_number(struct sinew__proto *proto, unsigned field, uint64_t value);
/* Of the kind fixed64. */
void sinew__proto_fixed(struct sinew__proto *proto, unsigned field, uint64_t value);
/* Of the kind string: UTF-8. */
void sinew__proto_text(struct sinew__proto *proto, unsigned field, const char *text);
/* A message inside, until it is closed with what open returned. They are closed in reverse order. */
size_t sinew__proto_open(struct sinew__proto *proto, unsigned field);
void sinew__proto_close(struct sinew__proto *proto, size_t start);

#endif
