/* SPDX-License-Identifier: MIT */
/*
 * The tables of fields: none forgotten, none in the way of another. A field that hides in what
 * could be padding is found by test_tape.c, which looks whether anything is ever in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/tape/shape.h"

#define LARGEST 65536

static void check_covered(const struct shape *shape)
{
	static uint8_t covered[LARGEST];

	memset(covered, 0, sizeof(covered));
	for (unsigned int f = 0; f < shape->field_count; f++) {
		const struct shape_field *field = &shape->fields[f];

		for (unsigned int e = 0; e < field->count; e++)
			for (unsigned int b = 0; b < field->size; b++) {
				size_t at = field->offset + (size_t)e * field->stride + b;

				assert_true(at < shape->size);
				if (covered[at])
					fail_msg("'%s' of struct %s covers what another does",
						 field->name, shape->name);
				covered[at] = 1;
			}
	}
	/* What nobody covers must be padding: shorter than the alignment of what follows. */
	for (size_t at = 0; at < shape->size;) {
		size_t end = at;

		while (end < shape->size && !covered[end])
			end++;
		if (end - at >= 8 || (end > at && end % (end - at + 1 > 4   ? 8
							 : end - at + 1 > 2 ? 4
									    : 2) !=
							  0))
			fail_msg("struct %s has a field at offset %zu that agent/tape/shape.c does "
				 "not list",
				 shape->name, at);
		at = end + 1;
	}
}

static void every_field_of_every_struct_is_in_its_table(void **state)
{
	(void)state;
#define CHECK(id, type)                                                                            \
	do {                                                                                       \
		assert_int_equal(shapes[id].size, sizeof(struct type));                            \
		check_covered(&shapes[id]);                                                        \
	} while (0)
	CHECK(SHAPE_TIMERS, timers);
	CHECK(SHAPE_CONFIG, core_config);
	CHECK(SHAPE_INSTANCE_CONFIG, core_instance_config);
	CHECK(SHAPE_CORE, core);
	CHECK(SHAPE_HEALTH, health);
	CHECK(SHAPE_PEER, peer);
	CHECK(SHAPE_TOUCH_READER, touch_reader);
	CHECK(SHAPE_TOUCH_WRITER, touch_writer);
	CHECK(SHAPE_INSTANCE, instance);
	CHECK(SHAPE_RECORD, record);
	CHECK(SHAPE_CLAIM, claim);
	CHECK(SHAPE_VIEW, view);
	CHECK(SHAPE_ROUTE, route);
	CHECK(SHAPE_EVENT, event);
	CHECK(SHAPE_HELLO, hello);
	CHECK(SHAPE_HELLO_INSTANCE, hello_instance);
	CHECK(SHAPE_TOUCH_ENTRY, touch_entry);
}

static void every_table_fits_its_mask_and_names_no_field_twice(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < SHAPES; s++) {
		assert_in_range(shapes[s].field_count, 1, SHAPE_FIELDS_MAX);
		for (unsigned int f = 0; f < shapes[s].field_count; f++) {
			assert_in_range(strlen(shapes[s].fields[f].name), 1, SHAPE_NAME_MAX - 1);
			assert_in_range(shapes[s].fields[f].count, 1, CORE_TRACKS_MAX);
			for (unsigned int g = 0; g < f; g++)
				assert_string_not_equal(shapes[s].fields[f].name,
							shapes[s].fields[g].name);
		}
	}
}

static void numbers_of_any_size_come_back(void **state)
{
	static const uint64_t values[] = {0,	  1,	      0x7f,	 0x80,	    0x3fff,
					  0x4000, UINT32_MAX, INT64_MAX, UINT64_MAX};

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		uint8_t bytes[10];
		unsigned int length = shape_put(bytes, values[v]);
		struct tape_in in = {.at = bytes, .end = bytes + length};

		assert_true(shape_get(&in) == values[v] && !in.bad && in.at == in.end);
		in = (struct tape_in){.at = bytes, .end = bytes + length - 1};
		(void)shape_get(&in);
		assert_true(in.bad);
		assert_true(shape_unzigzag(shape_zigzag((int64_t)values[v])) == (int64_t)values[v]);
	}
}

/* Every field of the struct in turn at the ends of its range, against a base and against none. */
static void one_field(const struct shape *shape, const struct shape_field *field, uint64_t value,
		      const void *base)
{
	static uint8_t object[LARGEST], again[LARGEST];
	struct shape_map map;
	struct tape_in in;
	struct buf out;

	memset(object, 0, sizeof(object));
	memset(again, 0xff, sizeof(again));
	memcpy(object + field->offset, &value,
	       field->size); /* little-endian, as are our machines */
	buf_init(&out, 4096);
	assert_int_equal(shape_write(&out, shape, object, base), 0);
	shape_map_own(&map, shape);
	in = (struct tape_in){.at = (uint8_t *)out.data, .end = (uint8_t *)out.data + out.length};
	assert_null(shape_read(&in, &map, again, base));
	assert_true(!in.bad && in.at == in.end);
	for (unsigned int f = 0; f < shape->field_count; f++) {
		const struct shape_field *other = &shape->fields[f];

		for (unsigned int e = 0; other->kind != SHAPE_ELSEWHERE && e < other->count; e++)
			assert_memory_equal(object + other->offset + e * other->stride,
					    again + other->offset + e * other->stride, other->size);
	}
	buf_free(&out);
}

static void what_is_written_of_any_field_is_read_and_what_is_out_of_range_is_refused(void **state)
{
	static uint8_t zero[LARGEST];

	(void)state;
	for (unsigned int s = 0; s < SHAPES; s++)
		for (unsigned int f = 0; f < shapes[s].field_count; f++) {
			const struct shape_field *field = &shapes[s].fields[f];
			bool limited = field->low != 0 || field->high != 0;
			int64_t high = field->high;

			if (field->kind == SHAPE_ELSEWHERE || field->low > 0)
				continue;
			if (!limited)
				high = field->kind == SHAPE_BOOL     ? 1
				       : field->kind == SHAPE_MOMENT ? MONO_NEVER
				       : field->kind == SHAPE_SIGNED ? INT32_MAX
				       : field->size == 8	     ? -1
								     : (1LL << 8 * field->size) - 1;
			one_field(&shapes[s], field, (uint64_t)high, NULL);
			one_field(&shapes[s], field, (uint64_t)high, zero);
			one_field(&shapes[s], field, (uint64_t)field->low, NULL);
		}
}

static void a_value_out_of_range_is_refused_by_name(void **state)
{
	struct record record = {.owner = CORE_NODES_MAX};
	struct shape_map map;
	struct tape_in in;
	struct buf out;

	(void)state;
	shape_map_own(&map, &shapes[SHAPE_RECORD]);
	buf_init(&out, 4096);
	assert_int_equal(shape_write(&out, &shapes[SHAPE_RECORD], &record, NULL), 0);
	in = (struct tape_in){.at = (uint8_t *)out.data, .end = (uint8_t *)out.data + out.length};
	assert_string_equal(shape_read(&in, &map, &record, NULL), "owner");
	assert_int_equal(record.owner, 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_every_struct_is_in_its_table),
		cmocka_unit_test(every_table_fits_its_mask_and_names_no_field_twice),
		cmocka_unit_test(numbers_of_any_size_come_back),
		cmocka_unit_test(
			what_is_written_of_any_field_is_read_and_what_is_out_of_range_is_refused),
		cmocka_unit_test(a_value_out_of_range_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
