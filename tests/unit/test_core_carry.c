/* SPDX-License-Identifier: MIT */
/*
 * Another configuration, the same run: a reload is nothing to the peers, what
 * is known goes along under its new number, and what is new is no failure.
 */
#include "tests/unit/core_world.h"

static struct core_map same(void)
{
	static const int instances[WORLD_INSTANCES] = {0, 1};
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {0, 1};
	static const bool readdressed[WORLD_INSTANCES];
	struct core_map map = {
		.instances = instances, .routes = routes, .readdressed = readdressed};

	for (int n = 0; n < CORE_NODES_MAX; n++)
		map.nodes[n] = n;
	for (int k = 0; k < CORE_TRACKS_MAX; k++)
		map.tracks[k] = k;
	return map;
}

/* --- nothing moves ---------------------------------------------------------------------- */

static void a_hundred_reloads_with_loss_move_nothing(void **state)
{
	struct world *world = pair();
	mono_us asked;

	(void)state;
	world->links[A][B].loss_permille = world->links[B][A].loss_permille = 100;
	for (unsigned int i = 0; i < 100; i++) {
		pass(world, 130 * MSEC);
		world_reload(world, i % 3 == 0 ? B : A, NULL);
	}
	asked = world_instance(world, A, 0)->record.asked;
	pass(world, 10 * SEC);
	assert_owner(world, A);
	assert_quiet(world);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	assert_int_equal(seen.adds[A] + seen.dels[A] + seen.adds[B] + seen.dels[B], 0);
	assert_true(world_instance(world, A, 0)->record.asked > asked); /* it goes on looking */
	world_free(world);
}

static void a_claim_goes_on_over_a_reload(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_CLAIMING, 2 * SEC);
	for (unsigned int i = 0; i < 20 && state_of(world, B) == CORE_CLAIMING; i++) {
		world_reload(world, B, NULL);
		world_reload(world, A, NULL);
		world_step(world);
	}
	wait_for(world, B, CORE_MASTER, 2 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	assert_int_equal(world_param(world, 0)->version, 2); /* one Put, whose answer counted */
	world_free(world);
}

static void promises_orders_and_holds_outlive_a_reload(void **state)
{
	struct world *world = pair();
	struct instance *in = world_instance(world, A, 0);
	mono_us held;

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_MASTER, 2 * SEC);
	held = in->hold_until;
	command(world, A, CMD_FREEZE_ON, -1);
	world_reload(world, A, NULL);
	assert_int_equal(in->disclaimed, 1);
	assert_true(in->frozen);
	assert_int_equal(in->hold_until, held);
	assert_int_equal(world->hosts[A].core.health[0].state, HEALTH_DOWN);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_call_under_way_is_neither_forgotten_nor_repeated(void **state)
{
	struct world *world = pair();
	struct record *record = &world_instance(world, A, 0)->record;
	uint32_t op;

	(void)state;
	for (unsigned int n = 0; n < 100000 && record->op == 0; n++)
		world_step(world);
	op = record->op;
	assert_int_not_equal(op, 0);
	world_reload(world, A, NULL);
	assert_int_equal(record->op, op);
	forget();
	pass(world, SEC);
	assert_true(record->op != op); /* its answer came, and was for it */
	assert_int_equal(seen.gets[A], 0);
	world_free(world);
}

/* --- what is other than before ------------------------------------------------------------- */

static void other_timers_hold_from_then_on(void **state)
{
	struct world *world = pair();

	(void)state;
	world->config.profile = TIMERS_FAST;
	world_reload(world, A, NULL);
	world_reload(world, B, NULL);
	pass(world, 10 * SEC);
	assert_quiet(world);
	world_crash(world, A);
	assert_in_range(wait_for(world, B, CORE_MASTER, 4 * SEC), 0, 3 * SEC); /* safe: 5 s */
	world_free(world);
}

static void a_check_that_is_asked_otherwise_keeps_its_verdict(void **state)
{
	struct world *world = pair();
	struct core_map map = same();
	struct health *health = &world->hosts[A].core.health[0];

	(void)state;
	world_tell(world, A, &(struct event){.type = EV_VERDICT, .health = HEALTH_RESULT_BAD});
	assert_int_equal(health->run, 1);
	health->number = 7;
	world_reload(world, A, &map);
	assert_int_equal(health->state, HEALTH_UP);
	assert_int_equal(health->proven, HEALTH_UP);
	assert_int_equal(health->number, 7);
	assert_int_equal(health->run, 1);
	map.tracks[0] = -1;
	world_reload(world, A, &map);
	assert_int_equal(health->state, HEALTH_NONE);
	pass(world, 5 * SEC);
	assert_owner(world, A); /* nothing speaks against it */
	world_free(world);
}

