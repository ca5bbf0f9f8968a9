/* SPDX-License-Identifier: MIT */
/*
 * Rules that the simulator taught us: each test is a story in which an earlier
 * core went wrong (tests/sim/seeds/found.txt has the numbers).
 */
#include "tests/unit/core_world.h"

static void knowing_a_version_by_hearsay_is_not_having_read_it(void **state)
{
	struct world *world = pair();
	struct record *record = &world_instance(world, B, 0)->record;
	mono_us answered = record->answered;

	(void)state;
	while (record->answered == answered && !world->broken) /* B reads version 1 */
		world_step(world);
	world_param_put(world, 0, B);
	world_instance(world, A, 0)->record.version = 2; /* A knows better, and says so */
	world_instance(world, A, 0)->record.owner = B;
	while (record->version < 2 && !world->broken)
		world_step(world);
	assert_true(world_clock(world, B) - record->answered > 0);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	wait_for(world, B, CORE_MASTER, SEC);
	assert_true(record->read_at > MONO_LONG_AGO);
	world_free(world);
}

/* A has renounced version 1 and B, held back, knows it; then A serves again on version 2
 * and B neither hears nor reads that. */
static struct world *outdated_promise(void)
{
	struct world *world = pair();

	command(world, B, CMD_STANDBY_ON, -1);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	world_cut(world, A, B, true);
	ssm(world, B, false);
	world_check(world, A, HEALTH_RESULT_GOOD);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(world_param(world, 0)->version, 2);
	assert_int_equal(world_instance(world, B, 0)->record.version, 1);
	command(world, B, CMD_STANDBY_OFF, -1);
	forget();
	return world;
}

static void an_old_promise_is_worth_nothing_without_news(void **state)
{
	struct world *world = outdated_promise();

	(void)state;
	pass(world, 60 * SEC);
	assert_int_equal(seen.sets[B] + seen.puts[B] + seen.adds[B], 0);
	ssm(world, B, true);
	pass(world, 60 * SEC);
	assert_int_equal(seen.sets[B] + seen.puts[B] + seen.adds[B], 0);
	assert_owner(world, A);
	world_free(world);
}

static void a_young_promise_is_taken_although_its_giver_and_the_store_are_gone(void **state)
{
	struct world *world = pair();

	(void)state;
	ssm(world, A, false);
	ssm(world, B, false);
	pass(world, 5 * SEC);
	world->hosts[B].check = HEALTH_RESULT_NO_ANSWER;
	world_check(world, B, HEALTH_RESULT_NO_ANSWER);
	pass(world, 50 * MSEC);
	command(world, A, CMD_STOP, -1);
	pass(world, 2 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	world_check(world, B, HEALTH_RESULT_GOOD);
	pass(world, SEC);
	assert_true(world_acts(world, B, 0));
	assert_int_equal(world_route(world, 0, 0), B);
	world_free(world);
}

static void a_restarted_peer_has_forgotten_its_promises(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, B, CMD_FREEZE_ON, -1);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	assert_int_equal(world_instance(world, B, 0)->view[A].disclaimed, 1);
	world_crash(world, A);
	world->hosts[A].check = HEALTH_RESULT_GOOD;
	world_boot(world, A);
	wait_for(world, A, CORE_MASTER, 3 * SEC);
	pass(world, SEC);
	assert_int_equal(world_instance(world, B, 0)->view[A].disclaimed, 0);
	world_cut(world, A, B, true);
	forget();
	command(world, B, CMD_FREEZE_OFF, -1);
	pass(world, 60 * SEC);
	assert_int_equal(seen.puts[B] + seen.sets[B], 0);
	assert_owner(world, A);
	world_free(world);
}

static void of_two_that_act_on_one_promise_the_better_one_goes_on(void **state)
{
	struct world *world = make_world(3, 1);

	(void)state;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	world_cut(world, B, C, true);
	for (unsigned int n = A; n <= C; n++)
		ssm(world, n, false);
	pass(world, 2 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 8 * SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(state_of(world, C), CORE_MASTER);
	world_cut(world, B, C, false);
	pass(world, SEC);
	assert_int_equal(state_of(world, B), CORE_MASTER);
	assert_int_equal(state_of(world, C), CORE_BACKUP);
	for (unsigned int n = A; n <= C; n++)
		ssm(world, n, true);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void a_stall_ends_a_claim(void **state)
{
	struct world *world = pair();

	(void)state;
	ec2(world, B, false);
	ssm(world, B, false);
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_CLAIMING, SEC);
	world_pause(world, B, 1200 * MSEC);
	pass(world, 1100 * MSEC);
	forget();
	while (world->hosts[B].paused)
		world_step(world);
	assert_int_equal(reason_of(world, B), REASON_STALLED);
	assert_int_equal(seen.sets[B], 0);
	ec2(world, B, true);
	ssm(world, B, true);
	pass(world, 15 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void maintenance_in_the_middle_of_a_claim_stops_its_writes(void **state)
{
	struct world *world = pair();

	(void)state;
	for (unsigned int s = 0; s < SERVICES; s++)
		world->hosts[B].path[s].error_permille = 1000;
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_CLAIMING, SEC);
	pass(world, 10 * MSEC);
	command(world, B, CMD_FREEZE_ON, -1);
	forget();
	pass(world, 20 * SEC);
	assert_int_equal(seen.sets[B] + seen.puts[B], 0);
	world_free(world);
}

static void an_acting_node_that_lost_its_identity_goes_on_touching(void **state)
{
	struct world *world = pair();

	(void)state;
	world_target(world, A, false, false);
	pass(world, SEC);
	world_cut(world, A, B, true);
	pass(world, 60 * SEC);
	assert_true(seen.touches[A] > 50);
	assert_quiet(world);
	world_free(world);
}

static void a_create_lost_to_a_peer_is_seen_at_once(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world_cut(world, A, B, true);
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 3500 * MSEC);
	assert_owner(world, (unsigned int)world_param(world, 0)->value);
	world_free(world);
}

static void a_put_that_landed_late_is_not_put_again(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, A);
	wait_for(world, B, CORE_CLAIMING, 10 * SEC);
	world->hosts[B].path[SERVICE_SSM].lost_permille = 1000;
	pass(world, 2 * SEC + 400 * MSEC); /* the claim is given up, its Put has landed */
	world->hosts[B].path[SERVICE_SSM].lost_permille = 0;
	pass(world, 10 * SEC);
	assert_owner(world, B);
	assert_int_equal(world->cloud.puts, 2);
	world_free(world);
}

