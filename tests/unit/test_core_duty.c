/* SPDX-License-Identifier: MIT */
/*
 * The duties around an ownership: gate, promotion, fence and release hook, in
 * their order with the address, the parameter and the routes.
 */
#include "tests/unit/core_world.h"

/* A pair of a minute that has all four duties; 'a' is MASTER and writable. */
static struct world *pair_with_duties(void)
{
	struct world *world = make_world(2, 2);

	for (unsigned int d = 0; d < CORE_DUTIES; d++) {
		world->config.duties[d] = true;
		for (unsigned int n = A; n <= B; n++)
			world->hosts[n].duty[d].takes = 20 * MSEC;
	}
	world->hosts[B].writable[0] = true; /* as it was left by somebody */
	world_boot(world, A);
	pass(world, 6 * SEC);
	world_boot(world, B);
	pass(world, 54 * SEC);
	assert_owner(world, A);
	assert_true(world->hosts[A].writable[0]);
	assert_false(world->hosts[B].writable[0]);
	forget();
	return world;
}

static void answer(struct world *world, unsigned int host, enum core_duty duty,
		   enum outcome outcome)
{
	world->hosts[host].duty[duty].outcome = outcome;
}

static void without_duties_nothing_is_asked(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_SWITCHOVER, B);
	wait_for(world, B, CORE_MASTER, 2 * SEC);
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		assert_int_equal(seen.duties[A][d] + seen.duties[B][d], 0);
	world_free(world);
}

/* --- taking over -------------------------------------------------------------------- */

static void a_claim_is_gate_then_put_and_promotion_before_routes(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_CLAIMING, SEC);
	assert_int_equal(seen.duties[B][DUTY_GATE], 1);
	assert_true(world->now - seen.duty_at[DUTY_GATE] >= 20 * MSEC);
	pass(world, 10 * MSEC);
	assert_int_equal(seen.puts[B], 1); /* in parallel */
	assert_int_equal(seen.duties[B][DUTY_PROMOTE], 1);
	assert_int_equal(seen.sets[B], 0);
	pass(world, 5 * SEC);
	assert_true(seen.set_at >= seen.duty_at[DUTY_PROMOTE] + 20 * MSEC);
	assert_true(world->hosts[B].writable[0]);
	assert_owner(world, B);
	world_free(world);
}

static void a_silent_claim_promotes_only_when_the_parameter_names_it(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world_crash(world, A);
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	assert_int_equal(seen.duties[B][DUTY_PROMOTE], 0);
	wait_for(world, B, CORE_MASTER, SEC);
	assert_int_equal(seen.duties[B][DUTY_PROMOTE], 1);
	assert_int_equal(seen.sets[B], 0);
	assert_true(world_instance(world, B, 0)->flags & FLAG_UNPROMOTED);
	pass(world, SEC);
	assert_int_equal(seen.sets[B], 2);
	assert_false(world_instance(world, B, 0)->flags & FLAG_UNPROMOTED);
	world_free(world);
}

static void a_shut_gate_keeps_a_node_from_claiming_until_it_opens(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	answer(world, B, DUTY_GATE, OUTCOME_DENIED);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(seen.puts[B] + seen.adds[B], 0);
	assert_true(world_instance(world, B, 0)->flags & FLAG_BLOCKED);
	assert_true(world_instance(world, B, 0)->blockers & BLOCK_GATE);
	assert_int_equal(seen.notes[B][NOTE_GATE_SHUT], 1);
	assert_in_range(seen.duties[B][DUTY_GATE], 3, 10); /* with back-off */
	answer(world, B, DUTY_GATE, OUTCOME_OK);
	wait_for(world, B, CORE_MASTER, 31 * SEC);
	assert_false(world_instance(world, B, 0)->flags & FLAG_BLOCKED);
	world_free(world);
}

static void others_go_first_when_the_gate_of_the_best_is_shut(void **state)
{
	struct world *world = make_world(3, 2);

	(void)state;
	world->config.duties[DUTY_GATE] = true;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	answer(world, B, DUTY_GATE, OUTCOME_DENIED);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, C, CORE_MASTER, 4 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, C);
	assert_int_equal(world_instance(world, B, 0)->flags & FLAG_BLOCKED, 0);
	world_free(world);
}

