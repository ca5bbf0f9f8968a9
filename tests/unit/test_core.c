/* SPDX-License-Identifier: MIT */
/*
 * The ownership rules, one sentence each, in worlds of two or three nodes:
 * who starts as what, who may claim and when, who steps down. Long because
 * it is one list in the order of the rules of doc/protocol.md.
 */
#include "tests/unit/core_world.h"

/* --- start ------------------------------------------------------------------------- */

static void the_first_node_creates_the_parameter_and_takes_the_vip(void **state)
{
	struct world *world = make_world(2, 2);

	(void)state;
	world_boot(world, A);
	pass(world, 4 * SEC);
	assert_owner(world, A);
	assert_int_equal(world_param(world, 0)->version, 1);
	assert_int_equal(seen.sets[A], 2);
	world_free(world);
}

static void two_nodes_booting_together_end_with_one_master_and_one_write_per_table(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 100; k++) {
		struct world *world = make_world(2, 2);

		world->rng.state = k;
		world_boot(world, B);
		world_run(world, (mono_us)k * 20 * MSEC);
		world_boot(world, A);
		pass(world, 8 * SEC);
		assert_true(state_of(world, A) == CORE_MASTER || state_of(world, B) == CORE_MASTER);
		assert_owner(world, (unsigned int)world_param(world, 0)->value);
		assert_int_equal(world->cloud.route_writes, 2);
		world_free(world);
	}
}