static void routes_that_are_new_to_a_master_are_written_and_are_no_failure(void **state)
{
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {-1, -1};
	struct world *world = pair();
	struct core_map map = same();

	(void)state;
	map.routes = routes;
	world_route_set(world, 0, 0, B); /* the tables are others: they lead anywhere */
	world_route_set(world, 0, 1, TARGET_MISSING);
	world_reload(world, A, &map);
	pass(world, 3 * SEC);
	assert_owner(world, A);
	assert_quiet(world);
	assert_int_equal(seen.sets[A], 2);
	assert_int_equal(seen.notes[A][NOTE_DRIFT], 0);
	world_free(world);
}

static void a_standby_with_other_tables_stays_eligible(void **state)
{
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {-1, -1};
	struct world *world = pair();
	struct core_map map = same();

	(void)state;
	map.routes = routes;
	world_reload(world, B, &map);
	world_step(world);
	world_poke(world, B);
	assert_int_equal(world_instance(world, B, 0)->blockers, 0);
	world_free(world);
}

/* The places of its routes come after those of the first. */
static void the_routes_of_a_second_instance_are_its_own(void **state)
{
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {-1, -1, 0, 1};
	struct world *world = make_world(2, 2);
	struct core_map map = same();
	const struct instance *second = world_instance(world, A, 1);

	(void)state;
	world->config.instances = 2;
	world_boot(world, A);
	pass(world, 20 * SEC);
	map.routes = routes;
	world_reload(world, A, &map);
	assert_int_equal(second->routes[0].target, A);
	assert_int_equal(second->routes[1].target, A);
	assert_int_equal(world_instance(world, A, 0)->routes[0].target, TARGET_UNREAD);
	world_free(world);
}

static void a_table_more_does_not_make_the_others_unread(void **state)
{
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {0, 1, -1};
	struct world *world = pair();
	struct core_map map = same();
	const struct instance *in = world_instance(world, B, 0);
	mono_us read_at = in->routes[1].read_at;

	(void)state;
	map.routes = routes;
	world->config.tables = 3;
	world_reload(world, B, &map);
	world_reload(world, A, &map);
	assert_int_equal(in->routes[1].read_at, read_at);
	assert_int_equal(in->routes[1].target, A);
	assert_int_equal(in->routes[2].target, TARGET_UNREAD);
	assert_false(in->routes[2].wanted); /* it is not our business to write it */
	assert_int_equal(in->routes[2].mine_at, MONO_LONG_AGO);
	pass(world, 3 * SEC);
	assert_owner(world, A);
	assert_quiet(world);
	assert_int_equal(seen.sets[A], 1);
	assert_int_equal(seen.sets[B], 0);
	world_free(world);
}

static void under_maintenance_a_new_table_is_not_written(void **state)
{
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {0, -1};
	struct world *world = pair();
	struct core_map map = same();

	(void)state;
	map.routes = routes;
	command(world, A, CMD_FREEZE_ON, -1);
	world_route_set(world, 0, 1, B);
	world_reload(world, A, &map);
	pass(world, 20 * SEC);
	assert_int_equal(seen.sets[A], 0);
	assert_int_equal(world_instance(world, A, 0)->routes[1].target, B); /* but shown */
	command(world, A, CMD_FREEZE_OFF, -1);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void other_addresses_are_added_and_nobody_meddled(void **state)
{
	static const bool readdressed[WORLD_INSTANCES] = {true};
	struct world *world = pair();
	struct core_map map = same();
	struct instance *in = world_instance(world, A, 0);

	(void)state;
	map.readdressed = readdressed;
	in->alias_quiet =
		world_clock(world, A) + 60 * SEC; /* somebody fought over those of before */
	for (unsigned int i = 0; i < 10; i++) {
		world->hosts[A].alias[0] = false; /* the shell took them away */
		world_reload(world, A, &map);
		world_tell(world, A, &(struct event){.type = EV_ALIAS, .outcome = OUTCOME_OK});
		pass(world, 200 * MSEC);
	}
	assert_int_equal(seen.adds[A], 10);
	assert_false(in->flags & FLAG_ALIAS_FIGHT);
	assert_owner(world, A);
	assert_quiet(world);
	world_free(world);
}

/* --- nodes and instances come and go --------------------------------------------------------- */

static void an_instance_that_is_new_looks_before_it_acts(void **state)
{
	static const int instances[WORLD_INSTANCES] = {0, -1};
	struct world *world = make_world(2, 2);
	struct core_map map = same();

	(void)state;
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 60 * SEC);
	assert_owner(world, A);
	world->config.instances = 2;
	map.instances = instances;
	for (unsigned int h = A; h <= B; h++) {
		world->hosts[h].link_up[1] = true;
		world_reload(world, h, &map);
	}
	assert_int_equal(world_instance(world, A, 1)->state, CORE_INIT);
	assert_int_equal(world_instance(world, A, 1)->begun, world_clock(world, A));
	pass(world, 900 * MSEC);
	assert_false(world_acts(world, A, 1)); /* it listens for D */
	pass(world, 20 * SEC);
	assert_int_equal(world_instance(world, A, 1)->state, CORE_MASTER);
	assert_int_equal(world_instance(world, B, 1)->state, CORE_BACKUP);
	assert_int_equal(seen.states[A] - seen.states[B] > 0, true);
	assert_owner(world, A);
	world_free(world);
}

