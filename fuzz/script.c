/* SPDX-License-Identifier: MIT
 *
 * script.c - writes a script out as a stream of bytes.
 */
#include "script.h"

enum { WRITERS = 4 };

struct writer {
	uint32_t total, offset;
};

struct state {
	struct script *script;
	struct input *in;
	struct writer writers[WRITERS];
};

static void put(struct script *script, uint64_t value, unsigned bytes)
{
	if (script->size + bytes > STREAM_MOST)
		return;
	while (bytes--)
		script->bytes[script->size++] = (uint8_t)(value >> 8 * bytes);
}

/* Bytes that differ by where they stand; never a newline. */
static void put_filling(struct script *script, size_t size)
{
	static uint8_t filling[STREAM_MOST];

	for (size_t i = 0; filling[0] == 0 && i < STREAM_MOST; i++)
		filling[STREAM_MOST - 1 - i] = (uint8_t)('A' + i % 61 + i / 61 % 7 * 16);
	if (size > STREAM_MOST - script->size)
		size = STREAM_MOST - script->size;
	memcpy(script->bytes + script->size, filling + script->size, size);
	script->size += size;
}

static void put_control(struct script *script, unsigned type, size_t body)
{
	put(script, UINT32_C(0x80000000) | (uint32_t)(body + 4), 4);
	put(script, (uint64_t)type << 24, 4);
}

static void literal(struct state *s, size_t size)
{
	const uint8_t *bytes = take_bytes(s->in, &size);

	for (size_t i = 0; i < size; i++)
		put(s->script, bytes[i], 1);
}

static void message(struct state *s, unsigned p)
{
	size_t size = take_number(s->in, 2) + (size_t)p * 65536;

	put(s->script, size, 4);
	put_filling(s->script, size);
}

static void put_pause(struct script *script)
{
	if (script->pause_count < PAUSES_MOST)
		script->pauses[script->pause_count++] = script->size;
}

static void tagged(struct state *s, unsigned fds)
{
	size_t size = take_number(s->in, 2);

	if (fds) {
		put_pause(s->script);
		put(s->script, UINT64_C(0x8000000c) + size, 4);
		put(s->script, UINT64_C(0x04010000) + fds, 4);
	} else {
		put_control(s->script, 1, 8 + size);
	}
	put(s->script, take_byte(s->in) * UINT64_C(0x0102030405060708), 8);
	put_filling(s->script, size);
}

static void piece(struct state *s, unsigned p)
{
	struct writer *w = &s->writers[p % WRITERS];

	if (p & 4)
		*w = (struct writer){.total = (uint32_t)take_number(s->in, 2)};
	uint32_t size = p & 16 ? UINT32_MAX : (uint32_t)take_number(s->in, 2);
	if (size > w->total - w->offset)
		size = w->total - w->offset;
	put_control(s->script, 2, 16 + size);
	put(s->script, p % WRITERS + 1, 8);
	put(s->script, w->total, 4);
	put(s->script, w->offset + (p & 8 ? 1 : 0), 4);
	put_filling(s->script, size);
	w->offset += size;
}

static void hello(struct state *s)
{
	put_control(s->script, 3, 16);
	put(s->script, take_byte(s->in), 8);
	put(s->script, take_byte(s->in), 8);
}

static void control(struct state *s)
{
	unsigned type = take_byte(s->in);
	size_t size = take_number(s->in, 2);

	put_control(s->script, type, size);
	put_filling(s->script, size);
}

static void line(struct state *s)
{
	put_filling(s->script, take_number(s->in, 2));
	put(s->script, '\n', 1);
}

static void step(struct state *s)
{
	unsigned byte = take_byte(s->in), p = byte >> 3;

	switch (byte & 7) {
	case 0:
		literal(s, p + 1);
		break;
	case 1:
		message(s, p);
		break;
	case 2:
		tagged(s, p);
		break;
	case 3:
		piece(s, p);
		break;
	case 4:
		hello(s);
		break;
	case 5:
		control(s);
		break;
	case 6:
		put_pause(s->script);
		break;
	default:
		line(s);
	}
}

void script_write_out(struct script *script, struct input *in)
{
	static uint8_t bytes[STREAM_MOST];
	struct state s = {.script = script, .in = in};

	*script = (struct script){.bytes = bytes};
	while (in->left && script->size < STREAM_MOST)
		step(&s);
}
