/* SPDX-License-Identifier: MIT */
/*
 * Reading a tape (tape.h). The bytes may come from anywhere: every length,
 * number and index is checked before the core sees it, and names are made
 * printable.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/tape/internal.h"

#define WRITERS_SHAPES_MAX (SHAPES + 8)

static void get_text(struct tape_in *in, char text[static TAPE_TEXT_MAX])
{
	uint64_t length = shape_get(in);

	text[0] = '\0';
	if (in->bad || length >= TAPE_TEXT_MAX || length > (uint64_t)(in->end - in->at)) {
		in->bad = true;
		return;
	}
	for (uint64_t i = 0; i < length; i++)
		text[i] = (char)(in->at[i] < 0x20 || in->at[i] > 0x7e ? '?' : in->at[i]);
	text[length] = '\0';
	in->at += length;
}

/* A number not above @max. */
static unsigned int get_count(struct tape_in *in, unsigned int max)
{
	uint64_t value = shape_get(in);

	if (value > max)
		in->bad = true;
	return in->bad ? 0 : (unsigned int)value;
}

/* --- the head: names and tables --------------------------------------------------------- */

static int get_names(struct tape_in *in, struct tape *tape)
{
	unsigned int count;

	get_text(in, tape->program);
	get_text(in, tape->cluster);
	count = get_count(in, CORE_NODES_MAX);
	for (unsigned int n = 0; n < count; n++)
		get_text(in, tape->nodes[n]);
	count = get_count(in, CORE_TRACKS_MAX);
	for (unsigned int k = 0; k < count; k++)
		get_text(in, tape->tracks[k]);
	count = get_count(in, CORE_INSTANCES_MAX);
	tape->names = calloc(CORE_INSTANCES_MAX, sizeof(*tape->names));
	for (unsigned int i = 0; i < count && tape->names; i++)
		get_text(in, tape->names[i]);
	return tape->names ? 0 : -1;
}

static enum event_type event_by_name(const char *name)
{
	unsigned int t = 0;

	while (t < EV_TYPES && strcmp(core_event_name((enum event_type)t), name) != 0)
		t++;
	return (enum event_type)t;
}

static void get_words(struct tape_in *in, struct tape *tape)
{
	char word[TAPE_TEXT_MAX];

	tape->event_count = get_count(in, TAPE_WORDS_MAX);
	for (unsigned int t = 0; t < tape->event_count; t++) {
		get_text(in, word);
		tape->events[t] = event_by_name(word);
		tape->foreign += tape->events[t] == EV_TYPES;
	}
	tape->reason_count = get_count(in, TAPE_WORDS_MAX);
	for (unsigned int r = 0; r < tape->reason_count; r++)
		get_text(in, tape->reasons[r]);
}

static const struct shape_field *field_by_name(enum shape_id id, const char *name)
{
	for (unsigned int f = 0; id < SHAPES && f < shapes[id].field_count; f++)
		if (strcmp(shapes[id].fields[f].name, name) == 0)
			return &shapes[id].fields[f];
	return NULL;
}

static enum shape_id shape_by_name(const char *name)
{
	unsigned int s = 0;

	while (s < SHAPES && strcmp(shapes[s].name, name) != 0)
		s++;
	return (enum shape_id)s;
}

static void get_table(struct tape_in *in, struct tape *tape, unsigned int number)
{
	struct shape_map *map = &tape->maps[number];
	char name[TAPE_TEXT_MAX];

	get_text(in, name);
	tape->own[number] = shape_by_name(name);
	if (tape->own[number] < SHAPES)
		tape->map_of[tape->own[number]] = map;
	map->field_count = get_count(in, SHAPE_FIELDS_MAX);
	for (unsigned int f = 0; f < map->field_count && !in->bad; f++) {
		get_text(in, name);
		map->fields[f] = field_by_name(tape->own[number], name);
		map->counts[f] = (uint16_t)get_count(in, 64);
		tape->foreign += !map->fields[f];
	}
}

/* --- the head: objects ---------------------------------------------------------------------- */

/* The machine's configuration, gathered until it can be made. */
struct making {
	struct core_config config;
	struct core_instance_config instances[CORE_INSTANCES_MAX];
	bool made;
};

