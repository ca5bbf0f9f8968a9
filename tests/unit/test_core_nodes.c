/* SPDX-License-Identifier: MIT */
/*
 * Who of several should have it: the claims, the stagger and the hand-overs
 * among two, three and five nodes; preemption; sync groups; evidence that
 * spares a wait; peers of another build.
 */
#include "tests/unit/core_world.h"

static struct world *cluster(struct world *world)
{
	for (unsigned int n = 0; n < world->config.nodes; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	forget();
	return world;
}

static struct world *group_of_two(unsigned int nodes)
{
	struct world *world = make_world(nodes, 1);

	world->config.instances = 2;
	world->config.group = true;
	return world;
}

static enum core_state second(struct world *world, unsigned int host)
{
	return world_instance(world, host, 1)->state;
}

static void assert_both(struct world *world, unsigned int host)
{
	assert_owner(world, host);
	assert_int_equal(second(world, host), CORE_MASTER);
	assert_int_equal(world_param(world, 1)->value, host);
	assert_int_equal(world_route(world, 1, 0), host);
}

/* --- two, three and five ---------------------------------------------------------------- */

static void whatever_the_number_of_nodes_the_best_takes_what_the_owner_renounces(void **state)
{
	static const unsigned int sizes[] = {2, 3, 5};

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		struct world *world = cluster(make_world(sizes[k], 2));

		world_check(world, A, HEALTH_RESULT_DEAD);
		assert_in_range(wait_for(world, B, CORE_MASTER, SEC), 0, 500 * MSEC);
		pass(world, 5 * SEC);
		assert_owner(world, B);
		for (unsigned int n = C; n < sizes[k]; n++)
			assert_int_equal(seen.puts[n] + seen.sets[n] + seen.adds[n], 0);
		world_free(world);
	}
}

static void whatever_the_number_of_nodes_one_takes_what_a_silent_owner_left(void **state)
{
	static const unsigned int sizes[] = {2, 3, 5};

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		struct world *world = cluster(make_world(sizes[k], 2));

		world_crash(world, A);
		assert_in_range(wait_for(world, B, CORE_MASTER, 10 * SEC), 4 * SEC, 6 * SEC);
		pass(world, 5 * SEC);
		assert_owner(world, B);
		for (unsigned int n = C; n < sizes[k]; n++)
			assert_int_equal(seen.puts[n], 0);
		world_free(world);
	}
}

static void the_kth_candidate_waits_k_staggers(void **state)
{
	struct world *world = cluster(make_world(5, 1));
	const mono_us stagger = timers_profile(TIMERS_SAFE)->stagger;

	(void)state;
	/* B and C say that they could, but do not: their loops stand still. */
	world_check(world, A, HEALTH_RESULT_DEAD);
	world_pause(world, B, 4 * SEC);
	world_pause(world, C, 4 * SEC);
	assert_in_range(wait_for(world, 3, CORE_CLAIMING, 4 * SEC), 0, 2 * stagger);
	assert_int_equal(seen.puts[4], 0);
	pass(world, 5 * SEC);
	assert_owner(world, 3);
	world_free(world);
}

static void with_five_nodes_the_target_of_a_switchover_goes_before_better_ones(void **state)
{
	struct world *world = cluster(make_world(5, 1));

	(void)state;
	command(world, A, CMD_SWITCHOVER, 4);
	assert_in_range(wait_for(world, 4, CORE_MASTER, SEC), 0, 500 * MSEC);
	pass(world, 10 * SEC);
	assert_owner(world, 4);
	assert_int_equal(seen.puts[B] + seen.puts[C] + seen.puts[3], 0);
	world_free(world);
}

