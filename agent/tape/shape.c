/* SPDX-License-Identifier: MIT */
/*
 * The tables, in the order of agent/core/core.h, and the three loops over
 * them. Ranges are those within which the core's arithmetic and indexes are
 * safe, not those that make sense. Long because the tables are one list.
 */
#include "agent/tape/shape.h"

#include <string.h>

#include "agent/core/core.h"

#define MOMENT_LOW (2 * MONO_LONG_AGO)
#define MOMENT_HIGH (INT64_MAX / 8)
#define SPAN_MAX (720000 * SEC) /* 200 hours */
#define COUNT_MAX 1000000000
#define CLAIM_KINDS 16 /* there are fewer; a switch knows none of the rest */

/* Types and members cannot stand in parentheses, and the sizes of pointers are meant.
 * NOLINTBEGIN(bugprone-macro-parentheses,bugprone-sizeof-expression) */
#define MEMBER(type, member) (((struct type *)0)->member)
#define KIND(type, member)                                                                         \
	_Generic(MEMBER(type, member), _Bool                                                       \
		 : SHAPE_BOOL, int                                                                 \
		 : SHAPE_SIGNED, mono_us                                                           \
		 : SHAPE_MOMENT, default                                                           \
		 : SHAPE_UNSIGNED)
#define FIELD(type, member, lowest, highest)                                                       \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.size = sizeof(MEMBER(type, member)), .count = 1, .kind = KIND(type, member),      \
		.low = (lowest), .high = (highest)                                                 \
	}
/* Any value of its type; a moment within what can be calculated with, or never. */
#define ANY(type, member) FIELD(type, member, 0, 0)
#define LIMIT(type, member, lowest, highest) FIELD(type, member, lowest, highest)
/* A moment that may not be "never". */
#define WHEN(type, member) FIELD(type, member, MOMENT_LOW, MOMENT_HIGH)
#define SPAN(type, member) FIELD(type, member, 0, SPAN_MAX)
#define ARRAY(type, member, lowest, highest)                                                       \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.size = sizeof(MEMBER(type, member[0])),                                           \
		.stride = sizeof(MEMBER(type, member[0])),                                         \
		.count = sizeof(MEMBER(type, member)) / sizeof(MEMBER(type, member[0])),           \
		.kind = KIND(type, member[0]), .low = (lowest), .high = (highest)                  \
	}
/* One member of each struct in an array. */
#define COLUMN(type, array, member, lowest, highest)                                               \
	{                                                                                          \
		.name = #array "." #member, .offset = offsetof(struct type, array[0].member),      \
		.size = sizeof(MEMBER(type, array[0].member)),                                     \
		.stride = sizeof(MEMBER(type, array[0])),                                          \
		.count = sizeof(MEMBER(type, array)) / sizeof(MEMBER(type, array[0])),             \
		.kind = KIND(type, array[0].member), .low = (lowest), .high = (highest)            \
	}
#define ELSEWHERE(type, member)                                                                    \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.size = sizeof(MEMBER(type, member)), .count = 1, .kind = SHAPE_ELSEWHERE          \
	}

static const struct shape_field timers_fields[] = {
	SPAN(timers, heartbeat),     SPAN(timers, ack_age),	  SPAN(timers, dead_after),
	SPAN(timers, touch),	     SPAN(timers, param_call),	  SPAN(timers, route_call),
	SPAN(timers, stale),	     SPAN(timers, poll),	  SPAN(timers, slack),
	SPAN(timers, lease),	     SPAN(timers, grace),	  SPAN(timers, stagger),
	SPAN(timers, verify_master), SPAN(timers, verify_backup), SPAN(timers, verify_fast),
	SPAN(timers, claim),	     SPAN(timers, route),	  SPAN(timers, api_age),
	SPAN(timers, ssm_outage),    SPAN(timers, reclaim),	  SPAN(timers, handover),
	SPAN(timers, hold),	     SPAN(timers, hold_max),
};