static void a_node_that_crashed_adopts_what_it_held_without_writing(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	pass(world, 200 * MSEC);
	world_boot(world, A);
	assert_in_range(wait_for(world, A, CORE_MASTER, 2 * SEC), 0, SEC);
	assert_int_equal(reason_of(world, A), REASON_ADOPTED);
	pass(world, 20 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	assert_int_equal(seen.adds[A] + seen.dels[A], 0);
	assert_int_equal(seen.states[B], 0);
	world_free(world);
}

static void a_node_does_not_adopt_while_a_table_points_at_a_peer(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	world_crash(world, B);
	world_route_set(world, 0, 1, B);
	world_boot(world, A);
	wait_for(world, A, CORE_BACKUP, 2 * SEC);
	pass(world, 10 * SEC);
	assert_owner(world, A); /* by a claim of its own, with a new version */
	assert_int_equal(world_param(world, 0)->version, 2);
	world_free(world);
}

static void a_missing_table_is_no_reason_against_adopting(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	world_route_set(world, 0, 1, TARGET_MISSING);
	world_boot(world, A);
	assert_in_range(wait_for(world, A, CORE_MASTER, 2 * SEC), 0, SEC);
	assert_int_equal(reason_of(world, A), REASON_ADOPTED);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void a_node_whose_database_is_down_at_start_goes_to_fault_and_renounces(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	world_check(world, A, HEALTH_RESULT_BAD);
	world_boot(world, A);
	wait_for(world, B, CORE_MASTER, 3 * SEC);
	assert_int_equal(reason_of(world, B), REASON_CONFIRMED);
	pass(world, 5 * SEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_owner(world, B);
	world_free(world);
}

static void a_node_alone_claims_what_a_dead_owner_left(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	world_crash(world, B);
	pass(world, 60 * SEC);
	world_boot(world, B);
	assert_in_range(wait_for(world, B, CORE_MASTER, 10 * SEC), 5 * SEC, 6 * SEC);
	world_free(world);
}

/* --- the owner renounces ---------------------------------------------------------------- */

static void a_dead_database_moves_the_vip_at_once_with_alias_before_route(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	assert_in_range(wait_for(world, B, CORE_CLAIMING, SEC), 0, 5 * MSEC);
	assert_int_equal(reason_of(world, B), REASON_DISCLAIMED);
	assert_false(world->hosts[A].alias[0]);
	pass(world, 10 * MSEC);
	assert_int_equal(seen.puts[B], 1); /* in parallel: no answer yet */
	assert_int_equal(seen.sets[B], 2);
	assert_true(seen.del_at < seen.add_at);
	assert_false(seen.naked);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	world_free(world);
}

static void a_disclaim_whose_first_packet_is_lost_arrives_with_a_copy(void **state)
{
	struct world *world = pair();

	(void)state;
	world->links[A][B].cut = true;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 40 * MSEC);
	world->links[A][B].cut = false;
	assert_in_range(wait_for(world, B, CORE_CLAIMING, SEC), 0, 60 * MSEC);
	world_free(world);
}

static void a_master_with_nobody_to_serve_keeps_its_alias_and_recovers_first(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_true(world->hosts[A].alias[0]);
	assert_int_equal(seen.sets[A] + seen.sets[B] + seen.puts[A] + seen.puts[B], 0);
	world_check(world, B, HEALTH_RESULT_GOOD);
	assert_in_range(wait_for(world, B, CORE_MASTER, 5 * SEC), 0, 2 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void the_former_master_may_be_the_first_to_recover(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 10 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	assert_in_range(wait_for(world, A, CORE_MASTER, 5 * SEC), 0, 2 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	assert_in_range(seen.sets[A], 0, 2);
	world_free(world);
}

static void a_check_that_cannot_tell_neither_unseats_nor_qualifies(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, A, HEALTH_RESULT_NO_ANSWER);
	world_check(world, B, HEALTH_RESULT_NO_ANSWER);
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_true(world_instance(world, B, 0)->blockers & BLOCK_NO_VERDICT);
	world_crash(world, A);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	world_free(world);
}

static void a_link_going_down_is_a_fault_at_once(void **state)
{
	struct world *world = pair();

	(void)state;
	world_link(world, A, 0, false);
	pass(world, MSEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_int_equal(reason_of(world, A), REASON_LINK_DOWN);
	wait_for(world, B, CORE_MASTER, SEC);
	world_free(world);
}

/* --- the owner is silent ------------------------------------------------------------------ */

static void a_silent_owner_keeps_the_vip_for_d_plus_g_and_hardly_longer(void **state)
{
	struct world *world = pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);
	mono_us took;

	(void)state;
	world_crash(world, A);
	took = wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	assert_int_equal(reason_of(world, B), REASON_OWNER_SILENT);
	assert_in_range(took, timers_silent(timers) - timers->heartbeat,
			timers_silent(timers) + 500 * MSEC);
	assert_true(seen.gets[B] >= 2);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void routes_follow_a_silent_claim_only_after_the_parameter_was_read_back(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	while (state_of(world, B) == CORE_CLAIMING)
		world_step(world);
	assert_int_equal(reason_of(world, B), REASON_CONFIRMED);
	assert_int_equal(world->cloud.route_writes, 2); /* those of the first boot */
	world_free(world);
}

static void a_partition_in_which_the_owner_touches_changes_nothing(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 300 * SEC);
	assert_quiet(world);
	assert_true(world_instance(world, B, 0)->flags & FLAG_PARTITIONED);
	assert_in_range(seen.touches[A], 250, 302);
	world_cut(world, A, B, false);
	pass(world, 20 * SEC);
	assert_quiet(world);
	assert_false(world_instance(world, B, 0)->flags & FLAG_PARTITIONED);
	assert_owner(world, A);
	world_free(world);
}

static void one_deaf_direction_changes_nothing_while_touches_are_seen(void **state)
{
	(void)state;
	for (unsigned int deaf = A; deaf <= B; deaf++) {
		struct world *world = pair();

		world->links[1 - deaf][deaf].cut = true;
		pass(world, 120 * SEC);
		assert_quiet(world);
		assert_true(seen.touches[A] > 100);
		world_free(world);
	}
}

static void a_touch_parameter_that_cannot_be_read_is_no_silence(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	world->hosts[B].path[SERVICE_SSM].error_permille = 1000;
	pass(world, 120 * SEC);
	assert_quiet(world);
	world_free(world);
}

static void a_database_failing_in_a_partition_is_told_by_the_touch_parameter(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 30 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	assert_in_range(wait_for(world, B, CORE_MASTER, 10 * SEC), 0, 1500 * MSEC);
	assert_int_equal(seen.puts[B], 1);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_throttled_backup_waits_longer(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	for (unsigned int n = A; n <= B; n++) {
		world->hosts[n].path[SERVICE_SSM].error = OUTCOME_THROTTLED;
		world->hosts[n].path[SERVICE_SSM].error_permille = 1000;
	}
	pass(world, 60 * SEC);
	assert_quiet(world);
	world->hosts[B].path[SERVICE_SSM].error_permille =
		0; /* a read, but A may still not touch */
	pass(world, SEC);
	assert_quiet(world);
	world->hosts[A].path[SERVICE_SSM].error_permille = 0;
	pass(world, 60 * SEC);
	assert_quiet(world);
	world_free(world);
}

static void with_three_nodes_the_better_one_claims_and_the_other_waits_its_turn(void **state)
{
	struct world *world = make_world(3, 1);

	(void)state;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	world_crash(world, A);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	forget();
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, 10 * SEC);
	assert_owner(world, C);
	assert_int_equal(seen.puts[C], 1);
	world_free(world);
}

/* --- who is obeyed ---------------------------------------------------------------------------- */

static void a_master_reading_another_name_steps_down(void **state)
{
	struct world *world = pair();

	(void)state;
	world_param_put(world, 0, B);
	pass(world, 7 * SEC);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_int_equal(reason_of(world, A), REASON_OVERRULED);
	pass(world, 10 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_master_hearing_of_another_owner_steps_down_though_it_cannot_read(void **state)
{
	struct world *world = pair();

	(void)state;
	ssm(world, A, false);
	ec2(world, A, false);
	pass(world, 5 * SEC);
	world_param_put(world, 0, B);
	wait_for(world, A, CORE_BACKUP, 15 * SEC);
	assert_int_equal(reason_of(world, A), REASON_OVERRULED);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_stale_read_never_unseats_anybody(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	forget();
	for (unsigned int n = A; n <= B; n++)
		world->hosts[n].path[SERVICE_SSM] = (struct path){.latency_min = 20 * MSEC,
								  .latency_max = 30 * MSEC,
								  .stale_permille = 800,
								  .stale_max = 30 * SEC};
	pass(world, 120 * SEC);
	assert_int_equal(seen.states[B], 0);
	assert_int_equal(seen.puts[B] + seen.puts[A], 0);
	assert_owner(world, B);
	world_free(world);
}

static void an_unknown_name_is_overwritten_by_the_acting_node(void **state)
{
	struct world *world = pair();

	(void)state;
	world_param_put(world, 0, WORLD_STRANGER);
	pass(world, 8 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.states[A], 0);
	assert_int_equal(seen.puts[A], 1);
	assert_int_equal(seen.notes[A][NOTE_STRANGER], 1);
	world_free(world);
}

static void a_deleted_parameter_is_made_again_without_a_transition(void **state)
{
	struct world *world = pair();

	(void)state;
	world_param_delete(world, 0);
	pass(world, 8 * SEC);
	assert_owner(world, A);
	assert_quiet(world);
	assert_int_equal(seen.puts[A], 1);
	assert_int_equal(seen.puts[B], 0);
	world_free(world);
}

static void a_parameter_deleted_in_a_partition_does_not_move_the_vip(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 30 * SEC);
	world_param_delete(world, 0);
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_owner(world, A);
	world_free(world);
}

static void the_name_of_a_node_that_cannot_serve_comes_back(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	world_param_put(world, 0, B);
	pass(world, 15 * SEC);
	assert_owner(world, A);
	world_free(world);
}

/* --- the answer of a Put ------------------------------------------------------------------------
 */

/* B has decided to claim; its Put is handed over. */
static struct world *claiming_pair(void)
{
	struct world *world = pair();

	world_crash(world, A);
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	return world;
}

static void a_claim_that_met_another_put_waits_until_nothing_can_land_any_more(void **state)
{
	struct world *world = claiming_pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);
	mono_us begun = world->now;

	(void)state;
	world_param_put(world, 0, A); /* before B's Put is executed */
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	assert_true(world->now - begun >= timers->param_call + timers->stale + timers->slack);
	assert_int_equal(seen.puts[B], 1);
	world_free(world);
}

static void a_claimant_overwritten_within_the_gap_steps_down(void **state)
{
	struct world *world = claiming_pair();

	(void)state;
	world_param_put(world, 0, A);
	pass(world, 500 * MSEC);
	assert_int_equal(state_of(world, B), CORE_CLAIMING);
	world_param_put(world, 0, A);
	wait_for(world, B, CORE_BACKUP, 3 * SEC);
	assert_int_equal(reason_of(world, B), REASON_OVERRULED);
	world_free(world);
}

static void a_put_that_happened_although_its_answer_was_lost_is_not_repeated(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	pass(world, 4 * SEC);
	world->hosts[B].path[SERVICE_SSM].latency_min = 10 * MSEC;
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	world->hosts[B].path[SERVICE_SSM].lost_permille = 1000;
	world_run(world, world->now + 10 * MSEC); /* the Put is on its way */
	world->hosts[B].path[SERVICE_SSM].lost_permille = 0;
	pass(world, 10 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.puts[B], 1);
	assert_int_equal(world_param(world, 0)->version, 2);
	world_free(world);
}

static void a_claim_that_cannot_be_recorded_is_given_up_in_time(void **state)
{
	struct world *world = claiming_pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);

	(void)state;
	ssm(world, B, false);
	/* No later than T_claim, nor than its lease, which nothing renews. */
	assert_in_range(wait_for(world, B, CORE_BACKUP, 10 * SEC), timers->lease - MSEC,
			timers->claim + MSEC);
	assert_int_equal(reason_of(world, B), REASON_CLAIM_FAILED);
	assert_false(world->hosts[B].alias[0]);
	ssm(world, B, true);
	pass(world, 15 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_disclaimed_vip_is_taken_although_the_store_is_away(void **state)
{
	struct world *world = pair();

	(void)state;
	world->cloud.outage_until = 0;
	ssm(world, A, false);
	ssm(world, B, false);
	pass(world, 10 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	assert_int_equal(world_route(world, 0, 0), B);
	assert_int_equal(world_route(world, 0, 1), B);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	assert_int_equal(reason_of(world, B), REASON_UNRECORDED);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_true(world_instance(world, B, 0)->flags & FLAG_UNRECORDED);
	ssm(world, A, true);
	ssm(world, B, true);
	pass(world, 10 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.states[B], 2);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_node_creates_the_parameter_and_takes_the_vip),
		cmocka_unit_test(
			two_nodes_booting_together_end_with_one_master_and_one_write_per_table),
		cmocka_unit_test(a_node_that_crashed_adopts_what_it_held_without_writing),
		cmocka_unit_test(a_node_does_not_adopt_while_a_table_points_at_a_peer),
		cmocka_unit_test(a_missing_table_is_no_reason_against_adopting),
		cmocka_unit_test(
			a_node_whose_database_is_down_at_start_goes_to_fault_and_renounces),
		cmocka_unit_test(a_node_alone_claims_what_a_dead_owner_left),
		cmocka_unit_test(a_dead_database_moves_the_vip_at_once_with_alias_before_route),
		cmocka_unit_test(a_disclaim_whose_first_packet_is_lost_arrives_with_a_copy),
		cmocka_unit_test(a_master_with_nobody_to_serve_keeps_its_alias_and_recovers_first),
		cmocka_unit_test(the_former_master_may_be_the_first_to_recover),
		cmocka_unit_test(a_check_that_cannot_tell_neither_unseats_nor_qualifies),
		cmocka_unit_test(a_link_going_down_is_a_fault_at_once),
		cmocka_unit_test(a_silent_owner_keeps_the_vip_for_d_plus_g_and_hardly_longer),
		cmocka_unit_test(
			routes_follow_a_silent_claim_only_after_the_parameter_was_read_back),
		cmocka_unit_test(a_partition_in_which_the_owner_touches_changes_nothing),
		cmocka_unit_test(one_deaf_direction_changes_nothing_while_touches_are_seen),
		cmocka_unit_test(a_touch_parameter_that_cannot_be_read_is_no_silence),
		cmocka_unit_test(a_database_failing_in_a_partition_is_told_by_the_touch_parameter),
		cmocka_unit_test(a_throttled_backup_waits_longer),
		cmocka_unit_test(
			with_three_nodes_the_better_one_claims_and_the_other_waits_its_turn),
		cmocka_unit_test(a_master_reading_another_name_steps_down),
		cmocka_unit_test(
			a_master_hearing_of_another_owner_steps_down_though_it_cannot_read),
		cmocka_unit_test(a_stale_read_never_unseats_anybody),
		cmocka_unit_test(an_unknown_name_is_overwritten_by_the_acting_node),
		cmocka_unit_test(a_deleted_parameter_is_made_again_without_a_transition),
		cmocka_unit_test(a_parameter_deleted_in_a_partition_does_not_move_the_vip),
		cmocka_unit_test(the_name_of_a_node_that_cannot_serve_comes_back),
		cmocka_unit_test(
			a_claim_that_met_another_put_waits_until_nothing_can_land_any_more),
		cmocka_unit_test(a_claimant_overwritten_within_the_gap_steps_down),
		cmocka_unit_test(a_put_that_happened_although_its_answer_was_lost_is_not_repeated),
		cmocka_unit_test(a_claim_that_cannot_be_recorded_is_given_up_in_time),
		cmocka_unit_test(a_disclaimed_vip_is_taken_although_the_store_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