static int make(struct tape *tape, struct making *making, struct err *err)
{
	struct core_config *config = &making->config;
	size_t tables = 0;

	making->made = true;
	if (config->node_count == 0 || config->instance_count == 0 ||
	    config->self >= config->node_count)
		return err_set(err, "its configuration makes no sense");
	for (unsigned int i = 0; i < config->instance_count; i++)
		tables += core_tables_room(&making->instances[i]);
	tape->instances = calloc(config->instance_count, sizeof(*tape->instances));
	tape->routes = calloc(tables + 1, sizeof(*tape->routes));
	if (!tape->instances || !tape->routes)
		return err_set(err, "no memory");
	config->instances = making->instances;
	core_init(&tape->core, tape->stamp.now, config, tape->instances, tape->routes);
	return 0;
}

/* Where object @id of @owner and @place goes; NULL: there is no such place. */
static void *place_of(struct tape *tape, struct making *making, enum shape_id id,
		      unsigned int owner, unsigned int place)
{
	struct instance *in = making->made && owner < tape->core.config.instance_count
				      ? &tape->instances[owner]
				      : NULL;
	bool made = making->made && owner == 0;

	switch (id) {
	case SHAPE_TIMERS:
		return making->made ? NULL : &making->config.timers;
	case SHAPE_CONFIG:
		return making->made ? NULL : &making->config;
	case SHAPE_INSTANCE_CONFIG:
		return !making->made && owner < CORE_INSTANCES_MAX ? &making->instances[owner]
								   : NULL;
	case SHAPE_CORE:
		return made ? &tape->core : NULL;
	case SHAPE_HEALTH:
		return made && place < CORE_TRACKS_MAX ? &tape->core.health[place] : NULL;
	case SHAPE_PEER:
		return made && place < CORE_NODES_MAX ? &tape->core.peers[place] : NULL;
	case SHAPE_TOUCH_READER:
		return made && place < CORE_NODES_MAX ? &tape->core.touch_read[place] : NULL;
	case SHAPE_TOUCH_WRITER:
		return made ? &tape->core.touch_write : NULL;
	case SHAPE_INSTANCE:
		return in;
	case SHAPE_RECORD:
		return in ? &in->record : NULL;
	case SHAPE_CLAIM:
		return in ? &in->claim : NULL;
	case SHAPE_VIEW:
		return in && place < CORE_NODES_MAX ? &in->view[place] : NULL;
	case SHAPE_ROUTE:
		return in && place < in->config.tables ? &in->routes[place] : NULL;
	case SHAPE_EVENT:
	case SHAPE_HELLO:
	case SHAPE_HELLO_INSTANCE:
	case SHAPE_TOUCH_ENTRY:
	case SHAPES:
		break;
	}
	return NULL;
}

static bool of_config(enum shape_id id)
{
	return id == SHAPE_TIMERS || id == SHAPE_CONFIG || id == SHAPE_INSTANCE_CONFIG;
}

static int get_object(struct tape_in *in, struct tape *tape, struct making *making,
		      unsigned int number, struct err *err)
{
	enum shape_id id = tape->own[number];
	unsigned int owner = get_count(in, CORE_INSTANCES_MAX);
	unsigned int place = get_count(in, CORE_TABLES_MAX);
	const char *wrong;
	void *object;

	if (id < SHAPES && !of_config(id) && !making->made && make(tape, making, err) < 0)
		return -1;
	object = place_of(tape, making, id, owner, place);
	if (!object && id < SHAPES)
		return err_set(err, "it has a '%s' that belongs nowhere", shapes[id].name);
	wrong = shape_read(in, &tape->maps[number], object, NULL);
	if (wrong)
		return err_set(err, "'%s' of '%s' is out of range", wrong, shapes[id].name);
	return 0;
}

static int get_objects(struct tape_in *in, struct tape *tape, struct err *err)
{
	struct making *making = calloc(1, sizeof(*making));
	unsigned int number;
	int ret = 0;

	if (!making)
		return err_set(err, "no memory");
	while (ret == 0 && (number = get_count(in, tape->shape_count)) > 0)
		ret = get_object(in, tape, making, number - 1, err);
	if (ret == 0 && !in->bad && !making->made)
		ret = err_set(err, "it has no machine");
	free(making);
	return ret;
}