static void a_gate_that_does_not_answer_is_shut(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[B].duty[DUTY_GATE].silent = true;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 4 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(world_instance(world, B, 0)->duties[DUTY_GATE].outcome, OUTCOME_UNKNOWN);
	world_free(world);
}

static void a_target_that_says_its_gate_is_shut_is_refused_unless_forced(void **state)
{
	struct world *world = pair_with_duties();
	struct event ev = {.type = EV_COMMAND, .command = CMD_SWITCHOVER, .node = B};

	(void)state;
	world_tell(world, B, &(struct event){.type = EV_GATE, .outcome = OUTCOME_DENIED});
	pass(world, SEC);
	assert_true(world_instance(world, B, 0)->flags & FLAG_BLOCKED);
	assert_int_equal(core_refuses(&world->hosts[A].core, world_clock(world, A), &ev),
			 REFUSE_TARGET_BLOCKED);
	ev.force = true;
	assert_int_equal(core_refuses(&world->hosts[A].core, world_clock(world, A), &ev),
			 REFUSE_NOT);
	world_tell(world, B, &(struct event){.type = EV_GATE, .outcome = OUTCOME_OK});
	pass(world, SEC);
	ev.force = false;
	assert_int_equal(core_refuses(&world->hosts[A].core, world_clock(world, A), &ev),
			 REFUSE_NOT);
	world_free(world);
}

static void an_adopted_vip_has_its_database_promoted_without_a_gate(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world_crash(world, A);
	world->hosts[A].writable[0] = false; /* mysqld restarted as well */
	world_boot(world, A);
	wait_for(world, A, CORE_MASTER, 2 * SEC);
	pass(world, SEC);
	assert_int_equal(seen.duties[A][DUTY_GATE], 0);
	assert_true(world->hosts[A].writable[0]);
	assert_int_equal(seen.sets[A], 0);
	world_free(world);
}

static void who_cannot_promote_hands_on(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	answer(world, B, DUTY_PROMOTE, OUTCOME_REFUSED);
	command(world, A, CMD_SWITCHOVER, B);
	wait_for(world, B, CORE_CLAIMING, SEC);
	wait_for(world, B, CORE_BACKUP, 2 * SEC);
	assert_int_equal(reason_of(world, B), REASON_PROMOTE_FAILED);
	assert_int_equal(seen.sets[B], 0);
	wait_for(world, A, CORE_MASTER, 10 * SEC);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	assert_true(world->hosts[A].writable[0]);
	assert_true(world_instance(world, B, 0)->hold_until > world_clock(world, B));
	world_free(world);
}

static void alone_a_failing_promotion_is_tried_again(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	answer(world, B, DUTY_PROMOTE, OUTCOME_UNKNOWN);
	world_crash(world, A);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(seen.sets[B], 0);
	assert_in_range(seen.duties[B][DUTY_PROMOTE], 3, 8);
	answer(world, B, DUTY_PROMOTE, OUTCOME_OK);
	pass(world, 32 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void with_unpromoted_ok_the_routes_move_all_the_same(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	answer(world, B, DUTY_PROMOTE, OUTCOME_REFUSED);
	world_instance(world, B, 0)->config.unpromoted_ok = true;
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	assert_true(world_instance(world, B, 0)->flags & FLAG_UNPROMOTED);
	world_free(world);
}

static void a_database_seen_read_only_under_a_master_is_promoted_again(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].writable[0] = false;
	world_tell(world, A, &(struct event){.type = EV_FENCED, .outcome = OUTCOME_OK});
	pass(world, SEC);
	assert_true(world->hosts[A].writable[0]);
	assert_int_equal(seen.duties[A][DUTY_PROMOTE], 1);
	assert_quiet(world);
	world_free(world);
}

/* --- giving up ------------------------------------------------------------------------ */

static void a_planned_end_is_release_fence_address_disclaim(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].duty[DUTY_RELEASE].takes = 3 * SEC;
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, 2 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER); /* serves on */
	assert_int_equal(seen.duties[A][DUTY_FENCE] + seen.dels[A], 0);
	assert_int_equal(core_refuses(&world->hosts[A].core, world_clock(world, A),
				      &(struct event){.command = CMD_SWITCHOVER, .node = B}),
			 REFUSE_BUSY);
	wait_for(world, A, CORE_BACKUP, 2 * SEC);
	assert_int_equal(reason_of(world, A), REASON_SWITCHOVER);
	assert_true(seen.duty_at[DUTY_FENCE] >= seen.duty_at[DUTY_RELEASE] + 3 * SEC);
	assert_true(seen.del_at >= seen.duty_at[DUTY_FENCE] + 20 * MSEC);
	assert_false(world->hosts[A].writable[0]);
	pass(world, 3 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.duties[A][DUTY_FENCE], 1);
	world_free(world);
}