static const struct shape_field config_fields[] = {
	ELSEWHERE(core_config, timers),
	COLUMN(core_config, nodes, id, 0, 0),
	COLUMN(core_config, nodes, priority, 0, 0),
	LIMIT(core_config, node_count, 1, CORE_NODES_MAX),
	LIMIT(core_config, self, 0, CORE_NODES_MAX - 1),
	COLUMN(core_config, tracks, rise, 0, COUNT_MAX),
	COLUMN(core_config, tracks, fall, 0, COUNT_MAX),
	COLUMN(core_config, tracks, counts, 0, 0),
	LIMIT(core_config, track_count, 0, CORE_TRACKS_MAX),
	LIMIT(core_config, instance_count, 1, CORE_INSTANCES_MAX),
	ELSEWHERE(core_config, instances),
	ANY(core_config, nonce),
	ANY(core_config, seed),
	ANY(core_config, digest),
	ANY(core_config, software),
	ANY(core_config, evidence),
	ANY(core_config, touch_owner),
	ANY(core_config, outage_takeover),
	ANY(core_config, observe),
};

static const struct shape_field instance_config_fields[] = {
	ANY(core_instance_config, id),
	LIMIT(core_instance_config, tables, 0, CORE_TABLES_MAX),
	LIMIT(core_instance_config, tables_room, 0, CORE_TABLES_MAX),
	ANY(core_instance_config, discovers),
	ANY(core_instance_config, tracks),
	ARRAY(core_instance_config, weights, -254, 254),
	ANY(core_instance_config, fence),
	ANY(core_instance_config, gates),
	ANY(core_instance_config, promotes),
	ANY(core_instance_config, fences),
	ANY(core_instance_config, releases),
	ANY(core_instance_config, group),
	ANY(core_instance_config, preempt),
	LIMIT(core_instance_config, preempt_delay, 0, SPAN_MAX),
	ANY(core_instance_config, unpromoted_ok),
	ARRAY(core_instance_config, patience, 0, SPAN_MAX),
};

static const struct shape_field core_fields[] = {
	ELSEWHERE(core, config),
	WHEN(core, started),
	ANY(core, wake),
	ANY(core, hello_at),
	ANY(core, burst_at),
	LIMIT(core, burst, 0, COUNT_MAX),
	ANY(core, hello_now),
	ANY(core, seq),
	ANY(core, rng),
	ANY(core, op),
	ANY(core, target_known),
	ANY(core, source_dest_check),
	ANY(core, stopping),
	ELSEWHERE(core, health),
	ELSEWHERE(core, peers),
	ELSEWHERE(core, touch_read),
	ELSEWHERE(core, touch_write),
	COLUMN(core, evidence, op, 0, 0),
	COLUMN(core, evidence, asked, MOMENT_LOW, MOMENT_HIGH),
	COLUMN(core, evidence, retry_at, MOMENT_LOW, MOMENT_HIGH),
	COLUMN(core, evidence, gone_since, 0, 0),
	COLUMN(core, evidence, gone_at, MOMENT_LOW, MOMENT_HIGH),
	ARRAY(core, config_differs, 0, 0),
	ARRAY(core, software_differs, 0, 0),
	ARRAY(core, software, 0, 0),
	ARRAY(core, awaited, 0, 0),
	ELSEWHERE(core, instances),
};

static const struct shape_field health_fields[] = {
	LIMIT(health, rise, 0, COUNT_MAX),
	LIMIT(health, fall, 0, COUNT_MAX),
	LIMIT(health, state, HEALTH_NONE, HEALTH_UNKNOWN),
	LIMIT(health, run, 0, COUNT_MAX),
	LIMIT(health, proven, HEALTH_NONE, HEALTH_UNKNOWN),
	LIMIT(health, number, -HEALTH_NUMBER_MAX, HEALTH_NUMBER_MAX),
};

static const struct shape_field peer_fields[] = {
	ANY(peer, nonce),	 ANY(peer, seq),
	ANY(peer, retired),	 ANY(peer, newcomer),
	ANY(peer, newcomer_seq), WHEN(peer, heard),
	WHEN(peer, received),	 WHEN(peer, newcomer_received),
	WHEN(peer, ack),	 WHEN(peer, rtt),
	ANY(peer, counted),	 ANY(peer, digest),
	ANY(peer, accepted),	 ANY(peer, old),
};

