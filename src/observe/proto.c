/* SPDX-License-Identifier: MIT
 *
 * proto.c - the size of a message inside is put before it when it is closed.
 */
#include "proto.h"

#include <string.h>

#include "../banned.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, VARINT_MOST = 10 };

static size_t varint(uint8_t bytes[VARINT_MOST], uint64_t value)
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[size++] = (uint8_t)(value | 0x80);
	bytes[size++] = (uint8_t)value;
	return size;
}

static void put(struct sinew__proto *proto, const void *bytes, size_t size)
{
	if (proto->full || size > sizeof proto->bytes - proto->size) {
		proto->full = true;
		return;
	}
	memcpy(proto->bytes + proto->size, bytes, size);
	proto->size += size;
}

static void put_varint(struct sinew__proto *proto, uint64_t value)
{
	uint8_t bytes[VARINT_MOST];

	put(proto, bytes, varint(bytes, value));
}

static void put_key(struct sinew__proto *proto, unsigned field, unsigned kind)
{
	put_varint(proto, (uint64_t)field << 3 | kind);
}

void sinew__proto_number(struct sinew__proto *proto, unsigned field, uint64_t value)
{
	put_key(proto, field, VARINT);
	put_varint(proto, value);
}

void sinew__proto_fixed(struct sinew__proto *proto, unsigned field, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	put_key(proto, field, FIXED64);
	put(proto, bytes, sizeof bytes);
}

void sinew__proto_text(struct sinew__proto *proto, unsigned field, const char *text)
{
	size_t size = strlen(text);

	put_key(proto, field, BYTES);
	put_varint(proto, size);
	put(proto, text, size);
}

size_t sinew__proto_open(struct sinew__proto *proto, unsigned field)
{
	put_key(proto, field, BYTES);
	return proto->size;
}

void sinew__proto_close(struct sinew__proto *proto, size_t start)
{
	uint8_t bytes[VARINT_MOST];
	size_t size = proto->size - start, more = varint(bytes, size);

	put(proto, bytes, more); /* makes room at the end, or finds none */
	if (proto->full)
		return;
	memmove(proto->bytes + start + more, proto->bytes + start, size);
	memcpy(proto->bytes + start, bytes, more);
}
