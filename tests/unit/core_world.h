/* SPDX-License-Identifier: MIT */
/*
 * Small worlds for the tests of the core: two nodes 'a' (0, preferred) and 'b'
 * (1), sometimes 'c' (2), one instance, two route tables, profile safe, and
 * the few questions that nearly every test asks.
 */
#ifndef TESTS_UNIT_CORE_WORLD_H
#define TESTS_UNIT_CORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/sim/world.h"

#define A 0
#define B 1
#define C 2
#define STEPS_PER_SECOND_MAX 80 /* heartbeats both ways, polls and answers; more is spinning */

/* What the cores asked for since the last forget(). */
struct seen {
	unsigned int states[WORLD_NODES], puts[WORLD_NODES], sets[WORLD_NODES], gets[WORLD_NODES];
	unsigned int touches[WORLD_NODES], adds[WORLD_NODES], dels[WORLD_NODES];
	unsigned int notes[WORLD_NODES][NOTE_COUNT];
	unsigned int duties[WORLD_NODES][CORE_DUTIES], evidence[WORLD_NODES];
	mono_us put_at, set_at, add_at, del_at, duty_at[CORE_DUTIES];
	bool exits[WORLD_NODES];
	bool naked; /* a route was to be written before the address was there */
};

static struct seen seen;

static inline void see_duty(const struct world *world, unsigned int host, enum core_duty duty)
{
	seen.duties[host][duty]++;
	seen.duty_at[duty] = world->now;
}

static inline void see(struct world *world, unsigned int host, const struct action *act)
{
	switch (act->type) {
	case ACT_STATE:
		seen.states[host]++;
		break;
	case ACT_PARAM_PUT:
		seen.puts[host]++;
		seen.put_at = world->now;
		break;
	case ACT_PARAM_GET:
		seen.gets[host]++;
		break;
	case ACT_ROUTE_SET:
		seen.sets[host]++;
		seen.set_at = world->now;
		seen.naked |= !world->hosts[host].alias[act->instance];
		break;
	case ACT_TOUCH_PUT:
		seen.touches[host]++;
		break;
	case ACT_ALIAS_ADD:
		seen.adds[host]++;
		seen.add_at = world->now;
		break;
	case ACT_ALIAS_DEL:
		seen.dels[host]++;
		seen.del_at = world->now;
		break;
	case ACT_NOTE:
		seen.notes[host][act->note]++;
		break;
	case ACT_EXIT:
		seen.exits[host] = true;
		break;
	case ACT_GATE:
		see_duty(world, host, DUTY_GATE);
		break;
	case ACT_PROMOTE:
		see_duty(world, host, DUTY_PROMOTE);
		break;
	case ACT_FENCE:
		see_duty(world, host, DUTY_FENCE);
		break;
	case ACT_RELEASE:
		see_duty(world, host, DUTY_RELEASE);
		break;
	case ACT_EVIDENCE_GET:
		seen.evidence[host]++;
		break;
	case ACT_HELLO:
	case ACT_CANCEL:
	case ACT_TOUCH_GET:
	case ACT_ROUTE_GET:
	case ACT_TYPES:
		break;
	}
}

static inline const char *witness(struct world *world, unsigned int host, const struct event *ev,
				  const struct actions *out, void *arg)
{
	(void)ev;
	(void)arg;
	for (unsigned int i = 0; i < out->count; i++)
		see(world, host, &out->items[i]);
	return NULL;
}

static inline void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

static inline struct world *make_world(unsigned int nodes, unsigned int tables)
{
	const struct world_config config = {.nodes = nodes,
					    .instances = 1,
					    .tables = tables,
					    .seed = 7,
					    .priority = {150, 100, 50, 40, 30},
					    .wall = 1700000000 * SEC};
	struct world *world = world_new(&config);

	world->witness = witness;
	forget();
	return world;
}

/* Runs for @length; looks at odd moments whether a core had something to do that it had not
 * announced, and whether it spins. */
static inline void pass(struct world *world, mono_us length)
{
	mono_us until = world->now + length;
	uint64_t before[WORLD_NODES];

	for (unsigned int n = 0; n < world->config.nodes; n++)
		before[n] = world->hosts[n].steps;
	while (world->now < until && !world->broken) {
		mono_us next = mono_min(until, world->now + 7 * MSEC + 13);

		world_run(world, next);
		if (next == until)
			break;
		for (unsigned int n = 0; n < world->config.nodes; n++) {
			world_poke(world, n);
			before[n]++;
		}
	}
	if (world->broken) {
		trace_print(world, stderr, 30);
		fail_msg("%s", world->broken);
	}
	for (unsigned int n = 0; n < world->config.nodes && length >= SEC; n++)
		if (world->hosts[n].steps > before[n])
			assert_in_range(world->hosts[n].steps - before[n], 0,
					(uint64_t)(length / SEC + 1) * STEPS_PER_SECOND_MAX);
}

/* A pair that has been up for a minute: 'a' is MASTER. */
static inline struct world *pair(void)
{
	struct world *world = make_world(2, 2);

	world_boot(world, A);
	pass(world, 5 * SEC);
	world_boot(world, B);
	pass(world, 55 * SEC);
	assert_int_equal(world_instance(world, A, 0)->state, CORE_MASTER);
	assert_int_equal(world_instance(world, B, 0)->state, CORE_BACKUP);
	forget();
	return world;
}

static inline enum core_state state_of(struct world *world, unsigned int host)
{
	return world_instance(world, host, 0)->state;
}

static inline enum core_reason reason_of(struct world *world, unsigned int host)
{
	return world_instance(world, host, 0)->reason;
}

/* @host holds the VIP in every respect, and nobody else does. */
static inline void assert_owner(struct world *world, unsigned int host)
{
	assert_int_equal(state_of(world, host), CORE_MASTER);
	assert_int_equal(world_param(world, 0)->value, host);
	assert_true(world->hosts[host].alias[0]);
	for (unsigned int t = 0; t < world->config.tables; t++)
		assert_int_equal(world_route(world, 0, t), host);
	for (unsigned int n = 0; n < world->config.nodes; n++)
		if (n != host && world->hosts[n].running) {
			assert_false(world_acts(world, n, 0));
			assert_false(world->hosts[n].alias[0]);
		}
}

static inline void assert_quiet(const struct world *world)
{
	for (unsigned int n = 0; n < world->config.nodes; n++)
		assert_int_equal(seen.states[n], 0);
}

/* Until @host is in @state; returns how long that took. */
static inline mono_us wait_for(struct world *world, unsigned int host, enum core_state state,
			       mono_us limit)
{
	mono_us begun = world->now;

	while (state_of(world, host) != state && world->now - begun < limit && !world->broken)
		world_step(world);
	if (state_of(world, host) != state)
		trace_print(world, stderr, 40);
	assert_int_equal(state_of(world, host), state);
	return world->now - begun;
}

static inline void command(struct world *world, unsigned int host, enum core_command what,
			   int target)
{
	world_command(world, host, &(struct event){.command = what, .node = target});
}

static inline void ssm(struct world *world, unsigned int host, bool works)
{
	world->hosts[host].path[SERVICE_SSM].down = !works;
}

static inline void ec2(struct world *world, unsigned int host, bool works)
{
	world->hosts[host].path[SERVICE_EC2].down = !works;
}

#endif
