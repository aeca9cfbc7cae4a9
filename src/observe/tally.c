/* SPDX-License-Identifier: MIT
 *
 * tally.c - tables with open addressing. A row begins with its key, which has no padding; rows are kept
 * in an array in the order in which they were made, the index holds their places.
 */
#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"
#include "fault.h"
#include "words.h"

enum { FIRST_ROOM = 64, NAME_MOST = 160 };

struct shape {
	size_t row, key;
	uint32_t most;
};

struct name_row {
	struct sinew__object object;
	char text[NAME_MOST];
};

static const struct shape block_shape = {
	sizeof(struct sinew__block_row), sizeof(struct sinew__block_key), SINEW__ROWS_MOST};
static const struct shape push_shape = {
	sizeof(struct sinew__push_row), sizeof(struct sinew__push_key), SINEW__ROWS_MOST};
static const struct shape name_shape = {
	sizeof(struct name_row), sizeof(struct sinew__object), SINEW__OBJECTS_MOST};

_Static_assert(sizeof(struct sinew__object) == 24, "no padding");
_Static_assert(sizeof(struct sinew__block_key) == 64, "no padding");
_Static_assert(sizeof(struct sinew__push_key) == 16, "no padding");

/* FNV-1a over words, stirred at the end. */
static uint32_t hash(const void *key, size_t size)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325), word;

	for (size_t i = 0; i < size; i += 8) {
		memcpy(&word, (const char *)key + i, 8);
		h = (h ^ word) * UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

static void *row_at(const struct sinew__table *table, const struct shape *shape, uint32_t i)
{
	return (char *)table->rows + (size_t)i * shape->row;
}

/* Where it stands, or the free place where it belongs. */
static uint32_t *place_of(
	const struct sinew__table *table, const struct shape *shape, const void *key)
{
	uint32_t mask = table->buckets - 1, i = hash(key, shape->key) & mask;

	while (table->index[i] &&
		memcmp(row_at(table, shape, table->index[i] - 1), key, shape->key) != 0)
		i = (i + 1) & mask;
	return &table->index[i];
}

static int grow(struct sinew__table *table, const struct shape *shape)
{
	uint32_t room = table->room ? 2 * table->room : FIRST_ROOM;
	void *rows = realloc(table->rows, room * shape->row);

	if (rows)
		table->rows = rows;
	uint32_t *index = rows ? calloc(2 * (size_t)room, sizeof *index) : NULL;
	if (!index)
		return sinew__observe_fail(ENOMEM, "no memory for a table of %u rows", room);
	free(table->index);
	table->index = index;
	table->room = room;
	table->buckets = 2 * room;
	for (uint32_t i = 0; i < table->count; i++)
		*place_of(table, shape, row_at(table, shape, i)) = i + 1;
	return 0;
}

static void *find(const struct sinew__table *table, const struct shape *shape, const void *key)
{
	uint32_t at = table->buckets ? *place_of(table, shape, key) : 0;

	return at ? row_at(table, shape, at - 1) : NULL;
}

static void *make(struct sinew__table *table, const struct shape *shape, const void *key)
{
	if (table->count == table->room && grow(table, shape) < 0)
		return NULL;
	void *row = row_at(table, shape, table->count);
	memset(row, 0, shape->row);
	memcpy(row, key, shape->key);
	*place_of(table, shape, key) = ++table->count;
	return row;
}

/* `rest` is the key of the last row. */
static void *get(
	struct sinew__table *table, const struct shape *shape, const void *key, const void *rest)
{
	void *row = find(table, shape, key);

	if (row)
		return row;
	if (table->count < shape->most - 1)
		return make(table, shape, key);
	table->spilled++;
	row = find(table, shape, rest);
	return row ? row : make(table, shape, rest);
}

struct sinew__block_row *sinew__tally_block(
	struct sinew__tally *tally, const struct sinew__block_key *key)
{
	static const struct sinew__block_key rest = {
		.process = SINEW__NOBODY, .waker = SINEW__NOBODY, .call = -1};

	return get(&tally->blocks, &block_shape, key, &rest);
}

uint32_t sinew__tally_block_id(const struct sinew__tally *tally, const struct sinew__block_row *row)
{
	return (uint32_t)(row - (const struct sinew__block_row *)tally->blocks.rows);
}

const struct sinew__block_row *sinew__tally_block_at(const struct sinew__tally *tally, uint32_t id)
{
	return id < tally->blocks.count ? row_at(&tally->blocks, &block_shape, id) : NULL;
}

struct sinew__push_row *sinew__tally_push(
	struct sinew__tally *tally, const struct sinew__push_key *key)
{
	static const struct sinew__push_key rest = {SINEW__NOBODY, SINEW__NOBODY, 0, 0};

	return get(&tally->pushes, &push_shape, key, &rest);
}

int sinew__tally_name(struct sinew__tally *tally, const struct sinew__object_name *name)
{
	struct sinew__object object = {name->magic, name->dev, name->ino, name->detail, 0};
	struct name_row *row = find(&tally->names, &name_shape, &object);

	if (!row && tally->names.count < SINEW__OBJECTS_MOST)
		row = make(&tally->names, &name_shape, &object);
	else if (!row)
		tally->names.spilled++;
	if (row)
		sinew__plain(name->text, name->length, row->text, sizeof row->text);
	return row || tally->names.spilled ? 0 : -ENOMEM;
}

const char *sinew__tally_name_of(
	const struct sinew__tally *tally, const struct sinew__object *object)
{
	const struct name_row *row = find(&tally->names, &name_shape, object);

	return row && row->text[0] ? row->text : NULL;
}

static void table_fini(struct sinew__table *table)
{
	free(table->rows);
	free(table->index);
}

void sinew__tally_fini(struct sinew__tally *tally)
{
	table_fini(&tally->blocks);
	table_fini(&tally->pushes);
	table_fini(&tally->names);
}