/* Machines whose nodes stand in another order in the file now. */
static void everything_about_a_node_goes_along_under_its_new_number(void **state)
{
	static const int instances[WORLD_INSTANCES] = {0};
	static const int routes[WORLD_TABLES] = {1, 0};
	static const bool readdressed[WORLD_INSTANCES];
	const struct core_map map = {.nodes = {2, 0, -1, -1, -1, -1, -1, -1},
				     .tracks = {0},
				     .instances = instances,
				     .routes = routes,
				     .readdressed = readdressed};
	struct world *world = make_world(3, 2);
	const struct core_instance_config one = {.id = 100, .tables = 2, .tracks = 1};
	struct core_config config;
	struct core *from = &world->hosts[B].core, to;
	struct instance in = {0}, *was = world_instance(world, B, 0);
	struct route new_routes[2] = {{0}};

	(void)state;
	for (unsigned int h = A; h <= C; h++)
		world_boot(world, h);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	was->routes[0].target = A;
	was->routes[1].target = C;
	was->handover_to = A;
	was->record.recalled = C;
	was->departure.target = C;
	was->order.node = C;
	was->view[A].handover_to = B;
	from->touch_read[A].version = 77;
	from->evidence[A].gone_at = 55;
	config = from->config;
	config.node_count = 3;
	config.self = 0;
	config.nodes[0] = from->config.nodes[B];
	config.nodes[1] = (struct core_node){.id = 999, .priority = 1}; /* nobody knows it */
	config.nodes[2] = from->config.nodes[A];
	config.instances = &one;
	config.nonce = 1;
	core_init(&to, world_clock(world, B), &config, &in, new_routes);
	core_carry(&to, world_clock(world, B), from, &map);

	assert_true(to.config.nonce == from->config.nonce);
	assert_true(to.seq == from->seq && to.op == from->op && to.rng == from->rng);
	assert_int_equal(to.started, from->started);
	assert_int_equal(to.peers[2].heard, from->peers[A].heard);
	assert_int_equal(to.peers[2].ack, from->peers[A].ack);
	assert_int_equal(to.peers[1].heard, MONO_LONG_AGO);
	assert_int_equal(to.touch_read[2].version, 77);
	assert_int_equal(to.evidence[2].gone_at, 55);
	assert_int_equal(to.touch_write.asked, from->touch_write.asked);
	assert_true(to.awaited[1] && !to.awaited[2] && !to.awaited[0]);
	assert_int_equal(in.record.owner, 2);
	assert_true(in.record.known);
	assert_int_equal(in.record.recalled, OWNER_NOBODY);
	assert_int_equal(in.record.version, was->record.version);
	assert_int_equal(in.view[2].act_seen, was->view[A].act_seen);
	assert_int_equal(in.view[2].handover_to, 0);
	assert_int_equal(in.view[1].act_seen, MONO_LONG_AGO);
	assert_int_equal(in.routes[1].target, 2);
	assert_int_equal(in.routes[0].target, TARGET_OTHER); /* of a node that is gone */
	assert_ptr_equal(in.routes, new_routes);
	assert_int_equal(in.handover_to, 2);
	assert_int_equal(in.departure.target, -1);
	assert_int_equal(in.order.node, -1);
	assert_int_equal(core_deadline(&to), world_clock(world, B));
	world_free(world);
}

