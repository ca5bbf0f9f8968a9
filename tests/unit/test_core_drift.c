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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_moved_all_at_once_are_taken_back_not_given_up),
		cmocka_unit_test(a_route_moved_again_and_again_is_left_alone_for_a_while),
		cmocka_unit_test(hopeless_routes_are_given_up_only_after_t_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