static const struct shape_field touch_reader_fields[] = {
	ANY(touch_reader, op),	      ANY(touch_reader, version),
	WHEN(touch_reader, moved_at), WHEN(touch_reader, asked),
	WHEN(touch_reader, read_at),  WHEN(touch_reader, answered),
	WHEN(touch_reader, retry_at), LIMIT(touch_reader, outcome, 0, OUTCOME_COUNT - 1),
};

static const struct shape_field touch_writer_fields[] = {
	ANY(touch_writer, op),
	WHEN(touch_writer, asked),
	WHEN(touch_writer, next),
	LIMIT(touch_writer, failures, 0, COUNT_MAX),
	LIMIT(touch_writer, outcome, 0, OUTCOME_COUNT - 1),
	ANY(touch_writer, landed),
};

static const struct shape_field instance_fields[] = {
	ELSEWHERE(instance, config),
	LIMIT(instance, state, 0, CORE_STATES - 1),
	LIMIT(instance, reason, 0, REASON_COUNT - 1),
	WHEN(instance, since),
	WHEN(instance, begun),
	ANY(instance, acting_since),
	WHEN(instance, touch_sent),
	ANY(instance, disclaimed),
	ANY(instance, promise),
	ANY(instance, by_route),
	WHEN(instance, route_taken),
	ANY(instance, touch_at),
	ELSEWHERE(instance, record),
	ELSEWHERE(instance, claim),
	ELSEWHERE(instance, view),
	ELSEWHERE(instance, routes),
	ANY(instance, tables_sought),
	ANY(instance, own_link_up),
	ANY(instance, link_up),
	ANY(instance, standby),
	ANY(instance, frozen),
	ANY(instance, frozen_until),
	ANY(instance, alias_present),
	ANY(instance, alias_pending),
	ANY(instance, alias_asked),
	ANY(instance, alias_kept),
	WHEN(instance, alias_retry),
	ARRAY(instance, alias_lost, MOMENT_LOW, MOMENT_HIGH),
	WHEN(instance, alias_quiet),
	WHEN(instance, claim_after),
	WHEN(instance, hold_until),
	WHEN(instance, last_failure),
	LIMIT(instance, failures, 0, COUNT_MAX),
	LIMIT(instance, routes_slow, 0, 6),
	ELSEWHERE(instance, leader), /* follows from the configuration */
	ANY(instance, follow),
	ANY(instance, ordered),
	LIMIT(instance, order.command, 0, CMD_STOP_KEEP),
	LIMIT(instance, order.node, -1, CORE_NODES_MAX - 1),
	ANY(instance, order.until),
	ANY(instance, fit_since),
	WHEN(instance, preempt_after),
	COLUMN(instance, duties, op, 0, 0),
	COLUMN(instance, duties, asked, MOMENT_LOW, MOMENT_HIGH),
	COLUMN(instance, duties, deadline, 0, 0),
	COLUMN(instance, duties, answered, MOMENT_LOW, MOMENT_HIGH),
	COLUMN(instance, duties, retry_at, MOMENT_LOW, MOMENT_HIGH),
	COLUMN(instance, duties, failures, 0, COUNT_MAX),
	COLUMN(instance, duties, outcome, 0, OUTCOME_COUNT - 1),
	LIMIT(instance, departure.step, 0, DEPARTURE_FENCING),
	LIMIT(instance, departure.state, 0, CORE_STATES - 1),
	LIMIT(instance, departure.reason, 0, REASON_COUNT - 1),
	LIMIT(instance, departure.target, -1, CORE_NODES_MAX - 1),
	ANY(instance, promoted),
	ANY(instance, fenced),
	ANY(instance, gate_shut),
	LIMIT(instance, handover_to, -1, CORE_NODES_MAX - 1),
	WHEN(instance, handover_until),
	WHEN(instance, stall),
	WHEN(instance, confirm_after),
	ANY(instance, flags),
	ANY(instance, blockers),
};

