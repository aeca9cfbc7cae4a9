/* SPDX-License-Identifier: MIT
 *
 * regions.h - the table of regions the tests run on, and what a case needs around one: a place of
 * its own for every kind of name, and the proof that nothing stays there.
 */
#ifndef SINEW_TESTS_REGIONS_H
#define SINEW_TESTS_REGIONS_H

#include <sinew/sinew.h>

#include "runner.h"
#include "sys.h"

struct region_row {
	const char *name, *scheme;
	const char *options; /* that both sides need, "key=value&", or "" */
};

extern struct test_suite every_region; /* all */
extern struct test_suite named_region; /* those that are files: the two rows of */
extern const struct region_row named_rows[2];

/* The file behind a row's name, where there is one. */
const char *region_path(const struct region_row *row);

/* This case's name of the row, with options ("key=value" or ""); good until the eighth call. */
const char *region_uri(const struct region_row *row, const char *options);

/* Gives the case /dev/shm and System V objects of its own, where it may: "" as root, else names
 * that nobody else has. */
void region_place(void);

/* Whether every trace of the row's name has gone: files, private names, segments. */
bool region_is_gone(const struct region_row *row);
void region_remove(const struct region_row *row);

uint64_t region_caps(const struct region_row *row);

/* Fills with bytes that depend on `seed`; whether all are so. */
void region_fill(void *data, size_t size, unsigned seed);
bool region_has(const void *data, size_t size, unsigned seed);
/* A sinew_region_init; arg points to the seed, an unsigned. */
int region_init(void *data, size_t size, void *seed);

sinew_region *region_made(const struct region_row *row, size_t size, unsigned seed);
sinew_region *region_attached(const struct region_row *row, unsigned flags);

/* Runs fn before and after every system call of the library in this process (once). */
void region_hook(void (*fn)(void));

#endif