static int load(struct tape *tape, struct tape_in *in, struct err *err)
{
	uint64_t format = shape_get(in);

	if (in->bad || format != TAPE_FORMAT)
		return err_set(err, "it is of format %llu, this program reads %d",
			       (unsigned long long)format, TAPE_FORMAT);
	tape->stamp.cause = (enum tape_cause)get_count(in, TAPE_CAUSES - 1);
	tape->stamp.now = shape_unzigzag(shape_get(in));
	tape->stamp.wall_us = shape_unzigzag(shape_get(in));
	if (tape->stamp.now < 0 || tape->stamp.now > INT64_MAX / 8 || tape->stamp.wall_us < 0 ||
	    tape->stamp.wall_us > INT64_MAX / 8)
		return err_set(err, "its time makes no sense");
	if (get_names(in, tape) < 0)
		return err_set(err, "no memory");
	get_words(in, tape);
	tape->shape_count = get_count(in, WRITERS_SHAPES_MAX);
	for (unsigned int s = 0; s < tape->shape_count && !in->bad; s++)
		get_table(in, tape, s);
	if (!in->bad && get_objects(in, tape, err) < 0)
		return -1;
	return in->bad ? err_set(err, "it ends early") : 0;
}

struct tape *tape_load(const uint8_t *payload, size_t length, struct err *err)
{
	struct tape_in in = {.at = payload, .end = payload + length};
	struct tape *tape = calloc(1, sizeof(*tape));

	if (!tape) {
		(void)err_set(err, "no memory");
		return NULL;
	}
	if (load(tape, &in, err) == 0)
		return tape;
	tape_free(tape);
	return NULL;
}

void tape_free(struct tape *tape)
{
	if (!tape)
		return;
	free(tape->instances);
	free(tape->routes);
	free(tape->names);
	free(tape);
}

/* --- events ---------------------------------------------------------------------------------- */

int tape_open(struct tape_reader *reader, const struct tape *tape, const uint8_t *payload,
	      size_t length)
{
	reader->tape = tape;
	reader->in = (struct tape_in){.at = payload, .end = payload + length};
	reader->first = shape_unzigzag(shape_get(&reader->in));
	reader->wall_us = shape_unzigzag(shape_get(&reader->in));
	reader->block.last = reader->first;
	reader->block.sender_count = 0;
	if (reader->first < 0 || reader->first > INT64_MAX / 8 || reader->wall_us < 0 ||
	    reader->wall_us > INT64_MAX / 8)
		reader->in.bad = true;
	for (enum shape_id s = SHAPE_EVENT; s < SHAPES; s++)
		if (!tape->map_of[s])
			reader->in.bad = true;
	return reader->in.bad ? -1 : 0;
}

static const char *get_hello(struct tape_reader *reader)
{
	const struct tape *tape = reader->tape;
	struct tape_in *in = &reader->in;
	struct hello *base = tape_sender(&reader->block, (uint16_t)get_count(in, UINT16_MAX));
	const char *wrong = shape_read(in, tape->map_of[SHAPE_HELLO], &reader->hello, base);

	for (unsigned int e = 0; e < reader->hello.count && !wrong; e++)
		wrong = shape_read(in, tape->map_of[SHAPE_HELLO_INSTANCE],
				   &reader->hello.instances[e], base ? &base->instances[e] : NULL);
	if (base && !wrong && !in->bad) {
		/* The writer's base has zeros where this packet has no instance. */
		memset(&reader->hello.instances[reader->hello.count], 0,
		       (HELLO_INSTANCES_MAX - reader->hello.count) *
			       sizeof(reader->hello.instances[0]));
		*base = reader->hello;
	}
	return wrong;
}

static const char *get_touch(struct tape_reader *reader)
{
	const struct shape_map *map = reader->tape->map_of[SHAPE_TOUCH_ENTRY];
	const char *wrong = NULL;

	reader->touch.count = get_count(&reader->in, CORE_INSTANCES_MAX);
	for (unsigned int e = 0; e < reader->touch.count && !wrong && !reader->in.bad; e++)
		wrong = shape_read(&reader->in, map, &reader->touch.entries[e], NULL);
	return wrong;
}

