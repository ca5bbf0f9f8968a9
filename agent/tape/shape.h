/* SPDX-License-Identifier: MIT */
/*
 * The structs of the core as tables of fields, so that they can be written
 * down field by field and read by another build: a field travels by name, as
 * a number of variable length, and only when it differs from a base that both
 * sides know. Reading checks every value against the field's range: a journal
 * may come from anywhere, and the core believes what is in its structs.
 *
 * Whoever adds a field to a struct of the core adds one line in shape.c;
 * tests/unit/test_shape.c finds the ones that were forgotten.
 */
#ifndef AGENT_TAPE_SHAPE_H
#define AGENT_TAPE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/buf.h"

#define SHAPE_FIELDS_MAX 64
#define SHAPE_NAME_MAX 40

enum shape_kind {
	SHAPE_UNSIGNED,
	SHAPE_SIGNED,
	SHAPE_BOOL,
	SHAPE_MOMENT,	 /* mono_us */
	SHAPE_ELSEWHERE, /* a struct with a table of its own, or a pointer: not written here */
};

struct shape_field {
	const char *name;
	uint16_t offset;
	uint16_t size;	 /* of one element */
	uint16_t stride; /* from one element to the next */
	uint16_t count;
	enum shape_kind kind;
	int64_t low, high; /* both 0: any value of the type */
};

struct shape {
	const char *name;
	size_t size;
	unsigned int field_count;
	const struct shape_field *fields;
};

enum shape_id {
	SHAPE_TIMERS,
	SHAPE_CONFIG,
	SHAPE_INSTANCE_CONFIG,
	SHAPE_CORE,
	SHAPE_HEALTH,
	SHAPE_PEER,
	SHAPE_TOUCH_READER,
	SHAPE_TOUCH_WRITER,
	SHAPE_INSTANCE,
	SHAPE_RECORD,
	SHAPE_CLAIM,
	SHAPE_VIEW,
	SHAPE_ROUTE,
	SHAPE_EVENT,
	SHAPE_HELLO,
	SHAPE_HELLO_INSTANCE,
	SHAPE_TOUCH_ENTRY,
	SHAPES
};

extern const struct shape shapes[SHAPES];

/* Bytes being read; bad once they ended early or made no sense. */
struct tape_in {
	const uint8_t *at, *end;
	bool bad;
};

/* Numbers of variable length: seven bits a byte, the lowest first. */
unsigned int shape_put(uint8_t *to, uint64_t value); /* at most 10 bytes; returns how many */
uint64_t shape_get(struct tape_in *in);
static inline uint64_t shape_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}
static inline int64_t shape_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

/*
 * Appends what differs between @object and @base (NULL: all zero). 0, or -1
 * when it did not fit.
 */
int shape_write(struct buf *out, const struct shape *shape, const void *object, const void *base);

/* How a writer's fields, by their place, are ours; NULL = we do not have that one. */
struct shape_map {
	unsigned int field_count;
	const struct shape_field *fields[SHAPE_FIELDS_MAX];
	uint16_t counts[SHAPE_FIELDS_MAX]; /* the writer's elements */
};

/* The writer that is ourselves. */
void shape_map_own(struct shape_map *map, const struct shape *shape);

/*
 * Reads into @object, where the fields of the map become those of @base first
 * (NULL: zero). Returns NULL, or the name of the field that is out of range;
 * @in turns bad when the bytes end.
 */
const char *shape_read(struct tape_in *in, const struct shape_map *map, void *object,
		       const void *base);

#endif