static void others_take_it_when_the_target_of_a_switchover_does_not(void **state)
{
	struct world *world = cluster(make_world(5, 1));

	(void)state;
	command(world, A, CMD_SWITCHOVER, 4);
	world_crash(world, 4);
	wait_for(world, B, CORE_MASTER, 4 * SEC);
	pass(world, 3 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void in_a_minority_nothing_is_claimed_while_the_owner_touches(void **state)
{
	struct world *world = cluster(make_world(5, 1));

	(void)state;
	for (unsigned int n = B; n < 5; n++)
		if (n != C)
			world_cut(world, A, n, true);
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_owner(world, A);
	world_free(world);
}

/* --- preemption ---------------------------------------------------------------------------- */

/* B has the VIP; A, the better one, comes back. */
static struct world *returned(unsigned int nodes, mono_us delay)
{
	struct world *world = make_world(nodes, 1);

	world->config.preempt = true;
	world->config.preempt_delay = delay;
	cluster(world);
	world_crash(world, A);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	pass(world, 20 * SEC);
	forget();
	world_boot(world, A);
	return world;
}

static void without_preempt_a_better_node_waits(void **state)
{
	struct world *world = cluster(make_world(2, 1));

	(void)state;
	world_crash(world, A);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	world_boot(world, A);
	pass(world, 300 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_better_node_asks_after_its_delay_and_the_master_hands_over(void **state)
{
	struct world *world = returned(2, 20 * SEC);

	(void)state;
	pass(world, 18 * SEC);
	assert_owner(world, B);
	wait_for(world, A, CORE_MASTER, 10 * SEC);
	assert_int_equal(reason_of(world, B), REASON_PREEMPTED);
	assert_true(seen.del_at < seen.add_at);
	pass(world, 120 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.states[B], 1); /* and that was all */
	world_free(world);
}

static void of_several_better_nodes_the_best_asks(void **state)
{
	struct world *world = make_world(5, 1);

	(void)state;
	world->config.preempt = true;
	world->config.preempt_delay = 5 * SEC;
	world_boot(world, 4);
	pass(world, 10 * SEC);
	assert_owner(world, 4);
	for (unsigned int n = A; n < 4; n++)
		world_boot(world, n);
	wait_for(world, A, CORE_MASTER, 30 * SEC);
	pass(world, 60 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.puts[B] + seen.puts[C] + seen.puts[3], 0);
	world_free(world);
}

static void a_node_held_back_after_a_failure_does_not_ask(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world->config.preempt = true;
	cluster(world);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_MASTER, 3 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	pass(world, 50 * SEC);
	assert_owner(world, B);
	wait_for(world, A, CORE_MASTER, 20 * SEC); /* T_hold is over */
	world_free(world);
}

static void what_an_operator_moved_is_not_preempted_back_at_once(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world->config.preempt = true;
	cluster(world);
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, 50 * SEC);
	assert_owner(world, B);
	wait_for(world, A, CORE_MASTER, 20 * SEC);
	world_free(world);
}

static void a_veto_against_a_preemption_holds_for_a_while(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world->config.preempt = true;
	world->config.duties[DUTY_RELEASE] = true;
	world->hosts[B].duty[DUTY_RELEASE].outcome = OUTCOME_DENIED;
	cluster(world);
	world_crash(world, A);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	forget();
	world_boot(world, A);
	pass(world, 65 * SEC);
	assert_owner(world, B);
	assert_in_range(seen.duties[B][DUTY_RELEASE], 1, 2);
	world_free(world);
}

/* --- sync groups ------------------------------------------------------------------------------ */

static void a_fault_of_one_is_a_fault_of_all(void **state)
{
	struct world *world = cluster(group_of_two(3));

	(void)state;
	assert_both(world, A);
	world_link(world, A, 1, false); /* of the second only */
	wait_for(world, B, CORE_MASTER, SEC);
	pass(world, 5 * SEC);
	assert_both(world, B);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_int_equal(second(world, A), CORE_FAULT);
	world_link(world, A, 1, true);
	pass(world, 5 * SEC);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_both(world, B);
	world_free(world);
}

static void without_a_group_a_fault_is_of_one(void **state)
{
	struct world *world = group_of_two(2);

	(void)state;
	world->config.group = false;
	cluster(world);
	world_link(world, A, 1, false);
	pass(world, 5 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(second(world, B), CORE_MASTER);
	world_free(world);
}

static void an_order_concerns_the_whole_group(void **state)
{
	static const unsigned int sizes[] = {2, 3, 5};

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		struct world *world = cluster(group_of_two(sizes[k]));
		unsigned int target = sizes[k] - 1;

		world_command(world, A,
			      &(struct event){.command = CMD_SWITCHOVER,
					      .node = (int)target,
					      .instance = 1});
		pass(world, 5 * SEC);
		assert_both(world, target);
		world_command(world, target,
			      &(struct event){.command = CMD_STANDBY_ON, .instance = 0});
		pass(world, 5 * SEC);
		assert_int_equal(second(world, target), CORE_MAINT);
		world_free(world);
	}
}

static void a_switchover_of_a_group_is_refused_when_one_of_it_is_busy(void **state)
{
	struct world *world = cluster(group_of_two(2));
	struct event ev = {.type = EV_COMMAND, .command = CMD_SWITCHOVER, .node = B};

	(void)state;
	world_instance(world, A, 1)->departure.step = DEPARTURE_RELEASING;
	assert_int_equal(core_refuses(&world->hosts[A].core, world_clock(world, A), &ev),
			 REFUSE_BUSY);
	world_free(world);
}

static void who_fails_with_one_of_a_group_gives_up_all(void **state)
{
	struct world *world = group_of_two(2);

	(void)state;
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		world->config.duties[d] = d == DUTY_PROMOTE || d == DUTY_FENCE;
	cluster(world);
	world_instance(world, A, 0)->config.promotes = false;
	world->hosts[A].duty[DUTY_PROMOTE].outcome = OUTCOME_REFUSED;
	world_tell(world, A, &(struct event){.type = EV_FENCED, .instance = 1});
	pass(world, 10 * SEC);
	assert_both(world, B);
	assert_int_equal(reason_of(world, A), REASON_SYNC_GROUP);
	assert_true(world_instance(world, A, 0)->hold_until > world_clock(world, A));
	world_free(world);
}

static void a_group_that_was_torn_apart_comes_together_at_its_leader(void **state)
{
	struct world *world = cluster(group_of_two(3));

	(void)state;
	world_param_put(world, 1, C); /* by an operator's hand */
	pass(world, 20 * SEC);
	assert_both(world, A);
	world_param_put(world, 0, C);
	pass(world, 20 * SEC);
	assert_both(world, C);
	world_free(world);
}

static void one_gate_speaks_for_a_group(void **state)
{
	struct world *world = group_of_two(2);

	(void)state;
	world->config.duties[DUTY_GATE] = true;
	world->hosts[A].duty[DUTY_GATE].takes = 50 * MSEC;
	world->hosts[B].duty[DUTY_GATE].takes = 50 * MSEC;
	cluster(world);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	assert_both(world, B);
	assert_int_equal(seen.duties[B][DUTY_GATE], 1);
	world_free(world);
}

/* --- evidence -------------------------------------------------------------------------------- */

static struct world *pair_with_evidence(void)
{
	struct world *world = make_world(2, 2);

	world->config.evidence = true;
	world_boot(world, A);
	pass(world, 5 * SEC);
	world_boot(world, B);
	pass(world, 25 * SEC);
	assert_owner(world, A);
	forget();
	return world;
}

/* Answers whatever B has asked about A. */
static void testify(struct world *world, enum outcome outcome, bool up, mono_us length)
{
	mono_us until = world->now + length;

	while (world->now < until && !core_acting(world_instance(world, B, 0))) {
		uint32_t op = world->hosts[B].core.evidence[A].op;

		pass(world, 50 * MSEC);
		if (op)
			world_tell(world, B,
				   &(struct event){.type = EV_EVIDENCE,
						   .node = A,
						   .op = op,
						   .outcome = outcome,
						   .sent = world_clock(world, B) - 50 * MSEC,
						   .up = up});
	}
}

static void a_stopped_machine_spares_the_wait(void **state)
{
	struct world *world = pair_with_evidence();
	mono_us begun = world->now;

	(void)state;
	assert_int_equal(seen.evidence[A] + seen.evidence[B], 0);
	world_crash(world, A);
	testify(world, OUTCOME_OK, false, 10 * SEC);
	assert_int_equal(state_of(world, B), CORE_CLAIMING);
	assert_int_equal(reason_of(world, B), REASON_OWNER_GONE);
	assert_in_range(world->now - begun, 2 * SEC, 3 * SEC); /* D, and two looks */
	pass(world, 3 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_running_machine_or_no_answer_spares_nothing(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		struct world *world = pair_with_evidence();
		mono_us begun = world->now;

		world_crash(world, A);
		testify(world, k ? OUTCOME_UNKNOWN : OUTCOME_OK, k == 0, 10 * SEC);
		assert_int_equal(reason_of(world, B), REASON_OWNER_SILENT);
		assert_true(world->now - begun > 4500 * MSEC);
		assert_in_range(seen.evidence[B], 2, 6);
		world_free(world);
	}
}

static void one_look_at_a_stopped_machine_is_no_evidence(void **state)
{
	struct world *world = pair_with_evidence();

	(void)state;
	world_crash(world, A);
	testify(world, OUTCOME_OK, false, 1500 * MSEC);
	testify(world, OUTCOME_OK, true, 1500 * MSEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	world_free(world);
}

static void blackholes_in_every_table_spare_the_wait_and_one_does_not(void **state)
{
	(void)state;
	for (unsigned int tables = 1; tables <= 2; tables++) {
		struct world *world = pair_with_evidence();

		world_crash(world, A);
		for (unsigned int t = 0; t < tables; t++)
			world_route_set(world, 0, t, TARGET_BLACKHOLE);
		wait_for(world, B, CORE_CLAIMING, 10 * SEC);
		assert_int_equal(reason_of(world, B),
				 tables == 2 ? REASON_OWNER_GONE : REASON_OWNER_SILENT);
		pass(world, 5 * SEC);
		assert_owner(world, B);
		world_free(world);
	}
}

/* --- another build -------------------------------------------------------------------------- */

static void a_peer_of_another_build_is_noticed_by_both_and_once(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world_boot(world, A);
	world_boot(world, B);
	world->hosts[B].core.config.software = HELLO_SOFTWARE(1, 2, 3);
	world->hosts[B].core.config.digest = 77;
	pass(world, 10 * SEC);
	for (unsigned int n = A; n <= B; n++) {
		assert_int_equal(seen.notes[n][NOTE_SOFTWARE_DIFFERS], 1);
		assert_int_equal(seen.notes[n][NOTE_CONFIG_DIFFERS], 1);
	}
	assert_true(world->hosts[A].core.software_differs[B]);
	assert_int_equal(world->hosts[A].core.software[B], (1 << 12) + (2 << 6) + 3);
	world->hosts[B].core.config.software = world->hosts[A].core.config.software;
	pass(world, SEC);
	assert_false(world->hosts[A].core.software_differs[B]);
	assert_false(world->hosts[B].core.software_differs[A]);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			whatever_the_number_of_nodes_the_best_takes_what_the_owner_renounces),
		cmocka_unit_test(whatever_the_number_of_nodes_one_takes_what_a_silent_owner_left),
		cmocka_unit_test(the_kth_candidate_waits_k_staggers),
		cmocka_unit_test(
			with_five_nodes_the_target_of_a_switchover_goes_before_better_ones),
		cmocka_unit_test(others_take_it_when_the_target_of_a_switchover_does_not),
		cmocka_unit_test(in_a_minority_nothing_is_claimed_while_the_owner_touches),
		cmocka_unit_test(without_preempt_a_better_node_waits),
		cmocka_unit_test(a_better_node_asks_after_its_delay_and_the_master_hands_over),
		cmocka_unit_test(of_several_better_nodes_the_best_asks),
		cmocka_unit_test(a_node_held_back_after_a_failure_does_not_ask),
		cmocka_unit_test(what_an_operator_moved_is_not_preempted_back_at_once),
		cmocka_unit_test(a_veto_against_a_preemption_holds_for_a_while),
		cmocka_unit_test(a_fault_of_one_is_a_fault_of_all),
		cmocka_unit_test(without_a_group_a_fault_is_of_one),
		cmocka_unit_test(an_order_concerns_the_whole_group),
		cmocka_unit_test(a_switchover_of_a_group_is_refused_when_one_of_it_is_busy),
		cmocka_unit_test(who_fails_with_one_of_a_group_gives_up_all),
		cmocka_unit_test(a_group_that_was_torn_apart_comes_together_at_its_leader),
		cmocka_unit_test(one_gate_speaks_for_a_group),
		cmocka_unit_test(a_stopped_machine_spares_the_wait),
		cmocka_unit_test(a_running_machine_or_no_answer_spares_nothing),
		cmocka_unit_test(one_look_at_a_stopped_machine_is_no_evidence),
		cmocka_unit_test(blackholes_in_every_table_spare_the_wait_and_one_does_not),
		cmocka_unit_test(a_peer_of_another_build_is_noticed_by_both_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