/* Would the core find its way with it? It trusts the agent, which made these indexes. */
static bool sensible(const struct tape *tape, const struct event *ev)
{
	const struct core_config *config = &tape->core.config;
	int nodes = (int)config->node_count;

	if (ev->instance >= config->instance_count || ev->node < -1 || ev->node >= nodes ||
	    ev->owner < OWNER_STRANGER || ev->owner >= nodes || ev->target < TARGET_BLACKHOLE ||
	    ev->target >= nodes)
		return false;
	switch (ev->type) {
	case EV_VERDICT:
		return ev->track < config->track_count;
	case EV_HELLO:
		return ev->hello != NULL;
	case EV_TOUCH_READ:
		return ev->touch != NULL && ev->node >= 0;
	case EV_EVIDENCE:
	case EV_TOUCH_WRITTEN:
		return ev->node >= 0;
	case EV_ROUTE_READ:
	case EV_ROUTE_WRITTEN:
		return ev->table < tape->instances[ev->instance].config.tables;
	case EV_TABLES:
		return ev->count <= core_tables_room(&tape->instances[ev->instance].config) &&
		       ev->table <= ev->count;
	case EV_TICK:
	case EV_RESUMED:
	case EV_LINK:
	case EV_BEHIND:
	case EV_ALIAS:
	case EV_TARGET:
	case EV_PARAM_READ:
	case EV_PARAM_WRITTEN:
	case EV_COMMAND:
	case EV_GATE:
	case EV_PROMOTED:
	case EV_FENCED:
	case EV_RELEASED:
	case EV_TYPES:
		break;
	}
	return true;
}

static bool get_event(struct tape_reader *reader, unsigned int number, struct tape_record *record)
{
	struct tape_in *in = &reader->in;
	uint64_t passed = shape_get(in);
	const char *wrong;
	unsigned int with;

	if (number >= reader->tape->event_count ||
	    passed > (uint64_t)(INT64_MAX / 8 - reader->block.last))
		return false;
	reader->block.last += (mono_us)passed;
	record->ev.type = reader->tape->events[number];
	record->kind = record->ev.type == EV_TYPES ? TAPE_FOREIGN : TAPE_EVENT;
	wrong = shape_read(in, reader->tape->map_of[SHAPE_EVENT], &record->ev, NULL);
	with = get_count(in, WITH_HELLO | WITH_TOUCH);
	if (with & WITH_HELLO) {
		wrong = wrong ? wrong : get_hello(reader);
		record->ev.hello = &reader->hello;
	}
	if (with & WITH_TOUCH) {
		wrong = wrong ? wrong : get_touch(reader);
		record->ev.touch = &reader->touch;
	}
	return !in->bad && !wrong &&
	       (record->kind == TAPE_FOREIGN || sensible(reader->tape, &record->ev));
}

static bool get_state(struct tape_reader *reader, struct tape_record *record)
{
	struct tape_in *in = &reader->in;
	const struct tape *tape = reader->tape;
	unsigned int reason;

	record->kind = TAPE_STATE;
	record->instance = get_count(in, tape->core.config.instance_count - 1);
	record->old_state = (enum core_state)get_count(in, CORE_STATES - 1);
	record->state = (enum core_state)get_count(in, CORE_STATES - 1);
	reason = get_count(in, TAPE_WORDS_MAX - 1);
	if (reason < tape->reason_count)
		record->reason = tape->reasons[reason];
	return !in->bad && record->reason;
}

int tape_next(struct tape_reader *reader, struct tape_record *record)
{
	uint64_t tag;
	bool good = false;

	if (!reader->in.bad && reader->in.at == reader->in.end)
		return 0;
	memset(record, 0, sizeof(*record));
	tag = shape_get(&reader->in);
	if (tag >= TAG_EVENTS && tag < TAG_EVENTS + TAPE_WORDS_MAX)
		good = get_event(reader, (unsigned int)(tag - TAG_EVENTS), record);
	else if (tag == TAG_STATE)
		good = get_state(reader, record);
	record->at = reader->block.last;
	record->wall_us = reader->wall_us + (record->at - reader->first);
	return good ? 1 : -1;
}
