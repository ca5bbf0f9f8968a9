/* SPDX-License-Identifier: MIT */
/*
 * The parameter store away while the owner is silent (the route decides), and
 * touches that go to P itself (T1).
 */
#include "tests/unit/core_world.h"

#define T_SSM (30 * SEC)
#define T_SILENT (5 * SEC) /* D + G */

/* A pair of a minute; 'a' is MASTER. */
static struct world *pair_with(bool outage_takeover, bool touch_owner)
{
	struct world *world = make_world(2, 2);

	world->config.outage_takeover = outage_takeover;
	world->config.touch_owner = touch_owner;
	world_boot(world, A);
	pass(world, 6 * SEC);
	world_boot(world, B);
	pass(world, 54 * SEC);
	assert_owner(world, A);
	forget();
	return world;
}

static void store(struct world *world, bool works)
{
	ssm(world, A, works);
	ssm(world, B, works);
}

/* --- the route decides -------------------------------------------------------------- */

static void a_dead_owner_is_followed_by_route_when_the_store_is_away(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	store(world, false);
	pass(world, 10 * SEC);
	world_crash(world, A);
	assert_in_range(wait_for(world, B, CORE_CLAIMING, 60 * SEC), T_SSM + T_SILENT - SEC,
			T_SSM + T_SILENT + 3 * SEC);
	assert_int_equal(reason_of(world, B), REASON_STORE_OUTAGE);
	wait_for(world, B, CORE_MASTER, 2 * SEC);
	assert_int_equal(reason_of(world, B), REASON_UNRECORDED);
	assert_true(world->hosts[B].alias[0]);
	assert_int_equal(world_route(world, 0, 0), B);
	assert_int_equal(world_route(world, 0, 1), B);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_true(world_instance(world, B, 0)->flags & FLAG_UNRECORDED);
	store(world, true); /* first readable P: the route owner Puts */
	pass(world, 20 * SEC);
	assert_owner(world, B);
	assert_false(world_instance(world, B, 0)->by_route);
	world_free(world);
}

