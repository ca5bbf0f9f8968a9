/* SPDX-License-Identifier: MIT */
/*
 * Routes that others move (V1, C6): taken back, left alone when it becomes a
 * fight, given up when nothing helps.
 */
#include "tests/unit/core_world.h"

static void move_away(struct world *world)
{
	for (unsigned int k = 0; k < 2; k++)
		world_route_set(world, 0, k, TARGET_OTHER);
}

static bool routes_are_a(const struct world *world)
{
	return world_route(world, 0, 0) == A && world_route(world, 0, 1) == A;
}

static void routes_moved_all_at_once_are_taken_back_not_given_up(void **state)
{
	struct world *world = pair();

	(void)state;
	pass(world, 60 * SEC); /* MASTER for much longer than T_route */
	forget();
	move_away(world);
	pass(world, 12 * SEC);
	assert_true(routes_are_a(world));
	assert_owner(world, A);
	assert_int_equal(seen.states[A], 0);
	world_free(world);
}

static void a_route_moved_again_and_again_is_left_alone_for_a_while(void **state)
{
	struct world *world = pair();

	(void)state;
	for (unsigned int turn = 0; turn < 3; turn++) {
		move_away(world);
		pass(world, 10 * SEC);
		assert_true(routes_are_a(world));
	}
	forget();
	move_away(world);
	pass(world, 25 * SEC);
	assert_int_equal(seen.sets[A], 0);
	assert_int_equal(seen.notes[A][NOTE_ROUTE_FIGHT], 1);
	assert_true(world_instance(world, A, 0)->flags & FLAG_ROUTE_FIGHT);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	pass(world, 60 * SEC); /* and is mended in the end */
	assert_true(routes_are_a(world));
	assert_false(world_instance(world, A, 0)->flags & FLAG_ROUTE_FIGHT);
	world_free(world);
}

static void hopeless_routes_are_given_up_only_after_t_route(void **state)
{
	struct world *world = pair();

	(void)state;
	pass(world, 60 * SEC);
	world->hosts[A].path[SERVICE_EC2].writes_denied = true;
	forget();
	move_away(world);
	pass(world, 15 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	pass(world, 30 * SEC);
	assert_owner(world, B);
	world_free(world);
}

/* How often A asked for its routes in @length. */
static unsigned int looks(struct world *world, mono_us length)
{
	unsigned int looked = 0;
	mono_us until = world->now + length;
	mono_us last = world_instance(world, A, 0)->routes[0].asked;

	while (world->now < until && !world->broken) {
		world_step(world);
		looked += world_instance(world, A, 0)->routes[0].asked != last;
		last = world_instance(world, A, 0)->routes[0].asked;
	}
	return looked;
}

static void throttled_reads_make_the_steady_look_slower_and_answered_ones_quicker(void **state)
{
	struct world *world = pair();
	struct path *path = world->hosts[A].path;
	unsigned int normal;

	(void)state;
	normal = looks(world, 100 * SEC);
	for (unsigned int s = 0; s < SERVICES; s++) {
		path[s].error = OUTCOME_THROTTLED;
		path[s].error_permille = 1000;
	}
	pass(world, 700 * SEC);
	assert_int_equal(world_instance(world, A, 0)->routes_slow, 6);
	assert_int_equal(world_instance(world, A, 0)->record.slow, 6);
	assert_in_range(looks(world, 300 * SEC), 1, 3);
	assert_owner(world, A); /* throttled means reachable: nobody moves */
	for (unsigned int s = 0; s < SERVICES; s++)
		path[s].error_permille = 0;
	pass(world, 700 * SEC);
	assert_int_equal(world_instance(world, A, 0)->routes_slow, 0);
	assert_in_range(looks(world, 100 * SEC), normal - 1, normal + 1);
	world_free(world);
}

static void a_slow_standby_still_takes_over_from_a_silent_owner_in_time(void **state)
{
	struct world *world = pair();
	struct path *path = world->hosts[B].path;

	(void)state;
	for (unsigned int s = 0; s < SERVICES; s++) {
		path[s].error = OUTCOME_THROTTLED;
		path[s].error_permille = 1000;
	}
	pass(world, 700 * SEC);
	for (unsigned int s = 0; s < SERVICES; s++)
		path[s].error_permille = 0;
	world_crash(world, A);
	pass(world, 8 * SEC); /* D + G and the calls */
	assert_int_equal(state_of(world, B), CORE_MASTER);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_moved_all_at_once_are_taken_back_not_given_up),
		cmocka_unit_test(a_route_moved_again_and_again_is_left_alone_for_a_while),
		cmocka_unit_test(hopeless_routes_are_given_up_only_after_t_route),
		cmocka_unit_test(
			throttled_reads_make_the_steady_look_slower_and_answered_ones_quicker),
		cmocka_unit_test(a_slow_standby_still_takes_over_from_a_silent_owner_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