static void an_owner_that_is_no_node_any_more_is_a_stranger_and_back(void **state)
{
	struct world *world = pair();
	struct core_map map = same();
	struct record *record = &world_instance(world, B, 0)->record;
	struct core *core = &world->hosts[B].core;
	uint64_t version = record->version;

	(void)state;
	map.nodes[A] = -1; /* its place in the file is taken by a new one */
	world_reload(world, B, &map);
	assert_int_equal(record->owner, OWNER_STRANGER);
	assert_true(core->awaited[A]);
	world_reload(world, B, &map); /* and again: the stranger may be the new node */
	assert_false(record->known);
	assert_true(record->version == version);
	pass(world, 2 * SEC);
	assert_true(record->known && record->version == version); /* no life more */
	assert_int_equal(record->owner, A);
	assert_int_equal(record->life, 0);
	assert_false(core->awaited[A]);
	assert_owner(world, A);
	assert_quiet(world);
	world_free(world);
}

static void a_node_that_was_added_counts_for_the_lease_once_it_was_heard(void **state)
{
	struct world *world = make_world(3, 2);
	struct core_map map = same();
	struct instance *in = world_instance(world, A, 0);

	(void)state;
	world->config.nodes = 2;
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	forget();
	map.nodes[C] = -1;
	world->config.nodes = 3;
	world->config.priority[C] = 20;
	world_reload(world, A, &map);
	world_reload(world, B, &map);
	pass(world, 5 * SEC);
	assert_true(seen.touches[A] > 2); /* should it come, it must see that A lives */
	ssm(world, A, false);
	pass(world, 20 * SEC);
	assert_false(in->flags & FLAG_UNCONFIRMED); /* B hears it */
	ssm(world, A, true);
	assert_true(world->hosts[A].core.awaited[C]);
	world_boot(world, C);
	pass(world, 20 * SEC);
	assert_false(world->hosts[A].core.awaited[C]);
	assert_owner(world, A);
	world_crash(world, C);
	ssm(world, A, false);
	pass(world, 5 * SEC);
	assert_true(in->flags & FLAG_UNCONFIRMED); /* it may be silent, and claim */
	world_free(world);
}

static void a_group_that_is_changed_shares_its_interfaces_anew(void **state)
{
	struct world *world = make_world(2, 1);
	struct core_map map = same();
	static const int routes[WORLD_INSTANCES * WORLD_TABLES] = {0, 0};

	(void)state;
	world->config.instances = 2;
	world_boot(world, A);
	pass(world, 20 * SEC);
	world_link(world, A, 1, false);
	pass(world, SEC);
	assert_int_equal(world_instance(world, A, 0)->state, CORE_MASTER);
	assert_int_equal(world_instance(world, A, 1)->state, CORE_FAULT);
	map.routes = routes;
	world->config.group = true;
	world_reload(world, A, &map);
	assert_false(world_instance(world, A, 0)->link_up);
	assert_int_equal(world_instance(world, A, 1)->leader, 0);
	world->config.group = false;
	world_reload(world, A, &map);
	assert_true(world_instance(world, A, 0)->link_up);
	assert_int_equal(world_instance(world, A, 1)->leader, 1);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_reloads_with_loss_move_nothing),
		cmocka_unit_test(a_claim_goes_on_over_a_reload),
		cmocka_unit_test(promises_orders_and_holds_outlive_a_reload),
		cmocka_unit_test(a_call_under_way_is_neither_forgotten_nor_repeated),
		cmocka_unit_test(other_timers_hold_from_then_on),
		cmocka_unit_test(a_check_that_is_asked_otherwise_keeps_its_verdict),
		cmocka_unit_test(routes_that_are_new_to_a_master_are_written_and_are_no_failure),
		cmocka_unit_test(a_standby_with_other_tables_stays_eligible),
		cmocka_unit_test(the_routes_of_a_second_instance_are_its_own),
		cmocka_unit_test(a_table_more_does_not_make_the_others_unread),
		cmocka_unit_test(under_maintenance_a_new_table_is_not_written),
		cmocka_unit_test(other_addresses_are_added_and_nobody_meddled),
		cmocka_unit_test(an_instance_that_is_new_looks_before_it_acts),
		cmocka_unit_test(everything_about_a_node_goes_along_under_its_new_number),
		cmocka_unit_test(an_owner_that_is_no_node_any_more_is_a_stranger_and_back),
		cmocka_unit_test(a_node_that_was_added_counts_for_the_lease_once_it_was_heard),
		cmocka_unit_test(a_group_that_is_changed_shares_its_interfaces_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
