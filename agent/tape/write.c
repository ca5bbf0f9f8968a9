/* SPDX-License-Identifier: MIT */
/*
 * Writing a tape (tape.h). A HEAD is: format, stamp, names, words, tables, then
 * objects, each with the number of its table and where it belongs. EVENTS
 * are: stamp, then records that begin with a tag.
 */
#include <string.h>

#include "agent/tape/internal.h"

static int put(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];

	return buf_append(out, bytes, shape_put(bytes, value)) < 0 ? -1 : 0;
}

static int put_signed(struct buf *out, int64_t value)
{
	return put(out, shape_zigzag(value));
}

static int put_text(struct buf *out, const char *text)
{
	size_t length = strnlen(text, TAPE_TEXT_MAX - 1);

	(void)put(out, length);
	return buf_append(out, text, length) < 0 ? -1 : 0;
}

/* --- the head ------------------------------------------------------------------------- */

static void put_names(struct buf *out, const struct core_config *config,
		      const struct tape_names *names)
{
	(void)put_text(out, names->program);
	(void)put_text(out, names->cluster);
	(void)put(out, config->node_count);
	for (unsigned int n = 0; n < config->node_count; n++)
		(void)put_text(out, names->nodes[n]);
	(void)put(out, config->track_count);
	for (unsigned int k = 0; k < config->track_count; k++)
		(void)put_text(out, names->tracks[k]);
	(void)put(out, config->instance_count);
	for (unsigned int i = 0; i < config->instance_count; i++)
		(void)put_text(out, names->instances[i]);
}

static void put_words(struct buf *out)
{
	(void)put(out, EV_TYPES);
	for (unsigned int t = 0; t < EV_TYPES; t++)
		(void)put_text(out, core_event_name((enum event_type)t));
	(void)put(out, REASON_COUNT);
	for (unsigned int r = 0; r < REASON_COUNT; r++)
		(void)put_text(out, core_reason_name((enum core_reason)r));
}

static void put_tables(struct buf *out)
{
	(void)put(out, SHAPES);
	for (unsigned int s = 0; s < SHAPES; s++) {
		(void)put_text(out, shapes[s].name);
		(void)put(out, shapes[s].field_count);
		for (unsigned int f = 0; f < shapes[s].field_count; f++) {
			(void)put_text(out, shapes[s].fields[f].name);
			(void)put(out, shapes[s].fields[f].count);
		}
	}
}

static void put_object(struct buf *out, enum shape_id id, unsigned int owner, unsigned int place,
		       const void *object)
{
	(void)put(out, (uint64_t)id + 1);
	(void)put(out, owner);
	(void)put(out, place);
	(void)shape_write(out, &shapes[id], object, NULL);
}

static void put_instance(struct buf *out, const struct core *core, unsigned int i)
{
	const struct instance *in = &core->instances[i];

	put_object(out, SHAPE_INSTANCE, i, 0, in);
	put_object(out, SHAPE_RECORD, i, 0, &in->record);
	put_object(out, SHAPE_CLAIM, i, 0, &in->claim);
	for (unsigned int n = 0; n < core->config.node_count; n++)
		put_object(out, SHAPE_VIEW, i, n, &in->view[n]);
	for (unsigned int t = 0; t < in->config.tables; t++)
		put_object(out, SHAPE_ROUTE, i, t, &in->routes[t]);
}

int tape_head(struct buf *out, const struct core *core, const struct tape_names *names,
	      const struct tape_stamp *stamp)
{
	(void)put(out, TAPE_FORMAT);
	(void)put(out, stamp->cause);
	(void)put_signed(out, stamp->now);
	(void)put_signed(out, stamp->wall_us);
	put_names(out, &core->config, names);
	put_words(out);
	put_tables(out);
	/* First what a machine is made from, then what it knows. */
	put_object(out, SHAPE_TIMERS, 0, 0, &core->config.timers);
	put_object(out, SHAPE_CONFIG, 0, 0, &core->config);
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		put_object(out, SHAPE_INSTANCE_CONFIG, i, 0, &core->instances[i].config);
	put_object(out, SHAPE_CORE, 0, 0, core);
	for (unsigned int k = 0; k < core->config.track_count; k++)
		put_object(out, SHAPE_HEALTH, 0, k, &core->health[k]);
	for (unsigned int n = 0; n < core->config.node_count; n++) {
		put_object(out, SHAPE_PEER, 0, n, &core->peers[n]);
		put_object(out, SHAPE_TOUCH_READER, 0, n, &core->touch_read[n]);
	}
	put_object(out, SHAPE_TOUCH_WRITER, 0, 0, &core->touch_write);
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		put_instance(out, core, i);
	(void)put(out, 0);
	return out->overflow ? -1 : 0;
}

/* --- events ------------------------------------------------------------------------------ */

int tape_begin(struct tape_block *block, struct buf *out, mono_us now, int64_t wall_us)
{
	block->last = now;
	block->sender_count = 0;
	(void)put_signed(out, now);
	return put_signed(out, wall_us);
}

struct hello *tape_sender(struct tape_block *block, uint16_t sender)
{
	unsigned int s = 0;

	while (s < block->sender_count && block->senders[s].sender != sender)
		s++;
	if (s == CORE_NODES_MAX)
		return NULL;
	if (s == block->sender_count) {
		block->senders[s] = (struct hello){.sender = sender};
		block->sender_count++;
	}
	return &block->senders[s];
}

static void put_hello(struct tape_block *block, struct buf *out, const struct hello *hello)
{
	struct hello *base = tape_sender(block, hello->sender);

	(void)put(out, hello->sender);
	(void)shape_write(out, &shapes[SHAPE_HELLO], hello, base);
	for (unsigned int e = 0; e < hello->count; e++)
		(void)shape_write(out, &shapes[SHAPE_HELLO_INSTANCE], &hello->instances[e],
				  base ? &base->instances[e] : NULL);
	if (!base)
		return;
	*base = *hello;
	/* What lies behind the last one is not of this packet, and the reader does not have it. */
	memset(&base->instances[hello->count], 0,
	       (HELLO_INSTANCES_MAX - hello->count) * sizeof(base->instances[0]));
}

static void put_touch(struct buf *out, const struct touch *touch)
{
	(void)put(out, touch->count);
	for (unsigned int e = 0; e < touch->count; e++)
		(void)shape_write(out, &shapes[SHAPE_TOUCH_ENTRY], &touch->entries[e], NULL);
}

int tape_event(struct tape_block *block, struct buf *out, mono_us now, const struct event *ev)
{
	(void)put(out, (uint64_t)ev->type + TAG_EVENTS);
	(void)put(out, (uint64_t)(now - block->last)); /* the core's time never goes back */
	block->last = now;
	(void)shape_write(out, &shapes[SHAPE_EVENT], ev, NULL);
	(void)put(out, (ev->hello ? WITH_HELLO : 0) | (ev->touch ? WITH_TOUCH : 0));
	if (ev->hello)
		put_hello(block, out, ev->hello);
	if (ev->touch)
		put_touch(out, ev->touch);
	return out->overflow ? -1 : 0;
}

int tape_state(struct buf *out, const struct action *act)
{
	(void)put(out, TAG_STATE);
	(void)put(out, act->instance);
	(void)put(out, act->old_state);
	(void)put(out, act->state);
	return put(out, act->reason);
}
