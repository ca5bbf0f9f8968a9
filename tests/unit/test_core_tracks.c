/* SPDX-License-Identifier: MIT */
/*
 * Tracks that move the priority instead of the node: what they add, how it
 * travels, and what the election and preemption make of it.
 */
#include "tests/unit/core_world.h"

/* 'a' has 150, 'b' 100, 'c' 50. */
static struct world *weighing(unsigned int nodes, int weight, bool counts)
{
	struct world *world = make_world(nodes, 1);

	world->config.weight = weight;
	world->config.weight_counts = counts;
	for (unsigned int n = 0; n < nodes; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	forget();
	return world;
}

static unsigned int priority_of(struct world *world, unsigned int host)
{
	return core_priority(&world->hosts[host].core, 0);
}

static void report(struct world *world, unsigned int host, enum health_result result, int number)
{
	world_weigh(world, host, result, number);
	pass(world, SEC);
}

static void a_positive_weight_is_added_while_the_track_is_up(void **state)
{
	struct world *world = weighing(2, 20, false);

	(void)state;
	assert_int_equal(priority_of(world, B), 100); /* nothing is known yet */
	report(world, B, HEALTH_RESULT_GOOD, 0);
	assert_int_equal(priority_of(world, B), 120);
	report(world, B, HEALTH_RESULT_BAD, 0);
	assert_int_equal(priority_of(world, B), 100);
	world_free(world);
}

static void a_negative_weight_is_taken_off_while_the_track_is_down(void **state)
{
	struct world *world = weighing(2, -20, false);

	(void)state;
	report(world, B, HEALTH_RESULT_GOOD, 0);
	assert_int_equal(priority_of(world, B), 100);
	report(world, B, HEALTH_RESULT_BAD, 0);
	assert_int_equal(priority_of(world, B), 80);
	world_free(world);
}

static void a_number_is_multiplied_by_the_weight_and_the_sum_stays_within_1_and_254(void **state)
{
	struct world *world = weighing(2, -2, true);

	(void)state;
	report(world, B, HEALTH_RESULT_BAD, 10);
	assert_int_equal(priority_of(world, B), 80);
	report(world, B, HEALTH_RESULT_BAD, -10);
	assert_int_equal(priority_of(world, B), 120);
	report(world, B, HEALTH_RESULT_BAD, HEALTH_NUMBER_MAX);
	assert_int_equal(priority_of(world, B), 1);
	report(world, B, HEALTH_RESULT_BAD, -HEALTH_NUMBER_MAX);
	assert_int_equal(priority_of(world, B), 254);
	world_free(world);
}

static void a_track_that_cannot_tell_adds_what_it_did(void **state)
{
	struct world *world = weighing(2, 20, false);

	(void)state;
	report(world, B, HEALTH_RESULT_GOOD, 0);
	report(world, B, HEALTH_RESULT_NO_ANSWER, 0);
	assert_int_equal(priority_of(world, B), 120);
	world_free(world);
	world = weighing(2, 2, true);
	report(world, B, HEALTH_RESULT_BAD, 7);
	report(world, B, HEALTH_RESULT_NO_ANSWER, 0);
	assert_int_equal(priority_of(world, B), 114);
	world_free(world);
}

static void a_track_with_a_weight_makes_nobody_unfit(void **state)
{
	struct world *world = weighing(2, -120, false);

	(void)state;
	report(world, A, HEALTH_RESULT_DEAD, 0);
	pass(world, 60 * SEC);
	assert_owner(world, A); /* worse than B now, but preempt is off */
	assert_quiet(world);
	assert_int_equal(world_instance(world, A, 0)->blockers, 0);
	world_free(world);
}

static void the_priority_that_tracks_make_decides_who_goes_first(void **state)
{
	struct world *world = weighing(3, 120, false);

	(void)state;
	report(world, C, HEALTH_RESULT_GOOD, 0); /* 170, B has 100 */
	assert_int_equal(world_instance(world, A, 0)->view[C].priority, 170);
	world_check(world, A, HEALTH_RESULT_DEAD);
	assert_in_range(wait_for(world, C, CORE_MASTER, SEC), 0, 500 * MSEC);
	pass(world, 5 * SEC);
	assert_owner(world, C);
	assert_int_equal(seen.puts[B], 0);
	world_free(world);
}

static struct world *preempting(mono_us delay)
{
	struct world *world = make_world(2, 1);

	world->config.preempt = true;
	world->config.preempt_delay = delay;
	world->config.weight = -100;
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 120 * SEC);
	assert_owner(world, A);
	forget();
	return world;
}