static const struct shape_field record_fields[] = {
	ANY(record, known),
	ANY(record, version),
	LIMIT(record, owner, OWNER_STRANGER, CORE_NODES_MAX - 1),
	LIMIT(record, recalled, OWNER_STRANGER, CORE_NODES_MAX - 1),
	WHEN(record, first_seen),
	ANY(record, mtime),
	ANY(record, life),
	ANY(record, odd_version),
	ANY(record, odd_since),
	ANY(record, outage_since),
	ANY(record, disputed),
	ANY(record, op),
	ANY(record, putting),
	WHEN(record, asked),
	WHEN(record, read_at),
	WHEN(record, answered),
	WHEN(record, first_read),
	WHEN(record, reachable),
	WHEN(record, retry_at),
	WHEN(record, throttled),
	LIMIT(record, failures, 0, COUNT_MAX),
	LIMIT(record, slow, 0, 6),
	LIMIT(record, outcome, 0, OUTCOME_COUNT - 1),
	LIMIT(record, put_outcome, 0, OUTCOME_COUNT - 1),
};

static const struct shape_field claim_fields[] = {
	LIMIT(claim, kind, 0, CLAIM_KINDS - 1),
	ANY(claim, base),
	ANY(claim, life),
	WHEN(claim, since),
	WHEN(claim, put_at),
	WHEN(claim, settled_at),
	LIMIT(claim, puts, 0, COUNT_MAX),
};

static const struct shape_field view_fields[] = {
	LIMIT(view, state, 0, CORE_STATES - 1),
	ANY(view, flags),
	ANY(view, priority),
	WHEN(view, act_seen),
	WHEN(view, touch_seen),
	ANY(view, disclaimed),
	WHEN(view, covered_at),
	LIMIT(view, handover_to, -1, CORE_NODES_MAX - 1),
};

static const struct shape_field route_fields[] = {
	ANY(route, op),
	ANY(route, writing),
	LIMIT(route, target, TARGET_BLACKHOLE, CORE_NODES_MAX - 1),
	WHEN(route, asked),
	WHEN(route, read_at),
	WHEN(route, same_since),
	WHEN(route, reachable),
	WHEN(route, written),
	WHEN(route, mine_at),
	ARRAY(route, mended, MOMENT_LOW, MOMENT_HIGH),
	WHEN(route, retry_at),
	LIMIT(route, failures, 0, COUNT_MAX),
	ANY(route, wanted),
	ANY(route, unsettled),
	ANY(route, tried),
	LIMIT(route, outcome, 0, OUTCOME_COUNT - 1),
};

/* Indexes are checked against the configuration by tape_read.c. */
static const struct shape_field event_fields[] = {
	ELSEWHERE(event, type),
	ANY(event, instance),
	ANY(event, table),
	ANY(event, count),
	ANY(event, track),
	ANY(event, node),
	ANY(event, op),
	LIMIT(event, outcome, 0, OUTCOME_COUNT - 1),
	WHEN(event, sent),
	WHEN(event, gap),
	ANY(event, owner),
	ANY(event, target),
	ANY(event, version),
	ANY(event, mtime),
	LIMIT(event, health, 0, HEALTH_RESULT_NO_ANSWER),
	LIMIT(event, number, -HEALTH_NUMBER_MAX, HEALTH_NUMBER_MAX),
	LIMIT(event, command, 0, CMD_STOP_KEEP),
	ANY(event, up),
	ANY(event, force),
	ANY(event, source_dest_check),
	ANY(event, until),
	ELSEWHERE(event, hello),
	ELSEWHERE(event, touch),
};

static const struct shape_field hello_fields[] = {
	ANY(hello, sender),
	ANY(hello, receiver),
	ANY(hello, flags),
	ANY(hello, digest),
	ANY(hello, software),
	ANY(hello, nonce),
	ANY(hello, seq),
	ANY(hello, echo_nonce),
	ANY(hello, echo_seq),
	ANY(hello, echo_age_us),
	LIMIT(hello, count, 0, HELLO_INSTANCES_MAX),
	ELSEWHERE(hello, instances),
	ELSEWHERE(hello, note_length), /* no business of the core */
	ELSEWHERE(hello, note),
};

