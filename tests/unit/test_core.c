/* SPDX-License-Identifier: MIT */
/* The core's rules, one sentence each, against a cloud and a kernel that answer at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "agent/core/core.h"

static struct core core;
static struct instance in;
static struct route route;
static struct actions out;

static void setup_node(unsigned int self)
{
	static const struct core_instance_config instance = {.id = 7, .tables = 1, .tracks = 1};
	struct core_config config = {
		.timers = *timers_profile(TIMERS_SAFE),
		.nodes = {{.id = 11, .priority = 150}, {.id = 22, .priority = 100}},
		.node_count = 2,
		.self = self,
		.tracks = {{.rise = 2, .fall = 2}},
		.track_count = 1,
		.instance_count = 1,
		.instances = &instance,
		.nonce = 99,
		.seed = 1,
	};

	memset(&in, 0, sizeof(in));
	memset(&route, 0, sizeof(route));
	core_init(&core, 0, &config, &in, &route);
}

static bool emitted(enum action_type type)
{
	for (unsigned int i = 0; i < out.count; i++)
		if (out.items[i].type == type)
			return true;
	return false;
}

static void a_node_starts_by_looking_and_says_hello(void **state)
{
	(void)state;
	setup_node(0);
	core_step(&core, 0, &(struct event){.type = EV_TICK}, &out);
	assert_true(emitted(ACT_PARAM_GET));
	assert_true(emitted(ACT_ROUTE_GET));
	assert_true(emitted(ACT_HELLO));
	assert_false(emitted(ACT_STATE));
	assert_false(emitted(ACT_ALIAS_DEL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_starts_by_looking_and_says_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