static void with_preempt_the_vip_follows_the_priority_after_the_delay(void **state)
{
	struct world *world = preempting(10 * SEC);

	(void)state;
	world_weigh(world, A, HEALTH_RESULT_BAD, 0); /* 50 */
	/* B has been fit for two minutes, but better only from here on. */
	pass(world, 9 * SEC);
	assert_owner(world, A);
	wait_for(world, B, CORE_MASTER, 4 * SEC);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	world_weigh(world, A, HEALTH_RESULT_GOOD, 0);
	pass(world, 9 * SEC);
	assert_owner(world, B);
	wait_for(world, A, CORE_MASTER, 70 * SEC); /* it was meant to go: T_hold has to pass */
	world_free(world);
}

static void a_priority_that_comes_and_goes_faster_than_the_delay_moves_nothing(void **state)
{
	struct world *world = preempting(10 * SEC);

	(void)state;
	for (unsigned int k = 0; k < 20; k++) {
		world_weigh(world, A, k % 2 ? HEALTH_RESULT_GOOD : HEALTH_RESULT_BAD, 0);
		pass(world, 6 * SEC);
	}
	assert_owner(world, A);
	assert_quiet(world);
	world_free(world);
}

static void in_a_sync_group_a_track_of_one_weighs_for_all(void **state)
{
	struct core_instance_config instances[2] = {
		{.id = 1, .tables = 1, .group = 1, .weights = {15, 0}},
		{.id = 2, .tables = 1, .group = 1, .weights = {0, -30}},
	};
	struct core_config config = {.nodes = {{.id = 1, .priority = 100}},
				     .node_count = 1,
				     .tracks = {{.rise = 1, .fall = 1}, {.rise = 1, .fall = 1}},
				     .track_count = 2,
				     .instance_count = 2,
				     .instances = instances,
				     .nonce = 1};
	struct instance memory[2];
	struct route routes[2];
	struct actions out;
	struct core core;

	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(routes, 0, sizeof(routes));
	config.timers = *timers_profile(TIMERS_SAFE);
	core_init(&core, SEC, &config, memory, routes);
	core_step(&core, SEC,
		  &(struct event){.type = EV_VERDICT, .track = 1, .health = HEALTH_RESULT_BAD},
		  &out);
	core_step(&core, SEC,
		  &(struct event){.type = EV_VERDICT, .track = 0, .health = HEALTH_RESULT_GOOD},
		  &out);
	assert_int_equal(core_priority(&core, 0), 85);
	assert_int_equal(core_priority(&core, 1), 85);
}

/* --- databases that lack something ---------------------------------------------------------- */

static void the_most_advanced_candidate_goes_first_whatever_its_priority(void **state)
{
	struct world *world = weighing(3, 0, false);

	(void)state;
	world_behind(world, B, true);
	pass(world, SEC);
	assert_int_equal(priority_of(world, B), 1);
	assert_true(world_instance(world, B, 0)->flags & FLAG_BEHIND);
	world_check(world, A, HEALTH_RESULT_DEAD);
	assert_in_range(wait_for(world, C, CORE_MASTER, SEC), 0, 500 * MSEC);
	pass(world, 5 * SEC);
	assert_owner(world, C);
	assert_int_equal(seen.puts[B], 0);
	world_free(world);
}

static void one_that_is_behind_takes_it_when_nobody_else_does(void **state)
{
	struct world *world = weighing(3, 0, false);

	(void)state;
	world_behind(world, B, true);
	pass(world, SEC);
	world_check(world, C, HEALTH_RESULT_DEAD);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_MASTER, 3 * SEC);
	pass(world, 2 * SEC);
	assert_owner(world, B);
	assert_int_equal(priority_of(world, B), 100); /* whatever was told of it before */
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_positive_weight_is_added_while_the_track_is_up),
		cmocka_unit_test(a_negative_weight_is_taken_off_while_the_track_is_down),
		cmocka_unit_test(
			a_number_is_multiplied_by_the_weight_and_the_sum_stays_within_1_and_254),
		cmocka_unit_test(a_track_that_cannot_tell_adds_what_it_did),
		cmocka_unit_test(a_track_with_a_weight_makes_nobody_unfit),
		cmocka_unit_test(the_priority_that_tracks_make_decides_who_goes_first),
		cmocka_unit_test(with_preempt_the_vip_follows_the_priority_after_the_delay),
		cmocka_unit_test(
			a_priority_that_comes_and_goes_faster_than_the_delay_moves_nothing),
		cmocka_unit_test(in_a_sync_group_a_track_of_one_weighs_for_all),
		cmocka_unit_test(the_most_advanced_candidate_goes_first_whatever_its_priority),
		cmocka_unit_test(one_that_is_behind_takes_it_when_nobody_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