static const struct shape_field hello_instance_fields[] = {
	ANY(hello_instance, id),	 ANY(hello_instance, flags),
	ANY(hello_instance, state),	 ANY(hello_instance, priority),
	ANY(hello_instance, owner),	 ANY(hello_instance, handover_to),
	ANY(hello_instance, life),	 ANY(hello_instance, version),
	ANY(hello_instance, disclaimed),
};

static const struct shape_field touch_entry_fields[] = {
	ANY(touch_entry, id),
	ANY(touch_entry, disclaims),
	ANY(touch_entry, term),
};

/* NOLINTEND(bugprone-macro-parentheses,bugprone-sizeof-expression) */

#define SHAPE(type, table)                                                                         \
	{                                                                                          \
		.name = #type, .size = sizeof(struct type),                                        \
		.field_count = sizeof(table) / sizeof((table)[0]), .fields = (table)               \
	}

const struct shape shapes[SHAPES] = {
	[SHAPE_TIMERS] = SHAPE(timers, timers_fields),
	[SHAPE_CONFIG] = SHAPE(core_config, config_fields),
	[SHAPE_INSTANCE_CONFIG] = SHAPE(core_instance_config, instance_config_fields),
	[SHAPE_CORE] = SHAPE(core, core_fields),
	[SHAPE_HEALTH] = SHAPE(health, health_fields),
	[SHAPE_PEER] = SHAPE(peer, peer_fields),
	[SHAPE_TOUCH_READER] = SHAPE(touch_reader, touch_reader_fields),
	[SHAPE_TOUCH_WRITER] = SHAPE(touch_writer, touch_writer_fields),
	[SHAPE_INSTANCE] = SHAPE(instance, instance_fields),
	[SHAPE_RECORD] = SHAPE(record, record_fields),
	[SHAPE_CLAIM] = SHAPE(claim, claim_fields),
	[SHAPE_VIEW] = SHAPE(view, view_fields),
	[SHAPE_ROUTE] = SHAPE(route, route_fields),
	[SHAPE_EVENT] = SHAPE(event, event_fields),
	[SHAPE_HELLO] = SHAPE(hello, hello_fields),
	[SHAPE_HELLO_INSTANCE] = SHAPE(hello_instance, hello_instance_fields),
	[SHAPE_TOUCH_ENTRY] = SHAPE(touch_entry, touch_entry_fields),
};

/* --- numbers --------------------------------------------------------------------------- */