static void with_wait_nothing_moves_until_the_store_is_back(void **state)
{
	struct world *world = pair_with(false, false);

	(void)state;
	store(world, false);
	world_crash(world, A);
	pass(world, 120 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(seen.sets[B], 0);
	world_free(world);
}

static void a_living_owner_concedes_when_the_route_has_gone(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	store(world, false);
	world_cut(world, A, B, true);
	pass(world, 20 * SEC);
	assert_owner(world, A);
	wait_for(world, B, CORE_MASTER, 30 * SEC);
	assert_in_range(wait_for(world, A, CORE_BACKUP, 10 * SEC), 0, 2 * SEC); /* W + a call */
	assert_int_equal(reason_of(world, A), REASON_CONCEDED);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_int_equal(seen.sets[A], 0);
	world_cut(world, A, B, false);
	store(world, true);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void an_owner_that_reaches_the_store_is_left_alone_after_one_try(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	ssm(world, B, false);
	world_cut(world, A, B, true);
	wait_for(world, B, CORE_MASTER, 60 * SEC);
	wait_for(world, B, CORE_BACKUP, 30 * SEC); /* A put the routes back */
	assert_int_equal(reason_of(world, B), REASON_CONCEDED);
	pass(world, 300 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.sets[B], 2); /* once in one silence */
	world_cut(world, A, B, false);
	ssm(world, B, true);
	pass(world, 20 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void the_owner_being_heard_ends_a_claim_by_route(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	store(world, false);
	world_cut(world, A, B, true);
	wait_for(world, B, CORE_CLAIMING, 60 * SEC);
	world_cut(world, A, B, false);
	pass(world, 3 * SEC);
	store(world, true);
	pass(world, 20 * SEC);
	assert_true(state_of(world, A) == CORE_MASTER || state_of(world, B) == CORE_MASTER);
	assert_owner(world, (unsigned int)world_param(world, 0)->value);
	world_free(world);
}

static void denied_or_throttled_is_no_outage(void **state)
{
	static const enum outcome answers[] = {OUTCOME_DENIED, OUTCOME_THROTTLED};

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		struct world *world = pair_with(true, false);

		world->hosts[B].path[SERVICE_SSM].error = answers[k];
		world->hosts[B].path[SERVICE_SSM].error_permille = 1000;
		world_crash(world, A);
		pass(world, 120 * SEC);
		assert_int_equal(state_of(world, B), CORE_BACKUP);
		assert_int_equal(seen.sets[B], 0);
		world_free(world);
	}
}

static void of_two_candidates_the_second_sees_the_route_move_and_stays(void **state)
{
	struct world *world = make_world(3, 2);

	(void)state;
	world->config.outage_takeover = true;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	for (unsigned int n = A; n <= C; n++)
		ssm(world, n, false);
	world_cut(world, B, C, true);
	forget();
	world_crash(world, A);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(seen.sets[C], 0); /* its turn came after B's, and it saw */
	world_cut(world, B, C, false);
	for (unsigned int n = B; n <= C; n++)
		ssm(world, n, true);
	pass(world, 20 * SEC);
	assert_owner(world, (unsigned int)world_param(world, 0)->value);
	world_free(world);
}

/* --- the node that P names itself -------------------------------------------------------- */

static void a_promise_of_its_own_does_not_keep_the_last_node_from_serving(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	world_crash(world, B);
	store(world, false);
	pass(world, 40 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, A, CORE_FAULT, 5 * SEC);
	pass(world, 5 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	wait_for(world, A, CORE_MASTER, T_SILENT + 5 * SEC);
	assert_true(world_instance(world, A, 0)->flags & FLAG_UNRECORDED);
	assert_int_equal(world_route(world, 0, 0), A);
	store(world, true); /* P still names it, on a version that it has renounced: a new Put */
	pass(world, 10 * SEC);
	assert_owner(world, A);
	assert_true(world_param(world, 0)->version > world_instance(world, A, 0)->disclaimed);
	assert_false(world_instance(world, A, 0)->by_route);
	world_free(world);
}

static void a_promise_of_its_own_stands_with_wait(void **state)
{
	struct world *world = pair_with(false, false);

	(void)state;
	world_crash(world, B);
	store(world, false);
	pass(world, 40 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 10 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	pass(world, 120 * SEC);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	store(world, true);
	pass(world, 10 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void an_owner_does_not_take_back_a_route_that_was_moved_in_the_outage(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	store(world, false);
	world_cut(world, A, B, true);
	wait_for(world, B, CORE_MASTER, 60 * SEC);
	wait_for(world, A, CORE_BACKUP, 10 * SEC);
	forget();
	pass(world, 300 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_int_equal(seen.sets[A], 0);
	world_free(world);
}

/* Restarts 'a' with what it knew, but for the owner. */
static void restart_recalling(struct world *world, uint64_t version, int owner)
{
	struct core_saved saved;

	core_save(&world->hosts[A].core, 0, &saved);
	saved.version = version;
	saved.owner = owner;
	world_crash(world, A);
	world_boot(world, A);
	core_restore(&world->hosts[A].core, 0, &saved);
}

static void a_restarted_owner_goes_on_by_what_its_state_file_says(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	world_crash(world, B);
	store(world, false);
	restart_recalling(world, world_param(world, 0)->version, A);
	assert_in_range(wait_for(world, A, CORE_MASTER, 60 * SEC), T_SSM - SEC, T_SSM + 5 * SEC);
	assert_int_equal(reason_of(world, A), REASON_STORE_OUTAGE);
	assert_int_equal(seen.sets[A], 0); /* they were its own */
	store(world, true);
	pass(world, 10 * SEC);
	assert_owner(world, A);
	assert_false(world_instance(world, A, 0)->by_route);
	world_free(world);
}

static void a_state_file_that_is_wrong_about_the_parameter_is_given_up_after_two_reads(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	store(world, false);
	world_cut(world, A, B, true);
	restart_recalling(world, 40, A); /* P was made anew meanwhile */
	world_param_put(world, 0, B);
	wait_for(world, A, CORE_MASTER, 60 * SEC);
	ssm(world, A, true);
	wait_for(world, A, CORE_BACKUP, 5 * SEC);
	assert_int_equal(reason_of(world, A), REASON_OVERRULED);
	world_free(world);
}

static void without_a_state_file_a_restarted_owner_waits_as_it_was_found(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	world_crash(world, B);
	pass(world, SEC); /* nothing of it is under way */
	store(world, false);
	world_crash(world, A);
	world_boot(world, A);
	pass(world, 120 * SEC);
	assert_int_equal(state_of(world, A), CORE_INIT);
	assert_true(world->hosts[A].alias[0]);
	world_free(world);
}

static void an_acked_owner_concedes_only_to_one_that_could_serve(void **state)
{
	struct world *world = pair_with(true, false);

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	store(world, false);
	pass(world, 10 * SEC);
	world_route_set(world, 0, 1, B);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	world_check(world, B, HEALTH_RESULT_GOOD);
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	assert_int_equal(reason_of(world, A), REASON_CONCEDED);
	assert_int_equal(reason_of(world, B), REASON_DISCLAIMED);
	world_free(world);
}

/* --- T1 -------------------------------------------------------------------------------- */

static void touches_of_the_parameter_itself_keep_a_partition_quiet(void **state)
{
	struct world *world = pair_with(false, true);

	(void)state;
	assert_in_range(world_param(world, 0)->version, 3, 8); /* alone for some seconds */
	world_cut(world, A, B, true);
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_owner(world, A);
	assert_in_range(seen.puts[A], 50, 62); /* one in W */
	assert_int_equal(seen.touches[A] + seen.touches[B], 0);
	assert_true(world_instance(world, B, 0)->flags & FLAG_PARTITIONED);
	assert_true(world_instance(world, A, 0)->flags & FLAG_TOUCHES_OWNER);
	world_cut(world, A, B, false);
	pass(world, 2 * SEC);
	forget();
	pass(world, 60 * SEC);
	assert_int_equal(seen.puts[A], 0);
	world_free(world);
}

static void a_silent_owner_that_touched_the_parameter_is_followed(void **state)
{
	struct world *world = pair_with(false, true);

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 20 * SEC);
	world_crash(world, A);
	wait_for(world, B, CORE_MASTER, 8 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_touch_that_overwrote_a_claim_waits_and_asks_who_was_last(void **state)
{
	struct world *world = pair_with(false, true);

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 5 * SEC);
	while (!(world_instance(world, A, 0)->record.op &&
		 world_instance(world, A, 0)->record.putting) &&
	       !world->broken)
		world_step(world);
	world_param_put(world, 0, B); /* between its read and its Put */
	wait_for(world, A, CORE_CLAIMING, SEC);
	assert_int_equal(reason_of(world, A), REASON_GAP);
	assert_true(world->hosts[A].alias[0]); /* the VIP stays */
	pass(world, 20 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void a_throttled_touch_of_the_parameter_keeps_the_lease(void **state)
{
	struct world *world = pair_with(false, true);

	(void)state;
	world->config.fence = true;
	world_crash(world, B);
	pass(world, 5 * SEC);
	world->hosts[A].path[SERVICE_SSM].error = OUTCOME_THROTTLED;
	world->hosts[A].path[SERVICE_SSM].error_permille = 1000;
	forget();
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_owner_is_followed_by_route_when_the_store_is_away),
		cmocka_unit_test(with_wait_nothing_moves_until_the_store_is_back),
		cmocka_unit_test(a_living_owner_concedes_when_the_route_has_gone),
		cmocka_unit_test(an_owner_that_reaches_the_store_is_left_alone_after_one_try),
		cmocka_unit_test(the_owner_being_heard_ends_a_claim_by_route),
		cmocka_unit_test(denied_or_throttled_is_no_outage),
		cmocka_unit_test(of_two_candidates_the_second_sees_the_route_move_and_stays),
		cmocka_unit_test(a_promise_of_its_own_does_not_keep_the_last_node_from_serving),
		cmocka_unit_test(a_promise_of_its_own_stands_with_wait),
		cmocka_unit_test(an_owner_does_not_take_back_a_route_that_was_moved_in_the_outage),
		cmocka_unit_test(a_restarted_owner_goes_on_by_what_its_state_file_says),
		cmocka_unit_test(
			a_state_file_that_is_wrong_about_the_parameter_is_given_up_after_two_reads),
		cmocka_unit_test(without_a_state_file_a_restarted_owner_waits_as_it_was_found),
		cmocka_unit_test(an_acked_owner_concedes_only_to_one_that_could_serve),
		cmocka_unit_test(touches_of_the_parameter_itself_keep_a_partition_quiet),
		cmocka_unit_test(a_silent_owner_that_touched_the_parameter_is_followed),
		cmocka_unit_test(a_touch_that_overwrote_a_claim_waits_and_asks_who_was_last),
		cmocka_unit_test(a_throttled_touch_of_the_parameter_keeps_the_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