static void a_release_hook_may_refuse_a_switchover_and_standby_but_not_a_stop(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	answer(world, A, DUTY_RELEASE, OUTCOME_DENIED);
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, SEC);
	command(world, A, CMD_STANDBY_ON, -1);
	pass(world, SEC);
	assert_quiet(world);
	assert_false(world_instance(world, A, 0)->standby);
	assert_int_equal(seen.notes[A][NOTE_RELEASE_REFUSED], 1); /* said once, in a row */
	assert_int_equal(seen.duties[A][DUTY_FENCE], 0);
	assert_owner(world, A);
	command(world, A, CMD_STOP, -1);
	pass(world, 5 * SEC);
	assert_true(seen.exits[A]);
	assert_false(world->hosts[A].writable[0]);
	assert_owner(world, B);
	world_free(world);
}

static void a_release_hook_that_hangs_delays_for_its_time_and_no_longer(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].duty[DUTY_RELEASE].silent = true;
	command(world, A, CMD_STOP, -1);
	pass(world, 9 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	pass(world, 3 * SEC);
	assert_true(seen.exits[A]);
	world_free(world);
}

static void a_failure_does_not_ask_the_release_hook_and_ends_one_that_is_asked(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].duty[DUTY_RELEASE].takes = 5 * SEC;
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, A, CORE_FAULT, 10 * MSEC); /* the dead are not waited for */
	pass(world, 10 * SEC);
	assert_int_equal(seen.duties[A][DUTY_RELEASE], 1);
	assert_owner(world, B);
	world_free(world);
}