unsigned int shape_put(uint8_t *to, uint64_t value)
{
	unsigned int length = 0;

	while (value >= 0x80) {
		to[length++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[length++] = (uint8_t)value;
	return length;
}

uint64_t shape_get(struct tape_in *in)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	in->bad = true;
	return 0;
}

static uint64_t load(const struct shape_field *field, const void *object, unsigned int element)
{
	const char *at = (const char *)object + field->offset + (size_t)element * field->stride;
	uint64_t value = 0;
	int32_t narrow;

	if (field->kind == SHAPE_SIGNED) {
		memcpy(&narrow, at, sizeof(narrow));
		return (uint64_t)(int64_t)narrow;
	}
	switch (field->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2: {
		uint16_t two;

		memcpy(&two, at, sizeof(two));
		return two;
	}
	case 4: {
		uint32_t four;

		memcpy(&four, at, sizeof(four));
		return four;
	}
	default:
		memcpy(&value, at, sizeof(value));
		return value;
	}
}

static void store(const struct shape_field *field, void *object, unsigned int element,
		  uint64_t value)
{
	char *at = (char *)object + field->offset + (size_t)element * field->stride;
	uint8_t one = (uint8_t)value;
	uint16_t two = (uint16_t)value;
	uint32_t four = (uint32_t)value;

	switch (field->size) {
	case 1:
		memcpy(at, &one, sizeof(one));
		break;
	case 2:
		memcpy(at, &two, sizeof(two));
		break;
	case 4:
		memcpy(at, &four, sizeof(four));
		break;
	default:
		memcpy(at, &value, sizeof(value));
		break;
	}
}

static bool in_range(const struct shape_field *field, uint64_t value)
{
	int64_t number = (int64_t)value;

	switch (field->kind) {
	case SHAPE_BOOL:
		return value <= 1;
	case SHAPE_MOMENT:
		if (field->low == 0 && field->high == 0)
			return number == MONO_NEVER ||
			       (number >= MOMENT_LOW && number <= MOMENT_HIGH);
		break;
	case SHAPE_SIGNED:
		if (number < INT32_MIN || number > INT32_MAX)
			return false;
		break;
	case SHAPE_UNSIGNED:
		if (field->size < 8 && value >> (8 * field->size) != 0)
			return false;
		break;
	case SHAPE_ELSEWHERE:
		return false;
	}
	return (field->low == 0 && field->high == 0) ||
	       (number >= field->low && number <= field->high);
}

/* --- objects ------------------------------------------------------------------------------- */

static bool differs(const struct shape_field *field, const void *object, const void *base)
{
	for (unsigned int e = 0; e < field->count; e++)
		if (load(field, object, e) != (base ? load(field, base, e) : 0))
			return true;
	return false;
}

int shape_write(struct buf *out, const struct shape *shape, const void *object, const void *base)
{
	uint8_t bytes[10 * (SHAPE_FIELDS_MAX + 3 * CORE_TRACKS_MAX + 8 * 12)];
	uint64_t mask = 0;
	unsigned int length;

	for (unsigned int f = 0; f < shape->field_count; f++)
		if (shape->fields[f].kind != SHAPE_ELSEWHERE &&
		    differs(&shape->fields[f], object, base))
			mask |= (uint64_t)1 << f;
	length = shape_put(bytes, mask);
	for (unsigned int f = 0; f < shape->field_count; f++) {
		const struct shape_field *field = &shape->fields[f];

		for (unsigned int e = 0; mask >> f & 1 && e < field->count; e++) {
			uint64_t delta = load(field, object, e) - (base ? load(field, base, e) : 0);

			length += shape_put(bytes + length, shape_zigzag((int64_t)delta));
		}
	}
	return buf_append(out, bytes, length) < 0 ? -1 : 0;
}

void shape_map_own(struct shape_map *map, const struct shape *shape)
{
	map->field_count = shape->field_count;
	for (unsigned int f = 0; f < shape->field_count; f++) {
		map->fields[f] = &shape->fields[f];
		map->counts[f] = shape->fields[f].count;
	}
}

static void copy_base(const struct shape_map *map, void *object, const void *base)
{
	for (unsigned int f = 0; f < map->field_count; f++) {
		const struct shape_field *field = map->fields[f];

		for (unsigned int e = 0;
		     field && field->kind != SHAPE_ELSEWHERE && e < field->count; e++)
			store(field, object, e, base ? load(field, base, e) : 0);
	}
}

const char *shape_read(struct tape_in *in, const struct shape_map *map, void *object,
		       const void *base)
{
	uint64_t mask = shape_get(in);
	const char *wrong = NULL;

	copy_base(map, object, base);
	for (unsigned int f = 0; f < map->field_count && !in->bad; f++) {
		const struct shape_field *field = map->fields[f];

		for (unsigned int e = 0; mask >> f & 1 && e < map->counts[f] && !in->bad; e++) {
			uint64_t delta = (uint64_t)shape_unzigzag(shape_get(in));
			uint64_t value;

			if (!field || field->kind == SHAPE_ELSEWHERE || e >= field->count)
				continue;
			value = load(field, object, e) + delta;
			if (in_range(field, value))
				store(field, object, e, value);
			else if (!wrong)
				wrong = field->name;
		}
	}
	if (map->field_count < 64 && mask >> map->field_count != 0)
		in->bad = true;
	return wrong;
}
