/* SPDX-License-Identifier: MIT */
/*
 * An instance whose route tables are discovered: none found is not the same
 * as none needed, and a change of the set makes only what changed unknown.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "agent/core/core.h"

#define ROOM 4

static struct core core;
static struct instance instance;
static struct route routes[ROOM];
static struct actions out;
static mono_us now;

static void feed(struct event ev)
{
	now += MSEC;
	core_step(&core, now, &ev, &out);
}

static void open_core(bool discovers, unsigned int tables)
{
	const struct core_instance_config one = {
		.id = 7, .tables = tables, .tables_room = ROOM, .discovers = discovers};
	const struct core_config config = {.timers = *timers_profile(TIMERS_SAFE),
					   .node_count = 2,
					   .nodes = {{1, 150}, {2, 100}},
					   .instance_count = 1,
					   .instances = &one,
					   .nonce = 1,
					   .seed = 1};

	now = 1000 * SEC;
	memset(&instance, 0, sizeof(instance));
	memset(routes, 0, sizeof(routes));
	core_init(&core, now, &config, &instance, routes);
	feed((struct event){.type = EV_TARGET, .up = true});
}

static unsigned int asked(enum action_type type)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < out.count; i++)
		count += out.items[i].type == type;
	return count;
}

/* Answers every route read of the last step. */
static void answer_routes(int target)
{
	struct actions todo = out;

	for (unsigned int i = 0; i < todo.count; i++)
		if (todo.items[i].type == ACT_ROUTE_GET)
			feed((struct event){.type = EV_ROUTE_READ,
					    .table = todo.items[i].table,
					    .op = todo.items[i].op,
					    .outcome = OUTCOME_OK,
					    .target = target,
					    .sent = now});
}

static void found(unsigned int from, unsigned int count)
{
	feed((struct event){.type = EV_TABLES, .table = from, .count = count});
}

static void nothing_is_decided_before_the_tables_were_looked_for(void **state)
{
	(void)state;
	open_core(true, 0);
	for (unsigned int i = 0; i < 3000; i++)
		feed((struct event){.type = EV_TICK});
	assert_int_equal(instance.state, CORE_INIT);
	assert_true(instance.blockers & BLOCK_ROUTES);
}

static void without_a_table_a_node_that_discovers_is_not_eligible(void **state)
{
	(void)state;
	open_core(true, 0);
	found(0, 0);
	assert_true(instance.blockers & BLOCK_ROUTES);
	open_core(false, 0);
	assert_false(instance.blockers & BLOCK_ROUTES);
}

static void what_is_found_is_read_at_once(void **state)
{
	(void)state;
	open_core(true, 0);
	found(0, 2);
	assert_int_equal(asked(ACT_ROUTE_GET), 2);
	answer_routes(1);
	assert_int_equal(routes[1].target, 1);
	assert_false(instance.blockers & BLOCK_ROUTES);
}

static void a_change_keeps_what_is_known_of_the_tables_before_it(void **state)
{
	(void)state;
	open_core(true, 1);
	answer_routes(1);
	found(1, 3);
	answer_routes(1);
	assert_int_equal(routes[0].target, 1);
	assert_int_equal(routes[2].target, 1);
	found(1, 2);
	assert_int_equal(routes[0].target, 1);
	assert_int_equal(routes[1].target, TARGET_UNREAD);
	assert_int_equal(asked(ACT_ROUTE_GET), 1);
	assert_int_equal(instance.config.tables, 2);
}

static void the_same_set_again_changes_nothing(void **state)
{
	(void)state;
	open_core(true, 0);
	found(0, 2);
	answer_routes(1);
	found(2, 2);
	assert_int_equal(asked(ACT_ROUTE_GET), 0);
	assert_int_equal(routes[0].target, 1);
}

static void more_tables_than_there_is_room_for_are_not_taken(void **state)
{
	(void)state;
	open_core(true, 1);
	found(0, ROOM + 1);
	assert_int_equal(instance.config.tables, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_decided_before_the_tables_were_looked_for),
		cmocka_unit_test(without_a_table_a_node_that_discovers_is_not_eligible),
		cmocka_unit_test(what_is_found_is_read_at_once),
		cmocka_unit_test(a_change_keeps_what_is_known_of_the_tables_before_it),
		cmocka_unit_test(the_same_set_again_changes_nothing),
		cmocka_unit_test(more_tables_than_there_is_room_for_are_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