static void a_fence_that_hangs_delays_the_disclaim_by_a_second_at_most(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].duty[DUTY_FENCE].silent = true;
	world_link(world, A, 0, false);
	pass(world, 900 * MSEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(seen.dels[A], 0);
	pass(world, 200 * MSEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_int_equal(seen.dels[A], 1);
	world_free(world);
}

static void who_is_overruled_fences_before_its_address_goes(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world_param_put(world, 0, B);
	pass(world, 10 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.duties[A][DUTY_FENCE], 1);
	assert_true(seen.del_at >= seen.duty_at[DUTY_FENCE] + 20 * MSEC);
	assert_false(world->hosts[A].writable[0]);
	world_free(world);
}

static void nothing_is_written_while_a_fence_is_under_way(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[A].duty[DUTY_FENCE].takes = 900 * MSEC;
	world_link(world, A, 0, false);
	world_route_set(world, 0, 0, TARGET_MISSING);
	pass(world, 890 * MSEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(seen.sets[A] + seen.puts[A], 0);
	world_free(world);
}

/* --- beside the owner ------------------------------------------------------------------- */

static void a_database_that_comes_back_beside_another_owner_is_fenced(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	world->hosts[B].writable[0] = true;
	assert_int_equal(seen.duties[B][DUTY_FENCE], 0);
	world_check(world, B, HEALTH_RESULT_GOOD);
	pass(world, 3 * SEC);
	assert_int_equal(seen.duties[B][DUTY_FENCE], 1);
	assert_false(world->hosts[B].writable[0]);
	world_free(world);
}

static void a_database_seen_writable_beside_another_owner_is_fenced_until_it_is_done(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[B].writable[0] = true;
	answer(world, B, DUTY_FENCE, OUTCOME_REFUSED);
	world_tell(world, B, &(struct event){.type = EV_FENCED, .outcome = OUTCOME_DENIED});
	pass(world, 5 * SEC);
	assert_in_range(seen.duties[B][DUTY_FENCE], 2, 5);
	assert_int_equal(seen.notes[B][NOTE_FENCE_FAILED], 1);
	answer(world, B, DUTY_FENCE, OUTCOME_OK);
	pass(world, 10 * SEC);
	assert_false(world->hosts[B].writable[0]);
	world_free(world);
}

/* Its shell carries out one after the other: the promotion comes after that fence. */
static void a_fence_asked_for_before_a_promotion_does_not_count_after_it(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	world->hosts[B].duty[DUTY_FENCE].takes = 600 * MSEC;
	world_tell(world, B, &(struct event){.type = EV_FENCED, .outcome = OUTCOME_DENIED});
	assert_int_equal(seen.duties[B][DUTY_FENCE], 1);
	world_check(world, A, HEALTH_RESULT_DEAD);
	for (int64_t limit = world->now + SEC; seen.duties[B][DUTY_PROMOTE] == 0; pass(world, MSEC))
		assert_true(world->now < limit);
	command(world, B, CMD_STANDBY_ON, -1);
	pass(world, 5 * SEC);
	assert_int_equal(state_of(world, B), CORE_MAINT);
	assert_false(world->hosts[B].writable[0]);
	world_free(world);
}

static void maintenance_leaves_the_database_alone(void **state)
{
	struct world *world = pair_with_duties();

	(void)state;
	command(world, A, CMD_FREEZE_ON, -1);
	command(world, B, CMD_FREEZE_ON, -1);
	world_tell(world, A, &(struct event){.type = EV_FENCED, .outcome = OUTCOME_OK});
	world_tell(world, B, &(struct event){.type = EV_FENCED, .outcome = OUTCOME_DENIED});
	pass(world, 20 * SEC);
	assert_int_equal(seen.duties[A][DUTY_PROMOTE] + seen.duties[B][DUTY_FENCE], 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_duties_nothing_is_asked),
		cmocka_unit_test(a_claim_is_gate_then_put_and_promotion_before_routes),
		cmocka_unit_test(a_silent_claim_promotes_only_when_the_parameter_names_it),
		cmocka_unit_test(a_shut_gate_keeps_a_node_from_claiming_until_it_opens),
		cmocka_unit_test(others_go_first_when_the_gate_of_the_best_is_shut),
		cmocka_unit_test(a_gate_that_does_not_answer_is_shut),
		cmocka_unit_test(a_target_that_says_its_gate_is_shut_is_refused_unless_forced),
		cmocka_unit_test(an_adopted_vip_has_its_database_promoted_without_a_gate),
		cmocka_unit_test(who_cannot_promote_hands_on),
		cmocka_unit_test(alone_a_failing_promotion_is_tried_again),
		cmocka_unit_test(with_unpromoted_ok_the_routes_move_all_the_same),
		cmocka_unit_test(a_database_seen_read_only_under_a_master_is_promoted_again),
		cmocka_unit_test(a_planned_end_is_release_fence_address_disclaim),
		cmocka_unit_test(a_release_hook_may_refuse_a_switchover_and_standby_but_not_a_stop),
		cmocka_unit_test(a_release_hook_that_hangs_delays_for_its_time_and_no_longer),
		cmocka_unit_test(
			a_failure_does_not_ask_the_release_hook_and_ends_one_that_is_asked),
		cmocka_unit_test(a_fence_that_hangs_delays_the_disclaim_by_a_second_at_most),
		cmocka_unit_test(who_is_overruled_fences_before_its_address_goes),
		cmocka_unit_test(nothing_is_written_while_a_fence_is_under_way),
		cmocka_unit_test(a_database_that_comes_back_beside_another_owner_is_fenced),
		cmocka_unit_test(
			a_database_seen_writable_beside_another_owner_is_fenced_until_it_is_done),
		cmocka_unit_test(a_fence_asked_for_before_a_promotion_does_not_count_after_it),
		cmocka_unit_test(maintenance_leaves_the_database_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
