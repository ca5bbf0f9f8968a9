/* SPDX-License-Identifier: MIT */
/*
 * core_step() with events made of arbitrary bytes, as no shell would send
 * them. Oracle: no undefined behaviour, the action list holds, writes only
 * while acting, and the machine asks to be woken now or later, never earlier.
 *
 * fuzz: agent/core/[a-z]*.c agent/base/timers.c
 */
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes && in->size > 0; i++, in->size--)
		value = value << 8 | *in->data++;
	return value;
}

static void take_hello(struct input *in, struct hello *hello, mono_us now)
{
	hello->sender = take(in, 1) & 1 ? 22 : 11;
	hello->receiver = 11;
	hello->flags = (uint8_t)take(in, 1);
	hello->nonce = take(in, 1);
	hello->seq = take(in, 4);
	hello->echo_nonce = 99;
	hello->echo_seq = (uint64_t)now - take(in, 3);
	hello->count = 1;
	hello->instances[0] = (struct hello_instance){.id = 7,
						      .flags = (uint16_t)take(in, 2),
						      .state = (uint8_t)take(in, 1),
						      .priority = (uint8_t)take(in, 1),
						      .owner = (uint16_t)(11 * take(in, 1)),
						      .life = (uint32_t)take(in, 1) & 3,
						      .version = take(in, 1),
						      .disclaimed = take(in, 1)};
}

static void check(const struct core *core, const struct instance *in, const struct actions *out,
		  mono_us now)
{
	if (out->count > CORE_ACTIONS_MAX)
		abort();
	for (unsigned int i = 0; i < out->count; i++)
		if (out->items[i].type == ACT_ROUTE_SET && !in->alias_present)
			abort(); /* a route without the address */
	if (core_deadline(core) < now && core_deadline(core) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct core_instance_config instance = {.id = 7, .tables = 2, .tracks = 1};
	static struct core core;
	static struct actions out;
	static struct hello hello;
	static struct touch touch;
	struct instance instances[1] = {0};
	struct route routes[2] = {0};
	struct input in = {data, size};
	mono_us now = SEC;
	struct core_config config = {
		.timers = *timers_profile(TIMERS_SAFE),
		.nodes = {{.id = 11, .priority = 150}, {.id = 22, .priority = 100}},
		.node_count = 2,
		.tracks = {{.rise = 2, .fall = 2}},
		.track_count = 1,
		.instance_count = 1,
		.instances = &instance,
		.observe = size % 2, /* emit() asserts that it orders no change */
		.nonce = 99,
		.seed = 1,
	};

	core_init(&core, now, &config, instances, routes);
	while (in.size > 0) {
		struct event ev = {
			.type = (enum event_type)(take(&in, 1) % EV_TYPES),
			.table = (unsigned int)take(&in, 1) % 2,
			.node = 1,
			.op = core.op - (uint32_t)(take(&in, 1) % 4),
			.outcome = (enum outcome)(take(&in, 1) % OUTCOME_COUNT),
			.owner = (int)(take(&in, 1) % 4) - 2,
			.target = (int)(take(&in, 1) % 4) - 2,
			.version = take(&in, 1),
			.health = (enum health_result)(take(&in, 1) % 4),
			.command = (enum core_command)(take(&in, 1) % (CMD_STOP_KEEP + 1)),
			.up = take(&in, 1) & 1,
			.hello = &hello,
			.touch = &touch,
		};

		now += (mono_us)take(&in, 3);
		ev.sent = now - (mono_us)take(&in, 2);
		ev.mtime = (mono_us)take(&in, 2);
		ev.gap = (mono_us)take(&in, 3);
		if (ev.type == EV_COMMAND && ev.command == CMD_SWITCHOVER)
			ev.node = (int)(take(&in, 1) % 3) - 1;
		if (ev.type == EV_HELLO)
			take_hello(&in, &hello, now);
		touch = (struct touch){.count = 1, .entries = {{.id = 7, .term = take(&in, 1)}}};
		core_step(&core, now, &ev, &out);
		check(&core, &instances[0], &out, now);
	}
	return 0;
}