static void a_release_in_a_claim_gives_others_the_time_to_take_it(void **state)
{
	struct world *world = pair();

	(void)state;
	world->hosts[B].path[SERVICE_SSM].latency_min = 400 * MSEC;
	world->hosts[B].path[SERVICE_SSM].latency_max = 400 * MSEC;
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, B, CORE_CLAIMING, SEC);
	command(world, B, CMD_RELEASE, -1);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	pass(world, 4 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_false(world->hosts[B].alias[0]);
	world_free(world);
}

static void a_replayed_packet_of_an_older_life_unseats_nobody(void **state)
{
	struct world *world = pair();

	(void)state;
	world->record_permille = 300;
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, 20 * SEC);
	world->record_permille = 0;
	for (unsigned int n = A; n <= B; n++)
		world_crash(world, n);
	pass(world, SEC);
	world_param_delete(world, 0);
	world_boot(world, A);
	pass(world, 5 * SEC);
	world_boot(world, B);
	pass(world, 20 * SEC); /* versions began anew; the recordings speak of higher ones */
	assert_owner(world, A);
	forget();
	for (unsigned int k = 0; k < 500; k++) {
		world_replay(world);
		pass(world, 5 * MSEC);
	}
	assert_quiet(world);
	world_free(world);
}

/* A acts on version 1 and cannot read; P was deleted and B has made its own version 1,
 * having counted as many lives of P as A. The link is still cut. */
static struct world *one_version_of_two(void)
{
	struct world *world = pair();

	ssm(world, A, false);
	world_cut(world, A, B, true);
	world_param_delete(world, 0);
	wait_for(world, B, CORE_MASTER, 40 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	world_instance(world, A, 0)->record.life = world_instance(world, B, 0)->record.life;
	assert_int_equal(world_instance(world, A, 0)->record.version, 1);
	assert_int_equal(world_instance(world, B, 0)->record.version, 1);
	return world;
}

static void of_two_owners_of_one_version_the_one_that_reads_it_is_believed(void **state)
{
	struct world *world = one_version_of_two();

	(void)state;
	world_cut(world, A, B, false);
	pass(world, 2 * SEC);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	ssm(world, A, true);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void of_two_owners_of_one_version_that_cannot_read_the_better_one_goes_on(void **state)
{
	struct world *world = one_version_of_two();

	(void)state;
	ec2(world, A, false); /* or it would concede to the route */
	ssm(world, B, false);
	pass(world, 1500 * MSEC);
	world_cut(world, A, B, false);
	pass(world, 3 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	for (unsigned int n = A; n <= B; n++) {
		ssm(world, n, true);
		ec2(world, n, true);
	}
	pass(world, 30 * SEC);
	assert_owner(world, B); /* P decides in the end */
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knowing_a_version_by_hearsay_is_not_having_read_it),
		cmocka_unit_test(an_old_promise_is_worth_nothing_without_news),
		cmocka_unit_test(
			a_young_promise_is_taken_although_its_giver_and_the_store_are_gone),
		cmocka_unit_test(a_restarted_peer_has_forgotten_its_promises),
		cmocka_unit_test(of_two_that_act_on_one_promise_the_better_one_goes_on),
		cmocka_unit_test(a_stall_ends_a_claim),
		cmocka_unit_test(maintenance_in_the_middle_of_a_claim_stops_its_writes),
		cmocka_unit_test(an_acting_node_that_lost_its_identity_goes_on_touching),
		cmocka_unit_test(a_create_lost_to_a_peer_is_seen_at_once),
		cmocka_unit_test(a_put_that_landed_late_is_not_put_again),
		cmocka_unit_test(a_release_in_a_claim_gives_others_the_time_to_take_it),
		cmocka_unit_test(a_replayed_packet_of_an_older_life_unseats_nobody),
		cmocka_unit_test(of_two_owners_of_one_version_the_one_that_reads_it_is_believed),
		cmocka_unit_test(
			of_two_owners_of_one_version_that_cannot_read_the_better_one_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
