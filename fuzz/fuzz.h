/* SPDX-License-Identifier: MIT
 *
 * fuzz.h - what the fuzz targets share. A target is a function over an input; libFuzzer calls it
 * with inputs it makes up, replay.c with those of the corpus. A property that does not hold ends
 * the process with words. Nothing survives from one input to the next.
 */
#ifndef SINEW_FUZZ_H
#define SINEW_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition, ...)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: !(%s): ", __FILE__, __LINE__, #condition);         \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* An input that is consumed from its front; past its end it is all zeros. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

/* Big-endian, of `bytes` bytes. */
static inline uint64_t take_number(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | take_byte(in);
	return value;
}

static inline const uint8_t *take_bytes(struct input *in, size_t *size)
{
	const uint8_t *bytes = in->at;

	if (*size > in->left)
		*size = in->left;
	in->at += *size;
	in->left -= *size;
	return bytes;
}

/* Memory of exactly this size, so that a sanitizer sees one byte too far. */
static inline void *exact(size_t size)
{
	void *memory = malloc(size);

	REQUIRE(memory || size == 0, "no memory for %zu bytes", size);
	return memory;
}

static inline void *exact_copy(const void *from, size_t size)
{
	void *memory = exact(size);

	if (size)
		memcpy(memory, from, size);
	return memory;
}

/* The same without the cost: memory of exactly this size that is kept for the next call that wants
 * as much. (guard.c) */
void *exact_again(size_t size);

static inline void free_at(void *pointer)
{
	free(*(void **)pointer);
}

#define CLEANUP_MEMORY __attribute__((cleanup(free_at)))

/* The lowest descriptor that is free: the same before and after, or one leaked. (guard.c) */
int lowest_fd(void);

/* From now on a channel's buffers stand between pages that cannot be touched; how many there are now.
 * (guard.c) */
void guard_buffers(void);
unsigned mapped_buffers(void);

#endif
